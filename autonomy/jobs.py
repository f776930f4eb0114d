"""What the base wants done: jobs, their order, and every way a job list can be wrong.

>>> dig = Job("dig", "excavate", (10.0, 0.0), effort_h=8.0, tool="blade", needs=("look",))
>>> check_jobs([dig])
Traceback (most recent call last):
...
moonfleet.autonomy.errors.JobError: jobs[0].needs[0]: no job is called 'look'. Known: dig.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from moonfleet.terrain.errors import did_you_mean

from .errors import JobError


class JobKind(StrEnum):
    """The kinds of work; the order is fixed, new kinds are added at the end (observations use the index)."""

    SURVEY = "survey"
    DRILL = "drill"
    DELIVER = "deliver"
    EXCAVATE = "excavate"
    HAUL = "haul"
    LEVEL = "level"
    SINTER = "sinter"
    ASSEMBLE = "assemble"
    OBSERVE = "observe"
    DOWNLINK = "downlink"
    HOP = "hop"
    GRADE = "grade"
    UNLOAD = "unload"
    LAUNCH = "launch"


KIND_INDEX: dict[JobKind, int] = {kind: index for index, kind in enumerate(JobKind)}


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to be done at one place.

    Attributes
    ----------
    id : unique name within the mission.
    kind : a `JobKind` or its text.
    xy : place in the site frame [m].
    effort_h : productive robot-hours [h]; a crew of two does twice as much per hour.
    tool : tool a robot must carry, "" for none.
    value : score when done [-].
    data_mbit : data the job produces, spread evenly over its effort [Mbit].
    needs : ids of jobs that must be done before this one may start.
    crew : how many robots may work on it at once.
    window_s : (opens, closes) in seconds since mission start, None for always.
    """

    id: str
    kind: JobKind
    xy: tuple[float, float]
    effort_h: float
    tool: str = ""
    value: float = 1.0
    data_mbit: float = 0.0
    needs: tuple[str, ...] = ()
    crew: int = 1
    window_s: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Turn the kind's text into a `JobKind`; raises `JobError` for an unknown one."""
        object.__setattr__(self, "kind", job_kind(self.kind, where=f"job {self.id!r}: kind"))

    def open_at(self, t_s: float) -> bool:
        """Say whether the job's window is open ``t_s`` seconds into the mission."""
        return self.window_s is None or self.window_s[0] <= t_s < self.window_s[1]

    def closed_at(self, t_s: float) -> bool:
        """Say whether the job's window is over for good ``t_s`` seconds into the mission."""
        return self.window_s is not None and t_s >= self.window_s[1]


def job_kind(name: str, where: str = "kind") -> JobKind:
    """Return the kind called ``name``; raises `JobError` naming ``where`` and the nearest kind."""
    try:
        return JobKind(name)
    except ValueError:
        raise JobError(
            f"{where}: unknown job kind {name!r}.{did_you_mean(str(name), [kind.value for kind in JobKind])}"
        ) from None


def check_jobs(jobs: Sequence[Job], tools: Collection[str] | None = None) -> None:
    """Raise `JobError` for the first thing wrong in a job list.

    Parameters
    ----------
    jobs : the list; messages name entries ``jobs[i].field``.
    tools : tools that the fleet carries; None leaves the tools unchecked.
    """
    first: dict[str, int] = {}
    for i, job in enumerate(jobs):
        if not job.id:
            raise JobError(f"jobs[{i}].id: empty; give each job a name of its own.")
        if job.id in first:
            raise JobError(f"jobs[{i}].id: {job.id!r} is already the name of jobs[{first[job.id]}]; ids must differ.")
        first[job.id] = i
        _check_numbers(i, job)
        if tools is not None and job.tool and job.tool not in tools:
            raise JobError(
                f"jobs[{i}].tool: no robot of this fleet carries {job.tool!r}.{did_you_mean(job.tool, tools)}"
            )
    for i, job in enumerate(jobs):
        for k, need in enumerate(job.needs):
            if need not in first:
                raise JobError(f"jobs[{i}].needs[{k}]: no job is called {need!r}.{did_you_mean(need, first)}")
    cycle = find_cycle(jobs)
    if cycle:
        i = first[cycle[0]]
        raise JobError(f"jobs[{i}].needs: jobs wait for each other: {' -> '.join(cycle)}; drop one of these needs.")


def find_cycle(jobs: Iterable[Job]) -> list[str]:
    """Return ids of jobs that need each other in a ring, the first repeated at the end; [] when there is none."""
    needs = {job.id: job.needs for job in jobs}
    state: dict[str, int] = {}  # 1 on the current trail, 2 finished
    for root in needs:
        trail: list[tuple[str, int]] = [(root, 0)] if root not in state else []
        if trail:
            state[root] = 1
        while trail:
            here, at = trail[-1]
            after = [n for n in needs[here] if n in needs]
            if at == len(after):
                state[here] = 2
                trail.pop()
                continue
            trail[-1] = (here, at + 1)
            step = after[at]
            if state.get(step) == 1:
                ids = [name for name, _ in trail]
                return [*ids[ids.index(step) :], step]
            if step not in state:
                state[step] = 1
                trail.append((step, 0))
    return []


def _check_numbers(i: int, job: Job) -> None:
    where = f"jobs[{i}]"
    for axis, value in zip("xy", job.xy, strict=True):
        if not math.isfinite(value):
            raise JobError(f"{where}.xy: {axis} is {value}; give finite metres in the site frame.")
    if not (math.isfinite(job.effort_h) and job.effort_h > 0.0):
        raise JobError(f"{where}.effort_h: {job.effort_h} h; must be above 0.")
    for name, value in (("value", job.value), ("data_mbit", job.data_mbit)):
        if not (math.isfinite(value) and value >= 0.0):
            raise JobError(f"{where}.{name}: {value}; must be 0 or more.")
    if job.crew < 1:
        raise JobError(f"{where}.crew: {job.crew}; at least one robot must be allowed to work.")
    if job.window_s is not None and not (0.0 <= job.window_s[0] < job.window_s[1]):
        raise JobError(
            f"{where}.window_s: opens {job.window_s[0]} s, closes {job.window_s[1]} s; must be 0 <= opens < closes."
        )
