"""A fleet of minds behind one interface: in this process, or spread over Ray actors (see `ray_fleet`).

Loop and minds speak in batches: one message of a few arrays to each squad, one back, however many robots it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from moonfleet.autonomy.observation import GO_ON
from moonfleet.autonomy.policy import Observation, Policy, StationKeeper, act_on_all
from moonfleet.terrain.site import Site

from .errors import RobotError
from .messages import Asked, Replies, Reply, Sensed
from .mission import MissionSpec
from .robot import RobotSetup
from .roles import make_robot

States = dict[int, dict[str, object]]


class Fleet(Protocol):
    """Many minds, asked together; answers do not depend on where they run."""

    def decide(self, asked: Asked) -> Replies:
        """Each robot's policy chooses, its executive answers."""
        ...

    def carry_out(self, asked: Asked, actions: Sequence[int]) -> Replies:
        """The executive answers to choices made elsewhere (an environment), one for each row of ``asked``."""
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
        own, rules = policies or {}, StationKeeper()
        self.robots = {setup.index: make_robot(setup, site, own.get(setup.index) or rules) for setup in setups}

    def decide(self, asked: Asked) -> Replies:
        """See `Fleet.decide`; robots that share a policy are put to it together."""
        rows_of: dict[int, list[int]] = {}
        minds = [self.robots[index] for index in asked.robots.tolist()]
        for row, mind in enumerate(minds):
            rows_of.setdefault(id(mind.policy), []).append(row)
        actions = [GO_ON] * len(minds)
        for rows in rows_of.values():
            seen = Observation(asked.vectors[rows], asked.masks[rows])
            first = minds[rows[0]]
            chosen = act_on_all(first.policy, seen)
            if len(chosen) != len(rows):
                raise RobotError(f"{first.setup.name}: its policy answered {len(chosen)} times for {len(rows)} robots")
            for row, action in zip(rows, chosen, strict=True):
                actions[row] = action
        return self.carry_out(asked, actions)

    def carry_out(self, asked: Asked, actions: Sequence[int]) -> Replies:
        """See `Fleet.carry_out`."""
        replies: list[Reply] = []
        for row, (index, action) in enumerate(zip(asked.robots.tolist(), actions, strict=True)):
            replies.append(self.robots[index].carry_out(asked.situation(row, action), action))
        return Replies.pack(asked.robots, replies)

    def step(self, sensed: Sensed) -> Replies:
        """See `Fleet.step`."""
        replies = [self.robots[index].step(sensed.sense(row)) for row, index in enumerate(sensed.robots.tolist())]
        return Replies.pack(sensed.robots, replies)

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
