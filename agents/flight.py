"""Powered flight of a lander as it truly goes: a point mass under lunar gravity, thrust limits, tilt limit, rocket equation.

Three degrees of freedom: the thrust points where guidance asks within the tilt limit (attitude is not modelled). Guidance sees place
and velocity with the lander's navigation error, which drifts: place error grows by the velocity error, velocity error walks.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.divert import zem_zev
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.terrain.constants import MOON_GRAVITY_M_S2
from moonfleet.terrain.kernel import kernel

STEP_S = 0.1  # [s] of guidance and of the motion
HOLD_S = 2.0  # [s] guidance does not look nearer than this: its gains grow without bound as time runs out
SINK_RATE_GAIN, SIDE_GAIN, PLACE_GAIN = 1.0, 1.2, 0.36  # [1/s], [1/s], [1/s2] of the last metres (critically damped)
X, Y, Z, VX, VY, VZ, MASS = range(7)  # of a state: place [m], velocity [m/s], mass [kg]
ARRIVED, DRY, CONTACT, ALOFT = range(4)  # why a flight ended

Floats = NDArray[np.float64]


@kernel
def advance(state: Floats, ax: float, ay: float, az: float, engine: Floats, dt_s: float) -> float:
    """Move ``state`` [7] on by ``dt_s`` under an asked thrust acceleration [m/s2]; return the thrust given [N].

    ``engine``: most and least thrust [N], exhaust speed [m/s], tangent of the largest tilt, dry mass [kg]. Without propellant there
    is no thrust. Acceleration is constant over the step; mass follows the thrust.
    """
    side = math.hypot(ax, ay)
    up = max(az, 1e-3)
    if side > up * engine[3]:
        ax, ay = ax * up * engine[3] / side, ay * up * engine[3] / side
    size = math.sqrt(ax * ax + ay * ay + up * up)
    mass = state[MASS]
    thrust = min(max(size * mass, engine[1]), engine[0])
    burnt = thrust / engine[2] * dt_s
    left = mass - engine[4]
    if burnt > left:
        thrust *= max(left, 0.0) / burnt
        burnt = max(left, 0.0)
    push = thrust / (mass - 0.5 * burnt) / size  # mean mass of the step: the rocket equation to second order
    gx, gy, gz = ax * push, ay * push, up * push - MOON_GRAVITY_M_S2
    for k, a in ((X, gx), (Y, gy), (Z, gz)):
        state[k] += state[k + 3] * dt_s + 0.5 * a * dt_s * dt_s
        state[k + 3] += a * dt_s
    state[MASS] = mass - burnt
    return thrust


@kernel
def drift(error: Floats, walk: Floats, dt_s: float) -> None:
    """Let a navigation error [6] (place, velocity) grow for a step; ``walk`` [3] is what its velocity changes by [m/s]."""
    for k in range(3):
        error[k] += error[k + 3] * dt_s
        error[k + 3] += walk[k]


@kernel
def fly_step(
    state: Floats, error: Floats, gx: float, gy: float, gz: float, down: float, left_s: float, engine: Floats
) -> None:
    """Move ``state`` [7] on by `STEP_S` toward (gx, gy, gz) of the lander's map, to be there in ``left_s`` sinking at ``down`` [m/s]."""
    x, y, z = state[X] + error[X], state[Y] + error[Y], state[Z] + error[Z]
    vx, vy, vz = state[VX] + error[3], state[VY] + error[4], state[VZ] + error[5]
    ax, ay, az, _, _, _ = zem_zev(x, y, z, vx, vy, vz, gx, gy, gz, down, max(left_s, HOLD_S))
    advance(state, ax, ay, az, engine, STEP_S)


@kernel
def sink_step(state: Floats, error: Floats, gx: float, gy: float, down: float, engine: Floats) -> None:
    """Move ``state`` [7] on by `STEP_S`, sinking at ``down`` [m/s] over (gx, gy) of the lander's map."""
    ax = PLACE_GAIN * (gx - state[X] - error[X]) - SIDE_GAIN * (state[VX] + error[3])
    ay = PLACE_GAIN * (gy - state[Y] - error[Y]) - SIDE_GAIN * (state[VY] + error[4])
    az = MOON_GRAVITY_M_S2 + SINK_RATE_GAIN * (-down - state[VZ] - error[5])
    advance(state, ax, ay, az, engine, STEP_S)


@kernel
def _fly(
    state: Floats, error: Floats, goal: Floats, down: float, t_go: float, stop_z: float, engine: Floats, walk: Floats,
    track: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Fly to ``goal`` [3] of the lander's map until ``t_go`` has run out or it believes to be below ``stop_z``; see `fly`."""
    for n in range(walk.shape[0]):
        left = t_go - n * STEP_S
        if left <= 0.5 * STEP_S or state[Z] + error[Z] <= stop_z:
            return ARRIVED, n
        if state[MASS] <= engine[4]:
            return DRY, n
        fly_step(state, error, goal[0], goal[1], goal[2], down, left, engine)
        drift(error, walk[n], STEP_S)
        track[n] = state
    return ARRIVED, walk.shape[0]


@kernel
def _sink(
    state: Floats,
    error: Floats,
    goal: Floats,
    down: float,
    ground_z: float,
    engine: Floats,
    walk: Floats,
    track: Floats,
) -> tuple[int, int]:
    """Sink at ``down`` [m/s] over ``goal`` [x, y] until the pads meet the true ground at ``ground_z``; see `sink`."""
    for n in range(walk.shape[0]):
        if state[Z] <= ground_z:
            return CONTACT, n
        sink_step(state, error, goal[0], goal[1], down, engine)
        drift(error, walk[n], STEP_S)
        track[n] = state
    return ALOFT, walk.shape[0]


def engine_of(limits: LanderLimits) -> Floats:
    """Return the engine as `advance` takes it."""
    tilt = math.tan(math.radians(limits.max_tilt_deg))
    return np.array([limits.thrust_max_n, limits.thrust_min_n, limits.exhaust_m_s, tilt, limits.dry_kg])


def fly(
    state: Floats, error: Floats, goal: tuple[float, float, float], down_m_s: float, t_go_s: float, stop_z: float,
    limits: LanderLimits, rng: np.random.Generator, walk_m_s: float,
) -> tuple[int, Floats]:  # fmt: skip
    """Fly toward ``goal`` of the lander's map, to be reached after ``t_go_s`` sinking at ``down_m_s``.

    ``state`` [7] and ``error`` [6] are changed in place. Ends early where the lander believes to be below ``stop_z`` [m]. ``walk_m_s``:
    standard deviation by which the velocity error changes in the root of a second. Returns why it ended (`ARRIVED`, `DRY`) and
    the states on the way, float64 [n, 7].
    """
    steps = max(1, math.ceil(t_go_s / STEP_S))
    walk = rng.standard_normal((steps, 3)) * (walk_m_s * math.sqrt(STEP_S))
    track = np.empty((steps, 7))
    why, n = _fly(state, error, np.array(goal), down_m_s, t_go_s, stop_z, engine_of(limits), walk, track)
    return why, track[:n]


def sink(
    state: Floats, error: Floats, goal: tuple[float, float], down_m_s: float, ground_z: float, limits: LanderLimits,
    rng: np.random.Generator, walk_m_s: float, longest_s: float = 120.0,
) -> tuple[int, Floats]:  # fmt: skip
    """Sink over ``goal`` of the lander's map until contact at the true height ``ground_z`` [m]; as `fly` else.

    Without propellant it falls. Returns `CONTACT`, or `ALOFT` if that did not come within ``longest_s``.
    """
    steps = math.ceil(longest_s / STEP_S)
    walk = rng.standard_normal((steps, 3)) * (walk_m_s * math.sqrt(STEP_S))
    track = np.empty((steps, 7))
    why, n = _sink(state, error, np.array(goal), down_m_s, ground_z, engine_of(limits), walk, track)
    return why, track[:n]
