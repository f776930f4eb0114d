"""Where the Sun never shines: permanent shadow, exact on a site and on a grid of a thousand kilometres alike.

Over one turn of the lunar nodes (18.6 years) the Sun comes to its southernmost latitude at every longitude. What a cell can
see of it is then bounded, for each azimuth, by one spherical triangle between the cell, the pole and the Sun: with the cell
at latitude phi, the Sun at declination d and local azimuth A, its elevation el solves
``sin d = sin phi sin el + cos phi cos el cos A``. The right side falls as el grows (south of the Moon's tropic), so a horizon
hides the upper limb for ever if and only if it exceeds ``sin d`` at no azimuth when el is put at the horizon less the
Sun's radius: no equation need be solved, and no time step walked.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .clock import utc_to_tdb
from .constants import JULIAN_YEAR_S, MOON_RADIUS_M, SUN_RADIUS_M
from .errors import SiteError
from .grid import GeoRef, label_cells, polar_lonlat
from .horizon import Horizon
from .kernel import kernel
from .light import check_shape, step_times
from .sky import sun_vector
from .threads import Progress, for_each

Array = NDArray[np.float64]
BoolGrid = NDArray[np.bool_]
Int16Cube = NDArray[np.int16]

NODAL_CYCLE_S: Final = 18.6 * JULIAN_YEAR_S  # [s] one turn of the Moon's nodes [S]
CYCLE_FROM: Final = utc_to_tdb("2026-01-01T00:00:00")  # the cycle whose extreme stands for all
STEP_S: Final = 21_600.0  # [s] the Sun's latitude moves by 0.01 deg in this time at most
TROPIC_DEG: Final = -2.0  # [deg] south of this the triangle has one solution: past the Sun's own latitudes, +-1.59 deg


class LowestSun(NamedTuple):
    """The Sun when its southern limb stands farthest south: declination, radius and parallax at the surface [deg]."""

    declination_deg: float
    radius_deg: float
    parallax_deg: float


class ShadowRegion(NamedTuple):
    """A patch of shadow: its number in the label grid, area on the sphere, and centroid (longitude 0..360)."""

    label: int
    area_km2: float
    lon_deg: float
    lat_deg: float


@lru_cache(maxsize=8)
def southernmost_sun(t0: float = CYCLE_FROM, t1: float = CYCLE_FROM + NODAL_CYCLE_S) -> LowestSun:
    """Return the Sun of [t0, t1) (s TDB past J2000) whose limb reaches farthest south, from the ephemeris."""
    sun = sun_vector(step_times(t0, t1, STEP_S))
    distance = np.sqrt((sun * sun).sum(axis=1))
    declination, radius = np.arcsin(sun[:, 2] / distance), np.arcsin(SUN_RADIUS_M / distance)
    i = int(np.argmax(radius - declination))
    parallax = math.degrees(MOON_RADIUS_M / float(distance[i]))
    return LowestSun(math.degrees(declination[i]), math.degrees(radius[i]), parallax)


def permanent_shadow(
    ref: GeoRef,
    horizon: Horizon,
    sun: LowestSun | None = None,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> BoolGrid:
    """Return where no part of the Sun's disc ever rises above the horizon, bool [R, C].

    Every cell has its own latitude, longitude and local azimuths, so the grid may be as wide as the frame.

    Parameters
    ----------
    ref, horizon
        The ground's georeference and its horizons [A, R, C].
    sun
        The extreme Sun; default: `southernmost_sun`, of a whole nodal cycle.
    progress
        Called as ``progress(done, rows)`` from this thread.
    threads
        Number of threads; default: all cores. The result does not depend on it.

    Raises
    ------
    SkyError
        A horizon of another shape.
    SiteError
        A grid that reaches to the tropics of the Moon, where the Sun passes overhead.
    """
    check_shape(ref, horizon)
    left, bottom, right, top = ref.bounds
    corner = max(math.hypot(x, y) for x in (left, right) for y in (bottom, top))
    if polar_lonlat(corner, 0.0)[1] > TROPIC_DEG:
        raise SiteError(f"shadow: a grid {corner / 1000.0:.0f} km from the pole; allowed: south of {TROPIC_DEG:g} deg.")
    sun = sun or southernmost_sun()
    # elevation of the Sun's middle, as seen from the Moon's centre, when its upper limb is at each possible horizon
    edge = 0.001 * np.arange(-32768, 32768)
    middle = np.radians(edge - sun.radius_deg + sun.parallax_deg * np.cos(np.radians(edge)))
    sin_el, cos_el = np.sin(middle), np.cos(middle)
    out = np.ones(ref.shape, dtype=np.bool_)
    sin_d = math.sin(math.radians(sun.declination_deg))
    x, y = ref.xy(np.zeros(ref.cols), np.arange(ref.cols))[0], ref.xy(np.arange(ref.rows), np.zeros(ref.rows))[1]

    def row(r: int) -> None:
        _never_lit(horizon.millideg, r, x, float(y[r]), sin_el, cos_el, sin_d, out[r])

    for_each(row, ref.rows, threads, progress)
    return out


def shadow_regions(mask: BoolGrid, ref: GeoRef) -> list[ShadowRegion]:
    """Return the patches of ``mask`` [R, C], largest first, with their areas on the sphere: cell area over map scale squared.

    Cells hang together by sides and corners, as a neck narrower than a cell does; ``label`` is the number in
    ``label_cells(mask, diagonal=True)``.
    """
    if mask.shape != ref.shape:
        raise SiteError(f"shadow.mask: shape {mask.shape}; allowed: {ref.shape}, as its georeference.")
    label = label_cells(mask, diagonal=True)
    rows, cols = np.nonzero(label)
    if rows.size == 0:
        return []
    which = label[rows, cols]
    x, y = ref.xy(rows, cols)
    # metres on the map per metre on the sphere: 1 / cos(colatitude / 2)^2
    scale = 1.0 + (x * x + y * y) / (4.0 * MOON_RADIUS_M**2)
    numbers = np.arange(1, int(which.max()) + 1)
    area = np.asarray(ndimage.sum_labels((ref.cell_m / scale) ** 2, which, numbers))
    lon, lat = polar_lonlat(*(np.asarray(ndimage.mean(v, which, numbers), dtype=np.float64) for v in (x, y)))
    found = [
        ShadowRegion(int(n), float(a) / 1e6, float(i), float(j))
        for n, a, i, j in zip(numbers, area, lon, lat, strict=True)
    ]
    return sorted(found, key=lambda region: (-region.area_km2, region.label))


@kernel
def _never_lit(
    millideg: Int16Cube, r: int, x: Array, y: float, sin_el: Array, cos_el: Array, sin_d: float, out: BoolGrid
) -> None:
    """Clear out [C] of row ``r`` where the Sun's limb stands above the horizon at some azimuth; x [C], y in metres."""
    count = millideg.shape[0]
    half = 2.0 * MOON_RADIUS_M
    for k in range(count):
        azimuth = k * 2.0 * math.pi / count
        east, north = math.sin(azimuth), math.cos(azimuth)
        for c in range(x.size):
            if not out[c]:
                continue
            u, v = x[c] / half, y / half  # tangent of half the colatitude, times sine and cosine of the longitude
            s = u * u + v * v
            sin_lat = (s - 1.0) / (s + 1.0)
            towards_north = 2.0 * (v * north + u * east) / (s + 1.0)  # cos(latitude) cos(azimuth - longitude)
            i = int(millideg[k, r, c]) + 32768
            if sin_lat * sin_el[i] + towards_north * cos_el[i] > sin_d:
                out[c] = False
