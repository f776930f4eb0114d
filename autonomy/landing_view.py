"""What a lander makes of the patches around its aim: slope, highest point and brightness under a lander at each of 5 x 5 places.

The patches are lidar heights, how far each lidar cell's highest point stands out (its rise), and brightness, `SIDE` cells on a side.
The places are the middles of blocks of 3 x 3 cells. A plane is fitted to the heights of the cells that a lander would cover there.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

SIDE: Final = 15  # cells of a patch
CELLS: Final = SIDE * SIDE
BLOCK: Final = 3  # cells of a block
PLACES_SIDE: Final = SIDE // BLOCK
PLACES: Final = PLACES_SIDE * PLACES_SIDE
RISE_UNIT_M: Final = 0.5  # [m] clearance of a lander's belly: what rises are given in
HIGHEST_GREY: Final = 3.0  # [-] brightness is cut off there
SLOPE_UNIT_DEG: Final = 12.0  # [deg] what slopes are given in: the limit of the common lander
FOOT_M: Final = 2.25  # [m] from the middle of a lander to the edge of its pads


@kernel
def height_unit_m(cell_m: float) -> float:
    """Return what the heights of a patch of ``cell_m`` are given in [m]: the rise of a 25 deg slope over half its side."""
    return 0.5 * SIDE * cell_m * 0.466


@kernel
def foot_cells(cell_m: float) -> int:
    """Return half the side, in cells, of the square that a lander covers; at least 1."""
    return max(1, int(FOOT_M / cell_m))


@kernel
def judge_places(seen: NDArray[np.float32], cell_m: float, out: NDArray[np.float32]) -> None:
    """Fill ``out`` [3 * PLACES] with slope, highest point and brightness at each place, from patches ``seen`` [3 * CELLS].

    Units and order as of `moonfleet.agents.landing_eye.look`: slope over `SLOPE_UNIT_DEG` (0..2), highest rise above the plane over
    `RISE_UNIT_M` (0..2), mean brightness (0..`HIGHEST_GREY`). Cells beyond the patch are left out. Without the lidar the first two are 0.
    """
    reach = foot_cells(cell_m)
    unit = height_unit_m(cell_m)
    for p in range(PLACES):
        row, col = BLOCK * (p // PLACES_SIDE) + BLOCK // 2, BLOCK * (p % PLACES_SIDE) + BLOCK // 2
        r0, r1 = max(row - reach, 0), min(row + reach, SIDE - 1)
        c0, c1 = max(col - reach, 0), min(col + reach, SIDE - 1)
        mid_r, mid_c = 0.5 * (r0 + r1), 0.5 * (c0 + c1)
        n = (r1 - r0 + 1) * (c1 - c0 + 1)
        level, down, across, grey = 0.0, 0.0, 0.0, 0.0
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                z = float(seen[r * SIDE + c])
                level += z
                down += z * (r - mid_r)
                across += z * (c - mid_c)
                grey += seen[2 * CELLS + r * SIDE + c]
        rows, cols = r1 - r0 + 1, c1 - c0 + 1
        down /= cols * rows * (rows * rows - 1) / 12.0
        across /= rows * cols * (cols * cols - 1) / 12.0
        level /= n
        highest = 0.0
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                i = r * SIDE + c
                over = (seen[i] - level - down * (r - mid_r) - across * (c - mid_c)) * unit / RISE_UNIT_M
                highest = max(highest, over + seen[CELLS + i])
        slope = math.degrees(math.atan(math.hypot(down, across) * unit / cell_m))
        out[p] = min(slope / SLOPE_UNIT_DEG, 2.0)
        out[PLACES + p] = min(highest, 2.0)
        out[2 * PLACES + p] = grey / n


@kernel
def place_offset_m(place: int, cell_m: float) -> tuple[float, float]:
    """Return how far a place lies from the middle of the patch, east and north [m]."""
    row, col = place // PLACES_SIDE - PLACES_SIDE // 2, place % PLACES_SIDE - PLACES_SIDE // 2
    return col * BLOCK * cell_m, -row * BLOCK * cell_m
