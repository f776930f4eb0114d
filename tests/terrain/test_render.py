"""Shadows of known length, photometry of known slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.render import lit_share, shade

CELL = 0.1


def pillar(n: int = 161, height: float = 0.5) -> np.ndarray:
    z = np.zeros((n, n), dtype=np.float32)
    z[n // 2 - 3 : n // 2 + 4, n // 2 - 3 : n // 2 + 4] = height
    return z


@pytest.mark.parametrize("azimuth", [0.0, 90.0, 180.0, 270.0, 45.0, 30.0, 115.0, 200.0, 333.0])
@pytest.mark.parametrize("elevation", [5.0, 9.0])
def test_shadow_lies_away_from_the_sun_and_has_its_length(azimuth: float, elevation: float) -> None:
    n, height = 161, 0.5
    lit = lit_share(pillar(n, height), CELL, azimuth, elevation)
    a = math.radians(azimuth)
    middle = n // 2
    steps = np.arange(8, 75)
    rows, cols = np.round(middle + steps * math.cos(a)).astype(int), np.round(middle - steps * math.sin(a)).astype(int)
    behind = lit[rows, cols]
    reach = height / math.tan(math.radians(elevation)) / CELL  # cells, from the pillar's far edge
    half = 3.5 / max(abs(math.sin(a)), abs(math.cos(a)))
    assert (behind[steps < reach * 0.93 - half] < 0.5).all()
    assert (behind[steps > reach * 1.08 + half + 1] == 1.0).all()
    sunward = lit[2 * middle - rows, 2 * middle - cols]
    assert (sunward == 1.0).all()


def test_penumbra_is_half_lit_where_the_middle_of_the_sun_grazes() -> None:
    z = np.zeros((11, 400), dtype=np.float32)
    z[:, 5] = 1.0
    lit = lit_share(z, CELL, 270.0, 4.0)[5, 6:]  # the Sun in the west, the shadow to the right
    middle = 1.0 / math.tan(math.radians(4.0)) / CELL - 1
    first_lit, last_dark = np.flatnonzero(lit > 0.02)[0], np.flatnonzero(lit < 0.98)[-1]
    assert np.interp(middle, np.arange(lit.size), lit) == pytest.approx(0.5, abs=0.06)
    assert first_lit == pytest.approx(1.0 / math.tan(math.radians(4.267)) / CELL, abs=3)
    assert last_dark == pytest.approx(1.0 / math.tan(math.radians(3.733)) / CELL, abs=3)


def test_level_ground_is_even_and_brightens_with_the_sun() -> None:
    flat = np.zeros((30, 40), dtype=np.float32)
    levels = [shade(flat, CELL, 77.0, el) for el in (1.0, 5.0, 10.0, 30.0, 90.0)]
    for image in levels:
        assert image.min() == image.max()
    values = [float(image[0, 0]) for image in levels]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1.0, abs=0.01)
    assert values[1] == pytest.approx(math.sin(math.radians(5.0)), rel=0.6)


def test_slope_towards_the_sun_is_brighter() -> None:
    cols = np.mgrid[:50, :50][1]
    rising = (cols * CELL * math.tan(math.radians(10.0))).astype(np.float32)  # faces west
    west, east = shade(rising, CELL, 270.0, 5.0), shade(rising, CELL, 90.0, 5.0)
    assert float(west[25, 25]) > 2 * float(shade(np.zeros_like(rising), CELL, 270.0, 5.0)[25, 25])
    assert float(east[25, 5]) == 0.0  # a 10 deg slope away from a 5 deg Sun


def test_quarter_turns_of_ground_and_sun_turn_the_picture() -> None:
    rng = np.random.default_rng(8)
    z = np.cumsum(rng.normal(0, 0.01, (60, 60)), axis=0).astype(np.float32)
    for azimuth in (10.0, 50.0):
        turned = shade(np.ascontiguousarray(np.rot90(z)), CELL, azimuth - 90.0, 4.0)
        assert np.rot90(shade(z, CELL, azimuth, 4.0)) == pytest.approx(turned, abs=2e-3)


def test_bad_fields_are_refused() -> None:
    with pytest.raises(SiteError, match="at least 2 x 2"):
        shade(np.zeros((1, 5), dtype=np.float32), CELL, 0.0, 5.0)
    with pytest.raises(SiteError, match="cell_m"):
        shade(np.zeros((5, 5), dtype=np.float32), 0.0, 0.0, 5.0)
