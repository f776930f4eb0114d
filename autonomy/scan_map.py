"""Several lidar scans of one place as one map: each scan is shifted onto the map by what both show, then averaged in.

Between scans the lander's idea of its place drifts. The shift is found by least squares on the slopes of the smoothed map
(Lucas and Kanade 1981), coarse to fine; it is the drift, so it mends place and velocity too (hazard-relative navigation,
as in Epp and Smith 2007, AIAA 2007-6312).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef

from .elevation_patch import ElevationPatch
from .errors import LandingError

SCALES = (4.0, 4.0, 2.0, 2.0, 1.5)  # [cells] smoothing of each round
OVERLAP_MIN = 400  # cells that a shift is found from
SHIFT_MAX_M = 1.5  # [m] a larger one is not believed

F32 = NDArray[np.float32]


class Shift(NamedTuple):
    """How far a scan lies off the map [m]: what it shows at (x, y, z) is at (x - dx, y - dy, z - dz) of the map."""

    dx: float
    dy: float
    dz: float


class ScanMap:
    """A map of the ground below, made of scans; ``weight`` [R, C] counts measurements of ``noise_m`` each."""

    def __init__(self, first: ElevationPatch, noise_m: float) -> None:
        if not 0.0 < noise_m < math.inf:
            raise LandingError(f"noise_m = {noise_m!r}: must be > 0 m and finite")
        self.ref, self.noise_m, self.scans = first.ref, noise_m, 1
        self.weight = np.where(first.trusted, first.count, 0).astype(np.float32)
        self.elevation_m = np.where(first.trusted, first.elevation_m, np.float32(np.nan))
        self.shown = first.ref  # the ground that every scan shows

    def add(self, scan: ElevationPatch) -> Shift | None:
        """Average a scan in, on the same lattice and inside the map; return its shift, None where it cannot be matched.

        A scan that cannot be matched is left out. Raises `LandingError` for a scan of another lattice.
        """
        rows, cols = self._window(scan.ref)
        old, old_weight = self.elevation_m[rows, cols], self.weight[rows, cols]
        new_weight = np.where(scan.trusted, scan.count, 0).astype(np.float32)
        shift = match(old, old_weight, scan.elevation_m, new_weight, scan.ref.cell_m)
        if shift is None:
            return None
        z, w = _moved(
            np.where(new_weight > 0.0, scan.elevation_m - np.float32(shift.dz), 0.0), new_weight, shift, scan.ref.cell_m
        )
        total = old_weight + w
        mean = (np.where(old_weight > 0.0, old * old_weight, 0.0) + z * w) / np.maximum(total, np.float32(1e-6))
        self.elevation_m[rows, cols] = np.where(total > 0.05, mean, np.float32(np.nan))
        self.weight[rows, cols] = np.where(total > 0.05, total, np.float32(0.0))
        self.scans += 1
        self.shown = scan.ref
        return shift

    def view(self) -> tuple[F32, F32, GeoRef, float]:
        """Return elevation, weight (in measurements of the noise returned), where they lie, and the noise, of what every scan shows."""
        rows, cols = self._window(self.shown)
        per_cell = np.float32(self.scans)
        noise = self.noise_m / self.scans**0.5
        return self.elevation_m[rows, cols], self.weight[rows, cols] / per_cell, self.shown, noise

    def _window(self, ref: GeoRef) -> tuple[slice, slice]:
        row, col = self.ref.rowcol(*ref.xy(0, 0))
        top, left = round(row), round(col)
        off = max(abs(row - top), abs(col - left), abs(ref.cell_m - self.ref.cell_m))
        if off > 1e-3 or min(top, left) < 0 or top + ref.rows > self.ref.rows or left + ref.cols > self.ref.cols:
            raise LandingError(f"scan at {ref}: must lie on the lattice and inside the map at {self.ref}")
        return slice(top, top + ref.rows), slice(left, left + ref.cols)


def _moved(z: F32, weight: F32, shift: Shift, cell_m: float) -> tuple[F32, F32]:
    """Return heights and weights of a scan moved by minus the shift."""
    import cv2

    move = np.array([[1.0, 0.0, -shift.dx / cell_m], [0.0, 1.0, shift.dy / cell_m]])
    size = z.shape[1], z.shape[0]
    zw = cv2.warpAffine((z * weight).astype(np.float32), move, size, flags=cv2.INTER_LINEAR)
    w = cv2.warpAffine(weight, move, size, flags=cv2.INTER_LINEAR)
    share = np.asarray(w, dtype=np.float32)
    return np.asarray(zw / np.maximum(share, np.float32(1e-6)), dtype=np.float32), share


def match(old: F32, old_weight: F32, new: F32, new_weight: F32, cell_m: float) -> Shift | None:
    """Return the shift of ``new`` against ``old`` (both float32 [R, C], what has no weight is unknown), or None."""
    if min((old_weight > 0.0).sum(), (new_weight > 0.0).sum()) < OVERLAP_MIN:
        return None
    both = (old_weight > 0.0) & (new_weight > 0.0)
    if both.sum() < OVERLAP_MIN:
        return None
    middle = np.float32(np.median(old[both]))
    dz = float(np.median(new[both] - old[both]))
    shift = Shift(0.0, 0.0, dz)
    for scale in SCALES:
        a, a_known = _blurred(np.where(old_weight > 0.0, old - middle, 0.0), old_weight, scale)
        z, w = _moved(np.where(new_weight > 0.0, new - middle - np.float32(shift.dz), 0.0), new_weight, shift, cell_m)
        b, b_known = _blurred(z, w, scale)
        known = a_known & b_known
        edge = int(3 * scale) + 1
        known[:edge], known[-edge:], known[:, :edge], known[:, -edge:] = False, False, False, False
        if known.sum() < OVERLAP_MIN:
            return None
        mean = 0.5 * (a + b)
        down, right = (np.asarray(np.gradient(mean, cell_m, axis=axis)) for axis in (0, 1))
        gx, gy, gap = right[known], -down[known], (b - a)[known]
        # b(x) = a(x - d) + dz: gap = -slope . d + dz
        design = np.stack([-gx, -gy, np.ones_like(gx)], axis=1).astype(np.float64)
        step = np.linalg.lstsq(design.T @ design, design.T @ gap.astype(np.float64), rcond=None)[0]
        shift = Shift(shift.dx + float(step[0]), shift.dy + float(step[1]), shift.dz + float(step[2]))
    return shift if max(abs(shift.dx), abs(shift.dy)) <= SHIFT_MAX_M else None


def _blurred(z: F32, weight: F32, scale: float) -> tuple[F32, NDArray[np.bool_]]:
    import cv2

    total = cv2.GaussianBlur((z * weight).astype(np.float32), (0, 0), scale)
    weights = cv2.GaussianBlur(weight, (0, 0), scale)
    return np.asarray(total / np.maximum(weights, np.float32(1e-6)), dtype=np.float32), np.asarray(weights > 0.3)
