"""Routes over the orbital map: read off the turning points of a place, or searched where the wheels were refused before.

One robot's route is its leg: it begins where the robot stands and holds as many points as a leg has; where that ends short of the goal the
robot departs anew.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import GoalBlocked, GoalOutside, StartBlocked
from moonfleet.autonomy.search import nearest_free, shortest_path
from moonfleet.autonomy.smooth import shorten
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.autonomy.turns import NOWHERE, turning_points
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.site import Site

from .fields import Fields, shared_fields
from .mission_zones import MissionZones, closed_cells
from .state import LEG_POINTS
from .travel import site_cost, travel_field

SNAP_CELLS: Final = 3  # [cells] how far from passable ground a robot may stand and still be planned for
MAX_REFUSED: Final = 64  # [-] cells that the wheels refused before a robot's map is taken to be right again
LOOK_M: Final = 2.0  # [m] steps in which a leg is searched for the cell that stopped the wheels
ROUTE_POINTS: Final = LEG_POINTS + 1  # where it begins, and a leg
INSET: Final = 1e-6  # [cells] a way that only touches the rim of a cell does not lead through it

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class WaysBlock(NamedTuple):
    """What routes are read from, on G grounds of one frame; a drive class is a kind of wheels (`DriveLimits`)."""

    cost: NDArray[np.float32]  # [G, C, rows, cols] seconds per metre of each drive class, inf where impassable
    table_at: NDArray[np.int32]  # [G, C, rows * cols] number of the table of the place in that cell, -1 none
    turns: NDArray[np.int32]  # [T, rows * cols] the cell that each cell goes on to, -1 none
    closed: NDArray[np.bool_]  # [G, rows, cols] cells that zones close, [0, 0, 0] without zones
    frame: Floats  # x_left, y_top [m], cell [m]


@lru_cache(maxsize=256)
def turn_table(
    site: Site, limits: DriveLimits, goal: tuple[int, int], zones: MissionZones | None = None
) -> NDArray[np.int32] | None:
    """Turning points of the ways to ``goal`` (row, col), int32 [R * C]; None when the goal is impassable. Kept as `travel_field` is."""
    field = travel_field(site, limits, goal, zones)
    if field is None:
        return None
    table = turning_points(field, site_cost(site, limits, zones))
    table.flags.writeable = False
    return table


class Ways:
    """The tables of the places of many missions on the grounds ``sites``, which share a frame; it grows as places are asked for.

    With ``fields`` these are what tables are made from, and who keeps them; else fields and tables are kept for others too.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        classes: Sequence[DriveLimits],
        zones: MissionZones | None = None,
        fields: Fields | None = None,
    ) -> None:
        self.fields, self._lock = fields, threading.Lock()
        self.sites, self.classes, self.zones = tuple(sites), tuple(classes), zones
        ref = self.sites[0].ref
        cells = ref.rows * ref.cols
        costs = np.empty((len(self.sites), max(len(self.classes), 1), *ref.shape), np.float32)
        for at, site in enumerate(self.sites):
            for number, one in enumerate(self.classes):
                costs[at, number] = site_cost(site, one, zones)
        closed = [] if zones is None else [closed_cells(site, zones) for site in self.sites]
        self.block = WaysBlock(
            costs,
            np.full((*costs.shape[:2], cells), -1, dtype=np.int32),
            np.empty((4, cells), dtype=np.int32),
            np.stack(closed) if closed else np.zeros((0, 0, 0), np.bool_),
            np.array([ref.x_left, ref.y_top, ref.cell_m]),
        )
        self.tables = 0

    def need(self, ground: int, number: int, xy: tuple[float, float]) -> None:
        """See to it that drive class ``number`` has a table for the place at ``xy`` on a ground, if it can get there."""
        ref = self.sites[ground].ref
        cell = ref.cell_of(*xy)
        at = cell[0] * ref.cols + cell[1]
        if self.block.table_at[ground, number, at] >= 0:
            return
        table = self._table(ground, number, cell)
        if table is None:
            return
        with self._lock:
            if self.tables == len(self.block.turns):
                more = np.empty((2 * self.tables, table.size), dtype=np.int32)
                more[: self.tables] = self.block.turns
                self.block = self.block._replace(turns=more)
            self.block.turns[self.tables] = table
            self.block.table_at[ground, number, at] = self.tables
            self.tables += 1

    def _table(self, ground: int, number: int, cell: tuple[int, int]) -> NDArray[np.int32] | None:
        """Turning points of the ways to a cell; None where it is impassable."""
        site, limits = self.sites[ground], self.classes[number]
        if self.fields is None:
            return turn_table(site, limits, cell, self.zones)
        field = self.fields.field(ground, number, cell, self.zones)
        return None if field is None else turning_points(field, site_cost(site, limits, self.zones))


@lru_cache(maxsize=4)
def shared_ways(sites: tuple[Site, ...], classes: tuple[DriveLimits, ...], zones: MissionZones | None = None) -> Ways:
    """The tables of these sites and classes, the same object for whoever asks: they are large, and the same for all missions."""
    return Ways(sites, classes, zones, shared_fields(sites, classes))


@forced_kernel
def cell_of(frame: Floats, rows: int, cols: int, x: float, y: float) -> tuple[int, int]:
    """Row, col of the cell that holds (x, y), clipped to the grid (`GeoRef.cell_of`)."""
    row, col = int(math.floor((frame[1] - y) / frame[2])), int(math.floor((x - frame[0]) / frame[2]))
    return min(max(row, 0), rows - 1), min(max(col, 0), cols - 1)


@forced_kernel
def free_near(cost: NDArray[np.float32], g: int, number: int, row: int, col: int) -> tuple[int, int]:
    """The passable cell nearest to one within `SNAP_CELLS`, the first of equals by rows; (-1, -1) none (`nearest_free`)."""
    rows, cols = cost.shape[2], cost.shape[3]
    if cost[g, number, row, col] < np.inf:
        return row, col
    best, best_row, best_col = 1 << 30, -1, -1
    for r in range(max(row - SNAP_CELLS, 0), min(row + SNAP_CELLS + 1, rows)):
        for c in range(max(col - SNAP_CELLS, 0), min(col + SNAP_CELLS + 1, cols)):
            far = (r - row) ** 2 + (c - col) ** 2
            if far < best and cost[g, number, r, c] < np.inf:
                best, best_row, best_col = far, r, c
    return best_row, best_col


@forced_kernel
def through(down0: float, right0: float, down1: float, right1: float, row: int, col: int) -> bool:
    """Whether a straight line, in cells from the corner of the map, leads through a cell (slabs, Kay and Kajiya 1986)."""
    enter, leave = 0.0, 1.0
    for axis in range(2):
        start, end, low = (down0, down1, float(row)) if axis == 0 else (right0, right1, float(col))
        low, high = low + INSET, low + 1.0 - INSET
        step = end - start
        if step == 0.0:
            if not low <= start <= high:
                return False
            continue
        a, b = (low - start) / step, (high - start) / step
        enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
    return enter < leave


@forced_kernel
def route_by_turns(
    ways: WaysBlock, g: int, number: int, x: float, y: float, goal_x: float, goal_y: float, place_x: float, place_y: float,
    refused: Ints, refused_n: Ints, w: int, r: int, route: Floats,
) -> int:  # fmt: skip
    """Write a route from (x, y) into ``route[w, r]``, down the turning points of its place; its points, 0: it must be searched for.

    Where the place has no table, the ground is blocked, or the way would lead through a cell of ``refused[w, r]``.
    """
    cost, frame = ways.cost, ways.frame
    rows, cols = cost.shape[2], cost.shape[3]
    cell = frame[2]
    inside = frame[0] <= goal_x <= frame[0] + cols * cell and frame[1] - rows * cell <= goal_y <= frame[1]
    goal_row, goal_col = cell_of(frame, rows, cols, goal_x, goal_y)
    if not inside or not cost[g, number, goal_row, goal_col] < np.inf:
        return 0
    start_row, start_col = cell_of(frame, rows, cols, x, y)
    from_row, from_col = free_near(cost, g, number, start_row, start_col)
    place_row, place_col = cell_of(frame, rows, cols, place_x, place_y)
    table = ways.table_at[g, number, place_row * cols + place_col]
    if from_row < 0 or table < 0:
        return 0
    at = from_row * cols + from_col
    if ways.turns[table, at] == NOWHERE:
        return 0
    route[w, r, 0, 0], route[w, r, 0, 1] = x, y
    count = 1
    centre = from_row != start_row or from_col != start_col  # from a blocked cell, out to the free one first
    to_middle = (
        goal_row != place_row or goal_col != place_col
    )  # else the middle of the goal's own cell gives way to the goal
    while count < ROUTE_POINTS:
        on = ways.turns[table, at]
        if centre and (on != at or to_middle):
            route[w, r, count, 0] = frame[0] + (at % cols + 0.5) * cell
            route[w, r, count, 1] = frame[1] - (at // cols + 0.5) * cell
            count += 1
        if on == at:
            break
        at = on
        centre = True
    if count < ROUTE_POINTS:
        route[w, r, count, 0], route[w, r, count, 1] = goal_x, goal_y
        count += 1
    for k in range(refused_n[w, r]):
        row, col = refused[w, r, k, 0], refused[w, r, k, 1]
        if (row == from_row and col == from_col) or (row == goal_row and col == goal_col):
            continue
        for n in range(1, count):
            if through(
                (frame[1] - route[w, r, n - 1, 1]) / cell, (route[w, r, n - 1, 0] - frame[0]) / cell,
                (frame[1] - route[w, r, n, 1]) / cell, (route[w, r, n, 0] - frame[0]) / cell, row, col,
            ):  # fmt: skip
                return 0
    return count


@forced_kernel
def refuse(
    ways: WaysBlock, g: int, number: int, x: float, y: float, route: Floats, route_n: Ints, refused: Ints, refused_n: Ints, w: int, r: int
) -> None:  # fmt: skip
    """Learn which cell of ``route[w, r]`` ahead of (x, y) the wheels refused: no way leads through it any more."""
    cost, frame = ways.cost, ways.frame
    rows, cols = cost.shape[2], cost.shape[3]
    own_row, own_col = cell_of(frame, rows, cols, x, y)
    if refused_n[w, r] >= MAX_REFUSED:
        refused_n[w, r] = 0
    # the nearest stretch of the route; of equals the last: a turning point is behind
    nearest, least = 0, np.inf
    for n in range(route_n[w, r] - 1):
        sx, sy = route[w, r, n, 0], route[w, r, n, 1]
        dx, dy = route[w, r, n + 1, 0] - sx, route[w, r, n + 1, 1] - sy
        share = min(max(((x - sx) * dx + (y - sy) * dy) / max(dx * dx + dy * dy, 1e-12), 0.0), 1.0)
        gap = (sx + share * dx - x) ** 2 + (sy + share * dy - y) ** 2
        if gap <= least:
            nearest, least = n, gap
    ahead = 0.0  # to the next look
    here_x, here_y = x, y
    for n in range(nearest + 1, route_n[w, r]):
        dx, dy = route[w, r, n, 0] - here_x, route[w, r, n, 1] - here_y
        length = math.sqrt(dx * dx + dy * dy)
        while ahead < length:
            row, col = cell_of(frame, rows, cols, here_x + dx * ahead / length, here_y + dy * ahead / length)
            ahead += LOOK_M
            if (row == own_row and col == own_col) or not cost[g, number, row, col] < np.inf:
                continue
            known = False
            for k in range(refused_n[w, r]):
                known = known or (refused[w, r, k, 0] == row and refused[w, r, k, 1] == col)
            if not known:
                refused[w, r, refused_n[w, r], 0], refused[w, r, refused_n[w, r], 1] = row, col
                refused_n[w, r] += 1
                return
        ahead -= length
        here_x, here_y = route[w, r, n, 0], route[w, r, n, 1]


def search_route(
    site: Site, cost: NDArray[np.float32], start: tuple[float, float], goal: tuple[float, float], refused: Ints
) -> Floats:
    """Search a route float64 [n, 2] over the map, ``start`` and ``goal`` included, round the cells of ``refused`` int64 [k, 2].

    It ends early where it would have more points than a leg.

    Raises
    ------
    GoalOutside, GoalBlocked, StartBlocked, NoRoute : there is none.
    """
    ref = site.ref
    if not ref.inside(*goal):
        raise GoalOutside(f"goal ({goal[0]:.0f}, {goal[1]:.0f}) m is off the map; it must be within {ref.bounds} m.")
    goal_rc, start_rc = ref.cell_of(*goal), ref.cell_of(*start)
    if not np.isfinite(cost[goal_rc]):
        raise GoalBlocked(
            f"goal ({goal[0]:.0f}, {goal[1]:.0f}) m, cell {goal_rc}, is impassable ground; choose another."
        )
    from_rc = nearest_free(cost, *start_rc, reach=SNAP_CELLS)
    if from_rc is None:
        raise StartBlocked(
            f"start ({start[0]:.0f}, {start[1]:.0f}) m, cell {start_rc}, lies more than {SNAP_CELLS} cells inside "
            "impassable ground; move the start."
        )
    shut = [(int(row), int(col)) for row, col in refused if (row, col) not in (from_rc, goal_rc)]
    if shut:
        cost = cost.copy()
        cost[tuple(np.array(shut).T)] = np.inf
    cells = shortest_path(cost, from_rc, goal_rc, ref.cell_m, corner_cutting=False).cells
    xy = shorten(cells, cost, ref)
    first = 1 if from_rc == start_rc else 0  # from a blocked cell, out to the free one first
    return np.concatenate([np.array([start]), xy[first : max(len(xy) - 1, first)], np.array([goal])])[:ROUTE_POINTS]
