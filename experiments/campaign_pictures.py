"""The pictures of a campaign's report: how a figure is spread over the runs, and how combinations compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from .campaign_figures import Estimate, Figure, Row, estimate, shown
from .report_svg import GOOD, MUTED, line, num, rect, text

WIDE, TALL = 540, 210  # [px] one picture; two stand side by side
LEFT, RIGHT, TOP, FOOT = 46, 14, 12, 40  # [px]
BAR, MARK = "#0072B2", "#D55E00"  # Okabe and Ito (2008), as the robots' colours
BINS = 24
ROW_H = 22  # [px] one combination
LETTER = 7.2  # [px] a wide letter of a row's name


def histogram(figure: Figure, rows: Sequence[Row]) -> str:
    """Return how many runs had which value, with the mean, its 95 % interval, and the share of runs below (a line)."""
    values = np.sort(np.array([float(figure.read(row)) for row in rows]))
    whole = all(float(v).is_integer() for v in values)
    edges = bin_edges(values, whole=whole)
    heights, _ = np.histogram(values, edges)
    low, high = float(edges[0]), float(edges[-1])
    most = max(1, int(heights.max()))

    def x(value: float) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * (value - low) / (high - low)

    def y(share: float) -> float:
        return TALL - FOOT - (TALL - FOOT - TOP) * share

    body = [line(LEFT, y(0), WIDE - RIGHT, y(0), "base")]
    for tick in ticks(0.0, float(most), whole=True):
        body += [line(LEFT, y(tick / most), WIDE - RIGHT, y(tick / most), "grid")]
        body += [text(LEFT - 6, y(tick / most) + 4, num(tick), "tick", "end")]
    for count, left, right in zip(heights, edges[:-1], edges[1:], strict=True):
        if count:
            words = f"{count} runs: {span(float(left), float(right))} {figure.unit}"
            top = y(count / most)
            body.append(rect(x(left) + 0.7, top, x(right) - x(left) - 1.4, y(0) - top, BAR, title=words.strip()))
    shares = np.arange(1, len(values) + 1) / len(values)
    points = [f"{num(x(low))},{num(y(0))}"]
    before = 0.0
    for value, share in zip(values, shares, strict=True):
        points += [f"{num(x(value))},{num(y(before))}", f"{num(x(value))},{num(y(share))}"]
        before = float(share)
    points.append(f"{num(x(high))},{num(y(1))}")
    body.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{MUTED}" stroke-width="1.3"/>')
    body += whisker(estimate(figure, rows), x, TALL - FOOT + 9)
    for tick in ticks(low, high, whole=whole):
        body.append(text(x(tick), TALL - FOOT + 30, number(tick), "tick", "middle"))
    return picture(figure, shown(figure, estimate(figure, rows)), TALL, body)


def bin_edges(values: np.ndarray, *, whole: bool) -> np.ndarray:
    """Return the edges of the bars: one per whole number where few are met, else at most `BINS` of equal width."""
    low, high = float(values[0]), float(values[-1])
    if whole and high - low < BINS:
        return np.arange(low - 0.5, high + 1.0)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        return np.array([low - 0.5, low + 0.5])
    return np.linspace(low, high, min(BINS, max(5, math.ceil(2.0 * len(values) ** (1 / 3)))) + 1)


def forest(figure: Figure, labels: Sequence[str], groups: Sequence[Sequence[Row]]) -> str:
    """Return a row per combination: every run as a faint dot, the mean and its 95 % interval in front."""
    found = [estimate(figure, group) for group in groups]
    low = min((one.least for one in found if one.runs), default=0.0)
    high = max((one.most for one in found if one.runs), default=1.0)
    if figure.share:
        low, high = 0.0, 1.0
    if high - low <= 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    room = min(250.0, 18.0 + LETTER * max(map(len, labels), default=0))
    tall = TOP + ROW_H * len(labels) + FOOT - 12

    def x(value: float) -> float:
        return room + 6 + (WIDE - room - RIGHT - 12) * (min(max(value, low), high) - low) / (high - low)

    body: list[str] = []
    ends = [end for one in found if one.runs for end in (one.least, one.most)]
    whole = not figure.share and all(end.is_integer() for end in ends)
    for tick in ticks(low, high, whole=whole):
        body += [
            line(x(tick), TOP, x(tick), tall - 28, "grid"),
            text(x(tick), tall - 14, number(tick), "tick", "middle"),
        ]
    for number_, (label, group, one) in enumerate(zip(labels, groups, found, strict=True)):
        middle = TOP + ROW_H * (number_ + 0.5)
        body.append(text(room - 8, middle + 4, cut(label, room), "row", "end"))
        if not figure.share:
            for value in sorted({float(figure.read(row)) for row in group}):
                body.append(
                    f'<circle cx="{num(x(value))}" cy="{num(middle)}" r="2.2" fill="{BAR}" fill-opacity="0.25"/>'
                )
        if one.runs:
            body += whisker(one, x, middle, f"{label}: {shown(figure, one)}, {one.runs} runs")
    return picture(figure, "means and 95 % intervals", tall, body)


def whisker(one: Estimate, x: Callable[[float], float], y: float, words: str = "") -> list[str]:
    """Return a mean as a dot with its interval; ``x`` takes a value to its pixel."""
    low = one.low if math.isfinite(one.low) else one.mean
    high = one.high if math.isfinite(one.high) else one.mean
    left, right, middle = x(low), x(high), x(one.mean)
    tip = f"<title>{escape(words)}</title>" if words else ""
    return [
        f'<line x1="{num(left)}" y1="{num(y)}" x2="{num(right)}" y2="{num(y)}" stroke="{MARK}" stroke-width="2.4"/>',
        f'<circle cx="{num(middle)}" cy="{num(y)}" r="4.2" fill="{MARK}">{tip}</circle>',
    ]


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return 3 to 7 round numbers within a span."""
    width = high - low
    if width <= 0:
        return [low]
    unit = 10.0 ** math.floor(math.log10(width / 4.0))
    step = next(unit * factor for factor in (1, 2, 5, 10) if width / (unit * factor) <= 6)
    if whole:
        step = max(1.0, round(step))
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """Return a tick's number."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def span(low: float, high: float) -> str:
    """Return the values of one bar in words."""
    middle = (low + high) / 2
    return number(middle) if high - low == 1.0 and float(middle).is_integer() else f"{low:.4g} to {high:.4g}"


def cut(words: str, room: float) -> str:
    """Return words that fit into so many pixels."""
    most = int((room - 10.0) / LETTER)
    return words if len(words) <= most else words[: most - 1] + "…"


def picture(figure: Figure, note: str, tall: float, body: Sequence[str]) -> str:
    """Return one titled picture."""
    unit = f" [{figure.unit}]" if figure.unit else ""
    title = escape(f"{figure.title}{unit}")
    return (
        f'<figure class="panel"><figcaption>{title}<span class="note">{escape(note)}</span></figcaption>'
        f'<svg viewBox="0 0 {WIDE} {num(tall)}" role="img" aria-label="{title}">{"".join(body)}</svg></figure>'
    )


def share_bar(share: float, low: float, high: float) -> str:
    """Return a share as a small bar with its 95 % interval, for a table cell."""
    wide = 120.0
    return (
        f'<svg viewBox="0 0 {wide:.0f} 12" width="{wide:.0f}" height="12">'
        f'<rect x="0" y="3" width="{wide:.0f}" height="6" fill="#eef1f5"/>'
        f'<rect x="0" y="3" width="{num(wide * share)}" height="6" fill="{GOOD}"/>'
        f'<line x1="{num(wide * low)}" y1="6" x2="{num(wide * high)}" y2="6" stroke="{MARK}" stroke-width="1.6"/></svg>'
    )
