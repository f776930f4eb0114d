"""The tables that the command prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .bench.registry import Row
from .doctor import Finding
from .scenario import job_ids, load_scenario, shipped_scenarios

STATE_STYLES = {"ok": ("ok", "green"), "warn": ("!", "yellow"), "bad": ("missing", "bold red")}


def summary_table(summary: Mapping[str, object]) -> RenderableType:
    """Return the result of a run: the fleet's totals in the title, one row per robot."""
    done, total = summary["jobs_done"], summary["jobs_total"]
    archive, driven = _number(summary, "archive_mbit"), _number(summary, "driven_m")
    title = (
        f"{summary['scenario']} (seed {summary['seed']}): {done} of {total} jobs done, value {_number(summary, 'value'):g}, "
        f"{driven / 1000:.2f} km driven, {archive / 1000:.2f} Gbit on Earth, {summary['losses']} lost"
    )
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("robot", no_wrap=True)
    for head in ("driven", "low", "dark", "coldest", "jobs", "rocks", "hit"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("state")
    robots = cast("Mapping[str, Mapping[str, object]]", summary["robots"])
    for name, robot in robots.items():
        lost = robot["lost"]
        table.add_row(
            name,
            f"{_number(robot, 'odometer_m') / 1000:,.2f} km",
            _percent(robot["min_battery_frac"]),
            f"{_number(robot, 'dark_h'):.0f} h",
            f"{_number(robot, 'min_temp_k'):.0f} K" if robot["min_temp_k"] is not None else "-",
            str(robot["jobs_done"]),
            str(robot["keepouts"]),
            str(robot["contacts"]),
            Text(f"lost: {str(lost).lower()}", style="bold red") if lost else Text("alive", style="green"),
        )
    notes = Text(
        "low: lowest charge · dark: time without Sun · rocks: seen and kept away from · hit: touched all the same",
        style="dim",
    )
    return Group(Text(title, style="bold"), table, notes)


def scenario_table() -> Table:
    """Return the shipped scenarios."""
    table = Table(header_style="bold")
    for head in ("scenario", "days", "robots", "jobs", "what it is"):
        table.add_column(head, justify="right" if head in ("days", "robots", "jobs") else "left")
    for name, path in shipped_scenarios().items():
        scenario = load_scenario(path)
        jobs = sum(len(ids) for ids in job_ids(scenario).values())
        table.add_row(name, f"{scenario.duration_days:g}", str(len(scenario.fleet)), str(jobs), scenario.description)
    return table


def doctor_table(findings: Sequence[Finding]) -> Table:
    """Return the doctor's findings."""
    table = Table(header_style="bold")
    for head in ("what", "", "found"):
        table.add_column(head)
    for finding in findings:
        sign, style = STATE_STYLES[finding.state]
        table.add_row(Text(finding.what), Text(sign, style=style), Text(finding.words))
    return table


def bench_table(rows: Sequence[Row]) -> Table:
    """Return measured rows beside their targets and peers."""
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    peers = ("peer", "ratio") if any(row.peer for row in rows) else ()
    for head in ("bar", "what", "value", "unit", *peers, "target", ""):
        wraps = head in ("what", "peer")  # numbers and verdicts stay whole
        table.add_column(head, justify="right" if head in ("value", "ratio") else "left", no_wrap=not wraps)
    for row in rows:
        mark = Text("ok", style="green") if row.ok else Text("MISSED", style="bold red")
        beside = (row.peer, row.ratio_shown()) if peers else ()
        table.add_row(row.bar, row.what, row.shown(), row.unit, *beside, row.target, mark)
    return table


def _number(data: Mapping[str, object], key: str) -> float:
    value = data[key]
    return float(value) if isinstance(value, (int, float)) else 0.0


def _percent(value: object) -> str:
    return f"{value:.0%}" if isinstance(value, (int, float)) else "-"
