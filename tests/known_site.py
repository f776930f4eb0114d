"""A small site with every layer known beforehand: nothing is computed, no cache, no files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from moonfleet.terrain.constants import DAY_S
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.horizon import Horizon
from moonfleet.terrain.sky import Sky

BEST = (12, 31)  # row, column of the best-lit cell
DARK = (slice(40, 50), slice(10, 20))  # cells in permanent shadow: 100 of 20 m, 0.04 km2


def known_site(size: int = 64, name: str = "known", place: tuple[float, float] = (222.7, -89.45)) -> Any:
    """A ramp that rises to the right, one hill; light grows upwards, but for the best cell; a patch in shadow."""
    ref = GeoRef.centred(*polar_xy(*place), size * 20.0, 20.0)
    rows, cols = np.mgrid[:size, :size]
    hill = 60.0 * np.exp(-((rows - size / 2) ** 2 + (cols - size / 3) ** 2) / 60.0)
    grid = HeightGrid((1500.0 + 2.0 * cols + hill).astype(np.float32), ref)
    lit = (0.6 - 0.5 * rows / size).astype(np.float32)
    night = (np.float32(DAY_S) * (3.0 + 200.0 * rows / size)).astype(np.float32)
    dark = np.zeros(ref.shape, dtype=np.uint8)
    dark[DARK] = 1
    lit[BEST], lit[DARK] = 0.875, 0.0
    night[BEST], night[DARK] = 2.5 * DAY_S, 365.0 * DAY_S
    angle = np.radians(np.arange(36) * 10.0)
    skyline = (1000.0 * (1.0 + 2.0 * np.cos(angle))).astype(np.int16)
    cube = np.ascontiguousarray(np.broadcast_to(skyline[:, None, None], (36, *ref.shape)))
    low, high = Horizon(cube, 2.0), Horizon(cube - np.int16(500), 10.0)
    return SimpleNamespace(
        name=name,
        seed=7,
        key="0123456789abcdef0123",
        ref=ref,
        grid=grid,
        slope_deg=grid.slope_deg(),
        rock_cover=np.full(ref.shape, 0.03, dtype=np.float32),
        horizon=low,
        horizons={2.0: low, 10.0: high},
        mean_lit=lit,
        longest_night_s=night,
        permanent_shadow=dark,
        earth_visible=np.full(ref.shape, 0.5, dtype=np.float32),
        sky=Sky(*ref.lonlat()),
        path=Path("no-such-folder"),
    )
