"""Observation and action tables: what an environment's vectors and choices mean, as data that code, spaces and docs are made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import gymnasium
import numpy as np


class Feature(NamedTuple):
    """One row of an observation table: ``size`` numbers within [low, high]."""

    name: str
    size: int
    low: float
    high: float
    meaning: str


class Action(NamedTuple):
    """One row of an action table: ``count`` choices from ``first`` on."""

    name: str
    first: int
    count: int  # pyright: ignore[reportIncompatibleMethodOverride] - a tuple counts too
    meaning: str


class MaskedAction(NamedTuple):
    """The same of choices that are not always allowed."""

    name: str
    first: int
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]
    meaning: str
    masked: str  # when it is not allowed


def offsets(features: Sequence[Feature]) -> dict[str, int]:
    """Return where every feature begins in the observation."""
    starts: dict[str, int] = {}
    at = 0
    for feature in features:
        starts[feature.name] = at
        at += feature.size
    return starts


def size_of(features: Sequence[Feature]) -> int:
    """Return how many numbers an observation has."""
    return sum(feature.size for feature in features)


def slice_of(features: Sequence[Feature], name: str) -> slice:
    """Return where the feature ``name`` lies in the observation (KeyError for an unknown name)."""
    start = offsets(features)[name]
    return slice(start, start + next(feature.size for feature in features if feature.name == name))


def box_of(features: Sequence[Feature]) -> gymnasium.spaces.Box:
    """Return the Box of an observation, float32 [F], with the bounds of each feature."""
    sizes = [feature.size for feature in features]
    low = np.repeat(np.array([feature.low for feature in features], np.float32), sizes)
    high = np.repeat(np.array([feature.high for feature in features], np.float32), sizes)
    return gymnasium.spaces.Box(low, high, dtype=np.float32)
