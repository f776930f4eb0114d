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
Float32s = NDArray[np.float32]
Ints32 = NDArray[np.int32]
Short = float | np.float32  # a kernel that is given numbers of 32 bits works in these

FAR_H: Final = 480  # [h] how far ahead darkness is looked for
MORE_H: Final = FAR_H + 2  # [h] of the sky that are kept past the end of a mission
WHOLE: Final = 1 << 20  # [-] light is kept as whole numbers, this many for the whole disc: sums are exact in any order

RUN_H: Final = 16  # [h] most hours in a run: elevations change little in it
RUNS: Final = 64  # [-] runs that are looked at together
PAST_H: Final = 64  # [h] of blank sky past the last: what is read together is read as a whole
SLACK_DEG: Final = (
    0.001  # [deg] by which a body must clear the ground, or miss, for a whole run of hours to be settled at once
)
WIDEST_DEG: Final = 0.2725  # [deg] the Sun's radius is never more, seen from the Moon

# rows of the sky: for the Sun, the Earth and the relay each the two azimuths of the horizons that it stands between, how far it is
# from the first to the second, sine and cosine of its azimuth, elevation [deg] at the middle of the site; last the Sun's radius
AZ_A, AZ_B, AZ_W, SINE, COSINE, ELEVATION = range(6)
SUN, EARTH, RELAY, RADIUS = 0, 6, 12, 18
SKY_COLUMNS = 19
# the same once more in short numbers, for each of the bodies: how far it is from the first azimuth to the second, degrees by which it
# stands higher per metre east and per metre north, elevation at the middle of the site, radius (of the Sun only)
WEIGHT, EAST, NORTH, UP, DISC = range(5)
QUICK_COLUMNS = 5
QUICK_DEG: Final = (
    1e-4  # [deg] what these say is right to within this; nearer to the ground than this the long numbers are asked
)
# rows of a run of hours in which a body stays between two azimuths: these, its lowest and highest elevation, the hour after it, degrees
# by which it stands higher per metre east and north in the middle of its azimuths, and by how much that may differ
RUN_A, RUN_B, LOWEST, HIGHEST, UNTIL, EASTWARD, NORTHWARD, SPREAD = range(8)
RUN_COLUMNS = 8


class Almanac(NamedTuple):
    """Horizons of S sites, hours of their skies, and which of both each of W worlds has."""

    horizon: Int16s  # [n] 0.001 deg, all sites one after another
    layout: (
        Ints  # [S, 4] of each site: where it begins in ``horizon``, steps from one azimuth, row and column to the next
    )
    frame: Floats  # [S, 7] of each site: x_left, y_top, cell_m, rows, cols, centre x, centre y
    sky: Floats  # [19, rows] hours of skies; `PAST_H` that nobody asks for stand at the end
    quick: Float32s  # [3, 5, rows] of the Sun, the Earth and the relay
    runs: Float32s  # [3, 8, rows] of the three too: runs of hours; each sky's begin at its first column
    run_of: Ints32  # [3, rows] which run an hour is in, counted from the first of its sky
    site: Ints  # [W]
    sky_at: Ints  # [W] first row of its sky: others may share it
    first: Ints  # [W] column of ``sky`` of the first hour of the mission
    hours: Ints  # [W] hours of it that there are


def frame_of(ref: GeoRef) -> Floats:
    """The frame of a map as the kernels read it, float64 [7]."""
    return np.array([ref.x_left, ref.y_top, ref.cell_m, ref.rows, ref.cols, *ref.centre])


def sky_rows(
    site: Site, relay: Relay | None, times: Floats, sky: Floats, quick: Float32s, runs: Float32s, run_of: Ints32
) -> None:
    """Fill hours of the sky of a site at ``times`` float64 [n], seconds TDB past J2000.

    ``sky`` is float64 [19, n], ``quick`` float32 [3, 5, n], ``runs`` float32 [3, 8, n], ``run_of`` int32 [3, n]; see `Almanac`.
    """
    seen, count = site.sky.sample(times), site.horizon.azimuths
    az, el = np.full(len(times), -90.0), np.full(len(times), -90.0)
    if relay is not None:
        look = relay.look(times, site.sky.lon_deg, site.sky.lat_deg)
        az, el = look.az_deg, look.el_deg
    bodies = ((seen.sun_az_deg, seen.sun_el_deg), (seen.earth_az_deg, seen.earth_el_deg), (az, el))
    for n, ((az, el), at) in enumerate(zip(bodies, (SUN, EARTH, RELAY), strict=True)):
        _lay(count, az, el, sky, at, runs[n], run_of[n])
        quick[n, WEIGHT], quick[n, UP] = sky[at + AZ_W], sky[at + ELEVATION]
        quick[n, EAST], quick[n, NORTH] = np.degrees(sky[at + SINE : at + COSINE + 1] / MOON_RADIUS_M)
    sky[RADIUS] = quick[0, DISC] = seen.sun_radius_deg


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


def blank_sky(rows: int) -> tuple[Floats, Float32s, Float32s, Ints32]:
    """Room for so many hours: ``sky``, ``quick``, ``runs`` and ``run_of`` of an `Almanac`."""
    return (
        np.zeros((SKY_COLUMNS, rows)),
        np.zeros((3, QUICK_COLUMNS, rows), dtype=np.float32),
        np.zeros((3, RUN_COLUMNS, rows), dtype=np.float32),
        np.zeros((3, rows), dtype=np.int32),
    )


def hours_of(
    skies: tuple[Floats, Float32s, Float32s, Ints32], part: slice
) -> tuple[Floats, Float32s, Float32s, Ints32]:
    """Some of the hours of ``sky``, ``quick``, ``runs`` and ``run_of``."""
    sky, quick, runs, run_of = skies
    return sky[:, part], quick[..., part], runs[..., part], run_of[:, part]


def almanac_of(site: Site, t0: float, duration_s: int, relay: Relay | None) -> Almanac:
    """The almanac of one mission."""
    hours = duration_s // 3600 + MORE_H
    skies = blank_sky(hours + PAST_H)
    sky_rows(site, relay, t0 + np.arange(hours, dtype=np.float64) * 3600.0, *hours_of(skies, slice(hours)))
    horizon, layout = horizons_as_they_are(site)
    zero = np.zeros(1, dtype=np.int64)
    frame = frame_of(site.ref)[None]
    return Almanac(horizon, layout, frame, *skies, zero, zero, zero, np.array([hours], dtype=np.int64))


@kernel
def _lay(count: int, az: Floats, el: Floats, sky: Floats, at: int, runs: Float32s, run_of: Ints32) -> None:
    """Fill the rows of ``sky`` [19, n] from ``at`` on for a body at (az, el) [n], over horizons of ``count`` azimuths, and its runs."""
    run, begin = -1, 0
    for i in range(az.size):
        a, b, w = azimuth_bin(count, az[i])
        sky[at + AZ_A, i], sky[at + AZ_B, i], sky[at + AZ_W, i] = a, b, w
        azimuth = math.radians(az[i])
        sky[at + SINE, i], sky[at + COSINE, i], sky[at + ELEVATION, i] = math.sin(azimuth), math.cos(azimuth), el[i]
        if run < 0 or runs[RUN_A, run] != a or i - begin >= RUN_H:
            run, begin = run + 1, i
            runs[RUN_A, run], runs[RUN_B, run] = a, b
            runs[LOWEST, run] = runs[HIGHEST, run] = el[i]
        runs[LOWEST, run], runs[HIGHEST, run] = min(runs[LOWEST, run], el[i]), max(runs[HIGHEST, run], el[i])
        runs[UNTIL, run] = i + 1
        run_of[i] = run
    begin = 0
    for n in range(run + 1):
        middle = math.radians((runs[RUN_A, n] + 0.5) * 360.0 / count)
        sine, cosine, spread = math.sin(middle), math.cos(middle), 0.0
        for i in range(begin, int(runs[UNTIL, n])):
            spread = max(spread, abs(sky[at + SINE, i] - sine), abs(sky[at + COSINE, i] - cosine))
        runs[EASTWARD, n], runs[NORTHWARD, n] = math.degrees(sine / MOON_RADIUS_M), math.degrees(cosine / MOON_RADIUS_M)
        runs[SPREAD, n] = math.degrees(spread / MOON_RADIUS_M)
        begin = int(runs[UNTIL, n])


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
    """How far [deg] a body of hour ``sky[:, k]`` stands above the horizon of a place (`moonfleet.terrain.light.clearance_deg`).

    ``begin`` is where the first azimuth of the place's cell stands in ``horizon``, ``step`` what leads to the next.
    """
    a, b, w = int(sky[body + AZ_A, k]), int(sky[body + AZ_B, k]), sky[body + AZ_W, k]
    tilt = tilt_deg(dx, dy, sky[body + SINE, k], sky[body + COSINE, k])
    edge = 0.001 * ((1.0 - w) * horizon[begin + a * step] + w * horizon[begin + b * step])
    return sky[body + ELEVATION, k] + tilt - edge


@forced_kernel
def edges_of(almanac: Almanac, body: int, run: int, begin: int, step: int) -> tuple[np.float32, np.float32]:
    """Horizon [deg] of a place at the two azimuths of a run."""
    at = np.uint64(run)
    first = almanac.horizon[np.uint64(begin + int(almanac.runs[body, RUN_A, at]) * step)]
    second = almanac.horizon[np.uint64(begin + int(almanac.runs[body, RUN_B, at]) * step)]
    return np.float32(0.001) * np.float32(first), np.float32(0.001) * np.float32(second)


@forced_kernel
def clears(
    runs: Float32s, body: int, run: int, first: Short, second: Short, dx: Short, dy: Short, above: Short, below: Short
) -> int:
    """Whether a body stands at least ``above`` degrees over the ground in all (1) hours of a run, or at most ``below`` (-1); else 0.

    ``first`` and ``second`` are the horizon [deg] at the run's azimuths; a 0 says that hours must be looked at one by one.
    """
    at = np.uint64(run)
    tilt = dx * runs[body, EASTWARD, at] + dy * runs[body, NORTHWARD, at]
    slack = np.float32(SLACK_DEG) + (abs(dx) + abs(dy)) * runs[body, SPREAD, at]
    lowest = runs[body, LOWEST, at] + tilt - max(first, second) - slack
    highest = runs[body, HIGHEST, at] + tilt - min(first, second) + slack
    return int(lowest >= above) - int(highest <= below)


@forced_kernel
def clear_of_run(
    quick: Float32s,
    body: int,
    k: int,
    first: Short,
    second: Short,
    dx: Short,
    dy: Short,
    thresholds: Short,
    out: Float32s,
) -> None:
    """How far [deg] a body stands over the ground in the `RUN_H` hours from ``k`` on, to within `QUICK_DEG`, into ``out`` [RUN_H].

    All at once: a processor does sixteen of these as fast as one, where it knows that they lie side by side: numbers without a sign do
    not count from the end. ``thresholds`` of the Sun's radius are taken off.
    """
    hour = np.uint64(k)
    for i in range(RUN_H):
        at = hour + np.uint64(i)
        edge = first + quick[body, WEIGHT, at] * (second - first)
        tilt = dx * quick[body, EAST, at] + dy * quick[body, NORTH, at]
        out[i] = quick[body, UP, at] + tilt - edge - thresholds * quick[body, DISC, at]


@forced_kernel
def light_of(horizon: Int16s, begin: int, step: int, dx: float, dy: float, sky: Floats, k: int) -> int:
    """Share of the Sun's disc in sight from a place in hour ``sky[:, k]``, in `WHOLE` parts; arguments as `clear_by`."""
    return light_at(clear_by(horizon, begin, step, dx, dy, sky, k, SUN), sky[RADIUS, k])


@forced_kernel
def light_at(clear: float, radius: float) -> int:
    """Share of the Sun's disc in sight, in `WHOLE` parts, when its middle stands ``clear`` degrees above the ground."""
    if clear >= radius:
        return WHOLE
    if clear <= -radius:
        return 0
    return int(disc_lit(clear, 0.0, radius) * WHOLE + 0.5)
