"""Lines of sight over plains, walls and the curve of the Moon."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.sight import line_of_sight, viewshed

R = 1_737_400.0


def plain(rows: int, cols: int, cell: float = 50.0) -> HeightGrid:
    ref = GeoRef(-cols * cell / 2, rows * cell / 2, cell, rows, cols)
    return HeightGrid(np.zeros((rows, cols), dtype=np.float32), ref)


def test_masts_on_a_plain_see_as_far_as_the_curve_lets_them() -> None:
    grid = plain(3, 1000)
    reach = math.sqrt(2 * R * 10.0) + math.sqrt(2 * R * 2.0)  # 8.5 km
    for share, seen in ((0.97, True), (1.03, False)):
        d = reach * share
        assert line_of_sight(grid, (-d / 2, 0.0), 10.0, (d / 2, 0.0), 2.0) is seen


def test_a_wall_hides_and_a_taller_mast_looks_over_it() -> None:
    z = np.zeros((21, 101), dtype=np.float32)
    z[:, 50] = 20.0
    grid = HeightGrid(z, GeoRef(0.0, 210.0, 10.0, 21, 101))
    a, b = grid.ref.xy(10.0, 10.0), grid.ref.xy(10.0, 90.0)
    assert not line_of_sight(grid, a, 15.0, b, 15.0)
    assert line_of_sight(grid, a, 21.0, b, 21.0)
    assert not line_of_sight(grid, a, 35.0, b, 3.0)
    assert line_of_sight(grid, a, 40.0, b, 3.0)


def test_sight_is_mutual_on_rough_ground() -> None:
    rng = np.random.default_rng(0)
    grid = HeightGrid(rng.normal(0, 3, (40, 40)).astype(np.float32), GeoRef(0.0, 800.0, 20.0, 40, 40))
    seen = 0
    for _ in range(300):
        a, b = tuple(rng.uniform(5, 795, 2)), tuple(rng.uniform(5, 795, 2))
        one, other = line_of_sight(grid, a, 4.0, b, 7.0), line_of_sight(grid, b, 7.0, a, 4.0)
        assert one == other
        seen += one
    assert 20 < seen < 280


def test_viewshed_agrees_with_single_lines_and_is_symmetric_for_equal_masts() -> None:
    rng = np.random.default_rng(4)
    grid = HeightGrid(rng.normal(0, 3, (24, 30)).astype(np.float32), GeoRef(0.0, 480.0, 20.0, 24, 30))
    cells = [(3, 4), (20, 25), (11, 15)]
    sheds = {cell: viewshed(grid, grid.ref.xy(*map(float, cell)), 5.0, 5.0) for cell in cells}
    for a in cells:
        assert sheds[a][a]
        assert 0.05 < sheds[a].mean() < 0.95
        for b in cells:
            assert sheds[a][b] == sheds[b][a]
            direct = line_of_sight(grid, grid.ref.xy(*map(float, a)), 5.0, grid.ref.xy(*map(float, b)), 5.0)
            assert sheds[a][b] == direct


def test_places_outside_are_refused() -> None:
    with pytest.raises(SiteError, match=r"sight\.b"):
        line_of_sight(plain(4, 4), (0.0, 0.0), 1.0, (1e6, 0.0), 1.0)
    with pytest.raises(SiteError, match=r"sight\.mast"):
        viewshed(plain(4, 4), (0.0, 1e6), 1.0)
