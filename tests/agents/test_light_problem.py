"""The light planner's problem of a machine: never better than the World's own power, heat and wheels."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.errors import RobotError
from moonfleet.agents.light_problem import climbing_pace, light_power, light_problem, sky_ahead
from moonfleet.agents.power import panel_share
from moonfleet.agents.state import Activity
from moonfleet.agents.travel import site_cost
from moonfleet.agents.world import World
from moonfleet.autonomy.lightplan import plan_light
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.light import lit_map
from moonfleet.terrain.site import Site

T0 = utc_to_tdb("2029-01-20T00:00:00")


def test_power_follows_the_load_and_the_light() -> None:
    spec = robot_spec("viper-rover")
    power = light_power(spec, 1361.0)
    assert (power.drive_w <= power.wait_w).all()
    assert power.wait_w[255] == pytest.approx(0.95 * (spec.solar_w_1au * panel_share(spec) - spec.idle_w))
    assert 0.97 < panel_share(spec) < 0.98
    assert -spec.idle_w - spec.heater_w <= power.wait_w[0] <= -spec.idle_w
    assert power.reserve_wh == pytest.approx(spec.reserve_frac * spec.battery_wh)
    assert light_power(spec, 1361.0, 0.5).reserve_wh == pytest.approx(2500.0)


def test_standing_machine_of_the_world_never_has_less_than_the_table_says(small_site: Site) -> None:
    spec = robot_spec("viper-rover")
    problem = light_problem(small_site, spec, T0, 48)
    cell = tuple(int(v) for v in np.argwhere(np.isfinite(problem.pace_s_m))[40])
    x, y = small_site.ref.xy(*cell)
    world = World(small_site, [spec], np.array([[x, y]]), T0, battery_frac=0.8)
    world.set_activity(0, 0, Activity.HOLD)
    counted = 0.8 * spec.battery_wh
    for hour in range(48):
        world.tick(60)
        counted = min(counted + float(problem.power.wait_w[problem.lit[(hour, *cell)]]), problem.power.capacity_wh)
        assert float(world.state.battery_wh[0, 0]) >= counted - 1e-6


def test_light_of_an_hour_is_its_least_and_links_hold_all_through(small_site: Site) -> None:
    lit, earth = sky_ahead(small_site, T0, 5)
    sky = small_site.sky.sample(T0 + 1800.0 * np.arange(11))
    for hour in range(5):
        for look in range(2 * hour, 2 * hour + 3):
            share = lit_map(
                small_site.ref,
                small_site.horizon,
                float(sky.sun_az_deg[look]),
                float(sky.sun_el_deg[look]),
                float(sky.sun_radius_deg[look]),
            )
            assert (lit[hour] <= 255 * share + 0.01).all()
    assert earth.shape == (5, small_site.ref.rows, (small_site.ref.cols + 7) // 8)


def test_climbing_is_never_quicker_than_the_mean(small_site: Site) -> None:
    spec = robot_spec("viper-rover")
    mean = site_cost(small_site, DriveLimits(spec.max_slope_deg, spec.speed_m_s))
    climb = climbing_pace(small_site, spec)
    assert (np.isfinite(mean) == np.isfinite(climb)).all()
    free = np.isfinite(mean)
    assert (climb[free] >= 0.999 * mean[free]).all()


def test_plans_on_a_site(small_site: Site) -> None:
    problem = light_problem(small_site, robot_spec("viper-rover"), T0, 96)
    free = np.argwhere(np.isfinite(problem.pace_s_m))
    start = tuple(int(v) for v in free[len(free) // 2])
    plan = plan_light(problem, start, (start[0], start[1]), explain=False)
    assert plan.arrival_s == 0.0


def test_only_what_drives_has_a_route(small_site: Site) -> None:
    with pytest.raises(RobotError, match="does not drive"):
        light_problem(small_site, robot_spec("ce7-lander"), T0, 5)


@pytest.mark.parametrize("hours", [0, -3, 1.5, float("nan"), float("inf"), 10**9])
def test_hours_that_cannot_be(small_site: Site, hours: int) -> None:
    with pytest.raises(RobotError, match=r"^hours: .*; (must be a whole number above 0|at most 122070, so)"):
        light_problem(small_site, robot_spec("viper-rover"), T0, hours)
