"""Seconds per metre from slope and rocks."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.errors import CostError
from moonfleet.autonomy.traversability import ROCK_COVER_MAX, DriveLimits, drive_cost
from moonfleet.autonomy.wheels import mean_pace, speed_and_power

LIMITS = DriveLimits(max_slope_deg=20.0, speed_m_s=0.1)


def test_flat_bare_ground_costs_the_pace_of_the_wheels_and_more_never_costs_less() -> None:
    slope = np.linspace(0.0, 25.0, 51, dtype=np.float32)[None, :]
    cost = drive_cost(slope, np.zeros_like(slope), LIMITS)
    assert cost.dtype == np.float32
    assert cost[0, 0] == pytest.approx(1.0 / speed_and_power(0.0, LIMITS.speed_m_s, 0.0)[0], rel=1e-6)
    finite = cost[np.isfinite(cost)]
    assert (np.diff(finite) > 0).all()
    assert (np.isfinite(cost) == (slope <= 20.0)).all()
    rocks = np.linspace(0.0, 0.5, 51, dtype=np.float32)[None, :]
    cost = drive_cost(np.zeros_like(rocks), rocks, LIMITS)
    assert (np.isfinite(cost) == (rocks <= np.float32(ROCK_COVER_MAX))).all()
    assert (np.diff(cost[np.isfinite(cost)]) > 0).all()


@pytest.mark.parametrize("slope", [0.0, 7.0, 15.0, 20.0])
def test_the_planner_expects_the_mean_of_what_the_wheels_do(slope: float) -> None:
    headings = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    grades = np.degrees(np.arctan(np.tan(np.radians(slope)) * np.cos(headings)))
    paces = [1.0 / speed_and_power(float(grade), 0.1, 0.0)[0] for grade in grades]
    assert mean_pace(np.array([slope]), 0.1)[0] == pytest.approx(np.mean(paces), rel=2e-3)
    assert min(paces) - 1e-9 <= mean_pace(np.array([slope]), 0.1)[0] <= max(paces) + 1e-9


def test_no_data_is_impassable_and_bad_input_is_refused() -> None:
    nan = np.full((2, 2), np.nan, np.float32)
    zero = np.zeros((2, 2), np.float32)
    assert np.isinf(drive_cost(nan, zero, LIMITS)).all()
    assert np.isinf(drive_cost(zero, nan, LIMITS)).all()
    with pytest.raises(CostError, match=r"\(2, 2\) and rock cover \(2, 3\)"):
        drive_cost(zero, np.zeros((2, 3), np.float32), LIMITS)
    with pytest.raises(CostError, match="above 0"):
        drive_cost(zero, zero, DriveLimits(0.0, 1.0))
