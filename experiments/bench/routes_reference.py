"""Slow, independent references for routes: fast marching of second order, and the full visibility graph."""

from __future__ import annotations

import heapq
import math

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.autonomy.heap import heap_drop, heap_push
from moonfleet.terrain.kernel import kernel

Floats = NDArray[np.float64]

NEAR = 14.0  # [cells] round the source, times are those of straight lines
OFF_M = 1e-6  # [m] corners stand so far off their polygon


@kernel
def fast_marching(cost: Floats, row: int, col: int) -> Floats:
    """Return the least cost from a cell to all others, float64 [R, C], in cells: ``|grad T| = cost``, upwind of second order.

    Sethian, Level Set Methods and Fast Marching Methods (1999), ch. 8: one-sided differences of second order where two accepted
    neighbours lie in a row, the farther with the smaller time, else of first order.
    """
    rows, cols = cost.shape
    time = np.full(rows * cols, np.inf)
    done = np.zeros(rows * cols, np.bool_)
    keys = np.empty(8 * rows * cols)
    items = np.empty(8 * rows * cols, np.int64)
    size = 0
    reach = int(NEAR)
    for r in range(max(row - reach, 0), min(row + reach + 1, rows)):
        for c in range(max(col - reach, 0), min(col + reach + 1, cols)):
            far = math.sqrt((r - row) ** 2.0 + (c - col) ** 2.0)
            if far <= NEAR:
                middle = cost[(r + row + 1) // 2, (c + col + 1) // 2] + cost[(r + row) // 2, (c + col) // 2]
                time[r * cols + c] = far * (cost[r, c] + 2.0 * middle + cost[row, col]) / 6.0  # Simpson
                heap_push(keys, items, size, float(time[r * cols + c]), r * cols + c)
                size += 1
    while size > 0:
        here = items[0]
        heap_drop(keys, items, size)
        size -= 1
        if done[here]:
            continue
        done[here] = True
        for k in range(4):
            r, c = here // cols + (k == 0) - (k == 1), here % cols + (k == 2) - (k == 3)
            if r < 0 or c < 0 or r >= rows or c >= cols or done[r * cols + c]:
                continue
            if (r - row) ** 2 + (c - col) ** 2 <= NEAR * NEAR:
                continue
            found = _upwind(time, done, float(cost[r, c]), r, c, rows, cols)
            if found < time[r * cols + c]:
                time[r * cols + c] = found
                heap_push(keys, items, size, found, r * cols + c)
                size += 1
    return time.reshape(rows, cols)


@kernel
def _upwind(time: Floats, done: NDArray[np.bool_], cost: float, row: int, col: int, rows: int, cols: int) -> float:
    """Solve the quadratic ``sum (weight (T - known))^2 = cost^2`` of one cell from its accepted neighbours."""
    weight = np.zeros(2)
    known = np.zeros(2)
    for axis in range(2):
        best = np.inf
        for side in (-1, 1):
            r, c = (row + side, col) if axis == 0 else (row, col + side)
            if r < 0 or c < 0 or r >= rows or c >= cols or not done[r * cols + c] or time[r * cols + c] >= best:
                continue
            one = time[r * cols + c]
            best = one
            weight[axis], known[axis] = 1.0, one
            r, c = (row + 2 * side, col) if axis == 0 else (row, col + 2 * side)
            if 0 <= r < rows and 0 <= c < cols and done[r * cols + c] and time[r * cols + c] <= one:
                weight[axis], known[axis] = 1.5, (4.0 * one - time[r * cols + c]) / 3.0
    a = weight[0] ** 2 + weight[1] ** 2
    b = weight[0] ** 2 * known[0] + weight[1] ** 2 * known[1]
    c = weight[0] ** 2 * known[0] ** 2 + weight[1] ** 2 * known[1] ** 2 - cost * cost
    root = b * b - a * c
    least = np.inf
    for axis in range(2):
        if weight[axis] > 0.0:
            least = min(least, known[axis] + cost / weight[axis])
    if root < 0.0:
        return least
    both = (b + math.sqrt(root)) / a
    for axis in range(2):  # both neighbours must lie upwind
        if weight[axis] > 0.0 and both < known[axis]:
            return least
    return both


def full_visibility_length(start: Floats, goal: Floats, polygons: list[shapely.Polygon], off_m: float = OFF_M) -> float:
    """Return the length of the shortest way among polygons, by Dijkstra over all corners, every pair tested by shapely; inf if none.

    Corners are moved off their polygon by ``off_m``.
    """
    moved = [polygon.buffer(off_m, join_style="mitre", mitre_limit=50.0) for polygon in polygons]
    nodes = np.concatenate([start[None], goal[None], *(shapely.get_coordinates(polygon) for polygon in moved)])
    tree = shapely.STRtree(polygons)
    best = np.full(len(nodes), math.inf)
    best[0] = 0.0
    queue = [(0.0, 0)]
    while queue:
        so_far, here = heapq.heappop(queue)
        if here == 1:
            return so_far
        if so_far > best[here]:
            continue
        gaps = np.hypot(*(nodes - nodes[here]).T)
        worth = np.flatnonzero(so_far + gaps < best)  # the others would gain nothing
        lines = shapely.linestrings(np.stack([np.broadcast_to(nodes[here], (len(worth), 2)), nodes[worth]], axis=1))
        shut = np.zeros(len(worth), dtype=np.bool_)
        shut[tree.query(lines, predicate="intersects")[0]] = True
        for to in worth[~shut].tolist():
            best[to] = so_far + gaps[to]
            heapq.heappush(queue, (float(best[to]), to))
    return math.inf
