"""Any-angle routes: as short as the ground allows, clear of what is shut, honest when there is no way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.any_angle import any_angle
from moonfleet.autonomy.errors import CostError, GoalBlocked, GoalOutside, NoRoute, PlanError, StartBlocked, ZoneError
from moonfleet.autonomy.keepout_grid import KeepoutGrid
from moonfleet.autonomy.line_cost import NO_KEEPOUTS, line_cost, polyline_cost
from moonfleet.autonomy.repair import Hazards
from moonfleet.autonomy.tauten import taut
from moonfleet.autonomy.wide_search import stencil, wide_search
from moonfleet.autonomy.zones import Zones
from moonfleet.terrain.grid import GeoRef

REF = GeoRef(1000.0, 3000.0, 20.0, 60, 80)


def hills(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    row, col = np.mgrid[:60, :80]
    cost = np.zeros(REF.shape)
    for r, c, s, h in zip(*rng.uniform(0, 80, (2, 8)), rng.uniform(4, 12, 8), rng.uniform(-1, 2, 8), strict=True):
        cost += h * np.exp(-0.5 * ((row - r) ** 2 + (col - c) ** 2) / s**2)
    return np.exp(cost).astype(np.float32)


def test_moves_cover_every_direction_and_cross_their_whole_line() -> None:
    moves, first, cells, lengths = stencil()
    assert len(moves) == 48
    angles = np.sort(np.arctan2(moves[:, 0], moves[:, 1]))
    gaps = np.diff(np.append(angles, angles[0] + 2.0 * math.pi))
    assert 1.0 / math.cos(gaps.max() / 2.0) < 1.0076
    for move, begin, end in zip(moves, first[:-1], first[1:], strict=True):
        assert lengths[begin:end].sum() == pytest.approx(math.hypot(*move))
        assert [0, 0] in cells[begin:end].tolist()
        assert move.tolist() in cells[begin:end].tolist()


def test_a_move_costs_what_the_line_costs() -> None:
    cost = np.random.default_rng(0).uniform(0.5, 3.0, (9, 9)).astype(np.float32)
    moves, first, cells, lengths = stencil()
    for m, move in enumerate(moves):
        part = slice(first[m], first[m + 1])
        total = (cost[4 + cells[part, 0], 4 + cells[part, 1]] * lengths[part]).sum()
        line = line_cost(cost, NO_KEEPOUTS, 4.0, 4.0, 4.0 + move[0], 4.0 + move[1])
        assert total == pytest.approx(line, rel=1e-6)


def test_flat_ground_is_crossed_straight_from_any_point_to_any_other() -> None:
    route = any_angle(np.ones(REF.shape, np.float32), REF, (1003.0, 2997.0), (2595.0, 1811.0))
    assert route.xy.tolist() == [[1003.0, 2997.0], [2595.0, 1811.0]]
    assert route.length_m == pytest.approx(math.hypot(1592.0, 1186.0))
    assert route.cost == pytest.approx(route.length_m, rel=1e-6)


def test_a_route_costs_less_than_any_straight_or_bent_line_of_a_sample() -> None:
    rng = np.random.default_rng(5)
    for seed in range(3):
        cost = hills(seed)
        start, goal = REF.xy(5, 5), REF.xy(54, 74)
        route = any_angle(cost, REF, start, goal)
        rc = np.column_stack(REF.rowcol(route.xy[:, 0], route.xy[:, 1]))
        assert route.cost == pytest.approx(polyline_cost(cost, NO_KEEPOUTS, rc) * REF.cell_m)
        for _ in range(400):
            bend = np.array([[5.0, 5.0], rng.uniform((0, 0), (59, 79)), [54.0, 74.0]])
            assert polyline_cost(cost, NO_KEEPOUTS, bend) * REF.cell_m > route.cost * 0.999


def test_tautening_never_makes_a_way_dearer_and_keeps_its_ends() -> None:
    for seed in range(4):
        cost = hills(seed)
        cost[np.random.default_rng(seed).random(cost.shape) < 0.15] = np.inf
        cost[3, 3] = cost[55, 70] = 1.0
        way = wide_search(cost, NO_KEEPOUTS, (3.2, 2.9), (55.1, 70.4), float(cost.min()))
        if len(way) == 0:
            continue
        pulled = taut(cost, NO_KEEPOUTS, way, float(cost.min()))
        before, after = (polyline_cost(cost, NO_KEEPOUTS, one) for one in (way, pulled))
        assert after <= before * (1.0 + 1e-9)
        assert len(pulled) <= len(way) + 2
        assert pulled[[0, -1]].tolist() == way[[0, -1]].tolist()


def test_a_gap_narrower_than_a_cell_is_found_among_polygons() -> None:
    walls = [shapely.box(1400.0, 1700.0, 1405.0, 2400.5), shapely.box(1400.0, 2403.0, 1405.0, 3100.0)]
    cost = hills(1)
    route = any_angle(cost, REF, REF.xy(10, 5), REF.xy(50, 70), Zones(walls))
    assert not Zones(walls).blocks(route.xy)
    through = shapely.LineString(route.xy).intersection(shapely.LineString([(1402.0, 0.0), (1402.0, 9e3)]))
    assert 2400.5 < shapely.get_y(through) < 2403.0


def test_a_keepout_grid_shuts_the_lines_that_touch_a_polygon_and_no_others() -> None:
    rng = np.random.default_rng(3)
    discs = shapely.buffer(shapely.points(rng.uniform((1000, 1800), (2600, 3000), (60, 2))), 30.0)
    rings = shapely.difference(discs, shapely.buffer(shapely.centroid(discs), 15.0))
    zones = Zones([*discs[:30], *rings[30:]])
    keep = KeepoutGrid(zones, REF)
    flat = np.ones(REF.shape, np.float32)
    shut = 0
    for (r0, c0), (r1, c1) in rng.uniform((0, 0), (59, 79), (300, 2, 2)) * 0.2 + rng.uniform(
        (0, 0), (47, 63), (300, 1, 2)
    ):
        cost = line_cost(flat, keep.lists, r0, c0, r1, c1)
        xy = np.column_stack(REF.xy(np.array([r0, r1]), np.array([c0, c1])))
        assert math.isinf(cost) == zones.blocks(xy)
        shut += math.isinf(cost)
    assert 20 < shut < 280


def test_what_is_wrong_is_named() -> None:
    cost = np.ones(REF.shape, np.float32)
    cost[30, :] = np.inf
    cost[5, 5] = np.nan
    fine, beyond = REF.xy(10, 10), REF.xy(50, 10)
    with pytest.raises(NoRoute, match="another goal"):
        any_angle(cost, REF, fine, beyond)
    with pytest.raises(StartBlocked, match=r"cell \(5, 5\).*nearest passable"):
        any_angle(cost, REF, REF.xy(5, 5), fine)
    with pytest.raises(StartBlocked, match="off the map"):
        any_angle(cost, REF, (0.0, 0.0), fine)
    with pytest.raises(GoalOutside, match=r"x must be 1000\.\.2600"):
        any_angle(cost, REF, fine, (math.nan, 0.0))
    with pytest.raises(GoalBlocked, match="inside a keep-out"):
        any_angle(cost, REF, fine, REF.xy(20, 20), Zones([shapely.Point(REF.xy(20, 20)).buffer(5.0)]))
    with pytest.raises(CostError, match=r"shape \(3, 3\)"):
        any_angle(np.ones((3, 3), np.float32), REF, fine, fine)
    with pytest.raises(CostError, match="0 or more"):
        any_angle(-np.ones(REF.shape, np.float32), REF, fine, fine)
    with pytest.raises(CostError, match="own grid"):
        any_angle(cost, REF, fine, fine, KeepoutGrid(Zones(()), GeoRef(0.0, 0.0, 20.0, 60, 80)))


def test_masked_cells_are_impassable() -> None:
    cost = np.ma.MaskedArray(np.ones(REF.shape, np.float32), mask=False)
    cost[:, 40] = np.ma.masked
    with pytest.raises(NoRoute):
        any_angle(cost, REF, (1100.0, 2500.0), (2400.0, 2500.0))


def test_ends_and_keepouts_that_are_none() -> None:
    flat, start, goal = np.ones(REF.shape, np.float32), (1100.0, 2500.0), (2400.0, 2500.0)
    for ends in (((1.0, 2.0, 3.0), goal), (start, ("1", "2"))):
        with pytest.raises(PlanError, match=r"_xy: .*; must be two numbers"):
            any_angle(flat, REF, *ends)  # type: ignore[arg-type]
    for keepouts in (Hazards([]), [shapely.box(1500.0, 2400.0, 1600.0, 2600.0)]):
        with pytest.raises(ZoneError, match=r"keepouts: .*; must be Zones"):
            any_angle(flat, REF, start, goal, keepouts)  # type: ignore[arg-type]
    with pytest.raises(ZoneError, match=r"polygons\[0\]: Polygon, not valid"):
        any_angle(flat, REF, start, goal, Zones([shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])]))


@pytest.mark.parametrize(
    ("polygon", "words"),
    [
        (
            shapely.Polygon([(1100, 2900), (1200, 2800), (1200, 2900), (1100, 2800)]),
            r"polygons\[1\]: Polygon, not valid",
        ),
        (shapely.Polygon(), r"polygons\[1\]: Polygon, empty"),
        (
            shapely.Polygon([(1100, 2900), (math.inf, 2800), (1200, 2900)]),
            r"polygons\[1\]: Polygon, corners that are not finite",
        ),
        (shapely.MultiPolygon([shapely.box(1100, 2800, 1200, 2900)]), r"polygons\[1\]: MultiPolygon, not a Polygon"),
    ],
)
def test_keep_outs_that_are_no_polygons_are_not_laid_on_a_grid(polygon: shapely.Geometry, words: str) -> None:
    zones = Zones([shapely.box(1300, 2500, 1400, 2600), polygon])  # type: ignore[list-item]
    with pytest.raises(ZoneError, match=words):
        KeepoutGrid(zones, REF)
