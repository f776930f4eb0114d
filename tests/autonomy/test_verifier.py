"""Boosted trees from a file: the compiled loop against a walk by hand, the exporter against scikit-learn, damaged files refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.errors import ModelError
from moonfleet.autonomy.verifier import FORMAT, VERSION, Trees, load_trees
from moonfleet.terrain.seeds import stream
from tests.autonomy.tree_export import export_trees, write_models

NAMES = ("a", "b", "c")


def table(**changes: Any) -> dict[str, Any]:
    """A small sound file: one model of two trees."""
    model: dict[str, Any] = {
        "features": list(NAMES),
        "link": "logistic",
        "base": -0.5,
        "slope": 1.5,
        "offset": 0.25,
        "trees": [[[0, 0.5, 2], [-1, -1.0], [2, 1.0, 4], [-1, 0.5], [-1, 2.0]], [[-1, 0.125]]],
    }
    return {"format": FORMAT, "version": VERSION, "models": {"m": model | changes}}


def load(folder: Path, content: object) -> dict[str, Trees]:
    """Load what is written to a file."""
    path = folder / "model.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_trees(path)


def walk(tree: list[list[float]], row: np.ndarray) -> float:
    """The leaf that a row reaches, node by node."""
    at = 0
    while tree[at][0] >= 0:
        at = at + 1 if row[int(tree[at][0])] <= np.float32(tree[at][1]) else int(tree[at][2])
    return float(np.float32(tree[at][1]))


@st.composite
def grown(draw: st.DrawFn, depth: int = 4) -> list[list[float]]:
    """A random tree, depth first."""
    if depth == 0 or draw(st.booleans()):
        return [[-1, draw(st.floats(-4, 4, width=32))]]
    left, right = draw(grown(depth - 1)), draw(grown(depth - 1))

    def moved(tree: list[list[float]], by: int) -> list[list[float]]:
        return [[n[0], n[1], n[2] + by] if n[0] >= 0 else n for n in tree]

    node = [draw(st.integers(0, len(NAMES) - 1)), draw(st.floats(-2, 2, width=32)), 1 + len(left)]
    return [node, *moved(left, 1), *moved(right, 1 + len(left))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    trees=st.lists(grown(), min_size=0, max_size=4),
    seed=st.integers(0, 99),
    link=st.sampled_from(["logistic", "identity"]),
)
def test_score_is_the_walk_by_hand(tmp_path: Path, trees: list[list[list[float]]], seed: int, link: str) -> None:
    model = load(tmp_path, table(trees=trees, link=link))["m"]
    rows = stream(seed, "rows").normal(size=(7, 3)).astype(np.float32)
    total = np.array([1.5 * (-0.5 + sum(walk(tree, row) for tree in trees)) + 0.25 for row in rows])
    expected = total if link == "identity" else 1.0 / (1.0 + np.exp(-total))
    np.testing.assert_allclose(model.score(rows), expected, rtol=1e-5, atol=1e-6)


def test_no_rows_no_answers(tmp_path: Path) -> None:
    assert load(tmp_path, table())["m"].score(np.empty((0, 3), np.float32)).shape == (0,)


@pytest.mark.parametrize(
    "features",
    [np.zeros((2, 4), np.float32), np.zeros(3, np.float32), np.zeros((2, 3)), np.full((2, 3), np.nan, np.float32)],
    ids=["columns", "one row", "float64", "nan"],
)
def test_features_that_do_not_fit(tmp_path: Path, features: Any) -> None:
    with pytest.raises(ModelError, match="features"):
        load(tmp_path, table())["m"].score(features)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": []}, "features"),
        ({"features": ["a", "a", "b"]}, "each once"),
        ({"link": "probit"}, "logistic, identity"),
        ({"base": "1"}, r"base: 1; must be a finite number"),
        ({"slope": float("nan")}, "slope"),
        ({"slope": 10**400}, "slope"),
        ({"trees": {}}, "trees"),
        ({"trees": [[]]}, r"trees\[0\]"),
        ({"trees": [[[0, 0.5, 0], [-1, 1.0]]]}, r"trees\[0\]\[0\]\[2\]"),
        ({"trees": [[[0, 0.5, 3], [-1, 1.0], [-1, 1.0]]]}, r"trees\[0\]\[0\]\[2\]"),
        ({"trees": [[[3, 0.5, 2], [-1, 1.0], [-1, 1.0]]]}, r"must be a whole number, -1\.\.2"),
        ({"trees": [[[0, 0.5, 2], [-1, 1.0], [0, 1.0, 2]]]}, r"trees\[0\]\[2\]\[2\]"),
        ({"trees": [[[True, 0.5, 2], [-1, 1.0], [-1, 1.0]]]}, r"trees\[0\]\[0\]\[0\]"),
        ({"trees": [[[0, 0.5]]]}, r"trees\[0\]\[0\]"),
    ],
)
def test_damaged_models_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(tmp_path, table(**changes))


@pytest.mark.parametrize(
    "content", [[], {}, {"format": FORMAT, "version": 99}, {"format": FORMAT, "version": VERSION}, 3]
)
def test_other_files_are_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(ModelError, match=r"model\.json"):
        load(tmp_path, content)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_byte_never_crashes(tmp_path: Path, data: st.DataObject) -> None:
    """Cut or changed files are read as sound models or refused by type."""
    content = bytearray(json.dumps(table()).encode())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.json"
    path.write_bytes(bytes(content))
    try:
        models = load_trees(path)
    except ModelError:
        return
    for model in models.values():
        assert model.score(np.zeros((2, len(model.features)), np.float32)).shape == (2,)


def test_wanted_models_and_columns(tmp_path: Path) -> None:
    load(tmp_path, table())
    path = tmp_path / "model.json"
    assert list(load_trees(path, {"m": NAMES})) == ["m"]
    with pytest.raises(ModelError, match="another version of the detector"):
        load_trees(path, {"m": ("a", "b", "d")})
    with pytest.raises(ModelError, match=r"models\.size: missing; there are m"):
        load_trees(path, {"size": NAMES})
    with pytest.raises(ModelError, match="cannot be read"):
        load_trees(tmp_path / "none.json")


def test_exporter_gives_what_scikit_learn_gives(tmp_path: Path) -> None:
    ensemble = pytest.importorskip(
        "sklearn.ensemble", reason="scikit-learn trains the models; it is not needed to run them"
    )
    rng = stream(3, "exporter")
    x = rng.normal(size=(600, 3)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] ** 2 + 0.3 * rng.normal(size=600)) > 0.5
    classifier = ensemble.HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=6).fit(x, y)
    regressor = ensemble.HistGradientBoostingRegressor(max_iter=20, max_leaf_nodes=6).fit(x, x[:, 0] * x[:, 2])
    path = tmp_path / "model.json"
    write_models(path, {"yes": export_trees(classifier, NAMES), "size": export_trees(regressor, NAMES)}, {})
    models = load_trees(path, {"yes": NAMES, "size": NAMES})
    np.testing.assert_allclose(models["yes"].score(x), classifier.predict_proba(x)[:, 1], atol=1e-6)
    np.testing.assert_allclose(models["size"].score(x), regressor.predict(x), atol=1e-5)
