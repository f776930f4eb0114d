"""Measured rates of the rendered eye: how often it sees a rock of a size in a light, and how often it sees one that is not.

The numbers stand in ``eye_rates.json``, written by ``python -m moonfleet.experiments.bench.eye_rates`` from rendered frames.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EyeRates:
    """Rates by light elevation [L] and rock diameter [D]; between the table's nodes they are interpolated."""

    light_el_deg: Floats  # [L] rising
    diameter_m: Floats  # [D] rising; smaller rocks are not reported
    p_seen: Floats  # [L, D]
    false_rate: Floats  # [L] false detections per square metre looked at
    false_diameter_m: Floats  # [n] sizes that false detections had
    place_sigma_m: float
    size_sigma: float  # standard deviation of the logarithm of the size
    confidence: float

    def seen(self, diameter_m: Floats, light_el_deg: float) -> Floats:
        """Probability that each rock is reported in one look, float64[n]."""
        rows = np.array([np.interp(diameter_m, self.diameter_m, row) for row in self.p_seen])
        return np.array([np.interp(light_el_deg, self.light_el_deg, column) for column in rows.T])

    def false_per_m2(self, light_el_deg: float) -> float:
        """Mean number of false detections per square metre looked at."""
        return float(np.interp(light_el_deg, self.light_el_deg, self.false_rate))


@lru_cache(maxsize=1)
def eye_rates() -> EyeRates:
    """Return the shipped rates."""
    stored = json.loads(Path(__file__).with_name("eye_rates.json").read_text())

    def table(name: str) -> Floats:
        return np.array(stored[name], dtype=np.float64)

    return EyeRates(
        light_el_deg=table("light_el_deg"),
        diameter_m=table("diameter_m"),
        p_seen=table("p_seen"),
        false_rate=table("false_rate"),
        false_diameter_m=table("false_diameter_m"),
        place_sigma_m=float(stored["place_sigma_m"]),
        size_sigma=float(stored["size_sigma"]),
        confidence=float(stored["confidence"]),
    )
