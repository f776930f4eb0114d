"""What is said about the machines of the catalogue, in words: for the command and for the page of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from moonfleet.agents.catalogue import RobotSpec
from moonfleet.agents.figures import robot_figures

ROLES = {
    "rover": "Rovers",
    "lander": "Landers and other machines that stand",
    "hopper": "Hoppers",
    "construction": "Construction",
    "orbiter": "Orbiters",
}
HEAD = (
    "kind",
    "mass [kg]",
    "speed [m/s]",
    "slope [deg]",
    "battery [Wh]",
    "panels [W]",
    "awake, dark",
    "asleep, dark",
    "night survived",
    "range, dark [km]",
    "radio [Mbit/s]",
    "tools",
)
Sheet = Sequence[tuple[str, Sequence[tuple[str, str]]]]  # headings, each with (what, value) lines


def by_role(kinds: Mapping[str, RobotSpec]) -> dict[str, list[RobotSpec]]:
    """Return the machines by the title of their role, roles and kinds in a fixed order; empty roles are left out."""
    grouped = {
        title: [kinds[kind] for kind in sorted(kinds) if kinds[kind].role == role] for role, title in ROLES.items()
    }
    return {title: specs for title, specs in grouped.items() if specs}


def overview_row(spec: RobotSpec) -> tuple[str, ...]:
    """Return one machine under `HEAD`."""
    figures = robot_figures(spec)
    return (
        spec.kind,
        number(spec.mass_kg),
        f"{spec.speed_m_s:g}" if spec.speed_m_s > 0 else "-",
        f"{spec.max_slope_deg:g}" if spec.role != "orbiter" else "-",
        number(spec.battery_wh),
        number(spec.solar_w_1au),
        span(figures.awake_dark_h),
        span(figures.asleep_dark_h),
        night(figures.night_h),
        f"{figures.drive_m / 1000.0:.1f}" if spec.speed_m_s > 0 else "-",
        rates(spec),
        ", ".join(spec.tools),
    )


def robot_sheet(spec: RobotSpec) -> Sheet:
    """Return all that is known of one machine: its figures, what follows from them, and where they come from."""
    f = robot_figures(spec)
    body = [
        ("kind", spec.kind),
        ("role", spec.role),
        ("mass", f"{number(spec.mass_kg)} kg, {spec.width_m:g} m wide, mast {spec.mast_m:g} m"),
        ("battery", f"{number(spec.battery_wh)} Wh, of which {spec.reserve_frac:.0%} are kept in reserve"),
        ("panels", f"{number(spec.solar_w_1au)} W facing the Sun at 1 au"),
        ("loads", f"idle {spec.idle_w:g} W, radio {spec.comm_w:g} W, asleep {spec.hibernate_w:g} W"),
        (
            "heat",
            f"radioisotope {spec.rhu_w:g} W, heater {spec.heater_w:g} W, works above {spec.temp_op_min_k:g} K, "
            f"lives above {spec.temp_survive_k:g} K",
        ),
        ("data store", f"{number(spec.storage_mbit)} Mbit"),
    ]
    full = "never full again" if math.isinf(f.charge_h) else f"full again after {span(f.charge_h)}"
    power = [
        ("awake in the dark", f"{span(f.awake_dark_h)} at {f.awake_w:.0f} W, down to the reserve"),
        ("asleep in the dark", f"{span(f.asleep_dark_h)} at {f.asleep_w:.0f} W, down to the reserve"),
        ("spare in full Sun", f"{f.sun_margin_w:.0f} W awake; {full}"),
    ]
    heat: list[tuple[str, str]] = []
    if spec.role != "orbiter":
        heat = [
            ("night survived", f"{night(f.night_h)}, asleep, from a full battery"),
            ("held asleep", f"up to {f.asleep_k:.0f} K with its heater, {f.bare_k:.0f} K on a flat battery"),
            ("hottest at work", f"{f.hot_k:.0f} K in full Sun"),
        ]
    way: list[tuple[str, str]] = []
    if spec.speed_m_s > 0:
        body.insert(
            3,
            (
                "drives",
                f"{spec.speed_m_s:g} m/s up to {spec.max_slope_deg:g} deg, over {spec.obstacle_m:g} m, {spec.drive_w:g} W",
            ),
        )
        way.append(("range in the dark", f"{f.drive_m / 1000.0:.1f} km on the flat, down to the reserve"))
        way.append(("driving in full Sun", f"{f.drive_sun_w:+.0f} W left"))
    if spec.hops:
        way.append(("hops", f"{spec.hops} of up to {spec.hop_range_m / 1000.0:g} km, {spec.hop_wh:g} Wh each"))
    reach = f"; station within {spec.range_station_m / 1000.0:g} km" if spec.range_station_m > 0 else ""
    radio = [
        ("station/relay/Earth", f"{rates(spec)} Mbit/s{reach}"),
        ("full store sent in", "no radio" if math.isinf(f.send_h) else span(f.send_h)),
    ]
    tools = [
        (tool.tool, f"{tool.power_w:g} W; {tool.sun_margin_w:+.0f} W in full Sun, {span(tool.dark_h)} in the dark")
        for tool in f.tools
    ]
    sources = [("", source) for source in spec.sources]
    parts: Sheet = [
        ("", body),
        ("Power", power),
        ("Heat", heat),
        ("Way", way),
        ("Radio", radio),
        ("Tools", tools),
        ("Sources", sources),
    ]
    return [(title, lines) for title, lines in parts if lines]


def number(value: float) -> str:
    """Return a figure with its thousands apart.

    >>> number(24000.0), number(0.5)
    ('24 000', '0.5')
    """
    return f"{value:,.10g}".replace(",", " ")


def span(hours: float) -> str:
    """Return a length of time as people say it.

    >>> span(12.34), span(200.0), span(float("inf"))
    ('12.3 h', '8.3 d', 'for good')
    """
    if math.isinf(hours):
        return "for good"
    return f"{hours / 24.0:.1f} d" if hours >= 72.0 else f"{hours:.1f} h"


def night(hours: float) -> str:
    """Return how long a night is survived; nan: a machine without nights.

    >>> night(70.0), night(float("inf")), night(float("nan"))
    ('70.0 h', 'any', '-')
    """
    if math.isnan(hours):
        return "-"
    return "any" if math.isinf(hours) else span(hours)


def rates(spec: RobotSpec) -> str:
    """Return the data rates to the station, over the relay and to the Earth [Mbit/s]."""
    three = (spec.rate_station_mbps, spec.rate_relay_mbps, spec.rate_earth_mbps)
    return "/".join(f"{rate:g}" if rate > 0 else "-" for rate in three)
