"""The sweep of horizons: all ground past the near field, along slanted lines, a hull to a line.

Line q runs at row ``q + slope * column`` of a turned grid (see `moonfleet.terrain.turned`) and serves the cells within half a row
of it. From its far end back, the upper convex hull of the ground ahead is kept on a stack, and each cell asks for the
tangent from its own eye (de Floriani and Magillo 1994, Stewart 1998). Three things make it quick:

- ``PAD`` lines are handled together: what lies along them is gathered a tile at a time, then worked on line by line;
- ground that lies below the chord of its neighbours on both sides is on no hull: it never gets to the stack;
- cells go by blocks of ``BLOCK``: one tangent bounds them all, and who sees more in the near field asks no more.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .far_field import look_far, look_level, look_over
from .kernel import kernel
from .near_field import NEAR
from .turned import PAD, fall_m

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]
Float32Row = NDArray[np.float32]

BLOCK: Final = 8  # columns; divides NEAR
SHARED: Final = 4  # neighbouring lines that leave the grid side by side share one look at the regional grid
STRIP: Final = 16  # columns gathered at a time
NEVER: Final = np.float32(3e38)


@kernel
def sweep(
    ground: Float32Grid,
    rows: int,
    slope: float,
    column_m: float,
    base_m: float,
    observer_m: float,
    frame: Array,
    azimuth: float,
    far: Float32Row,
    rings: Array,
    steps: Array,
    best: Float32Grid,
) -> None:
    """Raise best [m per column], laid out as ``ground``, to the greatest slope over all ground past the near field.

    ``frame`` turns row, col into map x, y (see `moonfleet.terrain.turned.Turn`); ``far``, ``rings`` (none: no country around)
    and ``steps`` float64 [3, n] are as `moonfleet.terrain.far_field.look_far` takes them, from distance 0.
    """
    cols = ground.shape[0]
    fall = fall_m(column_m, base_m)
    # Lines are whole rows apart: which rows a column lies between, and which cell is nearest, is the same for all but q.
    above, nearest, share = np.empty(cols, dtype=np.int64), np.empty(cols, dtype=np.int64), np.empty(cols)
    for c in range(cols):
        above[c] = int(math.floor(slope * c))
        share[c] = slope * c - above[c]
        nearest[c] = int(math.ceil(slope * c - 0.5))
    strip = np.empty((STRIP, PAD), dtype=np.float32)
    lines, eyes = np.empty((PAD, cols), dtype=np.float32), np.empty((PAD, cols), dtype=np.float32)
    tops = np.empty((PAD, cols), dtype=np.float32)
    spare = np.empty(cols + 8, dtype=np.float32)
    point_x, point_z = np.empty(2 * cols + 2, dtype=np.float32), np.empty(2 * cols + 2, dtype=np.float32)
    hull_x, hull_z = np.empty(2 * cols + 2), np.empty(2 * cols + 2)
    x, z, far_m = np.empty(steps.shape[1]), np.empty(steps.shape[1]), np.empty(steps.shape[1])
    known, looked, looked_high = 0, 0, -1
    lift = np.float32(observer_m)
    for q0 in range(int(math.floor(-slope * (cols - 1) - 0.5)), rows + 1, PAD):
        _gather(ground, q0, above, share, np.float32(0.0), strip, lines)
        _gather(ground, q0, nearest, np.zeros(0), lift, strip, eyes)
        _gather(best, q0, nearest, np.zeros(0), np.float32(0.0), strip, tops)
        for q in range(q0, min(q0 + PAD, rows + 1)):
            low, high = 0, cols - 1
            if slope > 0.0:
                low = max(low, int(math.ceil((-0.5 - q) / slope)))
                high = min(high, int(math.floor((rows - 0.5 - q) / slope)))
            elif q < 0 or q >= rows:
                continue
            if high < low:
                continue
            line, eye, top = lines[q - q0], eyes[q - q0], tops[q - q0]
            if high - low >= NEAR - BLOCK:
                n = _ridges(line, low, high, spare, point_x, point_z)
                _look_along(point_x, point_z, n, eye, low, high, hull_x, hull_z, top)
            # Beyond the grid.
            if rings.shape[0] > 0 and (high != looked_high or q - looked >= SHARED):
                y = q + slope * high
                px = frame[0] + y * frame[2] + high * frame[4]
                py = frame[1] + y * frame[3] + high * frame[5]
                known = look_far(px, py, azimuth, far, rings, steps, far_m)
                looked, looked_high = q, high
            if known > 1:
                edge = float(line[high]) + fall * high * high
                turn = column_m / MOON_RADIUS_M
                look_over(far_m, known, steps, edge, eye, low, high, turn, base_m, fall, x, z, top)
            else:
                look_level(float(line[high]), eye, low, high, fall, top)
        _scatter(tops, q0, nearest, strip, best)


@kernel
def _gather(
    columns: Float32Grid,
    q0: int,
    first: NDArray[np.int64],
    share: Array,
    lift: np.float32,
    strip: Float32Grid,
    lines: Float32Grid,
) -> None:
    """Fill lines [PAD, cols] with what ``columns`` hold along PAD lines from q0 on; where a line is outside, anything.

    At column c the lines run from row q0 + first[c] on, plus ``share`` of a row (none: at whole rows); ``lift`` is added.
    """
    cols = columns.shape[0]
    for c0 in range(0, cols, STRIP):
        wide = min(STRIP, cols - c0)
        for i in range(wide):
            r = q0 + first[c0 + i] + PAD
            if r < 0 or r + PAD + 1 > columns.shape[1]:
                continue
            at, to = columns[c0 + i, r : r + PAD + 1], strip[i]
            if share.size > 0:
                w = np.float32(share[c0 + i])
                for j in range(PAD):
                    to[j] = at[j] + w * (at[j + 1] - at[j])
            else:
                for j in range(PAD):
                    to[j] = at[j] + lift
        if wide == STRIP:
            for j in range(PAD):
                line = lines[j, c0:]
                for i in range(STRIP):
                    line[i] = strip[i, j]
        else:
            for j in range(PAD):
                for i in range(wide):
                    lines[j, c0 + i] = strip[i, j]


@kernel
def _scatter(lines: Float32Grid, q0: int, first: NDArray[np.int64], strip: Float32Grid, columns: Float32Grid) -> None:
    """Put lines [PAD, cols] back where `_gather` took them from (what is outside falls on the padding)."""
    cols = columns.shape[0]
    for c0 in range(0, cols, STRIP):
        wide = min(STRIP, cols - c0)
        for j in range(PAD):
            line = lines[j, c0:]
            for i in range(wide):
                strip[i, j] = line[i]
        for i in range(wide):
            r = q0 + first[c0 + i] + PAD
            if r < 0 or r + PAD + 1 > columns.shape[1]:
                continue
            to, at = columns[c0 + i, r : r + PAD], strip[i]
            for j in range(PAD):
                to[j] = at[j]


@kernel
def _ridges(line: Float32Row, low: int, high: int, spare: Float32Row, x: Float32Row, z: Float32Row) -> int:
    """Fill x, z with the places of a line, from ``high`` down, that may be on a hull; return how many.

    Left out is what lies below the chord of the places 1, 2 or 4 to both sides, as long as both are in the same block or farther:
    the hull of all ground from the beginning of any block on stays what it is.
    """
    n = high - low + 1
    for c in range(low, high + 1):
        spare[c] = np.float32(0.0)
    if n > 8:
        here, out = line[low + 4 :], spare[low + 4 :]
        near1, far1, near2, far2 = line[low + 3 :], line[low + 5 :], line[low + 2 :], line[low + 6 :]
        near4, far4 = line[low:], line[low + 8 :]
        for i in range(n - 8):
            m = near1[i] + far1[i]
            o = near2[i] + far2[i]
            p = near4[i] + far4[i]
            m = m if m > o else o
            m = m if m > p else p
            out[i] = here[i] + here[i] - m
        for c in range(low + 4 + (-low - 4) % BLOCK, high - 3, BLOCK):
            spare[c] = np.float32(0.0)
            spare[c + 1] = line[c + 1] + line[c + 1] - line[c] - line[c + 2]
            for k in range(2, 4):
                m = line[c + k - 1] + line[c + k + 1]
                o = line[c + k - 2] + line[min(c + k + 2, high)]
                spare[c + k] = line[c + k] + line[c + k] - max(m, o)
    count = 0
    for c in range(high, low - 1, -1):
        x[count] = np.float32(c)
        z[count] = line[c]
        count += 1 if spare[c] >= np.float32(0.0) else 0
    return count


@kernel
def _look_along(
    x: Float32Row, z: Float32Row, n: int, eye: Float32Row, low: int, high: int, hull_x: Array, hull_z: Array, top: Float32Row
) -> None:  # fmt: skip
    """Raise top by the ground of the line itself (places x, z, falling in x), NEAR - BLOCK columns ahead and more."""
    size, taken, point = 0, 0, 0
    for block in range((high // BLOCK) * BLOCK, low + NEAR - BLOCK, -BLOCK):
        while taken < n and x[taken] >= block:
            px, pz = float(x[taken]), float(z[taken])
            while size >= 2 and (hull_z[size - 1] - pz) * (hull_x[size - 2] - px) <= (hull_z[size - 2] - pz) * (
                hull_x[size - 1] - px
            ):
                size -= 1
            hull_x[size] = px
            hull_z[size] = pz
            size += 1
            taken += 1
        begin, end = max(block - NEAR, low), min(block - NEAR + BLOCK - 1, high)
        lowest = eye[begin]
        for c in range(begin + 1, end + 1):
            lowest = eye[c] if eye[c] < lowest else lowest
        point = _climb(hull_x, hull_z, size, point, float(end), float(lowest))
        bound = (hull_z[point] - lowest) / (hull_x[point] - end)
        if bound < 0.0:
            bound *= (block - end) / (block - begin)
        for c in range(begin, end + 1):
            if top[c] < bound:
                point = _climb(hull_x, hull_z, size, point, float(c), float(eye[c]))
                slant = np.float32((hull_z[point] - eye[c]) / (hull_x[point] - c))
                top[c] = slant if slant > top[c] else top[c]


@kernel
def _climb(x: Array, z: Array, n: int, near: int, px: float, pz: float) -> int:
    """Return which point of the hull stands highest from an eye nearer than all of them, looking from point ``near`` on."""
    i = min(near, n - 1)
    dx, dz = x[i] - px, z[i] - pz
    while i < n - 1:
        ex, ez = x[i + 1] - px, z[i + 1] - pz
        if ez * dx <= dz * ex:
            break
        i += 1
        dx, dz = ex, ez
    while i > 0:
        ex, ez = x[i - 1] - px, z[i - 1] - pz
        if ez * dx < dz * ex:
            break
        i -= 1
        dx, dz = ex, ez
    return i
