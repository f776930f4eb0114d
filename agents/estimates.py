"""What jobs would take: hours, energy there and home again. From the map, the almanac and the catalogue alone.

Robots and station use the same estimates; energies are fractions of the robot's battery. What does not change from one hour to the next
(ways, the light of hours that were ahead already) is kept. The tables are those of many missions (`ways`), with one of them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .forecast import Forecast
from .job_block import blank_jobs, write_jobs
from .lit_hours import Floats, Ints, blank_links, blank_places
from .machines import LONGEST_WORK_H, Rates, drain_rates, machines_of
from .mission import MissionSpec
from .travel import STILL_H, Travel, haven_spot
from .ways import (
    HOP_H,
    NO_WAY,
    Heard,
    blank_havens,
    blank_hours,
    blank_ways,
    heard_needs,
    settle,
)

__all__ = ["HOP_H", "LONGEST_WORK_H", "NO_WAY", "Estimates", "JobNeeds", "Rates", "drain_rates"]

Bools = NDArray[np.bool_]


class JobNeeds(NamedTuple):
    """What robots would need for jobs from where they are; float64 [n, J] each, energies 0 where not asked for."""

    way_h: Floats  # hours to each job; inf where the robot cannot get or has not the tool
    energy: Floats  # net energy of the way and the work, battery fractions
    home_energy: Floats  # net energy from there to a haven


class Estimates:
    """Estimates for the robots of one mission."""

    def __init__(self, mission: MissionSpec, forecast: Forecast, travel: Travel) -> None:
        self.mission, self.forecast, self.travel = mission, forecast, travel
        jobs, havens = mission.jobs, mission.havens
        robots, self.jobs = len(mission.specs), len(jobs)
        self.almanac = forecast.almanac
        self.machines = machines_of(mission.specs)
        self.home = np.array([[member.xy or (0.0, 0.0) for member in mission.fleet]], dtype=np.float64)
        self.works = blank_jobs(1, robots, len(jobs), sum(len(job.needs) for job in jobs))
        write_jobs(self.works, 0, mission)
        classes = len(travel.classes)
        self.havens = blank_havens(1, robots, classes, len(jobs), len(havens))
        self.havens.number[0] = len(havens)
        self.havens.xy[0] = np.array([xy for _, xy in havens]).reshape(-1, 2)
        self.havens.home_h[0] = travel.home_h
        for robot in range(robots):
            for haven, (_, xy) in enumerate(havens):
                self.havens.spots[0, robot, haven] = haven_spot(mission.site, mission.zones, xy, robot)
        nothing = np.empty((0, 0), dtype=np.float32)
        self.ways = blank_ways(1, robots, classes, len(jobs) + len(havens), nothing)
        self.hours = blank_hours(1, len(jobs), len(havens))
        self.places = blank_places(1, 2 * robots + len(havens) * (robots + 1) + len(jobs))
        self.links = blank_links(1, robots)
        settle(0, self.almanac, self.works, self.havens, self.ways, self.hours, self.places, self.links)

    def stand(self, robots: Ints, xy: Floats, *, as_heard: bool = False) -> None:
        """Find the ways of ``robots`` [n] from ``xy`` float64 [n, 2]; ``as_heard``: where somebody else believes them.

        Each robot has two rows of ways, so that it and the station do not undo each other's; where they agree they share one.
        """
        count = len(self.mission.specs)
        known = self.ways.xy[0]
        first, second = robots, robots + count
        at_first, at_second = (known[first] == xy).all(axis=1), (known[second] == xy).all(axis=1)
        for n in np.flatnonzero(~(at_first | at_second)).tolist():
            row = int(second[n] if as_heard else first[n])
            known[row] = xy[n]
            self.ways.watch[0, row] = -1
            self.ways.hours[0, row] = self._hours(int(robots[n]), xy[n])

    def _hours(self, robot: int, xy: Floats) -> Floats:
        """Hours of one robot to every job and haven."""
        hours, able, works = self.travel.hours(robot, xy), self.travel.able[robot], self.works
        hours[: self.jobs][~able] = STILL_H
        spec = self.mission.specs[robot]
        home = self.mission.fleet[robot].xy or (float(xy[0]), float(xy[1]))
        for job in np.flatnonzero(works.hops[0] & able).tolist():
            gap_m = math.hypot(home[0] - works.xy[0, job, 0], home[1] - works.xy[0, job, 1])
            hours[job] = HOP_H if gap_m <= spec.hop_range_m else math.inf
        return hours

    def as_heard(self, robots: Ints, xy: Floats, t_s: float, wanted: Bools, left_h: Floats) -> JobNeeds:
        """What ``left_h`` float64 [n, J] hours of work on the ``wanted`` bool [n, J] jobs would take, the way included.

        ``robots`` [n] are believed to be at ``xy`` float64 [n, 2], ``t_s`` seconds into the mission.
        """
        self.stand(robots, xy, as_heard=True)
        n, jobs = wanted.shape
        out = JobNeeds(np.empty((n, jobs)), np.empty((n, jobs)), np.empty((n, jobs)))
        hour = np.full(n, int(t_s) // 3600, dtype=np.int64)
        asked = Heard(
            np.zeros(n, dtype=np.int64),
            robots,
            np.ascontiguousarray(xy),
            hour,
            wanted,
            np.ascontiguousarray(left_h),
            *out,
        )
        heard_needs(
            self.almanac, self.machines, self.home, self.works, self.havens, self.ways, self.hours, self.places, asked
        )
        return out
