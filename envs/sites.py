"""The ground that environments stand on: one small default site, or the user's."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.errors import MoonfleetError
from moonfleet.terrain.site import Site, SiteRecipe, build_site, open_site

from .errors import EnvOptionError

T = TypeVar("T", bound=np.generic)

# 5.12 km around 88.8 S 123.4 E, the place of the mission `pathfinder`; 256 x 256 cells, horizons every 5 deg.
DEFAULT_RECIPE = SiteRecipe(
    name="env-small", lon_deg=123.4, lat_deg=-88.8, size_m=5120.0, cell_m=20.0, seed=1, azimuths=72
)


@functools.lru_cache(maxsize=8)
def _built(recipe: SiteRecipe) -> Site:
    """Return the site of a recipe; built into the cache folder on first use, shared by all environments of a process."""
    return build_site(recipe)


@functools.lru_cache(maxsize=8)
def _opened(path: Path) -> Site:
    """Return the site in a folder, shared by all environments of a process."""
    return open_site(path)


def plain(layer: NDArray[T]) -> NDArray[T]:
    """Return a read-only plain view of a site's layer, memory-mapped or not: one type for every kernel."""
    view = np.ascontiguousarray(layer).view(np.ndarray)[...]
    view.flags.writeable = False
    return view


def resolve_site(site: Site | SiteRecipe | str | Path | None) -> Site:
    """Return the site that an environment was asked for.

    ``None`` is the small default site, a `SiteRecipe` is built into the cache once, a path is a site folder to open.

    Raises
    ------
    EnvOptionError
        For anything else, and for a folder that holds no site or a damaged one. A `SiteError` passes through when the ground of
        a recipe cannot be built.
    """
    if site is None:
        return _built(DEFAULT_RECIPE)
    if isinstance(site, Site):
        return site
    if isinstance(site, SiteRecipe):
        return _built(site)
    if isinstance(site, (str, Path)):  # pyright: ignore[reportUnnecessaryIsInstance]
        try:
            return _opened(Path(site).expanduser().resolve())
        except (MoonfleetError, OSError, RuntimeError, ValueError) as error:  # also names that no path can have
            raise EnvOptionError(f"site: got {str(site)!r}, which cannot be opened: {error}") from error
    raise EnvOptionError(
        f"site: got {type(site).__name__}, need a Site, a SiteRecipe, the path of a site folder, or None."
    )
