"""Seeded rocky grounds to land on, for tests and for fitting (the bench has other seeds)."""

from __future__ import annotations

import numpy as np

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.seeds import stream


def rocky(seed: int, cover: float | None = None, size_m: float = 800.0) -> LocalGround:
    """Rolling ground on 20 m cells, slopes as on real polar ground, one rock cover of 5-15 % all over."""
    rng = stream(seed, "landing ground")
    ref = GeoRef.centred(0.0, 0.0, size_m, 20.0)
    cover = float(rng.uniform(0.05, 0.15)) if cover is None else cover
    rough = float(rng.uniform(0.5, 1.5))
    tilt, bearing = np.radians(rng.uniform(0.0, 6.0)), rng.uniform(0.0, 2.0 * np.pi)
    x, y = np.meshgrid(np.arange(ref.cols) * 20.0, np.arange(ref.rows) * 20.0)
    z = np.tan(tilt) * (np.cos(bearing) * x + np.sin(bearing) * y) + rough * rng.standard_normal(ref.shape)
    return LocalGround(HeightGrid(z.astype(np.float32), ref), np.full(ref.shape, cover, np.float32), seed)


def plane(slope_deg: float = 0.0) -> LocalGround:
    """A plane that rises along +x, without rocks; craters and micro-roughness are laid on it by the local ground."""
    ref = GeoRef.centred(0.0, 0.0, 800.0, 20.0)
    x = np.broadcast_to(np.arange(ref.cols) * 20.0, ref.shape)
    z = np.tan(np.radians(slope_deg)) * x
    return LocalGround(HeightGrid(z.astype(np.float32), ref), np.zeros(ref.shape, np.float32), 1)
