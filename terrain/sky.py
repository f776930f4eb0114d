"""Where the Sun and the Earth stand, from any place on the Moon, at any time.

The Earth's path comes from ``epv00`` (VSOP2000 shortened), the Moon's from ``moon98`` (ELP2000 shortened, Meeus 1998), both
from ERFA; the Moon's attitude from the IAU series (`moonfleet.terrain.orientation`). Positions include the Sun's aberration
(0.006 deg); the Earth's (0.0002 deg) is left out. Positions are computed at *nodes*, fixed multiples of 6 h, kept in blocks
of 128, and interpolated with cubics: the same time gives the same bytes whatever else was asked, and a table is fast.

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
from .constants import AU_M, DAY_S, J2000_JD, LIGHT_SPEED_M_S, MOON_RADIUS_M, SOLAR_CONSTANT_W_M2, SUN_RADIUS_M
from .errors import SkyError
from .kernel import kernel
from .orientation import body_axes

Array = NDArray[np.float64]

NODE_S: Final = 21_600.0  # [s] node spacing; the cubic's error at this spacing is 2e-5 deg
BLOCK: Final = 128  # nodes per block
FIRST_T: Final = utc_to_tdb("1973-01-01T00:00:00")
LAST_T: Final = utc_to_tdb("2099-12-01T00:00:00")


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
        times = _times(t)
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


@lru_cache(maxsize=2048)
def _block(index: int) -> Array:
    """Return the nodes of one block, float64 [BLOCK, 6] (Sun xyz, Earth xyz, metres, body-fixed), read-only; 6 kB."""
    t = (np.arange(BLOCK, dtype=np.float64) + index * BLOCK) * NODE_S
    moon, moon_speed = geocentric_moon(t)
    earth, earth_speed = heliocentric_earth(t)
    sun = -(earth + moon)
    # Light time and stellar aberration together: first order in speed relative to the Sun over the speed of light.
    distance = np.sqrt(sun[:, 0] ** 2 + sun[:, 1] ** 2 + sun[:, 2] ** 2)
    apparent = sun + (earth_speed + moon_speed) * (distance / LIGHT_SPEED_M_S)[:, None]
    apparent_distance = np.sqrt(apparent[:, 0] ** 2 + apparent[:, 1] ** 2 + apparent[:, 2] ** 2)
    apparent *= (distance / apparent_distance)[:, None]
    axes = body_axes(t)
    nodes = np.empty((BLOCK, 6))
    for i in range(3):
        a, b, c = axes[:, i, 0], axes[:, i, 1], axes[:, i, 2]
        nodes[:, i] = a * apparent[:, 0] + b * apparent[:, 1] + c * apparent[:, 2]
        nodes[:, 3 + i] = -(a * moon[:, 0] + b * moon[:, 1] + c * moon[:, 2])
    nodes.flags.writeable = False
    return nodes


def _nodes(t: Array) -> tuple[Array, Array]:
    """Return the nodes that ``t`` needs, float64 [blocks, BLOCK, 6], and the block numbers as float64, sorted."""
    if t.size == 0:
        return np.zeros((1, BLOCK, 6)), np.zeros(1)
    span = NODE_S * BLOCK
    wanted = np.unique(np.floor((t[:, None] / NODE_S + np.array([-2.0, 3.0])) / BLOCK))
    if wanted.size > 1 and (t.max() - t.min()) < 64 * span:
        wanted = np.arange(wanted[0], wanted[-1] + 1.0)
    return np.stack([_block(int(i)) for i in wanted]), wanted


def _times(t: ArrayLike) -> Array:
    times = np.ascontiguousarray(np.atleast_1d(np.asarray(t, dtype=np.float64)))
    if times.ndim != 1:
        raise SkyError(f"times of shape {times.shape}: need one number or one row of numbers.")
    bad = ~((times >= FIRST_T) & (times <= LAST_T))
    if bad.any():
        raise SkyError(f"time {times[bad][0]} s past J2000: outside 1973..2099, where the ephemeris holds.")
    return times


def _vectors(t: ArrayLike) -> Array:
    times = _times(t)
    out = np.empty((times.size, 6))
    _interpolate(times, *_nodes(times), out)
    return out


def _lonlat(v: Array) -> tuple[Array, Array]:
    lon = np.degrees(np.arctan2(v[:, 1], v[:, 0]))
    return lon, np.degrees(np.arctan2(v[:, 2], np.hypot(v[:, 0], v[:, 1])))


@kernel
def _node_at(nodes: Array, blocks: Array, number: float, b: int) -> tuple[int, int]:
    """Return the block row and the place in it of node ``number``, searching from block row ``b`` on."""
    block = math.floor(number / BLOCK)
    while b > 0 and blocks[b] > block:
        b -= 1
    while b < blocks.size - 1 and blocks[b] < block:
        b += 1
    return b, int(number - block * BLOCK)


@kernel
def _interpolate(t: Array, nodes: Array, blocks: Array, out: Array) -> None:
    """Fill out [n, 6] with cubic (4-point Lagrange) interpolation of the nodes at t [n]."""
    b = 0
    for i in range(t.size):
        place = t[i] / NODE_S
        start = math.floor(place)
        f = place - start
        w0 = -f * (f - 1.0) * (f - 2.0) / 6.0
        w1 = (f + 1.0) * (f - 1.0) * (f - 2.0) / 2.0
        w2 = -(f + 1.0) * f * (f - 2.0) / 2.0
        w3 = (f + 1.0) * f * (f - 1.0) / 6.0
        b0, k0 = _node_at(nodes, blocks, start - 1.0, b)
        b1, k1 = _node_at(nodes, blocks, start, b0)
        b2, k2 = _node_at(nodes, blocks, start + 1.0, b1)
        b3, k3 = _node_at(nodes, blocks, start + 2.0, b2)
        b = b0
        for j in range(6):
            out[i, j] = w0 * nodes[b0, k0, j] + w1 * nodes[b1, k1, j] + w2 * nodes[b2, k2, j] + w3 * nodes[b3, k3, j]


@kernel
def _look(t: Array, nodes: Array, blocks: Array, frame: Array, out: Array) -> None:
    """Fill out [6, n] with the fields of `SkyTable` as seen from the point of the sphere under ``frame``."""
    vectors = np.empty((t.size, 6))
    _interpolate(t, nodes, blocks, vectors)
    for i in range(t.size):
        for body in range(2):
            dx = vectors[i, 3 * body] - MOON_RADIUS_M * frame[2, 0]
            dy = vectors[i, 3 * body + 1] - MOON_RADIUS_M * frame[2, 1]
            dz = vectors[i, 3 * body + 2] - MOON_RADIUS_M * frame[2, 2]
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
