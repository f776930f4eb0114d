"""Sky tables for the physics, in blocks of ticks. A row follows from its time alone, so worlds see the same sky however they find it."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import tilt_towards
from moonfleet.terrain.relay import Relay
from moonfleet.terrain.sky import Sky, earth_vector

from .errors import WorldError
from .state import (
    EARTH_AZ,
    EARTH_EAST,
    EARTH_M,
    EARTH_NORTH,
    RELAY_AZ,
    RELAY_EAST,
    RELAY_EL,
    RELAY_M,
    RELAY_NORTH,
    RHU_SHARE,
    SKY_COLUMNS,
    SUN_AZ,
    SUN_EAST,
    SUN_NORTH,
    Floats,
    Ints,
)  # fmt: skip
from .thermal import RHU_HALF_LIFE_S

SKY_TICKS = 240  # ticks per block: 4 h of 60 s ticks
AT_ONCE = 8  # blocks: what is worked on at once stays near the processor


class SkyRows(Protocol):
    """Where a World finds its sky."""

    def lookup(self, t0: Floats, tick_index: Ints, ticks: int) -> tuple[Floats, Ints, Floats]:
        """Return rows float64 [n, 17], columns as `SKY_COLUMNS`, and for each world which of them is now, int64 [W].

        The next ``ticks`` rows are there too, ``ticks`` being at most `room`. The last array, float64 [W], is what radioisotope sources
        have kept of their heat since a world's start over what the rows say of it (that is counted from J2000).
        """
        ...

    def room(self, tick_index: Ints) -> int:
        """Return for how many ticks from now on one lookup holds."""
        ...


class SkyBlocks:
    """For each world the sky of the block of ticks that it stands in, whatever the time it started at."""

    def __init__(self, sky: Sky, relay: Relay | None, lonlat: tuple[float, float], worlds: int, tick_s: float) -> None:
        self._sky, self._relay, self._lonlat, self._tick_s = sky, relay, lonlat, tick_s
        self._table = np.full((worlds, SKY_TICKS, len(SKY_COLUMNS)), -90.0)  # -90: no relay
        self._table[:, :, RELAY_M] = 0.0
        self._start = np.full(worlds, np.nan)  # [W] t0 that the rows were made for
        self._block = np.full(worlds, -1, dtype=np.int64)  # [W]
        self._first = np.arange(worlds, dtype=np.int64) * SKY_TICKS
        self._decay = np.ones(worlds)

    def table(self, t0: Floats, tick_index: Ints) -> Floats:
        """Return float64 [W, 240, 17], columns as `SKY_COLUMNS`; the row of tick k of a world is ``k % 240``."""
        blocks = tick_index // SKY_TICKS
        stale = np.flatnonzero((blocks != self._block) | (t0 != self._start))
        if stale.size == 0:
            return self._table
        self._start[stale] = np.nan  # rows of neither block, should the sky know no such time
        first_of: dict[tuple[float, int], int] = {}
        twin_of = [
            first_of.setdefault((t, block), w)
            for w, t, block in zip(stale.tolist(), t0[stale].tolist(), blocks[stale].tolist(), strict=True)
        ]
        own = np.array(list(first_of.values()))
        part: Ints
        for part in np.array_split(own, -(-len(own) // AT_ONCE)):
            t = t0[part, None] + (blocks[part, None] * SKY_TICKS + np.arange(SKY_TICKS)) * self._tick_s
            self._table[part] = sky_rows(self._sky, self._relay, self._lonlat, t)
        if len(own) < len(stale):
            self._table[stale] = self._table[twin_of]
        self._decay[stale] = heat_since(t0[stale])
        self._block[stale], self._start[stale] = blocks[stale], t0[stale]
        return self._table

    def lookup(self, t0: Floats, tick_index: Ints, ticks: int) -> tuple[Floats, Ints, Floats]:
        """See `SkyRows`."""
        rows = self.table(t0, tick_index).reshape(-1, len(SKY_COLUMNS))
        return rows, self._first + tick_index % SKY_TICKS, self._decay

    def room(self, tick_index: Ints) -> int:
        """See `SkyRows`: up to the end of the block."""
        return SKY_TICKS - int((tick_index % SKY_TICKS).max())


class SharedSky:
    """One sky for many worlds that start on whole ticks of one clock: rows are made once, whoever stands in them.

    Parameters
    ----------
    span
        First and last time [s TDB past J2000]; worlds start whole ticks after the first and stay within.
    strays
        So many worlds may start at any time and run on for ever: those that do have rows of their own.
    """

    def __init__(
        self,
        sky: Sky,
        relay: Relay | None,
        lonlat: tuple[float, float],
        span: tuple[float, float],
        tick_s: float,
        strays: int = 0,
    ) -> None:
        self._sky, self._relay, self._lonlat, self._tick_s = sky, relay, lonlat, tick_s
        self.start, self.end = float(span[0]), float(span[1])
        if not (math.isfinite(self.start) and math.isfinite(self.end) and self.start < self.end):
            raise WorldError(f"sky_span = {span!r}: must be two times, the first before the last")
        blocks = int((self.end - self.start) / tick_s) // SKY_TICKS + 2
        # zeros cost no memory before they are written; strays have two blocks each behind those of all
        self._rows = np.zeros((blocks + 2 * strays, SKY_TICKS, len(SKY_COLUMNS)))
        self._made = np.zeros(blocks, dtype=np.bool_)
        self._strays = strays > 0
        self._starts, self._decay = np.zeros(0), np.zeros(0)  # [W]
        self._begin = np.zeros(0, dtype=np.int64)  # [W] row of the first tick
        self._astray = np.zeros(0, dtype=np.bool_)  # [W]
        self._low, self._high = np.zeros(0, np.int64), np.zeros(0, np.int64)  # [W] rows that were seen to be there

    def lookup(self, t0: Floats, tick_index: Ints, ticks: int) -> tuple[Floats, Ints, Floats]:
        """See `SkyRows`. Raises `WorldError` for a world off the clock, or outside the span, that may not stray."""
        if self._starts.shape != t0.shape:
            self._starts = np.full(t0.shape, np.nan)
            self._begin, self._decay = np.zeros(t0.shape, np.int64), np.zeros(t0.shape)
            self._low, self._high = np.zeros(t0.shape, np.int64), np.zeros(t0.shape, np.int64)
            self._astray = np.zeros(t0.shape, np.bool_)
        first = np.empty(t0.shape, np.int64)
        if not self._follow(t0, tick_index, ticks, first):
            self._enrol(np.flatnonzero(self._starts != t0), t0)
            self._provide(tick_index, ticks)
            self._follow(t0, tick_index, ticks, first)
        return self._rows.reshape(-1, len(SKY_COLUMNS)), first, self._decay

    def _follow(self, t0: Floats, tick_index: Ints, ticks: int, first: Ints) -> bool:
        return follow(self._starts, t0, self._begin, tick_index, ticks, self._low, self._high, self._made, first)

    def room(self, tick_index: Ints) -> int:
        """See `SkyRows`."""
        return SKY_TICKS

    def _enrol(self, worlds: Ints, t0: Floats) -> None:
        starts = t0[worlds]
        begin = np.round((starts - self.start) / self._tick_s)
        bad = (self.start + begin * self._tick_s != starts) | (begin < 0) | (starts > self.end)
        if bad.any() and not self._strays:
            raise WorldError(
                f"t0 = {float(starts[bad][0])!r}: must be a whole number of ticks of {self._tick_s:g} s after {self.start!r}, "
                f"and at most {self.end!r}: the World has a sky_span"
            )
        self._starts[worlds], self._astray[worlds] = starts, bad
        nowhere = len(self._made) * SKY_TICKS  # until `_provide` has found a place
        self._begin[worlds] = np.where(bad, nowhere, begin).astype(np.int64)
        self._low[worlds], self._high[worlds] = 0, 0
        self._decay[worlds] = heat_since(starts)

    def _provide(self, tick_index: Ints, ticks: int) -> None:
        """Make the blocks that the next ``ticks`` rows of every world lie in."""
        first = self._begin + tick_index
        past = ~self._astray & (first + ticks >= len(self._made) * SKY_TICKS)
        if past.any() and not self._strays:
            raise WorldError(f"time: a world runs past the end of its sky_span, {self.end!r} s TDB past J2000")
        self._astray |= past
        here = first[~self._astray]
        for wanted in (here // SKY_TICKS, (here + ticks) // SKY_TICKS):
            if not self._made[wanted].all():
                blocks = np.unique(wanted[~self._made[wanted]])
                self._fill(blocks, self.start, blocks)
                self._made[blocks] = True
        for world in np.flatnonzero(self._astray).tolist():
            if past[world] or not self._low[world] <= first[world] < self._high[world] - ticks:
                block, place = int(tick_index[world]) // SKY_TICKS, len(self._made) + 2 * world
                self._fill(np.array([place, place + 1]), self._starts[world], np.array([block, block + 1]))
                self._begin[world] = (place - block) * SKY_TICKS
                self._low[world], self._high[world] = place * SKY_TICKS, (place + 2) * SKY_TICKS

    def _fill(self, places: Ints, start: float, blocks: Ints) -> None:
        """Make blocks number ``blocks`` since ``start`` at ``places`` of the table."""
        t: Floats = np.add(start, (blocks[:, None] * SKY_TICKS + np.arange(SKY_TICKS)) * self._tick_s, dtype=np.float64)
        self._rows[places] = sky_rows(self._sky, self._relay, self._lonlat, t)


def heat_since(t: Floats) -> Floats:
    """Return by what factor radioisotope sources gave more heat at J2000 than at ``t`` [s TDB past it]."""
    return np.exp2(t / RHU_HALF_LIFE_S)


def sky_rows(sky: Sky, relay: Relay | None, lonlat: tuple[float, float], t: Floats) -> Floats:
    """Return the rows of times ``t`` float64 [n, m], [n, m, 17]; each follows from its time alone."""
    n, m = t.shape
    rows = np.full((n, m, len(SKY_COLUMNS)), -90.0)  # -90: no relay
    rows[:, :, RELAY_M] = 0.0
    flat = t.reshape(-1)
    for column, values in enumerate(sky.sample(flat)):
        rows[:, :, column] = values.reshape(n, m)
    if relay is not None:
        for column, values in zip((RELAY_AZ, RELAY_EL, RELAY_M), relay.look(flat, *lonlat), strict=True):
            rows[:, :, column] = values.reshape(n, m)
    earth = earth_vector(flat)
    rows[:, :, EARTH_M] = np.sqrt(earth[:, 0] ** 2 + earth[:, 1] ** 2 + earth[:, 2] ** 2).reshape(n, m)
    rows[:, :, RHU_SHARE] = np.exp2(-t / RHU_HALF_LIFE_S)
    _tilts(rows.reshape(-1, len(SKY_COLUMNS)))
    return rows


@kernel
def follow(
    starts: Floats, t0: Floats, begin: Ints, tick_index: Ints, ticks: int, low: Ints, high: Ints, made: NDArray[np.bool_], first: Ints
) -> bool:  # fmt: skip
    """Fill ``first`` with the rows of `SharedSky` that worlds are at; False where one is new, or the next ``ticks`` rows are not there.

    Rows ``low`` to ``high`` of each are known to be there; they are moved on where ``made`` has the blocks.
    """
    for w in range(first.size):
        row = begin[w] + tick_index[w]
        first[w] = row
        if starts[w] != t0[w]:
            return False
        if row < low[w] or row + ticks >= high[w]:
            block, last = row // SKY_TICKS, (row + ticks) // SKY_TICKS
            if last >= made.size or not made[block] or not made[last]:
                return False
            low[w], high[w] = block * SKY_TICKS, (last + 1) * SKY_TICKS
    return True


@kernel
def _tilts(rows: Floats) -> None:
    """Fill the columns of rows [n, 17] that say how elevations change over the site."""
    for k in range(len(rows)):
        rows[k, SUN_EAST], rows[k, SUN_NORTH] = tilt_towards(rows[k, SUN_AZ])
        rows[k, EARTH_EAST], rows[k, EARTH_NORTH] = tilt_towards(rows[k, EARTH_AZ])
        rows[k, RELAY_EAST], rows[k, RELAY_NORTH] = tilt_towards(rows[k, RELAY_AZ])


def sky_now(sky: SkyRows, t0: Floats, tick_index: Ints) -> NDArray[np.float64]:
    """Return the sky now, float64 [17, W]."""
    rows, now, _ = sky.lookup(t0, tick_index, 0)
    return np.ascontiguousarray(rows[now].T)
