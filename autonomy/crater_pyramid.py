"""A picture at many scales, in which craters of one size answer to one small filter, and where they answer.

Each level is the picture shrunk so that craters of its radius are `RADIUS_PX` wide, half a bowl bright and half dark: a dipole. The
dipole filter is steerable (Freeman and Adelson 1991): two filtered pictures, along columns and along rows, give the answer for every
azimuth of the light, and the directions in which the strongest answers point give the azimuth itself where nobody knows it.
Answers are correlations (divided by the local contrast), so faint old bowls count like fresh ones.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

RADIUS_PX = 5.0  # [px] of the craters that a level is made for
STEP = 2.0 ** (1.0 / 3.0)  # radius of a level over that of the one before
PAD = 12  # [px] mirrored margin of each level, so that craters cut by the edge are found
TERMS = 3  # separable parts of the filter
LEVEL_MIN = 12  # [px] smaller levels show nothing
NOISE = 0.02  # contrast, over the picture's brightness, that counts as much as what is filtered
VOTE_MIN = 0.3  # correlation from which an answer votes on the light
FEW_VOTES = 20.0  # with so many votes the direction is half as sure as with very many
SUN_BLUR_DEG = 20.0  # [deg] width of the window in which votes on the light are gathered

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class Level(NamedTuple):
    """One scale of the picture."""

    image: F32  # padded by `PAD` on all sides
    along_col: F32  # correlation with a bowl whose bright wall lies towards +col; like ``image``
    along_row: F32  # the same towards +row
    radius: float  # [px of the picture] of the craters looked for
    scale_x: float  # px of this level per px of the picture, along columns
    scale_y: float  # and along rows


class Candidates(NamedTuple):
    """Where a level's answer is greatest; each float64 [n], in pixels of the picture."""

    col: F64
    row: F64
    radius: F64
    answer: F64  # correlation -1..1


@lru_cache(maxsize=1)
def dipole() -> tuple[tuple[F32, F32], ...]:
    """Return the filter for bright walls towards +col as products of an odd vector along columns and an even one along rows.

    The filter is a bright and a dark half disc in a fainter opposite ring, of norm 1. Its `TERMS` greatest singular parts hold 0.999
    of it, and run several times as fast as the whole; with the vectors exchanged they are the filter towards +row.
    """
    half = math.ceil(1.6 * RADIUS_PX)
    row, col = np.mgrid[-half : half + 1, -half : half + 1] / RADIUS_PX
    rho = np.hypot(row, col)
    profile = np.where(rho < 1.05, 1.0, np.where(rho < 1.55, -0.35, 0.0)) / np.maximum(rho, 0.3)
    soft = np.asarray(cv2.GaussianBlur(col * profile, (3, 3), 0.6), dtype=np.float64)
    even, weight, odd = np.linalg.svd(soft / np.sqrt((soft**2).sum()))
    terms: list[tuple[F32, F32]] = []
    for k in range(TERMS):  # exact symmetry lets OpenCV halve the work
        along, across = 0.5 * (odd[k] - odd[k, ::-1]), 0.5 * weight[k] * (even[:, k] + even[::-1, k])
        terms.append((along.astype(np.float32), across.astype(np.float32)))
    return tuple(terms)


def pyramid(grey: F32, smallest: float, largest: float) -> list[Level]:
    """Return the levels for crater radii ``smallest`` to ``largest`` [px]; grey float32 [R, C] with a mean near 100."""
    levels: list[Level] = []
    base, radius = grey, smallest
    brightness = float(grey.mean())
    while radius <= largest:
        rows, cols = (round(side * RADIUS_PX / radius) for side in grey.shape)
        if min(rows, cols) < LEVEL_MIN:
            break
        # halves first: INTER_AREA is exact and fast there
        while base.shape[0] >= 2 * rows and min(base.shape) >= 2 * LEVEL_MIN:
            size = (base.shape[1] // 2, base.shape[0] // 2)
            base = np.asarray(cv2.resize(base, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        image = np.asarray(cv2.resize(base, (cols, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)
        levels.append(_level(image, radius, cols / grey.shape[1], rows / grey.shape[0], NOISE * brightness))
        radius *= STEP
    return levels


def _level(image: F32, radius: float, scale_x: float, scale_y: float, noise: float) -> Level:
    padded = np.asarray(cv2.copyMakeBorder(image, PAD, PAD, PAD, PAD, cv2.BORDER_REFLECT), dtype=np.float32)
    terms = dipole()
    side = terms[0][0].size
    mean = cv2.blur(padded, (side, side))
    square = cv2.blur(padded * padded, (side, side))
    spread = np.sqrt(np.maximum(np.asarray(square - mean * mean, dtype=np.float32), np.float32(0.0)))
    scale = (1.0 / (side * (spread + np.float32(noise + 1e-3)))).astype(np.float32)
    along_col, along_row = np.zeros(padded.shape, np.float32), np.zeros(padded.shape, np.float32)
    for odd, even in terms:
        cv2.accumulate(cv2.sepFilter2D(padded, -1, odd, even), along_col)
        cv2.accumulate(cv2.sepFilter2D(padded, -1, even, odd), along_row)
    return Level(padded, along_col * scale, along_row * scale, radius, scale_x, scale_y)


def bright_direction(levels: list[Level]) -> tuple[float, float]:
    """Return where bright walls lie (angle from +col towards +row [rad]) and how sure that is, 0..1.

    Each local greatest answer votes with the fourth power of its correlation; the answer is the mean direction of the votes within
    `SUN_BLUR_DEG` of the fullest such window, and the share of votes that lie there above what
    an even spread would put there, less where votes are few.
    """
    bins = 72
    votes, squares = np.zeros(bins), 0.0
    for level in levels:
        strength = np.sqrt(level.along_col**2 + level.along_row**2)
        peak = (strength >= np.asarray(cv2.dilate(strength, np.ones((5, 5), np.uint8)))) & (strength > VOTE_MIN)
        angle = np.arctan2(level.along_row[peak], level.along_col[peak]) % (2.0 * math.pi)
        where = (angle * (bins / (2.0 * math.pi))).astype(np.int64) % bins
        vote = strength[peak].astype(np.float64) ** 4
        votes += np.bincount(where, vote, minlength=bins)
        squares += float((vote**2).sum())
    total = float(votes.sum())
    if total <= 0.0:
        return 0.0, 0.0
    reach = round(SUN_BLUR_DEG / 360.0 * bins)
    window = np.arange(-reach, reach + 1)
    near = np.array([votes[(middle + window) % bins].sum() for middle in range(bins)])
    middle = int(near.argmax())
    here = (middle + window + 0.5) * (2.0 * math.pi / bins)
    weight = votes[(middle + window) % bins]
    angle = math.atan2(float((weight * np.sin(here)).sum()), float((weight * np.cos(here)).sum()))
    even = window.size / bins
    counted = total * total / squares  # votes, were they all equal
    return angle, max(float(near[middle]) / total - even, 0.0) / (1.0 - even) * counted / (counted + FEW_VOTES)


def candidates(levels: list[Level], bright: float, least: float) -> Candidates:
    """Return the local greatest answers of at least ``least`` for bright walls towards ``bright`` [rad], level by level."""
    parts: list[F64] = []
    cos, sin = np.float32(math.cos(bright)), np.float32(math.sin(bright))
    for level in levels:
        answer = level.along_col * cos + level.along_row * sin
        peak = (answer >= np.asarray(cv2.dilate(answer, np.ones((3, 3), np.uint8)))) & (answer > least)
        margin = PAD - 2
        peak[:margin] = peak[-margin:] = False
        peak[:, :margin] = peak[:, -margin:] = False
        row, col = np.nonzero(peak)
        x, y = (col - PAD + 0.5) / level.scale_x - 0.5, (row - PAD + 0.5) / level.scale_y - 0.5
        parts.append(np.stack([x, y, np.full(x.shape, level.radius), answer[row, col].astype(np.float64)]))
    return Candidates(*(np.concatenate(parts, axis=1) if parts else np.empty((4, 0))))


def patches(
    levels: list[Level], col: F64, row: F64, radius: F64, bright: float, side: int, span: float, coarser: float = 1.0
) -> F32:
    """Return the picture around each place, turned so that bright walls lie towards +col.

    Parameters
    ----------
    col, row, radius : places and sizes [px of the picture], float64 [n].
    side, span : samples per side, and half the side over the radius.
    coarser : sizes are looked up in the level this much coarser (2 for wide spans, against aliasing).

    Returns
    -------
    float32 [n, side, side]
    """
    out = np.empty((len(col), side, side), np.float32)
    radii = np.log([level.radius for level in levels])
    nearest = np.abs(np.log(radius * coarser)[:, None] - radii[None, :]).argmin(axis=1)
    turn = np.array([math.cos(bright), math.sin(bright)])
    for number, level in enumerate(levels):
        which = np.flatnonzero(nearest == number)
        scale = np.array([level.scale_x, level.scale_y])
        _sample(level.image, which, col, row, radius * (2.0 * span / (side - 1)), scale, turn, out)
    return out


@kernel
def _sample(
    image: F32, which: NDArray[np.int64], col: F64, row: F64, step: F64, scale: F64, turn: F64, out: F32
) -> None:
    """Fill ``out[i]`` for the places ``which``: bilinear samples ``step`` [px of the picture] apart, held at the padded edge."""
    side, rows, cols = out.shape[1], image.shape[0], image.shape[1]
    reach = 0.5 * (side - 1)
    for i in which:
        across_x, across_y = (
            step[i] * turn[0] * scale[0],
            step[i] * turn[1] * scale[1],
        )  # one sample on, along the light
        down_x, down_y = -step[i] * turn[1] * scale[0], step[i] * turn[0] * scale[1]
        mid_x, mid_y = (col[i] + 0.5) * scale[0] - 0.5 + PAD, (row[i] + 0.5) * scale[1] - 0.5 + PAD
        wide, high = reach * (abs(across_x) + abs(down_x)), reach * (abs(across_y) + abs(down_y))
        inside = wide < mid_x < cols - 1.001 - wide and high < mid_y < rows - 1.001 - high
        for a in range(side):
            x_of_row = mid_x + (a - reach) * down_x - reach * across_x
            y_of_row = mid_y + (a - reach) * down_y - reach * across_y
            for b in range(side):
                x, y = x_of_row + b * across_x, y_of_row + b * across_y
                if not inside:
                    x, y = min(max(x, 0.0), cols - 1.001), min(max(y, 0.0), rows - 1.001)
                x0, y0 = int(x), int(y)
                fx, fy = np.float32(x - x0), np.float32(y - y0)
                upper = image[y0, x0] + fx * (image[y0, x0 + 1] - image[y0, x0])
                lower = image[y0 + 1, x0] + fx * (image[y0 + 1, x0 + 1] - image[y0 + 1, x0])
                out[i, a, b] = upper + fy * (lower - upper)
