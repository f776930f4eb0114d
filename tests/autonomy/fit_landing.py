"""Fit the errors of `autonomy.stance_risk` on training grounds: python tests/autonomy/fit_landing.py

Random places of seeded grounds (seeds 1..N; the bench has others) are judged by the truth at exactly these places and
estimated from patches of several noises. The logistic error of each estimate is fitted by maximum likelihood of the
three yes-or-no outcomes (above the limit or not).
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.optimize import minimize

from moonfleet.agents.touchdown import stand_on
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.autonomy.stance_risk import stance_risk
from moonfleet.experiments.bench.hazards_landing import rocky_ground
from moonfleet.terrain.seeds import stream

NOISES = (0.03, 0.058, 0.071, 0.1)
HALF_M = 12.0
PLACES = 1000


def samples(seeds: range, limits: LanderLimits) -> np.ndarray:
    """Return float64 [n, 7]: noise, three estimates, three truths (places overlap: they are many, grounds are what counts)."""
    rows: list[tuple[float, ...]] = []
    for seed in seeds:
        ground = rocky_ground(seed)
        rng = stream(seed, "fit landing")
        patch = ground.patch(0.0, 0.0, HALF_M, 0.1)
        fine = ground.patch(0.0, 0.0, HALF_M + 1.0, 0.05)
        rocks = ground.rocks(-HALF_M, -HALF_M, HALF_M, HALF_M)
        for noise in NOISES:
            z = patch.elevation_m + noise * rng.standard_normal(patch.ref.shape).astype(np.float32)
            z[rng.random(z.shape) < 0.05] = np.nan
            risk = stance_risk(z, patch.ref, noise, limits)
            row, col = np.nonzero(np.isfinite(risk.tilt_deg))
            for k in rng.choice(len(row), PLACES // len(NOISES), replace=False):
                at = row[k], col[k]
                x, y = risk.ref.xy(float(at[0]), float(at[1]))
                near = rocks[(abs(rocks[:, 0] - x) < 4.0) & (abs(rocks[:, 1] - y) < 4.0)]
                truth = stand_on(fine, near, x, y, limits)
                rows.append((noise, risk.tilt_deg[at], risk.belly_m[at], risk.leg_rock_m[at], *truth))
    return np.array(rows)


def fit(noise: np.ndarray, estimate: np.ndarray, over: np.ndarray, limit: float) -> np.ndarray:
    """Return mean, low, high of the logistic error, float64 [3, 2]."""
    scale = float(np.std(estimate))

    def spread(p: np.ndarray) -> np.ndarray:
        return p * np.array([[1.0, 1.0], [1.0, 10.0], [1.0, 10.0]]) * scale

    def loss(p: np.ndarray) -> float:
        mean, low, high = (still + per_noise * noise for still, per_noise in spread(p.reshape(3, 2)))
        u = estimate - limit - mean
        least = min(float(low.min()), float(high.min()))
        if least <= 1e-6:
            return 1e9
        u = np.where(u < 0.0, u / low, u / high)
        return float(np.logaddexp(0.0, -np.where(over, u, -u)).sum())

    best = np.array([0.0, 0.0, 0.3, 0.0, 0.3, 0.0])
    for _ in range(4):
        best = minimize(loss, best, method="Nelder-Mead", options={"maxiter": 4000, "adaptive": True}).x
    return spread(best.reshape(3, 2))


def main() -> None:
    """Print the fitted errors."""
    limits = LanderLimits()
    data = samples(range(1, int(sys.argv[1]) if len(sys.argv) > 1 else 100), limits)
    names = ("TILT", "BELLY", "LEG")
    for k, limit in enumerate((limits.max_slope_deg, limits.clearance_m, limits.pad_rock_m)):
        over = data[:, 4 + k] > limit
        found = fit(data[:, 0], data[:, 1 + k], over, limit)
        pairs = ", ".join(f"({still:.4g}, {per_noise:.4g})" for still, per_noise in found)
        sys.stdout.write(f"{names[k]} = Error({pairs})  # {over.mean():.3f} above\n")


if __name__ == "__main__":
    main()
