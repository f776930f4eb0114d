"""A made region: the coarse grid that stands in for the real one, as far as a horizon can see.

Noise on nested lattices with a power law of its size, and the large craters of the one population (`craters`): its height
differences from 1.6 to 51 km and its slopes are those of the real south pole (``tests/terrain/fit_region.py``). Everything
is keyed by world position, so regions of one seed and style agree where they overlap.
"""

from __future__ import annotations

import math

import numpy as np

from .craters import LARGEST_M, craters_near, stamp_on
from .grid import Float64Array, GeoRef, HeightGrid
from .ground_style import CALIBRATED, GroundStyle
from .lattice import SPREAD, Window, draw_lattice, lattice_values, summed
from .relief import LARGEST_SEEDED_M

CELL_M = 1_600.0  # [m] as the shipped real grid
REACH_M = 250_000.0  # [m] how far the region reaches around the middle of a site: peaks are seen from 132 km
LEVELS = 8  # lattices, from 204.8 km down to the cell
WIDEST_AMPLITUDE_M = 7_103.0  # [m] standard deviation of the coefficients of the widest lattice
STEEPNESS = 0.747  # [-] amplitudes go with this power of the spacing
PATCH_M = (
    51_200.0  # [m] lattice on which narrower relief is stronger in some places than in others: highlands and plains
)
PATCHY = 0.5  # [-] standard deviation of the logarithm of that strength
PARTS = 4  # parts of a cell, each way, in which craters are drawn before means are taken


def roughness_levels() -> list[tuple[float, float]]:
    """Return lattice spacing [m] and amplitude [m], widest first."""
    return [
        (CELL_M * 2.0**level, WIDEST_AMPLITUDE_M * 2.0 ** (STEEPNESS * (level + 1 - LEVELS)))
        for level in range(LEVELS - 1, -1, -1)
    ]


def synthetic_region(ref: GeoRef, seed: int, style: GroundStyle = CALIBRATED, threads: int | None = None) -> HeightGrid:
    """Return a made grid of 1 600 m cells that reaches 250 km around the middle of ``ref``: float32 [R, C], mean near 0.

    Its cells lie as those of the shipped real grid. The bytes do not depend on ``threads``.
    """
    x, y = ref.centre
    left, low = (math.floor((v - REACH_M) / CELL_M) for v in (x, y))
    right, top = (math.ceil((v + REACH_M) / CELL_M) for v in (x, y))
    region = GeoRef(left * CELL_M, top * CELL_M, CELL_M, top - low, right - left)
    parts = GeoRef(region.x_left, region.y_top, CELL_M / PARTS, region.rows * PARTS, region.cols * PARTS)
    fine = np.zeros(parts.shape)
    stamp_on(fine, parts, craters_near(seed, parts.bounds, LARGEST_SEEDED_M, LARGEST_M, style.crater_density), threads)
    z = fine.reshape(region.rows, PARTS, region.cols, PARTS).mean(axis=(1, 3))
    levels = [(spacing, style.roughness * amplitude) for spacing, amplitude in roughness_levels()]
    wide = [level for level in levels if level[0] >= PATCH_M]
    narrow = [level for level in levels if level[0] < PATCH_M]
    for some, gain in ((wide, None), (narrow, lambda spacing, at: _patchy(seed, spacing, at))):
        window = Window.around(region, some[-1][0])
        nodes = summed(seed, "regional roughness", some, window, gain)
        draw_lattice(z, region, nodes, window, some[-1][0], threads)
    return HeightGrid(z.astype(np.float32), region)


def _patchy(seed: int, spacing_m: float, window: Window) -> Float64Array:
    """Return the factor of the amplitude at the points of a lattice; its mean square is 1."""
    return np.exp(PATCHY / SPREAD * lattice_values(seed, "rough regions", PATCH_M, window, spacing_m) - PATCHY**2)
