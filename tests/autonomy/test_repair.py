"""Repair: what is cut out, what stays, and what happens when the near way is shut."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.any_angle import any_angle
from moonfleet.autonomy.errors import CostError, GoalBlocked, NoRoute, StartBlocked
from moonfleet.autonomy.repair import RECENT, Hazards, find_cut, repair
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
