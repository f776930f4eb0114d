"""Mail: news goes from board to board over the contacts of the moment, one hop per round, and can be lost.

Every drive step is a round; a drive step longer than five minutes is cut into several. In a round each node tells every node in
contact what it knew when the round began, unless that node has heard it all before; so news takes a round per hop, waits where a
link is down, and spreads by itself along chains of robots, over the relay and over the Earth (epidemic routing: Vahdat and Becker,
"Epidemic routing for partially-connected ad hoc networks", 2000). A message that is lost is sent again in the next round, since the
receiver's copy is still old.

Whether a message is lost is a hash of (the mission's key, round, sender, receiver): it depends on nothing that was drawn before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.seeds import sequence

from .contact_graph import ContactGraph, radio_on
from .events import EventLog
from .faults import uniform
from .knowledge import MAILBOXES, Knowledge, join, same
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
        self.key: Any = mail_key(mission.seed)
        self.desk = make_desk(len(names), len(mission.jobs), len(names) + MAILBOXES)

    def round(self, t_s: int) -> None:
        """Cut the links that are down by decree, and let everybody in contact tell its news; after a drive step's ticks."""
        know, state = self.knowledge, self.world.state
        cut = self.cut_links(t_s)
        awake = radio_on(state)
        self.awake_s[~awake] = t_s
        contacts = self.graph.find(state, awake, cut)
        heard = self.desk.heard
        heard[:] = False
        deliver_once(
            know.floats[None], know.ints[None], know.done[None], know.version[None], know.taken[None], contacts.up[None],
            contacts.loss[None], self.post[None], self.key, t_s // self.round_s, self.desk, know.jobs_n, know.robots_n,
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


def mail_key(seed: int) -> np.uint64:
    """The key of a mission's losses."""
    return np.uint64(sequence(seed, "mail").generate_state(1, np.uint64)[0])


def parts_of(drive_s: int) -> int:
    """Rounds in a drive step: as many whole and equal ones of `ROUND_S` or more as fit, at least one."""
    return next(parts for parts in range(max(drive_s // ROUND_S, 1), 0, -1) if drive_s % parts == 0)


class Desk(NamedTuple):
    """What a round writes on, for one world at a time. Sets of nodes are words of `WORD` bits."""

    floats: Floats  # [N, J + 6 R + 1] the boards as the round began, of those who have learned something since
    ints: Ints  # [N, 4 R + 2]
    done: Bools  # [N, J]
    was: Ints  # [N] their versions
    alike: Ints  # [N] a node whose board said the same then, as far as was found out; its own number of those that lead such a line
    kept: Bools  # [N] whose board is kept above
    heard: Bools  # [N, N] receiver heard sender; [0, 0] where nobody asks
    near: Ints  # [N, words] who is in contact with each node (`see_contacts`)
    news: Ints  # [N, words] whose board each node has not heard as it stands now (`see_news`)


WORD: Final = 32  # nodes in a word of a set


@kernel
def make_desk(robots: int, jobs: int, heard: int) -> Desk:
    """A desk for missions of so many robots and jobs; ``heard`` nodes or 0, whether it is to say who heard whom."""
    nodes = robots + MAILBOXES
    words = (nodes + WORD - 1) // WORD
    return Desk(
        np.empty((nodes, jobs + 6 * robots + 1)), np.empty((nodes, 4 * robots + 2), np.int64), np.empty((nodes, jobs), np.bool_),
        np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.zeros(nodes, np.bool_), np.zeros((heard, heard), np.bool_),
        np.zeros((nodes, words), np.int64), np.zeros((nodes, words), np.int64),
    )  # fmt: skip


@forced_kernel
def keep(floats: Floats, ints: Ints, done: Bools, w: int, node: int, desk: Desk) -> None:
    """Keep a board as the round began."""
    desk.kept[node] = True
    for n in range(floats.shape[2]):
        desk.floats[node, n] = floats[w, node, n]
    for n in range(ints.shape[2]):
        desk.ints[node, n] = ints[w, node, n]
    for n in range(done.shape[2]):
        desk.done[node, n] = done[w, node, n]


@forced_kernel
def see_contacts(up: Bools, w: int, desk: Desk) -> None:
    """Fill ``desk.near`` from the contacts ``up`` [W, N, N]."""
    nodes = up.shape[1]
    for receiver in range(nodes):
        for word in range(desk.near.shape[1]):
            bits, first = 0, word * WORD
            for sender in range(first, min(first + WORD, nodes)):
                bits |= int(up[w, receiver, sender]) << (sender - first)
            desk.near[receiver, word] = bits


@forced_kernel
def see_news(version: Ints, taken: Ints, w: int, desk: Desk) -> None:
    """Fill ``desk.news`` and ``desk.was`` from the versions of the boards and those that were taken up."""
    nodes = version.shape[1]
    for node in range(nodes):
        desk.was[node] = version[w, node]
    for receiver in range(nodes):
        for word in range(desk.news.shape[1]):
            bits, first = 0, word * WORD
            for sender in range(first, min(first + WORD, nodes)):
                bits |= int(version[w, sender] != taken[w, receiver, sender]) << (sender - first)
            desk.news[receiver, word] = bits


@forced_kernel
def see_later_news(version: Ints, taken: Ints, w: int, desk: Desk) -> None:
    """Bring ``desk.news`` up to date where boards have other versions than ``desk.was``, which follows."""
    nodes = version.shape[1]
    for sender in range(nodes):
        now = version[w, sender]
        if now == desk.was[sender]:
            continue
        desk.was[sender] = now
        word = sender // WORD
        bit = 1 << (sender - word * WORD)
        for receiver in range(nodes):
            if now != taken[w, receiver, sender]:
                desk.news[receiver, word] |= bit
            else:
                desk.news[receiver, word] &= ~bit


@forced_kernel
def deliver(
    floats: Floats, ints: Ints, done: Bools, version: Ints, taken: Ints, loss: Floats, post: Ints, w: int, key: int, number: int,
    desk: Desk, jobs: int, robots: int,
) -> bool:  # fmt: skip
    """Round ``number`` of world ``w``: boards [W, N, ...] in place, ``post`` [W, 2] counts on. Whether there was anything to tell.

    All that is told is what was known at the beginning, so that nothing makes two hops in one round. ``desk.near``, ``desk.news`` and
    ``desk.was`` are as things stand now, and the latter two are so again afterwards.
    """
    nodes, words = version.shape[1], desk.near.shape[1]
    any_bits = 0
    for receiver in range(nodes):
        for word in range(words):
            any_bits |= desk.near[receiver, word] & desk.news[receiver, word]
    if any_bits == 0:
        return False
    for node in range(nodes):
        desk.kept[node], desk.alike[node] = False, node
    for receiver in range(nodes):
        learned = False
        for word in range(words):
            bits, sender = desk.near[receiver, word] & desk.news[receiver, word], word * WORD - 1
            while bits != 0:
                told, bits, sender = bits & 1, bits >> 1, sender + 1
                if told == 0:
                    continue
                g, k, e = floats[w], ints[w], done[w]
                if desk.kept[sender]:
                    g, k, e = desk.floats, desk.ints, desk.done
                alike = desk.alike[sender] == desk.alike[receiver]
                if not alike:
                    f, i, d = floats[w], ints[w], done[w]
                    if desk.kept[receiver]:
                        f, i, d = desk.floats, desk.ints, desk.done
                    alike = same(f, i, d, receiver, g, k, e, sender, robots)
                    if alike:
                        line, other = desk.alike[receiver], desk.alike[sender]
                        for node in range(nodes):
                            if desk.alike[node] == other:
                                desk.alike[node] = line
                if not alike:  # else they know the same: one word says so
                    if uniform(key, sender, receiver, number) < loss[w, receiver, sender]:
                        post[w, 1] += 1
                        continue
                    post[w, 0] += 1
                taken[w, receiver, sender] = desk.was[sender]
                desk.news[receiver, word] &= ~(1 << (sender - word * WORD))
                if alike:
                    continue
                if desk.heard.size > 0:
                    desk.heard[receiver, sender] = True
                if not desk.kept[receiver]:
                    keep(floats, ints, done, w, receiver, desk)
                new = join(floats, ints, done, w, receiver, g, k, e, sender, jobs, robots)
                learned = learned or new
        if learned:
            version[w, receiver] += 1
    see_later_news(version, taken, w, desk)
    return True


@kernel
def deliver_once(
    floats: Floats, ints: Ints, done: Bools, version: Ints, taken: Ints, up: Bools, loss: Floats, post: Ints, key: int, number: int,
    desk: Desk, jobs: int, robots: int,
) -> bool:  # fmt: skip
    """`deliver` in world 0, over the contacts ``up`` [1, N, N]."""
    see_contacts(up, 0, desk)
    see_news(version, taken, 0, desk)
    return deliver(floats, ints, done, version, taken, loss, post, 0, key, number, desk, jobs, robots)
