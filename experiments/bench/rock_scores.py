"""Scores of rock detectors on rendered scenes: who found what, one to one, beside what the same detections find by chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

from .rock_scenes import EDGE_M, F64, Scene, pairs

TALL_M = 0.3  # [m] height of the rocks that count


class Tally(NamedTuple):
    """Counts over scenes."""

    wanted: int  # visible rocks of at least `TALL_M`
    found: int
    low: int  # detections that match only a rock lower than `TALL_M`
    false: int  # detections that match nothing
    lucky: int  # rocks found by the same detections, shifted

    def plus(self, other: Tally) -> Tally:
        """Return the sum."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def recall(self) -> float:
        """Share of the visible tall rocks that were found."""
        return self.found / max(self.wanted, 1)

    @property
    def chance(self) -> float:
        """Recall of the shifted detections."""
        return self.lucky / max(self.wanted, 1)

    @property
    def strict(self) -> float:
        """Precision; a detection that matches only a lower rock is false."""
        return self.found / max(self.found + self.low + self.false, 1)

    @property
    def lenient(self) -> float:
        """Precision; such detections are left out."""
        return self.found / max(self.found + self.false, 1)

    @property
    def f1(self) -> float:
        """Of recall and strict precision."""
        return 2.0 * self.found / max(self.wanted + self.found + self.low + self.false, 1)


NOTHING = Tally(0, 0, 0, 0, 0)


def tally(scene: Scene, x: F64, y: F64, *, chance: bool = True) -> Tally:
    """Count one scene's detections (x, y from the picture's middle, all of them taken as rocks of at least `TALL_M`).

    They are matched to visible tall rocks, what is left to hidden tall rocks (which count neither way), then to lower ones. What
    lies within `EDGE_M` of the edge is not judged.
    """
    inner = scene.view.half_m - EDGE_M
    tall = scene.rocks[:, 3] >= TALL_M
    wanted, hidden, low = (scene.rocks[which] for which in (tall & scene.visible, tall & ~scene.visible, ~tall))
    judged = (np.abs(wanted[:, 0]) < inner) & (np.abs(wanted[:, 1]) < inner)
    mine = (np.abs(x) < inner) & (np.abs(y) < inner)
    first = pairs(x, y, wanted)
    left = first < 0
    left[left] = pairs(x[left], y[left], hidden) < 0
    lower = np.zeros(len(x), dtype=np.bool_)
    lower[left] = pairs(x[left], y[left], low) >= 0
    lucky = 0
    if chance and len(x):
        rng = stream(scene.view.seed, "shifted rocks")
        side = 2.0 * scene.view.half_m
        shift = rng.uniform(2.0, side - 2.0, 2)
        moved_x, moved_y = (
            (part + float(by) + 0.5 * side) % side - 0.5 * side for part, by in zip((x, y), shift, strict=True)
        )
        lucky = _hits(pairs(moved_x, moved_y, wanted), judged)
    return Tally(
        int(judged.sum()),
        _hits(first, judged),
        int((lower & mine).sum()),
        int((left & ~lower & mine).sum()),
        lucky,
    )


def _hits(found: NDArray[np.int64], judged: NDArray[np.bool_]) -> int:
    return int(judged[found[found >= 0]].sum())
