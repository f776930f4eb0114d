"""The route sheet: whole, offline, of any way, and what it draws is where the plan is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moonfleet.experiments.route_map import BATTERY, bounds_around
from moonfleet.experiments.route_page import plan_sheet, route_sheet, write_sheet
from moonfleet.experiments.route_plan import RouteAnswer, RouteAsk, answer
from moonfleet.experiments.route_track import RouteStop, RouteTrack, track_of_cells, track_of_line
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.site import Site
from tests.known_site import known_site

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
CELLS = np.array([[10, 10], [20, 20], [20, 40], [50, 40]])


@pytest.fixture(scope="module")
def site() -> Any:
    return known_site()


@pytest.fixture(scope="module")
def timed(site: Any) -> RouteTrack:
    """A way with a stop of two hours at its second point."""
    cells = np.array([[10, 10], [20, 20], [20, 20], [20, 40], [50, 40]])
    xy = track_of_cells(site.ref, cells).xy
    return RouteTrack(
        xy, np.array([0.0, 3600.0, 10_800.0, 14_400.0, 18_000.0]), np.array([100.0, 60.0, 95.0, 70.0, 30.0]),
        np.array([0.0, 0.5, 1.0, 1.0]), np.array([True, False, True, True]), (RouteStop(1, 2, "charge", 35.0),),
    )  # fmt: skip


@pytest.fixture(scope="module")
def planned(small_site: Site) -> RouteAnswer:
    return answer(small_site, RouteAsk(days=5.0, start="centre", haven_hours=30.0), lambda *_: None)


def whole(page: str) -> None:
    assert not re.findall(r"https?://", page.replace("http://www.w3.org/2000/svg", ""))
    assert not re.search(r"<(link|img|script|iframe)[^>]+(src|href)=", page)
    assert all(address.startswith(("data:image/", "#")) for address in re.findall(r'href="([^"]+)"', page))
    assert page.count("<svg") == page.count("</svg>")
    idents = re.findall(r'\bid="([^"]+)"', page)
    assert len(idents) == len(set(idents))
    for svg in re.findall(r"<svg[^>]*>", page):
        assert 'role="img"' in svg
        assert "aria-label" in svg


def test_a_plain_line_has_a_sheet(site: Any) -> None:
    track = track_of_cells(site.ref, CELLS)
    page = route_sheet(site, track.xy, title="A <way>")
    whole(page)
    assert "A &lt;way&gt;" in page
    assert 'id="profile"' in page
    assert 'id="time"' not in page
    assert f"{track.metres / 1000.0:.2f} km" in page
    assert page == route_sheet(site, track, title="A <way>")


def test_battery_light_links_and_stops_are_drawn(site: Any, timed: RouteTrack) -> None:
    page = route_sheet(site, timed, capacity_wh=100.0, reserve_wh=20.0, max_slope_deg=20.0)
    whole(page)
    ways = re.findall(r'class="way" stroke="(#\w+)"', page)
    means = (80.0, 77.5, 82.5, 50.0)
    assert ways == [BATTERY[int(mean // 10)] for mean in (80.0, 77.5, 82.5, 50.0)], means
    assert page.count('class="stop"') == 1
    assert "waits to charge 2.0 h" in page
    assert "reserve 20 Wh" in page
    assert "Earth in sight 1.0 h" in page
    assert "Earth in sight 2.0 h" in page
    assert "drives 1.0 h" in page


def test_what_is_lost_is_told(site: Any, timed: RouteTrack) -> None:
    lost = timed._replace(lost="battery empty", stops=())
    page = route_sheet(site, timed, capacity_wh=100.0, other=lost)
    assert page.count('class="lost"') == 2
    assert "straight through: battery empty" in page


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 2)), np.zeros((3, 3)), np.array([[0.0, 0.0], [np.nan, 1.0]]), np.zeros(4)]
)
def test_what_is_no_way_is_refused(site: Any, bad: np.ndarray) -> None:
    with pytest.raises(SiteError, match="route: "):
        route_sheet(site, bad)
    with pytest.raises(SiteError, match="route: "):
        track_of_cells(site.ref, np.zeros((3, 3)))


def test_map_shows_the_way_and_stays_on_the_site(site: Any) -> None:
    ref = site.ref
    for cells in (CELLS, np.array([[0, 0], [0, 1]]), np.array([[0, 0], [63, 63]]), np.array([[63, 0], [63, 63]])):
        track = track_of_cells(ref, cells)
        x0, y0, x1, y1 = bounds_around(site, track.xy)
        xmin, ymin, xmax, ymax = ref.bounds
        assert xmin - 1e-6 <= x0 <= track.xy[:, 0].min()
        assert track.xy[:, 0].max() <= x1 <= xmax + 1e-6
        assert ymin - 1e-6 <= y0 <= track.xy[:, 1].min()
        assert track.xy[:, 1].max() <= y1 <= ymax + 1e-6
        route_sheet(site, track)


def test_a_plan_has_a_sheet_with_its_numbers(planned: RouteAnswer) -> None:
    page = plan_sheet(planned)
    whole(page)
    assert page == plan_sheet(planned)
    found = re.search(r'id="route-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert len(data["t"]) == len(planned.plan.times_s) == len(data["x"]) == len(data["b"])
    assert data["s"][-1] == pytest.approx(planned.plan.metres, abs=0.1)
    assert f"{planned.plan.margin_wh:.0f} Wh" in page
    assert "haven" in page


def test_sheet_is_written_whole_or_an_error(tmp_path: Path) -> None:
    line = track_of_line([(0.0, 0.0), (1.0, 1.0)])
    assert line.metres == pytest.approx(2.0**0.5)
    path = write_sheet("<p>", tmp_path / "new" / "a.html")
    assert path.read_text() == "<p>"
    with pytest.raises(SiteError, match="cannot be written"):
        write_sheet("<p>", path / "b.html")


WATCH = """<script>
window.addEventListener("load", () => {
  const svg = document.querySelector("#%s svg"), box = svg.getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + 0.6 * box.width, clientY: box.top + 20, bubbles: true }));
  document.getElementById("theme").click();
  document.documentElement.dataset.wide = document.documentElement.scrollWidth - innerWidth;
  document.documentElement.dataset.ready = "1";
});
</script></body>"""
ERRORS = (
    '<head><script>addEventListener("error", (e) => { document.documentElement.dataset.error = e.message; });</script>'
)


@pytest.mark.web
@pytest.mark.skipif(BROWSER is None, reason="no headless Chromium on this machine")
@pytest.mark.parametrize(("strip", "size"), [("time", "1300,1500"), ("profile", "420,900")])
def test_page_follows_the_mouse(planned: RouteAnswer, tmp_path: Path, strip: str, size: str) -> None:
    page = plan_sheet(planned).replace("<head>", ERRORS).replace("</body>", WATCH % strip)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    told = subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={size}", "--dump-dom", (tmp_path / "page.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    head = told[:600]
    assert "data-error" not in head
    assert 'data-ready="1"' in head
    assert 'data-theme="dark"' in head
    wide = re.search(r'data-wide="(-?\d+)"', head)
    assert wide is not None
    assert int(wide[1]) <= 0, "nothing wider than the window"
    tip = re.search(r'<div id="tip"[^>]*>(.*?)</div>', told, re.DOTALL)
    assert tip is not None
    assert "km on" in tip[1]
    assert "UTC" in tip[1]
    assert "battery" in tip[1]
    assert re.search(r'id="here"[^>]*visibility="visible"', told)
