"""The station gives out jobs from what it has heard, and waits for nobody for ever."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moonfleet.agents.estimates import Estimates
from moonfleet.agents.forecast import Forecast
from moonfleet.agents.knowledge import MISSING_S, Board
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.station import Station
from moonfleet.agents.travel import Travel
from moonfleet.terrain.site import Site
from tests.missions import small_mission
from tests.plain_briefing import others_on

VIPER, YUTU, GRADER = 1, 2, 4
SURVEYS = (0, 1)
ONLY_SURVEY_1 = [1, 5]  # with the other jobs that a Yutu class rover could do done, that one is left


@pytest.fixture(scope="module")
def mission(small_site: Site) -> MissionSpec:
    return small_mission(small_site, duration_s=20 * 86_400)


@pytest.fixture(scope="module")
def station(mission: MissionSpec) -> Station:
    return station_of(mission)


def station_of(mission: MissionSpec) -> Station:
    forecast = Forecast(mission.site, mission.t0, mission.duration_s, mission.relay)
    return Station(mission, Estimates(mission, forecast, Travel(mission, forecast)))


@pytest.fixture
def board(mission: MissionSpec) -> Board:
    """Everybody was heard at the start, full and at home."""
    board = Board.blank(len(mission.fleet), len(mission.jobs))
    for robot, member in enumerate(mission.fleet):
        board.robots[robot] = (*(member.xy or (0.0, 0.0)), 1.0)
    board.heard_s[:] = 0.0
    return board


def test_a_job_is_not_given_twice_to_robots_that_cannot_hear_each_other(station: Station, board: Board) -> None:
    board.done[ONLY_SURVEY_1] = True
    assert (VIPER, 0) in station.assign(board, 0.0, [VIPER])
    assert station.assign(board, 3600.0, [YUTU]) == []  # it was given away, though nobody has seen the work begin
    assert others_on(board, YUTU, 0, 3600.0) == 1


def test_the_job_of_a_robot_that_is_missing_for_long_is_free_again(station: Station, board: Board) -> None:
    board.done[ONLY_SURVEY_1] = True
    board.worker[VIPER] = board.assigned[VIPER] = 0
    late = MISSING_S + 3600.0
    board.heard_s[YUTU] = late
    assert station.assign(board, MISSING_S, [YUTU]) == []
    assert others_on(board, YUTU, 0, late) == 0
    assert station.assign(board, late, [YUTU]) == [(YUTU, 0)]


def test_nothing_is_given_that_waits_for_other_work_or_needs_another_tool(station: Station, board: Board) -> None:
    given = dict(station.assign(board, 0.0, list(range(len(station.mission.fleet)))))
    assert given[VIPER] in SURVEYS  # drilling waits for the survey
    for robot, job in given.items():
        assert station.mission.jobs[job].tool in station.mission.specs[robot].tools


def test_work_that_needs_no_tool_is_for_anybody(mission: MissionSpec, board: Board) -> None:
    jobs = tuple(replace(job, tool="") if job.id == "survey-1" else job for job in mission.jobs)
    anyone = station_of(replace(mission, jobs=jobs))
    board.done[1:] = True
    assert anyone.assign(board, 0.0, [GRADER]) == [(GRADER, 0)]


def test_a_robot_without_the_energy_gets_no_job(station: Station, board: Board) -> None:
    board.robots[:, 2] = 0.05
    assert np.isfinite(board.robots).all()
    assert station.assign(board, 0.0, [VIPER, YUTU]) == []
