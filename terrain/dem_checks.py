"""What elevations must be before they become ground: the Moon's range, no holes, no empty margin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import DemHoles, DemRange, DemTooSmall
from .grid import Float32Grid, GeoRef, HeightGrid, label_cells, polar_lonlat

LOWEST_M, HIGHEST_M = -9_200.0, 10_800.0  # [m] Moon's lowest and highest ground above 1737.4 km (LOLA, Smith 2010)


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
