"""What a metre of ground costs a robot: seconds per metre from slope and rock cover, infinite where it must not go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import CostError

ROCK_DETOUR = 4.0  # [-] extra way per unit of rock cover: 10 % cover makes 1 m of route 1.4 m of driving
ROCK_COVER_MAX = 0.35  # [-] more of the ground than this under rocks leaves no gap for a rover
SLOPE_SLOWING = 0.6  # [-] part of the speed lost at the slope limit (slip and caution), growing with the slope squared


class DriveLimits(NamedTuple):
    """What the robot's wheels allow."""

    max_slope_deg: float
    speed_m_s: float


def drive_cost(
    slope_deg: NDArray[np.float32], rock_cover: NDArray[np.float32], limits: DriveLimits
) -> NDArray[np.float32]:
    """Return seconds per metre, float32 [R, C], inf where impassable.

    Speed falls with (slope / limit)^2 down to ``1 - SLOPE_SLOWING`` of the flat speed at the limit; rocks lengthen the way by
    ``1 + ROCK_DETOUR * cover``. Impassable: slope above the limit, cover above `ROCK_COVER_MAX`, and cells without data (NaN).

    Raises
    ------
    CostError : shapes that differ, limits that are not positive.
    """
    if slope_deg.shape != rock_cover.shape or slope_deg.ndim != 2:
        raise CostError(f"slope {slope_deg.shape} and rock cover {rock_cover.shape} must be one [R, C] shape.")
    if not (limits.max_slope_deg > 0.0 and limits.speed_m_s > 0.0):
        raise CostError(f"limits: {limits}; slope limit and speed must be above 0.")
    steep = slope_deg / np.float32(limits.max_slope_deg)
    slowing = np.float32(1.0) - np.float32(SLOPE_SLOWING) * steep * steep
    way = np.float32(1.0) + np.float32(ROCK_DETOUR) * rock_cover
    free = (steep <= 1.0) & (rock_cover <= ROCK_COVER_MAX)
    cost = np.full(slope_deg.shape, np.inf, dtype=np.float32)
    np.divide(way, slowing * np.float32(limits.speed_m_s), out=cost, where=free)
    return cost
