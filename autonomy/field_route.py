"""Routes out of a distance field: where one has been made for a place, the way there from anywhere is a walk downhill."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel


def follow_field(
    field: NDArray[np.float32], cost: NDArray[np.float32], cell_m: float, start: tuple[int, int]
) -> NDArray[np.int32] | None:
    """Return the cells int32 [n, 2] (row, col) from ``start`` down a field to where it is 0; None when it does not lead there.

    Parameters
    ----------
    field : float32 [R, C], cost of the way from each cell to the goal (see `distance_field`).
    cost : float32 [R, C] per metre, the one that the field was made of; inf where impassable.
    cell_m : size of a cell [m].
    start : (row, col).

    A step goes to the neighbour through which the rest of the way is cheapest, among those nearer by the field; a diagonal
    one only between free cells, as a body has a width.
    """
    cells = np.empty((field.shape[0] + field.shape[1], 2), dtype=np.int32)
    while True:
        count = _descend(field, cost, cell_m, start[0], start[1], cells)
        if count < 0:
            return None
        if count <= len(cells):
            return cells[:count].copy()
        cells = np.empty((2 * len(cells), 2), dtype=np.int32)


@kernel
def _descend(
    field: NDArray[np.float32], cost: NDArray[np.float32], cell_m: float, row: int, col: int, out: NDArray[np.int32]
) -> int:
    """Fill ``out`` with the way down; the number of its cells, one more than fit when they do not, -1 when there is none."""
    rows, cols = field.shape
    if not (0 <= row < rows and 0 <= col < cols) or not math.isfinite(field[row, col]):
        return -1
    count = 0
    while True:
        if count == out.shape[0]:
            return count + 1
        out[count, 0], out[count, 1] = row, col
        count += 1
        if field[row, col] == 0.0:
            return count
        best, best_row, best_col = math.inf, -1, -1
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                r, c = row + dr, col + dc
                if (dr == 0 and dc == 0) or r < 0 or c < 0 or r >= rows or c >= cols:
                    continue
                if not field[r, c] < field[row, col]:
                    continue
                if dr != 0 and dc != 0 and not (math.isfinite(cost[row, c]) and math.isfinite(cost[r, col])):
                    continue
                step = math.sqrt(2.0) if dr != 0 and dc != 0 else 1.0
                whole = field[r, c] + 0.5 * (cost[row, col] + cost[r, c]) * step * cell_m
                if whole < best:
                    best, best_row, best_col = whole, r, c
        if best_row < 0:
            return -1
        row, col = best_row, best_col
