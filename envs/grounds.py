"""Many grounds for many worlds: one site, or a pool of numbered ones that differ in relief, with layers laid out for kernels.

The sites of the pool lie at one place under one sky; the seeded detail below the shipped grid's cells is another in each. They are
built into the cache folder when first asked for (about a second each) and shared by every process.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.site import Site, SiteRecipe, build_site
from moonfleet.terrain.sky import Sky

from .errors import EnvOptionError, need_count
from .sites import plain, resolve_site

MOST_GROUNDS = 1024
POOL_SEED = 1000  # of ground 0; number n has POOL_SEED + n
Progress = Callable[[int, int], object]


def pool_recipe(number: int) -> SiteRecipe:
    """Return the recipe of ground ``number`` of the pool: 2.56 km around 88.8 S 123.4 E, cells of 20 m, horizons every 5 deg."""
    return SiteRecipe(
        name=f"env-pool-{number}", lon_deg=123.4, lat_deg=-88.8, size_m=2560.0, cell_m=20.0, seed=POOL_SEED + number,
        azimuths=72,
    )  # fmt: skip


class Grounds:
    """G sites of one shape at one place.

    Attributes
    ----------
    sites
        The G sites.
    slope_deg
        float32 [G, R, C].
    azimuths
        How many azimuths the horizons have. Horizons themselves are the World's, `moonfleet.agents.world.World.layers`.
    """

    def __init__(self, sites: tuple[Site, ...]) -> None:
        self.sites = sites
        self.ref: GeoRef = sites[0].ref
        self.sky: Sky = sites[0].sky
        self.slope_deg = np.stack([plain(site.slope_deg) for site in sites]).astype(np.float32, copy=False)
        self.slope_deg.flags.writeable = False
        self.azimuths = sites[0].horizon.azimuths

    def __len__(self) -> int:
        """How many grounds there are."""
        return len(self.sites)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the sites."""
        return tuple(site.key for site in self.sites)


def resolve_grounds(
    site: Site | SiteRecipe | str | Path | None, grounds: int | None, progress: Progress | None = None
) -> Grounds:
    """Return what an environment stands on: ``site`` as `resolve_site` takes it, or the first ``grounds`` of the pool.

    ``progress(done, grounds)`` is called after each ground of the pool is there. Raises `EnvOptionError` when both are given, or for a
    number that is not within 1..1024.
    """
    if grounds is None:
        return _laid_out((resolve_site(site),))
    if site is not None:
        raise EnvOptionError("grounds: got both a site and a number of grounds of the pool; give one of them.")
    count = need_count("grounds", grounds, 1, MOST_GROUNDS)
    sites: list[Site] = []
    for number in range(count):
        sites.append(_pool_site(number))
        if progress is not None:
            progress(number + 1, count)
    return _laid_out(tuple(sites))


@functools.lru_cache(maxsize=MOST_GROUNDS)
def _pool_site(number: int) -> Site:
    return build_site(pool_recipe(number))


@functools.lru_cache(maxsize=8)
def _laid_out(sites: tuple[Site, ...]) -> Grounds:
    return Grounds(sites)
