"""Layers of `Traversability` as pictures."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.colours import Image, paint
from moonfleet.terrain.errors import did_you_mean

from .errors import CostError
from .traversability import Reason, Traversability

COLOURS: Final[dict[str, str]] = {  # colour map of each layer
    "time_s_m": "slope",
    "energy_j_m": "slope",
    "risk_per_m": "slope",
    "tilt_deg": "rock",
    "slip": "slope",
    "detour": "rock",
    "hazards_per_m": "rock",
    "tip_per_m": "slope",
}
REASONS: Final[dict[Reason, tuple[int, int, int]]] = {  # told apart by lightness as well as by hue
    Reason.PASSABLE: (246, 244, 236),
    Reason.NO_DATA: (128, 128, 128),
    Reason.TIP_OVER: (24, 16, 40),
    Reason.SLOPE: (178, 92, 70),
    Reason.SLIP: (228, 164, 84),
    Reason.CLEARANCE: (70, 116, 158),
    Reason.ROCKS: (92, 62, 48),
}
PERCENTILES: Final = (1.0, 99.0)  # of the values, at the ends of the colours


class LayerPicture(NamedTuple):
    """A layer in colour: uint8 [R, C, 3] RGB, and the values at the two ends of the colours (0 and 0 for reasons)."""

    image: Image
    low: float
    high: float


def layer_picture(layers: Traversability, name: str, shut: bool = True) -> LayerPicture:
    """Return one layer in colour; pale is easy, dark is hard, grey is without a value.

    ``shut`` paints impassable cells in the colour of their `Reason` (always so where the layer itself is infinite).
    Raises `CostError` for a layer that there is not.
    """
    if name not in Traversability._fields:
        raise CostError(f"layer {name!r}: unknown.{did_you_mean(name, Traversability._fields)}")
    palette = np.array([REASONS[reason] for reason in Reason], dtype=np.uint8)
    if name == "reason":
        return LayerPicture(palette[layers.reason], 0.0, 0.0)
    values = np.asarray(getattr(layers, name), dtype=np.float64)
    low, high = _ends(values)
    image = paint(values, COLOURS[name], low, high)
    covered = (layers.reason != Reason.PASSABLE) & (shut | np.isinf(values))
    image[covered] = palette[layers.reason[covered]]
    return LayerPicture(image, low, high)


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 0.0
    low, high = np.percentile(finite, PERCENTILES)
    return float(low), float(high)
