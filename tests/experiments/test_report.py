"""The report: whole, self-contained, escaped, small, and without script errors in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from moonfleet.agents.events import FOLDER, EventLog, digest, read_events
from moonfleet.experiments.errors import RunFolderError
from moonfleet.experiments.metrics import JobRecord, measure
from moonfleet.experiments.report import MAX_BYTES, ReportInput, render, write_report
from moonfleet.experiments.report_map import MapPictures, job_life, take_pictures, track_bends
from moonfleet.experiments.report_svg import TimeAxis, parse_utc, spans, thin
from moonfleet.experiments.report_timelines import nice_ticks
from moonfleet.terrain.maps import png_bytes
from moonfleet.terrain.site import Site
from tests.fake_events import CENTRE, write_fake_run

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    table = read_events(write_fake_run(tmp_path_factory.mktemp("run")))
    grey = png_bytes(np.full((8, 8, 3), 128, dtype=np.uint8))
    box = (CENTRE[0] - 3000.0, CENTRE[1] - 3000.0, CENTRE[0] + 3000.0, CENTRE[1] + 3000.0)
    pictures = MapPictures(box, 123.4, grey, grey, ((0, png_bytes(np.zeros((4, 4, 4), dtype=np.uint8))),))
    return render(ReportInput(table, measure(table), digest(table), None, pictures))


def test_page_is_whole_and_needs_no_network(page: str) -> None:
    for ident in ("map", "sky", "jobs", "battery", "temperature", "links", "archive", "robots", "events", "provenance"):
        assert f'id="{ident}"' in page
    assert len(page) < MAX_BYTES
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}, "only the name of a namespace, which no browser fetches"
    assert not re.search(r"<(link|img|script)[^>]+(src|href)=", page)


def test_same_events_give_the_same_page(tmp_path: Path) -> None:
    pages = [write_report(write_fake_run(tmp_path / name, steps=48)).read_text() for name in ("a", "b")]
    assert pages[0] == pages[1]


def test_what_users_write_is_escaped(tmp_path: Path) -> None:
    log = EventLog(tmp_path / FOLDER)
    evil = "</script><script>alert(1)</script>"
    log.append("mission_started", 0, scenario=evil, seed=1, t0_utc="2029-07-04T00:00:00Z", site_key="k")
    log.append("lost", 3600, evil, reason=evil)
    log.append("job_assigned", 3600, evil, job=evil, by="station")
    log.flush()
    text = write_report(tmp_path).read_text()
    assert "<script>alert" not in text


def test_a_run_that_has_only_begun_has_a_report(tmp_path: Path) -> None:
    log = EventLog(tmp_path / FOLDER)
    log.append("mission_started", 0, scenario="x", seed=1, t0_utc="2029-07-04T00:00:00Z", site_key="k")
    log.flush()
    assert "not finished" in write_report(tmp_path).read_text()


def test_no_run_no_report(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError):
        write_report(tmp_path / "none")


def test_shadow_pictures_follow_the_sun(small_site: Site) -> None:
    times = np.array([0, 3600])
    pictures = take_pictures(small_site, times, np.array([10.0, 190.0]), np.array([1.0, -20.0]))
    assert [t for t, _ in pictures.frames] == [0, 3600]
    assert all(png.startswith(b"\x89PNG") for png in (pictures.ground, pictures.light, pictures.frames[0][1]))
    assert pictures.frames[0][1] != pictures.frames[1][1]
    assert pictures.bounds == tuple(small_site.ref.bounds)


def test_tracks_follow_the_route_between_two_reports(tmp_path: Path) -> None:
    log = EventLog(tmp_path / FOLDER)
    still = {"battery_wh": 1.0, "battery_frac": 1.0, "temp_k": 280.0, "lit": 1.0, "solar_w": 0.0, "load_w": 0.0}
    rest = {"activity": "DRIVE", "link": 0, "data_mbit": 0.0, "odometer_m": 0.0}
    log.append("status", 0, "r", x_m=0.0, y_m=0.0, **still, **rest)
    log.append("route", 10, "r", job="j", length_m=200.0, wkt="LINESTRING (0 0, 100 0, 100 100)")
    log.append("status", 3600, "r", x_m=100.0, y_m=90.0, **still, **rest)
    log.append("status", 7200, "r", x_m=900.0, y_m=900.0, **still, **rest)
    log.flush()
    bends = track_bends(read_events(tmp_path))
    assert {index: xy.tolist() for index, xy in bends.items()} == {1: [[100.0, 0.0]]}


def test_a_mark_tells_how_its_job_stood_at_each_moment() -> None:
    done = JobRecord("a", ("r",), 0, 300, 900, "done", 1.0, None, ())
    assert job_life(done) == [(0, "assigned"), (300, "started"), (900, "done")]
    unasked = JobRecord("b", ("r",), None, 300, None, "started", 0.0, None, ())
    assert job_life(unasked) == [(300, "started")]


def test_time_axis_and_ticks() -> None:
    axis = TimeAxis(parse_utc("2029-07-04T00:00:00Z"), 29 * 86_400)
    ticks = axis.ticks()
    assert len(ticks) <= 17
    assert ticks[0] == (0, "0 d", "04 Jul")
    assert axis.x(0) < axis.x(86_400) < axis.x(29 * 86_400)
    assert nice_ticks(-1.3, 2.2, 5) == [-1.0, 0.0, 1.0, 2.0]


def test_spans_and_thinning() -> None:
    t = np.array([1.0, 2.0, 3.0, 4.0])
    assert spans(t, np.array([True, True, False, True]), 1.0) == [(0.0, 2.0), (3.0, 4.0)]
    assert thin(np.arange(6.0), np.array([0.0, 0.0, 0.0, 5.0, 5.0, np.nan])) == [0, 2, 3, 4]
    slow = np.linspace(0.0, 1.0, 101)  # each step is below the tolerance, their sum is not
    assert len(thin(np.arange(101.0), slow)) > 8


@pytest.mark.web
@pytest.mark.skipif(BROWSER is None, reason="no headless Chromium on this machine")
def test_page_runs_without_script_errors(page: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    flags += "--disable-background-networking --disable-component-update --disable-sync"
    command = [
        str(BROWSER),
        *flags.split(),
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=4000",
        "--dump-dom",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    head = done.stdout[:400]
    assert 'data-ready="1"' in head
    assert "data-error" not in head
