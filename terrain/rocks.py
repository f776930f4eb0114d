"""Rocks: how much ground they cover, how many of each size, and each single one.

Size-frequency after Golombek & Rapp (1997): ground covered by rocks larger than D is ``k exp(-q D)`` with
``q = 1.79 + 0.152 / k``, ``k`` the total cover. Heights about half the diameter (Demidov & Basilevsky 2014). Cover is 1-8 %:
low between craters, high on the walls and rims of fresh ones, from which boulders thin out (Krishna & Kumar 2016). Craters
below some 50 m dig in soil and throw none (McKay et al. 1991: regolith is 5-15 m deep).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .craters import FRESH_DEPTH, REACH, craters_near
from .grid import Float32Grid, Float64Array, GeoRef
from .ground_style import CALIBRATED, GroundStyle
from .kernel import kernel
from .lattice import lattice_noise
from .seeds import stream

SMALLEST_M = 0.1  # [m] diameter of the smallest rock kept
LARGEST_M = 3.0  # [m] diameter of the largest
TILE_M = 20.0  # [m] side of the square that one random stream fills
LOWEST_COVER, HIGHEST_COVER = 0.01, 0.08  # [-] share of ground covered by rocks
BASE_COVER = 0.017  # [-] between craters
FRESH_RATIO = 0.06  # [-] craters deeper than this (depth / diameter) still have rocky rims; about a tenth of them
ROCKY_FROM_M = 50.0  # [m] smallest crater that reaches rock
TABLE = 128  # diameters in the table of one cover


@lru_cache(maxsize=1024)  # all covers there are: 2 MB
def _size_table(cover_permyriad: int) -> tuple[Float64Array, Float64Array]:
    """Return rising densities N(>D) [m-2] and their diameters D [m] for a cover in 1/10 000."""
    d = np.geomspace(SMALLEST_M, LARGEST_M, TABLE)
    if cover_permyriad == 0:
        return np.zeros(TABLE), d[::-1].copy()
    k = cover_permyriad / 10_000.0
    q = 1.79 + 0.152 / k
    number = k * q * np.exp(-q * d) / (np.pi * d * d / 4.0)  # rocks per m2 and metre of diameter
    steps = 0.5 * (number[1:] + number[:-1]) * np.diff(d)
    more = np.concatenate([[0.0], np.cumsum(steps[::-1])])  # N(>D) from the largest down
    return more, d[::-1].copy()


def rock_density(cover: float, diameter_m: float) -> float:
    """Return rocks larger than ``diameter_m`` per m2 where rocks cover the share ``cover`` of the ground.

    >>> rock_density(0.02, 0.2) > rock_density(0.02, 0.4) > 0.0
    True
    """
    more, d = _size_table(round(cover * 10_000))
    return float(np.interp(diameter_m, d[::-1], more[::-1], left=more[-1], right=0.0))


@lru_cache(maxsize=4096)
def rock_tile(seed: int, ix: int, iy: int, cover_permyriad: int) -> Float64Array:
    """Return the rocks of tile (ix, iy): float64 [n, 4] of x, y, diameter, height [m], sorted by x, then y."""
    rng = stream(seed, "rocks", index=(ix, iy))
    more, d = _size_table(cover_permyriad)
    n = int(rng.poisson(more[-1] * TILE_M**2))
    u = rng.random((n, 4))
    out = np.empty((n, 4))
    out[:, 0] = (ix + u[:, 0]) * TILE_M
    out[:, 1] = (iy + u[:, 1]) * TILE_M
    out[:, 2] = np.interp(u[:, 2] * more[-1], more, d)
    out[:, 3] = out[:, 2] * (0.35 + 0.4 * u[:, 3])
    out = out[np.lexsort((out[:, 1], out[:, 0]))]
    out.flags.writeable = False
    return out


@kernel
def _rocky_rims(
    cover: NDArray[np.float64], x_left: float, y_top: float, cell_m: float, craters: NDArray[np.float64]
) -> None:
    """Add rock cover on and around fresh craters (float64 [n, 7]) to ``cover`` (float64 [R, C], in place)."""
    rows, cols = cover.shape
    for i in range(craters.shape[0]):
        fresh = (craters[i, 3] - FRESH_RATIO) / (FRESH_DEPTH - FRESH_RATIO)
        if fresh <= 0.0:
            continue
        x, y, radius = craters[i, 0], craters[i, 1], craters[i, 2] / 2.0
        reach = REACH * radius
        for r in range(max(0, int((y_top - y - reach) / cell_m)), min(rows, int((y_top - y + reach) / cell_m) + 1)):
            dy = y_top - (r + 0.5) * cell_m - y
            for c in range(
                max(0, int((x - reach - x_left) / cell_m)), min(cols, int((x + reach - x_left) / cell_m) + 1)
            ):
                dx = x_left + (c + 0.5) * cell_m - x
                q = math.sqrt(dx * dx + dy * dy) / radius
                if q < REACH:
                    cover[r, c] += 0.07 * fresh * (0.7 if q < 1.0 else math.exp(-2.2 * (q - 1.0)))


def rock_cover(
    ref: GeoRef,
    seed: int,
    slope_deg: Float32Grid,
    craters_to_m: float | None = None,
    style: GroundStyle = CALIBRATED,
) -> Float32Grid:
    """Return the share of ground covered by rocks, float32 [R, C] in 0.01..0.08 times ``style.rock_abundance``.

    ``craters_to_m``: diameter of the largest seeded crater on this ground; None where the ground is measured, not made.
    """
    patches = lattice_noise(seed, "rock patches", ref, 300.0)
    cover = BASE_COVER * np.exp(0.9 * patches)
    cover += 0.0008 * np.clip(slope_deg.astype(np.float64) - 15.0, 0.0, 20.0)  # loose rocks show on steep ground
    if craters_to_m is not None:
        craters = craters_near(seed, ref.bounds, ROCKY_FROM_M, craters_to_m, style.crater_density)
        _rocky_rims(cover, float(ref.x_left), float(ref.y_top), float(ref.cell_m), craters)
    return (style.rock_abundance * np.clip(cover, LOWEST_COVER, HIGHEST_COVER)).astype(np.float32)
