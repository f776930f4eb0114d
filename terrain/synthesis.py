"""Fine ground from coarse data: a smooth surface with the coarse cells' own means, seeded relief on top, means kept.

1. *Surface*: cubic B-splines whose coefficients are the coarse cells put through the inverse of the quartic B-spline. The
   mean of a cubic B-spline over a unit cell is the quartic B-spline, so every coarse cell keeps its mean (Unser 1999).
2. *Relief*: noise on nested lattices (20 m .. half a coarse cell) with amplitudes near the root-mean-square height
   differences of real polar sites (see ``ROUGHNESS``), stronger in some places than in others, and craters (`craters`).
3. *Means*: what the relief adds to the mean of a coarse cell is taken away again as a smooth surface.

Noise and craters are keyed by world position, and every step has finite reach: overlapping sites agree on shared cells.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .craters import SITE_CRATERS, craters_near, stamp_on
from .errors import SiteError
from .grid import Float64Array, GeoRef, HeightGrid
from .kernel import kernel
from .seeds import stream

# Lattice spacing [m] -> standard deviation of its coefficients [m]. Fitted so that refined rugged polar sites come near the
# height differences of real 20 m terrain models (40 m lag: 6-8 m, 320 m: 44-59 m).
ROUGHNESS: tuple[tuple[float, float], ...] = (
    (20.0, 0.35),
    (40.0, 1.0),
    (80.0, 2.6),
    (160.0, 6.5),
    (320.0, 15.0),
    (640.0, 32.0),
)
TILE = 64  # lattice points on a side of one random tile
TAPS = 3  # half-width of the cut-off inverse filter [coarse cells]
MARGIN = TAPS + 2  # coarse cells computed around the asked area


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
def cubic_upsample(
    coefficients: NDArray[np.float64], row0: float, col0: float, step: float, rows: int, cols: int, through: bool
) -> NDArray[np.float64]:
    """Return the cubic surface of ``coefficients`` at rows ``row0 + i step``, columns ``col0 + j step``: float64 [R, C].

    Indexes beyond the coefficients are clipped to the nearest; ``through`` as in `_weights`.
    """
    n_rows, n_cols = coefficients.shape
    across = np.empty((n_rows, cols))
    w = np.empty(4)
    for j in range(cols):
        p = col0 + j * step
        k = int(math.floor(p))
        t = p - k
        _weights(t, through, w)
        a = min(max(k - 1, 0), n_cols - 1)
        b = min(max(k, 0), n_cols - 1)
        c = min(max(k + 1, 0), n_cols - 1)
        d = min(max(k + 2, 0), n_cols - 1)
        for i in range(n_rows):
            row = coefficients[i]
            across[i, j] = w[0] * row[a] + w[1] * row[b] + w[2] * row[c] + w[3] * row[d]
    out = np.empty((rows, cols))
    for i in range(rows):
        p = row0 + i * step
        k = int(math.floor(p))
        t = p - k
        _weights(t, through, w)
        a = min(max(k - 1, 0), n_rows - 1)
        b = min(max(k, 0), n_rows - 1)
        c = min(max(k + 1, 0), n_rows - 1)
        d = min(max(k + 2, 0), n_rows - 1)
        for j in range(cols):
            out[i, j] = w[0] * across[a, j] + w[1] * across[b, j] + w[2] * across[c, j] + w[3] * across[d, j]
    return out


def lattice_noise(seed: int, purpose: str, ref: GeoRef, spacing_m: float) -> Float64Array:
    """Return smooth noise on the cells of ``ref``: B-splines of unit normal numbers on a world lattice of ``spacing_m``."""
    xmin, ymin, xmax, ymax = ref.bounds
    i0, i1 = math.floor(xmin / spacing_m) - 2, math.ceil(xmax / spacing_m) + 2
    j0, j1 = math.floor(ymin / spacing_m) - 2, math.ceil(ymax / spacing_m) + 2  # j counts along +y
    tiles_x, tiles_y = range(i0 // TILE, i1 // TILE + 1), range(j0 // TILE, j1 // TILE + 1)
    level = round(1000.0 * spacing_m)
    rows = [
        np.concatenate(
            [stream(seed, purpose, index=(level, ty, tx)).standard_normal((TILE, TILE)) for tx in tiles_x], axis=1
        )
        for ty in tiles_y
    ]
    nodes = np.concatenate(rows, axis=0)
    i_first, j_first = tiles_x[0] * TILE, tiles_y[0] * TILE
    nodes = nodes[j0 - j_first : j1 + 1 - j_first, i0 - i_first : i1 + 1 - i_first]
    nodes = np.ascontiguousarray(nodes[::-1])  # rows go down from +y
    x_first, y_first = ref.xy(0, 0)
    row0, col0 = j1 - y_first / spacing_m, x_first / spacing_m - i0
    return cubic_upsample(nodes, float(row0), float(col0), ref.cell_m / spacing_m, ref.rows, ref.cols, False)


def relief(seed: int, ref: GeoRef, coarse_cell_m: float, base: Float64Array) -> Float64Array:
    """Return seeded relief [m] on ``ref`` (float64 [R, C]) below the size of ``coarse_cell_m``; ``base`` is the surface.

    Roughness varies between half and one and a half times its mean over kilometres; craters flatten out on steep ground,
    where loose soil creeps downhill.
    """
    out = np.zeros(ref.shape)
    rough = np.clip(1.0 + 0.75 * lattice_noise(seed, "rough places", ref, 2_000.0), 0.45, 1.9)
    for spacing, amplitude in ROUGHNESS:
        if ref.cell_m <= spacing <= 0.45 * coarse_cell_m:
            out += amplitude * lattice_noise(seed, "roughness", ref, spacing)
    out *= rough
    largest = 0.65 * coarse_cell_m
    if largest > SITE_CRATERS.smallest_m:
        craters = craters_near(seed, SITE_CRATERS, ref.bounds, min(largest, SITE_CRATERS.largest_m)).copy()
        steep = np.tan(np.radians(_slope_at(base, ref, craters[:, 0], craters[:, 1])))
        craters[:, 3] *= np.clip(1.15 - 1.6 * steep, 0.25, 1.0)
        stamp_on(out, ref, craters)
    return out


def _slope_at(height: Float64Array, ref: GeoRef, x: Float64Array, y: Float64Array) -> Float64Array:
    """Return slope [deg] of ``height`` at the cells nearest to x, y (clipped to the grid)."""
    row, col = ref.rowcol(x, y)
    r = np.clip(np.round(row).astype(np.int64), 1, ref.rows - 2)
    c = np.clip(np.round(col).astype(np.int64), 1, ref.cols - 2)
    dr = (height[r + 1, c] - height[r - 1, c]) / (2.0 * ref.cell_m)
    dc = (height[r, c + 1] - height[r, c - 1]) / (2.0 * ref.cell_m)
    return np.degrees(np.arctan(np.hypot(dr, dc)))


def _inverse_quartic() -> Float64Array:
    """Return the inverse filter of the quartic B-spline (1, 76, 230, 76, 1) / 384, cut off at ``TAPS``."""
    n = 129
    spike = np.zeros(n)
    spike[n // 2] = 1.0
    full = ndimage.spline_filter1d(spike, order=4, mode="mirror")
    taps = np.asarray(full[n // 2 - TAPS : n // 2 + TAPS + 1], dtype=np.float64)
    return taps / taps.sum()


def _block_means(z: Float64Array, k: int) -> Float64Array:
    return z.reshape(z.shape[0] // k, k, z.shape[1] // k, k).mean(axis=(1, 3))


def refine(coarse: HeightGrid, ref: GeoRef, seed: int) -> HeightGrid:
    """Return ``coarse`` refined to the cells of ``ref`` with seeded relief; block means of whole coarse cells are kept.

    ``ref.cell_m`` must divide the coarse cell and the grids' edges must match; `SiteError` otherwise. Where ``ref`` reaches
    beyond ``coarse`` the surface goes on flat.
    """
    k = round(coarse.ref.cell_m / ref.cell_m)
    off_col = (ref.x_left - coarse.ref.x_left) / ref.cell_m
    off_row = (coarse.ref.y_top - ref.y_top) / ref.cell_m
    if k < 2 or abs(k * ref.cell_m - coarse.ref.cell_m) > 1e-6:
        raise SiteError(
            f"site.cell_m: {ref.cell_m:g} m does not divide the coarse cell of {coarse.ref.cell_m:g} m; allowed: a whole "
            "part of it, at most half."
        )
    if abs(off_col - round(off_col)) > 1e-6 or abs(off_row - round(off_row)) > 1e-6:
        raise SiteError(f"site: corner ({ref.x_left:g}, {ref.y_top:g}) m is not on the cell edges of the coarse grid.")
    row, col = round(off_row), round(off_col)
    # The window: whole coarse cells around ref, and a margin.
    top, left = row // k - MARGIN, col // k - MARGIN
    low, right = -(-(row + ref.rows) // k) + MARGIN, -(-(col + ref.cols) // k) + MARGIN
    window = GeoRef(
        coarse.ref.x_left + left * coarse.ref.cell_m,
        coarse.ref.y_top - top * coarse.ref.cell_m,
        ref.cell_m,
        (low - top) * k,
        (right - left) * k,
    )
    step = 1.0 / k
    first = (0.5 - k / 2.0) / k  # place of the first fine cell within its coarse cell, in coarse cells from the centre
    surface = np.asarray(ndimage.spline_filter(coarse.elevation_m.astype(np.float64), order=4, mode="nearest"))
    base = cubic_upsample(surface, top + first, left + first, step, window.rows, window.cols, False)
    detail = relief(seed, window, coarse.ref.cell_m, base)

    taps = _inverse_quartic()
    surplus = _block_means(detail, k)
    for axis in (0, 1):
        surplus = np.asarray(ndimage.correlate1d(surplus, taps, axis=axis, mode="nearest"))
    detail -= cubic_upsample(surplus, first, first, step, window.rows, window.cols, False)
    # What is left of the means (a few percent) goes as a bump that is flat at the edges of its own cell.
    inside = base + detail
    want = _clipped(coarse.elevation_m, top, left, low - top, right - left)
    left_over = _block_means(inside, k) - want
    bump = 1.0 - np.cos(2.0 * np.pi * (np.arange(k) + 0.5) / k)
    inside -= np.kron(left_over, np.outer(bump, bump))
    r0, c0 = row - top * k, col - left * k
    return HeightGrid(inside[r0 : r0 + ref.rows, c0 : c0 + ref.cols].astype(np.float32), ref)


def _clipped(z: NDArray[np.float32], top: int, left: int, rows: int, cols: int) -> Float64Array:
    """Return a window of ``z`` in which cells beyond the edge repeat the nearest."""
    r = np.clip(np.arange(top, top + rows), 0, z.shape[0] - 1)
    c = np.clip(np.arange(left, left + cols), 0, z.shape[1] - 1)
    return z[np.ix_(r, c)].astype(np.float64)
