"""Who knows what: the station's board and each robot's last copy of it. News travels only over a link that is up.

Truth (how far a job really is, where a robot really stands) never enters here except through a contact.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEVER_S = -1.0  # time of news that never came
MISSING_S = 4 * 86_400.0  # [s] a robot unheard for so long may be lost: it keeps no place on a job from the others


@dataclass(slots=True)
class Board:
    """The station's picture of jobs and robots, or one robot's last copy of it."""

    progress_s: Floats  # [J] productive robot-seconds known to be done
    done: NDArray[np.bool_]  # [J]
    worker: NDArray[np.int64]  # [R] job each robot is known to be on, -1 none
    assigned: NDArray[np.int64]  # [R] job the station gave each robot, -1 none
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

    def on_job(self, job: int, t_s: float) -> NDArray[np.bool_]:
        """Which robots are on a job or were given it, as last heard, bool [R]; none that has been missing for long."""
        return ((self.worker == job) | (self.assigned == job)) & (t_s - self.heard_s <= MISSING_S)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All fields as arrays, copied."""
        return {name: np.copy(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Board:
        """The inverse of `to_arrays`."""
        return cls(**{name: np.copy(arrays[name]) for name in cls.__slots__})


@dataclass(slots=True)
class Knowledge:
    """The station's board, and what each robot knows of it."""

    station: Board
    own: list[Board] = field(default_factory=list)

    @classmethod
    def blank(cls, robots: int, jobs: int) -> Knowledge:
        """Everybody knows nothing."""
        return cls(Board.blank(robots, jobs), [Board.blank(robots, jobs) for _ in range(robots)])

    def note_self(self, robot: int, t_s: float, place: Floats, job: int) -> None:
        """A robot knows where it is (``place``: x, y, battery fraction) and which job it is on, -1 none."""
        board = self.own[robot]
        board.robots[robot] = place
        board.heard_s[robot] = t_s
        board.worker[robot] = job

    def note_work(self, robot: int, job: int, progress_s: float, done: bool) -> None:
        """A robot on site sees how far a job has come."""
        board = self.own[robot]
        board.progress_s[job] = max(board.progress_s[job], progress_s)
        board.done[job] |= done

    def exchange(self, robot: int) -> None:
        """A robot in contact reports what it knows first-hand and takes a copy of the station's board."""
        station, board = self.station, self.own[robot]
        station.progress_s = np.maximum(station.progress_s, board.progress_s)
        station.done = station.done | board.done
        station.robots[robot] = board.robots[robot]
        station.heard_s[robot] = board.heard_s[robot]
        station.worker[robot] = board.worker[robot]

    def copy_board(self, robot: int) -> None:
        """A robot in contact takes the station's board with it."""
        own = self.own[robot]
        fresh = Board.from_arrays(self.station.to_arrays())
        fresh.robots[robot], fresh.heard_s[robot] = own.robots[robot], own.heard_s[robot]
        fresh.worker[robot] = own.worker[robot]
        self.own[robot] = fresh

    def get_state(self) -> dict[str, object]:
        """Nested mapping of arrays."""
        state: dict[str, object] = {f"robot{index}": board.to_arrays() for index, board in enumerate(self.own)}
        state["station"] = self.station.to_arrays()
        return state

    def set_state(self, state: dict[str, dict[str, np.ndarray]]) -> None:
        """The inverse of `get_state`."""
        self.station = Board.from_arrays(state["station"])
        self.own = [Board.from_arrays(state[f"robot{index}"]) for index in range(len(self.own))]
