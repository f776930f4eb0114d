"""The battery: charge and discharge limits, charging loss, cold, age. Kernels for one robot, or lanes of robots, and one tick.

Cold does not destroy charge, it keeps it out of reach: below 283 K a share of the capacity, growing in proportion to the cold, cannot be
drawn until it is warm again (the usual shape of lithium-ion discharge curves). Age takes capacity for good, by the calendar and by the
energy that went in and out (Schmalstieg et al. 2014 measure both, in first order, as here). The bookkeeping is exact: ``battery change =
came in - served - faded``, and ``panel energy = came in + lost + dumped``.
"""

from __future__ import annotations

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lanes import least, most, select

CHARGE_EFFICIENCY = 0.95  # of surplus power that a lithium-ion cell stores; a usual design value [W]
WARM_K = 283.0  # [K] from here up a cell gives all it holds [W]
MOST_LOCKED = 0.8  # [1] share of the capacity that cold can lock away, at most [W]


@kernel
def locked_wh(capacity_wh: float, temp_k: float, loss_per_k: float) -> float:
    """Return the charge [Wh] at the bottom of the battery that cannot be drawn at ``temp_k``."""
    return capacity_wh * least(loss_per_k * most(WARM_K - temp_k, 0.0), MOST_LOCKED)


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
    enough = solar_wh >= demand_wh
    surplus = solar_wh - demand_wh
    stored = most(least(least(efficiency * surplus, capacity_wh - battery_wh), can_take_wh), 0.0)
    drained = stored / efficiency
    drawn = least(demand_wh - solar_wh, can_give_wh)
    return (
        select(enough, battery_wh + stored, battery_wh - drawn),
        select(enough, demand_wh + stored, solar_wh),
        select(enough, demand_wh, solar_wh + drawn),
        select(enough, drained - stored, 0.0),
        select(enough, most(surplus - drained, 0.0), 0.0),
    )
