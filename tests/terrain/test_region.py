"""Parts of large files around a place: which cells, how coarse, what is cut off, and within how much memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin

from moonfleet.terrain.dem_io import read_dem, read_region
from moonfleet.terrain.errors import DemHoles, DemMissing, DemTooSmall, SiteError
from moonfleet.terrain.grid import GeoRef, polar_xy
from tests.own_dem import POLAR, put_dem
from tests.pds_dem import put_polar

TURNED = "+proj=stere +lat_0=-90 +lon_0=90 +k=1 +R=1737400 +units=m +no_defs"


def rough(rows: int, cols: int) -> NDArray[np.float32]:
    r, c = np.mgrid[0:rows, 0:cols]
    return (1_000.0 + 40.0 * np.sin(r / 9.0) + 2.0 * c).astype(np.float32)


def test_own_cells_where_they_fit(tmp_path: Path) -> None:
    path = put_dem(tmp_path / "a.tif", rough(200, 300), at=(0.0, 0.0))
    grid = read_region(path, (3_000.0, -2_000.0), reach_m=500.0)
    assert grid.ref == GeoRef(2_500.0, -1_500.0, 20.0, 50, 50)
    np.testing.assert_array_equal(grid.elevation_m, rough(200, 300)[75:125, 125:175])


def test_coarser_cells_are_means_of_whole_blocks(tmp_path: Path) -> None:
    z = rough(200, 300)
    grid = read_region(put_dem(tmp_path / "a.tif", z, at=(0.0, 0.0)), (3_000.0, -2_000.0), max_cells=2_500)
    assert grid.ref == GeoRef(0.0, 0.0, 100.0, 40, 60)
    np.testing.assert_allclose(grid.elevation_m, z.reshape(40, 5, 60, 5).mean(axis=(1, 3)), atol=1e-3)


def test_what_lies_outside_the_file_is_cut(tmp_path: Path) -> None:
    path = put_dem(tmp_path / "a.tif", rough(200, 300), at=(0.0, 0.0))
    grid = read_region(path, (500.0, -3_900.0), reach_m=1_000.0)
    assert grid.ref == GeoRef(0.0, -2_900.0, 20.0, 55, 75)
    with pytest.raises(DemTooSmall, match=r"a\.tif: has no data at longitude"):
        read_region(path, (-50_000.0, 0.0), reach_m=1_000.0)
    with pytest.raises(DemTooSmall, match="a place inside the file's data"):
        read_region(path, (-300.0, -500.0), reach_m=1_000.0)


@pytest.mark.parametrize("max_cells", [16_000_000, 2_000])
def test_another_frame_is_turned(tmp_path: Path, max_cells: int) -> None:
    r, c = np.mgrid[0:300, 0:300]
    x, y = -3_000.0 + 20.0 * (c + 0.5), 3_000.0 - 20.0 * (r + 0.5)  # of the file, longitude 90 up
    path = put_dem(tmp_path / "t.tif", (0.1 * x + 0.02 * y).astype(np.float32), TURNED, at=(-3_000.0, 3_000.0))
    grid = read_region(path, (400.0, -300.0), reach_m=2_000.0, max_cells=max_cells)
    assert grid.elevation_m.size <= 1.1 * max_cells
    px, py = grid.ref.xy(*np.mgrid[0 : grid.ref.rows, 0 : grid.ref.cols])
    np.testing.assert_allclose(grid.elevation_m[2:-2, 2:-2], (-0.1 * py + 0.02 * px)[2:-2, 2:-2], atol=0.3)


def test_margin_is_peeled_and_holes_are_told(tmp_path: Path) -> None:
    z = rough(200, 200)
    r, c = np.mgrid[0:200, 0:200]
    round_map = np.where(np.hypot(r - 99.5, c - 99.5) < 100.0, z, np.nan).astype(np.float32)
    path = put_dem(tmp_path / "round.tif", round_map, at=(0.0, 0.0))
    grid = read_region(path, (2_000.0, -2_000.0))
    assert np.isfinite(grid.elevation_m).all()
    assert grid.elevation_m.size > 0.9 * 200 * 200 / 2  # near the largest square in the circle
    aside = read_region(path, (3_500.0, -2_000.0))
    assert aside.ref.inside(3_500.0, -2_000.0)
    with pytest.raises(DemTooSmall, match="has no data at"):
        read_region(path, (50.0, -50.0))
    z[50:60, 60:70] = np.nan
    with pytest.raises(DemHoles, match=r"holes\.tif: 100 of"):
        read_region(put_dem(tmp_path / "holes.tif", z, at=(0.0, 0.0)), (2_000.0, -2_000.0))


def test_a_few_missing_cells_do_not_spoil_a_block(tmp_path: Path) -> None:
    z = np.full((100, 100), 7.0, dtype=np.float32)
    z[33, 44] = np.nan
    grid = read_region(put_dem(tmp_path / "a.tif", z, at=(0.0, 0.0)), (1_000.0, -1_000.0), max_cells=400)
    assert grid.ref.cell_m == 100.0
    assert (grid.elevation_m == 7.0).all()


def test_pds_image_and_map_in_degrees(tmp_path: Path) -> None:
    z = np.rint(2.0 * rough(120, 120).astype(float)) / 2.0
    path = put_polar(tmp_path, "A", z)
    grid = read_region(path, (0.0, 0.0), reach_m=600.0, max_cells=900)
    np.testing.assert_allclose(grid.elevation_m, z[30:90, 30:90].reshape(30, 2, 30, 2).mean(axis=(1, 3)), atol=1e-3)
    flat = put_dem(
        tmp_path / "deg.tif", np.full((240, 2_880), 5, np.float32), "+proj=longlat +R=1737400 +no_defs",
        transform=Affine(1 / 8, 0, 0.0, 0, -1 / 8, -60.0),
    )  # fmt: skip
    around = read_region(flat, polar_xy(40.0, -86.0), max_cells=10_000)
    assert (around.elevation_m == 5.0).all()
    assert around.ref.rows * around.ref.cell_m == pytest.approx(500_000.0, rel=0.05)


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(DemMissing, match=r"none\.tif: no such file"):
        read_region(tmp_path / "none.tif", (0.0, 0.0))
    path = put_dem(tmp_path / "a.tif", rough(20, 20))
    with pytest.raises(SiteError, match="reach_m = 0"):
        read_region(path, (0.0, 0.0), reach_m=0)
    with pytest.raises(SiteError, match="max_cells = 1; allowed: at least 4"):
        read_region(path, (0.0, 0.0), max_cells=1)


def test_a_polar_grid_of_thirty_thousand_cells_a_side_needs_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "ldem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", dtype="int16", count=1, width=30_400, height=30_400, crs=CRS.from_user_input(POLAR),
        transform=from_origin(-304_000.0, 304_000.0, 20.0, 20.0), tiled=True, sparse_ok=True, compress="deflate",
        blockxsize=512, blockysize=512,
    ):  # fmt: skip
        pass
    code = (
        "import resource, sys; from pathlib import Path; from moonfleet.terrain.dem_io import read_region;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        f"g = read_region(Path({str(path)!r}), (151_000.0, 0.0), max_cells=4_000_000);"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(g.ref.rows, g.ref.cols, (after - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows, cols, grown_mb = map(int, done.stdout.split())
    assert rows * cols <= 4_000_000
    assert rows > cols > 1_300  # the file ends before the reach does in the east
    assert grown_mb < 400


def test_region_of_the_whole_file_is_the_file(tmp_path: Path) -> None:
    path = put_dem(tmp_path / "a.tif", rough(64, 64))
    whole, part = read_dem(path), read_region(path, (30_640.0, -20_640.0))
    assert part.ref == whole.ref
    np.testing.assert_array_equal(part.elevation_m, whole.elevation_m)
