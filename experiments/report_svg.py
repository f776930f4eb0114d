"""Small hand-made SVG: a time axis shared by every panel of a report, and the few shapes the panels need."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH = 1120  # [px]
LEFT = 128  # [px] room for row names
RIGHT = 24  # [px]
AXIS_H = 34  # [px]

# Okabe and Ito (2008), colour-blind-safe, the yellow left out because it vanishes on white paper
ROBOT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#5B5B5B", "#7A3E9D")
GOOD, BAD, MUTED, NIGHT = "#009E73", "#C23B22", "#8a93a3", "#dfe3ec"


def robot_colour(index: int) -> str:
    """Return the colour of the robot with this place in the fleet."""
    return ROBOT_COLOURS[index % len(ROBOT_COLOURS)]


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Maps seconds since mission start to pixels; ``t0`` is the start in UTC."""

    t0: dt.datetime
    duration_s: int

    def x(self, t_s: float) -> float:
        """Return the x pixel of a time."""
        return LEFT + (WIDTH - LEFT - RIGHT) * t_s / max(1, self.duration_s)

    def ticks(self) -> list[tuple[int, str, str]]:
        """Return (seconds, label, date label or nothing) at round days, or hours in a short run."""
        days = self.duration_s / 86_400.0
        unit, name = (86_400, "d") if days > 3.0 else (3600, "h")
        length = self.duration_s / unit
        step = next((s for s in (1, 2, 3, 5, 6, 7, 12, 14, 24, 30, 60, 90, 180, 365) if length / s <= 16), 730)
        out: list[tuple[int, str, str]] = []
        for k in range(0, int(length) + 1, step):
            date = self.t0 + dt.timedelta(seconds=k * unit)
            every = len(out) % 2 == 0
            label = date.strftime("%d %b") if unit == 86_400 else date.strftime("%d %b %H:%M")
            out.append((k * unit, f"{k} {name}", label if every else ""))
        return out


def parse_utc(text: str) -> dt.datetime:
    """Return an ISO time as a naive UTC datetime; the epoch when there is none."""
    try:
        return dt.datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
    except ValueError:
        return dt.datetime(2000, 1, 1)


def num(value: float) -> str:
    """Return a short number for an SVG attribute."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def text(x: float, y: float, words: str, css: str = "", anchor: str = "start") -> str:
    """Return one line of text."""
    return f'<text x="{num(x)}" y="{num(y)}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>'


def rect(x: float, y: float, w: float, h: float, fill: str, *, title: str = "", extra: str = "") -> str:
    """Return a rectangle, with a tooltip when ``title`` is given."""
    tip = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{num(x)}" y="{num(y)}" width="{num(max(w, 0.6))}" height="{num(h)}" fill="{fill}" {extra}>{tip}</rect>'


def line(x0: float, y0: float, x1: float, y1: float, css: str) -> str:
    """Return a straight line with a CSS class."""
    return f'<line x1="{num(x0)}" y1="{num(y0)}" x2="{num(x1)}" y2="{num(y1)}" class="{css}"/>'


def polyline(
    xs: Sequence[float] | np.ndarray, ys: Sequence[float] | np.ndarray, colour: str, width: float = 1.6, extra: str = ""
) -> str:
    """Return an open line through finite points; points that add nothing to the drawing are left out."""
    keep = thin(np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64))
    points = " ".join(f"{num(float(xs[i]))},{num(float(ys[i]))}" for i in keep)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round" {extra}/>'


def thin(xs: np.ndarray, ys: np.ndarray, tolerance: float = 0.15) -> list[int]:
    """Return indexes of the finite points to keep: those that leave the level of the last kept one by ``tolerance`` px.

    The point before such a step is kept too, so that a long level run stays level and then steps.
    """
    index = [int(i) for i in np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))]
    if len(index) <= 2:
        return index
    keep = [index[0]]
    for before, i in itertools.pairwise(index):
        if abs(ys[i] - ys[keep[-1]]) >= tolerance:
            if before != keep[-1]:
                keep.append(before)
            keep.append(i)
    return keep if keep[-1] == index[-1] else [*keep, index[-1]]


def spans(times_s: np.ndarray, flags: np.ndarray, step_s: float) -> list[tuple[float, float]]:
    """Return (from, to) in seconds of each run of True; a status at ``t`` speaks for the step that ends at ``t``."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(float(times_s[a] - step_s), float(times_s[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def shade(axis: TimeAxis, dark: Iterable[tuple[float, float]], y: float, h: float) -> str:
    """Return grey bands over times of darkness."""
    return "".join(
        rect(axis.x(max(0.0, a)), y, axis.x(b) - axis.x(max(0.0, a)), h, NIGHT, extra='class="night"') for a, b in dark
    )


def axis_marks(axis: TimeAxis, top: float, bottom: float) -> str:
    """Return vertical grid lines, tick labels below ``bottom`` and dates below them."""
    out: list[str] = []
    for t_s, label, date in axis.ticks():
        x = axis.x(t_s)
        out.append(line(x, top, x, bottom, "grid"))
        out.append(text(x, bottom + 14, label, "tick", "middle"))
        if date and x < WIDTH - 46:
            out.append(text(x, bottom + 27, date, "tick faint", "middle"))
    return "".join(out)


def panel(ident: str, title: str, note: str, height: float, body: str) -> str:
    """Return one titled figure around an SVG of the common width; the page's script adds the time cursor."""
    note_html = f'<span class="note">{escape(note)}</span>' if note else ""
    return (
        f'<figure class="panel" id="{ident}"><figcaption>{escape(title)}{note_html}</figcaption>'
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {num(height)}" role="img" aria-label="{escape(title)}">{body}</svg></figure>'
    )
