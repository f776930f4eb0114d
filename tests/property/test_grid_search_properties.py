"""For any grid: paths, fields, matrices and landmarks agree with the textbook, whatever was asked first and on however many threads."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from moonfleet.autonomy import search
from moonfleet.autonomy.errors import CostError, NoRoute, PlanInterrupted
from moonfleet.autonomy.landmarks import Landmarks
from moonfleet.autonomy.search import SearchGrid, distance_field, distance_matrix, shortest_path
from tests.property.plain_search import plain_field, way_cost

Cell = tuple[int, int]
# Walls of every kind, free ground, and costs over thirteen powers of ten.
ELEMENTS = st.one_of(
    st.sampled_from([np.inf, np.nan, -np.inf, 0.0, 1.0, 1e-6, 1e7]).map(np.float32), st.floats(0.0, 8.0, width=32)
)
COSTS = arrays.arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=ELEMENTS)
PLACES = st.tuples(*[st.integers(0, 143)] * 2)


def ends(cost: np.ndarray, where: tuple[int, int]) -> tuple[Cell, Cell]:
    """Return two cells of the grid, made passable."""
    start, goal = (divmod(k % cost.size, cost.shape[1]) for k in where)
    cost[start] = cost[goal] = 1.0
    return start, goal


def close(value: float) -> object:
    """Equal but for the order of a sum."""
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(cost=COSTS, where=PLACES, corner_cutting=st.booleans(), ready=st.booleans())
def test_the_path_is_the_textbooks_and_costs_what_its_cells_do(
    cost: np.ndarray, where: tuple[int, int], corner_cutting: bool, ready: bool
) -> None:
    start, goal = ends(cost, where)
    least = plain_field(cost, [goal], corner_cutting)[start]
    asked = SearchGrid(cost) if ready else cost
    if np.isinf(least):
        with pytest.raises(NoRoute):
            shortest_path(asked, start, goal, corner_cutting=corner_cutting)
        return
    path = shortest_path(asked, start, goal, corner_cutting=corner_cutting)
    assert path.cost == close(least)
    assert way_cost(cost, path.cells, corner_cutting) == close(least)
    assert (tuple(path.cells[0]), tuple(path.cells[-1]), path.partial, path.to_go) == (start, goal, False, 0.0)


@settings(max_examples=100, deadline=None)
@given(cost=COSTS, raised=COSTS, where=PLACES, count=st.integers(1, 18), corner_cutting=st.booleans())
def test_landmarks_change_no_cost_while_costs_only_rise(
    cost: np.ndarray, raised: np.ndarray, where: tuple[int, int], count: int, corner_cutting: bool
) -> None:
    start, goal = ends(cost, where)
    landmarks = Landmarks.build(cost, count, corner_cutting=True)
    landmarks = Landmarks.from_arrays(landmarks.to_arrays())
    more = np.resize(raised, cost.shape)
    dearer = np.where(np.isfinite(cost) & np.isfinite(more), np.maximum(cost, more), np.inf).astype(np.float32)
    dearer[start], dearer[goal] = 1.0, 3.0
    for grid in (cost, dearer):
        least = plain_field(grid, [goal], corner_cutting)[start]
        if np.isinf(least):
            with pytest.raises(NoRoute):
                shortest_path(grid, start, goal, corner_cutting=corner_cutting, landmarks=landmarks)
        else:
            path = shortest_path(grid, start, goal, corner_cutting=corner_cutting, landmarks=landmarks)
            assert path.cost == close(least)
            assert way_cost(grid, path.cells, corner_cutting) == close(least)


@settings(max_examples=60, deadline=None)
@given(cost=COSTS, where=PLACES, to=st.floats(0.0, 0.999))
def test_landmarks_refuse_ground_that_became_cheaper(cost: np.ndarray, where: tuple[int, int], to: float) -> None:
    start, goal = ends(cost, where)
    landmarks = Landmarks.build(cost, 2)
    cost[start] = to
    with pytest.raises(CostError, match=rf"cell \({start[0]}, {start[1]}\) costs .* Build them anew"):
        shortest_path(cost, start, goal, landmarks=landmarks)


@settings(max_examples=80, deadline=None)
@given(cost=COSTS, where=st.lists(st.integers(0, 143), min_size=1, max_size=4), corner_cutting=st.booleans())
def test_fields_are_those_of_the_textbook(cost: np.ndarray, where: list[int], corner_cutting: bool) -> None:
    goals = [divmod(k % cost.size, cost.shape[1]) for k in where]
    cost[goals[0]] = 2.0
    field = distance_field(cost, goals, corner_cutting=corner_cutting)
    np.testing.assert_allclose(field, plain_field(cost, goals, corner_cutting), rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(cost=COSTS, where=st.lists(st.integers(0, 143), min_size=1, max_size=6), corner_cutting=st.booleans())
def test_a_matrix_holds_the_fields_of_its_points_on_any_number_of_threads(
    cost: np.ndarray, where: list[int], corner_cutting: bool
) -> None:
    points = [divmod(k % cost.size, cost.shape[1]) for k in where]
    matrix = distance_matrix(cost, points, 20.0, corner_cutting)
    assert matrix.tobytes() == distance_matrix(cost, points, 20.0, corner_cutting, workers=3).tobytes()
    for i, point in enumerate(points):
        if np.isfinite(cost[point]):
            theirs = [20.0 * plain_field(cost, [point], corner_cutting)[other] for other in points]
        else:
            theirs = [np.inf] * len(points)
        theirs[i] = 0.0
        np.testing.assert_allclose(matrix[i], theirs, rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(matrix[i], matrix[:, i])


@pytest.mark.parametrize("seed", range(3))
def test_fields_equal_scipys_dijkstra(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(0.5, 20.0, (60, 45)).astype(np.float32)
    cost[rng.random(cost.shape) < 0.15 * seed] = np.inf
    cost[30, 20] = 1.0
    at = np.arange(cost.size).reshape(cost.shape)
    rows, cols, weights = [], [], []
    for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(0, 60 - dr), slice(max(-dc, 0), 45 - max(dc, 0)))
        there = (slice(dr, 60), slice(max(dc, 0), 45 + min(dc, 0)))
        step = np.hypot(dr, dc) * 0.5 * (cost[here].astype(float) + cost[there])
        free = np.isfinite(step)
        rows.append(at[here][free])
        cols.append(at[there][free])
        weights.append(step[free])
    edges = coo_array((np.concatenate(weights), (np.concatenate(rows), np.concatenate(cols))), (cost.size, cost.size))
    theirs = dijkstra(edges.tocsr(), directed=False, indices=at[30, 20]).reshape(cost.shape)
    np.testing.assert_allclose(distance_field(cost, (30, 20)), theirs, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), pieces=st.integers(1, 40), looks=st.integers(1, 12), guided=st.booleans())
def test_a_search_cut_short_tells_a_way_that_can_be_driven_and_leaves_no_trace(
    seed: int, pieces: int, looks: int, guided: bool
) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(1.0, 9.0, (20, 24)).astype(np.float32)
    cost[rng.random(cost.shape) < 0.2] = np.inf
    start, goal = (0, 0), (19, 23)
    cost[start] = cost[goal] = 1.0
    landmarks = Landmarks.build(cost, 4) if guided else None
    to_goal = plain_field(cost, [goal], False)
    asked = 0

    def enough() -> bool:
        nonlocal asked
        asked += 1
        return asked > looks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "PIECE", pieces)
        try:
            path = shortest_path(cost, start, goal, 20.0, False, landmarks=landmarks, cancel=enough)
        except PlanInterrupted:
            path = None
        except NoRoute:
            assert np.isinf(to_goal[start])
            path = None
    if path is not None:
        assert tuple(path.cells[0]) == start
        assert path.cost == close(20.0 * way_cost(cost, path.cells, False))
        assert path.partial == (tuple(path.cells[-1]) != goal)
        assert path.to_go <= 20.0 * to_goal[tuple(path.cells[-1])] * (1.0 + 1e-9)
    if np.isfinite(to_goal[start]):
        assert shortest_path(cost, start, goal, 20.0, False).cost == close(20.0 * to_goal[start])
