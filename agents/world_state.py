"""What a saved state of a World must be before it is taken up: the kernel checks no index itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import WorldError
from .saved_arrays import MOST, Arrays, misfit
from .state import LEG_POINTS, Activity, Link, Loss, Subsystem
from .step import HOP_TICKS

STATE_VERSION = 3
LINKS, FAULTS = sum(Link), sum(1 << part for part in Subsystem)  # all bits
FAR_M = 1e9  # [m] no way leads so far
MOST_COUNT = 2**53
ENDLESS = frozenset(  # times that may never come
    ("trap_left", "next_fault_s", "mobility_at_s", "power_at_s", "comm_at_s", "payload_at_s", "thermal_at_s")
)
COUNTS = ("brownouts", "hops_left", "traps", *(f"{part.name.lower()}_draws" for part in Subsystem))
GROWING = (  # floats that are never negative
    *("odometer_m", "worked_s", "energy_in_wh", "energy_out_wh", "generated_mbit", "sent_mbit", "dropped_mbit"),
    *("operating_s", "trapped_s", "received_mbit", "dust_ug_cm2"),
)


def check_state(
    saved: Mapping[str, Any],
    goals: Arrays,
    bounds: tuple[float, float, float, float],
    on_ground: NDArray[np.bool_],
    grounds: int,
) -> None:
    """Check ``saved`` against the arrays ``goals`` that it is to fill.

    ``bounds`` are those of the site (west, south, east, north), ``on_ground`` bool [R] which robots stand there, ``grounds`` how many
    grounds there are. Raises `WorldError` for an unknown version, missing or extra names, wrong shapes or types, impossible numbers.
    """
    version = saved.get("version")
    if not isinstance(version, (np.ndarray, int)) or np.shape(version) != () or np.asarray(version) != STATE_VERSION:
        raise WorldError(f"state: version {version!r}: this moonfleet reads version {STATE_VERSION}")
    names = set(saved) - {"version"}
    if names != set(goals):
        raise WorldError(
            f"state: missing {sorted(set(goals) - names)}, unknown {sorted(names - set(goals))}: not this World's"
        )
    xmin, ymin, xmax, ymax = bounds
    x, y = (np.where(on_ground, low, -MOST) for low in (xmin, ymin))
    x_most, y_most = (np.where(on_ground, high, MOST) for high in (xmax, ymax))
    ranges: dict[str, tuple[ArrayLike, ArrayLike]] = {
        "activity": (0, max(Activity)),
        "loss": (0, max(Loss)),
        "link": (0, LINKS),
        "cut": (0, LINKS),
        "faults": (0, FAULTS),
        "blocked": (0, 1),
        "trapped": (0, 1),
        "hop_ticks": (0, HOP_TICKS),
        "leg_size": (0, LEG_POINTS),
        "leg_next": (0, LEG_POINTS),
        "legs": (-FAR_M, FAR_M),
        "tick_index": (0, MOST_COUNT),
        "ground_of": (0, grounds - 1),
        "x": (x, x_most),
        "y": (y, y_most),
        "heading_deg": (-360.0, 360.0),
        "battery_wh": (0.0, MOST),
        "temp_k": (0.0, 1e4),
        "lit": (0.0, 1.0),
        "fade": (0.0, 1.0),
        "wake_frac": (0.0, 1.0),
    }
    ranges |= {name: (0, MOST_COUNT) for name in COUNTS} | {name: (0.0, MOST) for name in GROWING}
    if (problem := misfit(saved, goals, ranges, ENDLESS)) is not None:
        raise WorldError(f"state.{problem}")
    if (saved["leg_next"] > saved["leg_size"]).any():
        raise WorldError("state.leg_next: holds a point beyond leg_size: what no state can")
    for name in ENDLESS & set(goals):
        if np.isnan(saved[name]).any():
            raise WorldError(f"state.{name}: holds NaN: what no state can")
    flying = saved["activity"] == Activity.HOP
    for name, low, high in (("hop_x", xmin, xmax), ("hop_y", ymin, ymax)):
        if not ((saved[name] >= low) & (saved[name] <= high) | ~flying).all():
            raise WorldError(f"state.{name}: a robot in flight lands outside the site: what no state can")
