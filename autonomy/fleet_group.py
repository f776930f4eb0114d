"""Robots being planned one after the other: what each has reserved, and what to do when one finds no way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cbs_search import GroupSearch
from .cbs_ways import Ways
from .errors import PlanInterrupted
from .fleet_clock import Clock
from .fleet_ground import F64, FleetGround, Task
from .fleet_moves import FAR
from .fleet_routes import FleetRobot, TimedRoute

GROUP = 6  # robots replanned together in an improving round
RESCUED = 4  # robots routed together by optimal search when one is stuck
RESCUE_NODES = 100


class Group:
    """Robots being planned: the routes found so far and what each has reserved."""

    def __init__(self, ground: FleetGround, robots: Sequence[FleetRobot], tasks: list[Task]) -> None:
        self.ground, self.robots, self.tasks = ground, list(robots), tasks
        self.routes: list[TimedRoute | None] = [None] * len(robots)
        self.reserved: list[F64] = [np.empty((0, 8))] * len(robots)

    def in_order(self, queue: Sequence[int], patient: bool, rescues: int, clock: Clock) -> int:
        """Plan all in order; return -1, or the robot that found no way.

        ``patient``: starts are reserved until their robots go, otherwise until they may go. ``rescues``: how often a robot without a
        way is routed together with those in its way (`rescue`).
        """
        for i in queue:
            self.routes[i] = None
            self.reserved[i] = self._waiting(i, patient)
        for planned, i in enumerate(queue):
            if clock.over():
                raise PlanInterrupted(
                    f"out of time with {planned} of {len(queue)} robots planned; allow more time, or plan fewer robots at once."
                )
            if self.routes[i] is not None or self.place(i):
                continue  # (a rescue may have given it a route)
            if rescues == 0 or not self.rescue(i, clock):
                return i
            rescues -= 1
        return -1

    def place(self, i: int) -> bool:
        """Give robot ``i`` the earliest way among what the others have reserved; False if it has none."""
        way = self.ground.find(self.tasks[i], [legs for k, legs in enumerate(self.reserved) if k != i])
        if way is None:
            return False
        route = self.ground.route(self.robots[i], way)
        self.routes[i], self.reserved[i] = route, self.ground.legs(route)
        return True

    def rescue(self, i: int, clock: Clock) -> bool:
        """Route robot ``i`` together with those that keep it from its goal, by conflict-based search among all others."""
        names = self.blockers(i)
        if not names:
            return False
        group = [i, *names[: RESCUED - 1]]
        fixed = [legs for k, legs in enumerate(self.reserved) if k not in group]
        robots, tasks = [self.robots[k] for k in group], [self.tasks[k] for k in group]
        found = GroupSearch(Ways(self.ground, robots, tasks, fixed)).run(None, RESCUE_NODES, clock, hasty=True)
        if found.routes is None:
            return False
        for k, route in zip(group, found.routes, strict=True):
            self.routes[k], self.reserved[k] = route, self.ground.legs(route)
        return True

    def blockers(self, i: int) -> list[int]:
        """Return the robots each of whose absence alone would give robot ``i`` a way."""
        return without(self.ground, self.tasks[i], self.reserved, i)

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
            stuck = self.in_order(chosen, patient=True, rescues=0, clock=Clock(None, None))
            if stuck >= 0 or float(self._arrivals()[chosen].sum()) >= before:
                for i, (route, legs) in zip(chosen, kept, strict=True):
                    self.routes[i], self.reserved[i] = route, legs

    def _arrivals(self) -> F64:
        return np.array([route.arrival_s if route is not None else np.inf for route in self.routes])

    def _waiting(self, i: int, patient: bool) -> F64:
        robot, task = self.robots[i], self.tasks[i]
        goes = task.start != task.goal or not task.stays
        until = task.leave if goes and not patient else FAR
        return self.ground.standing(robot.start_rc, robot.clearance_m, float(until))


def without(ground: FleetGround, task: Task, legs: Sequence[F64], own: int = -1) -> list[int]:
    """Return which of the others' legs would, left out alone, give a task a way; ``own`` is left out in any case."""
    return [
        k
        for k in range(len(legs))
        if k != own and ground.find(task, [leg for j, leg in enumerate(legs) if j not in (k, own)]) is not None
    ]


def blocked_words(
    ground: FleetGround, robot: FleetRobot, task: Task, names: Sequence[str], legs: Sequence[F64], own: int = -1
) -> str:
    """Say who keeps a robot from its goal and what would help; ``own`` is its own index among ``names``, if it has one."""
    alone = [names[k] for k in without(ground, task, legs, own)]
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
