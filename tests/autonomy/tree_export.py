"""Turns scikit-learn's histogram boosting into the tables that `moonfleet.autonomy.verifier` reads. Used by the training scripts.

It stands with them, among the tests: scikit-learn trains, and is never needed by who uses a model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.verifier import FORMAT, VERSION


def export_trees(
    model: Any, features: tuple[str, ...], *, slope: float = 1.0, offset: float = 0.0, digits: int | None = None
) -> dict[str, object]:
    """Return the JSON table of a fitted HistGradientBoostingClassifier (two classes) or -Regressor.

    It must have been fitted on finite float32 columns: then ``x <= threshold`` gives the same branch for the threshold rounded down
    to float32. ``digits``, if given, is how many significant digits thresholds and leaves keep: a smaller file, no longer the same to
    the last bit.
    """
    trees = [_tree(predictors[0].nodes, digits) for predictors in model._predictors]
    return {
        "features": list(features),
        "link": "logistic" if hasattr(model, "classes_") else "identity",
        "base": float(np.ravel(model._baseline_prediction)[0]),
        "slope": slope,
        "offset": offset,
        "trees": trees,
    }


def _tree(nodes: NDArray[Any], digits: int | None) -> list[list[float]]:
    """Return one tree depth first, the left branch straight after its node."""
    out: list[list[float]] = []

    def put(node: Any) -> None:
        if node["is_leaf"]:
            out.append([-1, _short(float(node["value"]), digits)])
            return
        here = [int(node["feature_idx"]), _short(_down(float(node["num_threshold"])), digits), 0]
        out.append(here)
        put(nodes[node["left"]])
        here[2] = len(out)
        put(nodes[node["right"]])

    put(nodes[0])
    return out


def _short(value: float, digits: int | None) -> float:
    return value if digits is None else float(f"{value:.{digits}g}")


def _down(threshold: float) -> float:
    """Return the greatest float32 not above the threshold, in its shortest digits."""
    low = np.float32(threshold)
    if float(low) > threshold:
        low = np.nextafter(low, np.float32(-np.inf))
    return float(str(low))


def platt(raw: NDArray[np.float64], true: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and offset of the logistic law of being true, given raw scores of scenes the model has not seen (Platt 1999)."""
    from scipy.optimize import minimize

    def loss(p: NDArray[np.float64]) -> float:
        odds = p[0] * raw + p[1]
        return float(np.mean(np.logaddexp(0.0, odds) - true * odds))

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(f"{slope:.5g}"), float(f"{offset:.5g}")


def write_models(path: Path, models: dict[str, dict[str, object]], notes: dict[str, object]) -> None:
    """Write a model file; ``notes`` say what made it (script, seeds, scenes)."""
    table = {"format": FORMAT, "version": VERSION, "notes": notes, "models": models}
    path.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")
