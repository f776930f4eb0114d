"""Which policy each robot of a scenario decides by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from moonfleet.autonomy.errors import PolicyError

from .scenario_model import Scenario

if TYPE_CHECKING:
    from moonfleet.autonomy.policy import Policy


def check_policy(name: str) -> str:
    """Return ``name`` if it is a policy's, or the full path of a trained one; raises `PolicyError`."""
    station_policy(name)
    return str(Path(name).resolve()) if is_trained(name) else name


def is_trained(name: str) -> bool:
    """Whether a word means a file or folder, as it does where it is no name of a policy."""
    from moonfleet.autonomy.policies import POLICIES

    return name not in POLICIES and Path(name).exists()


def station_policy(name: str, seed: int = 0, robot: int = -1) -> Policy:
    """Return the policy of a robot: by name, or a trained one by its file or folder.

    Raises
    ------
    PolicyError
        There is neither, or the trained one is damaged or was trained for other observations.
    """
    from moonfleet.autonomy import observation as layout
    from moonfleet.autonomy.policies import named_policy

    if not is_trained(name):
        return named_policy(name, seed, robot)
    from .trained import TrainedPolicy

    policy = TrainedPolicy.load(name)
    if (policy.sizes[0], policy.sizes[-1], policy.low.size) != (layout.SIZE, layout.N_ACTIONS, 0):
        raise PolicyError(
            f"policy = {name!r}: was trained for {policy.env_id}: takes {policy.sizes[0]} numbers to {policy.sizes[-1]}, a robot "
            f"of a mission sees {layout.SIZE} and chooses of {layout.N_ACTIONS}"
        )
    return policy


def build_policies(scenario: Scenario, seed: int) -> dict[str, Policy]:
    """Return robot's name -> policy for those that do not decide by the default one; ``seed`` is the mission's.

    Raises
    ------
    PolicyError
        There is no policy of that name.
    """
    from moonfleet.autonomy.policies import DEFAULT

    names = {robot.name: robot.policy or scenario.policy for robot in scenario.fleet}
    trained = {name: station_policy(name) for name in set(names.values()) if is_trained(name)}  # shared: asked together
    return {
        robot: trained.get(name) or station_policy(name, seed, index)
        for index, (robot, name) in enumerate(names.items())
        if name != DEFAULT
    }
