"""Solar panels and batteries: scalar kernels for one robot and one tick.

The bookkeeping is exact: what the battery gains is what came in minus what the loads took, tick by tick.
"""

from __future__ import annotations

from moonfleet.terrain.flux import panel_power_w
from moonfleet.terrain.kernel import kernel

CHARGE_EFFICIENCY = 0.95  # of surplus power that a lithium-ion cell stores; a usual design value [W]


@kernel
def panel_w(solar_w_1au: float, flux_w_m2: float, lit: float) -> float:
    """Return the electrical power [W] of a panel that tracks the Sun, ``lit`` being the share of the disc in view."""
    return panel_power_w(solar_w_1au, flux_w_m2, lit, 1.0)


@kernel
def settle(battery_wh: float, capacity_wh: float, solar_wh: float, demand_wh: float) -> tuple[float, float, float]:
    """Serve ``demand_wh`` from the Sun first, then the battery; store 95 % of any surplus up to ``capacity_wh``.

    Returns
    -------
    (battery, came_in, served) [Wh]
        ``came_in`` is the solar energy used or stored, after the charging loss; ``served <= demand_wh``. The battery
        change is ``came_in - served``.
    """
    if solar_wh >= demand_wh:
        stored = min(CHARGE_EFFICIENCY * (solar_wh - demand_wh), capacity_wh - battery_wh)
        return battery_wh + stored, demand_wh + stored, demand_wh
    drawn = demand_wh - solar_wh
    if drawn >= battery_wh:
        return 0.0, solar_wh, solar_wh + battery_wh
    return battery_wh - drawn, solar_wh, demand_wh
