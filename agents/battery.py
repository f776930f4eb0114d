"""The battery: charge and discharge limits, charging loss, cold, age. Scalar kernels for one robot and one tick.

Cold does not destroy charge, it keeps it out of reach: below 283 K a share of the capacity, growing in proportion to the cold, cannot be
drawn until it is warm again (the usual shape of lithium-ion discharge curves). Age takes capacity for good, by the calendar and by the
energy that went in and out (Schmalstieg et al. 2014 measure both, in first order, as here). The bookkeeping is exact: ``battery change =
came in - served - faded``, and ``panel energy = came in + lost + dumped``.
"""

from __future__ import annotations

from moonfleet.terrain.kernel import kernel

CHARGE_EFFICIENCY = 0.95  # of surplus power that a lithium-ion cell stores; a usual design value [W]
WARM_K = 283.0  # [K] from here up a cell gives all it holds [W]
MOST_LOCKED = 0.8  # [1] share of the capacity that cold can lock away, at most [W]


@kernel
def locked_wh(capacity_wh: float, temp_k: float, loss_per_k: float) -> float:
    """Return the charge [Wh] at the bottom of the battery that cannot be drawn at ``temp_k``."""
    return capacity_wh * min(loss_per_k * max(WARM_K - temp_k, 0.0), MOST_LOCKED)


@kernel
def serve(
    battery_wh: float, capacity_wh: float, solar_wh: float, demand_wh: float, can_give_wh: float, can_take_wh: float,
    efficiency: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Serve ``demand_wh`` from the Sun first, then from at most ``can_give_wh`` of the battery; store what is left over.

    Returns
    -------
    (battery, came_in, served, lost, dumped) [Wh]
        ``came_in`` is the solar energy used or stored, after the charging loss ``lost``; ``dumped`` found no taker: battery full, or
        charging at its limit ``can_take_wh``. ``served <= demand_wh``.
    """
    if solar_wh >= demand_wh:
        surplus = solar_wh - demand_wh
        stored = max(min(efficiency * surplus, capacity_wh - battery_wh, can_take_wh), 0.0)
        drained = stored / efficiency
        return battery_wh + stored, demand_wh + stored, demand_wh, drained - stored, max(surplus - drained, 0.0)
    drawn = min(demand_wh - solar_wh, can_give_wh)
    return battery_wh - drawn, solar_wh, solar_wh + drawn, 0.0, 0.0
