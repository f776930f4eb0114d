"""What a year of hours makes of every cell: its average light, and its longest night.

The average needs no order of time and comes out of a table (`exposure`). A night does: each cell walks through all samples.
Dark is where less than ``dark_below`` of the Sun's disc is in sight, that is, where the horizon stands above a fixed height
in the disc; so a sample of a cell costs two loads and a comparison, and a row of cells goes side by side.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .constants import DARK_BELOW, MOON_RADIUS_M
from .errors import SkyError
from .exposure import Exposure, add_share, exposure_table, share_in_sight
from .grid import GeoRef
from .horizon import Horizon
from .kernel import kernel
from .light import check_limb_darkening, check_shape, disc_lit, step_times
from .sky import Sky, SkyTable
from .threads import Progress, for_each

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]
Int16Cube = NDArray[np.int16]

COLUMNS: Final = 512  # cells that walk through the year together: their horizons (360 kB at 360 azimuths) stay in cache


class LightYear(NamedTuple):
    """``mean_lit`` float32 [R, C], 0..1; ``longest_night_s`` float32 [R, C], seconds."""

    mean_lit: Float32Grid
    longest_night_s: Float32Grid


def light_year(
    ref: GeoRef,
    horizon: Horizon,
    sky: Sky,
    t0: float,
    t1: float,
    step_s: float = 3600.0,
    *,
    dark_below: float = DARK_BELOW,
    limb_darkening: float = 0.0,
    progress: Progress | None = None,
    threads: int | None = None,
) -> LightYear:
    """Return average light and longest night of every cell over [t0, t1).

    Parameters
    ----------
    ref, horizon
        The ground's georeference and its horizons [A, R, C].
    sky
        Sky of the middle of ``ref``.
    t0, t1, step_s
        Period and step [s TDB past J2000, s].
    dark_below
        A place with less than this share of the Sun's disc is dark, 0 < dark_below <= 1.
    limb_darkening
        Linear law of the Sun's disc, 0 (uniform) .. 1.
    progress
        Called as ``progress(done, rows)`` from this thread.
    threads
        Number of threads; default: all cores. The result does not depend on it.

    Returns
    -------
    LightYear
        The longest night is the longest unbroken run of dark samples times the step. A night cut off by an end of the
        period counts with the part inside; a cell that is always dark has the whole period.

    Raises
    ------
    SkyError
        A horizon of another shape, an empty period, or a share outside its range.
    """
    check_shape(ref, horizon)
    u = check_limb_darkening(limb_darkening)
    seen = sky.sample(step_times(t0, t1, step_s))
    table = _table(seen, horizon, u)
    path = _thresholds(seen, ref, horizon.azimuths, disc_height(dark_below, u))
    total = np.zeros(ref.shape, dtype=np.float64)
    longest = np.zeros(ref.shape, dtype=np.int32)

    def row(r: int) -> None:
        add_share(horizon.millideg, ref.cell_m, table.share, table.low_deg, r, total[r : r + 1])
        _longest_runs(horizon.millideg, r, *path, longest[r])

    for_each(row, ref.rows, threads, progress)
    return LightYear(total.astype(np.float32), (longest * float(step_s)).astype(np.float32))


def mean_illumination(
    ref: GeoRef,
    horizon: Horizon,
    sky: Sky,
    t0: float,
    t1: float,
    step_s: float = 3600.0,
    *,
    limb_darkening: float = 0.0,
    threads: int | None = None,
) -> Float32Grid:
    """Return the mean lit share of the Sun's disc over [t0, t1), float32 [R, C]: `light_year` without the nights.

    The cost does not depend on the number of time steps.
    """
    check_shape(ref, horizon)
    u = check_limb_darkening(limb_darkening)
    return share_in_sight(ref, horizon, _table(sky.sample(step_times(t0, t1, step_s)), horizon, u), threads)


def disc_height(share: float, limb_darkening: float = 0.0) -> float:
    """Return the height of the disc's middle over the edge, in radii -1..1, at which ``share`` of its light is in sight.

    The inverse of `disc_lit`, by bisection. Raises `SkyError` for a share outside 0 < share <= 1.

    >>> disc_height(0.5)
    0.0
    """
    if not 0.0 < share <= 1.0:
        raise SkyError(f"dark_below: {share!r}; allowed: 0 < share of the Sun's disc <= 1.")
    low, high = -1.0, 1.0
    while high - low > 2e-16:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if disc_lit(middle, 0.0, 1.0, limb_darkening) < share:
            low = middle
        else:
            high = middle
    return high


def _table(seen: SkyTable, horizon: Horizon, u: float) -> Exposure:
    return exposure_table(seen.sun_az_deg, seen.sun_el_deg, seen.sun_radius_deg, horizon.azimuths, u)


def _thresholds(
    seen: SkyTable, ref: GeoRef, azimuths: int, height: float
) -> tuple[NDArray[np.int64], Float32Grid, Float32Grid, Float32Grid, Float32Grid]:
    """Return per sample what a horizon must exceed for darkness, as a plane over rows and columns.

    The azimuth below and the weight of the next; the limit [0.001 deg] at row 0, column 0, its growth per row and per
    column. float32 [n]: good to 0.004 of a millidegree.
    """
    place = np.mod(seen.sun_az_deg, 360.0) * azimuths / 360.0
    first = place.astype(np.int64)
    limit = 1000.0 * (seen.sun_el_deg - height * seen.sun_radius_deg)
    azimuth = np.radians(seen.sun_az_deg)
    per_cell = 1000.0 * math.degrees(ref.cell_m / MOON_RADIUS_M)
    down, right = -per_cell * np.cos(azimuth), per_cell * np.sin(azimuth)
    corner = limit - 0.5 * (ref.rows - 1) * down - 0.5 * (ref.cols - 1) * right
    weight, *lines = (v.astype(np.float32) for v in (place - first, corner, down, right))
    return first % azimuths, weight, lines[0], lines[1], lines[2]


@kernel
def _longest_runs(
    millideg: Int16Cube, r: int, first: NDArray[np.int64], weight: Float32Grid, corner: Float32Grid, down: Float32Grid,
    right: Float32Grid, longest: NDArray[np.int32],
) -> None:  # fmt: skip
    """Fill longest [C] of row ``r`` with the longest run of dark samples; the rest as `_thresholds` lists it."""
    count, _, cols = millideg.shape
    tile = np.empty((count, min(cols, COLUMNS)), dtype=np.int16)
    run = np.empty(tile.shape[1], dtype=np.int32)
    best = np.empty(tile.shape[1], dtype=np.int32)
    number = np.empty(tile.shape[1], dtype=np.float32)
    for c0 in range(0, cols, COLUMNS):
        wide = min(COLUMNS, cols - c0)
        for c in range(wide):
            run[c] = 0
            best[c] = 0
            number[c] = c0 + c
        for k in range(count):
            for c in range(wide):
                tile[k, c] = millideg[k, r, c0 + c]
        for i in range(first.size):
            a = first[i]
            one = tile[a]
            two = tile[a + 1 if a + 1 < count else 0]
            wb = weight[i]
            wa = np.float32(1.0) - wb
            base = corner[i] + down[i] * np.float32(r)
            slope = right[i]
            for c in range(wide):
                edge = wa * np.float32(one[c]) + wb * np.float32(two[c])
                dark = run[c] + np.int32(1) if edge > base + slope * number[c] else np.int32(0)
                run[c] = dark
                best[c] = max(best[c], dark)
        for c in range(wide):
            longest[c0 + c] = best[c]
