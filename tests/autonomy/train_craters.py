"""Trains the boosted trees of `moonfleet.autonomy.craters_seen` on labelled pictures and writes ``autonomy/data/craters.json``.

Not a test: ``python -m tests.autonomy.train_craters [--write]`` (needs scikit-learn and the pictures that
`moonfleet.experiments.bench.nac_craters.folder` finds). It stands with the tests because users never need it.

Pictures that `FOLDS` does not name are never looked at here: the bench scores the shipped model on them. Neighbours in
orbit (which may show the same ground) are in one fold. What the second look is trained on was said by first looks that had not seen
that picture; the threshold and the calibration come from pictures that neither look had seen. `cross_validated` is what the bench scores
where it has no other pictures: models trained anew without each fold, with calibration and threshold of the other folds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy import crater_looks as looks
from moonfleet.autonomy.craters_seen import MODEL_FILE, OVERLAP_MAX, at_least, ready
from moonfleet.experiments.bench import nac_craters as nac
from moonfleet.terrain.seeds import stream
from tests.autonomy.tree_export import export_trees, platt, write_models

if find_spec("sklearn") is None:
    raise ModuleNotFoundError("scikit-learn is not installed", name="sklearn")

FOLDS = (
    ("M180000082", "M180007222"),
    ("M161142858", "M161149639", "M1183658592"),
    ("M115143943", "M1266003170"),
    ("M1231933714", "M134022629"),
    ("M1155395732", "M1229577647", "M1275410097"),
)
SEED = 11
NEAR = 0.3  # overlap with a label from which the move towards it is learned
LABEL_MIN = 10.0  # [px] narrower labels are no craters here
JITTERS = 2  # extra looks per candidate, from a place and light slightly off
FIRST: dict[str, Any] = {"max_iter": 130, "learning_rate": 0.12, "max_leaf_nodes": 8, "l2_regularization": 5.0}
SECOND: dict[str, Any] = {"max_iter": 180, "learning_rate": 0.05, "max_leaf_nodes": 8, "l2_regularization": 10.0}
MOVE: dict[str, Any] = {"max_iter": 50, "learning_rate": 0.1, "max_leaf_nodes": 8, "l2_regularization": 5.0}
BOTH: dict[str, Any] = {"min_samples_leaf": 40, "max_features": 0.3, "early_stopping": False, "random_state": SEED}


class Scikit:
    """A fitted model that answers as `verifier.Trees` does."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return chances or values, float32 [n]."""
        if not len(features):
            return np.zeros(0, np.float32)
        if not hasattr(self.model, "classes_"):
            return self.model.predict(features).astype(np.float32)
        return self.model.predict_proba(features)[:, 1].astype(np.float32)


class Taught(NamedTuple):
    """Looks with what they should say."""

    features: NDArray[np.float32]
    overlap: NDArray[np.float64]
    moves: NDArray[np.float64]


def truth(scene: looks.Scene, boxes: looks.Boxes, labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the overlap with the best label, and the move towards it (along and across the light, ln of growth)."""
    labels = labels[labels[:, 2] >= LABEL_MIN]
    half = boxes.radius
    mine = np.column_stack([boxes.col + 0.5 - half, boxes.row + 0.5 - half, 2.0 * half, 2.0 * half])
    common = nac.overlaps(mine, labels)
    best = labels[common.argmax(axis=1)]
    dx = (best[:, 0] + 0.5 * best[:, 2] - 0.5 - boxes.col) / half
    dy = (best[:, 1] + 0.5 * best[:, 3] - 0.5 - boxes.row) / half
    cos, sin = np.cos(scene.bright), np.sin(scene.bright)
    size = np.log(0.25 * (best[:, 2] + best[:, 3]) / half)
    return common.max(axis=1), np.column_stack([dx * cos + dy * sin, dy * cos - dx * sin, size])


class Pupil:
    """One picture, its candidates and their looks, made once."""

    def __init__(self, picture: nac.Picture, index: int) -> None:
        self.picture = picture
        self.scene, self.found = ready(picture.image)
        rng = stream(SEED, "craters", index=(index,))
        self.first = looks.first_look(self.scene, self.found)
        taught = [self.teach(self.scene, self.found, self.first)]
        for _ in range(JITTERS):
            turned = self.scene._replace(bright=self.scene.bright + np.radians(rng.normal(0.0, 8.0)))
            found = self.found
            near = looks.Candidates(
                found.col + rng.normal(0.0, 0.08, len(found.col)) * found.radius,
                found.row + rng.normal(0.0, 0.08, len(found.col)) * found.radius,
                found.radius * np.exp(rng.uniform(-0.11, 0.11, len(found.col))),
                found.answer,
            )
            taught.append(self.teach(turned, near, looks.first_look(turned, near)))
        self.taught = Taught(*(np.concatenate(part) for part in zip(*taught, strict=True)))

    def teach(self, scene: looks.Scene, found: looks.Candidates, features: NDArray[np.float32]) -> Taught:
        boxes = looks.Boxes(found.col, found.row, found.radius, found.answer)
        return Taught(features, *truth(scene, boxes, self.picture.boxes))

    def second(self, first: dict[str, Scikit]) -> Taught:
        """What the second look sees after ``first`` (which must not know this picture)."""
        start = looks.Boxes(self.found.col, self.found.row, self.found.radius, self.found.answer)
        guesses = looks.judge(first, "first", self.scene, start, self.first)
        boxes, features = looks.second_look(self.scene, looks.merge(guesses))
        return Taught(features, *truth(self.scene, boxes, self.picture.boxes))


def fit(which: str, taught: list[Taught]) -> dict[str, Scikit]:
    """Fit the chance and the three moves of one look."""
    ensemble: Any = import_module("sklearn.ensemble")
    features, overlap, moves = (np.concatenate(part) for part in zip(*taught, strict=True))
    settings = FIRST if which == "first" else SECOND
    chance = ensemble.HistGradientBoostingClassifier(**settings, **BOTH)
    models = {which: Scikit(chance.fit(features, overlap >= nac.OVERLAP))}
    near = overlap >= NEAR
    for number, move in enumerate(looks.MOVES):
        model = ensemble.HistGradientBoostingRegressor(**MOVE, **BOTH)
        models[f"{which}_{move}"] = Scikit(model.fit(features[near], moves[near, number]))
    return models


def both(pupils: list[list[Pupil]]) -> dict[str, Scikit]:
    """Fit both looks on these folds; the second learns from first looks that left its fold out."""
    first = fit("first", [p.taught for fold in pupils for p in fold])
    seconds: list[Taught] = []
    for left_out, fold in enumerate(pupils):
        other = fit("first", [p.taught for number, f in enumerate(pupils) if number != left_out for p in f])
        seconds += [p.second(other) for p in fold]
    return first | fit("second", seconds)


def detect(models: dict[str, Scikit], pupil: Pupil) -> looks.Boxes:
    """Return what the models find in one picture."""
    return looks.two_looks(models, pupil.scene, pupil.found, OVERLAP_MAX)


def squares(boxes: looks.Boxes, least: float = 0.0) -> NDArray[np.float64]:
    """Return boxes x, y, w, h; with ``least`` as `craters_seen` reports them for that smallest width."""
    half = at_least(boxes.radius, 0.5 * least)
    return np.column_stack([boxes.col + 0.5 - half, boxes.row + 0.5 - half, 2.0 * half, 2.0 * half])


Seen = list[tuple[Pupil, looks.Boxes]]


def unseen(folds: list[list[Pupil]], tell: Callable[[str], object]) -> list[Seen]:
    """Return for each fold what is found in its pictures by models that have not seen it."""
    out: list[Seen] = []
    for left_out, fold in enumerate(folds):
        models = both([f for number, f in enumerate(folds) if number != left_out])
        out.append([(pupil, detect(models, pupil)) for pupil in fold])
        tell(f"fold {left_out + 1} of {len(folds)} done")
    return out


def pupils() -> list[list[Pupil]]:
    """Return the pictures of `FOLDS`, made ready."""
    pictures = {picture.name.split("_")[0]: picture for picture in nac.read(nac.folder())}
    return [[Pupil(pictures[name], 10 * i + j) for j, name in enumerate(fold)] for i, fold in enumerate(FOLDS)]


def fixed(found: Seen) -> tuple[float, float, float]:
    """Return slope and offset of the calibration and the threshold that suit these findings best."""
    slope, offset = calibration(found)
    return slope, offset, nac.best_threshold(results(recalibrated(found, slope, offset))[0])


def recalibrated(found: Seen, slope: float, offset: float) -> Seen:
    """Return the findings with calibrated chances."""
    return [(p, b._replace(chance=calibrated(b.chance, slope, offset))) for p, b in found]


def cross_validated(tell: Callable[[str], object]) -> list[tuple[nac.Picture, nac.F64, nac.F64]]:
    """Return for each picture the boxes x, y, w, h [n, 4] found by models that have not seen its fold, and how far above threshold [n].

    Calibration and threshold are those of the other folds' findings.
    """
    folds = unseen(pupils(), tell)
    out: list[tuple[nac.Picture, nac.F64, nac.F64]] = []
    for number, fold in enumerate(folds):
        slope, offset, threshold = fixed([one for other, f in enumerate(folds) if other != number for one in f])
        out += [
            (p.picture, squares(b, nac.WIDTH_MIN), b.chance - threshold) for p, b in recalibrated(fold, slope, offset)
        ]
    return out


def calibration(found: Seen) -> tuple[float, float]:
    """Return Platt's slope and offset for the second look, from pictures that it had not seen."""
    raw: list[NDArray[np.float64]] = []
    true: list[NDArray[np.bool_]] = []
    for pupil, boxes in found:
        raw.append(np.log(boxes.chance / (1.0 - boxes.chance)))
        true.append(truth(pupil.scene, boxes, pupil.picture.boxes)[0] >= nac.OVERLAP)
    return platt(np.concatenate(raw), np.concatenate(true))


def results(found: Seen) -> tuple[list[nac.Hits], list[nac.Hits]]:
    """Return the hits of each picture, and those with small boxes ignored."""
    both_ways = [
        [
            nac.match(p.picture.name, squares(b, nac.WIDTH_MIN), b.chance, p.picture.boxes, ignore_small=small)
            for p, b in found
        ]
        for small in (False, True)
    ]
    return both_ways[0], both_ways[1]


def main() -> None:
    """Cross-validate, fix threshold and calibration, train on all folds, write the model."""
    parser = argparse.ArgumentParser(description="train the crater models")
    parser.add_argument("--write", action="store_true", help=f"write {MODEL_FILE}")
    write = parser.parse_args().write
    began = time.monotonic()

    def tell(words: str) -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    folds = pupils()
    found = [one for fold in unseen(folds, tell) for one in fold]
    slope, offset, threshold = fixed(found)
    hits, lenient = results(recalibrated(found, slope, offset))
    for one in hits:
        tell(f"{one.name}: F1 {nac.score([one], threshold)[0]:.3f}")
    words = "cross-validated, strict: F1 {:.3f}, recall {:.3f}, precision {:.3f}".format(*nac.score(hits, threshold))
    tell(f"{words} above {threshold:.3f}; small boxes ignored: F1 {nac.score(lenient, threshold)[0]:.3f}")
    if write:
        save(both(folds), slope, offset, threshold, [p.picture for fold in folds for p in fold])
    tell(f"{time.monotonic() - began:.0f} s")


def calibrated(chance: NDArray[np.float64], slope: float, offset: float) -> NDArray[np.float64]:
    """Return the chances after Platt's correction."""
    return 1.0 / (1.0 + np.exp(-(slope * np.log(chance / (1.0 - chance)) + offset)))


def save(models: dict[str, Scikit], slope: float, offset: float, threshold: float, pictures: list[nac.Picture]) -> None:
    """Write the model file, with what made it."""
    notes: dict[str, object] = {
        "made_by": "tests/autonomy/train_craters.py",
        "seed": SEED,
        "threshold": round(threshold, 4),
        "trained_on": {picture.digest: picture.name for picture in pictures},
        "labels": "Yang et al., CraterDANet data set: the pictures and labels are not part of the package",
    }
    tables: dict[str, dict[str, object]] = {}
    for name, model in models.items():
        law = {"slope": slope, "offset": offset} if name == "second" else {}
        tables[name] = export_trees(model.model, looks.MODELS[name], digits=4, **law)
    write_models(MODEL_FILE, tables, notes)


if __name__ == "__main__":
    main()
