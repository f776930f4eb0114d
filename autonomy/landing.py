"""Where to touch down: the place in reach that is least likely to be unsafe once the lander's own scatter is counted in.

A policy scores the places of a survey (the map made of the lidar's scans so far); the least score in reach is flown to. Ours
scores by the chance of an unsafe stance (`stance_risk`) averaged over the scatter of the touchdown. The others are there to
compare with: steepness and roughness as landers without such a map would use them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef

from .divert import Gate, Motion, reach
from .errors import LandingError
from .footprint_fit import plane_fit
from .lander_limits import LanderLimits
from .stance_risk import STEP, smooth, stance_risk

ACCEPTED = 0.01  # chance of an unsafe touchdown that counts as safe
CHUNK = 1024  # places whose reach is looked at together
SPEED_WEIGHT = 1e-5  # chance of an unsafe touchdown that a m/s of fuel is worth: breaks ties

F32 = NDArray[np.float32]
Floats = NDArray[np.float64]


class Survey(NamedTuple):
    """What a lander knows of the ground below when it chooses."""

    elevation_m: F32  # [R, C], NaN where unknown
    weight: F32  # [R, C] measurements of ``noise_m`` in each cell
    ref: GeoRef
    noise_m: float
    scatter_m: float  # standard deviation of touchdown minus chosen place, each axis


class Scores(NamedTuple):
    """What a policy thinks of the places ``ref``: least is best, inf is out of the question."""

    ref: GeoRef
    score: Floats  # [R, C]
    p_unsafe: Floats | None = None  # [R, C] claimed chance of an unsafe touchdown, by those that claim one


Policy = Callable[[Survey, LanderLimits], Scores]


class Verdict(Enum):
    """What a choice is worth."""

    SAFE = "safe"  # within the accepted chance, or the policy claims none
    LEAST_BAD = "least bad"  # nothing in reach is within the accepted chance
    OUT_OF_REACH = "out of reach"  # nothing at all is in reach: the lander goes on as it was


class Choice(NamedTuple):
    """A place to touch down."""

    verdict: Verdict
    x: float
    y: float
    p_unsafe: float  # claimed, NaN if the policy claims none
    time_s: float  # of the flight to the gate above it
    speed_m_s: float  # change of speed it costs
    divert_m: float  # from the place below the lander
    best_p_anywhere: float  # of the whole survey, in reach or not; NaN if the policy claims none


def scattered(p_unsafe: Floats, cell_m: float, scatter_m: float) -> Floats:
    """Return the chance of an unsafe touchdown when aiming at each place: ``p_unsafe`` averaged over a Gaussian scatter.

    Outside of the survey everything is unsafe. Raises `LandingError` for a scatter that is negative.
    """
    import cv2

    if not 0.0 <= scatter_m < math.inf:
        raise LandingError(f"scatter_m = {scatter_m!r}: must be >= 0 m")
    if scatter_m < 0.25 * cell_m:
        return p_unsafe
    safe = cv2.GaussianBlur(1.0 - p_unsafe, (0, 0), scatter_m / cell_m, borderType=cv2.BORDER_CONSTANT)
    return np.clip(1.0 - safe, 0.0, 1.0)


def by_hazard(survey: Survey, limits: LanderLimits) -> Scores:
    """Ours: the chance of an unsafe touchdown."""
    risk = stance_risk(survey.elevation_m, survey.ref, survey.noise_m, limits, survey.weight)
    p = scattered(risk.p_unsafe, risk.ref.cell_m, survey.scatter_m)
    return Scores(risk.ref, p, p)


def by_slope(survey: Survey, limits: LanderLimits) -> Scores:
    """Least slope of the plane under the footprint."""
    slope = plane_fit(survey.elevation_m, survey.ref.cell_m, limits.reach_m).slope_deg
    return _places(np.nan_to_num(slope, nan=np.inf), survey.ref, limits)


def by_roughness(survey: Survey, limits: LanderLimits) -> Scores:
    """Least roughness by the usual short cut: distance from the local mean, its largest over the footprint."""
    import cv2

    surface = smooth(survey.elevation_m, survey.weight)
    known = np.isfinite(surface)
    size = 2 * math.floor(limits.reach_m / survey.ref.cell_m) + 1
    share = cv2.blur(known.astype(np.float32), (size, size))
    mean = cv2.blur(np.where(known, surface, np.float32(0.0)), (size, size)) / np.maximum(share, np.float32(1e-6))
    rough = cv2.dilate(np.where(known, np.abs(surface - mean), np.float32(np.inf)), np.ones((size, size), np.uint8))
    return _places(rough.astype(np.float64), survey.ref, limits)


def _places(score: Floats, ref: GeoRef, limits: LanderLimits) -> Scores:
    """Return scores of every second cell; places whose footprint is not all inside the survey are out of the question."""
    edge = math.ceil(limits.reach_m / ref.cell_m)
    score = score.copy()
    score[:edge], score[-edge:], score[:, :edge], score[:, -edge:] = np.inf, np.inf, np.inf, np.inf
    shift = (STEP - 1) * ref.cell_m / 2.0
    thinned = np.ascontiguousarray(score[::STEP, ::STEP])
    return Scores(GeoRef(ref.x_left - shift, ref.y_top + shift, STEP * ref.cell_m, *thinned.shape), thinned)


def choose(
    scores: Scores, motion: Motion, gate: Gate, limits: LanderLimits, *, kept_m_s: float, range_m: float | None = None,
    longest_s: float | None = None,
) -> Choice:  # fmt: skip
    """Return the place of least score that can be reached from ``motion`` (see `divert.reach`), the cheaper of equals.

    Raises
    ------
    LandingError : scores of another shape than their places, or as `divert.reach`.
    """
    if scores.score.shape != scores.ref.shape:
        raise LandingError(f"scores: {scores.score.shape} at {scores.ref.shape} places: must be of one shape")
    claimed = scores.p_unsafe
    best_p = float(claimed.min()) if claimed is not None else math.nan
    order = np.argsort(scores.score, axis=None, kind="stable")
    order = order[np.isfinite(scores.score.ravel()[order])]
    best, best_cost = None, math.inf
    for first in range(0, order.size, CHUNK):  # from the best scores on, until the rest cannot be better
        some = order[first : first + CHUNK]
        score = scores.score.ravel()[some]
        if score[0] >= best_cost:
            break
        px, py = scores.ref.xy(*np.unravel_index(some, scores.score.shape))
        there = reach(px, py, motion, gate, limits, kept_m_s=kept_m_s, range_m=range_m, longest_s=longest_s)
        cost = np.where(there.ok, score + SPEED_WEIGHT * np.where(there.ok, there.speed_m_s, 0.0), np.inf)
        at = int(np.argmin(cost))
        if cost[at] < best_cost:
            best_cost = float(cost[at])
            p = float(claimed.ravel()[some[at]]) if claimed is not None else math.nan
            x, y = float(px[at]), float(py[at])
            away = math.hypot(x - motion.x, y - motion.y)
            verdict = Verdict.LEAST_BAD if p > ACCEPTED else Verdict.SAFE
            best = Choice(verdict, x, y, p, float(there.time_s[at]), float(there.speed_m_s[at]), away, best_p)
    return best or Choice(Verdict.OUT_OF_REACH, motion.x, motion.y, math.nan, math.nan, 0.0, 0.0, best_p)
