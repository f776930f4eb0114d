"""What the lander of HazardLanding sees and may do: one table of features, one kernel that fills the lander's own.

The observation is one float32 vector of 800 numbers. All directions and offsets are (east, north) on the lander's map. All of it is
what a lander may know: the patches that lidar and camera show around its aim, what it makes of them, and its own state as it believes it.
"""

from __future__ import annotations

import math

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.flight import MASS, VX, VY, VZ, X, Y, Z
from moonfleet.agents.landers import level_at, speed_needed_m_s, time_to_ground_s
from moonfleet.agents.landing_eye import scale_of, to_map, to_tile
from moonfleet.agents.landing_tiles import SCALES_M
from moonfleet.autonomy.landing_view import (
    CELLS,
    HIGHEST_GREY,
    JUDGED,
    PLACES,
    SIDE,
    judge_places,
    place_offset_m,
)
from moonfleet.terrain.kernel import kernel

from ..tables import Feature, box_of, offsets, size_of, slice_of

KEEP = PLACES // 2  # the place in the middle is the present aim
COMMIT = PLACES
N_ACTIONS = PLACES + 1
COMMIT_ABOVE = 0.8  # of the third number of a continuous action
SCALES = len(SCALES_M)
STAGES = 4  # three gates, and the straight sink

HEIGHT_UNIT_M, LOW_UNIT_M = 400.0, 40.0  # [m]
SPEED_UNIT_M_S, OFFSET_UNIT_M, TIME_UNIT_S = 20.0, 100.0, 80.0
FUEL_UNIT_M_S, SPARE_UNIT_M_S = 200.0, 50.0  # [m/s] of change of speed
SUN_EL_UNIT_DEG = 15.0

Floats = NDArray[np.float64]
F32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


FEATURES: tuple[Feature, ...] = (
    Feature("lidar_height", CELLS, -1.0, 1.0, "height above the ground at the aim / (3.5 cells), 15 x 15 cells, rows from the north"),
    Feature("lidar_rise", CELLS, 0.0, 2.0, "how far each cell's highest point stands out / 0.5 m; flattened by the lidar's spot from far"),
    Feature("camera", CELLS, 0.0, HIGHEST_GREY, "brightness / that of level sunlit ground; shadows are 0"),
    Feature("place_slope", PLACES, 0.0, 2.0, "slope under a lander at each of 5 x 5 places, as the lidar shows it, tangent / tan 12 deg"),
    Feature("place_pads", PLACES, 0.0, 4.0, "highest point under its pads there above that plane / 0.2 m"),
    Feature("place_belly", PLACES, 0.0, 2.0, "highest point under its belly there above that plane / 0.5 m"),
    Feature("place_contrast", PLACES, 0.0, 2.0, "standard deviation of the brightness there: rocks and their shadows"),
    Feature("height", 2, 0.0, 2.0, "height above the ground at the aim / 400 m; / 40 m"),
    Feature("velocity", 3, -2.0, 2.0, "velocity east, north, up / 20 m/s"),
    Feature("offset", 2, -2.0, 2.0, "from the lander to its aim, east and north / 100 m"),
    Feature("fuel", 1, 0.0, 2.0, "change of speed that the fuel left is worth / 200 m/s"),
    Feature("spare", 2, -2.0, 2.0, "the same less what coming down costs / 50 m/s: from gate to gate; if it commits now"),
    Feature("time_to_ground", 1, 0.0, 2.0, "time to the ground, from gate to gate / 80 s"),
    Feature("stage", STAGES, 0.0, 1.0, "which gate is next, one of: 120 m, 30 m, 2 m, sinking straight down"),
    Feature("committed", 1, 0.0, 1.0, "1 once it has committed: actions do nothing any more"),
    Feature("scale", SCALES, 0.0, 1.0, "which cells the patches have, one of: 0.5, 1, 2, 4 m"),
    Feature("sun", 3, -1.0, 1.0, "Sun's azimuth (sin, cos), elevation / 15 deg"),
    Feature("lidar_works", 1, 0.0, 1.0, "0 while the lidar is out: its features are 0 then"),
    Feature("refused", 1, 0.0, 1.0, "1 if the last divert could not be flown and the aim stayed"),
)  # fmt: skip


OFFSET: dict[str, int] = offsets(FEATURES)
SIZE: int = size_of(FEATURES)
PATCHES = OFFSET["lidar_height"]
_JUDGED, _OWN = OFFSET["place_slope"], OFFSET["height"]


def feature_slice(name: str) -> slice:
    """Return where the feature ``name`` lies in the observation (KeyError for an unknown name)."""
    return slice_of(FEATURES, name)


def observation_space() -> gymnasium.spaces.Box:
    """Return the Box of the observation, float32 [800], bounds as in `FEATURES`."""
    return box_of(FEATURES)


def discrete_space() -> gymnasium.spaces.Discrete[np.int64]:
    """Return Discrete(26): aim at place 0..24 of the patch (rows from the north; 12 keeps the aim), 25 commit."""
    return gymnasium.spaces.Discrete(N_ACTIONS)


def continuous_space() -> gymnasium.spaces.Box:
    """Return Box [3] in [-1, 1]: move the aim east and north by so much of half the patch; commit if the third is above 0.8."""
    return gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)


@kernel
def _within(value: float, most: float) -> float:
    """Return ``value`` held within -``most``..``most``."""
    return min(max(value, -most), most)


@kernel
def wishes(
    actions: Ints, moves: F32, symmetry: Ints, state: Floats, error: Floats, aim: Floats, tile: Ints, level: F32, free: Bools,
    wish: Floats, asked: Bools, commit: Bools,
) -> None:  # fmt: skip
    """Turn actions into wishes: ``wish`` [W, 2] of the landers' tiles and which are ``asked`` [W], and who means to ``commit`` [W].

    Of landers that are ``free`` [W] only. ``moves`` [W, 3] are continuous actions; if there are none (W = 0), ``actions`` [W] count.
    """
    for w in range(free.size):
        asked[w], commit[w] = False, False
        if not free[w]:
            continue
        ground = level_at(level, tile[w], aim[w, 0] - error[w, X], aim[w, 1] - error[w, Y])
        cell = SCALES_M[scale_of(state[w, Z] + error[w, Z] - ground)]
        if moves.shape[0] > 0:
            commit[w] = moves[w, 2] > COMMIT_ABOVE
            east, north = 0.5 * SIDE * cell * moves[w, 0], 0.5 * SIDE * cell * moves[w, 1]
        else:
            commit[w] = actions[w] == COMMIT
            east, north = place_offset_m(min(actions[w], PLACES - 1), cell)
        if not commit[w] and (east != 0.0 or north != 0.0):
            dx, dy = to_tile(symmetry[w], east, north)
            wish[w, 0], wish[w, 1], asked[w] = aim[w, 0] + dx, aim[w, 1] + dy, True


@kernel
def fill_own(
    part: int, parts: int, rows: Ints, state: Floats, error: Floats, aim: Floats, gate: Ints, tile: Ints, level: F32, gates: Floats,
    exhaust: float, dry_kg: float, symmetry: Ints, sun: Ints, sun_az_deg: Floats, sun_el_deg: Floats, committed: Bools, working: Bools,
    refused: Bools, out: F32,
) -> None:  # fmt: skip
    """Fill all features but the patches, which must be there already, of the ``part``-th of ``parts`` shares of the ``rows`` of ``out``."""
    last_gate = gates.shape[0] - 1
    sums, tops = np.empty((SIDE, 4), np.float32), np.empty(CELLS, np.float32)
    count = rows.size
    for place in range(part * count // parts, (part + 1) * count // parts):
        w = int(rows[place])
        row = out[w]
        s, e = state[w], error[w]
        ground = level_at(level, tile[w], aim[w, 0] - e[X], aim[w, 1] - e[Y])
        height = max(s[Z] + e[Z] - ground, 0.0)
        scale = scale_of(height)
        judge_places(
            row[PATCHES : PATCHES + 3 * CELLS], SCALES_M[scale], sums, tops, row[_JUDGED : _JUDGED + JUDGED * PLACES]
        )
        if not working[w]:
            row[_JUDGED : _JUDGED + 3 * PLACES] = 0.0
        k = _OWN
        row[k], row[k + 1] = min(height / HEIGHT_UNIT_M, 2.0), min(height / LOW_UNIT_M, 2.0)
        vx, vy = to_map(symmetry[w], s[VX] + e[VX], s[VY] + e[VY])
        vz = s[VZ] + e[VZ]
        row[k + 2], row[k + 3] = _within(vx / SPEED_UNIT_M_S, 2.0), _within(vy / SPEED_UNIT_M_S, 2.0)
        row[k + 4] = _within(vz / SPEED_UNIT_M_S, 2.0)
        dx, dy = to_map(symmetry[w], aim[w, 0] - s[X] - e[X], aim[w, 1] - s[Y] - e[Y])
        row[k + 5], row[k + 6] = _within(dx / OFFSET_UNIT_M, 2.0), _within(dy / OFFSET_UNIT_M, 2.0)
        worth = exhaust * math.log(max(s[MASS] / dry_kg, 1.0))
        row[k + 7] = min(worth / FUEL_UNIT_M_S, 2.0)
        row[k + 8] = _within((worth - speed_needed_m_s(height, vz, int(gate[w]), gates)) / SPARE_UNIT_M_S, 2.0)
        soon = max(int(gate[w]), last_gate)
        row[k + 9] = _within((worth - speed_needed_m_s(height, vz, soon, gates)) / SPARE_UNIT_M_S, 2.0)
        row[k + 10] = min(time_to_ground_s(height, vz, int(gate[w]), gates) / TIME_UNIT_S, 2.0)
        k += 11
        for j in range(STAGES):
            row[k + j] = 1.0 if j == gate[w] else 0.0
        k += STAGES
        row[k] = 1.0 if committed[w] else 0.0
        k += 1
        for j in range(SCALES):
            row[k + j] = 1.0 if j == scale else 0.0
        k += SCALES
        azimuth = math.radians(sun_az_deg[tile[w], sun[w]])
        x, y = to_map(symmetry[w], math.sin(azimuth), math.cos(azimuth))
        row[k], row[k + 1], row[k + 2] = x, y, min(sun_el_deg[sun[w]] / SUN_EL_UNIT_DEG, 1.0)
        row[k + 3] = 1.0 if working[w] else 0.0
        row[k + 4] = 1.0 if refused[w] else 0.0
