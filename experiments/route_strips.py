"""The strips of a route sheet: height and slope along the way; and over time what the robot does, its light, links and battery."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from moonfleet.terrain.site import Site

from .report_svg import AXIS_H, LEFT, RIGHT, WIDTH, TimeAxis, axis_marks, line, num, polyline, rect, text
from .report_timelines import nice_ticks
from .route_map import REASONS
from .route_track import HOUR_S, RouteTrack

DRIVING = "#0072B2"
LIGHT, EARTH = "#e69f00", "#56B4E9"
SAMPLES = 900  # points of a profile at most


def profile_figure(site: Site, track: RouteTrack, max_slope_deg: float | None) -> str:
    """Return elevation [m] over way [km], and below it the slope of the ground [deg] with the robot's limit."""
    along = track.along_m
    total = max(float(along[-1]), 1.0)
    count = int(min(SAMPLES, max(len(along), 2 * total / site.ref.cell_m, 2)))
    s = np.linspace(0.0, total, count)
    x, y = np.interp(s, along, track.xy[:, 0]), np.interp(s, along, track.xy[:, 1])
    at = np.stack(site.ref.rowcol(x, y))
    height, slope = (
        np.asarray(ndimage.map_coordinates(np.asarray(layer, dtype=np.float64), at, order=1, mode="nearest"))
        for layer in (site.grid.elevation_m, site.slope_deg)
    )
    px = LEFT + (WIDTH - LEFT - RIGHT) * s / total
    top, tall, gap, low = 10.0, 150.0, 26.0, 70.0
    base, floor = top + tall, top + tall + gap + low
    z0, z1 = float(height.min()), float(height.max())
    pad = max(0.08 * (z1 - z0), 2.0)
    z0, z1 = z0 - pad, z1 + pad
    steepest = max(float(slope.max()) * 1.1, max_slope_deg or 0.0, 5.0)
    py = base - tall * (height - z0) / (z1 - z0)
    sy = floor - low * slope / steepest
    out: list[str] = []
    for tick in nice_ticks(0.0, total / 1000.0, 9):
        xt = LEFT + (WIDTH - LEFT - RIGHT) * 1000.0 * tick / total
        out += [line(xt, top, xt, floor, "grid"), text(xt, floor + 16, f"{tick:g}", "tick", "middle")]
    for tick in nice_ticks(z0, z1, 4):
        yt = base - tall * (tick - z0) / (z1 - z0)
        out += [line(LEFT, yt, WIDTH - RIGHT, yt, "grid"), text(LEFT - 8, yt + 4, f"{tick:g} m", "tick", "end")]
    for tick in nice_ticks(0.0, steepest, 2):
        yt = floor - low * tick / steepest
        out += [line(LEFT, yt, WIDTH - RIGHT, yt, "grid"), text(LEFT - 8, yt + 4, f"{tick:g}°", "tick", "end")]
    out.append(_area(px, py, base, "relief"))
    out.append(polyline(px, py, "var(--skyline)", 1.8))
    out.append(_area(px, sy, floor, "steepness"))
    out.append(polyline(px, sy, "#8a5a83", 1.4))
    if max_slope_deg:
        yt = floor - low * max_slope_deg / steepest
        out += [line(LEFT, yt, WIDTH - RIGHT, yt, "limit"), text(WIDTH - RIGHT - 4, yt - 4, "limit", "tick bad", "end")]
    for stop in track.stops:
        colour = REASONS.get(stop.reason, REASONS["timing"])[0]
        xt = LEFT + (WIDTH - LEFT - RIGHT) * float(along[stop.first]) / total
        out.append(
            f'<line x1="{num(xt)}" y1="{num(top)}" x2="{num(xt)}" y2="{num(base)}" stroke="{colour}" class="halt"/>'
        )
    out += [text(12, top + 0.5 * tall, "height", "row"), text(12, base + gap + 0.5 * low, "slope", "row")]
    out.append(text(WIDTH - RIGHT, floor + 32, "way [km]", "unit", "end"))
    words = f"Height from {height.min():.0f} to {height.max():.0f} m and slope up to {slope.max():.1f} degrees along the way"
    return _figure("profile", "Along the way", words, floor + 38.0, "".join(out))


def time_figure(
    track: RouteTrack, t0_utc: dt.datetime, *, other: RouteTrack | None, capacity_wh: float | None, reserve_wh: float | None
) -> str:  # fmt: skip
    """Return what happens over time: driving and waiting, light, Earth, battery; empty for a way without times."""
    if track.times_s is None:
        return ""
    ends = float(track.times_s[-1])
    if other is not None and other.times_s is not None:
        ends = max(ends, float(other.times_s[-1]))
    axis = TimeAxis(t0_utc, max(1, int(np.ceil(1.01 * ends))))
    out: list[str] = []
    y = 10.0
    out.append(_band(axis, track, y))
    out.append(text(12, y + 15, "does", "row"))
    y += 32.0
    if track.lit is not None:
        tall = 46.0
        out.append(_light(axis, track.times_s, track.lit, y, tall))
        out += [text(12, y + 27, "light", "row"), text(LEFT - 8, y + 10, "100%", "tick", "end")]
        y += tall + 12.0
    if track.earth is not None:
        out.append(rect(LEFT, y, WIDTH - LEFT - RIGHT, 14.0, "var(--ink)", extra='fill-opacity="0.06"'))
        out += [
            rect(axis.x(a), y, axis.x(b) - axis.x(a), 14.0, EARTH, title=f"Earth in sight {(b - a) / HOUR_S:.1f} h")
            for a, b in _runs(track.times_s, track.earth)
        ]
        out.append(text(12, y + 12, "Earth", "row"))
        y += 28.0
    if track.battery_wh is not None and capacity_wh:
        tall = 128.0
        out.append(_battery(axis, track, other, capacity_wh, reserve_wh, y, tall))
        y += tall + 4.0
    body = axis_marks(axis, 10.0, y) + "".join(out)
    words = f"Over {ends / HOUR_S:.1f} hours: driving and waiting, light and Earth at the robot, battery"
    return _figure(
        "time", "Over time (UTC)", words, y + AXIS_H, body, f'data-left="{LEFT}" data-top="10" data-bottom="{num(y)}"'
    )


def _figure(ident: str, title: str, words: str, height: float, body: str, extra: str = "") -> str:
    return (
        f'<section id="{ident}"><h2>{title}</h2><div class="wide"><svg viewBox="0 0 {WIDTH} {num(height)}" role="img" '
        f'aria-label="{words}" {extra}>{body}<line class="cursor" visibility="hidden"/></svg></div></section>'
    )


def _area(px: NDArray[np.float64], py: NDArray[np.float64], base: float, css: str) -> str:
    points = " ".join(f"{num(float(a))},{num(float(b))}" for a, b in zip(px, py, strict=True))
    return (
        f'<polygon points="{num(float(px[0]))},{num(base)} {points} {num(float(px[-1]))},{num(base)}" class="{css}"/>'
    )


def _runs(times_s: NDArray[np.float64], flags: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return (from, to) in seconds of each run of intervals that are True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(float(times_s[a]), float(times_s[b])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _band(axis: TimeAxis, track: RouteTrack, y: float) -> str:
    """Return driving and the stops as one band."""
    times = track.times_s if track.times_s is not None else np.zeros(0)
    out = [
        rect(axis.x(a), y, axis.x(b) - axis.x(a), 20.0, DRIVING, title=f"drives {(b - a) / HOUR_S:.1f} h")
        for a, b in _runs(times, track.driving)
    ]
    for stop in track.stops:
        a, b = float(times[stop.first]), float(times[stop.last])
        colour, words = REASONS.get(stop.reason, REASONS["timing"])
        gained = f", {stop.gained_wh:+.0f} Wh"
        out.append(
            rect(axis.x(a), y, axis.x(b) - axis.x(a), 20.0, colour, title=f"{words} {(b - a) / HOUR_S:.1f} h{gained}")
        )
        if axis.x(b) - axis.x(a) > 44.0:
            out.append(text(0.5 * (axis.x(a) + axis.x(b)), y + 14.5, f"{(b - a) / HOUR_S:.1f} h", "inband", "middle"))
    return "".join(out)


def _light(axis: TimeAxis, times_s: NDArray[np.float64], lit: NDArray[np.float64], y: float, tall: float) -> str:
    """Return the share of the Sun's disc as steps."""
    xs = [v for a, b in itertools.pairwise(times_s) for v in (axis.x(float(a)), axis.x(float(b)))]
    ys = [v for share in lit for v in (y + tall * (1.0 - float(share)),) * 2]
    px, py = np.array(xs), np.array(ys)
    back = rect(axis.x(0.0), y, axis.x(float(times_s[-1])) - axis.x(0.0), tall, "var(--night)")
    return back + _area(px, py, y + tall, "lightarea") + polyline(px, py, LIGHT, 1.3)


def _battery(
    axis: TimeAxis, track: RouteTrack, other: RouteTrack | None, capacity_wh: float, reserve_wh: float | None, y: float,
    tall: float,
) -> str:  # fmt: skip
    """Return the battery over time, dashed that of the other way, with the reserve that is not touched."""
    base = y + tall

    def down(wh: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return base - tall * np.asarray(wh) / (1.04 * capacity_wh)

    def across(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([axis.x(float(t)) for t in times_s])

    out: list[str] = []
    if reserve_wh:
        level = float(down(reserve_wh))
        out.append(rect(LEFT, level, WIDTH - LEFT - RIGHT, base - level, "#C23B22", extra='fill-opacity="0.09"'))
        out.append(line(LEFT, level, WIDTH - RIGHT, level, "limit"))
        out.append(text(WIDTH - RIGHT - 4, level + 14, f"reserve {reserve_wh:.0f} Wh", "tick bad", "end"))
    for tick in nice_ticks(0.0, capacity_wh, 4):
        out.append(line(LEFT, float(down(tick)), WIDTH - RIGHT, float(down(tick)), "grid"))
        out.append(text(LEFT - 8, float(down(tick)) + 4, f"{tick:g}", "tick", "end"))
    if other is not None and other.times_s is not None and other.battery_wh is not None:
        xs, ys = across(other.times_s), down(other.battery_wh)
        out.append(polyline(xs, ys, "#C23B22", 1.6, 'stroke-dasharray="6 4"'))
        if other.lost:
            x, yy = num(float(xs[-1])), num(float(ys[-1]))
            out.append(f'<path d="M-6,-6L6,6M-6,6L6,-6" class="lost" transform="translate({x} {yy})"/>')
            side = "end" if xs[-1] > 0.7 * WIDTH else "start"
            shift = -12.0 if side == "end" else 12.0
            out.append(
                text(float(xs[-1]) + shift, float(ys[-1]) - 8, f"straight through: {other.lost}", "tick bad", side)
            )
    if track.times_s is not None and track.battery_wh is not None:
        out.append(polyline(across(track.times_s), down(track.battery_wh), "#009E73", 2.4))
    out += [text(12, y + 40, "battery", "row"), text(12, y + 56, "[Wh]", "tick")]
    return "".join(out)
