"""A rover: drives to its job and works there."""

from __future__ import annotations

from .robot import DrivingRobot


class Rover(DrivingRobot):
    """Surveys and drills over the whole site."""
