"""What the rover of IceProspecting sees and may do: one table of features, one of actions.

The observation is one float32 vector. Every number is clipped to the bounds of its row in `FEATURES`; the bounds are those of the declared
``Box``. Directions are grid directions (x, y). All of it is what a rover may know: its own state, the orbital map (slopes, horizons,
the prior of ice), the almanac of the Sun, its orders, and what its own holes have shown. Ice that no hole has reached is not in it, nor
are faults to come.
"""

from __future__ import annotations

import math

import gymnasium
import numpy as np

from ..tables import Feature, MaskedAction, box_of, offsets, size_of, slice_of
from .generator import KEPT

SLOPE_SIDE = 7  # cells, one apart: what a move can cross
PRIOR_SIDE = 7  # cells, PRIOR_STRIDE apart: where ice may be
PRIOR_STRIDE = 2  # cells
LIGHT_SIDE = 5  # cells, LIGHT_STRIDE apart: where light is near
LIGHT_STRIDE = 3  # cells
HOLES_SEEN = 4  # of the latest holes
WINDOWS = 4  # of a forecast: the next 0-2, 2-6, 6-12, 12-24 h
MARGIN_SCALE_DEG = 2.0  # deg of Sun above the terrain horizon
SUN_EL_SCALE_DEG = 5.0  # deg
FAR_SCALE_S = 4.0 * 3600.0  # s of driving
NEAR_SCALE_S = 1800.0  # s of driving
HOLE_SCALE_M = 200.0  # m to a hole
FOUND_SCALE = 0.15  # mass fraction of ice
ICE_SCALE_KG = 0.25  # kg carried
STORE_SCALE_KG = 1.0  # kg at home
FAULT_SCALE_H = 4.0  # h that a fault has lasted


FEATURES: tuple[Feature, ...] = (
    Feature("battery", 1, 0.0, 1.0, "charge / capacity"),
    Feature("temperature", 1, -1.0, 1.0, "(temperature - 250 K) / 150 K"),
    Feature("lit", 1, 0.0, 1.0, "part of the Sun's disc in sight"),
    Feature("solar", 1, 0.0, 1.0, "electrical power from the panels in the last tick (0 at reset) / their power facing the Sun at 1 au"),
    Feature("heading", 2, -1.0, 1.0, "heading (sin, cos), which is (x, y)"),
    Feature("slope_here", 1, 0.0, 2.0, "slope under the rover / steepest allowed slope"),
    Feature("prior_here", 1, 0.0, 1.0, "expected ice here / that of cold ground"),
    Feature("at_home", 1, 0.0, 1.0, "1 where samples are taken over"),
    Feature("carried", 2, 0.0, 1.0, "cuttings carried / cache; ice carried / 0.25 kg"),
    Feature("stored", 1, 0.0, 1.0, "ice brought home / 1 kg"),
    Feature("hole", 3, -1.0, 1.0, "of the hole here: depth / 1 m; ice / 0.15, -1 when there is none; 1 if there is more to drill"),
    Feature("faults", 5, 0.0, 1.0, "1 for what is down: drive, power, radio, drill, heater"),
    Feature("fault_age", 1, 0.0, 1.0, "how long the drive has been down / 4 h"),
    Feature("trapped", 1, 0.0, 1.0, "1 when stuck in the soil"),
    Feature("blocked", 1, 0.0, 1.0, "1 when the last move met ground too steep"),
    Feature("time_left", 1, 0.0, 1.0, "steps left / steps of the episode"),
    Feature("home_direction", 2, -1.0, 1.0, "straight direction home (x, y)"),
    Feature("home_route", 2, -1.0, 1.0, "direction of the next cell on the way home (x, y)"),
    Feature("home_time", 2, 0.0, 1.0, "driving time home / 4 h; / 30 min"),
    Feature("home_margin", 1, -1.0, 1.0, "charge that is left after driving straight home in the dark / capacity"),
    Feature("home_forecast", WINDOWS, 0.0, 1.0, "mean lit part of the Sun at home, over the next 0-2, 2-6, 6-12, 12-24 h"),
    Feature("forecast_here", WINDOWS, 0.0, 1.0, "the same here"),
    Feature("prospect_route", 2 * KEPT, -1.0, 1.0, "direction of the next cell on the way to each prospect (x, y)"),
    Feature("prospect_time", 2 * KEPT, 0.0, 1.0, "driving time to each / 4 h; / 30 min"),
    Feature("prospect_prior", KEPT, 0.0, 1.0, "expected ice at each / that of cold ground"),
    Feature("prospect_found", KEPT, -1.0, 1.0, "most ice found within 60 m of each / 0.15, -1 when nobody looked"),
    Feature("recent_holes", 3 * HOLES_SEEN, -1.0, 1.0, "the latest holes, last first: way to it (x, y) / 200 m; ice / 0.15, -1 for none"),
    Feature("holes", 1, 0.0, 1.0, "holes begun / 32"),
    Feature("sun", 3, -1.0, 1.0, "Sun's azimuth (sin, cos) and elevation / 5 deg"),
    Feature("slope", SLOPE_SIDE**2, 0.0, 2.0, "slope / steepest allowed, rows from the top; 2 off the map"),
    Feature("prior", PRIOR_SIDE**2, 0.0, 1.0, "expected ice / that of cold ground, cells two apart; 0 off the map"),
    Feature("light", LIGHT_SIDE**2, -1.0, 1.0, "Sun above the terrain horizon / 2 deg, cells three apart; -1 off the map"),
)  # fmt: skip


HEADINGS = 8
HOLD, SHORT, LONG = 0, 1, 1 + HEADINGS
DRILL, RETURN, HIBERNATE = 1 + 2 * HEADINGS, 2 + 2 * HEADINGS, 3 + 2 * HEADINGS
N_ACTIONS = 4 + 2 * HEADINGS

ACTIONS: tuple[MaskedAction, ...] = (
    MaskedAction("hold", HOLD, 1, "stand and charge", "never"),
    MaskedAction(
        "short move", SHORT, HEADINGS, "2.5 min of driving at 0, 45 ... 315 deg", "the drive is down, or stuck"
    ),
    MaskedAction("long move", LONG, HEADINGS, "5 min of driving at 0, 45 ... 315 deg", "the drive is down, or stuck"),
    MaskedAction(
        "drill", DRILL, 1, "drill for the step", "drill down, cache full, hole finished, or all holes used up"
    ),
    MaskedAction("return", RETURN, 1, "drive down the map's way home for the step", "drive down, stuck, or at home"),
    MaskedAction("hibernate", HIBERNATE, 1, "sleep for the step; repairs rest too", "never"),
)


OFFSET: dict[str, int] = offsets(FEATURES)
SIZE: int = size_of(FEATURES)


def feature_slice(name: str) -> slice:
    """Return where the feature ``name`` lies in the observation (KeyError for an unknown name)."""
    return slice_of(FEATURES, name)


def observation_space() -> gymnasium.spaces.Box:
    """Return the Box of the observation, float32 [SIZE], bounds as in `FEATURES`."""
    return box_of(FEATURES)


def action_space() -> gymnasium.spaces.Discrete[np.int64]:
    """Return Discrete(20), see `ACTIONS`."""
    return gymnasium.spaces.Discrete(N_ACTIONS)


def heading_xy(turn: int) -> tuple[float, float]:
    """Return the unit direction (x, y) of heading ``turn`` of `HEADINGS`, clockwise from +y."""
    azimuth = turn * 2.0 * math.pi / HEADINGS
    return math.sin(azimuth), math.cos(azimuth)
