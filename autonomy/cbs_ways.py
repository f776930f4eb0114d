"""The ways of robots under rules, each searched once: nodes of conflict-based search ask for the same ones again and again."""

from __future__ import annotations

from collections.abc import Sequence

from .cbs_split import Rules
from .fleet_ground import F64, FleetGround, Task, Way
from .fleet_routes import FleetRobot

KEPT = 20_000  # ways of a robot; then it begins anew

Known = dict[Rules, tuple[Way, F64] | None]


class Ways:
    """The earliest ways of a group's robots, all of which avoid the legs ``fixed`` of robots outside the group."""

    def __init__(
        self,
        ground: FleetGround,
        robots: Sequence[FleetRobot],
        tasks: Sequence[Task],
        fixed: Sequence[F64] = (),
        known: list[Known] | None = None,
    ) -> None:
        self.ground, self.robots, self.tasks, self.fixed = ground, list(robots), list(tasks), list(fixed)
        self._known = [Known() for _ in robots] if known is None else known

    def of(self, i: int, rules: Rules) -> tuple[Way, F64] | None:
        """Return the earliest way of a robot that keeps its rules, and its legs; None if there is none."""
        known = self._known[i]
        if rules not in known:
            if len(known) >= KEPT:
                known.clear()
            way = rules.find(self.ground, self.tasks[i], self.fixed)
            known[rules] = None if way is None else (way, self.ground.legs(self.ground.route(self.robots[i], way)))
        return known[rules]

    def part(self, robots: Sequence[int]) -> Ways:
        """Return the ways of some of the robots; what is found for them is known to both."""
        return Ways(
            self.ground,
            [self.robots[i] for i in robots],
            [self.tasks[i] for i in robots],
            self.fixed,
            [self._known[i] for i in robots],
        )
