"""Ways from where robots are to jobs and havens, and what is the same for all robots in an hour: of many missions at once.

Per world there are two places a robot: where it is, and where somebody else believes it to be; where they agree, they share one.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel, leaf_kernel
from moonfleet.terrain.stack_room import stack_doubles

from .almanac import FAR_H, RADIUS, SUN, WHOLE, Almanac, Floats, Ints, cell_at, clear_by, light_at, middle_of
from .job_block import JobsBlock
from .lit_hours import ASKED, DAY_H, KNOWN, WAY_H, Places, find_night, look_ahead, mean_light, put_place
from .machines import Machines, drive_need, work_need

Float32s = NDArray[np.float32]

DARK_HOUR: Final = 0.1  # [-] hours of driving that one hour of darkness at a haven is worth
HOP_H: Final = 0.2  # [h] a hop with its preparation
NO_WAY: Final = 10.0  # energy of a way that does not exist
SHARES: Final = (0.25, 0.5, 0.75)  # [-] of a way, where its light is looked at besides its ends
WATCH_H: Final = 6  # [h] for so long one look between the ends is good
WATCH_AT_H: Final = 8  # [h] from the start of such a watch, when that look is taken: 3 to 8 h from now
TOGETHER: Final = 16  # [-] ways whose light is looked up together
HERE_M: Final = 1.0  # [m] what is nearer than this is where a machine stands that does not drive


class Ways(NamedTuple):
    """Hours from each stance of each robot to every place: the J jobs, then the H havens."""

    xy: Floats  # [W, 2 R, 2] where from: R places of robots, R places where others believe them; NaN: none yet
    hours: Floats  # [W, 2 R, J + H], inf where the robot cannot get or has not the tool
    fields: Float32s  # [F, cells] seconds to a place from every cell of its site; none where ``hours`` are filled from outside
    field_of: Ints  # [W, C, J + H] which of them leads there, by class of machines; -1 none
    between: Floats  # [W, 2 R, J + H] light between the ends of each way; NaN: not looked at
    watch: Ints  # [W, 2 R] the watch (of `WATCH_H`) that these are of


class Havens(NamedTuple):
    """Where robots wait, and at which of the world's places (`lit_hours`) light is looked for."""

    number: Ints  # [W] of havens
    xy: Floats  # [W, H, 2]
    spots: Floats  # [W, R, H, 2] each robot's own place in each haven
    home_h: Floats  # [W, C, J, H] hours from each job to each haven, by class of machines
    middle_at: Ints  # [W, H] place of its middle
    spot_at: Ints  # [W, R, H] place of each robot's spot
    job_at: Ints  # [W, J] place of each job


class HourBlock(NamedTuple):
    """What is the same for every robot of a world in an hour."""

    at: Ints  # [W] the hour, -1 none
    dark_for: Floats  # [W, H] how long the next darkness lasts in each haven [h]
    lit_haven: Floats  # [W, H] lit part of the next 12 h in each haven
    lit_day: Floats  # [W, J] lit part of the next 24 h at each job
    lit_way: Floats  # [W, J] lit part of the next 12 h at each job
    between: Floats  # [W, J, H] light between the ends of the way from each job to each haven; NaN: not looked at
    watch: Ints  # [W] the watch that these are of


def blank_ways(worlds: int, robots: int, classes: int, places: int, fields: Float32s) -> Ways:
    """No ways yet."""
    return Ways(
        np.full((worlds, 2 * robots, 2), np.nan),
        np.full((worlds, 2 * robots, places), np.inf),
        fields,
        np.full((worlds, classes, places), -1, dtype=np.int64),
        np.full((worlds, 2 * robots, places), np.nan),
        np.full((worlds, 2 * robots), -1, dtype=np.int64),
    )


def blank_havens(worlds: int, robots: int, classes: int, jobs: int, havens: int) -> Havens:
    """No havens yet."""
    return Havens(
        np.zeros(worlds, dtype=np.int64),
        np.zeros((worlds, havens, 2)),
        np.zeros((worlds, robots, havens, 2)),
        np.full((worlds, classes, jobs, havens), np.inf),
        np.zeros((worlds, havens), dtype=np.int64),
        np.zeros((worlds, robots, havens), dtype=np.int64),
        np.zeros((worlds, jobs), dtype=np.int64),
    )


def blank_hours(worlds: int, jobs: int, havens: int) -> HourBlock:
    """No hour yet."""
    return HourBlock(
        np.full(worlds, -1, dtype=np.int64),
        np.zeros((worlds, havens)),
        np.zeros((worlds, havens)),
        np.zeros((worlds, jobs)),
        np.zeros((worlds, jobs)),
        np.full((worlds, jobs, havens), np.nan),
        np.full(worlds, -1, dtype=np.int64),
    )


@forced_kernel
def _place_in(places: Places, w: int, first: int, count: int, row: int, col: int) -> tuple[int, int]:
    """The place of a cell among ``count`` from ``first`` on, and how many there are with it."""
    for p in range(first, first + count):
        if places[w, p, 0] == row and places[w, p, 1] == col:
            return p, count
    put_place(places, w, first + count, row, col)
    return first + count, count + 1


@kernel
def settle(
    w: int, almanac: Almanac, jobs: JobsBlock, havens: Havens, ways: Ways, hours: HourBlock, places: Places, links: Places
) -> None:  # fmt: skip
    """Begin a world whose jobs, havens and fields are written: forget ways and light, and give jobs and havens their places of light.

    Hours home from jobs are read from the fields, where there are fields.
    """
    robots, room = havens.spot_at.shape[1], havens.job_at.shape[1]
    s, count = almanac.site[w], havens.number[w]
    ways.xy[w, :, :] = np.nan
    ways.watch[w, :] = -1
    ways.hours[w, :, :] = np.inf
    hours.at[w] = hours.watch[w] = -1
    links[w, :, :, :] = -1
    places[w, :, :8] = -1
    first, found = 2 * robots, 0
    for k in range(count):
        row, col = cell_at(almanac.frame, s, havens.xy[w, k, 0], havens.xy[w, k, 1])
        havens.middle_at[w, k], found = _place_in(places, w, first, found, row, col)
        for r in range(robots):
            row, col = cell_at(almanac.frame, s, havens.spots[w, r, k, 0], havens.spots[w, r, k, 1])
            havens.spot_at[w, r, k], found = _place_in(places, w, first, found, row, col)
    for job in range(jobs.number[w]):
        row, col = cell_at(almanac.frame, s, jobs.xy[w, job, 0], jobs.xy[w, job, 1])
        havens.job_at[w, job], found = _place_in(places, w, first, found, row, col)
        if ways.fields.shape[0] == 0:
            continue
        cell = row * int(almanac.frame[s, 4]) + col
        for number in range(ways.field_of.shape[1]):
            for k in range(count):
                field = ways.field_of[w, number, room + k]
                havens.home_h[w, number, job, k] = np.inf if field < 0 else float(ways.fields[field, cell]) / 3600.0


@forced_kernel
def way_hours(
    w: int, r: int, x: float, y: float, frame: Floats, s: int, drive_class: int, hop_range_m: float, home: Floats, orbits: bool,
    job_count: int, job_xy: Floats, hops: NDArray[np.bool_], able: NDArray[np.bool_], haven_count: int, haven_xy: Floats,
    fields: Float32s, field_of: Ints, row: int, hours: Floats,
) -> None:  # fmt: skip
    """Fill ``hours[w, row]``: hours of robot ``r`` from (x, y) to every job and haven."""
    room = job_xy.shape[1]
    map_row, map_col = cell_at(frame, s, x, y)
    cell = map_row * int(frame[s, 4]) + map_col
    for n in range(job_count + haven_count):
        at = n if n < job_count else room + n - job_count
        if n < job_count and not able[w, r, n]:
            hours[w, row, at] = np.inf
            continue
        px = job_xy[w, n, 0] if n < job_count else haven_xy[w, n - job_count, 0]
        py = job_xy[w, n, 1] if n < job_count else haven_xy[w, n - job_count, 1]
        if n < job_count and hops[w, n]:
            hx, hy = (x, y) if orbits else (home[w, r, 0], home[w, r, 1])
            hours[w, row, at] = HOP_H if math.hypot(hx - px, hy - py) <= hop_range_m else np.inf
        elif drive_class < 0:
            hours[w, row, at] = 0.0 if math.hypot(px - x, py - y) < HERE_M else np.inf
        else:
            field = field_of[w, drive_class, at]
            hours[w, row, at] = np.inf if field < 0 else float(fields[field, np.uint64(cell)]) / 3600.0


@forced_kernel
def stance_of(xy: Floats, w: int, r: int, robots: int, x: float, y: float, as_heard: bool) -> tuple[int, bool]:
    """Row of the ways of robot ``r`` from (x, y), and whether it is filled; ``as_heard``: where somebody else believes it."""
    if xy[w, r, 0] == x and xy[w, r, 1] == y:
        return r, True
    second = robots + r
    if xy[w, second, 0] == x and xy[w, second, 1] == y:
        return second, True
    return second if as_heard else r, False


@forced_kernel
def at_hour(
    almanac: Almanac, w: int, hour: int, job_count: int, havens: Havens, hours: HourBlock, places: Places
) -> None:
    """Work out once what is the same for every robot of a world in an hour."""
    if hours.at[w] != hour:
        new_hour(almanac, w, hour, job_count, havens, hours, places)


@leaf_kernel
def new_hour(
    almanac: Almanac, w: int, hour: int, job_count: int, havens: Havens, hours: HourBlock, places: Places
) -> None:
    """See `at_hour`."""
    if w < 0:
        return
    total, there = almanac.hours[w], places[w]
    far, day, way = min(total, hour + FAR_H), min(total, hour + DAY_H), min(total, hour + WAY_H)
    hours.at[w] = hour
    for k in range(havens.number[w]):
        p = havens.middle_at[w, k]
        look_ahead(almanac, w, places, p, hour, way)
        night, dawn = find_night(almanac, w, places, p, hour, far)
        hours.dark_for[w, k] = 0.0 if night < 0 else (dawn if dawn >= 0 else far) - max(night, hour)
        hours.lit_haven[w, k] = mean_light(there[p], hour, way)
    for job in range(job_count):
        p = havens.job_at[w, job]
        look_ahead(almanac, w, places, p, hour, day)
        hours.lit_day[w, job] = mean_light(there[p], hour, day)
        hours.lit_way[w, job] = mean_light(there[p], hour, way)
    if hours.watch[w] != hour // WATCH_H:
        hours.watch[w] = hour // WATCH_H
        for job in range(job_count):
            for k in range(havens.number[w]):
                hours.between[w, job, k] = np.nan


@forced_kernel
def light_at_end(almanac: Almanac, w: int, places: Places, p: int, hour: int) -> float:
    """Lit part of the next 12 hours at one end of a way."""
    last = min(almanac.hours[w], hour + WAY_H)
    if places[w, p, KNOWN] < last or hour != places[w, p, ASKED]:
        look_ahead(almanac, w, places, p, hour, last)
    return mean_light(places[w, p], hour, last)


@leaf_kernel
def look_between(
    almanac: Almanac, w: int, watch: int, x: float, y: float, to_x: Floats, to_y: Floats, count: int, out: Floats
) -> None:
    """Fill ``out`` [`TOGETHER`]: light between (x, y) and each of the first ``count`` other ends of ways (``to_x``, ``to_y``).

    The ways are straight lines; the mean of three points, at one moment of a watch. All points are looked up before any is judged, so
    that the waits for memory pass at once.
    """
    if w < 0:
        return
    s, k = almanac.site[w], almanac.first[w] + min(watch * WATCH_H + WATCH_AT_H, almanac.hours[w] - 1)
    clear, at = stack_doubles(48), 0
    for n in range(count):
        for i in range(len(SHARES)):
            share = SHARES[i]
            row, col = cell_at(almanac.frame, s, x + share * (to_x[n] - x), y + share * (to_y[n] - y))
            dx, dy = middle_of(almanac.frame, s, row, col)
            begin = almanac.layout[s, 0] + row * almanac.layout[s, 2] + col * almanac.layout[s, 3]
            clear[at] = clear_by(almanac.horizon, begin, almanac.layout[s, 1], dx, dy, almanac.sky, k, SUN)
            at += 1
    radius = almanac.sky[RADIUS, k]
    for n in range(count):
        light = 0
        for i in range(len(SHARES)):
            light += light_at(clear[len(SHARES) * n + i], radius)
        out[n] = light / (len(SHARES) * float(WHOLE))


@forced_kernel
def look_along(
    almanac: Almanac, w: int, watch: int, x: float, y: float, jobs: JobsBlock, wanted: NDArray[np.bool_], way: Floats, between: Floats
) -> bool:  # fmt: skip
    """Fill ``between`` [J], the light between (x, y) and the jobs, where a drive is ``wanted`` and it is not there; whether any is.

    ``way`` [J] are hours to the jobs.
    """
    count, begun, drives = jobs.number[w], 0, False
    to_x, to_y, out, which = stack_doubles(16), stack_doubles(16), stack_doubles(16), stack_doubles(16)
    while begun < count:
        found = 0
        while begun < count and found < TOGETHER:
            if wanted[begun] and not jobs.hops[w, begun] and math.isfinite(way[begun]):
                drives = True
                if math.isnan(between[begun]):
                    which[found], to_x[found], to_y[found] = begun, jobs.xy[w, begun, 0], jobs.xy[w, begun, 1]
                    found += 1
            begun += 1
        if found > 0:
            look_between(almanac, w, watch, x, y, to_x, to_y, found, out)
            for n in range(found):
                between[np.uint64(which[n])] = out[n]
    return drives


@forced_kernel
def light_on_way(lit_start: float, lit_goal: float, between: float) -> float:
    """Light along a way, 0..1: what panels may hope for. The mean of its ends, for 12 hours from now, and of three points between."""
    return 0.2 * (lit_start + lit_goal) + 0.6 * between


@forced_kernel
def keep_watch(watch: Ints, between: Floats, w: int, row: int, hour: int) -> int:
    """Forget the light between the ends of ways where it is of another watch; the watch of an hour."""
    now = hour // WATCH_H
    if watch[w, row] != now:
        watch[w, row] = now
        for n in range(between.shape[2]):
            between[w, row, n] = np.nan
    return now


@forced_kernel
def home_need(
    w: int, r: int, job: int | np.uint64, hour: int, almanac: Almanac, machines: Machines, jobs: JobsBlock, havens: Havens,
    hours: HourBlock,
) -> float:  # fmt: skip
    """Net energy of the way from a job to the best haven, battery fractions."""
    best, least, drive_class = -1, np.inf, machines.drive_class[r]
    home_h, dark_for = havens.home_h[w, np.uint64(drive_class), job], hours.dark_for[w]
    for k in range(havens.number[w]):
        cost = home_h[k] + DARK_HOUR * dark_for[k]
        if cost < least:
            best, least = k, cost
    if best < 0:
        return NO_WAY
    between = hours.between[w, job, best]
    if math.isnan(between):
        to_x, to_y, out = stack_doubles(16), stack_doubles(16), stack_doubles(16)
        to_x[0], to_y[0] = havens.xy[w, best, 0], havens.xy[w, best, 1]
        look_between(almanac, w, hour // WATCH_H, jobs.xy[w, job, 0], jobs.xy[w, job, 1], to_x, to_y, 1, out)
        between = hours.between[w, job, best] = out[0]
    lit = light_on_way(hours.lit_way[w, job], hours.lit_haven[w, best], between)
    return drive_need(
        home_h[best], machines.awake[r], machines.drive_w[r], machines.solar_w[r], machines.battery_wh[r], lit
    )


@forced_kernel
def job_need(
    w: int, r: int, job: int | np.uint64, hour: int, left_h: float, lit_here: float, way_h: float, between: float, almanac: Almanac,
    machines: Machines, jobs: JobsBlock, havens: Havens, hours: HourBlock,
) -> tuple[float, float]:  # fmt: skip
    """Net energy of the way to a job and its work, and of the way from there to a haven, battery fractions.

    ``lit_here`` is the lit part of the next 12 h where the robot is, ``way_h`` how long its way there takes and ``between`` the light
    along it; a robot that drives needs these.
    """
    energy, home = NO_WAY, NO_WAY
    if math.isfinite(way_h):
        awake, solar_w, battery_wh = machines.awake[r], machines.solar_w[r], machines.battery_wh[r]
        energy = work_need(left_h, awake, jobs.work_w[w, job], solar_w, battery_wh, hours.lit_day[w, job])
        home = 0.0
        if jobs.hops[w, job]:
            energy += 2.0 * machines.hop_wh[r] / battery_wh
        elif machines.drive_class[r] >= 0:
            lit = light_on_way(lit_here, hours.lit_way[w, job], between)
            energy += drive_need(way_h, awake, machines.drive_w[r], solar_w, battery_wh, lit)
            home = home_need(w, r, job, hour, almanac, machines, jobs, havens, hours)
    return energy, home


class Heard(NamedTuple):
    """Robots as somebody else believes them, and what they would need for jobs; n rows."""

    world: Ints  # [n]
    robot: Ints  # [n]
    xy: Floats  # [n, 2]
    hour: Ints  # [n] since the start of its mission
    wanted: NDArray[np.bool_]  # [n, J] jobs asked about
    left_h: Floats  # [n, J] hours of work
    way_h: Floats  # [n, J] out: hours to each job
    energy: Floats  # [n, J] out: net energy of the way and the work, battery fractions; 0 where not asked
    home_energy: Floats  # [n, J] out: net energy from there to a haven


@forced_kernel
def heard_need(
    n: int, w: int, r: int, x: float, y: float, hour: int, almanac: Almanac, machines: Machines, home: Floats, jobs: JobsBlock,
    havens: Havens, ways: Ways, hours: HourBlock, places: Places, wanted: NDArray[np.bool_], left_h: Floats, way_h: Floats,
    energy: Floats, home_energy: Floats,
) -> None:  # fmt: skip
    """Fill row ``n`` of ``way_h``, ``energy`` and ``home_energy`` [n, J] for robot ``r`` of world ``w``, believed to be at (x, y)."""
    if w < 0 or r < 0:  # never: but what has a sign would be asked for it at every index
        return
    robots, count, drives = machines.awake.size, jobs.number[w], machines.drive_class[r] >= 0
    s = almanac.site[w]
    at_hour(almanac, w, hour, count, havens, hours, places)
    row, filled = stance_of(ways.xy, w, r, robots, x, y, True)
    if not filled:
        ways.xy[w, row, 0], ways.xy[w, row, 1], ways.watch[w, row] = x, y, -1
        way_hours(
            w, r, x, y, almanac.frame, s, machines.drive_class[r], machines.hop_range_m[r], home, machines.orbits[r], count,
            jobs.xy, jobs.hops, jobs.able, havens.number[w], havens.xy, ways.fields, ways.field_of, row, ways.hours,
        )  # fmt: skip
    watch = keep_watch(ways.watch, ways.between, w, row, hour)
    lit_here, way, between = 0.0, ways.hours[w, row], ways.between[w, row]
    if drives and look_along(almanac, w, watch, x, y, jobs, wanted[n], way, between):
        map_row, map_col = cell_at(almanac.frame, s, x, y)
        p = r if places[w, r, 0] == map_row and places[w, r, 1] == map_col else robots + r
        put_place(places, w, p, map_row, map_col)
        lit_here = light_at_end(almanac, w, places, p, hour)
    for job in range(count):
        way_h[n, job] = way[job]
        energy[n, job] = home_energy[n, job] = 0.0
        if wanted[n, job]:
            energy[n, job], home_energy[n, job] = job_need(
                w,
                r,
                job,
                hour,
                left_h[n, job],
                lit_here,
                way[job],
                between[job],
                almanac,
                machines,
                jobs,
                havens,
                hours,
            )


@kernel
def heard_needs(
    almanac: Almanac, machines: Machines, home: Floats, jobs: JobsBlock, havens: Havens, ways: Ways, hours: HourBlock,
    places: Places, heard: Heard,
) -> None:  # fmt: skip
    """Fill what robots would need for jobs from where they are believed to be; rows in any order, each robot of a world once."""
    for n in range(heard.world.size):
        heard_need(
            n, heard.world[n], heard.robot[n], heard.xy[n, 0], heard.xy[n, 1], heard.hour[n], almanac, machines, home, jobs, havens,
            ways, hours, places, heard.wanted, heard.left_h, heard.way_h, heard.energy, heard.home_energy,
        )  # fmt: skip
