"""Jobs and the truth of their work: windows, crews, and what a robot may know of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.knowledge import UNFIT
from moonfleet.agents.messages import Phase
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.state import Subsystem
from moonfleet.autonomy.observation import INDEX, JOB0, decode
from moonfleet.terrain.site import Site
from tests.missions import small_mission

LANDER, ROVER, HOPPER, GRADER, WATCH, PAD = 0, 1, 3, 4, 5, 4


def new_loop(site: Site, **window: tuple[float, float]) -> MissionLoop:
    """The small mission; keywords give jobs a window [s]."""
    mission = small_mission(site)
    jobs = tuple(replace(job, window_s=window.get(job.id)) for job in mission.jobs)
    mission = replace(mission, jobs=jobs)
    loop = MissionLoop(mission, LocalFleet(mission), EventLog())
    loop.begin()
    return loop


def test_work_counts_while_the_window_is_open_and_the_robot_is_free_when_it_closes(small_site: Site) -> None:
    loop = new_loop(small_site, watch=(3600.0, 3.0 * 3600.0))
    progress = []
    for _ in range(6):
        loop.step()
        progress.append(float(loop.ops.progress_s[WATCH]))
    assert progress[0] == 0.0
    assert progress[2:] == [7200.0] * 4
    failed = [event for event in loop.log.pending if event["kind"] == "job_failed" and event["robot"] == "lander"]
    assert [(event["t_s"], event["job"], event["reason"]) for event in failed] == [(10_800, "watch", "WindowClosed")]
    assert loop.ops.job[LANDER] == -1
    assert loop.ops.phase[LANDER] == Phase.IDLE


def test_a_robot_out_of_contact_does_not_know_what_others_did_on_its_job(small_site: Site) -> None:
    loop = new_loop(small_site)
    loop.ops.job[GRADER] = PAD
    loop.ops.progress_s[PAD] = 0.5 * loop.ops.effort_s[PAD]  # the other builder's work, unheard of
    assert loop.ops.work_left_s(GRADER) == loop.ops.effort_s[PAD]
    row = decode(loop.situations()[GRADER].observation.vector)
    assert row[INDEX["own.progress"]] == 0.0
    loop.ops.knowledge.note_work(GRADER, PAD, float(loop.ops.progress_s[PAD]), False)
    assert loop.ops.work_left_s(GRADER) == pytest.approx(0.5 * loop.ops.effort_s[PAD])


def test_what_fails_and_works_again_is_logged_once(small_site: Site) -> None:
    loop = new_loop(small_site)
    state = loop.world.state
    state.faults[0, ROVER] = 1 << Subsystem.COMM | 1 << Subsystem.POWER
    loop.ops.observe(300)
    loop.ops.observe(600)
    state.faults[0, ROVER] = 1 << Subsystem.POWER
    state.trapped[0, ROVER] = 1
    loop.ops.observe(900)
    told = [(e["t_s"], e["robot"], e["reason"], e["up"]) for e in loop.log.pending if e["kind"] == "fault"]
    name = loop.ops.names[ROVER]
    assert told == [
        (300, name, "power", False),
        (300, name, "comm", False),
        (900, name, "comm", True),
        (900, name, "stuck", False),
    ]
    again = new_loop(small_site)
    again.set_state(loop.get_state())
    again.ops.observe(1200)
    assert not [e for e in again.log.pending if e["kind"] == "fault" and e["t_s"] == 1200]


def test_a_body_in_flight_that_is_told_to_work_earns_nothing(small_site: Site) -> None:
    loop = new_loop(small_site)
    x, y = loop.mission.fleet[HOPPER].xy or (0.0, 0.0)
    assert loop.world.hop(0, HOPPER, (x + 1.0, y))
    loop.world.state.worked_s[0, HOPPER] = loop.ops.worked_s[HOPPER] = 3000.0  # of a job before
    loop.ops.begin_work(HOPPER, 10.0, 0.0, 0)
    assert loop.ops.worked_s[HOPPER] == loop.world.state.worked_s[0, HOPPER]


def test_a_broken_robot_gives_its_job_back_takes_none_and_is_given_none(small_site: Site) -> None:
    loop = new_loop(small_site)
    loop.step()
    assert loop.ops.job[GRADER] == PAD
    both = [GRADER, GRADER + 1]  # so that neither can help the other
    loop.world.state.faults[0, both] = 1 << Subsystem.MOBILITY
    loop.step()
    loop.step()
    told = [(e["kind"], e.get("reason")) for e in loop.log.pending if e["robot"] == loop.ops.names[GRADER]]
    assert ("fault", "mobility") in told
    assert ("job_failed", "OutOfOrder") in told
    assert not any(kind == "plan_failed" for kind, _ in told), "the ground is not to blame"
    row = loop.brief().robots.tolist().index(GRADER)
    assert not loop.brief().masks[row, JOB0:].any()
    assert loop.ops.knowledge.own[GRADER].worker[GRADER] == UNFIT
    loop.step()
    assert loop.ops.knowledge.station.assigned[GRADER] < 0, "the station has heard of it"
    loop.world.state.faults[0, both] = 0
    loop.step()
    assert loop.ops.knowledge.own[GRADER].worker[GRADER] != UNFIT


def test_robots_help_those_next_to_them(small_site: Site) -> None:
    loop = new_loop(small_site)
    loop.begin()
    state = loop.world.state
    state.trapped[0, ROVER] = 1
    state.x[0, ROVER], state.y[0, ROVER] = state.x[0, GRADER] + 400.0, state.y[0, GRADER]
    loop.ops.help_out()
    assert state.trapped[0, ROVER]
    state.x[0, ROVER] = state.x[0, GRADER] + 10.0
    loop.ops.help_out()
    assert not state.trapped[0, ROVER]
