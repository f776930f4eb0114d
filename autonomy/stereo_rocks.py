"""Rocks in the depth of a stereo pair: what stands above the plane through the ground around it.

The ground is a plane in a window around each cell, fitted again without what stood above it (the first fit is lifted by the rocks). Pixels
above it by more than their own error make a rock where they hang together and no step of depth parts them. Place, size and chance
of each come from laws fitted to rendered scenes (tests/autonomy/fit_stereo_rocks.py).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef

from .elevation_patch import patch_from_points
from .rocks_seen import Detections
from .stereo import Depth, Points, StereoRig, in_site, points_of

F64 = NDArray[np.float64]
CELL_M = 0.2  # [m] of the ground
WINDOW = 13  # [cells] side of the window that a plane is fitted to
ROUNDS = 3  # fits, each without what the one before left above
OUT_M = 0.05  # [m] above the plane a cell is no ground
ABOVE_M, ABOVE_SIGMA = 0.06, 2.5  # [m], [-] a pixel of a rock is higher than this and this many of its sigmas
STEP_PX = 1.5  # [px] step of disparity that parts two rocks
PIXELS_MIN = 8  # [px] of a rock
STEEPEST = 3.0  # [-] height over width of what is seen of a rock, at most
PIECE_M = 0.12  # [m] beyond the edge of a larger piece a smaller one belongs to it
LARGEST_M = 4.0  # [m] wider ones are slopes
MIN_CONFIDENCE = 0.3

# Fitted by tests/autonomy/fit_stereo_rocks.py on 256 rendered pairs, Sun 1.5-15 deg and lamp, 4 488 candidates, 95 % of them rocks.
# The middle of what is seen is the middle of the rock within 4 % of its diameter, so places need no law.
_SIZE = (-0.067, 0.084, 0.659, 0.086)
_HEIGHT = (-0.358, 0.799, 0.034, 0.071)
_ROCK = (0.158, -0.354, 0.319, -1.24, -0.272, -0.157, 3.55)


class Candidates(NamedTuple):
    """What stands above the ground; each float64 [n]."""

    right: F64  # [m] middle of what is seen of it, from the foot of the mast
    ahead: F64  # [m]
    width: F64  # [m] across the line of sight
    height: F64  # [m] above the plane
    pixels: F64
    excess: F64  # [-] height over what a pixel must have
    full: F64  # [-] pixels over those of its bounding box


def stereo_rocks(
    depth: Depth,
    rig: StereoRig,
    x: float,
    y: float,
    toward_deg: float,
    range_m: float,
    *,
    min_confidence: float = MIN_CONFIDENCE,
) -> Detections:
    """Return the rocks that stand out of the ground of one look, nearest first, in site metres.

    ``x, y, toward_deg``: the foot of the mast [m] and the grid azimuth it looks to; ``range_m``: how far to look.
    """
    found = candidates(points_of(depth, rig, range_m), rig)
    diameter, height = np.exp(weighted(_SIZE, size_terms(found))), np.exp(weighted(_HEIGHT, height_terms(found)))
    confidence = 1.0 / (1.0 + np.exp(-weighted(_ROCK, rock_terms(found))))
    away = np.hypot(found.right, found.ahead)
    site = in_site(np.stack([found.right, found.ahead, height], axis=1), x, y, toward_deg)
    half = 0.5 * diameter
    seen = Detections(site[:, 0], site[:, 1], diameter, confidence, height, half, half, np.zeros_like(half))
    keep = np.flatnonzero((confidence >= min_confidence) & (diameter <= LARGEST_M))
    return seen.take(keep[np.argsort(away[keep], kind="stable")])


def candidates(points: Points, rig: StereoRig) -> Candidates:
    """Return everything that stands above the ground of these points."""
    if points.row.size < PIXELS_MIN:
        return Candidates(*(np.empty(0) for _ in Candidates._fields))
    above, limit = heights_above_ground(points)
    shape = (rig.rows, rig.cols)
    disparity = np.zeros(shape, dtype=np.float32)
    disparity[points.row, points.col] = rig.focal_px * rig.baseline_m / points.xyz[:, 1]
    high = np.zeros(shape, dtype=np.uint8)
    tall = above > limit
    high[points.row[tall], points.col[tall]] = 1
    high = np.asarray(cv2.morphologyEx(high, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    high[:-1][disparity[1:] - disparity[:-1] > STEP_PX] = 0  # a nearer thing begins below this row
    high[disparity == 0.0] = 0
    count, labels = cv2.connectedComponents(high, connectivity=4)
    name = np.asarray(labels, dtype=np.int64)[points.row, points.col] - 1
    found = _measure(points, above, limit, name, count - 1, rig)
    solid = found.height <= STEEPEST * (found.width + 0.05)  # a sliver metres high is a wrong match
    return _whole(Candidates(*(field[solid] for field in found)))


def _whole(found: Candidates) -> Candidates:
    """Leave out pieces of a rock beside a larger piece of it: shadow on a rock parts what is seen of it."""
    order = np.argsort(-found.pixels, kind="stable")
    keep = np.zeros(order.size, dtype=bool)
    for i in order:
        near = np.hypot(found.right[keep] - found.right[i], found.ahead[keep] - found.ahead[i])
        keep[i] = not (near < 0.5 * found.width[keep] + PIECE_M).any()
    return Candidates(*(field[keep] for field in found))


def heights_above_ground(points: Points) -> tuple[F64, F64]:
    """Return how high each point stands above the plane of its surroundings, and how high it must to count; float64 [n], [m]."""
    xyz = points.xyz
    low, high = np.floor(xyz[:, :2].min(axis=0) / CELL_M) - 1.0, np.ceil(xyz[:, :2].max(axis=0) / CELL_M) + 1.0
    ref = GeoRef(low[0] * CELL_M, high[1] * CELL_M, CELL_M, int(high[1] - low[1]), int(high[0] - low[0]))
    patch = patch_from_points(xyz, ref, points.sigma_m, bridge=False)
    known = patch.trusted
    z = np.where(known, patch.elevation_m, 0.0).astype(np.float64)
    middle = float(z[known].mean())
    z = np.where(known, z - middle, 0.0)
    col, row = np.meshgrid(np.arange(ref.cols, dtype=np.float64), np.arange(ref.rows, dtype=np.float64))
    weight = known.astype(np.float64)
    plane = np.zeros((3, *ref.shape))
    for _ in range(ROUNDS):
        plane = _planes(z, weight, col, row)
        weight = known & (z - (plane[0] + plane[1] * col + plane[2] * row) < OUT_M)
    r, c = ref.rowcol(xyz[:, 0], xyz[:, 1])
    i, j = np.rint(r).astype(np.int64), np.rint(c).astype(np.int64)
    a, b, d = plane[:, i, j]
    return xyz[:, 2] - middle - (a + b * c + d * r), ABOVE_M + ABOVE_SIGMA * points.sigma_m


def _planes(z: F64, weight: NDArray[np.float64] | NDArray[np.bool_], col: F64, row: F64) -> F64:
    """Return height, rise per column and per row of the plane through the weighted cells around each, float64 [3, R, C]."""
    w = weight.astype(np.float64)

    def total(values: F64) -> F64:
        sums = cv2.boxFilter(values, -1, (WINDOW, WINDOW), normalize=False, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(sums, dtype=np.float64)

    n = total(w) + 1e-9
    mc, mr, mz = total(w * col) / n, total(w * row) / n, total(w * z) / n
    cc, rr, cr = (
        total(w * col * col) / n - mc * mc,
        total(w * row * row) / n - mr * mr,
        total(w * col * row) / n - mc * mr,
    )
    cz, rz = total(w * col * z) / n - mc * mz, total(w * row * z) / n - mr * mz
    cc, rr = cc + 0.5, rr + 0.5  # few cells in a line: the slope across it goes to nought
    det = cc * rr - cr * cr
    by_col, by_row = (cz * rr - rz * cr) / det, (rz * cc - cz * cr) / det
    return np.stack([mz - by_col * mc - by_row * mr, by_col, by_row])


def _measure(points: Points, above: F64, limit: F64, name: NDArray[np.int64], count: int, rig: StereoRig) -> Candidates:
    """Measure the named groups of points, 0..count-1 (-1: none)."""
    inside = np.flatnonzero(name >= 0)
    order = inside[np.lexsort((above[inside], name[inside]))]
    group = name[order]
    size = np.bincount(group, minlength=count)
    keep = size >= PIXELS_MIN
    first = np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64)
    if not keep.any():
        return Candidates(*(np.empty(0) for _ in Candidates._fields))
    present = size > 0
    starts = first[present]

    def low(values: NDArray[np.generic]) -> F64:
        out = np.zeros(count)
        out[present] = np.minimum.reduceat(values, starts)
        return out

    def high(values: NDArray[np.generic]) -> F64:
        out = np.zeros(count)
        out[present] = np.maximum.reduceat(values, starts)
        return out

    def mean(values: F64) -> F64:
        return np.bincount(group, values, minlength=count) / np.maximum(size, 1)

    xyz = points.xyz[order]
    cols, rows = points.col[order], points.row[order]
    wide = high(cols) - low(cols) + 1.0
    tall = high(rows) - low(rows) + 1.0
    right, ahead = mean(xyz[:, 0]), mean(xyz[:, 1])
    top = order[np.clip(first + (0.95 * size).astype(np.int64), 0, order.size - 1)]
    fields = Candidates(
        right, ahead, wide * ahead / rig.focal_px, above[top], size.astype(np.float64), above[top] / limit[top],
        size / (wide * tall),
    )  # fmt: skip
    return Candidates(*(field[keep] for field in fields))


def size_terms(f: Candidates) -> tuple[float | F64, ...]:
    """Return the terms of the law of size: ln(diameter [m]) is their sum, weighted by `_SIZE`."""
    return 1.0, np.log(f.width), np.log(f.height), np.log(f.ahead)


def height_terms(f: Candidates) -> tuple[float | F64, ...]:
    """Return the terms of the law of height: ln(height [m]) is their sum, weighted by `_HEIGHT`."""
    return 1.0, np.log(f.height), np.log(f.width), np.log(f.ahead)


def rock_terms(f: Candidates) -> tuple[float | F64, ...]:
    """Return the terms of the logistic law that a candidate is a rock, weighted by `_ROCK`."""
    steep = np.log(f.height / f.width)
    return 1.0, np.log(f.excess), np.log(f.pixels), steep, steep * steep, np.log(f.ahead), f.full


def weighted(weights: tuple[float, ...], terms: tuple[float | F64, ...]) -> F64:
    """Return the weighted sum of terms."""
    total = np.zeros(np.shape(terms[1]))
    for weight, term in zip(weights, terms, strict=True):
        total += weight * term
    return total
