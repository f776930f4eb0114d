"""Ways along fields of driving time: the next cell downhill, the legs of moves and of the return, light at hours. Kernels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.horizon import horizon_between
from moonfleet.terrain.kernel import kernel, leaf_kernel
from moonfleet.terrain.light import disc_lit

RETURN_POINTS = 8  # of the leg that one step of the return sets
FAR_S = 1e9  # [s] stands for no way
STAY = 4  # in a map of next cells

# the georeference: float64 [4]
X_LEFT, Y_TOP, CELL, MAX_SLOPE = range(4)
# columns of an almanac float64 [h, 8]: degrees; degrees per metre by which the Sun stands higher to the east and to the north; the two
# azimuths of the horizons that it stands between, and how far from the first
SUN_AZ, SUN_EL, SUN_RADIUS, TILT_EAST, TILT_NORTH, AZ_FIRST, AZ_SECOND, AZ_SHARE = range(8)
ALMANAC = 8


@leaf_kernel
def cell_of(frame: NDArray[np.float64], x: float, y: float, rows: int, cols: int) -> tuple[int, int]:
    """Return the cell (row, col) that holds a place, held within the grid."""
    row = int(math.floor((frame[Y_TOP] - y) / frame[CELL]))
    col = int(math.floor((x - frame[X_LEFT]) / frame[CELL]))
    return min(max(row, 0), rows - 1), min(max(col, 0), cols - 1)


@leaf_kernel
def downhill(field: NDArray[np.float32], row: int, col: int) -> tuple[int, int]:
    """Return the neighbour to which a field [R, C] falls steepest, the cell itself where none is lower.

    Diagonal steps only between two passable cells; from a cell without a way, the neighbour with the shortest.
    """
    rows, cols = field.shape
    here = min(float(field[row, col]), FAR_S)
    best, best_row, best_col = 0.0, row, col
    for dr in range(-1, 2):
        for dc in range(-1, 2):
            r, c = row + dr, col + dc
            if (dr == 0 and dc == 0) or r < 0 or c < 0 or r >= rows or c >= cols or not field[r, c] < here:
                continue
            fall = here - float(field[r, c])
            if dr != 0 and dc != 0:
                if here < FAR_S and not (field[row, c] < FAR_S and field[r, col] < FAR_S):
                    continue
                fall /= math.sqrt(2.0)
            if fall > best:
                best, best_row, best_col = fall, r, c
    return best_row, best_col


@kernel
def find_next(fields: NDArray[np.float32], out: NDArray[np.uint8]) -> None:
    """Fill ``out`` uint8 [N, R, C] with where fields [N, R, C] fall steepest: 3 times (rows + 1) plus (columns + 1), `STAY` at a bottom."""
    count, rows, cols = fields.shape
    for n in range(count):
        for row in range(rows):
            for col in range(cols):
                r, c = downhill(fields[n], row, col)
                out[n, row, col] = 3 * (r - row + 1) + c - col + 1


@leaf_kernel
def step_down(ways: NDArray[np.uint8], row: int, col: int) -> tuple[int, int]:
    """Return the next cell of a way out of `find_next` [R, C]."""
    code = int(ways[row, col])
    return row + code // 3 - 1, col + code % 3 - 1


@leaf_kernel
def way_s(field: NDArray[np.float32], ways: NDArray[np.uint8], row: int, col: int) -> float:
    """Return the driving time from a cell by a field [s]; from a cell without a way, that of the best neighbour; else `FAR_S`."""
    if field[row, col] < FAR_S:
        return float(field[row, col])
    r, c = step_down(ways, row, col)
    return min(float(field[r, c]), FAR_S)


@leaf_kernel
def way_home(
    leg: NDArray[np.float64], ways: NDArray[np.uint8], frame: NDArray[np.float64], x: float, y: float, reach_m: float
) -> int:
    """Fill ``leg`` float64 [P, 2] with points down a way for ``reach_m`` at least; return how many there are, 0 at its bottom."""
    rows, cols = ways.shape
    row, col = cell_of(frame, x, y, rows, cols)
    count, length = 0, 0.0
    while count < leg.shape[0] and length < reach_m:
        next_row, next_col = step_down(ways, row, col)
        if next_row == row and next_col == col:
            break
        row, col = next_row, next_col
        to_x, to_y = frame[X_LEFT] + (col + 0.5) * frame[CELL], frame[Y_TOP] - (row + 0.5) * frame[CELL]
        length += math.sqrt((to_x - x) ** 2 + (to_y - y) ** 2)
        x, y = to_x, to_y
        leg[count, 0], leg[count, 1] = x, y
        count += 1
    return count


@leaf_kernel
def sun_over(
    millideg: NDArray[np.int16], row: int, col: int, frame: NDArray[np.float64], sun: NDArray[np.float64]
) -> float:
    """Return how far [deg] the Sun of an almanac's row [8] stands above the terrain horizon of a cell."""
    _, rows, cols = millideg.shape
    dx, dy = (col - 0.5 * (cols - 1)) * frame[CELL], (0.5 * (rows - 1) - row) * frame[CELL]
    el = sun[SUN_EL] + dx * sun[TILT_EAST] + dy * sun[TILT_NORTH]
    return el - horizon_between(millideg, row, col, int(sun[AZ_FIRST]), int(sun[AZ_SECOND]), sun[AZ_SHARE])


@leaf_kernel
def lit_hour(
    millideg: NDArray[np.int16], row: int, col: int, frame: NDArray[np.float64], almanac: NDArray[np.float64], hour: int
) -> float:
    """Return the share of the Sun's disc at a cell in an hour of an ``almanac`` [h, 8]; the last hour stands for those after it."""
    sun = almanac[min(hour, almanac.shape[0] - 1)]
    return disc_lit(sun_over(millideg, row, col, frame, sun), 0.0, sun[SUN_RADIUS])
