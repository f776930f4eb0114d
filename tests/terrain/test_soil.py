"""Wheel slip."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.soil import HIGHEST_SLIP, LEVEL_SLIP, slip


def test_slip_grows_with_slope_and_stays_below_one() -> None:
    values = [slip(float(s)) for s in np.linspace(-30.0, 60.0, 91)]
    assert values[0] == LEVEL_SLIP
    assert (np.diff(values) >= 0.0).all()
    assert values[-1] == HIGHEST_SLIP < 1.0


def test_slip_at_known_slopes() -> None:
    assert slip(0.0) == pytest.approx(0.03)
    assert slip(10.0) == pytest.approx(0.09)
    assert slip(20.0) == pytest.approx(0.27)
