"""The coarse choice: which ground to fly to, from one picture taken 2 km up and the map the lander left home with.

Bad ground is what lies in shadow (nothing is known of it, and it is cold), what is textured at the scale of a pixel more than
the rest of the picture (rocks and their shadows), what lies in craters that the detector sees, and what the map shows as steep. The
cost of a place is the mean badness of all ground that the fine divert can still reach from there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef, HeightGrid

from .craters_seen import detect_craters
from .errors import LandingError
from .lander_limits import LanderLimits

SHADOW = 0.35  # of the brightness of ground in the light: darker is shadow
LIT = 0.1  # of the bright end of a picture: darker is surely not in the light
CRATER_SURE = 0.4  # confidence of a crater that is kept out of
CRATER_BAD, SHADOW_BAD, TEXTURE_BAD, STEEP_BAD = 0.5, 1.0, 0.5, 1.0  # badness of each, set by hand
STEEP_FROM = 0.5  # share of the slope limit from which ground is counted as steep
SMALLEST_PX = 32  # [px] side of the smallest picture
TEXTURE_SIGMA_PX = 1.5

F32 = NDArray[np.float32]
Floats = NDArray[np.float64]


def badness(
    image: NDArray[np.uint8], ref: GeoRef, sun: tuple[float, float], chart: HeightGrid, limits: LanderLimits
) -> F32:
    """Return how bad each pixel of a picture is to land on, float32 [R, C] >= 0.

    ``image`` uint8 [R, C] lies at ``ref`` of the lander's map; ``sun``: grid azimuth and elevation [deg]; ``chart``: the map it left
    home with. Raises `LandingError` for a picture that is too small or not of the shape of ``ref``; `ImageError` as the crater
    detector does.
    """
    import cv2

    if image.shape != ref.shape or min(image.shape) < SMALLEST_PX:
        raise LandingError(
            f"picture {image.shape} at {ref.shape}: must be of one shape, >= {SMALLEST_PX} pixels on a side"
        )
    grey = image.astype(np.float32)
    dark = grey <= SHADOW * lit_level(grey)
    mean = cv2.GaussianBlur(grey, (0, 0), TEXTURE_SIGMA_PX)
    texture = (
        cv2.GaussianBlur((grey - mean) ** 2, (0, 0), 2.0 * TEXTURE_SIGMA_PX) / np.maximum(mean, np.float32(1.0)) ** 2
    )
    usual = max(float(np.median(texture)), 1e-9)
    bad = SHADOW_BAD * dark + TEXTURE_BAD * np.clip(texture / (4.0 * usual), 0.0, 1.0)
    seen = detect_craters(image, *sun, ref.cell_m, min_confidence=CRATER_SURE)
    holes = np.zeros(image.shape, dtype=np.uint8)
    for col, row, wide, high in zip(seen.col, seen.row, seen.half_width_px, seen.half_height_px, strict=True):
        cv2.ellipse(holes, (round(col), round(row)), (round(wide), round(high)), 0.0, 0.0, 360.0, 1, -1)
    steep = chart.slope_deg()
    rows, cols = np.meshgrid(np.arange(ref.rows), np.arange(ref.cols), indexing="ij")
    row, col = chart.ref.rowcol(*ref.xy(rows, cols))
    inside = (
        np.clip(np.rint(row).astype(int), 0, chart.ref.rows - 1),
        np.clip(np.rint(col).astype(int), 0, chart.ref.cols - 1),
    )
    over = np.clip(steep[inside] / limits.max_slope_deg - STEEP_FROM, 0.0, 1.0) / (1.0 - STEEP_FROM)
    return (bad + CRATER_BAD * holes + STEEP_BAD * over).astype(np.float32)


def lit_level(grey: F32) -> float:
    """Return the brightness of ground in the light [grey levels]: the median, of the lit part alone where most lies in shadow."""
    level, least = float(np.median(grey)), LIT * float(np.quantile(grey, 0.99))
    return level if level > least or not (grey > least).any() else float(np.median(grey[grey > least]))


def coarse_cost(bad: F32, cell_m: float, radius_m: float) -> Floats:
    """Return the mean badness within ``radius_m`` of each pixel, inf where that is not all in the picture; float64 [R, C].

    Raises `LandingError` for a pixel or radius that is not above 0.
    """
    import cv2

    if not (0.0 < cell_m < math.inf and 0.0 < radius_m < math.inf):
        raise LandingError(f"coarse cost: cell_m = {cell_m!r}, radius_m = {radius_m!r}: must be > 0 m")
    reach = math.ceil(radius_m / cell_m)
    rows, cols = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = (rows * rows + cols * cols <= (radius_m / cell_m) ** 2).astype(np.float32)
    cost = cv2.filter2D(bad, cv2.CV_32F, disc / disc.sum()).astype(np.float64)
    cost[:reach], cost[-reach:], cost[:, :reach], cost[:, -reach:] = np.inf, np.inf, np.inf, np.inf
    return cost
