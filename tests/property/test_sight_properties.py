"""What must hold for every ground and every pair of masts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.sight import line_of_sight, viewshed

ROWS, COLS = 6, 7
HEIGHTS = arrays(np.float32, (ROWS, COLS), elements=st.floats(-100.0, 100.0, width=32))
CELLS = st.sampled_from([1.0, 20.0, 1600.0, 40_000.0])  # [m] from a yard to where the Moon's curve hides everything
MASTS = st.floats(0.0, 60.0)
PLACES = st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLS - 1))
QUICK = settings(max_examples=60, deadline=None)


def ground(z: np.ndarray, cell_m: float) -> HeightGrid:
    return HeightGrid(z, GeoRef(0.0, ROWS * cell_m, cell_m, ROWS, COLS))


def all_sheds(grid: HeightGrid, mast_m: float) -> np.ndarray:
    """Whom every cell sees, bool [R, C, R, C], with equal masts on all of them."""
    views = [
        [viewshed(grid, grid.ref.xy(float(r), float(c)), mast_m, mast_m, threads=1) for c in range(COLS)]
        for r in range(ROWS)
    ]
    return np.array(views)


@QUICK
@given(HEIGHTS, CELLS, MASTS)
def test_equal_masts_see_each_other_over_all_pairs(z: np.ndarray, cell_m: float, mast_m: float) -> None:
    seen = all_sheds(ground(z, cell_m), mast_m)
    assert (seen == seen.transpose(2, 3, 0, 1)).all()
    assert np.einsum("ijij->ij", seen).all(), "every mast sees its own foot"


@QUICK
@given(HEIGHTS, CELLS, PLACES, MASTS, MASTS, MASTS, MASTS)
def test_a_raised_mast_never_loses_a_cell(
    z: np.ndarray, cell_m: float, place: tuple[int, int], mast: float, target: float, up: float, target_up: float
) -> None:
    grid = ground(z, cell_m)
    xy = grid.ref.xy(float(place[0]), float(place[1]))
    low = viewshed(grid, xy, mast, target, threads=1)
    for more in (
        viewshed(grid, xy, mast + up, target, threads=1),
        viewshed(grid, xy, mast, target + target_up, threads=1),
    ):
        assert (more | ~low).all()


@QUICK
@given(HEIGHTS, CELLS, PLACES, MASTS, arrays(np.float32, (ROWS, COLS), elements=st.floats(0.0, 100.0, width=32)))
def test_ground_added_between_never_opens_a_view(
    z: np.ndarray, cell_m: float, place: tuple[int, int], mast: float, more: np.ndarray
) -> None:
    before = ground(z, cell_m)
    xy = before.ref.xy(float(place[0]), float(place[1]))
    seen = viewshed(before, xy, mast, mast, threads=1)
    for r in range(ROWS):
        for c in range(COLS):
            raised = (z + more).astype(np.float32)
            raised[place], raised[r, c] = z[place], z[r, c]  # the two ends stay as they are
            end = before.ref.xy(float(r), float(c))
            assert seen[r, c] or not line_of_sight(ground(raised, cell_m), xy, mast, end, mast)


@QUICK
@given(HEIGHTS, CELLS, st.floats(0.0, 1.0), st.floats(0.0, 1.0), MASTS, MASTS)
def test_a_viewshed_is_all_its_lines(
    z: np.ndarray, cell_m: float, across: float, down: float, mast: float, target: float
) -> None:
    grid = ground(z, cell_m)
    xy = (across * COLS * cell_m, down * ROWS * cell_m)
    seen = viewshed(grid, xy, mast, target, threads=1)
    for r in range(ROWS):
        for c in range(COLS):
            assert seen[r, c] == line_of_sight(grid, xy, mast, grid.ref.xy(float(r), float(c)), target)
