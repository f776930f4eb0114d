"""Rocks in a bird's-eye picture, found by what low light does to them: a bright face, then a shadow, along the light's azimuth.

The picture is turned so that its light comes from the top (`rock_frame`), places where darkness begins behind a bright face are
measured (`rock_looks`), and boosted trees look twice at each (`rock_judge`): how sure a rock is there, its place and size, and its height,
a correction of what the shadow's length gives on ground that slopes as its brightness says.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import ImageError
from .rock_frame import turned
from .rock_judge import MODELS, two_looks
from .verifier import DATA, Trees, load_trees

SIDE_MIN, SIDE_MAX = 8, 20_000  # [px]
PIXELS_MAX = 30_000_000  # larger pictures are to be cut into tiles
MODEL_FILE = DATA / "rocks.json"


class Detections(NamedTuple):
    """Rocks seen; each float64 [n]."""

    x: NDArray[np.float64]  # [m] centre
    y: NDArray[np.float64]  # [m]
    diameter_m: NDArray[np.float64]  # of the circle of the ellipse's area
    confidence: NDArray[np.float64]  # chance that it is a rock, 0..1
    height_m: NDArray[np.float64]  # above the ground around it
    semi_major_m: NDArray[np.float64]  # of the ellipse that the rock covers
    semi_minor_m: NDArray[np.float64]
    axis_deg: NDArray[np.float64]  # grid azimuth of the major axis, 0..180

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Detections:
        """Return some of them."""
        return Detections(*(part[which] for part in self))


def round_rocks(
    x: NDArray[np.float64], y: NDArray[np.float64], diameter_m: NDArray[np.float64], confidence: NDArray[np.float64]
) -> Detections:
    """Return detections of which only place and size are known: circles, half as high as wide (Demidov & Basilevsky 2014)."""
    half = 0.5 * diameter_m
    return Detections(x, y, diameter_m, confidence, half, half, half, np.zeros_like(half))


def detect_rocks(
    image: NDArray[np.uint8],
    cell_m: float,
    sun_az_deg: float,
    sun_el_deg: float,
    valid: NDArray[np.bool_] | None = None,
    *,
    ground_m: NDArray[np.float32] | None = None,
    centre_xy: tuple[float, float] = (0.0, 0.0),
    min_diameter_m: float = 0.2,
    min_confidence: float = 0.3,
) -> Detections:
    """Find rocks in a bird's-eye picture.

    Parameters
    ----------
    image : uint8 [R, C], row 0 at the top (+y).
    cell_m : ground size of a pixel [m]; the trees know 0.05-0.2 m, other pictures are read as if of the nearest of these.
    sun_az_deg, sun_el_deg : where the light comes from: grid azimuth (clockwise from +y) and elevation [deg], 0..90; the Sun or a lamp.
    valid : bool [R, C], False where the picture shows nothing; None for all.
    ground_m : float32 [R, C], the ground's height at each pixel [m] as a map of cells much coarser than rocks knows it, smooth; None
        if there is no map. It tells how the ground slopes along the light, which the picture cannot, so heights are better with it.
    centre_xy : place of the picture's middle in the frame [m].
    min_diameter_m, min_confidence : what is worth reporting.

    Returns
    -------
    Detections, sorted by row, then column. Shadow without a lit face is no rock. The ellipse's axes lie along and across the
    light, the only two directions in which a single picture in low light measures a rock. On ground with craters but hardly any
    rock the confidence is too high.

    Raises
    ------
    ImageError : wrong shape, type, size, pixel size or light; a map that is not finite.
    ModelError : the shipped model is damaged.
    """
    _check(image, cell_m, sun_az_deg, sun_el_deg, valid, ground_m)
    frame = turned(image, cell_m, sun_az_deg, sun_el_deg, valid, ground_m)
    rocks = two_looks(models(), frame)
    spots = rocks.places
    picture = np.column_stack([spots.col, spots.row, np.ones(len(spots.row))]) @ frame.to_picture.T
    rows, cols = image.shape
    i, j = np.rint(picture[:, 1]).astype(np.int64), np.rint(picture[:, 0]).astype(np.int64)
    shown = (i >= 0) & (i < rows) & (j >= 0) & (j < cols)
    if valid is not None:
        shown &= valid[np.clip(i, 0, rows - 1), np.clip(j, 0, cols - 1)]
    diameter = 2.0 * spots.radius * frame.cell_m
    keep = np.flatnonzero(shown & (diameter >= min_diameter_m) & (spots.chance >= min_confidence))
    x = centre_xy[0] + (picture[keep, 0] - 0.5 * (cols - 1)) * cell_m
    y = centre_xy[1] - (picture[keep, 1] - 0.5 * (rows - 1)) * cell_m
    order = np.lexsort((x, -y))
    keep = keep[order]
    stretch = np.sqrt(rocks.along[keep])  # half axis along the light over that of the circle
    along, across = 0.5 * diameter[keep] * stretch, 0.5 * diameter[keep] / stretch
    axis = np.where(along >= across, sun_az_deg, sun_az_deg + 90.0) % 180.0
    height = rocks.height[keep] * frame.cell_m
    return Detections(
        x[order],
        y[order],
        diameter[keep],
        spots.chance[keep],
        height,
        np.maximum(along, across),
        np.minimum(along, across),
        axis,
    )


@lru_cache(maxsize=1)
def models() -> dict[str, Trees]:
    """Return the shipped trees, read once."""
    return load_trees(MODEL_FILE, MODELS)


def _check(
    image: NDArray[np.uint8],
    cell_m: float,
    az: float,
    el: float,
    valid: NDArray[np.bool_] | None,
    ground_m: NDArray[np.float32] | None,
) -> None:
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ImageError(f"image: {image.dtype} {image.shape}; must be uint8 [rows, cols], one grey channel.")
    if min(image.shape) < SIDE_MIN or max(image.shape) > SIDE_MAX or image.size > PIXELS_MAX:
        raise ImageError(f"image: {image.shape}; sides must be {SIDE_MIN}..{SIDE_MAX} px, at most {PIXELS_MAX} pixels.")
    if not (math.isfinite(cell_m) and cell_m > 0.0):
        raise ImageError(f"cell_m: {cell_m}; must be above 0 m.")
    if not (math.isfinite(az) and math.isfinite(el) and 0.0 <= el <= 90.0):
        raise ImageError(
            f"light: azimuth {az}, elevation {el} deg; must be finite, elevation 0..90 (a lamp counts as light)."
        )
    if valid is not None and valid.shape != image.shape:
        raise ImageError(f"valid: {valid.shape}; must be like the image, {image.shape}.")
    if ground_m is not None:
        if ground_m.shape != image.shape or ground_m.dtype != np.float32:
            raise ImageError(
                f"ground_m: {ground_m.dtype} {ground_m.shape}; must be float32, like the image, {image.shape}."
            )
        if not np.isfinite(ground_m).all():
            raise ImageError("ground_m: not finite in places; must be a height [m] at each pixel (or None: no map).")
