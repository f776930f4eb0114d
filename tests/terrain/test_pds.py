"""PDS3 images by their labels: heights to the unit, places to a hundredth of a cell, and what is refused."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from moonfleet.terrain.dem_header import opened
from moonfleet.terrain.dem_io import dem_info, read_dem, warp_dem, write_dem
from moonfleet.terrain.errors import DemHoles, DemMissing, DemProjection, DemRange, DemUnreadable
from moonfleet.terrain.grid import GeoRef, polar_lonlat
from moonfleet.terrain.pds_label import read_label
from tests.pds_dem import put_polar

R_M = 1_737_400.0


def hills(n: int = 60) -> NDArray[np.float64]:
    r, c = np.mgrid[0:n, 0:n]
    return np.rint(2.0 * (-1_000.0 + 900.0 * np.sin(r / 7.0) + 30.0 * c)) / 2.0


def latlon_of_the_archive(sample: int, line: int, n: int, scale_m: float) -> tuple[float, float]:
    """Longitude and latitude of a cell (counted from 1) by the equations of DSMAP_POLAR.CAT, south pole."""
    x, y = (sample - n / 2 - 0.5) * scale_m, -(line - n / 2 - 0.5) * scale_m  # longitude 0 up
    lat = -90.0 + math.degrees(2.0 * math.atan(0.5 * math.hypot(x, y) / R_M))
    return math.degrees(math.atan2(x, y)) % 360.0, lat


def test_polar_image_gives_heights_and_places(tmp_path: Path) -> None:
    z = hills()
    grid = read_dem(put_polar(tmp_path, "LDEM_895S_20M", z))
    np.testing.assert_array_equal(grid.elevation_m, z)
    assert grid.ref == GeoRef(-600.0, 600.0, 20.0, 60, 60)
    for line, sample in ((1, 1), (1, 60), (44, 13), (31, 30)):
        lon, lat = polar_lonlat(*grid.ref.xy(float(line - 1), float(sample - 1)))
        want_lon, want_lat = latlon_of_the_archive(sample, line, 60, 20.0)
        assert lat == pytest.approx(want_lat, abs=0.01 * 20.0 / 30_323.0)
        assert lon == pytest.approx(want_lon, abs=1e-6)


def test_real_shapes_are_centred_on_the_pole(tmp_path: Path) -> None:
    # LDEM_80S_20M: 30400 x 30400 cells, projection offsets 15199.5 (its label).
    path = put_polar(tmp_path, "LDEM_80S_20M", np.zeros((2, 2)), rows=30_400, cols=30_400, line_offset=15_199.5,
                     sample_offset=15_199.5, record=60_800)  # fmt: skip
    with (tmp_path / "LDEM_80S_20M.IMG").open("r+b") as image:
        image.truncate(30_400 * 30_400 * 2)  # a sparse file of the full size
    info = dem_info(path)
    assert info.centre == pytest.approx((0.0, 0.0), abs=0.2)
    assert (info.cell_m, info.extent_m) == (pytest.approx(20.0), pytest.approx((608_000.0, 608_000.0)))


@pytest.mark.parametrize(
    ("kind", "scale", "offset", "unit", "map_scale"),
    [
        ("LSB_INTEGER", 0.5, "1737400.", "METER", "20 <m/pix>"),
        ("MSB_INTEGER", 0.5, "1737400. <m>", "METER", "20. <METERS/PIXEL>"),
        ("LSB_INTEGER", 0.5, "0.0", "METER", "0.020 <km/pix>"),
        ("PC_REAL", 1.0, "1737.4", "KILOMETER", "0.02 <KM/PIXEL>"),
        ("PC_REAL", 1.0, "1737.4 <km>", "KILOMETER", "20 <m/pix>"),
        ("IEEE_REAL", 0.001, "1737.4", "KM", "20 <m/pix>"),
        ("PC_REAL", 1.0, "0.", "KILOMETER", "20 <m/pix>"),
    ],
)
def test_every_way_of_saying_a_height(
    tmp_path: Path, kind: str, scale: float, offset: str, unit: str, map_scale: str
) -> None:
    z = hills()
    numbers = z / scale / (1000.0 if unit.startswith("K") else 1.0)
    more: dict[str, Any] = {"kind": kind, "scale": scale, "offset": offset, "unit": unit, "map_scale": map_scale}
    grid = read_dem(put_polar(tmp_path, "A", z, numbers=numbers, **more))
    np.testing.assert_allclose(grid.elevation_m, z, atol=1e-3)
    assert grid.ref.cell_m == pytest.approx(20.0, abs=1e-6)


def test_image_finds_its_label_and_label_its_image_whatever_the_case(tmp_path: Path) -> None:
    z = hills()
    put_polar(tmp_path, "ldem", z, image="ldem.img", label="ldem.lbl", names_image="LDEM.IMG")
    for name in ("ldem.img", "ldem.lbl"):
        np.testing.assert_array_equal(read_dem(tmp_path / name).elevation_m, z)
    put_polar(tmp_path, "UP", z, image="UP.IMG", label="up.lbl")
    np.testing.assert_array_equal(read_dem(tmp_path / "UP.IMG").elevation_m, z)


def test_attached_label(tmp_path: Path) -> None:
    z = hills()
    label = put_polar(tmp_path, "A", z).read_text("ascii").replace('"A.IMG"', "33").replace("RECORD_BYTES            = 120",
                                                                                    "RECORD_BYTES = 120")  # fmt: skip
    head = label.replace("OBJECT                    = UNCOMPRESSED_FILE\n", "").replace(
        "END_OBJECT                = UNCOMPRESSED_FILE\n", ""
    )
    head = head.replace(" FILE_NAME               = 33\n", "").replace(" ^IMAGE                  = 33", "^IMAGE = 33")
    assert len(head) < 32 * 120
    (tmp_path / "B.IMG").write_bytes(head.encode().ljust(32 * 120) + (tmp_path / "A.IMG").read_bytes())
    np.testing.assert_array_equal(read_dem(tmp_path / "B.IMG").elevation_m, z)


def test_missing_constant_is_a_hole(tmp_path: Path) -> None:
    z = hills()
    numbers = np.rint(z * 2.0)
    numbers[20:22, 40] = -32768
    path = put_polar(tmp_path, "A", z, numbers=numbers, missing="    MISSING_CONSTANT      = -32768\n")
    with pytest.raises(DemHoles, match=r"A\.LBL: 2 of 3600 cells"):
        read_dem(path)
    reals = z.copy()
    reals[5, 5] = -9999.0
    path = put_polar(tmp_path, "F", z, numbers=reals, kind="PC_REAL", scale=1.0, offset="0",
                     missing="    MISSING_CONSTANT      = -9999.0\n")  # fmt: skip
    with pytest.raises(DemHoles, match=r"F\.LBL: 1 of 3600 cells"):
        read_dem(path)


def test_crop_and_resample_from_an_image(tmp_path: Path) -> None:
    r, c = np.mgrid[0:200, 0:200]
    z = 10.0 * (c - 99.5) - 4.0 * (99.5 - r)  # a plane: 0.5 m per metre east, -0.2 m per metre north
    path = put_polar(tmp_path, "plane", z)
    for cell in (10.0, 20.0, 60.0):
        part = warp_dem(path, GeoRef.centred(300.0, -400.0, 1_200.0, cell))
        x, y = part.ref.xy(*np.mgrid[0 : part.ref.rows, 0 : part.ref.cols])
        np.testing.assert_allclose(part.elevation_m, 0.5 * x - 0.2 * y, atol=0.3)
    grid = read_dem(path).crop(-500.0, -500.0, 500.0, 500.0)
    assert grid.resample(GeoRef.centred(0.0, 0.0, 600.0, 7.5)).sample(101.0, 33.0) == pytest.approx(43.9, abs=0.01)


def test_a_label_converted_by_gdal_means_the_same(tmp_path: Path) -> None:
    z = hills()
    with opened(put_polar(tmp_path, "A", z)) as raster:
        profile = raster.data.profile | {"driver": "GTiff"}
        numbers = raster.data.read(1)
    with rasterio.open(tmp_path / "a.tif", "w", **profile) as out:
        out.write(numbers, 1)
        out.scales, out.offsets = (0.5,), (R_M,)
    np.testing.assert_array_equal(read_dem(tmp_path / "a.tif").elevation_m, z)
    write_dem(read_dem(tmp_path / "a.tif"), tmp_path / "b.tif")
    np.testing.assert_array_equal(read_dem(tmp_path / "b.tif").elevation_m, z)


def test_jpeg_2000_takes_its_scale_from_its_label(tmp_path: Path) -> None:
    z = hills(200)
    label = put_polar(tmp_path, "A", z)
    with opened(label) as raster:
        profile = {
            k: v
            for k, v in raster.data.profile.items()
            if k in ("dtype", "count", "height", "width", "crs", "transform")
        }
        numbers = raster.data.read(1)
    try:
        with rasterio.open(
            tmp_path / "A.JP2", "w", driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES", **profile
        ) as out:
            out.write(numbers, 1)
    except RasterioError:
        pytest.skip("this GDAL cannot write JPEG 2000")
    shutil.move(label, tmp_path / "A_JP2.LBL")
    np.testing.assert_array_equal(read_dem(tmp_path / "A.JP2").elevation_m, z)
    (tmp_path / "A_JP2.LBL").unlink()
    with pytest.raises(DemMissing, match=r"A\.JP2: .*A_JP2\.LBL"):
        read_dem(tmp_path / "A.JP2")


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_truncated_image(tmp_path: Path, kept: float) -> None:
    path = put_polar(tmp_path, "A", hills())
    whole = (tmp_path / "A.IMG").read_bytes()
    (tmp_path / "A.IMG").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(DemUnreadable, match=r"A\.IMG: \d+ bytes; its label A\.LBL needs 7200 \(60 x 60 cells\)"):
        read_dem(path)


def test_half_a_pair(tmp_path: Path) -> None:
    path = put_polar(tmp_path, "A", hills())
    (tmp_path / "A.IMG").rename(tmp_path / "B.IMG")
    with pytest.raises(DemMissing, match=r"A\.LBL: its image A\.IMG is not beside it"):
        read_dem(path)
    with pytest.raises(DemMissing, match=r"B\.IMG: a raw image without its label; allowed: with B\.LBL"):
        read_dem(tmp_path / "B.IMG")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("PDS_VERSION_ID            = \"PDS3\"", "NOTHING = 1"), DemUnreadable, r"A\.LBL"),
        (("UNIT                  = METER", "UNIT = KELVIN"), DemUnreadable, "IMAGE.UNIT = 'KELVIN'; allowed: M, "),
        (("ROTATION      = 0.0", "ROTATION = 90.0"), DemProjection, "MAP_PROJECTION_ROTATION = 90; allowed: 0"),
        (("= 1737.4 <km>", "= 3396.0 <km>"), DemProjection, "not lunar"),
        (("CENTER_LATITUDE              = -90", "CENTER_LATITUDE = 90"), DemProjection, "allowed: south of 60 S"),
        (("LINES                 = 60", "LINES = many"), DemUnreadable, "IMAGE.LINES = 'many'; allowed: a number"),
        (("SCALING_FACTOR        = 0.5", "SCALING_FACTOR = 50"), DemRange, "elevations run from"),
        (("\"POLAR STEREOGRAPHIC\"", "\"MY OWN\""), DemProjection, "no coordinate system"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_used(
    tmp_path: Path, change: tuple[str, str], error: type[Exception], words: str
) -> None:
    path = put_polar(tmp_path, "A", hills())
    text = path.read_text("ascii")
    assert change[0] in text
    path.write_text(text.replace(*change), encoding="ascii")
    with pytest.raises(error, match=words):
        read_dem(path)


def test_label_values(tmp_path: Path) -> None:
    label = read_label(put_polar(tmp_path, "A", hills()))
    assert label.number("IMAGE.SCALING_FACTOR", 0.0) == 0.5
    assert label.number("IMAGE_MAP_PROJECTION.MAP_SCALE", 0.0) == 20.0
    assert label.text("IMAGE_MAP_PROJECTION.FIRST_STANDARD_PARALLEL") == ""
    assert label.image_path() == tmp_path / "A.IMG"
