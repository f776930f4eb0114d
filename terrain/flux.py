"""What sunlight brings: the one law of incident power, for panels, robots and the ground.

A surface receives the flux of the whole disc, times the share of the disc in sight, times the cosine of the angle between
its normal and the Sun (Lambert's cosine law; the disc, half a degree wide, counts as at its middle). A disc whose middle is
behind the surface gives nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .constants import SOLAR_CONSTANT_W_M2
from .errors import SkyError
from .kernel import kernel
from .lanes import most
from .sky import SkyTable

Array = NDArray[np.float64]


@kernel
def suns(flux_w_m2: float) -> float:
    """Return a flux in units of the Sun's at 1 au."""
    return flux_w_m2 / SOLAR_CONSTANT_W_M2


@kernel
def panel_power_w(rated_w_1au: float, flux_w_m2: float, lit: float, cosine: float) -> float:
    """Return the electrical power [W] of a panel that gives ``rated_w_1au`` when it faces a whole Sun at 1 au."""
    return rated_w_1au * suns(flux_w_m2) * lit * cosine


@kernel
def incident_w_m2(flux_w_m2: float, lit: float, cosine: float) -> float:
    """Return the power per area [W/m2] on a surface; ``lit`` 0..1 the share of the disc in sight."""
    return flux_w_m2 * lit * cosine


@kernel
def facing_cosine(sun_az_deg: float, sun_el_deg: float, tilt_deg: float, facing_az_deg: float) -> float:
    """Return the cosine 0..1 between the Sun and the normal of a plane, 0 from behind.

    The plane is tilted by ``tilt_deg`` from level (90: upright) towards the azimuth ``facing_az_deg``.
    """
    el, tilt = math.radians(sun_el_deg), math.radians(tilt_deg)
    across = math.cos(math.radians(sun_az_deg - facing_az_deg))
    return facing(math.sin(el), math.cos(el), math.sin(tilt), math.cos(tilt), across)


@kernel
def facing(sin_el: float, cos_el: float, sin_tilt: float, cos_tilt: float, across: float) -> float:
    """Return what `facing_cosine` does, of sines and cosines; ``across`` is that of the azimuths' difference. One number each, or lanes."""
    return most(sin_el * cos_tilt + cos_el * sin_tilt * across, 0.0)


def on_tilted(sky: SkyTable, lit: ArrayLike, tilt_deg: float, facing_az_deg: float) -> Array:
    """Return W/m2 on a fixed plane tilted by ``tilt_deg`` (0 level .. 90 upright .. 180) towards a grid azimuth.

    Parameters
    ----------
    sky
        The sky [n] of the place; over a wide site that of the place itself, for a level plane is sensitive to 0.1 deg.
    lit
        Share of the disc in sight, [n] or [cells, n], as `moonfleet.terrain.light.lit_series` gives it.

    Returns
    -------
    float64 of the shape of ``lit``.

    Raises
    ------
    SkyError
        ``lit`` of another number of times or outside 0..1, or an angle that is not allowed.
    """
    if not (0.0 <= tilt_deg <= 180.0 and math.isfinite(facing_az_deg)):
        raise SkyError(
            f"panel: tilt {tilt_deg!r}, facing {facing_az_deg!r}; allowed: tilt 0..180 deg, a finite azimuth."
        )
    cosine = np.empty(sky.sun_az_deg.size)
    _cosines(sky.sun_az_deg, sky.sun_el_deg, float(tilt_deg), float(facing_az_deg), cosine)
    return _incident(sky, lit, cosine)


def on_horizontal(sky: SkyTable, lit: ArrayLike) -> Array:
    """Return W/m2 on a level plane; parameters, shape and errors as `on_tilted`."""
    return on_tilted(sky, lit, 0.0, 0.0)


def on_vertical(sky: SkyTable, lit: ArrayLike, facing_az_deg: float | None = None) -> Array:
    """Return W/m2 on an upright plane that faces a grid azimuth, or, with None, turns with the Sun; else as `on_tilted`."""
    if facing_az_deg is not None:
        return on_tilted(sky, lit, 90.0, facing_az_deg)
    return _incident(sky, lit, np.cos(np.radians(sky.sun_el_deg)))


def on_tracking(sky: SkyTable, lit: ArrayLike) -> Array:
    """Return W/m2 on a plane that always faces the Sun; parameters, shape and errors as `on_tilted`."""
    return _incident(sky, lit, np.ones(sky.sun_az_deg.size))


def _incident(sky: SkyTable, lit: ArrayLike, cosine: Array) -> Array:
    share = np.asarray(lit, dtype=np.float64)
    if share.ndim == 0 or share.shape[-1] != sky.flux_w_m2.size:
        raise SkyError(f"lit: shape {share.shape} for {sky.flux_w_m2.size} times; allowed: [n] or [cells, n].")
    if not ((share >= 0.0) & (share <= 1.0)).all():
        raise SkyError("lit: a share outside 0..1.")
    out = np.empty(share.shape)
    cells = np.ascontiguousarray(share).reshape(-1, share.shape[-1])
    _incident_cells(sky.flux_w_m2, cells, cosine, out.reshape(cells.shape))
    return out


@kernel
def _cosines(az: Array, el: Array, tilt: float, facing: float, out: Array) -> None:
    """Fill out [n] with the cosines of the Sun at (az, el) [n]."""
    for i in range(az.size):
        out[i] = facing_cosine(az[i], el[i], tilt, facing)


@kernel
def _incident_cells(flux: Array, lit: Array, cosine: Array, out: Array) -> None:
    """Fill out [cells, n] with the power per area under a flux [n], lit shares [cells, n] and cosines [n]."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = incident_w_m2(flux[k], lit[i, k], cosine[k])
