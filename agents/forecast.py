"""What a robot can know of the light and the links ahead: the orbital map's horizons and the almanac, hour by hour.

A forecast is made for the ground of one map cell; it holds no truth beyond the map.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.relay import Relay
from moonfleet.terrain.site import Site

from .almanac import FAR_H, Almanac, Floats, Ints, almanac_of
from .lit_hours import EARTH_RUNS, LINK_H, RELAY_RUNS, LitHours, Places, blank_links, find_link

__all__ = ["FAR_H", "LINK_H", "Forecast", "LightAhead"]

_ONE = np.zeros(1, dtype=np.int64)


class LightAhead(NamedTuple):
    """Lit part of the next 1, 3, 6, 12, 24, 48 h; hours to the next darkness and how long it lasts."""

    windows: Floats  # float64[6]
    dark_in_h: float
    dark_for_h: float


class Forecast:
    """Hourly almanac of a mission, and the forecasts that follow from it."""

    def __init__(self, site: Site, t0: float, duration_s: int, relay: Relay | None) -> None:
        self.site = site
        self.center = site.ref.centre
        self.almanac = almanac_of(site, t0, duration_s, relay)
        self._place = LitHours(self.almanac, 1)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Map cell of a place, the nearest one for a place outside."""
        return self.site.ref.cell_of(x, y)

    def light(self, x: float, y: float, t_s: int) -> LightAhead:
        """Light ahead at a place, from ``t_s`` seconds into the mission."""
        self._place.move(_ONE, np.array([self.cell(x, y)]))
        row = self._place.ahead(_ONE, int(t_s) // 3600)[0]
        return LightAhead(row[:-2], float(row[-2]), float(row[-1]))

    def lit_mean(self, x: float, y: float, t_s: int) -> float:
        """Lit part of the next 24 hours at a place."""
        self._place.move(_ONE, np.array([self.cell(x, y)]))
        return float(self._place.day(_ONE, int(t_s) // 3600)[0])

    def earth_window(self, x: float, y: float, t_s: int) -> tuple[float, float]:
        """Hours to the next sight of the Earth at a place, and how long it lasts: `FAR_H` and 0 when not within `LINK_H` hours."""
        return self._window(EARTH_RUNS, x, y, t_s)

    def relay_window(self, x: float, y: float, t_s: int) -> tuple[float, float]:
        """The same for the next pass of the relay."""
        return self._window(RELAY_RUNS, x, y, t_s)

    def _window(self, body: int, x: float, y: float, t_s: int) -> tuple[float, float]:
        out = np.empty(2)
        _find(self.almanac, blank_links(1, 1), body, np.array([self.cell(x, y)]), int(t_s) // 3600, out)
        return float(out[0]), float(out[1])


@kernel
def _find(almanac: Almanac, links: Places, body: int, cells: Ints, hour: int, out: Floats) -> None:
    out[0], out[1] = find_link(almanac, 0, links, 0, 0, body, cells[0, 0], cells[0, 1], hour)
