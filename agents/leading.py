"""Who leads and what leaders give out, as kernels over many missions: the rules of `leaders` and `station`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.assignment import Sheet, assign
from moonfleet.terrain.forced_kernel import forced_kernel

from .hands import TruthBlock
from .job_block import JobsBlock
from .knowledge import MISSING_S, UNFIT
from .mission_blocks import ORBITER, BoardsBlock, Clocks, FleetBlock, WorkBlock
from .work import hears

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LOYALTY = 1.5  # a job under way counts this much more for the robot that is on it
MIN_H = 1.0  # [h] no job is so quick that its value per hour explodes


@forced_kernel
def best_leader(boards: BoardsBlock, fleet: FleetBlock, clocks: Clocks, w: int, r: int, t_s: float) -> int:
    """Whom a robot would have for leader: of itself and those just heard, the station apart, the fullest battery."""
    robots, jobs = fleet.role.size, boards.done.shape[2]
    best, most = -1, -np.inf
    for other in range(robots):
        last_s = boards.floats[w, r, jobs + 3 * robots + other]
        heard = last_s >= 0.0 and t_s - last_s <= clocks.fresh_s and fleet.role[other] != ORBITER
        if other == clocks.station or not (heard or other == r):
            continue
        battery = boards.floats[w, r, jobs + 3 * other + 2]
        if battery > most:
            best, most = other, battery
    return best


@forced_kernel
def calls(
    boards: BoardsBlock, fleet: FleetBlock, clocks: Clocks, truth: TruthBlock, w: int, r: int, t_s: float
) -> bool:
    """Whether a robot gives out jobs now: the station if it is heard at all, another that has long heard of no leader but itself."""
    robots, jobs = fleet.role.size, boards.done.shape[2]
    if fleet.role[r] == ORBITER or not hears(truth, w, r):
        return False
    if r == clocks.station:
        return True
    awake_s = float(boards.awake_s[w, r])
    if t_s - max(boards.floats[w, r, jobs + 3 * robots + clocks.station], awake_s) <= clocks.silence_s:
        return False
    leader = boards.ints[w, r, 4 * robots + 1]
    if leader == r:
        return True
    lapsed = t_s - max(boards.floats[w, r, jobs + 6 * robots], awake_s) > clocks.silence_s
    return (lapsed or leader == clocks.station) and best_leader(boards, fleet, clocks, w, r, t_s) == r


@forced_kernel
def find_group(
    boards: BoardsBlock, fleet: FleetBlock, clocks: Clocks, w: int, leader: int, t_s: float, group: Bools
) -> None:  # fmt: skip
    """Fill ``group`` [R]: whom a leader gives jobs to, those just heard and itself; the station only by itself."""
    robots, jobs = fleet.role.size, boards.done.shape[2]
    for r in range(robots):
        last_s = boards.floats[w, leader, jobs + 3 * robots + r]
        heard = last_s >= 0.0 and t_s - last_s <= clocks.fresh_s
        group[r] = r == leader or (heard and fleet.role[r] != ORBITER and r != clocks.station)


@forced_kernel
def take_lead(work: WorkBlock, boards: BoardsBlock, w: int, leader: int, t_s: float) -> None:
    """Lead in a new term, or go on leading: a sign of life."""
    robots, jobs = work.job.shape[1], boards.done.shape[2]
    if boards.ints[w, leader, 4 * robots + 1] != leader:
        boards.ints[w, leader, 4 * robots] += 1
        work.leads[w, leader] = True
    boards.ints[w, leader, 4 * robots + 1] = leader
    boards.floats[w, leader, jobs + 6 * robots] = t_s
    boards.version[w, leader] += 1


@forced_kernel
def find_wanted(
    boards: BoardsBlock, jobs: JobsBlock, w: int, leader: int, t_s: float, group: Bools, ready: Bools, wanted: Bools, left_h: Floats
) -> None:  # fmt: skip
    """Fill ``wanted`` [R, J], who could work on what as the leader knows, and ``left_h`` [R, J], hours that it would take."""
    robots, count = group.size, jobs.number[w]
    for job in range(count):
        opens, closes = jobs.window_s[w, job, 0], jobs.window_s[w, job, 1]
        ready[job] = not boards.done[w, leader, job] and opens <= t_s < closes
    for pair in range(jobs.needs.shape[1]):
        job, need = jobs.needs[w, pair, 0], jobs.needs[w, pair, 1]
        if job < 0:
            break
        ready[job] = ready[job] and boards.done[w, leader, need]
    for r in range(robots):
        able = group[r] and boards.ints[w, leader, r] != UNFIT
        for job in range(count):
            wanted[r, job] = able and ready[job] and jobs.able[w, r, job]
    for job in range(count):
        left = max(jobs.effort_h[w, job] - boards.floats[w, leader, job] / 3600.0, 0.0) / jobs.crew[w, job]
        for r in range(robots):
            left_h[r, job] = left


@forced_kernel
def find_room(boards: BoardsBlock, jobs: JobsBlock, w: int, leader: int, t_s: float, group: Bools, room: Ints) -> None:
    """Fill ``room`` [J]: places left on each job after the robots out of contact that are, as far as is known, on it."""
    robots, columns = group.size, boards.done.shape[2]
    for job in range(jobs.number[w]):
        room[job] = jobs.crew[w, job]
    for r in range(robots):
        if group[r] or t_s - boards.floats[w, leader, columns + 3 * robots + r] > MISSING_S:
            continue
        on, told = boards.ints[w, leader, r], boards.ints[w, leader, robots + r]
        if on >= 0:
            room[on] -= 1
        if told >= 0 and told != on:
            room[told] -= 1
    for job in range(jobs.number[w]):
        room[job] = max(room[job], 0)


@forced_kernel
def find_gain(
    boards: BoardsBlock, jobs: JobsBlock, fleet: FleetBlock, w: int, leader: int, group: Bools, wanted: Bools, left_h: Floats,
    way_h: Floats, energy: Floats, home_energy: Floats, gain: Floats,
) -> int:  # fmt: skip
    """Fill the first rows of ``gain`` [R, J] for the robots of the group: value per hour, -1 for what cannot be; how many rows."""
    columns, rows = boards.done.shape[2], 0
    for r in range(group.size):
        if not group[r]:
            continue
        battery, on = boards.floats[w, leader, columns + 3 * r + 2], boards.ints[w, leader, r]
        for job in range(jobs.number[w]):
            gain[rows, job] = -1.0
            if not wanted[r, job]:
                continue
            under_way = on == job
            if under_way or battery - energy[r, job] - home_energy[r, job] >= fleet.reserve[r]:
                loyal = LOYALTY if under_way else 1.0
                gain[rows, job] = loyal * jobs.value[w, job] / max(way_h[r, job] + left_h[r, job], MIN_H)
        rows += 1
    return rows


@forced_kernel
def give(
    boards: BoardsBlock, jobs: JobsBlock, w: int, leader: int, t_s: float, group: Bools, gain: Floats, rows: int, room: Ints,
    sheet: Sheet, chosen: Ints,
) -> None:  # fmt: skip
    """Give out jobs on the leader's board, with its term and the time beside them."""
    robots, columns = group.size, boards.done.shape[2]
    if jobs.number[w] > 0:
        assign(gain, rows, jobs.number[w], room, sheet, chosen)
    row = 0
    for r in range(robots):
        if not group[r]:
            continue
        if jobs.number[w] > 0:
            boards.ints[w, leader, robots + r] = chosen[row]
        boards.ints[w, leader, 2 * robots + r] = boards.ints[w, leader, 4 * robots]
        boards.ints[w, leader, 3 * robots + r] = leader
        boards.floats[w, leader, columns + 5 * robots + r] = t_s
        row += 1
    boards.version[w, leader] += 1
