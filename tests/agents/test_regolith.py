"""Known answers of the laws of soil and tools."""

from __future__ import annotations

import math

import pytest

from moonfleet.agents import regolith as law
from moonfleet.agents.catalogue import robot_spec


def test_sintering_takes_0_47_kwh_per_kilogram() -> None:
    assert pytest.approx(0.4667, abs=1e-3) == law.SINTER_J_KG / 3.6e6


def test_dug_soil_lies_looser_than_firm_ground() -> None:
    assert pytest.approx(1.24, abs=0.05) == law.FIRM_KG_M3 / law.LOOSE_KG_M3  # swells by a quarter
    assert 1300.0 <= law.LOOSE_KG_M3 <= 1500.0
    assert 1700.0 <= law.FIRM_KG_M3 <= 1900.0


def test_a_vertical_smooth_wall_meets_rankines_passive_pressure() -> None:
    """For a vertical smooth blade the wedge is Rankine's: N_gamma is half of tan^2(45 + phi / 2), N_c its root times two."""
    n_gamma, n_c = law.wedge_factors(90.0, 35.0, 0.0)
    passive = math.tan(math.radians(45.0 + 17.5)) ** 2
    assert n_gamma == pytest.approx(0.5 * passive)
    assert n_c == pytest.approx(2.0 * math.sqrt(passive))


def test_cutting_force_grows_with_depth_and_is_linear_in_width() -> None:
    assert law.cutting_force_n(2.0, 0.05) == pytest.approx(2.0 * law.cutting_force_n(1.0, 0.05))
    assert law.cutting_force_n(1.0, 0.10) > 2.0 * law.cutting_force_n(1.0, 0.05)


def test_a_drum_is_full_within_minutes_and_takes_no_more_than_its_power() -> None:
    spec = robot_spec("excavator")
    assert 60.0 < spec.load_kg / law.dig_rate_kg_s(spec.width_m, 300.0) < 400.0
    assert law.dig_power_w(spec.width_m, 300.0) <= 300.0


def test_a_weak_tool_is_slower_not_stronger_than_its_power() -> None:
    assert law.dig_power_w(1.3, 1.0) == 1.0
    assert law.dig_rate_kg_s(1.3, 1.0) < law.dig_rate_kg_s(1.3, 300.0)


def test_a_heavier_machine_pushes_more() -> None:
    assert law.blade_load_kg(500.0, 1.4) > law.blade_load_kg(250.0, 1.4) > 0.0
    assert law.push_rate_kg_s(250.0, 1.4, 0.1, 1.5) * 600.0 == pytest.approx(549.3, abs=1.0)
