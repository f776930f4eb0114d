"""Where a mast camera looks: the wedge of ground in front of the robot, as a mask and a test for points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from moonfleet.terrain.grid import GeoRef


class MastCamera(NamedTuple):
    """A camera on a mast, its picture rectified to a bird's-eye grid.

    Attributes
    ----------
    height_m : lens above the ground [m].
    range_m : farthest ground used [m].
    fov_deg : horizontal field of view [deg]; 360 for a panorama.
    cell_m : size of a pixel of the rectified picture [m].
    """

    height_m: float = 1.5
    range_m: float = 20.0
    fov_deg: float = 90.0
    cell_m: float = 0.1

    @property
    def near_m(self) -> float:
        """Nearest ground that is seen [m]: the mast looks down at most 60 deg."""
        return self.height_m / math.tan(math.radians(60.0))

    def sees(
        self, x: NDArray[np.float64], y: NDArray[np.float64], pose_xy: tuple[float, float], heading_deg: float
    ) -> NDArray[np.bool_]:
        """Return which points [m] lie in the wedge, bool of the shape that ``x`` and ``y`` broadcast to.

        ``heading_deg`` is a grid azimuth (clockwise from +y).
        """
        dx, dy = x - pose_xy[0], y - pose_xy[1]
        distance = np.sqrt(dx * dx + dy * dy)
        heading = math.radians(heading_deg)
        ahead = dx * math.sin(heading) + dy * math.cos(heading)
        in_wedge = ahead >= distance * math.cos(math.radians(min(self.fov_deg, 360.0) / 2.0)) - 1e-9
        return (distance >= self.near_m) & (distance <= self.range_m) & in_wedge

    def mask(self, ref: GeoRef, pose_xy: tuple[float, float], heading_deg: float) -> NDArray[np.bool_]:
        """Return bool [R, C]: the cells of ``ref`` whose centres are in the wedge."""
        x, _ = ref.xy(np.zeros(ref.cols), np.arange(ref.cols))
        _, y = ref.xy(np.arange(ref.rows), np.zeros(ref.rows))
        return self.sees(x[None, :], y[:, None], pose_xy, heading_deg)
