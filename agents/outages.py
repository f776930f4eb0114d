"""Links that a scenario cuts for a while: an antenna that fails, interference, an operator who turns a ground station off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.errors import did_you_mean

from .errors import MissionError
from .state import Link

Ints = NDArray[np.int64]

BIT_ROBOTS: Final = int(Link.MAST)  # talk from robot to robot over the surface, a robot with a mast among them
PEER_BITS: Final = {
    "station": int(Link.STATION),
    "relay": int(Link.RELAY),
    "earth": int(Link.EARTH),
    "robots": BIT_ROBOTS,
}
FAR_S: Final = 10**12  # [s] 30 thousand years
EVERYBODY: Final = ("station", "relay", "earth", "robots")


@dataclass(frozen=True, slots=True)
class Outage:
    """Links that are down from ``from_s`` until before ``to_s`` [s since mission start].

    ``robots`` names the robots whose links are cut (none named: all), ``peers`` the other ends: ``station`` (its surface
    radio), ``relay``, ``earth``, ``robots`` (one another, over the surface). A cut of the station's own ``station`` link
    silences its surface radio for all, one of the relay orbiter's own ``relay`` link the relay.
    """

    from_s: int
    to_s: int
    robots: tuple[str, ...] = ()
    peers: tuple[str, ...] = EVERYBODY

    def told(self) -> str:
        """The cut in words, for the event log."""
        return f"{', '.join(self.robots) or 'all robots'}: no link to {', '.join(self.peers)}"


def check_outages(outages: Sequence[Outage], names: Sequence[str]) -> None:
    """Raise `MissionError` for a window that is none, and for unknown robots and peers."""
    for index, outage in enumerate(outages):
        where = f"outages[{index}]"
        if not 0 <= outage.from_s < outage.to_s <= FAR_S:
            raise MissionError(
                f"{where}: from {outage.from_s} s to {outage.to_s} s: must be 0 <= from < to <= {FAR_S} s"
            )
        for robot in outage.robots:
            if robot not in names:
                raise MissionError(f"{where}.robots = {robot!r}: not in the fleet.{did_you_mean(robot, names)}")
        for peer in outage.peers:
            if peer not in PEER_BITS:
                raise MissionError(f"{where}.peers = {peer!r}: not known.{did_you_mean(peer, PEER_BITS)}")
        if not outage.peers:
            raise MissionError(f"{where}.peers: is empty; leave it out to cut all links")


class Cuts:
    """Which links of which robots are cut, at any time of a mission."""

    def __init__(self, outages: Sequence[Outage], names: Sequence[str], station: int, relay: int) -> None:
        self.outages, self.station = tuple(outages), station
        self.relay = relay if relay < len(names) else None  # the orbiter that is the relay, if one of the fleet is
        self.bits = np.zeros((len(self.outages), len(names)), dtype=np.int64)
        for row, outage in zip(self.bits, self.outages, strict=True):
            cut = sum({PEER_BITS[peer] for peer in outage.peers})
            row[[names.index(robot) for robot in outage.robots or names]] = cut
        self.windows = np.array([(one.from_s, one.to_s) for one in self.outages], dtype=np.int64).reshape(-1, 2)
        self.nothing = np.zeros(len(names), dtype=np.int64)

    def at(self, t_s: int) -> Ints:
        """Bits cut of each robot, int64 [R]."""
        if not self.outages:
            return self.nothing
        on = (self.windows[:, 0] <= t_s) & (t_s < self.windows[:, 1])
        cut = np.bitwise_or.reduce(self.bits[on], axis=0, initial=0)
        if self.relay is not None:
            cut |= cut[self.relay] & int(Link.RELAY)
        return cut | (cut[self.station] & int(Link.STATION))

    def changes(self, from_s: int, to_s: int) -> list[tuple[bool, Outage]]:
        """Outages that end or begin after ``from_s``, up to ``to_s``: (whether the links come up again, which), as it happens."""
        edges = [(t_s, up, one) for one in self.outages for t_s, up in ((one.to_s, True), (one.from_s, False))]
        soon = [edge for edge in edges if from_s < edge[0] <= to_s]
        return [(up, one) for _, up, one in sorted(soon, key=lambda edge: (edge[0], not edge[1]))]
