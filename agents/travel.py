"""How long the way is from anywhere to each place of interest: one field per place and drive class, made once per site.

The fields come from the orbital map and the mission's zones alone, so robots and station may all use them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
from .machines import drive_classes
from .mission import MissionSpec
from .mission_zones import MissionZones, closed_cells

APART_M = 9.0  # robots in one haven stand this far from its middle, each on a bearing of its own
GOLDEN_ANGLE_RAD = math.pi * (3.0 - math.sqrt(5.0))  # successive robots get well-spread bearings
COM_HEIGHT = 0.45  # [-] height of the centre of mass over the width: batteries low, mast and drill high (as VIPER and Yutu are built)
STILL_H = np.inf  # a machine that does not drive reaches no other place


def beside(place: tuple[float, float], robot: int, apart_m: float) -> tuple[float, float]:
    """A place ``apart_m`` from another, on a bearing of this robot's own."""
    bearing = GOLDEN_ANGLE_RAD * robot
    return place[0] + apart_m * math.sin(bearing), place[1] + apart_m * math.cos(bearing)


def haven_spot(site: Site, zones: MissionZones | None, haven: tuple[float, float], robot: int) -> tuple[float, float]:
    """Where a robot waits in a haven: beside its middle, or in the middle where zones close that place."""
    spot = beside(haven, robot, APART_M)
    closed = zones is not None and bool(closed_cells(site, zones)[site.ref.cell_of(*spot)])
    return haven if closed else spot


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
    """Travel times [h] to the places of a mission, the jobs' first, then the havens: gathered from one field each."""

    def __init__(self, mission: MissionSpec, forecast: Forecast) -> None:
        self.mission = mission
        self.cell = forecast.cell
        self.jobs = len(mission.jobs)
        self.places = np.array([*(job.xy for job in mission.jobs), *(xy for _, xy in mission.havens)]).reshape(-1, 2)
        # the drive class of each robot, int64 [R], -1 for a machine that does not drive
        self.classes, self.class_of = drive_classes(mission.specs)
        self.able = np.array(
            [[not job.tool or job.tool in spec.tools for job in mission.jobs] for spec in mission.specs], dtype=np.bool_
        ).reshape(len(mission.specs), self.jobs)
        self._fields = [self._fields_of(number) for number in range(len(self.classes))]
        # hours from each job to each haven by drive class, float64 [classes, J, H]
        self.home_h = np.array([[self._from(number, xy)[self.jobs :] for xy in self.places[: self.jobs]]
                                for number in range(len(self.classes))])  # fmt: skip
        self.home_h = self.home_h.reshape(len(self.classes), self.jobs, len(mission.havens))

    def _fields_of(self, number: int) -> tuple[list[NDArray[np.float32] | None], NDArray[np.int64]]:
        """The fields that a class of machines has use for, each once, and which of them each place has.

        None stands for places that it has no business at or cannot get to.
        """
        site, limits = self.mission.site, self.classes[number]
        wanted = np.concatenate(
            [self.able[self.class_of == number].any(axis=0), np.ones(len(self.mission.havens), dtype=np.bool_)]
        )
        cells = [
            self.cell(float(x), float(y)) if use else None for (x, y), use in zip(self.places, wanted, strict=True)
        ]
        distinct = list(dict.fromkeys(cells))
        fields = [None if cell is None else travel_field(site, limits, cell, self.mission.zones) for cell in distinct]
        return fields, np.array([distinct.index(cell) for cell in cells], dtype=np.int64)

    def _from(self, number: int, xy: ArrayLike) -> NDArray[np.float64]:
        """Hours from ``xy`` to every place by class, float64 [J + H]."""
        x, y = np.asarray(xy, dtype=np.float64).tolist()
        cell = self.cell(x, y)
        fields, which = self._fields[number]
        hours = [STILL_H if field is None else float(field[cell]) / 3600.0 for field in fields]
        return np.array(hours, dtype=np.float64)[which]

    def hours(self, robot: int, start: ArrayLike) -> NDArray[np.float64]:
        """Hours of a robot from ``start`` (x, y) [m] to every place, float64 [J + H]; inf where it cannot get.

        Fields are made for the havens and for the jobs that some robot of the class has the tool for: others are inf.
        """
        number = int(self.class_of[robot])
        if number >= 0:
            return self._from(number, start)
        gap = self.places - np.asarray(start, dtype=np.float64)
        return np.where(np.hypot(gap[:, 0], gap[:, 1]) < 1.0, 0.0, STILL_H)


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


@lru_cache(maxsize=256)
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
