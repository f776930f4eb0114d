"""Who of a fleet can talk to whom right now, without a third party: by line of sight between antennas on the ground, by the sky to an orbiter.

Computed only when asked. A pair on the ground is in contact when both are awake and carry the local radio, stand within the shorter of
their ranges, and their antennas see each other over the terrain; its rate is the slower of the two. The station's own radio reaches as far
as its partner's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.sight import line_of_sight

from . import state as s

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
        ground = b if orbits[0] else a
        up = int(world.state.link[w, ground]) & int(s.Link.RELAY)
        return world.specs[ground].rate_relay_mbps if up else 0.0
    rate = min(_radio(world, a)[0], _radio(world, b)[0])
    reach = min(_radio(world, a)[1], _radio(world, b)[1])
    a_xy, b_xy = ((float(world.state.x[w, r]), float(world.state.y[w, r])) for r in (a, b))
    if math.isinf(rate) or rate <= 0.0 or math.dist(a_xy, b_xy) > reach:
        return 0.0
    clear = line_of_sight(world.site.grid, a_xy, world.specs[a].mast_m, b_xy, world.specs[b].mast_m)
    return rate if clear else 0.0


def _radio(world: World, r: int) -> tuple[float, float]:
    """Return rate [Mbit/s] and range [m] of a robot's local radio; the station takes its partner's."""
    if r == world.station:
        return math.inf, math.inf
    return world.specs[r].rate_station_mbps, world.specs[r].range_station_m
