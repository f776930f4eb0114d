"""Colour maps that every eye can order, and the scales that put values on them.

A map is a few anchor colours joined in the Oklab space (Ottosson 2020); its lightness only rises or only falls, in equal
steps, so it reads the same in grey and with any colour vision. One map belongs to one quantity.

>>> colour_table("light").shape
(256, 3)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import SiteError, did_you_mean

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

ANCHORS: Final[dict[str, tuple[str, ...]]] = {
    "terrain": ("#1d2333", "#33415c", "#5d6673", "#8f8a80", "#c2b59b", "#f4ecd8"),  # slate to sand: height
    "light": ("#0a0d24", "#2b2f6b", "#6a4c8c", "#c0676b", "#eda24f", "#fdf3bf"),  # night to day: share of sunlight
    "slope": ("#fbf6e3", "#f2cf7e", "#e0914f", "#b3504f", "#6c2a55", "#24123a"),  # pale is level, dark is steep
    "night": (
        "#f6f8ee",
        "#c3dbdb",
        "#86b4cb",
        "#5687b4",
        "#454f92",
        "#2f2160",
        "#150c28",
    ),  # pale is short, dark is long
    "earth": (
        "#0b1726",
        "#143f57",
        "#1f6e74",
        "#4d9c7a",
        "#9dc98b",
        "#f0f4c8",
    ),  # sea to shore: share of Earth in sight
    "rock": ("#faf6ee", "#e4d0b0", "#c49e73", "#956a4b", "#5f3e32", "#2a1a1c"),  # dust to stone: share of rocks
    "grey": ("#000000", "#ffffff"),
}
UNKNOWN: Final = (128, 128, 128)  # colour of cells without a value

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


class Scale(NamedTuple):
    """Where values stand on a colour bar: ``values`` rise, ``places`` rise from 0 to 1, linear in between."""

    values: tuple[float, ...]
    places: tuple[float, ...]

    @classmethod
    def even(cls, low: float, high: float) -> Scale:
        """Return the scale that is linear from ``low`` to ``high``."""
        return cls((low, high), (0.0, 1.0))

    def place(self, value: ArrayLike) -> Array:
        """Return the place 0..1 of values, any shape; what lies outside stands at the end, NaN stays NaN."""
        return np.interp(np.asarray(value, dtype=np.float64), self.values, self.places)


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
