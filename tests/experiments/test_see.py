"""``see``: what is found lies where it is, in pixels and on the ground; tiles see what the whole sees; formats give the same picture."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pyproj
import pytest
from rasterio.transform import Affine

from moonfleet.experiments import see as see_module
from moonfleet.experiments import see_example as made
from moonfleet.experiments.errors import OptionError, PictureError
from moonfleet.experiments.picture import lit_level, opened_picture
from moonfleet.experiments.see import Found, Seen, SeeOptions, see
from moonfleet.experiments.see_geojson import geojson, rings
from moonfleet.experiments.see_overlay import overlay
from moonfleet.experiments.see_tiles import cuts
from moonfleet.terrain.seeds import stream
from tests.autonomy import crater_scenes
from tests.experiments.pictures import MOON_OWN, MOON_POLAR, UTM, put, put_tiff

SUN = SeeOptions(made.SUN_AZ_DEG, made.SUN_EL_DEG, made.GSD_M)


@pytest.fixture(scope="module")
def example() -> np.ndarray:
    return made.example_picture(side_m=50.0)


@pytest.fixture(scope="module")
def craters() -> crater_scenes.MadeScene:
    return crater_scenes.take(3, 70.0)


def near(found: Found, col: float, row: float, reach: float) -> bool:
    return bool((np.hypot(found.col - col, found.row - row) <= reach).any())


def test_craters_and_rocks_are_where_they_are(tmp_path: Path, example: np.ndarray) -> None:
    seen = see(put(tmp_path / "a.png", example), SUN)
    assert seen.rocks is not None
    assert seen.craters is not None
    truth = made.example_ground().rocks(-24.0, -24.0, 24.0, 24.0)
    large = truth[truth[:, 3] >= 0.2]
    assert len(large) >= 4
    middle = 0.5 * (len(example) - 1)
    hits = [near(seen.rocks, middle + x / 0.1, middle - y / 0.1, 4.0) for x, y, *_ in large]
    assert np.mean(hits) >= 0.8
    assert seen.kind == "8-bit grey PNG"
    assert seen.warnings == ()


def test_craters_alone_and_their_light(tmp_path: Path, craters: crater_scenes.MadeScene) -> None:
    seen = see(put(tmp_path / "a.png", craters.image))
    assert seen.rocks is None
    assert seen.craters is not None
    hits = [near(seen.craters, x, y, 0.3 * r) for x, y, r, _ in craters.craters]
    assert np.mean(hits) >= 0.7
    assert seen.sun_az_deg == pytest.approx(70.0, abs=15.0)
    assert any("read from the picture" in words for words in seen.notes)
    assert seen.warnings == ("craters only: rocks need --gsd, --sun-az and --sun-el too",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (SeeOptions(60.0, 10.0), "craters only: rocks need --gsd too"),
        (SeeOptions(60.0, None, 0.1), "craters only: rocks need --sun-el too"),
        (SeeOptions(60.0, 10.0, 5.0), "craters only: rocks up to 4 m do not show in pixels of 5 m"),
    ],
)
def test_says_why_it_does_craters_only(tmp_path: Path, example: np.ndarray, options: SeeOptions, words: str) -> None:
    path = put(tmp_path / "a.png", example)
    seen = see(path, options)
    assert seen.rocks is None
    assert words in seen.warnings
    with pytest.raises(OptionError, match="--only rocks"):
        see(path, SeeOptions(options.sun_az_deg, options.sun_el_deg, options.gsd_m, only="rocks"))


def matched(a: Found, b: Found, reach: float) -> float:
    """Share of ``a`` that ``b`` has too."""
    return float(np.mean([near(b, x, y, reach) for x, y in zip(a.col, a.row, strict=True)])) if len(a.col) else 1.0


def test_tiles_see_what_the_whole_sees(tmp_path: Path) -> None:
    path = put(tmp_path / "a.png", made.example_picture(side_m=110.0))
    whole, parts = see(path, SUN), see(path, SUN, longest=380)
    for one, other in ((whole.rocks, parts.rocks), (whole.craters, parts.craters)):
        assert one is not None
        assert other is not None
        # not those of the least size that is told, which a hair's breadth tells or not
        sure_one, sure_other = (
            found.take((found.confidence > 0.6) & (found.diameter_m > 1.15 * 0.2)) for found in (one, other)
        )
        assert matched(sure_one, other, 4.0) >= 0.95
        assert matched(sure_other, one, 4.0) >= 0.95
        gap = np.hypot(other.col[:, None] - other.col, other.row[:, None] - other.row)
        both = 0.5 * np.sqrt(other.semi_col_px * other.semi_row_px)
        least, most = np.minimum(both[:, None], both), np.maximum(both[:, None], both)
        alike = least > 0.5 * most  # a crater may lie in a larger one
        twice = alike & (gap < least)
        assert not np.triu(twice, 1).any(), "nothing is told twice"
    assert np.array_equal(whole.overview, parts.overview)


def test_cuts_cover_and_are_short_enough() -> None:
    for length in (1, 32, 2047, 2048, 2049, 20_000):
        parts = cuts(length)
        assert parts[0][0] == 0
        assert parts[-1][1] == length
        assert all(a[1] == b[0] for a, b in pairwise(parts))
        assert max(b - a for a, b in parts) <= 2048


def test_a_large_picture_is_shrunk_for_drawing_only(tmp_path: Path) -> None:
    image = np.full((40, 5000), 90, np.uint8)
    image[:, 2500:] = 200
    seen = see(put(tmp_path / "a.png", image))
    assert seen.overview.shape == (14, 1667)
    drawn = overlay(seen)
    assert drawn.shape[1] == 1667
    assert len(np.unique(drawn[:14].reshape(-1, 3), axis=0)) >= 2


FORMATS = (
    "a.png",
    "a.jpg",
    "a.tif",
    "a.pgm",
    "a16.png",
    "a16.pgm",
    "a16.tif",
    "c.png",
    "c.jpg",
    "c.ppm",
    "rgba.png",
    "f.tif",
)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_picture(tmp_path: Path, example: np.ndarray, name: str) -> None:
    image = example[:120, :160]
    if name.startswith("a16"):
        image = image.astype(np.uint16) * 200
    elif name == "rgba.png":
        image = np.dstack([image, image, image, np.full_like(image, 255)])
    elif name.startswith("c"):
        image = np.dstack([image] * 3)
    path = tmp_path / name
    if name == "f.tif":
        put_tiff(path, image.astype(np.float32) / 255.0)
    else:
        put(path, image, *((cv2.IMWRITE_JPEG_QUALITY, 100) if name.endswith("jpg") else ()))
    with opened_picture(path) as picture:
        grey, known = picture.read(0, picture.rows)
        words, said = picture.kind, picture.said
    assert known.all()
    assert grey.shape == (120, 160)
    scaled = grey * (float(lit_level(example[:120, :160].astype(np.float64).ravel())) / lit_level(grey.ravel()))
    assert np.abs(scaled - example[:120, :160]).max() <= (6.0 if name.endswith("jpg") else 1.5)
    assert ("colour" in words) == (name[0] in "cr")
    assert bool(said) == (name[0] in "cr")


def test_values_that_are_none_are_left_out(tmp_path: Path, example: np.ndarray) -> None:
    image = example.astype(np.float32)
    image[:200], image[200:210], image[210:220] = np.nan, np.inf, -9999.0
    seen = see(put_tiff(tmp_path / "a.tif", image, nodata=-9999.0), SUN)
    assert seen.rocks is not None
    assert len(seen.rocks.row)
    assert seen.rocks.row.min() >= 218
    assert any("44.0% of the pixels have no value" in words for words in seen.notes)
    with pytest.raises(PictureError, match="no pixel has a value"):
        see(put_tiff(tmp_path / "b.tif", np.full((64, 64), np.nan, np.float32)))


def test_transparent_pixels_are_left_out(tmp_path: Path, example: np.ndarray) -> None:
    clear = np.full_like(example, 255)
    clear[:, :250] = 0
    seen = see(put(tmp_path / "a.png", np.dstack([example, example, example, clear])), SUN)
    assert seen.rocks is not None
    assert seen.rocks.col.min() >= 248


def test_a_sun_that_the_picture_contradicts_is_told_and_trusted_less(tmp_path: Path, example: np.ndarray) -> None:
    path = put(tmp_path / "a.png", example)
    right, wrong = (
        see(path, SUN),
        see(path, SeeOptions(made.SUN_AZ_DEG + 180.0, made.SUN_EL_DEG, made.GSD_M, min_confidence=0.05)),
    )
    assert any("lit from about" in words for words in wrong.warnings)
    assert right.rocks is not None
    assert wrong.rocks is not None
    assert wrong.rocks.confidence.max() <= 0.3 < right.rocks.confidence.mean()


def coordinates(feature: dict) -> np.ndarray:
    return np.array(feature["geometry"]["coordinates"][0])


def check_geojson(seen: Seen) -> dict:
    """Check what RFC 7946 wants; returns the collection read back."""
    found = json.loads(json.dumps(geojson(seen), allow_nan=False))
    assert found["type"] == "FeatureCollection"
    assert found["features"]
    for feature in found["features"]:
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] == "Polygon"
        ring = coordinates(feature)
        assert ring.shape == ((25, 2) if feature["properties"]["kind"] == "crater" else (13, 2))
        assert np.isfinite(ring).all()
        assert (ring[0] == ring[-1]).all()
        x, y = (ring - ring[0]).T
        assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0.0, "outer rings run counterclockwise"
        assert feature["properties"]["kind"] in ("crater", "rock")
        assert 0.0 <= feature["properties"]["confidence"] <= 1.0
    return found


def test_geojson_in_pixels(tmp_path: Path, example: np.ndarray) -> None:
    seen = see(put(tmp_path / "a.png", example), SUN)
    found = check_geojson(seen)
    assert found["crs"] is None
    assert "pixels" in found["moonfleet"]["coordinates"]
    for feature in found["features"]:
        about, middle = feature["properties"], coordinates(feature)[:-1].mean(axis=0)
        assert middle == pytest.approx([about["col_px"] + 0.5, about["row_px"] + 0.5], abs=0.05)
        assert about["diameter_m"] == pytest.approx(about["width_px"] * 0.1, rel=0.05, abs=0.02)
        assert ("height_m" in about) == (about["kind"] == "rock")
        assert ("depth_class" in about) == ("diameter_sigma_m" in about) == (about["kind"] == "crater")


def test_ellipses_point_along_their_axis() -> None:
    one = np.ones(1)
    found = Found(10.0 * one, 20.0 * one, 5.0 * one, 2.0 * one, 30.0 * one, one, one, one, np.zeros(1, np.int64))
    col, row = rings(found, 24)
    far = int(np.hypot(col[0] - 10.5, row[0] - 20.5).argmax())
    angle = math.degrees(math.atan2(col[0, far] - 10.5, 20.5 - row[0, far])) % 180.0
    assert angle == pytest.approx(30.0, abs=1e-6)


CORNERS = {UTM: (400_000.0, 5_000_000.0), MOON_POLAR: (30_000.0, 40_000.0), MOON_OWN: (5e5, -2.4e6)}


@pytest.mark.parametrize("crs", [MOON_POLAR, MOON_OWN, UTM, "EPSG:4326", "IAU_2015:30100"])
def test_geojson_on_the_ground(tmp_path: Path, craters: crater_scenes.MadeScene, crs: str) -> None:
    degrees = pyproj.CRS.from_user_input(crs).is_geographic
    corner, cell = ((15.0, 0.5), 1e-5) if degrees else (CORNERS[crs], 0.25)
    transform = Affine(cell, 0.0, corner[0], 0.0, -cell, corner[1])
    seen = see(put_tiff(tmp_path / "a.tif", craters.image, crs, transform))
    found = check_geojson(seen)
    assert seen.pixel_m is not None
    on_earth = crs.startswith("EPSG")
    assert ("crs" in found) == (not on_earth)
    if crs == MOON_OWN:
        assert found["crs"] is None
        assert "wkt" in found["moonfleet"]
    elif not on_earth:
        assert found["crs"]["properties"]["name"] == f"urn:ogc:def:crs:{crs.replace(':', '::')}"
    to_file = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True) if on_earth else None
    for feature in found["features"]:
        about, xy = feature["properties"], coordinates(feature)[:-1]
        x, y = to_file.transform(*xy.T) if to_file else xy.T
        expected = (corner[0] + cell * (about["col_px"] + 0.5), corner[1] - cell * (about["row_px"] + 0.5))
        assert (x.mean(), y.mean()) == pytest.approx(expected, abs=0.1 * cell)
        assert about["diameter_m"] == pytest.approx(about["width_px"] * seen.pixel_m[0], rel=0.2)
        assert {"lon_deg", "lat_deg"} <= about.keys()


def test_pixel_size_is_that_on_the_ground(tmp_path: Path, craters: crater_scenes.MadeScene) -> None:
    # equidistant cylindrical with true scale at the equator: at 60 degrees a pixel is half as wide as it says
    crs = "+proj=eqc +lat_ts=0 +R=1737400 +units=m +no_defs"
    top = 1_737_400.0 * math.radians(-60.0)
    path = put_tiff(tmp_path / "a.tif", craters.image, crs, Affine(2.0, 0.0, 0.0, 0.0, -2.0, top))
    seen = see(path, SeeOptions(70.0, 25.0))
    assert seen.pixel_m == pytest.approx((1.0, 2.0), rel=1e-3)
    assert "craters only: rocks need square pixels, these are 0.9997 x 2 m" in " ".join(seen.warnings)
    assert (
        see(path, SeeOptions(70.0, 25.0, 1.5)).warnings[0].startswith("--gsd 1.5 is used; the file's georeference says")
    )


def test_min_size_and_confidence(tmp_path: Path, example: np.ndarray) -> None:
    path = put(tmp_path / "a.png", example)
    seen = see(path, SeeOptions(made.SUN_AZ_DEG, made.SUN_EL_DEG, made.GSD_M, min_confidence=0.9, min_size_m=0.4))
    assert seen.rocks is not None
    assert seen.craters is not None
    for found in (seen.rocks, seen.craters):
        assert (found.diameter_m >= 0.4).all()
        assert (found.confidence >= 0.9).all()
        assert (np.diff(found.confidence) <= 0.0).all(), "surest first"
    with pytest.raises(OptionError, match="--min-size: needs the size of a pixel"):
        see(path, SeeOptions(min_size_m=1.0))


def test_black_picture_is_said_to_be_black(tmp_path: Path) -> None:
    seen = see(put(tmp_path / "a.png", np.zeros((64, 64), np.uint8)), SUN)
    assert "the picture is black: nothing can be seen" in seen.warnings
    assert seen.to_json()["craters"] == {"count": 0, "shallow": 0, "worn": 0, "deep": 0, "largest_m": None}


def test_overlay_shows_what_was_seen(tmp_path: Path, example: np.ndarray) -> None:
    seen = see(put(tmp_path / "a.png", example), SUN)
    drawn = overlay(seen)
    assert drawn.shape[1] == 3 * example.shape[1], "small pictures are enlarged"
    assert drawn.shape[0] > drawn.shape[1], "a legend below"
    colourful = (np.ptp(drawn.astype(int), axis=2) > 60).mean()
    assert 0.005 < colourful < 0.5
    nothing = overlay(see(put(tmp_path / "b.png", np.full((64, 64), 90, np.uint8))))
    assert np.ptp(nothing[:256].astype(int), axis=2).max() == 0, "nothing seen, nothing drawn"


def test_read_is_the_same_in_strips(tmp_path: Path) -> None:
    image = stream(1, "strips").integers(0, 255, (300, 200)).astype(np.uint8)
    with opened_picture(put(tmp_path / "a.jpg", image)) as picture:
        whole = picture.read(0, 300)[0]
        parts = np.concatenate([picture.read(at, 60)[0] for at in range(0, 300, 60)])
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize(("kind", "bits"), [(np.uint8, 8), (np.uint16, 16), (np.uint16, 12)])
def test_a_file_that_counts_from_white_is_turned_round(
    tmp_path: Path, example: np.ndarray, kind: type, bits: int
) -> None:
    most = (1 << bits) - 1
    image = (example.astype(np.uint16) * (most // 255)).astype(kind)
    path = put_tiff(tmp_path / "white.tif", (most - image).astype(kind), photometric="MINISWHITE", nbits=bits)
    with opened_picture(path) as picture:
        grey, known = picture.read(0, picture.rows)
        assert any("0 is white" in words for words in picture.said)
    assert known.all()
    assert np.array_equal(grey, image.astype(np.float32))


def test_a_picture_known_between_the_samples_is_not_black(
    tmp_path: Path, example: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(see_module, "SAMPLE_PX", 10_000)  # every fifth pixel of these
    image = np.zeros_like(example)
    image[1::5, 1::5] = np.maximum(example[1::5, 1::5], 1)
    seen = see(put_tiff(tmp_path / "a.tif", image, nodata=0), SeeOptions(only="craters"))
    assert not any("black" in words for words in seen.warnings)


def test_known_pixels_that_every_sample_misses_still_tell_the_exposure() -> None:
    image = np.full((1001, 1001), np.nan, np.float32)  # the median is sampled at every third pixel
    image[1::3, 1::3] = np.tile(crater_scenes.take(3, 70.0).image, (3, 3))[:334, :334][
        : len(image[1::3]), : len(image[1::3])
    ]
    from moonfleet.autonomy.craters_seen import _grey

    grey, known = _grey(image)
    assert np.median(grey[known]) == pytest.approx(100.0, rel=0.1)


def test_what_has_no_place_in_the_projection_has_no_polygon(tmp_path: Path, craters: crater_scenes.MadeScene) -> None:
    seen = see(put_tiff(tmp_path / "a.tif", craters.image, MOON_POLAR, Affine(5.0, 0.0, 10_000.0, 0.0, -5.0, 20_000.0)))
    assert seen.craters is not None
    assert seen.ground is not None
    far = replace(
        seen,
        craters=seen.craters._replace(col=np.where(np.arange(len(seen.craters.col)) == 0, np.inf, seen.craters.col)),
    )
    features = cast(list[dict[str, Any]], geojson(far)["features"])
    assert features[0]["geometry"] is None
    assert all(feature["geometry"] is not None for feature in features[1:])
    json.dumps(features, allow_nan=False)


def test_a_file_that_asks_to_be_turned_is_told(tmp_path: Path, example: np.ndarray) -> None:
    data = cv2.imencode(".jpg", example)[1].tobytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    with opened_picture(path) as picture:
        assert any("orientation 6" in words for words in picture.said)
