"""From grid path to short route: string pulling that never raises the cost and never touches an impassable cell.

The cost of a straight segment is the exact integral of the cells' cost along it (grid traversal after Amanatides and Woo 1987); for a
grid step that integral is the trapezoid of `moonfleet.autonomy.search`, so both speak of the same cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

if TYPE_CHECKING:
    from moonfleet.terrain.grid import GeoRef

SPAN = 96  # [cells] the longest stretch of path that one segment replaces in one pass


def shorten(cells: NDArray[np.int32], cost: NDArray[np.float32], ref: GeoRef) -> NDArray[np.float64]:
    """Return waypoints float64 [n, 2] (x, y) [m] of a route along ``cells`` int32 [m, 2] that costs no more than they do.

    ``cost`` is float32 [R, C], inf where impassable. The first and last cell stay; waypoints are cell centres.
    """
    keep = cells
    for _ in range(3):
        pulled = keep[_pull(np.ascontiguousarray(keep, dtype=np.int64), np.ascontiguousarray(cost, dtype=np.float32))]
        if len(pulled) == len(keep):
            break
        keep = pulled
    x, y = ref.xy(keep[:, 0], keep[:, 1])
    return np.column_stack([x, y])


def segment_cost(cost: NDArray[np.float32], row0: float, col0: float, row1: float, col1: float) -> float:
    """Return the integral of ``cost`` along a straight segment between (fractional) cells, in cells; inf if it touches inf or leaves."""
    return _segment_cost(np.ascontiguousarray(cost, dtype=np.float32), row0, col0, row1, col1)


@kernel
def _segment_cost(cost: NDArray[np.float32], row0: float, col0: float, row1: float, col1: float) -> float:
    """Walk the cells from (row0, col0) to (row1, col1); through an exact corner both side cells must be passable."""
    rows, cols = cost.shape
    row, col = int(math.floor(row0 + 0.5)), int(math.floor(col0 + 0.5))
    end_row, end_col = int(math.floor(row1 + 0.5)), int(math.floor(col1 + 0.5))
    if min(row, end_row) < 0 or min(col, end_col) < 0 or max(row, end_row) >= rows or max(col, end_col) >= cols:
        return np.inf
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
    if not cost[end_row, end_col] < np.inf:
        return np.inf
    return (total + np.float64(cost[row, col]) * (1.0 - at)) * length


@kernel
def _pull(cells: NDArray[np.int64], cost: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return indexes of the cells that stay: from each, the farthest one that a straight segment reaches at no more cost."""
    count = len(cells)
    so_far = np.zeros(count)
    for i in range(1, count):
        a, b = cells[i - 1], cells[i]
        so_far[i] = so_far[i - 1]
        part = _segment_cost(cost, float(a[0]), float(a[1]), float(b[0]), float(b[1]))
        if part < np.inf:
            so_far[i] += part
        else:  # a diagonal that cuts a blocked corner: kept as the search gave it
            so_far[i] += 0.7071067811865476 * (np.float64(cost[a[0], a[1]]) + np.float64(cost[b[0], b[1]]))
    kept = np.empty(count, np.int64)
    kept[0] = 0
    size = 1
    at = 0
    while at < count - 1:
        best = at + 1
        for to in range(min(at + SPAN, count - 1), at + 1, -1):
            straight = _segment_cost(
                cost, float(cells[at, 0]), float(cells[at, 1]), float(cells[to, 0]), float(cells[to, 1])
            )
            if straight <= (so_far[to] - so_far[at]) * (1.0 + 1e-9):
                best = to
                break
        kept[size] = best
        size += 1
        at = best
    return kept[:size]
