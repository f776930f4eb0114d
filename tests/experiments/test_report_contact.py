"""What a report says of cut links, leaders, messages and failures."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from moonfleet.agents.events import FOLDER, EventLog, read_events
from moonfleet.experiments.metrics import measure
from moonfleet.experiments.report_contact import contact_panel, fault_panel, fault_spans, outage_spans, reigns
from moonfleet.experiments.report_svg import TimeAxis, parse_utc
from moonfleet.experiments.report_tables import notable_table

HOUR_S = 3600
CUT = "station: no link to relay, earth"
STILL = {"battery_wh": 1.0, "battery_frac": 1.0, "temp_k": 280.0, "lit": 1.0, "solar_w": 0.0, "load_w": 0.0}
REST = {"activity": "hold", "link": 0, "data_mbit": 0.0, "odometer_m": 0.0, "x_m": 0.0, "y_m": 0.0}


@pytest.fixture
def table(tmp_path: Path) -> pa.Table:
    log = EventLog(tmp_path / FOLDER)
    log.append("mission_started", 0, scenario="x", seed=1, t0_utc="2029-07-04T00:00:00Z", site_key="k")
    for robot in ("station", "a", "b"):
        log.append("status", 0, robot, **STILL, **REST)
    log.append("leader_elected", 0, "station", term=1, members=3)
    for hour in range(1, 25):
        t_s = hour * HOUR_S
        if hour == 4:
            log.append("outage", t_s, up=False, message=CUT)
        if hour == 6:
            log.append("leader_elected", t_s, "a", term=2, members=2)
        if hour == 7:
            log.append("leader_left", t_s, "a", by="b")
        if hour == 8:
            log.append("leader_elected", t_s, "a", term=4, members=1)
            log.append("leader_elected", t_s, "b", term=4, members=1)
            log.append("fault", t_s, "b", up=False, reason="power")
        if hour == 10:
            log.append("outage", t_s, up=True, message=CUT)
            log.append("leader_elected", t_s, "station", term=5, members=3)
            log.append("leader_left", t_s, "a", by="station")
            log.append("fault", t_s, "b", up=True, reason="power")
            log.append("fault", t_s, "a", up=False, reason="stuck")
            log.append("fault", t_s, "b", up=False, reason="comm")
        if hour == 20:
            log.append("outage", t_s, up=False, message=CUT)
            log.append("lost", t_s, "a", reason="trapped")
        log.append("radio", t_s, delivered=10 * hour, missed=hour)
    log.flush()
    return read_events(tmp_path)


def hours(seconds: float) -> float:
    return seconds / HOUR_S


def test_cuts_last_until_links_are_back_or_the_log_ends(table: pa.Table) -> None:
    assert [(hours(a), hours(b), words) for a, b, words in outage_spans(table, 24 * HOUR_S)] == [
        (4, 10, CUT),
        (20, 24, CUT),
    ]


def test_who_leads_does_so_until_it_hears_of_another_or_is_lost(table: pa.Table) -> None:
    assert reigns(table, "station", 24 * HOUR_S) == {
        "a": [(6 * HOUR_S, 7 * HOUR_S, 2, 2), (8 * HOUR_S, 10 * HOUR_S, 4, 1)],
        "b": [(8 * HOUR_S, 24 * HOUR_S, 4, 1)],
    }


def test_failures_last_until_mended_or_the_robot_is_lost(table: pa.Table) -> None:
    assert fault_spans(table, 24 * HOUR_S) == {
        "b": [(8 * HOUR_S, 10 * HOUR_S, "power"), (10 * HOUR_S, 24 * HOUR_S, "comm")],
        "a": [(10 * HOUR_S, 20 * HOUR_S, "stuck")],
    }


def test_panels_and_events_tell_it(table: pa.Table) -> None:
    metrics = measure(table)
    axis = TimeAxis(parse_utc(metrics.t0_utc), metrics.duration_s)
    panel = contact_panel(axis, table, metrics, "station")
    assert f"{CUT}, 6 h" in panel
    assert "a leads 1 other, term 2, 1.0 h" in panel
    assert "b is on its own, term 4" in panel
    failures = fault_panel(axis, table, metrics)
    assert "b: power, 2.0 h" in failures
    events = notable_table(table, metrics)
    for words in (
        "no more: links are back",
        "leads 1 other that it hears, term 2",
        "power works again",
        "follows station",
        "stuck in the soil",
    ):
        assert words in events


def test_nothing_failed_no_panel(tmp_path: Path) -> None:
    log = EventLog(tmp_path / FOLDER)
    log.append("mission_started", 0, scenario="x", seed=1, t0_utc="2029-07-04T00:00:00Z", site_key="k")
    log.flush()
    table = read_events(tmp_path)
    metrics = measure(table)
    axis = TimeAxis(parse_utc(metrics.t0_utc), 1)
    assert fault_panel(axis, table, metrics) == contact_panel(axis, table, metrics, None) == ""
