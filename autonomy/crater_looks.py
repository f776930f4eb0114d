"""Two looks at each place where a crater may be: a quick one at all of them, a second at what remains, where the first put it.

A look is a list of measures of the turned patch around the place: the picture itself, averaged with its mirror image across the
light's direction (a crater is alike on both sides), what differs between the sides, a coarser patch of the surroundings, contrast,
brightness, size, distance from the edge. Boosted trees (`verifier`) turn a look into the chance that a crater is there and into the
shift and growth of the box (cascaded regression: Dollar et al. 2010). Guesses of the first look that agree are merged by vote;
how many agree, and how well, is part of the second look.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .crater_boxes import best_apart, groups, neighbours
from .crater_pyramid import F32, F64, Candidates, Level, patches

FINE_SIDE, FINE_SPAN = 14, 1.6  # samples across the crater's patch; half its side over the radius
WIDE_SIDE, WIDE_SPAN = 10, 3.6  # the same of the surroundings
EVEN = 0.02  # contrast over brightness below which a patch is even ground
CLIP = 6.0  # normalised brightness beyond this says nothing more
FIRST_MIN = 0.04  # chance below which a place gets no second look
JOIN = 0.5  # overlap from which guesses are one crater's
SHIFT_MAX, GROWTH_MAX = 0.6, 0.6  # a look moves a box by radii, and its ln(radius), by at most this

_HALF, _ODD = FINE_SIDE // 2, FINE_SIDE // 2
LOOK = (
    *(f"even_{a}_{b}" for a in range(_HALF) for b in range(FINE_SIDE)),
    *(f"odd_{a}_{b}" for a in range(_HALF // 2) for b in range(_ODD)),
    *(f"wide_{a}_{b}" for a in range(WIDE_SIDE // 2) for b in range(WIDE_SIDE)),
    "unlike",
    "brightness",
    "contrast",
    "ln_radius",
    "edge",
)
FIRST = (*LOOK, "answer")
SECOND = (*LOOK, "first", "votes", "voters", "spread_size", "spread_place", "rival", "within", "holds")
MOVES = ("along", "across", "growth")
MODELS = {
    "first": FIRST,
    **{f"first_{move}": FIRST for move in MOVES},
    "second": SECOND,
    **{f"second_{move}": SECOND for move in MOVES},
}


class Judge(Protocol):
    """What answers for each row of features; `verifier.Trees` does."""

    def score(self, features: F32) -> F32:
        """Return float32 [n] for features float32 [n, k]."""
        ...


class Scene(NamedTuple):
    """A picture made ready."""

    levels: list[Level]
    bright: float  # [rad] direction of bright walls, from +col towards +row
    brightness: float  # of the ground
    shape: tuple[int, int]


class Boxes(NamedTuple):
    """Squares around craters: centre and half side [px], chance; each float64 [n]."""

    col: F64
    row: F64
    radius: F64
    chance: F64

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Boxes:
        """Return some of them."""
        return Boxes(*(part[which] for part in self))


def look(scene: Scene, col: F64, row: F64, radius: F64) -> F32:
    """Return the measures `LOOK` of each place, float32 [n, k]."""
    fine = patches(scene.levels, col, row, radius, scene.bright, FINE_SIDE, FINE_SPAN)
    wide = patches(scene.levels, col, row, radius, scene.bright, WIDE_SIDE, WIDE_SPAN, coarser=2.0)
    n, floor = len(col), np.float32(EVEN * scene.brightness)
    mean = fine.mean(axis=(1, 2), keepdims=True)
    spread = fine.std(axis=(1, 2), keepdims=True) + floor
    fine, wide = (np.clip((part - mean) / spread, -CLIP, CLIP) for part in (fine, wide))
    mirror = fine[:, ::-1]
    even = 0.5 * (fine + mirror)[:, :_HALF]
    odd = 0.5 * (fine - mirror)[:, : 2 * (_HALF // 2)]
    unlike = np.sqrt((odd**2).mean(axis=(1, 2)))
    odd = odd.reshape(n, _HALF // 2, 2, _ODD, 2).mean(axis=(2, 4))
    wide = 0.5 * (wide + wide[:, ::-1])[:, : WIDE_SIDE // 2]
    rows, cols = scene.shape
    edge = np.minimum(np.minimum(col + 0.5, cols - 0.5 - col), np.minimum(row + 0.5, rows - 0.5 - row)) / radius
    return np.column_stack(
        [
            even.reshape(n, _HALF * FINE_SIDE),
            odd.reshape(n, (_HALF // 2) * _ODD),
            wide.reshape(n, (WIDE_SIDE // 2) * WIDE_SIDE),
            unlike,
            mean[:, 0, 0] / np.float32(scene.brightness),
            np.log(spread[:, 0, 0] / np.float32(scene.brightness)),
            np.log(radius),
            np.minimum(edge, 3.0),
        ]
    ).astype(np.float32)


def first_look(scene: Scene, found: Candidates) -> F32:
    """Return the measures `FIRST` of all candidates, float32 [n, k]."""
    return np.column_stack([look(scene, found.col, found.row, found.radius), found.answer.astype(np.float32)])


def moved(scene: Scene, boxes: Boxes, moves: NDArray[np.floating]) -> Boxes:
    """Return the boxes shifted and grown: ``moves`` [n, 3] along and across the light [radii], and ln of the growth."""
    shift = np.clip(moves[:, :2].astype(np.float64), -SHIFT_MAX, SHIFT_MAX) * boxes.radius[:, None]
    growth = np.exp(np.clip(moves[:, 2].astype(np.float64), -GROWTH_MAX, GROWTH_MAX))
    cos, sin = math.cos(scene.bright), math.sin(scene.bright)
    col = boxes.col + shift[:, 0] * cos - shift[:, 1] * sin
    row = boxes.row + shift[:, 0] * sin + shift[:, 1] * cos
    return Boxes(col, row, boxes.radius * growth, boxes.chance)


def judge(models: Mapping[str, Judge], which: str, scene: Scene, boxes: Boxes, features: F32) -> Boxes:
    """Return the boxes with the chance and at the place that the ``which`` (first, second) models give; unlikely ones are left out."""
    chance = models[which].score(features).astype(np.float64)
    likely = np.flatnonzero(chance > FIRST_MIN)
    some = features[likely]
    moves = np.column_stack([models[f"{which}_{move}"].score(some) for move in MOVES])
    return moved(scene, boxes.take(likely)._replace(chance=chance[likely]), moves)


def merge(guesses: Boxes) -> F64:
    """Return the groups (`crater_boxes.groups`, float64 [group, 8]) of what the first look left."""
    order = np.argsort(-guesses.chance, kind="stable")
    return groups(guesses.col, guesses.row, guesses.radius, guesses.chance, order, JOIN)


def second_look(scene: Scene, merged: F64) -> tuple[Boxes, F32]:
    """Return the merged boxes and their measures `SECOND`, float32 [n, k]."""
    col, row, radius, chance = (np.ascontiguousarray(merged[:, i]) for i in range(4))
    others = neighbours(col, row, radius, chance)
    features = np.column_stack([look(scene, col, row, radius), merged[:, 3:], others])
    return Boxes(col, row, radius, chance), features.astype(np.float32)


def surest_apart(boxes: Boxes, most: float) -> NDArray[np.int64]:
    """Return the indices, surest first, of boxes of which no two overlap by more than ``most`` (the surer one stays)."""
    order = np.argsort(-boxes.chance, kind="stable")
    stays = best_apart(boxes.col, boxes.row, boxes.radius, order, most)
    return order[stays[order]]


def two_looks(models: Mapping[str, Judge], scene: Scene, found: Candidates, most: float) -> Boxes:
    """Return the craters among the candidates, surest first, no two of which overlap by more than ``most``."""
    start = Boxes(found.col, found.row, found.radius, found.answer)
    guesses = judge(models, "first", scene, start, first_look(scene, found))
    boxes, features = second_look(scene, merge(guesses))
    boxes = judge(models, "second", scene, boxes, features)
    return boxes.take(surest_apart(boxes, most))
