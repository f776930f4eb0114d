"""Seeded impact craters: how many, how large, how worn, and their shape on a grid.

* Sizes: cumulative density ``N(>D) = 0.079 D^-2`` per m2 up to 250 m (equilibrium: Xiao & Werner 2015), the steeper
  production slope to 1 km and the flatter one above (Neukum et al. 2001). The law gives 1.6e-4 per km2 above 20 km, what
  the highlands have (Head et al. 2010).
* Wear: rim-to-floor depth over diameter of 0.19 for fresh primaries (Pike 1977; less for complex craters) and 0.1 for
  secondaries, which most small craters are (McEwen & Bierhaus 2006), down to a hundredth: topographic diffusion (Fassett &
  Thomson 2014) makes them shallow early, and most craters are old.
* Shape: parabolic bowl (complex craters: with a flat floor) and ``q^-3`` ejecta blanket (Pike 1977), joined by a soft
  minimum that rounds the rim with wear.

There is one population from 1 m to 65 km. A grid shows the craters that its cells resolve (`smallest_on`); what is smaller
is left to finer grids. Craters are keyed by world position: the same seed puts the same crater at the same place, whichever
window asks.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .grid import Float64Array, GeoRef
from .kernel import kernel
from .lattice import in_bands
from .seeds import stream

EQUILIBRIUM = 0.079  # [m^-2 at D = 1 m] Xiao & Werner 2015
SLOPES = ((250.0, 2.0), (1_000.0, 2.8), (65_536.0, 1.7))  # up to a diameter [m]: slope of the cumulative density [-]
SMALLEST_M, LARGEST_M = 1.0, 65_536.0  # [m] diameters of the population
BANDS = 16  # each of the diameters from 2^k to 2^(k+1) m
TILE_DIAMETERS = 40.0  # side of the square that one random stream fills, in smallest diameters of its band
THINNED_M = 16.0  # [m] below: only a share of equilibrium, as soil that is churned that deep keeps few of its craters
THIN_SHARE = 0.5  # [-]
RESOLVED = 2.5  # [cells] smallest diameter that a grid can show
FRESH_DEPTH = 0.19  # [-] depth / diameter, Pike 1977
SECONDARY_DEPTH = 0.10  # [-] of fresh secondary craters, McEwen & Bierhaus 2006
PRIMARY = 0.1  # [-] share of primaries up to 100 m; above it grows, towards 1 at a few km
WEAR = (
    12.0  # [-] by how much a crater of 100 m is shallower at the end of its life; fitted to slopes at 5 m (fit_relief)
)
COMPLEX_M = 15_000.0  # [m] larger craters are complex: depth [km] = 1.044 D^0.301, Pike 1977
REACH = 2.4  # [radii] ejecta blanket is cut off there
OUTLINE = 1.08  # [-] largest radius of an outline over its mean
COLUMNS = 7  # x, y, diameter, depth ratio, three shape numbers


def _law() -> tuple[Float64Array, Float64Array]:
    """Return log diameters and log densities N(>D) of the corners of the broken power law, smallest first."""
    d, n = [0.5], [EQUILIBRIUM / 0.25]
    for to_m, slope in SLOPES:
        n.append(n[-1] * (to_m / d[-1]) ** -slope)
        d.append(to_m)
    return np.log(d), np.log(n)


_LOG_D, _LOG_N = _law()


def density(diameter_m: float) -> float:
    """Return the number of craters larger than ``diameter_m`` (0.5 to 65 536 m) per m2, before thinning.

    >>> round(1e6 * density(100.0), 2)  # per km2
    7.9
    """
    return math.exp(float(np.interp(math.log(diameter_m), _LOG_D, _LOG_N)))


def smallest_on(cell_m: float) -> float:
    """Return the diameter [m] of the smallest crater that a grid of ``cell_m`` shows."""
    return max(SMALLEST_M, RESOLVED * cell_m)


@lru_cache(maxsize=4096)
def crater_tile(seed: int, band: int, ix: int, iy: int, share: float = 1.0) -> Float64Array:
    """Return the craters of 2^band to 2^(band+1) m whose centres lie in tile (ix, iy): float64 [n, 7], largest first.

    ``share`` multiplies their number. Columns: see ``COLUMNS``.
    """
    rng = stream(seed, "craters", index=(band, ix, iy))
    low, tile = 2.0**band, TILE_DIAMETERS * 2.0**band
    many, few = density(low), density(2.0 * low)
    thin = THIN_SHARE if low < THINNED_M else 1.0
    n = int(rng.poisson(share * thin * (many - few) * tile * tile))
    u = rng.random((n, COLUMNS + 1))
    left = few + u[:, 2] * (many - few)  # N(>D) of each crater
    size = np.exp(np.interp(-np.log(left), -_LOG_N, _LOG_D))
    out = np.empty((n, COLUMNS))
    out[:, 0] = (ix + u[:, 0]) * tile
    out[:, 1] = (iy + u[:, 1]) * tile
    out[:, 2] = size
    out[:, 3] = _depth_ratio(size, u[:, 7], u[:, 3])
    out[:, 4:] = u[:, 4:7]
    out = out[np.argsort(-size, kind="stable")]
    out.flags.writeable = False
    return out


def fresh_depth(diameter_m: Float64Array) -> Float64Array:
    """Return depth over diameter of fresh primary craters [-]."""
    return np.minimum(FRESH_DEPTH, 1.044 * (diameter_m / 1_000.0) ** (0.301 - 1.0))


def _depth_ratio(diameter_m: Float64Array, kind: Float64Array, age: Float64Array) -> Float64Array:
    """Return depth over diameter of craters of a random ``kind`` (0..1: primary or secondary) and age (0..1 of a life).

    Depths decay as those of bowls under diffusion, fast at first. Small craters wear faster: their diffusion time goes with
    the square of the diameter, partly made up by production; it hardly reaches craters of kilometres.
    """
    primary = kind < np.clip(PRIMARY * (diameter_m / 100.0) ** 0.7, PRIMARY, 1.0)
    born = np.where(primary, fresh_depth(diameter_m), SECONDARY_DEPTH)
    pace = np.minimum((100.0 / diameter_m) ** 0.12, 1.3) * np.minimum(1.0, 1_000.0 / diameter_m) ** 0.6
    return born / (1.0 + WEAR * pace * age)


def craters_near(
    seed: int, box: tuple[float, float, float, float], smallest_m: float, largest_m: float, share: float = 1.0
) -> Float64Array:
    """Return every crater of smallest_m <= D < largest_m that can reach into box (xmin, ymin, xmax, ymax) [m]: [n, 7].

    The order (large bands first, then tile row, tile column, size) depends on places only. ``share`` multiplies their
    number (the same places are not kept).
    """
    parts = [np.empty((0, COLUMNS))]
    for band in range(BANDS - 1, -1, -1):
        if 2.0**band >= largest_m or 2.0 ** (band + 1) <= smallest_m:
            continue
        tile, margin = TILE_DIAMETERS * 2.0**band, OUTLINE * REACH * 2.0**band
        x0, x1 = (math.floor(v / tile) for v in (box[0] - margin, box[2] + margin))
        y0, y1 = (math.floor(v / tile) for v in (box[1] - margin, box[3] + margin))
        parts += [crater_tile(seed, band, ix, iy, share) for iy in range(y0, y1 + 1) for ix in range(x0, x1 + 1)]
    c = np.concatenate(parts)
    reach = OUTLINE * REACH * c[:, 2] / 2.0
    keep = (c[:, 0] + reach >= box[0]) & (c[:, 0] - reach <= box[2])
    keep &= (c[:, 1] + reach >= box[1]) & (c[:, 1] - reach <= box[3])
    keep &= (c[:, 2] >= smallest_m) & (c[:, 2] < largest_m)
    return c[keep]


@kernel
def crater_height(q: float, depth: float, worn: float, flat: float) -> float:
    """Return height [m] at ``q`` radii from the centre of a crater ``depth`` m deep rim to floor.

    ``worn`` in 0..1; ``flat``: radius of a level floor, in radii of the crater.
    """
    rim = 0.19 * depth
    bowl = depth * q * q - (depth - rim)
    if flat > 0.0:
        at, end = q * q - flat * flat, 1.0 - flat * flat
        bowl = depth * (at + math.sqrt(at * at + 0.02)) / (end + math.sqrt(end * end + 0.02)) - (depth - rim)
    if q < 0.35:
        return bowl
    fade = 1.0 - (q / REACH) ** 2
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
def _stamp_rows(
    height: NDArray[np.float64], x_left: float, y_top: float, cell_m: float, craters: NDArray[np.float64],
    fresh: NDArray[np.float64], first: int, last: int,
) -> None:  # fmt: skip
    """Add craters (float64 [n, 7]) to rows ``first .. last - 1`` of ``height`` (float64 [R, C]), in the order given."""
    cols = height.shape[1]
    for i in range(craters.shape[0]):
        x, y, radius = craters[i, 0], craters[i, 1], craters[i, 2] / 2.0
        reach = REACH * radius * OUTLINE
        r0 = max(first, int(math.ceil((y_top - y - reach) / cell_m - 0.5)))
        r1 = min(last, int(math.floor((y_top - y + reach) / cell_m - 0.5)) + 1)
        if r0 >= r1:
            continue
        c0 = max(0, int(math.ceil((x - reach - x_left) / cell_m - 0.5)))
        c1 = min(cols, int(math.floor((x + reach - x_left) / cell_m - 0.5)) + 1)
        worn = 1.0 - craters[i, 3] / fresh[i]
        depth = craters[i, 3] * craters[i, 2]
        flat = 0.5 if 2.0 * radius > COMPLEX_M else 0.0
        oval = 0.10 * (craters[i, 4] - 0.5)  # two-lobed, three-lobed and four-lobed outline
        tri = 0.10 * (craters[i, 5] - 0.5)
        quad = 0.08 * (craters[i, 6] - 0.5)
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
                height[r, c] += crater_height(q, depth, worn, flat)


def stamp_on(height: Float64Array, ref: GeoRef, craters: Float64Array, threads: int | None = None) -> None:
    """Add craters [n, 7] to ``height`` (float64 [R, C], in place) that lies at ``ref``; the same bytes on any threads."""
    c = np.ascontiguousarray(craters)
    fresh = fresh_depth(c[:, 2])
    place = float(ref.x_left), float(ref.y_top), float(ref.cell_m)
    in_bands(ref.rows, threads, lambda first, last: _stamp_rows(height, *place, c, fresh, first, last))
