"""Jobs and the truth of their work: windows, crews, and what a robot may know of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.messages import Phase
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.autonomy.observation import INDEX, decode
from moonfleet.terrain.site import Site
from tests.missions import small_mission

LANDER, HOPPER, GRADER, WATCH, PAD = 0, 3, 4, 5, 4


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


def test_a_body_in_flight_that_is_told_to_work_earns_nothing(small_site: Site) -> None:
    loop = new_loop(small_site)
    x, y = loop.mission.fleet[HOPPER].xy or (0.0, 0.0)
    assert loop.world.hop(0, HOPPER, (x + 1.0, y))
    loop.world.state.worked_s[0, HOPPER] = loop.ops.worked_s[HOPPER] = 3000.0  # of a job before
    loop.ops.begin_work(HOPPER, 10.0, 0.0, 0)
    assert loop.ops.worked_s[HOPPER] == loop.world.state.worked_s[0, HOPPER]
