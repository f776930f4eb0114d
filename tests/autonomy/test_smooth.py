"""String pulling on a cost grid."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.autonomy.search import shortest_path
from moonfleet.autonomy.smooth import segment_cost, shorten
from moonfleet.terrain.grid import GeoRef

REF = GeoRef(0.0, 2000.0, 20.0, 100, 100)


def test_open_ground_becomes_one_straight_leg() -> None:
    cost = np.ones((100, 100), np.float32)
    path = shortest_path(cost, (3, 4), (90, 50), 20.0)
    xy = shorten(path.cells, cost, REF)
    assert len(xy) == 2
    assert xy[0].tolist() == list(REF.xy(3, 4))
    assert math.dist(*xy) == pytest.approx(20.0 * math.hypot(87, 46))


def test_a_gap_in_a_wall_stays_a_waypoint() -> None:
    cost = np.ones((100, 100), np.float32)
    cost[:80, 50] = np.inf
    xy = shorten(shortest_path(cost, (10, 10), (10, 90), 20.0, corner_cutting=False).cells, cost, REF)
    assert 3 <= len(xy) <= 4
    assert xy[:, 1].min() == pytest.approx(REF.xy(80, 50)[1])


def test_segment_cost_is_the_integral_and_sees_corners() -> None:
    cost = np.arange(1.0, 26.0, dtype=np.float32).reshape(5, 5)
    assert segment_cost(cost, 0, 0, 0, 1) == pytest.approx(1.5)
    assert segment_cost(cost, 0, 0, 1, 1) == pytest.approx(math.sqrt(2) * 4.0)
    t = (np.arange(200_000) + 0.5) / 200_000
    cells = np.rint(0.3 + t * 3.4).astype(int), np.rint(4.2 - t * 3.1).astype(int)
    assert segment_cost(cost, 0.3, 4.2, 3.7, 1.1) == pytest.approx(math.hypot(3.4, 3.1) * cost[cells].mean(), rel=1e-4)
    cost[0, 1] = np.inf
    assert segment_cost(cost, 0, 0, 1, 1) == np.inf
    assert segment_cost(cost, 0, 0, 9, 9) == np.inf
    assert segment_cost(cost, 2, 2, 2, 2) == 0.0


def test_a_cut_corner_of_the_search_is_kept() -> None:
    cost = np.ones((2, 2), np.float32)
    cost[0, 1] = cost[1, 0] = np.inf
    ref = GeoRef(0.0, 40.0, 20.0, 2, 2)
    assert len(shorten(shortest_path(cost, (0, 0), (1, 1)).cells, cost, ref)) == 2
