"""Any ground, any keep-outs: a route touches none, crosses no impassable cell, and is there when the grid has one."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.any_angle import any_angle
from moonfleet.autonomy.errors import GoalBlocked, NoRoute, PlanError, StartBlocked
from moonfleet.autonomy.repair import Hazards, find_cut, repair
from moonfleet.autonomy.search import shortest_path
from moonfleet.autonomy.zones import Zones
from moonfleet.terrain.grid import GeoRef

SIDE = 40
REF = GeoRef(-400.0, 90_000.0, 20.0, SIDE, SIDE)


def ground(seed: int) -> tuple[np.ndarray, Zones, np.random.Generator]:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(0.5, 3.0, REF.shape).astype(np.float32)
    cost[rng.random(REF.shape) < rng.choice([0.0, 0.1, 0.3])] = np.inf
    xmin, ymin, xmax, ymax = REF.bounds
    shapes: list[shapely.Polygon] = []
    for _ in range(int(rng.integers(0, 12))):
        turn = np.sort(rng.uniform(0, 2 * np.pi, 6))
        radius = rng.uniform(3.0, 90.0, 6)
        middle = rng.uniform((xmin, ymin), (xmax, ymax))
        star = shapely.Polygon(middle + radius[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])).buffer(0)
        shapes += [part for part in shapely.get_parts(star) if part.area > 1.0]
    return cost, Zones(shapes), rng


def crossed(cost: np.ndarray, xy: np.ndarray) -> bool:
    """Ask every impassable cell, as a square a millionth smaller, whether the line meets it."""
    shut = np.argwhere(~np.isfinite(cost))
    if len(shut) == 0:
        return False
    x, y = REF.xy(shut[:, 0], shut[:, 1])
    half = 10.0 - 2e-5
    return bool(shapely.intersects(shapely.box(x - half, y - half, x + half, y + half), shapely.LineString(xy)).any())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000_000))
def test_routes_are_clear_and_no_dearer_than_the_grids(seed: int) -> None:
    cost, zones, rng = ground(seed)
    cells = rng.integers(0, SIDE, (2, 2))
    start, goal = (REF.xy(int(r), int(c)) for r, c in cells)
    try:
        grid_cost = shortest_path(cost, tuple(cells[0]), tuple(cells[1]), REF.cell_m, corner_cutting=False).cost
    except PlanError:
        grid_cost = np.inf
    try:
        route = any_angle(cost, REF, start, goal, zones)
    except (StartBlocked, GoalBlocked):
        return
    except NoRoute:
        assert np.isinf(grid_cost) or len(zones)
        return
    assert not zones.blocks(route.xy)
    assert not crossed(cost, route.xy)
    if len(zones) == 0:
        assert route.cost <= grid_cost * (1.0 + 1e-6)
    ends = np.array([start, goal])
    assert (route.xy[[0, -1]] == ends).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000_000))
def test_repaired_routes_are_clear_and_begin_at_the_robot(seed: int) -> None:
    cost, zones, rng = ground(seed)
    start, goal = (REF.xy(*rng.uniform(0, SIDE - 1, 2)) for _ in range(2))
    try:
        route = any_angle(cost, REF, start, goal, zones)
    except PlanError:
        return
    line = shapely.LineString(route.xy)
    hazards = Hazards(zones)
    fresh = line.interpolate(rng.uniform(0.2, 0.8), normalized=True).buffer(rng.uniform(1.0, 60.0), quad_segs=3)
    hazards.add([fresh])
    done = rng.uniform(0.0, 0.3) * route.length_m
    cut = find_cut(route.xy, hazards, done)
    met = shapely.intersection(line, fresh)
    try:
        mended = repair(cost, REF, route.xy, hazards, done)
    except (StartBlocked, GoalBlocked):
        assert shapely.intersects(fresh, [line.interpolate(done), shapely.Point(goal)]).any()
        return
    except NoRoute:
        return
    assert (cut is None) == (mended.span_m is None)
    if cut is not None:
        assert cut[1] - cut[0] >= met.length - 1e-6 or done > 0.0
    assert not hazards.touched(mended.xy)
    assert not zones.blocks(mended.xy)
    assert not crossed(cost, mended.xy)
    at = line.interpolate(done)
    assert np.allclose(mended.xy[0], (at.x, at.y), atol=1e-6)
    assert np.allclose(mended.xy[-1], goal)
