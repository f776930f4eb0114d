"""What a job would take: hours, energy there and home again. From the map, the almanac and the catalogue alone.

Robots and station use the same estimates; energies are fractions of the robot's battery.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from moonfleet.terrain.constants import SOLAR_CONSTANT_W_M2

from .catalogue import RobotSpec
from .forecast import Forecast
from .mission import MissionSpec
from .power import panel_w, settle
from .thermal import ENV_DARK_K, HEATER_MARGIN_K, conductance, heat_to_hold
from .tools import tool_power
from .travel import Travel

NO_WAY = 10.0  # energy of a way that does not exist
HOP_H = 0.2  # [h] a hop with its preparation
LONGEST_H = 24.0  # [h] of work that are looked ahead: beyond a day the robot decides anew

Place = tuple[float, float]


class JobEstimate(NamedTuple):
    """What one robot would need for one job from where it is."""

    way_h: float  # inf when it cannot get there
    energy: float  # net energy of the way and the work, battery fractions
    home_energy: float  # net energy from there to a haven
    lit: float  # lit part of the next 24 h there


class Estimates:
    """Estimates for the robots of one mission."""

    def __init__(self, mission: MissionSpec, forecast: Forecast, travel: Travel) -> None:
        self.mission, self.forecast, self.travel = mission, forecast, travel
        self.rates = [drain_rates(spec) for spec in mission.specs]

    def job(self, robot: int, here: Place, job: int, left_h: float, t_s: int) -> JobEstimate:
        """What ``left_h`` hours of work on a job would take from ``here``."""
        entry, spec = self.mission.jobs[job], self.mission.specs[robot]
        way_h = self.way_h(robot, here, job)
        if math.isinf(way_h):
            return JobEstimate(way_h, NO_WAY, NO_WAY, 0.0)
        lit = self.forecast.lit_mean(*entry.xy, t_s)
        work = self.drain(robot, tool_power(entry.tool)) - self.supply(robot, lit)
        energy = max(min(left_h, LONGEST_H) * work, 0.0)
        if entry.tool == "hop":
            return JobEstimate(way_h, energy + 2.0 * spec.hop_wh / spec.battery_wh, 0.0, lit)
        haven, home_h = self.travel.best_haven(robot, entry.xy, t_s)
        home = self.way_energy(robot, home_h, entry.xy, haven, t_s)
        return JobEstimate(way_h, energy + self.way_energy(robot, way_h, here, entry.xy, t_s), home, lit)

    def way_h(self, robot: int, here: Place, job: int) -> float:
        """Hours to a job's place; a hop takes next to none and must be within range of home."""
        spec, entry = self.mission.specs[robot], self.mission.jobs[job]
        if entry.tool != "hop":
            return self.travel.hours(robot, here, entry.xy)
        home = self.mission.fleet[robot].xy or here
        near = math.hypot(home[0] - entry.xy[0], home[1] - entry.xy[1]) <= spec.hop_range_m
        return HOP_H if near else math.inf

    def way_energy(self, robot: int, hours: float, start: Place, goal: Place, t_s: int) -> float:
        """Net energy of a drive, with the light along the straight line; `NO_WAY` when there is none."""
        if self.mission.specs[robot].speed_m_s == 0:
            return 0.0
        if math.isinf(hours):
            return NO_WAY
        drain = self.drain(robot, self.mission.specs[robot].drive_w)
        return hours * max(drain - self.supply(robot, self.travel.way_lit(start, goal, t_s)), 0.1 * drain)

    def supply(self, robot: int, lit: float) -> float:
        """Power of the panels in ``lit`` of the Sun, battery fractions per hour."""
        spec = self.mission.specs[robot]
        return panel_w(spec.solar_w_1au, SOLAR_CONSTANT_W_M2, lit) / spec.battery_wh

    def drain(self, robot: int, tool_w: float) -> float:
        """Gross drain with a tool or the wheels at work, awake in the dark: battery fractions per hour."""
        return self.rates[robot].awake + tool_w / self.mission.specs[robot].battery_wh


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
    sun = panel_w(spec.solar_w_1au, SOLAR_CONSTANT_W_M2, 1.0)
    gain, _, _ = settle(0.0, spec.battery_wh, sun, awake)  # of one hour
    return Rates(dark / spec.battery_wh, asleep / spec.battery_wh, gain / spec.battery_wh)
