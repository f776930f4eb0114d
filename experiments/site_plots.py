"""The skyline around a place with the ways of the Sun and the Earth, and how slopes and light are spread, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import JULIAN_YEAR_S
from moonfleet.terrain.grid import polar_lonlat
from moonfleet.terrain.horizon import Horizon
from moonfleet.terrain.light import local_elevation_deg
from moonfleet.terrain.site import Site

from .report_svg import line, num, text
from .report_timelines import nice_ticks

WIDTH, HEIGHT = 1160.0, 330.0  # [px]
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 14.0, 46.0  # [px]
SUN_BIN = 4.0  # [deg] of azimuth in which the Sun's lowest and highest way are looked for
LIBRATION_S = 18.6 * JULIAN_YEAR_S  # [s] in which the Moon shows all of its librations
WINDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


class SkyWays(NamedTuple):
    """Where Sun and Earth pass, seen from the middle of a site; azimuths on the grid [deg]."""

    az_deg: np.ndarray  # [n] of the Sun's ways, rising
    low_deg: np.ndarray  # [n] lowest place of the Sun's lower limb
    high_deg: np.ndarray  # [n] highest place of its upper limb
    earth_az_deg: tuple[float, float]  # from, to; to may be beyond 360
    earth_el_deg: tuple[float, float]  # of the Earth's centre


class _Paper(NamedTuple):
    """The paper of a panorama: elevations from ``low`` to ``high`` [deg]."""

    low: float
    high: float

    def across(self, az_deg: np.ndarray | float) -> np.ndarray:
        """Return the x pixel of azimuths 0..360."""
        return LEFT + (WIDTH - LEFT - RIGHT) * np.asarray(az_deg) / 360.0

    def down(self, el_deg: np.ndarray | float) -> np.ndarray:
        """Return the y pixel of elevations."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - np.asarray(el_deg)) / (self.high - self.low)


def sky_ways(site: Site, year: tuple[str, str]) -> SkyWays:
    """Return the band of the Sun over a year (UTC from, to) and the box of the Earth over 18.6 years from its begin."""
    t0, t1 = (utc_to_tdb(t) for t in year)
    sun = site.sky.sample(np.arange(t0, t1, 3600.0))
    count = round(360.0 / SUN_BIN)
    bins = (np.asarray(sun.sun_az_deg) / SUN_BIN).astype(int) % count
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, bins, sun.sun_el_deg - sun.sun_radius_deg)
    np.maximum.at(high, bins, sun.sun_el_deg + sun.sun_radius_deg)
    seen = np.isfinite(low)
    earth = site.sky.sample(np.arange(t0, t0 + LIBRATION_S, 6.0 * 3600.0))
    angle = np.radians(earth.earth_az_deg)
    middle = math.degrees(math.atan2(float(np.sin(angle).mean()), float(np.cos(angle).mean()))) % 360.0
    off = (np.asarray(earth.earth_az_deg) - middle + 180.0) % 360.0 - 180.0
    box = (middle + float(off.min()), middle + float(off.max()))
    at = (np.flatnonzero(seen) + 0.5) * SUN_BIN
    return SkyWays(at, low[seen], high[seen], box, (float(earth.earth_el_deg.min()), float(earth.earth_el_deg.max())))


def panorama(site: Site, cell: tuple[int, int], ways: SkyWays, title: str) -> str:
    """Return the horizon all around a cell, with the Sun's band and the Earth's box as that cell sees them."""
    row, col = cell
    x, y = site.ref.xy(float(row), float(col))
    dx, dy = x - site.ref.centre[0], y - site.ref.centre[1]
    lon = float(polar_lonlat(x, y)[0])
    skylines = {mast: 0.001 * np.asarray(h.millideg[:, row, col], dtype=np.float64) for mast, h in _masts(site).items()}
    main = skylines[site.horizon.observer_m]
    tilt = np.array([local_elevation_deg(0.0, float(az), dx, dy) for az in ways.az_deg])
    sun_low, sun_high = ways.low_deg + tilt, ways.high_deg + tilt
    earth_tilt = local_elevation_deg(0.0, 0.5 * sum(ways.earth_az_deg), dx, dy)
    earth_low, earth_high = (el + earth_tilt for el in ways.earth_el_deg)
    low = math.floor(min(float(main.min()), float(sun_low.min()), earth_low)) - 1.0
    high = math.ceil(max(float(main.max()), float(sun_high.max()), earth_high)) + 1.0

    paper = _Paper(low, high)
    across, down, floor = paper.across, paper.down, float(paper.down(low))
    out = [_axes(paper)]
    az, (sun_low, sun_high) = _around(ways.az_deg, lon, sun_low, sun_high)
    band = _points(across(az), down(sun_high)) + " " + _points(across(az)[::-1], down(sun_low)[::-1])
    out.append(f'<polygon points="{band}" class="sun"/>')
    out.append(f'<polyline points="{_points(across(az), down(sun_high))}" class="sunline"/>')
    out.append(f'<polyline points="{_points(across(az), down(sun_low))}" class="sunline"/>')
    begin = (ways.earth_az_deg[0] + lon) % 360.0
    wide = min(ways.earth_az_deg[1] - ways.earth_az_deg[0], 360.0)
    for left, right in ((begin, min(begin + wide, 360.0)), (0.0, begin + wide - 360.0)):
        if right > left:
            out.append(
                f'<rect x="{num(float(across(left)))}" y="{num(float(down(earth_high)))}" class="earth" '
                f'width="{num(float(across(right) - across(left)))}" height="{num(float(down(earth_low) - down(earth_high)))}"/>'
            )
    grid_az = np.arange(main.size) * 360.0 / main.size
    for mast, skyline in skylines.items():
        az, (edge,) = _around(grid_az, lon, skyline)
        points = _points(across(az), down(edge))
        if mast == site.horizon.observer_m:
            closed = f"{num(LEFT)},{num(floor)} {points} {num(WIDTH - RIGHT)},{num(floor)}"
            out.append(f'<polygon points="{closed}" class="ground"/><polyline points="{points}" class="skyline"/>')
        else:
            out.append(f'<polyline points="{points}" class="skyline mast"><title>{mast:g} m mast</title></polyline>')
    words = f"{title}: skyline all around, Sun from {sun_low.min():.1f} to {sun_high.max():.1f} degrees, "
    words += f"Earth from {earth_low:.1f} to {earth_high:.1f} degrees of elevation"
    return (
        f'<div class="wide"><svg viewBox="0 0 {num(WIDTH)} {num(HEIGHT)}" role="img" aria-label="{escape(words)}">'
        f"{''.join(out)}</svg></div>"
    )


def _masts(site: Site) -> dict[float, Horizon]:
    return {site.horizon.observer_m: site.horizon} | dict(site.horizons)


def _around(az_grid_deg: np.ndarray, lon_deg: float, *values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return local azimuths (clockwise from north) 0..360 in order, both ends included, and the values there."""
    az = (az_grid_deg + lon_deg) % 360.0
    order = np.argsort(az)
    az = az[order]
    closed = np.concatenate([[0.0], az, [360.0]])
    return closed, [np.interp(closed, az, v[order], period=360.0) for v in values]


def _axes(paper: _Paper) -> str:
    """Return grid lines, elevations at the left, azimuths and directions below."""
    out: list[str] = []
    for el in nice_ticks(paper.low, paper.high, 6):
        y = float(paper.down(el))
        out.append(line(LEFT, y, WIDTH - RIGHT, y, "level" if el == 0.0 else "grid"))
        out.append(text(LEFT - 8, y + 4, f"{el:g}°", "tick", "end"))
    for k in range(0, 361, 15):
        x = float(paper.across(float(k)))
        bottom = HEIGHT - BOTTOM
        out.append(line(x, bottom, x, bottom + (6 if k % 45 == 0 else 3), "tickmark"))
        if k % 45 == 0:
            out.append(text(x, bottom + 20, f"{k}°", "tick", "middle"))
            out.append(text(x, bottom + 36, WINDS[k // 45 % 8], "tick strong", "middle"))
    return "".join(out)


def _points(xs: np.ndarray, ys: np.ndarray) -> str:
    return " ".join(f"{num(float(x))},{num(float(y))}" for x, y in zip(xs, ys, strict=True))


def histogram(
    values: np.ndarray, high: float, step: float, unit: str, marks: Sequence[tuple[float, str]], words: str
) -> str:
    """Return how much of the area [%] has which value, in bins of ``step`` up to ``high``; ``marks`` are named values."""
    width, height, left, right, top, bottom = 560.0, 260.0, 52.0, 14.0, 40.0, 46.0
    edges = np.arange(0.0, high + 0.5 * step, step)
    share = 100.0 * np.histogram(np.clip(values, 0.0, high), edges)[0] / values.size
    ceiling = max(1.0, float(share.max())) * 1.06
    out: list[str] = []
    for tick in nice_ticks(0.0, ceiling, 5):
        y = height - bottom - (height - top - bottom) * tick / ceiling
        out.append(line(left, y, width - right, y, "grid"))
        out.append(text(left - 8, y + 4, f"{tick:g}", "tick", "end"))
    per = (width - left - right) / high
    for edge, value in zip(edges[:-1], share, strict=True):
        tall = (height - top - bottom) * value / ceiling
        out.append(
            f'<rect x="{num(left + edge * per + 0.5)}" y="{num(height - bottom - tall)}" width="{num(step * per - 1.0)}" '
            f'height="{num(tall)}" class="column"><title>{edge:g} to {edge + step:g} {unit}: {value:.1f} % of the area</title></rect>'
        )
    for tick in nice_ticks(0.0, high, 8):
        out.append(text(left + tick * per, height - bottom + 18, f"{tick:g}", "tick", "middle"))
    last = -1e9
    for value, name in marks:
        x = left + min(value, high) * per
        out.append(line(x, top - 8, x, height - bottom, "mark"))
        if x - last > 52.0:
            out.append(text(min(x, width - right - 24.0), top - 14, name, "tick strong", "middle"))
            last = x
    out.append(line(left, height - bottom, width - right, height - bottom, "tickmark"))
    out.append(text((left + width - right) / 2.0, height - 8, f"{words} [{unit}]", "tick", "middle"))
    out.append(
        f'<text transform="translate(14 {num((top + height - bottom) / 2)}) rotate(-90)" class="tick" '
        'text-anchor="middle">% of the area</text>'
    )
    return f'<svg viewBox="0 0 {num(width)} {num(height)}" role="img" aria-label="Histogram: {escape(words)}">{"".join(out)}</svg>'
