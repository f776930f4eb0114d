"""What a robot knows of its own eyes: how likely they miss a rock of a height, at a range, in a light; measured, not guessed.

The tables in ``data/eyesight_*.json`` are written by ``moonfleet.experiments.bench.eyesight_*`` from frames of seeded ground
that no bench scores on. A robot plans with them (what may still lie on ground that looked empty), and the statistical eye
draws from them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moonfleet.terrain.grid import GeoRef

    from .rocks_seen import Detections

Floats = NDArray[np.float64]
_TABLES = ("light_el_deg", "range_m", "height_m", "p_seen", "false_per_m2", "place_sigma_m")
_SCALARS = ("size_sigma", "confidence", "height_again", "again", "lens_m")
_HEIGHTS = ("height_sigma", "height_bias", "height_slope")
_EXTRAS = ("false_diameter_m", "false_height_m", "p_in_sight")
HEIGHT_AT_M = 0.2  # [m] height of the rocks that ``height_bias`` is about
HEIGHT_SIGMA = 0.3  # [-] of the logarithm of a height, for eyes whose table does not say
LEAST_MISS, MOST_MISS = 0.002, 1.0  # [-] no eye is believed to be surer than a few hundred rocks can show


class Heights(NamedTuple):
    """How an eye tells heights: ln(told) = ln(h0) + bias + slope ln(true / h0) + a normal error, h0 being `HEIGHT_AT_M`."""

    bias: Floats
    slope: Floats
    sigma: Floats

    def told_over_true(self, height_m: Floats | float) -> Floats:
        """Return the mean logarithm of told over true height of rocks of some heights [m]."""
        return self.bias + (self.slope - 1.0) * np.log(np.asarray(height_m, float) / HEIGHT_AT_M)


class View(NamedTuple):
    """Ground that one picture showed: ``seen`` bool [R, C] on the grid ``ref``, in a light ``light_el_deg`` high."""

    ref: GeoRef
    seen: NDArray[np.bool_]
    light_el_deg: float


class Look(NamedTuple):
    """What came of one look: the rocks seen and the ground that was looked at (the views do not overlap)."""

    rocks: Detections
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Eyesight:
    """Measured rates by light elevation [L], range [K] and rock height [D]; between the nodes they are interpolated."""

    light_el_deg: Floats  # [L] rising
    range_m: Floats  # [K] rising, middles of the bins
    height_m: Floats  # [D] rising
    p_seen: Floats  # [L, K, D]
    false_per_m2: Floats  # [L, K] detections of nothing per square metre looked at
    place_sigma_m: Floats  # [K] of each coordinate
    size_sigma: float  # of the logarithm of the diameter
    confidence: float  # of a typical detection of a rock
    height_sigma: Floats | float = HEIGHT_SIGMA  # [L, K] or one for all: see `Heights`
    height_bias: Floats | float = 0.0  # [L, K] or one for all
    height_slope: Floats | float = 1.0  # [L, K] or one for all
    height_again: float = 1.0  # correlation of the errors of one rock's height in two looks
    again: float = 1.0  # [-] what a further look at the same ground is worth, in looks that err independently
    lens_m: float = 1.5  # [m] height of the eye that was measured; others see at the same slant of view alike
    p_in_sight: Floats | None = (
        None  # [K] share of ground that nothing nearer hides; None: hidden rocks count as missed
    )
    false_diameter_m: Floats = field(
        default_factory=lambda: np.array([0.3])
    )  # quantiles of the size of false detections
    false_height_m: Floats = field(default_factory=lambda: np.array([0.15]))  # as many

    def seen(self, height_m: Floats | float, range_m: Floats | float, light_el_deg: Floats | float) -> Floats:
        """Return the chance that a look reports a rock, float64 of the broadcast shape; flat beyond the table's ends."""
        height, distance, light = np.broadcast_arrays(
            np.asarray(height_m, float), np.asarray(range_m, float), np.asarray(light_el_deg, float)
        )
        total = np.zeros(height.shape)
        axes = [
            _between(self.light_el_deg, light),
            _between(self.range_m, distance),
            _between(self.height_m, height),
        ]
        for corner in range(8):
            picks = [corner >> axis & 1 for axis in range(3)]
            weight = np.ones(height.shape)
            for (_, part), pick in zip(axes, picks, strict=True):
                weight = weight * (part if pick else 1.0 - part)
            at = tuple(
                np.minimum(low + pick, size - 1)
                for (low, _), pick, size in zip(axes, picks, self.p_seen.shape, strict=True)
            )
            total += weight * self.p_seen[at]
        return total

    def p_miss(self, height_m: Floats | float, range_m: Floats | float, light_el_deg: Floats | float) -> Floats:
        """Return the chance that a look does not report a rock (see `seen`), never below `LEAST_MISS`."""
        return np.clip(1.0 - self.seen(height_m, range_m, light_el_deg), LEAST_MISS, MOST_MISS)

    def heights(self, range_m: Floats | float, light_el_deg: float) -> Heights:
        """Return how heights are told of rocks at a range [m] in a light [deg], each of the shape of ``range_m``."""

        def at(table: Floats | float) -> Floats:
            if np.ndim(table) == 0:
                return np.full(np.shape(range_m), float(table))
            by_range = np.array([np.interp(light_el_deg, self.light_el_deg, column) for column in np.asarray(table).T])
            return np.asarray(np.interp(range_m, self.range_m, by_range))

        return Heights(at(self.height_bias), at(self.height_slope), at(self.height_sigma))

    def favours(self, height_m: float) -> float:
        """Return the power of the height with which rocks are seen more often, from half of ``height_m`` up to it."""
        mean = self.p_seen.mean(axis=(0, 1))
        small, big = np.maximum(np.interp([0.5 * height_m, height_m], self.height_m, mean), LEAST_MISS)
        return float(np.log2(big / small))

    def in_sight(self, range_m: Floats | float) -> Floats:
        """Return the share of the ground at a range that no nearer ground hides."""
        if self.p_in_sight is None:
            return np.ones(np.shape(range_m))
        return np.asarray(np.interp(range_m, self.range_m, self.p_in_sight))

    def place(self, range_m: Floats | float) -> Floats:
        """Return the standard deviation [m] of each coordinate of a detection at a range."""
        return np.asarray(np.interp(range_m, self.range_m, self.place_sigma_m))

    def false_alarms(self, range_m: Floats | float, light_el_deg: float) -> Floats:
        """Return the mean number of false detections per square metre looked at."""
        by_range = np.array([np.interp(light_el_deg, self.light_el_deg, column) for column in self.false_per_m2.T])
        return np.asarray(np.interp(range_m, self.range_m, by_range))


def read_eyesight(path: Path) -> Eyesight:
    """Return the table of a JSON file; raises `ModelError` where it does not hold together."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"eyesight: {path.name} cannot be read: {error}") from error
    return eyesight_of(stored, path.name)


def eyesight_of(stored: Mapping[str, object], name: str = "table") -> Eyesight:
    """Return the eyesight of a plain mapping (see `read_eyesight`)."""
    missing = [key for key in (*_TABLES, "size_sigma", "confidence") if key not in stored]
    if missing:
        raise ModelError(f"eyesight: {name} lacks {missing[0]!r}; found {sorted(stored)}.")
    tables = {key: np.array(stored[key], dtype=np.float64) for key in _TABLES}
    shape = tuple(len(tables[key]) for key in ("light_el_deg", "range_m", "height_m"))
    fits = (
        tables["p_seen"].shape == shape
        and tables["false_per_m2"].shape == shape[:2]
        and tables["place_sigma_m"].shape == shape[1:2]
        and all(bool((np.diff(tables[key]) > 0.0).all()) for key in ("light_el_deg", "range_m", "height_m"))
        and bool(((tables["p_seen"] >= 0.0) & (tables["p_seen"] <= 1.0)).all())
    )
    if not fits:
        raise ModelError(
            f"eyesight: {name}: p_seen {tables['p_seen'].shape} must be [L, K, D] = {shape} in 0..1, false_per_m2 [L, K], "
            "place_sigma_m [K], and the axes must rise."
        )
    scalars: dict[str, Any] = {key: float(np.asarray(stored[key])) for key in _SCALARS if key in stored}
    scalars |= {key: np.array(stored[key], dtype=np.float64) for key in _HEIGHTS if key in stored}
    if any(np.ndim(scalars[key]) and scalars[key].shape != shape[:2] for key in _HEIGHTS if key in scalars):
        raise ModelError(f"eyesight: {name}: {', '.join(_HEIGHTS)} must be one number or [L, K] = {shape[:2]}.")
    quantiles: dict[str, Any] = {key: np.array(stored[key], float) for key in _EXTRAS if key in stored}
    return Eyesight(**tables, **scalars, **quantiles)


@lru_cache(maxsize=8)
def eyesight(kind: str = "mast") -> Eyesight:
    """Return the shipped table of an eye: ``mast`` (one rectified picture) or ``stereo``."""
    return read_eyesight(Path(__file__).with_name("data") / f"eyesight_{kind}.json")


def _between(nodes: Floats, value: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the node below each value and how far it is to the next, 0..1."""
    clipped = np.clip(value, nodes[0], nodes[-1])
    low = np.clip(np.searchsorted(nodes, clipped, side="right") - 1, 0, max(len(nodes) - 2, 0))
    if len(nodes) == 1:
        return low, np.zeros(clipped.shape)
    return low, (clipped - nodes[low]) / (nodes[low + 1] - nodes[low])
