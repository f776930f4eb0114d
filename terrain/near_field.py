"""The near field of horizons: each cell's own ray over the first columns ahead, for a whole column of cells at once."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .kernel import kernel
from .turned import PAD, padded

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]

NEAR: Final = 112  # columns ahead; no more than turned.AHEAD


def near_points(slope: float) -> Array:
    """Return float64 [2, n], columns and rows ahead at which a ray is sampled besides its first NEAR columns, rising.

    One cell away; halfway between the first four columns; and, up to NEAR columns ahead, where the ray crosses a row (there, as
    on columns, two cells give the bilinear ground).
    """
    points = [(c, slope * c) for c in (1.0 / math.sqrt(1.0 + slope * slope), *np.arange(1.5, 4.0))]
    if slope > 0.0:
        points += [(r / slope, r) for r in np.arange(1.0, slope * NEAR) if r / slope > 1.0 and (r / slope) % 1.0 > 0.0]
    return np.array(sorted(points)).T.copy()


@kernel
def near_field(
    ground: Float32Grid, rows: int, slope: float, points: Array, observer_m: float, best: Float32Grid
) -> None:
    """Fill best, laid out as ``ground`` (see `moonfleet.terrain.turned`), with each cell's greatest slope [m per column].

    Rays are sampled at ``points`` (see `near_points`) and at columns 1 .. NEAR ahead, from ``observer_m`` above their cells.
    """
    cols, n = ground.shape[0], padded(rows)
    eye = np.empty(n, dtype=np.float32)
    lift, none, lowest = np.float32(observer_m), np.float32(0.0), np.float32(-1e9)
    for c in range(cols):
        top, here = best[c, PAD:], ground[c, PAD:]
        for i in range(n):
            eye[i] = here[i] + lift
            top[i] = lowest
        for k in range(points.shape[1]):
            ahead, below = int(points[0, k]), int(points[1, k])
            if c + ahead + 1 >= cols or below > rows:
                break
            f, w = np.float32(points[0, k] - ahead), np.float32(points[1, k] - below)
            inverse = np.float32(1.0 / points[0, k])
            a, b = ground[c + ahead, PAD + below :], ground[c + ahead + 1, PAD + below :]
            if w == none:
                for i in range(n):
                    slant = (a[i] + f * (b[i] - a[i]) - eye[i]) * inverse
                    top[i] = slant if slant > top[i] else top[i]
            else:
                for i in range(n):
                    left = a[i] + w * (a[i + 1] - a[i])
                    right = b[i] + w * (b[i + 1] - b[i])
                    slant = (left + f * (right - left) - eye[i]) * inverse
                    top[i] = slant if slant > top[i] else top[i]
        for k in range(1, min(NEAR, cols - 1 - c) + 1):
            below = int(slope * k)
            if below > rows:
                break
            w, inverse = np.float32(slope * k - below), np.float32(1.0 / k)
            a = ground[c + k, PAD + below :]
            for i in range(n):
                slant = (a[i] + w * (a[i + 1] - a[i]) - eye[i]) * inverse
                top[i] = slant if slant > top[i] else top[i]
