"""How likely a lander or rover that stands here stands badly: slope, rock under the belly, and what is unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .elevation_patch import ElevationPatch
from .errors import FootprintError
from .footprint_fit import F32, F64, footprint_fit


@dataclass(frozen=True, slots=True)
class Footprint:
    """The round ground that a machine stands on, and what it bears there.

    Parameters
    ----------
    radius_m : radius of the disc around legs and belly [m] > 0.
    max_slope_deg : steepest slope of its least-squares plane [deg], 0..90.
    max_rock_m : how far ground may stand above that plane [m] > 0: the clearance.

    Raises
    ------
    FootprintError : a number outside these.
    """

    radius_m: float = 2.0
    max_slope_deg: float = 10.0
    max_rock_m: float = 0.3

    def __post_init__(self) -> None:
        for name, most in (("radius_m", math.inf), ("max_slope_deg", 90.0), ("max_rock_m", math.inf)):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 < value <= most):
                raise FootprintError(
                    f"footprint.{name}: {value!r}; must be above 0 and {f'at most {most:g}' if most < math.inf else 'finite'}."
                )


class FootprintHazard(NamedTuple):
    """Of the footprint centred on each cell, as the sensed heights have it."""

    slope_deg: F64  # [R, C] NaN where the known cells span no plane
    rms_m: F64  # [R, C]
    rise_m: F64  # [R, C] largest height above the plane, with the noise in it
    p_unsafe: F32  # [R, C] chance 0..1 that the true ground breaks a limit of the footprint
    unknown: F32  # [R, C] share of the footprint that is unknown


def footprint_hazard(
    ground: ElevationPatch | NDArray[np.floating],
    footprint: Footprint,
    noise_sigma_m: float,
    cell_m: float | None = None,
) -> FootprintHazard:
    """Return slope, roughness and the chance of being unsafe for the footprint centred on every cell.

    Parameters
    ----------
    ground : the patch, or heights float [R, C] with NaN where unknown and their ``cell_m``.
    footprint : size and limits.
    noise_sigma_m : standard deviation of one cell's height [m] >= 0.

    Raises
    ------
    PatchError, FootprintError : see `plane_fit`; FootprintError also for a noise that is no number.
    """
    if not (math.isfinite(noise_sigma_m) and noise_sigma_m >= 0.0):
        raise FootprintError(f"noise_sigma_m: {noise_sigma_m!r}; must be a number of metres, at least 0.")
    if isinstance(ground, ElevationPatch):
        heights, cell = ground.elevation_m, ground.ref.cell_m
    else:
        heights, cell = ground, math.nan if cell_m is None else cell_m
    fit = footprint_fit(heights, cell, footprint.radius_m)
    bias = 2.5 * noise_sigma_m
    margin = np.fmax(
        (fit.slope_deg - footprint.max_slope_deg) / 0.5,
        (fit.rise_m - bias - footprint.max_rock_m) / (0.02 + 0.5 * noise_sigma_m),
    )
    chance = 0.5 * (1.0 + np.tanh(0.5 * margin))
    p = np.where(np.isnan(fit.slope_deg), 1.0, chance).astype(np.float32)
    return FootprintHazard(fit.slope_deg, fit.rms_m, fit.rise_m, p, fit.unknown)
