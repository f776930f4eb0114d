"""For any heap of rocks: a detour touches none, is as short as the whole visibility graph allows, and fails only when it must."""

from __future__ import annotations

import heapq
import math

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.detour import detour
from moonfleet.autonomy.errors import NoRoute
from moonfleet.autonomy.visibility_graph import GAP
from moonfleet.autonomy.zones import Zones


def rocks(seed: int, count: int) -> list[shapely.Polygon]:
    rng = np.random.default_rng(seed)
    xy, radius = rng.uniform(-12.0, 12.0, (count, 2)), rng.uniform(0.4, 4.0, count)
    clear = (np.hypot(xy[:, 0] + 15.0, xy[:, 1]) > radius + 0.1) & (np.hypot(xy[:, 0] - 15.0, xy[:, 1]) > radius + 0.1)
    return list(shapely.buffer(shapely.points(xy[clear]), radius[clear], quad_segs=2))


def slow_shortest(start: np.ndarray, end: np.ndarray, polygons: list[shapely.Polygon], off_m: float) -> float:
    """Return the shortest way by the full visibility graph over corners pushed off by a mitred buffer."""
    corners = [shapely.get_coordinates(p.buffer(off_m, join_style="mitre", mitre_limit=20.0))[:-1] for p in polygons]
    nodes = np.concatenate([start[None], end[None], *corners])
    zones = Zones(polygons)
    free = np.concatenate([[True, True], ~zones.inside(nodes[2:])])
    nodes = nodes[free]
    best = np.full(len(nodes), np.inf)
    best[0] = 0.0
    queue = [(0.0, 0)]
    while queue:
        so_far, here = heapq.heappop(queue)
        if so_far > best[here]:
            continue
        if here == 1:
            return so_far
        clear = ~zones.segments(np.repeat(nodes[here][None], len(nodes), axis=0), nodes)
        for to in np.flatnonzero(clear):
            found = so_far + math.dist(nodes[here], nodes[to])
            if found < best[to]:
                best[to] = found
                heapq.heappush(queue, (found, int(to)))
    return math.inf


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000), count=st.integers(1, 40))
def test_detours_are_clear_and_shortest(seed: int, count: int) -> None:
    polygons = rocks(seed, count)
    line = np.array([[-15.0, 0.0], [15.0, 0.0]])
    wider = [polygon.buffer(4.0 * GAP, join_style="mitre") for polygon in polygons]
    shortest = slow_shortest(line[0], line[1], polygons, 1e-6)
    through_no_slit = slow_shortest(line[0], line[1], wider, 1e-6)  # a way that does without slits of a few gaps
    try:
        way = detour(line, polygons)
    except NoRoute:
        assert math.isinf(through_no_slit)
        return
    assert not Zones(polygons).blocks(way)
    length = float(np.hypot(*np.diff(way, axis=0).T).sum())
    assert shortest * (1.0 - 1e-6) <= length <= through_no_slit * (1.0 + 1e-6)
