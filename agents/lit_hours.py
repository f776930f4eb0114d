"""Running tables of the light and the links ahead of places, for one mission or for many at once.

A forecast of the light at one place needs up to `FAR_H` hours of it; but an hour later all of these but one are the same. So
the light of the next hours of a place is kept as a running sum, an hour is added when it comes in sight, and a window is the difference
of two sums. Light is counted in whole parts of the disc, so that sums are exact: what comes out are the very numbers that a fresh look
would give. A place that moves to another cell of the map starts anew, and so does one whose time is set back.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import WINDOWS_H
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel

from .almanac import (
    FAR_H,
    UNTIL,
    WHOLE,
    WIDEST_DEG,
    Almanac,
    Floats,
    Ints,
    clear_by,
    clears,
    lean_of,
    light_of,
    middle_of,
)

Places = NDArray[np.int32]

DAY_H: Final = 24  # [h] of light that a job's place is judged by
WAY_H: Final = 12  # [h] how far ahead the light at the two ends of a way is looked at
SUN_RUNS, EARTH_RUNS, RELAY_RUNS = range(3)  # rows of `Almanac.runs`
SPARE_H: Final = 12  # [h] that are looked at beyond what is asked for
LINK_H: Final = 48  # [h] how far ahead links are looked for
LONGEST_H: Final = WINDOWS_H[-1]
DARK: Final = DARK_BELOW * WHOLE  # less of the disc is darkness
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
def look_ahead(almanac: Almanac, w: int, places: Places, p: int, hour: int, last: int) -> None:
    """Let the sums of a place run from ``hour`` (or before) to ``last`` at least, which is at most 48 hours on."""
    known = int(places[w, p, KNOWN])
    if known < 0 or hour > known or hour < places[w, p, ASKED]:
        known = hour
        places[w, p, KNOWN] = hour
        places[w, p, RING + (hour & (RING_H - 1))] = 0
        places[w, p, NIGHT] = places[w, p, DAWN] = -1
        places[w, p, LOOKED] = hour
    places[w, p, ASKED] = hour
    if known < last:
        s, sky_row, sky_at, horizon = almanac.site[w], almanac.first[w], almanac.sky_at[w], almanac.horizon
        row, col = places[w, p, ROW], places[w, p, COL]
        begin, step = (
            almanac.layout[s, 0] + row * almanac.layout[s, 2] + col * almanac.layout[s, 3],
            almanac.layout[s, 1],
        )
        dx, dy = middle_of(almanac.frame, s, row, col)
        lean = lean_of(dx, dy)
        until = min(
            last + SPARE_H, almanac.hours[w]
        )  # some more at once: a place's horizon lies far from the others' in memory
        total = int(places[w, p, RING + (known & (RING_H - 1))])
        run = sky_at + almanac.run_of[SUN_RUNS, sky_row + known]
        while known < until:
            stop = min(sky_at + int(almanac.runs[SUN_RUNS, run, UNTIL]) - sky_row, until)
            clear = clears(horizon, begin, step, lean, almanac.runs, SUN_RUNS, run, WIDEST_DEG)
            while known < stop:
                if clear == 0:
                    total += light_of(horizon, begin, step, dx, dy, almanac.sky, sky_row + known)
                elif clear > 0:
                    total += WHOLE
                known += 1
                places[w, p, RING + (known & (RING_H - 1))] = np.int32(total & 0xFFFFFFFF)
            run += 1
        places[w, p, KNOWN] = known


@forced_kernel
def light_in(places: Places, w: int, p: int, first: int, last: int) -> int:
    """Light of the hours from ``first`` to ``last``, in `WHOLE` parts of an hour: these sums must be there."""
    return (places[w, p, RING + (last & (RING_H - 1))] - places[w, p, RING + (first & (RING_H - 1))]) & 0xFFFFFFFF


@forced_kernel
def mean_light(places: Places, w: int, p: int, first: int, last: int) -> float:
    """Mean light of these hours, 0..1; 0 where there are none."""
    return light_in(places, w, p, first, last) / (max(last - first, 1) * float(WHOLE))


@forced_kernel
def find_night(almanac: Almanac, w: int, places: Places, p: int, hour: int, last: int) -> None:
    """Find the next night of a place that `look_ahead` was asked for in this hour: found once, it stays the next until it is over."""
    if 0 <= places[w, p, DAWN] <= hour:
        places[w, p, NIGHT] = places[w, p, DAWN] = -1
        places[w, p, LOOKED] = hour
    k = max(int(places[w, p, LOOKED]), hour)
    if places[w, p, DAWN] < 0 and k < last:
        known, night, dawn = int(places[w, p, KNOWN]), int(places[w, p, NIGHT]), -1
        while dawn < 0 and k < min(known, last):
            dark = light_in(places, w, p, k, k + 1) < DARK
            if dark and night < 0:
                night = k
            elif not dark and night >= 0:
                dawn = k
            k += 1
        if dawn < 0 and k < last:
            s, sky_row, sky_at, horizon = almanac.site[w], almanac.first[w], almanac.sky_at[w], almanac.horizon
            row, col = places[w, p, ROW], places[w, p, COL]
            begin, step = (
                almanac.layout[s, 0] + row * almanac.layout[s, 2] + col * almanac.layout[s, 3],
                almanac.layout[s, 1],
            )
            dx, dy = middle_of(almanac.frame, s, row, col)
            lean = lean_of(dx, dy)
            run = sky_at + almanac.run_of[SUN_RUNS, sky_row + k]
            while dawn < 0 and k < last:
                stop = min(sky_at + int(almanac.runs[SUN_RUNS, run, UNTIL]) - sky_row, last)
                clear = clears(horizon, begin, step, lean, almanac.runs, SUN_RUNS, run, WIDEST_DEG)
                while dawn < 0 and k < stop:
                    dark = clear < 0
                    if clear == 0:
                        dark = light_of(horizon, begin, step, dx, dy, almanac.sky, sky_row + k) < DARK
                    if dark and night < 0:
                        night = k
                    elif not dark and night >= 0:
                        dawn = k
                    k = k + 1 if clear == 0 else stop
                run += 1
        places[w, p, NIGHT], places[w, p, DAWN] = night, dawn
        places[w, p, LOOKED] = k


@forced_kernel
def find_link(
    almanac: Almanac, w: int, links: Places, r: int, n: int, body: int, row: int, col: int, hour: int
) -> tuple[float, float]:
    """Hours to the next sight of a body from a cell and hours that it lasts, within `LINK_H`; `FAR_H` and 0 when there is none.

    The window of link ``links[w, r, n]`` is kept, and only hours that were not looked at yet are. ``body``: 1 the Earth, 2 the relay.
    """
    last = min(hour + LINK_H, almanac.hours[w])
    moved = links[w, r, n, LINK_ROW] != row or links[w, r, n, LINK_COL] != col
    if moved or not links[w, r, n, LINK_ASKED] <= hour <= links[w, r, n, LINK_LOOKED]:
        links[w, r, n, LINK_ROW], links[w, r, n, LINK_COL] = row, col
        links[w, r, n, OPENS] = links[w, r, n, CLOSES] = -1
        links[w, r, n, LINK_LOOKED] = hour
    links[w, r, n, LINK_ASKED] = hour
    opens, closes, k = int(links[w, r, n, OPENS]), int(links[w, r, n, CLOSES]), int(links[w, r, n, LINK_LOOKED])
    if 0 <= closes <= hour:
        opens = closes = -1
        k = max(k, hour)
    if closes < 0 and k < last:
        s, sky_row, sky_at, horizon = almanac.site[w], almanac.first[w], almanac.sky_at[w], almanac.horizon
        begin, step = (
            almanac.layout[s, 0] + row * almanac.layout[s, 2] + col * almanac.layout[s, 3],
            almanac.layout[s, 1],
        )
        dx, dy = middle_of(almanac.frame, s, row, col)
        lean = lean_of(dx, dy)
        until = min(last + SPARE_H, almanac.hours[w])
        run = sky_at + almanac.run_of[body, sky_row + k]
        while closes < 0 and k < until:
            stop = min(sky_at + int(almanac.runs[body, run, UNTIL]) - sky_row, until)
            clear = clears(horizon, begin, step, lean, almanac.runs, body, run, 0.0)
            while closes < 0 and k < stop:
                seen = clear > 0
                if clear == 0:
                    seen = clear_by(horizon, begin, step, dx, dy, almanac.sky, sky_row + k, 6 * body) >= 0.0
                if seen and opens < 0:
                    opens = k
                elif not seen and opens >= 0:
                    closes = k
                k = k + 1 if clear == 0 else stop
            run += 1
        links[w, r, n, LINK_LOOKED] = k
    links[w, r, n, OPENS], links[w, r, n, CLOSES] = opens, closes
    opens = max(opens, hour) if opens >= 0 else last
    if opens >= last:
        return float(FAR_H), 0.0
    return float(opens - hour), float(min(closes if closes >= 0 else last, last) - opens)


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
    for window in range(_WINDOWS.size):
        row[n, lit_at + window] = mean_light(places, w, p, hour, min(hour + _WINDOWS[window], near))
    find_night(almanac, w, places, p, hour, far)
    night, dawn = places[w, p, NIGHT], places[w, p, DAWN]
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
        out[n] = mean_light(places, 0, which[n], hour, last)
