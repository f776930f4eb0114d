"""The far field of horizons: the country beyond the grid, seen along the great circle that continues a line of the sweep."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .kernel import kernel
from .near_field import NEAR
from .turned import unbend

Array = NDArray[np.float64]
Float32Row = NDArray[np.float32]

BLEND_M: Final = 1600.0  # [m] distance over which the step between fine and regional grid is blended away


@kernel
def push(x: Array, z: Array, n: int, px: float, pz: float) -> int:
    """Put a point nearer than all others on the stack of the upper hull; return the new size."""
    while n >= 2 and (z[n - 1] - pz) * (x[n - 2] - px) <= (z[n - 2] - pz) * (x[n - 1] - px):
        n -= 1
    x[n] = px
    z[n] = pz
    return n + 1


@kernel
def tangent_point(x: Array, z: Array, n: int, near: int, px: float, pz: float) -> int:
    """Return which point of the hull stands highest from an eye nearer than all of them, looking from point ``near`` on.

    Along an upper hull the slope from an eye rises to one top and falls again. Cells of a line that follow each other look
    at the same ridge as a rule, so the search begins at the last answer and is a step or two long.
    """
    i = min(near, n - 1)
    dx, dz = x[i] - px, z[i] - pz
    while i > 0:
        ex, ez = x[i - 1] - px, z[i - 1] - pz
        if ez * dx < dz * ex:
            break
        i -= 1
        dx, dz = ex, ez
    while i < n - 1:
        ex, ez = x[i + 1] - px, z[i + 1] - pz
        if ez * dx <= dz * ex:
            break
        i += 1
        dx, dz = ex, ez
    return i


@kernel
def look_far(px: float, py: float, azimuth: float, far: Float32Row, rings: Array, steps: Array, out: Array) -> int:
    """Fill out with the country's heights [m] at ``steps`` along the great circle that leaves (px, py) [m].

    Returns how many steps lie inside it. ``far`` holds the grids one after the other, from fine to coarse, and ``rings``
    float64 [n, 6] where each begins in it, its rows and columns, x and y of its first cell, and its cell size; the first
    that holds a place is asked. Rows of ``steps``: distance [m], and its sine and cosine at the Moon's centre.
    """
    radius = MOON_RADIUS_M
    q = (px * px + py * py) / (4.0 * radius * radius)
    scale = 1.0 + q  # the projection's; the point on the unit sphere is (a0, b0, c0), its heading (a1, b1, c1)
    sa, ca = math.sin(azimuth), math.cos(azimuth)
    dq = (px * sa + py * ca) / (2.0 * radius * radius)
    a0, b0, c0 = px / radius / scale, py / radius / scale, (1.0 - q) / scale
    a1, b1, c1 = sa - px / scale * dq, ca - py / scale * dq, -2.0 * dq * radius / scale
    for k in range(steps.shape[1]):
        st, ct = steps[1, k], steps[2, k]
        widen = 2.0 * radius / (1.0 + c0 * ct + c1 * st)
        x, y = (a0 * ct + a1 * st) * widen, (b0 * ct + b1 * st) * widen
        found = False
        for ring in range(rings.shape[0]):
            rows, cols = int(rings[ring, 1]), int(rings[ring, 2])
            col = (x - rings[ring, 3]) / rings[ring, 5]
            row = (rings[ring, 4] - y) / rings[ring, 5]
            if row >= 0.0 and col >= 0.0 and row < rows - 1 and col < cols - 1:
                i, j = int(row), int(col)
                fr, fc = row - i, col - j
                at = int(rings[ring, 0]) + i * cols + j
                upper = far[at] * (1.0 - fc) + far[at + 1] * fc
                lower = far[at + cols] * (1.0 - fc) + far[at + cols + 1] * fc
                out[k] = upper * (1.0 - fr) + lower * fr
                found = True
                break
        if not found:
            return k
    return steps.shape[1]


@kernel
def look_over(
    far_m: Array, known: int, steps: Array, edge: float, eye: Float32Row, low: int, high: int, turn: float, base_m: float,
    fall: float, x: Array, z: Array, top: Float32Row,
) -> None:  # fmt: skip
    """Raise top [m per column] of cells ``low`` .. ``high`` of a line by the country beyond its last column.

    ``far_m`` [m] are the country's heights at the first ``known`` of ``steps`` (see `look_far`); the step to ``edge``, the line's
    own last height, is blended away. ``eye`` are flat heights, ``turn`` [rad] is a column at the Moon's centre; x, z are scratch.
    """
    last = unbend(base_m + edge)
    n = 0
    for k in range(known - 1, 0, -1):
        height = MOON_RADIUS_M + far_m[k] + (last - far_m[0]) * max(0.0, 1.0 - steps[0, k] / BLEND_M)
        n = push(x, z, n, height * steps[1, k], height * steps[2, k] - MOON_RADIUS_M)
    factor = (1.0 - base_m / MOON_RADIUS_M) * turn * MOON_RADIUS_M
    point = n - 1
    for c in range(high, low - 1, -1):
        angle = (high - c) * turn
        s, co = math.sin(angle), math.cos(angle)
        reach = MOON_RADIUS_M + unbend(base_m + eye[c] + fall * c * c)
        px, pz = -reach * s, reach * co - MOON_RADIUS_M
        point = tangent_point(x, z, n, point, px, pz)
        dx, dz = x[point] - px, z[point] - pz
        slant = np.float32((dz * co - dx * s) / (dx * co + dz * s) * factor - 2.0 * fall * c)
        top[c] = slant if slant > top[c] else top[c]


@kernel
def look_level(edge: np.float32, eye: Float32Row, low: int, high: int, fall: float, top: Float32Row) -> None:
    """Raise top [m per column] of cells ``low`` .. ``high`` of a line by ground that goes on level from its last column.

    All is flat: what is level is the parabola ``edge - fall (k^2 - high^2)``. An eye touches its bulge, or sees its first point (of
    which the hull knows, but not from nearby).
    """
    first = edge - np.float32(fall * (2.0 * high + 1.0)) - eye[high]
    top[high] = first if first > top[high] else top[high]
    for c in range(max(low, high - NEAR), high):
        first = (edge - eye[c]) / np.float32(high - c)
        top[c] = first if first > top[c] else top[c]
    # From (c, eye) the parabola p(k) = h - fall k^2 is touched at k = c + d, d^2 = (eye - p(c)) / fall, if that is past its first
    # point. With i = c - low, p(c) = h - fall low^2 - fall i (2 low + i).
    start = edge + np.float32(fall * (high * high - 1.0 * low * low))
    eyes, tops = eye[low : high + 1], top[low : high + 1]
    drop, twice, length = np.float32(fall), np.float32(2.0 * low), np.float32(high - low)
    for i in range(eyes.size):
        along = np.float32(i)
        over = eyes[i] - start + drop * along * (twice + along)
        left = max(length - along, np.float32(1.0))
        slant = np.float32(-2.0) * (
            drop * (np.float32(0.5) * twice + along) + np.sqrt(max(over, np.float32(0.0)) * drop)
        )
        if over > drop * left * left and slant > tops[i]:
            tops[i] = slant
