"""Trains the boosted trees of `moonfleet.autonomy.craters_seen` on labelled pictures and writes ``autonomy/data/craters.json``.

Not a test: ``python -m tests.autonomy.train_craters [--write]`` (needs scikit-learn and the pictures that
`moonfleet.experiments.bench.nac_craters.folder` finds). It stands with the tests because users never need it.

`HELD` pictures are never looked at here: the bench scores the shipped model on them. The others are cut into `FOLDS`, neighbours in
orbit (which may show the same ground) in one fold. What the second look is trained on was said by first looks that had not seen
that picture; the threshold and the calibration come from pictures that neither look had seen.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy import crater_looks as looks
from moonfleet.autonomy.craters_seen import MODEL_FILE, OVERLAP_MAX, ready
from moonfleet.experiments.bench import nac_craters as nac
from moonfleet.terrain.seeds import stream
from tests.autonomy.tree_export import export_trees, platt, write_models

HELD = ("M1155395732", "M1229577647", "M1275410097")
FOLDS = (
    ("M180000082", "M180007222"),
    ("M161142858", "M161149639", "M1183658592"),
    ("M115143943", "M1266003170"),
    ("M1231933714", "M134022629"),
)
SEED = 11
FALSE_BELOW, NEAR = 0.5, 0.3  # overlap with a label: below, no crater; above `NEAR`, near enough to learn the move from
LABEL_MIN = 10.0  # [px] narrower labels are no craters here
JITTERS = 2  # extra looks per candidate, from a place and light slightly off
FIRST = {"max_iter": 100, "learning_rate": 0.12, "max_leaf_nodes": 8, "l2_regularization": 5.0, "min_samples_leaf": 40}
SECOND = {"max_iter": 110, "learning_rate": 0.07, "max_leaf_nodes": 8, "l2_regularization": 10.0, "min_samples_leaf": 30}
MOVE = {"max_iter": 40, "learning_rate": 0.12, "max_leaf_nodes": 7, "l2_regularization": 5.0, "min_samples_leaf": 40}


class Scikit:
    """A fitted model that answers as `verifier.Trees` does."""

    def __init__(self, model: Any, slope: float = 1.0, offset: float = 0.0) -> None:
        self.model, self.slope, self.offset = model, slope, offset

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        if not hasattr(self.model, "classes_"):
            return self.model.predict(features).astype(np.float32) if len(features) else np.zeros(0, np.float32)
        raw = self.model.decision_function(features) if len(features) else np.zeros(0)
        return (1.0 / (1.0 + np.exp(-(self.slope * raw + self.offset)))).astype(np.float32)


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
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    features, overlap, moves = (np.concatenate(part) for part in zip(*taught, strict=True))
    settings = FIRST if which == "first" else SECOND
    chance = HistGradientBoostingClassifier(random_state=SEED, early_stopping=False, **settings)
    models = {which: Scikit(chance.fit(features, overlap >= FALSE_BELOW))}
    near = overlap >= NEAR
    for number, move in enumerate(looks.MOVES):
        model = HistGradientBoostingRegressor(random_state=SEED, early_stopping=False, **MOVE)
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
    return looks.two_looks(models, pupil.scene, pupil.found, OVERLAP_MAX)


def hits(pupil: Pupil, boxes: looks.Boxes, *, ignore_small: bool = False) -> nac.Hits:
    half = boxes.radius
    squares = np.column_stack([boxes.col + 0.5 - half, boxes.row + 0.5 - half, 2.0 * half, 2.0 * half])
    return nac.match(pupil.picture.name, squares, boxes.chance, pupil.picture.boxes, ignore_small=ignore_small)
