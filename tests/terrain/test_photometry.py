"""The law of reflection: reciprocal, brightest straight back, known values; shadow is dark but not black."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.terrain.photometry import SURGE, brightness, even_light, lunar_weight, phase_factor, radiance, surge

COSINE = st.floats(0.01, 1.0)


@settings(deadline=None)
@given(COSINE, COSINE, st.floats(-1.0, 1.0))
def test_light_goes_both_ways_alike(mu0: float, mu: float, cos_phase: float) -> None:
    """Helmholtz: radiance over the cosine of incidence is the same with Sun and camera exchanged."""
    assert brightness(mu0, mu, cos_phase) / mu0 == pytest.approx(brightness(mu, mu0, cos_phase) / mu, rel=1e-12)


def test_the_surge_has_its_height_and_width() -> None:
    assert surge(1.0) == pytest.approx(SURGE)
    half = 2.0 * math.atan(0.07)  # tan(g / 2) = h: half its height
    assert surge(math.cos(half)) == pytest.approx(SURGE / 2.0)
    assert surge(-1.0) < 1e-5


def test_the_phase_curve_is_the_moons() -> None:
    """Full Moon to quarter: about a third is left at 40 deg, less than a fifth at 90 (whole-disc curves fall alike)."""
    curve = [phase_factor(math.cos(math.radians(g))) for g in range(0, 121)]
    assert curve[0] == pytest.approx(1.0)
    assert all(a > b for a, b in pairwise(curve[:101]))
    assert 0.55 < curve[10] < 0.70
    assert 0.30 < curve[40] < 0.40
    assert 0.10 < curve[90] < 0.20


def test_mcewens_weight() -> None:
    assert lunar_weight(0.0) == 1.0
    assert lunar_weight(30.0) == pytest.approx(1.0 - 0.57 + 0.2178 - 0.03942)
    assert lunar_weight(150.0) == 0.0


def test_a_full_moon_is_flat_and_has_no_limb_darkening() -> None:
    tilts = np.linspace(0.0, 80.0, 9)
    assert radiance(tilts, tilts, 0.0) == pytest.approx(1.0)


def test_what_faces_away_is_dark_and_shadow_is_not_black() -> None:
    assert radiance(95.0, 10.0, 90.0) == 0.0
    assert radiance(10.0, 95.0, 90.0) == 0.0
    for elevation in (2.0, 5.0, 10.0, 30.0):
        assert 0.01 < even_light(elevation) / float(radiance(90.0 - elevation, 0.0, 90.0 - elevation)) < 0.04
    assert 0.0 < even_light(-2.0) < 1e-4
