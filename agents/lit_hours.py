"""Running tables of the light and the links ahead of places, for one mission or for many at once.

A forecast of the light at one place needs up to `FAR_H` hours of it; but an hour later all of these but one are the same. So
the light of the next hours of a place is kept as a running sum, an hour is added when it comes in sight, and a window is the difference
of two sums. Light is counted in whole parts of the disc, so that sums are exact: what comes out are the very numbers that a fresh look
would give. A place that moves to another cell of the map starts anew, and so does one whose time is set back.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import WINDOWS_H
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel, leaf_kernel
from moonfleet.terrain.stack_room import stack_floats

from .almanac import (
    DISC,
    EARTH,
    EASTWARD,
    FAR_H,
    HIGHEST,
    LOWEST,
    NORTHWARD,
    QUICK_DEG,
    RELAY,
    RUNS,
    SLACK_DEG,
    SPREAD,
    UNTIL,
    WHOLE,
    WIDEST_DEG,
    Almanac,
    Floats,
    Ints,
    Ints32,
    clear_by,
    clear_of_run,
    clears,
    edges_of,
    light_of,
    middle_of,
)

Places = NDArray[np.int32]


def _dark_height() -> float:
    """Height in radii at which the light of the disc in whole parts falls below darkness: by halving, the light rises with it."""
    low, high = -1.0, 1.0
    while high - low > 1e-12:
        middle = 0.5 * (low + high)
        lit = 0.5 + (math.asin(middle) + middle * math.sqrt(1.0 - middle * middle)) / math.pi
        low, high = (middle, high) if int(lit * WHOLE + 0.5) < DARK_BELOW * WHOLE else (low, middle)
    return high


DAY_H: Final = 24  # [h] of light that a job's place is judged by
WAY_H: Final = 12  # [h] how far ahead the light at the two ends of a way is looked at
SUN_RUNS, EARTH_RUNS, RELAY_RUNS = range(3)  # rows of `Almanac.runs`
SPARE_H: Final = 12  # [h] that are looked at beyond what is asked for, where a place is asked for again
NIGHT_SPARE_H: Final = 24  # [h] the same when the next night is looked for
LINK_H: Final = 48  # [h] how far ahead links are looked for
LONGEST_H: Final = WINDOWS_H[-1]
DARK: Final = DARK_BELOW * WHOLE  # less of the disc is darkness
DARK_AT: Final = _dark_height()  # [-] height of the Sun's middle over the ground, in radii, at which darkness begins
LIGHT_DEG, DARK_DEG = (
    DARK_AT * 0.25,
    DARK_AT * 0.28,
)  # [deg] over the ground it is light for sure, or dark, whatever the Sun's radius
AHEAD: Final = len(WINDOWS_H) + 2
_WINDOWS: Final = np.array(WINDOWS_H, dtype=np.int64)

# columns of a place: its cell, the hour up to which the sums run, the hour last asked for, the next night (its first hour, the first
# hour after it; -1 not found yet), the hour up to which the night was looked for; then the ring of sums (modulo 2^32)
ROW, COL, KNOWN, ASKED, NIGHT, DAWN, LOOKED, RING = 0, 1, 2, 3, 4, 5, 6, 8
RING_H: Final = 64  # [h] a power of two
PLACE_COLUMNS: Final = RING + RING_H
# columns of a link: the cell, the hour last asked for, the next window (first hour, first hour after it; -1 not found yet), the hour
# up to which it was looked for
LINK_ROW, LINK_COL, LINK_ASKED, OPENS, CLOSES, LINK_LOOKED = range(6)
LINK_COLUMNS: Final = 6


def blank_places(worlds: int, places: int) -> Places:
    """Places of which nothing is known, int32 [W, P, 72]."""
    out = np.zeros((worlds, places, PLACE_COLUMNS), dtype=np.int32)
    out[:, :, :RING] = -1
    return out


def blank_links(worlds: int, robots: int) -> Places:
    """Links to the Earth and to the relay of which nothing is known, int32 [W, R, 2, 6]."""
    return np.full((worlds, robots, 2, LINK_COLUMNS), -1, dtype=np.int32)


@forced_kernel
def put_place(places: Places, w: int, p: int, row: int, col: int) -> None:
    """Let a place be in a cell; one that is there already keeps what is known."""
    if places[w, p, ROW] != row or places[w, p, COL] != col:
        places[w, p, ROW], places[w, p, COL] = row, col
        places[w, p, KNOWN] = -1


@forced_kernel
def ground_of(almanac: Almanac, w: int, row: int, col: int) -> tuple[int, int, float, float]:
    """Of a cell of a world's site: where its horizon begins, the step from one azimuth to the next, metres (dx, dy) from the middle."""
    s = almanac.site[w]
    begin = almanac.layout[s, 0] + row * almanac.layout[s, 2] + col * almanac.layout[s, 3]
    dx, dy = middle_of(almanac.frame, s, row, col)
    return begin, almanac.layout[s, 1], dx, dy


@leaf_kernel
def add_hours(almanac: Almanac, w: int, places: Places, p: int, known: int, until: int) -> None:
    """Run the sums of a place on from hour ``known`` to ``until``."""
    sky_row, sky_at, ring, clear = almanac.first[w], almanac.sky_at[w], places[w, p], stack_floats(16)
    begin, step, dx, dy = ground_of(almanac, w, ring[ROW], ring[COL])
    east, north, widest = np.float32(dx), np.float32(dy), np.float32(WIDEST_DEG)
    total = int(ring[RING + (known & (RING_H - 1))])
    run = sky_at + almanac.run_of[SUN_RUNS, sky_row + known]
    while known < until:
        stop = min(sky_at + int(almanac.runs[SUN_RUNS, UNTIL, run]) - sky_row, until)
        first, second = edges_of(almanac, SUN_RUNS, run, begin, step)
        settled = clears(almanac.runs, SUN_RUNS, run, first, second, east, north, widest, -widest)
        if settled != 0:
            more = WHOLE if settled > 0 else 0
            while known < stop:
                total += more
                known += 1
                ring[RING + (known & (RING_H - 1))] = np.int32(total & 0xFFFFFFFF)
        else:
            clear_of_run(almanac.quick, SUN_RUNS, sky_row + known, first, second, east, north, np.float32(0.0), clear)
            begun = known
            while known < stop:
                height, radius = clear[known - begun], almanac.quick[SUN_RUNS, DISC, sky_row + known]
                if abs(height) < radius + QUICK_DEG:
                    total += light_of(almanac.horizon, begin, step, dx, dy, almanac.sky, sky_row + known)
                elif height > 0.0:
                    total += WHOLE
                known += 1
                ring[RING + (known & (RING_H - 1))] = np.int32(total & 0xFFFFFFFF)
        run += 1
    ring[KNOWN] = until


@forced_kernel
def look_ahead(almanac: Almanac, w: int, places: Places, p: int, hour: int, last: int) -> None:
    """Let the sums of a place run from ``hour`` (or before) to ``last`` at least, which is at most 48 hours on."""
    known, spare = (
        int(places[w, p, KNOWN]),
        SPARE_H,
    )  # some more at once: a place's horizon lies far from the others' in memory
    if known < 0 or hour > known or hour < places[w, p, ASKED]:
        known, spare = hour, 0  # but who comes here may be gone in an hour
        places[w, p, KNOWN] = hour
        places[w, p, RING + (hour & (RING_H - 1))] = 0
        places[w, p, NIGHT] = places[w, p, DAWN] = -1
        places[w, p, LOOKED] = hour
    places[w, p, ASKED] = hour
    if known < last:
        add_hours(almanac, w, places, p, known, min(last + spare, almanac.hours[w]))


@forced_kernel
def light_in(place: Ints32, first: int, last: int) -> int:
    """Light of the hours from ``first`` to ``last`` at a place [72], in `WHOLE` parts of an hour: these sums must be there."""
    return (place[RING + (last & (RING_H - 1))] - place[RING + (first & (RING_H - 1))]) & 0xFFFFFFFF


@forced_kernel
def mean_light(place: Ints32, first: int, last: int) -> float:
    """Mean light of these hours, 0..1; 0 where there are none."""
    return light_in(place, first, last) / (max(last - first, 1) * float(WHOLE))


@forced_kernel
def find_night(almanac: Almanac, w: int, places: Places, p: int, hour: int, last: int) -> tuple[int, int]:
    """The next night of a place that `look_ahead` was asked for in this hour, before ``last``: its first hour and the first after it.

    -1 for a night that does not begin, or does not end, by then. Found once, it stays the next until it is over.
    """
    place = places[w, p]
    if 0 <= place[DAWN] <= hour:
        place[NIGHT] = place[DAWN] = -1
        place[LOOKED] = hour
    if place[DAWN] < 0 and place[LOOKED] < last:
        search_night(almanac, w, places, p, hour, last)
    night, dawn = int(place[NIGHT]), int(place[DAWN])
    return night if night < last else -1, dawn if dawn < last else -1


@leaf_kernel
def search_night(almanac: Almanac, w: int, places: Places, p: int, hour: int, last: int) -> None:
    """Look for the end of the next night of a place in the hours that were not looked at yet."""
    place, runs = places[w, p], almanac.runs
    firsts, seconds, states, clear = stack_floats(64), stack_floats(64), stack_floats(64), stack_floats(16)
    night, dawn, k = int(place[NIGHT]), -1, max(int(place[LOOKED]), hour)
    if place[LOOKED] > hour:
        last = min(last + NIGHT_SPARE_H, almanac.hours[w])
    sky_row, sky_at = almanac.first[w], almanac.sky_at[w]
    begin, step, dx, dy = ground_of(almanac, w, place[ROW], place[COL])
    east, north, one = np.float32(dx), np.float32(dy), np.float32(1.0)
    reach, slack = abs(east) + abs(north), np.float32(SLACK_DEG)
    light, dark = np.float32(LIGHT_DEG), np.float32(DARK_DEG)
    run, end = sky_at + almanac.run_of[SUN_RUNS, sky_row + k], sky_at + almanac.run_of[SUN_RUNS, sky_row + last - 1] + 1
    while dawn < 0 and k < last:
        count = min(end - run, RUNS)
        for n in range(count):
            firsts[n], seconds[n] = edges_of(almanac, SUN_RUNS, run + n, begin, step)
        for n in range((count + 15) // 16 * 16):  # as `clears`, of sixteen runs at a time
            at = np.uint64(run) + np.uint64(n)
            tilt = east * runs[SUN_RUNS, EASTWARD, at] + north * runs[SUN_RUNS, NORTHWARD, at]
            doubt = slack + reach * runs[SUN_RUNS, SPREAD, at]
            lowest = runs[SUN_RUNS, LOWEST, at] + tilt - max(firsts[n], seconds[n]) - doubt
            highest = runs[SUN_RUNS, HIGHEST, at] + tilt - min(firsts[n], seconds[n]) + doubt
            states[n] = one if lowest >= light else (-one if highest <= dark else np.float32(0.0))
        for n in range(count):
            if dawn >= 0:
                break
            stop = min(sky_at + int(runs[SUN_RUNS, UNTIL, run + n]) - sky_row, last)
            if states[n] != 0.0:
                if states[n] < 0.0 and night < 0:
                    night = k
                elif states[n] > 0.0 and night >= 0:
                    dawn = k
                k = stop
                continue
            clear_of_run(
                almanac.quick, SUN_RUNS, sky_row + k, firsts[n], seconds[n], east, north, np.float32(DARK_AT), clear
            )
            begun = k
            while dawn < 0 and k < stop:
                height = clear[k - begun]
                gloom = height < 0.0
                if abs(height) < QUICK_DEG:
                    gloom = light_of(almanac.horizon, begin, step, dx, dy, almanac.sky, sky_row + k) < DARK
                if gloom and night < 0:
                    night = k
                elif not gloom and night >= 0:
                    dawn = k
                k += 1
        run += count
    place[NIGHT], place[DAWN], place[LOOKED] = night, dawn, k


@forced_kernel
def find_link(
    almanac: Almanac, w: int, links: Places, r: int, n: int, body: int, row: int, col: int, hour: int
) -> tuple[float, float]:
    """Hours to the next sight of a body from a cell and hours that it lasts, within `LINK_H`; `FAR_H` and 0 when there is none.

    The window of link ``links[w, r, n]`` is kept, and only hours that were not looked at yet are. ``body``: 1 the Earth, 2 the relay.
    """
    last, spare = min(hour + LINK_H, almanac.hours[w]), SPARE_H
    moved = links[w, r, n, LINK_ROW] != row or links[w, r, n, LINK_COL] != col
    if moved or not links[w, r, n, LINK_ASKED] <= hour <= links[w, r, n, LINK_LOOKED]:
        links[w, r, n, LINK_ROW], links[w, r, n, LINK_COL] = row, col
        links[w, r, n, OPENS] = links[w, r, n, CLOSES] = -1
        links[w, r, n, LINK_LOOKED] = hour
        spare = 0
    links[w, r, n, LINK_ASKED] = hour
    if 0 <= links[w, r, n, CLOSES] <= hour:
        links[w, r, n, OPENS] = links[w, r, n, CLOSES] = -1
        links[w, r, n, LINK_LOOKED] = max(links[w, r, n, LINK_LOOKED], np.int32(hour))
    if links[w, r, n, CLOSES] < 0 and links[w, r, n, LINK_LOOKED] < last:
        search_link(almanac, w, links, r, n, body, min(last + spare, almanac.hours[w]))
    opens, closes = int(links[w, r, n, OPENS]), int(links[w, r, n, CLOSES])
    opens = max(opens, hour) if opens >= 0 else last
    if opens >= last:
        return float(FAR_H), 0.0
    return float(opens - hour), float(min(closes if closes >= 0 else last, last) - opens)


@leaf_kernel
def search_link(almanac: Almanac, w: int, links: Places, r: int, n: int, body: int, until: int) -> None:
    """Look for the end of the next window of a link in the hours that were not looked at yet."""
    link, clear, none = links[w, r, n], stack_floats(16), np.float32(0.0)
    sky_row, sky_at = almanac.first[w], almanac.sky_at[w]
    opens, closes, k = int(link[OPENS]), -1, int(link[LINK_LOOKED])
    begin, step, dx, dy = ground_of(almanac, w, link[LINK_ROW], link[LINK_COL])
    east, north = np.float32(dx), np.float32(dy)
    run = sky_at + almanac.run_of[body, sky_row + k]
    while closes < 0 and k < until:
        stop = min(sky_at + int(almanac.runs[body, UNTIL, run]) - sky_row, until)
        first, second = edges_of(almanac, body, run, begin, step)
        settled = clears(almanac.runs, body, run, first, second, east, north, none, none)
        if settled != 0:
            if settled > 0 and opens < 0:
                opens = k
            elif settled < 0 and opens >= 0:
                closes = k
            k = stop
        else:
            clear_of_run(almanac.quick, body, sky_row + k, first, second, east, north, none, clear)
            begun = k
            while closes < 0 and k < stop:
                height = clear[k - begun]
                seen = height >= 0.0
                if abs(height) < QUICK_DEG:
                    column = EARTH if body == EARTH_RUNS else RELAY
                    seen = clear_by(almanac.horizon, begin, step, dx, dy, almanac.sky, sky_row + k, column) >= 0.0
                if seen and opens < 0:
                    opens = k
                elif not seen and opens >= 0:
                    closes = k
                k += 1
        run += 1
    link[OPENS], link[CLOSES], link[LINK_LOOKED] = opens, closes, k


@forced_kernel
def ahead(
    almanac: Almanac,
    w: int,
    places: Places,
    p: int,
    hour: int,
    row: Floats,
    n: int,
    lit_at: int,
    dark_in: int,
    dark_for: int,
) -> None:
    """Write the light ahead of a place from ``hour`` on into ``row[n]``.

    From column ``lit_at`` on the lit part of the next 1, 3, 6, 12, 24, 48 h; in the others hours to the next darkness (`FAR_H` when none is
    near) and hours that it lasts.
    """
    far = min(almanac.hours[w], hour + FAR_H)
    near = min(far, hour + LONGEST_H)
    look_ahead(almanac, w, places, p, hour, near)
    place = places[w, p]
    for window in range(_WINDOWS.size):
        row[n, lit_at + window] = mean_light(place, hour, min(hour + _WINDOWS[window], near))
    night, dawn = find_night(almanac, w, places, p, hour, far)
    if night < 0:
        row[n, dark_in], row[n, dark_for] = FAR_H, 0.0
    else:
        begins = max(night, hour)
        row[n, dark_in] = begins - hour
        row[n, dark_for] = (dawn if dawn >= 0 else far) - begins


class LitHours:
    """The light ahead of places of one mission, each anywhere on the map and moved at will."""

    def __init__(self, almanac: Almanac, places: int) -> None:
        self.almanac = almanac
        self.places = blank_places(1, places)

    def move(self, places: Ints, cells: Ints) -> None:
        """Put ``places`` [n] into ``cells`` int64 [n, 2]; those that are there already keep what is known."""
        for p, (row, col) in zip(places.tolist(), cells.tolist(), strict=True):
            put_place(self.places, 0, p, row, col)

    def ahead(self, places: Ints, hour: int) -> Floats:
        """Light ahead of ``places`` [n] from ``hour`` on, float64 [n, 8].

        Columns: the lit part of the next 1, 3, 6, 12, 24, 48 h, hours to the next darkness (`FAR_H` when none is near), and
        hours that it lasts.
        """
        out = np.empty((len(places), AHEAD))
        _ahead(self.almanac, self.places, places, hour, out)
        return out

    def day(self, places: Ints, hour: int) -> Floats:
        """Lit part of the next 24 hours at ``places`` [n], float64 [n]."""
        out = np.empty(len(places))
        _day(self.almanac, self.places, places, hour, out)
        return out


@kernel
def _ahead(almanac: Almanac, places: Places, which: Ints, hour: int, out: Floats) -> None:
    for n in range(which.size):
        ahead(almanac, 0, places, which[n], hour, out, n, 0, AHEAD - 2, AHEAD - 1)


@kernel
def _day(almanac: Almanac, places: Places, which: Ints, hour: int, out: Floats) -> None:
    last = min(hour + DAY_H, almanac.hours[0])
    for n in range(which.size):
        look_ahead(almanac, 0, places, which[n], hour, last)
        out[n] = mean_light(places[0, which[n]], hour, last)
