"""A* with 48 directions: a cost grid searched so that no straight way is more than 0.8 % dearer than it should be.

Moves go to all cells up to `REACH` rows and columns away whose offset has no common divisor. The widest gap between two directions
is 14 degrees, so a way of such moves is at most ``1 / cos(7 deg)`` = 1.0075 times as long as the straight one (the 8 directions of a plain
grid: 1.082), and the search picks the right side of an obstacle unless the sides differ by less. A move costs the exact integral along
its line (`moonfleet.autonomy.line_cost`) and is shut by impassable cells and keep-outs on it. Start and goal are any points of their cells.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .heap import heap_drop, heap_push
from .line_cost import Keepouts, line_cost, listed_touched

REACH = 4  # [cells]

Stencil = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


@lru_cache(maxsize=1)
def stencil() -> Stencil:
    """Return the moves [48, 2], where each one's cells begin [49], the cells crossed [n, 2] and their lengths of way [n] in cells.

    Cells beside an exact corner are listed with length 0: they must be passable.
    """
    offsets = range(-REACH, REACH + 1)
    moves = [(r, c) for r in offsets for c in offsets if math.gcd(r, c) == 1]
    first, cells, lengths = [0], list[tuple[int, int]](), list[float]()
    for move in moves:
        crossed = _crossed(*move)
        cells += crossed
        lengths += [float(share) * math.hypot(*move) for share in crossed.values()]
        first.append(len(cells))
    return np.array(moves), np.array(first), np.array(cells), np.array(lengths)


def _crossed(d_row: int, d_col: int) -> dict[tuple[int, int], Fraction]:
    """Return the share of the line from (0, 0) to (d_row, d_col) in each cell it crosses or whose corner it goes through."""
    cuts = {Fraction(0), Fraction(1)}
    for d in (abs(d_row), abs(d_col)):
        cuts |= {Fraction(2 * k + 1, 2 * d) for k in range(d)}
    at = sorted(cuts)
    shares: dict[tuple[int, int], Fraction] = {}
    half = Fraction(1, 2)
    for begin, end in pairwise(at):
        middle = (begin + end) / 2
        cell = (math.floor(middle * d_row + half), math.floor(middle * d_col + half))
        shares[cell] = shares.get(cell, Fraction(0)) + end - begin
    for t in at[1:-1]:
        row, col = t * d_row + half, t * d_col + half
        if row.denominator == 1 and col.denominator == 1:
            for corner in ((-1, -1), (-1, 0), (0, -1), (0, 0)):
                shares.setdefault((int(row) + corner[0], int(col) + corner[1]), Fraction(0))
    return shares


def wide_search(
    cost: NDArray[np.float32], keep: Keepouts, start: tuple[float, float], goal: tuple[float, float], cheapest: float
) -> NDArray[np.float64]:
    """Return the cheapest way, float64 [n, 2] (row, col) from start to goal in fractional cells; no points when there is none.

    Parameters
    ----------
    cost : float32 [R, C], 0 or more, inf where impassable (no NaN).
    keep : the keep-outs on the same grid.
    cheapest : no passable cell costs less.
    """
    return _wide(cost, keep, stencil(), start, goal, cheapest)


@kernel
def _wide(
    cost: NDArray[np.float32],
    keep: Keepouts,
    stencil: Stencil,
    start: tuple[float, float],
    goal: tuple[float, float],
    cheapest: float,
) -> NDArray[np.float64]:
    moves, first, crossed, lengths = stencil
    rows, cols = cost.shape
    kept_out = keep[1].size > 0
    flat = cost.reshape(-1)
    flat_move = moves[:, 0] * cols + moves[:, 1]
    flat_cross = crossed[:, 0] * cols + crossed[:, 1]
    target = rows * cols  # the goal itself, which no cell's centre need be
    best = np.full(target + 1, np.inf)
    came = np.full(target + 1, -1, np.int32)
    closed = np.zeros(target + 1, np.bool_)
    keys = np.empty(4096)
    items = np.empty(4096, np.int64)
    size = 0
    goal_row, goal_col = int(math.floor(goal[0] + 0.5)), int(math.floor(goal[1] + 0.5))
    row, col = int(math.floor(start[0] + 0.5)), int(math.floor(start[1] + 0.5))
    straight = line_cost(cost, keep, start[0], start[1], goal[0], goal[1])
    if straight < np.inf:
        best[target] = straight
        heap_push(keys, items, size, straight, target)
        size += 1
    for r in range(max(row - REACH, 0), min(row + REACH + 1, rows)):
        for c in range(max(col - REACH, 0), min(col + REACH + 1, cols)):
            found = line_cost(cost, keep, start[0], start[1], float(r), float(c))
            if found < np.inf:
                best[r * cols + c] = found
                bound = cheapest * math.sqrt((r - goal[0]) ** 2 + (c - goal[1]) ** 2)
                heap_push(keys, items, size, found + bound, r * cols + c)
                size += 1
    while size > 0:
        here = items[0]
        heap_drop(keys, items, size)
        size -= 1
        if closed[here]:
            continue
        closed[here] = True
        if here == target:
            break
        if size + 64 > keys.size:
            keys = np.concatenate((keys, np.empty(keys.size)))
            items = np.concatenate((items, np.empty(items.size, np.int64)))
        row, col = here // cols, here % cols
        here_best = best[here]
        if abs(row - goal_row) <= REACH and abs(col - goal_col) <= REACH:
            found = here_best + line_cost(cost, keep, float(row), float(col), goal[0], goal[1])
            if found < best[target]:
                best[target] = found
                came[target] = here
                heap_push(keys, items, size, float(found), target)
                size += 1
        inner = REACH <= row < rows - REACH and REACH <= col < cols - REACH
        for m in range(flat_move.size):
            if not inner:
                r, c = row + moves[m, 0], col + moves[m, 1]
                if r < 0 or c < 0 or r >= rows or c >= cols:
                    continue
            to = here + flat_move[m]
            if closed[to] or here_best >= best[to]:
                continue
            found = here_best
            for k in range(first[m], first[m + 1]):
                value = flat[here + flat_cross[k]]
                if value == np.inf:
                    found = np.inf
                    break
                found += lengths[k] * np.float64(value)
            if not found < best[to]:
                continue
            r, c = row + moves[m, 0], col + moves[m, 1]
            if kept_out:
                shut = False
                for k in range(first[m], first[m + 1]):
                    cell = here + flat_cross[k]
                    if keep[0][cell] < keep[0][cell + 1] and listed_touched(
                        keep, cell, float(row), float(col), float(r), float(c)
                    ):
                        shut = True
                        break
                if shut:
                    continue
            best[to] = found
            came[to] = here
            bound = cheapest * math.sqrt((r - goal[0]) ** 2 + (c - goal[1]) ** 2)
            if found + bound < best[target]:
                heap_push(keys, items, size, float(found + bound), to)
                size += 1
    if not closed[target]:
        return np.empty((0, 2))
    count = 2
    at = came[target]
    while at >= 0:
        at = came[at]
        count += 1
    points = np.empty((count, 2))
    points[0, 0], points[0, 1] = start[0], start[1]
    points[count - 1, 0], points[count - 1, 1] = goal[0], goal[1]
    at = came[target]
    for i in range(count - 2, 0, -1):
        points[i, 0], points[i, 1] = at // cols, at % cols
        at = came[at]
    return points
