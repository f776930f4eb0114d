"""The jobs of a mission as arrays, and who may do what of them: what robots and station read when they choose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.jobs import KIND_INDEX

from .mission import MissionSpec
from .tools import tool_power

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class JobTable:
    """Columns over the J jobs of a mission, in mission order."""

    def __init__(self, mission: MissionSpec) -> None:
        jobs, specs = mission.jobs, mission.specs
        self.xy: Floats = np.array([job.xy for job in jobs], dtype=np.float64).reshape(-1, 2)
        self.value: Floats = np.array([job.value for job in jobs], dtype=np.float64)
        self.effort_h: Floats = np.array([job.effort_h for job in jobs], dtype=np.float64)
        self.crew: Ints = np.array([job.crew for job in jobs], dtype=np.int64)
        self.kind: Floats = np.array([KIND_INDEX[job.kind] for job in jobs], dtype=np.float64)
        self.hops: Bools = np.array([job.tool == "hop" for job in jobs], dtype=np.bool_)
        self.windowed: Bools = np.array([job.window_s is not None for job in jobs], dtype=np.bool_)
        window = [job.window_s or (-np.inf, np.inf) for job in jobs]
        self.window_s: Floats = np.array(window, dtype=np.float64).reshape(-1, 2)
        self.tools = tuple(dict.fromkeys(job.tool for job in jobs))
        # what a robot is told of each job: its number, place, number of the tool, power [W], data rate [Mbit/s]
        self.offers: Floats = np.array(
            [
                (n, *job.xy, self.tools.index(job.tool), tool_power(job.tool), job.data_mbit / (job.effort_h * 3600.0))
                for n, job in enumerate(jobs)
            ],
            dtype=np.float64,
        ).reshape(-1, 6)
        index_of = {job.id: n for n, job in enumerate(jobs)}
        pairs = [(n, index_of[need]) for n, job in enumerate(jobs) for need in job.needs]
        self.needs: Ints = np.array(pairs, dtype=np.int64).reshape(-1, 2)  # (job, job that must be done before)
        self.able: Bools = np.array(
            [[not job.tool or job.tool in spec.tools for job in jobs] for spec in specs], dtype=np.bool_
        ).reshape(len(specs), len(jobs))

    def needs_done(self, done: Bools) -> Bools:
        """Which jobs have all that they need, by boards ``done`` bool [..., J]; the same shape."""
        out = np.ones(done.shape, dtype=np.bool_)
        if len(self.needs):
            waiting = ~done[..., self.needs[:, 1]]
            flat, late = out.reshape(-1, len(self.value)), waiting.reshape(-1, len(self.needs))
            row, need = np.nonzero(late)
            flat[row, self.needs[need, 0]] = False
        return out

    def open(self, t_s: float) -> Bools:
        """Whose window is open now, bool [J]."""
        return (self.window_s[:, 0] <= t_s) & (t_s < self.window_s[:, 1])

    def ready(self, done: Bools, t_s: float) -> Bools:
        """Which jobs boards ``done`` bool [..., J] say can be worked on now: prerequisites done, window open."""
        return self.needs_done(done) & self.open(t_s)
