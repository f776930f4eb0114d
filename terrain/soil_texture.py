"""Grain of the soil below the cells of a grid: brightness that varies by a few per cent, clods too small for any elevation model.

Smooth noise on lattices of 1 cm to 1.3 m, tied to the world: a point of ground looks the same from any camera, which is what lets a
stereo pair match. Numbers come from a hash of seed and lattice point, so nothing is stored. The clods only tilt the surface that the
light meets (they cast no shadow and do not move it), and what is smaller than a pixel's ground is left out.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from .kernel import kernel

FINEST_M: Final = 0.01  # [m] spacing of the finest lattice; each next one is twice as wide
OCTAVES: Final = 8  # [-] lattices
ALBEDO: Final = 0.022  # [-] relative brightness of each lattice, standard deviation about 0.4 of it
TILT: Final = 0.12  # [-] slope of each lattice up to `CLODS`, standard deviation about 0.6 of it: 9 deg in all (regolith at cm scale)
CLODS: Final = 5  # [-] lattices that tilt the surface: the local ground has its own roughness from 0.4 m on


@kernel
def hashed(seed: int, level: int, i: int, j: int) -> float:
    """Return a number in -1..1 for a lattice point: the finaliser of splitmix64 (Steele et al. 2014) over seed and place."""
    h = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(level) * np.uint64(0xD1B54A32D192ED03)
    h ^= np.uint64(i) * np.uint64(0xA0761D6478BD642F)
    h ^= np.uint64(j) * np.uint64(0xE7037ED1A0B428DB)
    h ^= h >> np.uint64(30)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return float(h >> np.uint64(11)) * (2.0 / 9007199254740992.0) - 1.0


@kernel
def grain(seed: int, x: float, y: float, pixel_m: float) -> tuple[float, float, float]:
    """Return relative albedo (mean 1) and the tilt dz/dx, dz/dy of the soil at (x, y) [m] for a pixel that covers ``pixel_m`` [m]."""
    albedo, tilt_x, tilt_y = 1.0, 0.0, 0.0
    spacing = FINEST_M
    for level in range(OCTAVES):
        share = spacing / pixel_m - 0.5  # lattices come in between half a pixel and one and a half
        if share > 0.0:
            share = share if share < 1.0 else 1.0
            u, v = x / spacing + 0.37 * level, y / spacing + 0.61 * level
            i, j = int(math.floor(u)), int(math.floor(v))
            a, b = u - i, v - j
            wa, wb = a * a * (3.0 - 2.0 * a), b * b * (3.0 - 2.0 * b)
            p, q = hashed(seed, level, i, j), hashed(seed, level, i + 1, j)
            r, s = hashed(seed, level, i, j + 1), hashed(seed, level, i + 1, j + 1)
            low, high = p + wa * (q - p), r + wa * (s - r)
            albedo += share * ALBEDO * (low + wb * (high - low))
            if level < CLODS:
                tilt_x += share * TILT * 6.0 * a * (1.0 - a) * ((q - p) + wb * ((s - r) - (q - p))) * 0.5
                tilt_y += share * TILT * 6.0 * b * (1.0 - b) * (high - low) * 0.5
        spacing *= 2.0
    return albedo, tilt_x, tilt_y
