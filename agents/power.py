"""Solar panels and what they serve: kernels for one robot, or lanes of robots, and one tick; the battery itself is in `battery`."""

from __future__ import annotations

import math

from moonfleet.terrain.flux import facing, panel_power_w
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lane_math import sine_cosine_deg
from moonfleet.terrain.lanes import most, select

from .battery import CHARGE_EFFICIENCY, serve
from .catalogue import RobotSpec
from .dust import current_share
from .spec_block import FIXED, LEVEL, UPRIGHT

__all__ = ["CHARGE_EFFICIENCY", "panel_cosine", "panel_share", "panel_w", "settle"]

HIGHEST_SUN_DEG = 2.0  # [deg] over the horizon at a pole; the sub-solar latitude stays within 1.6 deg


@kernel
def panel_w(solar_w_1au: float, flux_w_m2: float, lit: float, cosine: float = 1.0, clean: float = 1.0) -> float:
    """Return the electrical power [W] of a panel, ``lit`` being the share of the disc in view.

    ``cosine`` is that of the angle at which the Sun stands to it (1: it tracks the Sun), ``clean`` what dust lets through.
    """
    return panel_power_w(solar_w_1au, flux_w_m2, lit, cosine) * clean


@kernel
def panel_cosine(
    panel: int, sun_az_deg: float, sun_el_deg: float, tilt_deg: float, facing_deg: float, heading_deg: float
) -> float:
    """Return the cosine 0..1 between a panel's normal and the Sun.

    A panel tracks the Sun, is fixed to the body (tilted by ``tilt_deg`` towards ``facing_deg`` clockwise of the heading), lies level, or
    stands upright and turns with the Sun. The body counts as level. One number each, or lanes.
    """
    up, along = sine_cosine_deg(sun_el_deg)
    tilt_up, tilt_along = sine_cosine_deg(tilt_deg)
    _, across = sine_cosine_deg(sun_az_deg - (heading_deg + facing_deg))
    fixed = facing(up, along, tilt_up, tilt_along, across)
    standing = select(panel == UPRIGHT, along, 1.0)
    return select(panel == FIXED, fixed, select(panel == LEVEL, most(up, 0.0), standing))


def panel_share(spec: RobotSpec, years: float = 1.0) -> float:
    """Return the share of its rated power that a planner may count on near a pole, after ``years`` of dust.

    The Sun stands at the horizon, at most 2 degrees high: an upright panel loses next to nothing, a fixed one faces it a third of the
    time (the mean over headings), and a level one is not counted on at all.
    """
    attitude = {
        "tracking": 1.0,
        "upright": math.cos(math.radians(HIGHEST_SUN_DEG)),
        "fixed": math.sin(math.radians(spec.panel_tilt_deg)) / math.pi,
        "level": 0.0,
    }
    return attitude[spec.panel] * float(current_share(spec.dust_ug_cm2_yr * years))


@kernel
def settle(battery_wh: float, capacity_wh: float, solar_wh: float, demand_wh: float) -> tuple[float, float, float]:
    """Return (battery, came_in, served) [Wh] as `serve` does, without limits, for a battery of the usual efficiency."""
    battery, came_in, served, _, _ = serve(
        battery_wh, capacity_wh, solar_wh, demand_wh, battery_wh, capacity_wh, CHARGE_EFFICIENCY
    )
    return battery, came_in, served
