"""The grid turned for one azimuth: the kernels of `moonfleet.terrain.horizon` all work on this layout.

A turned grid has its azimuth along +columns and climbs ``slope`` (0..1) rows per column. It is kept column by column, as
``ground`` float32 [cols, ...] (see `sheet`) with ``PAD`` cells of padding before a column and more after it, so that what runs along
the rays, for all rows of a column at once, reads and writes neighbours in memory.

Heights are *flat*: bent (see `bend`), above ``base_m``, and less the fall of the sphere over the columns. A straight line
in flat heights is a straight line of sight, and horizons are plane slopes [m per column]; `write_angles` makes angles of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .grid import GeoRef
from .kernel import kernel

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]

AHEAD: Final = 128  # more cells of padding at the far end, where rays leave the grid
PAD: Final = 32  # cells of padding at both ends of a column; as many lines are swept together
BOTTOM_M: Final = -1e6  # [m] height of the padding, below everything
LIMIT_DEG: Final = 32.7  # int16 holds +-32.767 deg
TILE: Final = 64


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of a grid that makes an azimuth run along +columns, ``slope`` in [0, 1] rows per column."""

    swap: bool
    flip_rows: bool
    flip_cols: bool
    slope: float

    @classmethod
    def towards(cls, azimuth: float) -> Turn:
        """Return the turn for an azimuth [rad, clockwise from +y]."""
        along_rows, along_cols = -math.cos(azimuth), math.sin(azimuth)
        swap = abs(along_rows) > abs(along_cols)
        u, v = (along_rows, along_cols) if swap else (along_cols, along_rows)
        slope = abs(v) / abs(u)
        return cls(swap, v < 0.0, u < 0.0, slope if slope > 1e-12 else 0.0)

    def columns(self, z: Float32Grid, across: Float32Grid) -> Float32Grid:
        """Return a view [cols, rows] of ``z`` turned; ``across`` is its transpose."""
        columns = z if self.swap else across
        return columns[:: -1 if self.flip_cols else 1, :: -1 if self.flip_rows else 1]

    def map_frame(self, ref: GeoRef) -> Array:
        """Return x, y = f[0:2] + row * f[2:4] + col * f[4:6] [m] of a (row, col) of the turned frame."""
        n_rows, n_cols = (ref.cols, ref.rows) if self.swap else (ref.rows, ref.cols)
        row0, d_row = (n_rows - 1.0, -1.0) if self.flip_rows else (0.0, 1.0)
        col0, d_col = (n_cols - 1.0, -1.0) if self.flip_cols else (0.0, 1.0)
        left, top, cell = ref.x_left + 0.5 * ref.cell_m, ref.y_top - 0.5 * ref.cell_m, ref.cell_m
        if self.swap:  # turned rows are columns of the grid
            return np.array([left + row0 * cell, top - col0 * cell, d_row * cell, 0.0, 0.0, -d_col * cell])
        return np.array([left + col0 * cell, top - row0 * cell, 0.0, -d_row * cell, d_col * cell, 0.0])


def bend(z: Float32Grid) -> Float32Grid:
    """Return R h / (R + h) of heights h [m]: with it the tangent of elevation on a sphere is that of a plane, but for one term.

    From a point at height e, one at height h and angle a at the Moon's centre stands at the tangent
    ``(1 + e / R) (bend(h) - bend(e)) / (R sin a) - tan(a / 2)``, exactly.
    """
    high = z.astype(np.float64)
    return (high / (1.0 + high / MOON_RADIUS_M)).astype(np.float32)


@kernel
def padded(rows: int) -> int:
    """Return rows, up to a multiple of 32: loops over as many cells have no rest that is too short to run wide."""
    return -(-rows // 32) * 32


def sheet(cols: int, rows: int) -> Float32Grid:
    """Return a new ``ground`` for so many columns and rows: bottom everywhere."""
    return np.full((cols, PAD + padded(rows) + AHEAD + PAD), BOTTOM_M, dtype=np.float32)


@kernel
def unbend(v: float) -> float:
    """Return the height [m] whose bent height (see `bend`) is ``v``."""
    return v / (1.0 - v / MOON_RADIUS_M)


@kernel
def fall_m(column_m: float, base_m: float) -> float:
    """Return how far a sphere falls away in one column [m]; in k columns it is k^2 times as much.

    The tangent of an angle a up to a few degrees is taken for the angle (off by 2e-7 rad over 30 km).
    """
    return 0.5 * column_m * column_m / MOON_RADIUS_M * (1.0 - base_m / MOON_RADIUS_M)


@kernel
def lay(columns: Float32Grid, fall: float, ground: Float32Grid) -> None:
    """Fill ground with bent heights ``columns`` [cols, rows]: flat, one cell of level ground past each end, then the bottom."""
    cols, rows = columns.shape
    bottom = np.float32(BOTTOM_M)
    for c in range(cols):
        drop = np.float32(fall * c * c)
        to, at = ground[c], columns[c]
        inner = to[PAD:]
        for r in range(rows):
            inner[r] = at[r] - drop
        for k in range(PAD - 1):
            to[k] = bottom
        to[PAD - 1] = inner[0]
        inner[rows] = inner[rows - 1]
        for k in range(PAD + rows + 1, to.size):
            to[k] = bottom


# atan(t) = t (C0 + C1 t^2 + ...) for |t| <= tan(32.7 deg), fitted by Chebyshev points, in 0.001 deg: off by < 0.1 of them.
_FIT = np.polynomial.Chebyshev.interpolate(
    lambda q: np.arctan(np.sqrt(q)) / np.sqrt(q), 6, domain=[0.0, math.tan(math.radians(LIMIT_DEG)) ** 2]
)
_SQUARES: Final = math.degrees(1000.0) * np.asarray(_FIT.convert(kind=np.polynomial.Polynomial).coef, dtype=np.float64)
C0, C1, C2, C3, C4, C5, C6 = (np.float32(c) for c in _SQUARES)
STEEPEST: Final = np.float32(math.tan(math.radians(LIMIT_DEG)))


@kernel
def write_angles(
    best: Float32Grid,
    ground: Float32Grid,
    rows: int,
    column_m: float,
    base_m: float,
    observer_m: float,
    swap: bool,
    flip_rows: bool,
    flip_cols: bool,
    out: NDArray[np.int16],
) -> None:
    """Fill out [R, C], in the grid's own order, with the angles [0.001 deg] of slopes ``best`` [m per column], clipped.

    Tile by tile, so that turning costs little; the arc tangent is a polynomial, so that it runs wide.
    """
    cols = best.shape[0]
    fall = fall_m(column_m, base_m)
    half = np.float32(32768.5)  # angles are made positive, where cutting off is rounding down
    per_m, per_column = np.float32(1.0 / MOON_RADIUS_M), np.float32(1.0 / column_m)
    angles = np.empty((TILE, TILE), dtype=np.int16)
    for r0 in range(0, rows, TILE):
        high = min(TILE, rows - r0)
        for c0 in range(0, cols, TILE):
            wide = min(TILE, cols - c0)
            for i in range(wide):
                c = c0 + i
                slopes, z, row = best[c, PAD + r0 :], ground[c, PAD + r0 :], angles[i]
                level = np.float32(1.0 + (base_m + observer_m + fall * c * c) / MOON_RADIUS_M)
                lean = np.float32(2.0 * fall * c / column_m)
                for j in range(high):
                    t = (slopes[j] * per_column + lean) * (level + z[j] * per_m)
                    t = min(max(t, -STEEPEST), STEEPEST)
                    q = t * t
                    angle = t * (C0 + q * (C1 + q * (C2 + q * (C3 + q * (C4 + q * (C5 + q * C6))))))
                    row[j] = np.int16(np.int32(angle + half) - 32768)
            if swap:
                for i in range(wide):
                    to = out[cols - 1 - c0 - i if flip_cols else c0 + i]
                    row = angles[i]
                    if flip_rows:
                        to = to[rows - r0 - high : rows - r0]
                        for j in range(high):
                            to[high - 1 - j] = row[j]
                    else:
                        to = to[r0 : r0 + high]
                        for j in range(high):
                            to[j] = row[j]
            else:
                for j in range(high):
                    to = out[rows - 1 - r0 - j if flip_rows else r0 + j]
                    if flip_cols:
                        for i in range(wide):
                            to[cols - 1 - c0 - i] = angles[i, j]
                    else:
                        for i in range(wide):
                            to[c0 + i] = angles[i, j]
