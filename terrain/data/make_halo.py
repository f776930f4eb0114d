"""Compute the shipped table ``gateway_halo.json``; run by hand when the recipe changes.

    python -m moonfleet.terrain.data.make_halo terrain/data/gateway_halo.json

The orbit is the member of the southern near-rectilinear halo family about the second Lagrange point of Earth and Moon that
revolves nine times in two synodic months (Zimovan-Spreen, Howell and Davis 2020; Lee 2019, "Gateway destination orbit
model"). It is periodic in the circular restricted three-body problem and mirrors itself in the plane y = 0: Newton's method
on the three free numbers of the apolune (x, z, vy) until the orbit crosses that plane at right angles half a period later.

Units of the problem: the distance of Earth and Moon, and the sidereal month over 2 pi. Origin: the barycentre; x to the Moon.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from moonfleet.terrain.constants import EARTH_MOON_MASS_RATIO, LUNAR_DAY_S, MOON_SIDEREAL_DAY_S
from moonfleet.terrain.halo import COLUMNS

Array = NDArray[np.float64]

MASS_RATIO: Final = 1.0 / (1.0 + EARTH_MOON_MASS_RATIO)  # [-] the Moon's share of both masses
PERIOD_S: Final = LUNAR_DAY_S * 2.0 / 9.0  # [s] nine revolutions in two synodic months
PERIOD: Final = PERIOD_S * 2.0 * math.pi / MOON_SIDEREAL_DAY_S  # [-]
GUESS: Final = (1.022_021, -0.182_101, -0.103_271)  # [-] x, z, vy at apolune; the 9:2 orbit of the papers named above
NODES: Final = 480  # intervals of the table, even in time over distance: short near the Moon
TOLERANCE: Final = 1e-12


def motion(_: float, s: Array) -> Array:
    """Return the rate of change of a state [6] in the circular restricted three-body problem."""
    x, y, z, vx, vy, vz = s[:6]
    to_earth = ((x + MASS_RATIO) ** 2 + y * y + z * z) ** 1.5
    to_moon = ((x - 1.0 + MASS_RATIO) ** 2 + y * y + z * z) ** 1.5
    earth, moon = (1.0 - MASS_RATIO) / to_earth, MASS_RATIO / to_moon
    ax = 2.0 * vy + x - earth * (x + MASS_RATIO) - moon * (x - 1.0 + MASS_RATIO)
    ay = -2.0 * vx + y - (earth + moon) * y
    return np.array([vx, vy, vz, ax, ay, -(earth + moon) * z])


def timed_motion(_: float, s: Array) -> Array:
    """Like `motion` with time as a seventh number, by the fictitious time that runs fast far from the Moon."""
    distance = math.sqrt((s[0] - 1.0 + MASS_RATIO) ** 2 + s[1] ** 2 + s[2] ** 2)
    return distance * np.append(motion(0.0, s), 1.0)


def jacobi(s: Array) -> Array:
    """Return the Jacobi constant of states float64 [6, ...]."""
    x, y, z, vx, vy, vz = s
    to_earth = np.sqrt((x + MASS_RATIO) ** 2 + y * y + z * z)
    to_moon = np.sqrt((x - 1.0 + MASS_RATIO) ** 2 + y * y + z * z)
    pull = x * x + y * y + 2.0 * (1.0 - MASS_RATIO) / to_earth + 2.0 * MASS_RATIO / to_moon
    return pull - vx * vx - vy * vy - vz * vz


def fly(start: Array, t: Array) -> Array:
    """Return the states float64 [6, n] at times ``t``, rising from 0, of the orbit that begins at ``start`` [6]."""
    done: Any = solve_ivp(motion, (0.0, float(t[-1])), start, method="DOP853", rtol=1e-13, atol=1e-14, t_eval=t)
    return done.y


def apolune(free: Array) -> Array:
    """Return the state [6] at apolune from its free numbers x, z, vy."""
    return np.array([free[0], 0.0, free[1], 0.0, free[2], 0.0])


def correct(guess: tuple[float, float, float]) -> Array:
    """Return the apolune [6] of the orbit of period `PERIOD` near ``guess``."""

    def miss(free: Array) -> Array:
        return fly(apolune(free), np.array([0.0, PERIOD / 2.0]))[[1, 3, 5], -1]

    free: Array = np.array(guess)
    for _ in range(20):
        off = miss(free)
        if np.abs(off).max() < TOLERANCE:
            return apolune(free)
        steps = 1e-7 * np.eye(3)
        slope = np.stack([(miss(free + step) - miss(free - step)) / 2e-7 for step in steps], axis=1)
        change: Array = np.linalg.solve(slope, off).astype(np.float64)
        free = free - change * min(1.0, 0.01 / np.abs(change).max())
    raise SystemExit(f"no periodic orbit found near {guess}")


def table(start: Array) -> Array:
    """Return float64 [NODES + 1, 7], columns as `moonfleet.terrain.halo.COLUMNS`, from perilune, mirrored in y = 0."""
    perilune = fly(start, np.array([0.0, PERIOD / 2.0]))[:, -1]
    perilune[[1, 3, 5]] = 0.0
    half: Any = solve_ivp(
        timed_motion, (0.0, 1e3), np.append(perilune, 0.0), method="DOP853", rtol=1e-13, atol=1e-14,
        dense_output=True, events=_half_way,
    )  # fmt: skip
    states = half.sol(np.linspace(0.0, half.t_events[0][0], NODES // 2 + 1)).T
    place = states[:, :3] - np.array([1.0 - MASS_RATIO, 0.0, 0.0])
    nodes = np.column_stack([states[:, 6] / PERIOD, place, states[:, 3:6] * PERIOD])
    nodes[-1, [0, 2, 4, 6]] = 0.5, 0.0, 0.0, 0.0
    back = nodes[-2::-1] * np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    back[:, 0] += 1.0
    return np.concatenate([nodes, back]) + 0.0


def _half_way(_: float, s: Array) -> float:
    return float(s[6] - PERIOD / 2.0)


_half_way.terminal = True  # pyright: ignore[reportFunctionMemberAccess]


def derive(target: Path) -> None:
    """Compute the orbit and write its table."""
    start = correct(GUESS)
    rows = [[float(f"{value:.12g}") for value in row] for row in table(start)]
    head = {
        "made_by": "terrain/data/make_halo.py",
        "what": "9:2 southern L2 near-rectilinear halo orbit, circular restricted three-body problem",
        "mass_ratio": MASS_RATIO,
        "jacobi": float(jacobi(start)),
        "period_s": PERIOD_S,
        "columns": list(COLUMNS),
    }
    lines = ",\n".join(json.dumps(row) for row in rows)
    target.write_text(json.dumps(head, indent=1)[:-2] + f',\n "nodes": [\n{lines}\n]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: make_halo.py TARGET.json")
    derive(Path(sys.argv[1]))
