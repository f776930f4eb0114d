"""Trains the boosted trees of `moonfleet.autonomy.rocks_seen` on rendered scenes and writes ``autonomy/data/rocks.json``.

Not a test: ``python -m tests.autonomy.train_rocks [--write]`` (needs scikit-learn). It stands with the tests because users never need it.

Scenes come from `moonfleet.experiments.bench.rock_scenes`: the first look learns from seeds `FIRST_SEEDS`, the second from what the
first says of `SECOND_SEEDS`, and calibration and thresholds come from `CHECK_SEEDS`, which neither has seen. The bench scores still others.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.pool import Pool
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy import rock_judge as judge
from moonfleet.autonomy.rock_frame import Frame, turned
from moonfleet.autonomy.rock_looks import look
from moonfleet.autonomy.rock_places import Places, places
from moonfleet.autonomy.rocks_seen import MODEL_FILE
from moonfleet.experiments.bench.hazards_rocks import PRECISION, RECALL
from moonfleet.experiments.bench.rock_scenes import Scene, View, some_view, take
from moonfleet.experiments.bench.rock_scores import NOTHING, Tally, tally
from moonfleet.terrain.seeds import stream
from tests.autonomy.tree_export import export_trees, platt, write_models

F32, F64 = NDArray[np.float32], NDArray[np.float64]
FIRST_SEEDS, SECOND_SEEDS, CHECK_SEEDS = range(1000, 1080), range(2000, 2600), range(3000, 3010)
CALIBRATION_SEEDS = range(4000, 4016)
LIGHTS = (1.5, 3.0, 5.0, 10.0)  # [deg] for which thresholds are fixed
SEED = 7
PROCESSES = 2
SMALLEST_M = 0.14  # [m] diameter of the smallest thing called a rock
NEAR, NEAR_PX, SIZE = (
    0.5,
    0.8,
    0.5,
)  # a first look is right within this share of the radius, or cells, and this ln of the radius
LEARN_M = 0.16  # [m] rocks from this height all teach the second look, of lower ones `LOW_SHARE`
LOW_SHARE = 0.25
HEIGHT_LEARN_M = 0.2  # [m] the same for heights
HEIGHT: dict[str, Any] = {"max_iter": 300, "learning_rate": 0.08, "max_leaf_nodes": 16}
BARE_EACH, BARE_COVER = (
    7,
    0.015,
)  # every so many scenes shows craters and hardly any rock: at most this share of the ground
MAPPED = 0.75  # share of the scenes whose map is given
OTHERS = 0.12  # share of the wrong places that the first look learns from


def training_view(seed: int) -> View:
    """Draw a view: lights of 1-25 deg, most of them low, pictures of 40-100 m, some of other pixel sizes, more or less sharp."""
    rng = stream(seed, "rock training")
    el = math.exp(float(rng.uniform(0.0, math.log(25.0)))) if rng.random() < 0.5 else float(rng.uniform(3.0, 12.0))
    view = some_view(seed, el, float(rng.uniform(20.0, 50.0)), float(rng.uniform(0.0, 0.8)))
    if seed % BARE_EACH == 0:
        view = view._replace(cover=BARE_COVER * float(rng.random()) ** 2)
    if rng.random() < 0.15:
        cell = float(rng.choice([0.05, 0.07, 0.14, 0.2]))
        view = view._replace(cell_m=cell, half_m=min(view.half_m, 500 * cell))
    return view


def rocky_view(seed: int) -> View:
    """Draw a view for the second look: most have many rocks and light of 3-12 deg, where heights are judged."""
    view, rng = training_view(seed), stream(seed, "rock training", index=(1,))
    if seed % BARE_EACH and rng.random() < 0.75:
        view = view._replace(cover=float(rng.uniform(0.04, 0.08)))
    if rng.random() < 0.75:
        view = view._replace(light_el_deg=float(rng.uniform(3.5, 12.0)))
    return view


class Truth(NamedTuple):
    """Rocks in a turned frame [cells], each float64 [m]."""

    row: F64
    col: F64
    radius: F64
    height: F64


def map_given(seed: int) -> bool:
    """Return whether a scene's map is given: in `MAPPED` of them."""
    return stream(seed, "rock map").random() < MAPPED


def framed(scene: Scene, mapped: bool) -> tuple[Frame, Truth]:
    """Return a scene's turned frame, with the map's ground or without, and its rocks in it."""
    view = scene.view
    known = scene.map_m if mapped else None
    frame = turned(scene.image, view.cell_m, view.light_az_deg, view.light_el_deg, None, known)
    rocks = scene.rocks[scene.rocks[:, 2] >= SMALLEST_M]
    middle = 0.5 * (scene.image.shape[0] - 1)
    picture = np.column_stack([middle + rocks[:, 0] / view.cell_m, middle - rocks[:, 1] / view.cell_m])
    here = (picture - frame.to_picture[:, 2]) @ np.linalg.inv(frame.to_picture[:, :2]).T
    return frame, Truth(here[:, 1], here[:, 0], 0.5 * rocks[:, 2] / frame.cell_m, rocks[:, 3] / frame.cell_m)


def nearest(spots: Places, rocks: Truth) -> tuple[NDArray[np.int64], F64, F64]:
    """Return for each place the rock that fits it best, the distance in cells and the difference of ln(radius)."""
    from scipy.spatial import KDTree

    if not len(rocks.row) or not len(spots.row):
        nothing = np.zeros(len(spots.row))
        return nothing.astype(np.int64), nothing + 99.0, nothing + 9.0
    tree = KDTree(np.column_stack([rocks.row, rocks.col]))
    gap, which = tree.query(np.column_stack([spots.row, spots.col]), k=min(6, len(rocks.row)))
    gap, which = gap.reshape(len(spots.row), -1), which.reshape(len(spots.row), -1)
    grown = np.log(rocks.radius[which] / spots.radius[:, None])
    fit = (gap / np.maximum(rocks.radius[which], 1.0)) ** 2 + grown**2
    best = fit.argmin(axis=1)[:, None]
    return tuple(np.take_along_axis(part, best, axis=1)[:, 0] for part in (which, gap, grown))  # type: ignore[return-value]


class Taught(NamedTuple):
    """Looks with what they should say."""

    features: F32
    right: NDArray[np.bool_]
    moves: F64  # [n, 3]
    height: F64  # ln of the height over what the shadow gives; 0 where wrong
    height_m: F64


def moves_to(spots: Places, rocks: Truth, which: NDArray[np.int64], grown: F64) -> F64:
    """Return the moves [n, 3] from places to their rocks."""
    if not len(rocks.row):
        return np.zeros((len(spots.row), 3))
    down, right = rocks.row[which] - spots.row, rocks.col[which] - spots.col
    return np.column_stack([down / spots.radius, right / spots.radius, grown])


def first_lesson(seed: int) -> Taught:
    """Return what the first look sees in one scene."""
    frame, rocks = framed(take(training_view(seed)), map_given(seed))
    spots = places(frame)
    which, gap, grown = nearest(spots, rocks)
    radius = rocks.radius[which] if len(rocks.row) else np.ones(len(which))
    right = (gap <= np.maximum(NEAR * radius, NEAR_PX)) & (np.abs(grown) <= SIZE)
    some = right | (stream(SEED, "rock lesson", index=(seed,)).random(len(right)) < OTHERS)
    moves = moves_to(spots, rocks, which, grown)
    features = look(frame, spots)
    weightless = np.zeros(int(some.sum()))
    return Taught(features[some], right[some], moves[some], weightless, weightless)


def one_to_one(spots: Places, rocks: Truth) -> NDArray[np.int64]:
    """Return for each place (surest first) its rock, -1 for none: near, of about its size, one to one."""
    out = np.full(len(spots.row), -1)
    if not len(rocks.row) or not len(spots.row):
        return out
    from scipy.spatial import KDTree

    tree = KDTree(np.column_stack([rocks.row, rocks.col]))
    gap, which = tree.query(np.column_stack([spots.row, spots.col]), k=min(6, len(rocks.row)))
    gap, which = gap.reshape(len(spots.row), -1), which.reshape(len(spots.row), -1)
    grown = np.abs(np.log(rocks.radius[which] / spots.radius[:, None]))
    fits = (gap <= np.maximum(0.7 * rocks.radius[which], 1.2)) & (grown <= 0.7)
    cost = np.where(fits, gap / np.maximum(rocks.radius[which], 1.0) + grown, np.inf)
    taken: set[int] = set()
    for flat in np.argsort(cost, axis=None, kind="stable"):
        place, k = divmod(int(flat), cost.shape[1])
        if not np.isfinite(cost[place, k]):
            break
        rock = int(which[place, k])
        if out[place] < 0 and rock not in taken:
            out[place] = rock
            taken.add(rock)
    return out


def second_lesson(
    models: dict[str, Any], seed: int, view: View | None = None, mapped: bool | None = None
) -> tuple[Taught, Places, Frame, Scene]:
    """Return what the second look sees in one scene after ``models``' first look."""
    scene = take(view or rocky_view(seed))
    frame, rocks = framed(scene, map_given(seed) if mapped is None else mapped)
    spots = judge.first_places(models, frame)
    features = judge.second_features(frame, spots)
    which = one_to_one(spots, rocks)
    right = which >= 0
    at = np.maximum(which, 0)
    grown = np.log(rocks.radius[at] / spots.radius) if len(rocks.row) else np.zeros(len(at))
    moves = moves_to(spots, rocks, at, grown) * right[:, None]
    height = np.where(right, rocks.height[at], 1.0) if len(rocks.row) else np.ones(len(at))
    correction = np.where(right, np.log(height) - judge.base_height(features), 0.0)
    return Taught(features, right, moves, correction, np.where(right, height * frame.cell_m, 0.0)), spots, frame, scene


class Scikit:
    """A fitted model that answers as `verifier.Trees` does."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def score(self, features: F32) -> F32:
        """Return chances or values, float32 [n]."""
        if not len(features):
            return np.zeros(0, np.float32)
        if not hasattr(self.model, "classes_"):
            return self.model.predict(features).astype(np.float32)
        return self.model.predict_proba(features)[:, 1].astype(np.float32)


def trees(kind: str, **settings: Any) -> Any:
    """Return an unfitted histogram boosting of scikit-learn."""
    ensemble: Any = import_module("sklearn.ensemble")
    common = {"early_stopping": False, "random_state": SEED, "min_samples_leaf": 40, "l2_regularization": 5.0}
    return getattr(ensemble, f"HistGradientBoosting{kind}")(**common, **settings)


def stacked(lessons: list[Taught]) -> Taught:
    """Return lessons as one."""
    return Taught(*(np.concatenate(part) for part in zip(*lessons, strict=True)))


def fit_first(lesson: Taught) -> dict[str, Any]:
    """Fit chance and moves of the first look."""
    weight = np.where(lesson.right, 1.0, 1.0 / OTHERS)
    chance = trees("Classifier", max_iter=50, learning_rate=0.2, max_leaf_nodes=8)
    models: dict[str, Any] = {"first": Scikit(chance.fit(lesson.features, lesson.right, weight))}
    for number, move in enumerate(judge.MOVES):
        model = trees("Regressor", max_iter=25, learning_rate=0.25, max_leaf_nodes=8)
        right = lesson.right
        models[f"first_{move}"] = Scikit(model.fit(lesson.features[right], lesson.moves[right, number]))
    return models


def fit_chance(lesson: Taught) -> dict[str, Any]:
    """Fit the chance of the second look."""
    chance = trees("Classifier", max_iter=60, learning_rate=0.15, max_leaf_nodes=8)
    weight = np.where(lesson.right & (lesson.height_m <= LEARN_M), 1.0 / LOW_SHARE, 1.0)
    return {"second": Scikit(chance.fit(lesson.features, lesson.right, weight))}


def some_right(lesson: Taught, tall_m: float, share: float) -> NDArray[np.bool_]:
    """Return which right places teach: the tall ones, and a share of the low ones, of which there are plenty."""
    few = stream(SEED, "rock sizes").random(len(lesson.right)) < share
    return lesson.right & (few | (lesson.height_m > tall_m))


def fit_moves(lesson: Taught) -> dict[str, Any]:
    """Fit the moves of the second look."""
    models: dict[str, Any] = {}
    some = some_right(lesson, LEARN_M, 0.15)
    for number, move in enumerate(judge.MOVES):
        model = trees("Regressor", max_iter=25, learning_rate=0.2, max_leaf_nodes=8)
        models[f"second_{move}"] = Scikit(model.fit(lesson.features[some], lesson.moves[some, number]))
    return models


def fit_height(lesson: Taught) -> dict[str, Any]:
    """Fit the height; what stands near 0.3 m weighs double."""
    some = some_right(lesson, HEIGHT_LEARN_M, 0.06)
    weight = np.where(np.abs(np.log(np.maximum(lesson.height_m[some], 1e-3) / 0.3)) < 0.4, 2.0, 1.0)
    columns = [judge.SECOND.index(name) for name in judge.HEIGHT]
    model = trees("Regressor", **HEIGHT)
    return {"height": Scikit(model.fit(lesson.features[some][:, columns], lesson.height[some], weight))}


def lesson_of(models: dict[str, Any], seed: int) -> Taught:
    """Return what the second look sees in a scene; of low rocks, of which there are plenty, a part."""
    lesson = second_lesson(models, seed)[0]
    kept = stream(SEED, "rock lesson", index=(seed,)).random(len(lesson.right)) < LOW_SHARE
    kept |= ~lesson.right | (lesson.height_m > LEARN_M)
    return Taught(*(part[kept] for part in lesson))


class Answer(NamedTuple):
    """What the models say of one scene, on the ground [m]."""

    scene: Scene
    x: F64
    y: F64
    chance: F64
    height_m: F64
    right: NDArray[np.bool_]


def answer(models: dict[str, Any], view: View, mapped: bool) -> Answer:
    """Return what the models find in one view, with the map or without, and what of it is right."""
    scene = take(view)
    frame, rocks = framed(scene, mapped)
    seen = judge.two_looks(models, frame)
    spots = seen.places
    picture = np.column_stack([spots.col, spots.row, np.ones(len(spots.row))]) @ frame.to_picture.T
    middle = 0.5 * (scene.image.shape[0] - 1)
    x, y = (picture[:, 0] - middle) * view.cell_m, (middle - picture[:, 1]) * view.cell_m
    right = one_to_one(spots, rocks) >= 0
    return Answer(scene, x, y, spots.chance, seen.height * frame.cell_m, right)


def calibration(answers: list[Answer]) -> tuple[float, float]:
    """Return Platt's slope and offset for the second look."""
    chance = np.clip(np.concatenate([one.chance for one in answers]), 1e-6, 1.0 - 1e-6)
    return platt(np.log(chance / (1.0 - chance)), np.concatenate([one.right for one in answers]))


def calibrated(chance: F64, slope: float, offset: float) -> F64:
    """Return the chances after Platt's correction."""
    chance = np.clip(chance, 1e-6, 1.0 - 1e-6)
    return 1.0 / (1.0 + np.exp(-(slope * np.log(chance / (1.0 - chance)) + offset)))


def thresholds(answers: list[Answer]) -> tuple[float, float, Tally]:
    """Return the confidence and the height from which a detection is called a rock of 0.3 m, and what that gives.

    The greatest of min(recall - `RECALL`, strict precision - `PRECISION`): as far above both marks as can be.
    """
    best, found = -9.0, (0.5, 0.3, NOTHING)
    for confidence in (0.2, 0.35, 0.5, 0.7, 0.85):
        for height in np.arange(0.25, 0.345, 0.004):
            total = NOTHING
            for one in answers:
                take_it = (one.chance >= confidence) & (one.height_m >= height)
                total = total.plus(tally(one.scene, one.x[take_it], one.y[take_it], chance=False))
            spare = min(total.recall - RECALL, total.strict - PRECISION)
            if spare > best:
                best, found = spare, (confidence, float(height), total)
    return found


def one_thread() -> None:
    """Make a process of the pool keep to one core."""
    cv2.setNumThreads(1)


def main() -> None:
    """Train on made scenes, calibrate and fix thresholds on others, write the model."""
    parser = argparse.ArgumentParser(description="train the rock models")
    parser.add_argument("--write", action="store_true", help=f"write {MODEL_FILE}")
    write = parser.parse_args().write
    tell, began = sys.stdout.write, time.monotonic()
    with get_context("spawn").Pool(
        PROCESSES
    ) as pool:  # `map` keeps the order of the seeds, so the model does not depend on the pool
        models = fit_first(stacked(pool.map(first_lesson, FIRST_SEEDS, chunksize=5)))
        tell(f"first look fitted: {time.monotonic() - began:.0f} s\n")
        taught = pool.map(partial(lesson_of, models), SECOND_SEEDS, chunksize=10)
        tell(f"second look's lessons: {time.monotonic() - began:.0f} s\n")
        lesson = stacked(taught)
        for fitted in [pool.apply_async(fit, (lesson,)) for fit in (fit_chance, fit_height, fit_moves)]:
            models |= fitted.get()
        tell(f"second look fitted: {time.monotonic() - began:.0f} s\n")
        finish(models, write, pool)
    tell(f"{time.monotonic() - began:.0f} s\n")


def finish(models: dict[str, Any], write: bool, pool: Pool) -> None:
    """Calibrate, fix thresholds, and write."""
    tell = sys.stdout.write
    jobs = [(models, training_view(seed), map_given(seed)) for seed in CALIBRATION_SEEDS]
    slope, offset = calibration(pool.starmap(answer, jobs, chunksize=2))
    fixed: dict[str, dict[str, list[float]]] = {}
    for mapped, name in ((True, "map"), (False, "picture")):
        fixed[name] = {}
        for el in LIGHTS:
            answers = pool.starmap(answer, [(models, some_view(seed, el), mapped) for seed in CHECK_SEEDS], chunksize=2)
            answers = [one._replace(chance=calibrated(one.chance, slope, offset)) for one in answers]
            confidence, height, total = thresholds(answers)
            fixed[name][f"{el:g}"] = [confidence, round(height, 4)]
            tell(
                f"{name}, {el:g} deg: confidence {confidence}, height {height:.4f}: {total.wanted} rocks, recall "
                f"{total.recall:.3f}, precision {total.strict:.3f} strict, {total.lenient:.3f} lenient\n"
            )
    if write:
        save(models, slope, offset, fixed)


def save(models: dict[str, Any], slope: float, offset: float, fixed: dict[str, dict[str, list[float]]]) -> None:
    """Write the model file, with what made it."""
    notes: dict[str, object] = {
        "made_by": "tests/autonomy/train_rocks.py",
        "seed": SEED,
        "scenes": "experiments/bench/rock_scenes.py",
        "first_look": [FIRST_SEEDS.start, FIRST_SEEDS.stop],
        "second_look": [SECOND_SEEDS.start, SECOND_SEEDS.stop],
        "thresholds_on": [CHECK_SEEDS.start, CHECK_SEEDS.stop],
        "calibration_on": [CALIBRATION_SEEDS.start, CALIBRATION_SEEDS.stop],
        "thresholds": fixed,
    }
    tables: dict[str, dict[str, object]] = {}
    for name, columns in judge.MODELS.items():
        law = {"slope": slope, "offset": offset} if name == "second" else {}
        tables[name] = export_trees(models[name].model, columns, digits=3, **law)
    write_models(MODEL_FILE, tables, notes)


if __name__ == "__main__":
    main()
