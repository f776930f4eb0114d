"""What passes between the truth (World and operations) and a robot's mind: plain values, the same on every backend."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from moonfleet.autonomy.policy import Observation

from .state import Activity


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
