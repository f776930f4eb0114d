"""Seeded relief below the size of a coarse cell: rolling ground on nested lattices, and craters.

The amplitudes are fitted so that refined polar sites have the root-mean-square height differences of real 5 m and 20 m
models (``tests/terrain/fit_relief.py``); they go with the spacing to the power 0.95, the Hurst exponent of the highlands.
Rugged highlands are rough at every scale and floors are smooth (Rosenburg et al. 2011, LOLA), so the amplitude follows the
slope of the coarse ground, and varies over kilometres besides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .craters import craters_near, smallest_on, stamp_on
from .grid import Float64Array, GeoRef, HeightGrid
from .ground_style import GroundStyle
from .lattice import SPREAD, Window, draw_lattice, lattice_values, summed

# Lattice spacing [m] -> standard deviation of its coefficients [m] on ground with a coarse slope of 0.2.
ROUGHNESS: tuple[tuple[float, float], ...] = (
    (640.0, 7.84),
    (320.0, 4.06),
    (160.0, 2.10),
    (80.0, 1.09),
    (40.0, 0.563),
    (20.0, 0.291),
    (10.0, 0.151),
)
RESOLVED = 2.0  # [cells] finest lattice that a grid can show
WIDEST = 0.45  # [coarse cells] coarsest lattice that adds to a coarse grid
LARGEST_CRATER = 0.65  # [coarse cells] larger craters are in the coarse grid
LARGEST_SEEDED_M = 1_024.0  # [m]
TYPICAL_SLOPE = 0.2  # [-] tangent of the coarse slope where the amplitudes are as in the table
LEAST, MOST = 0.3, 1.5  # [-] amplitude on level ground and on the steepest, over that at the typical slope
PATCHY = 0.35  # [-] standard deviation of the logarithm of roughness over kilometres
PATCH_M = 2_000.0  # [m] lattice of that variation


def largest_crater(coarse_cell_m: float) -> float:
    """Return the diameter [m] of the largest crater that is seeded into a real grid of ``coarse_cell_m``."""
    return min(LARGEST_CRATER * coarse_cell_m, LARGEST_SEEDED_M)


@dataclass(frozen=True, slots=True, eq=False)
class CoarseSlope:
    """Tangent of the slope of a coarse grid, smoothed over 3 x 3 cells: float64 [R, C] at ``ref``."""

    tangent: Float64Array
    ref: GeoRef

    @classmethod
    def of(cls, coarse: HeightGrid) -> CoarseSlope:
        """Measure ``coarse`` with central differences."""
        z = coarse.elevation_m.astype(np.float64)
        if min(z.shape) < 2:
            return cls(np.zeros(z.shape), coarse.ref)
        down, across = np.gradient(z, coarse.ref.cell_m)
        tangent = np.hypot(down, across)
        for axis in (0, 1):
            tangent = np.asarray(ndimage.correlate1d(tangent, [0.25, 0.5, 0.25], axis=axis, mode="nearest"))
        return cls(tangent, coarse.ref)

    def at(self, x: Float64Array, y: Float64Array) -> Float64Array:
        """Return the tangent at x, y [m], bilinear; beyond the edge that of the edge."""
        row, col = self.ref.rowcol(x, y)
        return np.asarray(ndimage.map_coordinates(self.tangent, [row, col], order=1, mode="nearest"))


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """The seeded relief of one coarse grid; every window of it shows the same ground.

    ``largest_m``: craters smaller than that are seeded.
    """

    seed: int
    style: GroundStyle
    slope: CoarseSlope
    largest_m: float

    def add_to(self, out: Float64Array, ref: GeoRef, threads: int | None = None) -> None:
        """Add what the cells of ``ref`` can show of the relief [m] to ``out`` (float64 [R, C])."""
        self._add_rolling(out, ref, threads)
        craters = craters_near(
            self.seed, ref.bounds, smallest_on(ref.cell_m), self.largest_m, self.style.crater_density
        )
        seeded = craters[:, 2] < largest_crater(self.slope.ref.cell_m)
        steep = self.slope.at(craters[seeded, 0], craters[seeded, 1])
        craters[seeded, 3] *= np.clip(1.15 - 1.6 * steep, 0.25, 1.0)  # loose soil creeps downhill and fills them
        stamp_on(out, ref, craters, threads)

    def _add_rolling(self, out: Float64Array, ref: GeoRef, threads: int | None) -> None:
        widest = WIDEST * self.slope.ref.cell_m
        levels = [(h, self.style.roughness * a) for h, a in ROUGHNESS if RESOLVED * ref.cell_m <= h <= widest]
        if not levels or self.style.roughness == 0.0:
            return
        finest = levels[-1][0]
        window = Window.around(ref, finest)
        nodes = summed(self.seed, "roughness", levels, window, self._gain)
        draw_lattice(out, ref, nodes, window, finest, threads)

    def _gain(self, spacing_m: float, window: Window) -> Float64Array:
        """Return the factor of the amplitude at the points of a lattice."""
        along: Float64Array = spacing_m * np.arange(window.i0, window.i1 + 1, dtype=np.float64)
        across: Float64Array = spacing_m * np.arange(window.j0, window.j1 + 1, dtype=np.float64)
        x, y = (part.astype(np.float64) for part in np.meshgrid(along, across))
        patchy = PATCHY / SPREAD * lattice_values(self.seed, "rough places", PATCH_M, window, spacing_m)
        rugged = np.minimum(np.hypot(LEAST, self.slope.at(x, y) / TYPICAL_SLOPE), MOST)
        return np.exp(patchy - PATCHY**2) * rugged  # mean square of the first factor: 1
