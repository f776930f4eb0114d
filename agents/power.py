"""Solar panels and what they serve: scalar kernels for one robot and one tick; the battery itself is in `battery`."""

from __future__ import annotations

import math

from moonfleet.terrain.flux import facing_cosine, panel_power_w
from moonfleet.terrain.kernel import kernel

from .battery import CHARGE_EFFICIENCY, serve
from .spec_block import FIXED, LEVEL, UPRIGHT

__all__ = ["CHARGE_EFFICIENCY", "panel_cosine", "panel_w", "settle"]


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
    stands upright and turns with the Sun. The body counts as level.
    """
    if panel == FIXED:
        return facing_cosine(sun_az_deg, sun_el_deg, tilt_deg, heading_deg + facing_deg)
    if panel == LEVEL:
        return max(math.sin(math.radians(sun_el_deg)), 0.0)
    if panel == UPRIGHT:
        return math.cos(math.radians(sun_el_deg))
    return 1.0


@kernel
def settle(battery_wh: float, capacity_wh: float, solar_wh: float, demand_wh: float) -> tuple[float, float, float]:
    """Return (battery, came_in, served) [Wh] as `serve` does, without limits, for a battery of the usual efficiency."""
    battery, came_in, served, _, _ = serve(
        battery_wh, capacity_wh, solar_wh, demand_wh, battery_wh, capacity_wh, CHARGE_EFFICIENCY
    )
    return battery, came_in, served
