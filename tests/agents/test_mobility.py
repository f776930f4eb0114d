"""Driving against closed forms: on the flat, up a ramp, exactly to the point, and never onto refused ground."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.errors import RobotError
from moonfleet.agents.mobility import cell_index
from moonfleet.agents.state import LEG_POINTS, Activity
from moonfleet.agents.world import World
from moonfleet.autonomy.wheels import ROLLING, speed_and_power
from moonfleet.terrain.soil import slip
from tests.stand_in import T0, make_site

VIPER = robot_spec("viper-rover")


def ramp(degrees: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Ground that rises to the north."""
    return lambda dx, dy: dy * math.tan(math.radians(degrees))


def standing(height: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None) -> tuple[World, float, float]:
    site = make_site(height)
    return World(site, [VIPER], [site.ref.centre], T0), *site.ref.centre


def test_on_the_flat_it_drives_at_its_speed_less_the_slip_of_level_ground() -> None:
    world, x, y = standing()
    world.set_leg(0, 0, [[x + 300.0, y]])
    world.tick(10)
    assert world.state.odometer_m[0, 0] == pytest.approx(600.0 * VIPER.speed_m_s * (1.0 - slip(0.0)), rel=1e-12)
    assert world.state.heading_deg[0, 0] == pytest.approx(90.0)
    assert world.state.load_w[0, 0] == pytest.approx(VIPER.idle_w + VIPER.drive_w)


@pytest.mark.parametrize("degrees", [5.0, 10.0, 15.0])
def test_a_straight_climb_costs_time_and_energy_as_the_formula_says(degrees: float) -> None:
    world, x, y = standing(ramp(degrees))
    before = world.state.energy_out_wh[0, 0]
    world.set_leg(0, 0, [[x, y + 50.0]])
    ticks = 0
    while world.state.activity[0, 0] == Activity.DRIVE:
        world.tick(1)
        ticks += 1
    angle = math.radians(degrees)
    speed = VIPER.speed_m_s / (math.cos(angle) + math.sin(angle) / ROLLING) * (1.0 - slip(degrees))
    drive_wh = (world.state.energy_out_wh[0, 0] - before) - VIPER.idle_w * ticks / 60.0
    assert math.ceil(50.0 / speed / 60.0) == ticks
    # elevation is float32: the grade is good to about 1e-6
    assert drive_wh == pytest.approx(VIPER.drive_w * 50.0 / speed / 3600.0, rel=1e-5)


def test_the_outer_edges_belong_to_the_site() -> None:
    site = make_site()
    xmin, ymin, xmax, ymax = site.ref.bounds
    rows, cols = site.ref.shape
    frame = np.array([site.ref.x_left, site.ref.y_top, site.ref.cell_m, *site.ref.centre])
    for x, y in ((xmin, ymin), (xmin, ymax), (xmax, ymin), (xmax, ymax)):
        assert cell_index(frame, x, y, rows, cols) == site.ref.cell_of(x, y)
    assert cell_index(frame, xmax + 0.1, ymax, rows, cols) == (-1, -1)
    assert cell_index(frame, xmin, ymin - 0.1, rows, cols) == (-1, -1)


def test_energy_per_metre_rises_and_speed_falls_with_the_grade() -> None:
    grades = np.arange(-20.0, 20.5, 0.5)
    speed, power = np.array([speed_and_power(g, 0.1, 200.0) for g in grades]).T
    assert (np.diff(speed) <= 0).all()
    assert (np.diff(power / speed) >= 0).all()
    assert (power >= 0.2 * 200.0).all()


def test_it_arrives_exactly_in_the_middle_of_a_tick_and_then_holds() -> None:
    world, x, y = standing()
    goal = [[x + 3.3, y - 2.2], [x + 4.7, y + 1.9]]
    world.set_leg(0, 0, goal)
    world.tick(3)
    assert (world.state.x[0, 0], world.state.y[0, 0]) == tuple(goal[-1])
    assert world.state.activity[0, 0] == Activity.HOLD
    assert world.state.blocked[0, 0] == 0
    length = math.hypot(3.3, 2.2) + math.hypot(1.4, 4.1)
    assert world.state.odometer_m[0, 0] == pytest.approx(length, rel=1e-12)
    used = world.state.energy_out_wh[0, 0] - 3 * VIPER.idle_w / 60.0
    assert used == pytest.approx(VIPER.drive_w * length / (VIPER.speed_m_s * (1 - slip(0.0))) / 3600.0, rel=1e-9)


def test_a_leg_of_repeated_points_and_no_length_is_arrived_at_once() -> None:
    world, x, y = standing()
    world.set_leg(0, 0, [[x, y], [x, y]])
    world.tick(1)
    assert world.state.activity[0, 0] == Activity.HOLD
    assert world.state.odometer_m[0, 0] == 0.0


def test_it_stands_before_ground_that_is_too_steep() -> None:
    world, x, y = standing(lambda dx, dy: np.where(dy > 60.0, (dy - 60.0) * math.tan(math.radians(30.0)), 0.0))
    world.set_leg(0, 0, [[x, y + 300.0]])
    world.tick(120)
    assert world.state.activity[0, 0] == Activity.HOLD
    assert world.state.blocked[0, 0] == 1
    row, col = world.site.ref.cell_of(world.state.x[0, 0], world.state.y[0, 0])
    assert world.site.slope_deg[row, col] <= VIPER.max_slope_deg < world.site.slope_deg[row - 1, col]
    world.set_leg(0, 0, [[x, y]])  # backing off is free
    world.tick(120)
    assert world.state.blocked[0, 0] == 0
    assert world.state.y[0, 0] == y


def test_a_robot_on_refused_ground_may_drive_off_it() -> None:
    site = make_site(lambda dx, dy: np.where(np.abs(dy) < 15.0, 0.0, 18.0) + 0.0 * dx)
    world = World(site, [VIPER], [site.ref.centre], T0)
    x, y = site.ref.centre
    row, col = site.ref.cell_of(x, y)
    assert site.slope_deg[row, col] > VIPER.max_slope_deg
    world.set_leg(0, 0, [[x, y - 5.0]])
    world.tick(3)
    assert world.state.blocked[0, 0] == 0
    assert world.state.y[0, 0] == y - 5.0


def test_it_never_leaves_the_site() -> None:
    world, x, y = standing()
    world.set_leg(0, 0, [[x, y + 5_000.0]])
    world.tick(600)
    assert world.state.blocked[0, 0] == 1
    assert world.site.ref.inside(float(world.state.x[0, 0]), float(world.state.y[0, 0]))


def test_legs_that_cannot_be_driven_are_refused_in_words() -> None:
    world, x, y = standing()
    with pytest.raises(RobotError, match=f"must be 1 to {LEG_POINTS} finite points"):
        world.set_leg(0, 0, np.zeros((LEG_POINTS + 1, 2)))
    with pytest.raises(RobotError, match="finite points"):
        world.set_leg(0, 0, [[x, math.nan]])
    site = make_site()
    lander = World(site, [robot_spec("ce7-lander")], [site.ref.centre], T0)
    with pytest.raises(RobotError, match=r"robot 0 \(ce7-lander\): cannot drive"):
        lander.set_leg(0, 0, [[x, y]])
