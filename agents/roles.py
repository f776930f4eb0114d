"""Which class of robot plays which role."""

from __future__ import annotations

from moonfleet.autonomy.policy import Policy
from moonfleet.terrain.site import Site

from .construction import ConstructionRobot
from .hopper import Hopper
from .lander import Lander
from .orbiter import Orbiter
from .robot import Robot, RobotSetup
from .rover import Rover

ROLES: dict[str, type[Robot]] = {
    "rover": Rover,
    "lander": Lander,
    "hopper": Hopper,
    "orbiter": Orbiter,
    "construction": ConstructionRobot,
}


def make_robot(setup: RobotSetup, site: Site, policy: Policy) -> Robot:
    """Make the robot that plays the role of its machine."""
    return ROLES[setup.spec.role](setup, site, policy)
