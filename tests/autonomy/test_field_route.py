"""Down a distance field lies a way as good as the field says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from moonfleet.autonomy.field_route import follow_field
from moonfleet.autonomy.search import distance_field, path_cost, shortest_path


@pytest.mark.parametrize("seed", range(6))
def test_it_leads_to_the_goal_without_touching_a_corner_and_costs_little_more_than_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(5.0, 20.0, (40, 50)).astype(np.float32)
    cost[rng.random(cost.shape) < 0.08] = np.inf
    goal = tuple(np.argwhere(np.isfinite(cost))[rng.integers(900)].tolist())
    field = distance_field(cost, np.array([goal]), 10.0).astype(np.float32)
    found = 0
    for start in np.argwhere(np.isfinite(field))[::37].tolist():
        cells = follow_field(field, cost, 10.0, tuple(start))
        if cells is None:  # a way that only leads past corners
            continue
        found += 1
        assert cells[0].tolist() == start
        assert cells[-1].tolist() == list(goal)
        steps = np.abs(np.diff(cells, axis=0))
        assert steps.size == 0 or (steps.max() == 1 and steps.sum(axis=1).min() >= 1)
        for (r0, c0), (r1, c1) in pairwise(cells):
            assert np.isfinite(cost[r0, c1])
            assert np.isfinite(cost[r1, c0])
        best = shortest_path(cost, tuple(start), goal, 10.0, corner_cutting=False).cost
        assert 10.0 * path_cost(cost, cells) <= 1.3 * best + 1e-3
    assert found > 5


def test_where_the_field_does_not_reach_there_is_no_way() -> None:
    cost = np.ones((5, 5), dtype=np.float32)
    cost[:, 2] = np.inf
    field = distance_field(cost, np.array([(2, 0)]), 1.0).astype(np.float32)
    assert follow_field(field, cost, 1.0, (2, 4)) is None
    assert follow_field(field, cost, 1.0, (9, 9)) is None
