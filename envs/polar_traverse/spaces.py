"""What the rover of PolarTraverse sees and may do: one table of features, one kernel that fills it.

The observation is one float32 vector of 141 numbers. Every number is clipped to the bounds of its row in `FEATURES`;
the bounds are those of the declared ``Box``. Headings and directions are grid azimuths (clockwise from +y) given as
(sin, cos), which is their (x, y) direction.

All of it is what a rover may know: its own state, the orbital map (slopes and horizons at the site's cell size), the
almanac of Sun and Earth, and its orders. Rocks and small craters are not in it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import clearance_deg, lit_at, local_elevation_deg

SLOPE_SIDE = 9  # cells, one apart: what a move can cross
LIGHT_SIDE = 5  # cells, LIGHT_STRIDE apart: where light is near
LIGHT_STRIDE = 5  # cells
FORECAST_H = (0, 6, 12, 24, 48)  # h, edges of the forecast windows
FORECAST_STEP_H = 2  # h between the samples of a window
SUN_EL_SCALE_DEG = 3.0  # deg
EARTH_EL_SCALE_DEG = 10.0  # deg
MARGIN_SCALE_DEG = 2.0  # deg of Sun above the terrain horizon
NEAR_M = 250.0  # m, distance at which the fine distance features saturate


class Feature(NamedTuple):
    """One row of the observation table: ``size`` numbers within [low, high]."""

    name: str
    size: int
    low: float
    high: float
    meaning: str


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
    Feature("solar", 1, 0.0, 1.0, "electrical power from the panels / their power facing the Sun at 1 au"),
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


def _starts() -> dict[str, int]:
    """Return the offset of every feature in the observation."""
    starts: dict[str, int] = {}
    offset = 0
    for feature in FEATURES:
        starts[feature.name] = offset
        offset += feature.size
    return starts


OFFSET: dict[str, int] = _starts()
SIZE: int = sum(feature.size for feature in FEATURES)

HOLD = 0
HEADINGS = 8
N_ACTIONS = 1 + 2 * HEADINGS

# Offsets as plain numbers: the kernel freezes them at compile time.
_LIGHT = OFFSET["light"]
_TARGET = OFFSET["target_direction"]
_NEXT = OFFSET["next_direction"]
_HAVEN = OFFSET["haven_direction"]
_OWN = OFFSET["battery"]
_SUN = OFFSET["sun"]
_FORECAST_HERE = OFFSET["forecast_here"]
_FORECAST_HAVEN = OFFSET["forecast_haven"]
_LAST = OFFSET["targets_left"]
_RAD = math.pi / 180.0

# Columns of the almanac table float64 [n, 5], degrees.
SKY_SUN_AZ, SKY_SUN_EL, SKY_SUN_RADIUS, SKY_EARTH_AZ, SKY_EARTH_EL = range(5)
# The georeference, and the rover's slope limit: float64 [4].
FRAME_X_LEFT, FRAME_Y_TOP, FRAME_CELL_M, FRAME_MAX_SLOPE_DEG = range(4)
# What changes from step to step: float64 [16]. A missing next target stands where the rover stands.
OWN_X, OWN_Y, OWN_HEADING_DEG, OWN_BATTERY_FRAC, OWN_TEMP_K, OWN_LIT, OWN_SOLAR_FRAC, OWN_ROUTE_M = range(8)
OWN_TARGET_X, OWN_TARGET_Y, OWN_NEXT_X, OWN_NEXT_Y, OWN_HAVEN_X, OWN_HAVEN_Y = range(8, 14)
OWN_TARGETS_LEFT, OWN_TIME_LEFT = range(14, 16)
OWN_SIZE = 16


def feature_slice(name: str) -> slice:
    """Return where the feature ``name`` lies in the observation (KeyError for an unknown name)."""
    size = next((feature.size for feature in FEATURES if feature.name == name), 0)
    return slice(OFFSET[name], OFFSET[name] + size)


def observation_space() -> gymnasium.spaces.Box:
    """Return the Box of the observation, float32 [141], bounds as in `FEATURES`."""
    low = np.concatenate([np.full(feature.size, feature.low, np.float32) for feature in FEATURES])
    high = np.concatenate([np.full(feature.size, feature.high, np.float32) for feature in FEATURES])
    return gymnasium.spaces.Box(low, high, dtype=np.float32)


def discrete_space() -> gymnasium.spaces.Discrete[np.int64]:
    """Return Discrete(17): 0 hold and charge, 1..8 short moves and 9..16 long moves at 0, 45 ... 315 deg grid azimuth."""
    return gymnasium.spaces.Discrete(N_ACTIONS)


def continuous_space() -> gymnasium.spaces.Box:
    """Return Box [3] in [-1, 1]: heading (sin, cos), that is (x, y), and speed from -1 (hold) to 1 (full)."""
    return gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)


def discrete_move(action: int) -> tuple[float, float, float]:
    """Return (x, y, speed) of a discrete action: a unit direction and a speed of 0, 0.5 or 1.

    >>> discrete_move(0)
    (0.0, 0.0, 0.0)
    >>> discrete_move(9)
    (0.0, 1.0, 1.0)
    """
    if action == HOLD:
        return 0.0, 0.0, 0.0
    turn, fast = (action - 1) % HEADINGS, (action - 1) // HEADINGS
    azimuth = turn * 2.0 * math.pi / HEADINGS
    return math.sin(azimuth), math.cos(azimuth), 1.0 if fast else 0.5


def continuous_move(action: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return (x, y, speed) of a continuous action; a heading shorter than 1e-3 or a speed below 0.05 is a hold."""
    x, y, speed = float(action[0]), float(action[1]), 0.5 * (float(action[2]) + 1.0)
    length = math.hypot(x, y)
    if length < 1e-3 or speed < 0.05:
        return 0.0, 0.0, 0.0
    return x / length, y / length, min(speed, 1.0)


@kernel
def _clip(value: float, low: float, high: float) -> float:
    """Return ``value`` held within [low, high]."""
    return min(max(value, low), high)


@kernel
def _forecast(
    out: NDArray[np.float32],
    at: int,
    millideg: NDArray[np.int16],
    row: int,
    col: int,
    dx: float,
    dy: float,
    sky: NDArray[np.float64],
    now: int,
    rows_per_h: int,
) -> None:
    """Write the mean lit part of the Sun at one cell over the forecast windows, from samples in the middle of each 2 h."""
    k = now + rows_per_h * FORECAST_STEP_H // 2
    for window in range(len(FORECAST_H) - 1):
        n = (FORECAST_H[window + 1] - FORECAST_H[window]) // FORECAST_STEP_H
        total = 0.0
        for _ in range(n):
            az, el, radius = sky[k, SKY_SUN_AZ], sky[k, SKY_SUN_EL], sky[k, SKY_SUN_RADIUS]
            total += lit_at(millideg, row, col, dx, dy, az, el, radius)
            k += rows_per_h * FORECAST_STEP_H
        out[at + window] = total / n


@kernel
def _aim(out: NDArray[np.float32], at: int, dx: float, dy: float, diagonal_m: float) -> float:
    """Write direction (2) and distance over the diagonal (1) of a displacement; return the distance [m]."""
    distance = math.sqrt(dx * dx + dy * dy)
    if distance > 1e-6:
        out[at] = dx / distance
        out[at + 1] = dy / distance
    else:
        out[at] = 0.0
        out[at + 1] = 0.0
    out[at + 2] = _clip(distance / diagonal_m, 0.0, 1.0)
    return distance


@kernel
def route_length_m(field: NDArray[np.float64], row: float, col: float, cell_m: float) -> float:
    """Return the route length from a point (float row, col) by a distance field [m]; inf where no reachable cell is near."""
    r0, c0 = int(math.floor(row + 0.5)), int(math.floor(col + 0.5))
    best = math.inf
    for r in range(r0 - 1, r0 + 2):
        for c in range(c0 - 1, c0 + 2):
            if 0 <= r < field.shape[0] and 0 <= c < field.shape[1] and field[r, c] < math.inf:
                step = cell_m * math.sqrt((row - r) ** 2 + (col - c) ** 2)
                best = min(best, field[r, c] + step)
    return best


@kernel
def observe(
    out: NDArray[np.float32],
    slope_deg: NDArray[np.float32],
    millideg: NDArray[np.int16],
    sky: NDArray[np.float64],
    now: int,
    rows_per_h: int,
    frame: NDArray[np.float64],
    own: NDArray[np.float64],
) -> None:
    """Fill the observation ``out`` float32 [141].

    ``slope_deg`` [R, C]; ``millideg`` int16 [A, R, C], the site's horizons; ``sky`` [n, 5], rows from the start of the
    episode, columns ``SKY_*``; ``now`` the row of this moment; ``frame`` [4] ``FRAME_*``; ``own`` [16] ``OWN_*``.
    """
    rows, cols = slope_deg.shape
    x_left, y_top, cell_m = frame[FRAME_X_LEFT], frame[FRAME_Y_TOP], frame[FRAME_CELL_M]
    centre_x, centre_y = x_left + 0.5 * cols * cell_m, y_top - 0.5 * rows * cell_m
    diagonal_m = cell_m * math.sqrt(float(rows * rows + cols * cols))
    x, y = own[OWN_X], own[OWN_Y]
    row = min(max(int(math.floor((y_top - y) / cell_m)), 0), rows - 1)
    col = min(max(int(math.floor((x - x_left) / cell_m)), 0), cols - 1)
    sun_az, sun_el = sky[now, SKY_SUN_AZ], sky[now, SKY_SUN_EL]

    k = 0
    for r in range(row - SLOPE_SIDE // 2, row + SLOPE_SIDE // 2 + 1):
        for c in range(col - SLOPE_SIDE // 2, col + SLOPE_SIDE // 2 + 1):
            if 0 <= r < rows and 0 <= c < cols:
                out[k] = _clip(slope_deg[r, c] / frame[FRAME_MAX_SLOPE_DEG], 0.0, 2.0)
            else:
                out[k] = 2.0
            k += 1

    reach = LIGHT_SIDE // 2 * LIGHT_STRIDE
    k = _LIGHT
    for r in range(row - reach, row + reach + 1, LIGHT_STRIDE):
        for c in range(col - reach, col + reach + 1, LIGHT_STRIDE):
            if 0 <= r < rows and 0 <= c < cols:
                dx, dy = x_left + (c + 0.5) * cell_m - centre_x, y_top - (r + 0.5) * cell_m - centre_y
                margin = clearance_deg(millideg, r, c, dx, dy, sun_az, sun_el)
                out[k] = _clip(margin / MARGIN_SCALE_DEG, -1.0, 1.0)
            else:
                out[k] = -1.0
            k += 1

    distance = _aim(out, _TARGET, own[OWN_TARGET_X] - x, own[OWN_TARGET_Y] - y, diagonal_m)
    out[_TARGET + 3] = _clip(distance / NEAR_M, 0.0, 1.0)
    out[_TARGET + 4] = _clip(own[OWN_ROUTE_M] / (2.0 * diagonal_m), 0.0, 1.0)
    _aim(out, _NEXT, own[OWN_NEXT_X] - x, own[OWN_NEXT_Y] - y, diagonal_m)
    _aim(out, _HAVEN, own[OWN_HAVEN_X] - x, own[OWN_HAVEN_Y] - y, diagonal_m)

    out[_OWN] = _clip(own[OWN_BATTERY_FRAC], 0.0, 1.0)
    out[_OWN + 1] = _clip((own[OWN_TEMP_K] - 250.0) / 150.0, -1.0, 1.0)
    out[_OWN + 2] = _clip(own[OWN_LIT], 0.0, 1.0)
    out[_OWN + 3] = _clip(own[OWN_SOLAR_FRAC], 0.0, 1.0)
    out[_OWN + 4] = math.sin(own[OWN_HEADING_DEG] * _RAD)
    out[_OWN + 5] = math.cos(own[OWN_HEADING_DEG] * _RAD)
    out[_OWN + 6] = _clip(slope_deg[row, col] / frame[FRAME_MAX_SLOPE_DEG], 0.0, 2.0)

    dx, dy = x - centre_x, y - centre_y
    earth_az = sky[now, SKY_EARTH_AZ]
    earth_el = local_elevation_deg(sky[now, SKY_EARTH_EL], earth_az, dx, dy)
    out[_SUN] = math.sin(sun_az * _RAD)
    out[_SUN + 1] = math.cos(sun_az * _RAD)
    out[_SUN + 2] = _clip(local_elevation_deg(sun_el, sun_az, dx, dy) / SUN_EL_SCALE_DEG, -1.0, 1.0)
    out[_SUN + 3] = math.sin(earth_az * _RAD)
    out[_SUN + 4] = math.cos(earth_az * _RAD)
    out[_SUN + 5] = _clip(earth_el / EARTH_EL_SCALE_DEG, -1.0, 1.0)
    earth_seen = clearance_deg(millideg, row, col, dx, dy, earth_az, sky[now, SKY_EARTH_EL]) >= 0.0
    out[_SUN + 6] = 1.0 if earth_seen else 0.0

    _forecast(out, _FORECAST_HERE, millideg, row, col, dx, dy, sky, now, rows_per_h)
    haven_row = min(max(int(math.floor((y_top - own[OWN_HAVEN_Y]) / cell_m)), 0), rows - 1)
    haven_col = min(max(int(math.floor((own[OWN_HAVEN_X] - x_left) / cell_m)), 0), cols - 1)
    dx, dy = own[OWN_HAVEN_X] - centre_x, own[OWN_HAVEN_Y] - centre_y
    _forecast(out, _FORECAST_HAVEN, millideg, haven_row, haven_col, dx, dy, sky, now, rows_per_h)
    out[_LAST] = _clip(own[OWN_TARGETS_LEFT], 0.0, 1.0)
    out[_LAST + 1] = _clip(own[OWN_TIME_LEFT], 0.0, 1.0)
