"""What a metre of ground costs a robot: seconds per metre from slope and rock cover, infinite where it must not go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import CostError
from .wheels import mean_pace

ROCK_DETOUR = 4.0  # [-] extra way per unit of rock cover: 10 % cover makes 1 m of route 1.4 m of driving
ROCK_COVER_MAX = 0.35  # [-] more of the ground than this under rocks leaves no gap for a rover
SLOPE_STEP_DEG = 0.25  # [deg] step of the table of paces


class DriveLimits(NamedTuple):
    """What the robot's wheels allow."""

    max_slope_deg: float
    speed_m_s: float


def drive_cost(
    slope_deg: NDArray[np.float32], rock_cover: NDArray[np.float32], limits: DriveLimits
) -> NDArray[np.float32]:
    """Return seconds per metre, float32 [R, C], inf where impassable.

    The pace on a slope is that of the wheels (`wheels.mean_pace`), the mean over all headings, for a route may cross it
    either way; rocks lengthen the way by ``1 + ROCK_DETOUR * cover``. Impassable: slope above the limit, cover above
    `ROCK_COVER_MAX`, and cells without data (NaN).

    Raises
    ------
    CostError : shapes that differ, limits that are not positive.
    """
    if slope_deg.shape != rock_cover.shape or slope_deg.ndim != 2:
        raise CostError(f"slope {slope_deg.shape} and rock cover {rock_cover.shape} must be one [R, C] shape.")
    if not (limits.max_slope_deg > 0.0 and limits.speed_m_s > 0.0):
        raise CostError(f"limits: {limits}; slope limit and speed must be above 0.")
    table = np.arange(0.0, limits.max_slope_deg + SLOPE_STEP_DEG, SLOPE_STEP_DEG)
    pace = np.interp(slope_deg, table, mean_pace(table, limits.speed_m_s)).astype(np.float32)
    way = np.float32(1.0) + np.float32(ROCK_DETOUR) * rock_cover
    free = (slope_deg <= np.float32(limits.max_slope_deg)) & (rock_cover <= ROCK_COVER_MAX)
    cost = np.full(slope_deg.shape, np.inf, dtype=np.float32)
    np.multiply(way, pace, out=cost, where=free)
    return cost
