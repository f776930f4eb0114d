"""The kernels behind `moonfleet.terrain.horizon`: one azimuth of a grid that was turned to run along +columns.

Heights are float32 ``[R + 1, C + 1]`` above ``base_m``, with one row and one column of ground far below at the end;
``slope`` (0..1) is how many rows a ray climbs per column; ``best`` float32 [R, C] is the tangent of the horizon.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .kernel import kernel

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]

NEAR: Final = 128  # columns of the near field
SHARED: Final = 4  # neighbouring lines that leave the grid side by side share one look at the regional grid
LIMIT_DEG: Final = 32.7  # int16 holds +-32.767 deg
BLEND_M: Final = 1600.0  # [m] distance over which the step between fine and regional grid is blended away


def near_reach(slope: float) -> Array:
    """Return float64 [2, n], columns and rows ahead at which a ray is sampled in the near field, rising.

    One cell away first, then wherever the ray crosses a column or a row up to NEAR columns ahead (there two cells give
    the bilinear ground), and close by also between them.
    """
    close = np.concatenate([np.arange(1.25, 4.0, 0.25), np.arange(4.5, 8.0, 1.0)])
    points = [(c, slope * c) for c in (1.0 / math.sqrt(1.0 + slope * slope), *close, *np.arange(1.0, NEAR + 1.0))]
    points += [(r / slope, r) for r in np.arange(1.0, slope * NEAR) if r / slope > 1.0]
    return np.array(sorted(set(points))).T.copy()


@kernel
def near_field(
    heights: Float32Grid, slope: float, reach: Array, cell_m: float, base_m: float, observer_m: float, best: Float32Grid
) -> None:
    """Fill best [R, C] with the greatest tangent of elevation at the points ``reach`` of each ray (see `near_reach`)."""
    rows, cols = best.shape
    eye = np.empty(cols, dtype=np.float32)
    lift, none = np.float32(observer_m), np.float32(0.0)
    for r in range(rows):
        top = best[r]
        for c in range(cols):
            eye[c] = heights[r, c] + lift
            top[c] = np.float32(-1e9)
        for k in range(reach.shape[1]):
            ahead, below = int(reach[0, k]), int(reach[1, k])
            if ahead >= cols or r + below >= rows:
                break
            f, w = np.float32(reach[0, k] - ahead), np.float32(reach[1, k] - below)
            distance = reach[0, k] * cell_m * math.sqrt(1.0 + slope * slope)
            inverse = np.float32(1.0 / distance)
            drop = np.float32(0.5 * distance / MOON_RADIUS_M)
            a = heights[r + below, ahead:]
            b = heights[r + below + 1, ahead:]
            if f == none:
                for c in range(cols - ahead):
                    tangent = (a[c] + w * (b[c] - a[c]) - eye[c]) * inverse - drop
                    top[c] = tangent if tangent > top[c] else top[c]
            elif w == none:
                for c in range(cols - ahead):
                    tangent = (a[c] + f * (a[c + 1] - a[c]) - eye[c]) * inverse - drop
                    top[c] = tangent if tangent > top[c] else top[c]
            else:
                for c in range(cols - ahead):
                    upper = a[c] + f * (a[c + 1] - a[c])
                    lower = b[c] + f * (b[c + 1] - b[c])
                    tangent = (upper + w * (lower - upper) - eye[c]) * inverse - drop
                    top[c] = tangent if tangent > top[c] else top[c]
        shrink = np.float32(1.0 / MOON_RADIUS_M)
        level = np.float32(1.0 - base_m / MOON_RADIUS_M)
        for c in range(cols):  # at height h, a step is longer by 1 + h / R
            top[c] *= level - eye[c] * shrink


@kernel
def _push(x: Array, z: Array, n: int, px: float, pz: float) -> int:
    """Put a point nearer than all others on the stack of the upper hull; return the new size."""
    while n >= 2 and (z[n - 1] - pz) * (x[n - 2] - px) <= (z[n - 2] - pz) * (x[n - 1] - px):
        n -= 1
    x[n] = px
    z[n] = pz
    return n + 1


@kernel
def _tangent(x: Array, z: Array, n: int, px: float, pz: float) -> float:
    """Return the greatest slope from an eye to the hull; the eye is nearer than all points of it."""
    i = n - 1
    tries = 0
    while i > 0:
        if (z[i - 1] - pz) * (x[i] - px) < (z[i] - pz) * (x[i - 1] - px):
            break
        i -= 1
        tries += 1
        if tries == 6:  # a long smooth slope: halve instead of walk
            low, high = 0, i  # the tangent point is in [low, high]
            while low < high:
                mid = (low + high + 1) // 2
                if (z[mid - 1] - pz) * (x[mid] - px) < (z[mid] - pz) * (x[mid - 1] - px):
                    low = mid
                else:
                    high = mid - 1
            i = low
            break
    return (z[i] - pz) / (x[i] - px)


@kernel
def _look_far(px: float, py: float, azimuth: float, far: Float32Grid, place: Array, steps: Array, out: Array) -> int:
    """Fill out with the regional grid's heights [m] at ``steps`` along the great circle that leaves (px, py) [m].

    Returns how many steps lie inside it. Rows of ``steps``: distance [m], and its sine and cosine at the Moon's centre.
    """
    radius = MOON_RADIUS_M
    rows, cols = far.shape
    q = (px * px + py * py) / (4.0 * radius * radius)
    scale = 1.0 + q  # the projection's; the point on the unit sphere is (a0, b0, c0), its heading (a1, b1, c1)
    sa, ca = math.sin(azimuth), math.cos(azimuth)
    dq = (px * sa + py * ca) / (2.0 * radius * radius)
    a0, b0, c0 = px / radius / scale, py / radius / scale, (1.0 - q) / scale
    a1, b1, c1 = sa - px / scale * dq, ca - py / scale * dq, -2.0 * dq * radius / scale
    for k in range(steps.shape[1]):
        st, ct = steps[1, k], steps[2, k]
        widen = 2.0 * radius / (1.0 + c0 * ct + c1 * st)
        col = ((a0 * ct + a1 * st) * widen - place[0]) / place[2]
        row = (place[1] - (b0 * ct + b1 * st) * widen) / place[2]
        if not (row >= 0.0 and col >= 0.0 and row < rows - 1 and col < cols - 1):
            return k
        i, j = int(row), int(col)
        fr, fc = row - i, col - j
        upper = far[i, j] * (1.0 - fc) + far[i, j + 1] * fc
        lower = far[i + 1, j] * (1.0 - fc) + far[i + 1, j + 1] * fc
        out[k] = upper * (1.0 - fr) + lower * fr
    return steps.shape[1]


@kernel
def sweep(
    heights: Float32Grid,
    slope: float,
    cell_m: float,
    base_m: float,
    observer_m: float,
    frame: Array,
    azimuth: float,
    far: Float32Grid,
    place: Array,
    steps: Array,
    best: Float32Grid,
) -> None:
    """Raise best [R, C] to the greatest tangent of elevation over all ground past the near field.

    Points of a line are kept as (x, z) in the plane of its great circle, z = 0 on the sphere over its first column.
    ``frame`` turns row, col into map x, y (see `moonfleet.terrain.horizon`); ``place`` is x, y of the regional grid's
    first cell and its cell size, 0 for none; ``steps`` float64 [3, n] as `_look_far` takes it, from distance 0.
    """
    rows, cols = best.shape
    radius = MOON_RADIUS_M
    turn = cell_m * math.sqrt(1.0 + slope * slope) / radius  # angle at the Moon's centre per column
    sines, cosines = np.empty(cols), np.empty(cols)
    for c in range(cols):
        sines[c], cosines[c] = math.sin(c * turn), math.cos(c * turn)
    x, z = np.empty(cols + steps.shape[1]), np.empty(cols + steps.shape[1])
    line, far_m = np.empty(cols), np.empty(steps.shape[1])
    known, looked, looked_high = 0, 0, -1
    for q in range(int(math.floor(-slope * (cols - 1) - 0.5)), rows + 1):
        low, high = 0, cols - 1
        if slope > 0.0:  # line q is at row q + slope * c; it serves the cells within half a row of it
            low = max(low, int(math.ceil((-0.5 - q) / slope)))
            high = min(high, int(math.floor((rows - 0.5 - q) / slope)))
        elif q < 0 or q >= rows:
            continue
        if high < low:
            continue
        for c in range(low, high + 1):
            y = min(max(q + slope * c, 0.0), rows - 1.0)
            r = int(y)
            w = y - r
            line[c] = base_m + (heights[r, c] + w * (heights[r + 1, c] - heights[r, c]) if w > 0.0 else heights[r, c])
        if place[2] > 0.0 and (high != looked_high or q - looked >= SHARED):
            y = q + slope * high
            px = frame[0] + y * frame[2] + high * frame[4]
            py = frame[1] + y * frame[3] + high * frame[5]
            known = _look_far(px, py, azimuth, far, place, steps, far_m)
            looked, looked_high = q, high
        edge = line[high]
        n = 0
        for k in range((known if known > 1 else steps.shape[1]) - 1, 0, -1):
            height = edge
            if known > 1:
                height = far_m[k] + (edge - far_m[0]) * max(0.0, 1.0 - steps[0, k] / BLEND_M)
            px = sines[high] * steps[2, k] + cosines[high] * steps[1, k]
            pz = cosines[high] * steps[2, k] - sines[high] * steps[1, k]
            n = _push(x, z, n, (radius + height) * px, (radius + height) * pz - radius)
        for c in range(high, low - 1, -1):
            ahead = c + NEAR
            if ahead <= high:
                reach = radius + line[ahead]
                n = _push(x, z, n, reach * sines[ahead], reach * cosines[ahead] - radius)
            r = int(math.ceil(q + slope * c - 0.5))
            if r < 0 or r >= rows:
                continue
            reach = radius + base_m + heights[r, c] + observer_m
            rise = _tangent(x, z, n, reach * sines[c], reach * cosines[c] - radius)
            tilt = sines[c] / cosines[c]
            tangent = np.float32((rise + tilt) / (1.0 - rise * tilt))
            if tangent > best[r, c]:
                best[r, c] = tangent


@kernel
def to_millideg(tangent: Float32Grid, out: NDArray[np.int16]) -> None:
    """Fill out [R, C] with atan(tangent) in 0.001 deg, clipped."""
    limit = LIMIT_DEG * 1000.0
    for r in range(tangent.shape[0]):
        for c in range(tangent.shape[1]):
            angle = math.degrees(math.atan(tangent[r, c])) * 1000.0
            out[r, c] = np.int16(math.floor(min(max(angle, -limit), limit) + 0.5))
