"""The plane under a round footprint, centred on every cell: slope, rms residual and the exact largest height above that plane.

*Plane.* The moments of a disc run down the columns (`footprint_sums`). Where cells are unknown, the moments of the mask are summed in the
same way and the normal equations solved in full (Gauss). Sums are kept small by working in tiles, less a plane of the tile's own.

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
from .footprint_sums import (
    F32,
    F64,
    I32,
    KNOWN_MIN,
    LOWEST,
    REACH_MAX,
    disc_sums,
    mask_sums,
    take_mask,
    take_tile,
    tile_plane,
)

TILE = (128, 256)  # cells of a tile: larger ones lose fewer margins, smaller ones stay in the cache
CHAIN = 8  # steps of a Horner chain: longer ones round more, shorter ones compute more
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
    down, across = (tile_edges(n, half.size - 1, size) for n, size in zip(z.shape, TILE, strict=True))
    _fit(z, float(cell_m), half, down, across, False, slope, rms, np.empty((0, 0)), unknown)
    return PlaneFit(slope, rms, unknown)


def footprint_fit(elevation_m: NDArray[np.floating], cell_m: float, radius_m: float) -> FootprintFit:
    """Return what `plane_fit` does, and the exact largest residual of each disc (arguments and errors as there)."""
    z = checked_heights(elevation_m, cell_m)
    slope, rms, rise, unknown = (np.empty(z.shape), np.empty(z.shape), np.empty(z.shape), np.empty(z.shape, np.float32))
    half = disc_rows(cell_m, radius_m, z.shape)
    down, across = (tile_edges(n, half.size - 1, size) for n, size in zip(z.shape, TILE, strict=True))
    _fit(z, float(cell_m), half, down, across, True, slope, rms, rise, unknown)
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
    if reach > REACH_MAX:
        raise FootprintError(
            f"radius_m: {radius_m:g} m is {reach} cells of {cell_m:g} m; must be at most {REACH_MAX} cells."
        )
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
    mask = np.zeros((high, wide), dtype=np.int32)
    line_sums = np.zeros((3, tile_cols), dtype=np.int32)
    sums = np.zeros((4, tile_rows, tile_cols))  # over the disc: w, x w, y w, w^2
    mask_moments = np.zeros((6, tile_rows, tile_cols), dtype=np.int32)  # and of the mask: 1, x, y, x^2, x y, y^2
    flat = np.zeros((high, wide), dtype=np.float32)
    plane = np.zeros((3, tile_rows, tile_cols), dtype=np.float32)
    best = np.zeros((2, tile_cols), dtype=np.float32)
    for down in range(row_edges.size - 1):
        for right in range(col_edges.size - 1):
            r0, c0 = row_edges[down], col_edges[right]
            n_rows, n_cols = row_edges[down + 1] - r0, col_edges[right + 1] - c0
            top, left = r0 - reach, c0 - reach
            level, tilt_x, tilt_y = tile_plane(z, top, left, n_rows + 2 * reach, n_cols + 2 * reach)
            holes = take_tile(z, top, left, n_rows + 2 * reach, n_cols + 2 * reach, level, tilt_x, tilt_y, w, flat)
            disc_sums(w, half, n_rows, n_cols, sums)
            if holes:
                take_mask(flat, n_rows + 2 * reach, n_cols + 2 * reach, mask)
                mask_sums(mask, half, n_rows, n_cols, line_sums, mask_moments)
                _solve_holed(
                    sums,
                    mask_moments,
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
    moments: I32,
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
            known = float(moments[0, row, c])
            count = known if known > 0.0 else 1.0
            mean = sums[0, row, c] / count
            mx = moments[1, row, c] / count
            my = moments[2, row, c] / count
            cxx = moments[3, row, c] / count - mx * mx
            cxy = moments[4, row, c] / count - mx * my
            cyy = moments[5, row, c] / count - my * my
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
