"""A large picture in tiles that overlap, strip by strip: each tile answers for its core, and what two tiles saw at a seam counts once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .picture import Bools, Picture

CORE_PX: Final = 2048  # longest side of a tile's core
SEAM_PX: Final = 24.0  # places this near a seam may be seen from both sides of it

F64 = NDArray[np.float64]


class Tile(NamedTuple):
    """Part of a picture: what is looked at, and which part of that it answers for."""

    image: NDArray[np.uint8]  # [r, c] exposed
    known: Bools  # [r, c]
    row: int  # of its first pixel in the picture
    col: int
    core: tuple[int, int, int, int]  # rows from, to, columns from, to, in the picture


def cuts(length: int, longest: int = CORE_PX) -> list[tuple[int, int]]:
    """Return equal parts of at most ``longest``, as (from, to).

    >>> cuts(5000, 2048)
    [(0, 1666), (1666, 3333), (3333, 5000)]
    """
    n = math.ceil(length / longest)
    return [(length * i // n, length * (i + 1) // n) for i in range(n)]


def tiles(picture: Picture, scale: float, margin: int, longest: int = CORE_PX) -> Iterator[Tile]:
    """Yield the tiles of a picture, by rows; each row of the file is read once.

    Grey values are multiplied by ``scale`` and cut to 0..255; ``margin`` [px] is what a tile sees beyond its core.
    """
    image, known, top = np.empty((0, picture.cols), np.uint8), np.empty((0, picture.cols), bool), 0
    for first, last in cuts(picture.rows, longest):
        start, end = max(first - margin, 0), min(last + margin, picture.rows)
        have = top + len(image)
        image, known, top = image[start - top :], known[start - top :], start
        grey, more = picture.read(have, end - have)
        image, known = np.concatenate([image, exposed(grey, scale)]), np.concatenate([known, more])
        for left, right in cuts(picture.cols, longest):
            a, b = max(left - margin, 0), min(right + margin, picture.cols)
            yield Tile(image[:, a:b], known[:, a:b], start, a, (first, last, left, right))


def exposed(grey: NDArray[np.float32], scale: float) -> NDArray[np.uint8]:
    """Return grey values times ``scale``, as a camera of 8 bits gives them."""
    return np.clip(grey * np.float32(scale) + np.float32(0.5), 0.0, 255.0).astype(np.uint8)


def of_core(tile: Tile, row: F64, col: F64, slack: float = SEAM_PX) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which places [px of the picture] a tile answers for, with ``slack`` beyond seams, and which of all lie at a seam."""
    r0, r1, c0, c1 = tile.core
    kept, seam = np.ones(len(row), bool), np.zeros(len(row), bool)
    ends = (
        (row + 0.5 - r0, r0 > 0),
        (r1 - 0.5 - row, r1 < tile.row + tile.image.shape[0]),
        (col + 0.5 - c0, c0 > 0),
        (c1 - 0.5 - col, c1 < tile.col + tile.image.shape[1]),
    )
    for inside, is_seam in ends:
        if is_seam:
            kept &= inside >= -slack
            seam |= np.abs(inside) <= 2.0 * slack  # the other tile may see it a little nearer, within the slack
    return kept, seam


def seen_twice(row: F64, col: F64, radius: F64, confidence: F64, tile: NDArray[np.int64], seam: Bools) -> Bools:
    """Return which places at seams are the less sure one of two that different tiles saw (centres within half a smaller radius)."""
    from scipy.spatial import KDTree

    twice = np.zeros(len(row), bool)
    at = np.flatnonzero(seam)
    if len(at) < 2:
        return twice
    reach = np.maximum(0.5 * radius[at], 2.0)
    places = np.column_stack([row[at], col[at]])
    pairs = KDTree(places).query_pairs(float(reach.max()), output_type="ndarray")
    order = np.argsort(-np.maximum(confidence[at[pairs[:, 0]]], confidence[at[pairs[:, 1]]]), kind="stable")
    for i, j in pairs[order]:
        a, b = at[i], at[j]
        apart = math.hypot(row[a] - row[b], col[a] - col[b])
        if tile[a] != tile[b] and apart <= min(reach[i], reach[j]) and not (twice[a] or twice[b]):
            twice[a if confidence[a] < confidence[b] else b] = True
    return twice
