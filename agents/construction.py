"""A construction robot: drives to the works and shares them with others of its kind."""

from __future__ import annotations

from .messages import JobOffer
from .mission_zones import closed_cells
from .robot import DrivingRobot
from .travel import beside

APART_M = 5.0  # two machines on one job stand at least about this far apart


class ConstructionRobot(DrivingRobot):
    """Grades, levels and hauls; each machine keeps to its own side of the works."""

    def spot(self, offer: JobOffer) -> tuple[float, float]:
        """A place beside the centre of the works, on a bearing of this robot's own; the centre where zones close that place."""
        spot, zones = beside((offer.x, offer.y), self.setup.index, APART_M), self.setup.zones
        if zones is not None and closed_cells(self.site, zones)[self.site.ref.cell_of(*spot)]:
            return offer.x, offer.y
        return spot
