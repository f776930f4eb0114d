"""Exact search on a cost grid: one path (A*), the cost to the nearest goal from everywhere (Dijkstra), or between all of some points.

The cost of a step between 8-neighbours is the mean of the two cells' costs times the distance between their centres; infinite,
NaN and negative-infinite cells are impassable. A* (Hart, Nilsson, Raphael 1968) goes by the octile distance times the cheapest cell,
or by the bounds of landmarks (`moonfleet.autonomy.landmarks`), and its answer has the least cost whatever bounds it. A search may be
cancelled and may be given a time; a path that was cut short ends at the cell with the least bound to the goal and says that it is partial.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import CostError, GoalBlocked, GoalOutside, NoRoute, PlanInterrupted
from .grid_queue import EXPANDED, BucketQueue
from .search_grid import (
    PIECE,
    Cancel,
    Labels,
    SearchGrid,
    Watch,
    borrow_labels,
    check_cell_m,
    give_back,
    nearest_free,
    one_cell,
    ready,
    whole_cells,
)
from .search_kernels import EMPTY, FOUND, FULL, TILE, astar_run, bound_to, nearest_settled, trace
from .sweep_field import sweep

if TYPE_CHECKING:
    from .landmarks import Landmarks

__all__ = ["GridPath", "SearchGrid", "distance_field", "distance_matrix", "nearest_free", "shortest_path"]

OCTILE_PART: Final = 1.0 / 16.0  # of the cheapest step is a bucket wide, without landmarks
LANDMARK_PART: Final = 1.0 / 256.0  # and with: their bounds leave many cells with nearly the same key
UNORDERED: Final = 0.25  # parts of the cheapest step up to which A* does without order

_NO_TABLES: Final = np.zeros((0, 0), np.uint16)
_NO_MARKS: Final = np.zeros(0, np.int32)


class GridPath(NamedTuple):
    """A path over cells: ``cells`` int32 [n, 2] (row, col) from start to goal, and its cost.

    ``partial``: the search was cut short; the path ends where the lower bound of the cost still to go, ``to_go``, is least.
    """

    cells: NDArray[np.int32]
    cost: float
    partial: bool = False
    to_go: float = 0.0


class _Bound(NamedTuple):
    """What A* takes for a lower bound (see `bound_to`)."""

    low: float
    tables: NDArray[np.uint16]
    marks: NDArray[np.int32]
    unit: float


def shortest_path(
    cost: NDArray[np.float32] | SearchGrid,
    start_rc: tuple[int, int],
    goal_rc: tuple[int, int],
    cell_m: float = 1.0,
    corner_cutting: bool = True,
    *,
    landmarks: Landmarks | None = None,
    cancel: Cancel | None = None,
    budget_s: float | None = None,
) -> GridPath:
    """Return the cheapest 8-connected path.

    Parameters
    ----------
    cost : float32 [R, C], cost per metre, 0 or more; inf, NaN or masked is impassable. Or a `SearchGrid` of it.
    start_rc, goal_rc : (row, col).
    cell_m : size of a cell [m].
    corner_cutting : False allows a diagonal only if both orthogonal neighbours are passable.
    landmarks : bounds that make the search faster, built for this grid or for one whose costs have only risen since.
    cancel : a function that returns True, or an event that is set, to stop the search (asked every few milliseconds).
    budget_s : seconds of wall time after which it stops.

    Raises
    ------
    StartBlocked, GoalOutside, GoalBlocked, NoRoute : see `moonfleet.autonomy.errors`.
    CostError : a grid that cannot be searched, or is cheaper somewhere than its landmarks know; what is no cell or no ``cell_m``.
    PlanInterrupted : stopped before it had come any nearer to the goal.
    """
    check_cell_m(cell_m)
    watch = Watch(cancel, budget_s)
    grid = ready(cost)
    start, goal = one_cell(start_rc, "start"), one_cell(goal_rc, "goal")
    grid.check_start(start)
    grid.check_goal(goal)
    source, target = grid.index(*start), grid.index(*goal)
    bound = _Bound(grid.cheapest, _NO_TABLES, _NO_MARKS, 1.0)
    if landmarks is not None:
        landmarks.check(grid, corner_cutting)
        bound = _Bound(grid.cheapest, landmarks.tables, landmarks.tables[target].astype(np.int32), landmarks.unit)
    labels = borrow_labels(grid.flat.size)
    try:
        if not _astar(grid, labels, source, target, bound, corner_cutting, watch):
            return _best_so_far(grid, labels, source, target, bound, cell_m, watch)
        if labels.best[target] == np.inf:
            raise NoRoute(
                f"no passable way from cell {start} to cell {goal}: impassable ground lies all around one of them. "
                "Choose another goal, or a robot that climbs steeper slopes."
            )
        cells = trace(labels.came, grid.width, source, target)
        return GridPath(_row_col(cells, grid.width), float(labels.best[target]) * cell_m)
    finally:
        give_back(labels, grid.width)


def _astar(
    grid: SearchGrid, labels: Labels, source: int, target: int, bound: _Bound, corner_cutting: bool, watch: Watch
) -> bool:
    """Label the cells to the target; False if the watch stopped it."""
    part = OCTILE_PART if bound.marks.size == 0 else LANDMARK_PART
    width = grid.bucket_width(part)
    ordered = bound.marks.size > 0 or width > UNORDERED * grid.cheapest
    base = _bound_at(grid, source, target, bound)
    queue = labels.queue
    queue.start(base, np.array([source]))
    labels.best[source] = 0.0
    labels.tiles[source >> TILE] = 1
    while not watch.stops():
        answer = astar_run(
            grid.flat, grid.width, target, bound.low, bound.tables, bound.marks, bound.unit, base, 1.0 / width,
            ordered, corner_cutting, labels.best, labels.came, labels.tiles, queue.head, queue.key, queue.item,
            queue.after, queue.heap_key, queue.heap_item, queue.numbers, PIECE,
        )  # fmt: skip
        if answer in (FOUND, EMPTY):
            return True
        if answer == FULL:
            queue.grow()
    return False


def _bound_at(grid: SearchGrid, at: int, target: int, bound: _Bound) -> float:
    rows, cols = abs(at // grid.width - target // grid.width), abs(at % grid.width - target % grid.width)
    return bound_to(at, rows, cols, *bound)


def _best_so_far(
    grid: SearchGrid, labels: Labels, source: int, target: int, bound: _Bound, cell_m: float, watch: Watch
) -> GridPath:
    """Return the way to the settled cell that is nearest to the goal by its bound."""
    last, to_go = nearest_settled(labels.came, labels.best, grid.width, target, *bound)
    if last in (-1, source):
        raise PlanInterrupted(
            f"the search was stopped after {int(labels.queue.numbers[EXPANDED])} cells, before it had come any nearer to the goal: "
            f"{watch.why}. Give it more time (budget_s), or landmarks."
        )
    cells = _row_col(trace(labels.came, grid.width, source, last), grid.width)
    return GridPath(cells, path_cost(grid.cost, cells) * cell_m, partial=True, to_go=float(to_go) * cell_m)


def _row_col(cells: NDArray[np.int64], width: int) -> NDArray[np.int32]:
    rc = np.empty((cells.size, 2), dtype=np.int32)
    rc[:, 0] = cells // width - 1
    rc[:, 1] = cells % width - 1
    return rc


def path_cost(cost: NDArray[np.float32], cells: NDArray[np.int32]) -> float:
    """Return the documented cost of a way over cells [n, 2], in cells."""
    at = cost[cells[:, 0], cells[:, 1]].astype(np.float64)
    length = np.hypot(*np.diff(cells.astype(np.float64), axis=0).T)
    return float((length * 0.5 * (at[1:] + at[:-1])).sum())


def distance_field(
    cost: NDArray[np.float32] | SearchGrid,
    goals_rc: ArrayLike,
    cell_m: float = 1.0,
    corner_cutting: bool = True,
    *,
    cancel: Cancel | None = None,
    budget_s: float | None = None,
) -> NDArray[np.float64]:
    """Return the cost from every cell to its cheapest goal, float64 [R, C], inf where none can be reached.

    ``goals_rc`` is one (row, col) or an array [n, 2]; impassable goals are skipped. ``cancel`` and ``budget_s`` as in `shortest_path`.

    Raises
    ------
    GoalOutside : a goal off the grid, or none at all.
    GoalBlocked : every goal is impassable.
    CostError : a grid that cannot be searched; what is no cell or no ``cell_m``.
    PlanInterrupted : stopped before every cell was known.
    """
    check_cell_m(cell_m)
    watch = Watch(cancel, budget_s)
    grid = ready(cost)
    goals = _cells_on(grid, goals_rc, "goal")
    goals = goals[grid.cost[goals[:, 0], goals[:, 1]] < np.inf]
    if goals.size == 0:
        raise GoalBlocked("every goal cell is impassable; choose goals on passable ground.")
    best = np.full(grid.flat.size, np.inf)
    sweep(grid, best, BucketQueue(), (goals[:, 0] + 1) * grid.width + goals[:, 1] + 1, corner_cutting, watch)
    return best.reshape(grid.padded.shape)[1:-1, 1:-1] * cell_m


def distance_matrix(
    cost: NDArray[np.float32] | SearchGrid,
    points_rc: ArrayLike,
    cell_m: float = 1.0,
    corner_cutting: bool = True,
    *,
    workers: int = 1,
    cancel: Cancel | None = None,
    budget_s: float | None = None,
) -> NDArray[np.float64]:
    """Return the least cost between every two of ``points_rc`` [n, 2], float64 [n, n], inf where no way joins them.

    Ways cost the same in both directions, so each pair is searched once. ``workers`` threads share the points; the bytes do not depend
    on how many. An impassable point is inf from every other and 0 from itself. ``cancel`` and ``budget_s`` as in `shortest_path`.

    Raises
    ------
    GoalOutside : a point off the grid, or none at all.
    CostError : a grid that cannot be searched, ``workers`` below 1; what is no cell or no ``cell_m``.
    PlanInterrupted : stopped before every pair was known.
    """
    if workers < 1:
        raise CostError(f"workers: {workers}; must be 1 or more.")
    check_cell_m(cell_m)
    watch = Watch(cancel, budget_s)
    grid = ready(cost)
    points = _cells_on(grid, points_rc, "point")
    cells = (points[:, 0] + 1) * grid.width + points[:, 1] + 1
    matrix = np.full((len(cells), len(cells)), np.inf)
    np.fill_diagonal(matrix, 0.0)

    def row(i: int) -> None:
        others = cells[i + 1 :]
        passable = others[grid.flat[others] < np.inf]
        if passable.size == 0 or not grid.flat[cells[i]] < np.inf:
            return
        best = np.full(grid.flat.size, np.inf)
        sweep(grid, best, BucketQueue(), cells[i : i + 1], corner_cutting, watch, passable)
        matrix[i, i + 1 :] = best[others]

    # The first rows have the most points to reach: begin with them.
    if workers == 1:
        for i in range(len(cells) - 1):
            row(i)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for job in [pool.submit(row, i) for i in range(len(cells) - 1)]:
                job.result()
    below = np.tril_indices(len(cells), -1)
    matrix[below] = matrix.T[below]
    return matrix * cell_m


def _cells_on(grid: SearchGrid, cells_rc: ArrayLike, what: str) -> NDArray[np.int64]:
    """Return cells as int64 [n, 2]; raises `GoalOutside`, and `CostError` for what are no cells."""
    cells = whole_cells(cells_rc, what)
    rows, cols = grid.shape
    off = (cells < 0).any(axis=1) | (cells[:, 0] >= rows) | (cells[:, 1] >= cols)
    if cells.size == 0 or off.any():
        named = (
            f"no {what} was given"
            if cells.size == 0
            else f"{what} cell {tuple(cells[off][0].tolist())} is not on the grid"
        )
        raise GoalOutside(f"{named}; rows are 0..{rows - 1}, columns 0..{cols - 1}.")
    return cells
