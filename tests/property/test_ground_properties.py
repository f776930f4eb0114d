"""Properties of made ground that hold for any coarse data, seed and window."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.rocks import HIGHEST_COVER, LOWEST_COVER, rock_cover
from moonfleet.terrain.soil import slip
from moonfleet.terrain.synthesis import refine

SITE = GeoRef(-500.0, 500.0, 20.0, 50, 50)
coarse_heights = arrays(np.float32, (9, 9), elements=st.floats(-400.0, 400.0, width=32))


@settings(max_examples=15, deadline=None)
@given(coarse_heights, st.integers(0, 2**31), st.sampled_from([40.0, 100.0, 400.0]))
def test_refined_ground_has_the_means_of_any_coarse_ground(z: np.ndarray, seed: int, coarse_cell: float) -> None:
    coarse = HeightGrid(z, GeoRef(-4.0 * coarse_cell, 4.0 * coarse_cell, coarse_cell, 9, 9))
    k = round(coarse_cell / 20.0)
    fine = refine(coarse, GeoRef(-2.0 * coarse_cell, 2.0 * coarse_cell, 20.0, 5 * k, 5 * k), seed)
    np.testing.assert_allclose(fine.block_mean(k).elevation_m, z[2:7, 2:7], atol=0.01)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-450.0, 400.0), st.floats(-450.0, 400.0), st.floats(0.0, 90.0), st.floats(0.0, 90.0), st.integers(0, 9)
)
def test_a_split_window_holds_the_same_rocks(x: float, y: float, w: float, h: float, seed: int) -> None:
    ground = LocalGround(
        HeightGrid(np.zeros((50, 50), dtype=np.float32), SITE), np.full((50, 50), 0.03, np.float32), seed
    )
    whole = ground.rocks(x, y, x + w, y + h)
    cut = x + 0.4 * w
    parts = [ground.rocks(x, y, cut, y + h), ground.rocks(cut, y, x + w, y + h)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**62), st.floats(0.0, 45.0))
def test_rock_cover_stays_in_its_range(seed: int, slope: float) -> None:
    cover = rock_cover(SITE, seed, np.full(SITE.shape, slope, dtype=np.float32), 1_000.0)
    assert np.float32(LOWEST_COVER) <= cover.min() <= cover.max() <= np.float32(HIGHEST_COVER)


@given(st.floats(-90.0, 90.0), st.floats(0.0, 30.0))
def test_steeper_never_slips_less(slope: float, more: float) -> None:
    assert 0.0 < slip(slope) <= slip(slope + more) < 1.0
