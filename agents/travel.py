"""How long the way is from anywhere to each place of interest: one field per place and drive class, made once per site.

The fields come from the orbital map and the mission's zones alone, so robots and station may all use them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import GoalBlocked
from moonfleet.autonomy.search import distance_field
from moonfleet.autonomy.traversability import (
    DriveLimits,
    MachineLimits,
    Traversability,
    drive_cost,
    traversability,
    wheelbase_roughness,
)
from moonfleet.autonomy.zone_raster import with_zones
from moonfleet.terrain.site import Site

from .catalogue import RobotSpec
from .errors import RobotError
from .forecast import Forecast
from .mission import MissionSpec
from .mission_zones import MissionZones, closed_cells

DARK_HOUR = 0.1  # [-] hours of driving that one hour of darkness at a haven is worth
WAY_H = 12  # [h] how far ahead the light along a way is looked at
APART_M = 9.0  # robots in one haven stand this far from its middle, each on a bearing of its own
GOLDEN_ANGLE_RAD = math.pi * (3.0 - math.sqrt(5.0))  # successive robots get well-spread bearings
COM_HEIGHT = 0.45  # [-] height of the centre of mass over the width: batteries low, mast and drill high (as VIPER and Yutu are built)
STILL_H = np.inf  # a machine that does not drive reaches no other place


def beside(place: tuple[float, float], robot: int, apart_m: float) -> tuple[float, float]:
    """A place ``apart_m`` from another, on a bearing of this robot's own."""
    bearing = GOLDEN_ANGLE_RAD * robot
    return place[0] + apart_m * math.sin(bearing), place[1] + apart_m * math.cos(bearing)


def machine_limits(spec: RobotSpec) -> MachineLimits:
    """Return what the planner needs of a machine: as long as it is wide, its belly as high as the steps it climbs.

    Raises
    ------
    RobotError
        It does not drive.
    """
    if spec.speed_m_s <= 0.0:
        raise RobotError(
            f"{spec.kind}: speed_m_s = {spec.speed_m_s:g}: a machine that does not drive has no traversability"
        )
    return MachineLimits(
        speed_m_s=spec.speed_m_s,
        drive_w=spec.drive_w,
        base_w=spec.idle_w,
        max_slope_deg=spec.max_slope_deg,
        track_m=spec.width_m,
        wheelbase_m=spec.width_m,
        com_height_m=COM_HEIGHT * spec.width_m,
        width_m=spec.width_m,
        step_m=spec.obstacle_m,
        clearance_m=spec.obstacle_m,
    )


class Travel:
    """Travel times [h] of each robot to jobs and havens, from any place."""

    def __init__(self, mission: MissionSpec, forecast: Forecast) -> None:
        self.mission = mission
        self.forecast = forecast
        self.cell = forecast.cell
        self.limits = [
            DriveLimits(spec.max_slope_deg, spec.speed_m_s) if spec.speed_m_s > 0 else None for spec in mission.specs
        ]

    def hours(self, robot: int, start: tuple[float, float], goal: tuple[float, float]) -> float:
        """Hours from ``start`` to ``goal`` [m]; inf when the robot cannot get there."""
        limits = self.limits[robot]
        if limits is None:
            return 0.0 if np.hypot(start[0] - goal[0], start[1] - goal[1]) < 1.0 else STILL_H
        field = travel_field(self.mission.site, limits, self.cell(*goal), self.mission.zones)
        return STILL_H if field is None else float(field[self.cell(*start)]) / 3600.0

    def best_haven(self, robot: int, start: tuple[float, float], t_s: int) -> tuple[tuple[float, float], float]:
        """The haven to wait in and the hours it takes from ``start``; ``start`` itself when none can be reached.

        An hour of the next darkness there counts like `DARK_HOUR` hours of driving. Robots stand apart in a haven, where zones leave them
        the room.
        """
        zones = self.mission.zones
        closed = None if zones is None else closed_cells(self.mission.site, zones)
        best, hours, least = start, STILL_H, STILL_H
        for _, haven in self.mission.havens:
            way = self.hours(robot, start, haven)
            if np.isinf(way):
                continue
            cost = way + DARK_HOUR * self.forecast.light(*haven, t_s).dark_for_h
            if cost < least:
                best = beside(haven, robot, APART_M)
                if closed is not None and closed[self.cell(*best)]:
                    best = haven
                hours, least = way, cost
        return best, hours

    def way_lit(self, start: tuple[float, float], goal: tuple[float, float], t_s: int) -> float:
        """Lit part of the next hours along the straight line between two places, 0..1: what panels may hope for."""
        shares = [
            self.forecast.lit_mean(
                start[0] + share * (goal[0] - start[0]), start[1] + share * (goal[1] - start[1]), t_s, WAY_H
            )
            for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        ]
        return sum(shares) / len(shares)


@lru_cache(maxsize=8)
def site_cost(site: Site, limits: DriveLimits, zones: MissionZones | None = None) -> NDArray[np.float32]:
    """Seconds per metre over a site for one class of machine, float32 [R, C].

    Cells that keep-outs touch are impassable, corridors scale the others by their factor. Raises `ZoneError` when stay-in zones leave
    nothing of the site.
    """
    cost = drive_cost(site.slope_deg, site.rock_cover, limits)
    if zones is None:
        return cost
    return with_zones(cost, site.ref, zones.plan.keepouts(site.ref.bounds), zones.plan.corridors)


@lru_cache(maxsize=8)
def site_traversability(site: Site, machine: MachineLimits) -> Traversability:
    """Time, energy and risk per metre over a site for one machine, from the orbital map alone; layers [R, C]."""
    rough_m = wheelbase_roughness(site.grid, machine.wheelbase_m)
    return traversability(site.slope_deg, rough_m, site.rock_cover, machine)


@lru_cache(maxsize=96)
def travel_field(
    site: Site, limits: DriveLimits, goal: tuple[int, int], zones: MissionZones | None = None
) -> NDArray[np.float32] | None:
    """Seconds to ``goal`` (row, col) from every cell, float32 [R, C]; None when the goal itself is impassable.

    Kept for as long as the site is open: every mission and every episode on it asks for the same few places.
    """
    try:
        return distance_field(site_cost(site, limits, zones), np.array([goal]), site.ref.cell_m).astype(np.float32)
    except GoalBlocked:
        return None
