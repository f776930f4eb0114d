"""What jobs would take: hours, energy there and home again. From the map, the almanac and the catalogue alone.

Robots and station use the same estimates; energies are fractions of the robot's battery. They are made for many robots at
once; what does not change from one hour to the next (ways, the light of hours that were ahead already) is kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.constants import SOLAR_CONSTANT_W_M2
from moonfleet.terrain.kernel import kernel

from .catalogue import RobotSpec
from .forecast import Forecast
from .lit_hours import Almanac, Floats, Ints, LitHours, LitWays, way_lit
from .mission import MissionSpec
from .power import panel_share, panel_w, settle
from .thermal import ENV_DARK_K, HEATER_MARGIN_K, conductance, heat_to_hold
from .tools import tool_power
from .travel import DARK_HOUR, STILL_H, Travel, haven_spot

NO_WAY = 10.0  # energy of a way that does not exist
HOP_H = 0.2  # [h] a hop with its preparation
LONGEST_H = 24.0  # [h] of work that are looked ahead: beyond a day the robot decides anew
DARK_FOR = 7  # column of the light ahead: hours that the next darkness lasts

Bools = NDArray[np.bool_]


class JobEstimates(NamedTuple):
    """What robots would need for jobs from where they are; float64 [n, J] each, 0 where not asked for."""

    energy: Floats  # net energy of the way and the work, battery fractions
    home_energy: Floats  # net energy from there to a haven


class Outlook(NamedTuple):
    """Some robots, each at a place, at one time: their ways, havens and the light there. Made by `Estimates.outlook`."""

    robots: Ints  # [n]
    stance: Ints  # [n] row of the tables of ways
    xy: Floats  # [n, 2]
    hour: int  # since mission start
    way_h: Floats  # [n, J] hours to each job; inf where the robot cannot get or has not the tool
    haven: Ints  # [n] number of the haven to wait in, -1 none can be reached
    haven_xy: Floats  # [n, 2] its own spot there, or where it is
    haven_h: Floats  # [n] hours to it, inf


class Machines(NamedTuple):
    """What the estimates read of every robot; float64 [R] each."""

    awake: Floats
    asleep: Floats
    charging: Floats
    battery_wh: Floats
    solar_w: Floats
    drive_w: Floats
    speed_m_s: Floats
    hop_wh: Floats


class Works(NamedTuple):
    """What the estimates read of every job; [J] each but ``xy`` [J, 2]."""

    xy: Floats
    place: Ints  # number of its place: many jobs share one
    tool_w: Floats
    hops: Bools  # its tool flies there


class Estimates:
    """Estimates for the robots of one mission."""

    def __init__(self, mission: MissionSpec, forecast: Forecast, travel: Travel) -> None:
        self.mission, self.forecast, self.travel = mission, forecast, travel
        self.rates = [drain_rates(spec) for spec in mission.specs]
        specs, jobs, havens = mission.specs, mission.jobs, mission.havens
        self.machines = Machines(
            *np.array(self.rates, dtype=np.float64).T.copy(),
            *(
                np.array(values, dtype=np.float64)
                for values in (
                    [spec.battery_wh for spec in specs],
                    [spec.solar_w_1au * panel_share(spec) for spec in specs],
                    [spec.drive_w for spec in specs],
                    [spec.speed_m_s for spec in specs],
                    [spec.hop_wh for spec in specs],
                )
            ),
        )
        xy = np.array([job.xy for job in jobs], dtype=np.float64).reshape(-1, 2)
        places, place_of = np.unique(xy, axis=0, return_inverse=True)
        self.works = Works(
            xy,
            place_of.reshape(-1).astype(np.int64),
            np.array([tool_power(job.tool) for job in jobs], dtype=np.float64),
            np.array([job.tool == "hop" for job in jobs], dtype=np.bool_),
        )
        robots, self.jobs, self.places, self.havens = len(specs), len(jobs), len(places), len(havens)
        self.spots = np.array(
            [[haven_spot(mission.site, mission.zones, xy, robot) for _, xy in havens] for robot in range(robots)],
            dtype=np.float64,
        ).reshape(robots, self.havens, 2)  # [R, H, 2] where each robot waits in each haven
        # places whose light is kept: each robot's own, the havens, each robot's spot in each of them, the jobs
        self.haven_at = robots + np.arange(self.havens)
        self.spot_at = robots + self.havens + np.arange(robots * self.havens).reshape(robots, self.havens)
        self.place_at = robots + self.havens + robots * self.havens + np.arange(len(places))
        self.light = LitHours(forecast.almanac, robots + self.havens + robots * self.havens + len(places))
        self.light.move(self.haven_at, np.array([xy for _, xy in havens]).reshape(-1, 2))
        self.light.move(self.spot_at.ravel(), self.spots.reshape(-1, 2))
        self.light.move(self.place_at, places)
        # ways from where each robot is, and from where the station believes it to be, to every job and haven; and home from jobs
        self._stance_xy = np.full((2 * robots, 2), np.nan)
        self._stance_h = np.full((2 * robots, self.jobs + self.havens), STILL_H)
        self._hour = -1
        self._dark_for, self._lit_day = np.empty(0), np.empty(0)
        self._out = LitWays.blank(2 * robots * (self.places + self.havens))
        self._home = LitWays.blank(robots * self.places)

    def stances(self, robots: Ints, xy: Floats, *, as_heard: bool = False) -> Ints:
        """Rows of the tables of ways for ``robots`` [n] at ``xy`` [n, 2]; ``as_heard``: where somebody else believes them.

        There are two rows a robot, so that the robot and the station do not undo each other's tables; where they agree they
        share one.
        """
        count = len(self.mission.specs)
        first, second = robots, robots + count
        at_first = (self._stance_xy[first] == xy).all(axis=1)
        at_second = (self._stance_xy[second] == xy).all(axis=1)
        rows = np.where(at_first, first, np.where(at_second, second, second if as_heard else first))
        for n in np.flatnonzero(~(at_first | at_second)).tolist():
            self._stance_xy[rows[n]] = xy[n]
            self._stance_h[rows[n]] = self._hours(int(robots[n]), xy[n])
        return rows

    def _hours(self, robot: int, xy: Floats) -> Floats:
        """Hours of one robot to every job and haven."""
        hours = self.travel.hours(robot, xy)
        hours[: self.jobs][~self.travel.able[robot]] = STILL_H
        spec = self.mission.specs[robot]
        home = self.mission.fleet[robot].xy or (float(xy[0]), float(xy[1]))
        for job in np.flatnonzero(self.works.hops & self.travel.able[robot]).tolist():
            gap_m = math.hypot(home[0] - self.works.xy[job, 0], home[1] - self.works.xy[job, 1])
            hours[job] = HOP_H if gap_m <= spec.hop_range_m else math.inf
        return hours

    def outlook(self, robots: Ints, xy: Floats, t_s: float, *, as_heard: bool = False) -> Outlook:
        """Ways and havens of ``robots`` [n] at ``xy`` float64 [n, 2], ``t_s`` seconds into the mission.

        An hour of the next darkness in a haven counts like `DARK_HOUR` hours of driving. Robots stand apart in a haven; where
        none can be reached, the haven is where the robot is.
        """
        hour = int(t_s) // 3600
        stance = self.stances(robots, xy, as_heard=as_heard)
        hours = self._stance_h[stance]
        if self.havens == 0:
            none = np.full(len(robots), -1, dtype=np.int64)
            return Outlook(robots, stance, xy, hour, hours, none, xy, np.full(len(robots), STILL_H))
        to_haven = hours[:, self.jobs :]
        cost = to_haven + DARK_HOUR * self.dark_for(hour)
        best = np.argmin(cost, axis=1)
        haven_h = to_haven[np.arange(len(robots)), best]
        reached = np.isfinite(haven_h)
        spot = np.where(reached[:, None], self.spots[robots, best], xy)
        return Outlook(robots, stance, xy, hour, hours[:, : self.jobs], np.where(reached, best, -1), spot, haven_h)

    def dark_for(self, hour: int) -> Floats:
        """How long the next darkness lasts in each haven [h], float64 [H]."""
        self._at_hour(hour)
        return self._dark_for

    def lit_day(self, hour: int) -> Floats:
        """Lit part of the next 24 h at each job's place, float64 [J]."""
        self._at_hour(hour)
        return self._lit_day

    def _at_hour(self, hour: int) -> None:
        """Work out once what is the same for every robot in an hour."""
        if hour != self._hour:
            self._hour = hour
            self._dark_for = np.ascontiguousarray(self.light.ahead(self.haven_at, hour)[:, DARK_FOR])
            self._lit_day = self.light.day(self.place_at, hour)[self.works.place]

    def for_jobs(self, view: Outlook, wanted: Bools, left_h: Floats) -> JobEstimates:
        """What ``left_h`` float64 [n, J] hours of work on the ``wanted`` bool [n, J] jobs would take, the way included."""
        out = JobEstimates(np.zeros(wanted.shape), np.zeros(wanted.shape))
        if self.jobs:
            _for_jobs(
                self.forecast.almanac, self.machines, self.works, self._out, self._home, view.robots, view.stance, view.xy,
                view.hour, view.way_h, wanted, left_h, self.travel.class_of, self.travel.home_h, self.spots, self.places,
                self.dark_for(view.hour), self.lit_day(view.hour), out,
            )  # fmt: skip
        return out

    def to_haven(self, view: Outlook, hours: Floats) -> Floats:
        """Net energy of the drive to the haven of each robot, that takes ``hours`` float64 [n]; float64 [n]."""
        out = np.zeros(len(view.robots))
        _to_haven(
            self.forecast.almanac, self.machines, self._out, view.robots, view.stance, view.xy, view.hour,
            self.places, self.havens, view.haven, view.haven_xy, hours, out,
        )  # fmt: skip
        return out


@kernel
def _drain(machines: Machines, robot: int, tool_w: float) -> float:
    """Gross drain with a tool or the wheels at work, awake in the dark: battery fractions per hour."""
    return machines.awake[robot] + tool_w / machines.battery_wh[robot]


@kernel
def _supply(machines: Machines, robot: int, lit: float) -> float:
    """Power of the panels in ``lit`` of the Sun, battery fractions per hour."""
    return panel_w(machines.solar_w[robot], SOLAR_CONSTANT_W_M2, lit) / machines.battery_wh[robot]


@kernel
def _drive(machines: Machines, robot: int, hours: float, lit: float) -> float:
    """Net energy of a drive of so many hours in so much light."""
    drain = _drain(machines, robot, machines.drive_w[robot])
    return hours * max(drain - _supply(machines, robot, lit), 0.1 * drain)


@kernel
def _for_jobs(
    almanac: Almanac, machines: Machines, works: Works, ways: LitWays, homes: LitWays, robots: Ints, stance: Ints, xy: Floats,
    hour: int, way_h: Floats, wanted: Bools, left_h: Floats, class_of: Ints, home_h: Floats, spots: Floats, places: int, dark_for: Floats,
    lit_day: Floats, out: JobEstimates,
) -> None:  # fmt: skip
    """Fill ``out`` where ``wanted``; see `Estimates.for_jobs`."""
    jobs, havens = wanted.shape[1], spots.shape[1]
    for n in range(robots.size):
        robot = robots[n]
        drives = machines.speed_m_s[robot] != 0.0
        for job in range(jobs):
            if not wanted[n, job]:
                continue
            hours = way_h[n, job]
            if not math.isfinite(hours):
                out.energy[n, job] = out.home_energy[n, job] = NO_WAY
                continue
            work = _drain(machines, robot, works.tool_w[job]) - _supply(machines, robot, lit_day[job])
            energy = max(min(left_h[n, job], LONGEST_H) * work, 0.0)
            if works.hops[job]:
                out.energy[n, job] = energy + 2.0 * machines.hop_wh[robot] / machines.battery_wh[robot]
                continue
            out.energy[n, job] = energy
            if not drives:
                continue
            jx, jy = works.xy[job, 0], works.xy[job, 1]
            row = stance[n] * (places + havens) + works.place[job]
            lit = way_lit(almanac, ways, row, xy[n, 0], xy[n, 1], jx, jy, hour)
            out.energy[n, job] = energy + _drive(machines, robot, hours, lit)
            best, least = -1, np.inf
            for k in range(havens):
                cost = home_h[class_of[robot], job, k] + DARK_HOUR * dark_for[k]
                if cost < least:
                    best, least = k, cost
            if best < 0:
                out.home_energy[n, job] = NO_WAY
                continue
            lit = way_lit(
                almanac,
                homes,
                robot * places + works.place[job],
                jx,
                jy,
                spots[robot, best, 0],
                spots[robot, best, 1],
                hour,
            )
            out.home_energy[n, job] = _drive(machines, robot, float(home_h[class_of[robot], job, best]), lit)


@kernel
def _to_haven(
    almanac: Almanac, machines: Machines, ways: LitWays, robots: Ints, stance: Ints, xy: Floats, hour: int, places: int,
    havens: int, haven: Ints, haven_xy: Floats, hours: Floats, out: Floats,
) -> None:  # fmt: skip
    """Fill ``out`` [n]; see `Estimates.to_haven`."""
    for n in range(robots.size):
        robot = robots[n]
        if machines.speed_m_s[robot] == 0.0:
            out[n] = 0.0
        elif haven[n] < 0:
            out[n] = NO_WAY
        else:
            row = stance[n] * (places + havens) + places + haven[n]
            lit = way_lit(almanac, ways, row, xy[n, 0], xy[n, 1], haven_xy[n, 0], haven_xy[n, 1], hour)
            out[n] = _drive(machines, robot, hours[n], lit)


class Rates(NamedTuple):
    """Net rates, battery fractions per hour: awake and asleep in the dark, awake in full Sun."""

    awake: float
    asleep: float
    charging: float


def drain_rates(spec: RobotSpec) -> Rates:
    """Rates of one machine, heaters included."""

    def heater(load_w: float, keep_k: float) -> float:
        hold = keep_k + HEATER_MARGIN_K
        g = conductance(hold, spec.conductance_w_k, spec.radiator_w_k)
        leak = heat_to_hold(hold, hold, ENV_DARK_K, g, spec.heat_capacity_j_k, 3600.0)
        return min(max(leak - spec.heat_share * load_w - spec.rhu_w, 0.0), spec.heater_w)

    awake = spec.idle_w + spec.comm_w
    dark = awake + heater(awake, spec.temp_op_min_k)
    asleep = spec.hibernate_w + heater(spec.hibernate_w, spec.temp_survive_k)
    sun = panel_w(spec.solar_w_1au, SOLAR_CONSTANT_W_M2, 1.0, panel_share(spec))
    gain, _, _ = settle(0.0, spec.battery_wh, sun, awake)  # of one hour
    return Rates(dark / spec.battery_wh, asleep / spec.battery_wh, gain / spec.battery_wh)
