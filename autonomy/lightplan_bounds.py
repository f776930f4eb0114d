"""Bounds that prune the light planner: from where a cell can be reached by when at all, if light and battery were no matter.

``reach`` counts the fewest ticks from the start to a cell, ``left`` those from a cell to the goal (Dijkstra's algorithm with a bucket
per tick: Dial 1969). A cell matters at tick k only if ``reach <= k`` and ``k + left`` is within the horizon: both are admissible, so
nothing optimal is lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

Bytes = NDArray[np.uint8]
Ticks = NDArray[np.int32]  # [R + 2, C + 2]
Ints = NDArray[np.int64]
NEVER = 2**30


@kernel
def fewest_ticks(
    straight: Bytes, diagonal: Bytes, block: NDArray[np.float32], row: int, col: int, backward: bool
) -> Ticks:
    """Return the fewest ticks from the padded cell (row, col) to every cell, or with ``backward`` from every cell to it.

    int32 [R + 2, C + 2], `NEVER` where there is no way. A crossing costs what the entered cell says.
    """
    rows, cols = block.shape
    found = np.full((rows, cols), NEVER, dtype=np.int32)
    flat, over, shut = found.reshape(-1), block.reshape(-1), np.float32(0.0)
    sides, corners = straight.reshape(-1), diagonal.reshape(-1)
    step = np.array([-cols, cols, -1, 1, -cols - 1, -cols + 1, cols - 1, cols + 1])
    depth = 257
    head = np.full(depth, -1, dtype=np.int64)
    item = np.empty(4 * rows * cols + 64, dtype=np.int64)
    after = np.empty(item.size, dtype=np.int64)
    used, waiting = 1, 1
    origin = row * cols + col
    flat[origin] = 0
    item[0], after[0], head[0] = origin, -1, 0
    tick = 0
    while waiting > 0:
        at = head[tick % depth]
        head[tick % depth] = -1
        while at >= 0:
            here = item[at]
            at = after[at]
            waiting -= 1
            if flat[here] != tick:
                continue
            for k in range(8):
                to = here + step[k]
                if over[to] < shut:
                    continue
                if k > 3:
                    beside = step[0] if k < 6 else step[1]
                    if over[here + beside] < shut or over[to - beside] < shut:
                        continue
                entered = here if backward else to
                new = tick + np.int64(corners[entered] if k > 3 else sides[entered])
                if new < flat[to]:
                    flat[to] = new
                    if used == item.size:
                        item = np.concatenate((item, np.empty(used, dtype=np.int64)))
                        after = np.concatenate((after, np.empty(used, dtype=np.int64)))
                    item[used] = to
                    after[used] = head[new % depth]
                    head[new % depth] = used
                    used += 1
                    waiting += 1
        tick += 1
    return found


@kernel
def columns_that_matter(reach: Ticks, left: Ticks, by: int, spare: int, low: Ints, high: Ints) -> None:
    """Fill ``low``, ``high`` [R + 2]: the columns of each row with ``reach <= by`` and ``left <= spare`` lie in low..high - 1."""
    rows, cols = reach.shape
    for r in range(rows):
        low[r], high[r] = 1, 1
        first = True
        for c in range(1, cols - 1):
            if reach[r, c] <= by and left[r, c] <= spare:
                if first:
                    low[r] = c
                    first = False
                high[r] = c + 1
