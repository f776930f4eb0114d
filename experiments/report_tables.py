"""The parts of a report that are words and numbers: header, cards, tables and where it all came from."""

from __future__ import annotations

import datetime as dt
from html import escape

import numpy as np
import pyarrow as pa

from .metrics import RunMetrics, of_kind
from .report_svg import parse_utc, robot_colour
from .scenario import job_ids
from .scenario_model import Scenario

NOTABLE = (
    "mission_started",
    "job_started",
    "job_done",
    "job_failed",
    "hop",
    "rock_contact",
    "plan_failed",
    "outage",
    "leader_elected",
    "leader_left",
    "fault",
    "night",
    "lost",
    "mission_ended",
)
BADGES = {
    "job_done": "good",
    "lost": "bad",
    "job_failed": "bad",
    "rock_contact": "warm",
    "plan_failed": "warm",
    "outage": "warm",
    "fault": "warm",
    "hop": "good",
}
MAX_ROWS = 400


def jobs_total(metrics: RunMetrics, scenario: Scenario | None) -> int:
    """Return how many jobs the mission had."""
    if scenario is None:
        return len(metrics.jobs)
    return sum(len(ids) for ids in job_ids(scenario).values())


def header(metrics: RunMetrics, scenario: Scenario | None) -> str:
    """Return title, description and dates."""
    start = parse_utc(metrics.t0_utc)
    end = start + dt.timedelta(seconds=metrics.duration_s)
    lead = escape(scenario.description) if scenario is not None else ""
    span = f"{start:%d %B %Y %H:%M} to {end:%d %B %Y %H:%M} UTC · {metrics.duration_s / 86_400:.2f} days"
    state = "" if metrics.ended else ' <span class="badge warm">not finished</span>'
    return f'<header><h1>{escape(metrics.scenario)}{state}</h1><p class="lead">{lead}</p><p class="when">{span}</p></header>'


def cards(metrics: RunMetrics, scenario: Scenario | None) -> str:
    """Return the summary cards."""
    fracs = [
        (r.min_battery_frac, name)
        for name, r in metrics.robots.items()
        if np.isfinite(r.min_battery_frac) and r.odometer_m >= 0
    ]
    low = min(fracs, default=(float("nan"), ""))
    dark = max((r.longest_dark_h for r in metrics.robots.values()), default=0.0)
    data, unit = (
        (metrics.archive_mbit / 1000.0, "Gbit") if metrics.archive_mbit >= 1000 else (metrics.archive_mbit, "Mbit")
    )
    keepouts, contacts = metrics.counts.get("keepout", 0), metrics.counts.get("rock_contact", 0)
    items = (
        (f"{metrics.jobs_done}<small> of {jobs_total(metrics, scenario)}</small>", "jobs done", False),
        (f"{metrics.value:,.0f}", "value earned", False),
        (f"{metrics.driven_m / 1000:.2f}<small> km</small>", "driven", False),
        (f"{data:,.1f}<small> {unit}</small>", "data on Earth", False),
        (f"{keepouts:,}<small> / {contacts}</small>", "rocks seen / hit", False),
        (f"{low[0]:.0%}".replace("nan%", "–"), f'<span title="{escape(low[1])}">lowest battery</span>', False),
        (f"{dark / 24:.1f}<small> days</small>", "longest dark", False),
        (str(metrics.losses), "robots lost", metrics.losses > 0),
    )
    body = "".join(
        f'<div class="card{" bad" if bad else ""}"><b>{value}</b><span>{name}</span></div>'
        for value, name, bad in items
    )
    return f'<div class="cards">{body}</div>'


def side_panel(metrics: RunMetrics, light_high: float | None) -> str:
    """Return the map's switches and legend; ``light_high`` is what the brightest colour of the light means, None without."""
    switches = [
        ("tracks", "tracks, by battery", True),
        ("keepouts", "keep-out zones", True),
        ("routes", "planned routes", False),
    ]
    if light_high is not None:
        switches = [("shadow", "shadow at this moment", True), ("light", "mean illumination", False), *switches]
    switches.append(("labels", "labels", True))
    boxes = "".join(
        f'<label><input type="checkbox" data-layer="{key}"{" checked" if on else ""}>{name}</label>'
        for key, name, on in switches
    )
    robots = "".join(
        f'<button class="robot" data-robot="{i}" title="go there"><i style="background:{robot_colour(i)}"></i>'
        f"{escape(name)}<em></em></button>"
        for i, name in enumerate(metrics.robots)
    )
    marks = (
        ("#14202f", "■", "station"),
        ("#E69F00", "▲", "haven"),
        ("#009E73", "◆", "job done"),
        ("#0072B2", "◆", "job begun"),
        ("#56B4E9", "◆", "job given"),
        ("#8a93a3", "◆", "job open"),
        ("#c23b22", "◆", "job given up"),
        ("#ff8c3c", "●", "keep-out zone"),
        ("#c23b22", "✕", "rock touched"),
        ("#e0a800", "●", "Sun, on the compass (grey: below a flat horizon)"),
    )
    legend = "".join(
        f'<div class="mark"><span style="color:{colour}">{sign}</span>{name}</div>' for colour, sign, name in marks
    )
    ramps = _ramp("ramp", "battery", 1.0)
    if light_high is not None:
        ramps += _ramp("ramp light", "mean illumination, a year", light_high)
    return (
        f'<div class="side"><h3>Show</h3>{boxes}<h3>Robots</h3><div class="robots">{robots}</div>'
        f"<h3>Colours</h3>{ramps}<h3>Marks</h3>{legend}</div>"
    )


def _ramp(style: str, name: str, high: float) -> str:
    return f'<div class="{style}"></div><div class="ends"><span>0 %</span><span>{name}</span><span>{100.0 * high:.0f} %</span></div>'


def robot_table(metrics: RunMetrics) -> str:
    """Return one row of figures per robot."""
    heads = (
        "robot",
        "driven",
        "lowest battery",
        "dark",
        "longest dark",
        "temperature",
        "jobs",
        "value",
        "rocks seen / touched",
        "links: station, relay, Earth",
        "",
    )
    rows: list[str] = []
    for index, (name, robot) in enumerate(metrics.robots.items()):
        state = (
            f'<span class="badge bad">lost: {escape(robot.lost.lower())}</span>'
            if robot.lost
            else '<span class="badge good">alive</span>'
        )
        links = " · ".join(f"{robot.link_h.get(peer, 0.0):.0f} h" for peer in ("station", "relay", "earth"))
        cells = (
            f'<i class="dot" style="background:{robot_colour(index)}"></i>{escape(name)}',
            f"{robot.odometer_m:,.0f} m",
            _percent(robot.min_battery_frac),
            f"{robot.dark_h:.0f} h",
            f"{robot.longest_dark_h:.0f} h",
            f"{robot.min_temp_k:.0f} to {robot.max_temp_k:.0f} K" if np.isfinite(robot.min_temp_k) else "–",
            str(robot.jobs_done),
            f"{robot.value:,.0f}",
            f"{robot.keepouts:,} / {robot.contacts}",
            links,
            state,
        )
        rows.append(
            "<tr>"
            + "".join(f'<td class="{"n" if 0 < i < 9 else ""}">{cell}</td>' for i, cell in enumerate(cells))
            + "</tr>"
        )
    head = "".join(f'<th class="{"n" if 0 < i < 9 else ""}">{name}</th>' for i, name in enumerate(heads))
    return f'<section id="robots"><h2>Robots</h2><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></section>'


def notable_table(table: pa.Table, metrics: RunMetrics) -> str:
    """Return the notable events in order, at most `MAX_ROWS`."""
    rows = of_kind(table, *NOTABLE)
    start = parse_utc(metrics.t0_utc)
    lines: list[str] = []
    for row in rows.slice(0, MAX_ROWS).to_pylist():
        date = start + dt.timedelta(seconds=int(row["t_s"]))
        kind = str(row["kind"])
        badge = f'<span class="badge {BADGES.get(kind, "")}">{kind.replace("_", " ")}</span>'
        when = f"{date:%d %b %H:%M}"
        day = f"{row['t_s'] / 86_400:.2f}"
        lines.append(
            f'<tr><td class="n">{day}</td><td>{when}</td><td>{badge}</td>'
            f"<td>{escape(row['robot'] or '')}</td><td>{escape(_tell(row))}</td></tr>"
        )
    more = f" (the first {MAX_ROWS} of {rows.num_rows})" if rows.num_rows > MAX_ROWS else ""
    return (
        f'<section id="events"><h2>Notable events<span class="note">{rows.num_rows:,} of {metrics.n_events:,} events{more}</span></h2>'
        '<div class="scroll"><table><thead><tr><th class="n">day</th><th>UTC</th><th>event</th><th>robot</th><th>what</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></section>"
    )


def _others(count: int) -> str:
    return f"{count} other{'s' if count != 1 else ''}"


def _tell(row: dict[str, object]) -> str:
    kind = row["kind"]
    if kind == "night":
        return "its ground went dark" if row["dark"] else "its ground is lit again"
    if kind == "hop":
        length = float(
            np.hypot(
                float(str(row["to_x_m"])) - float(str(row["x_m"])), float(str(row["to_y_m"])) - float(str(row["y_m"]))
            )
        )
        return f"flew {length:,.0f} m"
    if kind == "rock_contact":
        return f"a rock {float(str(row['height_m'])):.2f} m high"
    if kind == "outage":
        return f"{row['message']}{' no more: links are back' if row['up'] else ''}"
    if kind == "leader_elected":
        members = int(str(row["members"]))
        who = f"leads {_others(members - 1)} that it hears" if members > 1 else "is on its own"
        return f"{who}, term {row['term']}"
    if kind == "leader_left":
        return f"follows {row['by']}"
    if kind == "fault":
        if row["reason"] == "stuck":
            return "free again" if row["up"] else "stuck in the soil"
        return f"{row['reason']} {'works again' if row['up'] else 'fails'}"
    if kind == "mission_started":
        return f"{row['scenario']}, seed {row['seed']}"
    parts = [str(row[key]) for key in ("job", "reason", "message") if row[key] is not None]
    if row["value"] is not None:
        parts.append(f"value {float(str(row['value'])):g}")
    return " · ".join(parts)


def provenance(metrics: RunMetrics, scenario: Scenario | None, sha256: str) -> str:
    """Return what made this run and how to make it again."""
    from moonfleet import __version__

    stamp = scenario.resolved if scenario is not None else None
    items = {
        "scenario": escape(metrics.scenario),
        "root seed": str(metrics.seed),
        "site": escape(_site_words(scenario)),
        "site key": f"<code>{escape(metrics.site_key)}</code>",
        "perception": escape(scenario.perception) if scenario is not None else "",
        "run by": f"moonfleet {escape(stamp.moonfleet if stamp is not None else __version__)}",
        "report by": f"moonfleet {escape(__version__)}",
        "events": f"{metrics.n_events:,}",
        "SHA-256 of the event log": f"<code>{escape(sha256)}</code>",
        "make it again": "<code>moonfleet run scenario.yaml</code> with the one in this run folder gives the same SHA-256"
        if stamp is not None
        else "",
    }
    body = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in items.items() if value)
    return f'<section id="provenance"><h2>Where this comes from</h2><dl>{body}</dl></section>'


def _site_words(scenario: Scenario | None) -> str:
    if scenario is None:
        return ""
    site = scenario.site
    where = site.dem or site.name or f"{site.lon_deg:g} E, {site.lat_deg:g} N"
    return f"{where}, {site.size_m / 1000:g} km at {site.cell_m:g} m per cell, detail seed {site.seed}"


def _percent(value: float) -> str:
    return f"{value:.0%}" if np.isfinite(value) else "–"
