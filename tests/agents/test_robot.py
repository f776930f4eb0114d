"""A robot's executive: waking up, and what the wheels' refusal means for the next route."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.messages import Phase
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.robot import DrivingRobot
from moonfleet.agents.state import Activity
from moonfleet.autonomy.observation import CHARGE, GO_ON, HIBERNATE, HOLD, JOB0
from moonfleet.autonomy.rocks_seen import round_rocks
from moonfleet.terrain.site import Site
from tests.missions import small_mission

ROVER = 1


@pytest.fixture
def loop(small_site: Site) -> MissionLoop:
    mission = small_mission(small_site)
    loop = MissionLoop(mission, LocalFleet(mission), EventLog())
    loop.begin()
    return loop


def go(loop: MissionLoop, rover: int) -> None:
    """One decision step in which everybody but the rover goes on."""
    loop.step({robot: rover if robot == ROVER else GO_ON for robot in loop.situations()})


def survey(loop: MissionLoop) -> int:
    """The action that takes up the survey that the station gave to the rover."""
    given = loop.ops.knowledge.own[ROVER].assigned[ROVER]
    assert loop.mission.jobs[given].tool == "survey"
    return JOB0 + next(slot for slot, offer in enumerate(loop.situations()[ROVER].offers) if offer.job == given)


def test_a_robot_that_slept_sets_out_when_it_takes_a_job(loop: MissionLoop) -> None:
    go(loop, HIBERNATE)
    assert loop.world.state.activity[0, ROVER] == Activity.HIBERNATE
    go(loop, survey(loop))
    assert loop.world.state.odometer_m[0, ROVER] > 100.0


def test_a_flat_battery_s_sleep_on_the_way_ends_with_the_next_decision_to_go_on(
    loop: MissionLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    attend = loop.attend

    def fall_asleep(t_s: int) -> None:
        loop.world.set_activity(0, ROVER, Activity.HIBERNATE)
        attend(t_s)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "attend", fall_asleep)
        go(loop, survey(loop))
    driven = float(loop.world.state.odometer_m[0, ROVER])
    assert loop.world.state.activity[0, ROVER] == Activity.HIBERNATE
    assert loop.ops.phase[ROVER] == Phase.TRAVEL
    go(loop, GO_ON)
    assert loop.world.state.odometer_m[0, ROVER] > driven + 100.0


def test_ground_refused_on_an_old_route_says_nothing_about_a_new_one(loop: MissionLoop) -> None:
    assert isinstance(loop.fleet, LocalFleet)
    rover = loop.fleet.robots[ROVER]
    assert isinstance(rover, DrivingRobot)
    loop.world.state.blocked[0, ROVER] = 1  # where the last leg ended, before the robot was told to hold
    go(loop, HOLD)
    go(loop, survey(loop))
    assert rover.driver.to_arrays()["refused"].size == 0
    assert loop.world.state.odometer_m[0, ROVER] > 100.0


def routes_told(loop: MissionLoop) -> int:
    return sum(event["kind"] == "route" for event in loop.log.pending)


def test_a_robot_charges_beside_a_haven_under_a_rock_and_stays_there(loop: MissionLoop) -> None:
    assert isinstance(loop.fleet, LocalFleet)
    rover = loop.fleet.robots[ROVER]
    assert isinstance(rover, DrivingRobot)
    go(loop, survey(loop))
    haven = loop.situations()[ROVER].haven
    x, y = np.meshgrid(np.arange(-12.0, 13.0), np.arange(-12.0, 13.0))
    near = np.hypot(x, y) < 12.0
    ones = np.ones(int(near.sum()))
    rover.belief.add(round_rocks(haven[0] + x[near], haven[1] + y[near], 0.8 * ones, 0.98 * ones))
    for _ in range(20):
        go(loop, CHARGE)
        if loop.world.state.activity[0, ROVER] == Activity.CHARGE:
            break
    assert loop.world.state.activity[0, ROVER] == Activity.CHARGE
    sense = loop.situations()[ROVER].sense
    assert 8.0 < np.hypot(sense.x - haven[0], sense.y - haven[1]) < 20.0
    routes = routes_told(loop)
    driven = float(loop.world.state.odometer_m[0, ROVER])
    for _ in range(3):
        go(loop, CHARGE)
        assert loop.world.state.activity[0, ROVER] == Activity.CHARGE
    assert routes_told(loop) == routes
    assert loop.world.state.odometer_m[0, ROVER] == driven
