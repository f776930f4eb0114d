"""What a robot can know of the light and the links ahead: the orbital map's horizons and the almanac, hour by hour.

A forecast is made for the ground of one map cell; it holds no truth beyond the map.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import WINDOWS_H
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import clearance_deg, lit_at
from moonfleet.terrain.relay import Relay
from moonfleet.terrain.site import Site

Floats = NDArray[np.float64]

FAR_H: Final = 480  # [h] how far ahead darkness is looked for
LINK_H: Final = 48  # [h] how far ahead links are looked for
_WINDOWS: Final = np.array(WINDOWS_H, dtype=np.int64)


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

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Map cell of a place, the nearest one for a place outside."""
        return self.site.ref.cell_of(x, y)

    def light(self, x: float, y: float, t_s: int) -> LightAhead:
        """Light ahead at a place, from ``t_s`` seconds into the mission."""
        row, col = self.cell(x, y)
        millideg = self.site.horizon.millideg
        out = np.empty(_WINDOWS.size + 2)
        dx, dy = x - self.center[0], y - self.center[1]
        _light_ahead(millideg, row, col, dx, dy, self.sun[t_s // 3600 :], _WINDOWS, out)
        return LightAhead(out[:-2], float(out[-2]), float(out[-1]))

    def lit_mean(self, x: float, y: float, t_s: int, hours: int = 24) -> float:
        """Lit part of the next ``hours`` at a place."""
        row, col = self.cell(x, y)
        dx, dy = x - self.center[0], y - self.center[1]
        first = t_s // 3600
        return _lit_mean(self.site.horizon.millideg, row, col, dx, dy, self.sun[first : first + hours])

    def earth_window(self, x: float, y: float, t_s: int) -> tuple[float, float]:
        """Hours to the next sight of the Earth at a place, and how long it lasts."""
        return self._window(self.earth, x, y, t_s)

    def relay_window(self, x: float, y: float, t_s: int) -> tuple[float, float]:
        """Hours to the next pass of the relay at a place, and how long it lasts."""
        return self._window(self.relay, x, y, t_s)

    def _window(self, track: Floats, x: float, y: float, t_s: int) -> tuple[float, float]:
        row, col = self.cell(x, y)
        dx, dy = x - self.center[0], y - self.center[1]
        first = t_s // 3600
        opens, lasts = _seen_ahead(self.site.horizon.millideg, row, col, dx, dy, track[first : first + LINK_H])
        return (float(opens), float(lasts)) if opens >= 0 else (float(FAR_H), 0.0)


@kernel
def _lit_mean(millideg: NDArray[np.int16], row: int, col: int, dx: float, dy: float, sun: Floats) -> float:
    """Mean lit fraction over the rows of ``sun`` [n, 3]."""
    total = 0.0
    for hour in range(sun.shape[0]):
        total += lit_at(millideg, row, col, dx, dy, sun[hour, 0], sun[hour, 1], sun[hour, 2])
    return total / max(sun.shape[0], 1)


@kernel
def _light_ahead(
    millideg: NDArray[np.int16],
    row: int,
    col: int,
    dx: float,
    dy: float,
    sun: Floats,
    windows: NDArray[np.int64],
    out: Floats,
) -> None:
    """Fill ``out`` with the mean over each window, then hours to darkness and its length."""
    hours = min(sun.shape[0], FAR_H)
    total = 0.0
    window = 0
    begins = -1
    ends = -1
    for hour in range(hours):
        if ends >= 0 and window == windows.size:
            break
        lit = lit_at(millideg, row, col, dx, dy, sun[hour, 0], sun[hour, 1], sun[hour, 2])
        if window < windows.size:
            total += lit
            if hour + 1 == windows[window]:
                out[window] = total / (hour + 1)
                window += 1
        if lit < DARK_BELOW and begins < 0:
            begins = hour
        if lit >= DARK_BELOW and begins >= 0 and ends < 0:
            ends = hour
    while window < windows.size:  # the almanac ends before this window does
        out[window] = total / max(hours, 1)
        window += 1
    if ends < 0:
        ends = hours
    out[-2] = begins if begins >= 0 else FAR_H
    out[-1] = ends - begins if begins >= 0 else 0


@kernel
def _seen_ahead(
    millideg: NDArray[np.int16], row: int, col: int, dx: float, dy: float, track: Floats
) -> tuple[int, int]:
    """First hour at which ``track`` [n, 2] (az, el) stands above the horizon (-1 never) and hours it stays."""
    opens = -1
    for hour in range(track.shape[0]):
        seen = clearance_deg(millideg, row, col, dx, dy, track[hour, 0], track[hour, 1]) >= 0.0
        if seen and opens < 0:
            opens = hour
        if not seen and opens >= 0:
            return opens, hour - opens
    return opens, track.shape[0] - opens if opens >= 0 else 0
