"""Small hazard maps for tests: an eye of one rate, even rock cover, looks at rectangles."""

from __future__ import annotations

import numpy as np

from moonfleet.autonomy.belief import Belief, Doubts
from moonfleet.autonomy.eyesight import Look, View, eyesight_of
from moonfleet.autonomy.hazard_map import HazardMap
from moonfleet.autonomy.rocks_seen import Detections
from moonfleet.terrain.grid import GeoRef

STEP_M = 0.2
NONE = Detections(*(np.empty(0) for _ in Detections._fields))


def rock(x: float, y: float, height_m: float, diameter_m: float, confidence: float = 0.95) -> Detections:
    """One rock as an eye tells of it."""
    half = diameter_m / 2
    return Detections(*(np.array([v]) for v in (x, y, diameter_m, confidence, height_m, half, half, 0.0)))


def hazard_map(p_miss: float = 0.1, cover: float = 0.04, again: float = 0.5, drift: float = 0.01) -> HazardMap:
    """A map of ground of even rock cover, 200 m wide."""
    sight = eyesight_of(
        {
            "light_el_deg": [5.0], "range_m": [5.0], "height_m": [0.2], "p_seen": [[[1.0 - p_miss]]],
            "false_per_m2": [[0.0]], "place_sigma_m": [0.1], "size_sigma": 0.0, "confidence": 0.9, "again": again,
        }
    )  # fmt: skip
    belief = Belief(0.5, 0.0, 0.3, Doubts(step_m=STEP_M, height_sigma=0.25, place_sigma_m=0.1, drift=drift))
    ref = GeoRef.centred(0.0, 0.0, 200.0, 20.0)
    return HazardMap(belief, sight, ref, np.full(ref.shape, cover, np.float32))


def look_at(x: float, y: float, wide_m: float, rocks: Detections = NONE) -> Look:
    """A look that shows a square of ground."""
    ref = GeoRef.centred(x, y, wide_m, 0.25)
    return Look(rocks, (View(ref, np.ones(ref.shape, dtype=np.bool_), 5.0),))
