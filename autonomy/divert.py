"""Powered flight to a place: zero-effort-miss guidance, and what a lander can reach with it.

Guidance: with ``ZEM`` and ``ZEV`` the misses in place and velocity that coasting would leave, the thrust acceleration
``a = 6 ZEM / t_go^2 - 2 ZEV / t_go`` costs least energy (Guo, Hawkins and Wie 2013, J. Guid. Control Dyn. 36, 810-820; the
same law as D'Souza 1997). Flown without disturbance it is linear in time, from that value to ``-6 ZEM / t_go^2 + 4 ZEV / t_go``:
so thrust, tilt and fuel of a divert are known before it is flown.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.constants import MOON_GRAVITY_M_S2
from moonfleet.terrain.kernel import kernel

from .errors import LandingError
from .lander_limits import LanderLimits

SAMPLES = 9  # of a flight: Simpson's rule for its speed change; tilt and height are checked at them
TIMES = 12  # flight times tried
SHORTEST_S = 4.0  # [s] no divert is shorter
THRUST_SHARE = 0.95  # of the engine's range that is planned with; the rest is for disturbances

Floats = NDArray[np.float64]


class Motion(NamedTuple):
    """Where a lander is: x, y of its map and height above the landing ground [m], velocity [m/s], mass [kg]."""

    x: float
    y: float
    z: float
    vx: float
    vy: float
    vz: float
    mass_kg: float


class Gate(NamedTuple):
    """Where a flight ends: height above the landing ground [m], and rate of descent there [m/s]; sideways at rest."""

    z: float
    descent_m_s: float


class Reach(NamedTuple):
    """What can be reached, of the shape of the places asked for."""

    speed_m_s: Floats  # change of speed that the cheapest flight there costs; inf where there is none
    time_s: Floats  # its time; NaN where there is none

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Where there is a flight."""
        return np.isfinite(self.speed_m_s)


@kernel
def zem_zev(
    rx: float, ry: float, rz: float, vx: float, vy: float, vz: float, fx: float, fy: float, fz: float, down: float,
    t_go: float,
) -> tuple[float, float, float, float, float, float]:  # fmt: skip
    """Return the thrust acceleration now and at the end of a flight [m/s2]: ax, ay, az, bx, by, bz.

    From place r and velocity v to place f, reached with velocity (0, 0, -down) after ``t_go`` [s].
    """
    g = -MOON_GRAVITY_M_S2
    mx, my, mz = fx - rx - vx * t_go, fy - ry - vy * t_go, fz - rz - vz * t_go - 0.5 * g * t_go * t_go
    wx, wy, wz = -vx, -vy, -down - vz - g * t_go
    p, q = 6.0 / (t_go * t_go), 2.0 / t_go
    return (
        p * mx - q * wx, p * my - q * wy, p * mz - q * wz,
        2.0 * q * wx - p * mx, 2.0 * q * wy - p * my, 2.0 * q * wz - p * mz,
    )  # fmt: skip


@kernel
def flight_cost(
    rx: float, ry: float, rz: float, vx: float, vy: float, vz: float, fx: float, fy: float, fz: float, down: float,
    t_go: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Return of one flight: change of speed [m/s], most and least acceleration [m/s2], largest tangent of tilt, lowest height [m]."""
    ax, ay, az, bx, by, bz = zem_zev(rx, ry, rz, vx, vy, vz, fx, fy, fz, down, t_go)
    total, most, least, tilt, low = 0.0, 0.0, np.inf, 0.0, np.inf
    g = MOON_GRAVITY_M_S2
    for k in range(SAMPLES):
        u = k / (SAMPLES - 1)
        cx, cy, cz = ax + (bx - ax) * u, ay + (by - ay) * u, az + (bz - az) * u
        size = math.sqrt(cx * cx + cy * cy + cz * cz)
        weight = 1.0 if k == 0 or k == SAMPLES - 1 else (4.0 if k % 2 == 1 else 2.0)
        total += weight * size
        most, least = max(most, size), min(least, size)
        tilt = max(tilt, math.hypot(cx, cy) / cz if cz > 0.0 else np.inf)
        t = u * t_go
        low = min(low, rz + vz * t + (az - g) * t * t / 2.0 + (bz - az) * u * t * t / 6.0)
    return total * t_go / (3.0 * (SAMPLES - 1)), most, least, tilt, low


@kernel
def fits_engine(
    dv: float, high: float, low: float, tilt: float, mass: float, most: float, least_n: float, exhaust: float, tan_tilt: float
) -> bool:  # fmt: skip
    """Return whether a lander of ``mass`` [kg] on a flight as of `flight_cost` keeps to ``least_n`` to ``most`` [N] and the tilt."""
    lightest = mass * math.exp(-dv / exhaust)
    return high * mass <= most and low * lightest >= least_n and tilt <= tan_tilt


@kernel
def even_descent_s(drop: float, vz: float, down: float) -> float:
    """Return the time [s] of a ``drop`` [m] at an even deceleration from ``vz`` (up) [m/s] to a rate of descent ``down`` [m/s]."""
    return 2.0 * drop / max(down - vz, 0.5)


@kernel
def _cheapest(
    px: Floats, py: Floats, start: Floats, fz: float, down: float, times: Floats, most: float, least_n: float,
    exhaust: float, tan_tilt: float, budget: float, range_m: float, speed: Floats, time: Floats,
) -> None:  # fmt: skip
    """Fill ``speed`` and ``time`` [n] with the cheapest allowed flight to each of the places ``px``, ``py`` [n]."""
    for i in range(px.size):
        speed[i], time[i] = np.inf, np.nan
        if math.hypot(px[i] - start[0], py[i] - start[1]) > range_m:
            continue
        for t in times:
            dv, high, low, tilt, bottom = flight_cost(
                start[0], start[1], start[2], start[3], start[4], start[5], px[i], py[i], fz, down, t
            )
            fits = fits_engine(dv, high, low, tilt, start[6], most, least_n, exhaust, tan_tilt)
            if fits and dv <= budget and bottom >= min(fz, start[2]) - 1e-6 and dv < speed[i]:
                speed[i], time[i] = dv, t


def slowest_s(motion: Motion, gate: Gate, limits: LanderLimits) -> float:
    """Return the longest time [s] that a divert may take: the sink to the gate at its final rate, at most ``time_max_s``.

    So the lander never climbs or waits, and from lower down it can go less far.
    """
    return min(limits.time_max_s, max(SHORTEST_S, even_descent_s(motion.z - gate.z, motion.vz, gate.descent_m_s)))


def reach(
    px: Floats, py: Floats, motion: Motion, gate: Gate, limits: LanderLimits, *, kept_m_s: float, range_m: float | None = None,
    longest_s: float | None = None,
) -> Reach:  # fmt: skip
    """Return what a lander in ``motion`` can reach of the places ``px``, ``py`` [m] (any one shape) at a gate above them.

    A place is reachable if some flight to it stays inside the engine's thrust range and ``limits.max_tilt_deg``, never dips below the
    gate, is no longer than ``longest_s`` (default: `slowest_s`) and ``range_m`` (default: ``limits.range_max_m``), and leaves the
    reserve plus ``kept_m_s`` [m/s] for what comes after the gate.

    Raises
    ------
    LandingError
        Places of two shapes, a lander below the gate, or without its mass; a gate, time, range or reserve that is no number.
    """
    if px.shape != py.shape:
        raise LandingError(f"reach: px {px.shape}, py {py.shape}: must be of one shape")
    if not (motion.z >= gate.z >= 0.0 and all(math.isfinite(value) for value in motion)):
        raise LandingError(f"reach: motion {motion}: must be finite and not below the gate at {gate.z:g} m")
    if not motion.mass_kg > limits.dry_kg:
        raise LandingError(f"reach: mass_kg = {motion.mass_kg!r}: must be > {limits.dry_kg:g} kg, the dry mass")
    longest = slowest_s(motion, gate, limits) if longest_s is None else longest_s
    farthest = limits.range_max_m if range_m is None else range_m
    for name, value in (("gate.descent_m_s", gate.descent_m_s), ("kept_m_s", kept_m_s), ("longest_s", longest)):
        if not 0.0 <= value < math.inf:
            raise LandingError(f"reach: {name} = {value!r}: must be finite and >= 0")
    if not farthest >= 0.0:
        raise LandingError(f"reach: range_m = {farthest!r}: must be >= 0 m")
    times = np.linspace(SHORTEST_S, max(longest, SHORTEST_S), TIMES)
    speed, time = np.empty(px.size), np.empty(px.size)
    _cheapest(
        np.ravel(px).astype(np.float64), np.ravel(py).astype(np.float64), np.array(motion), gate.z, gate.descent_m_s, times,
        THRUST_SHARE * limits.thrust_max_n, limits.thrust_min_n / THRUST_SHARE, limits.exhaust_m_s,
        math.tan(math.radians(limits.max_tilt_deg)), limits.speed_left_m_s(motion.mass_kg) - kept_m_s,
        farthest, speed, time,
    )  # fmt: skip
    return Reach(speed.reshape(px.shape), time.reshape(px.shape))
