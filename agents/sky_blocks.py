"""Sky tables for the physics, in fixed blocks of ticks: they never depend on how the ticks were asked for."""

from __future__ import annotations

import numpy as np

from moonfleet.terrain.relay import Relay
from moonfleet.terrain.sky import Sky, earth_vector

from .state import EARTH_M, RELAY_AZ, RELAY_EL, RELAY_M, RHU_SHARE, SKY_COLUMNS, Floats, Ints
from .thermal import RHU_HALF_LIFE_S

SKY_TICKS = 240  # ticks per block: 4 h of 60 s ticks


class SkyBlocks:
    """For each world the sky of the block of ticks that it stands in."""

    def __init__(self, sky: Sky, relay: Relay | None, lonlat: tuple[float, float], worlds: int, tick_s: float) -> None:
        self._sky, self._relay, self._lonlat, self._tick_s = sky, relay, lonlat, tick_s
        self._table = np.full((worlds, SKY_TICKS, len(SKY_COLUMNS)), -90.0)  # -90: no relay
        self._table[:, :, RELAY_M] = 0.0
        self._start = np.full(worlds, np.nan)  # [W] t0 that the rows were made for
        self._block = np.full(worlds, -1, dtype=np.int64)  # [W]
        self._t0 = np.zeros(worlds)  # [W]

    def table(self, t0: Floats, tick_index: Ints) -> Floats:
        """Return float64 [W, 240, 11], columns as `SKY_COLUMNS`; the row of tick k of a world is ``k % 240``."""
        blocks = tick_index // SKY_TICKS
        made: dict[tuple[float, int], int] = {}
        for w in np.flatnonzero((blocks != self._block) | (t0 != self._start)).tolist():
            key = (float(t0[w]), int(blocks[w]))
            if key in made:
                self._table[w] = self._table[made[key]]
            else:
                self._start[w] = np.nan  # rows of neither block, should the sky know no such time
                self._t0[w] = t0[w]
                self._fill(w, t0[w] + (blocks[w] * SKY_TICKS + np.arange(SKY_TICKS)) * self._tick_s)
                made[key] = w
            self._block[w], self._start[w] = blocks[w], t0[w]
        return self._table

    def rows(self, t0: Floats, tick_index: Ints) -> Floats:
        """Return the sky now, float64 [11, W]."""
        table = self.table(t0, tick_index)
        return np.ascontiguousarray(table[np.arange(len(t0)), tick_index % SKY_TICKS].T)

    def _fill(self, w: int, t: Floats) -> None:
        rows = self._table[w]
        for column, values in enumerate(self._sky.sample(t)):
            rows[:, column] = values
        if self._relay is not None:
            rows[:, RELAY_AZ], rows[:, RELAY_EL], rows[:, RELAY_M] = self._relay.look(t, *self._lonlat)
        # the Earth's distance from the Moon's centre, straight between the ends of the block: it changes by 50 m/s at most
        first, last = (float(np.linalg.norm(place)) for place in earth_vector(t[[0, -1]]))
        rows[:, EARTH_M] = np.linspace(first, last, len(t))
        # radioisotope heat is counted from the World's start
        rows[:, RHU_SHARE] = np.exp2(-(t - self._t0[w]) / RHU_HALF_LIFE_S)
