"""A hopper's excursion ends at home, whatever happens on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.messages import Phase
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.state import Activity
from moonfleet.autonomy.observation import GO_ON, JOB0
from moonfleet.terrain.site import Site
from tests.missions import small_mission

HOPPER = 3


@pytest.fixture
def loop(small_site: Site) -> MissionLoop:
    """The small mission, with four hours of work at the end of the hop."""
    mission = small_mission(small_site)
    jobs = tuple(replace(job, effort_h=4.0) if job.id == "sample" else job for job in mission.jobs)
    mission = replace(mission, jobs=jobs)
    loop = MissionLoop(mission, LocalFleet(mission), EventLog())
    loop.begin()
    return loop


def sample(loop: MissionLoop) -> int:
    return next(index for index, job in enumerate(loop.mission.jobs) if job.id == "sample")


def go(loop: MissionLoop, hopper: int = GO_ON) -> None:
    """One decision step in which everybody but the hopper goes on."""
    loop.step({robot: hopper if robot == HOPPER else GO_ON for robot in loop.situations()})


def take_off(loop: MissionLoop) -> None:
    offers = loop.situations()[HOPPER].offers
    go(loop, JOB0 + next(slot for slot, offer in enumerate(offers) if offer.job == sample(loop)))


def told(loop: MissionLoop, kind: str) -> list[dict[str, object]]:
    return [event for event in loop.log.pending if event["kind"] == kind and event["robot"] == "hopper"]


def test_a_body_that_cannot_take_off_stays_and_the_job_is_given_up(loop: MissionLoop) -> None:
    loop.world.state.battery_wh[0, HOPPER] = 0.5 * loop.mission.specs[HOPPER].hop_wh
    take_off(loop)
    assert [event["reason"] for event in told(loop, "job_failed")] == ["HopRefused"]
    assert told(loop, "hop") == []
    assert loop.ops.at_home(HOPPER)
    assert loop.ops.job[HOPPER] == -1
    assert loop.world.state.hops_left[0, HOPPER] == loop.mission.specs[HOPPER].hops


def test_a_flight_home_that_is_refused_is_flown_as_soon_as_it_can_be(loop: MissionLoop) -> None:
    take_off(loop)
    loop.ops.progress_s[sample(loop)] = loop.ops.effort_s[sample(loop)]
    loop.ops.knowledge.own[HOPPER].progress_s[sample(loop)] = loop.ops.effort_s[sample(loop)]
    loop.world.state.hops_left[0, HOPPER] = 0
    go(loop)
    assert loop.ops.phase[HOPPER] == Phase.RETURN
    assert not loop.ops.at_home(HOPPER)
    assert loop.world.state.activity[0, HOPPER] == Activity.HOLD  # the tool is off while it waits
    assert np.flatnonzero(loop.situations()[HOPPER].observation.mask).tolist() == [GO_ON]
    loop.world.state.hops_left[0, HOPPER] = 1
    go(loop)
    assert loop.ops.at_home(HOPPER)
    assert loop.ops.done[sample(loop)]


def test_a_hopper_that_hears_that_others_did_its_job_flies_home(loop: MissionLoop) -> None:
    take_off(loop)
    assert not loop.ops.at_home(HOPPER)
    loop.ops.done[sample(loop)] = True
    loop.ops.knowledge.own[HOPPER].done[sample(loop)] = True
    loop.ops.finish_jobs(loop.t_s)
    loop.asked = None
    go(loop)
    assert loop.ops.at_home(HOPPER)
    assert loop.ops.phase[HOPPER] == Phase.IDLE
    assert loop.world.state.activity[0, HOPPER] == Activity.HOLD


def test_a_hopper_in_flight_may_only_go_on(loop: MissionLoop) -> None:
    home = loop.mission.fleet[HOPPER].xy
    assert home is not None
    assert loop.world.hop(0, HOPPER, home)
    assert np.flatnonzero(loop.situations()[HOPPER].observation.mask).tolist() == [GO_ON]


def test_hops_are_logged_when_they_are_flown(loop: MissionLoop) -> None:
    take_off(loop)
    while not loop.ops.done[sample(loop)] and loop.steps_done < 8:
        go(loop)
    assert loop.ops.done[sample(loop)]
    place = loop.mission.jobs[sample(loop)].xy
    out, back = told(loop, "hop")
    assert (out["to_x_m"], out["to_y_m"]) == place
    assert (back["x_m"], back["y_m"]) == place
