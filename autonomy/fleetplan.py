"""Routes for many robots that never come too near each other: prioritised planning in space and time with reservations.

Robots are planned one after the other; each takes the earliest way among the reserved ways of those before it (Erdmann and Lozano-Perez
1987; Silver 2005), found by safe-interval search, so it is optimal for its place in the order. Robots not yet planned stand at
their starts, and those starts are reserved (Cap, Novak, Kleiner, Selecky 2015): nobody is planned into a robot that cannot get
away. When a robot finds no way, the order is tried again with starts reserved only until their robots may leave, as robots in file
need; one that is stuck even so is routed together with those in its way by conflict-based search (`cbs_search`), as two that must
swap ends of a corridor need. After that other orders are tried: the one that failed goes first, then seeded shuffles.

No plan of this kind is guaranteed to be best, or to be found where one exists; `improve` rounds replan small groups against all others
and keep what is better (large neighbourhood search, Li et al. 2021), and `cbs` is optimal for small groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.seeds import stream

from .errors import NoRoute, PlanError
from .fleet_clock import Clock
from .fleet_ground import FleetGround, Task
from .fleet_group import Group, blocked_words
from .fleet_routes import FleetPlan, FleetRobot, TimedRoute
from .one_way import zone_moves
from .zones_geojson import PlanZones

RESCUES = 3  # an attempt

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

    @classmethod
    def on_map(
        cls, ref: GeoRef, step_s: float, zones: PlanZones | None = None, corner_cutting: bool = False
    ) -> FleetPlanner:
        """Return a planner for the cells of a map that keeps to the one-way corridors of zones.

        Keep-outs and what a corridor's metres cost belong to each robot's cost grid: `moonfleet.autonomy.zone_raster.with_zones` puts
        them there. Raises `ZoneError` for a one-way corridor narrower than a cell, and as the constructor.
        """
        allowed = None if zones is None else zone_moves(ref, zones.corridors)
        return cls(ref.shape, ref.cell_m, step_s, allowed, corner_cutting)

    def plan(
        self,
        robots: Sequence[FleetRobot],
        order: Order = "longest",
        restarts: int = 20,
        seed: int = 0,
        improve: int = 20,
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
        improve : rounds of replanning small groups once a plan stands; none makes it worse, 0 leaves it as it is.
        budget_s, cancelled : when the time is over, or the function says so, improving stops; before that, planning does.

        Raises
        ------
        StartBlocked, GoalOutside, GoalBlocked, CostError : a robot's task is not sound.
        PlanError : two robots of one name.
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
            first = attempt % 2 == 0
            stuck = group.in_order(queue, patient=first, rescues=0 if first else RESCUES, clock=clock)
            if stuck < 0:
                break
            failed[stuck] += 1
            raised = [stuck, *(i for i in queue if i != stuck)]
            queue = queue if first else raised if tuple(raised) not in tried else rng.permutation(len(robots)).tolist()
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
            raise PlanError(
                f"robot {robot.name!r}: it was gone at {old.arrival_s:g} s, before {at_s:g} s; replan it earlier."
            )
        if done < len(old.time_s):
            here, tick = old.cells[done], round(old.time_s[done] / self.ground.step_s)
        else:
            here, tick = old.cells[-1], self.ground.ticks(at_s)
        if done > 0 and done < len(old.time_s) and (old.cells[done - 1] == here).all():
            tick = max(
                self.ground.ticks(at_s), round(old.time_s[done - 1] / self.ground.step_s)
            )  # a wait may be cut short
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
        everyone = [robot.name for robot in group.robots]
        last = blocked_words(self.ground, group.robots[stuck], group.tasks[stuck], everyone, group.reserved, stuck)
        return (
            f"no order of {attempts} gave every robot a way; no way was found for {names}. In the last attempt: {last}"
        )
