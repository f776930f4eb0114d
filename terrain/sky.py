"""Where the Sun and the Earth stand, from any place on the Moon, at any time.

The Earth's path comes from ``epv00`` (VSOP2000 shortened), the Moon's from ``moon98`` (ELP2000 shortened, Meeus 1998), both
from ERFA; the Moon's attitude from the IAU series (`moonfleet.terrain.orientation`). Positions include the Sun's aberration
(0.006 deg); the Earth's (0.0002 deg) is left out. Positions are computed at *nodes*, fixed multiples of a day, kept in blocks
of 128, and interpolated over 8 of them: the same time gives the same bytes whatever else was asked, and a table is fast.
Within a block ``epv00``, by far the slowest of the series, is asked only at 12 Chebyshev points of the path of the Earth-Moon
barycentre, which bends once a year; the monthly swing of the Earth about it comes from the Moon's own series.
Against DE421 and its lunar librations both directions are good to 0.006 deg over 2026 to 2046.

>>> sky = Sky(lon_deg=123.4, lat_deg=-88.8)
>>> table = sky.sample(np.array([utc_to_tdb("2029-01-05T00:00:00")]))
>>> round(float(table.sun_radius_deg[0]), 3)
0.271
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple, cast

import erfa
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clock import utc_to_tdb
from .constants import (
    AU_M,
    DAY_S,
    EARTH_MOON_MASS_RATIO,
    J2000_JD,
    LIGHT_SPEED_M_S,
    MOON_RADIUS_M,
    SOLAR_CONSTANT_W_M2,
    SUN_RADIUS_M,
)
from .errors import SkyError
from .kernel import kernel
from .orientation import body_axes

Array = NDArray[np.float64]

NODE_S: Final = 86_400.0  # [s] node spacing; 8 points at this spacing are good to 5e-6 deg
BLOCK: Final = 128  # nodes per block
POINTS: Final = 8  # nodes under each interpolation: three before the day it falls in, and four after its start
BEFORE: Final = 3
EARTH_SWING: Final = 1.0 / (1.0 + EARTH_MOON_MASS_RATIO)  # [-] Earth to barycentre over Earth to Moon
# 1 / product of (j - m) over m != j: Lagrange's denominators on evenly spaced nodes
SCALE: Final = np.array([-1 / 5040, 1 / 720, -1 / 240, 1 / 144, -1 / 144, 1 / 240, -1 / 720, 1 / 5040])
PATH_POINTS: Final = 12  # Chebyshev points of the barycentre's path in a block; good to 3e-7 deg
FIRST_T: Final = utc_to_tdb("1973-01-01T00:00:00")
LAST_T: Final = utc_to_tdb("2099-12-01T00:00:00")
FIRST_BLOCK: Final = math.floor(FIRST_T / NODE_S / BLOCK)
BLOCKS: Final = math.floor(LAST_T / NODE_S / BLOCK) - FIRST_BLOCK + 1  # blocks from FIRST_T to LAST_T


class SkyTable(NamedTuple):
    """The sky of one place at n times; every field is float64 [n]. Azimuths are grid azimuths, clockwise from +y."""

    sun_az_deg: Array
    sun_el_deg: Array  # centre of the disc above the horizontal plane; no terrain
    sun_radius_deg: Array  # angular radius of the disc
    flux_w_m2: Array  # on a panel that faces the Sun
    earth_az_deg: Array
    earth_el_deg: Array  # centre of the Earth


class Sky:
    """The sky of one place (degrees east, degrees north). Immutable; safe to share between threads."""

    __slots__ = ("_frame", "lat_deg", "lon_deg")

    def __init__(self, lon_deg: float, lat_deg: float) -> None:
        if not (math.isfinite(lon_deg) and -90.0 <= lat_deg <= 90.0):
            raise SkyError(
                f"place lon {lon_deg!r}, lat {lat_deg!r}: need a finite longitude and a latitude in -90..90 deg."
            )
        self.lon_deg: Final = float(lon_deg)
        self.lat_deg: Final = float(lat_deg)
        self._frame: Final = grid_frame(lon_deg, lat_deg)

    def __repr__(self) -> str:
        return f"Sky(lon_deg={self.lon_deg!r}, lat_deg={self.lat_deg!r})"

    def sample(self, t: ArrayLike) -> SkyTable:
        """Return the sky at ``t`` float64 [n], seconds of TDB past J2000. Raises `SkyError` outside 1973-2099."""
        times = checked_times(t)
        out = np.empty((6, times.size))
        _look(times, *_nodes(times), self._frame, out)
        return SkyTable(*out)


def sun_vector(t: ArrayLike) -> Array:
    """Return the apparent Sun seen from the Moon's centre, float64 [n, 3] metres, body-fixed axes (x: lon 0, z: north)."""
    return _vectors(t)[:, :3]


def earth_vector(t: ArrayLike) -> Array:
    """Return the Earth's centre seen from the Moon's centre, float64 [n, 3] metres, body-fixed axes."""
    return _vectors(t)[:, 3:]


def sub_solar_point(t: ArrayLike) -> tuple[Array, Array]:
    """Return longitude [-180, 180) and latitude [deg], float64 [n] each, of the point right under the Sun."""
    return _lonlat(sun_vector(t))


def sub_earth_point(t: ArrayLike) -> tuple[Array, Array]:
    """Return longitude [-180, 180) and latitude [deg], float64 [n] each, of the point right under the Earth."""
    return _lonlat(earth_vector(t))


def grid_frame(lon_deg: float, lat_deg: float) -> Array:
    """Return float64 [3, 3], rows: the body-fixed unit vectors of grid +x, grid +y and up at a place.

    Grid +y is the direction of grid azimuth 0 in south polar stereographic: local azimuth (from north, clockwise) minus lon.
    """
    lon, lat = math.radians(lon_deg), math.radians(lat_deg)
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    north = np.array([-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)])
    up = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    return np.stack([math.sin(lon) * north + math.cos(lon) * east, math.cos(lon) * north - math.sin(lon) * east, up])


def geocentric_moon(t: Array) -> tuple[Array, Array]:
    """Return position [m] and velocity [m/s] of the Moon from the Earth's centre, inertial axes, float64 [n, 3] each."""
    moon = np.asarray(erfa.moon98(J2000_JD, t / DAY_S))
    return moon["p"] * AU_M, moon["v"] * (AU_M / DAY_S)


def heliocentric_earth(t: Array) -> tuple[Array, Array]:
    """Return position [m] and velocity [m/s] of the Earth from the Sun, inertial axes, float64 [n, 3] each."""
    status = cast("tuple[np.ndarray, np.ndarray, np.ndarray]", erfa.ufunc.epv00(J2000_JD, t / DAY_S))
    earth = status[0]
    return earth["p"] * AU_M, earth["v"] * (AU_M / DAY_S)


def checked_times(t: ArrayLike) -> Array:
    """Return ``t`` as float64 [n]. Raises `SkyError` for a wrong shape and for times outside 1973-2099."""
    times = np.ascontiguousarray(np.atleast_1d(np.asarray(t, dtype=np.float64)))
    if times.ndim != 1:
        raise SkyError(f"times of shape {times.shape}: need one number or one row of numbers.")
    bad = ~((times >= FIRST_T) & (times <= LAST_T))
    if bad.any():
        raise SkyError(f"time {times[bad][0]} s past J2000: outside 1973..2099, where the ephemeris holds.")
    return times


@lru_cache(maxsize=BLOCKS)
def node_block(index: int) -> Array:
    """Return one block's nodes and the `POINTS` - 1 around it, float64 [135, 6], read-only; 6 kB, kept once computed.

    Columns are the apparent Sun and the Earth, x y z each, metres from the Moon's centre, body-fixed. Row k is the time
    ``(index * BLOCK - BEFORE + k) * NODE_S``; no block depends on another.
    """
    t = (np.arange(-BEFORE, BLOCK + POINTS - 1 - BEFORE, dtype=np.float64) + index * BLOCK) * NODE_S
    moon, moon_speed = geocentric_moon(t)
    path, path_speed = _barycentre(t)
    sun = -(path + (1.0 - EARTH_SWING) * moon)
    # Light time and stellar aberration together: first order in speed relative to the Sun over the speed of light.
    distance = np.sqrt(sun[:, 0] ** 2 + sun[:, 1] ** 2 + sun[:, 2] ** 2)
    apparent = sun + (path_speed + (1.0 - EARTH_SWING) * moon_speed) * (distance / LIGHT_SPEED_M_S)[:, None]
    apparent_distance = np.sqrt(apparent[:, 0] ** 2 + apparent[:, 1] ** 2 + apparent[:, 2] ** 2)
    apparent *= (distance / apparent_distance)[:, None]
    axes = body_axes(t)
    nodes = np.empty((t.size, 6))
    for i in range(3):
        a, b, c = axes[:, i, 0], axes[:, i, 1], axes[:, i, 2]
        nodes[:, i] = a * apparent[:, 0] + b * apparent[:, 1] + c * apparent[:, 2]
        nodes[:, 3 + i] = -(a * moon[:, 0] + b * moon[:, 1] + c * moon[:, 2])
    nodes.flags.writeable = False
    return nodes


def _barycentre(t: Array) -> tuple[Array, Array]:
    """Return position [m] and velocity [m/s] of the Earth-Moon barycentre from the Sun at one block's nodes, inertial axes.

    Read at Chebyshev points of the block and carried to the nodes by the polynomial through them.
    """
    angle = (2.0 * np.arange(PATH_POINTS) + 1.0) * (math.pi / (2 * PATH_POINTS))
    asked = 0.5 * (t[0] + t[-1]) + 0.5 * (t[-1] - t[0]) * np.cos(angle)
    earth, moon = heliocentric_earth(asked), geocentric_moon(asked)
    # Barycentric form of Lagrange's polynomial (Berrut and Trefethen 2004); no node of a block is a Chebyshev point.
    share = np.sin(angle) * np.where(np.arange(PATH_POINTS) % 2 == 0, 1.0, -1.0) / (t[:, None] - asked)
    out = np.zeros((2, t.size, 3))
    total = np.zeros(t.size)
    for k in range(PATH_POINTS):  # in this order, not by BLAS: the same bytes on every machine
        total += share[:, k]
        for kind in range(2):
            out[kind] += share[:, k, None] * (earth[kind][k] + EARTH_SWING * moon[kind][k])
    out /= total[:, None]
    return out[0], out[1]


def _nodes(t: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return the blocks that ``t`` needs, float64 [m, 135, 6], and the row of each block in them, int64 [BLOCKS]."""
    numbers = np.floor(t / NODE_S / BLOCK).astype(np.int64) - FIRST_BLOCK
    row_of = np.zeros(BLOCKS, dtype=np.int64)
    if numbers.size and numbers.min() == numbers.max():  # most often: all within one block
        return np.array(node_block(int(numbers[0]) + FIRST_BLOCK))[None], row_of
    wanted = np.flatnonzero(np.bincount(numbers, minlength=BLOCKS))
    row_of[wanted] = np.arange(wanted.size)
    blocks = [node_block(number + FIRST_BLOCK) for number in wanted.tolist()]
    return np.stack(blocks) if blocks else np.zeros((1, BLOCK + POINTS - 1, 6)), row_of


def _vectors(t: ArrayLike) -> Array:
    times = checked_times(t)
    out = np.empty((times.size, 6))
    _interpolate(times, *_nodes(times), out)
    return out


def _lonlat(v: Array) -> tuple[Array, Array]:
    lon = np.degrees(np.arctan2(v[:, 1], v[:, 0]))
    return lon, np.degrees(np.arctan2(v[:, 2], np.hypot(v[:, 0], v[:, 1])))


@kernel
def _at(t: float, nodes: Array, row_of: NDArray[np.int64], weight: Array, out: Array) -> None:
    """Fill out [6] with the 8-point Lagrange interpolation of the nodes at one time; ``weight`` [8] is scratch."""
    place = t / NODE_S
    day = math.floor(place)
    block = math.floor(day / BLOCK)
    first = int(day - block * BLOCK)
    row = row_of[int(block) - FIRST_BLOCK]
    past = place - day + BEFORE  # [nodes] since the first of the eight
    product = 1.0
    for j in range(POINTS):
        weight[j] = SCALE[j] * product
        product *= past - j
    product = 1.0
    for j in range(POINTS - 1, -1, -1):
        weight[j] *= product
        product *= past - j
    for k in range(6):
        total = 0.0
        for j in range(POINTS):
            total += weight[j] * nodes[row, first + j, k]
        out[k] = total


@kernel
def _interpolate(t: Array, nodes: Array, row_of: NDArray[np.int64], out: Array) -> None:
    """Fill out [n, 6] with the positions at t [n]."""
    weight = np.empty(POINTS)
    for i in range(t.size):
        _at(t[i], nodes, row_of, weight, out[i])


@kernel
def _look(t: Array, nodes: Array, row_of: NDArray[np.int64], frame: Array, out: Array) -> None:
    """Fill out [6, n] with the fields of `SkyTable` as seen from the point of the sphere under ``frame``."""
    weight, vector = np.empty(POINTS), np.empty(6)
    for i in range(t.size):
        _at(t[i], nodes, row_of, weight, vector)
        for body in range(2):
            dx = vector[3 * body] - MOON_RADIUS_M * frame[2, 0]
            dy = vector[3 * body + 1] - MOON_RADIUS_M * frame[2, 1]
            dz = vector[3 * body + 2] - MOON_RADIUS_M * frame[2, 2]
            x = dx * frame[0, 0] + dy * frame[0, 1] + dz * frame[0, 2]
            y = dx * frame[1, 0] + dy * frame[1, 1] + dz * frame[1, 2]
            z = dx * frame[2, 0] + dy * frame[2, 1] + dz * frame[2, 2]
            azimuth = math.degrees(math.atan2(x, y))
            out[4 * body, i] = azimuth + 360.0 if azimuth < 0.0 else azimuth
            out[4 * body + 1, i] = math.degrees(math.atan2(z, math.sqrt(x * x + y * y)))
            if body == 0:
                distance = math.sqrt(x * x + y * y + z * z)
                out[2, i] = math.degrees(math.asin(SUN_RADIUS_M / distance))
                out[3, i] = SOLAR_CONSTANT_W_M2 * (AU_M / distance) ** 2
