"""What estimates read of every machine of a fleet, and what driving and working would take of its battery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.constants import SOLAR_CONSTANT_W_M2
from moonfleet.terrain.forced_kernel import forced_kernel

from .catalogue import RobotSpec
from .power import panel_share, panel_w, settle
from .thermal import ENV_DARK_K, HEATER_MARGIN_K, conductance, heat_to_hold

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LONGEST_WORK_H: Final = 24.0  # [h] of work that are looked ahead: beyond a day the robot decides anew


class Machines(NamedTuple):
    """The R machines of a fleet; [R] each."""

    awake: Floats  # drain awake in the dark, battery fractions per hour; so the next two
    asleep: Floats  # drain hibernating in the dark
    charging: Floats  # gain awake in full Sun
    battery_wh: Floats
    solar_w: Floats
    drive_w: Floats
    speed_m_s: Floats
    hop_wh: Floats
    hop_range_m: Floats
    storage_mbit: Floats
    reserve: Floats
    orbits: Bools
    hopper: Bools
    panels: Bools
    drive_class: Ints  # number of its limits in `drive_classes`, -1: it does not drive


def machines_of(specs: Sequence[RobotSpec]) -> Machines:
    """The columns of a fleet."""

    def floats(values: Sequence[float]) -> Floats:
        return np.array(values, dtype=np.float64)

    def bools(values: Sequence[bool]) -> Bools:
        return np.array(values, dtype=np.bool_)

    rates = [drain_rates(spec) for spec in specs]
    return Machines(
        awake=floats([rate.awake for rate in rates]),
        asleep=floats([rate.asleep for rate in rates]),
        charging=floats([rate.charging for rate in rates]),
        battery_wh=floats([spec.battery_wh for spec in specs]),
        solar_w=floats([spec.solar_w_1au * panel_share(spec) for spec in specs]),
        drive_w=floats([spec.drive_w for spec in specs]),
        speed_m_s=floats([spec.speed_m_s for spec in specs]),
        hop_wh=floats([spec.hop_wh for spec in specs]),
        hop_range_m=floats([spec.hop_range_m for spec in specs]),
        storage_mbit=floats([spec.storage_mbit for spec in specs]),
        reserve=floats([spec.reserve_frac for spec in specs]),
        orbits=bools([spec.role == "orbiter" for spec in specs]),
        hopper=bools([spec.role == "hopper" for spec in specs]),
        panels=bools([spec.solar_w_1au > 0 for spec in specs]),
        drive_class=drive_classes(specs)[1],
    )


def drive_classes(specs: Sequence[RobotSpec]) -> tuple[list[DriveLimits], Ints]:
    """The different limits of the machines that drive, and which of them each has, int64 [R], -1 for one that does not."""
    limits = [DriveLimits(spec.max_slope_deg, spec.speed_m_s) if spec.speed_m_s > 0 else None for spec in specs]
    classes = list(dict.fromkeys(one for one in limits if one is not None))
    return classes, np.array([-1 if one is None else classes.index(one) for one in limits], dtype=np.int64)


@forced_kernel
def work_need(hours: float, awake: float, tool_w: float, solar_w: float, battery_wh: float, lit: float) -> float:
    """Net energy of so many hours of work in so much light, battery fractions; a tool at work never charges."""
    drain = awake + tool_w / battery_wh
    supply = panel_w(solar_w, SOLAR_CONSTANT_W_M2, lit) / battery_wh
    return max(min(hours, LONGEST_WORK_H) * (drain - supply), 0.0)


@forced_kernel
def drive_need(hours: float, awake: float, drive_w: float, solar_w: float, battery_wh: float, lit: float) -> float:
    """Net energy of a drive of so many hours in so much light, battery fractions."""
    drain = awake + drive_w / battery_wh
    supply = panel_w(solar_w, SOLAR_CONSTANT_W_M2, lit) / battery_wh
    return hours * max(drain - supply, 0.1 * drain)


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
