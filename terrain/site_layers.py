"""What the layers of a site hold: the ground, its horizons, and the light on it. This module and all it imports make the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .catalogue import regional_grid
from .clock import utc_to_tdb
from .grid import GeoRef, HeightGrid
from .horizon import Horizon, compute_horizon
from .light_year import light_year
from .region import read_region
from .rocks import rock_cover
from .shadow import permanent_shadow
from .site_ground import dem_ground, regional_ground, synthetic_ground
from .site_recipe import LIT_YEAR, SiteRecipe
from .sky import Sky
from .synthetic_region import synthetic_region
from .visibility import earth_visibility

STEP_S = 3600.0  # [s] between two looks at the sky
GROUND_NAMES = ("elevation", "slope", "rock_cover")
Layers = dict[str, NDArray[np.generic]]
Share = Callable[[float], object]  # share done 0..1


class LightStage(NamedTuple):
    """One step of the light: its name for people, the layers it makes, and how."""

    stage: str
    names: tuple[str, ...]
    make: Callable[[GeoRef, Horizon, Share], Layers]


def ground_layers(recipe: SiteRecipe) -> Layers:
    """Return elevation, slope and rock cover, float32 [R, C].

    Raises `SiteError` for a place without data, or a `DemError` child for a file that cannot be used.
    """
    ref, seed, style = recipe.ref, recipe.seed, recipe.style
    if recipe.synthetic:
        grid, craters_to_m = synthetic_ground(ref, seed, style)
    elif recipe.dem is not None:
        grid, craters_to_m = dem_ground(recipe.dem, ref, seed, style)
    else:
        grid, craters_to_m = regional_ground(ref, seed, style)
    slope = grid.slope_deg()
    return {
        "elevation": grid.elevation_m,
        "slope": slope,
        "rock_cover": rock_cover(ref, seed, slope, craters_to_m, style),
    }


def far_rings(recipe: SiteRecipe) -> list[HeightGrid]:
    """Return the ground around a site that its horizons look out to, fine to coarse.

    Synthetic ground stands in a synthetic region. Other ground stands in what its own file and the files of ``regions``
    hold around it, and in the shipped grid where that covers the site.
    """
    if recipe.synthetic:
        return [synthetic_region(recipe.ref, recipe.seed, recipe.style)]
    files = (*(() if recipe.dem is None else (recipe.dem,)), *recipe.regions)
    rings = [read_region(path, recipe.ref.centre) for path in files]
    regional = regional_grid()
    if regional.ref.covers(recipe.ref):
        rings.append(regional)
    return sorted(rings, key=lambda ring: ring.ref.cell_m)


def mast_horizon(
    recipe: SiteRecipe,
    grid: HeightGrid,
    mast_m: float,
    far: list[HeightGrid],
    out: NDArray[np.int16],
    first: int,
    progress: Callable[[int, int], object],
) -> None:
    """Fill ``out``, int16 [A, R, C], with the horizons of one mast from azimuth ``first`` on."""
    compute_horizon(grid, recipe.azimuths, mast_m, far or None, progress, out=out, first=first)


def _shares(share: Share) -> Callable[[int, int], object]:
    return lambda done, total: share(done / total)


def _year(ref: GeoRef, horizon: Horizon, share: Share) -> Layers:
    t0, t1 = (utc_to_tdb(t) for t in LIT_YEAR)
    year = light_year(ref, horizon, Sky(*ref.lonlat()), t0, t1, STEP_S, progress=_shares(share))
    return {"mean_lit": year.mean_lit, "longest_night": year.longest_night_s}


def _shadow(ref: GeoRef, horizon: Horizon, share: Share) -> Layers:
    return {"permanent_shadow": permanent_shadow(ref, horizon, progress=_shares(share))}


def _earth(ref: GeoRef, horizon: Horizon, share: Share) -> Layers:
    t0, t1 = (utc_to_tdb(t) for t in LIT_YEAR)
    return {
        "earth_visible": earth_visibility(ref, horizon, Sky(*ref.lonlat()), t0, t1, STEP_S, progress=_shares(share))
    }


LIGHT_STAGES = (
    LightStage("light", ("mean_lit", "longest_night"), _year),
    LightStage("shadow", ("permanent_shadow",), _shadow),
    LightStage("earth", ("earth_visible",), _earth),
)
