"""The station: hears whoever is in contact, keeps the board, gives out jobs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.allocate import allocate

from .estimates import Estimates
from .job_table import JobTable
from .knowledge import MISSING_S, UNFIT, Board
from .mission import MissionSpec

LOYALTY = 1.5  # a job under way counts this much more for the robot that is on it
MIN_H = 1.0  # [h] no job is so quick that its value per hour explodes


class Station:
    """Allocates jobs to robots by value per hour, from what it has heard; never one that a robot has not the energy for."""

    def __init__(self, mission: MissionSpec, estimates: Estimates) -> None:
        self.mission = mission
        self.estimates = estimates
        self.table = JobTable(mission)
        self.reserve = np.array([spec.reserve_frac for spec in mission.specs])

    def assign(self, board: Board, t_s: float, listening: list[int]) -> list[tuple[int, int]]:
        """Assign jobs to the robots that listen, on ``board``; returns the (robot, job) pairs that are new."""
        if not listening or not self.mission.jobs:
            return []
        table, robots = self.table, np.array(listening, dtype=np.int64)
        open_now = ~board.done & table.ready(board.done, t_s)
        wanted = table.able[robots] & open_now & (board.worker[robots] != UNFIT)[:, None]
        left_h = np.maximum(table.effort_h - board.progress_s / 3600.0, 0.0) / table.crew
        spread = np.broadcast_to(left_h, wanted.shape)
        need = self.estimates.as_heard(robots, board.robots[robots, :2], t_s, wanted, spread)
        under_way = board.worker[robots][:, None] == np.arange(len(self.mission.jobs))
        after = board.robots[robots, 2][:, None] - need.energy - need.home_energy
        can = wanted & (under_way | (after >= self.reserve[robots][:, None]))
        loyal = np.where(under_way, LOYALTY, 1.0)
        gain = np.where(can, loyal * table.value / np.maximum(need.way_h + left_h, MIN_H), 0.0)
        chosen = allocate(gain, np.where(can, 0.0, np.inf), self.room(board, robots, t_s))
        was = board.assigned[robots]
        board.assigned[robots] = chosen
        fresh = np.flatnonzero((chosen >= 0) & (chosen != was))
        return list(zip(robots[fresh].tolist(), chosen[fresh].tolist(), strict=True))

    def room(self, board: Board, listening: NDArray[np.int64], t_s: float) -> NDArray[np.int64]:
        """Places left on each job after the robots that are out of contact and, as far as is known, on it; int64 [J]."""
        away = t_s - board.heard_s <= MISSING_S
        away[listening] = False
        taken = np.zeros(len(self.mission.jobs), dtype=np.int64)
        worker, told = board.worker[away], board.assigned[away]
        np.add.at(taken, worker[worker >= 0], 1)
        np.add.at(taken, told[(told >= 0) & (told != worker)], 1)
        return np.maximum(self.table.crew - taken, 0)
