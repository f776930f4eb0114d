"""Elevation files: any projected lunar GeoTIFF in, the internal polar frame out."""

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
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import from_origin
from rasterio.warp import reproject
from rasterio.windows import Window

from .constants import MOON_RADIUS_M
from .errors import (
    DemHoles,
    DemMissing,
    DemProjection,
    DemRange,
    DemTooLarge,
    DemTooSmall,
    DemUnreadable,
)
from .grid import Float32Grid, GeoRef, HeightGrid, label_cells, polar_lonlat

MOON_CRS = (  # the internal frame, for GDAL and PROJ
    'PROJCS["Moon (2015) south polar stereographic",GEOGCS["Moon (2015)",DATUM["Moon (2015)",'
    'SPHEROID["Moon (2015)",1737400,0]],PRIMEM["Reference Meridian",0],UNIT["degree",0.0174532925199433]],'
    'PROJECTION["Polar_Stereographic"],PARAMETER["latitude_of_origin",-90],PARAMETER["central_meridian",0],'
    'PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["metre",1],'
    'AXIS["Easting",NORTH],AXIS["Northing",NORTH]]'
)
PROJ_HINT = "gdalwarp -t_srs '+proj=stere +lat_0=-90 +lon_0=0 +k=1 +R=1737400 +units=m' IN.tif OUT.tif"
LOWEST_M, HIGHEST_M = -9_200.0, 10_800.0  # [m] Moon's lowest and highest ground above 1737.4 km (LOLA, Smith 2010)
MAX_CELLS = 10_000 * 10_000  # cells read in one piece: about 1 GB at the worst
MAX_LAT_DEG = -60.0  # [deg] northern limit of the internal frame


@dataclass(frozen=True, slots=True)
class DemInfo:
    """What a file's header says: centre (x, y) [m] in the internal frame, native cell [m], extent [m], shape."""

    path: Path
    centre: tuple[float, float]
    cell_m: float
    extent_m: tuple[float, float]  # width, height
    shape: tuple[int, int]


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    """Open a raster, every failure turned into a typed error that names the file."""
    if not path.exists():
        raise DemMissing(f"{path}: no such file; allowed: a GeoTIFF with a projected lunar coordinate system.")
    if path.is_dir():
        raise DemMissing(f"{path}: a folder; allowed: one GeoTIFF file.")
    if path.stat().st_size == 0:
        raise DemUnreadable(f"{path}: the file is empty (0 bytes); allowed: a GeoTIFF with elevations.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said in our own words by _measure
            opened = rasterio.open(path)
        with opened as data:
            if data.count < 1:
                raise DemUnreadable(f"{path}: holds no band; allowed: a raster with elevation in band 1.")
            yield data
    except RasterioError as error:
        size = path.stat().st_size
        raise DemUnreadable(
            f"{path}: cannot be read as a raster ({size} bytes): {error}; it is truncated, damaged or not a raster. "
            "Allowed: a complete GeoTIFF (check it with `gdalinfo -checksum`)."
        ) from error


def _check_crs(path: Path, data: DatasetReader) -> pyproj.Transformer:
    """Return the transformer from the file's frame to the internal one; raises `DemProjection`."""
    if data.crs is None or not data.crs.to_wkt():
        raise DemProjection(
            f"{path}: has no coordinate system; allowed: any projected lunar one. If you know it, write it into the "
            "file: gdal_edit.py -a_srs '+proj=stere +lat_0=-90 +lon_0=0 +k=1 +R=1737400 +units=m' FILE.tif"
        )
    crs = pyproj.CRS.from_wkt(data.crs.to_wkt())
    radius = crs.ellipsoid.semi_major_metre if crs.ellipsoid is not None else math.nan
    if not abs(radius / MOON_RADIUS_M - 1.0) <= 0.005:
        raise DemProjection(
            f"{path}: not lunar: coordinate system {crs.name!r} is on a body of radius {radius / 1000:.1f} km; "
            f"allowed: the Moon, {MOON_RADIUS_M / 1000:.1f} km +- 0.5 %."
        )
    if crs.is_geographic:
        raise DemProjection(
            f"{path}: coordinates are geographic (degrees: {crs.name!r}); allowed: a projected system in metres. "
            f"Fix: {PROJ_HINT}"
        )
    if not crs.is_projected:
        raise DemProjection(f"{path}: coordinate system {crs.name!r} is not a projected one. Fix: {PROJ_HINT}")
    return pyproj.Transformer.from_crs(crs, pyproj.CRS.from_wkt(MOON_CRS), always_xy=True)


def _measure(path: Path, data: DatasetReader) -> tuple[DemInfo, bool]:
    """Return the header's facts, and whether the file already is a north-up grid of the internal frame."""
    t = data.transform
    numbers = (t.a, t.b, t.c, t.d, t.e, t.f)
    if not all(math.isfinite(v) for v in numbers) or t.determinant == 0.0:
        raise DemRange(f"{path}: cell size {t.a!r} x {t.e!r}; allowed: finite and not zero.")
    if t.is_identity:
        raise DemRange(f"{path}: has no georeference (cells are numbered, not placed); allowed: a placed raster.")
    if data.width < 2 or data.height < 2:
        raise DemTooSmall(f"{path}: {data.width} x {data.height} cells; allowed: at least 2 x 2.")
    to_internal = _check_crs(path, data)
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


def dem_info(path: Path) -> DemInfo:
    """Return what the header of a lunar raster says; raises a `DemError` child if it is not one."""
    path = Path(path)
    with _opened(path) as data:
        return _measure(path, data)[0]


def warp_dem(path: Path, ref: GeoRef) -> HeightGrid:
    """Return the file's elevation on the cells of ``ref``, NaN where it has none: averaged if finer, cubic if coarser.

    A cell that a hole of the file falls into has none, however small the hole. Only the part of the file under ``ref`` is
    read. Raises a `DemError` child for an unusable file, `DemTooLarge` if that part has more than 10 000 x 10 000 cells.
    """
    path = Path(path)
    with _opened(path) as data:
        info, _ = _measure(path, data)
        window = _window_under(data, ref)
        out = np.full(ref.shape, np.nan, dtype=np.float32)
        if window is None:
            return HeightGrid(out, ref)
        if window.width * window.height > MAX_CELLS:
            raise DemTooLarge(
                f"{path}: {window.height} x {window.width} cells lie under the asked area; allowed: up to {MAX_CELLS:,}. "
                "Ask for a smaller area, or make the file coarser: gdalwarp -tr 20 20 -r average IN.tif OUT.tif"
            )
        z = _read_band(data, window)
        finer = info.cell_m < 0.75 * ref.cell_m
        place: dict[str, Any] = {
            "src_crs": data.crs,
            "src_transform": data.window_transform(window),
            "dst_crs": CRS.from_wkt(MOON_CRS),
            "dst_transform": from_origin(ref.x_left, ref.y_top, ref.cell_m, ref.cell_m),
            "num_threads": 1,
        }
        way = Resampling.average if finer else Resampling.cubic
        reproject(z, out, src_nodata=math.nan, dst_nodata=math.nan, resampling=way, **place)
        holes = np.isnan(z)
        if holes.any():
            bad = np.zeros(ref.shape, dtype=np.uint8)
            worst = Resampling.max if finer else Resampling.nearest
            reproject(holes.astype(np.uint8), bad, resampling=worst, **place)
            out[bad > 0] = np.nan
    check_range(path, out)
    return HeightGrid(out, ref)


def _window_under(data: DatasetReader, ref: GeoRef) -> Window | None:
    """Return the part of the file that lies under ``ref``, with a margin; None if there is none."""
    to_file = pyproj.Transformer.from_crs(MOON_CRS, pyproj.CRS.from_wkt(data.crs.to_wkt()), always_xy=True)
    steps = 41  # places looked at on a side
    x, y = ref.xy(*np.meshgrid(np.linspace(-0.5, ref.rows - 0.5, steps), np.linspace(-0.5, ref.cols - 0.5, steps)))
    fx, fy = (np.asarray(v, dtype=np.float64).ravel() for v in to_file.transform(x, y))
    known = np.isfinite(fx) & np.isfinite(fy)
    if not known.any():
        return None
    t = ~data.transform
    col, row = t.a * fx[known] + t.b * fy[known] + t.c, t.d * fx[known] + t.e * fy[known] + t.f
    more = 4.0 + (max(np.ptp(row), np.ptp(col)) / (steps - 1))
    r0, r1 = max(0, math.floor(row.min() - more)), min(data.height, math.ceil(row.max() + more))
    c0, c1 = max(0, math.floor(col.min() - more)), min(data.width, math.ceil(col.max() + more))
    if r1 <= r0 or c1 <= c0:
        return None
    return Window(c0, r0, c1 - c0, r1 - r0)  # pyright: ignore[reportCallIssue]


def _read_band(data: DatasetReader, window: Window) -> Float32Grid:
    """Return band 1 under a window in metres, NaN for holes: no-data value, mask, NaN. Scale and offset are applied."""
    band = data.read(1, window=window, masked=True)
    z = np.asarray(band.filled(0)).astype(np.float32)
    scale, offset = float(data.scales[0]), float(data.offsets[0])
    if (scale, offset) != (1.0, 0.0):
        z = (z * np.float64(scale) + offset).astype(np.float32)
    z[np.ma.getmaskarray(band)] = math.nan
    return z


def read_dem(path: Path) -> HeightGrid:
    """Return a whole elevation file as a grid of the internal frame, at its own resolution.

    A file that already is a north-up square-celled grid of that frame is returned cell by cell; any other is warped, and
    its empty margin cut off. Raises a `DemError` child: missing, unreadable, not lunar, not projected, holes, wrong range,
    more than 10 000 x 10 000 cells.
    """
    path = Path(path)
    with _opened(path) as data:
        info, same = _measure(path, data)
        rows, cols = info.shape
        if rows * cols > MAX_CELLS:
            raise DemTooLarge(
                f"{path}: {rows} x {cols} cells; allowed: up to {MAX_CELLS:,} in one piece. "
                "Make a site of a part of it (longitude, latitude and size), or cut it with gdal_translate."
            )
        if same:
            t = data.transform
            whole = Window(0, 0, cols, rows)  # pyright: ignore[reportCallIssue]
            grid = HeightGrid(_read_band(data, whole), GeoRef(t.c, t.f, t.a, rows, cols))
            check_range(path, grid.elevation_m)
            return without_collar(path, grid)
    half = max(info.extent_m) / 2.0 + info.cell_m
    return without_collar(path, warp_dem(path, GeoRef.centred(*info.centre, 2.0 * half, info.cell_m)))


def write_dem(grid: HeightGrid, path: Path) -> None:
    """Write a grid as a float32 GeoTIFF of the internal frame; `read_dem` gives back the same cells."""
    ref = grid.ref
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, width=ref.cols, height=ref.rows, compress="deflate",
        crs=CRS.from_wkt(MOON_CRS), transform=from_origin(ref.x_left, ref.y_top, ref.cell_m, ref.cell_m), nodata=math.nan,
    ) as out:  # fmt: skip
        out.write(np.asarray(grid.elevation_m), 1)


def largest_square(valid: NDArray[np.bool_]) -> int:
    """Return the side [cells] of the largest square, centred in the array, that holds no False cell.

    >>> import numpy as np
    >>> v = np.ones((6, 6), dtype=bool)
    >>> v[0, 3] = False
    >>> largest_square(v)
    4
    """
    rows, cols = valid.shape
    r, c = np.ogrid[:rows, :cols]
    ring = np.maximum(np.abs(2 * r - (rows - 1)), np.abs(2 * c - (cols - 1)))  # odd or even like the side
    side = min(rows, cols)
    bad = ring[~valid]
    if bad.size:
        side = min(side, int(bad.min()) - 1)
    return max(0, side - ((min(rows, cols) - side) % 2))


def without_collar(path: Path, grid: HeightGrid) -> HeightGrid:
    """Return the largest centred square free of the file's empty margin; raises `DemHoles` for holes inside it.

    Empty cells that hang together with the grid's edge are margin (a map turned into another projection has one); empty
    cells enclosed by data are holes.
    """
    empty = ~np.isfinite(grid.elevation_m)
    if not empty.any():
        return grid
    labels = label_cells(empty)
    at_edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    collar = empty & np.isin(labels, at_edge)
    k = largest_square(~collar)
    if k < 2:
        raise DemTooSmall(
            f"{path}: no data at the middle of the asked area (x {grid.ref.centre[0]:.0f}, y {grid.ref.centre[1]:.0f} m); "
            "allowed: a place well inside the file's data."
        )
    top, left, cell = (grid.ref.rows - k) // 2, (grid.ref.cols - k) // 2, grid.ref.cell_m
    ref = GeoRef(grid.ref.x_left + left * cell, grid.ref.y_top - top * cell, cell, k, k)
    square = HeightGrid(grid.elevation_m[top : top + k, left : left + k].copy(), ref)
    check_holes(path, square)
    return square


def check_range(path: Path, z: Float32Grid) -> None:
    """Raise `DemRange` where elevations are not the Moon's; NaN cells are not looked at."""
    finite = z[np.isfinite(z)]
    if finite.size == 0:
        return
    low, high = float(finite.min()), float(finite.max())
    if low < LOWEST_M or high > HIGHEST_M:
        hint = " These look like radii: subtract 1737400." if low > 1_000_000.0 else ""
        raise DemRange(
            f"{path}: elevations run from {low:.0f} to {high:.0f} m; allowed: {LOWEST_M:.0f} to {HIGHEST_M:.0f} m above "
            f"the sphere of 1737.4 km.{hint}"
        )


def check_holes(path: Path, grid: HeightGrid) -> None:
    """Raise `DemHoles` if any cell of ``grid`` has no data, saying how many and where the first ones are."""
    rows, cols = np.nonzero(~np.isfinite(grid.elevation_m))
    if rows.size == 0:
        return
    x, y = grid.ref.xy(rows, cols)
    lon, lat = polar_lonlat(float(x[0]), float(y[0]))
    raise DemHoles(
        f"{path}: {rows.size} of {grid.elevation_m.size} cells of {grid.ref.cell_m:g} m inside the asked area have no data, "
        f"between x {x.min():.0f}..{x.max():.0f} m and y {y.min():.0f}..{y.max():.0f} m; the first at longitude {lon:.4f}, "
        f"latitude {lat:.4f}. Allowed: none; fill them (gdal_fillnodata.py) or ask for another or smaller area."
    )
