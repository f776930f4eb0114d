"""How much of the Sun's disc a place sees, at one moment or at many.

The Sun's direction is that of the middle of the site; a place displaced from it by (dx, dy) metres has its own horizontal
plane, tilted by displacement over the Moon's radius (`local_elevation_deg`); the azimuth in the grid is the same.

Where a disc is cut by the horizon its lit share is that of a uniform disc, or, with ``limb_darkening`` u, of one whose
brightness falls to the limb as ``1 - u (1 - mu)``. What a whole year makes of it is in `light_year`, `shadow` and
`visibility`; what falls on a panel in `flux`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constants import MOON_RADIUS_M
from .errors import SkyError
from .grid import GeoRef
from .horizon import Horizon, horizon_at
from .kernel import kernel
from .sky import Sky

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]
Int16Cube = NDArray[np.int16]

# [-] linear law of a grey atmosphere, I(mu) / I(1) = (2 + 3 mu) / 5: Eddington's approximation (Milne 1921, MNRAS 81, 361);
# near the visible mean of the Sun [S]
SOLAR_LIMB_DARKENING: Final = 0.6


@kernel
def disc_lit(sun_el_deg: float, horizon_deg: float, sun_radius_deg: float, limb_darkening: float = 0.0) -> float:
    """Return the share 0..1 of the light of the Sun's disc that stands above a straight level edge.

    With ``limb_darkening`` u in 0..1 the disc is as bright as ``1 - u (1 - mu)``, mu the cosine to the line of sight. A strip
    at height y (in radii) then gives ``(1 - u) 2 sqrt(1 - y^2) + u pi/2 (1 - y^2)``, in all ``pi (1 - u/3)``.
    """
    height = (sun_el_deg - horizon_deg) / sun_radius_deg
    if height <= -1.0:
        return 0.0
    if height >= 1.0:
        return 1.0
    uniform = 0.5 + (math.asin(height) + height * math.sqrt(1.0 - height * height)) / math.pi
    if limb_darkening == 0.0:
        return uniform
    dome = 0.5 + height * (0.75 - 0.25 * height * height)  # of the part that is bright as mu
    weight = limb_darkening * 2.0 / (3.0 - limb_darkening)
    return min(max(uniform + weight * (dome - uniform), 0.0), 1.0)


@kernel
def tilt_towards(az_deg: float) -> tuple[float, float]:
    """Return the degrees by which a body at an azimuth stands higher per metre east and per metre north of the middle."""
    azimuth = math.radians(az_deg)
    return math.degrees(math.sin(azimuth)) / MOON_RADIUS_M, math.degrees(math.cos(azimuth)) / MOON_RADIUS_M


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
    millideg: Int16Cube, row: int, col: int, dx_m: float, dy_m: float, az_deg: float, el_deg: float, radius_deg: float,
    limb_darkening: float = 0.0,
) -> float:  # fmt: skip
    """Return the share 0..1 of the Sun's disc in sight from a place; arguments as `clearance_deg` and `disc_lit`."""
    return disc_lit(clearance_deg(millideg, row, col, dx_m, dy_m, az_deg, el_deg), 0.0, radius_deg, limb_darkening)


def lit_map(
    ref: GeoRef,
    horizon: Horizon,
    sun_az_deg: float,
    sun_el_deg: float,
    sun_radius_deg: float,
    limb_darkening: float = 0.0,
) -> Float32Grid:
    """Return the lit share of the solar disc, float32 [R, C] in 0..1; the Sun as seen at the middle of ``ref``."""
    check_shape(ref, horizon)
    u = check_limb_darkening(limb_darkening)
    out = np.empty(ref.shape, dtype=np.float32)
    _lit_map(horizon.millideg, ref.cell_m, float(sun_az_deg), float(sun_el_deg), float(sun_radius_deg), u, out)
    return out


def lit_series(
    ref: GeoRef,
    horizon: Horizon,
    sky: Sky,
    rows: ArrayLike,
    cols: ArrayLike,
    t: ArrayLike,
    limb_darkening: float = 0.0,
) -> Float32Grid:
    """Return the lit share of the solar disc of some cells at some times, float32 [cells, times].

    Parameters
    ----------
    ref, horizon
        The ground's georeference and its horizons [A, R, C].
    sky
        Sky of the middle of ``ref``.
    rows, cols
        The cells, whole numbers [cells] each.
    t
        Times [n], seconds of TDB past J2000, in any order.
    limb_darkening
        Linear law of the Sun's disc, 0 (uniform) .. 1.

    Raises
    ------
    SkyError
        A cell outside the grid, a time outside the ephemeris, or a horizon of another shape.
    """
    check_shape(ref, horizon)
    u = check_limb_darkening(limb_darkening)
    row, col = np.broadcast_arrays(np.atleast_1d(np.asarray(rows)), np.atleast_1d(np.asarray(cols)))
    whole = row.size == 0 or (np.issubdtype(row.dtype, np.integer) and np.issubdtype(col.dtype, np.integer))
    if row.ndim != 1 or not whole:
        raise SkyError(f"cells: {row.dtype} {row.shape}; allowed: a row of whole numbers each for rows and cols.")
    bad = (row < 0) | (row >= ref.rows) | (col < 0) | (col >= ref.cols)
    if bad.any():
        where = (int(row[bad][0]), int(col[bad][0]))
        raise SkyError(f"cells: {where} is outside the grid; allowed: rows 0..{ref.rows - 1}, cols 0..{ref.cols - 1}.")
    seen = sky.sample(t)
    out = np.empty((row.size, seen.sun_az_deg.size), dtype=np.float32)
    _lit_series(
        horizon.millideg, ref.cell_m, row.astype(np.int64), col.astype(np.int64),
        seen.sun_az_deg, seen.sun_el_deg, seen.sun_radius_deg, u, out,
    )  # fmt: skip
    return out


def check_shape(ref: GeoRef, horizon: Horizon) -> None:
    """Raise `SkyError` where the horizons are not those of ``ref``."""
    if horizon.millideg.shape[1:] != ref.shape:
        raise SkyError(
            f"horizon of {horizon.millideg.shape[1:]} cells for a grid of {ref.shape}: they must be the same."
        )


def check_limb_darkening(limb_darkening: float) -> float:
    """Return the coefficient; raises `SkyError` outside 0..1."""
    if not 0.0 <= limb_darkening <= 1.0:
        raise SkyError(f"limb_darkening: {limb_darkening!r}; allowed: 0 (uniform disc) .. 1.")
    return float(limb_darkening)


def step_times(t0: float, t1: float, step_s: float) -> Array:
    """Return t0, t0 + step, .. below t1, float64 [n]; raises `SkyError` for an empty period or a step that is not positive."""
    if not (math.isfinite(t0) and math.isfinite(t1) and step_s > 0.0 and t1 > t0):
        raise SkyError(f"period {t0!r}..{t1!r} s in steps of {step_s!r} s: need t0 < t1 and a positive step.")
    return t0 + step_s * np.arange(math.ceil((t1 - t0) / step_s - 1e-9), dtype=np.float64)


@kernel
def _lit_map(
    millideg: Int16Cube, cell_m: float, az_deg: float, el_deg: float, radius_deg: float, u: float, out: Float32Grid
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
            out[r, c] = disc_lit(base + east * c, edge, radius_deg, u)


@kernel
def _lit_series(
    millideg: Int16Cube, cell_m: float, rows: NDArray[np.int64], cols: NDArray[np.int64],
    az: Array, el: Array, radius: Array, u: float, out: Float32Grid,
) -> None:  # fmt: skip
    """Fill out [cells, n] with the lit shares of the cells under a disc at (az, el) [n]."""
    for i in range(rows.size):
        dx = (cols[i] - 0.5 * (millideg.shape[2] - 1)) * cell_m
        dy = (0.5 * (millideg.shape[1] - 1) - rows[i]) * cell_m
        for k in range(az.size):
            out[i, k] = lit_at(millideg, rows[i], cols[i], dx, dy, az[k], el[k], radius[k], u)
