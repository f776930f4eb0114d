"""Any field of concave, holed, overlapping polygons: the way is clear, and as short as the whole visibility graph allows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.errors import NoRoute
from moonfleet.autonomy.visibility_graph import visible_path
from moonfleet.autonomy.zones import Zones
from moonfleet.experiments.bench.routes_reference import full_visibility_length

GAP_M = 1e-5
START, GOAL = (-15.0, 0.0), (15.0, 0.0)


def stars(seed: int, count: int) -> list[shapely.Polygon]:
    """Stars with deep notches, some with a hole (a moat round one of the ends, perhaps)."""
    rng = np.random.default_rng(seed)
    made: list[shapely.Polygon] = []
    for _ in range(count):
        corners = int(rng.integers(3, 12))
        turn = np.sort(rng.uniform(0.0, 2.0 * math.pi, corners))
        radius = rng.uniform(0.5, 5.0, corners)
        middle = rng.uniform(-14.0, 14.0, 2)
        star = shapely.Polygon(middle + radius[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])).buffer(0.0)
        if rng.random() < 0.3:
            star = star.buffer(1.5, quad_segs=2).difference(star.buffer(0.2, quad_segs=1))
        parts = shapely.get_parts(star)
        made.extend(p for p in parts if p.area > 0.05)
    ends = shapely.points([START, GOAL])
    return [p for p in made if not shapely.intersects(p.buffer(0.05), ends).any()]


def slow_length(polygons: list[shapely.Polygon]) -> float:
    """The length by every corner of every ring, moved off by a hair."""
    return full_visibility_length(np.array(START), np.array(GOAL), polygons, 1e-7)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1_000_000), count=st.integers(1, 7))
def test_the_way_is_clear_and_the_shortest(seed: int, count: int) -> None:
    polygons = stars(seed, count)
    tight, loose = slow_length(polygons), slow_length([p.buffer(8.0 * GAP_M) for p in polygons])
    try:
        way = visible_path(START, GOAL, polygons, GAP_M)
    except NoRoute:
        assert math.isinf(loose)
        return
    assert not Zones(polygons).blocks(way)
    length = float(np.hypot(*np.diff(way, axis=0).T).sum())
    assert tight - 1e-6 <= length <= loose + 1e-6


def test_out_of_a_moat_there_is_no_way_and_inside_it_there_is() -> None:
    moat = shapely.Point(0.0, 0.0).buffer(5.0).difference(shapely.Point(0.0, 0.0).buffer(4.0))
    wall = shapely.box(-0.1, -3.5, 0.1, 4.5)
    way = visible_path((-2.0, 0.0), (2.0, 0.0), [moat, wall], 1e-4)
    assert way[:, 1].min() < -3.4
    with pytest.raises(NoRoute, match="close every way"):
        visible_path((-2.0, 0.0), (9.0, 0.0), [moat, wall])
