"""The route sheet: one HTML file that needs no network, with the map of a way, its profile, and its light and battery over time.

`route_sheet` draws any way: a line of points, the cells of a search, or a plan over light and battery (`RouteTrack` is the one shape of
all). `plan_sheet` is that of an answer of ``moonfleet route``, with its numbers.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.autonomy.zones_geojson import PlanZones
from moonfleet.terrain.clock import tdb_to_utc
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.site import Site

from .page import data_script, part, write_page
from .report_svg import LEFT, RIGHT, WIDTH, parse_utc
from .route_facts import Fact, facts_of, site_words, verdict_of
from .route_map import MAP_LEFT, MAP_TOP, MAP_WIDTH, bounds_around, map_figure
from .route_plan import RouteAnswer
from .route_strips import profile_figure, time_figure
from .route_track import RouteTrack, track_of_line
from .site_frame import Frame


def route_sheet(
    site: Site,
    route: RouteTrack | ArrayLike,
    *,
    title: str = "Route",
    lead: str = "",
    t0: float | None = None,
    capacity_wh: float | None = None,
    reserve_wh: float | None = None,
    max_slope_deg: float | None = None,
    other: RouteTrack | None = None,
    blocked: NDArray[np.bool_] | None = None,
    havens: NDArray[np.bool_] | None = None,
    zones: PlanZones | None = None,
    verdict: tuple[str, bool] | None = None,
    facts: Sequence[Fact] = (),
) -> str:
    """Return the sheet of a way as one page of HTML; the same way gives the same text.

    Parameters
    ----------
    route : what is drawn: a `RouteTrack`, or x, y [m] of a plain line, float64 [n, 2].
    title, lead : heading, and a line below it.
    t0 : the moment that the track's times count from [s TDB past J2000]; default: 2000-01-01.
    capacity_wh, reserve_wh : of the battery [Wh]; without the first no battery is drawn.
    max_slope_deg : the robot's limit, drawn into the profile.
    other : a way to compare with, drawn dashed.
    blocked, havens : bool [R, C] of the site: impassable ground; where the robot may wait out the dark.
    zones : keep-outs, stay-in zones, corridors and science areas, drawn where the map shows them.
    verdict : words, and whether they are good.
    facts : rows (name, of the route, of the other).

    Raises
    ------
    SiteError
        A route that is none (see `moonfleet.experiments.route_track.track_of_line`).
    """
    track = route if isinstance(route, RouteTrack) else track_of_line(route)
    start = parse_utc(tdb_to_utc(t0) if t0 is not None else "")
    picture = map_figure(site, track, other=other, capacity_wh=capacity_wh, blocked=blocked, havens=havens, zones=zones)
    rows = facts or (("way", f"{track.metres / 1000.0:.2f} km", ""),)
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)} · moonfleet route</title>",
            part("site_style.html"),
            part("route_style.html"),
            f'</head><body><main><header><div><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></div>'
            '<div class="switches"><button id="theme" type="button">dark / light</button></div></header>',
            f'<div class="sheet" style="margin-top:18px">{picture}{_facts(rows, verdict)}</div>',
            time_figure(track, start, other=other, capacity_wh=capacity_wh, reserve_wh=reserve_wh),
            profile_figure(site, track, max_slope_deg),
            "<footer>Made by moonfleet. This page is complete in itself and needs no network.</footer></main>",
            '<div id="tip" role="status" aria-live="polite" hidden></div>',
            data_script("route-data", _payload(site, track, other, start)),
            part("route_script.html"),
            "</body></html>\n",
        )
    )


def plan_sheet(answer: RouteAnswer) -> str:
    """Return the sheet of an answer of ``moonfleet route``."""
    problem, rules = answer.problem, answer.problem.rules
    havens = None
    if np.isfinite(rules.dark_wait_h):
        night_h = _longest_nights(problem.lit) * problem.step_s / 3600.0
        havens = (night_h <= rules.dark_wait_h) & np.isfinite(problem.pace_s_m)
    start, goal = answer.ends
    bare = problem.pace_s_m if answer.bare_s_m is None else answer.bare_s_m
    return route_sheet(
        answer.site, answer.track, title=f"{answer.site.name}: route of {answer.spec.kind}",
        lead=f"From {start} to {goal}. Site of {site_words(answer.site.ref)}.", t0=answer.t0,
        capacity_wh=problem.power.capacity_wh, reserve_wh=problem.power.reserve_wh, max_slope_deg=answer.spec.max_slope_deg,
        other=answer.naive, blocked=~np.isfinite(bare), havens=havens, zones=answer.zones, verdict=verdict_of(answer),
        facts=facts_of(answer),
    )  # fmt: skip


def write_sheet(page: str, path: Path) -> Path:
    """Write a sheet into a file and return its path. Raises `SiteError` if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_page(path, page)
    except OSError as error:
        raise SiteError(
            f"{path}: cannot be written: {error.strerror}; allowed: a file in a writable folder."
        ) from error


def _longest_nights(lit: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the steps of the longest darkness on end of each cell, int32 [R, C]."""
    longest = np.zeros(lit.shape[1:], dtype=np.int32)
    now = np.zeros(lit.shape[1:], dtype=np.int32)
    for step in lit:
        now = np.where(step < DARK_BELOW * 255.0, now + 1, 0)
        np.maximum(longest, now, out=longest)
    return longest


def _facts(rows: Sequence[Fact], verdict: tuple[str, bool] | None) -> str:
    two = any(other for _, _, other in rows)
    head = "<thead><tr><th></th><th>this plan</th><th>straight through</th></tr></thead>" if two else ""
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(own)}</td>{f"<td>{escape(other)}</td>" if two else ""}</tr>'
        for name, own, other in rows
    )
    words = "" if verdict is None else f'<p class="verdict{"" if verdict[1] else " bad"}">{escape(verdict[0])}</p>'
    return f'<section id="facts">{words}<div class="wide"><table>{head}<tbody>{body}</tbody></table></div></section>'


def _payload(site: Site, track: RouteTrack, other: RouteTrack | None, start: dt.datetime) -> str:
    """Return what the page's script follows the mouse with."""
    points = track.xy if other is None else np.concatenate([track.xy, other.xy])
    across, down = Frame(bounds_around(site, points), MAP_LEFT, MAP_TOP, MAP_WIDTH).px(*track.xy.T)
    data: dict[str, object] = {
        "left": LEFT, "right": WIDTH - RIGHT, "s": np.round(track.along_m, 1).tolist(), "x": np.round(across, 1).tolist(),
        "y": np.round(down, 1).tolist(), "t": None,
    }  # fmt: skip
    if track.times_s is not None:
        ends = float(track.times_s[-1])
        if other is not None and other.times_s is not None:
            ends = max(ends, float(other.times_s[-1]))
        data |= {
            "t": np.round(track.times_s).astype(int).tolist(),
            "span": max(1, int(np.ceil(1.01 * ends))),
            "t0": int(start.replace(tzinfo=dt.UTC).timestamp() * 1000),
            "b": None if track.battery_wh is None else np.round(track.battery_wh, 1).tolist(),
            "lit": None if track.lit is None else np.round(100.0 * track.lit).astype(int).tolist(),
            "earth": None if track.earth is None else track.earth.astype(int).tolist(),
        }
    return json.dumps(data, separators=(",", ":"), allow_nan=False)
