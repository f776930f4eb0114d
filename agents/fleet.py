"""A fleet of minds behind one interface: in this process, or spread over Ray actors (see `ray_fleet`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from moonfleet.autonomy.policy import Policy, StationKeeper
from moonfleet.terrain.site import Site

from .messages import Reply, Sense, Situation
from .mission import MissionSpec
from .robot import RobotSetup
from .roles import make_robot

Asked = dict[int, Situation]  # robot index -> what it decides on
Sensed = dict[int, Sense]
Replies = dict[int, Reply]
States = dict[int, dict[str, object]]


class Fleet(Protocol):
    """Many minds, asked together; answers do not depend on where they run."""

    def decide(self, asked: Asked) -> Replies:
        """Each robot's policy chooses, its executive answers."""
        ...

    def carry_out(self, asked: Asked, actions: dict[int, int]) -> Replies:
        """The executive answers to choices made elsewhere (an environment)."""
        ...

    def step(self, sensed: Sensed) -> Replies:
        """Drive step of the robots that asked to be attended."""
        ...

    def get_state(self) -> States:
        """State of every mind, as nested mappings of arrays."""
        ...

    def set_state(self, states: States) -> None:
        """Take up states made by `get_state`."""
        ...

    def close(self) -> None:
        """Release what the fleet holds."""
        ...


def robot_setups(mission: MissionSpec) -> list[RobotSetup]:
    """What each robot of a mission is born with, in fleet order."""
    return [
        RobotSetup(
            index=index,
            name=member.name,
            spec=member.spec,
            home=member.xy or (0.0, 0.0),
            seed=mission.seed,
            perception=mission.perception,
            drive_s=mission.drive_s,
            zones=mission.zones,
        )
        for index, member in enumerate(mission.fleet)
    ]


class Squad:
    """Some robots of one fleet, in one process; the unit that an actor holds."""

    def __init__(self, setups: Sequence[RobotSetup], site: Site, policies: dict[int, Policy] | None = None) -> None:
        own = policies or {}
        self.robots = {
            setup.index: make_robot(setup, site, own.get(setup.index) or StationKeeper()) for setup in setups
        }

    def decide(self, asked: Asked) -> Replies:
        """See `Fleet.decide`."""
        return {index: self.robots[index].decide(situation) for index, situation in asked.items()}

    def carry_out(self, asked: Asked, actions: dict[int, int]) -> Replies:
        """See `Fleet.carry_out`."""
        return {index: self.robots[index].carry_out(asked[index], actions[index]) for index in asked}

    def step(self, sensed: Sensed) -> Replies:
        """See `Fleet.step`."""
        return {index: self.robots[index].step(sense) for index, sense in sensed.items()}

    def get_state(self) -> States:
        """See `Fleet.get_state`."""
        return {index: robot.get_state() for index, robot in self.robots.items()}

    def set_state(self, states: States) -> None:
        """See `Fleet.set_state`."""
        for index, state in states.items():
            self.robots[index].set_state(state)


class LocalFleet(Squad):
    """All robots in this process."""

    def __init__(self, mission: MissionSpec, policies: dict[int, Policy] | None = None) -> None:
        super().__init__(robot_setups(mission), mission.site, policies)

    def close(self) -> None:
        """Nothing to release."""
