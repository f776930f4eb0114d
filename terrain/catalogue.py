"""Named places of the lunar south pole, and the real elevation grid that ships with the package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from .dem_io import read_dem
from .errors import SiteError, did_you_mean
from .grid import HeightGrid

REGIONAL_DEM = Path(__file__).resolve().parent / "data" / "south_pole_1600m.tif"


class NamedPlace(NamedTuple):
    """Planetocentric longitude east and latitude [deg], who says so, what it is, and a crater's diameter [km]."""

    lon_deg: float
    lat_deg: float
    source: str
    kind: Literal["landing region", "landing site", "ridge", "mountain", "crater"]
    diameter_km: float | None = None


IAU = "IAU/USGS Gazetteer of Planetary Nomenclature"
NASA_2024 = "NASA Artemis III candidate region of 2024; middle of its outline in USGS data release 10.5066/P1MEQ6UK"
NASA_BOTH = (
    "NASA Artemis III candidate region of 2022 and 2024; middle of its outline in USGS data release 10.5066/P1MEQ6UK"
)
NASA_2022 = "NASA Artemis III candidate region of 2022; middle of the landing sites in it of Wueller et al. 2026 (10.5281/zenodo.17084058)"

NAMED_PLACES: dict[str, NamedPlace] = {
    # Places where machines are to land, or have
    "change7": NamedPlace(
        123.4, -88.8, "Chang'e-7 landing area near the rim of Shackleton, published mission papers", "landing site"
    ),
    "change8": NamedPlace(
        28.44,
        -85.5,
        "one of the areas named for Chang'e-8 (with connecting-ridge, amundsen and cabeus): Leibnitz Beta",
        "landing site",
    ),
    "ilrs": NamedPlace(
        123.4,
        -88.8,
        "International Lunar Research Station: no place published, here where Chang'e-7 prepares it",
        "landing site",
    ),
    "viper": NamedPlace(
        31.62, -85.42, "origin of the VIPER mission's map of Mons Mouton (31.6218 E, 85.42088 S)", "landing site"
    ),
    "im2": NamedPlace(29.2, -84.79, "IM-2 Athena, landed 2025-03-06 (29.1957 E, 84.7906 S), LROC", "landing site"),
    "lcross": NamedPlace(
        311.29, -84.68, "impact of the LCROSS Centaur in Cabeus, Marshall et al. 2011", "landing site"
    ),
    # Candidate regions for Artemis III
    "peak-near-cabeus-b": NamedPlace(291.25, -83.64, NASA_2024, "landing region"),
    "mons-mouton-plateau": NamedPlace(30.59, -84.33, NASA_2024, "landing region"),
    "mons-mouton-region": NamedPlace(31.74, -85.43, NASA_2024, "landing region"),
    "slater-plain": NamedPlace(125.54, -87.16, NASA_2024, "landing region"),
    "haworth-region": NamedPlace(337.22, -86.76, NASA_BOTH, "landing region"),
    "malapert-massif": NamedPlace(359.76, -85.99, NASA_BOTH, "landing region"),
    "nobile-rim-1": NamedPlace(37.35, -85.44, NASA_BOTH, "landing region"),
    "nobile-rim-2": NamedPlace(58.82, -83.95, NASA_BOTH, "landing region"),
    "de-gerlache-rim-2": NamedPlace(295.37, -88.23, NASA_BOTH, "landing region"),
    "faustini-rim-a": NamedPlace(90.95, -87.93, NASA_2022, "landing region"),
    "peak-near-shackleton": NamedPlace(127.42, -88.89, NASA_2022, "landing region"),
    "connecting-ridge-extension": NamedPlace(253.9, -88.94, NASA_2022, "landing region"),
    "de-gerlache-rim-1": NamedPlace(294.57, -88.61, NASA_2022, "landing region"),
    "de-gerlache-kocher-massif": NamedPlace(244.64, -85.7, NASA_2022, "landing region"),
    "amundsen-rim": NamedPlace(68.69, -84.25, NASA_2022, "landing region"),
    "leibnitz-beta-plateau": NamedPlace(
        28.44,
        -85.5,
        "NASA Artemis III candidate region of 2022, on what is now Mons Mouton; LOLA site tile 20",
        "landing region",
    ),
    # Ridges and mountains
    "connecting-ridge": NamedPlace(
        222.7,
        -89.45,
        "Glaser et al. 2014: lit 92 % at 2 m above ground; NASA Artemis III candidate region of 2022",
        "ridge",
    ),
    "bussey-ridge": NamedPlace(124.5, -88.74, "Bussey et al. 2010: lit 86 % of the year", "ridge"),
    "shackleton-rim": NamedPlace(204.3, -89.78, "highest ground of the rim on LOLA, in site tile 04", "ridge"),
    "malapert": NamedPlace(2.7, -85.99, "Malapert massif; IAU/USGS Gazetteer, summit from LOLA", "mountain"),
    "mons-mouton": NamedPlace(31.0, -84.6, "VIPER planned area; IAU/USGS Gazetteer", "mountain"),
    # Craters
    "shackleton": NamedPlace(129.78, -89.67, IAU, "crater", 20.9),
    "haworth": NamedPlace(354.8, -87.5, IAU, "crater", 51.4),
    "shoemaker": NamedPlace(45.9, -88.1, IAU, "crater", 51.8),
    "faustini": NamedPlace(84.3, -87.2, IAU, "crater", 42.5),
    "sverdrup": NamedPlace(206.6, -88.3, IAU, "crater", 32.8),
    "de-gerlache": NamedPlace(271.7, -88.5, IAU, "crater", 32.7),
    "slater": NamedPlace(111.3, -88.1, IAU, "crater", 25.1),
    "nobile": NamedPlace(53.3, -85.3, IAU, "crater", 79.3),
    "amundsen": NamedPlace(83.1, -84.4, IAU, "crater", 103.4),
    "amundsen-c": NamedPlace(85.2, -80.8, IAU, "crater", 24.2),
    "cabeus": NamedPlace(317.9, -85.3, IAU, "crater", 100.6),
    "cabeus-b": NamedPlace(305.4, -82.3, IAU, "crater", 59.6),
    "hedervari": NamedPlace(85.6, -81.9, IAU, "crater", 74.1),
    "idelson": NamedPlace(112.7, -81.3, IAU, "crater", 59.8),
    "idelson-l": NamedPlace(118.6, -84.0, IAU, "crater", 28.0),
    "kocher": NamedPlace(225.98, -84.47, IAU, "crater", 24.0),
    "malapert-crater": NamedPlace(12.9, -84.9, IAU, "crater", 69.0),
    "scott": NamedPlace(48.5, -82.4, IAU, "crater", 107.8),
    "scott-e": NamedPlace(35.7, -81.2, IAU, "crater", 29.2),
    "wiechert": NamedPlace(164.7, -84.0, IAU, "crater", 40.8),
    "wiechert-j": NamedPlace(182.4, -85.2, IAU, "crater", 34.9),
    "wiechert-p": NamedPlace(151.8, -85.1, IAU, "crater", 38.6),
    "wiechert-u": NamedPlace(149.0, -83.4, IAU, "crater", 30.0),
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
