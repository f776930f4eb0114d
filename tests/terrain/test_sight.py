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


@pytest.mark.parametrize("mast_m", [2.0, 10.0, 500.0])
@pytest.mark.parametrize("cell_m", [20.0, 300.0])
def test_equal_masts_on_a_smooth_sphere_reach_twice_the_root_of_2rh(mast_m: float, cell_m: float) -> None:
    reach = 2.0 * math.sqrt(2.0 * R * mast_m)
    grid = plain(3, math.ceil(1.2 * reach / cell_m), cell_m)
    start = grid.ref.xy(1.0, 0.0)
    seen = viewshed(grid, start, mast_m, mast_m)[1]
    assert seen.sum() * cell_m == pytest.approx(reach, abs=1.5 * cell_m)
    assert seen[: seen.sum()].all(), "all of it in one piece"
    for share, expected in ((0.999, True), (1.001, False)):
        assert line_of_sight(grid, start, mast_m, (start[0] + share * reach, start[1]), mast_m) is expected


def test_the_map_is_larger_than_the_ground_away_from_the_pole() -> None:
    at_pole, at_70 = plain(3, 200), plain(3, 200)
    x = 2.0 * R * math.tan(math.radians(10.0))  # 70 S: the map shows a metre as 1.031
    at_70 = HeightGrid(at_70.elevation_m, GeoRef(x, 75.0, 50.0, 3, 200))
    seen = [int(viewshed(g, g.ref.xy(1.0, 0.0), 2.0, 2.0)[1].sum()) for g in (at_pole, at_70)]
    assert seen[1] / seen[0] == pytest.approx(1.031, abs=0.02)


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


@pytest.mark.parametrize("kind", ["hills", "ridges", "level"])
def test_a_large_viewshed_is_what_every_single_walk_says(kind: str) -> None:
    rng = np.random.default_rng(11)
    rows, cols = 150, 170
    noise = rng.normal(0.0, 1.0, (rows, cols))
    z = {"hills": 0.3 * noise.cumsum(0).cumsum(1), "ridges": noise.cumsum(1), "level": 0.0 * noise}[kind]
    grid = HeightGrid(z.astype(np.float32), GeoRef(0.0, rows * 80.0, 80.0, rows, cols))
    for row, col in ((75.0, 80.0), (0.0, 0.0), (120.3, 17.9)):
        seen = viewshed(grid, grid.ref.xy(row, col), 4.0, 1.0)
        again = viewshed(grid, grid.ref.xy(row, col), 4.0, 1.0, threads=1)
        assert (seen == again).all()
        assert 0.0 < seen.mean() < 1.0
        for r in range(0, rows, 7):
            for c in range(0, cols, 7):
                line = line_of_sight(grid, grid.ref.xy(row, col), 4.0, grid.ref.xy(float(r), float(c)), 1.0)
                assert seen[r, c] == line, (r, c)


def test_places_outside_are_refused() -> None:
    with pytest.raises(SiteError, match=r"sight\.b"):
        line_of_sight(plain(4, 4), (0.0, 0.0), 1.0, (1e6, 0.0), 1.0)
    with pytest.raises(SiteError, match=r"sight\.mast"):
        viewshed(plain(4, 4), (0.0, 1e6), 1.0)
