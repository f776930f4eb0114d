"""Robots briefed all at once see, may and are offered what they would one by one; so does the station give out its jobs."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.knowledge import UNFIT
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.station import Station
from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.jobs import Job
from moonfleet.autonomy.observation import N_ACTIONS, RELAY, Observation
from moonfleet.autonomy.policy import RandomPolicy, StationKeeper, act_on_all
from moonfleet.terrain.site import Site
from tests.missions import small_mission
from tests.plain_briefing import PlainBriefing, PlainEstimates, PlainForecast, PlainStation, PlainTravel
from tests.plain_keeper import PlainKeeper

HOUR_S = 3600


def busy_mission(site: Site) -> MissionSpec:
    """More jobs than a robot has slots, with windows and prerequisites, some without a tool."""
    mission = small_mission(site, duration_s=40 * 86_400)
    first, second = mission.jobs[0].xy, mission.jobs[1].xy
    more = [
        Job(f"look-{n}", "survey", first if n % 2 else second, 2.0 + n, tool="survey" if n % 3 else "", value=1.0 + n,
            needs=("survey-2",) if n % 4 == 0 else (), window_s=(n * 7200.0, (n + 20) * 7200.0) if n % 2 else None)
        for n in range(9)
    ]  # fmt: skip
    third = (mission.fleet[0].xy or (0.0, 0.0))[0] + 200.0, first[1]
    havens = (*mission.havens, ("second", first), ("third", third))
    return replace(mission, jobs=(*mission.jobs, *more), havens=havens)


@pytest.fixture(scope="module")
def mission(small_site: Site) -> MissionSpec:
    return busy_mission(small_site)


@pytest.fixture(scope="module")
def loop(mission: MissionSpec) -> MissionLoop:
    loop = MissionLoop(mission, LocalFleet(mission))
    loop.begin()
    return loop


@pytest.fixture(scope="module")
def plain(mission: MissionSpec, loop: MissionLoop) -> PlainEstimates:
    forecast = PlainForecast(mission)
    return PlainEstimates(mission, forecast, PlainTravel(mission, forecast))


def shake(loop: MissionLoop, rng: np.random.Generator) -> None:
    """Put robots, their tasks and all that is known of them anywhere; some stay where they are."""
    mission, state, ops = loop.mission, loop.world.state, loop.ops
    robots, jobs = len(mission.fleet), len(mission.jobs)
    xmin, ymin, xmax, ymax = mission.site.ref.bounds
    for robot in np.flatnonzero(rng.random(robots) < 0.5).tolist():
        if mission.fleet[robot].xy is not None:
            state.x[0, robot], state.y[0, robot] = rng.uniform(xmin, xmax), rng.uniform(ymin, ymax)
    if rng.random() < 0.3:
        at = int(rng.integers(jobs))
        state.x[0, 1], state.y[0, 1] = mission.jobs[at].xy
    state.battery_wh[0] = rng.random(robots) * loop.briefing.capacity_wh
    state.activity[0] = rng.integers(0, 7, robots)
    state.link[0] = rng.integers(0, 8, robots)
    state.faults[0] = np.where(rng.random(robots) < 0.3, rng.integers(0, 32, robots), 0)
    state.trapped[0] = rng.random(robots) < 0.1
    state.blocked[0] = rng.random(robots) < 0.3
    state.hops_left[0] = rng.integers(0, 4, robots)
    state.lit[0] = rng.random(robots)
    ops.job[:] = rng.integers(-1, jobs, robots)
    ops.phase[:] = rng.integers(0, 4, robots)
    for board in (ops.knowledge.station, *ops.knowledge.own):
        board.progress_s[:] = rng.random(jobs) * ops.effort_s
        board.done[:] = rng.random(jobs) < rng.choice([0.1, 0.6])
        board.worker[:] = rng.integers(UNFIT, jobs, robots)
        board.assigned[:] = rng.integers(-1, jobs, robots)
        board.robots[:] = np.column_stack(
            [rng.uniform(xmin, xmax, robots), rng.uniform(ymin, ymax, robots), rng.random(robots)]
        )
        board.heard_s[:] = rng.choice([-1.0, 0.0, 3600.0 * rng.integers(0, 900)], robots)
    agrees = rng.random(robots) < 0.5
    ops.knowledge.station.robots[agrees, 0], ops.knowledge.station.robots[agrees, 1] = (
        state.x[0, agrees],
        state.y[0, agrees],
    )


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), hours=st.lists(st.integers(0, 950), min_size=1, max_size=3))
def test_briefed_together_as_one_by_one(
    loop: MissionLoop, plain: PlainEstimates, mission: MissionSpec, seed: int, hours: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    slow = PlainBriefing(mission, loop.world, loop.ops, plain)
    stations = Station(mission, loop.briefing.estimates), PlainStation(mission, plain)
    for start in hours:  # forwards and back in time, with an hour that follows the last
        for hour in (start, start + 1, start + 3):
            t_s = hour * HOUR_S
            if hour != start + 1:
                shake(loop, rng)
            az, el = rng.uniform(0.0, 360.0), rng.uniform(-2.0, 6.0)
            robots = np.flatnonzero(rng.random(len(mission.fleet)) < 0.8)
            fast = loop.briefing.situations(robots, t_s, az, el)
            for row, robot in enumerate(robots.tolist()):
                one, all_at_once = slow.situation(robot, t_s, az, el), fast.situation(row)
                assert all_at_once.sense == one.sense
                np.testing.assert_array_equal(all_at_once.observation.vector, one.observation.vector)
                np.testing.assert_array_equal(all_at_once.observation.mask, one.observation.mask)
                assert all_at_once[2:] == one[2:]
            listening = robots.tolist()
            boards = [deepcopy(loop.ops.knowledge.station) for _ in stations]
            fresh = [station.assign(board, t_s, listening) for station, board in zip(stations, boards, strict=True)]
            assert fresh[0] == fresh[1]
            np.testing.assert_array_equal(boards[0].assigned, boards[1].assigned)


def rows(count: int) -> st.SearchStrategy[np.ndarray]:
    """Stored observations of any content."""
    return arrays(np.float32, (count, layout.SIZE), elements=st.floats(0.0, 1.0, width=32)).map(
        lambda part: layout.LOW + part * np.minimum(layout.HIGH - layout.LOW, 2.0)
    )


@settings(max_examples=60, deadline=None)
@given(vectors=rows(4), masks=arrays(np.bool_, (4, N_ACTIONS)), relays=st.booleans())
def test_the_keeper_of_many_is_the_keeper_of_each(vectors: np.ndarray, masks: np.ndarray, relays: bool) -> None:
    masks[:, RELAY] &= relays
    together = StationKeeper().act_batch(Observation(vectors, masks)).tolist()
    each = [Observation(vector, mask) for vector, mask in zip(vectors, masks, strict=True)]
    assert together == [StationKeeper().act(one) for one in each]
    assert together == [PlainKeeper().act(one) for one in each]


def test_a_policy_without_a_batch_is_asked_one_by_one() -> None:
    rng = np.random.default_rng(2)
    seen = Observation(rng.random((5, layout.SIZE), dtype=np.float32), rng.random((5, N_ACTIONS)) < 0.5)
    policy = RandomPolicy(3)
    each = [policy.act(Observation(vector, mask)) for vector, mask in zip(*seen, strict=True)]
    assert act_on_all(policy, seen) == each
