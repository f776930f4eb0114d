"""Turning points: routes read off them lead there, over passable ground, at no more than the grid's cost, and nearly as short as can be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from moonfleet.autonomy.field_route import follow_field
from moonfleet.autonomy.search import distance_field
from moonfleet.autonomy.smooth import segment_cost, shorten
from moonfleet.autonomy.turns import NOWHERE, turning_points
from moonfleet.terrain.grid import GeoRef


def ground(seed: int, size: int = 70) -> NDArray[np.float32]:
    """Rolling cost with walls in it."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:size, :size] / size
    cost = np.full((size, size), 2.0)
    for _ in range(3):
        cost += np.sin(rng.uniform(2, 9) * rows + rng.uniform(2, 9) * cols + rng.uniform(0, 6)) / 4
    for _ in range(12):
        row, col = rng.integers(0, size - 10, 2)
        cost[row : row + rng.integers(1, 10), col : col + rng.integers(1, 10)] = np.inf
    return cost.astype(np.float32)


def route(turns: NDArray[np.int32], start: int, cols: int) -> list[tuple[int, int]]:
    """The cells of a route, ``start`` first."""
    way = [start]
    while turns[way[-1]] != way[-1]:
        way.append(int(turns[way[-1]]))
        assert len(way) < 1000
    return [divmod(cell, cols) for cell in way]


def cost_of(cost: NDArray[np.float32], way: list[tuple[int, int]]) -> float:
    return sum(segment_cost(cost, *a, *b) for a, b in itertools.pairwise(way))


@pytest.mark.parametrize("seed", range(4))
def test_routes_lead_there_at_no_more_than_the_cost_of_the_grid(seed: int) -> None:
    cost = ground(seed)
    size = cost.shape[1]
    rng = np.random.default_rng(seed + 50)
    free = np.argwhere(np.isfinite(cost))
    goal = tuple(free[rng.integers(len(free))].tolist())
    field = distance_field(cost, np.array([goal]), 1.0, corner_cutting=False).astype(np.float32)
    turns = turning_points(field, cost)
    ref = GeoRef(0.0, float(size), 1.0, size, size)
    mine, pulled = [], []
    for row, col in free[rng.integers(0, len(free), 60)].tolist():
        if not np.isfinite(field[row, col]):
            assert turns[row * size + col] == NOWHERE
            continue
        way = route(turns, row * size + col, size)
        assert way[-1] == goal
        assert cost_of(cost, way) <= float(field[row, col]) * (1.0 + 1e-5) + 1e-6
        cells = follow_field(field, cost, 1.0, (row, col))
        assert cells is not None
        xy = shorten(cells, cost, ref)
        mine.append(sum(np.hypot(*np.subtract(a, b)) for a, b in itertools.pairwise(way)))
        pulled.append(float(np.hypot(*np.diff(xy, axis=0).T).sum()))
    assert len(mine) > 20
    assert sum(mine) <= 1.015 * sum(pulled)


def test_blocked_cells_and_goals_lead_nowhere_and_here() -> None:
    cost = ground(9)
    goal = tuple(np.argwhere(np.isfinite(cost))[40].tolist())
    field = distance_field(cost, np.array([goal]), 1.0).astype(np.float32)
    turns = turning_points(field, cost)
    assert (turns[~np.isfinite(field).ravel()] == NOWHERE).all()
    assert turns[goal[0] * cost.shape[1] + goal[1]] == goal[0] * cost.shape[1] + goal[1]
