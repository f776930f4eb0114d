"""The flight of a lander against what can be worked out by hand, and whole descents."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.descent import Descent, land, limits_of, to_first_scan
from moonfleet.agents.flight import ALOFT, ARRIVED, CONTACT, DRY, MASS, STEP_S, VZ, Z, advance, engine_of, fly, sink
from moonfleet.agents.touchdown import Outcome
from moonfleet.autonomy.divert import flight_cost
from moonfleet.autonomy.errors import LandingError
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.autonomy.landing import by_roughness
from moonfleet.experiments.bench.hazards_landing import rocky_ground
from moonfleet.terrain.constants import MOON_GRAVITY_M_S2
from moonfleet.terrain.seeds import stream

LIMITS = LanderLimits()


def state(z: float = 100.0, vz: float = 0.0, mass: float = 2900.0) -> np.ndarray:
    return np.array([0.0, 0.0, z, 0.0, 0.0, vz, mass])


def test_without_propellant_it_falls() -> None:
    s = state(mass=LIMITS.dry_kg)
    for _ in range(50):
        assert advance(s, 0.0, 0.0, 5.0, engine_of(LIMITS), STEP_S) == 0.0
    assert s[Z] == pytest.approx(100.0 - 0.5 * MOON_GRAVITY_M_S2 * 25.0)
    assert s[VZ] == pytest.approx(-MOON_GRAVITY_M_S2 * 5.0)


def test_hovering_burns_by_the_rocket_equation() -> None:
    s = state()
    for _ in range(300):
        advance(s, 0.0, 0.0, MOON_GRAVITY_M_S2, engine_of(LIMITS), STEP_S)
    assert s[Z] == pytest.approx(100.0, abs=0.05)
    assert s[MASS] == pytest.approx(2900.0 * math.exp(-MOON_GRAVITY_M_S2 * 30.0 / LIMITS.exhaust_m_s), rel=1e-5)


def test_full_thrust_changes_speed_by_the_rocket_equation() -> None:
    s = state()
    for _ in range(100):
        assert advance(s, 0.0, 0.0, 99.0, engine_of(LIMITS), STEP_S) == LIMITS.thrust_max_n
    gained = s[VZ] + MOON_GRAVITY_M_S2 * 10.0
    assert gained == pytest.approx(LIMITS.exhaust_m_s * math.log(2900.0 / s[MASS]), rel=1e-5)
    assert 2900.0 - s[MASS] == pytest.approx(LIMITS.thrust_max_n / LIMITS.exhaust_m_s * 10.0)


def test_thrust_keeps_to_its_limits() -> None:
    s = state()
    assert advance(s, 0.0, 0.0, 0.01, engine_of(LIMITS), STEP_S) == LIMITS.thrust_min_n
    s = state()
    advance(s, 50.0, 0.0, 2.0, engine_of(LIMITS), STEP_S)
    assert math.degrees(math.atan2(s[3], s[VZ] + MOON_GRAVITY_M_S2 * STEP_S)) == pytest.approx(LIMITS.max_tilt_deg)


def test_guidance_arrives_and_costs_what_was_planned() -> None:
    s, rng = state(100.0, -2.0), stream(1, "test flight")
    planned, *_ = flight_cost(0.0, 0.0, 100.0, 0.0, 0.0, -2.0, 20.0, -10.0, 30.0, 1.5, 22.0)
    why, track = fly(s, np.zeros(6), (20.0, -10.0, 30.0), 1.5, 22.0, -math.inf, LIMITS, rng, 0.0)
    assert why == ARRIVED
    assert len(track) == 220
    assert s[:2] == pytest.approx([20.0, -10.0], abs=0.1)
    assert s[Z] == pytest.approx(30.0, abs=1.2)  # the last two seconds are held back, on the high side
    assert s[3:5] == pytest.approx([0.0, 0.0], abs=0.1)
    assert -1.6 < s[VZ] < 0.0
    assert LIMITS.exhaust_m_s * math.log(2900.0 / s[MASS]) == pytest.approx(planned, rel=0.05)


def test_a_flight_ends_dry_and_sinks_to_contact() -> None:
    rng = stream(1, "test flight")
    s = state(100.0, -2.0, LIMITS.dry_kg + 2.0)
    assert fly(s, np.zeros(6), (0.0, 0.0, 30.0), 1.5, 30.0, -math.inf, LIMITS, rng, 0.0)[0] == DRY
    assert s[MASS] == LIMITS.dry_kg
    assert sink(s, np.zeros(6), (0.0, 0.0), 1.0, 0.0, LIMITS, rng, 0.0)[0] == CONTACT
    assert s[VZ] < -10.0
    assert sink(state(), np.zeros(6), (0.0, 0.0), 1.0, 0.0, LIMITS, rng, 0.0, longest_s=5.0)[0] == ALOFT


@pytest.fixture(scope="module")
def start() -> Descent:
    """A descent over rocky ground after its first scan."""
    return to_first_scan(rocky_ground(21, cover=0.1), (0.0, 0.0), LIMITS, 21, sun=(70.0, 5.0))


def test_a_descent_ends_on_safe_ground_with_fuel_to_spare(start: Descent) -> None:
    landing = start.land()
    assert landing.outcome is Outcome.SAFE
    assert landing.fuel_kg > LIMITS.reserve_kg
    assert landing.fuel_kg == pytest.approx(landing.track[-1, MASS] - LIMITS.dry_kg)
    assert (np.diff(landing.track[:, MASS]) <= 0.0).all()
    assert landing.miss_m < 0.6
    assert [round(look.height_m / 10.0) for look in landing.looks] == [pytest.approx(10, abs=2), 6, 3]
    assert landing.looks[0].choice.divert_m <= LIMITS.range_max_m


def test_a_descent_is_the_same_every_time(start: Descent) -> None:
    first, again = start.land(), start.land()
    assert first.track.tobytes() == again.track.tobytes()
    other = start.land(by_roughness)
    n = len(start.track[0]) + len(start.track[1])
    assert other.track[:n].tobytes() == first.track[:n].tobytes()
    assert other.track.tobytes() != first.track.tobytes()


def test_the_truth_claims_a_safe_place(start: Descent) -> None:
    landing = start.land(knows_truth=True)
    assert landing.outcome is Outcome.SAFE
    assert landing.choice.p_unsafe < 0.001


def test_too_little_fuel_is_an_outcome_not_an_error() -> None:
    landing = land(rocky_ground(22, cover=0.05), (0.0, 0.0), LanderLimits(fuel_kg=120.0, reserve_kg=10.0), 22, sun=None)
    assert landing.outcome is Outcome.OUT_OF_PROPELLANT
    assert landing.fuel_kg == 0.0
    assert landing.picture is None


def test_limits_come_from_the_catalogue() -> None:
    limits = limits_of(robot_spec("ce7-lander"))
    assert (limits.leg_radius_m, limits.max_slope_deg, limits.dry_kg) == (2.0, 12.0, 2700.0)
    with pytest.raises(LandingError, match="max_slope_deg"):
        limits_of(robot_spec("queqiao2"))


def test_there_is_no_map_before_the_first_scan() -> None:
    with pytest.raises(LandingError, match="first scan"):
        Descent(rocky_ground(1), (0.0, 0.0), LIMITS, 1, 0.1).level_at(0.0, 0.0)


@pytest.mark.parametrize("limits", [LanderLimits(dry_kg=4000.0), LanderLimits(thrust_min_n=5600.0, fuel_kg=600.0)])
def test_a_lander_that_cannot_land_crashes_on_the_ground(limits: LanderLimits) -> None:
    """Too heavy to brake in time, or too strong an idling engine to sink before the tanks are dry."""
    landing = land(rocky_ground(5), (0.0, 0.0), limits, 5)
    assert landing.outcome in (Outcome.HARD, Outcome.OUT_OF_PROPELLANT)
    assert landing.touchdown.down_m_s > 30.0
    level = float(rocky_ground(5).patch(landing.x, landing.y, 1.0, 0.1).elevation_m.mean())
    assert level - 20.0 < landing.track[-1, 2] <= level + 1.0
