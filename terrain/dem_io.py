"""Elevation files: any lunar raster in (GeoTIFF, PDS3 image), the internal polar frame out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

from .dem_checks import check_holes, check_range, largest_square, without_collar
from .dem_cylinder import MAX_CELLS
from .dem_header import MOON_CRS, DemInfo, dem_files, measure, opened
from .dem_warp import warp_dem
from .errors import DemTooLarge
from .grid import GeoRef, HeightGrid
from .region import read_region

__all__ = [
    "MOON_CRS", "DemInfo", "check_holes", "check_range", "dem_files", "dem_info", "largest_square", "read_dem", "read_region",
    "warp_dem", "without_collar", "write_dem",
]  # fmt: skip


def dem_info(path: Path) -> DemInfo:
    """Return what the header of a lunar raster says; raises a `DemError` child if it is not one."""
    path = Path(path)
    with opened(path) as raster:
        return measure(raster)[0]


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
