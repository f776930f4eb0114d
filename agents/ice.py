"""Ice in cold ground: where it keeps, how much of it an orbital map expects, and what is really there (hidden truth).

Ice keeps at the surface for a thousand million years where the ground never gets warmer than about 112 K (Paige et al. 2010,
Science 330, 479: Diviner). `warmest_k` estimates that warmest hour of every cell to first order: sunlight on the cell's own
slope at the highest Sun of each azimuth, radiated at once. Never-lit ground keeps the 45 K of old shadow. The rate at which a
column of regolith follows (`moonfleet.terrain.ground_temperature`) is left out: at the pole the Sun stands high for days.

What keeps ice need not hold it. Neutron counters, whose pixels are kilometres wide, see half a per cent of water-equivalent hydrogen
(Sanin et al. 2017, Icarus 283, 20); the plume of LCROSS held 5.6 +- 2.9 % by mass (Colaprete et al. 2010, Science 330, 463);
frost is seen in 3.5 % of the cold traps (Li et al. 2018, PNAS 115, 8907); and impact gardening leaves ice patchy at tens of metres
(Hurley et al. 2012, Geophys. Res. Lett. 39, L09203). So the truth is cold ground times a patch field: a lattice of nodes
`PATCH_M` apart of which a share `PATCH_SHARE` holds an exponential amount, linear between the nodes, of mean 1 everywhere. It is
a function of a key and a place, not an array: many worlds have each their own at no cost.

>>> patch(1, 10.0, 20.0) == patch(1, 10.0, 20.0)
True
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.ground_temperature import SCATTERED_W_M2, absorbed_w_m2, equilibrium_k
from moonfleet.terrain.kernel import kernel, leaf_kernel
from moonfleet.terrain.light import lit_at, local_elevation_deg, step_times
from moonfleet.terrain.site import Site

from .faults import exponential, uniform

STABLE_K = 112.0  # [K] warmest temperature at which ice at the surface keeps, Paige et al. 2010 [S]
MEAN_FRACTION = 0.056  # [-] mean mass fraction of ice in cold ground, LCROSS: Colaprete et al. 2010 [S]
MOST_FRACTION = 0.30  # [-] by mass: no pores left
PATCH_M = 80.0  # [m] between the nodes of the patch field: tens of metres, Hurley et al. 2012 [W]
PATCH_SHARE = 0.4  # [-] of the nodes that hold ice [W]
BLUR_M = 90.0  # [m] standard deviation of the orbital map's blur: a cell of a thermal map, 240 m [W]
YEAR = ("2029-01-01T00:00:00", "2030-01-01T00:00:00")  # whose Sun warms the ground
STEP_S = 3600.0  # [s]

Float32Grid = NDArray[np.float32]


class IceMap(NamedTuple):
    """Where ice keeps on a site; float32 [R, C] each."""

    warmest_k: Float32Grid  # first-order warmest temperature of the ground
    cold: Float32Grid  # 1 where ice keeps, else 0: part of the truth
    prior: Float32Grid  # expected mass fraction by the orbital map: `cold` blurred, times the mean


def ice_map(site: Site) -> IceMap:
    """Return where ice keeps on a site, and what the orbital map expects."""
    warmest = warmest_k(site)
    cold = (warmest < STABLE_K).astype(np.float32)
    prior = ndimage.gaussian_filter(cold, BLUR_M / site.ref.cell_m, mode="nearest", truncate=3.0)
    return IceMap(warmest, cold, np.clip(MEAN_FRACTION * prior, 0.0, MEAN_FRACTION).astype(np.float32))


def warmest_k(site: Site) -> Float32Grid:
    """Return the warmest temperature of the ground of every cell in a year [K], float32 [R, C]; see the module."""
    millideg = site.horizon.millideg
    sky = site.sky.sample(step_times(utc_to_tdb(YEAR[0]), utc_to_tdb(YEAR[1]), STEP_S))
    azimuths = len(millideg)
    of_azimuth = np.rint(np.mod(sky.sun_az_deg, 360.0) * azimuths / 360.0).astype(np.int64) % azimuths
    highest = np.full(azimuths, -90.0)
    np.maximum.at(highest, of_azimuth, sky.sun_el_deg)
    elevation = np.ascontiguousarray(site.grid.elevation_m, dtype=np.float64)
    to_south, to_east = (np.asarray(rise, np.float64) for rise in np.gradient(elevation, site.ref.cell_m))
    out = np.empty(site.ref.shape, np.float32)
    flux, radius = float(sky.flux_w_m2.max()), float(sky.sun_radius_deg.max())
    _warmest(millideg, to_east, -to_south, site.ref.cell_m, highest, flux, radius, out)
    return out


@kernel
def _warmest(
    millideg: NDArray[np.int16], to_east: NDArray[np.float64], to_north: NDArray[np.float64], cell_m: float,
    highest_deg: NDArray[np.float64], flux: float, radius_deg: float, out: Float32Grid,
) -> None:  # fmt: skip
    """Fill out [R, C]; ``to_east`` and ``to_north`` [R, C] are the rise per metre, ``highest_deg`` [A] the Sun per azimuth."""
    azimuths, rows, cols = millideg.shape
    for r in range(rows):
        for c in range(cols):
            dx, dy = (c - 0.5 * (cols - 1)) * cell_m, (0.5 * (rows - 1) - r) * cell_m
            east, north = to_east[r, c], to_north[r, c]
            normal = 1.0 / math.sqrt(1.0 + east * east + north * north)
            most = 0.0
            for a in range(azimuths):
                if highest_deg[a] <= -90.0:
                    continue
                az_deg = a * 360.0 / azimuths
                lit = lit_at(millideg, r, c, dx, dy, az_deg, highest_deg[a], radius_deg)
                if lit <= 0.0:
                    continue
                el, az = math.radians(local_elevation_deg(highest_deg[a], az_deg, dx, dy)), math.radians(az_deg)
                flat = math.cos(el)
                cosine = normal * (math.sin(el) - east * flat * math.sin(az) - north * flat * math.cos(az))
                if cosine > 0.0:
                    most = max(most, absorbed_w_m2(flux, lit, cosine))
            out[r, c] = equilibrium_k(most + SCATTERED_W_M2)


@leaf_kernel
def _node(key: int, i: int, j: int) -> float:
    """Return the amount at a node of the patch field: 0, or exponential; of mean 1."""
    if uniform(key, i, 0, j) >= PATCH_SHARE:
        return 0.0
    return exponential(key, i, 1, j) / PATCH_SHARE


@leaf_kernel
def patch(key: int, x: float, y: float) -> float:
    """Return the patch field of a key at a place [m]: 0 or more, of mean 1."""
    right, up = x / PATCH_M, y / PATCH_M
    i, j = math.floor(right), math.floor(up)
    a, b = right - i, up - j
    # The numbering of nodes is moved so that it is positive all over the frame
    i, j = int(i) + 1_000_000, int(j) + 1_000_000
    low = (1.0 - a) * _node(key, i, j) + a * _node(key, i + 1, j)
    high = (1.0 - a) * _node(key, i, j + 1) + a * _node(key, i + 1, j + 1)
    return (1.0 - b) * low + b * high


@leaf_kernel
def ice_fraction(key: int, cold: float, x: float, y: float) -> float:
    """Return the true mass fraction of ice at a place: ``cold`` is that of its cell, 0..1."""
    if cold <= 0.0:
        return 0.0
    return min(cold * MEAN_FRACTION * patch(key, x, y), MOST_FRACTION)
