"""What robots are handed at a decision, of many missions at once: vectors, masks and slots of jobs, filled by one kernel.

The layout is that of `moonfleet.autonomy.observation`. A robot reads its own instruments, its own board and the almanac: nothing else.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy import observation as layout_of
from moonfleet.autonomy.observation import (
    ACTIVITIES,
    CHARGE,
    GO_ON,
    HIBERNATE,
    HOLD,
    INDEX,
    JOB0,
    JOB_COLUMN,
    JOB_WIDTH,
    K_JOBS,
    K_OTHERS,
    N_ACTIONS,
    OTHER_COLUMN,
    OTHER_WIDTH,
    RELAY,
    SIZE,
    encode_row,
)
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel, leaf_kernel

from . import state as st
from .almanac import Almanac, Floats, Ints, cell_at, tilt_deg
from .job_block import JobsBlock
from .knowledge import MISSING_S, NEVER_S
from .lit_hours import EARTH_RUNS, RELAY_RUNS, Places, ahead, find_link, put_place
from .machines import Machines, drive_need
from .state import Link
from .ways import (
    DARK_HOUR,
    NO_WAY,
    Havens,
    HourBlock,
    Ways,
    at_hour,
    job_need,
    keep_watch,
    light_at_end,
    light_between,
    light_on_way,
    stance_of,
    way_hours,
)

Bools = NDArray[np.bool_]
Float32s = NDArray[np.float32]

STATION_FAR_H: Final = 480.0  # [h] when the station's link comes back is not known
STATION_FOR_H: Final = 48.0  # [h] nor when it goes
NO_CLOSE_H: Final = 480.0  # [h] a job without a window closes so late
IDLE: Final = 0  # Phase.IDLE
MOBILITY_DOWN: Final = 1 << st.MOBILITY
PAYLOAD_DOWN: Final = 1 << st.PAYLOAD
LINK_STATION: Final = int(Link.STATION)
LINK_RELAY: Final = int(Link.RELAY)
LINK_EARTH: Final = int(Link.EARTH)
_BLANK: Final = layout_of.blank()


def _own(name: str) -> int:
    return INDEX[f"own.{name}"]


def _at(name: str) -> int:
    return INDEX[f"forecast.{name}"]


X, Y, BATTERY, RESERVE, TEMP = _own("x"), _own("y"), _own("battery_frac"), _own("reserve_frac"), _own("temp")
DATA, LIT, IDLE_RATE, SLEEP_RATE = _own("data_frac"), _own("lit"), _own("idle_rate"), _own("hibernate_rate")
CHARGE_RATE, IS, HAS_JOB, PROGRESS = _own("charge_rate"), _own(f"is_{ACTIVITIES[0]}"), _own("has_job"), _own("progress")
AT_HAVEN, UP_STATION, UP_RELAY, UP_EARTH = (
    _own("at_haven"),
    _own("link_station"),
    _own("link_relay"),
    _own("link_earth"),
)
HOPS_LEFT, TIME_LEFT = _own("hops_left"), _own("time_left")
LIT_1H, HAVEN_LIT_1H, DARK_IN, DARK_FOR = _at("lit_1h"), _at("haven_lit_1h"), _at("dark_in"), _at("dark_for")
HAVEN_DARK_IN, HAVEN_DARK_FOR = _at("haven_dark_in"), _at("haven_dark_for")
HAVEN_TRAVEL, HAVEN_ENERGY = _at("haven_travel"), _at("haven_energy")
STATION_IN, STATION_FOR, RELAY_IN, RELAY_FOR = (
    _at("station_link_in"), _at("station_link_for"), _at("relay_link_in"), _at("relay_link_for")
)  # fmt: skip
EARTH_IN, EARTH_FOR, SUN_EL, SUN_SIN, SUN_COS = (
    _at("earth_link_in"), _at("earth_link_for"), _at("sun_el"), _at("sun_sin"), _at("sun_cos")
)  # fmt: skip
JOBS, OTHERS = layout_of.JOBS.start, layout_of.OTHERS.start
VALID, KIND, VALUE, TRAVEL = JOB_COLUMN["valid"], JOB_COLUMN["kind"], JOB_COLUMN["value"], JOB_COLUMN["travel"]
ENERGY, HOME_ENERGY, EFFORT, LIT_24H = (
    JOB_COLUMN["energy"], JOB_COLUMN["home_energy"], JOB_COLUMN["effort"], JOB_COLUMN["lit_24h"]
)  # fmt: skip
READY, OPEN, CLOSES_IN, ON_IT, MINE = (
    JOB_COLUMN["ready"], JOB_COLUMN["open"], JOB_COLUMN["closes_in"], JOB_COLUMN["others"], JOB_COLUMN["mine"]
)  # fmt: skip
KNOWN, DX, DY = OTHER_COLUMN["known"], OTHER_COLUMN["dx"], OTHER_COLUMN["dy"]
CHARGED, AGE = OTHER_COLUMN["battery_frac"], OTHER_COLUMN["age"]


class Instruments(NamedTuple):
    """What the robots' bodies tell, [W, R] each: views of `WorldState`."""

    x: Floats
    y: Floats
    battery_wh: Floats
    temp_k: Floats
    data_mbit: Floats
    lit: Floats
    activity: Ints
    link: Ints
    faults: Ints
    trapped: Ints
    hops_left: Ints


class Tasks(NamedTuple):
    """What the robots are at and what they know."""

    who: Bools  # [W, R] who is asked; the others are handed nothing
    job: Ints  # [W, R]
    phase: Ints  # [W, R]
    floats: Floats  # [W, N, J + 6 R + 1] boards as in `Knowledge`
    ints: Ints  # [W, N, 4 R + 2]
    done: Bools  # [W, N, J]


class Clock(NamedTuple):
    """Where each mission stands, [W] each."""

    t_s: Ints  # since its start
    duration_s: Floats
    sun_az_deg: Floats  # at the middle of the site
    sun_el_deg: Floats


class Handed(NamedTuple):
    """What comes out."""

    vectors: Float32s  # [W, R, SIZE]
    masks: Bools  # [W, R, N_ACTIONS]
    slots: Ints  # [W, R, K_JOBS] job in each slot, -1 none
    havens: Floats  # [W, R, 2] where each would wait


def instruments_of(state: st.WorldState) -> Instruments:
    """The instruments of a World."""
    return Instruments(*(getattr(state, name) for name in Instruments._fields))


def blank_handed(worlds: int, robots: int) -> Handed:
    """Nothing handed yet."""
    return Handed(
        np.zeros((worlds, robots, SIZE), dtype=np.float32),
        np.zeros((worlds, robots, N_ACTIONS), dtype=np.bool_),
        np.full((worlds, robots, K_JOBS), -1, dtype=np.int64),
        np.zeros((worlds, robots, 2)),
    )


@forced_kernel
def _rank(out: Ints, group: Ints, w: int, r: int, filled: int, job: int, rank: int, rate: Floats) -> int:
    """Put a job into the slots of a robot: by rank, then by value per hour, equals in mission order. How many are filled."""
    at = filled
    while at > 0:
        before = out[w, r, at - 1]
        if group[at - 1] < rank or (group[at - 1] == rank and rate[before] >= rate[job]):
            break
        at -= 1
    if at >= K_JOBS:
        return filled
    filled = min(filled + 1, K_JOBS)
    for k in range(filled - 1, at, -1):
        out[w, r, k], group[k] = out[w, r, k - 1], group[k - 1]
    out[w, r, at], group[at] = job, rank
    return filled


@forced_kernel
def _count_others(ints: Ints, floats: Floats, w: int, r: int, robots: int, heard: int, t_s: float, on: Ints) -> None:
    """Count in ``on`` [J] the others that are on each job or were given it; one that has been missing for long counts no more."""
    for other in range(robots):
        if other == r or t_s - floats[w, r, heard + other] > MISSING_S:
            continue
        worker, given = ints[w, r, other], ints[w, r, robots + other]
        if worker >= 0:
            on[worker] += 1
        if given >= 0 and given != worker:
            on[given] += 1


class _Desk(NamedTuple):
    """What the kernel writes on, for one robot at a time."""

    row: Floats  # [1, SIZE] physical values
    v: Floats  # [SIZE] the same
    on: Ints  # [J] others on each job
    rate: Floats  # [J] value per hour
    ready: Bools  # [J] all it needs is done
    group: Ints  # [K_JOBS] rank of the job in each slot


@leaf_kernel
def _hand_out(
    first: int, last: int, almanac: Almanac, machines: Machines, home: Floats, station: int, jobs: JobsBlock, havens: Havens, ways: Ways,
    hours: HourBlock, places: Places, links: Places, body: Instruments, tasks: Tasks, clock: Clock, near_m: float, desk: _Desk,
    out: Handed,
) -> None:  # fmt: skip
    frame = almanac.frame
    robots, room = tasks.job.shape[1], tasks.done.shape[2]
    heard, board = room + 3 * robots, room
    row, v, on, rate, ready, group = desk.row, desk.v, desk.on, desk.rate, desk.ready, desk.group
    for w in range(first, last):
        asked = False
        for r in range(robots):
            asked |= tasks.who[w, r]
        s, count = almanac.site[w], jobs.number[w]
        t_s = float(clock.t_s[w])
        hour = clock.t_s[w] // 3600
        azimuth = math.radians(clock.sun_az_deg[w])
        sun_sin, sun_cos = math.sin(azimuth), math.cos(azimuth)
        if asked:
            at_hour(almanac, w, hour, count, havens, hours, places)
        for r in range(robots):
            for k in range(SIZE):
                v[k] = _BLANK[k]
            for k in range(N_ACTIONS):
                out.masks[w, r, k] = False
            for k in range(K_JOBS):
                out.slots[w, r, k] = -1
            out.masks[w, r, GO_ON] = True
            x, y = body.x[w, r], body.y[w, r]
            out.havens[w, r, 0], out.havens[w, r, 1] = x, y
            if not tasks.who[w, r]:
                encode_row(row, 0, out.vectors, w, r)
                continue
            # ways and the haven
            ground, drive_class, battery = not machines.orbits[r], machines.drive_class[r], machines.battery_wh[r]
            drives = drive_class >= 0
            stance, filled = stance_of(ways.xy, w, r, robots, x, y, False)
            if not filled:
                ways.xy[w, stance, 0], ways.xy[w, stance, 1], ways.watch[w, stance] = x, y, -1
                way_hours(
                    w, r, x, y, frame, s, drive_class, machines.hop_range_m[r], home, machines.orbits[r], count, jobs.xy, jobs.hops,
                    jobs.able, havens.number[w], havens.xy, ways.fields, ways.field_of, stance, ways.hours,
                )  # fmt: skip
            watch = keep_watch(ways.watch, ways.between, w, stance, hour)
            haven, haven_h, least = -1, np.inf, np.inf
            for k in range(havens.number[w]):
                cost = ways.hours[w, stance, room + k] + DARK_HOUR * hours.dark_for[w, k]
                if cost < least:
                    haven, least = k, cost
            if haven >= 0:
                haven_h = ways.hours[w, stance, room + haven]
                out.havens[w, r, 0], out.havens[w, r, 1] = havens.spots[w, r, haven, 0], havens.spots[w, r, haven, 1]
            gap_x, gap_y = x - out.havens[w, r, 0], y - out.havens[w, r, 1]
            # what is allowed, jobs aside: hoppers that fly or work away from home bring to its end what they have begun
            away = False
            if machines.hopper[r]:
                away = body.activity[w, r] == st.HOP
                if not away and tasks.phase[w, r] != IDLE:
                    away = math.hypot(x - home[w, r, 0], y - home[w, r, 1]) > near_m
            stuck = (body.faults[w, r] & MOBILITY_DOWN) != 0 or body.trapped[w, r] != 0
            unfit = (body.faults[w, r] & PAYLOAD_DOWN) != 0 or (drives and stuck)
            out.masks[w, r, HOLD] = not away
            out.masks[w, r, RELAY] = not away and not ground
            out.masks[w, r, CHARGE] = not away and ground and machines.panels[r] and (not drives or haven >= 0)
            out.masks[w, r, HIBERNATE] = not away and ground
            # its own state
            job, link = tasks.job[w, r], body.link[w, r]
            if ground:
                v[X], v[Y] = x - home[w, station, 0], y - home[w, station, 1]
            else:
                v[X] = v[Y] = 0.0
            v[BATTERY], v[RESERVE], v[TEMP] = body.battery_wh[w, r] / battery, machines.reserve[r], body.temp_k[w, r]
            store = machines.storage_mbit[r]
            v[DATA] = body.data_mbit[w, r] / store if store > 0.0 else 0.0
            v[LIT], v[IDLE_RATE] = body.lit[w, r], machines.awake[r]
            v[SLEEP_RATE], v[CHARGE_RATE] = machines.asleep[r], machines.charging[r]
            v[IS + body.activity[w, r]] = 1.0
            v[HAS_JOB] = 1.0 if job >= 0 else 0.0
            if job >= 0:
                effort_s = jobs.effort_s[w, job]
                v[PROGRESS] = 1.0 - (effort_s - tasks.floats[w, r, job]) / effort_s
            else:
                v[PROGRESS] = 0.0
            v[AT_HAVEN] = 1.0 if gap_x * gap_x + gap_y * gap_y <= near_m * near_m else 0.0
            v[UP_STATION] = 1.0 if link & LINK_STATION else 0.0
            v[UP_RELAY] = 1.0 if link & LINK_RELAY else 0.0
            v[UP_EARTH] = 1.0 if link & LINK_EARTH else 0.0
            v[HOPS_LEFT], v[TIME_LEFT] = body.hops_left[w, r], 1.0 - t_s / clock.duration_s[w]
            # light and links ahead
            map_row, map_col = cell_at(frame, s, x, y)
            put_place(places, w, r, map_row, map_col)
            lit_here = 0.0
            if ground:
                ahead(almanac, w, places, r, hour, row, 0, LIT_1H, DARK_IN, DARK_FOR)
                there = havens.spot_at[w, r, haven] if haven >= 0 else r
                ahead(almanac, w, places, there, hour, row, 0, HAVEN_LIT_1H, HAVEN_DARK_IN, HAVEN_DARK_FOR)
                if drives:
                    lit_here = light_at_end(almanac, w, places, r, hour)
                    v[HAVEN_TRAVEL], v[HAVEN_ENERGY] = haven_h, NO_WAY
                    if haven >= 0:
                        lit_there = light_at_end(almanac, w, places, there, hour)
                        between = ways.between[w, stance, room + haven]
                        if math.isnan(between):
                            between = ways.between[w, stance, room + haven] = light_between(
                                almanac, w, watch, x, y, out.havens[w, r, 0], out.havens[w, r, 1]
                            )
                        lit = light_on_way(lit_here, lit_there, between)
                        v[HAVEN_ENERGY] = drive_need(
                            haven_h, machines.awake[r], machines.drive_w[r], machines.solar_w[r], battery, lit
                        )  # fmt: skip
                v[STATION_IN] = 0.0 if link & LINK_STATION else STATION_FAR_H
                v[STATION_FOR] = STATION_FOR_H if link & LINK_STATION else 0.0
                v[EARTH_IN], v[EARTH_FOR] = find_link(almanac, w, links, r, 0, EARTH_RUNS, map_row, map_col, hour)
                v[RELAY_IN], v[RELAY_FOR] = find_link(almanac, w, links, r, 1, RELAY_RUNS, map_row, map_col, hour)
                v[SUN_EL] = clock.sun_el_deg[w] + tilt_deg(x - frame[s, 5], y - frame[s, 6], sun_sin, sun_cos)
                v[SUN_SIN], v[SUN_COS] = sun_sin, sun_cos
            # jobs, as it knows them: first its own, then the one it was told to do, then open ones, by value per hour
            if count > 0:
                for n in range(count):
                    on[n], ready[n] = 0, True
                for n in range(jobs.needs.shape[1]):
                    if jobs.needs[w, n, 0] >= 0 and not tasks.done[w, r, jobs.needs[w, n, 1]]:
                        ready[jobs.needs[w, n, 0]] = False
                _count_others(tasks.ints, tasks.floats, w, r, robots, heard, t_s, on)
                told, used = tasks.ints[w, r, robots + r], 0
                for n in range(count):
                    if tasks.done[w, r, n] or not jobs.able[w, r, n]:
                        continue
                    way_h = ways.hours[w, stance, n]
                    if not math.isfinite(way_h) or (
                        jobs.hops[w, n] and body.hops_left[w, r] < 2
                    ):  # it could not fly back
                        continue
                    left_h = way_h + jobs.effort_h[w, n] - tasks.floats[w, r, n] / 3600.0
                    rate[n] = jobs.value[w, n] / max(left_h, 1.0)
                    open_now = jobs.window_s[w, n, 0] <= t_s < jobs.window_s[w, n, 1]
                    rank = (0 if n == job else 4) + (0 if n == told else 2) + (0 if ready[n] and open_now else 1)
                    used = _rank(out.slots, group, w, r, used, n, rank, rate)
                for k in range(used):
                    n, at = out.slots[w, r, k], JOBS + k * JOB_WIDTH
                    way_h = ways.hours[w, stance, n]
                    left_h = max(jobs.effort_h[w, n] - tasks.floats[w, r, n] / 3600.0, 0.0)
                    open_now = jobs.window_s[w, n, 0] <= t_s < jobs.window_s[w, n, 1]
                    v[at + VALID], v[at + KIND], v[at + VALUE], v[at + TRAVEL] = (
                        1.0,
                        jobs.kind[w, n],
                        jobs.value[w, n],
                        way_h,
                    )
                    v[at + ENERGY], v[at + HOME_ENERGY] = job_need(
                        w,
                        r,
                        n,
                        hour,
                        x,
                        y,
                        stance,
                        left_h,
                        lit_here,
                        almanac,
                        machines,
                        jobs,
                        havens,
                        ways,
                        hours,
                        places,
                    )
                    v[at + EFFORT], v[at + LIT_24H] = left_h, hours.lit_day[w, n]
                    v[at + READY], v[at + OPEN] = 1.0 if ready[n] else 0.0, 1.0 if open_now else 0.0
                    v[at + CLOSES_IN] = (jobs.window_s[w, n, 1] - t_s) / 3600.0 if jobs.windowed[w, n] else NO_CLOSE_H
                    v[at + ON_IT], v[at + MINE] = on[n], 1.0 if n == told else 0.0
                    may = ready[n] and open_now and on[n] < jobs.crew[w, n]
                    out.masks[w, r, JOB0 + k] = may and not away and not unfit
            # what was last heard of the others
            slot = 0
            for other in range(robots):
                if other == r:
                    continue
                if slot == K_OTHERS:
                    break
                heard_s = tasks.floats[w, r, heard + other]
                if heard_s != NEVER_S and not machines.orbits[other]:
                    at, place = OTHERS + slot * OTHER_WIDTH, board + 3 * other
                    v[at + KNOWN] = 1.0
                    v[at + DX], v[at + DY] = tasks.floats[w, r, place] - x, tasks.floats[w, r, place + 1] - y
                    v[at + CHARGED], v[at + AGE] = tasks.floats[w, r, place + 2], (t_s - heard_s) / 3600.0
                slot += 1
            encode_row(row, 0, out.vectors, w, r)


@kernel
def hand_out(
    first: int, last: int, almanac: Almanac, machines: Machines, home: Floats, station: int, jobs: JobsBlock, havens: Havens, ways: Ways,
    hours: HourBlock, places: Places, links: Places, body: Instruments, tasks: Tasks, clock: Clock, near_m: float, out: Handed,
) -> None:  # fmt: skip
    """Fill what the robots of worlds ``first`` to ``last`` are handed; who is not asked is handed a blank and may only go on.

    ``home`` [W, R, 2] is where robots started, ``near_m`` how near to its haven a robot is there.
    """
    room = tasks.done.shape[2]
    row = np.empty((1, SIZE))
    desk = _Desk(
        row, row[0], np.empty(room, dtype=np.int64), np.empty(room), np.empty(room, dtype=np.bool_), np.empty(K_JOBS, dtype=np.int64),
    )  # fmt: skip
    _hand_out(
        first, last, almanac, machines, home, station, jobs, havens, ways, hours, places, links, body, tasks, clock, near_m, desk, out
    )  # fmt: skip
