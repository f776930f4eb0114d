"""Rocks in a bird's-eye picture: stub."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Detections(NamedTuple):
    """Rocks seen: centres [m], diameters [m], confidence 0..1; each float64 [n]."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    diameter_m: NDArray[np.float64]
    confidence: NDArray[np.float64]
