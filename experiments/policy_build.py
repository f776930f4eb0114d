"""Which policy each robot of a scenario decides by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .scenario_model import Scenario

if TYPE_CHECKING:
    from moonfleet.autonomy.policy import Policy


def check_policy(name: str) -> str:
    """Return ``name`` if it is a policy's; raises `PolicyError`."""
    from moonfleet.autonomy.policies import named_policy

    named_policy(name)
    return name


def build_policies(scenario: Scenario, seed: int) -> dict[str, Policy]:
    """Return robot's name -> policy for those that do not decide by the default one; ``seed`` is the mission's.

    Raises
    ------
    PolicyError
        There is no policy of that name.
    """
    from moonfleet.autonomy.policies import DEFAULT, named_policy

    names = {robot.name: robot.policy or scenario.policy for robot in scenario.fleet}
    return {
        robot: named_policy(name, seed, index) for index, (robot, name) in enumerate(names.items()) if name != DEFAULT
    }
