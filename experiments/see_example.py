"""A picture to try ``moonfleet see`` on: seeded ground with craters and rocks, rendered under a low Sun as a camera above sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.render import shade
from moonfleet.terrain.seeds import stream

from .errors import OptionError
from .see import MID_GREY

SEED: Final = 4
SUN_AZ_DEG, SUN_EL_DEG = 60.0, 10.0
GSD_M: Final = 0.1
SIDE_M: Final = 90.0
COVER: Final = 0.02  # share of the ground covered by rocks
READ_NOISE, SHOT_NOISE = 2.0, 0.12  # grey levels; grey levels squared per level


def example_ground(seed: int = SEED) -> LocalGround:
    """Return gently rolling ground, made from a seed alone."""
    ref = GeoRef.centred(0.0, 0.0, 600.0, 20.0)
    heights = 0.35 * stream(seed, "example picture").standard_normal(ref.shape)
    return LocalGround(HeightGrid(heights.astype(np.float32), ref), np.full(ref.shape, COVER, np.float32), seed)


def example_picture(
    seed: int = SEED, side_m: float = SIDE_M, *, sun_az_deg: float = SUN_AZ_DEG, sun_el_deg: float = SUN_EL_DEG
) -> NDArray[np.uint8]:
    """Return the picture, uint8 [n, n]: lit ground at mid grey, shot and read noise."""
    patch = example_ground(seed).patch(0.0, 0.0, 0.5 * side_m, GSD_M)
    radiance = shade(patch.elevation_m, GSD_M, sun_az_deg, sun_el_deg)
    grey = radiance * (MID_GREY / float(np.median(radiance[radiance > 1e-6])))
    noise = np.sqrt(READ_NOISE**2 + SHOT_NOISE * grey) * stream(seed, "example camera").standard_normal(grey.shape)
    return np.clip(grey + noise + 0.5, 0.0, 255.0).astype(np.uint8)


def write_example(path: Path) -> None:
    """Write the picture as PNG; raises OptionError where the file cannot be written."""
    data = cv2.imencode(".png", example_picture())[1]
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise OptionError(f"--out: {path} cannot be written: {error.strerror}") from error
