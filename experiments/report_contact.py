"""The panels of a report about what came between: messages, cut links and who led meanwhile; and what failed on the robots."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from . import report_svg as svg
from .metrics import RunMetrics, numbers, of_kind
from .report_svg import AXIS_H, LEFT, RIGHT, WIDTH, TimeAxis, robot_colour
from .report_timelines import clip, nice_ticks

CUT = "#f3d3cc"  # links cut by the scenario
FAULT_COLOURS = {
    "mobility": "#0072B2",
    "power": "#E69F00",
    "comm": "#CC79A7",
    "payload": "#009E73",
    "thermal": "#D55E00",
    "stuck": "#7A3E9D",
}


def outage_spans(table: pa.Table, end_s: int) -> list[tuple[float, float, str]]:
    """Return (from, to, words) of each cut of links in the log; one that has not ended lasts until ``end_s``."""
    begun: dict[str, list[int]] = {}
    spans: list[tuple[float, float, str]] = []
    for row in of_kind(table, "outage").select(["t_s", "up", "message"]).to_pylist():
        words = str(row["message"])
        if not row["up"]:
            begun.setdefault(words, []).append(int(row["t_s"]))
        elif begun.get(words):
            spans.append((begun[words].pop(0), int(row["t_s"]), words))
    spans += [(since, end_s, words) for words, times in begun.items() for since in times]
    return sorted(spans)


def shade_cuts(axis: TimeAxis, cuts: list[tuple[float, float, str]], y: float, h: float) -> str:
    """Return red bands over times of cut links, each with its words as a tooltip."""
    return "".join(
        svg.rect(axis.x(a), y, axis.x(b) - axis.x(a), h, CUT, title=f"{words}, {(b - a) / 3600:.0f} h")
        for a, b, words in cuts
    )


def reigns(table: pa.Table, station: str, end_s: int) -> dict[str, list[tuple[int, int, int, int]]]:
    """Return (from, to, term, members) of each time that a robot other than the station led, by robot."""
    found: dict[str, list[tuple[int, int, int, int]]] = {}
    open_at: dict[str, tuple[int, int, int]] = {}

    def close(name: str, t_s: int) -> None:
        if name in open_at:
            since, term, members = open_at.pop(name)
            found.setdefault(name, []).append((since, t_s, term, members))

    rows = of_kind(table, "leader_elected", "leader_left", "lost").select(["t_s", "kind", "robot", "term", "members"])
    for row in rows.to_pylist():
        name, t_s = str(row["robot"]), int(row["t_s"])
        close(name, t_s)
        if row["kind"] == "leader_elected" and name != station:
            open_at[name] = (t_s, int(row["term"]), int(row["members"]))
    for name in list(open_at):
        close(name, end_s)
    return found


def contact_panel(axis: TimeAxis, table: pa.Table, metrics: RunMetrics, station: str | None) -> str:
    """Messages per decision step that arrived and were lost, over times of cut links; below, who led out of the station's reach."""
    radio = of_kind(table, "radio")
    if radio.num_rows == 0:
        return ""
    t_s = radio["t_s"].to_numpy().astype(np.float64)
    arrived, lost = (np.nan_to_num(numbers(radio, column)) for column in ("delivered", "missed"))
    cuts = outage_spans(table, metrics.duration_s)
    led = reigns(table, station, metrics.duration_s) if station is not None else {}
    colours = {name: robot_colour(index) for index, name in enumerate(metrics.robots)}
    names = [name for name in metrics.robots if name in led]
    top, height, lane, gap = 8.0, 110.0, 17.0, 12.0
    bottom = top + height + (gap + lane * len(names) if names else 0.0)
    hi = max(1.0, float(arrived.max()), float(lost.max()))
    body = [shade_cuts(axis, cuts, top, bottom - top), svg.axis_marks(axis, top, bottom)]
    body.append(svg.text(12, top + 14, "messages", "row strong"))
    for tick in nice_ticks(0.0, hi, 3):
        y = top + height * (1.0 - tick / (hi * 1.05))
        body.append(svg.line(LEFT, y, WIDTH - RIGHT, y, "base" if tick == 0 else "grid"))
        body.append(svg.text(LEFT - 8, y + 4, f"{tick:,.0f}", "tick", "end"))
    xs = np.array([axis.x(t) for t in t_s])
    for values, colour, width in ((arrived, svg.GOOD, 1.3), (lost, svg.BAD, 1.3)):
        body.append(svg.polyline(xs, top + height * (1.0 - values / (hi * 1.05)), colour, width))
    for index, name in enumerate(names):
        y = top + height + gap + index * lane
        body.append(svg.rect(LEFT, y + 3, WIDTH - LEFT - RIGHT, lane - 6, "#10203a", extra='fill-opacity="0.035"'))
        body.append(svg.text(12, y + 12.5, f"{clip(name, 13)} leads", "row"))
        for since, until, term, members in led[name]:
            tip = (
                f"{name} leads {members - 1} other{'s' if members != 2 else ''}"
                if members > 1
                else f"{name} is on its own"
            )
            tip = f"{tip}, term {term}, {(until - since) / 3600:.1f} h"
            x0, alone = axis.x(since), "" if members > 1 else 'fill-opacity="0.4"'
            body.append(svg.rect(x0, y + 3, axis.x(until) - x0, lane - 6, colours[name], title=tip, extra=alone))
    keys = [("messages that arrived, per decision step", svg.GOOD), ("lost on the way, and sent again", svg.BAD)]
    if cuts:
        keys.append(("links cut by the scenario", CUT))
    note = (
        "who leads where the station is out of reach, until it hears of another; pale: elected alone" if names else ""
    )
    return _with_keys(svg.panel("contact", "Messages and leaders", note, bottom + AXIS_H, "".join(body)), keys)


def fault_spans(table: pa.Table, end_s: int) -> dict[str, list[tuple[int, int, str]]]:
    """Return (from, to, what) of each failure in the log, by robot; one not mended lasts until ``end_s`` or the robot's loss."""
    ends = {row["robot"]: int(row["t_s"]) for row in of_kind(table, "lost").select(["t_s", "robot"]).to_pylist()}
    begun: dict[tuple[str, str], int] = {}
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for row in of_kind(table, "fault").select(["t_s", "robot", "up", "reason"]).to_pylist():
        robot, what = str(row["robot"]), str(row["reason"])
        if not row["up"]:
            begun[robot, what] = int(row["t_s"])
        elif (robot, what) in begun:
            spans.setdefault(robot, []).append((begun.pop((robot, what)), int(row["t_s"]), what))
    for (robot, what), since in begun.items():
        spans.setdefault(robot, []).append((since, ends.get(robot, end_s), what))
    return spans


def fault_panel(axis: TimeAxis, table: pa.Table, metrics: RunMetrics) -> str:
    """A row per robot that something failed on, coloured by what it was; nothing when nothing failed."""
    failed = fault_spans(table, metrics.duration_s)
    names = [name for name in metrics.robots if name in failed]
    if not names:
        return ""
    row, top = 21.0, 8.0
    height = row * len(names)
    body = [svg.axis_marks(axis, top, top + height)]
    seen: set[str] = set()
    for index, name in enumerate(names):
        y = top + index * row
        if index % 2 == 0:
            body.append(svg.rect(0, y, WIDTH, row, "#10203a", extra='fill-opacity="0.035"'))
        body.append(svg.text(12, y + 14.5, clip(name, 15), "row strong"))
        kinds = [kind for kind in FAULT_COLOURS if kind in {what for _, _, what in failed[name]}]
        lane = (row - 6.0) / len(kinds)
        for since, until, what in failed[name]:
            tip = f"{name}: {what}, {(until - since) / 3600:.1f} h"
            x0, y0 = axis.x(since), y + 3.0 + lane * kinds.index(what)
            body.append(svg.rect(x0, y0, max(2.0, axis.x(until) - x0), lane, FAULT_COLOURS[what], title=tip))
        seen |= set(kinds)
    keys = [(kind, colour) for kind, colour in FAULT_COLOURS.items() if kind in seen]
    note = "from when a subsystem fails until it works again; stuck: until freed"
    return _with_keys(svg.panel("faults", "Failures", note, top + height + AXIS_H, "".join(body)), keys)


def _with_keys(panel: str, keys: list[tuple[str, str]]) -> str:
    body = "".join(f'<span class="key"><i style="background:{colour}"></i>{name}</span>' for name, colour in keys)
    return panel.replace("</figcaption>", f'</figcaption><div class="keys">{body}</div>', 1)
