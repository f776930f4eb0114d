"""Seeded impact craters: how many, how large, how worn, and their shape on a grid.

* Sizes: cumulative density ``N(>D) = 0.079 D^-2`` per m2 up to 250 m (equilibrium: Xiao & Werner 2015), and the steeper
  production slope -2.8 above (Neukum et al. 2001).
* Wear: rim-to-floor depth over diameter from 0.19 when fresh (Pike 1977) down to a few hundredths (Fassett & Thomson 2014,
  topographic diffusion); equally many craters in every stage of their life.
* Shape: parabolic bowl and ``q^-3`` ejecta blanket (Pike 1977), joined by a soft minimum that rounds the rim with wear.

Craters are keyed by world position: the same seed puts the same crater at the same place, whichever window asks.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .grid import Float64Array, GeoRef
from .kernel import kernel
from .seeds import stream

EQUILIBRIUM = 0.079  # [m^-2 at D = 1 m] Xiao & Werner 2015
BREAK_M = 250.0  # [m] above: production slope
STEEP = 2.8  # [-] slope above the break
FRESH_DEPTH = 0.19  # [-] depth / diameter, Pike 1977
REACH = 2.4  # [radii] ejecta blanket is cut off there
COLUMNS = 7  # x, y, diameter, depth ratio, three shape numbers


class CraterTiles(NamedTuple):
    """A population: purpose (names its random stream), tile size [m], smallest and largest diameter [m], thinning."""

    purpose: str
    tile_m: float
    smallest_m: float
    largest_m: float
    share: float


SITE_CRATERS = CraterTiles("craters", 2_000.0, 55.0, 1_000.0, 1.0)
SMALL_CRATERS = CraterTiles("small craters", 20.0, 1.0, 15.0, 0.5)


def density(diameter_m: float) -> float:
    """Return the number of craters larger than ``diameter_m`` per m2."""
    if diameter_m <= BREAK_M:
        return EQUILIBRIUM * diameter_m**-2.0
    return EQUILIBRIUM * BREAK_M**-2.0 * (diameter_m / BREAK_M) ** -STEEP


@lru_cache(maxsize=2048)
def crater_tile(seed: int, tiles: CraterTiles, ix: int, iy: int) -> Float64Array:
    """Return the craters whose centres lie in tile (ix, iy): float64 [n, 7], largest first (see ``COLUMNS``)."""
    rng = stream(seed, tiles.purpose, index=(ix, iy))
    many, few = density(tiles.smallest_m), density(tiles.largest_m)
    n = int(rng.poisson(tiles.share * (many - few) * tiles.tile_m**2))
    u = rng.random((n, COLUMNS))
    left = few + u[:, 2] * (many - few)  # N(>D) of each crater
    at_break = density(BREAK_M)
    small = np.sqrt(EQUILIBRIUM / left)
    large = BREAK_M * (left / at_break) ** (-1.0 / STEEP)
    size = np.where(left >= at_break, small, large)
    # Small craters wear faster: their diffusion time goes with the square of the diameter, partly made up by production.
    wear = np.clip(2.6 * (100.0 / size) ** 0.12, 1.9, 3.2)
    out = np.empty((n, COLUMNS))
    out[:, 0] = (ix + u[:, 0]) * tiles.tile_m
    out[:, 1] = (iy + u[:, 1]) * tiles.tile_m
    out[:, 2] = size
    out[:, 3] = FRESH_DEPTH * np.exp(-wear * u[:, 3])
    out[:, 4:] = u[:, 4:]
    out = out[np.argsort(-size, kind="stable")]
    out.flags.writeable = False
    return out


def craters_near(
    seed: int, tiles: CraterTiles, box: tuple[float, float, float, float], largest_m: float | None = None
) -> Float64Array:
    """Return every crater that can reach into box (xmin, ymin, xmax, ymax) [m]: float64 [n, 7].

    The order (tile row, tile column, size) depends on places only. ``largest_m`` leaves larger craters out.
    """
    margin = REACH * tiles.largest_m / 2.0
    x0, x1 = (math.floor(v / tiles.tile_m) for v in (box[0] - margin, box[2] + margin))
    y0, y1 = (math.floor(v / tiles.tile_m) for v in (box[1] - margin, box[3] + margin))
    parts = [crater_tile(seed, tiles, ix, iy) for iy in range(y0, y1 + 1) for ix in range(x0, x1 + 1)]
    c = np.concatenate(parts) if parts else np.empty((0, COLUMNS))
    reach = REACH * c[:, 2] / 2.0
    keep = (c[:, 0] + reach >= box[0]) & (c[:, 0] - reach <= box[2])
    keep &= (c[:, 1] + reach >= box[1]) & (c[:, 1] - reach <= box[3])
    if largest_m is not None:
        keep &= c[:, 2] <= largest_m
    return np.ascontiguousarray(c[keep])


@kernel
def crater_height(q: float, depth: float, worn: float) -> float:
    """Return height [m] at ``q`` radii from the centre of a crater ``depth`` m deep rim to floor; ``worn`` in 0..1."""
    rim = 0.19 * depth
    bowl = depth * q * q - (depth - rim)
    if q < 0.35:
        return bowl
    fade = 1.0 - (q / 2.4) ** 2
    if fade <= 0.0:
        return 0.0
    blanket = rim / (q * q * q) * fade * fade
    soft = depth * (0.015 + 0.11 * worn)
    d = (bowl - blanket) / soft
    if d > 12.0:
        return blanket
    if d < -12.0:
        return bowl
    return bowl - soft * math.log(1.0 + math.exp(d))


@kernel
def stamp(
    height: NDArray[np.float64], x_left: float, y_top: float, cell_m: float, craters: NDArray[np.float64]
) -> None:
    """Add craters (float64 [n, 7]) to ``height`` (float64 [R, C], in place), in the order given."""
    rows, cols = height.shape
    for i in range(craters.shape[0]):
        x, y, radius = craters[i, 0], craters[i, 1], craters[i, 2] / 2.0
        worn = 1.0 - craters[i, 3] / 0.19
        depth = craters[i, 3] * craters[i, 2]
        oval = 0.10 * (craters[i, 4] - 0.5)  # two-lobed, three-lobed and four-lobed outline
        tri = 0.10 * (craters[i, 5] - 0.5)
        quad = 0.08 * (craters[i, 6] - 0.5)
        reach = 2.4 * radius * 1.08
        c0 = max(0, int(math.ceil((x - reach - x_left) / cell_m - 0.5)))
        c1 = min(cols, int(math.floor((x + reach - x_left) / cell_m - 0.5)) + 1)
        r0 = max(0, int(math.ceil((y_top - y - reach) / cell_m - 0.5)))
        r1 = min(rows, int(math.floor((y_top - y + reach) / cell_m - 0.5)) + 1)
        for r in range(r0, r1):
            dy = y_top - (r + 0.5) * cell_m - y
            for c in range(c0, c1):
                dx = x_left + (c + 0.5) * cell_m - x
                d2 = dx * dx + dy * dy
                if d2 > reach * reach:
                    continue
                s2 = 0.0
                s3 = 0.0
                s4 = 0.0
                if d2 > 0.0:
                    cc, ss = dx * dx / d2, dy * dy / d2
                    s2 = cc - ss  # cos of twice the bearing
                    s3 = dx * (cc - 3.0 * ss) / math.sqrt(d2)  # cos of three times
                    s4 = 8.0 * cc * (cc - 1.0) + 1.0  # cos of four times
                q = math.sqrt(d2) / (radius * (1.0 + oval * s2 + tri * s3 + quad * s4))
                height[r, c] += crater_height(q, depth, worn)


def stamp_on(height: Float64Array, ref: GeoRef, craters: Float64Array) -> None:
    """Add craters to ``height`` (float64 [R, C], in place) that lies at ``ref``."""
    stamp(height, float(ref.x_left), float(ref.y_top), float(ref.cell_m), np.ascontiguousarray(craters))
