"""From the options of ``moonfleet site`` to the recipe of a site, and from a name to a site that is there already."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from moonfleet.terrain.errors import SiteError, did_you_mean

from .errors import OptionError

if TYPE_CHECKING:
    from moonfleet.terrain.site import Site
    from moonfleet.terrain.site_recipe import SiteRecipe

SIZE_M = 12_000.0  # [m] side of a site when nothing is said
CELL_M = 20.0  # [m]
AZIMUTHS = 360
SYNTHETIC_LONLAT = (0.0, -89.0)  # [deg] where synthetic ground lies when nothing is said
DEM_SUFFIXES = (".tif", ".tiff", ".img", ".lbl", ".vrt", ".jp2")
UNITS = {"": 1.0, "m": 1.0, "km": 1_000.0}
LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:e[0-9]+)?)\s*(km|m|)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """What the user said of a site; None and nothing where they did not."""

    name: str | None = None
    dem: Path | None = None
    lon_deg: float | None = None
    lat_deg: float | None = None
    synthetic: bool = False
    regions: tuple[Path, ...] = ()
    size: str | None = None
    cell_m: float = CELL_M
    seed: int = 1
    azimuths: int = AZIMUTHS
    masts_m: tuple[float, ...] = ()
    style: dict[str, float] = field(default_factory=dict)  # multipliers of `GroundStyle` that were given


def length_m(text: str) -> float:
    """Return a length such as ``12km``, ``800 m`` or ``1500`` in metres. Raises `OptionError` for anything else.

    >>> length_m("12km"), length_m("800 m"), length_m("1.5e3")
    (12000.0, 800.0, 1500.0)
    """
    match = LENGTH.fullmatch(text)
    if match is None:
        raise OptionError(f"--size = {text}: is not a length; allowed: such as 12km, 800m or 1500 (metres)")
    metres = float(match[1]) * UNITS[match[2].lower()]
    if metres <= 0.0:
        raise OptionError(f"--size = {text}: must be above 0; allowed: such as 12km, 800m or 1500 (metres)")
    return metres


def recipe_of_options(given: SiteOptions) -> SiteRecipe:
    """Return the recipe that the options ask for.

    Raises
    ------
    OptionError
        Options that do not go together, or that say of no place.
    SiteError
        A place that is not known, a value out of range, or (a `DemError` child) a file that cannot be used.
    """
    from moonfleet.terrain.catalogue import named_place
    from moonfleet.terrain.ground_style import GroundStyle
    from moonfleet.terrain.site import recipe_of_dem
    from moonfleet.terrain.site_recipe import SiteRecipe

    _check_together(given)
    size_m = None if given.size is None else length_m(given.size)
    lonlat = (given.lon_deg, given.lat_deg) if given.lon_deg is not None and given.lat_deg is not None else None
    style = GroundStyle(**given.style)
    masts = given.masts_m or (2.0,)
    if given.dem is not None:
        return recipe_of_dem(
            given.dem, name=given.name, lonlat=lonlat, size_m=size_m, cell_m=given.cell_m, seed=given.seed,
            azimuths=given.azimuths, style=style, regions=given.regions, masts_m=masts,
        )  # fmt: skip
    name = given.name
    if given.synthetic:
        lonlat, name = lonlat or SYNTHETIC_LONLAT, name or "synthetic"
    elif lonlat is None:
        place = named_place(name or "")
        lonlat, name = (place.lon_deg, place.lat_deg), (name or "").strip().lower().replace(" ", "-").replace("_", "-")
    else:
        name = name or f"{lonlat[0]:g}E {-lonlat[1]:g}S"
    return SiteRecipe(
        name, *lonlat, size_m=size_m or SIZE_M, cell_m=given.cell_m, seed=given.seed, azimuths=given.azimuths,
        style=style, synthetic=given.synthetic, regions=tuple(path.resolve() for path in given.regions), masts_m=masts,
    )  # fmt: skip


def _check_together(given: SiteOptions) -> None:
    if (given.lon_deg is None) != (given.lat_deg is None):
        raise OptionError("--lon and --lat belong together; give both or none")
    if given.synthetic and (given.dem is not None or given.regions):
        raise OptionError("--synthetic makes ground out of the seed; it does not go with --dem or --region")
    if given.dem is None and given.lon_deg is None and not given.synthetic and not given.name:
        raise OptionError(
            "which site? Give the NAME of a place ('moonfleet site list'), --lon and --lat, --dem FILE, or --synthetic"
        )


def find_site(name: str) -> Site | None:
    """Return the site of a folder, or the one built last among those called ``name`` in the cache; None if there is none.

    ``name`` may be a folder's path, a site's name, or the name of its folder in the cache.

    Raises
    ------
    SiteError
        The folder is there and cannot be used, for the reason that the message gives.
    """
    from moonfleet.terrain.site import open_site

    path = Path(name).expanduser()
    if path.is_dir():
        return open_site(path)
    if os.sep in name:
        raise SiteError(f"{name}: no such folder; allowed: a folder made by 'moonfleet site build', or a site's name.")
    return max(sites_named(name), key=lambda site: (site.path / "site.json").stat().st_mtime, default=None)


def sites_named(name: str) -> list[Site]:
    """Return the sites of the cache that are called ``name`` or lie in a folder of this name there."""
    from moonfleet.terrain.site_cache import cached_sites

    wanted = name.strip().lower().replace(" ", "-").replace("_", "-")
    return [
        one.site
        for one in cached_sites()
        if one.site is not None
        and one.state == "ready"
        and wanted in (one.path.name, one.site.name.lower().replace(" ", "-").replace("_", "-"))
    ]


def folder_of(name: str) -> Path:
    """Return a site folder, sound or not, by its path or by its folder's name in the cache. Raises `SiteError` if there is none."""
    from moonfleet.terrain.site_cache import cached_sites

    path = Path(name).expanduser()
    if path.is_dir():
        return path
    known = {one.path.name: one.path for one in cached_sites()}
    matching = [one for folder, one in known.items() if folder == name or folder.rpartition("-")[0] == name]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise SiteError(
            f"{name}: {len(matching)} sites of this name are built; allowed: one of {', '.join(p.name for p in matching)}."
        )
    raise SiteError(f"{name}: no such site is built.{did_you_mean(name, known) if known else ''}")
