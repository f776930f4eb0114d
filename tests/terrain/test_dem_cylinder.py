"""Maps in degrees and simple cylindrical ones: right at the pole, over the seam, and for any cell size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from moonfleet.terrain.dem_header import opened
from moonfleet.terrain.dem_io import dem_info, read_dem, warp_dem
from moonfleet.terrain.errors import DemHoles, DemProjection, DemRange, DemTooLarge
from moonfleet.terrain.grid import GeoRef, polar_lonlat, polar_xy
from tests.own_dem import put_dem
from tests.pds_dem import CYLINDER, put_pds

LONGLAT = "+proj=longlat +R=1737400 +no_defs"
EQC = "+proj=eqc +lat_ts=0 +lat_0=0 +lon_0=180 +R=1737400 +units=m +no_defs"
TRUE_80 = "+proj=eqc +lat_ts=-80 +lat_0=0 +lon_0=0 +x_0=1000 +R=1737400 +units=m +no_defs"
M_PER_DEG = 1_737_400.0 * np.pi / 180.0


def ground(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth ground in the polar frame, tens of kilometres across, the same everywhere near the pole."""
    return 1_000.0 + 800.0 * np.sin(x / 40_000.0) * np.cos(y / 55_000.0) + 0.005 * x


def globe(rows_per_deg: int, west: float, south: float = -90.0, north: float = -60.0) -> NDArray[np.float32]:
    lat = north - (np.arange(round((north - south) * rows_per_deg)) + 0.5) / rows_per_deg
    lon = west + (np.arange(360 * rows_per_deg) + 0.5) / rows_per_deg
    x, y = polar_xy(*np.meshgrid(lon, lat))
    return ground(x, y).astype(np.float32)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same ground four times: degrees from 0 and from -180, metres with two different true parallels."""
    folder = tmp_path_factory.mktemp("maps")
    n, k = 16, M_PER_DEG / 16
    east, both = globe(n, 0.0), globe(n, -180.0)
    c = k * np.cos(np.radians(80.0))
    return {
        "0-360": put_dem(folder / "a.tif", east, LONGLAT, transform=Affine(1 / n, 0, 0.0, 0, -1 / n, -60.0)),
        "-180-180": put_dem(folder / "b.tif", both, LONGLAT, transform=Affine(1 / n, 0, -180.0, 0, -1 / n, -60.0)),
        "eqc": put_dem(folder / "c.tif", east, EQC, transform=Affine(k, 0, -180 * n * k, 0, -k, -60 * n * k)),
        "true-80": put_dem(
            folder / "d.tif", both, TRUE_80, transform=Affine(c, 0, 1000 - 180 * n * c, 0, -k, -60 * n * k)
        ),
    }


@pytest.mark.parametrize("name", ["0-360", "-180-180", "eqc", "true-80"])
@pytest.mark.parametrize(
    ("lon", "lat", "size", "cell"),
    [
        (123.4, -88.8, 20_000.0, 200.0),
        (0.02, -85.0, 30_000.0, 500.0),  # over the seam of a map from 0
        (180.0, -80.0, 40_000.0, 1_000.0),  # over the seam of a map from -180
        (0.0, -90.0, 60_000.0, 1_000.0),  # the pole itself
        (250.0, -86.0, 400_000.0, 8_000.0),  # coarser than the map, over pole and seam
    ],
)
def test_heights_lie_where_they_should(
    maps: dict[str, Path], name: str, lon: float, lat: float, size: float, cell: float
) -> None:
    ref = GeoRef.centred(*polar_xy(lon, lat), size, cell)
    grid = warp_dem(maps[name], ref)
    x, y = ref.xy(*np.mgrid[0 : ref.rows, 0 : ref.cols])
    assert np.isfinite(grid.elevation_m).all()
    tolerance = 2.0 if cell < 5_000.0 else 8.0  # [m] curvature within a cell of 1.9 km, or of 8 km
    np.testing.assert_allclose(grid.elevation_m, ground(x, y), atol=tolerance)


def test_whole_map_and_its_header(maps: dict[str, Path]) -> None:
    info = dem_info(maps["0-360"])
    assert info.centre == (0.0, 0.0)
    assert info.cell_m == pytest.approx(M_PER_DEG / 16)
    grid = read_dem(maps["eqc"])
    assert np.isfinite(grid.elevation_m).all()
    assert 1_200_000.0 < grid.ref.rows * grid.ref.cell_m < 1_340_000.0  # the square inside the circle of 60 S


def test_part_of_a_map_in_degrees(tmp_path: Path) -> None:
    n = 64
    lat, lon = -86.0 - (np.arange(2 * n) + 0.5) / n, 20.0 + (np.arange(20 * n) + 0.5) / n
    z = ground(*polar_xy(*np.meshgrid(lon, lat))).astype(np.float32)
    path = put_dem(tmp_path / "part.tif", z, LONGLAT, transform=Affine(1 / n, 0, 20.0, 0, -1 / n, -86.0))
    assert polar_lonlat(*dem_info(path).centre) == pytest.approx((30.0, -87.0))
    grid = read_dem(path)
    x, y = grid.ref.xy(*np.mgrid[0 : grid.ref.rows, 0 : grid.ref.cols])
    np.testing.assert_allclose(grid.elevation_m, ground(x, y), atol=1.0)
    assert 20_000.0 < grid.ref.rows * grid.ref.cell_m < 60_000.0
    outside = warp_dem(path, GeoRef.centred(*polar_xy(200.0, -87.0), 5_000.0, 100.0))
    assert np.isnan(outside.elevation_m).all()


def test_lola_global_label(tmp_path: Path) -> None:
    # LDEM_4 has 4 pixels per degree and says MAP_SCALE = 7580.84 <m/pix>; here coarser, and rounded as badly.
    n = 2
    lat = 90.0 - (np.arange(180 * n) + 0.5) / n
    lon = (np.arange(360 * n) + 0.5) / n
    z = np.broadcast_to(40.0 * (lat[:, None] + 90.0), (lat.size, lon.size)) + 0.0 * lon
    path = put_pds(tmp_path, "LDEM_2", np.rint(2.0 * z), CYLINDER, per_degree=n, map_scale="15.16 <km/pix>")
    assert dem_info(path).cell_m == pytest.approx(M_PER_DEG / n, rel=1e-9)
    with opened(path) as raster:
        cylinder = raster.cylinder()
        assert cylinder is not None
        col, row = cylinder.colrow(np.array([0.25, 359.75, 180.25]), np.array([89.75, -89.75, -0.25]))
    np.testing.assert_allclose(col, [0.0, 719.0, 360.0], atol=0.01)
    np.testing.assert_allclose(row, [0.0, 359.0, 180.0], atol=0.01)
    grid = warp_dem(path, GeoRef.centred(*polar_xy(75.0, -80.0), 100_000.0, 5_000.0))
    _, want = polar_lonlat(*grid.ref.xy(*np.mgrid[0:20, 0:20]))
    np.testing.assert_allclose(grid.elevation_m, 40.0 * (want + 90.0), atol=1.0)


def test_a_hole_in_a_map_is_told(tmp_path: Path) -> None:
    z = globe(8, 0.0)
    z[-20:-10, 100:200] = -32768.0
    path = put_dem(
        tmp_path / "holes.tif", z, LONGLAT, nodata=-32768.0, transform=Affine(1 / 8, 0, 0.0, 0, -1 / 8, -60.0)
    )
    with pytest.raises(DemHoles, match=r"holes\.tif: \d+ of"):
        read_dem(path)


def test_maps_that_cannot_be_used(tmp_path: Path) -> None:
    z = np.zeros((40, 80), dtype=np.float32)
    with pytest.raises(
        DemProjection, match=r"between latitudes 20\.00 and 60\.00; allowed: a part of it south of 60 S"
    ):
        read_dem(put_dem(tmp_path / "north.tif", z, LONGLAT, transform=Affine(1.0, 0, 0.0, 0, -1.0, 60.0)))
    with pytest.raises(DemRange, match=r"latitude -115\.00 to -75\.00; allowed: -90 to 90"):
        read_dem(put_dem(tmp_path / "beyond.tif", z, LONGLAT, transform=Affine(1.0, 0, 0.0, 0, -1.0, -75.0)))
    with pytest.raises(DemProjection, match="turned or mirrored"):
        read_dem(put_dem(tmp_path / "flipped.tif", z, LONGLAT, transform=Affine(0.5, 0, 0.0, 0, 0.5, -89.0)))
    huge = tmp_path / "huge.tif"
    with rasterio.open(
        huge, "w", driver="GTiff", dtype="int16", count=1, width=180_000, height=40_000, crs=CRS.from_user_input(LONGLAT),
        transform=Affine(1 / 500, 0, 0.0, 0, -1 / 2_000, -70.0), tiled=True, sparse_ok=True, compress="deflate",
    ):  # fmt: skip
        pass
    with pytest.raises(DemTooLarge, match=r"huge\.tif: .* cells"):
        read_dem(huge)
    assert warp_dem(huge, GeoRef.centred(*polar_xy(40.0, -85.0), 2_000.0, 20.0)).elevation_m.max() == 0.0
