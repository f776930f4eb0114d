"""The numbers of a planned route, in words and as JSON: the plan beside the way straight through."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moonfleet.terrain.clock import tdb_to_utc
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.grid import GeoRef, polar_lonlat

from .errors import OptionError
from .route_plan import RouteAnswer, longest_dark_h
from .route_track import HOUR_S, RouteTrack

if TYPE_CHECKING:
    from moonfleet.autonomy.lightplan import LightPlan

Fact = tuple[str, str, str]  # name, of the plan, of the way straight through
WHY = {
    "link": "for the Earth",
    "sun": "for light on the way",
    "night": "out the dark",
    "charge": "to charge",
    "timing": "and would not be there sooner",
}
NEAR_CELLS = 3.0  # waits no further apart count as one
MOON_CRS = "urn:ogc:def:crs:IAU_2015::30100"  # longitude and latitude on the Moon's sphere


def facts_of(answer: RouteAnswer) -> tuple[Fact, ...]:
    """Return the rows of the table: the plan, and the way straight through."""
    plan, track, naive = answer.plan, answer.track, answer.naive
    power = answer.problem.power
    waits = ", ".join(f"{hours:.1f} h {WHY[reason]}" for reason, hours in waited(track).items())
    rows = [
        ("way", f"{track.metres / 1000.0:.2f} km", f"{naive.metres / 1000.0:.2f} km"),
        ("leaves", _utc(answer.t0 + plan.departs_s), _utc(answer.t0)),
        ("arrives", _utc(answer.t0 + plan.arrival_s), "never" if naive.lost else _utc(answer.t0 + _end(naive))),
        ("takes", f"{plan.arrival_s / HOUR_S:.1f} h", "" if naive.lost else f"{_end(naive) / HOUR_S:.1f} h"),
        ("drives", f"{plan.driving_s / HOUR_S:.1f} h", f"{naive.hours(naive.driving):.1f} h"),
        ("waits", waits or "0 h", "0 h"),
        ("drives in the dark", _hours(track, dark=True), _hours(naive, dark=True)),
        ("drives without Earth", _hours(track, dark=False), _hours(naive, dark=False)),
        ("longest dark", f"{plan.dark_s / HOUR_S:.1f} h", f"{longest_dark_h(naive):.1f} h"),
        ("least above the reserve", f"{plan.margin_wh:.0f} Wh", f"{_least(naive) - power.reserve_wh:.0f} Wh"),
        ("battery on arrival", _share(float(plan.battery_wh[-1]), power.capacity_wh),
         "" if naive.lost else _share(float(naive.battery_wh[-1]), power.capacity_wh) if naive.battery_wh is not None else ""),
    ]  # fmt: skip
    return tuple(rows)


def site_words(ref: GeoRef) -> str:
    """Return the size of a site in words.

    >>> site_words(GeoRef(0.0, 0.0, 40.0, 200, 200))
    '8 km in cells of 40 m'
    """
    tall, wide = (cells * ref.cell_m / 1000.0 for cells in ref.shape)
    return f"{wide:.4g} km{'' if tall == wide else f' by {tall:.4g} km'} in cells of {ref.cell_m:g} m"


def verdict_of(answer: RouteAnswer) -> tuple[str, bool]:
    """Return what becomes of both ways in a sentence or two, and whether the plan holds."""
    if answer.check.faults:
        return f"The plan does not hold: {answer.check.faults[0]}", False
    naive, reserve = answer.naive, answer.problem.power.reserve_wh
    words = "The plan keeps its reserve, walked along again by the rules one hour at a time. "
    words += straight_words(naive, reserve, lit=answer.ask.lit, link=answer.ask.link)
    if answer.passed_over:
        goal = answer.ask.goal or "best-lit"
        words += f" No plan leads to the {goal} ground itself by what was asked; this is the next that one leads to."
    if answer.against:
        words += f" It goes against the one-way of {' and '.join(answer.against)}: no plan was found that does not."
    return words, not answer.against


def straight_words(naive: RouteTrack, reserve_wh: float, *, lit: bool, link: bool) -> str:
    """Return what becomes of the robot on the way straight through."""
    if naive.lost:
        return (
            f"Straight through it would be lost: {naive.lost} after {_end(naive) / HOUR_S:.1f} h and "
            f"{naive.metres / 1000.0:.2f} km."
        )
    faults: list[str] = []
    if _least(naive) < reserve_wh:
        faults.append(f"touch its reserve ({reserve_wh - _least(naive):.0f} Wh of it)")
    if lit and (dark := _where(naive, dark=True)) > 0.05:
        faults.append(f"drive {dark:.1f} h in the dark")
    if link and (blind := _where(naive, dark=False)) > 0.05:
        faults.append(f"drive {blind:.1f} h out of sight of the Earth")
    if faults:
        return f"Straight through it would arrive, but {' and '.join(faults)}."
    return "Straight through it would arrive as well, and break no rule."


def waited(track: RouteTrack) -> dict[str, float]:
    """Return the hours of standing by reason."""
    out: dict[str, float] = {}
    if track.times_s is not None:
        for stop in track.stops:
            hours = float(track.times_s[stop.last] - track.times_s[stop.first]) / HOUR_S
            out[stop.reason] = out.get(stop.reason, 0.0) + hours
    return out


class MergedWait(NamedTuple):
    """Waits of one reason with no more than a few cells driven between them: ``hours`` standing, of ``stops`` stops."""

    first: int
    begin_s: float
    end_s: float
    hours: float
    reason: str
    gained_wh: float
    stops: int
    driven_m: float


def merged_waits(plan: LightPlan, cell_m: float) -> list[MergedWait]:
    """Return the waits of a plan, those of one reason as one where at most `NEAR_CELLS` cells are driven from each to the next.

    A robot that charges from cell to cell does one thing, whose first place, hours in all and gain say enough.
    """
    metres = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(plan.cells.astype(np.float64), axis=0).T)))) * cell_m
    out: list[MergedWait] = []
    last = 0
    for wait in plan.waits:
        hours = (wait.end_s - wait.begin_s) / HOUR_S
        driven = float(metres[wait.first] - metres[last])
        if out and out[-1].reason == wait.reason and driven <= NEAR_CELLS * cell_m:
            old = out[-1]
            out[-1] = old._replace(
                end_s=wait.end_s, hours=old.hours + hours, gained_wh=old.gained_wh + wait.gained_wh, stops=old.stops + 1,
                driven_m=old.driven_m + driven,
            )  # fmt: skip
        else:
            out.append(MergedWait(wait.first, wait.begin_s, wait.end_s, hours, wait.reason, wait.gained_wh, 1, 0.0))
        last = wait.last
    return out


def plan_json(answer: RouteAnswer) -> dict[str, object]:
    """Return all of an answer as plain JSON data."""
    plan, ask, power = answer.plan, answer.ask, answer.problem.power
    naive = answer.naive
    return {
        "site": {
            "name": answer.site.name, "key": answer.site.key, "cell_m": answer.site.ref.cell_m, "rows": answer.site.ref.rows,
            "cols": answer.site.ref.cols,
        },
        "robot": answer.spec.kind,
        "asked": {name: str(value) if isinstance(value, Path) else value for name, value in asdict(ask).items()},
        "from": _place(answer.track.xy[0]),
        "to": _place(answer.track.xy[-1]),
        "thought_of_utc": tdb_to_utc(answer.t0),
        "departs_utc": tdb_to_utc(answer.t0 + plan.departs_s),
        "arrives_utc": tdb_to_utc(answer.t0 + plan.arrival_s),
        "way_m": round(answer.track.metres, 1),
        "driving_h": round(plan.driving_s / HOUR_S, 3),
        "waiting_h": round(plan.waiting_s / HOUR_S, 3),
        "waits": [
            {
                "from_utc": tdb_to_utc(answer.t0 + wait.begin_s), "to_utc": tdb_to_utc(answer.t0 + wait.end_s),
                "hours": round(wait.hours, 3), "reason": wait.reason, "stops": wait.stops, "driven_m": round(wait.driven_m, 1),
                "gained_wh": round(wait.gained_wh, 1), **_place(answer.track.xy[wait.first]),
            }
            for wait in merged_waits(plan, answer.problem.cell_m)
        ],
        "longest_dark_h": round(plan.dark_s / HOUR_S, 3),
        "battery_wh": {
            "capacity": power.capacity_wh, "reserve": round(power.reserve_wh, 1), "start": round(answer.start_wh, 1),
            "arrival": round(float(plan.battery_wh[-1]), 1), "least_above_reserve": round(plan.margin_wh, 1),
        },
        "holds": not answer.check.faults,
        "faults": list(answer.check.faults),
        "against_one_way": list(answer.against),
        "straight_through": {
            "way_m": round(naive.metres, 1), "hours": round(_end(naive) / HOUR_S, 3), "lost": naive.lost or None,
            "least_above_reserve_wh": round(_least(naive) - power.reserve_wh, 1), "dark_driving_h": round(_where(naive, dark=True), 3),
            "no_earth_driving_h": round(_where(naive, dark=False), 3),
        },
    }  # fmt: skip


def route_geojson(answer: RouteAnswer) -> dict[str, object]:
    """Return the route as GeoJSON: its line, its stops and ends, and the way straight through.

    RFC 7946 knows the Earth only: coordinates are longitude and latitude on the Moon, and the member ``crs`` (of GeoJSON 2008) says so.
    Site coordinates x, y [m] stand beside them in the properties.
    """
    track, plan = answer.track, answer.plan
    features: list[dict[str, object]] = [
        _line(
            track, "route", answer.t0,
            {"battery_wh": np.round(plan.battery_wh, 1).tolist(), "robot": answer.spec.kind, "site": answer.site.name},
        )
    ]  # fmt: skip
    for name, index in (("start", 0), ("goal", len(track.xy) - 1)):
        seconds = plan.departs_s if name == "start" else plan.arrival_s
        features.append(_point(track, index, {"kind": name, "utc": tdb_to_utc(answer.t0 + seconds)}))
    for wait in merged_waits(plan, answer.problem.cell_m):
        about = {
            "kind": "wait", "reason": wait.reason, "hours": round(wait.hours, 3), "stops": wait.stops,
            "utc": tdb_to_utc(answer.t0 + wait.begin_s), "until_utc": tdb_to_utc(answer.t0 + wait.end_s),
        }  # fmt: skip
        features.append(_point(track, wait.first, about))
    features.append(_line(answer.naive, "straight-through", answer.t0, {"lost": answer.naive.lost or None}))
    return {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": MOON_CRS}},
        "moonfleet": {
            "coordinates": "longitude and latitude in degrees on the Moon's sphere of 1737400 m; not on the Earth",
            "xy": "x, y [m] of the site's south polar stereographic map",
        },
        "features": features,
    }


def write_json(data: dict[str, object], path: Path) -> None:
    """Write JSON; raises `OptionError` where the file cannot be written."""
    try:
        path.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OptionError(f"--out: {path} cannot be written: {error.strerror}") from error


def _line(track: RouteTrack, kind: str, t0: float, about: Mapping[str, object]) -> dict[str, object]:
    times = [] if track.times_s is None else [tdb_to_utc(t0 + float(t)) for t in track.times_s]
    properties = {
        "kind": kind,
        "metres": round(track.metres, 1),
        **about,
        "utc": times,
        "xy_m": np.round(track.xy, 1).tolist(),
    }
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [_lonlat(point) for point in track.xy]},
        "properties": properties,
    }


def _point(track: RouteTrack, index: int, about: Mapping[str, object]) -> dict[str, object]:
    xy = track.xy[index]
    properties = {**about, "xy_m": np.round(xy, 1).tolist()}
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": _lonlat(xy)}, "properties": properties}


def _lonlat(xy: np.ndarray) -> list[float]:
    lon, lat = polar_lonlat(float(xy[0]), float(xy[1]))
    return [round((lon + 180.0) % 360.0 - 180.0, 7), round(lat, 7)]


def _place(xy: np.ndarray) -> dict[str, float]:
    lon, lat = polar_lonlat(float(xy[0]), float(xy[1]))
    return {
        "x_m": round(float(xy[0]), 1),
        "y_m": round(float(xy[1]), 1),
        "lon_deg": round(lon, 6),
        "lat_deg": round(lat, 6),
    }


def _utc(t: float) -> str:
    return tdb_to_utc(t)[:16].replace("T", " ")


def _end(track: RouteTrack) -> float:
    return 0.0 if track.times_s is None else float(track.times_s[-1])


def _least(track: RouteTrack) -> float:
    return math.inf if track.battery_wh is None else float(track.battery_wh.min())


def _share(wh: float, capacity_wh: float) -> str:
    return f"{100.0 * wh / capacity_wh:.0f}%"


def _where(track: RouteTrack, *, dark: bool) -> float:
    """Return the hours of driving in the dark, or out of sight of the Earth."""
    if track.lit is None or track.earth is None:
        return 0.0
    return track.hours(track.driving & ((track.lit < DARK_BELOW) if dark else ~track.earth))


def _hours(track: RouteTrack, *, dark: bool) -> str:
    return f"{_where(track, dark=dark):.1f} h"
