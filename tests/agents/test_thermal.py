"""The thermal node against its closed form, and the nights that each machine was sized to live through."""

from __future__ import annotations

import math

import pytest

from moonfleet.agents.catalogue import RobotSpec, load_catalogue, robot_spec
from moonfleet.agents.state import Activity, Loss
from moonfleet.agents.thermal import ENV_DARK_K, heat_to_hold, node_after
from moonfleet.agents.world import START_TEMP_K, World
from tests.stand_in import T0, make_site

DARK = {"sun_el_deg": -5.0}
HOUR = 60  # ticks
NUCLEAR = [kind for kind, spec in load_catalogue().items() if spec.rhu_w > 0]


def asleep_in_the_dark(spec: RobotSpec, hours: float, battery_frac: float = 1.0) -> World:
    site = make_site(**DARK)
    world = World(site, [spec], [site.ref.centre], T0, battery_frac=battery_frac)
    world.set_activity(0, 0, Activity.HIBERNATE)
    world.tick(round(hours * HOUR))
    return world


def test_a_dead_cold_robot_cools_along_the_exponential() -> None:
    bare = {"heater_w": 0.0, "rhu_w": 0.0, "hibernate_w": 0.0, "temp_survive_k": 41.0, "temp_op_min_k": 42.0}
    spec = robot_spec("yutu-rover").model_copy(update=bare)
    hours = 100.0
    world = asleep_in_the_dark(spec, hours)
    tau = spec.heat_capacity_j_k / spec.conductance_w_k
    expected = ENV_DARK_K + (START_TEMP_K - ENV_DARK_K) * math.exp(-hours * 3600.0 / tau)
    assert world.state.temp_k[0, 0] == pytest.approx(expected, rel=1e-10)


def test_the_exact_step_does_not_depend_on_the_tick() -> None:
    once = node_after(290.0, 110.0, 30.0, 0.5, 2e5, 36_000.0)
    many = 290.0
    for _ in range(600):
        many = node_after(many, 110.0, 30.0, 0.5, 2e5, 60.0)
    assert many == pytest.approx(once, rel=1e-12)
    assert node_after(290.0, 110.0, 30.0, 0.5, 2e5, 1e12) == pytest.approx(110.0 + 30.0 / 0.5)


def test_heat_to_hold_is_the_inverse_of_the_step() -> None:
    heat = heat_to_hold(280.0, 275.0, 110.0, 0.5, 2e5, 60.0)
    assert node_after(280.0, 110.0, heat, 0.5, 2e5, 60.0) == pytest.approx(275.0, rel=1e-12)


def test_the_thermostat_holds_its_limit_and_the_battery_pays() -> None:
    spec = robot_spec("viper-rover").model_copy(update={"battery_wh": 20_000.0})
    world = asleep_in_the_dark(spec, 100.0)
    assert world.state.temp_k[0, 0] == pytest.approx(spec.temp_survive_k + 5.0, abs=1e-9)
    loss_w = spec.conductance_w_k * (spec.temp_survive_k + 5.0 - ENV_DARK_K)
    assert world.state.load_w[0, 0] == pytest.approx(loss_w + (1 - spec.heat_share) * spec.hibernate_w, rel=1e-9)


def test_a_viper_class_rover_sleeps_through_50_hours_of_darkness_and_not_through_a_week() -> None:
    spec = robot_spec("viper-rover")
    assert asleep_in_the_dark(spec, 50.0).state.loss[0, 0] == Loss.NONE
    lost = asleep_in_the_dark(spec, 24.0 * 7)
    assert lost.state.loss[0, 0] == Loss.FROZEN
    assert lost.state.activity[0, 0] == Activity.LOST


def test_a_viper_class_rover_works_for_about_ten_hours_in_shadow() -> None:
    spec = robot_spec("viper-rover")
    site = make_site(**DARK)
    world = World(site, [spec], [site.ref.centre], T0)
    world.set_activity(0, 0, Activity.WORK, work_w=spec.drive_w)
    world.tick(24 * HOUR)
    assert 9.0 <= world.state.worked_s[0, 0] / 3600.0 <= 18.0


@pytest.mark.parametrize("kind", NUCLEAR)
def test_machines_with_radioisotope_heat_sleep_through_a_whole_lunar_night(kind: str) -> None:
    world = asleep_in_the_dark(robot_spec(kind), 14.77 * 24)
    assert world.state.loss[0, 0] == Loss.NONE
    assert world.state.battery_wh[0, 0] > 0.0


@pytest.mark.parametrize("kind", NUCLEAR)
def test_even_with_a_flat_battery_radioisotope_heat_alone_keeps_them_alive(kind: str) -> None:
    assert asleep_in_the_dark(robot_spec(kind), 14.77 * 24, battery_frac=0.0).state.loss[0, 0] == Loss.NONE


@pytest.mark.parametrize("kind", ["ce7-lander", "ce8-lander"])
def test_a_lander_serves_as_the_station_through_five_dark_days(kind: str) -> None:
    site = make_site(**DARK)
    world = World(site, [robot_spec(kind)], [site.ref.centre], T0, station=0)
    world.tick(5 * 24 * HOUR)
    assert world.state.activity[0, 0] == Activity.HOLD
    assert world.state.brownouts[0, 0] == 0


@pytest.mark.parametrize("kind", [*NUCLEAR, "viper-rover", "scout"])
def test_nobody_cooks_in_full_sun_at_full_work(kind: str) -> None:
    spec = robot_spec(kind)
    site = make_site(sun_el_deg=2.0, flux_w_m2=1415.0)
    world = World(site, [spec], [site.ref.centre], T0)
    world.set_activity(0, 0, Activity.WORK, work_w=0.9 * (spec.solar_w_1au - spec.idle_w))
    world.tick(20 * 24 * HOUR)
    assert spec.temp_op_min_k < world.state.temp_k[0, 0] < 323.0
    assert world.state.activity[0, 0] == Activity.WORK


def test_a_scout_is_not_built_for_the_night() -> None:
    assert asleep_in_the_dark(robot_spec("scout"), 14.77 * 24).state.loss[0, 0] == Loss.FROZEN
