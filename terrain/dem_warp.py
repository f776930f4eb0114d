"""Elevation files onto a grid of the internal polar frame."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.warp import reproject
from rasterio.windows import Window

from .dem_checks import check_range
from .dem_cylinder import MAX_CELLS, warp_cylinder
from .dem_header import MOON_CRS, DemInfo, Raster, measure, opened
from .errors import DemTooLarge
from .grid import Float32Grid, GeoRef, HeightGrid


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
