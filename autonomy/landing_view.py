"""What a lander makes of the patches around its aim: slope, highest point and brightness under a lander at each of 5 x 5 places.

The patches are lidar heights, how far each lidar cell's highest point stands out (its rise), and brightness, `SIDE` cells on a side.
The places are the middles of blocks of 3 x 3 cells. A plane is fitted to the heights of the cells that a lander would cover there.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel, leaf_kernel

SIDE: Final = 15  # cells of a patch
CELLS: Final = SIDE * SIDE
BLOCK: Final = 3  # cells of a block
PLACES_SIDE: Final = SIDE // BLOCK
PLACES: Final = PLACES_SIDE * PLACES_SIDE
RISE_UNIT_M: Final = 0.5  # [m] clearance of a lander's belly: what rises are given in
HIGHEST_GREY: Final = 3.0  # [-] brightness is cut off there
SLOPE_UNIT: Final = 0.2126  # [-] tangent of 12 deg, the limit of the common lander: what slopes are given in
F32 = NDArray[np.float32]
FOOT_M: Final = 2.25  # [m] from the middle of a lander to the edge of its pads


@kernel
def height_unit_m(cell_m: float) -> float:
    """Return what the heights of a patch of ``cell_m`` are given in [m]: the rise of a 25 deg slope over half its side."""
    return 0.5 * SIDE * cell_m * 0.466


@kernel
def foot_cells(cell_m: float) -> int:
    """Return half the side, in cells, of the square that a lander covers; at least 1."""
    return max(1, int(FOOT_M / cell_m))


@leaf_kernel
def judge_places(seen: F32, cell_m: float, sums: NDArray[np.float64], tops: F32, out: F32) -> None:
    """Fill ``out`` [3 * PLACES] with slope, highest point and brightness at each place, from patches ``seen`` [3 * CELLS].

    Units and order as of `moonfleet.agents.landing_eye.look`: slope over `SLOPE_UNIT` (0..2), highest rise above the plane over
    `RISE_UNIT_M` (0..2), mean brightness (0..`HIGHEST_GREY`). Cells beyond the patch are left out. Without the lidar the first two are 0.
    ``sums`` float64 [SIDE, PLACES_SIDE, 3] and ``tops`` float32 [SIDE, SIDE] are room to work in.
    """
    reach = foot_cells(cell_m)
    unit = height_unit_m(cell_m)
    rise_per_z, tan_per_z = np.float32(unit / RISE_UNIT_M), unit / cell_m
    # Sums over the columns under a lander, for each row and each column of places; then over the rows.
    for r in range(SIDE):
        for c in range(SIDE):
            tops[r, c] = seen[r * SIDE + c] * rise_per_z + seen[CELLS + r * SIDE + c]
        for k in range(PLACES_SIDE):
            col = BLOCK * k + BLOCK // 2
            c0, c1 = max(col - reach, 0), min(col + reach, SIDE - 1)
            mid = 0.5 * (c0 + c1)
            z_sum, z_across, g_sum = 0.0, 0.0, 0.0
            for c in range(c0, c1 + 1):
                z = float(seen[r * SIDE + c])
                z_sum += z
                z_across += z * (c - mid)
                g_sum += seen[2 * CELLS + r * SIDE + c]
            sums[r, k, 0], sums[r, k, 1], sums[r, k, 2] = z_sum, z_across, g_sum
    for p in range(PLACES):
        row, k = BLOCK * (p // PLACES_SIDE) + BLOCK // 2, p % PLACES_SIDE
        col = BLOCK * k + BLOCK // 2
        r0, r1 = max(row - reach, 0), min(row + reach, SIDE - 1)
        c0, c1 = max(col - reach, 0), min(col + reach, SIDE - 1)
        mid_r, rows, cols = 0.5 * (r0 + r1), r1 - r0 + 1, c1 - c0 + 1
        level, down, across, grey = 0.0, 0.0, 0.0, 0.0
        for r in range(r0, r1 + 1):
            level += sums[r, k, 0]
            down += sums[r, k, 0] * (r - mid_r)
            across += sums[r, k, 1]
            grey += sums[r, k, 2]
        level /= rows * cols
        down /= cols * rows * (rows * rows - 1) / 12.0
        across /= rows * cols * (cols * cols - 1) / 12.0
        highest = np.float32(0.0)
        step = np.float32(across * rise_per_z)
        for r in range(r0, r1 + 1):
            plane = np.float32((level + down * (r - mid_r) - across * 0.5 * (cols - 1)) * rise_per_z)
            for c in range(c0, c1 + 1):
                over = tops[r, c] - plane
                highest = over if over > highest else highest
                plane += step
        out[p] = min(math.sqrt(down * down + across * across) * tan_per_z / SLOPE_UNIT, 2.0)
        out[PLACES + p] = min(highest, np.float32(2.0))
        out[2 * PLACES + p] = grey / (rows * cols)


@kernel
def place_offset_m(place: int, cell_m: float) -> tuple[float, float]:
    """Return how far a place lies from the middle of the patch, east and north [m]."""
    row, col = place // PLACES_SIDE - PLACES_SIDE // 2, place % PLACES_SIDE - PLACES_SIDE // 2
    return col * BLOCK * cell_m, -row * BLOCK * cell_m
