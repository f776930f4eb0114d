"""The light that comes back from what a camera sees: slope, soil, cast shadow and the direction of view, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .kernel import kernel
from .perspective import Float32Grid, Pinhole, Seen, Window, height_at
from .photometry import brightness, even_light
from .soil_texture import grain

REPOSE2: Final = 0.5  # [-] squared slope of 35 deg: soil does not stand steeper, so steeper ground is bare rock
ROCK_BRIGHTER: Final = 0.2  # [-] fresh rock over soil darkened by space weathering


class Sun(NamedTuple):
    """Sunlight: grid azimuth and elevation [deg] of the Sun; the lit share is in the windows."""

    az_deg: float
    el_deg: float


class Lamp(NamedTuple):
    """A lamp that shines all around: its place [m], and the light at 1 m of it over that of the Sun."""

    x: float
    y: float
    z: float
    power: float = 0.05


class Picture(NamedTuple):
    """``radiance`` float32 [R, C] (1: ground lit and seen from straight above; 0: sky) and ``lit`` float32 [R, C] (0: in shadow)."""

    radiance: Float32Grid
    lit: Float32Grid


def shade_seen(windows: Sequence[Window], camera: Pinhole, seen: Seen, light: Sun | Lamp, seed: int) -> Picture:
    """Return the radiance of what ``seen`` says each pixel sees, on the same windows; ``seed`` is that of the soil's grain.

    Reflection by `photometry`, brightness and clods of the soil by `soil_texture`. Ground in shadow has the even light of
    `photometry.even_light`. The light of a lamp falls with the square of its distance; its shadows are in ``lit`` of the windows too.
    """
    shape = seen.window.shape
    radiance, lit = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    if isinstance(light, Sun):
        azimuth, elevation = math.radians(light.az_deg), math.radians(light.el_deg)
        source = (math.cos(elevation) * math.sin(azimuth), math.cos(elevation) * math.cos(azimuth), math.sin(elevation))
        power, floor = 0.0, even_light(light.el_deg)
    else:
        source = (light.x - camera.x, light.y - camera.y, light.z - camera.z)
        power, floor = light.power, even_light(0.0)
    for k, window in enumerate(windows):
        ref = window.ground.ref
        row, col = ref.rowcol(camera.x, camera.y)
        _shade(
            window.ground.elevation_m, window.lit, row, col, float(ref.cell_m), camera.x, camera.y, camera.z, float(camera.focal_px),
            *source, float(power), floor, seed & 0xFFFFFFFFFFFF, k, seen.offset_m, seen.window, radiance, lit,
        )  # fmt: skip
    return Picture(radiance, lit)


@kernel
def _slope(z: Float32Grid, row: float, col: float) -> tuple[float, float]:
    """Return the rise of z [R, C] per row and per column at (row, col): central differences over two cells, bilinear between them."""
    r, c = min(max(row, 1.0), z.shape[0] - 2.0), min(max(col, 1.0), z.shape[1] - 2.0)
    down = 0.5 * (height_at(z, r + 1.0, c) - height_at(z, r - 1.0, c))
    right = 0.5 * (height_at(z, r, c + 1.0) - height_at(z, r, c - 1.0))
    return down, right


@kernel
def _shade(
    z: Float32Grid, share: Float32Grid, row0: float, col0: float, cell_m: float,
    lens_x: float, lens_y: float, lens_z: float, focal_px: float,
    light_x: float, light_y: float, light_z: float, lamp_power: float, floor: float, seed: int, window: int,
    offset: Float32Grid, which: NDArray[np.int8], radiance: Float32Grid, lit: Float32Grid,
) -> None:  # fmt: skip
    """Fill radiance and lit [R, C] of the pixels that see this window.

    ``light``: direction of the Sun, or the lamp's place from the lens if ``lamp_power`` is above 0.
    """
    for i in range(which.shape[0]):
        for j in range(which.shape[1]):
            if which[i, j] != window:
                continue
            dx, dy, dz = float(offset[i, j, 0]), float(offset[i, j, 1]), float(offset[i, j, 2])
            away = math.sqrt(dx * dx + dy * dy + dz * dz)
            row = min(max(row0 - dy / cell_m, 0.0), z.shape[0] - 1.0)
            col = min(max(col0 + dx / cell_m, 0.0), z.shape[1] - 1.0)
            down, right = _slope(z, row, col)
            p, q = right / cell_m, -down / cell_m
            up = 1.0 / math.sqrt(1.0 + p * p + q * q)
            mu = (p * dx + q * dy - dz) * up / away
            pixel_m = away / focal_px / math.sqrt(max(mu, 0.05))  # side of a square as large as the ground of the pixel
            x, y = (
                lens_x + dx + 1.1 * (lens_z + dz),
                lens_y + dy + 0.7 * (lens_z + dz),
            )  # so that grain is not drawn out on steep faces
            albedo, tilt_x, tilt_y = grain(seed, x, y, pixel_m)
            rock = min(max((p * p + q * q - REPOSE2) / REPOSE2, 0.0), 1.0)
            albedo *= 1.0 + ROCK_BRIGHTER * rock
            p, q = p + (1.0 - 0.5 * rock) * tilt_x, q + (1.0 - 0.5 * rock) * tilt_y
            up = 1.0 / math.sqrt(1.0 + p * p + q * q)
            mu = max((p * dx + q * dy - dz) * up / away, 0.02)  # a clod that leans away is seen at its edge
            sx, sy, sz, power = light_x, light_y, light_z, 1.0
            if lamp_power > 0.0:
                sx, sy, sz = light_x - dx, light_y - dy, light_z - dz
                far = math.sqrt(sx * sx + sy * sy + sz * sz)
                sx, sy, sz, power = sx / far, sy / far, sz / far, lamp_power / (far * far)
            mu0 = (sz - p * sx - q * sy) * up
            cos_phase = -(sx * dx + sy * dy + sz * dz) / away
            light = height_at(share, row, col)
            lit[i, j] = light if mu0 > 0.0 else 0.0
            radiance[i, j] = albedo * (power * light * brightness(mu0, mu, cos_phase) + floor)
