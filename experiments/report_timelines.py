"""The panels of a report that share the time axis: sky, jobs, batteries, temperatures, links and the data archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from . import report_svg as svg
from .metrics import LINK_BITS, RunMetrics, numbers, of_kind, of_robot
from .report_svg import AXIS_H, LEFT, RIGHT, WIDTH, TimeAxis, robot_colour

ACTIVITY_COLOURS = {
    "DRIVE": "#0072B2",
    "WORK": "#009E73",
    "CHARGE": "#E69F00",
    "HOLD": "#c9cfda",
    "HIBERNATE": "#4b5468",
    "RELAY": "#56B4E9",
    "HOP": "#CC79A7",
    "LOST": "#C23B22",
}


@dataclass(frozen=True, slots=True)
class RobotSeries:
    """One robot's status as arrays [n], and the times when its ground was dark."""

    name: str
    colour: str
    t_s: np.ndarray
    step_s: float
    battery: np.ndarray
    temp_k: np.ndarray
    link: np.ndarray
    activity: tuple[str, ...]
    dark: tuple[tuple[float, float], ...]
    lost_s: int | None


def robot_series(table: pa.Table, metrics: RunMetrics) -> tuple[RobotSeries, ...]:
    """Return the status arrays of every robot, in fleet order."""
    out: list[RobotSeries] = []
    for index, name in enumerate(metrics.robots):
        rows = of_robot(table, name)
        status, lost = of_kind(rows, "status"), of_kind(rows, "lost")
        t_s = status["t_s"].to_numpy().astype(np.float64)
        step_s = float(np.median(np.diff(t_s))) if t_s.size > 1 else 3600.0
        out.append(
            RobotSeries(
                name=name,
                colour=robot_colour(index),
                t_s=t_s,
                step_s=step_s,
                battery=numbers(status, "battery_frac"),
                temp_k=numbers(status, "temp_k"),
                link=np.nan_to_num(numbers(status, "link")).astype(np.int64),
                activity=tuple(str(a).upper() for a in status["activity"].to_pylist()),
                dark=tuple(svg.spans(t_s, numbers(status, "lit") <= 0.0, step_s)),
                lost_s=int(lost["t_s"][0].as_py()) if lost.num_rows else None,
            )
        )
    return tuple(out)


def sky_panel(axis: TimeAxis, table: pa.Table) -> str:
    """Elevation of Sun and Earth at the site centre above the flat horizon."""
    sky = of_kind(table, "sky")
    t_s = sky["t_s"].to_numpy()
    sun, earth = numbers(sky, "sun_el_deg"), numbers(sky, "earth_el_deg")
    top, height = 8.0, 130.0
    both = np.concatenate((sun, earth))
    both = both[np.isfinite(both)]
    lo, hi = (float(both.min()), float(both.max())) if both.size else (-2.0, 2.0)
    lo, hi = min(lo, 0.0) - 0.4, max(hi, 0.0) + 0.4

    def y(value: np.ndarray | float) -> np.ndarray | float:
        return top + height * (hi - value) / (hi - lo)

    below = svg.spans(t_s.astype(np.float64), sun < 0.0, float(np.median(np.diff(t_s))) if t_s.size > 1 else 3600.0)
    body = [svg.shade(axis, below, top, height), svg.axis_marks(axis, top, top + height)]
    for tick in nice_ticks(lo, hi, 5):
        body.append(svg.line(LEFT, float(y(tick)), WIDTH - RIGHT, float(y(tick)), "zero" if tick == 0 else "grid"))
        body.append(svg.text(LEFT - 8, float(y(tick)) + 4, f"{tick:g}°", "tick", "end"))
    xs = [axis.x(t) for t in t_s]
    for values, colour, width in ((earth, "#0072B2", 1.4), (sun, "#D9820B", 2.0)):
        body.append(svg.polyline(xs, np.asarray(y(values)), colour, width))
    for place, (name, colour) in enumerate((("Sun", "#D9820B"), ("Earth", "#0072B2"))):
        body.append(svg.rect(12, top + 12 + 18 * place, 11, 3, colour))
        body.append(svg.text(29, top + 18 + 18 * place, name, "row"))
    note = (
        "elevation at the site centre; shaded: Sun below a flat horizon (heights see it longer, hills hide it sooner)"
    )
    return svg.panel("sky", "Sky", note, top + height + AXIS_H, "".join(body))


def gantt_panel(axis: TimeAxis, metrics: RunMetrics) -> str:
    """One row per job: pale on the way, solid at work, dot when done, cross when given up."""
    row, top = 21.0, 8.0
    colours = {name: robot_colour(i) for i, name in enumerate(metrics.robots)}
    height = max(1, len(metrics.jobs)) * row
    body = [svg.axis_marks(axis, top, top + height)]
    if not metrics.jobs:
        body.append(svg.text(LEFT + 8, top + 15, "no job was assigned", "tick"))
    for index, job in enumerate(metrics.jobs):
        y = top + index * row
        if index % 2 == 0:
            body.append(svg.rect(0, y, WIDTH, row, "#10203a", extra='fill-opacity="0.035"'))
        body.append(svg.text(12, y + 14.5, clip(job.job, 17), "row"))
        lanes = {robot: i for i, robot in enumerate(job.robots)}
        lane_h = (row - 6.0) / max(1, len(lanes))
        for one in job.stretches:
            colour, lane_y = colours.get(one.robot, svg.MUTED), y + 3.0 + lanes.get(one.robot, 0) * lane_h
            x0, x1 = axis.x(one.from_s), axis.x(one.to_s)
            xw = axis.x(one.work_s) if one.work_s is not None else x1
            hours = (one.to_s - one.from_s) / 3600.0
            tip = f"{job.job} · {one.robot} · {hours:.0f} h · {job.state}"
            if xw > x0:
                body.append(svg.rect(x0, lane_y, xw - x0, lane_h, colour, title=tip, extra='fill-opacity="0.35"'))
            if one.work_s is not None:
                body.append(svg.rect(xw, lane_y, x1 - xw, lane_h, colour, title=tip))
        if job.ended_s is not None:
            x = axis.x(job.ended_s)
            near_edge = x > WIDTH - RIGHT - 90
            label = "done" if job.state == "done" else clip(job.reason or job.state, 22)
            body.append(end_mark(x, y + row / 2, job.state == "done"))
            body.append(
                svg.text(x - 9 if near_edge else x + 9, y + 14.5, label, "tick", "end" if near_edge else "start")
            )
    note = "pale: on the way, solid: at work; colours are those of the robots"
    key = "".join(f'<span class="key"><i style="background:{c}"></i>{n}</span>' for n, c in colours.items())
    return svg.panel("jobs", "Jobs", note, top + height + AXIS_H, "".join(body)).replace(
        "</figcaption>", f'</figcaption><div class="keys">{key}</div>', 1
    )


def end_mark(x: float, y: float, done: bool) -> str:
    """Return a dot for a finished job or a cross for one given up."""
    if done:
        return f'<circle cx="{svg.num(x)}" cy="{svg.num(y)}" r="4" fill="#fff" stroke="{svg.GOOD}" stroke-width="2.4"/>'
    return f'<path d="M{svg.num(x - 4)} {svg.num(y - 4)}l8 8m0 -8l-8 8" stroke="{svg.BAD}" stroke-width="2.4" fill="none"/>'


def battery_panel(axis: TimeAxis, robots: tuple[RobotSeries, ...]) -> str:
    """One band per robot: battery over the times its ground was dark, and below it what the robot was doing."""
    band, gap, strip, top = 52.0, 8.0, 7.0, 8.0
    pitch = band + strip + gap
    height = max(1, len(robots)) * pitch
    body = [svg.axis_marks(axis, top, top + height)]
    for index, robot in enumerate(robots):
        y = top + index * pitch
        body.append(svg.rect(LEFT, y, WIDTH - LEFT - RIGHT, band, "#f6f7fa"))
        body.append(svg.shade(axis, robot.dark, y, band))
        body.append(svg.line(LEFT, y + band / 2, WIDTH - RIGHT, y + band / 2, "grid"))
        body.append(svg.line(LEFT, y + band, WIDTH - RIGHT, y + band, "base"))
        body.append(svg.text(12, y + 19, clip(robot.name, 15), "row strong"))
        low = np.nanmin(robot.battery) if np.isfinite(robot.battery).any() else float("nan")
        body.append(svg.text(12, y + 36, f"lowest {low:.0%}" if np.isfinite(low) else "", "tick"))
        body.append(svg.text(LEFT - 6, y + 8, "100", "tick", "end"))
        body.append(svg.text(LEFT - 6, y + band, "0 %", "tick", "end"))
        xs = np.array([axis.x(t) for t in robot.t_s])
        ys = y + band * (1.0 - np.clip(robot.battery, 0.0, 1.0))
        if xs.size:
            keep = svg.thin(xs, ys)
            area = " ".join(f"{svg.num(xs[i])},{svg.num(ys[i])}" for i in keep)
            floor = f"{svg.num(xs[-1])},{svg.num(y + band)} {svg.num(xs[0])},{svg.num(y + band)}"
            body.append(f'<polygon points="{area} {floor}" fill="{robot.colour}" fill-opacity="0.18"/>')
            body.append(svg.polyline(xs, ys, robot.colour, 1.7))
        body.append(activity_strip(axis, robot, y + band + 1, strip))
        if robot.lost_s is not None:
            x = axis.x(robot.lost_s)
            body.append(svg.line(x, y, x, y + band, "lost"))
            body.append(svg.text(x + 4, y + 12, "lost", "bad"))
    keys = "".join(
        f'<span class="key"><i style="background:{c}"></i>{n.lower()}</span>'
        for n, c in ACTIVITY_COLOURS.items()
        if any(n in r.activity for r in robots)
    )
    note = "state of charge; shaded: the robot's own ground is dark; strip: what it was doing"
    return svg.panel("battery", "Batteries and activity", note, top + height + AXIS_H, "".join(body)).replace(
        "</figcaption>", f'</figcaption><div class="keys">{keys}</div>', 1
    )


def activity_strip(axis: TimeAxis, robot: RobotSeries, y: float, h: float) -> str:
    """Return coloured stretches of one activity each."""
    out: list[str] = []
    start = 0
    for i in range(1, len(robot.activity) + 1):
        if i == len(robot.activity) or robot.activity[i] != robot.activity[start]:
            x0, x1 = axis.x(max(0.0, robot.t_s[start] - robot.step_s)), axis.x(robot.t_s[i - 1])
            name = robot.activity[start]
            hours = (i - start) * robot.step_s / 3600.0
            colour = ACTIVITY_COLOURS.get(name, svg.MUTED)
            out.append(svg.rect(x0, y, x1 - x0, h, colour, title=f"{robot.name}: {name.lower()} {hours:.0f} h"))
            start = i
    return "".join(out)


def temperature_panel(axis: TimeAxis, robots: tuple[RobotSeries, ...]) -> str:
    """Temperatures of all electronics boxes in one chart, each named at its right end."""
    top, height = 8.0, 190.0
    values = np.concatenate([r.temp_k for r in robots]) if robots else np.zeros(0)
    values = values[np.isfinite(values)]
    lo, hi = (float(values.min()), float(values.max())) if values.size else (200.0, 300.0)
    pad = max(3.0, 0.06 * (hi - lo))
    lo, hi = lo - pad, hi + pad
    body = [svg.axis_marks(axis, top, top + height)]
    for tick in nice_ticks(lo, hi, 5):
        y = top + height * (hi - tick) / (hi - lo)
        body.append(svg.line(LEFT, y, WIDTH - RIGHT, y, "grid"))
        body.append(svg.text(LEFT - 8, y + 4, f"{tick:g} K", "tick", "end"))
    for robot in robots:
        xs = np.array([axis.x(t) for t in robot.t_s])
        body.append(svg.polyline(xs, top + height * (hi - robot.temp_k) / (hi - lo), robot.colour, 1.5))
    keys = "".join(f'<span class="key"><i style="background:{r.colour}"></i>{r.name}</span>' for r in robots)
    return svg.panel("temperature", "Temperatures", "electronics box", top + height + AXIS_H, "".join(body)).replace(
        "</figcaption>", f'</figcaption><div class="keys">{keys}</div>', 1
    )


def link_panel(axis: TimeAxis, robots: tuple[RobotSeries, ...]) -> str:
    """Three stripes per robot: link to the station, to the relay, to Earth."""
    colours: Mapping[str, str] = {"station": "#0072B2", "relay": "#E69F00", "earth": "#009E73"}
    stripe, gap, top = 9.0, 9.0, 8.0
    pitch = 3 * stripe + gap
    height = max(1, len(robots)) * pitch
    body = [svg.axis_marks(axis, top, top + height)]
    for index, robot in enumerate(robots):
        y = top + index * pitch
        body.append(svg.text(12, y + 18, clip(robot.name, 15), "row strong"))
        for lane, (peer, bit) in enumerate(LINK_BITS.items()):
            lane_y = y + lane * stripe
            body.append(svg.rect(LEFT, lane_y + 0.5, WIDTH - LEFT - RIGHT, stripe - 1.5, "#f1f3f7"))
            for a, b in svg.spans(robot.t_s, (robot.link & bit) != 0, robot.step_s):
                x0, x1 = axis.x(max(0.0, a)), axis.x(b)
                tip = f"{robot.name} to {peer}: {(b - a) / 3600:.0f} h"
                body.append(svg.rect(x0, lane_y + 0.5, x1 - x0, stripe - 1.5, colours[peer], title=tip))
    keys = "".join(f'<span class="key"><i style="background:{c}"></i>{n}</span>' for n, c in colours.items())
    return svg.panel(
        "links", "Links", "to the station, the relay orbiter and Earth", top + height + AXIS_H, "".join(body)
    ).replace("</figcaption>", f'</figcaption><div class="keys">{keys}</div>', 1)


def archive_panel(axis: TimeAxis, table: pa.Table) -> str:
    """Data that reached the archive on Earth, over time."""
    sky = of_kind(table, "sky")
    values = numbers(sky, "archive_mbit")
    top, height = 8.0, 130.0
    hi = max(1.0, float(np.nanmax(values)) if values.size else 1.0)
    unit, scale = ("Gbit", 1000.0) if hi >= 1000.0 else ("Mbit", 1.0)
    body = [svg.axis_marks(axis, top, top + height)]
    for tick in nice_ticks(0.0, hi / scale, 4):
        y = top + height * (1.0 - tick * scale / (hi * 1.05))
        body.append(svg.line(LEFT, y, WIDTH - RIGHT, y, "base" if tick == 0 else "grid"))
        body.append(svg.text(LEFT - 8, y + 4, f"{tick:g} {unit}", "tick", "end"))
    xs = np.array([axis.x(t) for t in sky["t_s"].to_numpy()])
    ys = top + height * (1.0 - values / (hi * 1.05))
    if xs.size:
        keep = svg.thin(xs, ys, 0.05)
        area = " ".join(f"{svg.num(xs[i])},{svg.num(ys[i])}" for i in keep)
        body.append(
            f'<polygon points="{area} {svg.num(xs[-1])},{top + height:g} {svg.num(xs[0])},{top + height:g}" '
            f'fill="#0072B2" fill-opacity="0.15"/>'
        )
        body.append(svg.polyline(xs, ys, "#0072B2", 2.0))
    return svg.panel("archive", "Data archive", "received on Earth", top + height + AXIS_H, "".join(body))


def nice_ticks(lo: float, hi: float, count: int) -> list[float]:
    """Return about ``count`` round values between ``lo`` and ``hi``.

    >>> nice_ticks(0.0, 10.0, 5)
    [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    raw = (hi - lo) / max(1, count)
    if not np.isfinite(raw) or raw <= 0.0:
        return [lo]
    power = 10.0 ** np.floor(np.log10(raw))
    step = float(power * next(m for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * 0.999))
    first = int(np.ceil(lo / step - 1e-9))
    return [round(k * step, 10) for k in range(first, int(np.floor(hi / step + 1e-9)) + 1)]


def clip(words: str, length: int) -> str:
    """Return ``words`` cut to a length, with an ellipsis."""
    return words if len(words) <= length else words[: length - 1] + "…"
