"""Exact search on a cost grid: one path (A*), or the cost to the nearest goal from everywhere (Dijkstra).

The cost of a step between 8-neighbours is the mean of the two cells' costs times the distance between their centres; infinite,
NaN and negative-infinite cells are impassable. A* (Hart, Nilsson, Raphael 1968) with the octile distance times the cheapest cell as
its bound, so the first time the goal leaves the queue its cost is exact. The queue is a 4-ary heap with lazy deletion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.terrain.kernel import kernel

from .errors import CostError, GoalBlocked, GoalOutside, NoRoute, PlanError, StartBlocked

_SQRT2 = 1.4142135623730951


class GridPath(NamedTuple):
    """A path over cells: ``cells`` int32 [n, 2] (row, col) from start to goal, and its cost."""

    cells: NDArray[np.int32]
    cost: float


def shortest_path(
    cost: NDArray[np.float32],
    start_rc: tuple[int, int],
    goal_rc: tuple[int, int],
    cell_m: float = 1.0,
    corner_cutting: bool = True,
) -> GridPath:
    """Return the cheapest 8-connected path.

    Parameters
    ----------
    cost : float32 [R, C], cost per metre, 0 or more; inf or NaN is impassable.
    start_rc, goal_rc : (row, col).
    cell_m : size of a cell [m].
    corner_cutting : False allows a diagonal only if both orthogonal neighbours are passable.

    Raises
    ------
    StartBlocked, GoalOutside, GoalBlocked, NoRoute : see `moonfleet.autonomy.errors`.
    CostError : a grid that cannot be searched.
    """
    padded, cheapest = _padded(cost)
    start, goal = (int(start_rc[0]), int(start_rc[1])), (int(goal_rc[0]), int(goal_rc[1]))
    _check_cell(cost, start, StartBlocked, StartBlocked, "start")
    _check_cell(cost, goal, GoalOutside, GoalBlocked, "goal")
    width = padded.shape[1]
    flat = padded.reshape(-1)
    source, target = (start[0] + 1) * width + start[1] + 1, (goal[0] + 1) * width + goal[1] + 1
    total, cells = _astar(flat, width, source, target, cheapest, corner_cutting)
    if cells.size == 0:
        raise NoRoute(
            f"no passable way from cell {start} to cell {goal}: impassable ground lies all around one of them. "
            "Choose another goal, or a robot that climbs steeper slopes."
        )
    rc = np.empty((cells.size, 2), dtype=np.int32)
    rc[:, 0] = cells // width - 1
    rc[:, 1] = cells % width - 1
    return GridPath(rc, total * cell_m)


def distance_field(
    cost: NDArray[np.float32], goals_rc: ArrayLike, cell_m: float = 1.0, corner_cutting: bool = True
) -> NDArray[np.float64]:
    """Return the cost from every cell to its cheapest goal, float64 [R, C], inf where none can be reached.

    ``goals_rc`` is one (row, col) or an array [n, 2]. Impassable goals are skipped; raises `GoalOutside` for one off the grid,
    `GoalBlocked` when every goal is impassable.
    """
    padded, _ = _padded(cost)
    goals = np.asarray(goals_rc, dtype=np.int64).reshape(-1, 2)
    rows, cols = cost.shape
    off = (goals < 0).any(axis=1) | (goals[:, 0] >= rows) | (goals[:, 1] >= cols)
    if goals.size == 0 or off.any():
        named = (
            "no goal was given" if goals.size == 0 else f"goal cell {tuple(goals[off][0].tolist())} is not on the grid"
        )
        raise GoalOutside(f"{named}; rows are 0..{rows - 1}, columns 0..{cols - 1}.")
    goals = goals[np.isfinite(cost[goals[:, 0], goals[:, 1]])]
    if goals.size == 0:
        raise GoalBlocked("every goal cell is impassable; choose goals on passable ground.")
    width = padded.shape[1]
    found = _field(padded.reshape(-1), width, (goals[:, 0] + 1) * width + goals[:, 1] + 1, corner_cutting)
    return found.reshape(padded.shape)[1:-1, 1:-1] * cell_m


def nearest_free(cost: NDArray[np.float32], row: int, col: int, reach: int = 25) -> tuple[int, int] | None:
    """Return the passable cell nearest to (row, col) within ``reach`` cells, None if there is none."""
    r0, c0 = max(row - reach, 0), max(col - reach, 0)
    near = np.isfinite(cost[r0 : max(row + reach + 1, 0), c0 : max(col + reach + 1, 0)])
    at = np.argwhere(near)
    if at.size == 0:
        return None
    best = int(np.argmin((at[:, 0] + r0 - row) ** 2 + (at[:, 1] + c0 - col) ** 2))
    return int(at[best, 0]) + r0, int(at[best, 1]) + c0


def _check_cell(
    cost: NDArray[np.float32], cell: tuple[int, int], outside: type[PlanError], blocked: type[PlanError], what: str
) -> None:
    rows, cols = cost.shape
    row, col = cell
    if not (0 <= row < rows and 0 <= col < cols):
        raise outside(f"{what} cell {cell} is not on the grid; rows are 0..{rows - 1}, columns 0..{cols - 1}.")
    if not np.isfinite(cost[row, col]):
        free = nearest_free(cost, row, col)
        hint = f"the nearest passable cell is {free}" if free else "no passable cell lies within 25 cells"
        raise blocked(f"{what} cell {cell} is impassable ground; {hint}.")


def _padded(cost: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return the grid with an impassable rim, and its cheapest cell."""
    if cost.ndim != 2 or cost.size == 0:
        raise CostError(f"cost grid: shape {cost.shape}; must be [R, C] with at least one cell.")
    padded = np.full((cost.shape[0] + 2, cost.shape[1] + 2), np.inf, dtype=np.float32)
    padded[1:-1, 1:-1] = cost
    cheapest = _clean(padded.reshape(-1))
    if cheapest < 0.0:
        raise CostError(f"cost grid: cheapest cell {cheapest}; costs per metre must be 0 or more, inf for impassable.")
    return padded, cheapest


@kernel
def _clean(flat: NDArray[np.float32]) -> float:
    """Turn NaN and -inf into inf in place; return the smallest finite value (0 if there is none)."""
    low = np.inf
    for i in range(flat.size):
        value = flat[i]
        if np.isfinite(value):
            low = min(low, value)
        else:
            flat[i] = np.inf
    return float(low) if np.isfinite(low) else 0.0


@kernel
def _push(keys: NDArray[np.float64], items: NDArray[np.int64], size: int, key: float, item: int) -> None:
    """Sift ``item`` up into a 4-ary heap of ``size`` entries (the arrays must have room)."""
    at = size
    while at > 0:
        up = (at - 1) >> 2
        if keys[up] <= key:
            break
        keys[at] = keys[up]
        items[at] = items[up]
        at = up
    keys[at] = key
    items[at] = item


@kernel
def _drop_top(keys: NDArray[np.float64], items: NDArray[np.int64], size: int) -> None:
    """Remove the top of a heap of ``size`` entries; ``size - 1`` remain."""
    last = size - 1
    key, item = keys[last], items[last]
    at = 0
    while True:
        child = 4 * at + 1
        if child >= last:
            break
        best = child
        for other in range(child + 1, min(child + 4, last)):
            if keys[other] < keys[best]:
                best = other
        if keys[best] >= key:
            break
        keys[at] = keys[best]
        items[at] = items[best]
        at = best
    keys[at] = key
    items[at] = item


@kernel
def _astar(
    flat: NDArray[np.float32], width: int, source: int, target: int, cheapest: float, corner_cutting: bool
) -> tuple[float, NDArray[np.int64]]:
    """Return (cost in cells, cells from source to target); no cells when there is no way."""
    step = np.array([-width, width, -1, 1, -width - 1, -width + 1, width - 1, width + 1])
    best = np.full(flat.size, np.inf)
    came = np.zeros(flat.size, np.int8)
    closed = np.zeros(flat.size, np.bool_)
    keys = np.empty(4096)
    items = np.empty(4096, np.int64)
    target_row, target_col = target // width, target % width
    best[source] = 0.0
    keys[0], items[0] = 0.0, source
    size = 1
    while size > 0:
        here = items[0]
        _drop_top(keys, items, size)
        size -= 1
        if closed[here]:
            continue
        closed[here] = True
        if here == target:
            break
        if size + 8 > keys.size:
            keys = np.concatenate((keys, np.empty(keys.size)))
            items = np.concatenate((items, np.empty(items.size, np.int64)))
        here_best, here_cost = best[here], np.float64(flat[here])
        for k in range(8):
            to = here + step[k]
            if closed[to] or flat[to] == np.inf:
                continue
            length = 0.5
            if k > 3:
                length = 0.5 * _SQRT2
                if not corner_cutting:
                    side = step[0] if k < 6 else step[1]
                    if flat[here + side] == np.inf or flat[to - side] == np.inf:
                        continue
            found = here_best + length * (here_cost + np.float64(flat[to]))
            if found < best[to]:
                best[to] = found
                came[to] = k
                rows, cols = abs(to // width - target_row), abs(to % width - target_col)
                straight = max(rows, cols) - min(rows, cols)
                bound = cheapest * (straight + _SQRT2 * min(rows, cols))
                _push(keys, items, size, found + bound, to)
                size += 1
    if not closed[target]:
        return np.inf, np.empty(0, np.int64)
    count = 1
    at = target
    while at != source:
        at -= step[came[at]]
        count += 1
    cells = np.empty(count, np.int64)
    at = target
    for i in range(count - 1, -1, -1):
        cells[i] = at
        at -= step[came[at]]
    return best[target], cells


@kernel
def _field(
    flat: NDArray[np.float32], width: int, goals: NDArray[np.int64], corner_cutting: bool
) -> NDArray[np.float64]:
    """Return the cost in cells from every cell to its cheapest goal."""
    step = np.array([-width, width, -1, 1, -width - 1, -width + 1, width - 1, width + 1])
    best = np.full(flat.size, np.inf)
    keys = np.empty(max(4096, goals.size + 8))
    items = np.empty(keys.size, np.int64)
    size = 0
    for i in range(goals.size):
        best[goals[i]] = 0.0
        _push(keys, items, size, 0.0, goals[i])
        size += 1
    while size > 0:
        here, key = items[0], keys[0]
        _drop_top(keys, items, size)
        size -= 1
        if key > best[here]:
            continue
        if size + 8 > keys.size:
            keys = np.concatenate((keys, np.empty(keys.size)))
            items = np.concatenate((items, np.empty(items.size, np.int64)))
        here_cost = np.float64(flat[here])
        for k in range(8):
            to = here + step[k]
            if flat[to] == np.inf:
                continue
            length = 0.5
            if k > 3:
                length = 0.5 * _SQRT2
                if not corner_cutting:
                    side = step[0] if k < 6 else step[1]
                    if flat[here + side] == np.inf or flat[to - side] == np.inf:
                        continue
            found = key + length * (here_cost + np.float64(flat[to]))
            if found < best[to]:
                best[to] = found
                _push(keys, items, size, found, to)
                size += 1
    return best
