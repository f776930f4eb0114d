"""The ground around a place out of a large elevation file, coarsened to fit into memory: the far field of horizons."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from rasterio.enums import Resampling
from rasterio.warp import reproject

from .dem_checks import check_holes, check_range
from .dem_cylinder import warp_cylinder
from .dem_header import DemInfo, Raster, measure, opened
from .dem_warp import warp_options, window_under
from .errors import DemTooSmall, SiteError
from .grid import BoolArray, Float32Grid, GeoRef, HeightGrid, label_cells, polar_lonlat


def read_region(
    path: Path, centre_xy: tuple[float, float], reach_m: float = 250_000.0, max_cells: int = 16_000_000
) -> HeightGrid:
    """Return the part of an elevation file within ``reach_m`` [m] east, west, north and south of a place of the frame.

    Cells are the file's own, or the smallest whole multiple with which the part has at most ``max_cells``; each is the mean
    of the file's cells in it (a block with some holes: of the rest). What lies outside the file or its data is cut off: the
    grid is a rectangle without NaN that holds ``centre_xy``. The file is read in strips, so that memory does not grow with it.
    Raises a `DemError` child for an unusable file, `DemTooSmall` if the place is not in its data, `DemHoles` for a hole larger
    than a cell, `SiteError` for a reach or number of cells that is not positive.
    """
    path = Path(path)
    x, y = float(centre_xy[0]), float(centre_xy[1])
    if not (math.isfinite(reach_m) and reach_m > 0.0 and math.isfinite(x) and math.isfinite(y)):
        raise SiteError(
            f"read_region: reach_m = {reach_m!r} around {centre_xy!r}; allowed: finite metres, reach above 0."
        )
    if max_cells < 4:
        raise SiteError(f"read_region: max_cells = {max_cells!r}; allowed: at least 4.")
    with opened(path) as raster:
        info, same = measure(raster)
        if same:
            grid = _blocks(raster, info, (x, y), reach_m, max_cells)
        else:
            grid = _warped(raster, info, (x, y), reach_m, max_cells)
    check_range(path, grid.elevation_m)
    return _cut(path, grid, (x, y))


def _outside(path: Path, centre: tuple[float, float]) -> DemTooSmall:
    lon, lat = polar_lonlat(*centre)
    return DemTooSmall(
        f"{path}: has no data at longitude {lon:.4f}, latitude {lat:.4f}; allowed: a place inside the file's data."
    )


def _blocks(raster: Raster, info: DemInfo, centre: tuple[float, float], reach_m: float, max_cells: int) -> HeightGrid:
    """Read a file of the internal frame: its own cells, or means over k x k of them."""
    t, (height, width), cell = raster.transform, info.shape, raster.transform.a
    c0, c1 = math.floor((centre[0] - reach_m - t.c) / cell), math.ceil((centre[0] + reach_m - t.c) / cell)
    r0, r1 = math.floor((t.f - centre[1] - reach_m) / cell), math.ceil((t.f - centre[1] + reach_m) / cell)
    c0, c1, r0, r1 = max(0, c0), min(width, c1), max(0, r0), min(height, r1)
    if c1 - c0 < 1 or r1 - r0 < 1:
        raise _outside(raster.path, centre)
    k = max(1, math.floor(math.sqrt((r1 - r0) * (c1 - c0) / max_cells)))
    while ((r1 - r0) // k) * ((c1 - c0) // k) > max_cells:
        k += 1
    k = min(k, r1 - r0, c1 - c0)
    z = raster.read_mean(r0, c0, r1 - r0, c1 - c0, (k, k))
    return HeightGrid(z, GeoRef(t.c + c0 * cell, t.f - r0 * cell, cell * k, z.shape[0], z.shape[1]))


def _warped(raster: Raster, info: DemInfo, centre: tuple[float, float], reach_m: float, max_cells: int) -> HeightGrid:
    """Read a file of another frame, averaged down to about half the target's cell before it is warped."""
    cell = info.cell_m * max(1, math.ceil(2.0 * reach_m / info.cell_m / math.sqrt(max_cells)))
    ref = GeoRef.centred(*centre, 2.0 * reach_m, cell)
    cylinder = raster.cylinder()
    if cylinder is not None:
        return HeightGrid(warp_cylinder(raster, cylinder, ref), ref)
    window = window_under(raster, ref)
    if window is None:
        raise _outside(raster.path, centre)
    by = max(1, math.floor(cell / (2.0 * info.cell_m)))
    z = raster.read_mean(*window, (by, by))
    out = np.full(ref.shape, np.nan, dtype=np.float32)
    way = Resampling.average if by * info.cell_m < 0.75 * cell else Resampling.cubic
    place = warp_options(raster, window, ref, by)
    reproject(z, out, src_nodata=math.nan, dst_nodata=math.nan, resampling=way, **place)
    return HeightGrid(out, ref)


def _cut(path: Path, grid: HeightGrid, centre: tuple[float, float]) -> HeightGrid:
    """Cut a grid's empty margin off; raises `DemTooSmall` if the place lies in it, `DemHoles` for holes inside."""
    empty = ~np.isfinite(grid.elevation_m)
    ref = grid.ref
    if not ref.inside(*centre):
        raise _outside(path, centre)
    row, col = ref.cell_of(*centre)
    if empty[row, col]:
        raise _outside(path, centre)
    if not empty.any():
        return grid
    r0, r1, c0, c1 = _full_rectangle(_margin(empty), row, col)
    z: Float32Grid = grid.elevation_m[r0:r1, c0:c1].copy()
    out = HeightGrid(z, GeoRef(ref.x_left + c0 * ref.cell_m, ref.y_top - r0 * ref.cell_m, ref.cell_m, r1 - r0, c1 - c0))
    check_holes(path, out)
    return out


def _margin(empty: BoolArray) -> BoolArray:
    """Return the empty cells that hang together with the grid's edge."""
    labels = label_cells(empty)
    at_edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return empty & np.isin(labels, at_edge[at_edge > 0])


def _full_rectangle(bad: BoolArray, row: int, col: int) -> tuple[int, int, int, int]:
    """Return first and end row and column of a rectangle around a cell that holds no bad cell.

    The side with the largest share of bad cells is taken off until none is left, never the cell's own row or column.
    """
    r0, r1, c0, c1 = 0, bad.shape[0], 0, bad.shape[1]
    left = int(bad.sum())
    while left:
        sides = {
            "top": (bad[r0, c0:c1], r0 < row),
            "bottom": (bad[r1 - 1, c0:c1], r1 - 1 > row),
            "left": (bad[r0:r1, c0], c0 < col),
            "right": (bad[r0:r1, c1 - 1], c1 - 1 > col),
        }
        worst = max((name for name, (_, free) in sides.items() if free), key=lambda name: float(sides[name][0].mean()))
        left -= int(sides[worst][0].sum())
        r0, r1 = r0 + (worst == "top"), r1 - (worst == "bottom")
        c0, c1 = c0 + (worst == "left"), c1 - (worst == "right")
    return r0, r1, c0, c1
