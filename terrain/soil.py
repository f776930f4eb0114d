"""How wheels slip on lunar soil."""

from __future__ import annotations

from .kernel import kernel
from .lanes import least, most

LEVEL_SLIP = 0.03  # [-] Apollo rover on level ground 2-3 % (Carrier, Olhoeft & Mendell 1991, Lunar Sourcebook ch. 9)
SLIP_PER_DEG2 = (
    0.0006  # [deg^-2] fitted: 9 % at 10 deg, 27 % at 20 deg, 57 % at 30 deg (Lunokhod drives, simulant tests)
)
HIGHEST_SLIP = 0.95  # [-] a wheel that spins in place


@kernel
def slip(slope_deg: float) -> float:
    """Return the slip ratio (share of wheel travel lost, 0..0.95) when driving up ``slope_deg``; downhill is as level.

    Ground covered is ``(1 - slip)`` times wheel travel. Source: level value from the Lunar Sourcebook (Carrier et al.
    1991); growth with the square of the slope is our fit to published Lunokhod and simulant figures.
    """
    grade = most(slope_deg, 0.0)
    return least(LEVEL_SLIP + SLIP_PER_DEG2 * grade * grade, HIGHEST_SLIP)
