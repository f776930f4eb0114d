"""What a robot can know of the light and the links ahead: the orbital map's horizons and the almanac, hour by hour.

A forecast is made for the ground of one map cell; it holds no truth beyond the map.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import clearance_deg
from moonfleet.terrain.relay import Relay
from moonfleet.terrain.site import Site

from .lit_hours import FAR_H, Almanac, Floats, LitHours, cell_at, frame_of

LINK_H: Final = 48  # [h] how far ahead links are looked for
_ONE: Final = np.zeros(1, dtype=np.int64)


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
        hours = np.arange(duration_s // 3600 + FAR_H + 2, dtype=np.float64)
        times = t0 + hours * 3600.0
        sky = site.sky.sample(times)
        self.sun = np.column_stack([sky.sun_az_deg, sky.sun_el_deg, sky.sun_radius_deg])
        self.earth = np.column_stack([sky.earth_az_deg, sky.earth_el_deg])
        self.relay = np.full((hours.size, 2), -90.0)
        if relay is not None:
            look = relay.look(times, site.sky.lon_deg, site.sky.lat_deg)
            self.relay = np.column_stack([look.az_deg, look.el_deg])
        self.almanac = Almanac(site.horizon.millideg, self.sun, frame_of(site.ref))
        self._place = LitHours(self.almanac, 1)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Map cell of a place, the nearest one for a place outside."""
        return self.site.ref.cell_of(x, y)

    def light(self, x: float, y: float, t_s: int) -> LightAhead:
        """Light ahead at a place, from ``t_s`` seconds into the mission."""
        self._place.move(_ONE, np.array([[x, y]]))
        row = self._place.ahead(_ONE, int(t_s) // 3600)[0]
        return LightAhead(row[:-2], float(row[-2]), float(row[-1]))

    def lit_mean(self, x: float, y: float, t_s: int) -> float:
        """Lit part of the next 24 hours at a place."""
        self._place.move(_ONE, np.array([[x, y]]))
        return float(self._place.day(_ONE, int(t_s) // 3600)[0])

    def earth_window(self, x: float, y: float, t_s: int) -> tuple[float, float]:
        """Hours to the next sight of the Earth at a place, and how long it lasts."""
        opens, lasts = self.windows(self.earth, np.array([[x, y]]), t_s)[0].tolist()
        return opens, lasts

    def relay_window(self, x: float, y: float, t_s: int) -> tuple[float, float]:
        """Hours to the next pass of the relay at a place, and how long it lasts."""
        opens, lasts = self.windows(self.relay, np.array([[x, y]]), t_s)[0].tolist()
        return opens, lasts

    def windows(self, track: Floats, xy: Floats, t_s: int) -> Floats:
        """Hours to the next sight of a ``track`` (`earth` or `relay`) and hours that it lasts, from places [n, 2]: float64 [n, 2].

        `FAR_H` and 0 where it is not seen within `LINK_H` hours.
        """
        first = int(t_s) // 3600
        out = np.empty((len(xy), 2))
        _seen_ahead(self.almanac.millideg, self.almanac.frame, track[first : first + LINK_H], xy, out)
        return out


@kernel
def _seen_ahead(millideg: NDArray[np.int16], frame: Floats, track: Floats, xy: Floats, out: Floats) -> None:
    """First hour at which ``track`` [h, 2] (az, el) stands above the horizon of each place, and hours it stays."""
    for i in range(xy.shape[0]):
        row, col = cell_at(frame, xy[i, 0], xy[i, 1])
        dx, dy = xy[i, 0] - frame[5], xy[i, 1] - frame[6]
        opens, closes = -1, track.shape[0]
        for hour in range(track.shape[0]):
            seen = clearance_deg(millideg, row, col, dx, dy, track[hour, 0], track[hour, 1]) >= 0.0
            if seen and opens < 0:
                opens = hour
            if not seen and opens >= 0:
                closes = hour
                break
        out[i, 0] = opens if opens >= 0 else FAR_H
        out[i, 1] = closes - opens if opens >= 0 else 0.0
