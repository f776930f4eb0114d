"""What must hold for every ground and Sun."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.horizon import Horizon, compute_horizon
from moonfleet.terrain.light import disc_lit, lit_map
from moonfleet.terrain.render import lit_share, shade

HEIGHTS = arrays(np.float32, (9, 11), elements=st.floats(-100.0, 100.0, width=32))
REF = GeoRef(-110.0, 90.0, 20.0, 9, 11)
QUICK = settings(max_examples=40, deadline=None)


@QUICK
@given(HEIGHTS, st.floats(0.0, 20.0), st.floats(0.0, 20.0))
def test_raised_eye_never_raises_its_horizon(z: np.ndarray, one: float, more: float) -> None:
    grid = HeightGrid(z, REF)
    low, high = compute_horizon(grid, 12, one, threads=1), compute_horizon(grid, 12, one + more, threads=1)
    assert (high <= low + 1).all()


@QUICK
@given(HEIGHTS, st.integers(0, 8), st.integers(0, 10), st.floats(0.0, 100.0))
def test_added_ground_never_lowers_another_cells_horizon(z: np.ndarray, row: int, col: int, more: float) -> None:
    # an inner cell: the edge also says how the ground goes on outside
    row, col = min(max(row, 1), 7), min(max(col, 1), 9)
    raised = z.copy()
    raised[row, col] += np.float32(more)
    before, after = (compute_horizon(HeightGrid(a, REF), 12, 2.0, threads=1) for a in (z, raised))
    others = np.ones(z.shape, dtype=bool)
    others[row, col] = False
    assert (after[:, others] >= before[:, others] - 1).all()


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.2, 0.3), st.floats(0, 1))
def test_lit_share_is_a_share_and_grows_with_the_sun(el: float, horizon: float, radius: float, up: float) -> None:
    here, higher = disc_lit(el, horizon, radius), disc_lit(el + up, horizon, radius)
    assert 0.0 <= here <= higher <= 1.0
    assert abs(here + disc_lit(2 * horizon - el, horizon, radius) - 1.0) < 1e-6


@QUICK
@given(HEIGHTS, st.floats(0, 359.9), st.floats(-5, 30), st.floats(0, 10))
def test_lit_map_grows_with_the_sun(z: np.ndarray, az: float, el: float, up: float) -> None:
    horizon = Horizon(compute_horizon(HeightGrid(z, REF), 12, 2.0, threads=1), 2.0)
    here, higher = lit_map(REF, horizon, az, el, 0.27), lit_map(REF, horizon, az, el + up, 0.27)
    assert (here >= 0.0).all()
    assert (here <= higher).all()
    assert (higher <= 1.0).all()


@QUICK
@given(HEIGHTS, st.floats(0, 360), st.floats(0.5, 60), st.floats(0, 20))
def test_cast_shadows_shrink_as_the_sun_rises(z: np.ndarray, az: float, el: float, up: float) -> None:
    low, high = lit_share(z, 20.0, az, el), lit_share(z, 20.0, az, el + up)
    assert (low >= 0.0).all()
    assert (high <= 1.0).all()
    assert (high >= low - 1e-4).all()
    picture = shade(z, 20.0, az, el)
    assert np.isfinite(picture).all()
    assert (picture >= 0.0).all()
