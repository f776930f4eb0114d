"""Makes an episode of HazardLanding: ground, light, start and faults. All of it follows from (root seed, episode number)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.descent import ALTIMETER_SIGMA_M, DOPPLER_SIGMA_M_S
from moonfleet.agents.landers import GATES
from moonfleet.agents.landing_eye import SYMMETRIES
from moonfleet.agents.landing_tiles import SUN_AZIMUTHS
from moonfleet.autonomy.divert import even_descent_s
from moonfleet.terrain.seeds import stream

from ..game import Episode
from .levels import Level

PURPOSE = "hazard-landing"
AIM_M: Final = 30.0  # [m] the first aim lies within this of the tile's middle, on each axis
HEIGHT_M: Final = (380.0, 420.0)  # [m] at the start
DOWN_M_S: Final = (16.0, 20.0)  # [m/s]
FORWARD_M_S: Final = (8.0, 12.0)  # [m/s]
OFF_M: Final = 8.0  # [m] standard deviation of the start about the place from which an even flight leads to the aim
EVEN = 13  # numbers drawn evenly
NORMAL = 6  # and from a normal distribution

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Starts(NamedTuple):
    """How n episodes begin, in the frames of their tiles."""

    tile: Ints  # [n]
    symmetry: Ints  # [n] how the lander's map lies on the tile
    sun: Ints  # [n] number of the tile's Sun
    key: NDArray[np.uint64]  # [n] of the sensors' noise
    aim: Floats  # [n, 2] m
    state: Floats  # [n, 7] without the height of the ground and the dry mass
    error: Floats  # [n, 6] of navigation
    blur: Floats  # [n] multiplies the sensors' noise
    fault: Ints  # [n, 2] first step without the lidar, and first one with it again


def _spread(u: Floats, ends: tuple[float, float]) -> Floats:
    """Return ``u`` in 0..1 as numbers between ``ends``."""
    return ends[0] + u * (ends[1] - ends[0])


def make_starts(episodes: Sequence[Episode], level: Level, tiles: int) -> Starts:
    """Return the beginnings of n episodes over a pool of ``tiles`` tiles."""
    n = len(episodes)
    u, normal, key = np.empty((n, EVEN)), np.empty((n, NORMAL)), np.empty(n, np.uint64)
    for k, episode in enumerate(episodes):
        rng = stream(episode.root, PURPOSE, episode=episode.number)
        u[k], normal[k] = rng.random(EVEN), rng.standard_normal(NORMAL)
        key[k] = rng.integers(2**64, dtype=np.uint64)
    down, forward = _spread(u[:, 5], DOWN_M_S), _spread(u[:, 6], FORWARD_M_S)
    height, heading = _spread(u[:, 4], HEIGHT_M), 2.0 * math.pi * u[:, 7]
    aim = AIM_M * (2.0 * u[:, 2:4] - 1.0)
    gate_m, gate_m_s = GATES[0]
    time = np.array([even_descent_s(h - gate_m, -v, gate_m_s) for h, v in zip(height, down, strict=True)])
    toward = np.stack([np.sin(heading), np.cos(heading)], axis=1)
    state = np.zeros((n, 7))
    state[:, :2] = aim - toward * (0.5 * forward * time)[:, None] + OFF_M * normal[:, :2]
    state[:, 2], state[:, 5] = height, -down
    state[:, 3:5] = toward * forward[:, None]
    state[:, 6] = _spread(u[:, 8], level.fuel_kg)
    error = np.zeros((n, 6))
    error[:, 2] = ALTIMETER_SIGMA_M * normal[:, 2]
    error[:, 3:] = DOPPLER_SIGMA_M_S * normal[:, 3:6]
    which = (u[:, 0] * tiles * SYMMETRIES).astype(np.int64)
    sun = (u[:, 1] * SUN_AZIMUTHS * len(level.sun_el)).astype(np.int64)
    elevation = np.array(level.sun_el, np.int64)[sun // SUN_AZIMUTHS]
    begins = (60.0 * u[:, 10]).astype(np.int64)
    lasts = np.ceil(_spread(u[:, 11], level.fault_s)).astype(np.int64)
    faulty = u[:, 9] < level.fault_chance
    fault = np.stack([np.where(faulty, begins, 0), np.where(faulty, begins + lasts, 0)], axis=1)
    blur = _spread(u[:, 12], level.noise)
    return Starts(
        which // SYMMETRIES, which % SYMMETRIES, elevation * SUN_AZIMUTHS + sun % SUN_AZIMUTHS, key, aim, state, error,
        blur, fault,
    )  # fmt: skip
