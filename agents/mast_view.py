"""What a mast camera makes of the ground before it is rectified: ground behind rises is not seen, far ground is smeared.

A bird's-eye picture drawn from straight above would show what no camera on the robot sees. Two things are taken from it here:
what lies behind rocks and rises as seen from the lens, and detail along the line of sight, because a pixel that looks along the
ground covers ``range^2 / height`` times its angle of it (pinhole over a plane).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

if TYPE_CHECKING:
    from moonfleet.terrain.grid import GeoRef

Float32Grid = NDArray[np.float32]
Bools = NDArray[np.bool_]

PIXEL_RAD: Final = 0.0015  # [rad] angle of a pixel: some 1 000 across 90 deg, as navigation cameras of rovers have
SLACK_M: Final = 0.03  # [m] ground hidden by less than this counts as seen: half of it is in the pixel's view
TAPS: Final = 9  # most samples along a smeared pixel


def in_sight(height_m: Float32Grid, ref: GeoRef, lens_xy: tuple[float, float], lens_m: float, range_m: float) -> Bools:
    """Return which cells of ``height_m`` float32 [R, C] a lens sees, bool [R, C] (see `hidden_m`): hidden by `SLACK_M` at most."""
    return hidden_m(height_m, ref, lens_xy, lens_m, range_m) <= SLACK_M


def hidden_m(
    height_m: Float32Grid, ref: GeoRef, lens_xy: tuple[float, float], lens_m: float, range_m: float
) -> Float32Grid:
    """Return how high something on each cell must stand for a lens to see it over nearer ground [m], float32 [R, C], 0 in full view.

    The lens stands ``lens_m`` [m] above the ground at ``lens_xy`` (the nearest cell where that is off the grid). Rays of one
    cell's width at ``range_m`` are followed outward and keep the steepest view so far; each cell asks the ray that passes it.
    """
    row, col = ref.rowcol(*lens_xy)
    at = min(max(round(row), 0), ref.rows - 1), min(max(round(col), 0), ref.cols - 1)
    rays = max(math.ceil(2.0 * math.pi * range_m / ref.cell_m), 64)
    steps = math.ceil(1.05 * range_m / ref.cell_m) + 2
    hidden = np.zeros(ref.shape, dtype=np.float32)
    z = np.ascontiguousarray(height_m, dtype=np.float32)
    _cast_rays(z, float(row), float(col), float(z[at]) + lens_m, ref.cell_m, rays, steps, hidden)
    return hidden


def smear(
    image: Float32Grid,
    seen: Bools,
    ref: GeoRef,
    lens_xy: tuple[float, float],
    lens_m: float,
    pixel_rad: float = PIXEL_RAD,
) -> Float32Grid:
    """Return the picture float32 [R, C] as pixels that look along the ground see it: a mean along the line of sight.

    The mean at distance r runs over ``pixel_rad (r^2 + h^2) / h`` of ground [m] and takes seen cells only.
    """
    row, col = ref.rowcol(*lens_xy)
    out = np.empty(ref.shape, dtype=np.float32)
    _smear(
        np.ascontiguousarray(image, dtype=np.float32), seen, float(row), float(col), lens_m / ref.cell_m, pixel_rad, out
    )
    return out


@kernel
def _cast_rays(
    z: Float32Grid, row: float, col: float, lens: float, cell_m: float, rays: int, steps: int, hidden: Float32Grid
) -> None:
    """Fill ``hidden`` [R, C]; tangents are per cell of distance, so slopes are only compared, never made angles."""
    rows, cols = z.shape
    horizon = np.full((rays, steps), -1e9)
    for ray in range(rays):
        angle = ray * (2.0 * math.pi / rays)
        d_row, d_col = -math.cos(angle), math.sin(angle)
        top = -1e9
        for step in range(1, steps):
            r, c = row + step * d_row, col + step * d_col
            i, j = int(math.floor(r)), int(math.floor(c))
            if i >= 0 and j >= 0 and i < rows - 1 and j < cols - 1:
                fr, fc = r - i, c - j
                upper = z[i, j] * (1.0 - fc) + z[i, j + 1] * fc
                lower = z[i + 1, j] * (1.0 - fc) + z[i + 1, j + 1] * fc
                tangent = (upper * (1.0 - fr) + lower * fr - lens) / step
                top = max(top, tangent)
            horizon[ray, step] = top
    turn = rays / (2.0 * math.pi)
    for i in range(rows):
        for j in range(cols):
            d_row, d_col = i - row, j - col
            distance = math.sqrt(d_row * d_row + d_col * d_col)
            step = int(distance - 0.75)  # what stands in the cell itself does not hide it
            if step < 1:
                continue
            ray = int(math.atan2(d_col, -d_row) * turn + rays + 0.5) % rays
            hidden[i, j] = max(horizon[ray, min(step, steps - 1)] * distance - (z[i, j] - lens), 0.0)


@kernel
def _smear(
    image: Float32Grid, seen: Bools, row: float, col: float, lens: float, pixel_rad: float, out: Float32Grid
) -> None:
    """Fill ``out`` [R, C]; ``lens`` is the height in cells."""
    rows, cols = image.shape
    for i in range(rows):
        for j in range(cols):
            d_row, d_col = i - row, j - col
            square = d_row * d_row + d_col * d_col
            length = pixel_rad * (square + lens * lens) / lens
            taps = min(int(length) * 2 + 1, TAPS)
            if taps < 2 or not seen[i, j]:
                out[i, j] = image[i, j]
                continue
            distance = math.sqrt(square)
            u_row, u_col = d_row / distance, d_col / distance
            total, count = 0.0, 0
            for tap in range(taps):
                along = length * ((tap + 0.5) / taps - 0.5)
                r, c = int(math.floor(i + along * u_row + 0.5)), int(math.floor(j + along * u_col + 0.5))
                if r >= 0 and c >= 0 and r < rows and c < cols and seen[r, c]:
                    total += image[r, c]
                    count += 1
            out[i, j] = total / count if count else image[i, j]
