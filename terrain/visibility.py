"""How often each cell sees the Earth, or a relay: the share of time that it stands above the terrain."""

from __future__ import annotations

import math
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constants import MOON_RADIUS_M
from .exposure import exposure_table, share_in_sight
from .grid import GeoRef
from .horizon import Horizon
from .light import check_shape, step_times
from .look import Look
from .sky import Sky
from .threads import Progress

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]

STEEPEST_DEG: Final = 33.0  # [deg] no horizon is kept above or below this (int16 in 0.001 deg)


class InTheSky(Protocol):
    """Anything that can be looked at from a place: any `moonfleet.terrain.look.Relay`."""

    def look(self, t: ArrayLike, lon_deg: float, lat_deg: float) -> Look:
        """Return where it stands at ``t`` float64 [n] from a place of the reference sphere."""
        ...


def earth_visibility(
    ref: GeoRef,
    horizon: Horizon,
    sky: Sky,
    t0: float,
    t1: float,
    step_s: float = 3600.0,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Float32Grid:
    """Return the share of [t0, t1) in which the Earth's centre stands above the terrain, float32 [R, C] in 0..1.

    Parameters as `moonfleet.terrain.light_year.light_year`. Resolved to 0.01 deg of elevation and half a step of azimuth of
    the horizons. Raises `SkyError` for a horizon of another shape or an empty period.
    """
    check_shape(ref, horizon)
    seen = sky.sample(step_times(t0, t1, step_s))
    return _share(ref, horizon, seen.earth_az_deg, seen.earth_el_deg, progress, threads)


def relay_visibility(
    ref: GeoRef,
    horizon: Horizon,
    relay: InTheSky,
    t0: float,
    t1: float,
    step_s: float = 600.0,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Float32Grid:
    """Return the share of [t0, t1) in which a relay stands above the terrain, float32 [R, C] in 0..1.

    ``relay`` is anything with ``look(t, lon_deg, lat_deg)``. It is looked at from the middle of ``ref``; over a site's
    width its parallax is left out, as everywhere. The other parameters and the errors as `earth_visibility`.
    """
    check_shape(ref, horizon)
    seen = relay.look(step_times(t0, t1, step_s), *ref.lonlat())
    return _share(ref, horizon, seen.az_deg % 360.0, seen.el_deg, progress, threads)


def _share(
    ref: GeoRef, horizon: Horizon, az_deg: Array, el_deg: Array, progress: Progress | None, threads: int | None
) -> Float32Grid:
    # what is higher than any horizon is always in sight, what is lower never: the table need not reach further
    reach = STEEPEST_DEG + math.degrees(0.5 * ref.cell_m * (ref.rows + ref.cols) / MOON_RADIUS_M)
    table = exposure_table(az_deg, np.clip(el_deg, -reach, reach), np.zeros(el_deg.size), horizon.azimuths)
    return share_in_sight(ref, horizon, table, threads, progress)
