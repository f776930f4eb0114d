"""Law 2: nothing that a robot has not sensed or been told of reaches what it decides on."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.messages import Situation
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.terrain.site import Site
from tests.missions import small_mission

HOUR_S = 3600
ON_GROUND = range(6)


def as_bytes(situation: Situation) -> bytes:
    """Everything in a situation, exactly."""
    vector, mask = situation.observation
    rest = repr((situation.sense, situation.offers, situation.haven, situation.current))
    return vector.tobytes() + mask.tobytes() + rest.encode()


@pytest.mark.parametrize("robot", ON_GROUND)
def test_what_happens_out_of_sight_and_hearing_changes_nothing(small_site: Site, robot: int) -> None:
    mission = small_mission(small_site, duration_s=8 * HOUR_S)
    loop = MissionLoop(mission, LocalFleet(mission))
    for _ in range(3):
        loop.step()
    sky = loop.sky()

    def seen() -> bytes:
        return as_bytes(loop.briefing.situation(robot, loop.t_s, sky.sun_az_deg, sky.sun_el_deg))

    before = seen()
    others = np.arange(len(mission.fleet)) != robot
    state, ops = loop.world.state, loop.ops
    for field in (
        state.x,
        state.y,
        state.temp_k,
        state.battery_wh,
        state.data_mbit,
        state.odometer_m,
        state.heading_deg,
    ):
        field[0, others] *= 0.9
    for whole in (state.activity, state.link, state.hops_left, state.blocked):
        whole[0, others] = 0
    ops.lost[others] = True
    ops.job[others] = -1
    ops.phase[others] = 0
    ops.progress_s *= 0.5
    ops.done[:] = ~ops.done
    ops.value += 100.0
    loop.world.archive_mbit += 1000.0
    loop.world.station_mbit += 1000.0
    for other in np.flatnonzero(others):  # the station is one of them, or the robot itself
        board = ops.knowledge.own[other]
        board.progress_s += 60.0
        board.done[:] = True
        board.worker[:] = 0
        board.robots[:] *= 0.5
    assert seen() == before
