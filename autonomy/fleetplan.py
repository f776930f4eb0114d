"""Routes for many robots that never come too near each other: prioritised planning in space and time with reservations.

Robots are planned one after the other; each takes the earliest way among the reserved ways of those before it (Erdmann and Lozano-Perez
1987; Silver 2005), found by safe-interval search, so it is optimal for its place in the order. Robots not yet planned stand at
their starts, and those starts are reserved (Cap, Novak, Kleiner, Selecky 2015): nobody is planned into a robot that cannot get
away. When the last robots find no way another order is tried: first the one that failed goes first, then seeded shuffles. In every
other attempt starts are only reserved until their robots had time to leave, for places where robots start in file.

No plan of this kind is guaranteed to be best, or to be found where one exists; `improve` rounds replan small groups against all others
and keep what is better (large neighbourhood search, Li et al. 2021), and `cbs` is optimal for small groups.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

from .errors import NoRoute, PlanError, PlanInterrupted
from .fleet_ground import F64, FleetGround, Task
from .fleet_moves import FAR
from .fleet_routes import FleetPlan, FleetRobot, TimedRoute

GROUP = 6  # robots replanned together in an improving round

Order = Literal["longest", "given"] | Sequence[int]


class FleetPlanner:
    """Plans and replans a fleet on grids of one shape; what depends on the ground only is worked out once and kept.

    Parameters
    ----------
    shape : rows and columns of the robots' cost grids.
    cell_m : size of a cell [m].
    step_s : tick [s]; every move takes a whole number of them, rounded up. A tenth of the time a cell takes loses little.
    allowed : uint8 [R, C] of allowed moves (see `one_way_moves`); None allows all.
    corner_cutting : False allows a diagonal only if both orthogonal neighbours are passable.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        cell_m: float,
        step_s: float,
        allowed: NDArray[np.uint8] | None = None,
        corner_cutting: bool = False,
    ) -> None:
        self.ground = FleetGround(shape, cell_m, step_s, allowed, corner_cutting)

    def plan(
        self,
        robots: Sequence[FleetRobot],
        order: Order = "longest",
        restarts: int = 20,
        seed: int = 0,
        improve: int = 0,
        budget_s: float | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> FleetPlan:
        """Return conflict-free routes for all robots.

        Parameters
        ----------
        robots : who goes where.
        order : who is planned first: those with the longest way, as given, or indexes.
        restarts : other orders tried when one fails.
        seed : root seed of the shuffles; same seed, same plan.
        improve : rounds of replanning small groups once a plan stands; none makes it worse.
        budget_s, cancelled : when the time is over, or the function says so, improving stops; before that, planning does.

        Raises
        ------
        StartBlocked, GoalOutside, GoalBlocked, CostError : a robot's task is not sound.
        NoRoute : a robot has no way at all, or none was found in any order tried; names the robots and what would help.
        PlanInterrupted : out of time before all robots had routes.
        """
        clock = Clock(budget_s, cancelled)
        tasks = [self.ground.task(robot) for robot in robots]
        self.ground.check_apart(robots)
        group = Group(self.ground, robots, tasks)
        queue = self._first_order(tasks, order)
        tried: set[tuple[int, ...]] = set()
        attempt = stuck = 0
        failed = np.zeros(len(robots), dtype=np.int64)
        rng = stream(seed, "fleet order")
        for attempt in range(restarts + 1):
            tried.add(tuple(queue))
            stuck = group.in_order(queue, patient=attempt % 2 == 0, clock=clock)
            if stuck < 0:
                break
            failed[stuck] += 1
            raised = [stuck, *(i for i in queue if i != stuck)]
            again = attempt % 2 == 0  # the same order once more, starts reserved for a time only
            queue = queue if again else raised if tuple(raised) not in tried else rng.permutation(len(robots)).tolist()
        else:
            raise NoRoute(self._why(group, failed, stuck, restarts + 1))
        if improve:
            group.improve(improve, stream(seed, "fleet improve"), clock)
        alone = np.array([task.alone for task in tasks], dtype=np.float64) * self.ground.step_s
        routes = tuple(route for route in group.routes if route is not None)
        bound = float(alone.sum())
        return FleetPlan(routes, self.ground.cell_m, self.ground.step_s, alone, tuple(queue), attempt + 1, bound)

    def replan(self, plan: FleetPlan, robot: FleetRobot, at_s: float = 0.0) -> FleetPlan:
        """Return the plan with a new route for one robot (found by its name) from time ``at_s`` on; all others keep theirs.

        It goes on to the next cell of its present route, and from there to ``robot.goal_rc`` on ``robot.cost``; ``start_rc`` is
        not used. ``depart_s`` counts as before: it does not move until then.

        Raises
        ------
        PlanError : the plan has no robot of that name.
        GoalOutside, GoalBlocked, StartBlocked, CostError : the task is not sound.
        NoRoute : no way among the others; names who is in the way.
        """
        names = [route.name for route in plan.routes]
        if robot.name not in names:
            raise PlanError(f"robot {robot.name!r}: not in the plan; it has {', '.join(map(repr, names))}.")
        i = names.index(robot.name)
        old = plan.routes[i]
        done = int(np.searchsorted(old.time_s, at_s - 1e-9))  # vertices before it are history
        if done == len(old.time_s) and not old.stays:
            raise PlanError(f"robot {robot.name!r}: it was gone at {old.arrival_s:g} s, before {at_s:g} s; replan it earlier.")
        if done < len(old.time_s):
            here, tick = old.cells[done], round(old.time_s[done] / self.ground.step_s)
        else:
            here, tick = old.cells[-1], self.ground.ticks(at_s)
        if done > 0 and done < len(old.time_s) and (old.cells[done - 1] == here).all():
            tick = max(self.ground.ticks(at_s), round(old.time_s[done - 1] / self.ground.step_s))  # a wait may be cut short
        moved = replace(robot, start_rc=(int(here[0]), int(here[1])))
        task = self.ground.task(moved)
        task = replace(task, at=tick, leave=max(tick, task.leave))
        others = [self.ground.legs(route) for k, route in enumerate(plan.routes) if k != i]
        way = self.ground.find(task, others)
        if way is None:
            rest = [route.name for k, route in enumerate(plan.routes) if k != i]
            raise NoRoute(blocked_words(self.ground, moved, task, rest, others))
        new = self.ground.route(moved, way)
        past = old.time_s < new.time_s[0]
        cells = np.concatenate([old.cells[past], new.cells])
        time_s = np.concatenate([old.time_s[past], new.time_s])
        route = TimedRoute(robot.name, cells, time_s, robot.clearance_m, robot.stays)
        alone = plan.alone_s.copy()
        alone[i] = task.alone * self.ground.step_s
        routes = (*plan.routes[:i], route, *plan.routes[i + 1 :])
        return replace(plan, routes=routes, alone_s=alone, bound_s=float(alone.sum()))

    def _first_order(self, tasks: list[Task], order: Order) -> list[int]:
        everyone = list(range(len(tasks)))
        if order == "given":
            return everyone
        if order == "longest":
            return sorted(everyone, key=lambda i: (-tasks[i].alone, i))
        queue = [int(i) for i in order] if not isinstance(order, str) else []
        if sorted(queue) != everyone:
            raise PlanError(f"order = {order!r}; must be 'longest', 'given' or each of 0..{len(tasks) - 1} once.")
        return queue

    def _why(self, group: Group, failed: NDArray[np.int64], stuck: int, attempts: int) -> str:
        worst = sorted(np.flatnonzero(failed), key=lambda i: (-failed[i], i))[:3]
        names = ", ".join(f"{group.robots[i].name!r} ({failed[i]} times)" for i in worst)
        legs = [group.reserved[k] for k in range(len(group.robots)) if k != stuck]
        rest = [robot.name for k, robot in enumerate(group.robots) if k != stuck]
        last = blocked_words(self.ground, group.robots[stuck], group.tasks[stuck], rest, legs)
        return f"no order of {attempts} gave every robot a way; no way was found for {names}. In the last attempt: {last}"


class Clock:
    """Says when to stop."""

    def __init__(self, budget_s: float | None, cancelled: Callable[[], bool] | None) -> None:
        self._until = None if budget_s is None else time.monotonic() + budget_s
        self._cancelled = cancelled

    def over(self) -> bool:
        """Say whether the time is over or somebody cancelled."""
        if self._cancelled is not None and self._cancelled():
            return True
        return self._until is not None and time.monotonic() >= self._until


class Group:
    """Robots being planned: the routes found so far and what each has reserved."""

    def __init__(self, ground: FleetGround, robots: Sequence[FleetRobot], tasks: list[Task]) -> None:
        self.ground, self.robots, self.tasks = ground, list(robots), tasks
        self.routes: list[TimedRoute | None] = [None] * len(robots)
        self.reserved: list[F64] = [np.empty((0, 8))] * len(robots)

    def in_order(self, queue: Sequence[int], patient: bool, clock: Clock) -> int:
        """Plan all in order; return -1, or the robot that found no way. ``patient``: starts are reserved until their robots go."""
        for i in queue:
            self.routes[i] = None
            self.reserved[i] = self._waiting(i, patient)
        for planned, i in enumerate(queue):
            if clock.over():
                raise PlanInterrupted(
                    f"out of time with {planned} of {len(queue)} robots planned; allow more time, or plan fewer robots at once."
                )
            if not self.place(i):
                return i
        return -1

    def place(self, i: int) -> bool:
        """Give robot ``i`` the earliest way among what the others have reserved; False if it has none."""
        way = self.ground.find(self.tasks[i], [legs for k, legs in enumerate(self.reserved) if k != i])
        if way is None:
            return False
        route = self.ground.route(self.robots[i], way)
        self.routes[i], self.reserved[i] = route, self.ground.legs(route)
        return True

    def improve(self, rounds: int, rng: np.random.Generator, clock: Clock) -> None:
        """Replan small groups, chosen by how late they are, against all others; keep what lowers the sum of arrivals."""
        alone = np.array([task.alone for task in self.tasks], dtype=np.float64) * self.ground.step_s
        for _ in range(rounds):
            late = self._arrivals() - alone
            if clock.over() or not (late > 0.0).any():
                return
            chance = late + late.mean()
            size = min(GROUP, len(self.robots))
            chosen = rng.choice(len(self.robots), size, replace=False, p=chance / chance.sum()).tolist()
            before = float(self._arrivals()[chosen].sum())
            kept = [(self.routes[i], self.reserved[i]) for i in chosen]
            stuck = self.in_order(chosen, patient=True, clock=Clock(None, None))
            if stuck >= 0 or float(self._arrivals()[chosen].sum()) >= before:
                for i, (route, legs) in zip(chosen, kept, strict=True):
                    self.routes[i], self.reserved[i] = route, legs

    def _arrivals(self) -> F64:
        return np.array([route.arrival_s if route is not None else np.inf for route in self.routes])

    def _waiting(self, i: int, patient: bool) -> F64:
        robot, task = self.robots[i], self.tasks[i]
        until = float(FAR)
        if not patient and task.start != task.goal:
            slowest = int(task.moves[task.start].max())
            until = task.leave + slowest * (4.0 * task.radius + 3.0)  # time to get out of the way
        return self.ground.standing(robot.start_rc, robot.clearance_m, until)


def blocked_words(
    ground: FleetGround, robot: FleetRobot, task: Task, names: Sequence[str], legs: Sequence[F64]
) -> str:
    """Say who keeps a robot from its goal, found by leaving out each of the others, and what would help."""
    alone = [
        name
        for k, name in enumerate(names)
        if ground.find(task, [leg for j, leg in enumerate(legs) if j != k]) is not None
    ]
    where = f"robot {robot.name!r} has no way from cell {robot.start_rc} to cell {robot.goal_rc}"
    if alone:
        return (
            f"{where}, but would if {' or '.join(map(repr, alone[:4]))} were not there: plan it before that robot, let that robot "
            "leave later or be gone once it arrives, or move one of their goals out of the way."
        )
    return (
        f"{where}, whichever other robot is left out: several are in the way. Widen the passage, add a bay to wait in, spread the goals, "
        "or let robots be gone once they arrive."
    )
