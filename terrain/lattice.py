"""Smooth surfaces from numbers on lattices: cubic upsampling, B-spline subdivision, and noise tied to the world.

A cubic B-spline surface on a lattice is the same surface on a lattice twice as fine, with coefficients that are short
weighted sums of the coarse ones (Lane & Riesenfeld 1980). So noise of many wavelengths is summed on lattices and drawn onto
the grid only once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .grid import Float64Array, GeoRef, HeightGrid
from .kernel import kernel
from .seeds import stream
from .threads import for_each

TILE = 64  # lattice points on a side of one random tile
SPREAD = 151.0 / 315.0  # [-] standard deviation of a cubic B-spline surface of unit normal numbers
BAND = 128  # rows of a grid that one thread fills at a time


@kernel
def _weights(t: float, through: bool, w: NDArray[np.float64]) -> None:
    """Fill the four cubic weights at ``t`` in 0..1: Catmull-Rom if ``through`` (the points are met), else B-spline."""
    if through:
        w[0] = ((2.0 - t) * t - 1.0) * t / 2.0
        w[1] = ((3.0 * t - 5.0) * t * t + 2.0) / 2.0
        w[2] = ((4.0 - 3.0 * t) * t + 1.0) * t / 2.0
        w[3] = (t - 1.0) * t * t / 2.0
    else:
        w[0] = (1.0 - t) ** 3 / 6.0
        w[1] = (3.0 * t**3 - 6.0 * t**2 + 4.0) / 6.0
        w[2] = (-3.0 * t**3 + 3.0 * t**2 + 3.0 * t + 1.0) / 6.0
        w[3] = t**3 / 6.0


@kernel
def _taps(start: float, step: float, nodes: int, through: bool, at: NDArray[np.int64], w: NDArray[np.float64]) -> None:
    """Fill the four nodes (int64 [n, 4], clipped) and their weights (float64 [n, 4]) of places ``start + i step``."""
    for i in range(at.shape[0]):
        p = start + i * step
        k = int(math.floor(p))
        _weights(p - k, through, w[i])
        for m in range(4):
            at[i, m] = min(max(k - 1 + m, 0), nodes - 1)


@kernel
def _draw_rows(
    out: NDArray[np.float64], z: NDArray[np.float64],
    row_at: NDArray[np.int64], row_w: NDArray[np.float64],
    col_at: NDArray[np.int64], col_w: NDArray[np.float64], first: int, last: int,
) -> None:  # fmt: skip
    """Add the surface of coefficients ``z`` to rows ``first .. last - 1`` of ``out``."""
    mixed = np.empty(z.shape[1])
    for i in range(first, last):
        a, b, c, d = z[row_at[i, 0]], z[row_at[i, 1]], z[row_at[i, 2]], z[row_at[i, 3]]
        wa, wb, wc, wd = row_w[i, 0], row_w[i, 1], row_w[i, 2], row_w[i, 3]
        for j in range(mixed.size):
            mixed[j] = wa * a[j] + wb * b[j] + wc * c[j] + wd * d[j]
        for j in range(out.shape[1]):
            out[i, j] += (
                col_w[j, 0] * mixed[col_at[j, 0]] + col_w[j, 1] * mixed[col_at[j, 1]]
                + col_w[j, 2] * mixed[col_at[j, 2]] + col_w[j, 3] * mixed[col_at[j, 3]]
            )  # fmt: skip


def in_bands(rows: int, threads: int | None, work: Callable[[int, int], object]) -> None:
    """Call ``work(first, last)`` for bands of rows that together are ``range(rows)``; the bands do not depend on ``threads``."""
    bands = -(-rows // BAND)
    if threads == 1 or bands == 1:
        for band in range(bands):
            work(band * BAND, min(rows, (band + 1) * BAND))
        return
    for_each(lambda band: work(band * BAND, min(rows, (band + 1) * BAND)), bands, threads)


def draw(
    out: Float64Array, coefficients: Float64Array, row0: float, col0: float, step: float, through: bool = False,
    threads: int | None = None,
) -> None:  # fmt: skip
    """Add the cubic surface of ``coefficients`` at rows ``row0 + i step``, columns ``col0 + j step`` to ``out`` [R, C].

    Indexes beyond the coefficients are clipped to the nearest. ``through``: the points are met (Catmull-Rom), else they
    are B-spline coefficients.
    """
    places: list[tuple[NDArray[np.int64], Float64Array]] = []
    for axis, start in enumerate((row0, col0)):
        at, w = np.empty((out.shape[axis], 4), dtype=np.int64), np.empty((out.shape[axis], 4))
        _taps(float(start), float(step), coefficients.shape[axis], through, at, w)
        places.append((at, w))
    z = np.ascontiguousarray(coefficients)
    in_bands(out.shape[0], threads, lambda first, last: _draw_rows(out, z, *places[0], *places[1], first, last))


def smooth_surface(grid: HeightGrid, ref: GeoRef) -> Float64Array:
    """Return the smooth surface through a grid's cells at the cell centres of ``ref``: float64 [R, C] [m].

    Catmull-Rom: the cells are met exactly. It is the ground as a map of these cells knows it. Beyond the grid's edge its last
    cells go on level.
    """
    row, col = grid.ref.rowcol(*ref.xy(0, 0))
    step = ref.cell_m / grid.ref.cell_m
    r0, c0 = math.floor(row) - 1, math.floor(col) - 1
    rr = np.clip(np.arange(r0, math.floor(row + step * ref.rows) + 4), 0, grid.ref.rows - 1)
    cc = np.clip(np.arange(c0, math.floor(col + step * ref.cols) + 4), 0, grid.ref.cols - 1)
    near = grid.elevation_m[np.ix_(rr, cc)].astype(np.float64)
    out = np.zeros(ref.shape)
    draw(out, near, row - r0, col - c0, step, through=True, threads=1)
    return out


class Window(NamedTuple):
    """Lattice points i0..i1 along +x and j0..j1 along +y, ends included; point (i, j) lies at (i, j) times the spacing."""

    i0: int
    i1: int
    j0: int
    j1: int

    @classmethod
    def around(cls, ref: GeoRef, spacing_m: float) -> Window:
        """Return the points that a cubic surface on the cells of ``ref`` needs."""
        xmin, ymin, xmax, ymax = ref.bounds
        return cls(
            math.floor(xmin / spacing_m) - 1, math.ceil(xmax / spacing_m) + 1,
            math.floor(ymin / spacing_m) - 1, math.ceil(ymax / spacing_m) + 1,
        )  # fmt: skip

    def coarser(self) -> Window:
        """Return the points of the lattice of twice the spacing that `subdivided` needs to fill this window."""
        return Window(self.i0 // 2 - 1, -(-self.i1 // 2) + 1, self.j0 // 2 - 1, -(-self.j1 // 2) + 1)


def unit_nodes(seed: int, purpose: str, spacing_m: float, window: Window) -> Float64Array:
    """Return unit normal numbers on a world lattice: float64 [j1 - j0 + 1, i1 - i0 + 1], row 0 at j0."""
    tiles_x = range(window.i0 // TILE, window.i1 // TILE + 1)
    tiles_y = range(window.j0 // TILE, window.j1 // TILE + 1)
    level = round(1000.0 * spacing_m)
    nodes = np.empty((len(tiles_y) * TILE, len(tiles_x) * TILE))
    for b, ty in enumerate(tiles_y):
        for a, tx in enumerate(tiles_x):
            tile = stream(seed, purpose, index=(level, ty, tx)).standard_normal((TILE, TILE))
            nodes[b * TILE : (b + 1) * TILE, a * TILE : (a + 1) * TILE] = tile
    row, col = window.j0 - tiles_y[0] * TILE, window.i0 - tiles_x[0] * TILE
    return nodes[row : row + window.j1 - window.j0 + 1, col : col + window.i1 - window.i0 + 1]


def subdivided(coarse: Float64Array, window: Window) -> Float64Array:
    """Return the coefficients on ``window`` of the surface whose coefficients on ``window.coarser()`` are ``coarse``."""
    c = window.coarser()
    along = _halved(coarse, window.j0 - (2 * c.j0 + 1), window.j1 - window.j0 + 1)
    return _halved(along.T, window.i0 - (2 * c.i0 + 1), window.i1 - window.i0 + 1).T


def _halved(c: Float64Array, first: int, n: int) -> Float64Array:
    """Subdivide rows: ``n`` of the finer ones from the ``first`` after the odd one behind the first coarse row."""
    fine = np.empty((2 * c.shape[0] - 3, c.shape[1]))
    fine[0::2] = 0.5 * (c[:-1] + c[1:])
    fine[1::2] = 0.125 * (c[:-2] + c[2:]) + 0.75 * c[1:-1]
    return fine[first : first + n]


def draw_lattice(
    out: Float64Array, ref: GeoRef, nodes: Float64Array, window: Window, spacing_m: float, threads: int | None = None
) -> None:
    """Add the B-spline surface of world lattice ``nodes`` on ``window`` to ``out``, the cells of ``ref``."""
    x, y = ref.xy(0, 0)
    down = nodes[::-1]  # grid rows go down from +y
    draw(out, down, window.j1 - y / spacing_m, x / spacing_m - window.i0, ref.cell_m / spacing_m, threads=threads)


def lattice_noise(seed: int, purpose: str, ref: GeoRef, spacing_m: float) -> Float64Array:
    """Return smooth noise on the cells of ``ref``: B-splines of unit normal numbers on a world lattice of ``spacing_m``.

    Its standard deviation is ``SPREAD``.
    """
    window = Window.around(ref, spacing_m)
    out = np.zeros(ref.shape)
    draw_lattice(out, ref, unit_nodes(seed, purpose, spacing_m, window), window, spacing_m, threads=1)
    return out


def lattice_values(seed: int, purpose: str, spacing_m: float, window: Window, at_m: float) -> Float64Array:
    """Return the noise of a lattice of ``spacing_m`` at the points of another one of ``at_m``: [j1 - j0 + 1, i1 - i0 + 1]."""
    points = GeoRef(
        (window.i0 - 0.5) * at_m, (window.j1 + 0.5) * at_m, at_m, window.j1 - window.j0 + 1, window.i1 - window.i0 + 1
    )
    return lattice_noise(seed, purpose, points, spacing_m)[::-1]


def summed(
    seed: int,
    purpose: str,
    levels: Sequence[tuple[float, float]],
    window: Window,
    gain: Callable[[float, Window], Float64Array] | None = None,
) -> Float64Array:
    """Return coefficients on ``window`` of the finest level of noise summed over ``levels`` (spacing [m], amplitude [m]).

    Levels go from coarse to fine, each half as wide as the one before. ``gain(spacing, window)``: factor of the numbers on
    the points of the coarsest level, carried on smoothly to the finer ones.
    """
    windows = [window]
    for _ in levels[1:]:
        windows.append(windows[-1].coarser())
    windows.reverse()
    factor = np.ones((1, 1)) if gain is None else gain(levels[0][0], windows[0])
    total = levels[0][1] * factor * unit_nodes(seed, purpose, levels[0][0], windows[0])
    for (spacing, amplitude), place in zip(levels[1:], windows[1:], strict=True):
        if gain is not None:
            factor = subdivided(factor, place)
        total = subdivided(total, place)
        if amplitude > 0.0:
            total += amplitude * factor * unit_nodes(seed, purpose, spacing, place)
    return total
