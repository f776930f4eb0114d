"""Places where a rock may stand in a turned picture.

A rock in low light is a bright face, then darkness that begins on a line across its middle (on a dome the terminator). Every cell
where darkness begins behind a bright face is scored at several sizes by the contrast of the face with the darkness behind it, and
the best of each neighbourhood are looked at. Matched filters for lunar rocks: Golombek et al. 2008 (shadows), Li & Wu 2018
(pairs of bright and dark).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .rock_frame import F32, F64, FACE_PX, I32, Frame, box_mean

RADII = (1.3, 2.1, 3.4, 5.5, 9.0, 14.0)  # [cells] of the rocks that the scores are made for
FACE_MIN = 1.12  # brightness of a face over the ground's, at least
SCORE_MIN = 0.3  # contrast of face and darkness over the ground's brightness
APART = 0.55  # radii between candidates of one size


class Places(NamedTuple):
    """Where rocks may be in the turned frame [cells]: middle, radius, and how sure; each float64 [n]."""

    row: F64
    col: F64
    radius: F64
    chance: F64

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Places:
        """Return some of them."""
        return Places(*(part[which] for part in self))


def places(frame: Frame) -> Places:
    """Return the candidates, sizes rising."""
    rows, cols = _begins(frame.bright, frame.ground, frame.start, frame.end)
    found: list[tuple[F64, F64, F64, F64]] = []
    taken = np.zeros(frame.bright.shape, np.uint8)
    for number, radius in enumerate(RADII):
        scores = _scores(frame.table, frame.ground, rows, cols, radius)
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= SCORE_MIN]
        keep = order[_best(rows, cols, order, max(1.0, APART * radius), np.uint8(number + 1), taken)]
        count = len(keep)
        found.append(
            (rows[keep].astype(np.float64) - 0.5, cols[keep].astype(np.float64), np.full(count, radius), scores[keep])
        )
    return Places(*(np.concatenate(part) for part in zip(*found, strict=True)))


@kernel
def _begins(bright: F32, ground: F32, start: I32, end: I32) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells where a shadow of two cells or more begins behind a bright face."""
    rows, cols = bright.shape
    out_r = np.empty(rows * cols // 2 + cols, np.int64)
    out_c = np.empty(rows * cols // 2 + cols, np.int64)
    count = 0
    for r in range(2, rows):
        for c in range(cols):
            if start[r, c] == r and end[r, c] - r >= 2:
                face = np.float32(0.0)
                for k in range(1, min(FACE_PX, r) + 1):
                    face = max(face, bright[r - k, c])
                if face >= np.float32(FACE_MIN) * ground[r, c]:
                    out_r[count] = r
                    out_c[count] = c
                    count += 1
    return out_r[:count].copy(), out_c[:count].copy()


@kernel
def _scores(table: F64, ground: F32, rows: NDArray[np.int64], cols: NDArray[np.int64], radius: float) -> F64:
    """Return the contrast of face and shadow of a rock of ``radius`` at each place."""
    out = np.empty(rows.size)
    lit, dark, half = int(round(radius)), int(round(1.6 * radius)), int(0.7 * radius)
    for i in range(rows.size):
        r, c = rows[i], cols[i]
        up = box_mean(table, r - max(lit, 2), r, c - half, c + half + 1)
        down = box_mean(table, r, r + max(dark, 2), c - half, c + half + 1)
        out[i] = (up - down) / ground[r, c]
    return out


@kernel
def _best(
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    order: NDArray[np.int64],
    apart: float,
    mark: np.uint8,
    taken: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Return which of ``order`` (best first) have no better one within ``apart`` cells; ``taken`` is marked, not cleared."""
    keep = np.zeros(order.size, np.bool_)
    reach = int(apart)
    for n in range(order.size):
        r, c = rows[order[n]], cols[order[n]]
        if taken[r, c] == mark:
            continue
        keep[n] = True
        for i in range(max(r - reach, 0), min(r + reach + 1, taken.shape[0])):
            for j in range(max(c - reach, 0), min(c + reach + 1, taken.shape[1])):
                if (i - r) ** 2 + (j - c) ** 2 <= apart * apart:
                    taken[i, j] = mark
    return keep
