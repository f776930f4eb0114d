"""Policies to compare with: they see what a learner sees, and keep no memory. All answer with discrete actions."""

from __future__ import annotations

import zlib
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.landers import GATES
from moonfleet.agents.landing_tiles import SCALES_M
from moonfleet.autonomy.divert import Gate, Motion, even_descent_s, reach
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.autonomy.landing_view import PLACES, PLACES_SIDE, place_offset_m
from moonfleet.terrain import seeds

from .spaces import (
    COMMIT,
    FUEL_UNIT_M_S,
    HEIGHT_UNIT_M,
    KEEP,
    N_ACTIONS,
    OFFSET_UNIT_M,
    SIZE,
    SPARE_UNIT_M_S,
    SPEED_UNIT_M_S,
    feature_slice,
)

F32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Chance that a lander stands unsafely, as a logistic function of 1, slope, slope^2, pads, pads^2, belly, belly^2, contrast, contrast^2 (the
# features `place_...`), for each scale from 0.5 to 4 m; fitted to 125 000 places of each on the tiles of levels easy and default.
RISK: Final = np.array(
    [
        [-3.07, -3.17, 4.14, 1.64, -0.11, 3.27, -0.68, 2.87, -1.68],
        [-4.86, -4.17, 4.59, 3.16, -0.53, 3.08, -0.49, 1.40, -0.86],
        [-5.57, -3.12, 2.79, 1.89, -0.39, 6.59, -1.91, 1.30, -1.04],
        [-4.14, -2.71, 2.23, 0.00, 0.00, 7.05, -2.22, 1.73, -1.84],
    ]
)
# The same of 1, contrast, contrast^2 alone, for while the lidar is out.
BLIND_RISK: Final = np.array([[-1.22, 4.63, -1.64], [-1.14, 5.75, -2.76], [-0.74, 6.08, -4.60], [-0.28, 3.64, -3.05]])
ROUND: Final = np.array([0.0, 0.0, 0.3, 0.3])  # weight of the places around, by scale: from far, room to refine counts
BETTER: Final = np.array(
    [0.03, 0.05, 0.1, 0.15]
)  # [-] by scale, a place must be so much less risky to be worth a divert
PER_M: Final = 0.0004  # [1/m] risk that a metre of divert is worth
KEPT_M_S: Final = 3.0  # [m/s] never planned with


class LandingPolicy(Protocol):
    """Whatever turns observations of HazardLanding into actions."""

    def act(self, observation: F32) -> int:
        """Return the action for one observation float32 [F]."""
        ...

    def act_batch(self, observations: F32) -> Ints:
        """Return the actions int64 [n] for observations float32 [n, F], row by row as `act`."""
        ...


class _RowByRow:
    """Makes `act` from `act_batch`."""

    def act(self, observation: F32) -> int:
        """Return the action for one observation float32 [F]."""
        return int(self.act_batch(np.asarray(observation, np.float32).reshape(1, SIZE))[0])

    def act_batch(self, observations: F32) -> Ints:
        """Return the actions int64 [n] for observations float32 [n, F]."""
        raise NotImplementedError


class RandomPolicy(_RowByRow):
    """Any action with equal chance; the draw follows from the seed and the observation."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._salt = int(seeds.stream(seed, "random landing policy").integers(2**32))

    def act_batch(self, observations: F32) -> Ints:
        """Return the actions int64 [n]."""
        rows = np.ascontiguousarray(observations, np.float32)
        return np.array([zlib.crc32(row.tobytes(), self._salt) % N_ACTIONS for row in rows], np.int64)


class GreedyPolicy(_RowByRow):
    """Takes the nearest flat place that it sees first, and commits to it at once: the least fuel, no second look."""

    FLAT: Final = 0.7  # of the slope limit

    def __init__(self) -> None:
        rows, cols = np.divmod(np.arange(PLACES), PLACES_SIDE)
        middle = PLACES_SIDE // 2
        self._near = np.argsort(np.hypot(rows - middle, cols - middle), kind="stable")

    def act_batch(self, observations: F32) -> Ints:
        """Return the actions int64 [n]."""
        flat = observations[:, feature_slice("place_slope")][:, self._near] <= self.FLAT
        first = np.where(flat.any(axis=1), np.argmax(flat, axis=1), 0)
        place = self._near[first]
        refused = observations[:, feature_slice("refused")][:, 0] > 0.5
        return np.where((place == KEEP) | refused, COMMIT, place).astype(np.int64)


class PlannerPolicy(_RowByRow):
    """Aims at the place in reach that is least likely unsafe, looks again every second, and commits when the fuel says so.

    Risk: slope, highest points and contrast of the places as fitted (`RISK`). Reach: the flights of `autonomy.divert`. It never
    commits while the fuel lasts for the whole profile; else as late as the fuel allows.
    """

    def __init__(self, limits: LanderLimits | None = None) -> None:
        self.limits = limits or LanderLimits()

    def act_batch(self, observations: F32) -> Ints:
        """Return the actions int64 [n]."""
        seen = np.asarray(observations, np.float64)
        scale = np.argmax(seen[:, feature_slice("scale")], axis=1)
        risk = place_risk(seen, scale)
        out = np.empty(len(seen), np.int64)
        spare = seen[:, feature_slice("spare")] * SPARE_UNIT_M_S
        stage = np.argmax(seen[:, feature_slice("stage")], axis=1)
        done = (seen[:, feature_slice("committed")][:, 0] > 0.5) | (stage >= len(GATES))
        late = (spare[:, 0] < KEPT_M_S) & (spare[:, 1] < 2.0 * KEPT_M_S)
        for k in range(len(seen)):
            if done[k]:
                out[k] = KEEP
            elif late[k]:
                out[k] = COMMIT
            else:
                out[k] = self._place(seen[k], int(scale[k]), int(stage[k]), risk[k], float(spare[k].max()))
        return out

    def _place(self, row: Floats, scale: int, stage: int, risk: Floats, spare_m_s: float) -> int:
        """Return the best place in reach: the one kept unless another is clearly better."""
        offsets = np.array([place_offset_m(place, SCALES_M[scale]) for place in range(PLACES)])
        cost = risk + PER_M * np.hypot(offsets[:, 0], offsets[:, 1])
        cost[KEEP] -= BETTER[scale]
        wanted = np.flatnonzero(cost < cost[KEEP])
        if not wanted.size:
            return KEEP
        height = float(row[feature_slice("height")][0]) * HEIGHT_UNIT_M
        velocity = row[feature_slice("velocity")] * SPEED_UNIT_M_S
        offset = row[feature_slice("offset")] * OFFSET_UNIT_M
        worth = float(row[feature_slice("fuel")][0]) * FUEL_UNIT_M_S
        mass = self.limits.dry_kg * float(np.exp(worth / self.limits.exhaust_m_s))
        gate = Gate(*GATES[stage])
        motion = Motion(0.0, 0.0, height, float(velocity[0]), float(velocity[1]), float(velocity[2]), mass)
        if height <= gate.z or mass <= self.limits.dry_kg:
            return KEEP
        time = even_descent_s(height - gate.z, motion.vz, gate.descent_m_s)
        place = offset + offsets[wanted]
        speed = _reach(np.concatenate([offset[None, :], place]), motion, gate, self.limits, time)
        straight = speed[0] if np.isfinite(speed[0]) else float(speed.min())
        fits = speed[1:] < straight + max(spare_m_s, 0.5)
        if not fits.any():
            return KEEP
        wanted = wanted[fits]
        return int(wanted[np.argmin(cost[wanted])])


def _reach(places: Floats, motion: Motion, gate: Gate, limits: LanderLimits, time_s: float) -> Floats:
    """Return the change of speed [m/s] that flights to ``places`` [n, 2] within ``time_s`` cost; inf where there is none."""
    kept = limits.speed_left_m_s(motion.mass_kg) - limits.exhaust_m_s * float(np.log(motion.mass_kg / limits.dry_kg))
    flights = reach(
        places[:, 0].copy(), places[:, 1].copy(), motion, gate, limits, kept_m_s=max(kept, 0.0), range_m=np.inf, longest_s=time_s
    )  # fmt: skip
    return flights.speed_m_s


def place_risk(seen: Floats, scale: Ints) -> Floats:
    """Return the chance that each place is unsafe, float64 [n, PLACES], from observations [n, F] and their scales int64 [n]."""
    features = [seen[:, feature_slice(f"place_{name}")] for name in ("slope", "pads", "belly", "contrast")]
    parts = np.stack([np.ones_like(features[0]), *(part for one in features for part in (one, one * one))], axis=2)
    works = seen[:, feature_slice("lidar_works")] > 0.5
    logit = np.einsum("npk,nk->np", parts, RISK[scale])
    blind = np.einsum("npk,nk->np", parts[:, :, [0, 7, 8]], BLIND_RISK[scale])
    risk = 1.0 / (1.0 + np.exp(-np.where(works, logit, blind)))
    grid = np.pad(risk.reshape(-1, PLACES_SIDE, PLACES_SIDE), ((0, 0), (1, 1), (1, 1)), mode="edge")
    n = PLACES_SIDE
    around = np.mean([grid[:, r : r + n, c : c + n] for r in range(3) for c in range(3)], axis=0)
    weight = ROUND[scale][:, None]
    return (1.0 - weight) * risk + weight * around.reshape(len(seen), PLACES)


BASELINES: dict[str, type[RandomPolicy | GreedyPolicy | PlannerPolicy]] = {
    "random": RandomPolicy,
    "greedy": GreedyPolicy,
    "planner": PlannerPolicy,
}
