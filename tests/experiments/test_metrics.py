"""Metrics come from events alone: checked on a made-up log whose totals are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from moonfleet.agents.events import FOLDER, SCHEMA, EventLog, read_events
from moonfleet.agents.state import Activity
from moonfleet.experiments.metrics import RunMetrics, longest_run, measure, shares_of
from tests.fake_events import ROBOTS, write_fake_run


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> RunMetrics:
    return measure(read_events(write_fake_run(tmp_path_factory.mktemp("run"))))


def test_totals(metrics: RunMetrics) -> None:
    assert (metrics.scenario, metrics.seed, metrics.site_key) == ("pathfinder", 7, "abc123")
    assert metrics.duration_s == 709 * 3600
    assert tuple(metrics.robots) == ROBOTS
    assert (metrics.jobs_done, metrics.jobs_failed, metrics.value, metrics.losses) == (1, 1, 20.0, 1)
    assert metrics.archive_mbit == 8.0 * sum(1 for hour in range(1, 710) if hour % 24 < 12)
    assert metrics.driven_m == pytest.approx(sum(r.odometer_m for r in metrics.robots.values()))
    assert metrics.n_events == sum(metrics.counts.values())


def test_one_robot(metrics: RunMetrics) -> None:
    driller = metrics.robots["driller"]
    assert (driller.contacts, driller.jobs_failed, driller.lost) == (1, 1, None)
    assert driller.dark_h == driller.longest_dark_h == 110.0
    assert driller.min_battery_frac == pytest.approx(1.0 - 110 * 0.008)
    assert driller.link_h["station"] == 709.0
    assert driller.link_h["earth"] == 0.0
    assert driller.activity_h == {"hibernate": 110.0, "work": 599.0}
    assert metrics.robots["grader-b"].lost == "frozen"
    assert metrics.robots["hopper"].hops == 1


def test_jobs_remember_who_did_what_and_when(metrics: RunMetrics) -> None:
    jobs = {job.job: job for job in metrics.jobs}
    done = jobs["job-0"]
    assert (done.state, done.started_s, done.ended_s, done.value) == ("done", 45 * 3600, 60 * 3600, 20.0)
    assert [(s.robot, s.from_s, s.work_s, s.to_s) for s in done.stretches] == [("mapper", 0, 45 * 3600, 60 * 3600)]
    assert (jobs["job-1"].state, jobs["job-1"].reason) == ("failed", "no route")
    crew = jobs["job-2"]
    assert crew.robots == ("grader-a", "grader-b")
    assert {s.to_s for s in crew.stretches} == {709 * 3600}


def test_work_taken_up_again_is_seen_in_the_robot_s_status(tmp_path: Path) -> None:
    rest = {"battery_wh": 1.0, "battery_frac": 1.0, "temp_k": 280.0, "solar_w": 0.0, "load_w": 0.0, "link": 0}
    log = EventLog(tmp_path / FOLDER)
    log.append("job_assigned", 0, "a", job="pad", by="station")
    log.append("job_started", 0, "a", job="pad")
    log.append("job_failed", 3600, "a", job="pad", reason="NoRoute")
    log.append("job_assigned", 3600, "a", job="pad", by="station")  # its start is not logged twice
    for hour in range(6):
        activity = Activity.WORK if hour in (0, 1, 4, 5) else Activity.DRIVE
        word = activity.name.lower()
        log.append(
            "status", hour * 3600, "a", x_m=0.0, y_m=0.0, lit=1.0, data_mbit=0.0, odometer_m=0.0, activity=word, **rest
        )
    log.append("job_done", 5 * 3600, "a", job="pad", value=1.0)
    log.flush()
    (pad,) = measure(read_events(tmp_path)).jobs
    assert [(s.from_s, s.work_s, s.to_s) for s in pad.stretches] == [(0, 0, 3600), (3600, 3 * 3600, 5 * 3600)]


def test_json_has_no_nan(metrics: RunMetrics) -> None:
    text = json.dumps(metrics.to_dict(), allow_nan=False)
    assert json.loads(text)["robots"]["mapper"]["lost"] is None


def test_a_run_that_has_only_begun(tmp_path: Path) -> None:
    log = EventLog(tmp_path / FOLDER)
    log.append("mission_started", 0, scenario="x", seed=1, t0_utc="2029-07-04T00:00:00Z", site_key="k")
    log.flush()
    metrics = measure(read_events(tmp_path))
    assert (metrics.duration_s, metrics.ended, metrics.robots, metrics.jobs) == (0, None, {}, ())
    json.dumps(metrics.to_dict(), allow_nan=False)


@pytest.mark.parametrize(("flags", "length"), [([], 0), ([0, 0], 0), ([1, 1, 0, 1], 2), ([0, 1, 1, 1], 3)])
def test_longest_run(flags: list[int], length: int) -> None:
    assert longest_run(np.array(flags, dtype=bool)) == length


def test_a_crew_shares_what_its_job_earns() -> None:
    log = EventLog()
    log.append("job_started", 60, "a", job="pad")
    log.append("job_started", 120, "b", job="pad")
    log.append("job_started", 120, "c", job="watch")
    log.append("job_done", 3600, "b", job="pad", value=80.0)
    table = pa.Table.from_pylist(log.pending, schema=SCHEMA)
    assert [shares_of(table, name) for name in "abc"] == [[40.0], [40.0], []]
