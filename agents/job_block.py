"""The jobs of many missions as arrays, one row per mission: what kernels read of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.jobs import KIND_INDEX

from .errors import MissionError
from .mission import MissionSpec
from .tools import tool_power

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class JobsBlock(NamedTuple):
    """The jobs of each mission."""

    number: Ints  # [W] of jobs
    xy: Floats  # [W, J, 2] m
    value: Floats  # [W, J]
    effort_h: Floats  # [W, J]
    effort_s: Floats  # [W, J]
    crew: Ints  # [W, J] most robots at once
    window_s: Floats  # [W, J, 2] opens, closes; -inf, inf without a window
    windowed: Bools  # [W, J]
    kind: Floats  # [W, J] number of its kind
    hops: Bools  # [W, J] its tool flies there
    work_w: Floats  # [W, J] W of its tool
    data_mbps: Floats  # [W, J]
    needs: Ints  # [W, M, 2] (job, job that must be done before), -1 where it ends
    able: Bools  # [W, R, J] who has the tool


def blank_jobs(worlds: int, robots: int, jobs: int, needs: int) -> JobsBlock:
    """No jobs, with room for ``jobs`` and ``needs`` pairs."""
    window = np.empty((worlds, jobs, 2))
    window[..., 0], window[..., 1] = -np.inf, np.inf
    floats = [np.zeros((worlds, jobs)) for _ in range(6)]
    return JobsBlock(
        number=np.zeros(worlds, dtype=np.int64),
        xy=np.zeros((worlds, jobs, 2)),
        value=floats[0],
        effort_h=floats[1],
        effort_s=floats[2],
        crew=np.zeros((worlds, jobs), dtype=np.int64),
        window_s=window,
        windowed=np.zeros((worlds, jobs), dtype=np.bool_),
        kind=floats[3],
        hops=np.zeros((worlds, jobs), dtype=np.bool_),
        work_w=floats[4],
        data_mbps=floats[5],
        needs=np.full((worlds, needs, 2), -1, dtype=np.int64),
        able=np.zeros((worlds, robots, jobs), dtype=np.bool_),
    )


def write_jobs(block: JobsBlock, w: int, mission: MissionSpec) -> None:
    """Write the jobs of one mission. `MissionError` when there are more than there is room for."""
    jobs, specs = mission.jobs, mission.specs
    room, pairs = block.xy.shape[1], block.needs.shape[1]
    index_of = {job.id: n for n, job in enumerate(jobs)}
    needs = [(n, index_of[need]) for n, job in enumerate(jobs) for need in job.needs]
    if len(jobs) > room:
        raise MissionError(f"jobs: {len(jobs)} of them; these missions have room for {room}")
    if len(needs) > pairs:
        raise MissionError(f"jobs: {len(needs)} needs in all; these missions have room for {pairs}")
    for name in (
        "xy",
        "value",
        "effort_h",
        "effort_s",
        "crew",
        "windowed",
        "kind",
        "hops",
        "work_w",
        "data_mbps",
        "able",
    ):
        getattr(block, name)[w] = 0
    block.number[w] = len(jobs)
    block.window_s[w, :, 0], block.window_s[w, :, 1] = -np.inf, np.inf
    block.needs[w] = -1
    for n, job in enumerate(jobs):
        block.xy[w, n] = job.xy
        block.value[w, n], block.effort_h[w, n], block.effort_s[w, n] = job.value, job.effort_h, job.effort_h * 3600.0
        block.crew[w, n], block.kind[w, n], block.hops[w, n] = job.crew, KIND_INDEX[job.kind], job.tool == "hop"
        block.work_w[w, n], block.data_mbps[w, n] = tool_power(job.tool), job.data_mbit / (job.effort_h * 3600.0)
        if job.window_s is not None:
            block.windowed[w, n], block.window_s[w, n] = True, job.window_s
        for r, spec in enumerate(specs):
            block.able[w, r, n] = not job.tool or job.tool in spec.tools
    if needs:
        block.needs[w, : len(needs)] = needs
