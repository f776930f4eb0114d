"""A decision step of many missions, world by world: kernels that carry out choices, and what follows after the World's ticks.

The order of things is that of `MissionLoop`; the rules are those of `map_minds`, `mail`, `leading` and `work`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.assignment import Sheet
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel, leaf_kernel

from . import state as s
from .almanac import Almanac
from .contact_graph import find_contacts
from .gossip import Gossip, anything_to_tell, make_gossip, pass_on, read_in, write_out
from .hands import TruthBlock
from .job_block import JobsBlock
from .knowledge import join
from .leading import calls, find_gain, find_group, find_room, find_wanted, give, take_lead
from .lit_hours import Places
from .machines import Machines
from .mail import Desk, deliver, make_desk, see_contacts, see_later_news, see_news
from .map_minds import SEARCH, carry_out, give_up, set_off, settle, step_on
from .map_routes import WaysBlock
from .mission_blocks import ORBITER, BoardsBlock, Clocks, FleetBlock, GivenBlock, MindsBlock, WorkBlock
from .orders import ASSIST_M
from .state import Link
from .vectors import Handed
from .ways import Havens, HourBlock, Ways, heard_need
from .work import finish_jobs, hears, landing_due, note_selves, observe, step_down, wants_help

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BIT_STATION, BIT_RELAY = int(Link.STATION), int(Link.RELAY)


class All(NamedTuple):
    """Everything of many missions that the kernels read and write."""

    clocks: Clocks
    fleet: FleetBlock
    jobs: JobsBlock
    given: GivenBlock
    work: WorkBlock
    boards: BoardsBlock
    minds: MindsBlock
    handed: Handed
    ways: WaysBlock
    truth: TruthBlock


class Air(NamedTuple):
    """What contacts over the ground are found by."""

    elevation: NDArray[np.float32]  # [G, rows, cols] m
    cell_m: float
    frame: Floats
    orbits: Bools  # [R]


class Outlooks(NamedTuple):
    """What jobs would take is worked out by (`briefings`)."""

    almanac: Almanac
    machines: Machines
    havens: Havens
    ways: Ways
    hours: HourBlock
    places: Places


class Scratch(NamedTuple):
    """Room for one world at a time."""

    desk: Desk
    gossip: Gossip
    sheet: Sheet
    awake: Bools  # [R]
    cut: Ints  # [R]
    before: Ints  # [R]
    group: Bools  # [R]
    finished: Ints  # [R]
    why: Ints  # [R]
    chosen: Ints  # [R]
    ready: Bools  # [J]
    room: Ints  # [J]
    wanted: Bools  # [R, J]
    left_h: Floats  # [R, J]
    way_h: Floats  # [R, J]
    energy: Floats  # [R, J]
    home_energy: Floats  # [R, J]
    gain: Floats  # [R, J]


@kernel
def make_scratch(robots: int, jobs: int) -> Scratch:
    """Room for one world."""
    seats = robots * (jobs + 1)
    desk = make_desk(robots, jobs, 0)
    sheet = Sheet(
        np.empty(seats, np.int64), np.empty(seats), np.empty(seats), np.empty(seats, np.int64), np.empty(seats, np.int64),
        np.empty(seats, np.bool_), np.empty(robots), np.empty(robots, np.int64), np.empty(robots, np.bool_),
    )  # fmt: skip
    return Scratch(
        desk, make_gossip(robots, jobs), sheet, np.empty(robots, np.bool_), np.empty(robots, np.int64), np.empty(robots, np.int64),
        np.empty(robots, np.bool_), np.empty(robots, np.int64), np.empty(robots, np.int64), np.empty(robots, np.int64),
        np.empty(jobs, np.bool_), np.empty(jobs, np.int64), np.empty((robots, jobs), np.bool_), np.empty((robots, jobs)),
        np.empty((robots, jobs)), np.empty((robots, jobs)), np.empty((robots, jobs)), np.empty((robots, jobs)),
    )  # fmt: skip


# -- choices ---------------------------------------------------------------------------------------------------------


@kernel
def decide(first: int, last: int, worlds: Ints, actions: Ints, one: All, search: Bools) -> None:
    """Carry out the choices [W, R] of the worlds ``worlds[first:last]``; ``search`` [W, R] says who needs a route that must be searched."""
    for at in range(first, last):
        w = worlds[at]
        for r in range(one.fleet.role.size):
            search[w, r] = False
            if one.work.lost[w, r] or not one.work.landed[w, r]:
                continue
            answer = carry_out(
                one.handed, one.minds, one.work, one.boards, one.jobs, one.fleet, one.given, one.ways, one.truth, w, r, actions[w, r]
            )  # fmt: skip
            if answer == SEARCH:
                search[w, r] = True
            else:
                settle(one.minds, one.work, w, r, answer)


@forced_kernel
def attend(one: All, w: int, search: Bools) -> None:
    """Drive step: ask the robots that are under way and need their next leg; a leg is driven to its end, or to where the wheels stop."""
    for r in range(one.fleet.role.size):
        search[w, r] = False
        driving = one.truth.i[w, s.ACTIVITY, r] == s.DRIVE
        if not one.work.attend[w, r] or (driving and one.truth.i[w, s.BLOCKED, r] == 0):
            continue
        answer = step_on(one.minds, one.work, one.boards, one.jobs, one.fleet, one.given, one.ways, one.truth, w, r)
        if answer == SEARCH:
            search[w, r] = True
        else:
            settle(one.minds, one.work, w, r, answer)


# -- news ------------------------------------------------------------------------------------------------------------


@forced_kernel
def cut_links(given: GivenBlock, clocks: Clocks, truth: TruthBlock, w: int, t_s: int, cut: Ints) -> None:
    """Take down the links that are down by decree (`Cuts.at`); their bits are left in ``cut`` [R]."""
    robots = cut.size
    for r in range(robots):
        cut[r] = 0
    for k in range(given.outage_s.shape[1]):
        if given.outage_s[w, k, 0] <= t_s < given.outage_s[w, k, 1]:
            for r in range(robots):
                cut[r] |= given.outage_bits[w, k, r]
    relay = cut[clocks.relay] & BIT_RELAY if clocks.relay < robots else 0
    for r in range(robots):
        cut[r] |= relay
    station = cut[clocks.station] & BIT_STATION
    for r in range(robots):
        cut[r] |= station
        truth.i[w, s.CUT, r] = cut[r]
        truth.i[w, s.LINK, r] &= ~cut[r]


@leaf_kernel
def plan(one: All, outlooks: Outlooks, w: int, t_s: int, everybody: bool, scratch: Scratch) -> None:
    """Whoever leads gives out jobs; with ``everybody`` the station does, to all on the ground."""
    clocks, fleet, jobs, boards = one.clocks, one.fleet, one.jobs, one.boards
    robots, now_s = fleet.role.size, float(t_s)
    for turn in range(robots):  # the station first, then the others in their order
        leader = clocks.station if turn == 0 else turn - 1 if turn <= clocks.station else turn
        if everybody and turn > 0:
            return
        if not everybody and not calls(boards, fleet, clocks, one.truth, w, leader, now_s):
            continue
        group = scratch.group
        find_group(boards, fleet, clocks, w, leader, now_s, group)
        if everybody:
            for r in range(robots):
                group[r] = fleet.role[r] != ORBITER and one.work.landed[w, r]
        take_lead(one.work, boards, w, leader, now_s)
        rows = 0
        if jobs.number[w] > 0:
            find_wanted(boards, jobs, w, leader, now_s, group, scratch.ready, scratch.wanted, scratch.left_h)
            board = boards.done.shape[2]
            for r in range(robots):
                if group[r]:
                    heard_need(
                        r, w, r, boards.floats[w, leader, board + 3 * r], boards.floats[w, leader, board + 3 * r + 1], t_s // 3600,
                        outlooks.almanac, outlooks.machines, one.given.home, jobs, outlooks.havens, outlooks.ways, outlooks.hours,
                        outlooks.places, scratch.wanted, scratch.left_h, scratch.way_h, scratch.energy, scratch.home_energy,
                    )  # fmt: skip
            find_room(boards, jobs, w, leader, now_s, group, scratch.room)
            rows = find_gain(
                boards, jobs, fleet, w, leader, group, scratch.wanted, scratch.left_h, scratch.way_h, scratch.energy,
                scratch.home_energy, scratch.gain,
            )  # fmt: skip
        give(boards, jobs, w, leader, now_s, group, scratch.gain, rows, scratch.room, scratch.sheet, scratch.chosen)


@forced_kernel
def radio(one: All, air: Air, outlooks: Outlooks, w: int, drive: int, scratch: Scratch) -> None:
    """The messages of drive step number ``drive`` (0: the first) of a decision step, after its ticks (`MissionLoop.radio`)."""
    clocks, fleet, boards, truth = one.clocks, one.fleet, one.boards, one.truth
    robots, columns = fleet.role.size, boards.done.shape[2]
    end_s = one.work.steps_done[w] * clocks.decision_s + (drive + 1) * clocks.drive_s
    for r in range(robots):
        scratch.awake[r] = hears(truth, w, r)
    found, quiet, read, fits = False, False, False, False
    see_news(boards.version, boards.taken, w, scratch.desk)
    for part in range(1, clocks.parts + 1):
        number, now_s = drive * clocks.parts + part, end_s - (clocks.parts - part) * clocks.round_s
        cut_links(one.given, clocks, truth, w, now_s, scratch.cut)
        for r in range(robots):
            found = found and scratch.cut[r] == scratch.before[r]
            scratch.before[r] = scratch.cut[r]
            if not scratch.awake[r]:
                boards.awake_s[w, r] = now_s
        if not found:
            if read and fits:
                write_out(boards.floats, boards.ints, boards.done, w, scratch.gossip)
            read = False
            find_contacts(
                boards.up, boards.loss, truth.f[:, s.X], truth.f[:, s.Y], scratch.awake, truth.i[:, s.LINK], scratch.cut, air.orbits,
                fleet.range_m, fleet.mast_m, clocks.station, clocks.relay, clocks.earth, air.elevation[one.given.ground[w]], air.cell_m,
                air.frame, boards.sight_at, boards.seen, w,
            )  # fmt: skip
            see_contacts(boards.up, w, scratch.desk)
            found, quiet = True, False
        if not quiet:
            quiet = not anything_to_tell(scratch.desk)
        if not quiet:
            if not read:
                read, fits = True, read_in(boards.floats, boards.ints, boards.done, w, scratch.desk, scratch.gossip)
            key, round_no = one.given.mail_key[w], now_s // clocks.round_s
            if fits:
                pass_on(
                    boards.version,
                    boards.taken,
                    boards.loss,
                    boards.post,
                    w,
                    key,
                    round_no,
                    scratch.desk,
                    scratch.gossip,
                )
            else:
                deliver(
                    boards.floats, boards.ints, boards.done, boards.version, boards.taken, boards.loss, boards.post, w, key, round_no,
                    scratch.desk, columns, robots,
                )  # fmt: skip
        if read and (number == clocks.note_round or number == clocks.plan_round or part == clocks.parts):
            if fits:
                write_out(boards.floats, boards.ints, boards.done, w, scratch.gossip)
            read = False
        if number == clocks.note_round:
            note_selves(one.work, boards, fleet, truth, w, float(now_s))
            see_later_news(boards.version, boards.taken, w, scratch.desk)
            quiet = False
        if number == clocks.plan_round:
            plan(one, outlooks, w, now_s, False, scratch)
            see_later_news(boards.version, boards.taken, w, scratch.desk)
            quiet = False


@leaf_kernel
def news(one: All, w: int, scratch: Scratch) -> None:
    """At a decision: robots let go of jobs that, as they have heard, need them no more, and note what they will tell."""
    t_s = one.work.steps_done[w] * one.clocks.decision_s
    one.boards.post[w, 0] = one.boards.post[w, 1] = 0
    step_down(one.work, one.boards, w)
    finish_jobs(
        one.work, one.boards, one.jobs, one.fleet, one.given, one.truth, w, float(t_s), 2.0 * one.clocks.decision_s, scratch.why
    )  # fmt: skip
    note_selves(one.work, one.boards, one.fleet, one.truth, w, float(t_s))


@kernel
def after_ticks(
    first: int, last: int, worlds: Ints, drive: int, end: bool, one: All, air: Air, outlooks: Outlooks, search: Bools, helped: Bools
) -> None:  # fmt: skip
    """What follows the ticks of drive step number ``drive`` in the worlds ``worlds[first:last]``; ``end``: it is the last one.

    ``search`` [W, R] as in `decide`. Where ``helped`` [W] is set, robots land or could help others first: what then follows is left to
    `tell_news`.
    """
    scratch = make_scratch(one.fleet.role.size, one.boards.done.shape[2])
    for at in range(first, last):
        w = worlds[at]
        radio(one, air, outlooks, w, drive, scratch)
        t_s = one.work.steps_done[w] * one.clocks.decision_s + (drive + 1) * one.clocks.drive_s
        observe(
            one.work, one.boards, one.jobs, one.fleet, one.given, one.truth, w, float(t_s - one.clocks.drive_s), scratch.finished
        )  # fmt: skip
        if not end:
            attend(one, w, search)
            continue
        one.work.steps_done[w] += 1
        due = landing_due(one.work, one.given, w, t_s)  # pyright: ignore[reportArgumentType]
        helped[w] = due or wants_help(one.work, one.truth, one.fleet, w, ASSIST_M)
        if not helped[w]:
            news(one, w, scratch)


@kernel
def tell_news(worlds: Ints, one: All) -> None:
    """`news` of some worlds."""
    scratch = make_scratch(one.fleet.role.size, one.boards.done.shape[2])
    for w in worlds:
        news(one, w, scratch)


@leaf_kernel
def meet(boards: BoardsBlock, w: int, robots: int) -> None:
    """Everybody tells everybody all: the briefing before the robots leave."""
    nodes, jobs = boards.version.shape[1], boards.done.shape[2]
    f, i, d = boards.floats, boards.ints, boards.done
    for node in range(1, nodes):
        boards.version[w, 0] += join(f, i, d, w, 0, f[w], i[w], d[w], node, jobs, robots)
    for node in range(1, nodes):
        boards.version[w, node] += join(f, i, d, w, node, f[w], i[w], d[w], 0, jobs, robots)
    for node in range(nodes):
        for other in range(nodes):
            boards.taken[w, node, other] = boards.version[w, other]


@kernel
def send_off(worlds: Ints, one: All, outlooks: Outlooks) -> None:
    """Begin missions: the first look, and before they leave all know of each other, and the station has given out the first jobs."""
    robots = one.fleet.role.size
    scratch = make_scratch(robots, one.boards.done.shape[2])
    for w in worlds:
        cut_links(one.given, one.clocks, one.truth, w, 0, scratch.cut)
        observe(
            one.work, one.boards, one.jobs, one.fleet, one.given, one.truth, w, -float(one.clocks.drive_s), scratch.finished
        )  # fmt: skip
        note_selves(one.work, one.boards, one.fleet, one.truth, w, 0.0)
        meet(one.boards, w, robots)
        plan(one, outlooks, w, 0, True, scratch)
        meet(one.boards, w, robots)


@kernel
def take_up(w: int, r: int, count: int, one: All) -> None:
    """Go on with a robot for which a route of ``count`` points was searched, 0: there is none."""
    if count > 0:
        answer = set_off(one.minds, one.truth, w, r, count)
    else:
        answer = give_up(one.minds, one.truth, w, r)
    settle(one.minds, one.work, w, r, answer)
