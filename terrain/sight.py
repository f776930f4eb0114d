"""Who sees whom over the curved ground: one line of sight, and all cells that one mast sees.

Both walk the straight line between two eyes and compare the bilinear ground with it, half a cell at a time, always from the
same end of a pair, so that sight is exactly mutual. On a sphere the ground between bulges into the line: a share ``f`` of
the way along a distance ``d`` it stands ``f (1 - f) d**2 / 2R`` higher than on a plane.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .errors import SiteError
from .grid import HeightGrid
from .kernel import kernel

Float32Grid = NDArray[np.float32]
BoolGrid = NDArray[np.bool_]


def line_of_sight(
    grid: HeightGrid, a_xy: tuple[float, float], a_height_m: float, b_xy: tuple[float, float], b_height_m: float
) -> bool:
    """Return whether two eyes, ``a_height_m`` and ``b_height_m`` above the ground at a and b [m], see each other.

    The ground is bilinear between cell centres. The answer is the same with a and b exchanged. Raises `SiteError` for a
    place outside the grid.
    """
    a_row, a_col = _place(grid, "a", a_xy)
    b_row, b_col = _place(grid, "b", b_xy)
    cell = _ground_cell(grid)
    return bool(sees(grid.elevation_m, cell, a_row, a_col, float(a_height_m), b_row, b_col, float(b_height_m)))


def viewshed(grid: HeightGrid, xy: tuple[float, float], mast_m: float, target_m: float = 0.0) -> BoolGrid:
    """Return the cells whose ``target_m`` m high mark an eye ``mast_m`` m above the ground at ``xy`` sees, bool [R, C]."""
    row, col = _place(grid, "mast", xy)
    out = np.empty(grid.ref.shape, dtype=np.bool_)
    _viewshed(grid.elevation_m, _ground_cell(grid), row, col, float(mast_m), float(target_m), out)
    return out


def _ground_cell(grid: HeightGrid) -> float:
    """Return the cell size on the sphere [m]: the map's, over the scale of the projection at its middle."""
    x, y = grid.ref.centre
    return grid.ref.cell_m / (1.0 + (x * x + y * y) / (4.0 * MOON_RADIUS_M**2))


def _place(grid: HeightGrid, name: str, xy: tuple[float, float]) -> tuple[float, float]:
    x, y = float(xy[0]), float(xy[1])
    if not grid.ref.inside(x, y):
        raise SiteError(f"sight.{name}: ({x!r}, {y!r}) is outside the grid; allowed: x, y within {grid.ref.bounds}.")
    row, col = grid.ref.rowcol(x, y)
    row, col = round(row, 6), round(col, 6)  # a cell's own centre is that cell exactly
    return min(max(row, 0.0), grid.ref.rows - 1.0), min(max(col, 0.0), grid.ref.cols - 1.0)


@kernel
def ground_at(z: Float32Grid, row: float, col: float) -> float:
    """Return the bilinear height [m] at a fractional place inside the grid."""
    rows, cols = z.shape
    i, j = min(int(row), max(rows - 2, 0)), min(int(col), max(cols - 2, 0))
    k, m = min(i + 1, rows - 1), min(j + 1, cols - 1)
    fr, fc = row - i, col - j
    upper = z[i, j] * (1.0 - fc) + z[i, m] * fc
    lower = z[k, j] * (1.0 - fc) + z[k, m] * fc
    return upper * (1.0 - fr) + lower * fr


@kernel
def sees(
    z: Float32Grid, cell_m: float, a_row: float, a_col: float, a_m: float, b_row: float, b_col: float, b_m: float
) -> bool:
    """Return whether eyes a_m and b_m [m] above the ground at two fractional places see each other; exactly mutual."""
    if a_row > b_row or (a_row == b_row and a_col > b_col):
        a_row, a_col, a_m, b_row, b_col, b_m = b_row, b_col, b_m, a_row, a_col, a_m
    d_row, d_col = b_row - a_row, b_col - a_col
    cells = math.sqrt(d_row * d_row + d_col * d_col)
    steps = int(math.ceil(2.0 * cells))
    start = ground_at(z, a_row, a_col) + a_m
    rise = ground_at(z, b_row, b_col) + b_m - start
    bulge = (cells * cell_m) ** 2 / (2.0 * MOON_RADIUS_M)
    for k in range(1, steps):
        f = k / steps
        if ground_at(z, a_row + f * d_row, a_col + f * d_col) + f * (1.0 - f) * bulge > start + f * rise:
            return False
    return True


@kernel
def _viewshed(
    z: Float32Grid, cell_m: float, row: float, col: float, mast_m: float, target_m: float, out: BoolGrid
) -> None:
    """Fill out [R, C] with what the mast sees."""
    rows, cols = z.shape
    for r in range(rows):
        for c in range(cols):
            out[r, c] = sees(z, cell_m, row, col, mast_m, float(r), float(c), target_m)
