"""Fine ground from coarse data: a smooth surface with the coarse cells' own means, seeded relief on top, means kept.

1. *Surface*: cubic B-splines whose coefficients are the coarse cells put through the inverse of the quartic B-spline. The
   mean of a cubic B-spline over a unit cell is the quartic B-spline, so every coarse cell keeps its mean (Unser 1999).
2. *Relief* (`relief`): rolling ground on nested lattices, and craters.
3. *Means*: what the relief adds to the mean of a coarse cell is taken away again as a smooth surface.

Relief is keyed by world position, and every step has finite reach: overlapping sites agree on shared cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .errors import SiteError
from .grid import Float64Array, GeoRef, HeightGrid
from .ground_style import CALIBRATED, GroundStyle
from .lattice import draw
from .relief import CoarseSlope, Relief, largest_crater

TAPS = 7  # half-width of the cut-off inverse filter [coarse cells]
MARGIN = TAPS + 2  # coarse cells around the asked area whose means are looked at
SAMPLES = 32  # cells on a side of a coarse cell, at most, that its mean is looked at with


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


def refine(
    coarse: HeightGrid,
    ref: GeoRef,
    seed: int,
    style: GroundStyle = CALIBRATED,
    *,
    craters_to_m: float | None = None,
    threads: int | None = None,
) -> HeightGrid:
    """Return ``coarse`` refined to the cells of ``ref`` with seeded relief; block means of whole coarse cells are kept.

    Where ``ref`` reaches beyond ``coarse`` the surface goes on flat. ``craters_to_m``: craters up to that diameter are
    seeded (default: those that a real grid of this cell size does not show). The bytes do not depend on ``threads``.

    Raises
    ------
    SiteError
        ``ref.cell_m`` does not divide the coarse cell, or the grids' edges do not match.
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
    # Whole coarse cells around ref.
    top, left = row // k, col // k
    rows, cols = -(-(row + ref.rows) // k) - top, -(-(col + ref.cols) // k) - left
    largest = largest_crater(coarse.ref.cell_m) if craters_to_m is None else craters_to_m
    relief = Relief(seed, style, CoarseSlope.of(coarse), largest)

    # B-spline coefficients of the measured ground, less those of the means of the relief as a coarser grid shows it.
    surface = np.asarray(ndimage.spline_filter(coarse.elevation_m.astype(np.float64), order=4, mode="nearest"))
    wide = _clipped(surface, top - MARGIN, left - MARGIN, rows + 2 * MARGIN, cols + 2 * MARGIN)
    few = min(k, SAMPLES)
    around = _cells(coarse.ref, top - MARGIN, left - MARGIN, rows + 2 * MARGIN, cols + 2 * MARGIN, few)
    seen = np.zeros(around.shape)
    relief.add_to(seen, around, threads)
    surplus, taps = _block_means(seen, few), _inverse_quartic()
    for axis in (0, 1):
        surplus = np.asarray(ndimage.correlate1d(surplus, taps, axis=axis, mode="nearest"))
    del seen

    window = _cells(coarse.ref, top, left, rows, cols, k)
    inside = np.zeros(window.shape)
    first = MARGIN + (0.5 - k / 2.0) / k  # place of the first fine cell, in coarse cells from the first coefficient
    draw(inside, wide - surplus, first, first, 1.0 / k, threads=threads)
    relief.add_to(inside, window, threads)
    # What is left of the means (of small craters, mostly) goes as a bump that is flat at the edges of its own cell.
    left_over = _block_means(inside, k) - _clipped(coarse.elevation_m, top, left, rows, cols)
    bump = 1.0 - np.cos(2.0 * np.pi * (np.arange(k) + 0.5) / k)
    hill = np.outer(bump, bump)
    for i in range(rows):
        for j in range(cols):
            inside[i * k : (i + 1) * k, j * k : (j + 1) * k] -= left_over[i, j] * hill
    r0, c0 = row - top * k, col - left * k
    return HeightGrid(inside[r0 : r0 + ref.rows, c0 : c0 + ref.cols].astype(np.float32), ref)


def _cells(coarse: GeoRef, top: int, left: int, rows: int, cols: int, k: int) -> GeoRef:
    """Return the cells that divide ``rows`` x ``cols`` coarse cells ``k`` times."""
    x, y = coarse.x_left + left * coarse.cell_m, coarse.y_top - top * coarse.cell_m
    return GeoRef(x, y, coarse.cell_m / k, rows * k, cols * k)


def _clipped(z: NDArray[np.floating], top: int, left: int, rows: int, cols: int) -> Float64Array:
    """Return a window of ``z`` in which cells beyond the edge repeat the nearest."""
    r = np.clip(np.arange(top, top + rows), 0, z.shape[0] - 1)
    c = np.clip(np.arange(left, left + cols), 0, z.shape[1] - 1)
    return z[np.ix_(r, c)].astype(np.float64)
