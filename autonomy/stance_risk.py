"""How likely a lander stands unsafely at each place of a noisy elevation patch: tilted, belly on a rock, a leg on a rock.

The noisy surface is smoothed a little; ground without rocks is its opening (Serra 1982) by a square wider than rocks; what stands
above that under a pad is rock. Tilt and belly come from the stances (`stance`) on the smoothed surface. Each of the three
estimates has an error whose offset and spread were fitted on training grounds (logistic; ``tests/autonomy/fit_landing.py``): so they
become probabilities. A place whose legs or belly stand on unmeasured ground is unsafe.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.kernel import kernel

from .errors import LandingError
from .lander_limits import LanderLimits
from .stance import MOST, stances

CELL_M = 0.1  # [m] cells of the patches that the errors were fitted on
SMOOTH_CELLS = 1.0  # standard deviation of the smoothing
ROCK_WIDTH_M = 3.1  # [m] side of the square of the opening: the largest rocks
STEP = 2  # a place is looked at in every second cell
KNOWN_SHARE = 0.3  # of the smoothing's weight that must be measured
NOISE_MAX_M = 0.5  # [m] noisier patches are of no use

F32 = NDArray[np.float32]
Floats = NDArray[np.float64]


class Error(NamedTuple):
    """Logistic error of an estimate, estimate minus truth; each parameter is a constant and a part per metre of noise.

    ``mean``; the spread ``low`` of estimates below limit plus mean, and ``high`` of those above.
    """

    mean: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]

    def chance(self, estimate: Floats, limit: float, noise_m: float) -> Floats:
        """Return the probability that the truth is above ``limit``."""
        mean, low, high = (still + per_noise * noise_m for still, per_noise in self)
        over = estimate - limit - mean
        return 1.0 / (1.0 + np.exp(-np.clip(over / np.where(over < 0.0, low, high), -60.0, 60.0)))


TILT = Error((-0.593, 1.98), (0.403, 2.44), (0.47, 1.51))  # [deg]
BELLY = Error((0.0034, 0.0), (0.0198, 0.102), (0.0115, 0.17))  # [m]
LEG = Error((-0.11, 0.465), (0.0098, 0.117), (0.0565, -0.05))  # [m]


class StanceRisk(NamedTuple):
    """Estimates and probabilities at the places ``ref`` (cells of 0.2 m), float64 [R, C]; NaN estimates where unmeasured."""

    ref: GeoRef
    tilt_deg: Floats
    belly_m: Floats
    leg_rock_m: Floats  # highest rise under a pad
    p_unsafe: Floats  # of standing exactly there


@kernel
def _estimates(
    pad: F32, top: F32, rise: F32, pads: Floats, belly_radius: float, cell_m: float,
    tilt: Floats, belly: Floats, leg: Floats,
) -> None:  # fmt: skip
    """Fill tilt [deg], belly [m] and leg [m] of each place from the highest surface under a pad (``pad``), the rise there, and ``top``."""
    rows, cols = pad.shape
    n = pads.shape[0]
    heights, planes = np.empty(n), np.empty((MOST, 3))
    reach = int(belly_radius / cell_m)
    for r in range(rows):
        for c in range(cols):
            tilt[r, c], belly[r, c], leg[r, c] = np.nan, np.nan, np.nan
            known = True
            tallest = -np.inf
            for k in range(n):
                pr, pc = r - int(round(pads[k, 1] / cell_m)), c + int(round(pads[k, 0] / cell_m))
                if pr < 0 or pr >= rows or pc < 0 or pc >= cols or not math.isfinite(pad[pr, pc]):
                    known = False
                    break
                heights[k] = pad[pr, pc]
                tallest = max(tallest, rise[pr, pc])
            if not known or r < reach or c < reach or r + reach >= rows or c + reach >= cols:
                continue
            steepest, highest = 0.0, -np.inf
            for k in range(stances(heights, pads, planes)):
                gx, gy, level = planes[k, 0], planes[k, 1], planes[k, 2]
                steepest = max(steepest, math.degrees(math.atan(math.hypot(gx, gy))))
                for dr in range(-reach, reach + 1):
                    for dc in range(-reach, reach + 1):
                        if (dr * dr + dc * dc) * cell_m * cell_m <= belly_radius * belly_radius:
                            above = top[r + dr, c + dc] - level - (gx * dc - gy * dr) * cell_m
                            highest = max(highest, above) if math.isfinite(above) else np.inf
            tilt[r, c], belly[r, c], leg[r, c] = steepest, highest, tallest


def stance_risk(
    elevation_m: F32, ref: GeoRef, noise_m: float, limits: LanderLimits, weight: F32 | None = None
) -> StanceRisk:
    """Return estimates and probability of an unsafe stance over a patch.

    Parameters
    ----------
    elevation_m : float32 [R, C] at ``ref``, cells of 0.1 m, NaN where unknown.
    noise_m : standard deviation of its cells [m], independent.
    weight : float32 [R, C], how many measurements of that noise each cell holds; None for one each.
    limits : legs, belly and what they bear.

    Raises
    ------
    LandingError : shapes that differ, cells of another size, noise that is not in 0..0.5 m, weights that are no numbers.
    """
    import cv2

    if elevation_m.shape != ref.shape or abs(ref.cell_m - CELL_M) > 1e-9:
        raise LandingError(
            f"patch: {elevation_m.shape} at {ref.shape} cells of {ref.cell_m:g} m: must be one shape, cells {CELL_M:g} m"
        )
    if weight is not None and (weight.shape != ref.shape or not (np.isfinite(weight) & (weight >= 0.0)).all()):
        raise LandingError(f"weight: {weight.shape}: must be {ref.shape}, finite and >= 0")
    if not 0.0 <= noise_m <= NOISE_MAX_M:
        raise LandingError(f"noise_m = {noise_m!r}: must be in 0..{NOISE_MAX_M:g} m")
    surface = smooth(elevation_m, weight)
    known = np.isfinite(surface)
    filled = np.where(known, surface, np.float32(0.0))
    width = round(ROCK_WIDTH_M / CELL_M)
    ground = cv2.morphologyEx(
        np.where(known, surface, np.float32(1e6)), cv2.MORPH_ERODE, np.ones((width, width), np.uint8)
    )
    ground = cv2.dilate(ground, np.ones((width, width), np.uint8))
    rise = filled - ground
    middle = float(np.median(rise[known])) if known.any() else 0.0
    under_pad = _disc(limits.pad_radius_m)
    pad = cv2.dilate(filled, under_pad)
    pad[cv2.dilate((~known).astype(np.uint8), under_pad) > 0] = np.nan
    rise = cv2.dilate(rise - np.float32(middle), under_pad)
    top = cv2.dilate(np.where(known, surface, np.float32(1e6)), np.ones((STEP + 1, STEP + 1), np.uint8))
    pad, top, rise = (np.ascontiguousarray(layer[::STEP, ::STEP], dtype=np.float32) for layer in (pad, top, rise))
    rows, cols = -(-ref.rows // STEP), -(-ref.cols // STEP)
    tilt, belly, leg = (np.empty((rows, cols)) for _ in range(3))
    _estimates(pad, top, rise, np.array(limits.pads()), limits.belly_radius_m, STEP * CELL_M, tilt, belly, leg)
    shift = (STEP - 1) * CELL_M / 2.0
    places = GeoRef(ref.x_left - shift, ref.y_top + shift, STEP * CELL_M, rows, cols)
    return StanceRisk(places, tilt, belly, leg, unsafe(tilt, belly, leg, noise_m, limits))


def unsafe(tilt: Floats, belly: Floats, leg: Floats, noise_m: float, limits: LanderLimits) -> Floats:
    """Return the probability of an unsafe stance from its three estimates; 1 where they are NaN."""
    safe = np.ones(tilt.shape)
    for error, estimate, limit in (
        (TILT, tilt, limits.max_slope_deg), (BELLY, belly, limits.clearance_m), (LEG, leg, limits.pad_rock_m),
    ):  # fmt: skip
        safe *= 1.0 - error.chance(np.nan_to_num(estimate, nan=np.inf), limit, noise_m)
    return 1.0 - safe


def smooth(elevation_m: F32, weight: F32 | None = None) -> F32:
    """Return a patch smoothed over what is known of it, minus its median; NaN where little is known."""
    import cv2

    known = np.isfinite(elevation_m)
    middle = np.float32(np.median(elevation_m[known])) if known.any() else np.float32(0.0)
    share = known.astype(np.float32) if weight is None else np.where(known, weight, np.float32(0.0))
    total = cv2.GaussianBlur(np.where(known, (elevation_m - middle) * share, np.float32(0.0)), (0, 0), SMOOTH_CELLS)
    weights = cv2.GaussianBlur(share, (0, 0), SMOOTH_CELLS)
    return np.where(weights > KNOWN_SHARE, total / np.maximum(weights, np.float32(1e-6)), np.float32(np.nan))


def _disc(radius_m: float) -> NDArray[np.uint8]:
    """Return a disc of cells of ``CELL_M`` as a kernel."""
    reach = math.floor(radius_m / CELL_M + 0.5)
    rows, cols = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return (rows * rows + cols * cols <= (radius_m / CELL_M + 0.25) ** 2).astype(np.uint8)
