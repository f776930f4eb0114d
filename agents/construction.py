"""A construction robot: drives to the works and shares them with others of its kind."""

from __future__ import annotations

import math

from .messages import JobOffer
from .robot import DrivingRobot

APART_M = 5.0  # two machines on one job stand at least about this far apart
GOLDEN_ANGLE_RAD = math.pi * (3.0 - math.sqrt(5.0))  # successive robots get well-spread bearings


class ConstructionRobot(DrivingRobot):
    """Grades, levels and hauls; each machine keeps to its own side of the works."""

    def spot(self, offer: JobOffer) -> tuple[float, float]:
        """A place beside the centre of the works, on a bearing of this robot's own."""
        bearing = GOLDEN_ANGLE_RAD * self.setup.index
        return offer.x + APART_M * math.sin(bearing), offer.y + APART_M * math.cos(bearing)
