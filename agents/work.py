"""The rules of the work as kernels: what is credited to whom, when a job is done, who lets go of one. For one mission and for many.

Every function does one world ``w`` of the blocks (`mission_blocks`); what an event log wants to know it writes into arrays.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.forced_kernel import forced_kernel

from . import state as s
from .hands import TruthBlock, order_activity
from .job_block import JobsBlock
from .knowledge import UNFIT
from .map_minds import IDLE, can_move, work_left_s
from .mission_blocks import HOPPER, ORBITER, BoardsBlock, FleetBlock, GivenBlock, WorkBlock

ON_SITE: Final = 12.0  # [m] nearer than this to a job's place, a robot is on site (`operations.ON_SITE_M`)
KEEPS, KNOWS_DONE, TOO_LATE, CROWDED, OUT_OF_ORDER = range(5)  # why a robot lets go of its job

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@forced_kernel
def ailing(truth: TruthBlock, w: int, r: int) -> int:
    """What is out of order on a robot: a bit per subsystem, and one for being stuck."""
    return truth.i[w, s.FAULTS, r] | (truth.i[w, s.TRAPPED, r] << s.SUBSYSTEMS)


@forced_kernel
def hears(truth: TruthBlock, w: int, r: int) -> bool:
    """Whether a robot's radio is on and works (`contact_graph.radio_on`)."""
    activity = truth.i[w, s.ACTIVITY, r]
    deaf = activity == s.HIBERNATE or activity == s.HOP or activity == s.LOST
    return not deaf and truth.i[w, s.FAULTS, r] & (1 << s.COMM) == 0


@forced_kernel
def fit(fleet: FleetBlock, truth: TruthBlock, w: int, r: int) -> bool:
    """Whether a robot can take a job: its tool is in order, and it can drive if it should."""
    if truth.i[w, s.FAULTS, r] & (1 << s.PAYLOAD):
        return False
    return not fleet.drives[r] or can_move(truth, w, r)


@forced_kernel
def on_site(jobs: JobsBlock, truth: TruthBlock, w: int, r: int, job: int) -> bool:
    """Whether a robot stands at a job's place."""
    return math.hypot(truth.f[w, s.X, r] - jobs.xy[w, job, 0], truth.f[w, s.Y, r] - jobs.xy[w, job, 1]) <= ON_SITE


@forced_kernel
def at_home(fleet: FleetBlock, given: GivenBlock, truth: TruthBlock, w: int, r: int) -> bool:
    """Whether a robot stands where it started; one in orbit always does."""
    if fleet.role[r] == ORBITER:
        return True
    return math.hypot(truth.f[w, s.X, r] - given.home[w, r, 0], truth.f[w, s.Y, r] - given.home[w, r, 1]) <= ON_SITE


@forced_kernel
def note_work(boards: BoardsBlock, w: int, r: int, job: int, progress_s: float, done: bool) -> None:
    """A robot on site sees how far a job has come (`Knowledge.note_work`)."""
    if progress_s > boards.floats[w, r, job]:
        boards.floats[w, r, job] = progress_s
    if done and not boards.done[w, r, job]:
        boards.done[w, r, job] = True
        boards.version[w, r] += 1


@forced_kernel
def credit(
    work: WorkBlock, boards: BoardsBlock, jobs: JobsBlock, fleet: FleetBlock, given: GivenBlock, truth: TruthBlock, w: int, r: int,
    began_s: float,
) -> int:  # fmt: skip
    """Credit a robot's productive seconds to its job; a job is done when its effort is, and a sample is home.

    ``began_s`` is when these seconds of work began. Returns the job that is done now, -1 for none.
    """
    job = work.job[w, r]
    worked = truth.f[w, s.WORKED, r]
    gained = worked - work.worked_s[w, r]
    work.worked_s[w, r] = worked
    if job < 0:
        return -1
    if work.done[w, job]:  # by others, unheard of: whoever comes to work sees it
        if on_site(jobs, truth, w, r, job):
            note_work(boards, w, r, job, work.progress_s[w, job], True)
        return -1
    in_time = jobs.window_s[w, job, 0] <= began_s < jobs.window_s[w, job, 1]
    if gained > 0.0 and in_time and on_site(jobs, truth, w, r, job):
        work.progress_s[w, job] = min(work.progress_s[w, job] + gained, jobs.effort_s[w, job])
        note_work(boards, w, r, job, work.progress_s[w, job], False)
    if work.progress_s[w, job] < jobs.effort_s[w, job]:
        return -1
    if jobs.hops[w, job] and not at_home(fleet, given, truth, w, r):
        return -1
    work.done[w, job] = True
    work.value[w] += jobs.value[w, job]
    for other in range(work.job.shape[1]):
        if other == r or (work.job[w, other] == job and on_site(jobs, truth, w, other, job)):
            note_work(boards, w, other, job, work.progress_s[w, job], True)
            if truth.i[w, s.ACTIVITY, other] == s.WORK:
                order_activity(truth, w, other, s.HOLD, 0.0, 0.0)  # a tool that has done its work stops
    return job


@forced_kernel
def observe(
    work: WorkBlock, boards: BoardsBlock, jobs: JobsBlock, fleet: FleetBlock, given: GivenBlock, truth: TruthBlock, w: int,
    began_s: float, finished: Ints,
) -> None:  # fmt: skip
    """After ticks of the World: credit work, and see what changed. ``finished`` [R]: the job that each robot ended, -1 none."""
    for r in range(work.job.shape[1]):
        finished[r] = -1
        if work.lost[w, r] or not work.landed[w, r]:
            continue
        finished[r] = credit(work, boards, jobs, fleet, given, truth, w, r, began_s)
        work.link[w, r] = truth.i[w, s.LINK, r]
        work.dark[w, r] = truth.f[w, s.LIT, r] < DARK_BELOW
        work.down[w, r] = ailing(truth, w, r)
        if truth.i[w, s.ACTIVITY, r] == s.LOST:
            work.lost[w, r], work.attend[w, r] = True, False
            work.job[w, r], work.phase[w, r] = -1, IDLE


@forced_kernel
def note_selves(work: WorkBlock, boards: BoardsBlock, fleet: FleetBlock, truth: TruthBlock, w: int, t_s: float) -> None:
    """Robots with their radio on note where they are, their charge, and the job they are on: what they will tell."""
    robots, jobs = work.job.shape[1], boards.done.shape[2]
    f, place, heard, since = boards.floats, jobs, jobs + 3 * robots, jobs + 4 * robots
    for r in range(robots):
        if not hears(truth, w, r):
            continue
        job = work.job[w, r] if fit(fleet, truth, w, r) else UNFIT
        if job != boards.ints[w, r, r]:
            f[w, r, since + r] = t_s
        f[w, r, place + 3 * r] = truth.f[w, s.X, r]
        f[w, r, place + 3 * r + 1] = truth.f[w, s.Y, r]
        f[w, r, place + 3 * r + 2] = truth.f[w, s.BATTERY, r] / fleet.battery_wh[r]
        f[w, r, heard + r] = t_s
        boards.ints[w, r, r] = job
        boards.version[w, r] += 1


@forced_kernel
def one_too_many(
    work: WorkBlock, boards: BoardsBlock, jobs: JobsBlock, fleet: FleetBlock, given: GivenBlock, truth: TruthBlock, w: int, r: int,
    t_s: float, recent_s: float,
) -> bool:  # fmt: skip
    """Whether a robot has just heard of a whole crew on its job that took it up before it did (then: lower index).

    A hopper away from home stays: what it has begun it brings to its end.
    """
    robots, columns = work.job.shape[1], boards.done.shape[2]
    heard, since = columns + 3 * robots, columns + 4 * robots
    job = work.job[w, r]
    mine = boards.floats[w, r, since + r] if boards.ints[w, r, r] == job else t_s
    others, before = 0, 0
    for other in range(robots):
        if other == r or boards.ints[w, r, other] != job or t_s - boards.floats[w, r, heard + other] > recent_s:
            continue
        others += 1
        its = boards.floats[w, r, since + other]
        if its < mine or (its == mine and other < r):
            before += 1
    if others < jobs.crew[w, job] or before < jobs.crew[w, job]:
        return False
    return fleet.role[r] != HOPPER or at_home(fleet, given, truth, w, r)


@forced_kernel
def finish_jobs(
    work: WorkBlock, boards: BoardsBlock, jobs: JobsBlock, fleet: FleetBlock, given: GivenBlock, truth: TruthBlock, w: int, t_s: float,
    recent_s: float, why: Ints,
) -> None:  # fmt: skip
    """Free the robots that know that their job is done, whose job's window closed, or who are one too many on it.

    ``why`` [R] is filled with the reasons.
    """
    for r in range(work.job.shape[1]):
        why[r] = KEEPS
        job = work.job[w, r]
        if job < 0:
            continue
        if boards.done[w, r, job]:
            why[r] = KNOWS_DONE
        elif t_s >= jobs.window_s[w, job, 1] and work_left_s(work, boards, jobs, w, r) > 0.0:
            why[r] = TOO_LATE
        elif one_too_many(work, boards, jobs, fleet, given, truth, w, r, t_s, recent_s):
            why[r] = CROWDED
        elif not fit(fleet, truth, w, r):
            why[r] = OUT_OF_ORDER
        if why[r] != KEEPS:
            work.job[w, r] = -1


@forced_kernel
def step_down(work: WorkBlock, boards: BoardsBlock, w: int) -> None:
    """Who has heard of another that leads, leads no more."""
    robots = work.job.shape[1]
    for r in range(robots):
        work.leads[w, r] = work.leads[w, r] and boards.ints[w, r, 4 * robots + 1] == r and not work.lost[w, r]


@forced_kernel
def landing_due(work: WorkBlock, given: GivenBlock, w: int, t_s: int) -> bool:
    """Whether a robot's time to land has come."""
    due = False
    for r in range(work.job.shape[1]):
        due |= not work.landed[w, r] and given.lands_s[w, r] <= t_s
    return due


@forced_kernel
def wants_help(work: WorkBlock, truth: TruthBlock, fleet: FleetBlock, w: int, near_m: float) -> bool:
    """Whether some robot is out of order and another next to it could mend it (`World.assist`)."""
    robots = work.job.shape[1]
    for r in range(robots):
        if work.lost[w, r] or not work.landed[w, r] or ailing(truth, w, r) == 0 or fleet.role[r] == ORBITER:
            continue
        for other in range(robots):
            activity = truth.i[w, s.ACTIVITY, other]
            asleep = activity == s.HIBERNATE or activity == s.HOP or activity == s.LOST
            if other == r or asleep or not fleet.drives[other] or not can_move(truth, w, other):
                continue
            dx, dy = truth.f[w, s.X, r] - truth.f[w, s.X, other], truth.f[w, s.Y, r] - truth.f[w, s.Y, other]
            if dx * dx + dy * dy <= near_m * near_m * 1.0001:
                return True
    return False
