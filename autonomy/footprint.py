"""How likely a lander or rover that stands here stands badly: slope, rock under the belly, and what is unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .elevation_patch import ElevationPatch
from .errors import FootprintError
from .footprint_fit import F32, F64, footprint_fit, plane_fit
from .footprint_law import BRIDGED_WEIGHT, cell_features, load_law, patch_features, smooth


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
    """Of the footprint centred on each cell."""

    slope_deg: F64  # [R, C] of the least-squares plane, NaN where the known cells span none
    rms_m: F64  # [R, C] residual of the sensed heights, noise included
    rise_m: F64  # [R, C] largest height above the plane after averaging over 3 x 3 cells
    p_unsafe: (
        F32  # [R, C] chance 0..1 that the true ground breaks a limit of the footprint; 1 where nothing can be said
    )
    unknown: F32  # [R, C] share of the footprint that is unknown or outside the patch


def footprint_hazard(
    ground: ElevationPatch | NDArray[np.floating],
    footprint: Footprint,
    noise_sigma_m: float,
    cell_m: float | None = None,
) -> FootprintHazard:
    """Return slope, roughness and the chance of being unsafe for the footprint centred on every cell.

    Parameters
    ----------
    ground : the patch, or heights float [R, C] with NaN where unknown, and then ``cell_m``.
    footprint : size and limits.
    noise_sigma_m : standard deviation of one measured height [m] >= 0.

    Raises
    ------
    PatchError, FootprintError : see `plane_fit`; FootprintError also for a noise that is no number.
    """
    if not (math.isfinite(noise_sigma_m) and noise_sigma_m >= 0.0):
        raise FootprintError(f"noise_sigma_m: {noise_sigma_m!r}; must be a number of metres, at least 0.")
    cell = ground.ref.cell_m if isinstance(ground, ElevationPatch) else (math.nan if cell_m is None else cell_m)
    slope, rms, rise, unknown = observe(ground, footprint.radius_m, cell)
    steep, high, uneven = (np.empty(slope.shape, dtype=np.float32) for _ in range(3))
    limits = footprint.max_slope_deg, footprint.max_rock_m
    cell_features(slope, rise, rms, *limits, steep, high, uneven)
    whole = patch_features(footprint.max_rock_m, footprint.radius_m, cell, noise_sigma_m)
    chance = load_law().chance(steep, high, uneven, unknown, whole)
    chance[np.isnan(slope) | np.isnan(rise)] = 1.0
    return FootprintHazard(slope, rms, rise, chance, unknown)


def observe(ground: ElevationPatch | NDArray[np.floating], radius_m: float, cell_m: float) -> tuple[F64, F64, F64, F32]:
    """Return slope, rms, rise of the averaged heights, and the unknown share (see `FootprintHazard`)."""
    heights = ground.elevation_m if isinstance(ground, ElevationPatch) else ground
    plane = plane_fit(heights, cell_m, radius_m)
    z = np.ascontiguousarray(heights, dtype=np.float64)
    weight = np.isfinite(z).astype(np.float32)
    if isinstance(ground, ElevationPatch):
        weight *= np.where(ground.trusted, np.maximum(ground.count, 1), BRIDGED_WEIGHT).astype(np.float32)
    calm = np.empty(z.shape)
    smooth(z, weight, calm)
    if not np.isfinite(calm).any():  # too little known to average
        calm = z
    return plane.slope_deg, plane.rms_m, footprint_fit(calm, cell_m, radius_m).rise_m, plane.unknown
