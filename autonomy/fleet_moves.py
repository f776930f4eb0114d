"""The moves of one kind of machine on a grid, in whole ticks of time, and how many ticks each cell is from a goal.

A move joins 8-neighbours and takes the mean of the two cells' paces [s/m] times the distance of their centres, rounded up to a
tick, so no robot is ever asked to be faster than its ground allows. Directions are numbered as in `DIRECTIONS`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .heap import heap_drop, heap_push

DIRECTIONS = ("N", "S", "W", "E", "NW", "NE", "SW", "SE")  # bit k of a mask of moves stands for direction k
ROW_STEP = np.array([-1, 1, 0, 0, -1, -1, 1, 1], dtype=np.int64)
COL_STEP = np.array([0, 0, -1, 1, -1, 1, -1, 1], dtype=np.int64)
ALL_MOVES = 255  # a mask that allows every direction
FAR = 1 << 40  # ticks: for ever
MOVE_MAX = 1 << 20  # ticks: longest single move

_SQRT2 = 1.4142135623730951


@kernel
def move_table(
    pace: NDArray[np.float32], allowed: NDArray[np.uint8], ticks_per_pace: float, fastest: float, corner_cutting: bool
) -> NDArray[np.int32]:
    """Return int32 [(R + 2) * (C + 2), 8]: ticks of each move from each cell of the rimmed grid, 0 where there is none.

    Parameters
    ----------
    pace : float32 [R, C], seconds per metre; anything but a finite number is impassable.
    allowed : uint8 [R, C], bit k set where a move in direction k may leave or enter the cell.
    ticks_per_pace : ticks that one cell at 1 s/m takes.
    fastest : no cell is crossed at a lower pace than this [s/m].
    corner_cutting : False allows a diagonal only if both orthogonal neighbours are passable.
    """
    rows, cols = pace.shape
    table = np.zeros(((rows + 2) * (cols + 2), 8), np.int32)
    for r in range(rows):
        for c in range(cols):
            here = np.float64(pace[r, c])
            if not np.isfinite(here):
                continue
            cell = (r + 1) * (cols + 2) + c + 1
            for k in range(8):
                a, b = r + ROW_STEP[k], c + COL_STEP[k]
                if a < 0 or b < 0 or a >= rows or b >= cols:
                    continue
                there = np.float64(pace[a, b])
                if not np.isfinite(there) or not (allowed[r, c] >> k) & (allowed[a, b] >> k) & 1:
                    continue
                length = 1.0
                if k > 3:
                    length = _SQRT2
                    if not corner_cutting and not (np.isfinite(pace[a, c]) and np.isfinite(pace[r, b])):
                        continue
                ticks = np.ceil(0.5 * length * (max(here, fastest) + max(there, fastest)) * ticks_per_pace - 1e-9)
                if ticks <= MOVE_MAX:  # slower than that is as good as impassable
                    table[cell, k] = max(np.int32(ticks), np.int32(1))
    return table


@kernel
def ticks_to_goal(moves: NDArray[np.int32], width: int, goal: int) -> NDArray[np.int64]:
    """Return int64 per cell of the rimmed grid: the fewest ticks to ``goal`` on an empty map, `FAR` where there is no way."""
    best = np.full(moves.shape[0], FAR, np.int64)
    keys = np.empty(4096, np.int64)
    items = np.empty(4096, np.int64)
    best[goal] = 0
    keys[0], items[0] = 0, goal
    size = 1
    while size > 0:
        key, here = keys[0], items[0]
        heap_drop(keys, items, size)
        size -= 1
        if key > best[here]:
            continue
        if size + 8 > keys.size:
            keys = np.concatenate((keys, np.empty(keys.size, np.int64)))
            items = np.concatenate((items, np.empty(items.size, np.int64)))
        for k in range(8):
            back = here - ROW_STEP[k] * width - COL_STEP[k]
            if back < 0 or back >= moves.shape[0] or moves[back, k] == 0:
                continue
            found = key + moves[back, k]
            if found < best[back]:
                best[back] = found
                heap_push(keys, items, size, found, back)
                size += 1
    return best
