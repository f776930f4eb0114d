"""The kernels behind `moonfleet.terrain.horizon`: one azimuth of a grid that was turned to run along +columns.

Heights are bent (see `bend`), float32 ``[R + 1, C + 1]`` above ``base_m``, with one row and one column of ground far below
at the end; ``slope`` (0..1) is how many rows a ray climbs per column; ``best`` float32 [R, C] is the tangent of the horizon
over 1 + eye / R.
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
Float32Row = NDArray[np.float32]

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


def bend(z: Float32Grid) -> Float32Grid:
    """Return R h / (R + h) of heights h [m]: with it the tangent of elevation on a sphere is that of a plane, but for one term.

    From a point at height e, one at height h and angle a at the Moon's centre stands at the tangent
    ``(1 + e / R) (bend(h) - bend(e)) / (R sin a) - tan(a / 2)``, exactly.
    """
    high = z.astype(np.float64)
    return (high / (1.0 + high / MOON_RADIUS_M)).astype(np.float32)


@kernel
def near_field(
    heights: Float32Grid, slope: float, reach: Array, cell_m: float, base_m: float, observer_m: float, best: Float32Grid
) -> None:
    """Fill best [R, C] with the greatest tangent at the points ``reach`` of each ray (see `near_reach`, `bend`)."""
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
            angle = reach[0, k] * cell_m * math.sqrt(1.0 + slope * slope) / MOON_RADIUS_M
            inverse = np.float32(1.0 / (MOON_RADIUS_M * math.sin(angle)))
            drop = np.float32(math.tan(0.5 * angle) * (1.0 - base_m / MOON_RADIUS_M))
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


@kernel
def _push(x: Array, z: Array, n: int, px: float, pz: float) -> int:
    """Put a point nearer than all others on the stack of the upper hull; return the new size."""
    while n >= 2 and (z[n - 1] - pz) * (x[n - 2] - px) <= (z[n - 2] - pz) * (x[n - 1] - px):
        n -= 1
    x[n] = px
    z[n] = pz
    return n + 1


@kernel
def _tangent(x: Array, z: Array, n: int, near: int, px: float, pz: float) -> int:
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
def _look_far(px: float, py: float, azimuth: float, far: Float32Row, rings: Array, steps: Array, out: Array) -> int:
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
def sweep(
    heights: Float32Grid,
    slope: float,
    cell_m: float,
    base_m: float,
    observer_m: float,
    frame: Array,
    azimuth: float,
    far: Float32Row,
    rings: Array,
    steps: Array,
    best: Float32Grid,
) -> None:
    """Raise best [R, C] to the greatest tangent of elevation over all ground past the near field.

    One slanted line after the other, line q being at row q + slope * c; it serves the cells within half a row of it. ``frame``
    turns row, col into map x, y (see `moonfleet.terrain.horizon`); ``far``, ``rings`` (none: no country around) and
    ``steps`` float64 [3, n] as `_look_far` takes them, from distance 0.
    """
    rows, cols = best.shape
    radius = MOON_RADIUS_M
    column_m = cell_m * math.sqrt(1.0 + slope * slope)
    lift = np.float32(observer_m)
    factor = 1.0 - base_m / radius
    sag = 0.5 * column_m * column_m / radius * factor  # [m] a sphere falls away by sag * columns^2
    line, eye, top = np.empty(cols), np.empty(cols), np.empty(cols)
    where = np.empty(cols, dtype=np.int64)
    # Lines are whole rows apart: which rows a column lies between, and which cell is nearest, is the same for all but q.
    above, nearest, share = np.empty(cols, dtype=np.int64), np.empty(cols, dtype=np.int64), np.empty(cols)
    for c in range(cols):
        above[c] = int(math.floor(slope * c))
        share[c] = slope * c - above[c]
        nearest[c] = int(math.ceil(slope * c - 0.5))
    inverse, bulge = np.empty(cols + 1), np.empty(cols + 1)  # of so many columns
    for k in range(1, cols + 1):
        inverse[k] = 1.0 / (k * column_m)
        bulge[k] = 0.5 * k * column_m / radius
    hull_x, hull_z = np.empty(cols), np.empty(cols)
    x, z, far_m = np.empty(steps.shape[1]), np.empty(steps.shape[1]), np.empty(steps.shape[1])
    known, looked, looked_high = 0, 0, -1
    for q in range(int(math.floor(-slope * (cols - 1) - 0.5)), rows + 1):
        low, high = 0, cols - 1
        if slope > 0.0:
            low = max(low, int(math.ceil((-0.5 - q) / slope)))
            high = min(high, int(math.floor((rows - 0.5 - q) / slope)))
        elif q < 0 or q >= rows:
            continue
        if high < low:
            continue
        # The line, its cells and what they saw already, all from place 0 on.
        length = high - low + 1
        for i in range(length):
            c = low + i
            r = q + above[c]
            if r < 0:
                line[i] = heights[0, c]
            elif r >= rows - 1:
                line[i] = heights[rows - 1, c]
            else:
                line[i] = heights[r, c] + share[c] * (heights[r + 1, c] - heights[r, c])
            cell = min(max(q + nearest[c], 0), rows - 1)
            where[i] = cell
            eye[i] = heights[cell, c] + lift
            top[i] = best[cell, c]
        _look_along(line, eye, length, column_m, sag, hull_x, hull_z, top)
        # Beyond the grid.
        if rings.shape[0] > 0 and (high != looked_high or q - looked >= SHARED):
            y = q + slope * high
            px = frame[0] + y * frame[2] + high * frame[4]
            py = frame[1] + y * frame[3] + high * frame[5]
            known = _look_far(px, py, azimuth, far, rings, steps, far_m)
            looked, looked_high = q, high
        if known > 1:
            edge = _true_height(base_m + float(line[length - 1]))
            n = 0
            for k in range(known - 1, 0, -1):
                height = radius + far_m[k] + (edge - far_m[0]) * max(0.0, 1.0 - steps[0, k] / BLEND_M)
                n = _push(x, z, n, height * steps[1, k], height * steps[2, k] - radius)
            _look_over(x, z, n, eye, length, column_m / radius, base_m, factor, top)
        else:
            _look_level(float(line[length - 1]), eye, length, inverse, bulge, factor, top)
        for i in range(length):
            best[where[i], low + i] = top[i]


@kernel
def _look_along(
    line: Array, eye: Array, length: int, column_m: float, sag: float, hull_x: Array, hull_z: Array, top: Array
) -> None:
    """Raise top [length] by the ground of the line itself, NEAR columns ahead and more; ``hull_x``, ``hull_z`` are scratch.

    Bent heights less sag * i^2 make the line a plane one: its upper hull is kept, and the tangent from the eye at place i is
    the plane one + 2 sag i, per column.
    """
    n, point = 0, 0
    bound, last = -1e9, 0.0  # of the plane tangent from the eye looked from last, and its height
    for i in range(length - 1 - NEAR, -1, -1):
        ahead = float(i + NEAR)
        pz = line[i + NEAR] - sag * ahead * ahead
        while n >= 2 and (hull_z[n - 1] - pz) * (hull_x[n - 2] - ahead) <= (hull_z[n - 2] - pz) * (
            hull_x[n - 1] - ahead
        ):
            n -= 1
        hull_x[n] = ahead
        hull_z[n] = pz
        n += 1
        # Nothing stood above the last eye's bound, so from one column back nothing stands much above it: where the near field
        # hides more than that, the hull need not be asked.
        ez = eye[i] - sag * i * i
        bound = max(bound + max((last - ez - bound) * (1.0 / NEAR), 0.0), (pz - ez) * (1.0 / NEAR))
        last = ez
        if (bound + 2.0 * sag * i) <= top[i] * column_m:
            continue
        point = min(point, n - 1)
        dx, dz = hull_x[point] - i, hull_z[point] - ez
        while point < n - 1:
            ex, fz = hull_x[point + 1] - i, hull_z[point + 1] - ez
            if fz * dx <= dz * ex:
                break
            point += 1
            dx, dz = ex, fz
        while point > 0:
            ex, fz = hull_x[point - 1] - i, hull_z[point - 1] - ez
            if fz * dx < dz * ex:
                break
            point -= 1
            dx, dz = ex, fz
        bound = dz / dx
        tangent = (bound + 2.0 * sag * i) / column_m
        top[i] = tangent if tangent > top[i] else top[i]


@kernel
def _true_height(v: float) -> float:
    """Return the height [m] whose bent height (see `bend`) is ``v``."""
    return v / (1.0 - v / MOON_RADIUS_M)


@kernel
def _look_over(
    x: Array, z: Array, n: int, eye: Array, length: int, turn: float, base_m: float, factor: float, top: Array
) -> None:
    """Raise top [length] by the hull of the country beyond the grid; its points are kept as seen from the last column."""
    point = n - 1
    for i in range(length - 1, -1, -1):
        angle = (length - 1 - i) * turn
        s, c = math.sin(angle), math.cos(angle)
        reach = MOON_RADIUS_M + _true_height(base_m + eye[i])
        px, pz = -reach * s, reach * c - MOON_RADIUS_M
        point = _tangent(x, z, n, point, px, pz)
        dx, dz = x[point] - px, z[point] - pz
        tangent = (dz * c - dx * s) / (dx * c + dz * s) * factor
        top[i] = tangent if tangent > top[i] else top[i]


@kernel
def _look_level(edge: float, eye: Array, length: int, inverse: Array, bulge: Array, factor: float, top: Array) -> None:
    """Raise top [length] by ground that goes on level from the last column: its first point, or the bulge of the sphere."""
    for i in range(length):
        k = max(length - 1 - i, 1)
        tangent = (edge - eye[i]) * inverse[k] - bulge[k] * factor
        top[i] = tangent if tangent > top[i] else top[i]
    for i in range(length):
        k = max(length - 1 - i, 1)
        over = eye[i] - edge
        if over * inverse[k] > bulge[k]:
            tangent = -math.sqrt(over * 2.0 / MOON_RADIUS_M) * factor
            top[i] = tangent if tangent > top[i] else top[i]


# atan(t) = t (C0 + C1 t^2 + ...) for |t| <= tan(32.7 deg), fitted by Chebyshev points, in 0.001 deg: off by < 0.1 of them.
_FIT = np.polynomial.Chebyshev.interpolate(
    lambda q: np.arctan(np.sqrt(q)) / np.sqrt(q), 6, domain=[0.0, math.tan(math.radians(LIMIT_DEG)) ** 2]
)
_SQUARES: Final = math.degrees(1000.0) * np.asarray(_FIT.convert(kind=np.polynomial.Polynomial).coef, dtype=np.float64)
C0, C1, C2, C3, C4, C5, C6 = (np.float32(c) for c in _SQUARES)
STEEPEST: Final = np.float32(math.tan(math.radians(LIMIT_DEG)))


@kernel
def to_millideg(
    tangent: Float32Grid, heights: Float32Grid, base_m: float, observer_m: float, out: NDArray[np.int16]
) -> None:
    """Fill out [R, C] with the angle of (1 + eye / R) tangent in 0.001 deg, clipped; a polynomial, so that it runs wide."""
    half, per_m = np.float32(0.5), np.float32(1.0 / MOON_RADIUS_M)
    level = np.float32(1.0 + (base_m + observer_m) / MOON_RADIUS_M)
    for r in range(tangent.shape[0]):
        row, to, z = tangent[r], out[r], heights[r]
        for c in range(tangent.shape[1]):
            t = min(max(row[c] * (level + z[c] * per_m), -STEEPEST), STEEPEST)
            q = t * t
            angle = t * (C0 + q * (C1 + q * (C2 + q * (C3 + q * (C4 + q * (C5 + q * C6))))))
            to[c] = np.int16(math.floor(angle + half))


@kernel
def put(values: NDArray[np.int16], swap: bool, flip_rows: bool, flip_cols: bool, out: NDArray[np.int16]) -> None:
    """Copy values [R, C] of a turned grid to out in the grid's own order, a tile at a time."""
    rows, cols = values.shape
    tile = 64
    for r0 in range(0, rows, tile):
        for c0 in range(0, cols, tile):
            if swap:
                for c in range(c0, min(c0 + tile, cols)):
                    for r in range(r0, min(r0 + tile, rows)):
                        out[cols - 1 - c if flip_cols else c, rows - 1 - r if flip_rows else r] = values[r, c]
            else:
                for r in range(r0, min(r0 + tile, rows)):
                    for c in range(c0, min(c0 + tile, cols)):
                        out[rows - 1 - r if flip_rows else r, cols - 1 - c if flip_cols else c] = values[r, c]
