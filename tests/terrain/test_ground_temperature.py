"""Ground temperature against Diviner's published figures and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.terrain.constants import LUNAR_DAY_S
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.ground_temperature import (
    EMISSIVITY,
    GEOTHERMAL_W_M2,
    SCATTERED_W_M2,
    STEFAN_BOLTZMANN,
    absorbed_series,
    albedo_at,
    equilibrium_k,
    ground_temperature,
    heat_capacity,
)

STEPS = 709  # an hour each


def lunar_day(lat_deg: float, steps: int = STEPS) -> np.ndarray:
    """What level ground absorbs in one lunar day, from noon on."""
    hour_angle = 2.0 * np.pi * np.arange(steps) / steps
    cosine = np.maximum(np.cos(hour_angle) * math.cos(math.radians(lat_deg)), 0.0)
    return absorbed_series(1361.0, 1.0, cosine)


def test_equator_is_390_k_at_noon_and_95_k_before_dawn() -> None:
    """Vasavada et al. 2012, Williams et al. 2017 (Icarus 283, 300): 387-397 K at noon, 95 +- 2 K before dawn."""
    temp = ground_temperature(lunar_day(0.0), LUNAR_DAY_S / STEPS, spin_up=20)
    assert temp.max() == pytest.approx(390.0, abs=8.0)
    before_dawn = temp[STEPS * 3 // 4 - 8]
    assert before_dawn == pytest.approx(95.0, abs=4.0)
    assert temp[STEPS // 2] == pytest.approx(101.0, abs=5.0)  # midnight
    assert (np.diff(temp[STEPS // 4 + 12 : STEPS * 3 // 4 - 12]) < 0.0).all()  # it cools all night


def test_higher_latitudes_are_colder() -> None:
    days = np.stack([lunar_day(lat) for lat in (0.0, 30.0, 60.0, 80.0)])
    temp = ground_temperature(days, LUNAR_DAY_S / STEPS, spin_up=10)
    assert (np.diff(temp.max(axis=1)) < 0.0).all()
    assert (np.diff(temp.mean(axis=1)) < 0.0).all()


def test_polar_ground_that_faces_the_sun_is_at_200_to_270_k() -> None:
    """Slopes of 8 to 16 deg towards a Sun 1.5 deg high, as a polar summer gives them."""
    for slope in (8.0, 12.0, 16.0):
        day = absorbed_series(1361.0, 1.0, math.sin(math.radians(slope + 1.5)) * np.ones(24 * 5))
        assert 190.0 < ground_temperature(day)[-1] < 270.0


def test_old_shadow_is_at_25_to_110_k() -> None:
    """Paige et al. 2010 (Science 330, 479): 25-110 K; from within alone comes as little as 24 K."""
    floor = ground_temperature(absorbed_series(1361.0, 0.0, np.ones(2000), SCATTERED_W_M2))
    assert 38.0 < floor[-1] < 50.0
    assert ground_temperature(np.zeros(2000))[-1] == pytest.approx(24.0, abs=1.0)
    assert ground_temperature(np.full(2000, 6.0))[-1] < 110.0


def test_steady_light_ends_at_the_equilibrium() -> None:
    for power in (0.5, 30.0, 1000.0):
        temp = ground_temperature(np.full(100, power), spin_up=0)
        assert temp == pytest.approx(equilibrium_k(power), rel=1e-3)
    assert equilibrium_k(0.0) == pytest.approx((GEOTHERMAL_W_M2 / EMISSIVITY / STEFAN_BOLTZMANN) ** 0.25)


def test_the_column_keeps_its_energy() -> None:
    """Over a periodic day, what is radiated is what was absorbed and came from within."""
    power = lunar_day(40.0)
    temp = ground_temperature(power, LUNAR_DAY_S / STEPS, spin_up=200).astype(np.float64)
    radiated = (EMISSIVITY * STEFAN_BOLTZMANN * temp**4).mean()
    assert radiated == pytest.approx(power.mean() + GEOTHERMAL_W_M2, rel=0.002)


def test_an_hour_is_a_short_enough_step() -> None:
    coarse = ground_temperature(lunar_day(0.0), LUNAR_DAY_S / STEPS, spin_up=5)
    fine = ground_temperature(lunar_day(0.0, 8 * STEPS), LUNAR_DAY_S / STEPS / 8, spin_up=5)[::8]
    lit_or_night = np.r_[0 : STEPS // 4 - 12, STEPS // 4 + 36 : STEPS * 3 // 4 - 12]
    assert np.abs(coarse - fine)[lit_or_night].max() < 3.0
    assert abs(coarse.min() - fine.min()) < 0.5


def test_cells_are_columns_of_their_own_on_any_number_of_threads() -> None:
    power = np.stack([lunar_day(lat) for lat in (0.0, 60.0, 85.0)])
    told: list[int] = []
    one = ground_temperature(power, spin_up=1, threads=1)
    two = ground_temperature(power, spin_up=1, threads=2, progress=lambda done, _: told.append(done))
    assert one.dtype == np.float32
    assert one.tobytes() == two.tobytes()
    assert (one[1] == ground_temperature(power[1], spin_up=1)).all()
    assert told == [1, 2, 3]


def test_properties_of_regolith() -> None:
    assert albedo_at(1.0) == pytest.approx(0.12)
    assert albedo_at(0.5) < albedo_at(0.1) < 1.0
    assert heat_capacity(300.0) == pytest.approx(760.0, rel=0.05)  # Hemingway et al. 1973: 760 J/kg/K at 300 K
    assert heat_capacity(5.0) > 0.0


def test_wrong_series_are_refused() -> None:
    for wrong, words in (([], "at least one time"), ([-1.0], "negative"), ([math.nan], "not a finite")):
        with pytest.raises(SkyError, match=words):
            ground_temperature(wrong)
    with pytest.raises(SkyError, match="positive step"):
        ground_temperature([1.0], 0.0)
