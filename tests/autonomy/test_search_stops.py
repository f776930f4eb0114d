"""A search that is cut short, grids of odd costs, and searches inside searches."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from moonfleet.autonomy.errors import CostError, GoalOutside, PlanInterrupted
from moonfleet.autonomy.search import SearchGrid, distance_field, distance_matrix, shortest_path


@pytest.fixture(scope="module")
def cost() -> np.ndarray:
    return np.random.default_rng(8).uniform(1.0, 9.0, (400, 400)).astype(np.float32)


def test_an_event_or_no_time_at_all_stops_it_with_a_word_on_what_helps(cost: np.ndarray) -> None:
    event = threading.Event()
    event.set()
    with pytest.raises(PlanInterrupted, match=r"it was cancelled. Give it more time \(budget_s\)"):
        shortest_path(cost, (0, 0), (399, 399), cancel=event)
    with pytest.raises(PlanInterrupted, match="its time was up"):
        distance_field(cost, (0, 0), budget_s=0.0)
    with pytest.raises(PlanInterrupted, match="its time was up"):
        distance_matrix(cost, [(0, 0), (399, 399)], budget_s=0.0)
    with pytest.raises(PlanInterrupted, match="must be 0 or more"):
        shortest_path(cost, (0, 0), (399, 399), budget_s=-1.0)


def test_what_was_found_so_far_is_a_way_towards_the_goal(cost: np.ndarray) -> None:
    looks = iter([False, True])
    path = shortest_path(cost, (0, 0), (399, 399), 20.0, cancel=lambda: next(looks))
    assert path.partial
    assert path.cells[0].tolist() == [0, 0]
    assert path.cells[-1].min() > 50
    least = 20.0 * float(cost.min()) * np.sqrt(2.0) * 399
    assert 0.0 < path.to_go < least
    whole = shortest_path(cost, (0, 0), (399, 399), 20.0, budget_s=600.0)
    assert not whole.partial
    assert path.cost + path.to_go <= whole.cost


def test_a_search_may_be_asked_for_while_one_is_under_way(cost: np.ndarray) -> None:
    inner: list[float] = []

    def ask() -> bool:
        inner.append(shortest_path(cost, (5, 5), (40, 60)).cost)
        return False

    outer = shortest_path(cost, (0, 0), (399, 399), cancel=ask)
    assert outer.cost == shortest_path(cost, (0, 0), (399, 399)).cost
    assert set(inner) == {shortest_path(cost, (5, 5), (40, 60)).cost}


def test_threads_find_the_same_as_one(cost: np.ndarray) -> None:
    grid = SearchGrid(cost)
    ends = [((0, 7 * k), (399, 399 - 9 * k)) for k in range(8)]
    alone = [shortest_path(grid, a, b) for a, b in ends]
    found: list[object] = [None] * 8

    def work(k: int) -> None:
        found[k] = shortest_path(grid, *ends[k]).cells.tobytes()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [path.cells.tobytes() for path in alone]


def test_even_ground_and_costs_far_apart_are_searched_to_the_end() -> None:
    flat = np.full((300, 300), 3.0, np.float32)
    assert shortest_path(flat, (2, 10), (290, 120)).cost == pytest.approx(3.0 * (178 + 110 * np.sqrt(2.0)))
    assert distance_field(np.zeros((50, 50), np.float32), (3, 3)).max() == 0.0
    wall = np.full((40, 40), 1e-3, np.float32)
    wall[:, 20] = 1e30  # dear, but the only way
    across = 0.5 * (1e30 + 1e-3) * 2.0
    assert shortest_path(wall, (5, 5), (5, 35)).cost == pytest.approx(across)
    assert distance_field(wall, (5, 35))[5, 5] == pytest.approx(across)


def test_matrix_mistakes_are_named(cost: np.ndarray) -> None:
    with pytest.raises(CostError, match="workers: 0"):
        distance_matrix(cost, [(0, 0)], workers=0)
    with pytest.raises(GoalOutside, match="no point was given"):
        distance_matrix(cost, np.empty((0, 2)))
    with pytest.raises(GoalOutside, match=r"point cell \(400, 0\)"):
        distance_matrix(cost, [(0, 0), (400, 0)])
