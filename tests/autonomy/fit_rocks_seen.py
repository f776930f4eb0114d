"""Fits the constants of `moonfleet.autonomy.rocks_seen` on rendered scenes: run it, copy the two lines it prints.

Not a test: ``python -m tests.autonomy.fit_rocks_seen``. Scenes of seeds 100-111; the tests judge others.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.optimize import minimize

from moonfleet.autonomy import rocks_seen
from tests.autonomy.rock_scenes import CELL_M, HALF_M, match, take

ELEVATIONS = (1.0, 1.5, 2.5, 3.5, 5.0, 6.5, 8.0, 12.0, 18.0, 25.0)


def main() -> None:
    """Measure candidates, regress their size, and fit the chance that they are rocks."""
    rows, truth, elevation = [], [], []
    for el in ELEVATIONS:
        for seed in range(100, 112):
            az = 47.0 * seed + 5.0
            scene = take(seed, az, el, (0.015, 0.03, 0.06)[seed % 3])
            f = rocks_seen.features(scene.image, CELL_M, az % 360.0, el)
            middle = 0.5 * (scene.image.shape[0] - 1)
            x, y = (f.col - middle) * CELL_M, (middle - f.row) * CELL_M
            inner = (np.abs(x) < HALF_M - 0.8) & (np.abs(y) < HALF_M - 0.8)
            at = match(x, y, scene.rocks)
            rows.append(np.column_stack(f)[inner])
            truth.append(np.where(at >= 0, scene.rocks[at, 2], 0.0)[inner])
            elevation.append(np.full(int(inner.sum()), el))
    table, diameter, el = np.concatenate(rows), np.concatenate(truth), np.concatenate(elevation)
    f = rocks_seen.Features(*table.T)

    size = np.column_stack([np.broadcast_to(t, el.shape) for t in rocks_seen.size_terms(f, el)])
    weight = np.sqrt(np.where(diameter > 0.25, 4.0, 1.0) * (diameter > 0.0))
    target = np.log(np.maximum(diameter, 0.05) / CELL_M)
    a = np.linalg.lstsq(size * weight[:, None], target * weight, rcond=None)[0]

    rock = np.column_stack([np.broadcast_to(t, el.shape) for t in rocks_seen.rock_terms(f, el)]).astype(float)
    is_rock = (diameter >= 1.2 * CELL_M).astype(float)
    stake = np.where(diameter > 0.35, 4.0, 1.0)  # missing a big rock costs more

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        odds = rock @ b
        value = np.mean(stake * (np.logaddexp(0.0, odds) - is_rock * odds)) + 1e-5 * b @ b
        slope = rock.T @ (stake * (1.0 / (1.0 + np.exp(-odds)) - is_rock)) / len(odds) + 2e-5 * b
        return float(value), slope

    b = minimize(loss, np.zeros(rock.shape[1]), jac=True, method="L-BFGS-B").x
    chance = 1.0 / (1.0 + np.exp(-rock @ b))
    out = [f"{len(el)} candidates", f"_SIZE = {tuple(a.round(3).tolist())}", f"_ROCK = {tuple(b.round(3).tolist())}"]
    for low in np.arange(0.0, 1.0, 0.1):
        bin_ = (chance >= low) & (chance < low + 0.1)
        out.append(f"said {low:.1f}-{low + 0.1:.1f}: {is_rock[bin_].mean():.2f} of {int(bin_.sum())} are rocks")
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
