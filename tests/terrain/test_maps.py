"""Colours that every eye can order, marks at their places, files that open."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from moonfleet.terrain import maps
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid

REF = GeoRef(30_000.0, -18_000.0, 20.0, 100, 150)


def hill() -> HeightGrid:
    rows, cols = np.mgrid[:100, :150]
    return HeightGrid((300.0 * np.exp(-((rows - 50) ** 2 + (cols - 75) ** 2) / 600.0)).astype(np.float32), REF)


@pytest.mark.parametrize("name", sorted(maps.ANCHORS))
def test_lightness_runs_evenly_one_way(name: str) -> None:
    lightness = maps.to_oklab(maps.colour_table(name))[:, 0]
    steps = np.diff(lightness) * np.sign(lightness[-1] - lightness[0])
    assert steps.min() > -0.003  # rounding to 8 bits
    assert np.percentile(steps, 95) < 2.5 * abs(lightness[-1] - lightness[0]) / 255
    assert abs(lightness[-1] - lightness[0]) > 0.6


def test_unknown_colour_map_is_named_with_the_nearest() -> None:
    with pytest.raises(SiteError, match="Did you mean 'slope'"):
        maps.colour_table("slop")


def test_paint_spans_low_to_high_and_marks_the_unknown() -> None:
    image = maps.paint([[-9.0, 0.0, 1.0, 9.0, np.nan]], "light", 0.0, 1.0)
    table = maps.colour_table("light")
    assert image.tolist() == [
        [table[0].tolist(), table[0].tolist(), table[255].tolist(), table[255].tolist(), list(maps.UNKNOWN)]
    ]
    assert maps.paint([[3.0]], "grey", 3.0, 3.0).shape == (1, 1, 3)


def test_hillshade_is_bright_towards_its_light() -> None:
    shade = maps.hillshade(hill(), 315.0)
    assert shade.dtype == np.uint8
    assert shade[40, 65] > shade[5, 5] > shade[60, 85]


def test_maps_have_the_shape_of_the_grid() -> None:
    grid = hill()
    for image in (
        maps.terrain_map(grid),
        maps.light_map(grid, grid.elevation_m / 300),
        maps.slope_map(grid.slope_deg()),
    ):
        assert image.shape == (100, 150, 3)
        assert image.dtype == np.uint8
        assert image.std() > 5


def test_png_keeps_every_pixel() -> None:
    image = maps.terrain_map(hill())
    back = cv2.imdecode(np.frombuffer(maps.png_bytes(image), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert (back == image).all()
    assert maps.png_bytes(image[..., 0])[:4] == b"\x89PNG"
    with pytest.raises(SiteError, match="float64"):
        maps.png_bytes(np.zeros((3, 3)))  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [1, 4])
def test_marks_stand_at_their_metres(factor: int) -> None:
    image = np.zeros((100 * factor, 150 * factor, 3), dtype=np.uint8)
    x, y = REF.xy(30.0, 90.0)
    maps.draw_marker(image, REF, (x, y), (250, 0, 0), radius_px=3)
    rows, cols = np.nonzero(image[..., 0] > 200)
    assert rows.mean() == pytest.approx((30.5 * factor) - 0.5, abs=0.6)
    assert cols.mean() == pytest.approx((90.5 * factor) - 0.5, abs=0.6)


def test_path_and_decorations_stay_on_the_image() -> None:
    image = np.full((200, 300, 3), 90, dtype=np.uint8)
    maps.draw_path(image, REF, [REF.xy(10.0, 10.0), REF.xy(90.0, 140.0), (9e9, 9e9)], (0, 255, 0))
    for shape in ("disc", "ring", "square", "triangle"):
        maps.draw_marker(image, REF, REF.xy(50.0, 20.0), (255, 255, 0), shape=shape, label="rover 1")
    maps.draw_scale_bar(image, REF)
    maps.draw_north_arrow(image, REF)
    maps.draw_latitudes(image, REF, 0.02)
    assert image.shape == (200, 300, 3)
    assert (image == (0, 255, 0)).all(axis=-1).sum() > 50
    with pytest.raises(SiteError, match="Did you mean 'square'"):
        maps.draw_marker(image, REF, (0.0, 0.0), (0, 0, 0), shape="sqare")


def test_north_arrow_points_away_from_the_pole() -> None:
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    maps.draw_north_arrow(image, GeoRef.centred(50_000.0, 0.0, 2000.0, 20.0))  # longitude 90: north is +x
    row = np.nonzero((image > 250).all(axis=-1).any(axis=1))[0].mean()
    assert 25 < row < 50


def test_enlarge_keeps_the_shape() -> None:
    assert maps.enlarge(maps.terrain_map(hill()), 600).shape == (400, 600, 3)
    assert maps.enlarge(maps.terrain_map(hill()), 75).shape == (50, 75, 3)
