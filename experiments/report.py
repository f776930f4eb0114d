"""The report of a run: one HTML file that needs no network, computed from the event log, the resolved scenario and the site."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pyarrow as pa

from moonfleet.agents.events import digest, read_events
from moonfleet.terrain.site import Site

from . import report_svg as svg
from .errors import RunFolderError, ScenarioError
from .metrics import RunMetrics, measure, numbers, of_kind
from .page import data_script, part, write_page
from .report_contact import contact_panel, fault_panel
from .report_map import MapPictures, map_payload, take_pictures
from .report_svg import LEFT, RIGHT, WIDTH, TimeAxis
from .report_tables import cards, header, notable_table, provenance, robot_table, side_panel
from .report_timelines import (
    archive_panel,
    battery_panel,
    gantt_panel,
    link_panel,
    robot_series,
    sky_panel,
    temperature_panel,
)
from .scenario import load_scenario
from .scenario_model import Scenario

REPORT = "report.html"
MAX_BYTES = 8_000_000  # [B] a report stays a file one can send


@dataclass(frozen=True, slots=True)
class ReportInput:
    """All that a report shows."""

    table: pa.Table
    metrics: RunMetrics
    sha256: str
    scenario: Scenario | None
    pictures: MapPictures | None


def write_report(run_dir: Path, site: Site | None = None) -> Path:
    """Write ``report.html`` into a run folder and return its path.

    Parameters
    ----------
    run_dir
        A run folder with an event log; the run may still be unfinished.
    site
        The run's site, when it is open already; else it is opened through the resolved scenario.

    Raises
    ------
    RunFolderError
        The folder holds no run.
    EventError
        Its event log is damaged.
    """
    page = render(gather(run_dir, site))
    path = run_dir / REPORT
    try:
        return write_page(path, page)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be written: {error.strerror}") from error


def gather(run_dir: Path, site: Site | None = None) -> ReportInput:
    """Read a run folder into what its report needs."""
    if not run_dir.is_dir():
        raise RunFolderError(f"{run_dir}: no such run folder")
    table = read_events(run_dir)
    stored = run_dir / "scenario.yaml"
    scenario = load_scenario(stored) if stored.is_file() else None
    if site is None and scenario is not None:
        site = open_run_site(scenario)
    pictures = None
    if site is not None:
        sky = of_kind(table, "sky")
        pictures = take_pictures(site, sky["t_s"].to_numpy(), numbers(sky, "sun_az_deg"), numbers(sky, "sun_el_deg"))
    return ReportInput(table, measure(table), digest(table), scenario, pictures)


def open_run_site(scenario: Scenario) -> Site:
    """Return the site of a resolved scenario, built again if it is no longer in the cache."""
    from moonfleet.terrain.site import build_site

    from .mission_build import check_key, recipe_of

    if scenario.resolved is None:
        raise ScenarioError(f"{scenario.name}: not a resolved scenario; a run folder's scenario.yaml is")
    site = build_site(recipe_of(scenario))
    check_key(scenario, site)
    return site


def render(data: ReportInput) -> str:
    """Return the whole page."""
    metrics, table = data.metrics, data.table
    axis = TimeAxis(svg.parse_utc(metrics.t0_utc), max(1, metrics.duration_s))
    series = robot_series(table, metrics)
    payload = json.dumps(
        map_payload(table, metrics, data.scenario, data.pictures), separators=(",", ":"), allow_nan=False
    )
    parts = (
        header(metrics, data.scenario),
        cards(metrics, data.scenario),
        _map_section(metrics, data.pictures.light_high if data.pictures is not None else None),
        sky_panel(axis, table),
        gantt_panel(axis, metrics),
        battery_panel(axis, series),
        temperature_panel(axis, series),
        link_panel(axis, series),
        contact_panel(axis, table, metrics, data.scenario.station if data.scenario else None),
        fault_panel(axis, table, metrics),
        archive_panel(axis, table),
        robot_table(metrics),
        notable_table(table, metrics),
        provenance(metrics, data.scenario, data.sha256),
    )
    axis_data = json.dumps({"WIDTH": WIDTH, "LEFT": LEFT, "RIGHT": RIGHT})
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(metrics.scenario)} · moonfleet</title>",
            part("page_style.html"),
            "</head><body><main>",
            *parts,
            "<footer>Made by moonfleet. This page is complete in itself and needs no network.</footer></main>",
            data_script("map-data", payload),
            data_script("axis-data", axis_data),
            part("page_script.html"),
            "</body></html>",
        )
    )


def _map_section(metrics: RunMetrics, light_high: float | None) -> str:
    note = (
        "drag to move, wheel to zoom: rocks show at a few metres across"
        if light_high is not None
        else "the ground itself was not at hand"
    )
    return (
        f'<section id="map"><h2>Map<span class="note">{note}</span></h2><div class="map"><div>'
        '<div class="view"><canvas></canvas><div class="zoom"><button data-zoom="1.8" title="closer">+</button>'
        '<button data-zoom="0.55" title="farther">−</button><button data-zoom="home" title="all activity">⌂</button>'
        '<button data-zoom="all" title="the whole site" class="word">all</button></div><div class="tip"></div></div>'
        '<div class="time"><button id="play">▶ Play</button><input id="time" type="range" min="0" step="600" aria-label="time">'
        f'<output id="clock"></output></div></div>{side_panel(metrics, light_high)}</div></section>'
    )
