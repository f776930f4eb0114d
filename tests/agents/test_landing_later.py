"""A robot that lands later: not there, not asked and given nothing before; from then on one of the fleet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moonfleet.agents import checkpoint
from moonfleet.agents.errors import MissionError
from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.mission import MissionSpec, mission_key
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.terrain.site import Site
from tests.missions import small_mission

ROVER, HOUR_S = 1, 3600


@pytest.fixture
def mission(small_site: Site) -> MissionSpec:
    base = small_mission(small_site, perception="map", drive_s=HOUR_S, duration_s=12 * HOUR_S)
    return replace(
        base, fleet=tuple(replace(one, lands_s=4 * HOUR_S * (r == ROVER)) for r, one in enumerate(base.fleet))
    )


def test_before_it_has_landed_nobody_reckons_with_it(mission: MissionSpec) -> None:
    loop = MissionLoop(mission, LocalFleet(mission), EventLog())
    loop.begin()
    while loop.t_s < 4 * HOUR_S:
        assert ROVER not in loop.situations()
        assert loop.ops.knowledge.station.assigned[ROVER] == -1
        loop.step()
    assert ROVER in loop.situations()
    landed = [event for event in loop.log.pending if event["kind"] == "landed"]
    assert [(event["t_s"], event["robot"]) for event in landed] == [(4 * HOUR_S, "rover-1")]
    early = [event for event in loop.log.pending if event["robot"] == "rover-1" and int(str(event["t_s"])) < 4 * HOUR_S]
    assert not early
    while not loop.finished:
        loop.step()
    assert loop.ops.knowledge.station.heard_s[ROVER] > 4 * HOUR_S
    assert any(event["kind"] == "job_assigned" and event["robot"] == "rover-1" for event in loop.log.pending)
    assert not loop.ops.lost.any()


def test_taken_up_before_the_landing_it_goes_on_the_same(mission: MissionSpec) -> None:
    whole = MissionLoop(mission, LocalFleet(mission), EventLog())
    for _ in range(2):
        whole.step()
    saved = checkpoint.nest(checkpoint.flatten(whole.get_state()))  # pyright: ignore[reportArgumentType]
    other = MissionLoop(mission, LocalFleet(mission), EventLog())
    other.set_state(saved)
    for _ in range(6):
        assert whole.step() == other.step()
    assert whole.ops.job.tolist() == other.ops.job.tolist()


def test_landings_are_checked_and_part_of_the_key(mission: MissionSpec) -> None:
    assert mission_key(mission) != mission_key(
        replace(mission, fleet=tuple(replace(one, lands_s=0) for one in mission.fleet))
    )
    with pytest.raises(MissionError, match="must be 0 or more"):
        replace(mission, fleet=(*mission.fleet[:-1], replace(mission.fleet[-1], lands_s=-1)))
    with pytest.raises(MissionError, match="is the station"):
        replace(mission, fleet=(replace(mission.fleet[0], lands_s=60), *mission.fleet[1:]))
