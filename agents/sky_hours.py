"""Hours of the sky for many missions on a few sites: those that begin on a whole hour share one table per site."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from moonfleet.terrain.relay import Relay
from moonfleet.terrain.site import Site

from .almanac import MORE_H, PAST_H, Almanac, blank_sky, frame_of, horizons_by_cell, hours_of, sky_rows

HOUR_S = 3600.0


class SkyHours:
    """The almanac of W worlds.

    Parameters
    ----------
    sites
        The sites that worlds stand on.
    relay
        The relay satellite of all missions, or None.
    worlds
        How many worlds there are.
    dates
        Seconds TDB past J2000 between which missions begin.
    hours
        Length of the longest mission [h].

    A mission that begins outside these dates, or not on a whole hour, gets rows of its own: the same numbers, more memory.
    """

    def __init__(
        self, sites: Sequence[Site], relay: Relay | None, worlds: int, dates: tuple[float, float], hours: int
    ) -> None:
        self.sites, self.relay, self.worlds = tuple(sites), relay, worlds
        self.room = hours + MORE_H  # rows of the longest mission
        self._begin = math.floor(dates[0] / HOUR_S)
        self._shared = math.ceil(dates[1] / HOUR_S) - self._begin + self.room
        times = (self._begin + np.arange(self._shared, dtype=np.float64)) * HOUR_S
        horizon, layout = horizons_by_cell(self.sites)
        none = np.zeros(worlds, dtype=np.int64)
        skies = blank_sky(len(self.sites) * self._shared + PAST_H)
        for n, site in enumerate(self.sites):
            part = slice(n * self._shared, (n + 1) * self._shared)
            sky_rows(site, relay, times, *hours_of(skies, part))
        self.almanac = Almanac(
            horizon, layout, np.array([frame_of(site.ref) for site in self.sites]), *skies,
            none, none.copy(), none.copy(), none.copy(),
        )  # fmt: skip

    def begin(self, world: int, ground: int, t0: float, duration_s: int) -> None:
        """Give a world the hours of a mission on site number ``ground``."""
        almanac, hours = self.almanac, duration_s // 3600 + MORE_H
        almanac.site[world], almanac.hours[world] = ground, hours
        row = t0 / HOUR_S - self._begin
        if row == math.floor(row) and row >= 0 and row + hours <= self._shared:
            almanac.sky_at[world] = ground * self._shared
            almanac.first[world] = ground * self._shared + int(row)
            return
        start = len(self.sites) * self._shared + world * self.room
        if hours > self.room:
            raise ValueError(f"a mission of {duration_s} s: there is room for {self.room - MORE_H} h")
        if almanac.sky.shape[1] < start + self.room:
            more = blank_sky(self.worlds * self.room)
            names = ("sky", "quick", "runs", "run_of")
            grown = {
                name: np.concatenate([getattr(almanac, name), new], axis=-1)
                for name, new in zip(names, more, strict=True)
            }
            self.almanac = almanac = almanac._replace(**grown)
        part = slice(start, start + hours)
        times = t0 + np.arange(hours, dtype=np.float64) * HOUR_S
        skies = (almanac.sky, almanac.quick, almanac.runs, almanac.run_of)
        sky_rows(self.sites[ground], self.relay, times, *hours_of(skies, part))
        almanac.sky_at[world] = almanac.first[world] = start
