"""What sets of robots cost together at least: the bound of the group's cost."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from moonfleet.autonomy.cbs_needs import NEVER, cover, least_cost
from moonfleet.terrain.seeds import stream


def test_the_cover_is_that_of_linear_programming() -> None:
    rng = stream(3, "test cover")
    for _ in range(60):
        m, n = int(rng.integers(1, 15)), int(rng.integers(2, 9))
        sets = np.zeros((m, n))
        for row in sets:
            row[rng.permutation(n)[: int(rng.integers(2, min(n, 4) + 1))]] = 1.0
        need = rng.integers(1, 30, m).astype(np.float64)
        expected = linprog(np.ones(n), A_ub=-sets, b_ub=-need).fun
        np.testing.assert_allclose(cover(sets, need), expected, atol=1e-9)


def test_pairs_that_share_a_robot_are_not_counted_twice() -> None:
    assert least_cost([10, 10, 10], {(0, 1): 25, (1, 2): 25}, makespan=False) == 35
    assert (
        least_cost([10, 10, 10], {(0, 1): 21, (1, 2): 21, (0, 2): 21}, makespan=False) == 32
    )  # 1.5, and ticks are whole
    assert least_cost([10, 10, 10], {(0, 1): 19}, makespan=False) == 30
    assert least_cost([10, 12, 10], {(0, 1): 15, (1, 2): 14}, makespan=True) == 15
    assert least_cost([10, 10], {(0, 1): NEVER}, makespan=False) == NEVER
