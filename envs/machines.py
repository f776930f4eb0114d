"""Machines that environments are asked for: kinds of the robot catalogue, refused by the name of the option."""

from __future__ import annotations

from moonfleet.agents.catalogue import RobotSpec, robot_spec
from moonfleet.agents.errors import UnknownRobot

from .errors import EnvOptionError


def need_machine(field: str, kind: str) -> RobotSpec:
    """Return a kind of the robot catalogue; raise `EnvOptionError` naming ``field``, with the nearest kind, for one that is none."""
    try:
        return robot_spec(kind)
    except UnknownRobot as error:
        raise EnvOptionError(f"{field}: got {kind!r}; {error}") from error
