"""A robot's executive: waking up, and what the wheels' refusal means for the next route."""

from __future__ import annotations

import pytest

from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.messages import Phase
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.robot import DrivingRobot
from moonfleet.agents.state import Activity
from moonfleet.autonomy.observation import GO_ON, HIBERNATE, HOLD, JOB0
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
