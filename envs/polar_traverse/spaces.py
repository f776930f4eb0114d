"""What the rover of PolarTraverse sees and may do: one table of features; the kernel that fills it is in `observe`.

The observation is one float32 vector of 141 numbers. Every number is clipped to the bounds of its row in `FEATURES`;
the bounds are those of the declared ``Box``. Headings and directions are grid azimuths (clockwise from +y) given as
(sin, cos), which is their (x, y) direction.

All of it is what a rover may know: its own state, the orbital map (slopes and horizons at the site's cell size), the
almanac of Sun and Earth, and its orders. Rocks and small craters are not in it.
"""

from __future__ import annotations

import math

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..tables import Action, Feature, box_of, offsets, size_of, slice_of
from .outlook import SAMPLE_H, WINDOWS_H

SLOPE_SIDE = 9  # cells, one apart: what a move can cross
LIGHT_SIDE = 5  # cells, LIGHT_STRIDE apart: where light is near
LIGHT_STRIDE = 5  # cells
FORECAST_H = WINDOWS_H  # h, edges of the forecast windows
FORECAST_STEP_H = SAMPLE_H  # h between the samples of a window
SUN_EL_SCALE_DEG = 3.0  # deg
EARTH_EL_SCALE_DEG = 10.0  # deg
MARGIN_SCALE_DEG = 2.0  # deg of Sun above the terrain horizon
NEAR_M = 250.0  # m, distance at which the fine distance features saturate


FEATURES: tuple[Feature, ...] = (
    Feature("slope", SLOPE_SIDE**2, 0.0, 2.0, "slope / steepest allowed, rows from the top; 2 off the map"),
    Feature("light", LIGHT_SIDE**2, -1.0, 1.0, "Sun above the terrain horizon / 2 deg; -1 off the map"),
    Feature("target_direction", 2, -1.0, 1.0, "direction to the current target (x, y)"),
    Feature("target_distance", 3, 0.0, 1.0, "distance / site diagonal; distance / 250 m; route / 2 diagonals"),
    Feature("next_direction", 2, -1.0, 1.0, "direction to the target after it; zeros when there is none"),
    Feature("next_distance", 1, 0.0, 1.0, "straight distance to it / site diagonal"),
    Feature("haven_direction", 2, -1.0, 1.0, "direction to the nearest haven"),
    Feature("haven_distance", 1, 0.0, 1.0, "straight distance to it / site diagonal"),
    Feature("battery", 1, 0.0, 1.0, "charge / capacity"),
    Feature("temperature", 1, -1.0, 1.0, "(temperature - 250 K) / 150 K"),
    Feature("lit", 1, 0.0, 1.0, "part of the Sun's disc in sight"),
    Feature(
        "solar",
        1,
        0.0,
        1.0,
        "electrical power from the panels in the last tick (0 at reset) / their power facing the Sun at 1 au",
    ),
    Feature("heading", 2, -1.0, 1.0, "heading (sin, cos)"),
    Feature("slope_here", 1, 0.0, 2.0, "slope under the rover / steepest allowed slope"),
    Feature("sun", 3, -1.0, 1.0, "Sun's azimuth (sin, cos) and elevation / 3 deg"),
    Feature("earth", 3, -1.0, 1.0, "Earth's azimuth (sin, cos) and elevation / 10 deg"),
    Feature("earth_seen", 1, 0.0, 1.0, "1 when the Earth's centre is above the terrain horizon"),
    Feature("forecast_here", 4, 0.0, 1.0, "mean lit part of the Sun here, over the next 0-6, 6-12, 12-24, 24-48 h"),
    Feature("forecast_haven", 4, 0.0, 1.0, "the same at the nearest haven"),
    Feature("targets_left", 1, 0.0, 1.0, "targets not reached yet / targets"),
    Feature("time_left", 1, 0.0, 1.0, "steps left / steps of the episode"),
)


OFFSET: dict[str, int] = offsets(FEATURES)
SIZE: int = size_of(FEATURES)

HOLD = 0
HEADINGS = 8
N_ACTIONS = 1 + 2 * HEADINGS


ACTIONS: tuple[Action, ...] = (
    Action("hold", HOLD, 1, "sleep and charge: hibernate where it stands"),
    Action("short", 1, HEADINGS, "drive half as far as it can in a step, at 0, 45, ... 315 deg grid azimuth"),
    Action("long", 1 + HEADINGS, HEADINGS, "drive as far as it can in a step, at the same headings"),
)


def feature_slice(name: str) -> slice:
    """Return where the feature ``name`` lies in the observation (KeyError for an unknown name)."""
    return slice_of(FEATURES, name)


def observation_space() -> gymnasium.spaces.Box:
    """Return the Box of the observation, float32 [141], bounds as in `FEATURES`."""
    return box_of(FEATURES)


def discrete_space() -> gymnasium.spaces.Discrete[np.int64]:
    """Return Discrete(17): 0 hold (sleep and charge), 1..8 short moves and 9..16 long moves at 0, 45 ... 315 deg grid azimuth."""
    return gymnasium.spaces.Discrete(N_ACTIONS)


def continuous_space() -> gymnasium.spaces.Box:
    """Return Box [3] in [-1, 1]: heading (sin, cos), that is (x, y), and speed from -1 (hold) to 1 (full)."""
    return gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)


def discrete_moves() -> NDArray[np.float64]:
    """Return (x, y) of every discrete action over the way of a step at full speed, float64 [17, 2]: lengths 0, 0.5 or 1.

    >>> discrete_moves()[[0, 1, 9]].tolist()
    [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0]]
    """
    moves = np.zeros((N_ACTIONS, 2))
    for action in range(1, N_ACTIONS):
        turn, fast = (action - 1) % HEADINGS, (action - 1) // HEADINGS
        azimuth = turn * 2.0 * math.pi / HEADINGS
        moves[action] = (
            (math.sin(azimuth), math.cos(azimuth)) if fast else (0.5 * math.sin(azimuth), 0.5 * math.cos(azimuth))
        )
    return moves


def continuous_moves(actions: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (x, y) of continuous actions [n, 3] over the way of a step at full speed, float64 [n, 2].

    A heading shorter than 1e-3 or a speed below 0.05 is a hold: (0, 0).

    >>> continuous_moves(np.array([[0.0, 1.0, 1.0], [0.0, 1.0, -1.0]], np.float32)).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    given = actions.astype(np.float64)
    length, speed = np.hypot(given[:, 0], given[:, 1]), 0.5 * (given[:, 2] + 1.0)
    go = (length >= 1e-3) & (speed >= 0.05)
    scale = np.where(go, np.minimum(speed, 1.0) / np.where(go, length, 1.0), 0.0)
    return given[:, :2] * scale[:, None]
