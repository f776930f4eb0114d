"""What is measured of a place where a rock may stand in a turned picture.

The shadow of a rock ends in a tip far behind. A look measures the columns across the rock (where darkness begins, how high the
thing is that casts so long a shadow), the widths of shadow and face, and the picture itself, averaged to a coarse patch. On a
dome the shadow's outline is half an ellipse, as wide as the rock.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .rock_frame import F32, F64, I32, Frame, box_mean
from .rock_places import Places

SHADOW_MAX = 600.0  # [cells] of height: longer shadows are not of rocks
ACROSS, ACROSS_STEP = 11, 0.3  # columns looked at, radii between them
PATCH_ROWS, PATCH_COLS = 10, 7
UP, DOWN, SIDE = 3.0, 2.0, 1.75  # the patch's reach [radii] toward the light, away from it, to the sides
SCALARS = (
    "ln_radius",
    "ln_tan",
    "ground",
    "ln_height",
    "ln_height_far",
    "ln_height_middle",
    "ln_height_area",
    "ln_length",
    "ground_path",
    "width_start",
    "width_half",
    "width_tip",
    "face_width",
    "face_length",
    "face_peak",
    "face_sum",
    "behind",
    "behind_peak",
    "cut",
    "dark_share",
    "score",
)
LOOK = (
    *(f"start_{j}" for j in range(ACROSS)),
    *(f"height_{j}" for j in range(ACROSS)),
    *(f"far_{j}" for j in range(ACROSS)),
    *(f"patch_{i}_{j}" for i in range(PATCH_ROWS) for j in range(PATCH_COLS)),
    *SCALARS,
)


def look(frame: Frame, spots: Places) -> F32:
    """Return the measures `LOOK` of each place, float32 [n, k]."""
    out = np.zeros((len(spots.row), len(LOOK)), np.float32)
    _look(
        frame.bright,
        frame.known,
        frame.ground,
        frame.path,
        frame.start,
        frame.end,
        frame.end_far,
        frame.table,
        spots.row,
        spots.col,
        spots.radius,
        frame.tan,
        frame.level_tan,
        out,
    )
    out[:, -2] = frame.dark_share
    out[:, -1] = spots.chance
    return out


@kernel
def _tip(bright: F32, ground: F32, end: int, c: int) -> float:
    """Return where along the column the light is half back, between the last dark cell's middle and the first lit one's."""
    if end >= bright.shape[0]:
        return float(end)
    half = np.float32(0.5) * ground[end, c]
    low, high = bright[end - 1, c], bright[end, c]
    share = (half - low) / (high - low) if high > low else np.float32(0.5)
    share = min(max(share, np.float32(0.0)), np.float32(1.0))
    return end - 0.5 + float(share)


@kernel
def _thrown(bright: F32, ground: F32, path: F64, from_row: float, tip: int, c: int) -> float:
    """Return the sum of the ground's brightness down a column from a rock's middle to where its shadow ends."""
    rows = bright.shape[0]
    low = path[min(max(int(from_row + 0.5), 0), rows), c]
    exact = _tip(bright, ground, tip, c) + 0.5
    last = min(int(exact), rows - 1)
    return max(path[last, c] - low + (exact - last) * ground[last, c], 0.0)


@kernel
def _begin_near(start: I32, row: float, c: int, reach: float) -> int:
    """Return the row at which the shadow nearest below or around ``row`` begins in a column, -1 if none within ``reach``."""
    rows = start.shape[0]
    at = min(max(int(row + 0.5), 0), rows - 1)
    if start[at, c] >= 0:
        return start[at, c]
    for k in range(1, int(reach) + 1):
        if at + k < rows and start[at + k, c] >= 0:
            return at + k
        if at - k >= 0 and start[at - k, c] >= 0:
            return start[at - k, c]
    return -1


def outline(frame: Frame, spots: Places, ground: F32, path: F64) -> F64:
    """Return what the columns of a dome's shadow say of its height, float64 [n, 4]: ln of quartiles [cells], middle of `end_far`.

    ``ground`` and ``path`` are a field of the ground's brightness in the frame and its sums.

    On a dome a column ``c`` from the middle throws ``sqrt(1 - (c / radius)^2)`` of the height; each is divided by that, so that
    columns in which the shadow is cut short or runs into another stand out and a middling one holds.
    """
    out = np.zeros((len(spots.row), 4))
    _outline(
        frame.bright,
        ground,
        path,
        frame.start,
        frame.end,
        frame.end_far,
        spots.row,
        spots.col,
        spots.radius,
        frame.tan,
        out,
    )
    return out


def mapped(frame: Frame, spots: Places) -> F64:
    """Return what the map alone says of each place's height, ln [cells]: the median over columns of the outline; float64 [n].

    The shadow's length is that of the picture, the ground's heights those of the map. Without a map the ground is level.
    """
    rise = frame.rise if frame.rise is not None else np.zeros((1, 1), np.float32)
    out = np.zeros(len(spots.row))
    _mapped(
        frame.bright,
        frame.ground,
        frame.start,
        frame.end,
        rise,
        spots.row,
        spots.col,
        spots.radius,
        frame.level_tan,
        frame.rise is not None,
        out,
    )
    return out


@kernel
def _mapped(
    bright: F32,
    ground: F32,
    start: I32,
    end: I32,
    rise: F32,
    row: F64,
    col: F64,
    radius: F64,
    tan: float,
    known: bool,
    out: F64,
) -> None:
    """Fill ``out`` [n] with the heights of `mapped`."""
    heights = np.empty(129)
    rows = bright.shape[0]
    for i in range(row.size):
        x, y, size = col[i], row[i], radius[i]
        count = 0
        for c in range(max(int(math.ceil(x - 0.85 * size)), 0), min(int(x + 0.85 * size), bright.shape[1] - 1) + 1):
            begin = _begin_near(start, y, c, size + 1.0)
            share = math.sqrt(1.0 - min(((c - x) / size) ** 2, 0.75))
            heights[count] = 0.0
            if begin >= 0 and begin >= y - 2.5 * size - 2.0:
                foot = min(max(y, begin - size), begin + size)
                tip = _tip(bright, ground, end[begin, c], c)
                height = tan * (tip - foot)
                if known:
                    a = min(max(int(foot + 0.5), 0), rows - 1)
                    b = min(max(int(tip + 0.5), 0), rows - 1)
                    height += float(rise[b, c]) - float(rise[a, c])
                heights[count] = max(height, 0.0) / share
            count += 1
            if count == heights.size:
                break
        if count == 0:
            heights[0] = 0.0
            count = 1
        out[i] = math.log(np.sort(heights[:count])[count // 2] + 0.1)


@kernel
def _outline(
    bright: F32,
    ground: F32,
    path: F64,
    start: I32,
    end: I32,
    far: I32,
    row: F64,
    col: F64,
    radius: F64,
    tan: float,
    out: F64,
) -> None:
    """Fill ``out`` [n, 4] with the measures of `outline`."""
    near_high, far_high = np.empty(129), np.empty(129)
    for i in range(row.size):
        x, y, size = col[i], row[i], radius[i]
        count = 0
        for c in range(max(int(math.ceil(x - 0.85 * size)), 0), min(int(x + 0.85 * size), bright.shape[1] - 1) + 1):
            begin = _begin_near(start, y, c, size + 1.0)
            share = math.sqrt(1.0 - min(((c - x) / size) ** 2, 0.75))
            near_high[count] = far_high[count] = 0.0
            if begin >= 0 and begin >= y - 2.5 * size - 2.0:
                from_r = min(max(y, begin - size), begin + size)
                near_high[count] = tan * _thrown(bright, ground, path, from_r, end[begin, c], c) / share
                far_high[count] = tan * _thrown(bright, ground, path, from_r, far[begin, c], c) / share
            count += 1
            if count == near_high.size:
                break
        if count == 0:
            near_high[0] = far_high[0] = 0.0
            count = 1
        near_sorted, far_sorted = np.sort(near_high[:count]), np.sort(far_high[:count])
        for k in range(3):
            at = 0.25 * (k + 1) * (count - 1)
            low = int(at)
            high = min(low + 1, count - 1)
            out[i, k] = math.log(near_sorted[low] + (at - low) * (near_sorted[high] - near_sorted[low]) + 0.1)
        out[i, 3] = math.log(far_sorted[count // 2] + 0.1)


@kernel
def _look(
    bright: F32,
    known: NDArray[np.uint8],
    ground: F32,
    path: F64,
    start: I32,
    end: I32,
    far: I32,
    table: F64,
    row: F64,
    col: F64,
    radius: F64,
    tan: float,
    level_tan: float,
    out: F32,
) -> None:
    """Fill ``out`` [n, k] with the measures `LOOK`, the last two left out."""
    rows, cols = bright.shape
    begins, high, high_far = np.empty(129), np.empty(129), np.empty(129)
    for i in range(row.size):
        x, y, size = col[i], row[i], radius[i]
        mid_c = min(max(int(round(x)), 0), cols - 1)
        mid_r = min(max(int(round(y)), 0), rows - 1)
        level = ground[mid_r, mid_c]
        half = min(int(math.ceil(1.6 * size)) + 1, 64)
        area, best = 0.0, 0.0
        for k in range(-half, half + 1):  # every column across
            c = mid_c + k
            begins[half + k] = 99.0
            high[half + k] = high_far[half + k] = 0.0
            if c < 0 or c >= cols:
                continue
            begin = _begin_near(start, y, c, size + 1.0)
            if begin < 0 or begin < y - 2.5 * size - 2.0:
                continue
            tip, tip_far = end[begin, c], far[begin, c]
            from_r = min(max(y, begin - size), begin + size)
            begins[half + k] = begin - 0.5 - y
            high[half + k] = tan * _thrown(bright, ground, path, from_r, tip, c)
            high_far[half + k] = tan * _thrown(bright, ground, path, from_r, tip_far, c)
            if abs(k) <= 1.25 * size:
                area += high[half + k]
            if abs(k) <= max(0.6 * size, 1.0):
                best = max(best, high[half + k])
        # across the rock
        best_far = 0.0
        for j in range(ACROSS):
            k = int(round((j - ACROSS // 2) * ACROSS_STEP * size + (x - mid_c)))
            k = half + min(max(k, -half), half)
            out[i, j] = min(max(begins[k] / size, -3.0), 3.0)
            out[i, ACROSS + j] = min(high[k] / size, 9.0)
            out[i, 2 * ACROSS + j] = min(high_far[k] / size, 9.0)
            if abs(j - ACROSS // 2) <= 2:
                best_far = max(best_far, high_far[k])
        # the patch
        base = 3 * ACROSS
        step_r, step_c = (UP + DOWN) * size / PATCH_ROWS, 2.0 * SIDE * size / PATCH_COLS
        for a in range(PATCH_ROWS):
            r0 = y - UP * size + a * step_r + 0.5
            i0 = int(math.floor(r0 + 0.5))
            i1 = max(int(math.floor(r0 + step_r + 0.5)), i0 + 1)
            for b in range(PATCH_COLS):
                c0 = x - SIDE * size + b * step_c + 0.5
                j0 = int(math.floor(c0 + 0.5))
                j1 = max(int(math.floor(c0 + step_c + 0.5)), j0 + 1)
                out[i, base + a * PATCH_COLS + b] = min(box_mean(table, i0, i1, j0, j1) / level, 4.0)
        # widths of the shadow at its start, at half its length and near its tip
        base += PATCH_ROWS * PATCH_COLS
        middle = half + int(round(x - mid_c))
        widths = np.zeros(3)
        for which in range(3):
            least = (0.15 * size, 0.5 * best, 0.8 * best)[which]
            for side in (-1, 1):
                k = middle if side > 0 else middle - 1
                while 0 <= k <= 2 * half and high[k] >= least and high[k] > 0.0:
                    widths[which] += 1.0
                    k += side
        # the face: its length up the middle column, its width just before the shadow, its peak and sum
        begin = y + (begins[middle] if begins[middle] < 90.0 else 0.0) + 0.5
        first = min(max(int(round(begin)), 1), rows - 1)
        length = 0
        peak = 0.0
        for k in range(1, min(first, int(3.0 * size) + 3) + 1):
            value = bright[first - k, mid_c]
            peak = max(peak, value)
            if value < 1.25 * level and k > 2:
                break
            length = k
        face_width = 0.0
        at = max(first - max(int(round(0.5 * size)), 1), 0)
        for side in (-1, 1):
            c = mid_c if side > 0 else mid_c - 1
            while 0 <= c < cols and abs(c - mid_c) <= 2 * half and bright[at, c] >= 1.3 * level:
                face_width += 1.0
                c += side
        lit_r0, lit_r1 = int(round(y - 1.3 * size)), int(round(y + 0.5))
        side_c = int(round(1.1 * size))
        face = box_mean(table, lit_r0, max(lit_r1, lit_r0 + 1), mid_c - side_c, mid_c + side_c + 1) / level
        # behind the tip
        tip, length_m = first, 0.0
        if begins[middle] < 90.0:
            c = min(max(mid_c + middle - half, 0), cols - 1)
            from_row = min(first, rows - 1)
            tip = end[from_row, c]
            length_m = tip - y
        after, after_peak, cut = 0.0, 0.0, 0.0
        for k in range(4):
            r = tip + k
            if r >= rows or known[min(r, rows - 1), mid_c] == 0:
                cut = 1.0
                break
            after += 0.25 * bright[r, mid_c] / ground[r, mid_c]
            after_peak = max(after_peak, bright[r, mid_c] / ground[r, mid_c])
        along = 0.0
        if tip > first and tip < rows:
            along = (path[tip, mid_c] - path[first, mid_c]) / (tip - first)
        out[i, base] = math.log(size)
        out[i, base + 1] = math.log(level_tan)
        out[i, base + 2] = level
        out[i, base + 3] = math.log(best + 0.1)
        out[i, base + 4] = math.log(best_far + 0.1)
        out[i, base + 5] = math.log(high[middle] + 0.1)
        out[i, base + 6] = math.log(2.0 * area / (math.pi * size) + 0.1)
        out[i, base + 7] = math.log(max(length_m, 0.0) + 1.0)
        out[i, base + 8] = along
        out[i, base + 9] = widths[0] / size
        out[i, base + 10] = widths[1] / size
        out[i, base + 11] = widths[2] / size
        out[i, base + 12] = face_width / size
        out[i, base + 13] = length / size
        out[i, base + 14] = peak / level
        out[i, base + 15] = face
        out[i, base + 16] = after
        out[i, base + 17] = after_peak
        out[i, base + 18] = cut
