"""What a fleet's robots can do on their grids before anyone is in the way: moves, ticks to goals, sound starts and goals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import CostError, GoalBlocked, GoalOutside, NoRoute, PlanError, StartBlocked
from .fleet_moves import ALL_MOVES, FAR, MOVE_MAX, move_table, ticks_to_goal
from .fleet_routes import FleetRobot, TimedRoute
from .fleet_sipp import APART, CELL_BITS, COL, COL_SPEED, FROM, LEG, NO_BANS, ROW, ROW_SPEED, UNTIL, nearby, sipp
from .search import nearest_free

TOUCHING = 1.0 - 1e-9  # discs may touch: of the sum of both clearances
TICKS_MAX = 1 << 30  # of a departure
KEPT_BYTES = 128 * 1024**2  # of tables, and of fields

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
NO_WAITS = np.empty((0, 3), dtype=np.int64)


class Way(NamedTuple):
    """A found way: ``cells`` of the rimmed grid with the ticks of arrival and leaving, int64 [n, 3], and the tick it is done."""

    rows: I64
    ticks: int


@dataclass(frozen=True, eq=False)
class Task:
    """A robot in the planner's terms: cells of the rimmed grid, ticks, clearance in cells."""

    moves: NDArray[np.int32]
    to_go: I64
    start: int
    goal: int
    at: int  # it stands at the start from this tick on
    leave: int  # and may move from this tick on
    radius: float
    stays: bool

    @property
    def alone(self) -> int:
        """Tick of arrival on an empty map."""
        return self.leave + int(self.to_go[self.start])


class FleetGround:
    """The grids of a fleet: one shape, one size of cell, one tick; tables and fields are made once and kept, the latest 256 MB.

    They are kept by the identity of the cost arrays: do not change a grid in place, give a new array.

    Raises
    ------
    CostError : grids of different shapes, a cell or a tick that is not positive, a mask that does not fit.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        cell_m: float,
        step_s: float,
        allowed: NDArray[np.uint8] | None = None,
        corner_cutting: bool = False,
    ) -> None:
        for what, value in (("cell_m", cell_m), ("step_s", step_s)):
            if not (math.isfinite(value) and value > 0.0):
                raise CostError(f"{what} = {value!r}; must be a positive number.")
        if len(shape) != 2 or min(shape) < 1 or (shape[0] + 2) * (shape[1] + 2) >= 1 << CELL_BITS:
            raise CostError(f"cost grid: shape {shape}; must be [R, C] with at least one cell and at most 67 million.")
        mask = np.full(shape, ALL_MOVES, dtype=np.uint8) if allowed is None else np.asarray(allowed)
        if mask.shape != tuple(shape) or mask.dtype != np.uint8:
            raise CostError(f"allowed: {mask.dtype} {mask.shape}; must be uint8 {tuple(shape)}, one bit per direction.")
        self.shape = (int(shape[0]), int(shape[1]))
        self.rimmed = (self.shape[0] + 2, self.shape[1] + 2)
        self.cell_m, self.step_s, self.corner_cutting = float(cell_m), float(step_s), corner_cutting
        self._allowed = mask
        self._moves: dict[tuple[int, float], tuple[NDArray[np.float32], NDArray[np.int32]]] = {}
        self._fields: dict[tuple[int, float, int], tuple[NDArray[np.float32], I64]] = {}

    def cell(self, rc: tuple[int, int]) -> int:
        """Return the rimmed grid's index of (row, col)."""
        return (int(rc[0]) + 1) * self.rimmed[1] + int(rc[1]) + 1

    def rowcol(self, cells: I64) -> NDArray[np.int32]:
        """Return (row, col), int32 [n, 2], of indexes of the rimmed grid."""
        return np.column_stack([cells // self.rimmed[1] - 1, cells % self.rimmed[1] - 1]).astype(np.int32)

    def ticks(self, seconds: float) -> int:
        """Return the first whole tick at or after a time."""
        ticks = math.ceil(seconds / self.step_s - 1e-9)
        if not 0 <= ticks <= TICKS_MAX:
            raise CostError(f"time {seconds!r} s: must lie between 0 and {TICKS_MAX} steps of {self.step_s:g} s.")
        return ticks

    def task(self, robot: FleetRobot) -> Task:
        """Check a robot against the grids and return its task.

        Raises
        ------
        StartBlocked, GoalOutside, GoalBlocked, NoRoute, CostError : see `moonfleet.autonomy.errors`; each names the robot.
        """
        self._check(robot)
        moves = self._table(robot)
        start, goal = self.cell(robot.start_rc), self.cell(robot.goal_rc)
        key = (id(robot.cost), robot.speed_m_s, goal)
        if key not in self._fields:
            _make_room(self._fields)
            self._fields[key] = (robot.cost, ticks_to_goal(moves, self.rimmed[1], goal))
        to_go = self._fields[key][1]
        if to_go[start] >= FAR:
            slow = self._too_slow(robot)
            raise NoRoute(
                f"robot {robot.name!r}: no passable way from cell {robot.start_rc} to cell {robot.goal_rc}, even with nobody "
                "else there: impassable ground or one-way corridors lie between. Choose another goal, another robot, or turn a corridor."
                f"{slow}"
            )
        leave = self.ticks(robot.depart_s)
        return Task(moves, to_go, start, goal, 0, leave, robot.clearance_m / self.cell_m, robot.stays)

    def _table(self, robot: FleetRobot) -> NDArray[np.int32]:
        key = (id(robot.cost), robot.speed_m_s)
        if key not in self._moves:
            low = float(np.min(robot.cost, initial=np.inf, where=np.isfinite(robot.cost)))
            if low < 0.0:
                raise CostError(
                    f"robot {robot.name!r}: cheapest cell {low}; costs per metre must be 0 or more, inf for impassable."
                )
            table = move_table(
                np.ascontiguousarray(robot.cost, dtype=np.float32),
                self._allowed,
                self.cell_m / self.step_s,
                1.0 / robot.speed_m_s,
                self.corner_cutting,
            )
            _make_room(self._moves)
            self._moves[key] = (robot.cost, table)  # the grid is held, so that its id is not given to another
        return self._moves[key][1]

    def _too_slow(self, robot: FleetRobot) -> str:
        """Say how many cells are shut only because a crossing takes too many ticks, if any are; raises `CostError` when all are."""
        pace = robot.cost[np.isfinite(robot.cost)].astype(np.float64)
        slow = np.maximum(pace, 1.0 / robot.speed_m_s) * self.cell_m / self.step_s > MOVE_MAX
        if slow.all():
            raise CostError(
                f"step_s = {self.step_s:g}: robot {robot.name!r} takes more than {MOVE_MAX} steps to cross any cell; a move must take "
                "fewer: take a longer step (a tenth of the time that a cell takes loses little)."
            )
        if not slow.any():
            return ""
        return f" {int(slow.sum())} cells are shut only because crossing one takes more than {MOVE_MAX} steps of {self.step_s:g} s."

    def _check(self, robot: FleetRobot) -> None:
        if robot.cost.shape != self.shape:
            raise CostError(f"robot {robot.name!r}: cost {robot.cost.shape}; every robot's grid must be {self.shape}.")
        rows, cols = self.shape
        kinds: tuple[tuple[str, tuple[int, int], type[PlanError], type[PlanError]], ...] = (
            ("start", robot.start_rc, StartBlocked, StartBlocked),
            ("goal", robot.goal_rc, GoalOutside, GoalBlocked),
        )
        for what, (row, col), outside, blocked in kinds:
            if not (0 <= row < rows and 0 <= col < cols):
                raise outside(
                    f"robot {robot.name!r}: {what} cell {(row, col)} is not on the grid; rows are 0..{rows - 1}, "
                    f"columns 0..{cols - 1}."
                )
            if not np.isfinite(robot.cost[row, col]):
                free = nearest_free(robot.cost, row, col)
                hint = f"the nearest passable cell is {free}" if free else "no passable cell lies within 25 cells"
                raise blocked(f"robot {robot.name!r}: {what} cell {(row, col)} is impassable ground; {hint}.")

    def check_apart(self, robots: Sequence[FleetRobot]) -> None:
        """Check that robots have names of their own, and that no two start, or stay at the end, nearer than their clearances allow.

        Raises
        ------
        PlanError : two robots of one name.
        StartBlocked, GoalBlocked : naming both robots and what would help.
        """
        names = [robot.name for robot in robots]
        for i, name in enumerate(names):
            first = names.index(name)
            if first < i:
                raise PlanError(f"robots[{i}].name: {name!r}, as robots[{first}]; every robot needs a name of its own.")
        for what, error in (("start", StartBlocked), ("goal", GoalBlocked)):
            rc = np.array([getattr(robot, f"{what}_rc") for robot in robots], dtype=np.float64).reshape(-1, 2)
            radius = np.array([robot.clearance_m for robot in robots])
            distance = np.hypot(*(rc[:, None, :] - rc[None, :, :]).transpose(2, 0, 1)) * self.cell_m
            near = np.triu(distance < (radius[:, None] + radius[None, :]) * TOUCHING, 1)
            if what == "goal":
                stays = np.array([robot.stays for robot in robots], dtype=np.bool_)
                near &= stays[:, None] & stays[None, :]
            if near.any():
                i, j = (int(k[0]) for k in np.nonzero(near))
                one, other = robots[i], robots[j]
                raise error(
                    f"robots {one.name!r} and {other.name!r}: their {what}s are {distance[i, j]:.4g} m apart and their clearances "
                    f"need {radius[i] + radius[j]:.4g} m; move one {what} away"
                    + (", or let one be gone once it arrives." if what == "goal" else ".")
                )

    def legs(self, route: TimedRoute) -> F64:
        """Return a route as legs, float64 [n, 8] (see `fleet_sipp`), with its clearance in cells in column `APART`."""
        rc = route.cells.astype(np.float64) + 1.0
        ticks = np.rint(route.time_s / self.step_s)
        last = np.array([[ticks[-1], FAR if route.stays else ticks[-1], *rc[-1], 0.0, 0.0, 0.0, 0.0]])
        legs = np.zeros((len(ticks) - 1, LEG))
        lasting = np.diff(ticks)
        legs[:, FROM], legs[:, UNTIL] = ticks[:-1], ticks[1:]
        legs[:, ROW], legs[:, COL] = rc[:-1, 0], rc[:-1, 1]
        legs[:, ROW_SPEED], legs[:, COL_SPEED] = np.diff(rc[:, 0]) / lasting, np.diff(rc[:, 1]) / lasting
        legs = np.concatenate([legs, last]) if route.stays else legs
        legs[:, APART] = route.clearance_m / self.cell_m
        return legs

    def standing(self, rc: tuple[int, int], clearance_m: float, until: float) -> F64:
        """Return the one leg of a robot that stands from time 0 until a tick."""
        return np.array([[0.0, until, rc[0] + 1.0, rc[1] + 1.0, 0.0, 0.0, clearance_m / self.cell_m, 0.0]])

    def find(
        self,
        task: Task,
        legs: Sequence[F64],
        waits: I64 = NO_WAITS,
        bans: I64 = NO_BANS,
        done: int = 0,
        budget: int = FAR,
    ) -> Way | None:
        """Return the earliest way for a task among the legs of others (column `APART` holding their clearance), None if none."""
        both = np.concatenate([np.empty((0, LEG)), *legs])
        both = both[np.argsort(both[:, FROM], kind="stable")]
        both[:, APART] = (both[:, APART] + task.radius) * TOUCHING
        near = nearby(both, waits, self.rimmed)
        key = (task.start, task.goal, task.at, task.leave, done)
        ticks, rows = sipp(task.moves, self.rimmed[1], task.to_go, both, near, bans, key, task.stays, budget)
        return Way(rows, int(ticks)) if ticks >= 0 else None

    def route(self, robot: FleetRobot, way: Way) -> TimedRoute:
        """Return a way as a timed route."""
        cell = np.repeat(way.rows[:, 0], 2)
        ticks = way.rows[:, 1:].reshape(-1)
        keep = np.ones(len(ticks), dtype=np.bool_)
        keep[1:] = ticks[1:] > ticks[:-1]  # arrived and left in one tick: one entry
        time_s = ticks[keep].astype(np.float64) * self.step_s
        return TimedRoute(robot.name, self.rowcol(cell[keep]), time_s, robot.clearance_m, robot.stays)


def _make_room(kept: dict[Any, tuple[NDArray[np.float32], NDArray[Any]]]) -> None:
    """Drop the oldest arrays until what is kept is small enough."""
    while sum(array.nbytes for _, array in kept.values()) > KEPT_BYTES:
        kept.pop(next(iter(kept)))
