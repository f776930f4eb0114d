"""Named places of the lunar south pole, and the real elevation grid that ships with the package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from .dem_io import read_dem
from .errors import SiteError, did_you_mean
from .grid import HeightGrid

REGIONAL_DEM = Path(__file__).resolve().parent / "data" / "south_pole_1600m.tif"


class NamedPlace(NamedTuple):
    """Planetocentric longitude east and latitude [deg], and who says so."""

    lon_deg: float
    lat_deg: float
    source: str


IAU = "IAU/USGS Gazetteer of Planetary Nomenclature"
NAMED_PLACES: dict[str, NamedPlace] = {
    "change7": NamedPlace(123.4, -88.8, "Chang'e-7 landing area near the rim of Shackleton, published mission papers"),
    "bussey-ridge": NamedPlace(124.5, -88.74, "Bussey et al. 2010: lit 86 % of the year"),
    "connecting-ridge": NamedPlace(222.7, -89.45, "Glaser et al. 2014: lit 92 % at 2 m above ground"),
    "malapert": NamedPlace(2.7, -85.99, "Malapert massif; IAU/USGS Gazetteer, summit from LOLA"),
    "mons-mouton": NamedPlace(31.0, -84.6, "VIPER planned area; IAU/USGS Gazetteer"),
    "shackleton": NamedPlace(129.78, -89.67, IAU),
    "haworth": NamedPlace(354.8, -87.5, IAU),
    "shoemaker": NamedPlace(45.9, -88.1, IAU),
    "faustini": NamedPlace(84.3, -87.2, IAU),
    "sverdrup": NamedPlace(206.6, -88.3, IAU),
    "de-gerlache": NamedPlace(271.7, -88.5, IAU),
    "slater": NamedPlace(111.3, -88.1, IAU),
    "nobile": NamedPlace(53.3, -85.3, IAU),
    "amundsen": NamedPlace(83.1, -84.4, IAU),
    "cabeus": NamedPlace(317.9, -85.3, IAU),
}


def named_place(name: str) -> NamedPlace:
    """Return the place called ``name`` (case, blanks and underscores do not matter).

    Raises `SiteError` for an unknown name, with the nearest known one.

    >>> named_place("Connecting Ridge").lat_deg
    -89.45
    """
    key = name.strip().lower().replace(" ", "-").replace("_", "-").replace("'", "")
    try:
        return NAMED_PLACES[key]
    except KeyError:
        raise SiteError(f"site: {name!r} is not a place known here.{did_you_mean(key, NAMED_PLACES)}") from None


@lru_cache(maxsize=1)
def regional_grid() -> HeightGrid:
    """Return NASA LOLA elevation of +-609.6 km around the pole, 1600 m per cell (see data/PROVENANCE.md)."""
    return read_dem(REGIONAL_DEM)
