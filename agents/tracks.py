"""What a body swept over the true ground: the stretch of a leg that was driven, and the rocks under it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.local_ground import LocalGround

Points = NDArray[np.float64]


def driven(leg: Points, way_m: float) -> tuple[Points, Points]:
    """Cut a polyline [n, 2] after ``way_m`` metres; returns the part driven and the part still ahead (both with the cut).

    >>> driven(np.array([[0.0, 0.0], [10.0, 0.0]]), 4.0)[0].tolist()
    [[0.0, 0.0], [4.0, 0.0]]
    """
    steps = np.hypot(np.diff(leg[:, 0]), np.diff(leg[:, 1]))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    if way_m >= along[-1]:
        return leg, leg[-1:]
    after = int(np.searchsorted(along, way_m, side="right"))
    share = (way_m - along[after - 1]) / steps[after - 1]
    cut = leg[after - 1] + share * (leg[after] - leg[after - 1])
    return np.vstack([leg[:after], cut]), np.vstack([cut, leg[after:]])


def rocks_touched(
    ground: LocalGround, path: Points, half_width_m: float, climbs_m: float
) -> list[tuple[float, float, float]]:
    """Rocks (x, y, height) taller than ``climbs_m`` that a body of ``half_width_m`` touched along ``path`` [n, 2]."""
    margin = half_width_m + 2.0
    low, high = path.min(axis=0) - margin, path.max(axis=0) + margin
    rocks = ground.rocks(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    rocks = rocks[rocks[:, 3] > climbs_m]
    if rocks.size == 0 or len(path) < 2:
        return []
    start, step = path[:-1], np.diff(path, axis=0)
    square = np.maximum((step**2).sum(axis=1), 1e-12)
    offset = rocks[:, None, :2] - start[None]
    share = np.clip((offset * step).sum(axis=2) / square, 0.0, 1.0)
    nearest = np.hypot(*np.moveaxis(offset - share[..., None] * step, 2, 0)).min(axis=1)
    hit = nearest < half_width_m + rocks[:, 2] / 2
    return [(float(x), float(y), float(height)) for x, y, _, height in rocks[hit]]
