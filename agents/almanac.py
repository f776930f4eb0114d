"""The sky hour by hour over the horizons of maps: what forecasts are worked out from, by kernels, for one mission or for many at once.

A forecast is made for the middle of a map cell: what a robot can know of light and links is as fine as its map. An hour of the sky
is kept as the kernels want it (between which azimuths of the horizons a body stands, sine and cosine of its azimuth), so that it is
worked out once for all places. The numbers that come out are those of `moonfleet.terrain.light`, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.horizon import azimuth_bin
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import disc_lit
from moonfleet.terrain.relay import Relay
from moonfleet.terrain.site import Site

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Int16s = NDArray[np.int16]

FAR_H: Final = 480  # [h] how far ahead darkness is looked for
MORE_H: Final = FAR_H + 2  # [h] of the sky that are kept past the end of a mission
WHOLE: Final = 1 << 20  # [-] light is kept as whole numbers, this many for the whole disc: sums are exact in any order

RUN_H: Final = 16  # [h] most hours in a run: elevations change little in it
SLACK_DEG: Final = (
    0.001  # [deg] by which a body must clear the ground, or miss, for a whole run of hours to be settled at once
)

# columns of an hour of the sky: for the Sun, the Earth and the relay each the two azimuths of the horizons that it stands between, how
# far it is from the first to the second, sine and cosine of its azimuth, elevation [deg] at the middle of the site; then how many hours it
# stays between these two azimuths, with its lowest and highest elevation in them; last the Sun's radius
AZ_A, AZ_B, AZ_W, SINE, COSINE, ELEVATION, STAYS, LOWEST, HIGHEST = range(9)
SUN, EARTH, RELAY, RADIUS = 0, 9, 18, 27
SKY_COLUMNS = 28


class Almanac(NamedTuple):
    """Horizons of S sites, hours of their skies, and which of both each of W worlds has."""

    horizon: Int16s  # [n] 0.001 deg, all sites one after another
    layout: (
        Ints  # [S, 4] of each site: where it begins in ``horizon``, steps from one azimuth, row and column to the next
    )
    frame: Floats  # [S, 7] of each site: x_left, y_top, cell_m, rows, cols, centre x, centre y
    sky: Floats  # [rows, 28] hours of skies
    site: Ints  # [W]
    first: Ints  # [W] row of ``sky`` of the first hour of the mission
    hours: Ints  # [W] hours of it that there are


def frame_of(ref: GeoRef) -> Floats:
    """The frame of a map as the kernels read it, float64 [7]."""
    return np.array([ref.x_left, ref.y_top, ref.cell_m, ref.rows, ref.cols, *ref.centre])


def sky_rows(site: Site, relay: Relay | None, times: Floats) -> Floats:
    """Hours of the sky of a site at ``times`` float64 [n], seconds TDB past J2000: float64 [n, 28]."""
    sky = site.sky.sample(times)
    out = np.empty((len(times), SKY_COLUMNS))
    count = site.horizon.azimuths
    _lay(count, sky.sun_az_deg, sky.sun_el_deg, out[:, SUN:EARTH])
    _lay(count, sky.earth_az_deg, sky.earth_el_deg, out[:, EARTH:RELAY])
    if relay is None:
        nowhere = np.full(len(times), -90.0)
        _lay(count, nowhere, nowhere, out[:, RELAY:RADIUS])
    else:
        look = relay.look(times, site.sky.lon_deg, site.sky.lat_deg)
        _lay(count, look.az_deg, look.el_deg, out[:, RELAY:RADIUS])
    out[:, RADIUS] = sky.sun_radius_deg
    return out


def horizons_as_they_are(site: Site) -> tuple[Int16s, Ints]:
    """The horizons of one site without a copy, and their layout [1, 4]."""
    _, rows, cols = site.horizon.millideg.shape
    return site.horizon.millideg.reshape(-1), np.array([[0, rows * cols, cols, 1]], dtype=np.int64)


def horizons_by_cell(sites: Sequence[Site]) -> tuple[Int16s, Ints]:
    """The horizons of several sites, copied so that all azimuths of a cell lie together, and their layout [S, 4].

    Hours that follow each other are then neighbours in memory, which is what counts when thousands of places are looked up.
    """
    parts, layout, begin = [], [], 0
    for site in sites:
        cube = site.horizon.millideg
        count, _, cols = cube.shape
        parts.append(np.ascontiguousarray(cube.transpose(1, 2, 0)).reshape(-1))
        layout.append((begin, 1, cols * count, count))
        begin += cube.size
    return parts[0] if len(parts) == 1 else np.concatenate(parts), np.array(layout, dtype=np.int64)


def almanac_of(site: Site, t0: float, duration_s: int, relay: Relay | None) -> Almanac:
    """The almanac of one mission."""
    hours = duration_s // 3600 + MORE_H
    rows = sky_rows(site, relay, t0 + np.arange(hours, dtype=np.float64) * 3600.0)
    horizon, layout = horizons_as_they_are(site)
    zero = np.zeros(1, dtype=np.int64)
    return Almanac(horizon, layout, frame_of(site.ref)[None], rows, zero, zero, np.array([hours], dtype=np.int64))


@kernel
def _lay(count: int, az: Floats, el: Floats, out: Floats) -> None:
    """Fill out [n, 9] for a body at (az, el) [n], over horizons of ``count`` azimuths."""
    for i in range(az.size):
        out[i, AZ_A], out[i, AZ_B], out[i, AZ_W] = azimuth_bin(count, az[i])
        azimuth = math.radians(az[i])
        out[i, SINE], out[i, COSINE], out[i, ELEVATION] = math.sin(azimuth), math.cos(azimuth), el[i]
    for i in range(az.size - 1, -1, -1):
        out[i, STAYS], out[i, LOWEST], out[i, HIGHEST] = 1.0, el[i], el[i]
        if i + 1 < az.size and out[i + 1, AZ_A] == out[i, AZ_A] and out[i + 1, STAYS] < RUN_H:
            out[i, STAYS] += out[i + 1, STAYS]
            out[i, LOWEST] = min(el[i], out[i + 1, LOWEST])
            out[i, HIGHEST] = max(el[i], out[i + 1, HIGHEST])


@forced_kernel
def cell_at(frame: Floats, s: int, x: float, y: float) -> tuple[int, int]:
    """Map cell (row, col) of a place on site ``s``, the nearest one for a place outside (`GeoRef.cell_of`)."""
    row = int(math.floor((frame[s, 1] - y) / frame[s, 2]))
    col = int(math.floor((x - frame[s, 0]) / frame[s, 2]))
    return min(max(row, 0), int(frame[s, 3]) - 1), min(max(col, 0), int(frame[s, 4]) - 1)


@forced_kernel
def middle_of(frame: Floats, s: int, row: int, col: int) -> tuple[float, float]:
    """Metres (dx, dy) from the middle of site ``s`` to the middle of a cell."""
    return (col - 0.5 * (frame[s, 4] - 1.0)) * frame[s, 2], (0.5 * (frame[s, 3] - 1.0) - row) * frame[s, 2]


@forced_kernel
def tilt_deg(dx: float, dy: float, sine: float, cosine: float) -> float:
    """By how much a body stands higher at (dx, dy) than at the middle, given sine and cosine of its azimuth (`local_elevation_deg`)."""
    return math.degrees((dx * sine + dy * cosine) / MOON_RADIUS_M)


@forced_kernel
def clear_by(horizon: Int16s, begin: int, step: int, dx: float, dy: float, sky: Floats, k: int, body: int) -> float:
    """How far [deg] a body of hour ``sky[k]`` stands above the horizon of a place (`moonfleet.terrain.light.clearance_deg`).

    ``begin`` is where the first azimuth of the place's cell stands in ``horizon``, ``step`` what leads to the next.
    """
    a, b, w = int(sky[k, body + AZ_A]), int(sky[k, body + AZ_B]), sky[k, body + AZ_W]
    tilt = tilt_deg(dx, dy, sky[k, body + SINE], sky[k, body + COSINE])
    edge = 0.001 * ((1.0 - w) * horizon[begin + a * step] + w * horizon[begin + b * step])
    return sky[k, body + ELEVATION] + tilt - edge


@forced_kernel
def clear_for_hours(
    horizon: Int16s, begin: int, step: int, lean_deg: float, sky: Floats, k: int, body: int, radius: float
) -> tuple[int, int]:
    """Whether a disc clears the ground in all (1) or none (-1) of the hours from ``sky[k]`` on that it stays between two azimuths.

    With it the number of these hours; 0 and 1 where the hours must be looked at one by one. ``lean_deg`` is the most by which the
    place's own horizontal leans.
    """
    first = horizon[begin + int(sky[k, body + AZ_A]) * step]
    second = horizon[begin + int(sky[k, body + AZ_B]) * step]
    reach = radius + lean_deg + SLACK_DEG
    if sky[k, body + LOWEST] - 0.001 * max(first, second) >= reach:
        return 1, int(sky[k, body + STAYS])
    if sky[k, body + HIGHEST] - 0.001 * min(first, second) <= -reach:
        return -1, int(sky[k, body + STAYS])
    return 0, 1


@forced_kernel
def lean_of(dx: float, dy: float) -> float:
    """The most [deg] by which a body stands higher or lower at (dx, dy) metres from the middle of a site than there."""
    return math.degrees((abs(dx) + abs(dy)) / MOON_RADIUS_M)


@forced_kernel
def light_of(horizon: Int16s, begin: int, step: int, dx: float, dy: float, sky: Floats, k: int) -> int:
    """Share of the Sun's disc in sight from a place in hour ``sky[k]``, in `WHOLE` parts; arguments as `clear_by`."""
    clear, radius = clear_by(horizon, begin, step, dx, dy, sky, k, SUN), sky[k, RADIUS]
    if clear >= radius:
        return WHOLE
    if clear <= -radius:
        return 0
    return int(disc_lit(clear, 0.0, radius) * WHOLE + 0.5)
