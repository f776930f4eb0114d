"""Ways among keep-outs: shortest, never touching, and honest when there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.detour import detour, nearest_open
from moonfleet.autonomy.errors import NoRoute
from moonfleet.autonomy.visibility_graph import convex_parts
from moonfleet.autonomy.zones import Zones

LINE = np.array([[-20.0, 0.0], [20.0, 0.0]])


def length(xy: np.ndarray) -> float:
    return float(np.hypot(*np.diff(xy, axis=0).T).sum())


def rocks(*circles: tuple[float, float, float]) -> list[shapely.Polygon]:
    return [shapely.Point(x, y).buffer(r, quad_segs=4) for x, y, r in circles]


def test_a_free_line_is_returned_as_it_is() -> None:
    assert detour(LINE, rocks((0.0, 5.0, 2.0))) is LINE
    assert detour(LINE, []) is LINE


def test_one_rock_is_rounded_at_the_length_of_the_taut_string() -> None:
    way = detour(LINE, rocks((0.0, 0.0, 3.0)))
    tangent = math.sqrt(400.0 - 9.0)
    taut = 2.0 * tangent + 3.0 * (math.pi - 2.0 * math.acos(3.0 / 20.0))
    assert length(way) == pytest.approx(taut, rel=2e-3)
    assert not Zones(rocks((0.0, 0.0, 3.0))).blocks(way)
    assert way[0].tolist() == [-20.0, 0.0]
    assert way[-1].tolist() == [20.0, 0.0]


def test_overlapping_rocks_are_rounded_as_one() -> None:
    wall = rocks(*[(0.0, 1.0 * k, 1.0) for k in range(-6, 12)])
    way = detour(LINE, wall)
    assert not Zones(wall).blocks(way)
    assert way[:, 1].min() < -6.9  # the shorter side
    assert length(way) == pytest.approx(2.0 * math.hypot(20.0, 7.0), rel=5e-3)


def test_clearance_widens_the_keepouts() -> None:
    way = detour(LINE, rocks((0.0, 0.0, 2.0)), clearance_m=1.5)
    assert shapely.LineString(way).distance(shapely.Point(0.0, 0.0)) >= 3.5 * math.cos(math.pi / 16.0) ** 2


def test_a_start_inside_is_driven_straight_out() -> None:
    rock = rocks((-20.5, 0.0, 2.0), (0.0, 0.0, 2.0))
    way = detour(LINE, rock)
    assert way[0].tolist() == [-20.0, 0.0]
    assert not Zones(rock).blocks(way[1:])
    assert length(way[:2]) < 1.8


def test_shut_in_raises_no_route() -> None:
    ring = rocks(*[(5.0 * math.cos(a), 5.0 * math.sin(a), 1.5) for a in np.linspace(0.0, 2.0 * math.pi, 16)])
    with pytest.raises(NoRoute, match="close every way"):
        detour(np.array([[0.0, 0.0], [20.0, 0.0]]), ring)
    with pytest.raises(NoRoute, match="inside a keep-out"):
        detour(np.array([[0.0, 0.0], [5.0, 0.0]]), ring)
    wall = rocks(*[(0.0, 2.0 * k, 1.2) for k in range(-30, 31)])
    assert length(detour(LINE, wall)) > 120.0
    with pytest.raises(NoRoute):
        detour(LINE, wall, longest_m=80.0)


def test_a_concave_zone_with_a_hole_is_cut_into_convex_parts() -> None:
    cup = shapely.Polygon([(-6, -6), (6, -6), (6, 6), (4, 6), (4, -4), (-4, -4), (-4, 6), (-6, 6)])
    parts = convex_parts(cup)
    assert sum(shapely.Polygon(part).area for part in parts) == pytest.approx(cup.area)
    way = detour(np.array([[0.0, 0.0], [20.0, 0.0]]), [cup])
    assert not Zones([cup]).blocks(way)
    assert way[:, 1].max() > 6.0
    donut = shapely.Point(0, 0).buffer(5.0).difference(shapely.Point(0, 0).buffer(3.0))
    with pytest.raises(NoRoute):
        detour(np.array([[0.0, 0.0], [20.0, 0.0]]), [donut])


def test_nearest_open_point_is_near_and_open() -> None:
    zones = Zones(rocks((0.0, 0.0, 3.0), (3.0, 0.0, 3.0)))
    at = nearest_open(zones, np.array([0.0, 1.0]), toward=np.array([9.0, 9.0]))
    assert at is not None
    assert not zones.blocks(at[None, :])
    assert math.dist(at, (0.0, 1.0)) < 2.4
    assert nearest_open(Zones([shapely.box(-50, -50, 50, 50)]), np.zeros(2)) is None
    outside = np.array([30.0, 0.0])
    assert nearest_open(zones, outside) is outside
