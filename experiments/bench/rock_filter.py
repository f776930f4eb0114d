"""A matched filter and two fitted laws, the rock detector that boosted trees have to beat: Golombek et al. 2008, Li & Wu 2018.

A filter oriented to the light answers where a lit patch is followed by darkness; the bright line it leaves on a rock is the rim between
light and shade (the terminator), which on a dome runs across its middle and is as wide as the rock. Each line is
measured by its moments and judged by a logistic law of its width, the contrast of face against ground, the step from face to shadow,
the light before the face and the length of the shadow; a linear law gives its size. A rock is taken as half as high as wide.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

LARGEST_M = 4.0  # [m] wider lines of light and shade are crater rims
GROUND_M = 6.4  # [m] window in which the brightness of the ground is taken
SHADOW_PX = 40  # [px] how far a shadow is followed

# Least squares and logistic regression on 120 rendered scenes of 40 m at 0.1 m/px, light 1-25 deg high, 67 000 candidates.
_SIZE = (1.322, -0.356, 0.5, 0.236, -0.19, 0.265, -0.38, 0.417, 0.086)
_ROCK = (4.965, 4.609, -1.06, 1.366, -0.843, 0.906, -2.608, -0.344, -1.164, 0.792, -2.151)


class Lines(NamedTuple):
    """Rocks by the laws; each float64 [n]."""

    row: NDArray[np.float64]  # [px]
    col: NDArray[np.float64]
    diameter_m: NDArray[np.float64]
    confidence: NDArray[np.float64]  # chance that it is a rock, 0..1


def filtered_rocks(image: NDArray[np.uint8], cell_m: float, sun_az_deg: float, sun_el_deg: float) -> Lines:
    """Return the rocks of a picture uint8 [R, C] of ``cell_m`` [m] under a light from a grid azimuth and elevation [deg]."""
    f = features(image, cell_m, sun_az_deg, sun_el_deg)
    n = len(f.row)
    diameter = np.exp(_sum(_SIZE, size_terms(f, sun_el_deg), n)) * cell_m
    confidence = 1.0 / (1.0 + np.exp(-_sum(_ROCK, rock_terms(f, sun_el_deg), n)))
    keep = diameter <= LARGEST_M
    return Lines(f.row[keep], f.col[keep], diameter[keep], confidence[keep])


class Features(NamedTuple):
    """What is measured of each candidate, a line where light turns to shade; each float64 [n]."""

    row: NDArray[np.float64]
    col: NDArray[np.float64]
    width: NDArray[np.float64]  # [px] across the light, from the second moment
    depth: NDArray[np.float64]  # [-] extent along the light over the width
    area: NDArray[np.float64]  # [px] weight over peak
    face: NDArray[np.float64]  # [-] brightest lit side over ground
    step: NDArray[np.float64]  # [-] greatest fall from lit to dark side over ground
    before: NDArray[np.float64]  # [-] brightness just upsun of the face over ground
    shadow: NDArray[np.float64]  # [px] unbroken darkness behind, up to `SHADOW_PX`


@lru_cache(maxsize=64)
def _kernels(az_tenths: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean-of-lit-side and mean-of-shadow-side kernels for a light azimuth, float32 [9, 9]."""
    az = math.radians(az_tenths / 10.0)
    row, col = np.mgrid[-4:5, -4:5].astype(np.float64)
    along = -(col * math.sin(az) - row * math.cos(az))  # px away from the light
    across = col * math.cos(az) + row * math.sin(az)

    def soft(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
        return np.clip(value - low + 0.5, 0.0, 1.0) * np.clip(high - value + 0.5, 0.0, 1.0)

    lit = soft(along, -1.5, 0.0) * soft(across, -0.8, 0.8)
    dark = soft(along, 1.2, 3.6) * soft(across, -0.8, 0.8)
    return (lit / lit.sum()).astype(np.float32), (dark / dark.sum()).astype(np.float32)


def _ground(grey: NDArray[np.float32], known: NDArray[np.float32], window_px: int) -> NDArray[np.float32]:
    """Return the brightness of the lit ground around each pixel (mean of what is neither shadow nor glare)."""
    lit = known * (grey > 12.0)
    total = float(lit.sum())
    middle = float(np.median(grey[lit > 0.0])) if total > 0.0 else 1.0
    lit *= grey < 2.2 * middle + 10.0
    size = (window_px, window_px)  # sums of whole numbers below 2^24: exact, so the same on any number of threads
    count = cv2.boxFilter(lit, -1, size, normalize=False, borderType=cv2.BORDER_REFLECT)
    light = cv2.boxFilter(grey * lit, -1, size, normalize=False, borderType=cv2.BORDER_REFLECT)
    few = np.float32(0.05 * window_px * window_px)
    return np.maximum((light + few * middle) / (count + few), 8.0).astype(np.float32)


def features(
    image: NDArray[np.uint8], cell_m: float, az: float, el: float, valid: NDArray[np.bool_] | None = None
) -> Features:
    """Return the measures of all candidates (arguments as `detect_rocks`)."""
    grey = image.astype(np.float32)
    known = np.ones(image.shape, np.float32) if valid is None else valid.astype(np.float32)
    window = (int(min(max(GROUND_M / cell_m, 9.0), 253.0, min(image.shape) - 2)) & ~1) + 1
    ground = _ground(grey, known, window)
    if valid is not None:
        grey = np.where(valid, grey, ground)
    lit_kernel, dark_kernel = _kernels(round(az * 10.0) % 3600)
    lit = np.asarray(cv2.filter2D(grey, cv2.CV_32F, lit_kernel, borderType=cv2.BORDER_REFLECT), dtype=np.float32)
    dark = np.asarray(cv2.filter2D(grey, cv2.CV_32F, dark_kernel, borderType=cv2.BORDER_REFLECT), dtype=np.float32)
    answer = lit - dark
    strong = (answer > np.maximum(0.6 * ground, 16.0)) & (dark < 0.6 * ground) & (lit > 0.9 * ground)
    count, labels = cv2.connectedComponents(strong.astype(np.uint8), connectivity=8)
    return _measure(np.asarray(labels, dtype=np.int32), count - 1, grey, lit, answer, ground, math.radians(az))


def _measure(
    labels: NDArray[np.int32],
    count: int,
    grey: NDArray[np.float32],
    lit: NDArray[np.float32],
    answer: NDArray[np.float32],
    ground: NDArray[np.float32],
    az: float,
) -> Features:
    """Measure the labelled lines (1..count) over that part of each which answers at least half its peak; ``az`` [rad]."""
    if count == 0:
        return Features(*(np.empty(0) for _ in Features._fields))
    r, c = np.nonzero(labels)
    order = np.argsort(labels[r, c], kind="stable")
    r, c = r[order], c[order]
    first = np.searchsorted(labels[r, c], np.arange(1, count + 1))
    weight = answer[r, c].astype(np.float64)
    peak = np.maximum.reduceat(weight, first)
    which = np.repeat(np.arange(count), np.diff(np.append(first, len(r))))
    core = weight >= 0.5 * peak[which]
    r, c, weight, which = r[core], c[core], weight[core], which[core]
    first = np.searchsorted(which, np.arange(count))

    away = (-math.sin(az), math.cos(az))  # one pixel away from the light, in (col, row)
    along = c * away[0] + r * away[1]
    across = c * away[1] - r * away[0]
    total = np.add.reduceat(weight, first)
    mid_along = np.add.reduceat(weight * along, first) / total
    mid_across = np.add.reduceat(weight * across, first) / total
    spread = np.add.reduceat(weight * across * across, first) / total - mid_across**2
    width = np.sqrt(12.0 * np.maximum(spread, 0.0) + 1.0)
    depth = (np.maximum.reduceat(along, first) - np.minimum.reduceat(along, first) + 1.0) / width
    col = mid_along * away[0] + mid_across * away[1]
    row = mid_along * away[1] - mid_across * away[0]

    def at(image: NDArray[np.float32], px_away: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the picture at distances away from the light: [n] or, for [1, k] distances, [n, k]."""
        x, y = (col, row) if px_away.ndim == 1 else (col[:, None], row[:, None])
        i = np.clip(np.rint(y + px_away * away[1]), 0, image.shape[0] - 1).astype(np.int64)
        j = np.clip(np.rint(x + px_away * away[0]), 0, image.shape[1] - 1).astype(np.int64)
        return image[i, j].astype(np.float64)

    level = at(ground, np.zeros(count))
    face = np.maximum.reduceat(lit[r, c], first) / level
    before = at(lit, -(0.6 * width + 2.0)) / level
    dark = at(grey, 1.0 + np.arange(1.0, SHADOW_PX + 1.0)[None, :]) < 0.45 * level[:, None]
    shadow = np.where(dark.all(axis=1), SHADOW_PX, np.argmin(dark, axis=1)).astype(np.float64)
    return Features(row, col, width, depth, total / peak, face, peak / level, before, shadow)


def size_terms(f: Features, el_deg: float | NDArray[np.float64]) -> tuple[float | NDArray[np.float64], ...]:
    """Return the terms of the law of size: ln(diameter [px]) is their sum, weighted by `_SIZE`."""
    t = np.log(np.tan(np.radians(np.maximum(el_deg, 0.5))))
    shade = np.log(f.shadow * np.exp(t) + 0.3)
    return 1.0, np.log(f.width), np.log(f.area), np.log(f.step), np.log(f.face), shade, f.depth, t, t * t


def rock_terms(f: Features, el_deg: float | NDArray[np.float64]) -> tuple[float | NDArray[np.float64], ...]:
    """Return the terms of the logistic law that a candidate is a rock, weighted by `_ROCK`."""
    t = np.log(np.tan(np.radians(np.maximum(el_deg, 0.5))))
    shade = np.log(f.shadow * np.exp(t) + 0.3)
    before, wide = np.minimum(f.before, 2.0), (f.width > 20.0).astype(np.float64)
    width = np.log(f.width)
    return (1.0, np.log(f.step), np.log(f.face), before, before**2, shade, width, width * t, f.depth, t, wide)


def _sum(weights: tuple[float, ...], terms: tuple[float | NDArray[np.float64], ...], count: int) -> NDArray[np.float64]:
    total = np.zeros(count)
    for weight, term in zip(weights, terms, strict=True):
        total += weight * term
    return total
