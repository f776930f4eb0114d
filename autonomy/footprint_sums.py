"""Moments of the heights under a disc centred on every cell of a tile, and of the mask of what is known there.

From one row to the next a disc loses the arc of its upper rim and wins that of its lower one: two cells per column, whatever the disc's
area. The loops run along rows, so that a machine takes many neighbouring discs at a time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

HUGE = 1.0e12  # [m] no height is that far off: what is, counts as unknown
LOWEST = np.float32(-1.0e30)  # [m] an unknown cell in the search for the largest
KNOWN_MIN = 3  # known cells that a plane needs
REACH_MAX = 200  # [cells] of a disc: the moments of its mask fit 32 bits
STRIDE = 3  # cells between those that the tile's own plane is taken from


@kernel
def tile_plane(z: F64, r0: int, c0: int, n_rows: int, n_cols: int) -> tuple[float, float, float]:
    """Return a plane near the heights of a tile: at its first cell [m], and its rise per column and per row [m]."""
    rows, cols = z.shape
    n, sx, sy, sz, sxx, sxy, syy, sxz, syz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    level = 0.0
    for i in range(max(0, -r0), min(n_rows, rows - r0), STRIDE):
        for j in range(max(0, -c0), min(n_cols, cols - c0), STRIDE):
            value = z[r0 + i, c0 + j]
            if not math.fabs(value) < HUGE:
                continue
            if n == 0.0:
                level = value
            v, x, y = value - level, float(j), float(i)
            n += 1.0
            sx += x
            sy += y
            sz += v
            sxx += x * x
            sxy += x * y
            syy += y * y
            sxz += x * v
            syz += y * v
    if n < KNOWN_MIN:
        for i in range(max(0, -r0), min(n_rows, rows - r0)):
            for j in range(max(0, -c0), min(n_cols, cols - c0)):
                if math.fabs(z[r0 + i, c0 + j]) < HUGE:
                    return z[r0 + i, c0 + j], 0.0, 0.0
        return 0.0, 0.0, 0.0
    cxx, cxy, cyy = sxx - sx * sx / n, sxy - sx * sy / n, syy - sy * sy / n
    cxz, cyz = sxz - sx * sz / n, syz - sy * sz / n
    det = cxx * cyy - cxy * cxy
    if det <= 1e-3 * (cxx + cyy) ** 2:
        return level + sz / n, 0.0, 0.0
    tilt_x, tilt_y = (cxz * cyy - cyz * cxy) / det, (cyz * cxx - cxz * cxy) / det
    return level + (sz - tilt_x * sx - tilt_y * sy) / n, tilt_x, tilt_y


@kernel
def take_tile(
    z: F64, r0: int, c0: int, n_rows: int, n_cols: int, level: float, tilt_x: float, tilt_y: float, w: F64, flat: F32
) -> bool:
    """Copy a tile with its margin less its plane, unknown cells as 0 in ``w`` and `LOWEST` in ``flat``; return whether there are any."""
    rows, cols = z.shape
    first, last = max(0, -c0), min(n_cols, cols - c0)
    unknown = 0
    for i in range(n_rows):
        r = r0 + i
        if r < 0 or r >= rows or first > 0 or last < n_cols:
            unknown += 1
            w[i, :n_cols] = 0.0
            flat[i, :n_cols] = LOWEST
        if r < 0 or r >= rows:
            continue
        base = level + tilt_y * i
        for j in range(first, last):
            value = z[r, c0 + j] - (base + tilt_x * j)
            known = math.fabs(value) < HUGE
            unknown += not known
            w[i, j] = value if known else 0.0
            flat[i, j] = value if known else LOWEST
    return unknown > 0


@kernel
def take_mask(flat: F32, n_rows: int, n_cols: int, mask: I32) -> None:
    """Set ``mask`` to 1 where a tile is known, else 0."""
    for i in range(n_rows):
        for j in range(n_cols):
            mask[i, j] = np.int32(flat[i, j] != LOWEST)


@kernel
def _first_row(w: F64, half: NDArray[np.int64], n_cols: int, sums: F64) -> None:
    """Fill the sums over the discs of a tile's first row, cell by cell."""
    reach = half.size - 1
    n, top = np.uint64(n_cols), np.uint64(0)
    sums[:, 0, :] = 0.0
    for k in range(-reach, reach + 1):
        line, y = np.uint64(reach + k), float(k)
        for c in range(n):
            value = w[line, c + np.uint64(reach)]
            sums[0, top, c] += value
            sums[2, top, c] += y * value
            sums[3, top, c] += value * value
        for d in range(1, half[abs(k)] + 1):
            east, west, x = np.uint64(reach + d), np.uint64(reach - d), float(d)
            for c in range(n):
                e, v = w[line, c + east], w[line, c + west]
                sums[0, top, c] += e + v
                sums[1, top, c] += x * (e - v)
                sums[2, top, c] += y * (e + v)
                sums[3, top, c] += e * e + v * v


@kernel
def disc_sums(w: F64, half: NDArray[np.int64], n_rows: int, n_cols: int, sums: F64) -> None:
    """Fill the sums over each disc of w, x w, y w, w^2; x and y (down) count from the disc's middle.

    From one row to the next a disc loses the arc of its upper rim and wins that of its lower one; columns at equal distance to both
    sides of the middle are as high and go in pairs. With ``p, q`` the difference and ``e, f`` the sum of won and lost, east and west,
    the square's change is ``p e + q f``.
    """
    reach = half.size - 1
    n = np.uint64(n_cols)
    _first_row(w, half, n_cols, sums)
    for r in range(1, n_rows):
        row, last = np.uint64(r), np.uint64(r - 1)
        low, up, side = np.uint64(r + 2 * reach), np.uint64(r - 1), np.uint64(reach)
        y = float(reach)
        for c in range(n):
            won, lost = w[low, c + side], w[up, c + side]
            sums[0, row, c] = sums[0, last, c] + (won - lost)
            sums[1, row, c] = sums[1, last, c]
            sums[2, row, c] = sums[2, last, c] + y * (won + lost) - (sums[0, last, c] - lost)
            sums[3, row, c] = sums[3, last, c] + (won - lost) * (won + lost)
        for d in range(1, reach + 1, 2):
            low, up = np.uint64(r + reach + half[d]), np.uint64(r - 1 + reach - half[d])
            east, west = np.uint64(reach + d), np.uint64(reach - d)
            x, y = float(d), float(half[d])
            if d == reach:
                for c in range(n):
                    ae, aw, be, bw = w[low, c + east], w[low, c + west], w[up, c + east], w[up, c + west]
                    p, q, e, f = ae - be, aw - bw, ae + be, aw + bw
                    sums[0, row, c] += p + q
                    sums[1, row, c] += x * (p - q)
                    sums[2, row, c] += y * (e + f) + (be + bw)
                    sums[3, row, c] += p * e + q * f
                continue
            low2, up2 = np.uint64(r + reach + half[d + 1]), np.uint64(r - 1 + reach - half[d + 1])
            east2, west2 = np.uint64(reach + d + 1), np.uint64(reach - d - 1)
            x2, y2 = float(d + 1), float(half[d + 1])
            for c in range(n):
                ae, aw, be, bw = w[low, c + east], w[low, c + west], w[up, c + east], w[up, c + west]
                p, q, e, f = ae - be, aw - bw, ae + be, aw + bw
                ae, aw, ce, cw = w[low2, c + east2], w[low2, c + west2], w[up2, c + east2], w[up2, c + west2]
                s, t, g, h = ae - ce, aw - cw, ae + ce, aw + cw
                sums[0, row, c] += (p + q) + (s + t)
                sums[1, row, c] += x * (p - q) + x2 * (s - t)
                sums[2, row, c] += (y * (e + f) + (be + bw)) + (y2 * (g + h) + (ce + cw))
                sums[3, row, c] += (p * e + q * f) + (s * g + t * h)


@kernel
def _first_mask_row(mask: I32, half: NDArray[np.int64], n_cols: int, line_sums: I32, sums: I32) -> None:
    """Fill the sums of known cells over the discs of a tile's first row: 1, x, y, x^2, x y, y^2."""
    reach = half.size - 1
    n, top, middle = np.uint64(n_cols), np.uint64(0), np.uint64(reach)
    sums[:, 0, :] = 0
    for k in range(-reach, reach + 1):
        line, y = np.uint64(reach + k), np.int32(k)
        for c in range(n):
            line_sums[0, c] = mask[line, c + middle]
            line_sums[1, c] = line_sums[2, c] = 0
        for d in range(1, half[abs(k)] + 1):
            east, west, x = np.uint64(reach + d), np.uint64(reach - d), np.int32(d)
            for c in range(n):
                e, v = mask[line, c + east], mask[line, c + west]
                line_sums[0, c] += e + v
                line_sums[1, c] += x * (e - v)
                line_sums[2, c] += x * x * (e + v)
        for c in range(n):
            count, first, second = line_sums[0, c], line_sums[1, c], line_sums[2, c]
            sums[0, top, c] += count
            sums[1, top, c] += first
            sums[2, top, c] += y * count
            sums[3, top, c] += second
            sums[4, top, c] += y * first
            sums[5, top, c] += y * y * count


@kernel
def mask_sums(mask: I32, half: NDArray[np.int64], n_rows: int, n_cols: int, line_sums: I32, sums: I32) -> None:
    """Like `disc_sums`, of the known cells: 1, x, y, x^2, x y, y^2; whole numbers below 2^31 up to `REACH_MAX`."""
    reach = half.size - 1
    n, middle = np.uint64(n_cols), np.uint64(reach)
    _first_mask_row(mask, half, n_cols, line_sums, sums)
    for r in range(1, n_rows):
        row, last = np.uint64(r), np.uint64(r - 1)
        low, up, y = np.uint64(r + 2 * reach), np.uint64(r - 1), np.int32(reach)
        # with y counted from the next middle, one row down, sums of y and y^2 change by those of 1 and y
        for c in range(n):
            a, b = mask[low, c + middle], mask[up, c + middle]
            n0, sx, sy = sums[0, last, c], sums[1, last, c], sums[2, last, c]
            sums[0, row, c] = n0 + a - b
            sums[1, row, c] = sx
            sums[2, row, c] = sy - n0 + y * (a + b) + b
            sums[3, row, c] = sums[3, last, c]
            sums[4, row, c] = sums[4, last, c] - sx
            sums[5, row, c] = sums[5, last, c] - 2 * sy + n0 + y * y * (a - b) - (2 * y + 1) * b
        for d in range(1, reach + 1):
            low, up = np.uint64(r + reach + half[d]), np.uint64(r - 1 + reach - half[d])
            east, west = np.uint64(reach + d), np.uint64(reach - d)
            x, y = np.int32(d), np.int32(half[d])
            xx, xy, yy, rest = np.int32(d * d), np.int32(d * half[d]), np.int32(half[d] ** 2), np.int32(2 * half[d] + 1)
            for c in range(n):
                ae, aw, be, bw = mask[low, c + east], mask[low, c + west], mask[up, c + east], mask[up, c + west]
                a, b, p, q = ae + aw, be + bw, ae - aw, be - bw
                sums[0, row, c] += a - b
                sums[1, row, c] += x * (p - q)
                sums[2, row, c] += y * (a + b) + b
                sums[3, row, c] += xx * (a - b)
                sums[4, row, c] += xy * (p + q) + x * q
                sums[5, row, c] += yy * (a - b) - rest * b
