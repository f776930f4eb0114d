"""How long the way is from anywhere to each place of interest: one field per place and drive class, made once per mission.

The fields come from the orbital map alone, so robots and station may all use them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import GoalBlocked
from moonfleet.autonomy.search import distance_field
from moonfleet.autonomy.traversability import DriveLimits, drive_cost

from .forecast import Forecast
from .mission import MissionSpec

STILL_H = np.inf  # a machine that does not drive reaches no other place


class Travel:
    """Travel times [h] of each robot to jobs and havens, from any place."""

    def __init__(self, mission: MissionSpec, forecast: Forecast) -> None:
        self.mission = mission
        self.cell = forecast.cell
        self.costs: dict[DriveLimits, NDArray[np.float32]] = {}
        self.fields: dict[tuple[DriveLimits, tuple[int, int]], NDArray[np.float32] | None] = {}
        self.limits = [
            DriveLimits(spec.max_slope_deg, spec.speed_m_s) if spec.speed_m_s > 0 else None for spec in mission.specs
        ]

    def hours(self, robot: int, start: tuple[float, float], goal: tuple[float, float]) -> float:
        """Hours from ``start`` to ``goal`` [m]; inf when the robot cannot get there."""
        limits = self.limits[robot]
        if limits is None:
            return 0.0 if np.hypot(start[0] - goal[0], start[1] - goal[1]) < 1.0 else STILL_H
        field = self.field(limits, self.cell(*goal))
        return STILL_H if field is None else float(field[self.cell(*start)]) / 3600.0

    def field(self, limits: DriveLimits, goal: tuple[int, int]) -> NDArray[np.float32] | None:
        """Seconds to ``goal`` (row, col) from every cell, float32 [R, C]; None when the goal itself is impassable."""
        key = (limits, goal)
        if key not in self.fields:
            site = self.mission.site
            if limits not in self.costs:
                self.costs[limits] = drive_cost(site.slope_deg, site.rock_cover, limits)
            try:
                found = distance_field(self.costs[limits], np.array([goal]), site.ref.cell_m)
                self.fields[key] = found.astype(np.float32)
            except GoalBlocked:
                self.fields[key] = None
        return self.fields[key]

    def nearest_haven(self, robot: int, start: tuple[float, float]) -> tuple[tuple[float, float], float]:
        """The haven soonest reached from ``start`` and the hours it takes; ``start`` itself when none can be reached."""
        best, hours = start, STILL_H
        for _, haven in self.mission.havens:
            way = self.hours(robot, start, haven)
            if way < hours:
                best, hours = haven, way
        return best, hours
