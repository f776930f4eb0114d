"""The onboard drive skill: a route over the map, driven in legs that bend round the rocks seen on the way.

The route is the cheapest path on the cost grid, string-pulled. A leg follows it as far as ``reach_m``; where keep-outs touch it, the leg
is the shortest way among them to a point of the route further on. That point never moves back along the route, so a robot that
follows its legs gets nearer with every one until something new is seen. When no way leads on, the cell in the way is marked impassable
and the route planned afresh from where the robot stands; after that nothing is left but `NoRoute`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from .belief import Belief
from .detour import detour, nearest_open
from .errors import GoalBlocked, GoalOutside, NoRoute, SavedStateError, StartBlocked
from .search import nearest_free, shortest_path
from .smooth import shorten
from .zones import Zones

if TYPE_CHECKING:
    from shapely import Polygon

    from moonfleet.terrain.grid import GeoRef

Float64Array = NDArray[np.float64]

SNAP_CELLS = 3  # [cells] how far from passable ground a robot may stand and still be planned for
MAX_MARKS = 64  # [-] cells marked impassable on one route before the goal is given up
LEG_POINTS = 60  # [-] points of one leg
STAND_IN_M = 30.0  # [m] a goal under a keep-out is replaced by the nearest open point within this
SIGMAS = 2.0  # [-] keep-outs grow by so many standard deviations of what is not known of a rock
TIGHT_SIGMAS = 0.5  # [-] the same where there is no other way
LEAST_WAY_M = 1.0  # [m] a way to a point before the goal that is shorter leads nowhere
_SCALARS = ("clearance_m", "arrive_m", "tight_m", "has_goal", "goal_x", "goal_y", "end_x", "end_y", "seconds", "done_m", "anchor_m",
            "least_m", "spent_m", "last_x", "last_y")  # fmt: skip


class Route(NamedTuple):
    """A planned route: waypoints ``xy`` float64 [n, 2] [m], its length [m] and driving time [s] by the cost grid."""

    xy: Float64Array
    length_m: float
    seconds: float


class Driver:
    """Drives one robot to one goal at a time.

    Parameters
    ----------
    ref, cost : the robot's own map: float32 [R, C] seconds per metre, inf where impassable (see `drive_cost`).
    belief : what it knows of rocks; read at every leg.
    clearance_m : distance that the robot's middle keeps from every rock [m].
    arrive_m : how near the goal is near enough [m].
    tight_m : clearance that is tried before a way is given up as shut [m]; the same as ``clearance_m`` when None.
    """

    def __init__(
        self,
        ref: GeoRef,
        cost: NDArray[np.float32],
        belief: Belief,
        clearance_m: float,
        arrive_m: float = 5.0,
        tight_m: float | None = None,
    ) -> None:
        self.ref = ref
        self.belief = belief
        self.clearance_m = float(clearance_m)
        self.arrive_m = float(arrive_m)
        self.tight_m = self.clearance_m if tight_m is None else float(tight_m)
        self._cost = cost
        self._marked: list[tuple[int, int]] = []  # shut by rocks on this route: no route leads through
        self._refused: list[tuple[int, int]] = []  # the wheels refused it: impassable for good
        self._set_route(np.zeros((1, 2)), 0.0, None)

    # ---- planning ---------------------------------------------------------------------------------------------------

    def plan(self, start_xy: tuple[float, float], goal_xy: tuple[float, float]) -> Route:
        """Plan a fresh route and forget the marks of the last one.

        Raises
        ------
        StartBlocked, GoalOutside, GoalBlocked, NoRoute : with the place and what would help.
        """
        self._marked = []
        return self._plan_from(np.array(start_xy, dtype=np.float64), np.array(goal_xy, dtype=np.float64))

    def _plan_from(self, start: Float64Array, goal: Float64Array) -> Route:
        cost = self._cost
        if self._marked:
            cost = _shut(cost, self._marked)
        goal_rc = self._cell(goal)
        if not self._on_map(goal_rc):
            xmin, ymin, xmax, ymax = self.ref.bounds
            raise GoalOutside(
                f"goal ({goal[0]:.0f}, {goal[1]:.0f}) m is off the map; x must be {xmin:.0f}..{xmax:.0f} m, "
                f"y {ymin:.0f}..{ymax:.0f} m."
            )
        if not np.isfinite(cost[goal_rc]):
            free = nearest_free(cost, *goal_rc)
            hint = "no passable ground lies near it"
            if free:
                x, y = self.ref.xy(*free)
                hint = f"the nearest passable ground is ({x:.0f}, {y:.0f}) m"
            raise GoalBlocked(f"goal ({goal[0]:.0f}, {goal[1]:.0f}) m, cell {goal_rc}, is impassable ground; {hint}.")
        start_rc = self._cell(start)
        from_rc = nearest_free(cost, *start_rc, reach=SNAP_CELLS) if self._on_map(start_rc) else None
        if from_rc is None:
            raise StartBlocked(
                f"start ({start[0]:.0f}, {start[1]:.0f}) m, cell {start_rc}, is off the map or more than {SNAP_CELLS} cells "
                "inside impassable ground; move the start."
            )
        path = shortest_path(cost, from_rc, goal_rc, self.ref.cell_m, corner_cutting=False)
        xy = shorten(path.cells, cost, self.ref)
        inner = xy[1:-1] if from_rc == start_rc else xy[:-1]
        self._set_route(np.concatenate([start[None, :], inner, goal[None, :]]), path.cost, goal)
        return self.route

    def _set_route(self, xy: Float64Array, seconds: float, goal: Float64Array | None) -> None:
        self._xy = xy
        self._along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        self._seconds = seconds
        self._goal = goal
        self._end = xy[-1]
        self._done_m = 0.0
        self._anchor_m = 0.0
        self._least_m = math.inf
        self._spent_m = 0.0
        self._last = xy[0]
        self._leg = xy[:1]

    # ---- where are we -----------------------------------------------------------------------------------------------

    @property
    def route(self) -> Route:
        """The route being driven."""
        return Route(self._xy, float(self._along[-1]), self._seconds)

    @property
    def goal(self) -> tuple[float, float] | None:
        """The goal [m], None before the first plan."""
        return None if self._goal is None else (float(self._goal[0]), float(self._goal[1]))

    @property
    def marked(self) -> tuple[tuple[int, int], ...]:
        """Cells (row, col) found shut on this route."""
        return tuple(self._marked)

    @property
    def remaining_m(self) -> float:
        """Length of route still ahead [m], as of the last leg."""
        return float(self._along[-1]) - self._done_m

    def arrived(self, pose_xy: tuple[float, float], radius_m: float | None = None) -> bool:
        """Say whether the pose is near enough to the goal, or at the open point that stands in for a goal under a rock."""
        if self._goal is None:
            return False
        near = self.arrive_m if radius_m is None else radius_m
        to_end = math.dist(pose_xy, self._end)
        return math.dist(pose_xy, self._goal) <= near or (to_end <= 1.0 and bool((self._end != self._goal).any()))

    # ---- driving ----------------------------------------------------------------------------------------------------

    def next_leg(self, pose_xy: tuple[float, float], reach_m: float) -> Float64Array:
        """Return the next stretch xy float64 [m, 2] from the pose, at most ``reach_m`` long; just the pose when arrived.

        Raises
        ------
        NoRoute : keep-outs shut the robot in, or no route is left; also when nothing was planned yet.
        """
        pose = np.array(pose_xy, dtype=np.float64)
        if self._goal is None:
            raise NoRoute("no route: call plan(start, goal) first.")
        self._advance(pose, reach_m)
        while not self.arrived(pose_xy):
            stuck = self._spent_m > 10.0 * reach_m + 200.0
            zones = self._zones(pose, 2.0 * reach_m + 60.0, self.clearance_m)
            way = None if stuck else self._way(pose, zones, reach_m)
            if way is None and not stuck and self.tight_m < self.clearance_m:
                zones = self._zones(pose, 2.0 * reach_m + 60.0, self.tight_m, TIGHT_SIGMAS)
                way = self._way(pose, zones, reach_m)
            if way is not None:
                total = _length(way) + float(self._along[-1]) - self._anchor_m
                if total < self._least_m - 1.0:
                    self._least_m, self._spent_m = total, 0.0
                self._leg = _cut(way, reach_m)
                return self._leg
            self._mark(pose, zones, self._goal)
            self._plan_from(pose, self._goal)
        return pose[None, :]

    def avoid(self, pose_xy: tuple[float, float]) -> None:
        """Learn that the wheels refuse the next cell of the last leg: impassable from now on; plan afresh from the pose.

        Raises
        ------
        PlanError : no route is left without it.
        """
        pose = np.array(pose_xy, dtype=np.float64)
        if self._goal is None:
            return
        own = self._cell(pose)
        leg = _every_metre(self._leg)
        leg = leg[int(np.argmin(np.hypot(*(leg - pose).T))) :]
        route = self._at(np.arange(self._done_m, float(self._along[-1]) + 1.0, 1.0))
        for point in np.concatenate([leg, route]):
            cell = self._cell(point)
            if cell != own and self._on_map(cell) and np.isfinite(self._cost[cell]):
                self._refused.append(cell)
                self._cost = _shut(self._cost, [cell])
                break
        self._plan_from(pose, self._goal)

    def _way(self, pose: Float64Array, zones: Zones, reach_m: float) -> Float64Array | None:
        """Return a free way to the anchor of the route, or to points further on; None when all are shut."""
        total = float(self._along[-1])
        first = min(max(self._anchor_m, self._done_m + reach_m), total)
        for further in (0.0, 0.5 * reach_m, 2.0 * reach_m):
            anchor = min(first + further, total)
            target = self._open_point(anchor, zones)
            if target is not None:
                between = self._xy[(self._along > self._done_m + 1e-6) & (self._along < anchor - 1e-6)]
                line = np.concatenate([pose[None, :], between, target[None, :]])
                try:
                    way = detour(line, zones, longest_m=3.0 * _length(line) + 60.0)
                except NoRoute:
                    way = None
                # a stand-in for a covered point can lie where the robot stands: such a way would never be left again
                if way is not None and (anchor == total or _length(way) >= LEAST_WAY_M):
                    self._anchor_m = anchor
                    return way
            if anchor == total:
                break
        return None

    def _open_point(self, anchor: float, zones: Zones) -> Float64Array | None:
        """Return the route's point at ``anchor``, shifted along the route (or off the goal) when a keep-out covers it."""
        total = float(self._along[-1])
        at_end = anchor >= total
        point = self._at(np.array([anchor]))[0]
        if at_end:
            self._end = self._xy[-1]
        if not zones.blocks(point[None, :]):
            return point
        if at_end:
            stand_in = nearest_open(zones, point, toward=self._last, reach_m=STAND_IN_M)
            if stand_in is not None:
                self._end = stand_in
            return stand_in
        shift = np.arange(1.0, 25.0)
        behind = anchor - shift[anchor - shift > self._done_m + 1.0]
        along = np.concatenate([np.minimum(anchor + shift, total), behind])
        points = self._at(along)
        free = np.flatnonzero(~zones.inside(points))
        if free.size == 0:
            return nearest_open(zones, point, toward=self._last)
        best = free[np.argmin(np.abs(along[free] - anchor))]
        return points[best]

    def _advance(self, pose: Float64Array, reach_m: float) -> None:
        """Move ``done_m`` on to the part of the route nearest the pose, never back and never past the anchor."""
        moved = math.dist(pose, self._last)
        self._spent_m += moved
        self._last = pose
        upto = min(max(self._anchor_m, self._done_m), self._done_m + 1.5 * moved + 5.0)
        if upto <= self._done_m:
            return
        along = np.concatenate([np.arange(self._done_m, upto, 0.5), [upto]])
        gap = np.hypot(*(self._at(along) - pose).T)
        self._done_m = float(along[int(np.argmin(gap))])

    def _mark(self, pose: Float64Array, zones: Zones, goal: Float64Array) -> None:
        """Mark the first cell ahead that keep-outs shut; raises `NoRoute` when that leaves no way to try."""
        own, last = self._cell(pose), self._cell(goal)
        along = np.arange(self._done_m, float(self._along[-1]) + 1.0, 1.0)
        points = self._at(np.minimum(along, float(self._along[-1])))
        blocked = zones.inside(points)
        # from the first keep-out on (else from here on), the first cell that is neither ours nor the goal's
        begin = int(np.argmax(blocked)) if blocked.any() else 0
        for point in points[begin:]:
            cell = self._cell(point)
            if cell in (own, last) or cell in self._marked:
                continue
            if len(self._marked) < MAX_MARKS:
                self._marked.append(cell)
                return
            break
        raise NoRoute(
            f"rocks shut every way from ({pose[0]:.0f}, {pose[1]:.0f}) to ({goal[0]:.0f}, {goal[1]:.0f}) m "
            f"({len(self._marked)} cells found shut); a smaller clearance or another goal would help."
        )

    def _zones(self, pose: Float64Array, radius_m: float, clearance_m: float, sigmas: float = SIGMAS) -> Zones:
        """Return the keep-outs around the pose: believed rocks, and impassable cells of the map as squares."""
        x, y = float(pose[0]), float(pose[1])
        return Zones([*self.belief.keepouts_near(x, y, radius_m, clearance_m, sigmas), *self._squares(pose, radius_m)])

    def _squares(self, pose: Float64Array, radius_m: float) -> list[Polygon]:
        row, col = self._cell(pose)
        reach = math.ceil(radius_m / self.ref.cell_m)
        r0, c0 = max(row - reach, 0), max(col - reach, 0)
        shut = np.argwhere(~np.isfinite(self._cost[r0 : max(row + reach + 1, 0), c0 : max(col + reach + 1, 0)]))
        if shut.size == 0:
            return []
        shut += (r0, c0)
        if self._on_map((row, col)) and not np.isfinite(self._cost[row, col]):  # slid onto it: let the robot out
            free = nearest_free(self._cost, row, col, reach=SNAP_CELLS) or (row, col)
            out = max(abs(free[0] - row), abs(free[1] - col))
            shut = shut[np.abs(shut - (row, col)).max(axis=1) > out]
        x, y = self.ref.xy(shut[:, 0], shut[:, 1])
        half = 0.5 * self.ref.cell_m - 0.1
        return cast("list[Polygon]", shapely.box(x - half, y - half, x + half, y + half).tolist())

    # ---- small geometry ---------------------------------------------------------------------------------------------

    def _cell(self, xy: Float64Array) -> tuple[int, int]:
        row, col = self.ref.rowcol(float(xy[0]), float(xy[1]))
        return math.floor(row + 0.5), math.floor(col + 0.5)

    def _on_map(self, cell: tuple[int, int]) -> bool:
        return 0 <= cell[0] < self._cost.shape[0] and 0 <= cell[1] < self._cost.shape[1]

    def _at(self, along: Float64Array) -> Float64Array:
        """Return the points of the route at distances from its start, float64 [n, 2]."""
        x = np.interp(along, self._along, self._xy[:, 0])
        return np.column_stack([x, np.interp(along, self._along, self._xy[:, 1])])

    # ---- checkpoints ------------------------------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return all state but the map and the belief as plain arrays (see `from_arrays`)."""
        goal = np.zeros(2) if self._goal is None else self._goal
        scalars = [self.clearance_m, self.arrive_m, self.tight_m, float(self._goal is not None), *goal, *self._end, self._seconds,
                   self._done_m, self._anchor_m, self._least_m, self._spent_m, *self._last]  # fmt: skip
        marked = np.array(self._marked, dtype=np.int64).reshape(-1, 2)
        return {"scalars": np.array(scalars), "route": self._xy.copy(), "leg": self._leg.copy(), "marked": marked,
                "refused": np.array(self._refused, dtype=np.int64).reshape(-1, 2)}  # fmt: skip

    @classmethod
    def from_arrays(
        cls, ref: GeoRef, cost: NDArray[np.float32], belief: Belief, arrays: dict[str, NDArray[np.generic]]
    ) -> Driver:
        """Return the driver that `to_arrays` wrote, on the same map and belief; raises `SavedStateError` if it is not one."""
        missing = [name for name in ("scalars", "route", "leg", "marked", "refused") if name not in arrays]
        if missing:
            raise SavedStateError(f"driver: array {missing[0]!r} is missing; found {sorted(arrays)}.")
        scalars, route = np.asarray(arrays["scalars"], float), np.asarray(arrays["route"], float)
        if scalars.shape != (len(_SCALARS),) or route.ndim != 2 or route.shape[1:] != (2,) or len(route) == 0:
            raise SavedStateError(
                f"driver: scalars {scalars.shape}, route {route.shape}; expected ({len(_SCALARS)},) and (n, 2)."
            )
        value = dict(zip(_SCALARS, scalars.tolist(), strict=True))
        driver = cls(ref, cost, belief, value["clearance_m"], value["arrive_m"], value["tight_m"])
        goal = np.array([value["goal_x"], value["goal_y"]]) if value["has_goal"] else None
        driver._set_route(route.copy(), value["seconds"], goal)
        driver._end = np.array([value["end_x"], value["end_y"]])
        driver._done_m, driver._anchor_m = value["done_m"], value["anchor_m"]
        driver._least_m, driver._spent_m = value["least_m"], value["spent_m"]
        driver._last = np.array([value["last_x"], value["last_y"]])
        driver._leg = np.asarray(arrays["leg"], float).copy()
        driver._marked = _cells(arrays["marked"])
        driver._refused = _cells(arrays["refused"])
        if driver._refused:
            driver._cost = _shut(cost, driver._refused)
        return driver


def _length(xy: Float64Array) -> float:
    return float(np.hypot(*np.diff(xy, axis=0).T).sum()) if len(xy) > 1 else 0.0


def _every_metre(xy: Float64Array) -> Float64Array:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    at = np.append(np.arange(0.0, along[-1], 1.0), along[-1])
    return np.column_stack([np.interp(at, along, xy[:, 0]), np.interp(at, along, xy[:, 1])])


def _shut(cost: NDArray[np.float32], cells: list[tuple[int, int]]) -> NDArray[np.float32]:
    """Return a copy of the cost in which some cells are impassable."""
    copy = cost.copy()
    copy[tuple(np.array(cells).T)] = np.inf
    return copy


def _cells(array: NDArray[np.generic]) -> list[tuple[int, int]]:
    return [(int(row), int(col)) for row, col in np.asarray(array, dtype=np.int64).reshape(-1, 2).tolist()]


def _cut(xy: Float64Array, reach_m: float) -> Float64Array:
    """Return the first ``reach_m`` of a polyline, and at most `LEG_POINTS` points of it."""
    xy = xy[:LEG_POINTS]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    if along[-1] <= reach_m:
        return xy
    stop = int(np.searchsorted(along, reach_m))
    part = (reach_m - along[stop - 1]) / (along[stop] - along[stop - 1])
    return np.concatenate([xy[:stop], (xy[stop - 1] + part * (xy[stop] - xy[stop - 1]))[None, :]])
