"""The figure page of a site: whole, self-contained, right in its numbers and places, and alive in a real browser."""

from __future__ import annotations

import base64
import json
import math
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from moonfleet.experiments.site_facts import area_km2, best_cell, ground_words
from moonfleet.experiments.site_frame import (
    Frame,
    latitude_circles,
    longitude_ticks,
    name_marks,
    round_length,
    scale_bar,
)
from moonfleet.experiments.site_layers import layers_of
from moonfleet.experiments.site_page import MAX_BYTES, render_site, write_site_page
from moonfleet.experiments.site_plots import sky_ways
from moonfleet.terrain.colours import colour_table
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, polar_xy
from moonfleet.terrain.site import Site
from tests.known_site import BEST, DARK, known_site

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
MAPS = ("height", "slope", "light", "night", "shadow", "earth", "rock")


@pytest.fixture(scope="module")
def site() -> Any:
    return known_site()


@pytest.fixture(scope="module")
def page(site: Any) -> str:
    return render_site(site)


def picture(address: str) -> np.ndarray:
    """The pixels of an embedded picture, RGB."""
    data = base64.b64decode(address.split(",", 1)[1])
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1]


def readings(page: str) -> dict[str, np.ndarray]:
    """The values under the mouse, as the page's script sees them."""
    found = re.search(r'id="site-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    out: dict[str, np.ndarray] = {}
    for layer in json.loads(found.group(1))["layers"]:
        raw = zlib.decompress(base64.b64decode(layer["data"]))
        codes = np.frombuffer(raw, "<u1" if layer["bytes"] == 1 else "<u2").reshape(layer["rows"], layer["cols"])
        out[layer["name"]] = layer["offset"] + layer["step"] * codes
    return out


def test_page_is_whole_and_needs_no_network(page: str) -> None:
    for ident in (*MAPS, "region", "skylines", "facts"):
        assert f'id="{ident}"' in page
    assert len(page) < MAX_BYTES
    assert not re.findall(r"https?://", page.replace("http://www.w3.org/2000/svg", ""))
    assert not re.search(r"<(link|img|script|iframe)[^>]+(src|href)=", page)
    assert all(address.startswith(("data:image/", "#")) for address in re.findall(r'href="([^"]+)"', page))
    assert page.count("<svg") == page.count("</svg>")


def test_every_figure_is_described(page: str) -> None:
    for svg in re.findall(r'<svg(?! class="shared")[^>]*>', page):
        assert 'role="img"' in svg
        assert "aria-label" in svg
    for name in re.findall(r'aria-labelledby="([^"]+)"', page):
        assert all(f'id="{ident}"' in page for ident in name.split())
    idents = re.findall(r'\bid="([^"]+)"', page)
    assert len(idents) == len(set(idents))


def test_same_site_same_page_in_one_file(site: Any, tmp_path: Path, page: str) -> None:
    path = write_site_page(site, tmp_path / "new" / "page.html")
    assert path.read_text(encoding="utf-8") == page
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SiteError, match="cannot be written"):
        write_site_page(site, blocked / "page.html")


def test_a_built_site_has_a_page(small_site: Site) -> None:
    own = known_site(small_site.ref.rows)  # light and Earth of a site that was built without them
    for field in (
        "name",
        "seed",
        "key",
        "ref",
        "grid",
        "slope_deg",
        "rock_cover",
        "horizon",
        "mean_lit",
        "sky",
        "path",
    ):
        setattr(own, field, getattr(small_site, field))
    page = render_site(own)
    assert "NASA LOLA polar grid" in page
    assert small_site.key in page


def test_names_are_escaped() -> None:
    page = render_site(known_site(name='</h1><script>alert("x")</script>'))
    assert "<script>alert" not in page


def test_pictures_show_each_cell_in_its_colour(site: Any) -> None:
    layers = {layer.key: layer for layer in layers_of(site, "2029")}
    for key, values, high in (("light", 100 * site.mean_lit, 90.0), ("earth", 100 * site.earth_visible, 50.0)):
        image = picture(layers[key].picture)
        k = image.shape[0] // 64
        assert image.shape == (64 * k, 64 * k, 3)
        assert image.shape[0] >= 900
        assert layers[key].scale.values == (0.0, high)
        index = np.round(255.0 * np.minimum(values / high, 1.0)).astype(int)
        assert (image[k // 2 :: k, k // 2 :: k] == colour_table(key)[index]).all()
    night = picture(layers["night"].picture)
    k = night.shape[0] // 64
    black = (night[k // 2 :: k, k // 2 :: k].max(axis=-1) < 20).nonzero()
    assert set(zip(*black, strict=True)) == {(r, c) for r in range(40, 50) for c in range(10, 20)}


def test_values_under_the_mouse_are_those_of_the_site(page: str, site: Any) -> None:
    found = readings(page)
    for name, values, tolerance in (
        ("height", site.grid.elevation_m, 0.26),
        ("slope", site.slope_deg, 0.21),
        ("average illumination", 100 * site.mean_lit, 0.26),
        ("longest night", site.longest_night_s / 86_400.0, 0.06),
        ("permanent shadow", site.permanent_shadow, 0.0),
        ("earth visibility", 100 * site.earth_visible, 0.26),
        ("rock cover", 100 * site.rock_cover, 0.11),
    ):
        assert np.abs(found[name] - values).max() <= tolerance, name


def test_a_large_site_is_averaged_down_first() -> None:
    large = known_site(1100)
    layers = layers_of(large, "2029")
    for layer in layers:
        assert max(picture(layer.picture).shape) == 900
        assert max(layer.reading.codes.shape) <= 320
    light = next(layer for layer in layers if layer.key == "light")
    codes = light.reading.codes * light.reading.step
    assert codes.mean() == pytest.approx(100 * large.mean_lit.mean(), abs=0.3)


def test_facts_are_those_of_the_site(page: str, site: Any) -> None:
    best = best_cell(site)
    assert (best.row, best.col) == BEST
    assert best.lit == pytest.approx(0.875)
    words = re.sub(r"<[^>]+>", " ", page[page.index('id="facts"') :])
    assert "1.28 x 1.28 km" in words
    assert "64 x 64 of 20 m" in words
    assert "36 directions, from 2 m, 10 m above the ground" in words
    assert "87.5 % of the Sun's disc over 2029, longest night 2.5 days" in words
    assert "0.040 km²" in words
    assert "50.0 % of the time" in words


def test_area_is_that_of_the_sphere() -> None:
    at_70 = GeoRef.centred(*polar_xy(0.0, -70.0), 40_000.0, 100.0)
    stretch = 2.0 / (1.0 + math.sin(math.radians(70.0)))  # Snyder 1987, eq. 21-4: k of the polar aspect
    assert area_km2(at_70, np.ones(at_70.shape, dtype=bool)) == pytest.approx(1600.0 / stretch**2, rel=2e-4)
    dark = np.zeros((64, 64), dtype=bool)
    dark[DARK] = True
    assert area_km2(known_site().ref, dark) == pytest.approx(0.04, rel=1e-3)


def test_ground_is_told_apart() -> None:
    assert "no measured ground" in ground_words({"synthetic": True}, 20.0)
    assert ground_words({"dem": "/a/b/tile.tif"}, 5.0).startswith("tile.tif")
    assert "1600 m" in ground_words({"dem": None}, 20.0)
    assert ground_words({}, 20.0) == "not recorded"


def test_marks_stand_where_they_belong() -> None:
    frame = Frame((1000.0, -3000.0, 3000.0, -1000.0), left=50.0, top=20.0, width=400.0)
    across, down = frame.px(1500.0, -1500.0)
    assert (float(across), float(down)) == (150.0, 120.0)
    circles = latitude_circles(frame, "c")
    rho = float(polar_xy(0.0, -89.94)[1])
    assert re.search(rf'cx="-150" cy="-180" r="{rho / 5.0:.1f}"', circles), "around the pole"
    assert "89.94° S" in circles
    # 150 E crosses the left edge, x = 1000 m, at y = -1000 m / tan(30 deg): 166.4 px down
    assert re.search(r'x1="50" y1="166.4" [^>]*><text [^>]*>150°<', longitude_ticks(frame))
    assert ">500 m<" in scale_bar(frame)
    assert 'width="100"' in scale_bar(frame)
    marks = name_marks(frame, {"here": (2000.0, -2000.0), "away": (9e5, 0.0), "there": (2000.0, -2010.0)}, [])
    assert ">here<" in marks
    assert "away" not in marks


def test_the_pole_itself_can_be_on_the_map() -> None:
    frame = Frame((-4000.0, -4000.0, 4000.0, 4000.0))
    assert "89.90° S" in latitude_circles(frame, "c") or "89.9° S" in latitude_circles(frame, "c")
    ticks = longitude_ticks(frame)
    for lon in (0, 90, 180, 270):
        assert f">{lon}°<" in ticks


def test_round_lengths() -> None:
    assert [round_length(v) for v in (1.0, 1.9, 4.99, 5.0, 730.0)] == [1.0, 1.0, 2.0, 5.0, 500.0]


def test_sun_and_earth_pass_where_they_should(site: Any) -> None:
    ways = sky_ways(site, ("2029-01-01T00:00:00", "2030-01-01T00:00:00"))
    assert ways.az_deg.size == 90, "the Sun circles the whole horizon"
    # at the pole the Sun's centre stays within 1.6 deg; 0.55 deg away from it, within that more
    assert -2.5 < ways.low_deg.min() < -2.0
    assert 2.0 < ways.high_deg.max() < 2.5
    assert (ways.high_deg - ways.low_deg).min() > 2.0
    middle = 0.5 * sum(ways.earth_az_deg) % 360.0
    assert min(middle, 360.0 - middle) < 1.0, "longitude 0, which is grid azimuth 0"
    assert 14.0 < ways.earth_az_deg[1] - ways.earth_az_deg[0] < 18.0
    assert 12.5 < ways.earth_el_deg[1] - ways.earth_el_deg[0] < 14.5


def browse(page: str, folder: Path, *flags: str) -> str:
    """The page as a browser has it after its scripts ran."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    common = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    common += "--disable-background-networking --disable-component-update --disable-sync"
    command = [str(BROWSER), *common.split(), f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=4000"]
    done = subprocess.run(
        [*command, *flags, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout


HOVER = """<script>
const wait = setInterval(() => {
  if (!document.documentElement.dataset.ready) return;
  clearInterval(wait);
  const svg = document.querySelector("#%s svg"), p = new DOMPoint(%f, %f).matrixTransform(svg.getScreenCTM());
  svg.dispatchEvent(new PointerEvent("pointermove", { clientX: p.x, clientY: p.y, bubbles: true }));
  document.documentElement.dataset.wide = String(document.documentElement.scrollWidth - innerWidth);
}, 20);
</script></body>"""


@pytest.mark.web
@pytest.mark.skipif(BROWSER is None, reason="no headless Chromium on this machine")
@pytest.mark.parametrize(("key", "size"), [("night", "1400,900"), ("height", "400,800")])
def test_page_tells_what_is_under_the_mouse(page: str, site: Any, tmp_path: Path, key: str, size: str) -> None:
    frame = Frame(site.ref.bounds)
    x, y = frame.px(*site.ref.xy(float(BEST[0]), float(BEST[1])))
    told = browse(page.replace("</body>", HOVER % (key, float(x), float(y))), tmp_path, f"--window-size={size}")
    assert 'data-ready="1"' in told[:600]
    assert "data-error" not in told[:600]
    tip = re.search(r'<div id="tip"[^>]*>(.*?)</div>', told, re.DOTALL)
    assert tip is not None
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", tip.group(1)))
    lon, lat = best_cell(site).lonlat
    assert f"{lon:.3f}° E, {-lat:.4f}° S" in words
    assert "average illumination 87.5 %" in words
    assert "longest night 2.5 d" in words
    assert "permanent shadow no" in words
    assert told.count('class="cross"') == len(MAPS)
    wide = re.search(r'data-wide="(-?\d+)"', told)
    assert wide is not None
    assert int(wide.group(1)) <= 0, "nothing wider than the window"
