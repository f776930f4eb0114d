"""Who knows what: one board per robot, all in a few arrays. News travels only by `mail`, from contact to contact.

A board holds versioned facts, and two boards are joined fact by fact, so that it does not matter in which order, over which
ways and how often news comes: the join is commutative, associative and idempotent (a join semilattice, the state-based
CRDT of Shapiro et al., "Conflict-free replicated data types", 2011).

===================  ===============================================================================================
fact                 the greater one holds
===================  ===============================================================================================
progress of a job    more of it
a job done           done: it is never undone
a robot's own news   the later (a robot writes one note at a time, so one time is one note)
a job given          the higher term of the giver, then the lower index of the giver, then the later
who leads            the higher term, then the lower index, then the later sign of life
===================  ===============================================================================================

Truth (how far a job really is, where a robot really stands) never enters here except through who sees it with its own eyes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEVER_S = -1.0  # time of news that never came
MISSING_S = 4 * 86_400.0  # [s] a robot unheard for so long may be lost: it keeps no place on a job from the others
MAILBOXES = 2  # nodes beside the robots that keep and pass on news: the relay in orbit and the Earth
FIRST_TERM = 1  # the station leads from the start
UNFIT = -2  # in place of the job that a robot is on: out of order, it can take none


@dataclass(slots=True)
class Board:
    """What one robot (or the station) knows of jobs and robots; views of its row where it belongs to a `Knowledge`."""

    progress_s: Floats  # [J] productive robot-seconds known to be done
    done: Bools  # [J]
    worker: Ints  # [R] job each robot is known to be on, -1 none, UNFIT none and it can take none
    assigned: Ints  # [R] job that each robot was given, -1 none
    robots: Floats  # [R, 3] x, y [m], battery fraction, as last heard
    heard_s: Floats  # [R] when each robot was last heard, NEVER_S never

    @classmethod
    def blank(cls, robots: int, jobs: int) -> Board:
        """Nothing known."""
        return cls(
            np.zeros(jobs),
            np.zeros(jobs, dtype=np.bool_),
            np.full(robots, -1, dtype=np.int64),
            np.full(robots, -1, dtype=np.int64),
            np.zeros((robots, 3)),
            np.full(robots, NEVER_S),
        )

    def on_job(self, job: int, t_s: float) -> Bools:
        """Which robots are on a job or were given it, as last heard, bool [R]; none that has been missing for long."""
        return ((self.worker == job) | (self.assigned == job)) & (t_s - self.heard_s <= MISSING_S)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All fields as arrays, copied."""
        return {name: np.copy(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Board:
        """The inverse of `to_arrays`: a board of its own."""
        return cls(**{name: np.copy(arrays[name]) for name in cls.__slots__})


class Knowledge:
    """The boards of all nodes: R robots, then the mailboxes (relay, Earth). N = R + 2.

    ``own[i]`` is robot i's board, ``station`` the station's, which is that of the lander it is. The blocks below are views
    of the same memory, one row per node that knows. ``version`` [N] counts what a node has to tell, and
    ``taken`` [N, N] is the version of each sender that a receiver has joined: nothing is told twice.
    """

    def __init__(self, robots: int, jobs: int, station: int = 0) -> None:
        self.robots_n, self.jobs_n, self.station_index = robots, jobs, station
        self.nodes = robots + MAILBOXES
        n, r, j = self.nodes, robots, jobs
        self.floats = np.zeros((n, j + 6 * r + 1))
        self.ints = np.full((n, 4 * r + 2), -1, dtype=np.int64)
        self.done = np.zeros((n, j), dtype=np.bool_)
        self.version = np.zeros(n, dtype=np.int64)
        self.taken = np.full((n, n), -1, dtype=np.int64)
        # names of the columns; `join` knows the same order
        self.progress_s = self.floats[:, :j]
        self.places = self.floats[:, j : j + 3 * r].reshape(n, r, 3)  # x, y [m], battery fraction
        self.heard_s = self.floats[:, j + 3 * r : j + 4 * r]  # [N, R]
        self.since_s = self.floats[:, j + 4 * r : j + 5 * r]  # [N, R] when each robot took up the job it is on
        self.given_s = self.floats[:, j + 5 * r : j + 6 * r]  # [N, R] when its job was given to it
        self.beat_s = self.floats[:, -1]  # [N] last sign of life of the leader
        self.worker = self.ints[:, :r]
        self.assigned = self.ints[:, r : 2 * r]
        self.term = self.ints[:, 2 * r : 3 * r]  # [N, R] term of who gave it
        self.giver = self.ints[:, 3 * r : 4 * r]  # [N, R] index of who gave it
        self.lead_term = self.ints[:, -2]  # [N]
        self.leader = self.ints[:, -1]  # [N] index of the robot that leads, as far as the node knows
        self.heard_s[:] = self.given_s[:] = NEVER_S
        self.lead_term[:], self.leader[:], self.beat_s[:] = FIRST_TERM, station, 0.0
        self.own = [self.board(robot) for robot in range(robots)]

    @classmethod
    def blank(cls, robots: int, jobs: int, station: int = 0) -> Knowledge:
        """Everybody knows nothing but that the station leads."""
        return cls(robots, jobs, station)

    @property
    def station(self) -> Board:
        """The station's board."""
        return self.own[self.station_index]

    def board(self, node: int) -> Board:
        """The board of one node, as views."""
        return Board(
            self.progress_s[node],
            self.done[node],
            self.worker[node],
            self.assigned[node],
            self.places[node],
            self.heard_s[node],
        )

    # -- what a node finds out for itself --------------------------------------------------------------------------

    def note_self(self, robot: int, t_s: float, place: Floats, job: int) -> None:
        """A robot knows where it is (``place``: x, y, battery fraction) and which job it is on, -1 none."""
        self.note_selves(np.array([robot]), t_s, place[None], np.array([job]))

    def note_selves(self, robots: Ints, t_s: float, places: Floats, jobs: Ints) -> None:
        """`note_self` of several at once: ``robots`` [n], ``places`` [n, 3], ``jobs`` [n]."""
        took = jobs != self.worker[robots, robots]
        self.since_s[robots[took], robots[took]] = t_s
        self.places[robots, robots] = places
        self.heard_s[robots, robots] = t_s
        self.worker[robots, robots] = jobs
        self.version[robots] += 1

    def note_work(self, robot: int, job: int, progress_s: float, done: bool) -> None:
        """A robot on site sees how far a job has come. Progress goes out with its next note, the end of a job at once."""
        if progress_s > self.progress_s[robot, job]:
            self.progress_s[robot, job] = progress_s
        if done and not self.done[robot, job]:
            self.done[robot, job] = True
            self.version[robot] += 1

    def note_given(self, giver: int, robots: Sequence[int], t_s: float) -> None:
        """A leader has written on its board what it gives to ``robots``; its term and the time are set beside it."""
        rows = list(robots)
        self.term[giver, rows] = self.lead_term[giver]
        self.giver[giver, rows] = giver
        self.given_s[giver, rows] = t_s
        self.version[giver] += 1

    def note_leader(self, robot: int, term: int, t_s: float) -> None:
        """A robot leads in ``term``, or goes on leading: its sign of life."""
        self.lead_term[robot], self.leader[robot], self.beat_s[robot] = term, robot, t_s
        self.version[robot] += 1

    # -- joining ---------------------------------------------------------------------------------------------------

    def tell(self, sender: int, receiver: int) -> bool:
        """Join the sender's board into the receiver's; returns whether the receiver learned anything."""
        changed = join(
            self.floats[None], self.ints[None], self.done[None], 0, receiver, self.floats, self.ints, self.done, sender,
            self.jobs_n, self.robots_n,
        )  # fmt: skip
        self.version[receiver] += changed
        return bool(changed)

    def meet(self) -> None:
        """Everybody tells everybody all: the briefing before the robots leave."""
        first = 0
        for node in range(1, self.nodes):
            self.tell(node, first)
        for node in range(1, self.nodes):
            self.tell(first, node)
        self.taken[:] = self.version[None, :]

    # -- state -----------------------------------------------------------------------------------------------------

    ARRAYS = ("floats", "ints", "done", "version", "taken")

    def get_state(self) -> dict[str, np.ndarray]:
        """Everything, as arrays by name, copied."""
        return {name: getattr(self, name).copy() for name in self.ARRAYS}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `get_state`, in place: boards handed out stay true. `ValueError` for other shapes."""
        for name in self.ARRAYS:
            mine, theirs = getattr(self, name), np.asarray(state[name])
            if mine.shape != theirs.shape:
                raise ValueError(f"knowledge.{name}: shape {theirs.shape}: must be {mine.shape}")
            mine[...] = theirs


@forced_kernel
def join(
    f: Floats, i: Ints, d: Bools, w: int, to: int, g: Floats, k: Ints, e: Bools, by: int, jobs: int, robots: int
) -> bool:  # fmt: skip
    """Join row ``by`` of (g, k, e) into row ``to`` of world ``w`` of (f, i, d), both as in `Knowledge`; whether anything was new."""
    changed = False
    place, heard, since, given = jobs, jobs + 3 * robots, jobs + 4 * robots, jobs + 5 * robots
    worker, assigned, term, giver = 0, robots, 2 * robots, 3 * robots
    # whether there is anything new in a part is found out without ways out of the loops: several numbers are compared at once
    new = False
    for job in range(jobs):
        new |= g[by, job] > f[w, to, job]
    for job in range(jobs):
        new |= e[by, job] > d[w, to, job]
    if new:
        changed = True
        for job in range(jobs):
            f[w, to, job] = max(g[by, job], f[w, to, job])
            d[w, to, job] = d[w, to, job] or e[by, job]
    new = False
    for r in range(robots):
        new |= g[by, heard + r] > f[w, to, heard + r]
    if new:
        changed = True
        for r in range(robots):
            if g[by, heard + r] > f[w, to, heard + r]:
                f[w, to, heard + r] = g[by, heard + r]
                f[w, to, since + r] = g[by, since + r]
                for part in range(3):
                    f[w, to, place + 3 * r + part] = g[by, place + 3 * r + part]
                i[w, to, worker + r] = k[by, worker + r]
    new = False
    for r in range(robots):
        new |= g[by, given + r] != f[w, to, given + r]
        new |= k[by, term + r] != i[w, to, term + r]
        new |= k[by, giver + r] != i[w, to, giver + r]
    if new:
        for r in range(robots):
            if later(
                k[by, term + r], k[by, giver + r], g[by, given + r], i[w, to, term + r], i[w, to, giver + r], f[w, to, given + r]
            ):  # fmt: skip
                f[w, to, given + r] = g[by, given + r]
                i[w, to, term + r] = k[by, term + r]
                i[w, to, giver + r] = k[by, giver + r]
                i[w, to, assigned + r] = k[by, assigned + r]
                changed = True
    beat, lead = jobs + 6 * robots, 4 * robots
    if later(k[by, lead], k[by, lead + 1], g[by, beat], i[w, to, lead], i[w, to, lead + 1], f[w, to, beat]):
        f[w, to, beat] = g[by, beat]
        i[w, to, lead] = k[by, lead]
        i[w, to, lead + 1] = k[by, lead + 1]
        changed = True
    return changed


@forced_kernel
def later(term: int, robot: int, t_s: float, than_term: int, than_robot: int, than_s: float) -> bool:
    """Whether a word of a leader holds against another: higher term, then lower index, then later time."""
    if term != than_term:
        return term > than_term
    if robot != than_robot:
        return robot < than_robot
    return t_s > than_s


@forced_kernel
def same(f: Floats, i: Ints, d: Bools, a: int, g: Floats, k: Ints, e: Bools, b: int, robots: int) -> bool:
    """Whether row ``a`` of (f, i, d) and row ``b`` of (g, k, e), boards of these nodes, say the same."""
    heard = d.shape[1] + 3 * robots
    # nobody knows a robot's latest news before itself: where it has some, this tells at once
    if a < robots and f[a, heard + a] != g[b, heard + a]:
        return False
    if b < robots and f[a, heard + b] != g[b, heard + b]:
        return False
    differs = False
    for n in range(i.shape[1]):  # no way out of the loops: so several numbers are compared at once
        differs |= i[a, n] != k[b, n]
    for n in range(f.shape[1]):
        differs |= f[a, n] != g[b, n]
    for n in range(d.shape[1]):
        differs |= d[a, n] != e[b, n]
    return not differs
