"""Relief, contours and the files that pictures are kept in."""

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


def decoded(png: bytes, how: int = cv2.IMREAD_UNCHANGED) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), how)
    assert image is not None
    return image if image.ndim == 2 else image[..., [2, 1, 0, *range(3, image.shape[2])]]


def test_hillshade_is_bright_towards_its_light() -> None:
    shade = maps.hillshade(hill(), 315.0)
    assert shade.dtype == np.uint8
    assert shade[40, 65] > shade[5, 5] > shade[60, 85]


def test_maps_have_the_shape_of_the_grid() -> None:
    grid = hill()
    for image in (maps.terrain_map(grid), maps.light_map(grid, grid.elevation_m / 300)):
        assert image.shape == (100, 150, 3)
        assert image.dtype == np.uint8
        assert image.std() > 5


def test_contours_run_at_their_heights_and_are_as_wide_as_asked() -> None:
    ramp = np.tile(np.arange(200, dtype=np.float32) * 0.5 + 3.0, (40, 1))  # half a metre per cell
    share = maps.contour_share(ramp, 10.0, width_px=2.0)
    at = np.flatnonzero(share[20] == share[20].max())
    assert set(at.tolist()) >= {14, 34, 54, 194}, "where the ramp is 10, 20, 30 and 100 m high"
    assert share.sum() / 40 / 10 == pytest.approx(2.0, rel=0.1), "ten lines, two cells wide"
    assert (share >= 0.0).all() and (share <= 1.0).all()
    assert maps.contour_share(np.zeros((1, 5), np.float32), 1.0).tolist() == [[0.0] * 5]


def test_level_ground_at_a_line_has_no_blot() -> None:
    z = np.tile(np.maximum(np.arange(100) - 50.0, 0.0), (60, 1)).astype(np.float32)
    z[:, :50] += np.random.default_rng(0).normal(0.0, 0.4, (60, 50)).astype(np.float32)
    flat = maps.contour_share(z + np.float32(20.0), 40.0)
    assert flat.mean() < 0.05


def test_resizing_keeps_the_mean_and_the_corners() -> None:
    values = hill().elevation_m
    small, large = maps.resized(values, 20, 30), maps.resized(values, 300, 450)
    assert small.shape == (20, 30)
    assert small.mean() == pytest.approx(values.mean(), rel=1e-5)
    assert small[3, 4] == pytest.approx(values[15:20, 20:25].mean(), rel=1e-5)
    assert large.shape == (300, 450)
    assert np.abs(large[1::3, 1::3] - values).max() < 1.0


@pytest.mark.parametrize("channels", [0, 3, 4])
def test_png_keeps_every_pixel(channels: int) -> None:
    shape = (30, 40, channels) if channels else (30, 40)
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    assert (decoded(maps.png_bytes(image)) == image).all()


def test_png_refuses_what_is_no_picture() -> None:
    with pytest.raises(SiteError, match="float64"):
        maps.png_bytes(np.zeros((3, 3)))  # type: ignore[arg-type]
    for shape in ((3, 3, 2), (3,), (0, 3)):
        with pytest.raises(SiteError, match="allowed"):
            maps.png_bytes(np.zeros(shape, dtype=np.uint8))


def test_indexed_png_shows_the_colours_of_its_palette() -> None:
    rng = np.random.default_rng(2)
    index = rng.integers(0, 200, (31, 17), dtype=np.uint8)
    palette = rng.integers(0, 256, (200, 3), dtype=np.uint8)
    assert (decoded(maps.indexed_png(index, palette), cv2.IMREAD_COLOR) == palette[index]).all()
    glass = rng.integers(0, 256, (200, 4), dtype=np.uint8)
    assert (decoded(maps.indexed_png(index, glass)) == glass[index]).all()
    with pytest.raises(SiteError, match="100 colours"):
        maps.indexed_png(index, palette[:100])


def test_jpeg_is_near_and_small() -> None:
    image = maps.terrain_map(hill())
    data = maps.jpeg_bytes(image)
    assert np.abs(decoded(data).astype(int) - image).mean() < 4
    assert len(data) < len(maps.png_bytes(image))
