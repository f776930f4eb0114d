"""A hand-made site for tests: any ground, any fixed sky, no cache, no files."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.sky import SkyTable

T0 = 920_000_000.0  # [s] TDB past J2000, some time in 2029


class StillSky:
    """A sky in which the Sun and the Earth stand still, or move as a function of time says."""

    def __init__(self, **fields: float | Callable[[np.ndarray], np.ndarray]) -> None:
        still = {"sun_az_deg": 90.0, "sun_el_deg": 5.0, "sun_radius_deg": 0.266, "flux_w_m2": 1361.0}
        self.fields = still | {"earth_az_deg": 0.0, "earth_el_deg": -5.0} | fields

    def sample(self, t: np.ndarray) -> SkyTable:
        columns = [self.fields[name] for name in SkyTable._fields]
        return SkyTable(*(np.asarray(c(t) if callable(c) else np.full(len(t), c), dtype=np.float64) for c in columns))


class StillRelay:
    """A relay satellite that hangs in one place of the sky."""

    def __init__(self, az_deg: float = 0.0, el_deg: float = 60.0) -> None:
        self.az_deg, self.el_deg = az_deg, el_deg

    def look(self, t: np.ndarray, lon_deg: float, lat_deg: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.full(len(t), self.az_deg), np.full(len(t), self.el_deg), np.full(len(t), 1e7)


def make_site(
    height: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    horizon_deg: float | np.ndarray = 0.0,
    size: int = 40,
    centre: tuple[float, float] = (0.0, -30_000.0),
    **sky: float | Callable[[np.ndarray], np.ndarray],
) -> Any:
    """Return a site of ``size`` cells of 20 m; ``height(dx, dy)`` is of metres from the centre, horizon [A, R, C]."""
    ref = GeoRef.centred(*centre, size * 20.0, 20.0)
    rows, cols = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    x, y = ref.xy(rows, cols)
    z = np.zeros((size, size)) if height is None else height(x - ref.centre[0], y - ref.centre[1])
    grid = HeightGrid(np.asarray(z, dtype=np.float32), ref)
    millideg = np.broadcast_to(np.asarray(horizon_deg) * 1000.0, (36, size, size)).round().astype(np.int16)
    return SimpleNamespace(
        ref=ref,
        grid=grid,
        slope_deg=grid.slope_deg(),
        rock_cover=np.zeros((size, size), dtype=np.float32),
        horizon=SimpleNamespace(millideg=millideg, observer_m=2.0),
        sky=StillSky(**sky),
    )
