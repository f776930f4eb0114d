"""Landmarks: fewer cells looked at, saved and read again, refused where they do not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moonfleet.autonomy import landmarks as module
from moonfleet.autonomy.errors import CostError, PlanInterrupted, SavedStateError
from moonfleet.autonomy.landmarks import Landmarks, kept_landmarks
from moonfleet.autonomy.search import SearchGrid, shortest_path


@pytest.fixture(scope="module")
def cost() -> np.ndarray:
    rng = np.random.default_rng(3)
    cost = rng.uniform(2.0, 9.0, (64, 80)).astype(np.float32)
    cost[10:50, 40] = np.inf
    cost[50, 20:40] = np.inf
    cost[:4, :4] = np.inf
    cost[1, 1] = 1.0  # an island
    return cost


def test_they_lie_far_apart_on_passable_ground_and_are_exact_to_a_unit(cost: np.ndarray) -> None:
    found = Landmarks.build(cost, 4)
    assert np.isfinite(cost[found.cells[:, 0], found.cells[:, 1]]).all()
    gaps = np.abs(found.cells[:, None] - found.cells[None]).max(axis=2)
    assert gaps[~np.eye(4, dtype=bool)].min() > 20
    grid = SearchGrid(cost)
    way = shortest_path(grid, tuple(found.cells[0]), tuple(found.cells[3]))
    kept = found.tables[grid.index(*found.cells[3].tolist()), 0] * found.unit
    assert way.cost - 2.0 * found.unit < kept <= way.cost


def test_costs_and_islands_come_out_the_same_with_them(cost: np.ndarray) -> None:
    found = Landmarks.build(cost)
    grid = SearchGrid(cost)
    for start, goal in (((20, 35), (20, 45)), ((60, 2), (5, 70)), ((49, 21), (51, 21)), ((1, 1), (1, 1))):
        plain, guided = shortest_path(grid, start, goal), shortest_path(grid, start, goal, landmarks=found)
        assert guided.cost == pytest.approx(plain.cost, rel=1e-12)


def test_saved_and_read_they_are_the_same(cost: np.ndarray) -> None:
    found = Landmarks.build(cost, 5, corner_cutting=False)
    again = Landmarks.from_arrays(found.to_arrays())
    np.testing.assert_array_equal(again.tables, found.tables)
    assert (again.unit, again.corner_cutting, again.nbytes) == (found.unit, False, found.nbytes)
    again.check(SearchGrid(cost), corner_cutting=False)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("tables", None, "no array 'tables'"),
        ("tables", np.zeros((2, 2, 5), np.uint16), "do not fit together"),
        ("unit", np.array(-1.0), "unit -1.0"),
        ("cells", np.zeros((5, 2), np.int64), "do not fit together"),
    ],
)
def test_arrays_that_are_not_theirs_are_refused(
    cost: np.ndarray, name: str, value: np.ndarray | None, said: str
) -> None:
    saved = Landmarks.build(cost, 5).to_arrays()
    if value is None:
        del saved[name]
    else:
        saved[name] = value
    with pytest.raises(SavedStateError, match=said):
        Landmarks.from_arrays(saved)


def test_damaged_distances_are_noticed(cost: np.ndarray) -> None:
    saved = Landmarks.build(cost, 2).to_arrays()
    saved["tables"][30, 30, 1] ^= np.uint16(0x4000)
    with pytest.raises(SavedStateError, match="they are not of these costs"):
        Landmarks.from_arrays(saved)


def test_refusals_say_what_would_help(cost: np.ndarray) -> None:
    with pytest.raises(CostError, match="allowed: 1 to 256"):
        Landmarks.build(cost, 0)
    with pytest.raises(CostError, match=r"grid of \(64, 80\), not \(64, 79\)"):
        shortest_path(cost[:, :-1], (30, 30), (40, 30), landmarks=Landmarks.build(cost, 1))
    with pytest.raises(CostError, match="corner_cutting=True"):
        shortest_path(cost, (30, 30), (40, 30), landmarks=Landmarks.build(cost, 1, corner_cutting=False))
    with pytest.raises(PlanInterrupted, match="it was cancelled"):
        Landmarks.build(cost, cancel=lambda: True)


def test_they_are_built_once_for_a_folder(tmp_path: Path, cost: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept_landmarks(tmp_path, cost, 3)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_farthest", None)  # nothing can be built now
        again = kept_landmarks(tmp_path, cost, 3)
    np.testing.assert_array_equal(again.tables, first.tables)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:500])
    np.testing.assert_array_equal(kept_landmarks(tmp_path, cost, 3).tables, first.tables)
    assert len(list(tmp_path.iterdir())) == 1


def test_ground_without_a_passable_cell_has_none_to_find() -> None:
    empty = Landmarks.build(np.full((4, 5), np.inf, np.float32), 2)
    assert (empty.tables == 65535).all()
