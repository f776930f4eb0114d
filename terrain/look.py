"""What every relay satellite offers, whatever its orbit: where it is, and where it stands in the sky of a place."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constants import MOON_RADIUS_M
from .kernel import kernel
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
    out = np.empty((3, len(position)))
    _look(np.ascontiguousarray(position, dtype=np.float64), _frame_of(float(lon_deg), float(lat_deg)), out)
    return Look(*out)


@lru_cache(maxsize=64)
def _frame_of(lon_deg: float, lat_deg: float) -> Array:
    """`grid_frame`, kept: a place is looked from many times."""
    return grid_frame(lon_deg, lat_deg)


@kernel
def _look(position: Array, frame: Array, out: Array) -> None:
    """Fill out [3, n] with azimuth, elevation [deg] and range [m] seen from the point of the sphere under ``frame``."""
    for i in range(len(position)):
        dx = position[i, 0] - MOON_RADIUS_M * frame[2, 0]
        dy = position[i, 1] - MOON_RADIUS_M * frame[2, 1]
        dz = position[i, 2] - MOON_RADIUS_M * frame[2, 2]
        x = dx * frame[0, 0] + dy * frame[0, 1] + dz * frame[0, 2]
        y = dx * frame[1, 0] + dy * frame[1, 1] + dz * frame[1, 2]
        z = dx * frame[2, 0] + dy * frame[2, 1] + dz * frame[2, 2]
        level = math.sqrt(x * x + y * y)
        out[0, i] = math.degrees(math.atan2(x, y)) % 360.0
        out[1, i] = math.degrees(math.atan2(z, level))
        out[2, i] = math.sqrt(level * level + z * z)
