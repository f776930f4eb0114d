"""Dijkstra as in the textbook, and what a way costs by its cells: the slow references of the grid searches."""

from __future__ import annotations

import heapq
import math

import numpy as np


def plain_field(cost: np.ndarray, goals: list[tuple[int, int]], corner_cutting: bool) -> np.ndarray:
    """Return the cost from every cell to the cheapest goal, in cells."""
    best = np.full(cost.shape, np.inf)
    queue = [(0.0, goal) for goal in goals if np.isfinite(cost[goal])]
    for _, goal in queue:
        best[goal] = 0.0
    while queue:
        so_far, (r, c) = heapq.heappop(queue)
        if so_far > best[r, c]:
            continue
        for a in range(max(r - 1, 0), min(r + 2, cost.shape[0])):
            for b in range(max(c - 1, 0), min(c + 2, cost.shape[1])):
                free = np.isfinite(cost[a, b])
                if a != r and b != c and not corner_cutting:
                    free = free and np.isfinite(cost[a, c]) and np.isfinite(cost[r, b])
                found = so_far + math.hypot(a - r, b - c) * 0.5 * (float(cost[r, c]) + float(cost[a, b]))
                if free and found < best[a, b]:
                    best[a, b] = found
                    heapq.heappush(queue, (found, (a, b)))
    return best


def way_cost(cost: np.ndarray, cells: np.ndarray, corner_cutting: bool) -> float:
    """Return what a way costs, having looked that it goes from cell to neighbour over passable ground."""
    total = 0.0
    for (r, c), (a, b) in zip(cells[:-1].tolist(), cells[1:].tolist(), strict=True):
        assert max(abs(a - r), abs(b - c)) == 1
        if not corner_cutting:
            assert np.isfinite(cost[a, c])
            assert np.isfinite(cost[r, b])
        total += math.hypot(a - r, b - c) * 0.5 * (float(cost[r, c]) + float(cost[a, b]))
    assert np.isfinite(cost[cells[:, 0], cells[:, 1]]).all()
    return total
