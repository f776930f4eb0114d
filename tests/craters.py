"""A crater to be dark in, shared by the tests of light."""

from __future__ import annotations

import numpy as np

from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.horizon import Horizon, compute_horizon


def crater_site(depth_m: float, azimuths: int = 90) -> tuple[HeightGrid, Horizon]:
    """A crater 3 km across in a plain around 88.8 S 123.4 E, 80 x 80 cells of 80 m."""
    x, y = polar_xy(123.4, -88.8)
    ref = GeoRef.centred(x, y, 6_400.0, 80.0)
    rows, cols = np.mgrid[:80, :80] - 39.5
    r = np.hypot(rows, cols) * 80.0 / 1500.0
    z = np.where(r < 1.0, -depth_m * (1.0 - r**2), 0.0) + 0.05 * depth_m * np.exp(-(((r - 1.0) / 0.2) ** 2))
    grid = HeightGrid(z.astype(np.float32), ref)
    return grid, Horizon(compute_horizon(grid, azimuths, 2.0), 2.0)
