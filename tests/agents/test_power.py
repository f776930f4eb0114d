"""Batteries against closed forms, and against the books."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.power import settle
from moonfleet.agents.state import Activity
from moonfleet.agents.world import World
from tests.stand_in import T0, make_site

# no dust, no age, no cold: the closed forms are those of a battery and a panel as such
YUTU = robot_spec("yutu-rover").model_copy(
    update={"dust_ug_cm2_yr": 0.0, "fade_per_year": 0.0, "fade_per_cycle": 0.0, "cold_loss_per_k": 0.0}
)


def one(site: object, spec: object = YUTU, **options: object) -> World:
    return World(site, [spec], [site.ref.centre], T0, **options)  # type: ignore[arg-type, attr-defined]


def test_charging_on_a_flat_lit_plain_is_a_straight_line_up_to_the_capacity() -> None:
    world = one(make_site(), battery_frac=0.1)
    rate_w = 0.95 * (YUTU.solar_w_1au - YUTU.idle_w)
    world.tick(60)
    assert world.state.lit[0, 0] == 1.0
    assert world.state.battery_wh[0, 0] == pytest.approx(0.1 * YUTU.battery_wh + rate_w, rel=1e-12)
    world.tick(60 * 20)
    assert world.state.battery_wh[0, 0] == YUTU.battery_wh


def test_half_the_disc_gives_half_the_power() -> None:
    world = one(make_site(sun_el_deg=0.0))
    world.tick(1)
    assert world.state.lit[0, 0] == pytest.approx(0.5, abs=1e-12)
    assert world.state.solar_w[0, 0] == pytest.approx(0.5 * YUTU.solar_w_1au, rel=1e-12)


def test_power_follows_the_flux() -> None:
    world = one(make_site(flux_w_m2=1310.0))
    world.tick(1)
    assert world.state.solar_w[0, 0] == pytest.approx(YUTU.solar_w_1au * 1310.0 / 1361.0, rel=1e-12)


def test_in_the_dark_the_battery_falls_by_the_idle_load() -> None:
    world = one(make_site(sun_el_deg=-5.0))
    world.tick(60)
    assert world.state.battery_wh[0, 0] == pytest.approx(YUTU.battery_wh - YUTU.idle_w, rel=1e-12)


def test_an_empty_battery_forces_hibernation_and_never_goes_below_zero() -> None:
    world = one(make_site(sun_el_deg=-5.0), battery_frac=0.01)
    world.tick(60 * 24)
    assert world.state.activity[0, 0] == Activity.HIBERNATE
    assert world.state.brownouts[0, 0] == 1
    assert world.state.battery_wh[0, 0] == 0.0
    assert world.state.load_w[0, 0] == 0.0


def test_an_empty_robot_cannot_creep_away_one_tick_at_a_time() -> None:
    site = make_site(sun_el_deg=-5.0)
    world = one(site, battery_frac=0.0)
    for _ in range(10):
        world.set_leg(0, 0, [[site.ref.centre[0] + 100.0, site.ref.centre[1]]])
        world.tick(1)
    assert world.state.odometer_m[0, 0] == 0.0


def test_the_books_balance_over_a_month_of_days_and_nights() -> None:
    day = 29.53 * 86_400.0
    site = make_site(
        sun_el_deg=lambda t: 1.5 * np.sin(2 * np.pi * t / day), sun_az_deg=lambda t: 360.0 * t / day % 360.0
    )
    kinds = ("ce7-lander", "viper-rover", "yutu-rover", "grader", "queqiao2")
    specs = [robot_spec(kind) for kind in kinds]
    world = World(site, specs, np.tile(site.ref.centre, (len(specs), 1)), T0, battery_frac=0.5)
    world.set_activity(0, 1, Activity.WORK, work_w=120.0, data_mbps=0.1)
    start = world.state.battery_wh.copy()
    world.tick(42_500)
    change = world.state.battery_wh - start
    came, went = world.state.energy_in_wh, world.state.energy_out_wh + world.state.faded_wh
    assert (came > 10 * world.state.battery_wh.max(axis=0)).any()
    np.testing.assert_allclose(change, came - went, atol=1e-9 * came.max(), rtol=0)


@pytest.mark.parametrize("sun", [0.0, 3.0, 10.0])
@pytest.mark.parametrize("demand", [0.0, 3.0, 11.0])
@pytest.mark.parametrize("battery", [0.0, 1.0, 5.0])
def test_settle_never_makes_energy(battery: float, sun: float, demand: float) -> None:
    after, came, served = settle(battery, 5.0, sun, demand)
    assert 0.0 <= after <= 5.0
    assert came <= sun
    assert served <= demand
    assert after - battery == pytest.approx(came - served, abs=1e-12)
    assert served == min(demand, sun + battery)
