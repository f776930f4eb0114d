"""Boosted trees that judge what a detector found: read from a plain JSON file, run by one compiled loop.

A model is a sum of small decision trees (gradient boosting: Friedman 2001). A node compares one feature with a threshold and goes
left where ``feature <= threshold``. The trees lie in flat arrays in depth-first order, so the left child of node ``i`` is ``i + 1``
and only the right child is stored; children always stand after their parent and inside their tree, which is checked when a file is
read, so no file can send the loop astray. A ``logistic`` model answers with probabilities, calibrated by Platt's slope and offset on
scenes the trees have not seen (Platt 1999); an ``identity`` model answers with the sum itself (sizes, shifts).

The file: ``{"format": "moonfleet-trees", "version": 1, "models": {name: {"features": [...], "link": "logistic", "base": b,
"slope": a, "offset": c, "trees": [[[feature, value, right], ...], ...]}}, "notes": {...}}``; a leaf is ``[-1, value]``, and ``right``
counts from its tree's first node. ``tests/autonomy/tree_export.py`` writes it from scikit-learn's histogram boosting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .errors import ModelError

FORMAT, VERSION = "moonfleet-trees", 1
LINKS = ("logistic", "identity")
FILE_MAX = 8_000_000  # [bytes] what is read at most
FEATURES_MAX = 4_096
BLOCK = 32  # rows
FLOAT_MAX = 3.4028234e38  # of float32
DATA = Path(__file__).parent / "data"  # where the shipped models lie


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """One model: ``answer = link(slope * (base + sum of leaves) + offset)``."""

    features: tuple[str, ...]  # names of the columns, in order
    link: str  # one of LINKS
    base: float
    slope: float
    offset: float
    roots: NDArray[np.int32]  # [tree + 1], first node of each tree, and the number of nodes
    feature: NDArray[np.int32]  # [node], column compared, -1 for a leaf
    value: NDArray[np.float32]  # [node], threshold or what the leaf adds
    right: NDArray[np.int32]  # [node], the right child, 0 for a leaf

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the model's answer for each row: probabilities 0..1, or values of an identity model.

        Parameters
        ----------
        features : float32 [n, k], one row per candidate, columns as `features`; n may be 0.

        Returns
        -------
        float32 [n]

        Raises
        ------
        ModelError : another shape or type, or values that are not finite.
        """
        total = self.slope * self.raw(features) + self.offset
        if self.link == "identity":
            return total.astype(np.float32)
        return (0.5 * (1.0 + np.tanh(0.5 * total))).astype(np.float32)  # the logistic, without overflow

    def raw(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return ``base`` + sum of leaves for each row, before calibration and link; float64 [n] (arguments as `score`)."""
        if features.ndim != 2 or features.shape[1] != len(self.features) or features.dtype != np.float32:
            raise ModelError(
                f"features: {features.dtype} {features.shape}; must be float32 [n, {len(self.features)}] "
                f"({_some(self.features)})."
            )
        if not np.isfinite(features).all():
            row, column = np.argwhere(~np.isfinite(features))[0]
            raise ModelError(f"features[{row}, {column}] ({self.features[column]}): must be finite.")
        out = np.full(len(features), self.base)
        _add_leaves(np.ascontiguousarray(features), self.roots, self.feature, self.value, self.right, out)
        return out


@kernel
def _add_leaves(
    rows: NDArray[np.float32],
    roots: NDArray[np.int32],
    feature: NDArray[np.int32],
    value: NDArray[np.float32],
    right: NDArray[np.int32],
    out: NDArray[np.float64],
) -> None:
    """Add to ``out`` [n] the leaf that each row reaches in each tree, in the order of the trees."""
    for first in range(
        0, rows.shape[0], BLOCK
    ):  # rows and trees stay in the cache while all of a block goes through all trees
        last = min(first + BLOCK, rows.shape[0])
        for tree in range(roots.size - 1):
            for row in range(first, last):
                node = roots[tree]
                column = feature[node]
                while column >= 0:
                    goes_right = np.int32(
                        rows[row, column] > value[node]
                    )  # arithmetic, for a branch is mostly guessed wrong
                    node += 1 + goes_right * (right[node] - node - 1)
                    column = feature[node]
                out[row] += value[node]


def load_trees(path: Path, features: Mapping[str, tuple[str, ...]] | None = None) -> dict[str, Trees]:
    """Read every model of a file.

    Parameters
    ----------
    path : the JSON file.
    features : the models that the caller wants, and the columns it will give each; None takes the file's word.

    Returns
    -------
    dict from name to model, in the file's order.

    Raises
    ------
    ModelError : no such file, too large, damaged, of another format or version, or without the wanted models and columns.
    """
    root = read_model_file(path)
    models = root.get("models")
    if not isinstance(models, dict) or not models:
        raise ModelError(f"{path.name}: models: must be a table of at least one model.")
    out = {
        name: _trees(f"{path.name}: models.{name}", model) for name, model in cast(dict[str, object], models).items()
    }
    for name, wanted in (features or {}).items():
        if name not in out:
            raise ModelError(f"{path.name}: models.{name}: missing; there are {', '.join(out)}.")
        if out[name].features != wanted:
            raise ModelError(
                f"{path.name}: models.{name}.features: {_some(out[name].features)}; must be {_some(wanted)}: "
                "the file was made for another version of the detector."
            )
    return out


def read_model_file(path: Path, model_format: str = FORMAT, version: int = VERSION) -> dict[str, object]:
    """Return the whole JSON table of a model file, after checking size, format and version (errors as `load_trees`)."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}.") from error
    if len(content) > FILE_MAX:
        raise ModelError(f"{path.name}: larger than {FILE_MAX} bytes; no model is.")
    try:
        root = cast(object, json.loads(content))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name}: damaged, not JSON: {error}.") from error
    if not isinstance(root, dict):
        raise ModelError(f"{path.name}: must be a table with format, version and models.")
    table = cast(dict[str, object], root)
    if table.get("format") != model_format or table.get("version") != version:
        raise ModelError(
            f"{path.name}: format {table.get('format')!r} version {table.get('version')!r}; "
            f"must be {model_format!r} version {version}."
        )
    return table


def _trees(where: str, model: object) -> Trees:
    """Return a checked model from its JSON table; ``where`` begins the messages."""
    if not isinstance(model, dict):
        raise ModelError(f"{where}: must be a table.")
    table = cast(dict[str, object], model)
    names = table.get("features")
    if not isinstance(names, list) or not 1 <= len(cast(list[object], names)) <= FEATURES_MAX:
        raise ModelError(f"{where}.features: must be a list of 1..{FEATURES_MAX} names.")
    columns = tuple(name for name in cast(list[object], names) if isinstance(name, str))
    if len(set(columns)) != len(cast(list[object], names)):
        raise ModelError(f"{where}.features: must be names, each once.")
    link = table.get("link")
    if not isinstance(link, str) or link not in LINKS:
        raise ModelError(f"{where}.link: {link!r}; must be one of {', '.join(LINKS)}.")
    base, slope, offset = (_number(f"{where}.{key}", table.get(key)) for key in ("base", "slope", "offset"))
    trees = table.get("trees")
    if not isinstance(trees, list):
        raise ModelError(f"{where}.trees: must be a list.")
    roots, feature, value, right = [0], [], [], []
    for number, tree in enumerate(cast(list[object], trees)):
        _take_tree(f"{where}.trees[{number}]", tree, len(columns), feature, value, right)
        roots.append(len(feature))
    return Trees(
        columns,
        link,
        base,
        slope,
        offset,
        np.array(roots, np.int32),
        np.array(feature, np.int32),
        np.array(value, np.float32),
        np.array(right, np.int32),
    )


def _take_tree(
    where: str, tree: object, columns: int, feature: list[int], value: list[float], right: list[int]
) -> None:
    """Append the nodes of one tree, each checked to lead on inside it."""
    if not isinstance(tree, list) or not tree:
        raise ModelError(f"{where}: must be a list of nodes.")
    nodes, first = cast(list[object], tree), len(feature)
    for place, node in enumerate(nodes):
        at = f"{where}[{place}]"
        if not isinstance(node, list) or len(cast(list[object], node)) not in (2, 3):
            raise ModelError(f"{at}: must be [feature, threshold, right] or [-1, value].")
        parts = cast(list[object], node)
        column = _whole(f"{at}[0]", parts[0], -1, columns - 1)
        if (column < 0) != (len(parts) == 2):
            raise ModelError(f"{at}: must be [feature, threshold, right] or [-1, value].")
        feature.append(column)
        value.append(_number(f"{at}[1]", parts[1]))
        right.append(first + _whole(f"{at}[2]", parts[2], place + 2, len(nodes) - 1) if column >= 0 else 0)


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= FLOAT_MAX:
        raise ModelError(f"{where}: {str(value)[:40]}; must be a finite number.")
    return float(value)


def _whole(where: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ModelError(f"{where}: {str(value)[:40]}; must be a whole number, {low}..{high}.")
    return value


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} ... {names[-1]}, {len(names)} in all"
