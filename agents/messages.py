"""What passes between the truth (World and operations) and a robot's mind: plain values, the same on every backend.

Between the loop and a squad of robots go few arrays, whatever the number of robots: `Asked` or `Sensed` one way, `Replies` the
other. `Situation` and `Reply` are one robot's part of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import JOB0
from moonfleet.autonomy.policy import Observation

from .state import Activity

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Sense(NamedTuple):
    """What a robot's own instruments say at one moment: pose, light, battery. Angles in degrees, grid azimuths."""

    t_s: int  # seconds since mission start
    x: float  # [m]
    y: float  # [m]
    heading_deg: float
    sun_az_deg: float
    sun_el_deg: float  # at the robot's own place, above its local horizontal
    lit: float  # 0..1
    battery_frac: float
    activity: int  # Activity
    blocked: bool  # mobility refused the ground ahead
    work_left_s: float  # what is still to do on the job at hand, as far as this robot knows [s]
    can_move: bool = True  # its drive works and its wheels are free


class JobOffer(NamedTuple):
    """One row of the job table as this robot knows it; ``job`` is its index in the mission."""

    job: int
    x: float
    y: float
    tool: str
    work_w: float
    data_mbps: float


class Situation(NamedTuple):
    """All that a robot decides on at a decision step."""

    sense: Sense
    observation: Observation
    offers: tuple[JobOffer, ...]  # one per job slot in use, at most K
    haven: tuple[float, float]  # the nearest haven [m]
    current: int  # index of the job it is on, -1 none


class Phase(IntEnum):
    """Where a robot stands in carrying out its choice."""

    IDLE = 0
    TRAVEL = 1
    WORK = 2
    RETURN = 3


class Command(NamedTuple):
    """One order to a robot's body. ``xy`` is the leg [m,2] of DRIVE or the target [1,2] of HOP, else empty."""

    activity: Activity
    xy: np.ndarray  # float64[m,2]
    work_w: float = 0.0
    data_mbps: float = 0.0


class Note(NamedTuple):
    """Something a robot has to tell: an event kind and its columns; ``job`` is an index, -1 for none."""

    kind: str
    values: dict[str, float | int | str | bool | None]


class Reply(NamedTuple):
    """A robot's answer: its choice, orders for its body, what it has to tell, and whether to be asked at drive steps."""

    action: int
    job: int  # index of the job it is on, -1 none
    phase: Phase
    commands: tuple[Command, ...]
    notes: tuple[Note, ...]
    attend: bool


NO_POINTS = np.empty((0, 2))


class Sensed(NamedTuple):
    """What the instruments of some robots say: rows in the order of ``robots``, which rises."""

    robots: Ints  # int64 [n] index in the fleet
    senses: Floats  # float64 [n, 12], columns as the fields of `Sense`

    def sense(self, row: int) -> Sense:
        """One robot's part."""
        return as_sense(self.senses[row].tolist())

    def part(self, rows: slice) -> Sensed:
        """Some rows of it."""
        return Sensed(self.robots[rows], self.senses[rows])


class Asked(NamedTuple):
    """What some robots decide on: rows in the order of ``robots``, which rises. A sequence of `Situation` in arrays."""

    robots: Ints  # int64 [n] index in the fleet
    senses: Floats  # float64 [n, 12], columns as the fields of `Sense`
    vectors: NDArray[np.float32]  # [n, SIZE]
    masks: NDArray[np.bool_]  # [n, N_ACTIONS]
    slots: Ints  # int64 [n, K] index of the job in each slot, -1 none
    offers: Floats  # float64 [n, K, 5] what is told of it: x, y, number of its tool, power [W], data rate [Mbit/s]
    havens: Floats  # float64 [n, 2]
    current: Ints  # int64 [n] index of the job it is on, -1 none
    tools: tuple[str, ...]  # the tools by their numbers

    def situation(self, row: int, action: int | None = None) -> Situation:
        """One robot's part; with the ``action`` it has chosen, offers are made only for the choice of a job."""
        seen = Observation(self.vectors[row], self.masks[row])
        offers: tuple[JobOffer, ...] = ()
        if action is None or action >= JOB0:
            offers = tuple(self.offer(row, k) for k, job in enumerate(self.slots[row].tolist()) if job >= 0)
        x, y = self.havens[row].tolist()
        return Situation(as_sense(self.senses[row].tolist()), seen, offers, (x, y), int(self.current[row]))

    def offer(self, row: int, slot: int) -> JobOffer:
        """What a robot is told of the job in one of its slots."""
        x, y, tool, work_w, data_mbps = self.offers[row, slot].tolist()
        return JobOffer(int(self.slots[row, slot]), x, y, self.tools[int(tool)], work_w, data_mbps)

    def part(self, rows: slice) -> Asked:
        """Some rows of it."""
        return Asked(
            self.robots[rows], self.senses[rows], self.vectors[rows], self.masks[rows], self.slots[rows], self.offers[rows],
            self.havens[rows], self.current[rows], self.tools,
        )  # fmt: skip


class Replies(NamedTuple):
    """The answers of some robots: rows in the order of ``robots``, which rises. A sequence of `Reply` in arrays."""

    robots: Ints  # int64 [n] index in the fleet
    states: Ints  # int64 [n, 4] action, job, phase, attend
    orders: Ints  # int64 [m, 3] row, activity, number of points
    tools: Floats  # float64 [m, 2] power [W], data rate [Mbit/s]
    points: Floats  # float64 [p, 2] of all orders, one after another
    notes: tuple[tuple[int, str, dict[str, float | int | str | bool | None]], ...]  # row, kind, columns

    @classmethod
    def pack(cls, robots: Ints, replies: Sequence[Reply]) -> Replies:
        """Arrays of the answers of ``robots`` [n]."""
        states = [(reply.action, reply.job, reply.phase, reply.attend) for reply in replies]
        orders = [(row, order) for row, reply in enumerate(replies) for order in reply.commands]
        return cls(
            robots,
            np.array(states, dtype=np.int64).reshape(-1, 4),
            np.array([(row, o.activity, len(o.xy)) for row, o in orders], dtype=np.int64).reshape(-1, 3),
            np.array([(o.work_w, o.data_mbps) for _, o in orders], dtype=np.float64).reshape(-1, 2),
            np.concatenate([NO_POINTS, *(o.xy for _, o in orders if len(o.xy))]),
            tuple((row, note.kind, note.values) for row, reply in enumerate(replies) for note in reply.notes),
        )

    @classmethod
    def join(cls, parts: Sequence[Replies]) -> Replies:
        """One message of several, in their order."""
        if len(parts) == 1:
            return parts[0]
        first = np.cumsum([0, *(len(part.robots) for part in parts)]).tolist()
        orders = [part.orders + (start, 0, 0) for part, start in zip(parts, first, strict=False)]
        return cls(
            np.concatenate([part.robots for part in parts]),
            np.concatenate([part.states for part in parts]),
            np.concatenate(orders),
            np.concatenate([part.tools for part in parts]),
            np.concatenate([part.points for part in parts]),
            tuple(
                (row + start, kind, values)
                for part, start in zip(parts, first, strict=False)
                for row, kind, values in part.notes
            ),
        )

    def commands(self) -> dict[int, list[Command]]:
        """The orders by row; rows without any are left out."""
        given: dict[int, list[Command]] = {}
        at = 0
        for (row, activity, count), (work_w, data_mbps) in zip(self.orders.tolist(), self.tools.tolist(), strict=True):
            given.setdefault(row, []).append(
                Command(Activity(activity), self.points[at : at + count], work_w, data_mbps)
            )
            at += count
        return given

    def told(self) -> dict[int, list[Note]]:
        """The notes by row; rows without any are left out."""
        told: dict[int, list[Note]] = {}
        for row, kind, values in self.notes:
            told.setdefault(row, []).append(Note(kind, values))
        return told


def as_sense(row: list[float]) -> Sense:
    """A `Sense` from its columns."""
    t_s, x, y, heading, sun_az, sun_el, lit, battery, activity, blocked, left_s, can_move = row
    return Sense(
        int(t_s), x, y, heading, sun_az, sun_el, lit, battery, int(activity), bool(blocked), left_s, bool(can_move)
    )
