"""The chance that a footprint is unsafe, from what the sensed heights show of it: a small learned law in a plain JSON file.

Noise has two effects on the largest height above a plane: it blurs it, and it lifts it, because the largest of many noisy cells is an
unlucky one. So heights are first averaged over 3 x 3 cells (weighted by what is known of each), which a rock of a few cells survives; what
bias is left, the law has learned. It is a logistic of one hidden layer of rectified units, and was trained on seeded ground seen by
the lidar (``tests/autonomy/train_footprint.py``), over a range of footprints, limits, cells and noise: its inputs are the dimensionless
`FEATURES`. Trained by likelihood on cells drawn at random, its answers are shares that were counted, not scores.

The file: ``{"format": "moonfleet-law", "version": 1, "features": [...], "hidden": [[w ..., bias], ...], "out": [w ..., bias],
"notes": {...}}``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .errors import ModelError
from .verifier import DATA, read_model_file

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

LAW_FILE = DATA / "footprint.json"
FORMAT, VERSION = "moonfleet-law", 1
WEIGHT_MAX = 1e6
FEATURES = ("slope", "rise", "rms", "unknown", "noise", "cell", "cells")
VARYING = 4  # the first so many differ from cell to cell; the others are of the whole patch
SLOPE_UNIT_DEG = 2.0  # [deg]
RISE_UNIT = 1.0 / 3.0  # of the rock limit
RMS_UNITS = 5.0
FAR = 4.0  # features are cut off here: beyond, all is clear
BRIDGED_WEIGHT = 0.3  # of a bridged cell against a measured one
KNOWN_MIN = 3  # of nine cells


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """Weights of the law: ``1 / (1 + exp(-(out . max(hidden . features, 0))))``, a one appended to both inputs."""

    hidden: F64  # [units, features + 1]
    out: F64  # [units + 1]

    def chance(self, slope: F32, rise: F32, rms: F32, unknown: F32, patch: tuple[float, float, float]) -> F32:
        """Return the chance for each cell, float32 [R, C].

        Parameters
        ----------
        slope, rise, rms, unknown : the features that differ between cells, float32 [R, C], finite (`cell_features`).
        patch : those of the whole patch (`patch_features`).
        """
        hidden = self.hidden[:, :VARYING].astype(np.float32)
        bias = (self.hidden[:, VARYING:-1] @ np.array(patch) + self.hidden[:, -1]).astype(np.float32)
        result = np.empty(slope.shape, dtype=np.float32)
        a, b, c, d, flat = (part.reshape(-1) for part in (slope, rise, rms, unknown, result))
        _apply(a, b, c, d, hidden, bias, self.out.astype(np.float32), flat)
        return result


def patch_features(
    max_rock_m: float, radius_m: float, cell_m: float, noise_sigma_m: float
) -> tuple[float, float, float]:
    """Return the features that are the same for a whole patch."""
    noise = min(noise_sigma_m / max_rock_m, 1.0)
    cell = min(cell_m / max_rock_m, 2.0)
    return 5.0 * noise, 2.0 * cell, math.log10(math.pi * (radius_m / cell_m) ** 2) - 3.0


@kernel
def cell_features(
    slope_deg: F64, rise_m: F64, rms_m: F64, max_slope_deg: float, max_rock_m: float, slope: F32, rise: F32, rms: F32
) -> None:
    """Fill the dimensionless features of each cell, all [R, C], finite also where there is no plane (and no answer)."""
    rows, cols = slope_deg.shape
    for r in range(rows):
        for c in range(cols):
            s = (slope_deg[r, c] - max_slope_deg) / SLOPE_UNIT_DEG
            h = (rise_m[r, c] / max_rock_m - 1.0) / RISE_UNIT
            m = RMS_UNITS * rms_m[r, c] / max_rock_m
            s, h, m = (s if s > -FAR else -FAR), (h if h > -FAR else -FAR), (m if m < FAR else FAR)
            slope[r, c], rise[r, c], rms[r, c] = (s if s < FAR else FAR), (h if h < FAR else FAR), m


@kernel
def _apply(slope: F32, rise: F32, rms: F32, unknown: F32, hidden: F32, bias: F32, out: F32, result: F32) -> None:
    """Fill the law's answer for each cell."""
    block, units = 256, bias.size
    total = np.empty(block, dtype=np.float32)
    for first in range(0, result.size, block):
        n = min(block, result.size - first)
        total[:] = out[units]
        for u in range(units):
            a, b, c, d = hidden[u, 0], hidden[u, 1], hidden[u, 2], hidden[u, 3]
            e, weight = bias[u], out[u]
            for i in range(n):
                k = first + i
                v = a * slope[k] + b * rise[k] + c * rms[k] + d * unknown[k] + e
                total[i] += weight * (v if v > np.float32(0.0) else np.float32(0.0))
        for i in range(n):
            t = min(max(total[i], np.float32(-30.0)), np.float32(30.0))
            result[first + i] = 1.0 / (1.0 + math.exp(-t))


@kernel
def smooth(z: F64, weight: F32, out: F64) -> None:
    """Fill ``out`` [R, C] with the weighted mean of ``z`` over 3 x 3 cells; NaN where fewer than three of them are known (weight > 0)."""
    rows, cols = z.shape
    sums, total, known = np.empty(cols + 2), np.empty(cols + 2), np.empty(cols + 2)
    for r in range(rows):
        sums[:] = 0.0
        total[:] = 0.0
        known[:] = 0.0
        middle = 0.0
        for i in range(max(0, r - 1), min(rows, r + 2)):
            for c in range(cols):
                w = weight[i, c]
                value = z[i, c] if w > 0.0 else 0.0
                sums[c + 1] += w * value
                total[c + 1] += w
                known[c + 1] += 1.0 if w > 0.0 else 0.0
        for c in range(cols):
            n = known[c] + known[c + 1] + known[c + 2]
            w = total[c] + total[c + 1] + total[c + 2]
            middle = (sums[c] + sums[c + 1] + sums[c + 2]) / w
            out[r, c] = middle if n >= KNOWN_MIN else np.nan


@lru_cache(maxsize=4)
def load_law(path: Path = LAW_FILE) -> Law:
    """Return the law of a file. Raises `ModelError` where it is missing, damaged, or made for other features."""
    root = read_model_file(path, FORMAT, VERSION)
    if root.get("features") != list(FEATURES):
        raise ModelError(
            f"{path.name}: features: must be {', '.join(FEATURES)}: the file was made for another version."
        )
    try:
        hidden = np.array(root["hidden"], dtype=np.float64)
        out = np.array(root["out"], dtype=np.float64)
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path.name}: hidden and out must be tables of numbers.") from error
    if hidden.ndim != 2 or hidden.shape[1] != len(FEATURES) + 1 or out.shape != (len(hidden) + 1,):
        raise ModelError(
            f"{path.name}: hidden {hidden.shape}, out {out.shape}; must be [units, {len(FEATURES) + 1}] and [units + 1]."
        )
    if not ((np.abs(hidden) < WEIGHT_MAX).all() and (np.abs(out) < WEIGHT_MAX).all()):
        raise ModelError(f"{path.name}: hidden and out must be finite, below {WEIGHT_MAX:g}.")
    return Law(hidden, out)


def law_notes(path: Path = LAW_FILE) -> dict[str, object]:
    """Return how a law was made: script, seeds, and the threshold that was fixed on training scenes (errors as `load_law`)."""
    notes = read_model_file(path, FORMAT, VERSION).get("notes")
    if not isinstance(notes, dict):
        raise ModelError(f"{path.name}: notes: must be a table.")
    return cast(dict[str, object], notes)
