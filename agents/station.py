"""The station: hears whoever is in contact, keeps the board, gives out jobs."""

from __future__ import annotations

import numpy as np

from moonfleet.autonomy.allocate import allocate
from moonfleet.autonomy.jobs import Job

from .estimates import Estimates
from .knowledge import Board
from .mission import MissionSpec

LOYALTY = 1.5  # a job under way counts this much more for the robot that is on it
MIN_H = 1.0  # [h] no job is so quick that its value per hour explodes


def ready(job: Job, board: Board, index_of: dict[str, int], t_s: float) -> bool:
    """Whether a board says that a job can be worked on now: not done, prerequisites done, window open."""
    return all(board.done[index_of[need]] for need in job.needs) and job.open_at(t_s)


class Station:
    """Allocates jobs to robots by value per hour, from what it has heard; never one that a robot has not the energy for."""

    def __init__(self, mission: MissionSpec, estimates: Estimates) -> None:
        self.mission = mission
        self.estimates = estimates
        self.index_of = {job.id: index for index, job in enumerate(mission.jobs)}

    def assign(self, board: Board, t_s: float, listening: list[int]) -> list[tuple[int, int]]:
        """Assign jobs to the robots that listen, on ``board``; returns the (robot, job) pairs that are new."""
        jobs = self.mission.jobs
        if not listening or not jobs:
            return []
        gain = np.zeros((len(listening), len(jobs)))
        cost = np.full((len(listening), len(jobs)), np.inf)
        for row, robot in enumerate(listening):
            spec = self.mission.specs[robot]
            here = (float(board.robots[robot, 0]), float(board.robots[robot, 1]))
            for index, job in enumerate(jobs):
                able = not job.tool or job.tool in spec.tools
                if board.done[index] or not able or not ready(job, board, self.index_of, t_s):
                    continue
                left_h = max(job.effort_h - board.progress_s[index] / 3600.0, 0.0) / job.crew
                need = self.estimates.job(robot, here, index, left_h, int(t_s))
                under_way = board.worker[robot] == index
                after = board.robots[robot, 2] - need.energy - need.home_energy
                if under_way or after >= spec.reserve_frac:
                    loyal = LOYALTY if under_way else 1.0
                    gain[row, index] = loyal * job.value / max(need.way_h + left_h, MIN_H)
                    cost[row, index] = 0.0
        crew = self.room(board, listening, t_s)
        chosen = allocate(gain, cost, crew)
        fresh: list[tuple[int, int]] = []
        for row, robot in enumerate(listening):
            job = int(chosen[row])
            if job >= 0 and job != board.assigned[robot]:
                fresh.append((robot, job))
            board.assigned[robot] = job
        return fresh

    def room(self, board: Board, listening: list[int], t_s: float) -> list[int]:
        """Places left on each job after the robots that are out of contact and, as far as is known, on it."""
        away = np.ones(len(self.mission.fleet), dtype=np.bool_)
        away[listening] = False
        taken = [int(np.count_nonzero(away & board.on_job(index, t_s))) for index in range(len(self.mission.jobs))]
        return [max(job.crew - used, 0) for job, used in zip(self.mission.jobs, taken, strict=True)]
