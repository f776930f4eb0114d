"""Rendered pictures of seeded ground with known rocks, and the matching of detections to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.render import shade
from moonfleet.terrain.seeds import stream

CELL_M = 0.1
HALF_M = 20.0


class Scene(NamedTuple):
    """A picture uint8 [n, n] and its rocks float64 [m, 4]: x, y from the middle, diameter, height [m]."""

    image: np.ndarray
    rocks: np.ndarray
    visible: np.ndarray  # bool [m]: some of the rock is lit


def ground(seed: int, cover: float, slope_deg: float = 3.0) -> LocalGround:
    """Return rolling ground of about ``slope_deg`` on 20 m cells."""
    rng = stream(seed, "rock scene")
    ref = GeoRef.centred(0.0, 0.0, 400.0, 20.0)
    tangent = np.tan(np.radians(slope_deg))
    x, y = np.meshgrid(np.arange(20) * 20.0, np.arange(20) * 20.0)
    tilt = rng.uniform(0.0, 2.0 * np.pi)
    z = rng.standard_normal(ref.shape) * 7.0 * tangent + tangent * (np.cos(tilt) * x + np.sin(tilt) * y)
    return LocalGround(HeightGrid(z.astype(np.float32), ref), np.full(ref.shape, cover, np.float32), seed)


def take(seed: int, light_az_deg: float, light_el_deg: float, cover: float) -> Scene:
    """Take one picture with auto exposure, shot and read noise."""
    truth = ground(seed, cover)
    patch = truth.patch(0.0, 0.0, HALF_M, CELL_M)
    radiance = shade(patch.elevation_m, CELL_M, light_az_deg, light_el_deg)
    lit = radiance[radiance > 1e-6]
    grey = radiance * (110.0 / float(np.median(lit)) if lit.size else 1.0)
    noise = np.sqrt(4.0 + 0.12 * grey) * stream(seed, "camera").standard_normal(grey.shape)
    image = np.clip(grey + noise + 0.5, 0, 255).astype(np.uint8)
    rocks = truth.rocks(*patch.ref.bounds).copy()
    rocks[:, :2] -= patch.ref.centre
    rocks = rocks[(np.abs(rocks[:, :2]) < HALF_M - 0.5).all(axis=1)]
    row, col = patch.ref.rowcol(rocks[:, 0] + patch.ref.centre[0], rocks[:, 1] + patch.ref.centre[1])
    r, c = np.rint(row).astype(int), np.rint(col).astype(int)
    near = [image[max(a - 1, 0) : a + 2, max(b - 1, 0) : b + 2].max() > 60 for a, b in zip(r, c, strict=True)]
    return Scene(image, rocks, np.array(near, dtype=bool))


def match(x: np.ndarray, y: np.ndarray, rocks: np.ndarray) -> np.ndarray:
    """Return for each detection the index of its rock, -1 for none: one to one, nearest first, within 0.3 m or 0.6 diameters."""
    found = np.full(len(x), -1)
    if len(x) == 0 or len(rocks) == 0:
        return found
    gap = np.hypot(x[:, None] - rocks[:, 0], y[:, None] - rocks[:, 1])
    which, rock = np.nonzero(gap <= np.maximum(0.3, 0.6 * rocks[:, 2]))
    taken: set[int] = set()
    for k in np.argsort(gap[which, rock], kind="stable"):
        if found[which[k]] < 0 and rock[k] not in taken:
            found[which[k]] = rock[k]
            taken.add(rock[k])
    return found
