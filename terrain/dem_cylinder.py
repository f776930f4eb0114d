"""Equirectangular lunar maps (degrees, or simple cylindrical metres) onto the internal polar frame.

Longitude is linear in columns and latitude in rows, so the place of each target cell in the file is exact; the seam where
the columns close the circle, and the pole where they meet, need no special case of a general warper.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from .constants import MOON_RADIUS_M
from .dem_header import Cylinder, Raster
from .errors import DemTooLarge
from .grid import Float32Grid, Float64Array, GeoRef, polar_lonlat

MAX_CELLS = 100_000_000  # cells held in one piece
ROWS_AT_ONCE = 256  # target rows
SPARE = 4  # cells read around what is needed
WIDE_DEG = 100.0  # [deg] a wider span of longitudes is read all around


def warp_cylinder(raster: Raster, cylinder: Cylinder, ref: GeoRef) -> Float32Grid:
    """Return the file's elevation on the cells of ``ref``, NaN where it has none.

    Bilinear where the file is coarser than ``ref``, else the mean of up to 4 x 4 places in a cell of a file that is first
    averaged down to about half a cell. Raises `DemTooLarge` for more than 10 000 x 10 000 cells.
    """
    out = np.full(ref.shape, np.nan, dtype=np.float32)
    part = _read_part(raster, cylinder, ref)
    if part is None:
        return out
    z, row0, col0, by = part
    step_m = by[0] / cylinder.rows_per_deg * math.radians(1.0) * MOON_RADIUS_M
    many = min(4, max(1, math.ceil(ref.cell_m / step_m)))
    whole = z.shape[1] * by[1] > raster.data.width
    inside = (np.arange(many) + 0.5) / many - 0.5
    for first in range(0, ref.rows, ROWS_AT_ONCE):
        rows = np.arange(first, min(first + ROWS_AT_ONCE, ref.rows), dtype=np.float64)
        total = np.zeros((rows.size, ref.cols))
        for down in inside:
            for right in inside:
                r, c = np.meshgrid(rows + down, np.arange(ref.cols) + right, indexing="ij")
                col, row = _colrow(cylinder, ref, r, c)
                # Coarsened cell i covers the file's cells i*k to i*k + k - 1.
                at = [(row - row0 + 0.5) / by[0] - 0.5, (_near(col, col0, cylinder, whole) - col0 + 0.5) / by[1] - 0.5]
                total += ndimage.map_coordinates(z, at, order=1, mode="constant", cval=np.nan, prefilter=False)
        out[first : first + rows.size] = total / many**2
    return out


def _colrow(cylinder: Cylinder, ref: GeoRef, row: Float64Array, col: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return the file's fractional columns and rows of the target's."""
    return cylinder.colrow(*polar_lonlat(*ref.xy(row, col)))


def _near(col: Float64Array, first: int, cylinder: Cylinder, whole: bool) -> Float64Array:
    """Return columns turned by whole circles so that they count from ``first`` on, or from the file's left edge."""
    if not cylinder.around:
        return col
    edge, turn = -0.5 if whole else float(first), 360.0 * cylinder.cols_per_deg
    return edge + np.mod(col - edge, turn)


def _read_part(raster: Raster, cylinder: Cylinder, ref: GeoRef) -> tuple[Float32Grid, int, int, tuple[int, int]] | None:
    """Read what lies under ``ref``, coarsened: heights, first row and column in the file, and the coarsening."""
    height, width = raster.data.height, raster.data.width
    steps = 81
    spots = np.meshgrid(np.linspace(-0.5, ref.rows - 0.5, steps), np.linspace(-0.5, ref.cols - 0.5, steps))
    x, y = ref.xy(*spots)
    lon, lat = polar_lonlat(x, y)
    pole = bool(ref.inside(0.0, 0.0))
    south = -90.0 if pole else float(lat.min())
    north = float(lat.max())
    rows = np.sort(cylinder.colrow(0.0, np.array([north, south]))[1])
    # The nearest place to the pole may lie between the spots looked at.
    more = SPARE + (0.0 if pole else float(np.ptp(rows)) / (steps - 1))
    row0, row1 = max(0, math.floor(rows[0] - more)), min(height, math.ceil(rows[1] + more) + 1)
    middle = ref.lonlat()[0]
    east = np.mod(lon - middle + 180.0, 360.0) - 180.0
    span = float(np.abs(east).max())
    if pole or span > WIDE_DEG:
        col0, cols = 0, width
    else:
        middle_col = float(cylinder.colrow(middle, 0.0)[0])
        half = math.ceil(span * 1.05 * cylinder.cols_per_deg) + SPARE
        col0, cols = math.floor(middle_col) - half, 2 * half + 1
        if not cylinder.around:
            end = min(width, col0 + cols)
            col0 = max(0, col0)
            cols = end - col0
    if row1 - row0 < 1 or cols < 1:
        return None
    # Meridians meet at the pole: columns are far denser on the ground than rows, and are averaged first.
    north_m = math.cos(math.radians(min(-60.0, north))) / cylinder.cols_per_deg
    cell_deg = math.degrees(ref.cell_m / MOON_RADIUS_M)
    by = (
        max(1, int(0.5 * cell_deg * cylinder.rows_per_deg)),
        max(1, int(0.5 * max(cell_deg, 1.0 / cylinder.rows_per_deg) / north_m)),
    )
    by = (by[0], _divisor(width, by[1]) if cols >= width and cylinder.around else by[1])
    return _read_around(raster, cylinder, (row0, row1), (col0, cols), by)


def _divisor(width: int, most: int) -> int:
    """Return the largest divisor of ``width`` up to ``most``: a whole number of blocks in the circle."""
    return next(k for k in range(min(most, width), 0, -1) if width % k == 0)


def _read_around(
    raster: Raster, cylinder: Cylinder, rows: tuple[int, int], cols: tuple[int, int], by: tuple[int, int]
) -> tuple[Float32Grid, int, int, tuple[int, int]]:
    """Read rows (first, end) and columns (first, number), over the seam where they cross it, in blocks of ``by``."""
    height, width = raster.data.height, raster.data.width
    row0, row1 = rows
    if row1 == height:  # whole blocks up to the pole's edge
        row0 = max(0, height - math.ceil((height - row0) / by[0]) * by[0])
        if (height - row0) % by[0]:
            row0 = height % by[0]
    else:
        row1 = min(height, row0 + math.ceil((row1 - row0) / by[0]) * by[0])
    col0, n = cols[0], math.ceil(cols[1] / by[1]) * by[1]
    whole = cylinder.around and cols[1] >= width
    if whole:
        col0, n = 0, width
    elif not cylinder.around:
        n = min(n, width - col0) // by[1] * by[1] or min(n, width - col0)
        by = (by[0], min(by[1], n))
    if ((row1 - row0) // by[0]) * (n // by[1]) > MAX_CELLS:
        raise DemTooLarge(
            f"{raster.path}: {row1 - row0} x {n} cells lie under the asked area; allowed: up to {MAX_CELLS:,}. "
            "Ask for a smaller area, or make the file coarser: gdalwarp -tr 20 20 -r average IN.tif OUT.tif"
        )
    pieces: list[Float32Grid] = []
    at, left = col0, n
    while left > 0:
        start = at % width if cylinder.around else at
        take = min(left, width - start)
        # Blocks do not straddle the seam when the circle is a whole number of them; else the seam is read cell by cell.
        pieces.append(raster.read_mean(row0, start, row1 - row0, take, (by[0], by[1] if take % by[1] == 0 else 1)))
        if take % by[1]:
            return _read_around(raster, cylinder, rows, cols, (by[0], 1))
        at, left = at + take, left - take
    z = np.concatenate(pieces, axis=1)
    if whole:  # one block more on each side, from the other end
        z = np.concatenate([z[:, -1:], z, z[:, :1]], axis=1)
        col0 -= by[1]
        if row1 == height and (cylinder.row_equator - (height - 0.5)) / cylinder.rows_per_deg < -90.0 + 1e-6:
            beyond = np.roll(z[-1:, 1:-1], (z.shape[1] - 2) // 2, axis=1)  # over the pole lies the opposite meridian
            z = np.concatenate([z, np.concatenate([beyond[:, -1:], beyond, beyond[:, :1]], axis=1)], axis=0)
    return z, row0, col0, by
