"""Law 2 over the event log: a robot never acts on an event of which no chain of messages can have told it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.knowledge import Knowledge
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.outages import EVERYBODY, Outage
from moonfleet.autonomy.policy import RandomPolicy
from moonfleet.terrain.site import Site
from tests.missions import small_mission
from tests.reach import Reach, too_early

HOUR_S = 3600
NAMES = ("lander", "rover-1", "rover-2", "hopper", "grader-1", "grader-2", "relay")


def chained_mission(site: Site, **changes: Any) -> MissionSpec:
    """Short jobs that wait for each other's ends, each the work of another robot."""
    mission = small_mission(site, duration_s=18 * HOUR_S)
    needs = {"drill-1": ("survey-1", "pad"), "sample": ("pad",), "survey-2": ("sample",), "watch": ("pad",)}
    hours = {"pad": 1.0, "sample": 0.5, "watch": 3.0}
    jobs = [replace(job, needs=needs.get(job.id, ()), effort_h=hours.get(job.id, 1.0)) for job in mission.jobs]
    extra = [replace(job, id=f"{job.id}-again", needs=("survey-2", "drill-1")) for job in jobs if job.id != "sample"]
    return replace(mission, jobs=(*jobs, *extra), **changes)


def run_traced(mission: MissionSpec, random: bool) -> tuple[MissionLoop, list[str]]:
    """Fly a mission with every message logged; returns what boards hold that could not be known."""
    policies = {robot: RandomPolicy(mission.seed, robot) for robot in range(len(mission.fleet)) if random and robot % 2}
    loop = MissionLoop(mission, LocalFleet(mission, policies), EventLog())
    loop.mail.trace(loop.log)
    reach, seen = Reach(mission), 0
    faults: list[str] = []
    while not loop.finished:
        loop.step()
        follow(reach, loop.log.pending[seen:])
        seen = len(loop.log.pending)
        faults += unfounded(loop, reach)
    return loop, faults


def unfounded(loop: MissionLoop, reach: Reach) -> list[str]:
    """Facts on the boards that no chain of messages can have brought there by now."""
    mission, know, t_s = loop.mission, loop.ops.knowledge, loop.t_s
    found: list[str] = []
    for node, name in enumerate(reach.nodes):
        for job in np.flatnonzero(know.done[node]).tolist():
            if not reach.could_know_done(name, mission.jobs[job].id, t_s):
                found.append(f"{t_s}: {name} holds {mission.jobs[job].id} for done")
        for other, known in enumerate(reach.nodes[: know.robots_n]):
            giver = int(know.giver[node, other])
            if not reach.could_know(name, known, float(know.heard_s[node, other]), t_s):
                found.append(f"{t_s}: {name} has news of {known} from {know.heard_s[node, other]}")
            if giver >= 0 and not reach.could_know(name, reach.nodes[giver], float(know.given_s[node, other]), t_s):
                found.append(f"{t_s}: {name} knows what {reach.nodes[giver]} gave to {known}")
        leader = reach.nodes[int(know.leader[node])]
        if not reach.could_know(name, leader, float(know.beat_s[node]), t_s):
            found.append(f"{t_s}: {name} has a sign of life of {leader}")
    return found


def follow(reach: Reach, events: list[Any]) -> None:
    """Take in what happened in a decision step."""
    for moment in sorted({event["t_s"] for event in events}):
        now = [event for event in events if event["t_s"] == moment]
        reach.messages(moment, [(event["robot"], event["peer"]) for event in now if event["kind"] == "heard"])
        for event in now:
            if event["kind"] == "job_done":
                reach.job_done(event["robot"], event["job"], moment)
    for event in events:
        if event["kind"] == "status":
            reach.stands(event["robot"], event["t_s"], event["x_m"], event["y_m"])


@st.composite
def cuts(draw: st.DrawFn) -> tuple[Outage, ...]:
    """Some links of some robots, down for some hours."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, 12))
        robots = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
        peers = draw(st.one_of(st.just(EVERYBODY), st.sets(st.sampled_from(EVERYBODY), min_size=1).map(sorted)))
        found.append(Outage(start * HOUR_S, (start + draw(st.integers(1, 10))) * HOUR_S, tuple(robots), tuple(peers)))
    return tuple(found)


def check(site: Site, seed: int, outages: tuple[Outage, ...], random: bool) -> None:
    mission = chained_mission(site, seed=seed, outages=outages, drive_s=(300, 3600, 600)[seed % 3])
    loop, faults = run_traced(mission, random)
    assert faults == []
    assert too_early(mission, loop.log.pending) == []
    for outage in outages:
        if set(outage.peers) == set(EVERYBODY):
            silent = set(outage.robots or NAMES)
            for event in loop.log.pending:
                if event["kind"] == "heard" and outage.from_s <= event["t_s"] < outage.to_s:
                    assert not silent & {event["robot"], event["peer"]}


@settings(
    max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=True
)
@given(seed=st.integers(0, 2**20 - 1), outages=cuts(), random=st.booleans())
def test_no_robot_acts_on_what_it_could_not_know(
    small_site: Site, seed: int, outages: tuple[Outage, ...], random: bool
) -> None:
    check(small_site, seed, outages, random)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**20 - 1), outages=cuts(), random=st.booleans())
def test_no_robot_acts_on_what_it_could_not_know_in_many_missions(
    small_site: Site, seed: int, outages: tuple[Outage, ...], random: bool
) -> None:
    check(small_site, seed, outages, random)


CUT_OFF = (Outage(0, 18 * HOUR_S, ("rover-1", "rover-2", "hopper")),)


def test_the_check_finds_work_that_everybody_hears_of_at_once(
    small_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Knowledge.note_work

    def shout(self: Knowledge, robot: int, job: int, progress_s: float, done: bool) -> None:
        for anybody in range(self.robots_n):
            rule(self, anybody, job, progress_s, done)

    monkeypatch.setattr(Knowledge, "note_work", shout)
    mission = chained_mission(small_site, outages=CUT_OFF)
    loop, faults = run_traced(mission, random=False)
    assert faults
    assert any("takes" in fault or "gives" in fault for fault in too_early(mission, loop.log.pending))


def test_the_check_finds_news_that_comes_without_a_message(small_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    mission = chained_mission(small_site, outages=CUT_OFF)
    news = MissionLoop.news

    def leak(self: MissionLoop) -> None:
        news(self)
        self.ops.knowledge.tell(0, 2)

    monkeypatch.setattr(MissionLoop, "news", leak)
    _, faults = run_traced(mission, random=False)
    assert any("rover-2 has news of lander" in fault for fault in faults)
