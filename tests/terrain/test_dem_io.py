"""Elevation files: what comes in, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin

from moonfleet.terrain.dem_io import MOON_CRS, dem_info, largest_square, read_dem, warp_dem, write_dem
from moonfleet.terrain.errors import (
    DemError,
    DemHoles,
    DemMissing,
    DemProjection,
    DemRange,
    DemTooLarge,
    DemTooSmall,
    DemUnreadable,
    SiteError,
)
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from tests.own_dem import POLAR, put_dem


def hilly(n: int = 64) -> NDArray[np.float32]:
    r, c = np.mgrid[0:n, 0:n]
    return (1_000.0 + 40.0 * np.sin(r / 9.0) + 2.0 * c).astype(np.float32)


def test_written_grid_comes_back_cell_by_cell(tmp_path: Path) -> None:
    grid = HeightGrid(hilly(), GeoRef(30_000.0, -20_000.0, 20.0, 64, 64))
    write_dem(grid, tmp_path / "a.tif")
    back = read_dem(tmp_path / "a.tif")
    assert back.ref == grid.ref
    np.testing.assert_array_equal(back.elevation_m, grid.elevation_m)


def test_scale_and_offset_of_the_band_are_used(tmp_path: Path) -> None:
    path = put_dem(tmp_path / "half.tif", np.full((8, 8), 3_000, dtype=np.int16))
    with rasterio.open(path, "r+") as data:
        data.scales, data.offsets = (0.5,), (10.0,)
    assert read_dem(path).elevation_m[0, 0] == 1_510.0


@pytest.mark.parametrize(
    "crs",
    [
        "+proj=laea +lat_0=-89 +lon_0=123 +R=1737400 +units=m +no_defs",
        "+proj=stere +lat_0=-90 +lon_0=180 +k=1 +R=1738000 +units=m +no_defs",
        "+proj=tmerc +lat_0=-89 +lon_0=120 +k=1 +R=1737400 +units=m +no_defs",
        "+proj=ortho +lat_0=-90 +lon_0=30 +R=1737400 +units=km +no_defs",
    ],
)
def test_other_lunar_projections_land_in_the_right_place(tmp_path: Path, crs: str) -> None:
    # A cone with its tip at a known place must have its tip there after warping.
    tip = polar_xy(123.4, -88.8)
    to_file = pyproj.Transformer.from_crs(MOON_CRS, crs, always_xy=True)
    fx, fy = to_file.transform(*tip)
    cell = 0.04 if "km" in crs else 40.0
    r, c = np.mgrid[0:200, 0:200]
    cone = (2_000.0 - 1_000.0 * np.hypot(r - 99.5, c - 99.5) / 100.0).astype(np.float32)
    t = from_origin(fx - 100.0 * cell, fy + 100.0 * cell, cell, cell)
    path = put_dem(tmp_path / "cone.tif", cone, crs, transform=t)
    grid = read_dem(path)
    row, col = np.unravel_index(np.argmax(grid.elevation_m), grid.ref.shape)
    x, y = grid.ref.xy(float(row), float(col))
    assert np.hypot(x - tip[0], y - tip[1]) < 80.0
    assert grid.elevation_m.max() == pytest.approx(2_000.0, abs=15.0)
    assert 4_000.0 < grid.ref.rows * grid.ref.cell_m < 9_000.0
    assert dem_info(path).cell_m == pytest.approx(40.0, rel=0.01)


def test_finer_files_are_averaged(tmp_path: Path) -> None:
    z = np.zeros((100, 100), dtype=np.float32)
    z[::2] = 100.0
    grid = warp_dem(put_dem(tmp_path / "fine.tif", z), GeoRef(30_200.0, -20_200.0, 100.0, 10, 10))
    np.testing.assert_allclose(grid.elevation_m, 50.0, atol=15.0)


def test_one_missing_cell_of_a_fine_file_is_not_averaged_away(tmp_path: Path) -> None:
    z = np.full((100, 100), 7, dtype=np.int16)
    z[43, 57] = -1
    grid = warp_dem(put_dem(tmp_path / "fine.tif", z, nodata=-1), GeoRef(30_200.0, -20_200.0, 100.0, 10, 10))
    rows, cols = np.nonzero(np.isnan(grid.elevation_m))
    assert (list(rows), list(cols)) == ([6], [9])
    assert np.nanmax(grid.elevation_m) == 7.0


def test_area_beside_the_file_has_no_data(tmp_path: Path) -> None:
    grid = warp_dem(put_dem(tmp_path / "a.tif", hilly()), GeoRef(-90_000.0, 90_000.0, 20.0, 10, 10))
    assert np.isnan(grid.elevation_m).all()


def test_empty_margin_of_a_turned_map_is_cut_off(tmp_path: Path) -> None:
    turn = Affine(17.320508, 10.0, 30_000.0, 10.0, -17.320508, -20_000.0)  # 30 deg
    path = put_dem(tmp_path / "turned.tif", hilly(100), transform=turn)
    grid = read_dem(path)
    assert np.isfinite(grid.elevation_m).all()
    assert 50 <= grid.ref.rows < 100


def test_missing_empty_truncated_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(DemMissing, match=r"nowhere\.tif: no such file"):
        read_dem(tmp_path / "nowhere.tif")
    with pytest.raises(DemMissing, match="a folder"):
        read_dem(tmp_path)
    (tmp_path / "empty.tif").write_bytes(b"")
    with pytest.raises(DemUnreadable, match=r"empty\.tif: the file is empty"):
        read_dem(tmp_path / "empty.tif")
    (tmp_path / "text.tif").write_text("not a raster", encoding="utf-8")
    with pytest.raises(DemUnreadable, match=r"text\.tif: cannot be read as a raster"):
        read_dem(tmp_path / "text.tif")


@pytest.mark.parametrize("kept", [0.01, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("crs", [POLAR, "+proj=laea +lat_0=-89 +lon_0=123 +R=1737400 +units=m +no_defs"])
def test_truncated_at_any_place(tmp_path: Path, kept: float, crs: str) -> None:
    whole = put_dem(tmp_path / "whole.tif", hilly(200), crs, at=(0.0, 0.0)).read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(DemUnreadable, match=r"cut\.tif"):
        read_dem(tmp_path / "cut.tif")


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ("EPSG:3031", r"not lunar: .* radius 6378\.1 km"),
        ("+proj=stere +lat_0=-90 +R=3396190 +units=m +no_defs", r"not lunar: .* radius 3396\.2 km"),
        ("+proj=geocent +R=1737400 +units=m +no_defs", "not a projected one. Fix: gdalwarp|no coordinate system"),
        (None, "no coordinate system; .*gdal_edit"),
    ],
)
def test_wrong_coordinate_systems(tmp_path: Path, crs: str | None, words: str) -> None:
    with pytest.raises(DemProjection, match=words):
        read_dem(put_dem(tmp_path / "a.tif", hilly(), crs))


def test_far_from_the_pole(tmp_path: Path) -> None:
    x, y = polar_xy(10.0, -50.0)
    with pytest.raises(DemProjection, match="allowed: south of 60 S"):
        read_dem(put_dem(tmp_path / "a.tif", hilly(), at=(x, y)))


@pytest.mark.parametrize("hole", ["nodata", "nan"])
@pytest.mark.parametrize("crs", [POLAR, "+proj=stere +lat_0=-90 +lon_0=90 +k=1 +R=1737400 +units=m +no_defs"])
def test_holes_are_counted_and_placed(tmp_path: Path, hole: str, crs: str) -> None:
    z = hilly()
    z[20:23, 30:32] = -32768.0 if hole == "nodata" else np.nan
    path = put_dem(tmp_path / "holes.tif", z, crs, nodata=-32768.0 if hole == "nodata" else None)
    with pytest.raises(
        DemHoles, match=r"holes\.tif: \d+ of \d+ cells .* have no data, between x .*longitude"
    ) as caught:
        read_dem(path)
    if crs == POLAR:
        assert "6 of 4096 cells" in str(caught.value)


def test_elevations_that_the_moon_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(DemRange, match="20000 m; allowed: -9200 to 10800"):
        read_dem(put_dem(tmp_path / "high.tif", np.full((8, 8), 20_000.0, dtype=np.float32)))
    with pytest.raises(DemRange, match="look like radii"):
        read_dem(put_dem(tmp_path / "radius.tif", hilly().astype(np.float64) + 1_737_400.0))


@pytest.mark.parametrize("size", [0.0, float("nan")])
def test_cell_size_of_nought(tmp_path: Path, size: float) -> None:
    path = put_dem(tmp_path / "zero.tif", hilly(), transform=Affine(size, 0.0, 1.0, 0.0, size, 1.0))
    with pytest.raises((DemRange, DemUnreadable), match=r"zero\.tif"):
        read_dem(path)


def test_not_georeferenced(tmp_path: Path) -> None:
    path = put_dem(tmp_path / "plain.tif", hilly(), transform=Affine.identity())
    with pytest.raises(DemRange, match=r"plain\.tif: has no georeference"):
        read_dem(path)


def test_huge_file_is_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    with rasterio.open(
        path, "w", driver="GTiff", dtype="int16", count=1, width=60_000, height=60_000, crs=CRS.from_user_input(POLAR),
        transform=from_origin(-30_000.0, 30_000.0, 1.0, 1.0), tiled=True, sparse_ok=True, compress="deflate",
    ):  # fmt: skip
        pass
    with pytest.raises(DemTooLarge, match="60000 x 60000 cells; allowed"):
        read_dem(path)
    part = warp_dem(path, GeoRef.centred(0.0, 0.0, 400.0, 20.0))  # a part of it is no trouble
    assert part.elevation_m.max() == 0.0


def test_all_are_site_errors_and_single_cells_are_too_small(tmp_path: Path) -> None:
    assert issubclass(DemError, SiteError)
    with pytest.raises(DemTooSmall, match="at least 2 x 2"):
        read_dem(put_dem(tmp_path / "one.tif", np.zeros((1, 5), dtype=np.float32)))


def test_largest_square() -> None:
    valid = np.ones((9, 9), dtype=bool)
    assert largest_square(valid) == 9
    valid[4, 1] = False
    assert largest_square(valid) == 5
    valid[4, 4] = False
    assert largest_square(valid) == 0
