"""The contact graph: who can talk to whom at a moment, and how likely a message is lost on the way.

Nodes are the R robots, then two mailboxes: the relay in orbit and the Earth. A mailbox keeps what it hears and passes it on, so
a message over the relay or the Earth takes two hops where a direct one takes one, and waits there for a receiver that is out
of sight. An orbiter of the fleet is the relay itself; its node then stands for that mailbox.

Robot to station, relay and Earth are the World's own links. Robot to robot is a surface link of the same radios: both awake, no
farther apart than the shorter of their ranges, and the antennas in line of sight over the ground.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.sight import ground_cell, sees

from .catalogue import RobotSpec
from .ground import ground_layers
from .links import BIT_EARTH, BIT_RELAY, BIT_STATION, reach_m
from .mission import MissionSpec
from .mobility import CELL, X_LEFT, Y_TOP
from .outages import BIT_ROBOTS
from .state import COMM, Activity, WorldState

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DEAF = np.isin(np.arange(len(Activity)), (Activity.HIBERNATE, Activity.HOP, Activity.LOST))
LOSS_NEAR = 0.01  # chance that a message is lost at close range
LOSS_EDGE = 0.5  # the same at the end of the range, where the link's margin is used up
LOSS_SPACE = 0.05  # the same for a link to the relay or the Earth, whatever the elevation


class Contacts(NamedTuple):
    """Links at one moment."""

    up: Bools  # [N, N] symmetric, False on the diagonal
    loss: Floats  # [N, N] chance that a message is lost, where up


class ContactGraph:
    """Finds the contacts of one mission. Lines of sight between robots that stand still are looked up, not walked again."""

    def __init__(self, mission: MissionSpec) -> None:
        specs = mission.specs
        robots = len(specs)
        self.names = [*(member.name for member in mission.fleet), "@relay", "@earth"]
        self.earth = robots + 1
        orbiters = [index for index, spec in enumerate(specs) if spec.role == "orbiter"]
        self.relay = orbiters[0] if orbiters else robots
        self.station = mission.station_index
        self.orbits = np.array([spec.role == "orbiter" for spec in specs])
        self.range_m = radio_reach(specs)
        self.mast_m = np.array([spec.mast_m for spec in specs])
        ground, _ = ground_layers(mission.site)
        self.elevation, self.frame = ground.elevation, ground.frame
        self.cell_m = ground_cell(mission.site.grid)
        self.at = np.full((robots, 2), np.nan)  # where the lines of sight below were walked from
        self.seen = np.full((robots, robots), -1, dtype=np.int64)  # 1 sees, 0 not, -1 not walked
        self.now = Contacts(np.zeros((robots + 2, robots + 2), dtype=np.bool_), np.zeros((robots + 2, robots + 2)))

    def find(self, state: WorldState, awake: Bools, cut: Ints) -> Contacts:
        """Contacts of world 0 now, overwritten by the next call.

        ``awake`` bool [R] says whose radio is on, ``cut`` int64 [R] are the bits of links that are down by decree.
        """
        find_contacts(
            self.now.up[None], self.now.loss[None], state.x[:1], state.y[:1], awake, state.link[:1], cut, self.orbits, self.range_m,
            self.mast_m, self.station, self.relay, self.earth, self.elevation, self.cell_m, self.frame, self.at[None],
            self.seen[None], 0,
        )  # fmt: skip
        return self.now


def radio_reach(specs: Sequence[RobotSpec]) -> Floats:
    """How far the surface radio of each machine gets through at its lowest rate [m], float64 [R]."""
    return np.array(
        [reach_m(spec.range_station_m, (spec.rate_station_mbps, *spec.station_steps_mbps)) for spec in specs]
    )


def radio_on(state: WorldState) -> Bools:
    """Whose radio is on and works in world 0, bool [R]: not asleep, not in flight, not lost, not out of order."""
    return ~DEAF[state.activity[0]] & (state.faults[0] & (1 << COMM) == 0)


@forced_kernel
def surface_loss(distance_m: float, range_m: float) -> float:
    """Chance that a message is lost: received power falls with the square of the distance, and the margin with it."""
    share = min(distance_m / range_m, 1.0) if range_m > 0.0 else 1.0
    return LOSS_NEAR + (LOSS_EDGE - LOSS_NEAR) * share * share


@forced_kernel
def set_pair(up: Bools, loss: Floats, w: int, a: int, b: int, chance: float) -> None:
    """Write one link, both ways."""
    up[w, a, b] = up[w, b, a] = True
    loss[w, a, b] = loss[w, b, a] = chance


@forced_kernel
def find_contacts(
    up: Bools, loss: Floats, x: Floats, y: Floats, awake: Bools, link: Ints, cut: Ints, orbits: Bools, range_m: Floats,
    mast_m: Floats, station: int, relay: int, earth: int, elevation: NDArray[np.float32], cell_m: float, frame: Floats,
    at: Floats, seen: Ints, w: int,
) -> None:  # fmt: skip
    """Fill ``up`` and ``loss`` [W, N, N] of world ``w``, by ``x``, ``y``, ``link`` [W, R] and ``awake``, ``cut`` [R].

    ``at`` [W, R, 2] and ``seen`` [W, R, R] remember lines of sight (see `ContactGraph`).
    """
    robots = x.shape[1]
    nodes = up.shape[1]
    for a in range(nodes):
        for b in range(nodes):
            up[w, a, b] = False
            loss[w, a, b] = 0.0
    rows, cols = elevation.shape
    if relay == robots:
        set_pair(up, loss, w, relay, earth, LOSS_SPACE)
    for r in range(robots):
        if x[w, r] != at[w, r, 0] or y[w, r] != at[w, r, 1]:
            at[w, r, 0], at[w, r, 1] = x[w, r], y[w, r]
            for other in range(robots):
                seen[w, r, other] = seen[w, other, r] = -1
    for a in range(robots):
        if not awake[a]:
            continue
        bits = link[w, a] & ~cut[a]
        if bits & BIT_EARTH:
            set_pair(up, loss, w, a, earth, LOSS_SPACE)
        if orbits[a]:
            continue
        if bits & BIT_RELAY and (relay == robots or awake[relay]):
            set_pair(up, loss, w, a, relay, LOSS_SPACE)
        for b in range(a + 1, robots):
            if orbits[b] or not awake[b]:
                continue
            dx, dy = x[w, a] - x[w, b], y[w, a] - y[w, b]
            far = math.sqrt(dx * dx + dy * dy)
            if a == station or b == station:
                other = b if a == station else a
                if link[w, other] & ~cut[other] & BIT_STATION:
                    set_pair(up, loss, w, a, b, surface_loss(far, range_m[other]))
                continue
            reach = min(range_m[a], range_m[b])
            if far > reach or reach <= 0.0 or (cut[a] | cut[b]) & BIT_ROBOTS:
                continue
            if seen[w, a, b] < 0:
                a_row, a_col = place_of(frame, x[w, a], y[w, a], rows, cols)
                b_row, b_col = place_of(frame, x[w, b], y[w, b], rows, cols)
                seen[w, a, b] = 1 if sees(elevation, cell_m, a_row, a_col, mast_m[a], b_row, b_col, mast_m[b]) else 0
            if seen[w, a, b] == 1:
                set_pair(up, loss, w, a, b, surface_loss(far, reach))


@forced_kernel
def place_of(frame: Floats, x: float, y: float, rows: int, cols: int) -> tuple[float, float]:
    """Fractional row and column of a place, as `moonfleet.terrain.sight.line_of_sight` takes it."""
    row = round((frame[Y_TOP] - y) / frame[CELL] - 0.5, 6)
    col = round((x - frame[X_LEFT]) / frame[CELL] - 0.5, 6)
    return min(max(row, 0.0), rows - 1.0), min(max(col, 0.0), cols - 1.0)
