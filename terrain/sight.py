"""Who sees whom over the curved ground: one line of sight, and all cells that one mast sees.

Both walk the straight line between two eyes and compare the bilinear ground with it, half a cell at a time, always from the
same end of a pair, so that sight is exactly mutual. On a sphere the ground between bulges into the line: a share ``f`` of
the way along a distance ``d`` it stands ``f (1 - f) d**2 / 2R`` higher than on a plane.

The sums are written so that each of them only grows with what goes into it, in floating point too: a raised mast never
loses a cell, and ground added between two ends never opens a view.

A viewshed gives what one walk to every cell gives, but leaves out most steps of those walks. Seen from the mast, the ground
of every 2 x 2 cells stands at most so high above the horizontal plane; the highest of each *part* of the circle (a narrow
sector, a few cells deep) is kept. A walk skips the parts that stay below its line, and begins where the ground stands
highest, where it most often ends.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .errors import SiteError
from .grid import HeightGrid
from .kernel import kernel
from .threads import for_each

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]
BoolGrid = NDArray[np.bool_]

NEAR: Final = 2.0  # [cells] ground nearer to the mast than this is in no part: every walk looks at it
DEPTH: Final = 4.0  # [cells] depth of a part
SECTORS: Final = 4096  # parts around the circle, at most
STRIP: Final = 32  # [rows] that a thread takes at once
SLACK_M: Final = 1e-6  # [m] added to the ground of the parts: far more than rounding, far less than anything seen
SLACK: Final = 1e-9  # [cells, rad] by which parts overlap, for the same reason


def line_of_sight(
    grid: HeightGrid, a_xy: tuple[float, float], a_height_m: float, b_xy: tuple[float, float], b_height_m: float
) -> bool:
    """Return whether two eyes, ``a_height_m`` and ``b_height_m`` above the ground at a and b [m], see each other.

    The ground is bilinear between cell centres. The answer is the same with a and b exchanged. Raises `SiteError` for a
    place outside the grid.
    """
    a_row, a_col = _place(grid, "a", a_xy)
    b_row, b_col = _place(grid, "b", b_xy)
    cell = ground_cell(grid)
    return bool(sees(grid.elevation_m, cell, a_row, a_col, float(a_height_m), b_row, b_col, float(b_height_m)))


def viewshed(
    grid: HeightGrid, xy: tuple[float, float], mast_m: float, target_m: float = 0.0, *, threads: int | None = None
) -> BoolGrid:
    """Return the cells whose ``target_m`` m high mark an eye ``mast_m`` m above the ground at ``xy`` sees, bool [R, C].

    Each cell is what `line_of_sight` says of it. What lies outside the grid neither hides anything nor is seen. ``threads``:
    default all cores; the result does not depend on it. Raises `SiteError` for a mast outside the grid.
    """
    row, col = _place(grid, "mast", xy)
    z, cell = grid.elevation_m, ground_cell(grid)
    rows, cols = z.shape
    mast, target = float(mast_m), float(target_m)
    reach = math.hypot(max(row, rows - 1.0 - row), max(col, cols - 1.0 - col))
    sectors = min(SECTORS, 8 + 4 * max(rows, cols))
    roof = np.full((sectors, int(reach / DEPTH) + 2), -np.inf)
    _raise_roof(z, cell, row, col, mast, roof)
    summit = np.empty(roof.shape, dtype=np.int16)
    _find_summits(roof, summit)
    out = np.empty(grid.ref.shape, dtype=np.bool_)

    def strip(index: int) -> None:
        first = STRIP * index
        _view(z, cell, row, col, mast, target, roof, summit, first, out[first : first + STRIP])

    for_each(strip, -(-rows // STRIP), threads)
    return out


def ground_cell(grid: HeightGrid) -> float:
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
def hidden(
    z: Float32Grid, cell_m: float, a_row: float, a_col: float, a_m: float, b_row: float, b_col: float, b_m: float,
    steps: int, first: int, last: int,
) -> bool:  # fmt: skip
    """Return whether ground at steps first..last (of ``steps`` from a to b, both ends left out) stands above the line.

    a comes before b in reading order; ``a_m`` and ``b_m`` are the heights [m] of the eyes themselves.
    """
    d_row, d_col = b_row - a_row, b_col - a_col
    bulge = (d_row * d_row + d_col * d_col) * cell_m * cell_m / (2.0 * MOON_RADIUS_M)
    for k in range(max(first, 1), min(last, steps - 1) + 1):
        f = k / steps
        ground = ground_at(z, a_row + f * d_row, a_col + f * d_col)
        if ground + f * (1.0 - f) * bulge > (1.0 - f) * a_m + f * b_m:
            return True
    return False


@kernel
def sees(
    z: Float32Grid, cell_m: float, a_row: float, a_col: float, a_m: float, b_row: float, b_col: float, b_m: float
) -> bool:
    """Return whether eyes a_m and b_m [m] above the ground at two fractional places see each other; exactly mutual."""
    if a_row > b_row or (a_row == b_row and a_col > b_col):
        a_row, a_col, a_m, b_row, b_col, b_m = b_row, b_col, b_m, a_row, a_col, a_m
    steps = int(math.ceil(2.0 * math.hypot(b_row - a_row, b_col - a_col)))
    a_eye, b_eye = ground_at(z, a_row, a_col) + a_m, ground_at(z, b_row, b_col) + b_m
    return not hidden(z, cell_m, a_row, a_col, a_eye, b_row, b_col, b_eye, steps, 1, steps - 1)


@kernel
def _sector(angle: float, sectors: int) -> int:
    return int(math.floor((angle / (2.0 * math.pi) + 0.5) * sectors))


@kernel
def _raise_roof(z: Float32Grid, cell_m: float, row: float, col: float, mast_m: float, roof: Array) -> None:
    """Raise roof [sectors, parts] to the tangent of the highest ground of each part, as the mast sees it, or above."""
    rows, cols = z.shape
    sectors = roof.shape[0]
    eye = ground_at(z, row, col) + mast_m
    for i in range(max(rows - 1, 1)):
        k = min(i + 1, rows - 1)
        for j in range(max(cols - 1, 1)):
            m = min(j + 1, cols - 1)
            d_row, d_col = 0.5 * (i + k) - row, 0.5 * (j + m) - col
            middle = math.sqrt(d_row * d_row + d_col * d_col)
            if middle < NEAR:
                continue
            over = max(max(z[i, j], z[i, m]), max(z[k, j], z[k, m])) - eye + SLACK_M
            # nearest and farthest point of the square; its corners are 0.7072 cells away from its middle
            off_row, off_col = max(abs(d_row) - 0.5, 0.0), max(abs(d_col) - 0.5, 0.0)
            near = math.sqrt(off_row * off_row + off_col * off_col) - SLACK
            far = math.sqrt((abs(d_row) + 0.5) ** 2 + (abs(d_col) + 0.5) ** 2) + SLACK
            tangent = over / ((near if over > 0.0 else far) * cell_m) - near * cell_m / (2.0 * MOON_RADIUS_M)
            angle = math.atan2(d_row, d_col)
            half = math.asin(0.70711 / middle) + SLACK
            for s in range(_sector(angle - half, sectors), _sector(angle + half, sectors) + 1):
                for p in range(int(near / DEPTH), min(int(far / DEPTH), roof.shape[1] - 1) + 1):
                    if tangent > roof[s % sectors, p]:
                        roof[s % sectors, p] = tangent


@kernel
def _find_summits(roof: Array, summit: NDArray[np.int16]) -> None:
    """Fill summit [sectors, parts] with the highest part of the sector from the mast up to each part."""
    for s in range(roof.shape[0]):
        best = 0
        for p in range(roof.shape[1]):
            if roof[s, p] > roof[s, best]:
                best = p
            summit[s, p] = best


@kernel
def _view(
    z: Float32Grid, cell_m: float, row: float, col: float, mast_m: float, target_m: float, roof: Array,
    summit: NDArray[np.int16], first: int, out: BoolGrid,
) -> None:  # fmt: skip
    """Fill out with what the mast sees of the rows from ``first`` on."""
    eye = ground_at(z, row, col) + mast_m
    sectors = roof.shape[0]
    for r in range(first, first + out.shape[0]):
        for c in range(out.shape[1]):
            goal = z[r, c] + target_m
            d_row, d_col = r - row, c - col
            distance = math.hypot(d_row, d_col)
            steps = int(math.ceil(2.0 * distance))
            back = row > r or (row == r and col > c)
            per_cell = steps / distance if distance > 0.0 else 0.0
            tangent = (goal - eye) / (distance * cell_m) - distance * cell_m / (2.0 * MOON_RADIUS_M)
            s = min(max(_sector(math.atan2(d_row, d_col), sectors), 0), sectors - 1)
            parts = int(distance / DEPTH) + 1
            highest = summit[s, parts - 1]
            seen = True
            # first the ground at the mast's foot, then where it stands highest, then the rest
            for turn in range(-2, parts):
                if turn == -2:
                    near, far = 0.0, NEAR + 1.0
                else:
                    p = highest if turn == -1 else turn
                    if roof[s, p] < tangent:
                        if turn == -1:
                            break
                        continue
                    near, far = p * DEPTH, (p + 1) * DEPTH
                k0, k1 = int(near * per_cell), int(far * per_cell) + 1
                if back:
                    found = hidden(z, cell_m, float(r), float(c), goal, row, col, eye, steps, steps - k1, steps - k0)
                else:
                    found = hidden(z, cell_m, row, col, eye, float(r), float(c), goal, steps, k0, k1)
                if found:
                    seen = False
                    break
            out[r - first, c] = seen
