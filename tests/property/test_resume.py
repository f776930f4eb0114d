"""Taking up a saved state changes no byte, whichever step it was saved at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from moonfleet.agents import checkpoint
from moonfleet.agents.catalogue import FaultSpec, FaultsSpec
from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.autonomy.policy import Policy, RandomPolicy
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.site import Site
from tests.missions import small_mission

DAY = {"t0": utc_to_tdb("2030-06-10T00:00:00"), "duration_s": 20 * 3600}
PICTURES = {"perception": "rendered", "duration_s": 3 * 3600}


def new_loop(mission: MissionSpec, policies: dict[int, Policy] | None) -> MissionLoop:
    return MissionLoop(mission, LocalFleet(mission, policies), EventLog())


FAILING = DAY | {"faults": True}


def often(mission: MissionSpec) -> MissionSpec:
    """The same fleet with subsystems that fail every few hours, where the mission has failures at all."""
    law = FaultSpec(per_h=0.3, repair_h=1.0, help_share=0.1)
    faults = FaultsSpec(mobility=law, power=law, comm=law, payload=law, thermal=law)
    fleet = tuple(replace(member, spec=member.spec.model_copy(update={"faults": faults})) for member in mission.fleet)
    return replace(mission, fleet=fleet)


@pytest.mark.parametrize("changes", [DAY, PICTURES, FAILING], ids=["day", "pictures", "failing"])
@pytest.mark.parametrize("random", [False, True], ids=["keeper", "random"])
def test_a_mission_taken_up_anew_after_every_step_writes_the_same_events(
    small_site: Site, changes: dict[str, Any], random: bool
) -> None:
    mission = often(small_mission(small_site, **changes))
    policies: dict[int, Policy] | None = None
    if random:
        policies = {robot: RandomPolicy(3, robot) for robot in range(len(mission.fleet))}
    whole = new_loop(mission, policies)
    while not whole.finished:
        whole.step()
    loop = new_loop(mission, policies)
    events = []
    while not loop.finished:
        loop.step()
        events += loop.log.pending
        count, saved = loop.log.count, checkpoint.nest(checkpoint.flatten(loop.get_state()))  # pyright: ignore
        loop = new_loop(mission, policies)
        loop.set_state(saved)
        loop.log.count = count
    assert events == whole.log.pending
    assert bool(whole.world.state.comm_draws.max() > 2) == mission.faults
