"""The slow way to a horizon: one ray, marched over the bilinear ground of a curved Moon in small steps from one cell away.

Nothing here is shared with `moonfleet.terrain.horizon`: the ray is a true great circle in space, the angle is taken from
vectors, the ground is read with `HeightGrid.sample`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import HeightGrid

R = 1_737_400.0  # [m]


def to_sphere(x: float, y: float) -> NDArray[np.float64]:
    """Unit vector (grid x, grid y, down to the pole) of polar stereographic x, y."""
    q = (x * x + y * y) / (4 * R * R)
    return np.array([x / R, y / R, 1 - q]) / (1 + q)


def great_circle(
    x: float, y: float, az_deg: float, s: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places x, y at distances s [m, on the sphere] along the great circle that leaves (x, y) at a grid azimuth."""
    a = math.radians(az_deg)
    start = to_sphere(x, y)
    ahead = to_sphere(x + math.sin(a), y + math.cos(a)) - to_sphere(x - math.sin(a), y - math.cos(a))
    ahead -= start * (ahead @ start)
    ahead /= np.linalg.norm(ahead)
    p = np.outer(start, np.cos(s / R)) + np.outer(ahead, np.sin(s / R))
    return 2 * R * p[0] / (1 + p[2]), 2 * R * p[1] / (1 + p[2])


def slow_horizon(
    grid: HeightGrid,
    row: int,
    col: int,
    az_deg: float,
    observer_m: float,
    far: HeightGrid | None = None,
    step: float = 0.1,
) -> float:
    """Horizon [deg] of one cell; past the edge the regional grid, or ground level with the edge."""
    ref = grid.ref
    x0, y0 = ref.xy(float(row), float(col))
    size = ref.cell_m * max(ref.shape) * 1.5
    s = np.concatenate([np.arange(ref.cell_m, size, step * ref.cell_m), np.geomspace(size, 250e3, 4000)])
    x, y = great_circle(x0, y0, az_deg, s)
    rows, cols = ref.rowcol(x, y)
    inside = (rows >= 0) & (cols >= 0) & (rows <= ref.rows - 1) & (cols <= ref.cols - 1)
    h = grid.sample(x, y)
    last = np.flatnonzero(inside)[-1] if inside.any() else -1
    edge = float(h[last]) if inside.any() else float(grid.elevation_m[row, col])
    beyond = np.full(s.shape, edge) if far is None else far.sample(x, y)
    h = np.where(inside, h, beyond)
    eye = R + float(grid.elevation_m[row, col]) + observer_m
    angle = np.arctan2((R + h) * np.cos(s / R) - eye, (R + h) * np.sin(s / R))
    return math.degrees(float(np.nanmax(angle)))
