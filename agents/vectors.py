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
    HIGH,
    HOLD,
    INDEX,
    JOB0,
    JOB_COLUMN,
    JOB_WIDTH,
    K_JOBS,
    K_OTHERS,
    LOW,
    N_ACTIONS,
    OFFSET,
    OTHER_COLUMN,
    OTHER_WIDTH,
    RELAY,
    SCALE,
    SIZE,
    encode,
)
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel, leaf_kernel
from moonfleet.terrain.prefetch import prefetch
from moonfleet.terrain.stack_room import stack_doubles

from . import state as st
from .almanac import Almanac, Floats, Ints, cell_at, tilt_deg
from .job_block import JobsBlock
from .knowledge import MISSING_S, NEVER_S
from .lit_hours import EARTH_RUNS, RELAY_RUNS, RING, RING_H, Places, ahead, find_link, put_place
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
    light_on_way,
    look_along,
    look_between,
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
_NOBODY: Final = encode(_BLANK)  # what is stored where nothing is known


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
def _rank(slots: Ints, group: Ints, filled: int, job: int, rank: int, rate: Floats) -> int:
    """Put a job into the slots of a robot: by rank, then by value per hour, equals in mission order. How many are filled."""
    at, mine = filled, rate[job]
    while at > 0:
        if group[at - 1] < rank or (group[at - 1] == rank and rate[np.uint64(slots[at - 1])] >= mine):
            break
        at -= 1
    if at >= K_JOBS:
        return filled
    filled = min(filled + 1, K_JOBS)
    for k in range(filled - 1, at, -1):
        slots[k], group[k] = slots[k - 1], group[k - 1]
    slots[at], group[at] = job, rank
    return filled


@forced_kernel
def _count_others(known: Ints, heard_s: Floats, r: int, robots: int, t_s: float, on: Ints) -> None:
    """Count in ``on`` [J] the others that are on each job or were given it; one that has been missing for long counts no more."""
    for other in range(robots):
        if other == r or t_s - heard_s[other] > MISSING_S:
            continue
        worker, given = known[other], known[robots + other]
        if worker >= 0:
            on[worker] += 1
        if given >= 0 and given != worker:
            on[given] += 1


@forced_kernel
def _encode(v: Floats, out: Float32s, first: int, last: int) -> None:
    """Store the physical values of the columns from ``first`` to ``last``; see `moonfleet.autonomy.observation.encode`."""
    for k in range(first, last):
        value = np.float32((v[k] - OFFSET[k]) / SCALE[k])
        value = np.float32(0.0) if value != value else value
        out[k] = min(max(value, LOW[k]), HIGH[k])


@forced_kernel
def _fetch_world(
    w: int, hour: int, almanac: Almanac, jobs: JobsBlock, havens: Havens, ways: Ways, places: Places, body: Instruments, drive_class: Ints
) -> None:  # fmt: skip
    """Ask for what will be read of a world: the light ahead of its jobs and havens, and the ground under robots that have moved."""
    s, room, robots = almanac.site[w], jobs.able.shape[2], jobs.able.shape[1]
    count, number = jobs.number[w], havens.number[w]
    first, second, third = (
        RING + (hour & (RING_H - 1)),
        RING + ((hour + 12) & (RING_H - 1)),
        RING + ((hour + 24) & (RING_H - 1)),
    )
    for n in range(count + number):
        p = havens.job_at[w, n] if n < count else havens.middle_at[w, n - count]
        prefetch(places, (w, p, 0))
        prefetch(places, (w, p, first))
        prefetch(places, (w, p, second))
        prefetch(places, (w, p, third))
    for r in range(robots):
        x, y = body.x[w, r], body.y[w, r]
        if ways.xy[w, r, 0] == x and ways.xy[w, r, 1] == y:
            continue
        row, col = cell_at(almanac.frame, s, x, y)
        begin = almanac.layout[s, 0] + row * almanac.layout[s, 2] + col * almanac.layout[s, 3]
        for k in range(3):
            prefetch(almanac.horizon, (begin + 32 * k,))
        if ways.fields.shape[0] > 0 and drive_class[r] >= 0:
            cell = row * int(almanac.frame[s, 4]) + col
            for n in range(count + number):
                field = ways.field_of[w, np.uint64(drive_class[r]), n if n < count else room + n - count]
                prefetch(ways.fields, (max(field, 0), cell))


@forced_kernel
def _fetch_robot(w: int, r: int, tasks: Tasks, ways: Ways, places: Places, links: Places, out: Handed) -> None:
    """Ask for what will be read of a robot, and written for it."""
    for k in range(0, SIZE, 16):
        prefetch(out.vectors, (w, r, k))
    for k in range(0, tasks.floats.shape[2], 8):
        prefetch(tasks.floats, (w, r, k))
    for k in range(0, tasks.ints.shape[2] // 2, 8):
        prefetch(tasks.ints, (w, r, k))
    for k in range(0, places.shape[2], 16):
        prefetch(places, (w, r, k))
    for k in range(0, ways.hours.shape[2], 8):
        prefetch(ways.hours, (w, r, k))
        prefetch(ways.between, (w, r, k))
    prefetch(links, (w, r, 0, 0))
    prefetch(tasks.done, (w, r, 0))


class _Desk(NamedTuple):
    """What the kernel writes on, for one robot at a time, or for one world."""

    row: Floats  # [1, SIZE] physical values
    v: Floats  # [SIZE] the same
    on: Ints  # [J] others on each job
    rate: Floats  # [J] value per hour
    ready: Bools  # [J] all it needs is done
    group: Ints  # [K_JOBS] rank of the job in each slot
    offered: Bools  # [J] it is in a slot
    is_open: Bools  # [J] its window is open
    closes_h: Floats  # [J] hours until that closes


@leaf_kernel
def _hand_out(
    first: int, last: int, worlds: Ints, almanac: Almanac, machines: Machines, home: Floats, station: int, jobs: JobsBlock, havens: Havens,
    ways: Ways, hours: HourBlock, places: Places, links: Places, body: Instruments, tasks: Tasks, clock: Clock, near_m: float, desk: _Desk,
    out: Handed,
) -> None:  # fmt: skip
    frame = almanac.frame
    robots, room = tasks.job.shape[1], tasks.done.shape[2]
    row, v, on, rate, ready, group = desk.row, desk.v, desk.on, desk.rate, desk.ready, desk.group
    is_open, closes_h, offered = desk.is_open, desk.closes_h, desk.offered
    for at_world in range(first, last):
        w = int(worlds[at_world])
        following = int(worlds[at_world + 1]) if at_world + 1 < last else -1
        if w < 0:  # never: but what has a sign would be asked for it at every index
            return
        if following >= 0:
            _fetch_world(
                following, clock.t_s[following] // 3600, almanac, jobs, havens, ways, places, body, machines.drive_class
            )
        asked = False
        for r in range(robots):
            asked |= tasks.who[w, r]
        s, count = almanac.site[w], jobs.number[w]
        t_s = float(clock.t_s[w])
        hour = clock.t_s[w] // 3600
        azimuth = math.radians(clock.sun_az_deg[w])
        sun_sin, sun_cos = math.sin(azimuth), math.cos(azimuth)
        value, effort_h, window_s, needs = jobs.value[w], jobs.effort_h[w], jobs.window_s[w], jobs.needs[w]
        if asked:
            at_hour(almanac, w, hour, count, havens, hours, places)
            for n in range(count):
                is_open[n] = window_s[n, 0] <= t_s < window_s[n, 1]
                closes_h[n] = (window_s[n, 1] - t_s) / 3600.0 if jobs.windowed[w, n] else NO_CLOSE_H
        for r in range(robots):
            if r + 1 < robots:
                _fetch_robot(w, r + 1, tasks, ways, places, links, out)
            elif following >= 0:
                _fetch_robot(following, 0, tasks, ways, places, links, out)
            vector, masks, slots = out.vectors[w, r], out.masks[w, r], out.slots[w, r]
            for k in range(N_ACTIONS):
                masks[k] = False
            for k in range(K_JOBS):
                slots[k] = -1
            masks[GO_ON] = True
            x, y = body.x[w, r], body.y[w, r]
            haven_x, haven_y = x, y
            out.havens[w, r, 0], out.havens[w, r, 1] = x, y
            if not tasks.who[w, r]:
                for k in range(SIZE):
                    vector[k] = _NOBODY[k]
                continue
            for k in range(JOBS):
                v[k] = _BLANK[k]
            known, told_of, done = tasks.ints[w, r], tasks.floats[w, r], tasks.done[w, r]
            heard_s = told_of[room + 3 * robots :]
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
            way, between = ways.hours[w, stance], ways.between[w, stance]
            haven, haven_h, least = -1, np.inf, np.inf
            for k in range(havens.number[w]):
                cost = way[room + k] + DARK_HOUR * hours.dark_for[w, k]
                if cost < least:
                    haven, least = k, cost
            if haven >= 0:
                haven_h = way[room + haven]
                haven_x, haven_y = havens.spots[w, r, haven, 0], havens.spots[w, r, haven, 1]
                out.havens[w, r, 0], out.havens[w, r, 1] = haven_x, haven_y
                for k in range(0, places.shape[2], 16):
                    prefetch(places, (w, havens.spot_at[w, r, haven], k))
            gap_x, gap_y = x - haven_x, y - haven_y
            # what is allowed, jobs aside: hoppers that fly or work away from home bring to its end what they have begun
            away, activity = False, body.activity[w, r]
            if machines.hopper[r]:
                away = activity == st.HOP
                if not away and tasks.phase[w, r] != IDLE:
                    away = math.hypot(x - home[w, r, 0], y - home[w, r, 1]) > near_m
            stuck = (body.faults[w, r] & MOBILITY_DOWN) != 0 or body.trapped[w, r] != 0
            unfit = (body.faults[w, r] & PAYLOAD_DOWN) != 0 or (drives and stuck)
            masks[HOLD] = not away
            masks[RELAY] = not away and not ground
            masks[CHARGE] = not away and ground and machines.panels[r] and (not drives or haven >= 0)
            masks[HIBERNATE] = not away and ground
            # its own state
            job, link, hops_left = tasks.job[w, r], body.link[w, r], body.hops_left[w, r]
            if ground:
                v[X], v[Y] = x - home[w, station, 0], y - home[w, station, 1]
            else:
                v[X] = v[Y] = 0.0
            v[BATTERY], v[RESERVE], v[TEMP] = body.battery_wh[w, r] / battery, machines.reserve[r], body.temp_k[w, r]
            store = machines.storage_mbit[r]
            v[DATA] = body.data_mbit[w, r] / store if store > 0.0 else 0.0
            v[LIT], v[IDLE_RATE] = body.lit[w, r], machines.awake[r]
            v[SLEEP_RATE], v[CHARGE_RATE] = machines.asleep[r], machines.charging[r]
            v[IS + activity] = 1.0
            v[HAS_JOB] = 1.0 if job >= 0 else 0.0
            if job >= 0:
                effort_s = jobs.effort_s[w, job]
                v[PROGRESS] = 1.0 - (effort_s - told_of[job]) / effort_s
            else:
                v[PROGRESS] = 0.0
            v[AT_HAVEN] = 1.0 if gap_x * gap_x + gap_y * gap_y <= near_m * near_m else 0.0
            v[UP_STATION] = 1.0 if link & LINK_STATION else 0.0
            v[UP_RELAY] = 1.0 if link & LINK_RELAY else 0.0
            v[UP_EARTH] = 1.0 if link & LINK_EARTH else 0.0
            v[HOPS_LEFT], v[TIME_LEFT] = hops_left, 1.0 - t_s / clock.duration_s[w]
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
                        if math.isnan(between[room + haven]):
                            to_x, to_y, light = stack_doubles(16), stack_doubles(16), stack_doubles(16)
                            to_x[0], to_y[0] = haven_x, haven_y
                            look_between(almanac, w, watch, x, y, to_x, to_y, 1, light)
                            between[room + haven] = light[0]
                        lit = light_on_way(lit_here, lit_there, between[room + haven])
                        v[HAVEN_ENERGY] = drive_need(
                            haven_h, machines.awake[r], machines.drive_w[r], machines.solar_w[r], battery, lit
                        )  # fmt: skip
                v[STATION_IN] = 0.0 if link & LINK_STATION else STATION_FAR_H
                v[STATION_FOR] = STATION_FOR_H if link & LINK_STATION else 0.0
                v[EARTH_IN], v[EARTH_FOR] = find_link(almanac, w, links, r, 0, EARTH_RUNS, map_row, map_col, hour)
                v[RELAY_IN], v[RELAY_FOR] = find_link(almanac, w, links, r, 1, RELAY_RUNS, map_row, map_col, hour)
                v[SUN_EL] = clock.sun_el_deg[w] + tilt_deg(x - frame[s, 5], y - frame[s, 6], sun_sin, sun_cos)
                v[SUN_SIN], v[SUN_COS] = sun_sin, sun_cos
            _encode(v, vector, 0, JOBS)
            # jobs, as it knows them: first its own, then the one it was told to do, then open ones, by value per hour
            told, used = known[robots + r], 0
            for n in range(count):
                on[n], ready[n], offered[n] = 0, True, False
                rate[n] = value[n] / max(way[n] + effort_h[n] - told_of[n] / 3600.0, 1.0)
            for n in range(needs.shape[0]):
                if needs[n, 0] >= 0 and not done[needs[n, 1]]:
                    ready[needs[n, 0]] = False
            _count_others(known, heard_s, r, robots, t_s, on)
            able, flies = jobs.able[w, r], hops_left >= 2  # it could not fly back
            for n in range(count):
                if done[n] or not able[n] or not math.isfinite(way[n]) or (jobs.hops[w, n] and not flies):
                    continue
                rank = (0 if n == job else 4) + (0 if n == told else 2) + (0 if ready[n] and is_open[n] else 1)
                used = _rank(slots, group, used, n, rank, rate)
            if used > 0:
                if drives:
                    for k in range(used):
                        offered[np.uint64(slots[k])] = True
                    look_along(almanac, w, watch, x, y, jobs, offered, way, between)
                for k in range(used):
                    n, at = np.uint64(slots[k]), JOBS + k * JOB_WIDTH
                    left_h = max(effort_h[n] - told_of[n] / 3600.0, 0.0)
                    v[at + VALID], v[at + KIND], v[at + VALUE], v[at + TRAVEL] = 1.0, jobs.kind[w, n], value[n], way[n]
                    v[at + ENERGY], v[at + HOME_ENERGY] = job_need(
                        w, r, n, hour, left_h, lit_here, way[n], between[n], almanac, machines, jobs, havens, hours
                    )
                    v[at + EFFORT], v[at + LIT_24H] = left_h, hours.lit_day[w, n]
                    v[at + READY], v[at + OPEN] = 1.0 if ready[n] else 0.0, 1.0 if is_open[n] else 0.0
                    v[at + CLOSES_IN], v[at + ON_IT], v[at + MINE] = (
                        closes_h[n],
                        on[n],
                        1.0 if slots[k] == told else 0.0,
                    )
                    may = ready[n] and is_open[n] and on[n] < jobs.crew[w, n]
                    masks[JOB0 + k] = may and not away and not unfit
                _encode(v, vector, JOBS, JOBS + used * JOB_WIDTH)
            for k in range(JOBS + used * JOB_WIDTH, OTHERS):
                vector[k] = _NOBODY[k]
            # what was last heard of the others
            slot = 0
            for other in range(robots):
                if other == r:
                    continue
                if slot == K_OTHERS:
                    break
                at, place = OTHERS + slot * OTHER_WIDTH, room + 3 * other
                if heard_s[other] != NEVER_S and not machines.orbits[other]:
                    v[at + KNOWN] = 1.0
                    v[at + DX], v[at + DY] = told_of[place] - x, told_of[place + 1] - y
                    v[at + CHARGED], v[at + AGE] = told_of[place + 2], (t_s - heard_s[other]) / 3600.0
                else:
                    v[at + KNOWN] = v[at + DX] = v[at + DY] = v[at + CHARGED] = v[at + AGE] = 0.0
                slot += 1
            _encode(v, vector, OTHERS, OTHERS + slot * OTHER_WIDTH)
            for k in range(OTHERS + slot * OTHER_WIDTH, SIZE):
                vector[k] = _NOBODY[k]


@kernel
def hand_out(
    first: int, last: int, worlds: Ints, almanac: Almanac, machines: Machines, home: Floats, station: int, jobs: JobsBlock, havens: Havens,
    ways: Ways, hours: HourBlock, places: Places, links: Places, body: Instruments, tasks: Tasks, clock: Clock, near_m: float, out: Handed,
) -> None:  # fmt: skip
    """Fill what the robots of ``worlds[first:last]`` are handed; who is not asked is handed a blank and may only go on.

    ``home`` [W, R, 2] is where robots started, ``near_m`` how near to its haven a robot is there.
    """
    room = tasks.done.shape[2]
    row = np.empty((1, SIZE))
    desk = _Desk(
        row, row[0], np.empty(room, dtype=np.int64), np.empty(room), np.empty(room, dtype=np.bool_), np.empty(K_JOBS, dtype=np.int64),
        np.empty(room, dtype=np.bool_), np.empty(room, dtype=np.bool_), np.empty(room),
    )  # fmt: skip
    _hand_out(
        first, last, worlds, almanac, machines, home, station, jobs, havens, ways, hours, places, links, body, tasks, clock, near_m,
        desk, out,
    )  # fmt: skip
