"""Points from a lidar or a stereo pair as a local elevation patch: what is known of each cell, how well, and what is not to be trusted.

Each point falls into the cell that holds it; a cell's height is the mean of its points weighted by 1 / sigma^2 (the least-variance mean of
independent measurements). A hole is bridged where at least two of the four lines through it (row, column, two diagonals) have a measured
cell on both sides: the middle of such a pair is exact on any plane, which the plain mean of whatever neighbours there are is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.kernel import kernel

from .errors import PatchError

SIGMA_M = (1e-9, 1e9)  # [m] of a height: beyond, weights are no numbers any more
HUGE_M = 1.0e12  # [m] no height is that far off
PAIRS_MIN = 2  # lines through a hole with a measured cell on both sides that it takes to bridge it


@dataclass(frozen=True, slots=True, eq=False)
class ElevationPatch:
    """Local ground as sensed; arrays are ``[row, col]``, row 0 at +y, of shape ``ref.shape``.

    ``elevation_m`` is float32, NaN where nothing is known; ``sigma_m`` float32 [m], one standard deviation, infinite where unknown;
    ``count`` int32, points in the cell; ``trusted`` bool, measured (a bridged hole has a height, but is not trusted).
    Raises `PatchError` where shapes or types differ from these.
    """

    ref: GeoRef
    elevation_m: NDArray[np.float32]
    sigma_m: NDArray[np.float32]
    count: NDArray[np.int32]
    trusted: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for name, kind in (("elevation_m", "f4"), ("sigma_m", "f4"), ("count", "i4"), ("trusted", "?")):
            layer: NDArray[np.generic] = getattr(self, name)
            if np.shape(layer) != self.ref.shape or getattr(layer, "dtype", None) != np.dtype(kind):
                raise PatchError(
                    f"patch.{name}: {getattr(layer, 'dtype', type(layer))} {np.shape(layer)}; must be {np.dtype(kind)} {self.ref.shape}."
                )

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there is a height, measured or bridged; bool [R, C]."""
        return np.isfinite(self.elevation_m)


def patch_from_points(
    points: NDArray[np.float64], ref: GeoRef, sigma_m: NDArray[np.float64] | float, *, bridge: bool = True
) -> ElevationPatch:
    """Return the patch that these points make; the same bytes whatever the number of threads.

    Parameters
    ----------
    points : float64 [n, 3], x, y, z [m] in the frame of ``ref``. Rows that are not finite, outside the grid, or `HUGE_M` or more above or
        below are left out; n may be 0.
    ref : the grid of the patch.
    sigma_m : standard deviation of the heights [m], within `SIGMA_M`, one for all or float64 [n].
    bridge : fill single holes from measured cells on both sides, untrusted.

    Raises
    ------
    PatchError : points are not float64 [n, 3], or sigma_m is not within `SIGMA_M` and one or n.
    """
    if np.ndim(points) != 2 or np.shape(points)[1] != 3 or getattr(points, "dtype", None) != np.float64:
        raise PatchError(
            f"points: {getattr(points, 'dtype', type(points))} {np.shape(points)}; must be float64 [n, 3]."
        )
    sigma = np.asarray(sigma_m, dtype=np.float64)
    if sigma.ndim and sigma.shape != (len(points),):
        raise PatchError(f"sigma_m: shape {sigma.shape}; must be one number or [{len(points)}], one for each point.")
    if not ((sigma >= SIGMA_M[0]) & (sigma <= SIGMA_M[1])).all():
        raise PatchError(
            f"sigma_m: {float(sigma.min()):g}..{float(sigma.max()):g}; must be finite, {SIGMA_M[0]:g}..{SIGMA_M[1]:g} m everywhere."
        )
    sums, weights = np.zeros(ref.shape), np.zeros(ref.shape)
    count = np.zeros(ref.shape, dtype=np.int32)
    finite = points[np.abs(points[:, 2]) < HUGE_M, 2]
    middle = float(np.median(finite[:: max(1, finite.size // 1000)])) if finite.size else 0.0  # keeps the sums small
    _bin(
        np.ascontiguousarray(points),
        np.ascontiguousarray(np.broadcast_to(sigma, len(points))),
        middle,
        float(ref.x_left),
        float(ref.y_top),
        float(ref.cell_m),
        sums,
        weights,
        count,
    )
    height, spread = np.empty(ref.shape, np.float32), np.empty(ref.shape, np.float32)
    _means(sums, weights, middle, PAIRS_MIN if bridge else 99, height, spread)
    return ElevationPatch(ref, height, spread, count, count > 0)


@kernel
def _bin(
    points: NDArray[np.float64],
    sigma: NDArray[np.float64],
    middle: float,
    x_left: float,
    y_top: float,
    cell_m: float,
    sums: NDArray[np.float64],
    weights: NDArray[np.float64],
    count: NDArray[np.int32],
) -> None:
    """Add weight, weight * (z - middle) and one to the cell of each point."""
    rows, cols = count.shape
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        if not (math.isfinite(x) and math.isfinite(y) and math.fabs(z) < HUGE_M):
            continue
        fc, fr = math.floor((x - x_left) / cell_m), math.floor((y_top - y) / cell_m)
        if 0.0 <= fc < cols and 0.0 <= fr < rows:
            r, c = int(fr), int(fc)
            weight = 1.0 / (sigma[i] * sigma[i])
            weights[r, c] += weight
            sums[r, c] += weight * (z - middle)
            count[r, c] += 1


@kernel
def _means(
    sums: NDArray[np.float64],
    weights: NDArray[np.float64],
    middle: float,
    pairs_min: int,
    height: NDArray[np.float32],
    spread: NDArray[np.float32],
) -> None:
    """Fill height and its standard deviation; a hole takes the mean of the middles of its pairs, the nearer counting double."""
    rows, cols = sums.shape
    for r in range(rows):
        for c in range(cols):
            if weights[r, c] > 0.0:
                height[r, c] = middle + sums[r, c] / weights[r, c]
                spread[r, c] = math.sqrt(1.0 / weights[r, c])
                continue
            height[r, c], spread[r, c] = np.nan, np.inf
            pairs, total, mean, square, noise = 0, 0.0, 0.0, 0.0, 0.0
            for k in range(4):
                dr, dc = (0, 1) if k == 0 else (1, k - 2)
                ra, rb, ca, cb = r - dr, r + dr, c - dc, c + dc
                if ra < 0 or rb >= rows or min(ca, cb) < 0 or max(ca, cb) >= cols:
                    continue
                if weights[ra, ca] <= 0.0 or weights[rb, cb] <= 0.0:
                    continue
                share = 2.0 if dr * dc == 0 else 1.0
                a, b = sums[ra, ca] / weights[ra, ca], sums[rb, cb] / weights[rb, cb]
                half = 0.5 * (a + b)
                pairs += 1
                total += share
                mean += share * half
                square += share * half * half
                noise += share * 0.5 * (1.0 / weights[ra, ca] + 1.0 / weights[rb, cb])
            if pairs >= pairs_min:
                mean /= total
                height[r, c] = middle + mean
                spread[r, c] = math.sqrt(max(square / total - mean * mean, 0.0) + noise / total)
