"""The sweep of horizons: all ground past the near field, along slanted lines, a hull to a line.

Line q runs at row ``q + slope * column`` of a turned grid (see `moonfleet.terrain.turned`) and serves the cells within half a row
of it. From its far end back, the upper convex hull of the ground ahead is kept on a stack, and each cell asks for the
tangent from its own eye (de Floriani and Magillo 1994, Stewart 1998). Three things make it quick:

- ``PAD`` lines are handled together: what lies along them is gathered a tile at a time, then worked on line by line;
- ground that lies below the chord of its neighbours on both sides is on no hull: it never gets to the stack;
- cells go by blocks of ``BLOCK``: one tangent bounds them all, and where the near field hides more, no cell asks; the few
  points of the hull that any cell of the block can see highest are then seen from all of them at once.
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

BLOCK: Final = 16  # columns; divides NEAR
SHARED: Final = 4  # neighbouring lines that leave the grid side by side share one look at the regional grid
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
    strip = np.empty((BLOCK, PAD), dtype=np.float32)
    blocks = cols // BLOCK + 1
    lowest, highest = np.empty((blocks, PAD), dtype=np.float32), np.empty((blocks, PAD), dtype=np.float32)
    least = np.empty((blocks, PAD), dtype=np.float32)
    room = cols + BLOCK  # one more cache line than a power of two: lines do not fight for the same places in the cache
    lines, eyes = np.empty((PAD, room), dtype=np.float32), np.empty((PAD, room), dtype=np.float32)
    tops = np.empty((PAD, room), dtype=np.float32)
    spare = np.empty(cols + 8, dtype=np.float32)
    place = np.empty(cols, dtype=np.int32)
    hull_x, hull_z = np.empty(cols), np.empty(cols)
    x, z, far_m = np.empty(steps.shape[1]), np.empty(steps.shape[1]), np.empty(steps.shape[1])
    known, looked, looked_high = 0, 0, -1
    lift = np.float32(observer_m)
    open1, open2, open4 = _openings(cols, 1), _openings(cols, 2), _openings(cols, 4)
    for q0 in range(int(math.floor(-slope * (cols - 1) - 0.5)), rows + 1, PAD):
        _gather_lines(ground, q0, above, share, strip, lines)
        _gather_cells(ground, q0, nearest, lift, strip, eyes, lowest, highest)
        _gather_cells(best, q0, nearest, np.float32(0.0), strip, tops, least, strip[:0])
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
                n = _ridges(line, low, high, open1, open2, open4, spare, place)
                j = q - q0
                _bounds(eye, top, low, high, j, lowest, highest, least)
                _look_along(place, n, line, eye, low, high, lowest, highest, least, j, hull_x, hull_z, top)
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
                look_level(line[high], eye, low, high, fall, top)
        _scatter(tops, q0, nearest, strip, best)


@kernel
def _gather_lines(
    ground: Float32Grid, q0: int, above: NDArray[np.int64], share: Array, strip: Float32Grid, lines: Float32Grid
) -> None:
    """Fill lines [PAD, cols or more] with the ground along PAD lines from q0 on; where a line is outside, anything.

    At column c line q is ``share[c]`` of a row past row ``q + above[c]``.
    """
    cols, count = ground.shape[0], lines.shape[0]
    for c0 in range(0, cols, BLOCK):
        wide = min(BLOCK, cols - c0)
        for i in range(wide):
            r = q0 + above[c0 + i] + PAD
            if r >= 0 and r + count + 1 <= ground.shape[1]:
                at, after, to = ground[c0 + i, r:], ground[c0 + i, r + 1 :], strip[i]
                w = np.float32(share[c0 + i])
                for j in range(count):
                    to[j] = at[j] + w * (after[j] - at[j])
        _turn_strip(strip, c0, wide, lines)


@kernel
def _gather_cells(
    columns: Float32Grid,
    q0: int,
    nearest: NDArray[np.int64],
    lift: np.float32,
    strip: Float32Grid,
    lines: Float32Grid,
    low: Float32Grid,
    high: Float32Grid,
) -> None:
    """Fill lines [PAD, cols or more] with ``columns`` at the cells of PAD lines, plus ``lift``; low, high [blocks, PAD] with extremes.

    At column c line q serves row ``q + nearest[c]``. Where a line is outside there may be anything, so extremes hold where a
    line is inside for a whole block. ``high`` may be empty.
    """
    cols, count = columns.shape[0], lines.shape[0]
    for c0 in range(0, cols, BLOCK):
        wide = min(BLOCK, cols - c0)
        for i in range(wide):
            r = q0 + nearest[c0 + i] + PAD
            if r >= 0 and r + count + 1 <= columns.shape[1]:
                at, to = columns[c0 + i, r:], strip[i]
                for j in range(count):
                    to[j] = at[j] + lift
        floor = low[c0 // BLOCK]
        for j in range(count):
            floor[j] = strip[0, j]
        for i in range(1, wide):
            at = strip[i]
            for j in range(count):
                floor[j] = at[j] if at[j] < floor[j] else floor[j]
        if high.size > 0:
            roof = high[c0 // BLOCK]
            for j in range(count):
                roof[j] = strip[0, j]
            for i in range(1, wide):
                at = strip[i]
                for j in range(count):
                    roof[j] = at[j] if at[j] > roof[j] else roof[j]
        _turn_strip(strip, c0, wide, lines)


@kernel
def _turn_strip(strip: Float32Grid, c0: int, wide: int, lines: Float32Grid) -> None:
    """Copy strip [BLOCK, PAD] to columns c0 .. c0 + wide - 1 of lines [PAD, cols or more]."""
    for j in range(lines.shape[0]):
        line = lines[j, c0:]
        if wide == BLOCK:
            for i in range(BLOCK):
                line[i] = strip[i, j]
        else:
            for i in range(wide):
                line[i] = strip[i, j]


@kernel
def _bounds(
    eye: Float32Row, top: Float32Row, low: int, high: int, j: int, lowest: Float32Grid, highest: Float32Grid, least: Float32Grid
) -> None:  # fmt: skip
    """Mend the extremes of a line's first and last block, which it may cross in part only."""
    for block in (low // BLOCK, high // BLOCK):
        begin, end = max(block * BLOCK, low), min(block * BLOCK + BLOCK - 1, high)
        lowest[block, j], highest[block, j], least[block, j] = eye[begin], eye[begin], top[begin]
        for c in range(begin + 1, end + 1):
            lowest[block, j] = min(lowest[block, j], eye[c])
            highest[block, j] = max(highest[block, j], eye[c])
            least[block, j] = min(least[block, j], top[c])


@kernel
def _scatter(lines: Float32Grid, q0: int, first: NDArray[np.int64], strip: Float32Grid, columns: Float32Grid) -> None:
    """Put lines [PAD, cols or more] back where `_gather` took them from (what is outside falls on the padding)."""
    cols = columns.shape[0]
    for c0 in range(0, cols, BLOCK):
        wide = min(BLOCK, cols - c0)
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
def _openings(cols: int, stride: int) -> Float32Row:
    """Return float32 [cols], -NEVER where the place ``stride`` before a column is in a nearer block than the column, else 0."""
    out = np.zeros(cols, dtype=np.float32)
    for c in range(cols):
        if c % BLOCK < stride:
            out[c] = -NEVER
    return out


@kernel
def _ridges(
    line: Float32Row,
    low: int,
    high: int,
    open1: Float32Row,
    open2: Float32Row,
    open4: Float32Row,
    spare: Float32Row,
    place: NDArray[np.int32],
) -> int:
    """Fill place with the columns of a line, from ``high`` down, that may be on a hull; return how many.

    Left out is what lies below the chord of the places 1, 2 or 4 to both sides, as long as both are in the same block or farther
    (see `_openings`): the hull of all ground from the beginning of any block on stays what it is.
    """
    n = high - low + 1
    for c in range(low, high + 1):
        spare[c] = np.float32(0.0)
    here, out = line[low + 4 :], spare[low + 4 :]
    near1, far1, skip1 = line[low + 3 :], line[low + 5 :], open1[low + 4 :]
    near2, far2, skip2 = line[low + 2 :], line[low + 6 :], open2[low + 4 :]
    near4, far4, skip4 = line[low:], line[low + 8 :], open4[low + 4 :]
    for i in range(n - 8):
        m = near1[i] + far1[i] + skip1[i]
        o = near2[i] + far2[i] + skip2[i]
        p = near4[i] + far4[i] + skip4[i]
        m = m if m > o else o
        m = m if m > p else p
        out[i] = here[i] + here[i] - m
    count = 0
    for c in range(high, low - 1, -1):
        place[count] = c
        count += 1 if spare[c] >= np.float32(0.0) else 0
    return count


@kernel
def _look_along(
    place: NDArray[np.int32], n: int, line: Float32Row, eye: Float32Row, low: int, high: int, lowest: Float32Grid, highest: Float32Grid,
    least: Float32Grid, j: int, hull_x: Array, hull_z: Array, top: Float32Row,
) -> None:  # fmt: skip
    """Raise top by the ground of the line itself (its columns ``place``, falling), NEAR - BLOCK columns ahead and more.

    From a higher eye the point of the hull that stands highest is farther, or the same; from an eye farther back, all
    farther or all nearer. So between those of a block's four corners lies that of each of its cells: mostly it is one point.
    """
    size, taken, point = 0, 0, 0
    for block in range((high // BLOCK) * BLOCK, low + NEAR - BLOCK, -BLOCK):
        while taken < n and place[taken] >= block:
            px, pz = float(place[taken]), float(line[place[taken]])
            while size >= 2 and (hull_z[size - 1] - pz) * (hull_x[size - 2] - px) <= (hull_z[size - 2] - pz) * (
                hull_x[size - 1] - px
            ):
                size -= 1
            hull_x[size] = px
            hull_z[size] = pz
            size += 1
            taken += 1
        begin, end = max(block - NEAR, low), min(block - NEAR + BLOCK - 1, high)
        here = (block - NEAR) // BLOCK
        low_eye, high_eye = float(lowest[here, j]), float(highest[here, j])
        point = _climb(hull_x, hull_z, size, point, float(end), low_eye)
        bound = (hull_z[point] - low_eye) / (hull_x[point] - end)
        if bound < 0.0:
            bound *= (block - end) / (block - begin)
        if bound <= least[here, j]:
            continue
        other = _climb(hull_x, hull_z, size, point, float(begin), low_eye)
        near, far = max(point, other), min(point, other)
        other = _climb(hull_x, hull_z, size, far, float(begin), high_eye)
        far = min(far, other)
        far = min(far, _climb(hull_x, hull_z, size, other, float(end), high_eye))
        eyes, tops = eye[begin : end + 1], top[begin : end + 1]
        for k in range(far, near + 1):
            at, height = np.float32(hull_x[k] - begin), np.float32(hull_z[k])
            for i in range(eyes.size):
                slant = (height - eyes[i]) / (at - np.float32(i))
                tops[i] = slant if slant > tops[i] else tops[i]


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
