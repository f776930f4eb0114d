"""Which class of robot plays which role."""

from __future__ import annotations

from moonfleet.autonomy.policy import Policy
from moonfleet.terrain.site import Site

from .construction import ConstructionRobot
from .hopper import Hopper
from .lander import Lander
from .map_drive import MapBuilder, MapRover
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


MAP_ROLES: dict[str, type[Robot]] = {**ROLES, "rover": MapRover, "construction": MapBuilder}  # that drive by map alone


def make_robot(setup: RobotSetup, site: Site, policy: Policy) -> Robot:
    """Make the robot that plays the role of its machine, with the eyes of its mission."""
    roles = MAP_ROLES if setup.perception == "map" else ROLES
    return roles[setup.spec.role](setup, site, policy)
