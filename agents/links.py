"""Radio: who can be reached, and how many bits pass in a tick. Scalar kernels.

A link exists where the geometry allows it and the robot has the radio for it (rate > 0). Rates are the catalogue's.
"""

from __future__ import annotations

from moonfleet.terrain.kernel import kernel

from .state import Link

BIT_STATION, BIT_RELAY, BIT_EARTH = int(Link.STATION), int(Link.RELAY), int(Link.EARTH)


@kernel
def best_link(link: int, rate_station: float, rate_relay: float, rate_earth: float) -> tuple[int, float]:
    """Return bit and rate [Mbit/s] of the fastest link that is up; on a tie the nearer to Earth; (0, 0) if none."""
    bit = 0
    rate = 0.0
    if link & BIT_EARTH:
        bit, rate = BIT_EARTH, rate_earth
    if link & BIT_RELAY and rate_relay > rate:
        bit, rate = BIT_RELAY, rate_relay
    if link & BIT_STATION and rate_station > rate:
        bit, rate = BIT_STATION, rate_station
    return bit, rate


@kernel
def measure(stored_mbit: float, new_mbit: float, capacity_mbit: float) -> tuple[float, float]:
    """Add new data to a store; return (stored, dropped) [Mbit]."""
    kept = min(new_mbit, max(capacity_mbit - stored_mbit, 0.0))
    return stored_mbit + kept, new_mbit - kept
