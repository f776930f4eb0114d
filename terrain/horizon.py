"""The horizon of every cell: elevation angle of the skyline for each azimuth, on a curved Moon, negative angles included.

For one azimuth, the grid is turned so that the azimuth runs along +columns, at most one row per column, and then

1. *near field*: the first ``NEAR`` steps of every cell's own ray, heights interpolated linearly where the ray crosses a
   column. For one azimuth these are fixed shifts with fixed weights, one pass over a whole row each;
2. *sweep*: along slanted lines, two to a row, from the far end back, the upper convex hull of all ground more than
   ``NEAR`` steps ahead is kept on a stack; each cell nearest to the line asks for the tangent from its observer to the
   hull. The cost per cell does not depend on how far it sees (de Floriani and Magillo 1994, Stewart 1998);
3. *far field*: each line's hull begins with the regional grid, sampled along the great circle that continues the line,
   out to 250 km.

Angles are exact on the sphere: points of a line are kept as (x, z) in the plane of its great circle.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .errors import SiteError
from .grid import GeoRef, HeightGrid
from .kernel import kernel

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]
Int16Cube = NDArray[np.int16]
Progress = Callable[[int, int], object]

NEAR: Final = 64  # steps of the near field
LINES: Final = 1  # sweep lines per row
FAR_M: Final = 250_000.0  # [m] how far the regional grid is followed
LIMIT_DEG: Final = 32.7  # int16 holds +-32.767 deg
BOTTOM_M: Final = -1e6  # [m] height of the padding, below everything


@kernel
def horizon_at(millideg: Int16Cube, row: int, col: int, az_deg: float) -> float:
    """Return the horizon [deg] of a cell towards any grid azimuth, linear between the azimuths of ``millideg`` [A, R, C]."""
    count = millideg.shape[0]
    place = (az_deg % 360.0) * count / 360.0
    a = int(place)
    w = place - a
    a %= count
    b = a + 1 if a + 1 < count else 0
    return 0.001 * ((1.0 - w) * millideg[a, row, col] + w * millideg[b, row, col])


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """Horizons of a grid. ``millideg`` int16 [A, R, C], read-only: 0.001 deg, azimuth index * 360 / A from +y, clockwise."""

    millideg: Int16Cube
    observer_m: float

    def __post_init__(self) -> None:
        if self.millideg.ndim != 3 or self.millideg.dtype != np.int16 or not self.millideg.flags.c_contiguous:
            shape, kind = self.millideg.shape, self.millideg.dtype
            raise SiteError(f"horizon.millideg: {kind} {shape}; allowed: C-contiguous int16 [azimuths, rows, cols].")
        plain = self.millideg.view(np.ndarray)
        plain.flags.writeable = False  # one type for the kernels, memory-mapped or not
        object.__setattr__(self, "millideg", plain)

    @property
    def azimuths(self) -> int:
        """Number of azimuths."""
        return self.millideg.shape[0]

    def at(self, row: int, col: int, az_deg: float) -> float:
        """Return the horizon [deg] of one cell towards one grid azimuth."""
        return float(horizon_at(self.millideg, int(row), int(col), float(az_deg)))

    def slice_deg(self, az_deg: float) -> Float32Grid:
        """Return the horizon [deg] of all cells towards one grid azimuth, float32 [R, C]."""
        place = (float(az_deg) % 360.0) * self.azimuths / 360.0
        a = int(place) % self.azimuths
        w = np.float32(place - math.floor(place))
        first, second = self.millideg[a], self.millideg[(a + 1) % self.azimuths]
        return (first * ((1 - w) * np.float32(0.001)) + second * (w * np.float32(0.001))).astype(np.float32)


def compute_horizon(
    grid: HeightGrid,
    azimuths: int = 180,
    observer_m: float = 2.0,
    far: HeightGrid | None = None,
    progress: Progress | None = None,
    *,
    out: Int16Cube | None = None,
    threads: int | None = None,
) -> Int16Cube:
    """Return the horizons of all cells, int16 [A, R, C] in 0.001 deg, clipped to +-32.7 deg.

    Parameters
    ----------
    grid
        The ground.
    azimuths
        Grid azimuths 0, 360/A, ... [deg clockwise from +y].
    observer_m
        Height of the eye above its own cell [m].
    far
        Ground around ``grid``, coarser, followed out to 250 km. Its step at the edge of ``grid`` is blended away over
        1600 m. Without it (or past its edge) the ground goes on level from the edge of the grid.
    progress
        Called as ``progress(done, azimuths)`` from this thread.
    out
        Where to write, int16 [A, R, C] (a memory map, say).
    threads
        Number of threads; default: as many as numba may use. The result does not depend on it.

    Raises
    ------
    SiteError
        Fewer than 4 azimuths, an observer below ground, or heights that are not finite.
    """
    if azimuths < 4:
        raise SiteError(f"horizon.azimuths: {azimuths!r}; allowed: 4 or more.")
    if not 0.0 <= observer_m <= 1e5:
        raise SiteError(f"horizon.observer_m: {observer_m!r}; allowed: 0 .. 100000 m.")
    z = grid.elevation_m
    if not np.isfinite(z).all():
        raise SiteError("horizon: the grid has heights that are not finite numbers; fill its holes first.")
    rows, cols = z.shape
    cube = np.empty((azimuths, rows, cols), dtype=np.int16) if out is None else out
    if cube.shape != (azimuths, rows, cols) or cube.dtype != np.int16:
        raise SiteError(f"horizon.out: {cube.dtype} {cube.shape}; allowed: int16 {(azimuths, rows, cols)}.")
    eye = float(observer_m)
    base = float(np.mean(z, dtype=np.float64))
    regional = np.zeros((2, 2), dtype=np.float32) if far is None else far.elevation_m
    place = _far_place(grid.ref, far)
    steps = _far_steps(grid.ref.cell_m, far.ref.cell_m if far is not None else 800.0)

    scale = grid.ref.cell_m / _scale(grid.ref)

    def one(index: int) -> None:
        azimuth = 2.0 * math.pi * index / azimuths
        turn = _Turn.towards(azimuth)
        turned = turn.apply(z)
        shape = turned.shape
        heights = np.full((shape[0] + NEAR + 2, shape[1] + NEAR + 2), BOTTOM_M, dtype=np.float32)
        np.subtract(turned, base, out=heights[: shape[0], : shape[1]], casting="same_kind")
        best = np.empty(shape, dtype=np.float32)
        frame = turn.map_frame(grid.ref)
        _near_field(heights, turn.slope, _near_reach(turn.slope), scale, base, eye, best)
        _sweep(heights, turn.slope, scale, base, eye, frame, azimuth, regional, place, steps, best)
        millideg = np.empty(shape, dtype=np.int16)
        _to_millideg(best, millideg)
        cube[index] = turn.undo(millideg)

    workers = threads or min(numba.config.NUMBA_NUM_THREADS, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, _ in enumerate(pool.map(one, range(azimuths)), start=1):
            if progress is not None:
                progress(done, azimuths)
    return cube


@dataclass(frozen=True, slots=True)
class _Turn:
    """The turn of a grid that makes an azimuth run along +columns, ``slope`` in [0, 1] rows per column."""

    swap: bool
    flip_rows: bool
    flip_cols: bool
    slope: float

    @classmethod
    def towards(cls, azimuth: float) -> _Turn:
        """Return the turn for an azimuth [rad, clockwise from +y]."""
        along_rows, along_cols = -math.cos(azimuth), math.sin(azimuth)
        swap = abs(along_rows) > abs(along_cols)
        u, v = (along_rows, along_cols) if swap else (along_cols, along_rows)
        slope = abs(v) / abs(u)
        return cls(swap, v < 0.0, u < 0.0, slope if slope > 1e-12 else 0.0)

    def apply(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a view of ``z`` in the turned frame."""
        z = z.T if self.swap else z
        return z[:: -1 if self.flip_rows else 1, :: -1 if self.flip_cols else 1]

    def undo(self, a: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return a view of ``a`` turned back."""
        a = a[:: -1 if self.flip_rows else 1, :: -1 if self.flip_cols else 1]
        return a.T if self.swap else a

    def map_frame(self, ref: GeoRef) -> Array:
        """Return x, y = f[0:2] + row * f[2:4] + col * f[4:6] [m] of a (row, col) of the turned frame."""
        n_rows, n_cols = (ref.cols, ref.rows) if self.swap else (ref.rows, ref.cols)
        row0, d_row = (n_rows - 1.0, -1.0) if self.flip_rows else (0.0, 1.0)
        col0, d_col = (n_cols - 1.0, -1.0) if self.flip_cols else (0.0, 1.0)
        left, top, cell = ref.x_left + 0.5 * ref.cell_m, ref.y_top - 0.5 * ref.cell_m, ref.cell_m
        if self.swap:  # turned rows are columns of the grid
            return np.array([left + row0 * cell, top - col0 * cell, d_row * cell, 0.0, 0.0, -d_col * cell])
        return np.array([left + col0 * cell, top - row0 * cell, 0.0, -d_row * cell, d_col * cell, 0.0])


def _scale(ref: GeoRef) -> float:
    """Return the stereographic scale at the middle of ``ref``: metres on the map per metre on the sphere."""
    x, y = ref.centre
    return 1.0 + (x * x + y * y) / (4.0 * MOON_RADIUS_M**2)


def _far_place(ref: GeoRef, far: HeightGrid | None) -> Array:
    """Return x of column 0, y of row 0 and cell size of the regional grid; all zero for none."""
    if far is None:
        return np.zeros(3)
    return np.array([far.ref.x_left + 0.5 * far.ref.cell_m, far.ref.y_top - 0.5 * far.ref.cell_m, far.ref.cell_m])


def _far_steps(cell_m: float, far_cell_m: float) -> Array:
    """Return distances past the edge of the grid [m] at which the far field is sampled, rising."""
    steps = [cell_m]
    while steps[-1] < FAR_M:
        widest = far_cell_m * (0.125 if steps[-1] < 12_000.0 else 0.25 if steps[-1] < 50_000.0 else 0.5)
        steps.append(steps[-1] + max(cell_m, min(0.3 * steps[-1], widest)))
    return np.array(steps)


def _near_reach(slope: float) -> Array:
    """Return the columns ahead at which the near field is sampled: one cell away, then ever wider, up to NEAR."""
    first = 1.0 / math.sqrt(1.0 + slope * slope)
    fine = np.concatenate([np.arange(1.0, 4.0, 0.25), np.arange(4.0, 8.0, 0.5), np.arange(8.0, NEAR + 1.0)])
    return fine if slope == 0.0 else np.concatenate([[first], fine])


@kernel
def _near_field(
    heights: Float32Grid, slope: float, reach: Array, cell_m: float, base_m: float, observer_m: float, best: Float32Grid
) -> None:
    """Fill best [R, C] with the greatest tangent of elevation at the columns ``reach`` ahead on each ray (0 < reach <= NEAR).

    ``heights`` [R + NEAR + 2, C + NEAR + 2] is padded after its last row and column with ground far below.
    """
    rows, cols = best.shape
    eye = np.empty(cols, dtype=np.float32)
    lift = np.float32(observer_m)
    for r in range(rows):
        top = best[r]
        for c in range(cols):
            eye[c] = heights[r, c] + lift
            top[c] = np.float32(-1e9)
        for k in range(reach.size):
            ahead, below = int(reach[k]), int(math.floor(slope * reach[k]))
            f, w = np.float32(reach[k] - ahead), np.float32(slope * reach[k] - below)
            distance = reach[k] * cell_m * math.sqrt(1.0 + slope * slope)
            inverse = np.float32(1.0 / distance)
            drop = np.float32(0.5 * distance / MOON_RADIUS_M)
            a = heights[r + below, ahead : ahead + cols]
            b = heights[r + below + 1, ahead : ahead + cols]
            if f == np.float32(0.0):
                for c in range(cols):
                    tangent = (a[c] + w * (b[c] - a[c]) - eye[c]) * inverse - drop
                    top[c] = tangent if tangent > top[c] else top[c]
            else:
                a1 = heights[r + below, ahead + 1 : ahead + 1 + cols]
                b1 = heights[r + below + 1, ahead + 1 : ahead + 1 + cols]
                for c in range(cols):
                    upper = a[c] + f * (a1[c] - a[c])
                    lower = b[c] + f * (b1[c] - b[c])
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
def _far_heights(
    px: float, py: float, azimuth: float, edge_m: float, far: Float32Grid, place: Array, steps: Array, out: Array
) -> int:
    """Fill out with heights [m] along the great circle that leaves (px, py) [m]; return how many there are.

    ``edge_m`` is the fine grid's height at the start: the regional grid is shifted to meet it, less and less up to 1600 m.
    """
    radius = MOON_RADIUS_M
    if place[2] == 0.0:
        for k in range(steps.size):
            out[k] = edge_m
        return steps.size
    q = (px * px + py * py) / (4.0 * radius * radius)
    sa, ca = math.sin(azimuth), math.cos(azimuth)
    dq = (px * sa + py * ca) / (2.0 * radius * radius)
    a0, b0, c0 = px / radius / (1.0 + q), py / radius / (1.0 + q), (1.0 - q) / (1.0 + q)
    scale = 1.0 + q  # the tangent's length is 1 / (radius * scale)
    a1 = sa - px / scale * dq
    b1 = ca - py / scale * dq
    c1 = -2.0 * dq * radius / scale
    rows, cols = far.shape
    shift = 0.0
    for k in range(-1, steps.size):
        theta = steps[k] / radius if k >= 0 else 0.0
        ct, st = math.cos(theta), math.sin(theta)
        widen = 2.0 * radius / (1.0 + c0 * ct + c1 * st)
        col = ((a0 * ct + a1 * st) * widen - place[0]) / place[2]
        row = (place[1] - (b0 * ct + b1 * st) * widen) / place[2]
        if not (row >= 0.0 and col >= 0.0 and row < rows - 1 and col < cols - 1):
            if k <= 0:
                for i in range(steps.size):
                    out[i] = edge_m
                return steps.size
            return k
        i, j = int(row), int(col)
        fr, fc = row - i, col - j
        upper = far[i, j] * (1.0 - fc) + far[i, j + 1] * fc
        lower = far[i + 1, j] * (1.0 - fc) + far[i + 1, j + 1] * fc
        height = upper * (1.0 - fr) + lower * fr
        if k < 0:
            shift = edge_m - height
        else:
            out[k] = height + shift * max(0.0, 1.0 - steps[k] / 1600.0)
    return steps.size


@kernel
def _sweep(
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
    """Raise best [R, C] to the greatest tangent of elevation over all ground past the near field."""
    rows, cols = best.shape
    radius = MOON_RADIUS_M
    turn = cell_m * math.sqrt(1.0 + slope * slope) / radius  # angle at the Moon's centre per column
    sines, cosines = np.empty(cols), np.empty(cols)
    for c in range(cols):
        sines[c], cosines[c] = math.sin(c * turn), math.cos(c * turn)
    x, z = np.empty(cols + steps.size + 2), np.empty(cols + steps.size + 2)
    line = np.empty(cols)
    far_m = np.empty(steps.size)
    half = 0.5 / LINES
    first = int(math.floor(-slope * (cols - 1) * LINES - 0.5))
    for q in range(first, (rows - 1) * LINES + 2):
        start = q / LINES
        low, high = 0, cols - 1
        if slope > 0.0:
            low = max(low, int(math.ceil((-half - start) / slope)))
            high = min(high, int(math.floor((rows - 1 + half - start) / slope)))
        elif start < -half or start >= rows - 1 + half:
            continue
        if high < low:
            continue
        for c in range(low, high + 1):
            y = min(max(start + slope * c, 0.0), rows - 1.0)
            r = min(int(y), max(rows - 2, 0))
            w = y - r
            line[c] = heights[r, c] + w * (heights[min(r + 1, rows - 1), c] - heights[r, c]) + base_m
        y = start + slope * high
        px = frame[0] + y * frame[2] + high * frame[4]
        py = frame[1] + y * frame[3] + high * frame[5]
        known = _far_heights(px, py, azimuth, line[high], far, place, steps, far_m)
        n = 0
        for k in range(known - 1, -1, -1):
            theta = high * turn + steps[k] / radius
            reach = radius + far_m[k]
            n = _push(x, z, n, reach * math.sin(theta), reach * math.cos(theta) - radius)
        for c in range(high, low - 1, -1):
            ahead = c + NEAR
            if ahead <= high:
                reach = radius + line[ahead]
                n = _push(x, z, n, reach * sines[ahead], reach * cosines[ahead] - radius)
            r = int(math.ceil(start + slope * c - half))
            if r < 0 or r >= rows or r >= start + slope * c + half:
                continue
            reach = radius + base_m + heights[r, c] + observer_m
            ox, oz = reach * sines[c], reach * cosines[c] - radius
            rise = _tangent(x, z, n, ox, oz)
            tilt = sines[c] / cosines[c]
            tangent = np.float32((rise + tilt) / (1.0 - rise * tilt))
            if tangent > best[r, c]:
                best[r, c] = tangent


@kernel
def _to_millideg(tangent: Float32Grid, out: NDArray[np.int16]) -> None:
    """Fill out [R, C] with atan(tangent) in 0.001 deg, clipped."""
    limit = LIMIT_DEG * 1000.0
    for r in range(tangent.shape[0]):
        for c in range(tangent.shape[1]):
            angle = math.degrees(math.atan(tangent[r, c])) * 1000.0
            out[r, c] = np.int16(math.floor(min(max(angle, -limit), limit) + 0.5))
