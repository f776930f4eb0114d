"""Batteries and dusty panels: limits, cold, age, and books that close."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.agents.battery import locked_wh, serve
from moonfleet.agents.catalogue import RobotSpec, robot_spec
from moonfleet.agents.dust import FADING_UG_CM2, current_share
from moonfleet.agents.power import panel_cosine
from moonfleet.agents.spec_block import FIXED, LEVEL, UPRIGHT, YEAR_S
from moonfleet.agents.state import Activity
from moonfleet.agents.world import World
from moonfleet.terrain.flux import facing_cosine
from tests.stand_in import T0, make_site

PLAIN = robot_spec("yutu-rover").model_copy(
    update={"dust_ug_cm2_yr": 0.0, "fade_per_year": 0.0, "fade_per_cycle": 0.0, "cold_loss_per_k": 0.0}
)
wh = st.floats(0.0, 100.0)


def one(spec: RobotSpec, battery_frac: float = 1.0, **sky: float) -> World:
    site = make_site(**sky)
    return World(site, [spec], [site.ref.centre], T0, battery_frac=battery_frac)


@settings(deadline=None)
@given(wh, wh, wh, wh, wh, st.floats(0.5, 1.0))
def test_no_energy_is_made_or_lost(
    battery: float, sun: float, demand: float, give: float, take: float, eff: float
) -> None:
    give = min(give, battery)
    after, came, served, lost, dumped = serve(battery, 120.0, sun, demand, give, take, eff)
    assert after - battery == pytest.approx(came - served, abs=1e-9)
    assert sun == pytest.approx(came + lost + dumped, abs=1e-9)
    assert served <= demand
    assert served == pytest.approx(min(demand, sun + give), abs=1e-9)
    assert after - battery <= take + 1e-9
    assert battery - after <= give + 1e-9
    assert min(lost, dumped) >= 0.0


def test_charging_is_slower_at_its_limit_and_the_rest_is_dumped() -> None:
    slow = PLAIN.model_copy(update={"charge_c": 0.05})
    world = one(slow, 0.1)
    world.tick(60)
    assert world.state.battery_wh[0, 0] == pytest.approx(0.15 * slow.battery_wh, rel=1e-12)
    surplus = slow.solar_w_1au - slow.idle_w
    assert world.state.dumped_wh[0, 0] == pytest.approx(surplus - 0.05 * slow.battery_wh / 0.95, rel=1e-9)


def test_a_load_above_the_discharge_limit_is_a_brownout() -> None:
    weak = PLAIN.model_copy(update={"discharge_c": 0.5 * PLAIN.idle_w / PLAIN.battery_wh})
    world = one(weak, 1.0, sun_el_deg=-5.0)
    world.tick(1)
    assert world.state.activity[0, 0] == Activity.HIBERNATE
    assert world.state.brownouts[0, 0] == 1


def test_cold_keeps_charge_back_and_warmth_gives_it_again() -> None:
    assert locked_wh(1000.0, 283.0, 0.005) == 0.0
    assert locked_wh(1000.0, 243.0, 0.005) == pytest.approx(200.0)
    assert locked_wh(1000.0, 100.0, 0.01) == pytest.approx(800.0), "never all of it"
    cold = PLAIN.model_copy(update={"cold_loss_per_k": 0.01, "temp_op_min_k": 200.0, "temp_survive_k": 150.0})
    world = one(cold, 0.3, sun_el_deg=-5.0)
    world.state.temp_k[0, 0] = 243.0
    world.tick(1)
    assert world.state.brownouts[0, 0] == 1, "40 % of the capacity is out of reach, and it holds 30 %"
    world.state.temp_k[0, 0] = 283.0
    world.set_activity(0, 0, Activity.HOLD)
    world.tick(1)
    assert world.state.activity[0, 0] == Activity.HOLD


def test_a_battery_ages_by_the_calendar_and_by_what_goes_through_it() -> None:
    spec = PLAIN.model_copy(update={"fade_per_year": 0.02, "fade_per_cycle": 0.001, "idle_w": 10.0, "rhu_w": 300.0})
    world = one(spec, 1.0, sun_el_deg=-5.0)
    world.tick(24 * 60)
    through = 240.0 / (2.0 * spec.battery_wh)
    assert world.state.fade[0, 0] == pytest.approx(0.02 * 86_400.0 / YEAR_S + 0.001 * through, rel=1e-9)
    full = one(spec.model_copy(update={"fade_per_year": 0.5}))
    full.tick(24 * 60)
    held = spec.battery_wh * (1.0 - full.state.fade[0, 0])
    assert full.state.battery_wh[0, 0] == pytest.approx(held, rel=1e-12)
    assert full.state.faded_wh[0, 0] == pytest.approx(spec.battery_wh - held, rel=1e-6)


def test_dust_settles_with_time_flies_up_with_the_wheels_and_is_wiped_off() -> None:
    spec = PLAIN.model_copy(update={"dust_ug_cm2_yr": 21.0, "dust_ug_cm2_km": 100.0, "clean_share": 0.75})
    world = one(spec)
    x, y = world.site.ref.centre
    world.set_leg(0, 0, [[x + 200.0, y]])
    world.tick(60)
    dust = 21.0 * 3600.0 / YEAR_S + 100.0 * world.state.odometer_m[0, 0] / 1000.0
    assert world.state.odometer_m[0, 0] == pytest.approx(200.0)
    assert world.state.dust_ug_cm2[0, 0] == pytest.approx(dust, rel=1e-9)
    world.tick(1)
    assert world.state.solar_w[0, 0] == pytest.approx(spec.solar_w_1au * math.exp(-dust / FADING_UG_CM2), rel=1e-12)
    dust = float(world.state.dust_ug_cm2[0, 0])
    assert world.clean(0, 0)
    assert world.state.dust_ug_cm2[0, 0] == pytest.approx(0.25 * dust, rel=1e-12)
    shares = [current_share(load) for load in np.linspace(0.0, 5_000.0, 50)]
    assert shares[0] == 1.0
    assert (np.diff(shares) < 0).all()


def test_panels_that_do_not_track_face_the_sun_by_their_cosine() -> None:
    assert panel_cosine(FIXED, 100.0, 1.5, 70.0, 90.0, 30.0) == pytest.approx(facing_cosine(100.0, 1.5, 70.0, 120.0))
    assert panel_cosine(LEVEL, 100.0, 30.0, 0.0, 0.0, 0.0) == pytest.approx(0.5)
    assert panel_cosine(LEVEL, 100.0, -3.0, 0.0, 0.0, 0.0) == 0.0
    assert panel_cosine(UPRIGHT, 100.0, 60.0, 0.0, 0.0, 0.0) == pytest.approx(0.5)
    spec = PLAIN.model_copy(update={"panel": "fixed", "panel_tilt_deg": 90.0, "panel_facing_deg": -90.0})
    world = one(spec, sun_az_deg=90.0, sun_el_deg=0.5)
    x, y = world.site.ref.centre
    world.set_leg(0, 0, [[x, y - 5.0]])  # heading south, the panel on its left looks east
    world.tick(3)
    assert world.state.solar_w[0, 0] == pytest.approx(spec.solar_w_1au * math.cos(math.radians(0.5)), rel=1e-3)
    world.set_leg(0, 0, [[x, y]])
    world.tick(3)
    assert world.state.solar_w[0, 0] == 0.0


def test_a_sleeper_wakes_when_it_is_told_to_and_charged_and_not_else() -> None:
    worlds = []
    for wake in (0.0, 0.5):
        world = one(PLAIN, 0.2, sun_el_deg=3.0)
        world.set_activity(0, 0, Activity.HIBERNATE, wake_frac=wake)
        world.tick(60)
        assert world.state.activity[0, 0] == Activity.HIBERNATE, "not charged yet"
        world.tick(300)
        worlds.append(world)
    assert [int(world.state.activity[0, 0]) for world in worlds] == [Activity.HIBERNATE, Activity.HOLD]


@pytest.mark.parametrize("sun_el_deg", [-1.0, 0.0, 0.2, 3.0])
def test_more_panel_more_light_and_a_smaller_load_never_leave_less_charge(sun_el_deg: float) -> None:
    def charge(**changes: float) -> float:
        ageless = {"fade_per_year": 0.0, "fade_per_cycle": 0.0}  # what charges more ages more
        world = one(robot_spec("viper-rover").model_copy(update=ageless | changes), 0.5, sun_el_deg=sun_el_deg)
        world.tick(600)
        return float(world.state.battery_wh[0, 0])

    usual = charge()
    assert charge(solar_w_1au=500.0) >= usual
    assert charge(idle_w=80.0) >= usual
    assert charge(rhu_w=30.0) >= usual
    assert charge(dust_ug_cm2_yr=1e6) <= usual
    assert charge(charge_efficiency=0.8) <= usual
    assert charge(fade_per_year=5.0) <= usual
