"""Kernels that forecast the light of a cell as `outlook` does, eight samples at a time, from the layouts.

Most samples are of a Sun that is wholly up or down: counting them is exact. The share of a disc that is cut by the horizon is taken from
a polynomial, which is right to 1e-14; where that could round to another float32 than the sum of `outlook` does, `outlook` is asked.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import leaf_kernel
from moonfleet.terrain.lane_memory import bit_count, gather_flat, lanes_sum, load_flat
from moonfleet.terrain.lanes import mask, root, select

from .layouts import DISC, EASTWARD, NORTHWARD, RAISED, SPAN, WEIGHT
from .outlook import SAMPLES

Floats32 = NDArray[np.float32]
Shorts = NDArray[np.int16]
Places = NDArray[np.int32]

UNSURE = 1e-13  # far more than what the polynomial and the order of a sum do to a mean
TERMS = 18  # of the polynomial, an even number
_ALL = (1 << SPAN) - 1
_EDGES = np.cumsum([0, *SAMPLES]).tolist()
_BITS = tuple((1 << b) - (1 << a) for a, b in itertools.pairwise(_EDGES))  # samples of each window
_MEMBERS = np.array([[1.0 if bits >> k & 1 else 0.0 for k in range(SPAN)] for bits in _BITS]).ravel()
_SHARES = np.array([[count / samples for count in range(SPAN + 1)] for samples in SAMPLES], np.float32).ravel()


def _segment() -> tuple[float, ...]:
    """Return coefficients of P(u), u = 1 - 2 t: a disc of which t radii stand above an edge, t <= 1, shows t sqrt(t) P.

    The segment's share of the disc is 2/pi times the integral of sqrt(2 s - s^2) from 0 to t, so that P is the power series
    (2 sqrt(2) / pi) sum binom(1/2, n) (-t/2)^n / (n + 3/2); it is brought to `TERMS` terms by a fit in Chebyshev's points.
    """

    def series(u: NDArray[np.float64]) -> NDArray[np.float64]:
        t, total, binomial = 0.5 * (1.0 - u), np.zeros(u.shape), 1.0
        for n in range(60):
            total += binomial * (-0.5 * t) ** n / (n + 1.5)
            binomial *= (0.5 - n) / (n + 1)
        return total * (2.0 * math.sqrt(2.0) / math.pi)

    chebyshev = np.polynomial.chebyshev
    points = np.cos(math.pi * (np.arange(4 * TERMS) + 0.5) / (4 * TERMS))
    terms = chebyshev.cheb2poly(chebyshev.chebfit(points, series(points), TERMS - 1))
    return tuple(np.pad(terms, (0, TERMS - len(terms))).tolist())


_P = np.array(_segment())


@leaf_kernel
def _above(
    cells: Shorts, spans: Floats32, bins: Places, cell: int, at: int, dx: float, dy: float
) -> Any:  # fmt: skip
    """Return how far the Sun's middle stands above the horizon in the eight samples from place ``at`` of ``bins`` on [deg]."""
    column = bins.size
    w = load_flat(spans, at + column * WEIGHT)
    here = gather_flat(cells, cell, bins, at)
    there = gather_flat(cells, cell + 1, bins, at)
    edge = ((1.0 - w) * here + w * there) * 0.001
    east, north = load_flat(spans, at + column * EASTWARD), load_flat(spans, at + column * NORTHWARD)
    return (load_flat(spans, at + column * RAISED) + (east * dx + north * dy)) - edge


@leaf_kernel
def _share(above: Any, radius: Any, up: int, down: int) -> Any:
    """Return what share of the disc is in sight, good where it is cut; exact where it is not."""
    if up | down == 255:
        return select(above > 0.0, 1.0, 0.0)
    height = above / radius
    lower = select(height < 0.0, height + 1.0, 1.0 - height)  # t of the smaller segment
    u = 1.0 - lower * 2.0
    v = u * u
    even, odd = v * 0.0 + _P[TERMS - 2], v * 0.0 + _P[TERMS - 1]
    for k in range(TERMS - 4, -1, -2):
        even, odd = even * v + _P[k], odd * v + _P[k + 1]
    segment = lower * root(lower) * (odd * u + even)
    cut = select(height < 0.0, segment, 1.0 - segment)
    return select(above >= radius, 1.0, select(above <= 0.0 - radius, 0.0, cut))


@leaf_kernel
def lit_ahead(
    cells: Shorts, spans: Floats32, bins: Places, cell: int, hour: int, dx: float, dy: float, out: Floats32
) -> bool:  # fmt: skip
    """Fill ``out`` [4] as `outlook` does, or return False where that cannot be told for certain.

    Arrays are those of `Layouts`; ``cell`` is the place of its first azimuth in ``cells``, (dx, dy) the displacement of its middle from
    that of the map [m].
    """
    at = bins.shape[1] * ((hour + 1) % 2) + (hour + 1) // 2
    disc = at + bins.size * DISC
    above_a, radius_a = _above(cells, spans, bins, cell, at, dx, dy), load_flat(spans, disc)
    above_b, radius_b = _above(cells, spans, bins, cell, at + 8, dx, dy), load_flat(spans, disc + 8)
    above_c, radius_c = _above(cells, spans, bins, cell, at + 16, dx, dy), load_flat(spans, disc + 16)
    up_a, down_a = mask(above_a >= radius_a), mask(above_a <= 0.0 - radius_a)
    up_b, down_b = mask(above_b >= radius_b), mask(above_b <= 0.0 - radius_b)
    up_c, down_c = mask(above_c >= radius_c), mask(above_c <= 0.0 - radius_c)
    up, down = up_a | (up_b << 8) | (up_c << 16), down_a | (down_b << 8) | (down_c << 16)
    for window in range(4):
        out[window] = _SHARES[(SPAN + 1) * window + bit_count(up & _BITS[window])]
    if up | down == _ALL:
        return True
    part_a = _share(above_a, radius_a, up_a, down_a)
    part_b = _share(above_b, radius_b, up_b, down_b)
    part_c = _share(above_c, radius_c, up_c, down_c)
    sure = True
    for window in range(4):
        if (up | down) & _BITS[window] != _BITS[window]:
            at = SPAN * window
            within = part_a * load_flat(_MEMBERS, at) + part_b * load_flat(_MEMBERS, at + 8)
            mean = lanes_sum(within + part_c * load_flat(_MEMBERS, at + 16)) / SAMPLES[window]
            low, high = np.float32(mean - UNSURE), np.float32(mean + UNSURE)
            sure = sure and low == high
            out[window] = high
    return sure
