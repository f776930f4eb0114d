"""Roadmaps: the drives of a grid, ways along them, and what cannot be one."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.errors import CostError, NoRoute
from moonfleet.autonomy.roadmap import fewest_seconds, follow, grid_roadmap, roadmap_of_edges
from moonfleet.autonomy.search import distance_field


def test_drives_of_a_grid_cost_what_the_search_says() -> None:
    rng = np.random.default_rng(5)
    pace = rng.uniform(8.0, 15.0, (14, 17)).astype(np.float32)
    pace[rng.random(pace.shape) < 0.2] = np.inf
    pace[3, 4] = 10.0
    roadmap = grid_roadmap(pace, 20.0)
    away, onward = fewest_seconds(roadmap, np.array([roadmap.place_of(3, 4)]))
    field = distance_field(pace, (3, 4), 20.0, corner_cutting=False)
    assert away == pytest.approx(field[roadmap.cells[:, 0], roadmap.cells[:, 1]])
    far = int(np.argmax(np.where(np.isfinite(away), away, -1.0)))
    way = follow(onward, far)
    assert way[0] == far
    assert roadmap.cells[way[-1]].tolist() == [3, 4]
    assert np.abs(np.diff(roadmap.cells[way], axis=0)).max() == 1


def test_part_of_a_grid() -> None:
    pace, part = np.ones((5, 5), np.float32), np.zeros((5, 5), bool)
    part[2] = True
    roadmap = grid_roadmap(pace, 10.0, part)
    assert roadmap.places == 5
    assert len(roadmap.to) == 8
    with pytest.raises(NoRoute, match=r"cell \(0, 0\) is not on the roadmap"):
        roadmap.place_of(0, 0)


def test_what_cannot_be_a_roadmap() -> None:
    with pytest.raises(CostError, match="above 0"):
        grid_roadmap(np.zeros((3, 3), np.float32), 10.0)
    with pytest.raises(CostError, match=r"one .R, C. shape"):
        grid_roadmap(np.ones((3, 3), np.float32), 10.0, np.ones((2, 2), bool))
    with pytest.raises(NoRoute, match="no passable cell"):
        grid_roadmap(np.full((3, 3), np.inf, np.float32), 10.0)
    with pytest.raises(CostError, match="drive 0 -> 5"):
        roadmap_of_edges(2, [(0, 5, 1.0)])
    with pytest.raises(CostError, match="must be above 0"):
        roadmap_of_edges(2, [(0, 1, 0.0)])


def test_a_cell_size_that_is_none_and_masked_paces() -> None:
    for cell_m in (-20.0, 0.0, np.nan, np.inf):
        with pytest.raises(CostError, match=r"cell_m: .*; must be finite and above 0"):
            grid_roadmap(np.ones((3, 3), np.float32), cell_m)
    masked = np.ma.MaskedArray(np.ones((3, 3), np.float32), mask=np.eye(3, dtype=bool))
    assert grid_roadmap(masked, 20.0).places == 6
