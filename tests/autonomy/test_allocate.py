"""Who does what: the best total, crews, and pairs that cannot be."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from moonfleet.autonomy.allocate import allocate
from moonfleet.autonomy.errors import JobError


@pytest.mark.parametrize("seed", range(12))
def test_equals_trying_everything(seed: int) -> None:
    rng = np.random.default_rng(seed)
    robots, jobs = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    value, cost = rng.uniform(0, 9, (robots, jobs)), rng.uniform(0, 9, (robots, jobs))
    cost[rng.random(cost.shape) < 0.3] = np.inf
    crew = rng.integers(0, 3, jobs)
    best = 0.0
    for choice in product(range(-1, jobs), repeat=robots):
        if all(choice.count(j) <= crew[j] for j in range(jobs)):
            best = max(best, sum(value[r, j] - cost[r, j] for r, j in enumerate(choice) if j >= 0))
    chosen = allocate(value, cost, crew)
    gain = [value[r, j] - cost[r, j] for r, j in enumerate(chosen) if j >= 0]
    assert sum(gain) == pytest.approx(best, abs=1e-6)
    assert all(np.isfinite(gain))
    assert (np.bincount(chosen[chosen >= 0], minlength=jobs) <= crew).all()


@pytest.mark.parametrize("seed", range(40))
def test_total_is_that_of_scipys_solver_ties_and_crews_included(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    robots, jobs = int(rng.integers(1, 21)), int(rng.integers(1, 41))
    gain = rng.integers(0, 6, (robots, jobs)).astype(float) if seed % 2 else rng.uniform(0, 9, (robots, jobs))
    crew = rng.integers(0, 4, jobs)
    shut = rng.random(gain.shape) < 0.4
    chosen = allocate(gain, np.where(shut, np.inf, 0.0), crew)
    wide = np.repeat(np.where(shut, 0.0, gain), crew, axis=1)
    rows, columns = linear_sum_assignment(wide, maximize=True)
    got = sum(gain[r, j] for r, j in enumerate(chosen.tolist()) if j >= 0)
    assert got == pytest.approx(wide[rows, columns].sum(), abs=1e-6)
    assert not any(shut[r, j] for r, j in enumerate(chosen.tolist()) if j >= 0)
    assert (np.bincount(chosen[chosen >= 0], minlength=jobs) <= crew).all()
    assert allocate(gain, np.where(shut, np.inf, 0.0), crew).tolist() == chosen.tolist()


def test_pairs_that_cannot_be_or_lose_are_never_assigned() -> None:
    assert allocate(np.array([[5.0, 5.0]]), np.array([[np.inf, 9.0]])).tolist() == [-1]
    assert allocate(np.array([[5.0]]), np.array([[5.0]])).tolist() == [0]
    assert allocate(np.array([[np.nan]]), np.array([[0.0]])).tolist() == [-1]
    assert allocate(np.zeros((3, 0)), np.zeros((3, 0))).tolist() == [-1, -1, -1]
    assert allocate(np.zeros((0, 3)), np.zeros((0, 3))).tolist() == []


def test_shapes_must_fit() -> None:
    with pytest.raises(JobError, match="must both be"):
        allocate(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(JobError, match="crew must be 2"):
        allocate(np.zeros((2, 2)), np.zeros((2, 2)), [1])
