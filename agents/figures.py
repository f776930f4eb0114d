"""What follows from a machine's figures: how long it lasts in the dark, how far it drives, how warm it gets, what it sends.

Nameplate figures by the laws of `battery`, `power`, `thermal` and `moonfleet.autonomy.wheels`: a new battery, clean panels that face
the Sun at 1 au, flat ground. Charge counts from full down to the reserve, except where a machine is asked how long it lives.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from moonfleet.autonomy.wheels import speed_and_power
from moonfleet.terrain.constants import SOLAR_CONSTANT_W_M2

from .battery import locked_wh
from .catalogue import RobotSpec
from .power import panel_share
from .thermal import ENV_DARK_K, ENV_LIT_K, HEATER_MARGIN_K, conductance, heat_to_hold, node_after
from .tools import tool_power

HALVINGS = 60  # of the interval in which a settled temperature is searched; far below a microkelvin
LIFE_H = 87_660  # [h] ten years: a night that is survived for longer counts as any night
HOUR_S = 3600.0  # [s]


class ToolFigures(NamedTuple):
    """One tool: its power [W], what the panels leave in full Sun while it works [W], hours of work in the dark on a charge."""

    tool: str
    power_w: float
    sun_margin_w: float
    dark_h: float


class RobotFigures(NamedTuple):
    """Derived figures of one machine; nan where a figure has no meaning for it (a lander's range, an orbiter's heat)."""

    awake_w: float  # load awake with the radio on, heater included, in the dark
    asleep_w: float  # load hibernating in the dark, heater included
    awake_dark_h: float  # from full to the reserve
    asleep_dark_h: float  # from full to the reserve
    night_h: float  # asleep in the dark from full until it is lost; inf: its radioisotope heat holds it for good
    asleep_k: float  # coldest settled temperature asleep in the dark, heater at full power
    bare_k: float  # the same with a flat battery: radioisotope heat alone
    hot_k: float  # hottest settled temperature: in full Sun, wheels or the strongest tool at work
    sun_margin_w: float  # panels in full Sun minus the load awake with the radio on
    charge_h: float  # empty to full in full Sun, awake with the radio on
    drive_m: float  # on the flat in the dark, from full to the reserve
    drive_sun_w: float  # panels in full Sun minus the load when driving on the flat
    send_h: float  # a full store over the fastest of its links; inf without one
    tools: tuple[ToolFigures, ...]


def robot_figures(spec: RobotSpec) -> RobotFigures:
    """Return what follows from the figures of a catalogue file.

    >>> from moonfleet.agents.catalogue import robot_spec
    >>> round(robot_figures(robot_spec("viper-rover")).asleep_dark_h)
    50
    """
    sun_w = spec.solar_w_1au * panel_share(spec, 0.0)
    usable_wh = usable(spec, spec.temp_op_min_k)
    on_w = spec.idle_w + spec.comm_w
    awake_w, asleep_w = dark_w(spec, on_w, spec.temp_op_min_k), dark_w(spec, spec.hibernate_w, spec.temp_survive_k)
    speed, motors_w = speed_and_power(0.0, spec.speed_m_s, spec.drive_w) if spec.speed_m_s > 0 else (math.nan, math.nan)
    driving_w = spec.idle_w + motors_w
    rate = max(spec.rate_station_mbps, spec.rate_relay_mbps, spec.rate_earth_mbps)
    tools = tuple(
        ToolFigures(
            tool,
            tool_power(tool),
            sun_w - spec.idle_w - tool_power(tool),
            usable_wh / dark_w(spec, spec.idle_w + tool_power(tool), spec.temp_op_min_k),
        )
        for tool in spec.tools
        if tool != "relay"  # the radio, not a tool
    )
    on_ground = spec.role != "orbiter"
    hardest_w = max(spec.idle_w + max((tool.power_w for tool in tools), default=0.0), on_w, spec.idle_w + spec.drive_w)
    asleep_heat = spec.rhu_w + spec.heat_share * spec.hibernate_w + spec.heater_w
    lit_heat = spec.rhu_w + spec.heat_share * hardest_w + spec.sun_absorb_m2 * SOLAR_CONSTANT_W_M2
    return RobotFigures(
        awake_w=awake_w,
        asleep_w=asleep_w,
        awake_dark_h=usable_wh / awake_w if awake_w > 0 else math.inf,
        asleep_dark_h=usable(spec, spec.temp_survive_k) / asleep_w if asleep_w > 0 else math.inf,
        night_h=night_h(spec) if on_ground else math.nan,
        asleep_k=settled_k(spec, asleep_heat, ENV_DARK_K) if on_ground else math.nan,
        bare_k=settled_k(spec, spec.rhu_w, ENV_DARK_K) if on_ground else math.nan,
        hot_k=settled_k(spec, lit_heat, ENV_LIT_K) if on_ground else math.nan,
        sun_margin_w=sun_w - on_w,
        charge_h=1.0 / min(spec.charge_efficiency * (sun_w - on_w) / spec.battery_wh, spec.charge_c)
        if sun_w > on_w
        else math.inf,
        drive_m=usable_wh / dark_w(spec, driving_w, spec.temp_op_min_k) * 3600.0 * speed,
        drive_sun_w=sun_w - driving_w,
        send_h=spec.storage_mbit / rate / 3600.0 if rate > 0 else math.inf,
        tools=tools,
    )


def usable(spec: RobotSpec, keep_k: float) -> float:
    """Return the charge [Wh] from full down to the reserve, or to what cold keeps out of reach where the thermostat keeps ``keep_k``."""
    if spec.role == "orbiter":
        return (1.0 - spec.reserve_frac) * spec.battery_wh
    locked = locked_wh(spec.battery_wh, keep_k + HEATER_MARGIN_K, spec.cold_loss_per_k)
    return spec.battery_wh - max(spec.reserve_frac * spec.battery_wh, locked)


def dark_w(spec: RobotSpec, load_w: float, keep_k: float) -> float:
    """Return a load [W] in the dark and the heater that keeps ``keep_k`` [K] beside it; an orbiter's heat is its own affair."""
    if spec.role == "orbiter":
        return load_w
    hold = keep_k + HEATER_MARGIN_K
    leak = conductance(hold, spec.conductance_w_k, spec.radiator_w_k) * (hold - ENV_DARK_K)
    return load_w + min(max(leak - spec.heat_share * load_w - spec.rhu_w, 0.0), spec.heater_w)


def settled_k(spec: RobotSpec, heat_w: float, env_k: float) -> float:
    """Return the temperature [K] at which a constant heat is given off to surroundings of ``env_k``, louvres and all."""
    low, high = env_k, env_k + heat_w / spec.conductance_w_k
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if conductance(middle, spec.conductance_w_k, spec.radiator_w_k) * (middle - env_k) < heat_w:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def night_h(spec: RobotSpec) -> float:
    """Return hours asleep in the dark until the machine freezes, from a full battery and the coldest temperature it works at.

    The thermostat asks for the survival temperature plus its margin and gets what heater and battery can give, hour by hour, as in the
    World; inf when radioisotope heat alone is enough, or for ten years.
    """
    g, c, survive = spec.conductance_w_k, spec.heat_capacity_j_k, spec.temp_survive_k
    if settled_k(spec, spec.rhu_w, ENV_DARK_K) > survive:
        return math.inf
    temp, battery = spec.temp_op_min_k + HEATER_MARGIN_K, spec.battery_wh
    for hour in range(LIFE_H):
        reach = max(battery - locked_wh(spec.battery_wh, temp, spec.cold_loss_per_k), 0.0)
        load = min(spec.hibernate_w, reach)
        warmth = spec.rhu_w + spec.heat_share * load
        asked = heat_to_hold(temp, survive + HEATER_MARGIN_K, ENV_DARK_K, g, c, HOUR_S) - warmth
        heater = min(max(asked, 0.0), spec.heater_w, reach - load)
        battery -= load + heater
        after = node_after(temp, ENV_DARK_K, warmth + heater, g, c, HOUR_S)
        if after < survive:
            return hour + (temp - survive) / (temp - after)
        temp = after
    return math.inf
