"""Zones read from GeoJSON: keep-out, stay-in, corridors, science areas, and hazards whose place is not sure.

A feature's property ``zone`` says what it is:

============  ===================  ==================================================================================
zone          geometry             properties
============  ===================  ==================================================================================
keep-out      Polygon              ``margin_m``: extra distance to keep, 0 or more
stay-in       Polygon              none; robots stay in the union of all of them
hazard        Polygon, Point,      ``sigma_m``: standard deviation of its place; ``radius_m`` of a Point or LineString;
              LineString           ``margin_m``; grown by k sigma when read
corridor      Polygon, LineString  ``width_m`` of a LineString; ``cost_factor``: what a metre in it costs against one
                                   outside (1 if not said); ``one_way``: direction of travel [deg, clockwise from +y]
science       Polygon              ``value``: what a visit is worth, 0 or more
============  ===================  ==================================================================================

All take ``name``; ``Multi`` geometries are taken apart. Coordinates are planetocentric longitude and latitude [deg] on the Moon, or the
x and y [m] of the site's frame (south polar stereographic) when the collection's member ``crs`` says so: ``{"type": "name",
"properties": {"name": "IAU_2015:30135"}}``. Edges are straight in the frame.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from moonfleet.terrain.errors import did_you_mean
from moonfleet.terrain.grid import polar_xy

from .errors import ZoneError
from .zones import with_doubt

LONLAT: Final = (
    "IAU_2015:30100", "urn:ogc:def:crs:IAU_2015::30100", "urn:ogc:def:crs:IAU:2015::30100", "urn:ogc:def:crs:OGC:1.3:CRS84",
)  # fmt: skip
FRAME: Final = ("IAU_2015:30135", "urn:ogc:def:crs:IAU_2015::30135", "urn:ogc:def:crs:IAU:2015::30135")
MAX_FILE_BYTES: Final = 64_000_000  # larger files are refused unread
MAX_FEATURES: Final = 200_000
HIGHEST_LAT_DEG: Final = -60.0  # the frame is for the south polar region
FAR_M: Final = 1_200_000.0  # coordinates in the frame lie within this
SIGMAS: Final = 2.0

_GEOMETRY: Final[dict[str, tuple[str, ...]]] = {
    "keep-out": ("Polygon", "MultiPolygon"),
    "stay-in": ("Polygon", "MultiPolygon"),
    "hazard": ("Polygon", "MultiPolygon", "Point", "MultiPoint", "LineString", "MultiLineString"),
    "corridor": ("Polygon", "MultiPolygon", "LineString", "MultiLineString"),
    "science": ("Polygon", "MultiPolygon"),
}
_NUMBERS: Final[dict[str, dict[str, tuple[float, float]]]] = {  # allowed from, to
    "keep-out": {"margin_m": (0.0, 1e5)},
    "stay-in": {},
    "hazard": {"sigma_m": (0.0, 1e5), "radius_m": (0.0, 1e5), "margin_m": (0.0, 1e5)},
    "corridor": {"width_m": (0.1, 1e5), "cost_factor": (0.01, 100.0), "one_way": (0.0, 360.0)},
    "science": {"value": (0.0, 1e12)},
}
_DEPTH: Final = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


class Corridor(NamedTuple):
    """A way that is kept ready: its ground, what a metre in it costs against one outside, and the direction of travel, if there is one."""

    name: str
    polygon: Polygon
    cost_factor: float
    one_way_deg: float | None


class ScienceArea(NamedTuple):
    """Ground worth a visit."""

    name: str
    polygon: Polygon
    value: float


class PlanZones(NamedTuple):
    """Zones of a plan, in the frame [m]."""

    keep_out: tuple[Polygon, ...] = ()  # hazards too, grown by their doubt
    stay_in: tuple[Polygon, ...] = ()
    corridors: tuple[Corridor, ...] = ()
    science: tuple[ScienceArea, ...] = ()

    def keepouts(self, bounds: tuple[float, float, float, float]) -> tuple[Polygon, ...]:
        """Return all polygons to stay out of within (xmin, ymin, xmax, ymax) [m]: keep-outs, and what lies outside the stay-in zones.

        Raises `ZoneError` when stay-in zones leave nothing of it.
        """
        if not self.stay_in:
            return self.keep_out
        xmin, ymin, xmax, ymax = bounds
        rim = 0.01 * max(xmax - xmin, ymax - ymin)  # so that the map's own edge is no way out
        outside = shapely.box(xmin - rim, ymin - rim, xmax + rim, ymax + rim)
        inside = shapely.union_all(np.array(self.stay_in, dtype=object))
        if not shapely.intersects(inside, shapely.box(*bounds)):
            raise ZoneError(
                f"stay-in zones: none lies on the map; x {xmin:.0f}..{xmax:.0f} m, y {ymin:.0f}..{ymax:.0f} m."
            )
        left = [part for part in shapely.get_parts(shapely.difference(outside, inside)).tolist() if part.area > 0.0]
        return (*self.keep_out, *left)


def read_zones(path: Path | str, sigmas: float = SIGMAS) -> PlanZones:
    """Read a GeoJSON file of zones; hazards are grown by ``sigmas`` standard deviations of their place.

    Raises
    ------
    ZoneError : the file cannot be read, is no GeoJSON, or a feature breaks a rule; the message begins with ``feature[i]``.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ZoneError(f"{path}: larger than {MAX_FILE_BYTES} bytes; split it, or simplify its polygons.")
        data: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ZoneError(f"{path}: cannot be read: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise ZoneError(f"{path}: not valid JSON: {error}.") from error
    return parse_zones(data, sigmas, f"{path}: ")


def parse_zones(data: object, sigmas: float = SIGMAS, source: str = "") -> PlanZones:
    """Return the zones of a parsed GeoJSON object: a FeatureCollection, or a single Feature.

    Raises `ZoneError` as `read_zones`; ``source`` begins its messages.

    >>> square = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}
    >>> crs = {"type": "name", "properties": {"name": "IAU_2015:30135"}}
    >>> zones = parse_zones({"type": "Feature", "crs": crs, "properties": {"zone": "keep-out"}, "geometry": square})
    >>> zones.keep_out[0].area
    81.0
    """
    if not isinstance(data, Mapping):
        raise ZoneError(f"{source}GeoJSON must be an object, not {type(data).__name__}.")
    top = cast("Mapping[str, Any]", data)
    kind = top.get("type")
    if kind not in ("FeatureCollection", "Feature"):
        raise ZoneError(f"{source}type = {kind!r}; allowed: 'FeatureCollection', 'Feature'.")
    features = [top] if kind == "Feature" else top.get("features")
    if not isinstance(features, list):
        raise ZoneError(f"{source}features: must be a list of features.")
    if len(cast("list[Any]", features)) > MAX_FEATURES:
        raise ZoneError(f"{source}features: {len(cast('list[Any]', features))}; allowed: up to {MAX_FEATURES}.")
    degrees = _in_degrees(top.get("crs"), source)
    keep: list[Polygon] = []
    stay: list[Polygon] = []
    corridors: list[Corridor] = []
    science: list[ScienceArea] = []
    for i, feature in enumerate(cast("list[Any]", features)):
        where = f"{source}feature[{i}]"
        zone, name, numbers, parts = _feature(feature, where, degrees)
        if zone in ("keep-out", "hazard"):
            keep += _grown(zone, numbers, parts, where, sigmas)
        elif zone == "stay-in":
            stay += cast("list[Polygon]", parts)
        elif zone == "corridor":
            factor, turn = numbers.get("cost_factor", 1.0), numbers.get("one_way")
            corridors += [Corridor(name, part, factor, turn) for part in _ways(parts, numbers, where)]
        else:
            science += [ScienceArea(name, cast("Polygon", part), numbers.get("value", 1.0)) for part in parts]
    return PlanZones(tuple(keep), tuple(stay), tuple(corridors), tuple(science))


def _in_degrees(crs: object, source: str) -> bool:
    if crs is None:
        return True
    name: object = None
    if isinstance(crs, Mapping):
        properties = cast("Mapping[str, Any]", crs).get("properties")
        if isinstance(properties, Mapping):
            name = cast("Mapping[str, Any]", properties).get("name")
    if name in LONLAT:
        return True
    if name in FRAME:
        return False
    raise ZoneError(
        f"{source}crs = {name!r}: unknown.{did_you_mean(str(name), (*LONLAT, *FRAME))} Allowed: longitude and latitude on the "
        f"Moon ({LONLAT[0]}, also when there is no crs) or x and y of the site's frame ({FRAME[0]})."
    )


def _feature(feature: object, where: str, degrees: bool) -> tuple[str, str, dict[str, float], list[BaseGeometry]]:
    """Return zone, name, numbers and the single geometries [m] of a feature, all checked."""
    if not isinstance(feature, Mapping) or cast("Mapping[str, Any]", feature).get("type") != "Feature":
        raise ZoneError(f"{where}: must be an object of type 'Feature'.")
    record = cast("Mapping[str, Any]", feature)
    given = record.get("properties")
    properties = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}
    zone = properties.get("zone")
    if not isinstance(zone, str) or zone not in _GEOMETRY:
        hint = did_you_mean(zone, _GEOMETRY) if isinstance(zone, str) else ""
        raise ZoneError(f"{where}.properties.zone = {zone!r}: unknown.{hint} Allowed: {', '.join(_GEOMETRY)}.")
    name = properties.get("name", "")
    if not isinstance(name, str):
        raise ZoneError(f"{where}.properties.name = {name!r}; must be text.")
    numbers: dict[str, float] = {}
    for key, (low, high) in _NUMBERS[zone].items():
        value = properties.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ZoneError(f"{where}.properties.{key} = {value!r}; allowed: a number from {low:g} to {high:g}.")
        numbers[key] = float(value)
    geometry = record.get("geometry")
    shape = cast("Mapping[str, Any]", geometry) if isinstance(geometry, Mapping) else {}
    kind = shape.get("type")
    if not isinstance(kind, str) or kind not in _GEOMETRY[zone]:
        raise ZoneError(f"{where}.geometry.type = {kind!r}; a {zone} may be: {', '.join(_GEOMETRY[zone])}.")
    single, depth = kind.removeprefix("Multi"), _DEPTH[kind]
    coordinates = shape.get("coordinates")
    many = coordinates if kind != single else [coordinates]
    if not isinstance(many, list) or not many:
        raise ZoneError(f"{where}.geometry.coordinates: must be lists nested {depth + 1} deep.")
    return zone, name, numbers, [_part(single, one, where, degrees) for one in cast("list[Any]", many)]


def _part(kind: str, coordinates: object, where: str, degrees: bool) -> BaseGeometry:
    """Return one Point, LineString or Polygon in the frame, valid and not empty."""
    if kind == "Point":
        return shapely.Point(_positions([coordinates], where, degrees)[0])
    if kind == "LineString":
        line = _positions(coordinates, where, degrees)
        if len(np.unique(line, axis=0)) < 2:
            raise ZoneError(f"{where}.geometry: a LineString needs two places that differ.")
        return shapely.LineString(line)
    if not isinstance(coordinates, list) or not coordinates:
        raise ZoneError(f"{where}.geometry.coordinates: a Polygon is a list of rings.")
    rings = [_positions(ring, where, degrees) for ring in cast("list[Any]", coordinates)]
    for ring in rings:
        if len(ring) < 4:
            raise ZoneError(
                f"{where}.geometry: a ring of {len(ring)} positions; allowed: 4 or more, the last as the first."
            )
    polygon = shapely.Polygon(rings[0], rings[1:])
    if not polygon.is_valid or polygon.area <= 0.0:
        raise ZoneError(
            f"{where}.geometry: not a valid polygon: {shapely.is_valid_reason(polygon)}; rings may not cross or be flat."
        )
    return polygon


def _positions(given: object, where: str, degrees: bool) -> NDArray[np.float64]:
    """Return positions as xy float64 [n, 2] [m]."""
    found: list[tuple[float, float]] = []
    for position in cast("Sequence[Any]", given) if isinstance(given, list) else [None]:
        numbers = cast("list[Any]", position) if isinstance(position, list) else []
        if len(numbers) < 2 or any(isinstance(v, bool) or not isinstance(v, int | float) for v in numbers[:2]):
            raise ZoneError(f"{where}.geometry.coordinates: {position!r}; a position is two numbers.")
        a, b = float(numbers[0]), float(numbers[1])
        if not (math.isfinite(a) and math.isfinite(b)):
            raise ZoneError(f"{where}.geometry.coordinates: {position!r}; must be finite.")
        if degrees and not (-360.0 <= a <= 360.0 and -90.0 <= b <= HIGHEST_LAT_DEG):
            raise ZoneError(
                f"{where}.geometry.coordinates: {position!r}; allowed: longitude -360..360, latitude -90..{HIGHEST_LAT_DEG:g} deg "
                f"(or x and y with the crs {FRAME[0]})."
            )
        if not degrees and max(abs(a), abs(b)) > FAR_M:
            raise ZoneError(f"{where}.geometry.coordinates: {position!r}; allowed: within {FAR_M:g} m of the pole.")
        found.append(polar_xy(a, b) if degrees else (a, b))
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _grown(zone: str, numbers: dict[str, float], parts: list[BaseGeometry], where: str, sigmas: float) -> list[Polygon]:
    """Return keep-outs with their margin, hazards with their size and doubt too."""
    reach = numbers.get("margin_m", 0.0)
    if zone == "hazard" and not isinstance(parts[0], Polygon):
        if not numbers.get("radius_m", 0.0) > 0.0:
            kind = parts[0].geom_type
            raise ZoneError(f"{where}.properties.radius_m: missing; a hazard that is a {kind} needs one above 0.")
        reach += numbers["radius_m"]
    doubt = numbers.get("sigma_m", 0.0)
    if reach <= 0.0 and doubt <= 0.0:
        return cast("list[Polygon]", parts)
    return with_doubt(parts, doubt, sigmas, reach)


def _ways(parts: list[BaseGeometry], numbers: dict[str, float], where: str) -> list[Polygon]:
    """Return the ground of a corridor."""
    if isinstance(parts[0], Polygon):
        return cast("list[Polygon]", parts)
    if "width_m" not in numbers:
        raise ZoneError(f"{where}.properties.width_m: missing; a corridor that is a LineString needs one.")
    return with_doubt(parts, 0.0, clearance_m=0.5 * numbers["width_m"])
