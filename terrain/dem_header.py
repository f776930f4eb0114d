"""What an elevation file is: opened, its place on the Moon, and how its numbers become metres above 1737.4 km."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from .constants import MOON_RADIUS_M
from .errors import DemMissing, DemProjection, DemRange, DemTooSmall, DemUnreadable
from .grid import Float32Grid, polar_lonlat, polar_xy
from .pds_label import JPEG2000, Label, label_of, read_label

MOON_CRS = (  # the internal frame, for GDAL and PROJ
    'PROJCS["Moon (2015) south polar stereographic",GEOGCS["Moon (2015)",DATUM["Moon (2015)",'
    'SPHEROID["Moon (2015)",1737400,0]],PRIMEM["Reference Meridian",0],UNIT["degree",0.0174532925199433]],'
    'PROJECTION["Polar_Stereographic"],PARAMETER["latitude_of_origin",-90],PARAMETER["central_meridian",0],'
    'PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["metre",1],'
    'AXIS["Easting",NORTH],AXIS["Northing",NORTH]]'
)
PROJ_HINT = "gdalwarp -t_srs '+proj=stere +lat_0=-90 +lon_0=0 +k=1 +R=1737400 +units=m' IN.tif OUT.tif"
MAX_LAT_DEG = -60.0  # [deg] northern limit of the internal frame
RADIUS_LIKE = 0.005  # an offset this near to the Moon's radius (as a share of it) is that radius
CACHE_BYTES = 64 * 1024**2  # GDAL's block cache: its default, a share of all memory, would break the memory bound
STRIP_CELLS = 4_000_000  # cells read at once when a file is coarsened


@dataclass(frozen=True, slots=True)
class DemInfo:
    """What a file's header says: centre (x, y) [m] in the internal frame, native cell [m], extent [m], shape."""

    path: Path
    centre: tuple[float, float]
    cell_m: float
    extent_m: tuple[float, float]  # width, height
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cylinder:
    """An equirectangular raster: longitude and latitude [deg] are linear in columns and rows (cell centres whole)."""

    lon_middle: float
    col_middle: float
    cols_per_deg: float
    row_equator: float
    rows_per_deg: float  # positive: rows run south
    around: bool  # the columns close the circle

    def colrow(self, lon: Any, lat: Any) -> tuple[Any, Any]:
        """Return fractional column and row of longitude and latitude [deg], arrays alike."""
        east = np.mod(np.asarray(lon) - self.lon_middle + 180.0, 360.0) - 180.0
        return self.col_middle + east * self.cols_per_deg, self.row_equator - np.asarray(lat) * self.rows_per_deg


@dataclass(frozen=True, slots=True)
class Raster:
    """An opened elevation file. ``z = scale * number + offset`` [m above 1737.4 km]."""

    path: Path
    data: DatasetReader
    crs: pyproj.CRS
    transform: Affine  # cells to metres of ``crs``; degrees for a geographic one
    scale: float
    offset: float

    def read(self, row: int, col: int, rows: int, cols: int) -> Float32Grid:
        """Return heights [m] of a window, NaN for holes: no-data value, mask, NaN."""
        window = Window(col, row, cols, rows)  # pyright: ignore[reportCallIssue]
        band = self.data.read(1, window=window, masked=True)
        z = np.asarray(band.filled(0)).astype(np.float32)
        if (self.scale, self.offset) != (1.0, 0.0):
            z = (z * np.float64(self.scale) + self.offset).astype(np.float32)
        z[np.ma.getmaskarray(band)] = math.nan
        return z

    def read_mean(self, row: int, col: int, rows: int, cols: int, by: tuple[int, int]) -> Float32Grid:
        """Return means over blocks of ``by`` (rows, columns) cells of a window, read in strips of bounded memory.

        A block with some holes is the mean of the rest, one without any data NaN. Rows and columns that fill no whole
        block at the bottom and right are left out.
        """
        down, right = by
        if by == (1, 1):
            return self.read(row, col, rows, cols)
        out = np.empty((rows // down, cols // right), dtype=np.float32)
        step = max(1, STRIP_CELLS // (down * cols))
        for first in range(0, out.shape[0], step):
            n = min(step, out.shape[0] - first)
            z = self.read(row + first * down, col, n * down, out.shape[1] * right)
            blocks = z.reshape(n, down, out.shape[1], right)
            out[first : first + n] = blocks.mean(axis=(1, 3), dtype=np.float64)
            holes = np.isnan(z)
            if holes.any():
                full = (~holes).reshape(blocks.shape).sum(axis=(1, 3))
                total = np.nansum(blocks, axis=(1, 3), dtype=np.float64)
                out[first : first + n] = np.where(full > 0, total / np.maximum(full, 1), np.nan)
        return out

    def cylinder(self) -> Cylinder | None:
        """Return how longitude and latitude lie in rows and columns, for a geographic or simple cylindrical raster."""
        t = self.transform
        if self.crs.is_geographic:
            middle = (self.data.width - 1) / 2.0
            lon = t.a * (middle + 0.5) + t.c
            lon_step, lat_step, equator = 1.0 / t.a, -1.0 / t.e, -t.f / t.e - 0.5
            col_middle = middle
        else:
            way = self.crs.coordinate_operation
            kind = "" if way is None else way.method_name.lower()
            if way is None or not ("equidistant cylindrical" in kind or "plate carr" in kind):
                return None
            to_file = pyproj.Transformer.from_crs(self.crs.geodetic_crs, self.crs, always_xy=True)
            lon = float(next((p.value for p in way.params if "longitude" in p.name.lower()), 0.0))
            x, y = to_file.transform([lon, lon + 90.0, lon], [0.0, 0.0, -80.0])
            lon_step, lat_step = (x[1] - x[0]) / 90.0 / t.a, -(y[0] - y[2]) / 80.0 / t.e
            col_middle, equator = (x[0] - t.c) / t.a - 0.5, (y[0] - t.f) / t.e - 0.5
        around = abs(self.data.width - 360.0 * abs(lon_step)) < 0.5
        return Cylinder(lon, col_middle, lon_step, equator, lat_step, around)


@contextmanager
def opened(path: Path) -> Iterator[Raster]:
    """Open an elevation file (GeoTIFF, or PDS3 by its label or image), every failure a typed error that names the file."""
    if not path.exists():
        raise DemMissing(f"{path}: no such file; allowed: a GeoTIFF, or a PDS3 label (.lbl) with its image.")
    if path.is_dir():
        raise DemMissing(f"{path}: a folder; allowed: one GeoTIFF file, or a PDS3 label (.lbl) with its image.")
    size = path.stat().st_size
    if size == 0:
        raise DemUnreadable(f"{path}: the file is empty (0 bytes); allowed: a GeoTIFF with elevations.")
    try:
        label, source = _label_and_source(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said in our own words by measure
            with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), rasterio.open(source) as data:
                if data.count < 1:
                    raise DemUnreadable(f"{path}: holds no band; allowed: a raster with elevation in band 1.")
                yield _raster(path, data, label)
    except RasterioError as error:
        raise DemUnreadable(
            f"{path}: cannot be read as a raster ({size} bytes): {error}; it is truncated, damaged or not a raster. "
            "Allowed: a complete GeoTIFF (check it with `gdalinfo -checksum`)."
        ) from error
    except OSError as error:
        raise DemUnreadable(f"{path}: cannot be read: {error.strerror or error}.") from error


def dem_files(path: Path) -> tuple[Path, ...]:
    """Return all files that an elevation file consists of: itself, and a PDS3 label's image or an image's label."""
    path = Path(path)
    if not path.is_file():
        return (path,)
    label, source = _label_and_source(path)
    if label is None:
        return (path,)
    found = {path: None, label.path: None, source: None, label.image_path(): None}
    return tuple(found)


def _label_and_source(path: Path) -> tuple[Label | None, Path]:
    """Return a file's PDS3 label, if it has one, and the file that GDAL is to open."""
    where = label_of(path)
    if where is None:
        if path.suffix.lower() in JPEG2000:
            raise DemMissing(
                f"{path}: a JPEG 2000 without its label; allowed: with {path.stem}_JP2.LBL beside it, which says the scale."
            )
        if path.suffix.lower() == ".img" and not _known_to_gdal(path):
            raise DemMissing(
                f"{path}: a raw image without its label; allowed: with {path.stem}.LBL (or .lbl) beside it. Fetch both."
            )
        return None, path
    label = read_label(where)
    if path.suffix.lower() in JPEG2000:
        return label, path
    image = label.image_path()
    label.check_complete(image)
    return label, where


def _known_to_gdal(path: Path) -> bool:
    """Whether GDAL recognises the file by itself (``.img`` is also the ending of ERDAS files)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path):
                return True
    except RasterioError:
        return False


def _raster(path: Path, data: DatasetReader, label: Label | None) -> Raster:
    """Return the opened file with its frame and the rule that turns its numbers into metres above 1737.4 km."""
    scale, offset = float(data.scales[0]), float(data.offsets[0])
    unit = str(data.units[0] or "").strip().lower()
    metres = 1000.0 if unit in ("km", "kilometre", "kilometer", "kilometres", "kilometers") else 1.0
    transform = data.transform
    if label is not None:
        metres = label.metres_per_unit
        if data.driver.startswith("JP2"):  # these files carry neither scale nor offset themselves
            scale, offset = label.number("IMAGE.SCALING_FACTOR", 1.0), label.number("IMAGE.OFFSET", 0.0)
    elif abs(offset / (MOON_RADIUS_M / 1000.0) - 1.0) < RADIUS_LIKE:
        metres = 1000.0  # a converted file that has lost its unit: a radius of 1737.4 can only be kilometres
    scale, offset = scale * metres, offset * metres
    if abs(offset / MOON_RADIUS_M - 1.0) < RADIUS_LIKE:
        offset -= MOON_RADIUS_M  # radii are turned into heights
    if not (math.isfinite(scale) and math.isfinite(offset) and scale != 0.0):
        raise DemRange(f"{path}: scale {scale!r}, offset {offset!r}; allowed: finite, and a scale that is not zero.")
    crs = _crs(path, data)
    raster = Raster(path, data, crs, transform, scale, offset)
    exact = label.cylindrical_cell_m() if label is not None and raster.cylinder() is not None else None
    if exact is not None and abs(exact / transform.a - 1.0) < 1e-3 and not crs.is_geographic:
        much = exact / transform.a
        transform = Affine(exact, 0.0, transform.c * much, 0.0, -exact, transform.f * much)
        raster = Raster(path, data, crs, transform, scale, offset)
    return raster


def _crs(path: Path, data: DatasetReader) -> pyproj.CRS:
    """Return the file's coordinate system; raises `DemProjection` unless it is one of the Moon's surface."""
    if data.crs is None or not data.crs.to_wkt():
        raise DemProjection(
            f"{path}: has no coordinate system; allowed: any lunar one. If you know it, write it into the "
            "file: gdal_edit.py -a_srs '+proj=stere +lat_0=-90 +lon_0=0 +k=1 +R=1737400 +units=m' FILE.tif"
        )
    crs = pyproj.CRS.from_wkt(data.crs.to_wkt())
    radius = crs.ellipsoid.semi_major_metre if crs.ellipsoid is not None else math.nan
    if not abs(radius / MOON_RADIUS_M - 1.0) <= 0.005:
        raise DemProjection(
            f"{path}: not lunar: coordinate system {crs.name!r} is on a body of radius {radius / 1000:.1f} km; "
            f"allowed: the Moon, {MOON_RADIUS_M / 1000:.1f} km +- 0.5 %."
        )
    if not (crs.is_projected or crs.is_geographic):
        raise DemProjection(f"{path}: coordinate system {crs.name!r} is not a projected one. Fix: {PROJ_HINT}")
    return crs


def measure(raster: Raster) -> tuple[DemInfo, bool]:
    """Return the header's facts, and whether the file already is a north-up grid of the internal frame.

    Raises a `DemError` child for cells of no size, no place, or a file that lies nowhere south of 60 S.
    """
    path, data, t = raster.path, raster.data, raster.transform
    numbers = (t.a, t.b, t.c, t.d, t.e, t.f)
    if not all(math.isfinite(v) for v in numbers) or t.determinant == 0.0:
        raise DemRange(f"{path}: cell size {t.a!r} x {t.e!r}; allowed: finite and not zero.")
    if t.is_identity:
        raise DemRange(f"{path}: has no georeference (cells are numbered, not placed); allowed: a placed raster.")
    if data.width < 2 or data.height < 2:
        raise DemTooSmall(f"{path}: {data.width} x {data.height} cells; allowed: at least 2 x 2.")
    cylinder = raster.cylinder()
    if cylinder is not None:
        return _measure_cylinder(raster, cylinder), False
    to_internal = pyproj.Transformer.from_crs(raster.crs, pyproj.CRS.from_wkt(MOON_CRS), always_xy=True)
    w, h = data.width, data.height
    # Corners, middle, and the middle's two neighbours, for the size of a cell there.
    pix = np.array([[0, 0], [w, 0], [0, h], [w, h], [w / 2, h / 2], [w / 2 + 1, h / 2], [w / 2, h / 2 + 1]], float)
    px, py = t.a * pix[:, 0] + t.b * pix[:, 1] + t.c, t.d * pix[:, 0] + t.e * pix[:, 1] + t.f
    x, y = (np.asarray(v, dtype=np.float64) for v in to_internal.transform(px, py))
    if not (np.isfinite(x[4]) and np.isfinite(y[4])):
        raise DemProjection(f"{path}: its middle has no place in the south-polar frame; allowed: south of 60 S.")
    lon, lat = polar_lonlat(float(x[4]), float(y[4]))
    if lat > MAX_LAT_DEG:
        raise DemProjection(
            f"{path}: its middle lies at latitude {lat:.2f}, longitude {lon:.2f}; allowed: south of {-MAX_LAT_DEG:.0f} S, "
            "where the south polar stereographic frame is usable."
        )
    ex, ey = np.array([x[5] - x[4], y[5] - y[4]]), np.array([x[6] - x[4], y[6] - y[4]])
    cell = math.sqrt(abs(float(ex[0] * ey[1] - ex[1] * ey[0])))
    if not (math.isfinite(cell) and cell > 0.0):
        raise DemRange(f"{path}: cell size {cell!r} m; allowed: finite and not zero.")
    extent = (w * float(np.hypot(*ex)), h * float(np.hypot(*ey)))
    same = bool(np.allclose(x, px, rtol=0, atol=1e-3) and np.allclose(y, py, rtol=0, atol=1e-3))
    same = same and t.b == 0.0 and t.d == 0.0 and t.e < 0.0 < t.a and abs(t.a + t.e) < 1e-9 * t.a
    return DemInfo(path, (float(x[4]), float(y[4])), cell, extent, (h, w)), same


def _measure_cylinder(raster: Raster, cylinder: Cylinder) -> DemInfo:
    """Facts of an equirectangular raster: of the part south of 60 S, its cell measured along a meridian."""
    path, (h, w) = raster.path, (raster.data.height, raster.data.width)
    t = raster.transform
    if t.b != 0.0 or t.d != 0.0 or t.a <= 0.0 or t.e >= 0.0:
        raise DemProjection(
            f"{path}: a cylindrical map that is turned or mirrored; allowed: north up. Fix: {PROJ_HINT}"
        )
    south = (cylinder.row_equator - (h - 0.5)) / cylinder.rows_per_deg
    north = (cylinder.row_equator + 0.5) / cylinder.rows_per_deg
    if max(-south, north) > 90.0 + 1.0 / cylinder.rows_per_deg:
        raise DemRange(
            f"{path}: runs from latitude {south:.2f} to {north:.2f}; allowed: -90 to 90 degrees. If its numbers are metres, "
            "the file names the wrong coordinate system: gdal_edit.py -a_srs RIGHT FILE.tif"
        )
    if not south < MAX_LAT_DEG:
        raise DemProjection(
            f"{path}: lies between latitudes {south:.2f} and {north:.2f}; allowed: a part of it south of "
            f"{-MAX_LAT_DEG:.0f} S, where the south polar stereographic frame is usable."
        )
    metres = MOON_RADIUS_M * math.pi / 180.0  # [m] in a degree of latitude
    cell = metres / cylinder.rows_per_deg
    north, south = min(north, MAX_LAT_DEG), max(south, -90.0)
    if cylinder.around:
        side = 2.0 * polar_xy(90.0, north)[0]
        return DemInfo(path, (0.0, 0.0), cell, (side, side), (h, w))
    lon = cylinder.lon_middle + ((w - 1) / 2.0 - cylinder.col_middle) / cylinder.cols_per_deg
    lat = (north + south) / 2.0
    wide = w / cylinder.cols_per_deg * metres * math.cos(math.radians(north))
    return DemInfo(path, polar_xy(lon, lat), cell, (wide, (north - south) * metres), (h, w))
