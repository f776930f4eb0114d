"""Radio: how fast a link is at a distance, and which link a robot uses. Scalar kernels.

Received power falls with the square of the distance (Friis 1946); at a fixed energy per bit over noise a receiver then carries a rate in
proportion to it. A radio knows some rates and takes the fastest that the power carries. A link exists where the geometry allows it and the
lowest rate still gets through.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lanes import most, select

from .state import Link

BIT_STATION, BIT_RELAY, BIT_EARTH, BIT_MAST = int(Link.STATION), int(Link.RELAY), int(Link.EARTH), int(Link.MAST)


@kernel
def received(full_m: float, distance2_m2: float) -> float:
    """Return the received power over the power that the top rate needs; ``full_m`` is where they are equal, 0: always enough."""
    return select(full_m <= 0.0, 1.0, full_m * full_m / most(distance2_m2, 1.0))


@kernel
def rate_at(power: float, top: float, second: float, third: float, fourth: float) -> float:
    """Return the fastest rate [Mbit/s] of a table (fastest first, 0 where it ends) that a power as of `received` carries."""
    carried = power * top
    slower = select(carried >= third, third, select(carried >= fourth, fourth, 0.0))
    return select(power >= 1.0, top, select(carried >= second, second, slower))


def reach_m(full_m: float, rates: Sequence[float]) -> float:
    """Return how far [m] the lowest of a radio's rates gets through; ``full_m`` is how far the top one does.

    >>> reach_m(1000.0, (0.28, 0.07))
    2000.0
    """
    known = [rate for rate in rates if rate > 0.0]
    return full_m * math.sqrt(max(known) / min(known)) if known else 0.0


@kernel
def best_link(
    link: int, rate_station: float, rate_relay: float, rate_earth: float, rate_mast: float = 0.0
) -> tuple[int, float]:
    """Return bit and rate [Mbit/s] of the fastest link that is up; on a tie the nearer to Earth; (0, 0) if none."""
    bit = 0
    rate = 0.0
    if link & BIT_EARTH and rate_earth > rate:
        bit, rate = BIT_EARTH, rate_earth
    if link & BIT_RELAY and rate_relay > rate:
        bit, rate = BIT_RELAY, rate_relay
    if link & BIT_STATION and rate_station > rate:
        bit, rate = BIT_STATION, rate_station
    if link & BIT_MAST and rate_mast > rate:
        bit, rate = BIT_MAST, rate_mast
    return bit, rate
