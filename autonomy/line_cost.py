"""What a straight line over the ground costs: the exact integral of the cells' cost along it, infinite where it may not go.

The cells are walked one by one (Amanatides and Woo 1987); for a grid step the integral is the trapezoid of `moonfleet.autonomy.search`, so
both speak of the same cost. A line touches keep-outs only in cells that list them (`moonfleet.autonomy.keepout_grid`), so only those
are tested, exactly. Lines are given in fractional cells: whole numbers are cell centres.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .visibility_graph import part_touched

Keepouts = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]
"""For each cell where its list begins [R * C + 1], parts listed [n], corners of parts [k, 2] (row, col), where each part begins [p + 1]."""

NO_KEEPOUTS: Keepouts = (
    np.zeros(1, np.int32),
    np.zeros(0, np.int32),
    np.zeros((0, 2), np.float64),
    np.zeros(1, np.int64),
)


def segment_cost(cost: NDArray[np.float32], row0: float, col0: float, row1: float, col1: float) -> float:
    """Return the integral of ``cost`` along a straight segment between (fractional) cells, in cells; inf if it touches inf or leaves."""
    return line_cost(np.ascontiguousarray(cost, dtype=np.float32), NO_KEEPOUTS, row0, col0, row1, col1)


@kernel
def listed_touched(keep: Keepouts, cell: int, row0: float, col0: float, row1: float, col1: float) -> bool:
    """Say whether a line touches a part that ``cell`` lists."""
    begins, listed, corners, first = keep
    for k in range(begins[cell], begins[cell + 1]):
        part = listed[k]
        if part_touched(row0, col0, row1, col1, corners, int(first[part]), int(first[part + 1])):
            return True
    return False


@kernel
def line_cost(cost: NDArray[np.float32], keep: Keepouts, row0: float, col0: float, row1: float, col1: float) -> float:
    """Walk the cells from (row0, col0) to (row1, col1); through an exact corner both side cells must be passable."""
    rows, cols = cost.shape
    row, col = int(math.floor(row0 + 0.5)), int(math.floor(col0 + 0.5))
    end_row, end_col = int(math.floor(row1 + 0.5)), int(math.floor(col1 + 0.5))
    if min(row, end_row) < 0 or min(col, end_col) < 0 or max(row, end_row) >= rows or max(col, end_col) >= cols:
        return np.inf
    if not cost[end_row, end_col] < np.inf:
        return np.inf
    kept_out = keep[1].size > 0
    d_row, d_col = row1 - row0, col1 - col0
    length = math.sqrt(d_row * d_row + d_col * d_col)
    row_step = 1 if d_row > 0 else -1
    col_step = 1 if d_col > 0 else -1
    next_row = (row + 0.5 * row_step - row0) / d_row if d_row != 0.0 else np.inf
    next_col = (col + 0.5 * col_step - col0) / d_col if d_col != 0.0 else np.inf
    each_row = 1.0 / abs(d_row) if d_row != 0.0 else np.inf
    each_col = 1.0 / abs(d_col) if d_col != 0.0 else np.inf
    total = 0.0
    at = 0.0
    for _ in range(rows + cols + 4):
        here = cost[row, col]
        if not here < np.inf:
            return np.inf
        if kept_out and listed_touched(keep, row * cols + col, row0, col0, row1, col1):
            return np.inf
        if row == end_row and col == end_col:
            break
        to = min(next_row, next_col)
        if to >= 1.0:
            break
        total += np.float64(here) * (to - at)
        at = to
        if abs(next_row - next_col) < 1e-9:
            if not cost[row + row_step, col] < np.inf or not cost[row, col + col_step] < np.inf:
                return np.inf
            row += row_step
            col += col_step
            next_row += each_row
            next_col += each_col
        elif next_row < next_col:
            row += row_step
            next_row += each_row
        else:
            col += col_step
            next_col += each_col
    if kept_out and listed_touched(keep, end_row * cols + end_col, row0, col0, row1, col1):
        return np.inf
    return (total + np.float64(cost[row, col]) * (1.0 - at)) * length


@kernel
def polyline_cost(cost: NDArray[np.float32], keep: Keepouts, points: NDArray[np.float64]) -> float:
    """Return the cost of a polyline float64 [n, 2] (row, col), in cells."""
    total = 0.0
    for i in range(1, len(points)):
        total += line_cost(cost, keep, points[i - 1, 0], points[i - 1, 1], points[i, 0], points[i, 1])
        if total == np.inf:
            break
    return total
