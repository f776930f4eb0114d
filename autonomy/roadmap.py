"""A roadmap: places and the drives between them, as flat arrays that compiled planners read.

Places are the passable cells of a grid (or any part of it), drives join 8-neighbours and never cut the corner of an
impassable cell. The time of a drive is the mean of the two cells' seconds per metre times the distance of their centres, as in
`moonfleet.autonomy.search`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import CostError, NoRoute, PlanError
from .search_grid import check_cell_m, plain_numbers

_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


class Roadmap(NamedTuple):
    """Places 0..N-1 and directed drives; those out of place ``i`` are ``first[i]`` .. ``first[i + 1] - 1``."""

    cells: NDArray[np.int32]  # [N, 2] row, col; -1 where a place is no cell of a grid
    first: NDArray[np.int64]  # [N + 1]
    to: NDArray[np.int32]  # [E]
    drive_s: NDArray[np.float64]  # [E] time under way, without faults [s]

    @property
    def places(self) -> int:
        """How many places there are."""
        return len(self.first) - 1

    def place_of(self, row: int, col: int) -> int:
        """Return the place at a cell; raises `NoRoute` if the roadmap has none there."""
        found = np.flatnonzero((self.cells[:, 0] == row) & (self.cells[:, 1] == col))
        if found.size == 0:
            raise NoRoute(
                f"cell ({row}, {col}) is not on the roadmap: impassable ground, or outside the part of the grid it covers."
            )
        return int(found[0])

    def sources(self) -> NDArray[np.int64]:
        """Return the place each drive leaves from, int64 [E]."""
        return np.repeat(np.arange(self.places), np.diff(self.first))


def roadmap_of_edges(places: int, edges: list[tuple[int, int, float]]) -> Roadmap:
    """Return a roadmap of directed drives (from, to, seconds).

    Raises
    ------
    CostError : a drive that names no place, leads nowhere, or does not take a positive, finite time.
    """
    for source, target, seconds in edges:
        if not (0 <= source < places and 0 <= target < places and source != target):
            raise CostError(
                f"drive {source} -> {target}: places are 0..{places - 1}, and two different ones are needed."
            )
        if not 0.0 < seconds < np.inf:
            raise CostError(f"drive {source} -> {target}: {seconds} s; must be above 0 and finite.")
    ordered = sorted(edges, key=lambda edge: (edge[0], edge[1]))
    source = np.array([edge[0] for edge in ordered], dtype=np.int64)
    return Roadmap(
        np.full((places, 2), -1, np.int32),
        np.searchsorted(source, np.arange(places + 1)).astype(np.int64),
        np.array([edge[1] for edge in ordered], dtype=np.int32),
        np.array([edge[2] for edge in ordered], dtype=np.float64),
    )


def grid_roadmap(
    pace: NDArray[np.float32], cell_m: float, part: NDArray[np.bool_] | None = None, corner_cutting: bool = False
) -> Roadmap:
    """Return the roadmap of a grid of paces.

    Parameters
    ----------
    pace : float32 [R, C], seconds per metre, above 0; inf, NaN or masked is impassable.
    cell_m : size of a cell [m].
    part : bool [R, C], the cells to cover; all by default. Fewer cells make every table over the roadmap smaller.
    corner_cutting : False allows a diagonal only if both orthogonal neighbours are passable.

    Raises
    ------
    CostError : shapes that differ, a pace or a cell size that is not positive.
    NoRoute : no passable cell at all.
    """
    check_cell_m(cell_m)
    pace = plain_numbers(pace, "pace").astype(np.float32, copy=False)
    if pace.ndim != 2 or (part is not None and part.shape != pace.shape):
        raise CostError(f"pace {pace.shape} and part {None if part is None else part.shape} must be one [R, C] shape.")
    free = np.isfinite(pace)
    if bool((pace[free] <= 0.0).any()):
        raise CostError(f"pace: least {float(pace[free].min())} s/m; must be above 0, inf for impassable.")
    used = free if part is None else free & part
    cells = np.argwhere(used).astype(np.int32)
    if len(cells) == 0:
        raise NoRoute("no passable cell in the part of the grid that the roadmap is to cover; choose a larger part.")
    number = np.full(pace.shape, -1, np.int64)
    number[used] = np.arange(len(cells))
    rows, cols = pace.shape
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    for down, right in _STEPS:
        row, col = cells[:, 0] + down, cells[:, 1] + right
        fits = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
        at = np.flatnonzero(fits)
        at = at[number[row[at], col[at]] >= 0]
        if down and right and not corner_cutting:
            at = at[free[cells[at, 0], col[at]] & free[row[at], cells[at, 1]]]
        mean = 0.5 * (pace[cells[at, 0], cells[at, 1]].astype(np.float64) + pace[row[at], col[at]])
        found.append((at, number[row[at], col[at]], mean * cell_m * float(np.hypot(down, right))))
    source = np.concatenate([part_[0] for part_ in found])
    order = np.argsort(source, kind="stable")
    return Roadmap(
        cells,
        np.searchsorted(source[order], np.arange(len(cells) + 1)).astype(np.int64),
        np.concatenate([part_[1] for part_ in found])[order].astype(np.int32),
        np.concatenate([part_[2] for part_ in found])[order],
    )


def fewest_seconds(
    roadmap: Roadmap, goals: NDArray[np.int64], dearer: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the weighted drive time from every place to its nearest goal, float64 [N], and the next place on that way.

    ``dearer`` [N] multiplies the time of every drive by the mean of its ends. The next place, int32 [N], is -1 at the goals
    and where no goal can be reached. Raises `PlanError` without goals.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    if goals.size == 0:
        raise PlanError("goals: none given; a way needs at least one place to lead to.")
    seconds, source = roadmap.drive_s, roadmap.sources()
    if dearer is not None:
        seconds = seconds * 0.5 * (dearer[source] + dearer[roadmap.to])
    backward = csr_matrix((seconds, (roadmap.to, source)), shape=(roadmap.places, roadmap.places))
    away, before, _ = dijkstra(backward, indices=goals, min_only=True, return_predecessors=True)
    return away, np.where(before < 0, -1, before).astype(np.int32)


def follow(onward: NDArray[np.int32], start: int) -> NDArray[np.int64]:
    """Return the places from ``start`` to its goal, int64 [n], along the next places of `fewest_seconds`."""
    way = [start]
    while onward[way[-1]] >= 0:
        way.append(int(onward[way[-1]]))
    return np.array(way, dtype=np.int64)
