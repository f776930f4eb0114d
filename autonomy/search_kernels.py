"""The loops of the grid searches: A* and Dijkstra on a padded grid, run in pieces so that they can be stopped.

A grid is flat, with an impassable rim of one cell (inf), ``width`` cells a row. Labels are float64 sums of steps
``(cost + cost) / 2 * length``, taken along the way from the source, so the least label of a cell is one number whatever the order in
which cells were looked at. All arrays belong to the caller, who runs a kernel again while it answers `MORE` (the piece is done) or
`FULL` (the queue needs room).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .grid_queue import FAR, open_next
from .heap import heap_drop, heap_push

MORE: Final = 0
FULL: Final = 1
FOUND: Final = 2
EMPTY: Final = 3
SETTLED: Final = 8  # in ``came``: the cell left the queue; lower bits: by which step it was reached
TILE: Final = 6  # log2 of the cells whose labels are wiped together
SQRT2: Final = 1.4142135623730951

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]


@kernel
def bound_to(at: int, rows: int, cols: int, low: float, tables: U16, goal_marks: I32, unit: float) -> float:
    """Return a lower bound of the cost from cell ``at`` to a goal ``rows`` and ``cols`` away, in cells.

    The octile distance at the cheapest cost; or, with landmarks, the largest difference of distances to one (Goldberg & Harrelson 2005),
    less one unit because both were rounded down. A cell that a landmark cannot reach carries 65535.
    """
    short = min(rows, cols)
    octile = low * ((max(rows, cols) - short) + SQRT2 * short)
    if goal_marks.size == 0:
        return octile
    most = np.int32(0)
    for k in range(goal_marks.size):
        most = max(most, abs(np.int32(tables[at, k]) - goal_marks[k]))
    return max(octile, unit * (most - 1))


@kernel
def astar_run(
    flat: F32,
    width: int,
    target: int,
    low: float,
    tables: U16,
    goal_marks: I32,
    unit: float,
    base: float,
    per_width: float,
    ordered: bool,
    corner_cutting: bool,
    best: F64,
    came: U8,
    tiles: U8,
    head: I32,
    key: F64,
    item: I32,
    after: I32,
    heap_key: F64,
    heap_item: I32,
    numbers: I64,
    pieces: int,
) -> int:
    """Run A* on for ``pieces`` expansions; answer `FOUND`, `EMPTY` (no way), `MORE` or `FULL`.

    ``best`` holds inf and ``came`` 0 but where cells were reached; ``tiles`` marks where (see `wipe`). A label that is lowered after its
    cell was settled settles it again, so bounds that are rounded, or a bucket without order, cost time but never the optimum.
    """
    row, col = target // width, target % width
    step = np.array([-width, width, -1, 1, -width - 1, -width + 1, width - 1, width + 1])
    step_row = np.array([-1, 1, 0, 0, -1, -1, 1, 1])
    step_col = np.array([0, 0, -1, 1, -1, 1, -1, 1])
    mask = head.size - 1
    cur, listed, free, left, size = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    done = 0
    answer = MORE
    guided, marks = goal_marks.size > 0, goal_marks.size
    low_diagonal = low * (SQRT2 - 1.0)
    while done < pieces:
        if size == 0:
            if came[target] & SETTLED:
                answer = FOUND
                break
            if listed == 0:
                answer = EMPTY
                break
            if listed + 8 > heap_item.size:
                answer = FULL
                break
            numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] = cur, listed, free, left, size
            open_next(head, key, item, after, heap_key, heap_item, numbers, base, per_width, ordered)
            cur, listed, free, left, size = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
            continue
        if left < 8 or size + 8 > heap_item.size:
            answer = FULL
            break
        if ordered:
            here = np.int64(heap_item[0])
            heap_drop(heap_key, heap_item, size)
            size -= 1
        else:
            size -= 1
            here = np.int64(heap_item[size])
        if came[here] & SETTLED:
            continue
        came[here] |= SETTLED
        if here == target:
            if ordered:
                answer = FOUND
                break
            continue
        done += 1
        tiles[here >> TILE] = 1
        so_far, half_here = best[here], 0.5 * np.float64(flat[here])
        here_row = here // width
        off_row, off_col = here_row - row, here - here_row * width - col
        for k in range(8):
            to = here + step[k]
            found = half_here + 0.5 * np.float64(flat[to])
            if k > 3:
                found *= SQRT2
                if not corner_cutting:
                    side = step[0] if k < 6 else step[1]
                    # inf * 0 is NaN, and no NaN is less than any label
                    found += 0.0 * (np.float64(flat[here + side]) + np.float64(flat[to - side]))
            found += so_far
            if found < best[to]:
                best[to] = found
                came[to] = k
                rows, cols = abs(off_row + step_row[k]), abs(off_col + step_col[k])
                at_best = low_diagonal * min(rows, cols) + low * max(rows, cols)
                if guided:
                    most = np.int32(0)
                    for j in range(marks):
                        most = max(most, abs(np.int32(tables[to, j]) - goal_marks[j]))
                    at_best = max(at_best, unit * (most - 1))
                at_best += found
                bucket = np.int64(min((at_best - base) * per_width, FAR))
                if bucket <= cur:
                    if ordered:
                        heap_push(heap_key, heap_item, size, at_best, to)
                    else:
                        heap_key[size] = at_best
                        heap_item[size] = to
                    size += 1
                else:
                    slot = min(bucket, cur + mask) & mask
                    entry = free
                    free = after[entry]
                    left -= 1
                    key[entry] = at_best
                    item[entry] = to
                    after[entry] = head[slot]
                    head[slot] = entry
                    listed += 1
    numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] = cur, listed, free, left, size
    numbers[5] += done
    return answer


@kernel
def field_run(
    flat: F32,
    width: int,
    per_width: float,
    ordered: bool,
    corner_cutting: bool,
    best: F64,
    head: I32,
    key: F64,
    item: I32,
    after: I32,
    heap_key: F64,
    heap_item: I32,
    numbers: I64,
    pieces: int,
) -> int:
    """Run Dijkstra on for ``pieces`` expansions; answer `EMPTY` (done), `MORE` or `FULL`. Labels in buckets below the lowest are final."""
    step = np.array([-width, width, -1, 1, -width - 1, -width + 1, width - 1, width + 1])
    mask = head.size - 1
    cur, listed, free, left, size = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    done = 0
    answer = MORE
    while done < pieces:
        if size == 0:
            if listed == 0:
                answer = EMPTY
                break
            if listed + 8 > heap_item.size:
                answer = FULL
                break
            numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] = cur, listed, free, left, size
            open_next(head, key, item, after, heap_key, heap_item, numbers, 0.0, per_width, ordered)
            cur, listed, free, left, size = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
            continue
        if left < 8 or size + 8 > heap_item.size:
            answer = FULL
            break
        if ordered:
            here, so_far = np.int64(heap_item[0]), heap_key[0]
            heap_drop(heap_key, heap_item, size)
            size -= 1
        else:
            size -= 1
            here, so_far = np.int64(heap_item[size]), heap_key[size]
        if so_far > best[here]:
            continue
        done += 1
        half_here = 0.5 * np.float64(flat[here])
        for k in range(8):
            to = here + step[k]
            found = half_here + 0.5 * np.float64(flat[to])
            if k > 3:
                found *= SQRT2
                if not corner_cutting:
                    side = step[0] if k < 6 else step[1]
                    # inf * 0 is NaN, and no NaN is less than any label
                    found += 0.0 * (np.float64(flat[here + side]) + np.float64(flat[to - side]))
            found += so_far
            if found < best[to]:
                best[to] = found
                bucket = np.int64(min(found * per_width, FAR))
                if bucket <= cur:
                    if ordered:
                        heap_push(heap_key, heap_item, size, float(found), to)
                    else:
                        heap_key[size] = found
                        heap_item[size] = to
                    size += 1
                else:
                    slot = min(bucket, cur + mask) & mask
                    entry = free
                    free = after[entry]
                    left -= 1
                    key[entry] = found
                    item[entry] = to
                    after[entry] = head[slot]
                    head[slot] = entry
                    listed += 1
    numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] = cur, listed, free, left, size
    numbers[5] += done
    return answer


@kernel
def trace(came: U8, width: int, source: int, last: int) -> I64:
    """Return the cells from ``source`` to ``last`` by which it was reached."""
    step = np.array([-width, width, -1, 1, -width - 1, -width + 1, width - 1, width + 1])
    count = 1
    at = last
    while at != source:
        at -= step[came[at] & 7]
        count += 1
    cells = np.empty(count, np.int64)
    at = last
    for i in range(count - 1, 0, -1):
        cells[i] = at
        at -= step[came[at] & 7]
    cells[0] = source
    return cells


@kernel
def nearest_settled(
    came: U8, best: F64, width: int, target: int, low: float, tables: U16, goal_marks: I32, unit: float
) -> tuple[int, float]:
    """Return the settled cell with the least bound to the target (of equals the one cheapest to reach), and that bound; -1 if none is."""
    row, col = target // width, target % width
    which, least, cheapest = -1, np.inf, np.inf
    for at in range(came.size):
        if came[at] & SETTLED:
            bound = bound_to(at, abs(at // width - row), abs(at % width - col), low, tables, goal_marks, unit)
            if bound < least or (bound == least and best[at] < cheapest):
                which, least, cheapest = at, bound, best[at]
    return which, least


@kernel
def wipe(best: F64, came: U8, tiles: U8, width: int) -> None:
    """Make the labels what they were before a search: inf and 0 on and around every marked tile; unmark."""
    for tile in range(tiles.size):
        if tiles[tile]:
            tiles[tile] = 0
            for shift in (-width, 0, width):
                start = max((tile << TILE) + shift - 1, 0)
                end = min(((tile + 1) << TILE) + shift + 1, best.size)
                for at in range(start, end):
                    best[at] = np.inf
                    came[at] = 0
