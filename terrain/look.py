"""What every relay satellite offers, whatever its orbit: where it is, and where it stands in the sky of a place."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constants import MOON_RADIUS_M
from .sky import grid_frame

Array = NDArray[np.float64]


class Look(NamedTuple):
    """Direction and range of a satellite from a place; every field float64 [n]. Grid azimuth, clockwise from +y."""

    az_deg: Array
    el_deg: Array
    range_m: Array


class Relay(Protocol):
    """A relay satellite on its orbit."""

    def position(self, t: ArrayLike) -> Array:
        """Return body-fixed positions [m], float64 [n, 3], at ``t`` [s TDB past J2000]."""
        ...

    def look(self, t: ArrayLike, lon_deg: float, lat_deg: float) -> Look:
        """Return where the satellite stands from a point of the reference sphere at ``t`` float64 [n]; no terrain."""
        ...

    def identity(self) -> dict[str, object]:
        """Return all that decides where the satellite is, ready for JSON."""
        ...


def look_from(lon_deg: float, lat_deg: float, position: Array) -> Look:
    """Return where body-fixed positions [m], float64 [n, 3], stand from a point of the reference sphere; no terrain."""
    frame = grid_frame(lon_deg, lat_deg)
    line = position - MOON_RADIUS_M * frame[2]
    x, y, z = (line[:, 0] * row[0] + line[:, 1] * row[1] + line[:, 2] * row[2] for row in frame)
    level = np.hypot(x, y)
    return Look(np.degrees(np.arctan2(x, y)) % 360.0, np.degrees(np.arctan2(z, level)), np.hypot(level, z))
