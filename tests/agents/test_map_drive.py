"""Robots that drive by the orbital map alone: whole routes, few questions, the same work, nothing lost when taken up again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moonfleet.agents import checkpoint
from moonfleet.agents.errors import RobotError
from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.map_drive import MapDriving, learn_refused
from moonfleet.agents.messages import Asked, Command, Note, Phase, Replies, Reply, Sensed
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.state import LEG_POINTS, Activity
from moonfleet.autonomy.errors import GoalBlocked, GoalOutside
from moonfleet.autonomy.policy import Observation
from moonfleet.terrain.site import Site
from tests.missions import small_mission

ROVER = 1
HOUR_S = 3600


class Counting(LocalFleet):
    """Counts how often minds are asked between decisions."""

    asked = 0

    def step(self, sensed: Sensed) -> Replies:
        self.asked += sum(isinstance(self.robots[index], MapDriving) for index in sensed.robots.tolist())
        return super().step(sensed)


@pytest.fixture
def mission(small_site: Site) -> MissionSpec:
    return small_mission(small_site, perception="map", drive_s=HOUR_S)


def flown(mission: MissionSpec, steps: int = 24) -> MissionLoop:
    loop = MissionLoop(mission, Counting(mission), EventLog())
    for _ in range(min(steps, mission.steps)):
        loop.step()
    return loop


def test_jobs_are_done_and_no_rock_is_ever_touched(mission: MissionSpec) -> None:
    loop = flown(mission)
    kinds = [event["kind"] for event in loop.log.pending]
    assert kinds.count("job_done") >= 3
    assert "rock_contact" not in kinds
    assert "keepout" not in kinds


def test_a_robot_is_asked_again_only_when_its_leg_has_ended(mission: MissionSpec) -> None:
    often = flown(replace(mission, drive_s=60))
    routes = sum(event["kind"] == "route" for event in often.log.pending)
    assert isinstance(often.fleet, Counting)
    assert 0 < often.fleet.asked <= 3 * routes


def test_every_stretch_of_every_route_is_passable_and_fits_legs(mission: MissionSpec) -> None:
    loop = flown(mission)
    assert isinstance(loop.fleet, LocalFleet)
    routes = [event for event in loop.log.pending if event["kind"] == "route"]
    assert routes
    ref = mission.site.ref
    for event in routes:
        robot = [member.name for member in mission.fleet].index(str(event["robot"]))
        cost = getattr(loop.fleet.robots[robot], "cost")  # noqa: B009
        points = np.array([point.split() for point in str(event["wkt"])[12:-1].split(",")], dtype=float)
        assert len(points) >= 2
        assert all(np.isfinite(cost[ref.cell_of(*point)]) for point in sampled(points))
        assert len(points) <= 10 * LEG_POINTS


def test_refused_ground_is_driven_round(mission: MissionSpec) -> None:
    loop = flown(mission, 1)
    assert isinstance(loop.fleet, LocalFleet)
    rover = loop.fleet.robots[ROVER]
    assert isinstance(rover, MapDriving)
    goal = mission.jobs[1].xy
    here = mission.fleet[ROVER].xy or (0.0, 0.0)
    rover.goal, rover.place = goal, goal
    rover.route = rover.plan(here, goal)
    rover.refuse(here)
    assert rover.refused_n[0, 0] == 1
    again = rover.plan(here, goal)
    cells = {mission.site.ref.cell_of(*point) for point in sampled(again)}
    assert tuple(rover.refused[0, 0, 0].tolist()) not in cells
    assert tuple(again[-1]) == goal


def sampled(route: np.ndarray) -> list[tuple[float, float]]:
    """Points a metre apart along a route."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(route, axis=0).T))])
    at = np.arange(0.0, along[-1], 1.0)
    return list(zip(np.interp(at, along, route[:, 0]), np.interp(at, along, route[:, 1]), strict=True))


def test_goals_that_cannot_be_are_refused_by_name(mission: MissionSpec) -> None:
    loop = flown(mission, 1)
    assert isinstance(loop.fleet, LocalFleet)
    rover = loop.fleet.robots[ROVER]
    assert isinstance(rover, MapDriving)
    here = mission.fleet[ROVER].xy or (0.0, 0.0)
    with pytest.raises(GoalOutside, match="off the map"):
        rover.plan(here, (here[0] + 1e6, here[1]))
    row, col = np.argwhere(~np.isfinite(rover.cost))[0].tolist()
    x, y = (float(value) for value in mission.site.ref.xy(row, col))
    rover.place = (x, y)
    with pytest.raises(GoalBlocked, match="impassable"):
        rover.plan(here, (x, y))


def test_taken_up_anew_after_every_step_it_writes_the_same_events(mission: MissionSpec) -> None:
    mission = replace(mission, duration_s=14 * HOUR_S)
    whole = flown(mission)
    loop = MissionLoop(mission, LocalFleet(mission), EventLog())
    events: list[object] = []
    while not loop.finished:
        loop.step()
        events += loop.log.pending
        count, saved = loop.log.count, checkpoint.nest(checkpoint.flatten(loop.get_state()))  # pyright: ignore
        loop = MissionLoop(mission, LocalFleet(mission), EventLog())
        loop.set_state(saved)
        loop.log.count = count
    assert events == whole.log.pending


def test_of_a_route_there_and_back_the_cell_ahead_is_refused_not_one_behind(mission: MissionSpec) -> None:
    loop = flown(mission, 1)
    assert isinstance(loop.fleet, LocalFleet)
    rover = loop.fleet.robots[ROVER]
    assert isinstance(rover, MapDriving)
    x, y = mission.fleet[ROVER].xy or (0.0, 0.0)
    rover.room[0, 0, :3] = (x, y), (x + 100.0, y), (x, y)
    rover.route = rover.room[0, 0, :3]
    rover.refuse((x + 40.0, y))
    row, col = mission.site.ref.cell_of(x + 40.0, y)
    assert rover.refused[0, 0, 0].tolist() == [row, col - 1]
    count = np.array([[0]])
    learn_refused(rover.ways.block, x, y, rover.room, count, rover.refused, rover.refused_n)
    assert rover.refused_n[0, 0] == 1, "without a route nothing lies ahead"


def test_answers_survive_the_way_through_arrays_cut_and_joined(mission: MissionSpec) -> None:
    rng = np.random.default_rng(4)
    replies = [
        Reply(2, 1, Phase.TRAVEL, (Command(Activity.DRIVE, rng.random((3, 2))),), (Note("route", {"job": 1}),), True),
        Reply(0, -1, Phase.IDLE, (), (), False),
        Reply(7, 3, Phase.WORK, (Command(Activity.HOLD, np.empty((0, 2))), Command(Activity.WORK, np.empty((0, 2)), 45.0, 0.5)), (), True),
    ]  # fmt: skip
    robots = np.array([1, 4, 6])
    parts = [Replies.pack(robots[:1], replies[:1]), Replies.pack(robots[1:], replies[1:])]
    for packed in (Replies.pack(robots, replies), Replies.join(parts)):
        np.testing.assert_array_equal(packed.robots, robots)
        orders, told = packed.commands(), packed.told()
        for row, reply in enumerate(replies):
            assert packed.states[row].tolist() == [reply.action, reply.job, reply.phase, reply.attend]
            assert [note.kind for note in told.get(row, [])] == [note.kind for note in reply.notes]
            for got, given in zip(orders.get(row, []), reply.commands, strict=True):
                assert (got.activity, got.work_w, got.data_mbps) == (given.activity, given.work_w, given.data_mbps)
                np.testing.assert_array_equal(got.xy, given.xy)
    asked = flown(mission, 1).brief()
    whole = [asked.situation(row) for row in range(len(asked.robots))]
    part: Asked = asked.part(slice(2, 4))
    assert [part.situation(row).sense for row in range(2)] == [one.sense for one in whole[2:4]]
    assert [part.situation(row).offers for row in range(2)] == [one.offers for one in whole[2:4]]


class Mute:
    """A policy whose answers for many are too few."""

    def act(self, observation: Observation) -> int:
        return 0

    def act_batch(self, observations: Observation) -> np.ndarray:
        return np.zeros(0, dtype=np.int64)


def test_a_policy_that_does_not_answer_for_every_robot_is_named(mission: MissionSpec) -> None:
    loop = MissionLoop(mission, LocalFleet(mission, {ROVER: Mute()}))
    with pytest.raises(RobotError, match="rover-1: its policy answered 0 times for 1 robots"):
        loop.step()
