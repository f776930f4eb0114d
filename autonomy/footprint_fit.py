"""The plane under a round footprint, centred on every cell: slope, rms residual and the exact largest height above that plane.

*Plane.* The moments of a disc are sums over its rows, and a row's sum is a difference of two running sums along the row; rows at equal
distance above and below the middle are as long and go in pairs. Where cells are unknown, the moments of the mask are summed in the same
way and the normal equations solved in full (Gauss). Sums are kept small by working in tiles, less a plane of the tile's own.

*Rise.* The largest ``z - plane`` over a disc has no running form, because each cell has a plane of its own. But along one row of the disc
the largest ``z[d] - b d`` is a Horner chain from the rim inwards, ``m = max(z[d], m - b)``: a subtraction and a maximum per cell, for many
neighbouring discs at once. All cells of all discs are looked at, so nothing is missed; the tile's own plane leaves heights of about a
metre, so that float32 errs by less than a micrometre.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .errors import FootprintError, PatchError

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]

TILE = (128, 256)  # cells of a tile: its sums stay in the second cache
HUGE = 1.0e12  # [m] no height is further from its tile's plane: what is, is not a number
LOWEST = np.float32(-1.0e30)  # [m] an unknown cell in the search for the largest
CHAIN = 8  # steps of a Horner chain: longer ones round more, shorter ones compute more
KNOWN_MIN = 3  # known cells that a plane needs
STRIDE = 3  # cells between those that the tile's own plane is taken from
SPREAD_MIN = 1e-3  # known cells must span the plane: least ratio of determinants to a full disc's


class PlaneFit(NamedTuple):
    """Of the disc centred on each cell; NaN where the known cells span no plane."""

    slope_deg: F64  # [R, C] steepest slope of the least-squares plane
    rms_m: F64  # [R, C] root of the mean squared residual over the known cells
    unknown: F32  # [R, C] share of the disc's cells that are unknown or outside the patch, 0..1


class FootprintFit(NamedTuple):
    """A `PlaneFit`, and how far the ground stands above the plane."""

    slope_deg: F64  # [R, C]
    rms_m: F64  # [R, C]
    rise_m: F64  # [R, C] the largest residual
    unknown: F32  # [R, C]


def plane_fit(elevation_m: NDArray[np.floating], cell_m: float, radius_m: float) -> PlaneFit:
    """Return slope and rms residual of the least-squares plane under a disc centred on every cell.

    Parameters
    ----------
    elevation_m : float32 or float64 [R, C], heights [m], NaN (or infinite) where unknown.
    cell_m : side of a cell [m].
    radius_m : radius of the disc [m]; a cell belongs to the disc if its centre does.

    Returns
    -------
    PlaneFit

    Raises
    ------
    PatchError : not a two-dimensional array of floats, a cell that is not positive, or nothing known.
    FootprintError : a radius smaller than a cell, or a disc wider than the patch.
    """
    z = checked_heights(elevation_m, cell_m)
    slope, rms, unknown = np.empty(z.shape), np.empty(z.shape), np.empty(z.shape, dtype=np.float32)
    half = disc_rows(cell_m, radius_m, z.shape)
    edges = (tile_edges(n, half.size - 1, size) for n, size in zip(z.shape, TILE, strict=True))
    _fit(z, float(cell_m), half, *edges, False, slope, rms, np.empty((0, 0)), unknown)
    return PlaneFit(slope, rms, unknown)


def footprint_fit(elevation_m: NDArray[np.floating], cell_m: float, radius_m: float) -> FootprintFit:
    """Return what `plane_fit` does, and the exact largest residual of each disc (arguments and errors as there)."""
    z = checked_heights(elevation_m, cell_m)
    slope, rms, rise, unknown = (np.empty(z.shape), np.empty(z.shape), np.empty(z.shape), np.empty(z.shape, np.float32))
    half = disc_rows(cell_m, radius_m, z.shape)
    edges = (tile_edges(n, half.size - 1, size) for n, size in zip(z.shape, TILE, strict=True))
    _fit(z, float(cell_m), half, *edges, True, slope, rms, rise, unknown)
    return FootprintFit(slope, rms, rise, unknown)


def checked_heights(elevation_m: NDArray[np.floating], cell_m: float) -> F64:
    """Return heights as contiguous float64 after the checks of `plane_fit`. Raises `PatchError`."""
    if not (math.isfinite(cell_m) and cell_m > 0.0):
        raise PatchError(f"cell_m: {cell_m!r}; must be a positive number of metres.")
    if np.ndim(elevation_m) != 2 or not np.issubdtype(elevation_m.dtype, np.floating):
        given = getattr(elevation_m, "dtype", type(elevation_m))
        raise PatchError(f"elevation_m: {given} {np.shape(elevation_m)}; must be floats [row, col].")
    z = np.ascontiguousarray(elevation_m, dtype=np.float64)
    if not np.isfinite(z).any():
        raise PatchError(f"elevation_m: none of {z.size} cells is known; at least one must be finite.")
    return z


def disc_rows(cell_m: float, radius_m: float, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return how many cells a disc reaches to each side, for its rows from the middle down: int64 [reach + 1].

    Raises `FootprintError` for a radius smaller than a cell, or a disc that the patch of ``shape`` is too small for.
    """
    if not (math.isfinite(radius_m) and radius_m >= cell_m):
        raise FootprintError(f"radius_m: {radius_m!r}; must be at least a cell of {cell_m:g} m.")
    reach = math.floor(radius_m / cell_m + 1e-9)
    if 2 * reach + 1 > min(shape):
        raise FootprintError(
            f"radius_m: {radius_m:g} m is {2 * reach + 1} cells across; must fit a patch of {shape[0]} x {shape[1]} cells."
        )
    squares = (radius_m / cell_m + 1e-9) ** 2 - np.arange(reach + 1, dtype=np.float64) ** 2
    return np.floor(np.sqrt(np.maximum(squares, 0.0))).astype(np.int64)


def tile_edges(cells: int, reach: int, size: int) -> NDArray[np.int64]:
    """Return where tiles begin and end along an axis: the outer ``reach`` cells apart, for only their discs leave the patch."""
    middle = cells - 2 * reach
    parts = -(-middle // size)
    return np.array([0, *(reach + middle * i // parts for i in range(parts + 1)), cells], dtype=np.int64)


@kernel
def _fit(
    z: F64,
    cell_m: float,
    half: NDArray[np.int64],
    row_edges: NDArray[np.int64],
    col_edges: NDArray[np.int64],
    rise: bool,
    slope_out: F64,
    rms_out: F64,
    rise_out: F64,
    unknown_out: F32,
) -> None:
    """Fill the outputs tile by tile."""
    reach = half.size - 1
    tile_rows, tile_cols = np.diff(row_edges).max(), np.diff(col_edges).max()
    high, wide = tile_rows + 2 * reach, tile_cols + 2 * reach
    w = np.zeros((high, wide))  # heights less the tile's plane
    mask_runs = np.zeros((3, high, wide + 1))  # running sums along rows of known, j known, j^2 known
    sums = np.zeros((4, tile_rows, tile_cols))  # over the disc: w, x w, y w, w^2
    mask_sums = np.zeros((6, tile_rows, tile_cols))  # and of the mask: 1, x, y, x^2, x y, y^2
    flat = np.zeros((high, wide), dtype=np.float32)
    plane = np.zeros((3, tile_rows, tile_cols), dtype=np.float32)
    best = np.zeros((2, tile_cols), dtype=np.float32)
    for down in range(row_edges.size - 1):
        for right in range(col_edges.size - 1):
            r0, c0 = row_edges[down], col_edges[right]
            n_rows, n_cols = row_edges[down + 1] - r0, col_edges[right + 1] - c0
            top, left = r0 - reach, c0 - reach
            level, tilt_x, tilt_y = _tile_plane(z, top, left, n_rows + 2 * reach, n_cols + 2 * reach)
            holes = _take_tile(z, top, left, n_rows + 2 * reach, n_cols + 2 * reach, level, tilt_x, tilt_y, w, flat)
            _disc_sums(w, half, n_rows, n_cols, sums)
            if holes:
                _run_mask(z, top, left, n_rows + 2 * reach, n_cols + 2 * reach, mask_runs)
                _mask_sums(mask_runs, half, n_rows, n_cols, mask_sums)
                _solve_holed(
                    sums,
                    mask_sums,
                    half,
                    n_rows,
                    n_cols,
                    cell_m,
                    tilt_x,
                    tilt_y,
                    r0,
                    c0,
                    slope_out,
                    rms_out,
                    unknown_out,
                    plane,
                )
            else:
                _solve_full(
                    sums, half, n_rows, n_cols, cell_m, tilt_x, tilt_y, r0, c0, slope_out, rms_out, unknown_out, plane
                )
            if rise:
                _rise(flat, half, n_rows, n_cols, r0, c0, plane, best, rms_out, rise_out)


@kernel
def _tile_plane(z: F64, r0: int, c0: int, n_rows: int, n_cols: int) -> tuple[float, float, float]:
    """Return a plane near the heights of a tile: at its first cell [m], and its rise per column and per row [m]."""
    rows, cols = z.shape
    n, sx, sy, sz, sxx, sxy, syy, sxz, syz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    level = 0.0
    for i in range(max(0, -r0), min(n_rows, rows - r0), STRIDE):
        for j in range(max(0, -c0), min(n_cols, cols - c0), STRIDE):
            value = z[r0 + i, c0 + j]
            if not math.isfinite(value):
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
                if math.isfinite(z[r0 + i, c0 + j]):
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
def _take_tile(
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
def _run_mask(z: F64, r0: int, c0: int, n_rows: int, n_cols: int, runs: F64) -> None:
    """Fill the running sums of a tile's known cells: 1, j, j^2."""
    rows, cols = z.shape
    for i in range(n_rows):
        r = r0 + i
        known, first, second = 0.0, 0.0, 0.0
        runs[:, i, 0] = 0.0
        for j in range(n_cols):
            c = c0 + j
            if 0 <= r < rows and 0 <= c < cols and math.fabs(z[r, c]) < HUGE:
                x = float(j)
                known += 1.0
                first += x
                second += x * x
            runs[0, i, j + 1], runs[1, i, j + 1], runs[2, i, j + 1] = known, first, second


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
def _disc_sums(w: F64, half: NDArray[np.int64], n_rows: int, n_cols: int, sums: F64) -> None:
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
def _mask_sums(runs: F64, half: NDArray[np.int64], n_rows: int, n_cols: int, sums: F64) -> None:
    """Like `_disc_sums`, of the known cells: 1, x, y, x^2, x y, y^2; whole numbers, so the sums are exact."""
    reach = half.size - 1
    n = np.uint64(n_cols)
    sums[:] = 0.0
    for k in range(reach + 1):
        left, right = np.uint64(reach - half[k]), np.uint64(reach + half[k] + 1)
        y = float(k)
        share = 0.5 if k == 0 else 1.0  # the middle row is its own mirror image
        for r in range(n_rows):
            low, up, row = np.uint64(r + reach + k), np.uint64(r + reach - k), np.uint64(r)
            for c in range(n):
                below = share * (runs[0, low, c + right] - runs[0, low, c + left])
                above = share * (runs[0, up, c + right] - runs[0, up, c + left])
                sums[0, row, c] += below + above
                sums[2, row, c] += y * (below - above)
                sums[5, row, c] += y * y * (below + above)
            for c in range(n):
                below = share * (runs[1, low, c + right] - runs[1, low, c + left])
                above = share * (runs[1, up, c + right] - runs[1, up, c + left])
                sums[1, row, c] += below + above
                sums[4, row, c] += y * (below - above)
                sums[3, row, c] += share * (
                    (runs[2, low, c + right] - runs[2, low, c + left])
                    + (runs[2, up, c + right] - runs[2, up, c + left])
                )


@kernel
def _degrees(t: float) -> float:
    """Return atan(t) [deg] for t >= 0, without branches so that it runs on many cells at once (Cephes atan.c, S. Moshier)."""
    top = -1.0 if t > 2.414213562373095 else (t - 1.0 if t > 0.66 else t)
    low = t if t > 2.414213562373095 else (t + 1.0 if t > 0.66 else 1.0)
    start = 90.0 if t > 2.414213562373095 else (45.0 if t > 0.66 else 0.0)
    w = top / low
    s = w * w
    p = -8.750608600031904122785e-1 * s - 1.615753718733365076637e1
    p = (p * s - 7.500855792314704667340e1) * s - 1.228866684490136173410e2
    p = p * s - 6.485021904942025371773e1
    q = (s + 2.485846490142306297962e1) * s + 1.650270098316988542046e2
    q = ((q * s + 4.328810604912902668951e2) * s + 4.853903996359136964868e2) * s + 1.945506571482613964425e2
    return start + (w + w * s * p / q) * 57.29577951308232


@kernel
def _solve_full(
    sums: F64,
    half: NDArray[np.int64],
    n_rows: int,
    n_cols: int,
    cell_m: float,
    tilt_x: float,
    tilt_y: float,
    r0: int,
    c0: int,
    slope_out: F64,
    rms_out: F64,
    unknown_out: F32,
    plane: F32,
) -> None:
    """Solve for the planes of a tile without holes: a disc's first moments are nought and its second ones alike."""
    reach = half.size - 1
    count, square = 0.0, 0.0
    for k in range(-reach, reach + 1):
        count += 2.0 * half[abs(k)] + 1.0
        square += k * k * (2.0 * half[abs(k)] + 1.0)
    n = np.uint64(n_cols)
    for r in range(n_rows):
        row, out_row, first = np.uint64(r), np.uint64(r0 + r), np.uint64(c0)
        for c in range(n):
            mean = sums[0, row, c] / count
            b = sums[1, row, c] / square
            g = sums[2, row, c] / square
            left = sums[3, row, c] - count * mean * mean - square * (b * b + g * g)
            gx, gy = (b + tilt_x) / cell_m, (g + tilt_y) / cell_m
            slope_out[out_row, first + c] = _degrees(math.sqrt(gx * gx + gy * gy))
            rms_out[out_row, first + c] = math.sqrt(max(left, 0.0) / count)
            unknown_out[out_row, first + c] = 0.0
            plane[0, row, c], plane[1, row, c], plane[2, row, c] = mean, b, g


@kernel
def _solve_holed(
    sums: F64,
    mask_sums: F64,
    half: NDArray[np.int64],
    n_rows: int,
    n_cols: int,
    cell_m: float,
    tilt_x: float,
    tilt_y: float,
    r0: int,
    c0: int,
    slope_out: F64,
    rms_out: F64,
    unknown_out: F32,
    plane: F32,
) -> None:
    """Solve the normal equations of each disc of a tile from the moments of its known cells."""
    reach = half.size - 1
    whole, square = 0.0, 0.0
    for k in range(-reach, reach + 1):
        whole += 2.0 * half[abs(k)] + 1.0
        square += k * k * (2.0 * half[abs(k)] + 1.0)
    det_min = SPREAD_MIN * (square / whole) ** 2
    n = np.uint64(n_cols)
    for r in range(n_rows):
        row, out_row, first = np.uint64(r), np.uint64(r0 + r), np.uint64(c0)
        for c in range(n):
            x = float(c) + reach
            known = mask_sums[0, row, c]
            count = known if known > 0.0 else 1.0
            mean = sums[0, row, c] / count
            mx = mask_sums[1, row, c] / count - x
            my = mask_sums[2, row, c] / count
            cxx = (mask_sums[3, row, c] - 2.0 * x * mask_sums[1, row, c]) / count + x * x - mx * mx
            cxy = (mask_sums[4, row, c] - x * mask_sums[2, row, c]) / count - mx * my
            cyy = mask_sums[5, row, c] / count - my * my
            cxz = sums[1, row, c] / count - mx * mean
            cyz = sums[2, row, c] / count - my * mean
            det = cxx * cyy - cxy * cxy
            fits = known >= KNOWN_MIN and det > det_min
            over = 1.0 / det if fits else np.nan
            b, g = (cxz * cyy - cyz * cxy) * over, (cyz * cxx - cxz * cxy) * over
            left = sums[3, row, c] / count - mean * mean - b * cxz - g * cyz
            gx, gy = (b + tilt_x) / cell_m, (g + tilt_y) / cell_m
            slope_out[out_row, first + c] = _degrees(math.sqrt(gx * gx + gy * gy)) if fits else np.nan
            rms_out[out_row, first + c] = math.sqrt(left if left > 0.0 else 0.0) if fits else np.nan
            unknown_out[out_row, first + c] = 1.0 - known / whole
            plane[0, row, c] = mean - b * mx - g * my if fits else 0.0
            plane[1, row, c], plane[2, row, c] = (b, g) if fits else (0.0, 0.0)


@kernel
def _rise(
    flat: F32,
    half: NDArray[np.int64],
    n_rows: int,
    n_cols: int,
    r0: int,
    c0: int,
    plane: F32,
    best: F32,
    rms_out: F64,
    rise_out: F64,
) -> None:
    """Fill the largest height of each disc above its plane; Horner chains from both rims to the middle, eight cells at a time."""
    reach = half.size - 1
    n = np.uint64(n_cols)
    for r in range(n_rows):
        row = np.uint64(r)
        best[0, :] = LOWEST
        for k in range(-reach, reach + 1):
            y = np.float32(k)
            line = np.uint64(r + reach + k)
            best[1, :] = LOWEST
            d = half[abs(k)]
            while d >= 0:
                east, west = np.uint64(reach + d), np.uint64(reach - d)
                if d >= CHAIN - 1:
                    inner = np.float32(d - (CHAIN - 1))
                    for c in range(n):
                        b = plane[1, row, c]
                        e, w = flat[line, c + east], flat[line, c + west]
                        for t in range(1, CHAIN):
                            step = np.uint64(t)
                            e, w = e - b, w + b
                            ze, zw = flat[line, c + east - step], flat[line, c + west + step]
                            e, w = (ze if ze > e else e), (zw if zw > w else w)
                        e, w = e - b * inner, w + b * inner
                        m = e if e > w else w
                        best[1, c] = m if m > best[1, c] else best[1, c]
                    d -= CHAIN
                else:
                    outer = np.float32(d)
                    for c in range(n):
                        b = plane[1, row, c] * outer
                        e, w = flat[line, c + east] - b, flat[line, c + west] + b
                        m = e if e > w else w
                        best[1, c] = m if m > best[1, c] else best[1, c]
                    d -= 1
            for c in range(n):
                m = best[1, c] - plane[2, row, c] * y
                best[0, c] = m if m > best[0, c] else best[0, c]
        for c in range(n_cols):
            fits = not math.isnan(rms_out[r0 + r, c0 + c])
            rise_out[r0 + r, c0 + c] = best[0, c] - plane[0, r, c] if fits else np.nan
