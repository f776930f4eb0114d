"""How much of the Sun's disc a place sees: at one moment, on average, or never.

The Sun's direction is that of the middle of the site; a place displaced from it by (dx, dy) metres has its own horizontal
plane, tilted by displacement over the Moon's radius (`local_elevation_deg`); the azimuth in the grid is the same.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .errors import SkyError
from .grid import GeoRef
from .horizon import Horizon, horizon_at
from .kernel import kernel
from .sky import Sky

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]
Int16Cube = NDArray[np.int16]

STEP_DEG: Final = 0.01  # [deg] step of the elevation tables of `mean_illumination`
SUB_BINS: Final = 2  # azimuth bins of `mean_illumination` per azimuth of the horizon


@kernel
def disc_lit(sun_el_deg: float, horizon_deg: float, sun_radius_deg: float) -> float:
    """Return the share 0..1 of the area of the Sun's uniform disc that stands above a straight level edge."""
    height = (sun_el_deg - horizon_deg) / sun_radius_deg
    if height <= -1.0:
        return 0.0
    if height >= 1.0:
        return 1.0
    return 0.5 + (math.asin(height) + height * math.sqrt(1.0 - height * height)) / math.pi


@kernel
def local_elevation_deg(el_deg: float, az_deg: float, dx_m: float, dy_m: float) -> float:
    """Return the elevation at a place (dx, dy) from where it is ``el_deg``; grid azimuth. First order in dx / R."""
    azimuth = math.radians(az_deg)
    return el_deg + math.degrees((dx_m * math.sin(azimuth) + dy_m * math.cos(azimuth)) / MOON_RADIUS_M)


@kernel
def clearance_deg(
    millideg: Int16Cube, row: int, col: int, dx_m: float, dy_m: float, az_deg: float, el_deg: float
) -> float:
    """Return how far [deg] a body at (az, el) of the middle stands above the terrain horizon of a place in cell (row, col).

    The place is (dx, dy) metres from the middle. Who sees the Sun, the Earth or the relay is decided here and nowhere else.
    """
    return local_elevation_deg(el_deg, az_deg, dx_m, dy_m) - horizon_at(millideg, row, col, az_deg)


@kernel
def lit_at(
    millideg: Int16Cube, row: int, col: int, dx_m: float, dy_m: float, az_deg: float, el_deg: float, radius_deg: float
) -> float:
    """Return the share 0..1 of the Sun's disc in sight from a place; arguments as `clearance_deg`."""
    return disc_lit(clearance_deg(millideg, row, col, dx_m, dy_m, az_deg, el_deg), 0.0, radius_deg)


def lit_map(ref: GeoRef, horizon: Horizon, sun_az_deg: float, sun_el_deg: float, sun_radius_deg: float) -> Float32Grid:
    """Return the lit share of the solar disc, float32 [R, C] in 0..1; the Sun as seen at the middle of ``ref``."""
    _check_shape(ref, horizon)
    out = np.empty(ref.shape, dtype=np.float32)
    _lit_map(horizon.millideg, ref.cell_m, float(sun_az_deg), float(sun_el_deg), float(sun_radius_deg), out)
    return out


def mean_illumination(
    ref: GeoRef, horizon: Horizon, sky: Sky, t0: float, t1: float, step_s: float = 3600.0
) -> Float32Grid:
    """Return the mean lit share of the Sun's disc over [t0, t1), float32 [R, C].

    The Sun's path is first reduced to a table: for each azimuth bin (half a horizon step) and each possible horizon
    elevation (0.01 deg), the lit shares of all samples that fall in the bin, added up. A cell then looks up one number per
    bin, so the cost does not depend on the number of time steps.

    Parameters
    ----------
    ref, horizon
        The ground's georeference and its horizons [A, R, C].
    sky
        Sky of the middle of ``ref``.
    t0, t1, step_s
        Period and step [s TDB past J2000, s].
    """
    _check_shape(ref, horizon)
    table, low = _exposure_table(sky, t0, t1, step_s, horizon.azimuths * SUB_BINS)
    total = np.zeros(ref.shape, dtype=np.float64)
    _look_up(horizon.millideg, ref.cell_m, table, low, total)
    return total.astype(np.float32)


def permanent_shadow(
    ref: GeoRef, horizon: Horizon, sky: Sky, t0: float, t1: float, step_s: float = 3600.0
) -> NDArray[np.bool_]:
    """Return where no part of the Sun's disc rose above the horizon in [t0, t1), bool [R, C].

    The highest upper limb per azimuth bin is compared with the horizon, so 18.6 years cost what one year does.
    """
    _check_shape(ref, horizon)
    table = sky.sample(_times(t0, t1, step_s))
    bins = horizon.azimuths * SUB_BINS
    top = np.full(bins, -90.0)
    np.maximum.at(top, _bin(table.sun_az_deg, bins), table.sun_el_deg + table.sun_radius_deg)
    out = np.ones(ref.shape, dtype=np.bool_)
    _never_lit(horizon.millideg, ref.cell_m, top, out)
    return out


def _check_shape(ref: GeoRef, horizon: Horizon) -> None:
    if horizon.millideg.shape[1:] != ref.shape:
        raise SkyError(
            f"horizon of {horizon.millideg.shape[1:]} cells for a grid of {ref.shape}: they must be the same."
        )


def _times(t0: float, t1: float, step_s: float) -> Array:
    if not (math.isfinite(t0) and math.isfinite(t1) and step_s > 0.0 and t1 > t0):
        raise SkyError(f"period {t0!r}..{t1!r} s in steps of {step_s!r} s: need t0 < t1 and a positive step.")
    return t0 + step_s * np.arange(math.ceil((t1 - t0) / step_s - 1e-9), dtype=np.float64)


def _bin(az_deg: Array, bins: int) -> NDArray[np.int64]:
    """Return the bin of each azimuth; bin b spans [b, b + 1) * 360 / bins."""
    return np.minimum((az_deg * (bins / 360.0)).astype(np.int64), bins - 1)


def _exposure_table(sky: Sky, t0: float, t1: float, step_s: float, bins: int) -> tuple[Array, float]:
    """Return float64 [bins, steps], the lit share of the whole period that a horizon leaves, and the first elevation."""
    t = _times(t0, t1, step_s)
    seen = sky.sample(t)
    low = math.floor((float((seen.sun_el_deg - seen.sun_radius_deg).min())) / STEP_DEG) * STEP_DEG - STEP_DEG
    high = float((seen.sun_el_deg + seen.sun_radius_deg).max())
    table = np.zeros((bins, math.ceil((high - low) / STEP_DEG) + 3))
    _add_discs(_bin(seen.sun_az_deg, bins), seen.sun_el_deg, seen.sun_radius_deg, low, table)
    return table / t.size, low


@kernel
def _add_discs(bins: NDArray[np.int64], el: Array, radius: Array, low: float, table: Array) -> None:
    """Add to table [bins, steps] the lit share of each sample's disc over a horizon at low + step * STEP_DEG."""
    steps = table.shape[1]
    for i in range(el.size):
        row = bins[i]
        first = int(math.ceil((el[i] - radius[i] - low) / STEP_DEG))
        table[row, first - 1] += 1.0  # a horizon here or lower leaves the whole disc: added up below
    for row in range(table.shape[0]):
        total = 0.0
        for k in range(steps - 1, -1, -1):
            total += table[row, k]
            table[row, k] = total
    for i in range(el.size):
        row = bins[i]
        first = int(math.ceil((el[i] - radius[i] - low) / STEP_DEG))
        for k in range(first, min(int((el[i] + radius[i] - low) / STEP_DEG) + 1, steps)):
            table[row, k] += disc_lit(el[i], low + k * STEP_DEG, radius[i])


@kernel
def _lit_map(
    millideg: Int16Cube, cell_m: float, az_deg: float, el_deg: float, radius_deg: float, out: Float32Grid
) -> None:
    """Fill out [R, C] with the lit share of a disc at (az, el)."""
    count, rows, cols = millideg.shape
    place = (az_deg % 360.0) * count / 360.0
    a = int(place) % count
    b = (a + 1) % count
    w = place - math.floor(place)
    east = math.degrees(cell_m * math.sin(math.radians(az_deg)) / MOON_RADIUS_M)
    north = math.degrees(cell_m * math.cos(math.radians(az_deg)) / MOON_RADIUS_M)
    for r in range(rows):
        base = el_deg + north * (0.5 * (rows - 1) - r) - east * 0.5 * (cols - 1)
        for c in range(cols):
            edge = 0.001 * ((1.0 - w) * millideg[a, r, c] + w * millideg[b, r, c])
            out[r, c] = disc_lit(base + east * c, edge, radius_deg)


@kernel
def _look_up(millideg: Int16Cube, cell_m: float, table: Array, low: float, total: Array) -> None:
    """Add to total [R, C] the table's value at each cell's horizon, over all azimuth bins."""
    count, rows, cols = millideg.shape
    bins, steps = table.shape
    sub = bins // count
    for k in range(bins):
        if table[k, 0] == 0.0:
            continue
        a = k // sub
        b = (a + 1) % count
        w = (k - a * sub + 0.5) / sub
        azimuth = (k + 0.5) * 2.0 * math.pi / bins
        scale = 1.0 / STEP_DEG
        east = -math.degrees(cell_m * math.sin(azimuth) / MOON_RADIUS_M) * scale
        north = -math.degrees(cell_m * math.cos(azimuth) / MOON_RADIUS_M) * scale
        wa, wb = 0.001 * scale * (1.0 - w), 0.001 * scale * w
        row = table[k]
        for r in range(rows):
            base = north * (0.5 * (rows - 1) - r) - east * 0.5 * (cols - 1) - low * scale
            for c in range(cols):
                place = base + east * c + wa * millideg[a, r, c] + wb * millideg[b, r, c]
                place = max(place, 0.0)
                if place < steps - 1:
                    i = int(place)
                    f = place - i
                    total[r, c] += row[i] + f * (row[i + 1] - row[i])


@kernel
def _never_lit(millideg: Int16Cube, cell_m: float, top: Array, out: NDArray[np.bool_]) -> None:
    """Clear out [R, C] where the highest limb of any azimuth bin stands above the horizon."""
    count, rows, cols = millideg.shape
    bins = top.size
    sub = bins // count
    for k in range(bins):
        a = k // sub
        b = (a + 1) % count
        w = (k - a * sub + 0.5) / sub
        azimuth = (k + 0.5) * 2.0 * math.pi / bins
        east = math.degrees(cell_m * math.sin(azimuth) / MOON_RADIUS_M)
        north = math.degrees(cell_m * math.cos(azimuth) / MOON_RADIUS_M)
        for r in range(rows):
            base = top[k] + north * (0.5 * (rows - 1) - r) - east * 0.5 * (cols - 1)
            for c in range(cols):
                if base + east * c > 0.001 * ((1.0 - w) * millideg[a, r, c] + w * millideg[b, r, c]):
                    out[r, c] = False
