"""Georeference and elevation grids."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from moonfleet.terrain.dem_io import MOON_CRS
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid, label_cells, polar_lonlat, polar_xy

REF = GeoRef(100.0, 200.0, 10.0, 4, 6)


def plane(ref: GeoRef, ax: float = 0.3, ay: float = -0.1, c: float = 5.0) -> HeightGrid:
    x, y = ref.xy(*np.meshgrid(np.arange(ref.rows), np.arange(ref.cols), indexing="ij"))
    return HeightGrid((c + ax * x + ay * y).astype(np.float32), ref)


def test_polar_frame_equals_proj() -> None:
    lon, lat = np.array([0.0, 90.0, 123.4, 222.7, 359.0]), np.array([-70.0, -80.0, -88.8, -89.45, -89.999])
    to_moon = pyproj.Transformer.from_crs("+proj=longlat +R=1737400 +no_defs", MOON_CRS, always_xy=True)
    want_x, want_y = to_moon.transform(lon, lat)
    x, y = polar_xy(lon, lat)
    np.testing.assert_allclose(x, want_x, atol=1e-6)
    np.testing.assert_allclose(y, want_y, atol=1e-6)
    back_lon, back_lat = polar_lonlat(x, y)
    np.testing.assert_allclose(back_lon, lon, atol=1e-9)
    np.testing.assert_allclose(back_lat, lat, atol=1e-12)


def test_frame_axes_point_where_the_contract_says() -> None:
    x, y = polar_xy(0.0, -89.0)
    assert x == pytest.approx(0.0, abs=1e-9)
    assert y > 30_000.0  # longitude 0 is up
    x, y = polar_xy(90.0, -89.0)
    assert x > 30_000.0  # longitude 90 E is right


def test_centres_edges_and_back() -> None:
    assert REF.xy(0, 0) == (105.0, 195.0)
    assert REF.rowcol(105.0, 195.0) == (0.0, 0.0)
    assert REF.bounds == (100.0, 160.0, 160.0, 200.0)
    assert REF.centre == (130.0, 180.0)
    assert REF.cell_of(159.9, 160.1) == (3, 5)
    assert REF.cell_of(-1e6, 1e6) == (0, 0)
    assert REF.inside(100.0, 160.0)
    assert not REF.inside(99.9, 180.0)
    assert list(REF.inside(np.array([130.0, 500.0]), np.array([180.0, 180.0]))) == [True, False]


def test_centred_is_snapped_to_cells() -> None:
    ref = GeoRef.centred(1_003.0, -507.0, 200.0, 20.0)
    assert (ref.rows, ref.cols) == (10, 10)
    assert ref.x_left % 20.0 == 0.0
    assert ref.y_top % 20.0 == 0.0
    assert abs(ref.centre[0] - 1_003.0) <= 10.0


def test_sample_is_exact_on_a_plane_and_nan_outside() -> None:
    grid = plane(REF)
    assert grid.sample(*REF.xy(2, 3)) == pytest.approx(float(grid.elevation_m[2, 3]))
    x, y = np.array([110.0, 123.4, 150.0]), np.array([190.0, 171.2, 168.0])
    np.testing.assert_allclose(grid.sample(x, y), 5.0 + 0.3 * x - 0.1 * y, atol=1e-4)
    assert np.isnan(grid.sample(99.0, 180.0))
    assert grid.sample(100.0, 200.0) == pytest.approx(
        float(grid.elevation_m[0, 0])
    )  # the edge takes the nearest centres


def test_slope_of_a_plane() -> None:
    slope = plane(REF).slope_deg()
    np.testing.assert_allclose(slope, np.degrees(np.arctan(np.hypot(0.3, 0.1))), rtol=1e-4)
    assert slope.dtype == np.float32


def test_grid_is_immutable_and_of_one_type() -> None:
    source = np.zeros(REF.shape)
    grid = HeightGrid(source[:, ::1].astype(np.float64), REF)  # type: ignore[arg-type]
    assert grid.elevation_m.dtype == np.float32
    assert grid.elevation_m.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        grid.elevation_m[0, 0] = 1.0


def test_crop_resample_and_block_mean() -> None:
    grid = plane(GeoRef(0.0, 400.0, 10.0, 40, 40))
    part = grid.crop(100.0, 100.0, 200.0, 250.0)
    assert part.ref == GeoRef(100.0, 250.0, 10.0, 15, 10)
    assert part.sample(150.0, 150.0) == pytest.approx(grid.sample(150.0, 150.0))
    np.testing.assert_allclose(grid.resample(part.ref).elevation_m, part.elevation_m, atol=1e-4)
    coarse = grid.block_mean(4)
    assert coarse.ref == GeoRef(0.0, 400.0, 40.0, 10, 10)
    np.testing.assert_allclose(coarse.elevation_m, plane(coarse.ref).elevation_m, atol=1e-4)


def test_patches_of_cells_are_numbered() -> None:
    mask = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=bool)
    assert label_cells(mask).max() == 2
    assert label_cells(mask, diagonal=True).max() == 1


@pytest.mark.parametrize("cell", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_cell_size(cell: float) -> None:
    with pytest.raises(SiteError, match="cell_m"):
        GeoRef(0.0, 0.0, cell, 2, 2)
    with pytest.raises(SiteError, match="cell_m"):
        GeoRef.centred(0.0, 0.0, 100.0, cell)


def test_bad_shapes_and_areas() -> None:
    with pytest.raises(SiteError, match="at least 1 x 1"):
        GeoRef(0.0, 0.0, 1.0, 0, 2)
    with pytest.raises(SiteError, match="shape"):
        HeightGrid(np.zeros((2, 2), dtype=np.float32), REF)
    with pytest.raises(SiteError, match="holds no cell"):
        plane(REF).crop(0.0, 0.0, 1.0, 1.0)
    with pytest.raises(SiteError, match="not all inside"):
        plane(REF).resample(GeoRef(0.0, 0.0, 10.0, 3, 3))
    with pytest.raises(SiteError, match=r"allowed: 1\.\.4"):
        plane(REF).block_mean(7)
