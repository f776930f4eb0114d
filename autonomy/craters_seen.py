"""Craters in one grey picture from above: ellipses with depth class and calibrated confidence, in a fraction of a second per megapixel.

A bowl under low light has a bright and a dark wall. A steerable dipole filter answers to that at many scales (`crater_pyramid`) and
also tells where the light comes from; boosted trees look twice at each answer (`crater_looks`) and say how likely a crater is there
and where exactly its rim lies. Depth over diameter is read from the walls' contrast and the length of the shadow in the bowl (shadow on
a paraboloid, after Pike 1974; contrast of slopes in a Lambertian picture).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .crater_looks import MODELS, Boxes, Scene, surest_apart, two_looks
from .crater_pyramid import F32, F64, Candidates, Level, bright_direction, candidates, patches, pyramid
from .errors import ImageError
from .verifier import DATA, Trees, load_trees

SIDE_MIN, SIDE_MAX = 32, 20_000  # [px]
PIXELS_MAX = 120_000_000  # larger pictures are read in tiles
SMALLEST_PX, LARGEST_PX = 6.8, 150.0  # [px] radii of the levels; the looks move them by up to two thirds
ANSWER_MIN = 0.3  # correlation of a candidate
OVERLAP_MAX = 0.3  # two craters' boxes overlap by at most this
SUN_SURE = 0.2  # share of votes from which the picture's own light direction is believed
DIRECTIONS = 8  # tried where it is not
WIDTH_ERROR = 0.09  # of a width, 1 sigma against what people draw
UNSURE = 0.5  # confidence is multiplied by this then: the trees learned from pictures whose light was known
TYPICAL = 100.0  # brightness of the ground after scaling
DEEP, SHALLOW = 0.13, 0.07  # depth over diameter of the classes' borders; fresh bowls 0.2, degraded 0.05-0.1
RATIO_MAX = 0.35  # no bowl is deeper
BOWL = 0.87  # radius of the bowl over half the width of the box that people draw around it (measured on made pictures)
SHADOW = 0.3  # brightness over the ground's below which it is shadow
CONTRAST_LEAST = 0.25  # of the steepest bowls in a picture: where even they are fainter, none is fresh
GLARE = 20.0 * TYPICAL  # brighter values are cut
SQUEEZE_MAX = 8.0
MEDIAN_OF = 100_000  # pixels, at least, whose median is taken
MODEL_FILE = DATA / "craters.json"
FRESH = 0.2  # depth over diameter of the steepest bowls where the light's elevation is unknown
CLASSES = ("shallow", "worn", "deep")


class Craters(NamedTuple):
    """Craters seen, surest first: ellipses with axes along columns and rows."""

    col: F64  # [px] centre; 0 is the middle of the first pixel
    row: F64
    half_width_px: F64  # semi-axis along columns
    half_height_px: F64  # and along rows; differs only where the pixels' sides do
    diameter_m: F64  # NaN where the pixel size is unknown
    depth_ratio: F64  # depth over diameter, a rough estimate
    depth_class: NDArray[np.int64]  # index into `CLASSES`: 0 shallow or degraded, 1 worn, 2 deep or fresh
    confidence: F64  # chance that a person would have drawn this crater (overlap of boxes at least a half)
    sun_az_deg: float  # light used: clockwise from the picture's top; NaN where all directions were tried
    sun_seen_deg: float  # light that the picture itself shows, NaN if none
    sun_sure: float  # how clearly it does, 0..1

    @property
    def boxes(self) -> F64:
        """Corner and size x, y, w, h [px], float64 [n, 4]; x, y count from the outer corner of the first pixel."""
        x, y = self.col + 0.5 - self.half_width_px, self.row + 0.5 - self.half_height_px
        return np.column_stack([x, y, 2.0 * self.half_width_px, 2.0 * self.half_height_px])


def detect_craters(
    image: NDArray[np.generic],
    sun_az_deg: float | None = None,
    sun_el_deg: float | None = None,
    gsd_m: float | tuple[float, float] | None = None,
    *,
    min_width_px: float = 16.0,
    min_confidence: float = 0.3,
) -> Craters:
    """Find craters in a picture taken from above.

    Parameters
    ----------
    image : [R, C] of any integer or float type, one grey channel; values that are not finite show nothing.
    sun_az_deg : where the light comes from, clockwise from the picture's top [deg]; None reads it from the picture.
    sun_el_deg : its height above the ground, above 0 to 90 [deg]; None takes the steepest bowls as fresh.
    gsd_m : size of a pixel [m], or of its width and height; None if unknown (pixels are then square).
    min_width_px, min_confidence : what is worth reporting; widths from 12 px. A width is uncertain by a tenth: a crater that may well
        be as wide as ``min_width_px`` is reported as that wide, on the side of caution.

    Returns
    -------
    Craters, surest first.

    Raises
    ------
    ImageError : wrong shape, type, size, light or pixel size, or no value that is finite.
    ModelError : the shipped model is damaged.
    """
    width_m, height_m = _check(image, sun_az_deg, sun_el_deg, gsd_m)
    grey, known = _grey(image)
    squeeze = height_m / width_m
    if squeeze != 1.0:
        grey = _with_square_pixels(grey, squeeze)
    levels = pyramid(grey, SMALLEST_PX, LARGEST_PX)
    seen, sure = bright_direction(levels)
    if sun_az_deg is not None:
        brights, trust = [math.radians(sun_az_deg + 90.0)], 1.0
    elif sure >= SUN_SURE:
        brights, trust = [seen], 1.0
    else:
        brights, trust = [2.0 * math.pi * k / DIRECTIONS for k in range(DIRECTIONS)], UNSURE
    boxes, contrast, shadow = _in_any_light(levels, brights, grey)
    depth = _depth_ratio(contrast, shadow, boxes.chance, sun_el_deg)
    row = (boxes.row + 0.5) / squeeze - 0.5
    boxes = boxes._replace(radius=at_least(boxes.radius, 0.5 * min_width_px))
    keep = (
        (2.0 * boxes.radius >= min_width_px) & (boxes.chance * trust >= min_confidence) & _shown(boxes.col, row, known)
    )
    boxes, row, depth = boxes.take(keep), row[keep], depth[keep]
    return Craters(
        boxes.col,
        row,
        boxes.radius,
        boxes.radius / squeeze,
        2.0 * boxes.radius * width_m if gsd_m is not None else np.full(len(depth), math.nan),
        depth,
        np.digitize(depth, (SHALLOW, DEEP)).astype(np.int64),
        boxes.chance * trust,
        (math.degrees(brights[0]) - 90.0) % 360.0 if len(brights) == 1 else math.nan,
        (math.degrees(seen) - 90.0) % 360.0 if sure > 0.0 else math.nan,
        sure,
    )


def light_direction(image: NDArray[np.generic]) -> tuple[float, float]:
    """Return where the light comes from as the picture itself shows it, and how clearly.

    Parameters
    ----------
    image : as in `detect_craters`.

    Returns
    -------
    Azimuth clockwise from the picture's top [deg], NaN if it shows none; 0..1, from `SUN_SURE` on to be believed.

    Raises
    ------
    ImageError : wrong shape, type or size, or no value that is finite.
    """
    _check(image, None, None, None)
    seen, sure = bright_direction(pyramid(_grey(image)[0], SMALLEST_PX, LARGEST_PX))
    return ((math.degrees(seen) - 90.0) % 360.0 if sure > 0.0 else math.nan), sure


def ready(image: NDArray[np.generic]) -> tuple[Scene, Candidates]:
    """Return a picture's scene and candidates in the light that it shows itself: what the looks are trained on."""
    grey, _ = _grey(image)
    levels = pyramid(grey, SMALLEST_PX, LARGEST_PX)
    bright, _ = bright_direction(levels)
    return Scene(levels, bright, TYPICAL, (grey.shape[0], grey.shape[1])), candidates(levels, bright, ANSWER_MIN)


@lru_cache(maxsize=1)
def crater_models() -> dict[str, Trees]:
    """Return the shipped models, read once (errors as `verifier.load_trees`)."""
    return load_trees(MODEL_FILE, MODELS)


def _check(
    image: NDArray[np.generic], az: float | None, el: float | None, gsd_m: float | tuple[float, float] | None
) -> tuple[float, float]:
    """Check the arguments; returns the pixel's width and height (1, 1 if unknown)."""
    if image.ndim != 2 or image.dtype.kind not in "uif":
        raise ImageError(f"image: {image.dtype} {image.shape}; must be numbers [rows, cols], one grey channel.")
    if min(image.shape) < SIDE_MIN or max(image.shape) > SIDE_MAX or image.size > PIXELS_MAX:
        raise ImageError(f"image: {image.shape}; sides must be {SIDE_MIN}..{SIDE_MAX} px, {PIXELS_MAX} px in all.")
    if az is not None and not math.isfinite(az):
        raise ImageError(f"sun_az_deg: {az}; must be finite, or None.")
    if el is not None and not 0.0 < el <= 90.0:
        raise ImageError(f"sun_el_deg: {el}; must be above 0 to 90, or None.")
    sides = gsd_m if isinstance(gsd_m, tuple) else (1.0, 1.0) if gsd_m is None else (gsd_m, gsd_m)
    if len(sides) != 2 or not all(math.isfinite(side) and side > 0.0 for side in sides):
        raise ImageError(f"gsd_m: {gsd_m}; must be above 0 m: one number, or width and height.")
    if not 1.0 / SQUEEZE_MAX <= sides[1] / sides[0] <= SQUEEZE_MAX:
        raise ImageError(f"gsd_m: {gsd_m}; width and height may differ by a factor of {SQUEEZE_MAX:g} at most.")
    return sides


def _grey(image: NDArray[np.generic]) -> tuple[F32, NDArray[np.bool_]]:
    """Return the picture scaled to a median of `TYPICAL`, unknown pixels filled with that, and which pixels are known."""
    known = np.isfinite(image) if image.dtype.kind == "f" else np.ones(image.shape, bool)
    every = max(math.isqrt(image.size // MEDIAN_OF), 1)  # the median of a part is as good, and sooner there
    part = image[::every, ::every][known[::every, ::every]].astype(np.float64)
    if not known.any():
        raise ImageError("image: no value is finite.")
    if not part.size:  # all that is known lies between
        part = image[known][:: every * every].astype(np.float64)
    lit = part[part > 0.0]
    middle = float(np.median(lit)) if lit.size else 1.0
    scale = TYPICAL / max(middle, 1e-300)
    if image.dtype.kind == "f":
        brightest = min(GLARE / scale, float(np.finfo(image.dtype.str).max))
        image = np.where(known, np.clip(image, 0.0, brightest), middle)
    return np.clip(image.astype(np.float64) * scale, 0.0, GLARE).astype(np.float32), known


def _with_square_pixels(grey: F32, squeeze: float) -> F32:
    """Return the picture with rows resampled to square pixels; ``squeeze`` is a pixel's height over its width."""
    import cv2

    rows, cols = round(grey.shape[0] * squeeze), grey.shape[1]
    if rows < SIDE_MIN or rows * cols > PIXELS_MAX:
        raise ImageError(f"gsd_m: pixels {squeeze:g} times as high as wide make a square-pixel picture of {rows} rows.")
    way = cv2.INTER_AREA if squeeze < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (cols, rows), interpolation=way), dtype=np.float32)


def _in_any_light(levels: list[Level], brights: list[float], grey: F32) -> tuple[Boxes, F64, F64]:
    """Return the craters seen in any of these lights (the surest of those that overlap), their contrast and shadow."""
    shape = (grey.shape[0], grey.shape[1])
    parts: list[Boxes] = []
    walls: list[F64] = []
    for bright in brights:
        scene = Scene(levels, bright, TYPICAL, shape)
        part = two_looks(crater_models(), scene, candidates(levels, bright, ANSWER_MIN), OVERLAP_MAX)
        parts.append(part)
        walls.append(_walls(scene, part))
    boxes = Boxes(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    wall = np.concatenate(walls)
    order = surest_apart(boxes, OVERLAP_MAX) if len(parts) > 1 else np.arange(len(wall))
    return boxes.take(order), wall[order, 0], wall[order, 1]


def _walls(scene: Scene, boxes: Boxes) -> F64:
    """Return how the bowls are lit, float64 [n, 2].

    Columns: brightness of the bright half less that of the dark half, over the ground's around it; share of the diameter along the light
    that lies in shadow.
    """
    side, span = 21, 1.7
    bowl = BOWL * boxes.radius
    patch = patches(scene.levels, boxes.col, boxes.row, bowl, scene.bright, side, span)
    row, col = np.mgrid[-span : span : side * 1j, -span : span : side * 1j]
    rho = np.hypot(row, col)
    ground = np.maximum(np.median(patch[:, rho > 1.3], axis=1), 0.2 * TYPICAL).astype(np.float64)
    bright, dark = (patch[:, (rho < 0.95) & half].mean(axis=1) for half in (col > 0.05, col < -0.05))
    across = patch[:, side // 2 - 1 : side // 2 + 2].mean(axis=1)[:, np.abs(col[0]) < 1.0]
    shadow = (across < SHADOW * ground[:, None]).mean(axis=1)
    return np.column_stack([(bright - dark) / ground, shadow]).astype(np.float64)


def _depth_ratio(contrast: F64, shadow: F64, chance: F64, el: float | None) -> F64:
    """Return depth over diameter of paraboloid bowls, float64 [n].

    Slopes: a Lambertian slope s facing the light is brighter by s / tan(el); the mean slope along the light over half a bowl is
    16 / (3 pi) depth / diameter, so the halves differ by 32 / (3 pi) of it over tan(el). Shadow: the rim's shadow ends at
    the share 1 - tan(el) / (4 depth / diameter) of the diameter. The deeper answer counts, where there is shadow at all.
    """
    if el is None:
        if not len(contrast):
            return contrast
        sure = contrast[chance >= min(0.5, float(chance.max()))]
        steepest = max(float(np.quantile(sure, 0.95)), CONTRAST_LEAST)
        return np.clip(contrast * (FRESH / steepest), 0.0, RATIO_MAX)
    tan = math.tan(math.radians(el))
    by_slope = contrast * tan * (3.0 * math.pi / 32.0)
    by_slope *= np.sqrt(1.0 + 8.0 * by_slope**2)  # steep walls are longer than their shadow on the plane
    by_shadow = np.where(shadow > 0.1, tan / (4.0 * np.maximum(1.0 - shadow, 0.05)), 0.0)
    return np.clip(np.maximum(by_slope, by_shadow), 0.0, RATIO_MAX)


def at_least(radius: F64, least: float) -> F64:
    """Return the radii float64 [n], those short of ``least`` by no more than their error raised to it."""
    return np.where((radius < least) & (radius >= (1.0 - WIDTH_ERROR) * least), least, radius)


def _shown(col: F64, row: F64, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which centres lie in the picture, on a known pixel."""
    i, j = np.rint(row).astype(np.int64), np.rint(col).astype(np.int64)
    inside = (i >= 0) & (i < known.shape[0]) & (j >= 0) & (j < known.shape[1])
    return inside & known[np.clip(i, 0, known.shape[0] - 1), np.clip(j, 0, known.shape[1] - 1)]
