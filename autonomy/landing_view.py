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
def judge_places(seen: F32, cell_m: float, sums: NDArray[np.float64], tops: F32, out: F32) -> None:
    """Fill ``out`` [JUDGED * PLACES] with what is seen at each place, from patches ``seen`` [3 * CELLS].

    Patches as of `moonfleet.agents.landing_eye.look`. Tangent of the slope over `SLOPE_UNIT` (0..2); highest point above the plane under
    the pads over `PAD_UNIT_M` (0..4), and under the belly over `RISE_UNIT_M` (0..2), at least over a block; standard deviation of
    the brightness (0..2). Cells beyond the patch are left out. Without the lidar all but the last are 0.
    ``sums`` float64 [SIDE, PLACES_SIDE, 4] and ``tops`` float32 [SIDE, SIDE] are room to work in.
    """
    reach = foot_cells(cell_m)
    belly = max(1, int(BELLY_M / cell_m + 0.5))
    pad_to = max(1, int(PADS_M[1] / cell_m + 0.5))
    pad_from = min(max(0, int(math.ceil(PADS_M[0] / cell_m - 0.5))), pad_to)
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
            z_sum, z_across, g_sum, g_square = 0.0, 0.0, 0.0, 0.0
            for c in range(c0, c1 + 1):
                z = float(seen[r * SIDE + c])
                z_sum += z
                z_across += z * (c - mid)
                g = float(seen[2 * CELLS + r * SIDE + c])
                g_sum += g
                g_square += g * g
            sums[r, k, 0], sums[r, k, 1], sums[r, k, 2], sums[r, k, 3] = z_sum, z_across, g_sum, g_square
    for p in range(PLACES):
        row, k = BLOCK * (p // PLACES_SIDE) + BLOCK // 2, p % PLACES_SIDE
        col = BLOCK * k + BLOCK // 2
        r0, r1 = max(row - reach, 0), min(row + reach, SIDE - 1)
        c0, c1 = max(col - reach, 0), min(col + reach, SIDE - 1)
        mid_r, rows, cols = 0.5 * (r0 + r1), r1 - r0 + 1, c1 - c0 + 1
        level, down, across, grey, square = 0.0, 0.0, 0.0, 0.0, 0.0
        for r in range(r0, r1 + 1):
            level += sums[r, k, 0]
            down += sums[r, k, 0] * (r - mid_r)
            across += sums[r, k, 1]
            grey += sums[r, k, 2]
            square += sums[r, k, 3]
        level /= rows * cols
        down /= cols * rows * (rows * rows - 1) / 12.0
        across /= rows * cols * (cols * cols - 1) / 12.0
        under_pads, under_belly = np.float32(0.0), np.float32(0.0)
        mid_c = 0.5 * (c0 + c1)
        for dr in range(-pad_to, pad_to + 1):
            r = row + dr
            if r < 0 or r >= SIDE:
                continue
            plane = np.float32((level + down * (r - mid_r) - across * (mid_c - col)) * rise_per_z)
            step = np.float32(across * rise_per_z)
            is_row, in_belly = abs(dr) >= pad_from, abs(dr) <= belly
            for dc in range(max(-pad_to, -col), min(pad_to, SIDE - 1 - col) + 1):
                over = tops[r, col + dc] - plane - step * np.float32(dc)
                if is_row and abs(dc) >= pad_from and over > under_pads:
                    under_pads = over
                if in_belly and abs(dc) <= belly and over > under_belly:
                    under_belly = over
        out[p] = min(math.sqrt(down * down + across * across) * tan_per_z / SLOPE_UNIT, 2.0)
        out[PLACES + p] = min(under_pads * (RISE_UNIT_M / PAD_UNIT_M), 4.0)
        out[2 * PLACES + p] = min(under_belly, np.float32(2.0))
        grey /= rows * cols
        out[3 * PLACES + p] = min(math.sqrt(max(square / (rows * cols) - grey * grey, 0.0)), 2.0)


@kernel
def place_offset_m(place: int, cell_m: float) -> tuple[float, float]:
    """Return how far a place lies from the middle of the patch, east and north [m]."""
    row, col = place // PLACES_SIDE - PLACES_SIDE // 2, place % PLACES_SIDE - PLACES_SIDE // 2
    return col * BLOCK * cell_m, -row * BLOCK * cell_m
