"""What the loop hands to a robot, what it lets it do, and that news does not outrun links."""

from __future__ import annotations

import numpy as np

from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.outages import Outage
from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.observation import CHARGE, GO_ON, HIBERNATE, JOB0, RELAY
from moonfleet.autonomy.policy import RandomPolicy
from moonfleet.terrain.site import Site
from tests.missions import small_mission

LANDER, ROVER, HOPPER, GRADER, RELAY_SAT = 0, 1, 3, 4, 6


def new_loop(site: Site, **changes: object) -> MissionLoop:
    mission = small_mission(site, **changes)
    loop = MissionLoop(mission, LocalFleet(mission))
    loop.begin()
    return loop


def test_observations_are_finite_bounded_and_never_empty_handed(small_site: Site) -> None:
    mission = small_mission(small_site, seed=5)
    policies = {robot: RandomPolicy(5, robot) for robot in range(len(mission.fleet))}
    loop = MissionLoop(mission, LocalFleet(mission, policies))
    while not loop.finished:
        loop.step()
        for situation in loop.situations().values():
            vector, mask = situation.observation
            assert np.isfinite(vector).all()
            assert (vector >= layout.LOW).all()
            assert (vector <= layout.HIGH).all()
            assert mask.any()


def test_masks_follow_from_the_machine(small_site: Site) -> None:
    asked = new_loop(small_site).situations()
    assert asked[RELAY_SAT].observation.mask[RELAY]
    assert not asked[RELAY_SAT].observation.mask[CHARGE]
    assert not asked[ROVER].observation.mask[RELAY]
    assert asked[ROVER].observation.mask[HIBERNATE]
    tools = {offer.tool for offer in asked[GRADER].offers}
    assert tools == {"grade"}
    drill = [slot for slot, offer in enumerate(asked[ROVER].offers) if offer.tool == "drill"]
    assert not asked[ROVER].observation.mask[JOB0 + drill[0]]  # it needs a survey first


def test_a_masked_choice_counts_as_go_on(small_site: Site) -> None:
    loop = new_loop(small_site)
    loop.step({robot: RELAY for robot in loop.situations()})
    assert loop.ops.action[ROVER] == GO_ON


def test_a_hop_is_flown_out_and_back(small_site: Site) -> None:
    loop = new_loop(small_site)
    index = next(i for i, job in enumerate(loop.mission.jobs) if job.tool == "hop")
    slot = next(k for k, offer in enumerate(loop.situations()[HOPPER].offers) if offer.job == index)
    loop.step({robot: JOB0 + slot if robot == HOPPER else GO_ON for robot in loop.situations()})
    assert not loop.ops.at_home(HOPPER) or loop.ops.done[index]
    while not loop.ops.done[index] and loop.steps_done < 6:
        loop.step({robot: HIBERNATE if robot == HOPPER else GO_ON for robot in loop.situations()})
    assert loop.ops.done[index]
    assert loop.ops.at_home(HOPPER)
    assert loop.world.state.hops_left[0, HOPPER] == loop.mission.specs[HOPPER].hops - 2


def test_news_of_a_job_does_not_reach_a_robot_out_of_contact(small_site: Site) -> None:
    deaf = 2
    loop = new_loop(small_site, outages=(Outage(0, 86_400, robots=("rover-2",)),))
    given = loop.ops.knowledge.own[ROVER].assigned[ROVER]
    while not loop.ops.done[given] and not loop.finished:  # the first slot is the job at hand, else the one given
        loop.step({robot: JOB0 if robot == ROVER else GO_ON for robot in loop.situations()})
    loop.step({robot: GO_ON for robot in loop.situations()})
    assert loop.ops.done[given]
    assert not loop.ops.knowledge.own[deaf].done.any()
    assert loop.ops.knowledge.own[LANDER].done[given]


def test_news_takes_a_drive_step_per_hop(small_site: Site) -> None:
    loop = new_loop(small_site)
    loop.step()
    know, drive_s = loop.ops.knowledge, loop.mission.drive_s
    know.note_work(ROVER, 0, 10.0, done=True)
    chain = []
    for _ in range(3):
        chain.append((bool(know.done[LANDER, 0]), bool(know.done[RELAY_SAT, 0])))
        loop.mail.round(loop.t_s + drive_s)
    assert chain[0] == (False, False)
    assert chain[1][0]
    assert know.done[:, 0].sum() > 4


def test_state_taken_up_by_another_loop_goes_on_the_same(small_site: Site) -> None:
    first, second = new_loop(small_site), new_loop(small_site)
    for _ in range(5):
        first.step()
    second.set_state(first.get_state())
    for _ in range(5):
        assert first.step() == second.step()
    for name, array in first.world.get_state().items():
        np.testing.assert_array_equal(second.world.get_state()[name], array)


def test_a_tool_stops_when_its_work_is_done(small_site: Site) -> None:
    mission = small_mission(small_site)
    loop = MissionLoop(mission, LocalFleet(mission))
    while not loop.finished:
        loop.step()
    state = loop.world.state
    spare = sum(
        job.data_mbit / job.effort_h * mission.drive_s / 3600.0 for job in mission.jobs
    )  # to the end of a drive step
    assert state.generated_mbit.sum() <= sum(job.data_mbit for job in mission.jobs) + spare
