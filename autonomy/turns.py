"""Turning points: where a way down a distance field next changes its course, known beforehand for every cell.

Made once per field in one sweep from the goal outwards, as Theta* (Nash, Daniel, Koenig and Felner, "Theta*: any-angle path planning on
grids", 2007) finds parents: a cell goes on to the point that a nearer neighbour turns at, if the straight line there is no dearer than the
way through the neighbour, else to the neighbour. From then on a route from anywhere is read off, point by point.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel, leaf_kernel

from .line_cost import NO_KEEPOUTS, Keepouts, line_cost

NOWHERE: Final = -1  # the turning point of cells that no way leads from
FARTHEST: Final = 96.0  # [cells] no straight line is longer

Grid = NDArray[np.float32]


def turning_points(field: Grid, cost: Grid) -> NDArray[np.int32]:
    """Return the cell number (row * C + col) that each cell goes on to, int32 [R * C]: its own at the goal, -1 where no way leads.

    Parameters
    ----------
    field : float32 [R, C], cost of the way from each cell to the goal (see `distance_field`), in any unit.
    cost : float32 [R, C] per metre, the one that the field was made of; inf where impassable.
    """
    order = np.argsort(field, axis=None, kind="stable")
    count = int(np.isfinite(field).sum())
    out = np.full(field.size, NOWHERE, dtype=np.int32)
    _sweep(np.ascontiguousarray(field), np.ascontiguousarray(cost), NO_KEEPOUTS, order[:count], out)
    return out


@kernel
def _sweep(field: Grid, cost: Grid, keep: Keepouts, order: NDArray[np.int64], out: NDArray[np.int32]) -> None:
    rows, cols = field.shape
    whole = np.full(rows * cols, np.inf)  # of the way from each cell, turning where it turns, in cells
    for at in order:
        row, col = at // cols, at % cols
        if field[row, col] == 0.0:
            out[at] = at
            whole[at] = 0.0
            continue
        best, best_to, looked = np.inf, NOWHERE, NOWHERE
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                r, c = row + dr, col + dc
                if (dr == 0 and dc == 0) or r < 0 or c < 0 or r >= rows or c >= cols:
                    continue
                near = r * cols + c
                if not whole[near] < np.inf:
                    continue
                if dr != 0 and dc != 0 and not (cost[row, c] < np.inf and cost[r, col] < np.inf):
                    continue
                step = math.sqrt(2.0) if dr != 0 and dc != 0 else 1.0
                by_step = whole[near] + 0.5 * step * (np.float64(cost[row, col]) + np.float64(cost[r, c]))
                if by_step < best:
                    best, best_to = by_step, near
                turn = out[near]
                if turn in (looked, near):
                    continue
                to_row, to_col = turn // cols, turn % cols
                if (to_row - row) ** 2 + (to_col - col) ** 2 > FARTHEST * FARTHEST:
                    continue
                looked = turn
                straight = whole[turn] + line_cost(cost, keep, float(row), float(col), float(to_row), float(to_col))
                if straight <= best * (1.0 + 1e-9):
                    best, best_to = straight, turn
        out[at] = best_to
        whole[at] = best


@leaf_kernel
def turns_from(turn: NDArray[np.int32], start: int, out: NDArray[np.int64]) -> int:
    """Write the cells that a way from ``start`` turns at into ``out`` [n], the goal last; how many, at most n; -1 without a way.

    ``start`` itself is left out; at the goal there is none.
    """
    if turn[start] == NOWHERE:
        return -1
    count, at = 0, start
    while turn[at] != at and count < out.size:
        at = turn[at]
        out[count] = at
        count += 1
    return count
