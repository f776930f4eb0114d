"""Elevation files: any lunar raster in (GeoTIFF, PDS3 image), the internal polar frame out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.warp import reproject
from rasterio.windows import Window

from .dem_cylinder import MAX_CELLS, warp_cylinder
from .dem_header import MOON_CRS, DemInfo, Raster, measure, opened
from .errors import DemHoles, DemRange, DemTooLarge, DemTooSmall
from .grid import Float32Grid, GeoRef, HeightGrid, label_cells, polar_lonlat

LOWEST_M, HIGHEST_M = -9_200.0, 10_800.0  # [m] Moon's lowest and highest ground above 1737.4 km (LOLA, Smith 2010)


def dem_info(path: Path) -> DemInfo:
    """Return what the header of a lunar raster says; raises a `DemError` child if it is not one."""
    path = Path(path)
    with opened(path) as raster:
        return measure(raster)[0]


def warp_dem(path: Path, ref: GeoRef) -> HeightGrid:
    """Return the file's elevation on the cells of ``ref``, NaN where it has none: averaged if finer, cubic if coarser.

    Maps in degrees and simple cylindrical ones are bilinear if coarser. A cell that a hole of the file falls into has
    none, however small the hole. Only the part of the file under ``ref`` is read. Raises a `DemError` child for an unusable
    file, `DemTooLarge` if that part has more than 10 000 x 10 000 cells.
    """
    path = Path(path)
    with opened(path) as raster:
        info, _ = measure(raster)
        cylinder = raster.cylinder()
        if cylinder is not None:
            out = warp_cylinder(raster, cylinder, ref)
        else:
            out = _warp(raster, info, ref)
    check_range(path, out)
    return HeightGrid(out, ref)


def _warp(raster: Raster, info: DemInfo, ref: GeoRef) -> Float32Grid:
    """Return heights on the cells of ``ref``, through GDAL's warper."""
    out = np.full(ref.shape, np.nan, dtype=np.float32)
    window = window_under(raster, ref)
    if window is None:
        return out
    row, col, rows, cols = window
    if rows * cols > MAX_CELLS:
        raise DemTooLarge(
            f"{raster.path}: {rows} x {cols} cells lie under the asked area; allowed: up to {MAX_CELLS:,}. "
            "Ask for a smaller area, or make the file coarser: gdalwarp -tr 20 20 -r average IN.tif OUT.tif"
        )
    z = raster.read(row, col, rows, cols)
    finer = info.cell_m < 0.75 * ref.cell_m
    place = warp_options(raster, window, ref)
    way = Resampling.average if finer else Resampling.cubic
    reproject(z, out, src_nodata=math.nan, dst_nodata=math.nan, resampling=way, **place)
    holes = np.isnan(z)
    if holes.any():
        bad = np.zeros(ref.shape, dtype=np.uint8)
        worst = Resampling.max if finer else Resampling.nearest
        reproject(holes.astype(np.uint8), bad, resampling=worst, **place)
        out[bad > 0] = np.nan
    return out


def warp_options(raster: Raster, window: tuple[int, int, int, int], ref: GeoRef, by: int = 1) -> dict[str, Any]:
    """Return the places of source (a window, in blocks of ``by``) and target, for rasterio's ``reproject``."""
    row, col, _, _ = window
    part = raster.data.window_transform(Window(col, row, 1, 1))  # pyright: ignore[reportCallIssue]
    return {
        "src_crs": raster.data.crs,
        "src_transform": part * part.scale(by),
        "dst_crs": CRS.from_wkt(MOON_CRS),
        "dst_transform": from_origin(ref.x_left, ref.y_top, ref.cell_m, ref.cell_m),
        "num_threads": 1,
    }


def window_under(raster: Raster, ref: GeoRef) -> tuple[int, int, int, int] | None:
    """Return row, column, rows and columns of the part of the file under ``ref``, with a margin; None if there is none."""
    data = raster.data
    to_file = pyproj.Transformer.from_crs(MOON_CRS, raster.crs, always_xy=True)
    steps = 41  # places looked at on a side
    x, y = ref.xy(*np.meshgrid(np.linspace(-0.5, ref.rows - 0.5, steps), np.linspace(-0.5, ref.cols - 0.5, steps)))
    fx, fy = (np.asarray(v, dtype=np.float64).ravel() for v in to_file.transform(x, y))
    known = np.isfinite(fx) & np.isfinite(fy)
    if not known.any():
        return None
    t = ~raster.transform
    col, row = t.a * fx[known] + t.b * fy[known] + t.c, t.d * fx[known] + t.e * fy[known] + t.f
    more = 4.0 + (max(np.ptp(row), np.ptp(col)) / (steps - 1))
    r0, r1 = max(0, math.floor(row.min() - more)), min(data.height, math.ceil(row.max() + more))
    c0, c1 = max(0, math.floor(col.min() - more)), min(data.width, math.ceil(col.max() + more))
    if r1 <= r0 or c1 <= c0:
        return None
    return r0, c0, r1 - r0, c1 - c0


def read_dem(path: Path) -> HeightGrid:
    """Return a whole elevation file as a grid of the internal frame, at its own resolution.

    A file that already is a north-up square-celled grid of that frame is returned cell by cell; any other is warped, and
    its empty margin cut off. Raises a `DemError` child: missing, unreadable, not lunar, holes, wrong range,
    more than 10 000 x 10 000 cells.
    """
    path = Path(path)
    with opened(path) as raster:
        info, same = measure(raster)
        rows, cols = info.shape
        if rows * cols > MAX_CELLS and raster.cylinder() is None:
            raise DemTooLarge(
                f"{path}: {rows} x {cols} cells; allowed: up to {MAX_CELLS:,} in one piece. "
                "Make a site of a part of it (longitude, latitude and size), or cut it with gdal_translate."
            )
        if same:
            t = raster.transform
            grid = HeightGrid(raster.read(0, 0, rows, cols), GeoRef(t.c, t.f, t.a, rows, cols))
            check_range(path, grid.elevation_m)
            return without_collar(path, grid)
    half = max(info.extent_m) / 2.0 + info.cell_m
    if (2.0 * half / info.cell_m) ** 2 > MAX_CELLS:
        raise DemTooLarge(
            f"{path}: covers {2.0 * half / 1000:.0f} km in cells of {info.cell_m:g} m; allowed: up to {MAX_CELLS:,} cells "
            "in one piece. Make a site of a part of it (longitude, latitude and size), or cut it with gdal_translate."
        )
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
