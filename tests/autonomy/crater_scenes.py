"""Made pictures of bowls of known place, size and depth on rough ground, lit from one side, with the shadows that the light casts."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

F64 = NDArray[np.float64]


class MadeScene(NamedTuple):
    """A picture and its craters."""

    image: NDArray[np.uint8]  # [R, C]
    craters: F64  # [n, 4] col, row, radius [px], depth over diameter


def take(
    seed: int,
    sun_az_deg: float,
    sun_el_deg: float = 25.0,
    side: int = 300,
    count: int = 14,
    *,
    ratio: tuple[float, float] = (0.07, 0.2),
) -> MadeScene:
    """Return a scene of bowls that do not touch; light from ``sun_az_deg`` (clockwise from the top)."""
    rng = stream(seed, "crater-scene")
    height = 0.4 * cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), 2.0)
    height += 3.0 * cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), 9.0)
    row, col = np.mgrid[:side, :side].astype(np.float64)
    craters: list[tuple[float, float, float, float]] = []
    for _ in range(40 * count):
        radius = math.exp(rng.uniform(math.log(10.0), math.log(34.0)))
        x, y = rng.uniform(1.3 * radius, side - 1.3 * radius, 2)
        if all(math.hypot(x - a, y - b) > 1.25 * (radius + r) for a, b, r, _ in craters):
            craters.append((x, y, radius, rng.uniform(*ratio)))
        if len(craters) == count:
            break
    for x, y, radius, deep in craters:
        rho = np.hypot(col - x, row - y) / radius
        depth, rim = 2.0 * radius * deep, 0.15 * 2.0 * radius * deep
        bowl = np.where(rho < 1.0, (depth + rim) * rho**2 - depth, rim * np.exp(-((rho - 1.0) / 0.25)))
        height = np.where(rho < 1.0, bowl + 0.4 * height, height + bowl)
    return MadeScene(shade(height, sun_az_deg, sun_el_deg, rng), np.array(craters))


def shade(height: F64, sun_az_deg: float, sun_el_deg: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the ground (same unit as a pixel's side) as a camera above sees it: Lambertian, with cast shadows and noise."""
    az, el = math.radians(sun_az_deg), math.radians(sun_el_deg)
    east, north = math.sin(az), math.cos(az)
    down, right = np.gradient(height)
    light = (math.sin(el) - math.cos(el) * (right * east - down * north)) / np.sqrt(1.0 + right**2 + down**2)
    row, col = np.mgrid[: height.shape[0], : height.shape[1]].astype(np.float32)
    lit = np.ones(height.shape, bool)
    for step in range(1, 50):
        x, y = (col + step * east).astype(np.float32), (row - step * north).astype(np.float32)
        there = cv2.remap(height.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        lit &= there < height + step * math.tan(el) + 0.05
    picture = 110.0 * np.maximum(np.where(lit, light / math.sin(el), 0.0), 0.03)
    return np.clip(picture + rng.normal(0.0, 2.0, height.shape), 0.0, 255.0).astype(np.uint8)
