"""One run of a campaign: the whole mission with its minds in this process, and the row of the dataset that it becomes.

This is what a Ray task, a worker process and the campaign itself call. It leaves nothing behind: events go through a
folder of its own that is gone afterwards, and come back only where they are to be kept.
"""

from __future__ import annotations

import tempfile
import time
import traceback
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .campaign_plan import Job, KeepEvents

if TYPE_CHECKING:
    from .mission_build import Plan

FLUSH_STEPS = 240  # decision steps whose events are held in memory

Row = dict[str, object]


@dataclass(slots=True)
class Outcome:
    """What became of a run: the row of the dataset, or why there is none; ``events`` is one Parquet file, if kept."""

    job: Job
    row: Row | None
    wall_s: float
    cpu_s: float
    error_type: str = ""
    message: str = ""
    trace: str = ""
    step: int = 0  # decision steps made before it failed
    events: bytes = b""


@lru_cache(maxsize=4)
def _plan(scenario: str) -> Plan:
    """The plan of a resolved scenario, kept for the next run of this process."""
    from .mission_build import build_mission
    from .scenario import load_text

    return build_mission(load_text(scenario))


def fly(job: Job, scenario: str, keep: KeepEvents = "none") -> Outcome:
    """Fly one run.

    Parameters
    ----------
    job
        Number, combination and seed.
    scenario
        Text of the combination's resolved scenario.
    keep
        Whether to bring the events back: never, if the run fails, or always.

    A run that raises is an outcome too; only what is no `Exception` (Ctrl-C) passes through.
    """
    began, cpu = time.perf_counter(), time.process_time()
    done = [0]
    try:
        aside = tempfile.TemporaryDirectory(prefix="moonfleet-run-")
    except OSError as error:  # no room left, or nowhere to write
        return Outcome(job, None, 0.0, 0.0, type(error).__name__, str(error), traceback.format_exc())
    with aside as folder:
        row: Row | None = None
        told = ("", "", "")
        try:
            row = _fly(job, scenario, Path(folder), done)
        except Exception as error:
            told = type(error).__name__, str(error), traceback.format_exc()
        wanted = keep == "all" or (keep == "failed" and row is None)
        events = _events(Path(folder)) if wanted else b""
    return Outcome(job, row, time.perf_counter() - began, time.process_time() - cpu, *told, step=done[0], events=events)


def _fly(job: Job, scenario: str, folder: Path, done: list[int]) -> Row:
    from moonfleet.agents.events import FOLDER, EventLog, digest, read_events
    from moonfleet.agents.fleet import LocalFleet
    from moonfleet.agents.mission_loop import MissionLoop
    from moonfleet.agents.simulation import by_index

    from .metrics import measure
    from .policy_build import build_policies

    plan = _plan(scenario)
    mission = replace(plan.mission, seed=job.seed)
    policies = by_index(mission, build_policies(plan.scenario, job.seed))
    log = EventLog(folder / FOLDER)
    try:
        loop = MissionLoop(mission, LocalFleet(mission, policies), log)
        while not loop.finished:
            loop.step()
            done[0] = loop.steps_done
            if loop.steps_done % FLUSH_STEPS == 0:
                log.flush()
    finally:
        log.flush()
    table = read_events(folder)
    return {"events_sha256": digest(table), "jobs_total": len(mission.jobs), **measure(table).to_dict()}


def _events(folder: Path) -> bytes:
    """All events written so far, as one Parquet file; nothing when there are none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from moonfleet.agents.errors import EventError
    from moonfleet.agents.events import read_events

    try:
        table = read_events(folder)
    except EventError:
        return b""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def one_thread() -> None:
    """Keep this process to one core: a campaign runs one process per core."""
    import cv2

    cv2.setNumThreads(1)
