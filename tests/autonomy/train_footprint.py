"""Train the law of `moonfleet.autonomy.footprint_law`: ``python -m tests.autonomy.train_footprint --write``.

Half of the scenes have a setting of their own (footprint, limits, noise, cell, gaps), half that of the bench. The last part of the bench
scenes is kept from training and fixes the threshold: the highest at which 99 % of the unsafe area are found with 95 % confidence, by
bootstrap over whole terrains. The bench scores other seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.footprint import footprint_hazard, observe
from moonfleet.autonomy.footprint_law import (
    FEATURES,
    FORMAT,
    LAW_FILE,
    VERSION,
    cell_features,
    load_law,
    patch_features,
)
from moonfleet.experiments.bench.footprint_scenes import BENCH, Scene, any_setting, make
from moonfleet.terrain.seeds import stream

SEED = 41
SIZE_M = 50.0
OWN = range(5_000, 5_090)  # seeds of scenes with their own setting
SAME = range(6_000, 6_040)  # seeds of scenes as the bench has them
FIXING = range(7_000, 7_030)  # seeds that fix the threshold
TAKEN = 6_000  # cells of each scene
UNITS = 16
RECALL = 0.99
FIT = {
    "max_iter": 30,
    "batch_size": 512,
    "learning_rate_init": 2e-3,
    "tol": 0.0,
    "n_iter_no_change": 1000,
    "alpha": 1e-5,
}


def features(scene: Scene) -> NDArray[np.float32]:
    """Return the features of every cell of a scene, float32 [R C, 7]; NaN where there is no plane."""
    setting = scene.setting
    footprint = setting.footprint
    slope, rms, rise, unknown = observe(scene.patch, footprint.radius_m, setting.cell_m)
    parts = tuple(np.empty(slope.shape, dtype=np.float32) for _ in range(3))
    limits = footprint.max_slope_deg, footprint.max_rock_m
    cell_features(slope, rise, rms, *limits, *parts)
    whole = patch_features(footprint.max_rock_m, footprint.radius_m, setting.cell_m, setting.sigma_m)
    out = np.column_stack(
        [*(part.reshape(-1) for part in (*parts, unknown)), *(np.full(slope.size, v, np.float32) for v in whole)]
    )
    out[np.isnan(slope + rise).reshape(-1)] = np.nan
    return out


def lessons(seeds: range, own: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return features and truth of cells drawn at random from each scene."""
    taken: list[tuple[NDArray[np.float32], NDArray[np.bool_]]] = []
    for seed in seeds:
        scene = make(seed, SIZE_M, any_setting(seed) if own else BENCH)
        x, y = features(scene), scene.unsafe.reshape(-1)
        known = np.flatnonzero(np.isfinite(x).all(axis=1))
        some = stream(SEED, "footprint cells", index=(seed,)).permutation(known)[:TAKEN]
        taken.append((x[some], y[some]))
    return np.concatenate([x for x, _ in taken]), np.concatenate([y for _, y in taken])


def fixed_threshold() -> float:
    """Return the threshold that finds `RECALL` of the unsafe area with 95 % confidence, on scenes not trained on."""
    chances = [_unsafe_chances(make(seed, SIZE_M)) for seed in FIXING]
    grid = np.linspace(0.0, 0.2, 401)
    below = np.array([[float((p < t).sum()) for t in grid] for p in chances])
    count = np.array([float(len(p)) for p in chances])
    rng = stream(SEED, "footprint bootstrap")
    picks = rng.integers(0, len(count), (2_000, len(count)))
    missed = np.quantile(below[picks].sum(axis=1) / count[picks].sum(axis=1)[:, None], 0.95, axis=0)
    return float(grid[np.flatnonzero(missed <= 1.0 - RECALL)[-1]])


def _unsafe_chances(scene: Scene) -> NDArray[np.float32]:
    hazard = footprint_hazard(scene.patch, scene.setting.footprint, scene.setting.sigma_m)
    return hazard.p_unsafe[scene.unsafe & (hazard.unknown < 0.2)]


def write(hidden: list[list[float]], out: list[float], notes: dict[str, object]) -> None:
    """Write the law's file and forget what was read before."""
    table = {
        "format": FORMAT,
        "version": VERSION,
        "features": list(FEATURES),
        "hidden": hidden,
        "out": out,
        "notes": notes,
    }
    LAW_FILE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    load_law.cache_clear()


def main() -> None:
    """Make the scenes, train, fix the threshold, write the file."""
    parser = argparse.ArgumentParser(description="train the law of footprint hazard")
    parser.add_argument("--write", action="store_true", help=f"write {LAW_FILE}")
    wanted, began, tell = parser.parse_args().write, time.monotonic(), sys.stdout.write
    own, same = lessons(OWN, True), lessons(SAME, False)
    x, y = np.concatenate([own[0], same[0]]), np.concatenate([own[1], same[1]])
    tell(f"{len(y)} cells, {y.mean():.3f} unsafe, {time.monotonic() - began:.0f} s\n")
    network: Any = import_module("sklearn.neural_network")
    model = network.MLPClassifier((UNITS,), random_state=SEED, **FIT).fit(x, y)
    tell(f"loss {model.loss_:.4f}, {time.monotonic() - began:.0f} s\n")
    weights, biases = model.coefs_, model.intercepts_
    hidden = [[round(float(v), 5) for v in (*weights[0][:, u], biases[0][u])] for u in range(UNITS)]
    out = [round(float(v), 5) for v in (*weights[1][:, 0], biases[1][0])]
    notes: dict[str, object] = {
        "made_by": "tests/autonomy/train_footprint.py",
        "seed": SEED,
        "scene_seeds": {name: [r.start, r.stop] for name, r in (("own", OWN), ("bench", SAME), ("threshold", FIXING))},
    }
    if wanted:
        write(hidden, out, notes)
        threshold = fixed_threshold()
        write(hidden, out, notes | {"threshold": round(threshold, 5), "threshold_recall": RECALL})
        tell(f"threshold {threshold:.4f}, {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
