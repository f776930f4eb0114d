"""Pictures of the ground: hillshade, colour maps for every eye, and what is drawn on top of them.

Colour maps are a few anchor colours joined in the Oklab space (Ottosson 2020); their lightness only rises or only falls, so
they read the same in grey and with any colour vision. Images are uint8 ``[R, C, 3]`` RGB, row 0 at the top (+y), and may be
any size: places are given in metres and put where they belong by the grid's georeference.

>>> colour_table("light").shape
(256, 3)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constants import MOON_RADIUS_M
from .errors import SiteError, did_you_mean
from .grid import GeoRef, HeightGrid

Image = NDArray[np.uint8]
Float32Grid = NDArray[np.float32]
Array = NDArray[np.float64]
Colour = tuple[int, int, int]

ANCHORS: Final[dict[str, tuple[str, ...]]] = {
    "terrain": ("#1d2333", "#33415c", "#5d6673", "#8f8a80", "#c2b59b", "#f4ecd8"),  # slate to sand: height
    "light": ("#0a0d24", "#2b2f6b", "#6a4c8c", "#c0676b", "#eda24f", "#fdf3bf"),  # night to day: share of sunlight
    "slope": ("#fbf6e3", "#f2cf7e", "#e0914f", "#b3504f", "#6c2a55", "#24123a"),  # pale is level, dark is steep
    "grey": ("#000000", "#ffffff"),
}
UNKNOWN: Final[Colour] = (128, 128, 128)  # colour of cells without a value

_OKLAB_LMS: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OKLAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def to_oklab(rgb: ArrayLike) -> Array:
    """Return Oklab (lightness 0..1, a, b) of sRGB colours 0..255, float64 [..., 3]."""
    value = np.asarray(rgb, dtype=np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _OKLAB_LMS.T) @ _OKLAB.T


def _from_oklab(lab: Array) -> Image:
    linear = np.clip((lab @ np.linalg.inv(_OKLAB).T) ** 3 @ np.linalg.inv(_OKLAB_LMS).T, 0.0, 1.0)
    value = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1.0 / 2.4) - 0.055)
    return np.round(value * 255.0).astype(np.uint8)


@lru_cache(maxsize=16)
def colour_table(name: str) -> Image:
    """Return the 256 colours of a colour map, uint8 [256, 3] RGB, read-only. Raises `SiteError` for an unknown name."""
    if name not in ANCHORS:
        raise SiteError(f"colour map {name!r}: unknown.{did_you_mean(name, ANCHORS)}")
    anchors = to_oklab([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in ANCHORS[name]])
    # Spread the anchors so that equal steps of value are equal steps of lightness.
    place = (anchors[:, 0] - anchors[0, 0]) / (anchors[-1, 0] - anchors[0, 0])
    at = np.linspace(0.0, 1.0, 256)
    table = _from_oklab(np.stack([np.interp(at, place, anchors[:, i]) for i in range(3)], axis=-1))
    table.flags.writeable = False
    return table


def paint(values: ArrayLike, name: str, low: float, high: float) -> Image:
    """Return an image of ``values`` [R, C], coloured from ``low`` to ``high``; what is not finite becomes grey."""
    array = np.asarray(values, dtype=np.float64)
    known = np.isfinite(array)
    span = high - low if high > low else 1.0
    index = np.clip((np.where(known, array, low) - low) / span * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
    image = colour_table(name)[index]
    image[~known] = UNKNOWN
    return image


def hillshade(
    grid: HeightGrid, sun_az_deg: float = 315.0, sun_el_deg: float = 35.0, exaggeration: float = 1.5
) -> Image:
    """Return shaded relief, uint8 [R, C]: three quarters from one side, the rest from above; no cast shadows."""
    z = grid.elevation_m
    if min(z.shape) < 2:
        return np.full(z.shape, 200, dtype=np.uint8)
    down, right = (np.asarray(d) * (exaggeration / grid.ref.cell_m) for d in np.gradient(z))
    azimuth, elevation = math.radians(sun_az_deg), math.radians(sun_el_deg)
    facing = math.sin(elevation) - math.cos(elevation) * (right * math.sin(azimuth) - down * math.cos(azimuth))
    upright = 1.0 / np.sqrt(1.0 + right * right + down * down)
    light = 0.8 * np.clip(facing * upright, 0.0, 1.0) + 0.4 * upright
    return np.clip(light * 255.0, 0.0, 255.0).astype(np.uint8)


def blend(image: Image, relief: Image, strength: float = 0.75) -> Image:
    """Return the image [R, C, 3] darkened and lightened by shaded relief [R, C]; strength 0 leaves it as it is."""
    factor = strength * (relief.astype(np.float32)[..., None] / 195.0 - 1.0)
    colour = image.astype(np.float32)
    mixed = np.where(factor < 0.0, colour * (1.0 + factor), colour + (255.0 - colour) * (0.4 * np.minimum(factor, 1.0)))
    return np.clip(mixed, 0.0, 255.0).astype(np.uint8)


def terrain_map(grid: HeightGrid) -> Image:
    """Return height in colour over shaded relief, from the lowest to the highest cell."""
    z = grid.elevation_m
    return blend(paint(z, "terrain", float(np.min(z)), float(np.max(z))), hillshade(grid))


def light_map(grid: HeightGrid, mean_lit: Float32Grid, high: float = 1.0) -> Image:
    """Return the mean share of sunlight (0..high) in colour over shaded relief."""
    return blend(paint(mean_lit, "light", 0.0, high), hillshade(grid), 0.6)


def slope_map(slope_deg: Float32Grid, high: float = 35.0) -> Image:
    """Return slope in colour, pale for level, dark for ``high`` degrees and more."""
    return paint(slope_deg, "slope", 0.0, high)


def png_bytes(image: Image) -> bytes:
    """Return an image, uint8 [R, C, 3] RGB or [R, C] grey, as the bytes of a PNG file. Raises `SiteError` for another."""
    if (
        image.dtype != np.uint8
        or image.ndim not in (2, 3)
        or (image.ndim == 3 and image.shape[2] != 3)
        or not image.size
    ):
        raise SiteError(
            f"image: {image.dtype} {image.shape}; allowed: uint8 [rows, cols] or [rows, cols, 3], not empty."
        )
    ok, data = cv2.imencode(".png", image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1]))
    if not ok:
        raise SiteError(f"image of shape {image.shape} cannot be written as PNG.")
    return data.tobytes()


def enlarge(image: Image, width: int) -> Image:
    """Return the image at another width [px], its shape kept: averaged when smaller, smooth when larger."""
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    how = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8)


def to_pixel(image: Image, ref: GeoRef, xy: ArrayLike) -> Array:
    """Return (column, row) pixel places of x, y [m], float64 [..., 2], on an image that shows all of ``ref``."""
    at = np.asarray(xy, dtype=np.float64)
    xmin, ymin, xmax, ymax = ref.bounds
    across = (at[..., 0] - xmin) / (xmax - xmin) * image.shape[1] - 0.5
    down = (ymax - at[..., 1]) / (ymax - ymin) * image.shape[0] - 0.5
    return np.stack([across, down], axis=-1)


def draw_path(image: Image, ref: GeoRef, xy: ArrayLike, colour: Colour, width_px: int = 2) -> None:
    """Draw a line through xy float64 [n, 2] [m], in place."""
    points = _fixed(to_pixel(image, ref, np.asarray(xy, dtype=np.float64).reshape(-1, 2)))
    cv2.polylines(image, [points.reshape(-1, 1, 2)], False, colour, width_px, cv2.LINE_AA, 4)


def draw_marker(
    image: Image,
    ref: GeoRef,
    xy: Sequence[float],
    colour: Colour,
    *,
    radius_px: int = 6,
    shape: str = "disc",
    label: str = "",
) -> None:
    """Draw a mark ("disc", "ring", "square", "triangle") with a dark rim, and a label to its right, in place."""
    centre = to_pixel(image, ref, xy)
    corners = {"square": 4, "triangle": 3}
    if shape in corners:
        n = corners[shape]
        turn = math.pi / 4.0 if n == 4 else -math.pi / 2.0
        angles = turn + 2.0 * math.pi * np.arange(n) / n
        points = _fixed(centre + 1.3 * radius_px * np.stack([np.cos(angles), np.sin(angles)], axis=-1)).reshape(
            -1, 1, 2
        )
        cv2.fillPoly(image, [points], colour, cv2.LINE_AA, 4)
        cv2.polylines(image, [points], True, (0, 0, 0), 1, cv2.LINE_AA, 4)
    elif shape in ("disc", "ring"):
        column, row = (int(v) for v in _fixed(centre))
        if shape == "disc":
            cv2.circle(image, (column, row), radius_px * 16, colour, -1, cv2.LINE_AA, 4)
            cv2.circle(image, (column, row), radius_px * 16, (0, 0, 0), 1, cv2.LINE_AA, 4)
        else:
            cv2.circle(image, (column, row), radius_px * 16, (0, 0, 0), 4, cv2.LINE_AA, 4)
            cv2.circle(image, (column, row), radius_px * 16, colour, 2, cv2.LINE_AA, 4)
    else:
        raise SiteError(f"marker shape {shape!r}: unknown.{did_you_mean(shape, ['disc', 'ring', *corners])}")
    if label:
        write(image, label, (float(centre[0]) + radius_px + 5, float(centre[1]) + 5))


def write(
    image: Image, text: str, at_px: tuple[float, float], *, size: float = 0.5, colour: Colour = (255, 255, 255)
) -> None:
    """Write text with a dark rim, its lower left corner at (column, row) pixels, in place. Plain ASCII only."""
    place = (round(at_px[0]), round(at_px[1]))
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def draw_scale_bar(image: Image, ref: GeoRef) -> None:
    """Draw a bar of a round length, about a fifth of the image, at its lower left, in place."""
    pixels_per_m = image.shape[1] / (ref.cols * ref.cell_m)
    target = 0.2 * ref.cols * ref.cell_m
    power = 10.0 ** math.floor(math.log10(target))
    length = max(m * power for m in (1.0, 2.0, 5.0) if m * power <= target)
    text = f"{length / 1000:g} km" if length >= 1000.0 else f"{length:g} m"
    left, base = 16, image.shape[0] - 16
    right = left + round(length * pixels_per_m)
    cv2.rectangle(image, (left - 2, base - 6), (right + 2, base + 2), (0, 0, 0), -1)
    cv2.rectangle(image, (left, base - 4), (right, base), (255, 255, 255), -1)
    write(image, text, (left, base - 12))


def draw_north_arrow(image: Image, ref: GeoRef) -> None:
    """Draw an arrow to north (away from the south pole) at the middle's longitude, at the upper right, in place."""
    x, y = ref.centre
    far = math.hypot(x, y)
    east, north = (x / far, y / far) if far > 0.0 else (0.0, 1.0)
    centre = np.array([image.shape[1] - 38.0, 38.0])
    along, across = np.array([east, -north]), np.array([north, east])
    tail = centre - 16.0 * along
    arrow = np.stack([centre + 20.0 * along, tail + 9.0 * across, centre - 9.0 * along, tail - 9.0 * across])
    points = _fixed(arrow).reshape(-1, 1, 2)
    cv2.fillPoly(image, [points], (255, 255, 255), cv2.LINE_AA, 4)
    cv2.polylines(image, [points], True, (0, 0, 0), 1, cv2.LINE_AA, 4)
    place = centre + 30.0 * along
    write(image, "N", (float(place[0]) - 5.0, float(place[1]) + 5.0))


def draw_latitudes(image: Image, ref: GeoRef, step_deg: float = 0.1) -> None:
    """Draw the circles of latitude that cross the image, every ``step_deg``, with their labels, in place."""
    xmin, ymin, xmax, ymax = ref.bounds
    corners = [math.hypot(x, y) for x in (xmin, xmax) for y in (ymin, ymax)]
    nearest = math.hypot(max(xmin, -xmax, 0.0), max(ymin, -ymax, 0.0))
    angles = np.linspace(0.0, 2.0 * math.pi, 3601)
    ring = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    scale = 2.0 * MOON_RADIUS_M
    low, high = (math.degrees(2.0 * math.atan(rho / scale)) / step_deg for rho in (nearest, max(corners)))
    for k in range(math.ceil(max(low, 1e-9)), math.floor(high) + 1):
        points = to_pixel(image, ref, scale * math.tan(math.radians(k * step_deg) / 2.0) * ring)
        inside = (points >= 0.0).all(axis=1) & (points[:, 0] < image.shape[1]) & (points[:, 1] < image.shape[0])
        if not inside.any():
            continue
        for run in np.split(np.arange(points.shape[0]), np.flatnonzero(np.diff(inside.astype(np.int8))) + 1):
            if inside[run[0]]:
                line = _fixed(points[run]).reshape(-1, 1, 2)
                cv2.polylines(image, [line], False, (0, 0, 0), 2, cv2.LINE_AA, 4)
                cv2.polylines(image, [line], False, (235, 235, 235), 1, cv2.LINE_AA, 4)
        middle = points[inside][inside.sum() // 2]
        write(image, f"{90.0 - k * step_deg:g} S", (float(middle[0]) + 4.0, float(middle[1]) - 4.0), size=0.4)


def _fixed(points: Array) -> NDArray[np.int32]:
    """Return pixel places in sixteenths, as OpenCV takes them with shift 4; far ones are clipped to what int32 holds."""
    return np.round(np.clip(points, -1e6, 1e6) * 16.0).astype(np.int32)
