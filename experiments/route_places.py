"""Places on a site as a user writes them: longitude and latitude, metres of the map, or a rule such as ``best-lit``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import GoalBlocked, GoalOutside, StartBlocked
from moonfleet.autonomy.search import nearest_free
from moonfleet.terrain.errors import PlaceNotFound, did_you_mean
from moonfleet.terrain.grid import polar_lonlat, polar_xy
from moonfleet.terrain.places import PlaceRule, pick_places
from moonfleet.terrain.site import Site

from .errors import OptionError

RULES: Final = {"best-lit": "lit", "flat": "flat", "shadow": "shadow"}  # word of a user -> rule of `pick_places`
NAMES: Final = ("centre", *RULES)
NUMBER: Final = r"([+-]?[0-9]*\.?[0-9]+)"
LONLAT: Final = re.compile(rf"\s*{NUMBER}\s*°?\s*([EW])\s*,?\s*{NUMBER}\s*°?\s*([NS])\s*", re.IGNORECASE)
METRES: Final = re.compile(rf"\s*{NUMBER}\s*(?:m)?\s*,\s*{NUMBER}\s*(?:m)?\s*")
APART_CELLS: Final = 6.0  # several places of one rule lie so far apart
AWAY: Final = (0.3, 0.12)  # [-] of the site's width that a picked start is away from the goal: first choice, second

XY = tuple[float, float]


def rule_of(words: str) -> str | None:
    """Return the rule of `pick_places` that words such as ``best-lit`` stand for, None for any other place."""
    return RULES.get(_name(words))


def place_xy(
    site: Site, option: str, words: str, max_slope_deg: float, *, other: XY | None = None, away: float = 0.0,
    closed: NDArray[np.bool_] | None = None,
) -> XY:  # fmt: skip
    """Return x, y [m] of a place that the user gave for ``option``.

    ``31.2E,89.4S`` (as tables print it, degree signs and spaces allowed), ``-11100,-12140`` (x, y of the map), or one of `NAMES`: a rule
    looks at slopes up to ``max_slope_deg`` that hang together with the ``other`` end, ``away`` from it (a share of the site's width),
    and not at ``closed`` cells (bool [R, C]). Raises `OptionError` for other words, and where no cell fits a rule.
    """
    if found := LONLAT.fullmatch(words):
        lon = float(found[1]) * (1.0 if found[2].upper() == "E" else -1.0)
        lat = float(found[3]) * (1.0 if found[4].upper() == "N" else -1.0)
        if not (-360.0 <= lon <= 360.0 and -90.0 <= lat <= 0.0):
            raise OptionError(f"{option} = {words}: allowed: longitude up to 360 degrees, latitude 0 to 90 S")
        return polar_xy(lon, lat)
    if found := METRES.fullmatch(words):
        return float(found[1]), float(found[2])
    name = _name(words)
    if name == "centre":
        return site.ref.centre
    if name in RULES:
        return ruled_places(site, option, words, max_slope_deg, other=other, away=away, closed=closed)[0]
    raise OptionError(
        f"{option} = {words}: is not a place.{did_you_mean(name, NAMES)} Or longitude and latitude (222.4E,89.46S), "
        "or metres on the site's map (-11100,-12140)"
    )


def ruled_places(
    site: Site, option: str, words: str, max_slope_deg: float, *, other: XY | None = None, away: float = 0.0,
    closed: NDArray[np.bool_] | None = None, most: int = 1,
) -> list[XY]:  # fmt: skip
    """Return up to ``most`` places by a rule, best first and some cells apart; the arguments as `place_xy`."""
    size = site.ref.cols * site.ref.cell_m
    rule = PlaceRule(
        RULES[_name(words)], near=other, min_m=away * size, max_slope_deg=max_slope_deg,
        apart_m=APART_CELLS * site.ref.cell_m if most > 1 else 0.0,
    )  # fmt: skip
    count = most
    while True:
        try:
            return pick_places(site, replace(rule, count=count), reachable_from=other, closed=closed)
        except PlaceNotFound as error:
            if count > 1:
                count -= 1
                continue
            raise OptionError(
                f"{option} = {words}: the site has no such ground of at most {max_slope_deg:g} degrees"
                f"{'' if closed is None else ', passable and open at some time by what is asked of light, links and zones'}"
                f"{'' if other is None else ', that hangs together with the other end'}; allowed: a place such as centre, "
                "222.4E,89.46S or -11100,-12140"
            ) from error


def _name(words: str) -> str:
    return words.strip().lower().replace(" ", "-").replace("_", "-")


def cell_of_end(
    site: Site, option: str, xy: XY, pace_s_m: np.ndarray, bare_s_m: np.ndarray | None = None
) -> tuple[int, int]:
    """Return the (row, col) of an end of a route; ``bare_s_m`` is the pace without the user's zones.

    Raises `StartBlocked`, `GoalOutside` or `GoalBlocked`, saying where the ground is and what would do, in places as they are typed.
    """
    start = option == "--from"
    outside, blocked = (StartBlocked, StartBlocked) if start else (GoalOutside, GoalBlocked)
    xmin, ymin, xmax, ymax = site.ref.bounds
    if not site.ref.inside(*xy):
        raise outside(
            f"{option}: {spot(xy)} is not on the site, which reaches from x {xmin:.0f} to {xmax:.0f} m and from y {ymin:.0f} to "
            f"{ymax:.0f} m. Choose a place there, or a larger --size."
        )
    row, col = site.ref.cell_of(*xy)
    if not np.isfinite(pace_s_m[row, col]):
        free = nearest_free(pace_s_m, row, col)
        hint = "no ground within 25 cells is passable: choose another place"
        if free is not None:
            x, y = site.ref.xy(float(free[0]), float(free[1]))
            hint = f"the nearest passable ground: {option} {x:.0f},{y:.0f}"
        if bare_s_m is not None and np.isfinite(bare_s_m[row, col]):
            raise blocked(f"{option}: {spot(xy)} is in a keep-out of --zones, or outside its stay-in zones; {hint}.")
        slope = float(site.slope_deg[row, col])
        raise blocked(
            f"{option}: {spot(xy)} is ground the robot may not drive on (slope {slope:.1f} degrees, rocks on "
            f"{100.0 * float(site.rock_cover[row, col]):.0f} % of it); {hint}."
        )
    return row, col


def spot(xy: XY) -> str:
    """Return a place in words: ``222.4377° E, 89.4575° S (x -11100, y -12140 m)``."""
    lon, lat = polar_lonlat(*xy)
    return f"{lon:.4f}° E, {-lat:.4f}° S (x {xy[0]:.0f}, y {xy[1]:.0f} m)"
