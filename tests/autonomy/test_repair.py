"""Repair: what is cut out, what stays, and what happens when the near way is shut."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.any_angle import any_angle
from moonfleet.autonomy.errors import CostError, GoalBlocked, NoRoute, PlanError, StartBlocked, ZoneError
from moonfleet.autonomy.repair import RECENT, Hazards, find_cut, repair
from moonfleet.autonomy.zones import Zones
from moonfleet.terrain.grid import GeoRef

REF = GeoRef(0.0, 4000.0, 20.0, 200, 200)
FLAT = np.ones(REF.shape, np.float32)
ROUTE = np.array([[100.0, 2000.0], [2000.0, 2000.0], [3900.0, 2000.0]])


def test_a_clear_route_stays_as_it_is_and_loses_what_is_behind() -> None:
    hazards = Hazards([shapely.Point(500.0, 2000.0).buffer(20.0), shapely.Point(2000.0, 2500.0).buffer(50.0)])
    assert find_cut(ROUTE, hazards, 1000.0) is None
    kept = repair(FLAT, REF, ROUTE, hazards, 1000.0)
    assert kept.span_m is None
    assert kept.xy.tolist() == [[1100.0, 2000.0], [2000.0, 2000.0], [3900.0, 2000.0]]
    assert kept.cost == pytest.approx(2800.0)


def test_only_the_cut_span_changes() -> None:
    hazards = Hazards()
    hazards.add([shapely.Point(3000.0, 2000.0).buffer(30.0)])
    cut = find_cut(ROUTE, hazards)
    assert cut is not None
    assert cut == pytest.approx((2870.0, 2930.0), abs=0.5)
    mended = repair(FLAT, REF, ROUTE, hazards)
    assert mended.span_m is not None
    assert mended.span_m[0] > 2600.0
    assert mended.span_m[1] < 3200.0
    assert mended.tries == 1
    line = shapely.LineString(mended.xy)
    assert line.distance(shapely.Point(2000.0, 2000.0)) == 0.0
    assert 3800.0 < line.length < 3815.0
    assert not hazards.touched(mended.xy)


def test_a_wall_makes_the_span_grow_until_it_is_passed_as_a_new_route_would() -> None:
    hazards = Hazards([shapely.box(2500.0, 0.0, 2520.0, 3500.0)])
    mended = repair(FLAT, REF, ROUTE, hazards)
    assert mended.tries > 1
    assert not hazards.touched(mended.xy)
    whole = any_angle(FLAT, REF, (100.0, 2000.0), (3900.0, 2000.0), hazards.near(REF.bounds))
    assert mended.cost <= whole.cost * 1.25


def test_impassable_ground_beside_the_route_is_not_used() -> None:
    cost = FLAT.copy()
    cost[101:, :] = np.inf  # all below the route
    hazards = Hazards([shapely.box(1500.0, 1500.0, 1550.0, 2100.0)])
    mended = repair(cost, REF, ROUTE, hazards)
    assert mended.xy[:, 1].min() >= 1980.0
    assert mended.xy[:, 1].max() > 2100.0


def test_no_way_and_blocked_ends_say_so() -> None:
    with pytest.raises(NoRoute):
        repair(FLAT, REF, ROUTE, Hazards([shapely.box(1500.0, -100.0, 1550.0, 4100.0)]))
    with pytest.raises(StartBlocked, match="robot at"):
        repair(FLAT, REF, ROUTE, Hazards([shapely.Point(100.0, 2000.0).buffer(5.0)]))
    with pytest.raises(GoalBlocked, match="goal at"):
        repair(FLAT, REF, ROUTE, Hazards([shapely.Point(3900.0, 2000.0).buffer(5.0)]))
    with pytest.raises(CostError):
        repair(FLAT[:5], REF, ROUTE, Hazards())


def test_hazards_found_one_by_one_are_all_known() -> None:
    rng = np.random.default_rng(1)
    discs = list(shapely.buffer(shapely.points(rng.uniform(0.0, 4000.0, (3 * RECENT, 2))), 40.0))
    hazards = Hazards(discs[:10])
    for disc in discs[10:]:
        hazards.add([disc])
    assert len(hazards) == len(discs)
    assert {d.wkb for d in hazards.touched(ROUTE)} == {d.wkb for d in discs if d.intersects(shapely.LineString(ROUTE))}


def test_a_route_or_a_part_done_that_makes_no_sense() -> None:
    hazards = Hazards([shapely.Point(3000.0, 2000.0).buffer(30.0)])
    for done_m in (math.nan, -1.0, 3801.0, math.inf):
        with pytest.raises(PlanError, match=r"done_m: .*; must be 0\.\.3800\.000 m"):
            repair(FLAT, REF, ROUTE, hazards, done_m)
        with pytest.raises(PlanError, match="done_m"):
            find_cut(ROUTE, hazards, done_m)
    for xy in (np.empty((0, 2)), np.zeros((3, 3)), np.zeros(4)):
        with pytest.raises(PlanError, match=r"xy: a route of shape .*; must be \[n, 2\]"):
            repair(FLAT, REF, xy, hazards)
    broken = ROUTE.copy()
    broken[1, 0] = math.nan
    with pytest.raises(PlanError, match=r"xy\[1\]: \[nan, 2000.0\]; waypoints must be finite"):
        repair(FLAT, REF, broken, hazards)
    assert repair(FLAT, REF, ROUTE, hazards, 3800.0).xy.tolist() == [[3900.0, 2000.0]]


def test_hazards_that_are_no_polygons() -> None:
    good = shapely.box(0.0, 0.0, 1.0, 1.0)
    wrong = (
        shapely.MultiPolygon([good]),
        shapely.Point(0.0, 0.0),
        shapely.LineString([(0.0, 0.0), (1.0, 1.0)]),
        shapely.Polygon(),
        shapely.Polygon([(0.0, 0.0), (math.nan, 1.0), (1.0, 1.0)]),
        shapely.Polygon([(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]),
        "zone",
    )
    for shape in wrong:
        hazards = Hazards([good])
        for learn in (hazards.add, Hazards, lambda shapes: Hazards(Zones(shapes))):
            if shape == "zone" and learn not in (hazards.add, Hazards):
                continue
            with pytest.raises(ZoneError, match=r"polygons\[1\]: .*; must be a"):
                learn([good, shape])  # type: ignore[list-item]
        assert len(hazards) == 1
    with pytest.raises(ZoneError, match="must be a sequence"):
        Hazards(good)  # type: ignore[arg-type]
