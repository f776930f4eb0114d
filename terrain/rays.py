"""Where rays meet the ground: the bilinear surface between cell centres, cell by cell, whole blocks skipped where a ray flies above them.

In the square between four cell centres the surface is ``z00 + A p + B q + s p q``; along a ray both ``p`` and ``q`` are linear, so that
height above ground is a quadratic in range, solved in closed form (Ramsey, Potter & Hansen 2004, for this kind of height field). The walk
from square to square is that of Amanatides & Woo (1987). A table of the highest ground of each block lets a ray cross it in one step.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import SiteError
from .grid import HeightGrid
from .kernel import kernel

BLOCK = 16  # squares on a side of a block
UNIT = 1e-5  # [-] the square of a unit vector's length is off by no more
F64 = NDArray[np.float64]


class Hits(NamedTuple):
    """Of each ray: range to the ground [m], NaN where it meets none, and the cosine of the angle to the ground's normal there."""

    range_m: F64  # [L, N]
    cos_incidence: F64  # [L, N]


def cast_rays(ground: HeightGrid, origins: F64, directions: F64, max_range_m: float = math.inf) -> Hits:
    """Return where rays first meet the ground.

    Parameters
    ----------
    ground : heights [m]; beyond its outermost cell centres there is nothing to meet, from below neither.
    origins : float64 [L, 3], x, y, z [m] that each line of rays starts from; from below ground nothing is met.
    directions : float64 [L, N, 3], unit vectors (x east, y north, z up).
    max_range_m : ground farther away is not met [m].

    Raises
    ------
    SiteError : shapes that do not fit, numbers that are not finite, directions that are no unit vectors, ground of less than 2 x 2
        cells, or with holes.
    """
    if origins.ndim != 2 or origins.shape[1] != 3 or origins.dtype != np.float64:
        raise SiteError(f"rays.origins: {origins.dtype} {origins.shape}; must be float64 [lines, 3].")
    if directions.ndim != 3 or directions.shape[::2] != (len(origins), 3) or directions.dtype != np.float64:
        raise SiteError(
            f"rays.directions: {directions.dtype} {directions.shape}; must be float64 [{len(origins)}, n, 3]."
        )
    if not (np.isfinite(origins).all() and np.isfinite(directions).all()):
        raise SiteError("rays: origins and directions must be finite.")
    length = np.einsum("ijk,ijk->ij", directions, directions)
    if length.size and not np.abs(length - 1.0).max() < UNIT:
        raise SiteError(
            f"rays.directions: lengths {math.sqrt(length.min()):g}..{math.sqrt(length.max()):g}; must be unit vectors."
        )
    if not max_range_m > 0.0:
        raise SiteError(f"rays.max_range_m: {max_range_m!r}; must be above 0.")
    z, ref = ground.elevation_m, ground.ref
    if min(z.shape) < 2 or not np.isfinite(z).all():
        raise SiteError(f"rays.ground: {z.shape}; must be at least 2 x 2 cells without holes.")
    tops = _block_tops(z)
    out = np.empty(directions.shape[:2]), np.empty(directions.shape[:2])
    frame = np.array([ref.x_left, ref.y_top, ref.cell_m, float(z.min()), float(z.max()), max_range_m])
    _cast(z, tops, frame, np.ascontiguousarray(origins), np.ascontiguousarray(directions), *out)
    return Hits(*out)


@kernel
def _block_tops(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the highest cell centre of each block of squares, its far edges included; float32 [blocks down, blocks across]."""
    rows, cols = z.shape
    down, across = (rows - 2) // BLOCK + 1, (cols - 2) // BLOCK + 1
    out = np.empty((down, across), dtype=np.float32)
    for i in range(down):
        for j in range(across):
            top = z[i * BLOCK, j * BLOCK]
            for r in range(i * BLOCK, min(rows, (i + 1) * BLOCK + 1)):
                for c in range(j * BLOCK, min(cols, (j + 1) * BLOCK + 1)):
                    top = max(top, z[r, c])
            out[i, j] = top
    return out


@kernel
def _until(place: float, speed: float, low: float, high: float) -> float:
    """Return the time at which a point that moves along an axis leaves [low, high]; infinite if it rests."""
    if speed > 0.0:
        return (high - place) / speed
    if speed < 0.0:
        return (low - place) / speed
    return math.inf


@kernel
def _cast(
    z: NDArray[np.float32],
    tops: NDArray[np.float32],
    frame: F64,
    origins: F64,
    directions: F64,
    ranges: F64,
    cosines: F64,
) -> None:
    """Fill range and cosine of each ray. ``frame``: x_left, y_top, cell_m, lowest and highest ground, longest range."""
    rows, cols = z.shape
    x_left, y_top, cell, lowest, highest, longest = frame[0], frame[1], frame[2], frame[3], frame[4], frame[5]
    for line in range(directions.shape[0]):
        # place in cells from the first cell's centre, u along the row and v down
        u0, v0 = (origins[line, 0] - x_left) / cell - 0.5, (y_top - origins[line, 1]) / cell - 0.5
        z0 = origins[line, 2]
        for ray in range(directions.shape[1]):
            ranges[line, ray] = cosines[line, ray] = np.nan
            dx, dy, dz = directions[line, ray, 0], directions[line, ray, 1], directions[line, ray, 2]
            du, dv = dx / cell, -dy / cell
            # the part of the ray over the grid and between its lowest and highest ground
            start, stop = 0.0, longest
            outside = False
            for axis in range(3):
                place, speed = (u0, du) if axis == 0 else ((v0, dv) if axis == 1 else (z0, dz))
                low, high = (0.0, cols - 1.0) if axis == 0 else ((0.0, rows - 1.0) if axis == 1 else (lowest, highest))
                if speed == 0.0:
                    outside = outside or place < low or place > high
                else:
                    first, last = (low - place) / speed, (high - place) / speed
                    start, stop = max(start, min(first, last)), min(stop, max(first, last))
            if outside or start > stop:
                continue
            stop += 1e-9 * (1.0 + stop)  # a ray that ends on the lowest cell meets it
            t = start
            i = min(max(int(math.floor(v0 + t * dv)), 0), rows - 2)
            j = min(max(int(math.floor(u0 + t * du)), 0), cols - 2)
            while True:
                i_low, j_low = i // BLOCK * BLOCK, j // BLOCK * BLOCK
                i_high, j_high = min(i_low + BLOCK, rows - 1), min(j_low + BLOCK, cols - 1)
                out_u, out_v = _until(u0, du, j_low, j_high), _until(v0, dv, i_low, i_high)
                leave = min(out_u, out_v, stop)
                if z0 + dz * (t if dz > 0.0 else leave) > tops[i // BLOCK, j // BLOCK]:
                    if leave >= stop:
                        break
                    t = leave  # over the whole block
                    if out_u <= out_v:
                        j = j_high if du > 0.0 else j_low - 1
                        i = min(max(int(math.floor(v0 + t * dv)), i_low), i_high - 1)
                    else:
                        i = i_high if dv > 0.0 else i_low - 1
                        j = min(max(int(math.floor(u0 + t * du)), j_low), j_high - 1)
                    if i < 0 or j < 0 or i > rows - 2 or j > cols - 2:
                        break
                    continue
                cell_u, cell_v = _until(u0, du, j, j + 1.0), _until(v0, dv, i, i + 1.0)
                leave = min(cell_u, cell_v, stop)
                z00 = np.float64(z[i, j])
                a, b = np.float64(z[i, j + 1]) - z00, np.float64(z[i + 1, j]) - z00
                s = np.float64(z[i + 1, j + 1]) - z00 - a - b
                p, q = u0 + t * du - j, v0 + t * dv - i
                above = z0 + t * dz - (z00 + a * p + b * q + s * p * q)
                rate = dz - (a * du + b * dv + s * (p * dv + q * du))
                bend = -s * du * dv
                after = _first_root(bend, rate, above)
                if above <= 0.0:
                    if t == start and above < -1e-9:
                        break  # begins below ground, or comes in from the side under it
                    after = 0.0
                if after <= leave - t + 1e-12 * (1.0 + t):
                    p, q = p + after * du, q + after * dv
                    gu, gv = (a + s * q) / cell, (b + s * p) / cell
                    ranges[line, ray] = t + after
                    cosines[line, ray] = abs(dx * gu - dy * gv - dz) / math.sqrt(1.0 + gu * gu + gv * gv)
                    break
                if leave >= stop:
                    break
                t = leave
                if cell_u <= cell_v:
                    j += 1 if du > 0.0 else -1
                else:
                    i += 1 if dv > 0.0 else -1
                if i < 0 or j < 0 or i > rows - 2 or j > cols - 2:
                    break


@kernel
def _first_root(a: float, b: float, c: float) -> float:
    """Return the least x >= 0 where a x^2 + b x + c falls to nought, for c > 0; infinite where there is none."""
    inside = b * b - 4.0 * a * c
    if inside < 0.0:
        return math.inf
    root = math.sqrt(inside)
    if b < 0.0:
        return 2.0 * c / (root - b)
    if a < 0.0:
        return (-b - root) / (2.0 * a)
    return math.inf
