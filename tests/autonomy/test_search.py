"""Grid search: exact cost, blocked corners, and failures that say what would help."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from moonfleet.autonomy.errors import CostError, GoalBlocked, GoalOutside, NoRoute, StartBlocked
from moonfleet.autonomy.search import distance_field, distance_matrix, shortest_path
from tests.property.plain_search import plain_field


def path_cost(cost: np.ndarray, cells: np.ndarray) -> float:
    """Sum the documented cost along a path."""
    r, c = cells[:, 0], cells[:, 1]
    step = np.hypot(np.diff(r), np.diff(c))
    return float((step * 0.5 * (cost[r[1:], c[1:]].astype(float) + cost[r[:-1], c[:-1]])).sum())


def test_goes_round_a_wall_and_reports_the_cost_of_its_own_cells() -> None:
    cost = np.ones((9, 9), np.float32)
    cost[1:, 4] = np.inf
    path = shortest_path(cost, (8, 0), (8, 8), cell_m=20.0)
    assert path.cells[0].tolist() == [8, 0]
    assert path.cells[-1].tolist() == [8, 8]
    assert (np.abs(np.diff(path.cells, axis=0)).max(axis=1) == 1).all()
    assert [0, 4] in path.cells.tolist()
    assert path.cost == pytest.approx(20.0 * path_cost(cost, path.cells))
    assert path.cost == pytest.approx(20.0 * plain_field(cost, [(8, 8)], True)[8, 0])


def test_corner_cutting_is_a_choice() -> None:
    cost = np.ones((2, 2), np.float32)
    cost[0, 1] = np.inf
    assert shortest_path(cost, (0, 0), (1, 1)).cost == pytest.approx(math.sqrt(2.0))
    assert shortest_path(cost, (0, 0), (1, 1), corner_cutting=False).cost == pytest.approx(2.0)
    cost[1, 0] = np.inf
    with pytest.raises(NoRoute, match=r"\(0, 0\) to cell \(1, 1\)"):
        shortest_path(cost, (0, 0), (1, 1), corner_cutting=False)


def test_start_equal_to_goal_costs_nothing() -> None:
    path = shortest_path(np.ones((3, 3), np.float32), (1, 1), (1, 1))
    assert path.cost == 0.0
    assert path.cells.tolist() == [[1, 1]]


def test_nan_is_impassable_and_free_cells_are_allowed() -> None:
    cost = np.zeros((3, 5), np.float32)
    cost[:2, 2] = np.nan
    path = shortest_path(cost, (0, 0), (0, 4))
    assert path.cost == 0.0
    assert [2, 2] in path.cells.tolist()


def test_failures_name_the_cell_and_what_would_help() -> None:
    cost = np.ones((6, 6), np.float32)
    cost[0, 0] = np.inf
    with pytest.raises(StartBlocked, match=r"start cell \(0, 0\) is impassable.*nearest passable cell is \(0, 1\)"):
        shortest_path(cost, (0, 0), (3, 3))
    with pytest.raises(GoalBlocked, match=r"goal cell \(0, 0\)"):
        shortest_path(cost, (3, 3), (0, 0))
    with pytest.raises(GoalOutside, match=r"goal cell \(6, 2\) is not on the grid; rows are 0..5"):
        shortest_path(cost, (3, 3), (6, 2))
    with pytest.raises(StartBlocked, match="not on the grid"):
        shortest_path(cost, (-1, 3), (2, 2))
    with pytest.raises(CostError, match="must be 0 or more"):
        shortest_path(cost - np.float32(2.0), (3, 3), (2, 2))
    with pytest.raises(CostError, match="shape"):
        shortest_path(np.ones(4, np.float32), (0, 0), (0, 0))


def test_field_takes_the_nearest_of_many_goals_and_says_what_cannot_be_reached() -> None:
    cost = np.ones((5, 12), np.float32)
    cost[:, 6] = np.inf
    field = distance_field(cost, [(2, 0), (2, 5)], cell_m=10.0)
    assert field[2, 4] == pytest.approx(10.0)
    assert field[2, 1] == pytest.approx(10.0)
    assert np.isinf(field[:, 6:]).all()
    with pytest.raises(GoalOutside, match=r"\(9, 9\)"):
        distance_field(cost, [(2, 2), (9, 9)])
    with pytest.raises(GoalBlocked):
        distance_field(cost, (2, 6))
    with pytest.raises(GoalOutside, match="no goal"):
        distance_field(cost, np.empty((0, 2)))


def test_a_big_grid_outgrows_the_first_queue() -> None:
    rng = np.random.default_rng(4)
    cost = rng.uniform(1.0, 9.0, (150, 150)).astype(np.float32)
    field = distance_field(cost, (149, 149))
    assert shortest_path(cost, (0, 0), (149, 149)).cost == pytest.approx(field[0, 0], rel=1e-12)
    assert field[0, 0] == pytest.approx(plain_field(cost, [(149, 149)], True)[0, 0], rel=1e-12)


@pytest.mark.parametrize("cell_m", [-20.0, 0.0, math.nan, math.inf])
def test_a_cell_size_that_is_none(cell_m: float) -> None:
    cost = np.ones((4, 5), np.float32)
    asks = (
        lambda: shortest_path(cost, (0, 0), (3, 3), cell_m),
        lambda: distance_field(cost, (0, 0), cell_m),
        lambda: distance_matrix(cost, [(0, 0), (3, 3)], cell_m),
    )
    for ask in asks:
        with pytest.raises(CostError, match=r"cell_m: .*; must be finite and above 0"):
            ask()


def test_masked_cells_are_impassable() -> None:
    for kind in (np.float32, np.int64):
        wall = np.ma.MaskedArray(np.ones((3, 5), kind), mask=False)
        wall[:2, 2] = np.ma.masked
        assert shortest_path(wall, (0, 0), (0, 4)).cells[:, 0].max() == 2
        assert np.isinf(distance_field(wall, (0, 0))[:2, 2]).all()
        with pytest.raises(GoalBlocked):
            shortest_path(wall, (0, 0), (0, 2))


def test_what_is_no_cell() -> None:
    cost = np.ones((4, 5), np.float32)
    wrong: list[Any] = [(0.5, 1), ("0", "1"), (0, 1, 2), (0, math.nan), (0,), ((0, 1), (2, 3, 4)), None]
    for cell in wrong:
        for ask in (
            lambda c=cell: shortest_path(cost, c, (3, 3)),
            lambda c=cell: shortest_path(cost, (3, 3), c),
            lambda c=cell: distance_field(cost, c),
            lambda c=cell: distance_matrix(cost, c),
        ):
            with pytest.raises(CostError, match=r"cell: .*; must be \(row, col\)"):
                ask()
    with pytest.raises(CostError, match="must be one"):
        shortest_path(cost, [(0, 0), (1, 1)], (3, 3))  # type: ignore[arg-type]
    with pytest.raises(CostError, match="must be real"):
        shortest_path(np.full((2, 2), "1"), (0, 0), (1, 1))  # type: ignore[arg-type]
    assert shortest_path(cost, (0.0, 0.0), (3, 3)).cells[-1].tolist() == [3, 3]  # type: ignore[arg-type]
