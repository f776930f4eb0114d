"""The true ground at the scale of a wheel: rocks, small craters, micro-roughness on top of a site's grid.

This is truth that no map holds; a robot learns of it only by looking. Everything is keyed by seed and world position, so any
two windows agree where they overlap. Craters are those of the one population (`craters`) that the site's cells cannot show.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .craters import SMALLEST_M, craters_near, smallest_on, stamp_on
from .errors import SiteError
from .grid import Float32Grid, Float64Array, GeoRef, HeightGrid
from .ground_style import CALIBRATED, GroundStyle
from .kernel import kernel
from .lattice import lattice_noise, smooth_surface
from .rocks import LARGEST_M, TILE_M, rock_tile

MICRO: tuple[tuple[float, float], ...] = ((0.4, 0.008), (1.6, 0.035), (6.4, 0.12))  # lattice spacing [m], amplitude [m]
MAX_PATCH_CELLS = 4_000  # cells on a side of the largest patch made in one piece


@kernel
def rock_domes(
    height: NDArray[np.float64], x_left: float, y_top: float, cell_m: float, rocks: NDArray[np.float64]
) -> None:
    """Put rocks (float64 [n, 4]) as half-ellipsoids on ``height`` (float64 [R, C], in place); the highest one counts."""
    rows, cols = height.shape
    top = np.zeros((rows, cols))
    for i in range(rocks.shape[0]):
        x, y, radius, tall = rocks[i, 0], rocks[i, 1], rocks[i, 2] / 2.0, rocks[i, 3]
        c0 = max(0, int(math.ceil((x - radius - x_left) / cell_m - 0.5)))
        c1 = min(cols, int(math.floor((x + radius - x_left) / cell_m - 0.5)) + 1)
        r0 = max(0, int(math.ceil((y_top - y - radius) / cell_m - 0.5)))
        r1 = min(rows, int(math.floor((y_top - y + radius) / cell_m - 0.5)) + 1)
        for r in range(r0, r1):
            dy = (y_top - (r + 0.5) * cell_m - y) / radius
            for c in range(c0, c1):
                dx = (x_left + (c + 0.5) * cell_m - x) / radius
                d2 = dx * dx + dy * dy
                if d2 < 1.0:
                    top[r, c] = max(top[r, c], tall * math.sqrt(1.0 - d2))
    for r in range(rows):
        for c in range(cols):
            height[r, c] += top[r, c]


class LocalGround:
    """Fine ground of one site; holds only the site's grid, its rock cover (float32 [R, C]), the seed and the style."""

    __slots__ = ("cover", "grid", "seed", "style")

    def __init__(self, grid: HeightGrid, rock_cover: Float32Grid, seed: int, style: GroundStyle = CALIBRATED) -> None:
        if np.shape(rock_cover) != grid.ref.shape:
            raise SiteError(f"rock_cover: shape {np.shape(rock_cover)}; allowed: {grid.ref.shape}, as the site's grid.")
        self.grid = grid
        self.cover = rock_cover
        self.seed = seed
        self.style = style

    def _cover_at(self, ix: int, iy: int) -> int:
        """Return the rock cover [1/10 000] of a tile: that of the site cell that holds its middle."""
        row, col = self.grid.ref.cell_of((ix + 0.5) * TILE_M, (iy + 0.5) * TILE_M)
        return round(float(self.cover[row, col]) * 10_000.0)

    def rocks(self, xmin: float, ymin: float, xmax: float, ymax: float) -> Float64Array:
        """Return rocks whose centres lie in [xmin, xmax) x [ymin, ymax): float64 [n, 4] of x, y, diameter, height [m].

        Sorted by x, then y; a rock is the same whatever window asks. Ground outside the site has none.
        """
        site = self.grid.ref.bounds
        xmin, ymin, xmax, ymax = max(xmin, site[0]), max(ymin, site[1]), min(xmax, site[2]), min(ymax, site[3])
        if not (xmin < xmax and ymin < ymax):
            return np.empty((0, 4))
        x0, x1 = math.floor(xmin / TILE_M), math.ceil(xmax / TILE_M)
        y0, y1 = math.floor(ymin / TILE_M), math.ceil(ymax / TILE_M)
        found = np.concatenate(
            [rock_tile(self.seed, ix, iy, self._cover_at(ix, iy)) for ix in range(x0, x1) for iy in range(y0, y1)]
        )
        keep = (found[:, 0] >= xmin) & (found[:, 0] < xmax) & (found[:, 1] >= ymin) & (found[:, 1] < ymax)
        found = found[keep]
        return found[np.lexsort((found[:, 1], found[:, 0]))]

    def patch(self, x: float, y: float, half_m: float, cell_m: float) -> HeightGrid:
        """Return the true ground in a square of ``2 half_m`` around (x, y) at ``cell_m`` (snapped to whole cells).

        Smooth interpolation of the site's cells (they are met exactly), plus the craters that those cells are too coarse to
        show, micro-roughness and rocks as domes. Raises `SiteError` for a place outside the site or a patch of more than
        4 000 cells on a side.
        """
        site = self.grid.ref
        if not site.inside(x, y):
            raise SiteError(f"patch: ({x:.1f}, {y:.1f}) m is outside the site; allowed: {site.bounds}.")
        if not (half_m > 0.0 and cell_m > 0.0 and 2.0 * half_m / cell_m <= MAX_PATCH_CELLS):
            raise SiteError(
                f"patch: half_m {half_m!r}, cell_m {cell_m!r}; allowed: 1..{MAX_PATCH_CELLS} cells on a side."
            )
        ref = GeoRef.centred(x, y, 2.0 * half_m, cell_m)
        z = smooth_surface(self.grid, ref)
        box = ref.bounds
        craters = craters_near(self.seed, box, SMALLEST_M, smallest_on(site.cell_m), self.style.crater_density)
        stamp_on(z, ref, craters, threads=1)
        for spacing, amplitude in MICRO:
            if spacing >= 2.0 * cell_m:
                z += amplitude * lattice_noise(self.seed, "micro", ref, spacing)
        reach = LARGEST_M / 2.0
        rocks = self.rocks(box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach)
        rock_domes(z, float(ref.x_left), float(ref.y_top), float(cell_m), rocks)
        return HeightGrid(z.astype(np.float32), ref)
