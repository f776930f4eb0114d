"""For any grid: search equals the textbook, and smoothing never raises the cost nor touches a wall."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.errors import NoRoute
from moonfleet.autonomy.search import distance_field, shortest_path
from moonfleet.autonomy.smooth import segment_cost, shorten
from moonfleet.terrain.grid import GeoRef
from tests.property.plain_search import plain_field

COSTS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.one_of(st.just(np.float32(np.inf)), st.floats(0.0, 8.0, width=32), st.just(np.float32(1.0))),
)


@settings(max_examples=100, deadline=None)
@given(cost=COSTS, where=st.tuples(*[st.integers(0, 143)] * 2), corner_cutting=st.booleans())
def test_search_equals_the_textbook(cost: np.ndarray, where: tuple[int, int], corner_cutting: bool) -> None:
    start, goal = (divmod(k % cost.size, cost.shape[1]) for k in where)
    cost[start] = cost[goal] = 1.0
    expected = plain_field(cost, [goal], corner_cutting)
    field = distance_field(cost, goal, corner_cutting=corner_cutting)
    np.testing.assert_allclose(field, expected, rtol=1e-9, atol=1e-9)
    if np.isinf(expected[start]):
        with pytest.raises(NoRoute):
            shortest_path(cost, start, goal, corner_cutting=corner_cutting)
        return
    path = shortest_path(cost, start, goal, corner_cutting=corner_cutting)
    assert path.cost == pytest.approx(expected[start], rel=1e-9, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), walls=st.floats(0.0, 0.4))
def test_shortening_never_raises_the_cost_and_never_touches_a_wall(seed: int, walls: float) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(1.0, 4.0, (24, 24)).astype(np.float32)
    cost[rng.random(cost.shape) < walls] = np.inf
    cost[0, 0] = cost[23, 23] = 1.0
    ref = GeoRef(0.0, 480.0, 20.0, 24, 24)
    try:
        path = shortest_path(cost, (0, 0), (23, 23), 20.0, corner_cutting=False)
    except NoRoute:
        return
    xy = shorten(path.cells, cost, ref)
    row, col = ref.rowcol(xy[:, 0], xy[:, 1])
    legs = [20.0 * segment_cost(cost, row[i], col[i], row[i + 1], col[i + 1]) for i in range(len(xy) - 1)]
    assert sum(legs) <= path.cost * (1.0 + 1e-6)
    assert len(xy) <= len(path.cells)
    for i in range(len(xy) - 1):
        t = np.linspace(0.0, 1.0, 400)
        r = np.rint(row[i] + t * (row[i + 1] - row[i])).astype(int)
        c = np.rint(col[i] + t * (col[i + 1] - col[i])).astype(int)
        assert np.isfinite(cost[r, c]).all()
