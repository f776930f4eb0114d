"""Who of a fleet can talk to whom right now, without a third party: by line of sight on the ground, by the sky to an orbiter.

Computed only when asked. A pair on the ground is in contact when both are awake, carry the local radio, are near enough for the lowest of
their rates, and their antennas see each other over the terrain; its rate is the slower of the two. The station's own radio reaches as far
as its partner's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.sight import line_of_sight

from . import state as s
from .links import rate_at, received

if TYPE_CHECKING:
    from .world import World


def link_rates(world: World, w: int) -> NDArray[np.float64]:
    """Return the rate [Mbit/s] of every direct link of world ``w`` now, float64 [R, R], symmetric, 0 where there is none."""
    robots = world.robots
    rates = np.zeros((robots, robots))
    for a in range(robots):
        for b in range(a + 1, robots):
            rates[a, b] = rates[b, a] = pair_rate(world, w, a, b)
    return rates


def pair_rate(world: World, w: int, a: int, b: int) -> float:
    """Return the rate [Mbit/s] between two robots now, 0 without a link."""
    if not (world.listens(w, a) and world.listens(w, b)):
        return 0.0
    orbits = [world.specs[r].role == "orbiter" for r in (a, b)]
    if all(orbits):
        return 0.0
    if any(orbits):
        return _to_orbit(world, w, b if orbits[0] else a)
    a_xy, b_xy = ((float(world.state.x[w, r]), float(world.state.y[w, r])) for r in (a, b))
    away2 = (a_xy[0] - b_xy[0]) ** 2 + (a_xy[1] - b_xy[1]) ** 2
    rate = min(_local(world, a, away2), _local(world, b, away2))
    if math.isinf(rate) or rate <= 0.0:
        return 0.0
    clear = line_of_sight(world.site.grid, a_xy, world.specs[a].mast_m, b_xy, world.specs[b].mast_m)
    return rate if clear else 0.0


def _to_orbit(world: World, w: int, r: int) -> float:
    spec = world.specs[r]
    if not int(world.state.link[w, r]) & int(s.Link.RELAY):
        return 0.0
    return _carried(spec.rate_relay_mbps, spec.relay_steps_mbps, received(spec.relay_full_m, world.relay_m(w) ** 2))


def _local(world: World, r: int, away2: float) -> float:
    """Return the rate [Mbit/s] of a robot's local radio at a squared distance; the station takes its partner's."""
    spec = world.specs[r]
    if r == world.station:
        return math.inf
    if spec.range_station_m <= 0.0:
        return 0.0
    return _carried(spec.rate_station_mbps, spec.station_steps_mbps, received(spec.range_station_m, away2))


def _carried(top: float, steps: Sequence[float], power: float) -> float:
    lower = [*sorted(steps, reverse=True), 0.0, 0.0, 0.0][:3]
    return float(rate_at(power, top, *lower))
