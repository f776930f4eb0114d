"""The executive of robots that drive by the map, for many missions at once: a choice becomes orders for the body.

One kernel form of `Robot`, `Hopper` and `MapDriving` (with `spot` of `ConstructionRobot`); tests hold it to them. A robot reads its own
instruments, its own board and what it was offered, nothing else.
"""

from __future__ import annotations

import math
from typing import Final

from moonfleet.autonomy.observation import CHARGE, GO_ON, HIBERNATE, JOB0, RELAY
from moonfleet.terrain.forced_kernel import forced_kernel

from . import state as s
from .hands import TruthBlock, order_activity, order_hop, order_leg
from .job_block import JobsBlock
from .map_routes import WaysBlock, cell_of, refuse, route_by_turns
from .mission_blocks import CONSTRUCTION, HOPPER, ROVER, BoardsBlock, FleetBlock, GivenBlock, MindsBlock, WorkBlock
from .vectors import Handed

ARRIVED: Final = 6.0  # [m] close enough to a job or haven (`robot.ARRIVED_M`)
LANDED: Final = 1.0  # [m] a hop ends on its mark (`hopper.LANDED_M`)
IDLE, TRAVEL, AT_WORK, RETURN = range(4)  # `Phase`
QUIET, ATTEND, SEARCH = range(
    3
)  # what an executive answers: nothing, ask me at the next drive step, or find me a route


@forced_kernel
def can_move(truth: TruthBlock, w: int, r: int) -> bool:
    """Whether its drive works and its wheels are free."""
    return truth.i[w, s.FAULTS, r] & (1 << s.MOBILITY) == 0 and truth.i[w, s.TRAPPED, r] == 0


@forced_kernel
def work_left_s(work: WorkBlock, boards: BoardsBlock, jobs: JobsBlock, w: int, r: int) -> float:
    """What is still to do on a robot's job [s], as far as it has seen or heard; 0 without one."""
    job = work.job[w, r]
    return 0.0 if job < 0 else jobs.effort_s[w, job] - boards.floats[w, r, job]


@forced_kernel
def release(minds: MindsBlock, w: int, r: int) -> None:
    """Forget the job at hand."""
    minds.job[w, r], minds.phase[w, r], minds.action[w, r] = -1, IDLE, GO_ON


@forced_kernel
def start_tool(minds: MindsBlock, work: WorkBlock, truth: TruthBlock, w: int, r: int) -> int:
    """Start the tool, here and now."""
    minds.phase[w, r] = AT_WORK
    if order_activity(truth, w, r, s.WORK, minds.work_w[w, r], minds.data_mbps[w, r]):
        work.worked_s[w, r] = 0.0
    job = minds.job[w, r]
    if job >= 0:
        work.started[w, r] = job
    return QUIET


@forced_kernel
def do(truth: TruthBlock, w: int, r: int, activity: int) -> int:
    """Order an activity that needs no tool."""
    order_activity(truth, w, r, activity, 0.0, 0.0)
    return QUIET


@forced_kernel
def base_go_on(minds: MindsBlock, work: WorkBlock, truth: TruthBlock, w: int, r: int) -> int:
    """Go on with what is under way."""
    activity = truth.i[w, s.ACTIVITY, r]
    if minds.phase[w, r] == AT_WORK and activity != s.WORK:
        return start_tool(minds, work, truth, w, r)
    if minds.phase[w, r] == IDLE and activity == s.WORK:
        return do(truth, w, r, s.HOLD)
    return QUIET


# -- hoppers ---------------------------------------------------------------------------------------------------------


@forced_kernel
def away(minds: MindsBlock, given: GivenBlock, w: int, r: int) -> bool:
    """Whether a hopper is on an excursion, the flight home included."""
    home = minds.goal[w, r, 0] == given.home[w, r, 0] and minds.goal[w, r, 1] == given.home[w, r, 1]
    return minds.phase[w, r] != IDLE and (not home or minds.phase[w, r] == RETURN)


@forced_kernel
def fly(minds: MindsBlock, fleet: FleetBlock, ways: WaysBlock, truth: TruthBlock, w: int, r: int) -> int:
    """Take off for the goal; the tool is off, whether the body can fly or not."""
    x, y, frame = minds.goal[w, r, 0], minds.goal[w, r, 1], ways.frame
    order_activity(truth, w, r, s.HOLD, 0.0, 0.0)
    rows, cols = ways.cost.shape[2], ways.cost.shape[3]
    inside = frame[0] <= x <= frame[0] + cols * frame[2] and frame[1] - rows * frame[2] <= y <= frame[1]
    order_hop(
        truth, w, r, x, y, fleet.hops[r, 0], fleet.hops[r, 1], fleet.battery_wh[r], fleet.cold_loss[r], inside
    )  # fmt: skip
    return ATTEND


@forced_kernel
def fly_home(
    minds: MindsBlock, fleet: FleetBlock, given: GivenBlock, ways: WaysBlock, truth: TruthBlock, w: int, r: int
) -> int:
    """End the excursion."""
    minds.phase[w, r] = RETURN
    minds.goal[w, r, 0], minds.goal[w, r, 1] = given.home[w, r, 0], given.home[w, r, 1]
    return fly(minds, fleet, ways, truth, w, r)


@forced_kernel
def hopper_proceed(
    minds: MindsBlock, work: WorkBlock, fleet: FleetBlock, given: GivenBlock, ways: WaysBlock, truth: TruthBlock, w: int, r: int,
    left_s: float,
) -> int:  # fmt: skip
    """After the flight out: work; when the tool is done: fly home; after that: rest."""
    phase = minds.phase[w, r]
    if phase == IDLE or truth.i[w, s.ACTIVITY, r] == s.HOP:
        return ATTEND if phase != IDLE else QUIET
    gap = math.hypot(truth.f[w, s.X, r] - minds.goal[w, r, 0], truth.f[w, s.Y, r] - minds.goal[w, r, 1])
    landed = gap <= LANDED
    if phase == TRAVEL:
        if landed:
            start_tool(minds, work, truth, w, r)
            return ATTEND
        release(minds, w, r)
        minds.goal[w, r, 0], minds.goal[w, r, 1] = given.home[w, r, 0], given.home[w, r, 1]
        return do(truth, w, r, s.HOLD)
    if phase == AT_WORK and left_s <= 0.0 and away(minds, given, w, r):
        return fly_home(minds, fleet, given, ways, truth, w, r)
    if phase == RETURN:
        if not landed:
            return fly(minds, fleet, ways, truth, w, r)
        release(minds, w, r)
        return do(truth, w, r, s.HOLD)
    return ATTEND


@forced_kernel
def hopper_go_on(
    minds: MindsBlock, work: WorkBlock, fleet: FleetBlock, given: GivenBlock, ways: WaysBlock, truth: TruthBlock, w: int, r: int,
    left_s: float,
) -> int:  # fmt: skip
    """Go on flying or working."""
    if not away(minds, given, w, r):
        return base_go_on(minds, work, truth, w, r)
    if minds.phase[w, r] == AT_WORK and truth.i[w, s.ACTIVITY, r] != s.WORK and left_s > 0.0:
        start_tool(minds, work, truth, w, r)
        return ATTEND
    return hopper_proceed(minds, work, fleet, given, ways, truth, w, r, left_s)


# -- drivers ---------------------------------------------------------------------------------------------------------


@forced_kernel
def there(minds: MindsBlock, truth: TruthBlock, w: int, r: int) -> bool:
    """Whether it stands at its goal."""
    gap = math.hypot(truth.f[w, s.X, r] - minds.goal[w, r, 0], truth.f[w, s.Y, r] - minds.goal[w, r, 1])
    return gap <= ARRIVED


@forced_kernel
def arrive(minds: MindsBlock, work: WorkBlock, truth: TruthBlock, w: int, r: int) -> int:
    """At the goal: work, or charge."""
    if minds.charging[w, r]:
        minds.phase[w, r] = IDLE
        return do(truth, w, r, s.CHARGE)
    return start_tool(minds, work, truth, w, r)


@forced_kernel
def stay(minds: MindsBlock, truth: TruthBlock, w: int, r: int) -> int:
    """With a drive that does not work or wheels that are stuck: charge in place."""
    minds.phase[w, r], minds.charging[w, r] = IDLE, False
    return do(truth, w, r, s.CHARGE)


@forced_kernel
def depart(
    minds: MindsBlock, fleet: FleetBlock, given: GivenBlock, ways: WaysBlock, truth: TruthBlock, w: int, r: int
) -> int:
    """Plan from here and drive."""
    count = route_by_turns(
        ways, given.ground[w], fleet.drive_class[r], truth.f[w, s.X, r], truth.f[w, s.Y, r], minds.goal[w, r, 0], minds.goal[w, r, 1],
        minds.place[w, r, 0], minds.place[w, r, 1], minds.refused, minds.refused_n, w, r, minds.route,
    )  # fmt: skip
    if count == 0:
        return SEARCH
    return set_off(minds, truth, w, r, count)


@forced_kernel
def set_off(minds: MindsBlock, truth: TruthBlock, w: int, r: int, count: int) -> int:
    """Drive the route of ``count`` points."""
    minds.route_n[w, r] = count
    minds.bound_for[w, r, 0], minds.bound_for[w, r, 1] = minds.goal[w, r, 0], minds.goal[w, r, 1]
    minds.phase[w, r] = TRAVEL
    order_leg(truth, w, r, minds.route, count)
    return ATTEND


@forced_kernel
def give_up(minds: MindsBlock, truth: TruthBlock, w: int, r: int) -> int:
    """There is no way: let go of the job, and stand still."""
    minds.route_n[w, r] = 0
    release(minds, w, r)
    return do(truth, w, r, s.HOLD)


@forced_kernel
def set_out(
    minds: MindsBlock,
    work: WorkBlock,
    fleet: FleetBlock,
    given: GivenBlock,
    ways: WaysBlock,
    truth: TruthBlock,
    w: int,
    r: int,
) -> int:
    """Drive to the goal; goes on where it is under way there already."""
    if there(minds, truth, w, r):
        return arrive(minds, work, truth, w, r)
    bound = minds.bound_for[w, r, 0] == minds.goal[w, r, 0] and minds.bound_for[w, r, 1] == minds.goal[w, r, 1]
    blocked = truth.i[w, s.BLOCKED, r] != 0 and can_move(truth, w, r)
    if minds.route_n[w, r] > 0 and bound and truth.i[w, s.ACTIVITY, r] == s.DRIVE and not blocked:
        minds.phase[w, r] = TRAVEL
        return ATTEND
    return depart(minds, fleet, given, ways, truth, w, r)


@forced_kernel
def travel(
    minds: MindsBlock,
    work: WorkBlock,
    fleet: FleetBlock,
    given: GivenBlock,
    ways: WaysBlock,
    truth: TruthBlock,
    w: int,
    r: int,
) -> int:
    """Let the wheels turn while they do; at the end of a leg the next one, at refused ground a way round it."""
    if there(minds, truth, w, r):
        return arrive(minds, work, truth, w, r)
    if truth.i[w, s.BLOCKED, r] != 0 and can_move(truth, w, r):
        refuse(
            ways, given.ground[w], fleet.drive_class[r], truth.f[w, s.X, r], truth.f[w, s.Y, r], minds.route, minds.route_n, minds.refused,
            minds.refused_n, w, r,
        )  # fmt: skip
        return depart(minds, fleet, given, ways, truth, w, r)
    if truth.i[w, s.ACTIVITY, r] == s.DRIVE:
        return ATTEND
    return depart(minds, fleet, given, ways, truth, w, r)


@forced_kernel
def driver_go_on(
    minds: MindsBlock,
    work: WorkBlock,
    fleet: FleetBlock,
    given: GivenBlock,
    ways: WaysBlock,
    truth: TruthBlock,
    w: int,
    r: int,
) -> int:
    """Go on travelling, working or charging."""
    if minds.phase[w, r] == TRAVEL:
        if not can_move(truth, w, r):
            return stay(minds, truth, w, r)
        return travel(minds, work, fleet, given, ways, truth, w, r)
    return base_go_on(minds, work, truth, w, r)


@forced_kernel
def charge(
    minds: MindsBlock, work: WorkBlock, fleet: FleetBlock, given: GivenBlock, ways: WaysBlock, truth: TruthBlock, w: int, r: int,
    spot_x: float, spot_y: float,
) -> int:  # fmt: skip
    """Drive to its spot in the haven, then charge."""
    if not can_move(truth, w, r):
        return stay(minds, truth, w, r)
    bound = minds.goal[w, r, 0] == spot_x and minds.goal[w, r, 1] == spot_y
    if minds.charging[w, r] and bound and there(minds, truth, w, r):
        return arrive(minds, work, truth, w, r)
    minds.goal[w, r, 0], minds.goal[w, r, 1] = spot_x, spot_y
    minds.place[w, r, 0], minds.place[w, r, 1] = spot_x, spot_y
    if ways.closed.size == 0:  # the middle of the haven has a table of ways
        minds.place[w, r, 0] -= fleet.haven_aside[r, 0]
        minds.place[w, r, 1] -= fleet.haven_aside[r, 1]
    minds.charging[w, r] = True
    return set_out(minds, work, fleet, given, ways, truth, w, r)


# -- all -------------------------------------------------------------------------------------------------------------


@forced_kernel
def take(
    minds: MindsBlock, work: WorkBlock, jobs: JobsBlock, fleet: FleetBlock, given: GivenBlock, ways: WaysBlock,
    truth: TruthBlock, w: int, r: int, job: int, left_s: float,
) -> int:  # fmt: skip
    """Begin a job, or go on with it if it is the one at hand."""
    role = fleet.role[r]
    drives = role in (ROVER, CONSTRUCTION)
    if job == minds.job[w, r] and minds.phase[w, r] != IDLE:
        if role == HOPPER:
            return hopper_go_on(minds, work, fleet, given, ways, truth, w, r, left_s)
        if drives:
            return driver_go_on(minds, work, fleet, given, ways, truth, w, r)
        return base_go_on(minds, work, truth, w, r)
    x, y = jobs.xy[w, job, 0], jobs.xy[w, job, 1]
    minds.job[w, r] = job
    minds.work_w[w, r], minds.data_mbps[w, r] = jobs.work_w[w, job], jobs.data_mbps[w, job]
    if role == HOPPER:
        if not jobs.hops[w, job]:
            return start_tool(minds, work, truth, w, r)
        minds.goal[w, r, 0], minds.goal[w, r, 1] = x, y
        minds.phase[w, r] = TRAVEL
        return fly(minds, fleet, ways, truth, w, r)
    minds.goal[w, r, 0], minds.goal[w, r, 1] = x, y
    if not drives:
        return start_tool(minds, work, truth, w, r)
    minds.place[w, r, 0], minds.place[w, r, 1] = x, y
    if role == CONSTRUCTION:
        minds.goal[w, r, 0], minds.goal[w, r, 1] = x + fleet.aside[r, 0], y + fleet.aside[r, 1]
        if ways.closed.size > 0:
            rows, cols = ways.closed.shape[1], ways.closed.shape[2]
            row, col = cell_of(ways.frame, rows, cols, minds.goal[w, r, 0], minds.goal[w, r, 1])
            if ways.closed[given.ground[w], row, col]:
                minds.goal[w, r, 0], minds.goal[w, r, 1] = x, y
    minds.charging[w, r] = False
    return set_out(minds, work, fleet, given, ways, truth, w, r)


@forced_kernel
def carry_out(
    handed: Handed, minds: MindsBlock, work: WorkBlock, boards: BoardsBlock, jobs: JobsBlock, fleet: FleetBlock,
    given: GivenBlock, ways: WaysBlock, truth: TruthBlock, w: int, r: int, choice: int,
) -> int:  # fmt: skip
    """Turn a choice into orders; a masked one counts as GO_ON. Answers QUIET, ATTEND or SEARCH."""
    role = fleet.role[r]
    left_s = work_left_s(work, boards, jobs, w, r)
    if work.job[w, r] < 0 and minds.job[w, r] >= 0:
        if role == HOPPER and away(minds, given, w, r):
            minds.job[w, r] = -1
            return fly_home(minds, fleet, given, ways, truth, w, r)
        release(minds, w, r)
    action = choice if handed.masks[w, r, choice] else GO_ON
    if action == GO_ON:
        if role == HOPPER:
            return hopper_go_on(minds, work, fleet, given, ways, truth, w, r, left_s)
        if role in (ROVER, CONSTRUCTION):
            return driver_go_on(minds, work, fleet, given, ways, truth, w, r)
        return base_go_on(minds, work, truth, w, r)
    if action >= JOB0:
        minds.action[w, r] = action
        return take(minds, work, jobs, fleet, given, ways, truth, w, r, handed.slots[w, r, action - JOB0], left_s)
    release(minds, w, r)
    minds.action[w, r] = action
    if action == CHARGE:
        if role in (ROVER, CONSTRUCTION):
            return charge(minds, work, fleet, given, ways, truth, w, r, handed.havens[w, r, 0], handed.havens[w, r, 1])
        return do(truth, w, r, s.CHARGE)
    if action == HIBERNATE:
        return do(truth, w, r, s.HIBERNATE)
    if action == RELAY:
        return do(truth, w, r, s.RELAY)
    return do(truth, w, r, s.HOLD)


@forced_kernel
def step_on(
    minds: MindsBlock, work: WorkBlock, boards: BoardsBlock, jobs: JobsBlock, fleet: FleetBlock, given: GivenBlock, ways: WaysBlock,
    truth: TruthBlock, w: int, r: int,
) -> int:  # fmt: skip
    """Answer at a drive step, between decisions."""
    role, asleep = fleet.role[r], truth.i[w, s.ACTIVITY, r] == s.HIBERNATE
    if role == HOPPER:
        if asleep:
            return ATTEND if minds.phase[w, r] != IDLE else QUIET
        return hopper_proceed(
            minds, work, fleet, given, ways, truth, w, r, work_left_s(work, boards, jobs, w, r)
        )  # fmt: skip
    if role in (ROVER, CONSTRUCTION) and minds.phase[w, r] == TRAVEL:
        if asleep or not can_move(truth, w, r):
            return ATTEND
        return travel(minds, work, fleet, given, ways, truth, w, r)
    return QUIET


@forced_kernel
def settle(minds: MindsBlock, work: WorkBlock, w: int, r: int, answer: int) -> None:
    """Write down what a robot is at (`Operations.apply`)."""
    work.attend[w, r] = answer == ATTEND
    work.action[w, r], work.job[w, r], work.phase[w, r] = minds.action[w, r], minds.job[w, r], minds.phase[w, r]
