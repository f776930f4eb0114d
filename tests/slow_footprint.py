"""The plane under a disc by numpy's least squares, one disc at a time: the slow reference of the footprint kernels."""

from __future__ import annotations

import math

import numpy as np


def disc_fit(z: np.ndarray, row: int, col: int, radius_m: float, cell_m: float) -> tuple[float, float, float, float]:
    """Return slope [deg], rms and largest residual [m], and the unknown share of the disc around a cell."""
    reach = int(radius_m / cell_m + 1e-9)
    known, cells = [], 0
    for dr in range(-reach, reach + 1):
        for dc in range(-reach, reach + 1):
            if math.hypot(dr, dc) * cell_m > radius_m + 1e-9:
                continue
            cells += 1
            r, c = row + dr, col + dc
            if 0 <= r < z.shape[0] and 0 <= c < z.shape[1] and np.isfinite(z[r, c]):
                known.append((dc * cell_m, dr * cell_m, float(z[r, c])))
    unknown = 1.0 - len(known) / cells
    points = np.array(known).reshape(-1, 3)
    matrix = np.column_stack([np.ones(len(points)), points[:, :2]])
    if len(points) < 3 or np.linalg.matrix_rank(matrix) < 3:
        return math.nan, math.nan, math.nan, unknown
    heights = points[:, 2] - points[:, 2].mean()
    plane = np.linalg.lstsq(matrix, heights, rcond=None)[0]
    left = heights - matrix @ plane
    slope = math.degrees(math.atan(math.hypot(plane[1], plane[2])))
    return slope, float(np.sqrt(np.mean(left**2))), float(left.max()), unknown
