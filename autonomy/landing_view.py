"""What a lander makes of the patches around its aim: slope, highest points and contrast under a lander at each of 5 x 5 places.

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
PAD_UNIT_M: Final = 0.2  # [m] what a pad may stand on: what rises under pads are given in
FOOT_M: Final = 2.25  # [m] from the middle of the common lander to the edge of its pads
BELLY_M: Final = 1.2  # [m] radius of its belly
PADS_M: Final = (1.16, 1.67)  # [m] its four pads lie so far north or south, and east or west
JUDGED: Final = 4  # numbers for each place

F32 = NDArray[np.float32]


@kernel
def height_unit_m(cell_m: float) -> float:
    """Return what the heights of a patch of ``cell_m`` are given in [m]: the rise of a 25 deg slope over half its side."""
    return 0.5 * SIDE * cell_m * 0.466


@kernel
def foot_cells(cell_m: float) -> int:
    """Return half the side, in cells, of the square that a lander covers; at least 1."""
    return max(1, int(FOOT_M / cell_m))


@leaf_kernel
def _highest(
    tops: F32, r0: int, r1: int, c0: int, c1: int, level: float, down: float, across: float, most: float
) -> float:
    """Return the most of ``most`` and what ``tops`` [CELLS] has above a plane over rows ``r0 .. r1`` and columns ``c0 .. c1``.

    ``level`` of the plane in cell (0, 0), and its rise per row and per column.
    """
    best = np.float32(most)
    step = np.float32(across)
    for r in range(max(r0, 0), min(r1, SIDE - 1) + 1):
        plane = np.float32(level + down * r)
        for c in range(max(c0, 0), min(c1, SIDE - 1) + 1):
            over = tops[r * SIDE + c] - plane - step * np.float32(c)
            best = over if over > best else best
    return float(best)


@leaf_kernel
def judge_places(seen: F32, cell_m: float, sums: F32, tops: F32, out: F32) -> None:
    """Fill ``out`` [JUDGED * PLACES] with what is seen at each place, from patches ``seen`` [3 * CELLS].

    Patches as of `moonfleet.agents.landing_eye.look`. Tangent of the slope over `SLOPE_UNIT` (0..2); highest point above the plane under
    the pads over `PAD_UNIT_M` (0..4), and under the belly over `RISE_UNIT_M` (0..2), at least over a block; standard deviation of
    the brightness (0..2). Cells beyond the patch are left out. Without the lidar all but the last are 0.
    ``sums`` float32 [SIDE, 4] and ``tops`` float32 [CELLS] are room to work in.
    """
    reach = foot_cells(cell_m)
    belly = max(1, int(BELLY_M / cell_m + 0.5))
    pad_to = max(1, int(PADS_M[1] / cell_m + 0.5))
    pad_from = min(max(0, int(math.ceil(PADS_M[0] / cell_m - 0.5))), pad_to)
    unit = height_unit_m(cell_m)
    rise_per_z, tan_per_slope = unit / RISE_UNIT_M, unit / (cell_m * SLOPE_UNIT)
    top_per_z = np.float32(rise_per_z)
    for i in range(CELLS):
        tops[i] = seen[i] * top_per_z + seen[CELLS + i]
    for i in range(PLACES_SIDE):
        row = BLOCK * i + BLOCK // 2
        r0, r1 = max(row - reach, 0), min(row + reach, SIDE - 1)
        rows, mid_r = r1 - r0 + 1, 0.5 * (r0 + r1)
        per_row, per_down = 1.0 / rows, 12.0 / (rows * (rows * rows - 1))
        for c in range(SIDE):
            z_sum, z_down, g_sum, g_square = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
            away = np.float32(r0 - mid_r)
            at = r0 * SIDE + c
            for _ in range(rows):
                z, g = seen[at], seen[2 * CELLS + at]
                z_sum += z
                z_down += z * away
                g_sum += g
                g_square += g * g
                away += np.float32(1.0)
                at += SIDE
            sums[c, 0], sums[c, 1], sums[c, 2], sums[c, 3] = z_sum, z_down, g_sum, g_square
        for k in range(PLACES_SIDE):
            col = BLOCK * k + BLOCK // 2
            c0, c1 = max(col - reach, 0), min(col + reach, SIDE - 1)
            cols, mid_c = c1 - c0 + 1, 0.5 * (c0 + c1)
            level, down, across, grey, square = 0.0, 0.0, 0.0, 0.0, 0.0
            for c in range(c0, c1 + 1):
                z = float(sums[c, 0])
                level += z
                across += z * (c - mid_c)
                down += float(sums[c, 1])
                grey += float(sums[c, 2])
                square += float(sums[c, 3])
            per_col = 1.0 / cols
            level *= per_row * per_col
            grey *= per_row * per_col
            square *= per_row * per_col
            down *= per_col * per_down
            across *= per_row * 12.0 * per_col / (cols * cols - 1)
            corner = (level - down * mid_r - across * mid_c) * rise_per_z
            dz, dx = down * rise_per_z, across * rise_per_z
            under_belly = _highest(tops, row - belly, row + belly, col - belly, col + belly, corner, dz, dx, 0.0)
            pads = under_belly
            if pad_from > 0:
                pads = _highest(tops, row - pad_to, row - pad_from, col - pad_to, col - pad_from, corner, dz, dx, 0.0)
                pads = _highest(tops, row - pad_to, row - pad_from, col + pad_from, col + pad_to, corner, dz, dx, pads)
                pads = _highest(tops, row + pad_from, row + pad_to, col - pad_to, col - pad_from, corner, dz, dx, pads)
                pads = _highest(tops, row + pad_from, row + pad_to, col + pad_from, col + pad_to, corner, dz, dx, pads)
            p = i * PLACES_SIDE + k
            out[p] = min(math.sqrt(down * down + across * across) * tan_per_slope, 2.0)
            out[PLACES + p] = min(pads * (RISE_UNIT_M / PAD_UNIT_M), 4.0)
            out[2 * PLACES + p] = min(under_belly, 2.0)
            out[3 * PLACES + p] = min(math.sqrt(max(square - grey * grey, 0.0)), 2.0)


@kernel
def place_offset_m(place: int, cell_m: float) -> tuple[float, float]:
    """Return how far a place lies from the middle of the patch, east and north [m]."""
    row, col = place // PLACES_SIDE - PLACES_SIDE // 2, place % PLACES_SIDE - PLACES_SIDE // 2
    return col * BLOCK * cell_m, -row * BLOCK * cell_m
