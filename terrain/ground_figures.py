"""How rough ground is, at every scale: height differences, slopes, and the figures of real polar ground to compare with.

The published figures are of NASA LOLA elevation models: three rugged sites of 16 km at 20 m per cell, one gentle patch of
500 m at 5 m per cell. Patches of a larger grid are compared with that one where their slopes over 80 m are like its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import SiteError
from .grid import Float64Array, HeightGrid
from .kernel import kernel

Range = tuple[float, float]
PERCENTILES = (50.0, 90.0, 99.0)

# Lag [m]: lowest and highest RMS height difference [m] of three 16 km sites.
SITE_RMS_M: dict[float, Range] = {
    40.0: (5.7, 7.6), 80.0: (11.0, 15.0), 160.0: (22.0, 30.0), 320.0: (44.0, 59.0), 640.0: (86.0, 117.0),
    1280.0: (165.0, 228.0), 2560.0: (301.0, 430.0), 5120.0: (480.0, 740.0),
}  # fmt: skip
SITE_SLOPE_BASE_M = 40.0
SITE_SLOPES_DEG: tuple[Range, Range, Range] = ((10.0, 13.0), (16.0, 21.0), (21.0, 27.0))  # percentiles 50, 90, 99
PATCH_M = 500.0
PATCH_RMS_M: dict[float, float] = {5.0: 0.49, 10.0: 0.96, 20.0: 1.91, 40.0: 3.77, 80.0: 7.4}
PATCH_SLOPE_BASE_M = 5.0
PATCH_SLOPES_DEG = (7.3, 10.0, 14.1)
REGION_SLOPE_BASE_M = 1_600.0
REGION_SLOPES_DEG = (6.3, 15.6)  # percentiles 50, 90 of the real grid at 1600 m
ALIKE = 0.12  # [-] a patch is like the published one if its RMS difference at 80 m is that near


@kernel
def _square_sum(z: NDArray[np.float32], lag: int) -> float:
    """Return the sum of squared differences over ``lag`` cells, along rows and along columns."""
    rows, cols = z.shape
    total = 0.0
    for r in range(rows):
        line = 0.0
        for c in range(cols - lag):
            d = np.float64(z[r, c + lag]) - np.float64(z[r, c])
            line += d * d
        if r + lag < rows:
            for c in range(cols):
                d = np.float64(z[r + lag, c]) - np.float64(z[r, c])
                line += d * d
        total += line
    return total


def _cells(grid: HeightGrid, length_m: float) -> int:
    """Return a length in cells; `SiteError` unless it is a whole number that leaves something of the grid."""
    cells = round(length_m / grid.ref.cell_m)
    if cells < 1 or abs(cells * grid.ref.cell_m - length_m) > 1e-6 or cells >= min(grid.ref.shape):
        raise SiteError(
            f"length: {length_m:g} m on {grid.ref.rows} x {grid.ref.cols} cells of {grid.ref.cell_m:g} m; allowed: a whole "
            f"number of cells, 1 to {min(grid.ref.shape) - 1}."
        )
    return cells


def rms_difference(grid: HeightGrid, lag_m: float) -> float:
    """Return the root-mean-square height difference [m] between cells ``lag_m`` apart, along rows and columns.

    Raises `SiteError` for a lag that is not a whole number of cells within the grid.
    """
    lag = _cells(grid, lag_m)
    rows, cols = grid.ref.shape
    pairs = rows * (cols - lag) + (rows - lag) * cols
    return float(np.sqrt(_square_sum(grid.elevation_m, lag) / pairs))


def slope_over(grid: HeightGrid, base_m: float) -> NDArray[np.float32]:
    """Return slopes [deg] from height differences over ``base_m`` towards both axes: float32 [R - n, C - n].

    Raises `SiteError` for a baseline that is not a whole number of cells within the grid.
    """
    n = _cells(grid, base_m)
    z = grid.elevation_m
    across, down = z[:-n, n:] - z[:-n, :-n], z[n:, :-n] - z[:-n, :-n]
    return np.degrees(np.arctan(np.hypot(across, down) / np.float32(base_m)))


def slope_percentiles(grid: HeightGrid, base_m: float) -> tuple[float, float, float]:
    """Return the 50th, 90th and 99th percentile of `slope_over` [deg]."""
    p50, p90, p99 = np.percentile(slope_over(grid, base_m), PERCENTILES)
    return float(p50), float(p90), float(p99)


class PatchFigures(NamedTuple):
    """Means over the patches of a grid that are like the published one: how many, RMS differences [m], slopes [deg]."""

    patches: int
    rms_m: dict[float, float]
    slopes_deg: tuple[float, float, float]


def patch_figures(grid: HeightGrid) -> PatchFigures:
    """Return the figures of those patches of 500 m whose RMS difference at 80 m is within 12 % of the published patch's.

    Raises `SiteError` if the cells do not divide 5 m or there is no such patch.
    """
    n = _cells(grid, PATCH_M)
    rms: list[list[float]] = []
    slopes: list[tuple[float, float, float]] = []
    x0, _, _, y1 = grid.ref.bounds
    for i in range(grid.ref.rows // n):
        for j in range(grid.ref.cols // n):
            x, y = x0 + j * PATCH_M, y1 - i * PATCH_M
            patch = grid.crop(x, y - PATCH_M, x + PATCH_M, y)
            widest = rms_difference(patch, 80.0)
            if abs(widest / PATCH_RMS_M[80.0] - 1.0) <= ALIKE:
                rms.append([rms_difference(patch, lag) for lag in PATCH_RMS_M])
                slopes.append(slope_percentiles(patch, PATCH_SLOPE_BASE_M))
    if not rms:
        raise SiteError(
            f"grid: none of its patches of {PATCH_M:g} m is like the published one; allowed: gentle ground."
        )
    mean: Float64Array = np.mean(rms, axis=0)
    p50, p90, p99 = np.mean(slopes, axis=0)
    return PatchFigures(
        len(rms),
        {lag: float(v) for lag, v in zip(PATCH_RMS_M, mean, strict=True)},
        (float(p50), float(p90), float(p99)),
    )
