"""Out of the station's reach: who leads, what goes on, and how it ends."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.events import EventLog
from moonfleet.agents.faults import uniform
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.leaders import SILENCE_S
from moonfleet.agents.mail import mail_key
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.outages import Outage
from moonfleet.terrain.site import Site
from tests.missions import small_mission

LANDER, ROVER, YUTU, HOPPER, GRADER = range(5)
HOUR_S = 3600
STATION_CUT = (Outage(6 * HOUR_S, 24 * HOUR_S, robots=("lander",)),)


def new_loop(site: Site, **changes: object) -> MissionLoop:
    mission = small_mission(site, **changes)
    loop = MissionLoop(mission, LocalFleet(mission), EventLog())
    loop.begin()
    return loop


def of_kind(loop: MissionLoop, kind: str) -> list[tuple[int, str | None]]:
    return [(event["t_s"], event["robot"]) for event in loop.log.pending if event["kind"] == kind]  # type: ignore[misc]


def hear(loop: MissionLoop, robot: int, t_s: float, **batteries: float) -> None:
    """Let a robot have heard some of the others at a time."""
    know = loop.ops.knowledge
    for name, battery in batteries.items():
        other = loop.ops.names.index(name.replace("_", "-"))
        know.heard_s[robot, other] = t_s
        know.places[robot, other, 2] = battery


def test_the_station_leads_from_the_start_and_all_know_the_first_plan(small_site: Site) -> None:
    loop = new_loop(small_site)
    know = loop.ops.knowledge
    assert (know.leader == LANDER).all()
    assert know.assigned[ROVER, ROVER] >= 0
    assert (know.assigned[:, ROVER] == know.assigned[ROVER, ROVER]).all()


def test_the_fullest_battery_leads_and_the_lower_index_of_two_alike(small_site: Site) -> None:
    loop = new_loop(small_site)
    know = loop.ops.knowledge
    know.heard_s[:] = know.beat_s[:] = 0.0
    late = 5 * HOUR_S
    hear(loop, ROVER, late, rover_1=0.5, rover_2=0.9, grader_1=0.9)
    hear(loop, YUTU, late, rover_1=0.5, rover_2=0.9, grader_1=0.9)
    hear(loop, GRADER, late, rover_1=0.5, rover_2=0.9, grader_1=0.9)
    loop.leaders.plan(late)
    assert know.leader[YUTU] == YUTU
    assert know.lead_term[YUTU] == 2
    assert know.leader[[ROVER, GRADER]].tolist() == [LANDER, LANDER]  # they wait for the word of a better one
    assert (late, "rover-2") in of_kind(loop, "leader_elected")


def test_a_leader_that_is_not_heard_any_more_is_followed_by_the_next(small_site: Site) -> None:
    loop = new_loop(small_site)
    know = loop.ops.knowledge
    know.heard_s[:] = 0.0
    late = 9 * HOUR_S
    for robot in (ROVER, GRADER):
        hear(loop, robot, late, rover_1=0.7, grader_1=0.6)
        know.lead_term[robot], know.leader[robot], know.beat_s[robot] = 2, YUTU, late - SILENCE_S
    loop.leaders.plan(late)
    assert know.leader[ROVER] == YUTU  # its lease is not over yet
    loop.leaders.plan(late + 300)
    assert know.leader[ROVER] == ROVER
    assert know.lead_term[ROVER] == 3
    assert know.leader[GRADER] == YUTU


def test_a_robot_that_has_just_woken_listens_before_it_calls_for_an_election(small_site: Site) -> None:
    loop = new_loop(small_site)
    loop.ops.knowledge.heard_s[:] = 0.0
    loop.mail.awake_s[:] = 5 * HOUR_S
    loop.leaders.plan(6 * HOUR_S)
    assert (loop.ops.knowledge.leader == LANDER).all()


def test_the_station_takes_the_lead_back_with_a_higher_term(small_site: Site) -> None:
    loop = new_loop(small_site)
    know = loop.ops.knowledge
    know.note_leader(GRADER, 4, 3 * HOUR_S)
    know.tell(GRADER, LANDER)
    loop.leaders.plan(4 * HOUR_S)
    assert know.leader[LANDER] == LANDER
    assert know.lead_term[LANDER] == 5
    know.tell(LANDER, GRADER)
    assert know.leader[GRADER] == LANDER


def test_of_two_on_a_job_for_one_the_later_steps_back(small_site: Site) -> None:
    loop = new_loop(small_site)
    know, ops = loop.ops.knowledge, loop.ops
    ops.job[:] = -1
    ops.job[[ROVER, YUTU]] = 0
    know.note_selves(np.array([YUTU]), 600.0, np.zeros((1, 3)), np.array([0]))
    know.note_selves(np.array([ROVER]), 900.0, np.zeros((1, 3)), np.array([0]))
    ops.finish_jobs(1200)
    assert ops.job[[ROVER, YUTU]].tolist() == [0, 0]  # neither has heard of the other
    know.tell(YUTU, ROVER)
    know.tell(ROVER, YUTU)
    ops.finish_jobs(1200)
    assert ops.job[[ROVER, YUTU]].tolist() == [-1, 0]
    assert (1200, "rover-1") in of_kind(loop, "job_failed")


@pytest.fixture(scope="module")
def flown(small_site: Site) -> MissionLoop:
    loop = new_loop(small_site, outages=STATION_CUT, duration_s=27 * HOUR_S)
    while not loop.finished:
        loop.step()
    return loop


def test_a_cut_station_is_replaced_for_as_long_as_it_is_silent(flown: MissionLoop) -> None:
    took = of_kind(flown, "leader_elected")
    first = next(t_s for t_s, robot in took if robot != "lander")
    assert 5 * HOUR_S + SILENCE_S < first <= 8 * HOUR_S + SILENCE_S  # it was last heard in the hour before
    back = [t_s for t_s, robot in took if robot == "lander"]
    assert 24 * HOUR_S < back[0] <= 26 * HOUR_S
    given = [event for event in flown.log.pending if event["kind"] == "job_assigned"]
    for event in given:
        if 8 * HOUR_S < int(event["t_s"] or 0) < 24 * HOUR_S and event["robot"] != "lander":
            assert event["by"] != "lander"


def test_who_led_and_hears_the_station_again_is_logged_to_follow_it(flown: MissionLoop) -> None:
    know = flown.ops.knowledge
    tale = [e for e in flown.log.pending if e["kind"] in ("leader_elected", "leader_left")]
    assert all(event["by"] for event in tale if event["kind"] == "leader_left")
    took = {str(event["robot"]) for event in tale} - {"lander"}
    assert took
    for robot in took:
        last = [event for event in tale if event["robot"] == robot][-1]
        leads = know.leader[flown.ops.names.index(robot)] == flown.ops.names.index(robot)
        assert last["kind"] == ("leader_elected" if leads else "leader_left")


def test_after_a_cut_all_in_contact_know_the_same(flown: MissionLoop) -> None:
    know, up = flown.ops.knowledge, flown.mail.graph.now.up
    reached = {LANDER}
    for _ in range(know.nodes):
        reached |= {int(other) for node in reached for other in np.flatnonzero(up[node])}
    assert len(reached) > 1
    for node in reached:
        np.testing.assert_array_equal(know.done[node], know.done[LANDER])
        np.testing.assert_array_equal(know.assigned[node], know.assigned[LANDER])
        assert know.leader[node] == LANDER
    done = [event["job"] for event in flown.log.pending if event["kind"] == "job_done"]
    assert len(done) == len(set(done))


def test_a_mission_taken_up_within_a_cut_goes_on_the_same(small_site: Site) -> None:
    first = new_loop(small_site, outages=STATION_CUT)
    second = new_loop(small_site, outages=STATION_CUT)
    for _ in range(10):
        first.step()
    second.set_state(first.get_state())
    start = len(first.log.pending)
    fresh = len(second.log.pending)
    for _ in range(6):
        first.step()
        second.step()

    def bare(loop: MissionLoop, since: int) -> list[dict[str, object]]:
        return [{name: value for name, value in event.items() if name != "seq"} for event in loop.log.pending[since:]]

    assert bare(first, start) == bare(second, fresh)
    for name, array in first.ops.knowledge.get_state().items():
        np.testing.assert_array_equal(second.ops.knowledge.get_state()[name], array)


def test_losses_are_of_their_mission_round_and_pair_and_as_frequent_as_they_should_be() -> None:
    keys = [mail_key(seed) for seed in (1, 2)]
    drawn = np.array(
        [[[[uniform(key, a, b, n) for b in range(9)] for a in range(9)] for n in range(1, 40)] for key in keys]
    )
    assert len(np.unique(drawn)) == drawn.size
    assert abs((drawn < 0.05).mean() - 0.05) < 0.01
    assert abs(drawn.mean() - 0.5) < 0.02
    a, b = np.triu_indices(9, 1)
    there, back = drawn[:, :, a, b].ravel(), drawn[:, :, b, a].ravel()
    assert abs(np.corrcoef(there, back)[0, 1]) < 0.06


def test_a_cut_from_the_start_is_felt_at_the_start(small_site: Site) -> None:
    loop = new_loop(small_site, outages=(Outage(0, 2 * HOUR_S),))
    assert not loop.world.state.link.any()
    told = [event for event in loop.log.pending if event["kind"] == "link"]
    assert not told
    for _ in range(3):
        loop.step()
    assert loop.world.state.link.any()
