"""How the ground looks from above under a low Sun: photometry of the regolith, long cast shadows with their penumbra.

Shadows are swept, not marched: the grid is cut by parallel lines that run away from the Sun, one per cell across; along each
line the height of the shadow falls by the tangent of the Sun's elevation per metre and is lifted by every ground that stands
above it. One pass over the grid, whatever the length of the shadows. It is run for the upper and the lower limb of the Sun:
ground between the two shadows lies in the penumbra, whose width grows with the distance from what casts it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .errors import SiteError
from .kernel import kernel
from .photometry import lunar_weight

Float32Grid = NDArray[np.float32]

SUN_RADIUS_DEG: Final = 0.267  # [deg] mean angular radius of the Sun seen from the Moon
NOTHING_M: Final = -1e6  # [m] shadow height where nothing casts one


def shade(
    height_m: Float32Grid,
    cell_m: float,
    sun_az_deg: float,
    sun_el_deg: float,
    *,
    sun_radius_deg: float = SUN_RADIUS_DEG,
) -> Float32Grid:
    """Return the radiance of a height field seen from straight above, float32 of its shape.

    1 is level ground under an overhead Sun; level ground at low Sun gives about the sine of the Sun's elevation. Photometry:
    the lunar-Lambert law of `photometry`; seen from straight above the phase angle is the same everywhere, so its phase factor is
    left out, and shadows are left black. Ground outside the field casts no shadow. The Sun stands at a grid azimuth [deg clockwise
    from +y, the top of the array].

    Raises
    ------
    SiteError
        A field of fewer than 2 x 2 cells, or a cell size that is not positive.
    """
    z = np.ascontiguousarray(height_m, dtype=np.float32)
    if z.ndim != 2 or min(z.shape) < 2 or not cell_m > 0.0:
        raise SiteError(
            f"shade: height of shape {z.shape}, cell_m {cell_m!r}; allowed: at least 2 x 2 cells, a cell > 0 m."
        )
    out = lit_share(z, cell_m, sun_az_deg, sun_el_deg, sun_radius_deg=sun_radius_deg)
    azimuth, elevation = math.radians(sun_az_deg), math.radians(sun_el_deg)
    weight = lunar_weight(90.0 - float(sun_el_deg))
    sun_x, sun_y = math.cos(elevation) * math.sin(azimuth), math.cos(elevation) * math.cos(azimuth)
    _photometry(z, float(cell_m), sun_x, sun_y, math.sin(elevation), weight, out)
    return out


def lit_share(
    height_m: Float32Grid,
    cell_m: float,
    sun_az_deg: float,
    sun_el_deg: float,
    *,
    sun_radius_deg: float = SUN_RADIUS_DEG,
    casters_m: Float32Grid | None = None,
) -> Float32Grid:
    """Return the share of the Sun's disc that cast shadows leave each cell, float32 in 0..1 (1: none).

    ``casters_m`` float32 of the same shape: the ground that casts the shadows, where it is not all of the field.
    """
    z = np.asarray(height_m, dtype=np.float32)
    casters = z if casters_m is None else np.asarray(casters_m, dtype=np.float32)
    azimuth = math.radians(sun_az_deg)
    # Direction away from the Sun in array axes; the turned frame has it along +rows.
    along_rows, along_cols = math.cos(azimuth), -math.sin(azimuth)
    swap = abs(along_cols) > abs(along_rows)
    u, v = (along_cols, along_rows) if swap else (along_rows, along_cols)
    flip_rows, flip_cols = (-1 if u < 0.0 else 1), (-1 if v < 0.0 else 1)
    turned, turned_casters = (
        np.ascontiguousarray((g.T if swap else g)[::flip_rows, ::flip_cols]) for g in (z, casters)
    )
    slope = abs(v) / abs(u)
    step = cell_m * math.sqrt(1.0 + slope * slope)
    limbs = (min(max(sun_el_deg + sign * sun_radius_deg, -89.0), 89.0) for sign in (1.0, -1.0))
    upper, lower = (step * math.tan(math.radians(limb)) for limb in limbs)
    share = np.empty_like(turned)
    _cast(turned, turned_casters, slope, step, upper, lower, share)
    share = share[::flip_rows, ::flip_cols]
    return np.ascontiguousarray(share.T if swap else share)


@kernel
def _cast(
    z: Float32Grid,
    casters: Float32Grid,
    slope: float,
    step_m: float,
    fall_upper: float,
    fall_lower: float,
    share: Float32Grid,
) -> None:
    """Fill share [R, C] with the lit share of z [R, C] in the shadow of ``casters`` [R, C].

    The Sun stands beyond row 0, lines move ``slope`` (0..1) columns per row.

    ``fall_upper`` and ``fall_lower`` [m] are how much the shadows of the Sun's limbs fall per row, a way of ``step_m``.
    """
    rows, cols = z.shape
    extra = int(slope * (rows - 1)) + 2
    lines = cols + extra + 1  # line k is at column k - extra + slope * row
    dark = np.full(lines, np.float32(NOTHING_M), dtype=np.float32)  # upper limb's shadow: below it, none of the Sun
    dim = np.full(lines, np.float32(NOTHING_M), dtype=np.float32)  # lower limb's shadow: above it, all of the Sun
    way = np.zeros(lines, dtype=np.float32)  # from the ground that casts the lower limb's shadow
    fall_a, fall_b, step = np.float32(fall_upper), np.float32(fall_lower), np.float32(step_m)
    sun = np.float32((fall_upper - fall_lower) / step_m)  # height of the Sun's disc at a distance of 1
    none, one = np.float32(0.0), np.float32(1.0)
    padded = np.empty(cols + 1, dtype=np.float32)
    for r in range(rows):
        shift = int(math.floor(slope * r))
        w = np.float32(slope * r - shift)
        for k in range(lines):
            dark[k] -= fall_a
            dim[k] -= fall_b
            way[k] += step
        first = extra - shift  # the cell in column c lies between lines c + first (w to its right) and the one before
        top = share[r]
        for c in range(cols):
            k = c + first
            low = dark[k] + w * (dark[k - 1] - dark[k])
            high = dim[k] + w * (dim[k - 1] - dim[k])
            far = way[k] + w * (way[k - 1] - way[k])
            lit = one - (high - z[r, c]) / (far * sun)
            lit = lit if lit < one else one
            lit = lit if z[r, c] >= low else none
            top[c] = lit if lit > none else none
        for c in range(cols):
            padded[c] = casters[r, c]
        padded[cols] = casters[r, cols - 1]
        for c in range(cols):
            ground = padded[c] + w * (padded[c + 1] - padded[c])
            k = c + first
            dark[k] = ground if ground > dark[k] else dark[k]
            way[k] = none if ground > dim[k] else way[k]
            dim[k] = ground if ground > dim[k] else dim[k]


@kernel
def _photometry(
    z: Float32Grid, cell_m: float, sun_x: float, sun_y: float, sun_z: float, weight: float, out: Float32Grid
) -> None:
    """Multiply out [R, C] by the radiance of each cell's slope, seen from above."""
    rows, cols = z.shape
    sx, sy, sz = np.float32(sun_x), np.float32(sun_y), np.float32(sun_z)
    part, rest = np.float32(2.0 * weight), np.float32(1.0 - weight)
    none, one = np.float32(0.0), np.float32(1.0)
    for r in range(rows):
        above, below = max(r - 1, 0), min(r + 1, rows - 1)
        over_y = np.float32(1.0 / (cell_m * (below - above)))
        over_x = np.float32(0.5 / cell_m)
        for c in range(cols):
            left, right = max(c - 1, 0), min(c + 1, cols - 1)
            dzdx = (z[r, right] - z[r, left]) * over_x
            if right - left == 1:
                dzdx *= np.float32(2.0)
            dzdy = (z[above, c] - z[below, c]) * over_y
            emission = one / np.sqrt(one + dzdx * dzdx + dzdy * dzdy)
            incidence = (sz - dzdx * sx - dzdy * sy) * emission
            incidence = incidence if incidence > none else none
            out[r, c] *= incidence * (rest + part / (incidence + emission))
