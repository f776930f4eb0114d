"""Mail: news goes from board to board over the contacts of the moment, one hop per round, and can be lost.

Every drive step is a round; a drive step longer than five minutes is cut into several. In a round each node tells every node in
contact what it knew when the round began, unless that node has heard it all before; so news takes a round per hop, waits where a
link is down, and spreads by itself along chains of robots, over the relay and over the Earth (epidemic routing: Vahdat and Becker,
"Epidemic routing for partially-connected ad hoc networks", 2000). A message that is lost is sent again in the next round, since the
receiver's copy is still old.

Chances come from the seed tree by (decision step, round, sender, receiver): they depend on nothing that was drawn before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.seeds import stream

from .contact_graph import ContactGraph, radio_on
from .events import EventLog
from .knowledge import Knowledge, join, print_of
from .mission import MissionSpec
from .outages import Cuts
from .world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
ROUND_S = 300  # [s] a drive step that is longer has several rounds, on the contacts at its end
Hook = Callable[[int, Bools], None]


class Post(NamedTuple):
    """What passed in a round or several."""

    delivered: int  # messages with something new that arrived
    missed: int  # messages that were lost on the way


class Mail:
    """The messages of one mission. ``heard`` is called after each round with (t_s, bool [N, N]: receiver heard sender)."""

    def __init__(self, mission: MissionSpec, world: World, knowledge: Knowledge) -> None:
        self.mission, self.world, self.knowledge = mission, world, knowledge
        self.graph = ContactGraph(mission)
        names = [member.name for member in mission.fleet]
        self.cuts = Cuts(mission.outages, names, mission.station_index, self.graph.relay)
        self.parts = parts_of(mission.drive_s)  # rounds in a drive step
        self.round_s = mission.drive_s // self.parts
        self.rounds = mission.decision_s // self.round_s  # in a decision step
        self.awake_s = np.zeros(len(names), dtype=np.int64)  # [R] since when each radio is on without a break
        self.post = np.zeros(2, dtype=np.int64)  # delivered, missed since the last report
        self.heard: Hook | None = None
        self.drawn = (-1, -1)  # decision step and round of the chances in `last`
        self.last, self.source = np.empty(0), stream(mission.seed, "mail", index=(0,))

    def chances(self, t_s: int) -> Floats:
        """Numbers in [0, 1) that decide which messages of the round at ``t_s`` are lost, float64 [N sender, N receiver]."""
        block, row = divmod(t_s // self.round_s, self.rounds)
        # round by round: a long decision step of short rounds has thousands
        if self.drawn[0] != block or row < self.drawn[1]:
            self.drawn, self.source = (block, -1), stream(self.mission.seed, "mail", index=(block,))
        while self.drawn[1] < row:
            self.last = self.source.random((self.knowledge.nodes, self.knowledge.nodes))
            self.drawn = (block, self.drawn[1] + 1)
        return self.last

    def round(self, t_s: int) -> None:
        """Cut the links that are down by decree, and let everybody in contact tell its news; after a drive step's ticks."""
        know, state = self.knowledge, self.world.state
        cut = self.cut_links(t_s)
        awake = radio_on(state)
        self.awake_s[~awake] = t_s
        contacts = self.graph.find(state, awake, cut)
        heard = np.zeros((know.nodes, know.nodes), dtype=np.bool_)
        deliver(
            know.floats, know.ints, know.done, know.version, know.taken, contacts.up, contacts.loss, self.chances(t_s),
            heard, self.post, know.jobs_n, know.robots_n,
        )  # fmt: skip
        if self.heard is not None:
            self.heard(t_s, heard)

    def cut_links(self, t_s: int) -> Ints:
        """Take down the links that are down by decree, from now on; returns their bits, int64 [R]."""
        cut = self.cuts.at(t_s)
        self.world.cut_links(0, cut)
        return cut

    def trace(self, log: EventLog) -> None:
        """Log every message that arrives from now on, for those who check who could know what. Many events."""
        names = self.graph.names

        def note(t_s: int, heard: Bools) -> None:
            for receiver, sender in zip(*(index.tolist() for index in np.nonzero(heard)), strict=True):
                log.append("heard", t_s, names[receiver], peer=names[sender])

        self.heard = note

    def take_post(self) -> Post:
        """What passed since the last call."""
        post = Post(*(int(count) for count in self.post))
        self.post[:] = 0
        return post

    def log_cuts(self, log: EventLog, from_s: int, to_s: int) -> None:
        """Log the outages that began or ended after ``from_s``, up to ``to_s``."""
        for up, outage in self.cuts.changes(from_s, to_s):
            log.append("outage", to_s, up=up, message=outage.told())

    def get_state(self) -> dict[str, np.ndarray]:
        """What the rounds leave behind, boards apart."""
        return {"awake_s": self.awake_s.copy(), "post": self.post.copy()}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of `get_state`."""
        self.awake_s[:], self.post[:] = state["awake_s"], state["post"]


def parts_of(drive_s: int) -> int:
    """Rounds in a drive step: as many whole and equal ones of `ROUND_S` or more as fit, at least one."""
    return next(parts for parts in range(max(drive_s // ROUND_S, 1), 0, -1) if drive_s % parts == 0)


@kernel
def deliver(
    floats: Floats, ints: Ints, done: Bools, version: Ints, taken: Ints, up: Bools, loss: Floats, chance: Floats,
    heard: Bools, post: Ints, jobs: int, robots: int,
) -> None:  # fmt: skip
    """One round: boards in place, ``heard`` [receiver, sender], ``post`` [2] counts on.

    All that is told is what was known at the beginning, so that nothing makes two hops in one round.
    """
    nodes = up.shape[0]
    was = version.copy()
    work = False
    for receiver in range(nodes):
        for sender in range(nodes):
            work = work or (up[receiver, sender] and was[sender] != taken[receiver, sender])
    if not work:
        return
    old_floats, old_ints, old_done = floats.copy(), ints.copy(), done.copy()
    words = old_floats.view(np.int64)
    prints = np.empty(nodes, dtype=np.int64)
    for node in range(nodes):
        prints[node] = print_of(words[node], old_ints[node], old_done[node])
    for receiver in range(nodes):
        learned = False
        for sender in range(nodes):
            if not up[receiver, sender] or was[sender] == taken[receiver, sender]:
                continue
            if prints[sender] == prints[receiver]:  # they know the same: one word says so
                taken[receiver, sender] = was[sender]
                continue
            if chance[sender, receiver] < loss[receiver, sender]:
                post[1] += 1
                continue
            post[0] += 1
            taken[receiver, sender] = was[sender]
            heard[receiver, sender] = True
            new = join(
                floats[receiver], ints[receiver], done[receiver],
                old_floats[sender], old_ints[sender], old_done[sender], jobs, robots,
            )  # fmt: skip
            learned = learned or new
        if learned:
            version[receiver] += 1
