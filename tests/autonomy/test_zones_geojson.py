"""Zones out of GeoJSON: what is read, where it lies, and what is refused with which words."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.errors import ZoneError
from moonfleet.autonomy.visibility_graph import visible_path
from moonfleet.autonomy.zones import Zones, with_doubt
from moonfleet.autonomy.zones_geojson import PlanZones, parse_zones, read_zones
from moonfleet.terrain.grid import polar_xy

FRAME = {"type": "name", "properties": {"name": "IAU_2015:30135"}}
SQUARE = [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]


def feature(kind: str, coordinates: object, **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def collection(*features: object, crs: object = FRAME) -> dict[str, Any]:
    return {"type": "FeatureCollection", "crs": crs, "features": list(features)}


def test_every_kind_of_zone_is_read(tmp_path: Path) -> None:
    data = collection(
        feature("Polygon", SQUARE, zone="keep-out", margin_m=5),
        feature("MultiPolygon", [SQUARE, [[[20, 0], [30, 0], [30, 9], [20, 0]]]], zone="stay-in"),
        feature("Point", [100, 50], zone="hazard", radius_m=2, sigma_m=0.5),
        feature("LineString", [[0, 0], [0, 100]], zone="corridor", width_m=6, cost_factor=0.5, one_way=0, name="north"),
        feature("Polygon", SQUARE, zone="science", value=3, name="ejecta"),
    )
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps(data), encoding="utf-8")
    zones = read_zones(path, sigmas=2.0)
    margin, hazard = zones.keep_out
    assert margin.covers(shapely.box(0, 0, 10, 10).buffer(5.0, quad_segs=32))
    assert margin.area < 1.03 * shapely.box(0, 0, 10, 10).buffer(5.0).area
    assert hazard.covers(shapely.Point(100, 50).buffer(3.0, quad_segs=32))
    assert hazard.area < 1.05 * np.pi * 3.0**2
    assert len(zones.stay_in) == 2
    corridor = zones.corridors[0]
    assert (corridor.name, corridor.cost_factor, corridor.one_way_deg) == ("north", 0.5, 0.0)
    assert corridor.polygon.covers(shapely.box(-2.9, 0, 2.9, 100))
    assert (zones.science[0].name, zones.science[0].value) == ("ejecta", 3.0)


def test_longitude_and_latitude_are_the_default() -> None:
    ring = [[30.0, -89.0], [31.0, -89.0], [31.0, -89.1], [30.0, -89.0]]
    zones = parse_zones(collection(feature("Polygon", [ring], zone="keep-out"), crs=None))
    assert shapely.get_coordinates(zones.keep_out[0])[0] == pytest.approx(polar_xy(30.0, -89.0))


def test_out_of_a_stay_in_zone_leads_no_way() -> None:
    arch = shapely.box(0, 0, 100, 100).difference(shapely.box(40, 0, 60, 80))
    zones = PlanZones(stay_in=(arch,))
    outside = zones.keepouts((-50.0, -50.0, 150.0, 150.0))
    way = visible_path((10.0, 10.0), (90.0, 10.0), outside)
    assert way[:, 1].max() > 80.0
    assert arch.covers(shapely.LineString(way))
    with pytest.raises(ZoneError, match="none lies on the map"):
        zones.keepouts((500.0, 500.0, 600.0, 600.0))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "must be an object"),
        ({"type": "Topology"}, "type = 'Topology'; allowed: 'FeatureCollection'"),
        ({"type": "FeatureCollection"}, "features: must be a list"),
        (collection(crs={"type": "name", "properties": {"name": "EPSG:4326"}}), "crs = 'EPSG:4326': unknown"),
        (collection(7), r"feature\[0\]: must be an object of type 'Feature'"),
        (collection(feature("Polygon", SQUARE, zone="keepout")), r"feature\[0\].properties.zone = 'keepout'.*keep-out"),
        (collection(feature("Point", [0, 0], zone="keep-out")), "geometry.type = 'Point'; a keep-out may be: Polygon"),
        (collection(feature("Point", [0, 0], zone="hazard")), "radius_m: missing"),
        (collection(feature("LineString", [[0, 0], [1, 1]], zone="corridor")), "width_m: missing"),
        (collection(feature("LineString", [[1, 1], [1, 1]], zone="corridor", width_m=3)), "two places that differ"),
        (
            collection(feature("Polygon", SQUARE, zone="keep-out", margin_m=-1)),
            r"margin_m = -1; allowed: a number from 0",
        ),
        (collection(feature("Polygon", SQUARE, zone="science", value=True)), "value = True"),
        (collection(feature("Polygon", [[[0, 0], [1, 1], [0, 0]]], zone="keep-out")), "a ring of 3 positions"),
        (
            collection(feature("Polygon", [[[0, 0], [9, 9], [9, 0], [0, 9], [0, 0]]], zone="keep-out")),
            "not a valid polygon",
        ),
        (collection(feature("Polygon", [[[0], [1, 1]]], zone="keep-out")), r"\[0\]; a position is two numbers"),
        (collection(feature("Polygon", SQUARE, zone="keep-out"), crs=None), "latitude -90..-60"),
        (collection(feature("Point", [2e6, 0], zone="hazard", radius_m=1)), "within 1.2e"),
        (collection(feature("Point", [float("nan"), 0], zone="hazard", radius_m=1)), "must be finite"),
    ],
)
def test_mistakes_are_named(data: object, words: str) -> None:
    with pytest.raises(ZoneError, match=words):
        parse_zones(data)


def test_files_that_are_no_geojson_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZoneError, match="cannot be read"):
        read_zones(tmp_path / "none.geojson")
    bad = tmp_path / "bad.geojson"
    bad.write_text("{", encoding="utf-8")
    with pytest.raises(ZoneError, match="not valid JSON"):
        read_zones(bad)
    bad.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(ZoneError, match="not valid JSON"):
        read_zones(bad)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-(10**20), 10**20)
    | st.sampled_from(["Polygon", "Point", "hazard", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "coordinates", "zone", "a"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    geometry=JSON,
    properties=JSON,
    coordinates=JSON,
    kind=st.sampled_from(["Polygon", "Point", "MultiPolygon", "LineString"]),
)
def test_nonsense_is_refused_with_a_zone_error_and_nothing_else(
    geometry: object, properties: object, coordinates: object, kind: str
) -> None:
    whole = {"type": kind, "coordinates": coordinates}
    tried: list[object] = [
        {"type": "Feature", "geometry": geometry, "properties": properties},
        {"type": "Feature", "geometry": whole, "properties": {"zone": "hazard", "radius_m": 1.0}},
    ]
    for one in (*tried, collection(*tried), geometry):
        with contextlib.suppress(ZoneError):
            parse_zones(one)


def test_doubt_widens_each_hazard_by_its_own_sigma() -> None:
    shapes = [shapely.Point(0, 0).buffer(1.0), shapely.Point(50, 0).buffer(1.0), shapely.Point(90, 0).buffer(1.0)]
    grown = with_doubt(shapes, np.array([0.0, 1.0, 3.0]), sigmas=2.0)
    reach = [polygon.bounds[2] - polygon.centroid.x for polygon in grown]
    assert reach == pytest.approx([1.0, 3.0, 7.0], rel=0.02)
    assert len(Zones(grown)) == 3
    with pytest.raises(ZoneError, match="0 or more"):
        with_doubt(shapes, -1.0)
