"""What a saved state of a World must be before it is taken up: the kernel checks no index itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import WorldError
from .state import LEG_POINTS, Activity

STATE_VERSION = 3
Arrays = Mapping[str, NDArray[np.generic]]


def check_state(
    saved: Arrays, goals: Arrays, bounds: tuple[float, float, float, float], on_ground: NDArray[np.bool_], grounds: int
) -> None:
    """Check ``saved`` against the arrays ``goals`` that it is to fill.

    ``bounds`` are those of the site (west, south, east, north), ``on_ground`` bool [R] which robots stand there, ``grounds`` how many
    grounds there are. Raises `WorldError` for an unknown version, missing or extra names, wrong shapes or types, impossible numbers.
    """
    version = saved.get("version")
    if version is None or version.shape != () or int(version) != STATE_VERSION:
        raise WorldError(f"state: version {version!r}: this moonfleet reads version {STATE_VERSION}")
    names = set(saved) - {"version"}
    if names != set(goals):
        raise WorldError(
            f"state: missing {sorted(set(goals) - names)}, unknown {sorted(names - set(goals))}: not this World's"
        )
    for name, goal in goals.items():
        if saved[name].shape != goal.shape or saved[name].dtype != goal.dtype:
            raise WorldError(f"state.{name}: {saved[name].dtype}{saved[name].shape}: must be {goal.dtype}{goal.shape}")
    xmin, ymin, xmax, ymax = bounds
    within: dict[str, tuple[ArrayLike, ArrayLike]] = {
        "activity": (0, max(Activity)),
        "leg_size": (0, LEG_POINTS),
        "leg_next": (0, saved["leg_size"]),
        "tick_index": (0, 2**53),
        "ground_of": (0, grounds - 1),
        "x": (xmin, xmax),
        "y": (ymin, ymax),
    }
    for name, (low, high) in within.items():
        good = (saved[name] >= low) & (saved[name] <= high)  # pyright: ignore[reportOperatorIssue]
        if not (good | ~on_ground if name in ("x", "y") else good).all():
            raise WorldError(f"state.{name}: holds what no World can: {saved[name].ravel()[:3]}...")
