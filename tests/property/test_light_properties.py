"""What must hold for every ground, Sun and mast."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moonfleet.terrain.flux import facing_cosine, incident_w_m2
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.ground_temperature import ground_temperature
from moonfleet.terrain.horizon import Horizon, compute_horizon
from moonfleet.terrain.light import disc_lit, lit_map
from moonfleet.terrain.light_year import light_year
from moonfleet.terrain.render import lit_share, shade
from moonfleet.terrain.shadow import permanent_shadow
from moonfleet.terrain.sight import viewshed
from moonfleet.terrain.sky import Sky

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
@given(HEIGHTS, st.integers(0, 8), st.integers(0, 10), st.integers(0, 8), st.integers(0, 10), st.floats(0, 50))
def test_equal_masts_see_each_other(z: np.ndarray, r: int, c: int, r2: int, c2: int, mast: float) -> None:
    grid = HeightGrid(z, REF)
    one = viewshed(grid, REF.xy(float(r), float(c)), mast, mast)
    other = viewshed(grid, REF.xy(float(r2), float(c2)), mast, mast)
    assert one[r2, c2] == other[r, c]
    assert one[r, c]


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


@given(st.floats(-3, 3), st.floats(0.2, 0.3), st.floats(0, 1), st.floats(0, 1))
def test_darkened_disc_is_a_share_and_grows_with_the_sun(el: float, radius: float, up: float, u: float) -> None:
    here, higher = disc_lit(el, 0.0, radius, u), disc_lit(el + up, 0.0, radius, u)
    assert 0.0 <= here <= 1.0
    assert 0.0 <= higher <= 1.0
    assert here <= higher + 1e-15
    assert abs(here + disc_lit(-el, 0.0, radius, u) - 1.0) < 1e-6


@QUICK
@given(HEIGHTS, st.floats(0.01, 0.99), st.floats(0, 1), st.integers(1, 60))
def test_a_year_has_shares_and_nights_inside_it(z: np.ndarray, dark_below: float, u: float, hours: int) -> None:
    horizon = Horizon(compute_horizon(HeightGrid(z, REF), 12, 2.0, threads=1), 2.0)
    sky = Sky(10.0, -89.0)
    year = light_year(REF, horizon, sky, 0.0, hours * 3600.0, dark_below=dark_below, limb_darkening=u, threads=1)
    assert (year.mean_lit >= 0.0).all()
    assert (year.mean_lit <= np.float32(1.0 + 1e-6)).all()
    assert (year.longest_night_s >= 0.0).all()
    assert (year.longest_night_s <= hours * 3600.0).all()
    stricter = light_year(REF, horizon, sky, 0.0, hours * 3600.0, dark_below=1.0, limb_darkening=u, threads=1)
    assert (stricter.longest_night_s >= year.longest_night_s).all()


@QUICK
@given(HEIGHTS, st.integers(0, 2000))
def test_a_higher_horizon_never_ends_a_permanent_shadow(z: np.ndarray, more: int) -> None:
    horizon = compute_horizon(HeightGrid(z, REF), 12, 0.0, threads=1)
    before = permanent_shadow(REF, Horizon(horizon, 0.0), threads=1)
    after = permanent_shadow(REF, Horizon(np.minimum(horizon, 30_000) + np.int16(more), 0.0), threads=1)
    assert (after >= before).all()


@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 180), st.floats(0, 360), st.floats(0, 1))
def test_no_plane_receives_more_than_one_that_tracks(
    az: float, el: float, tilt: float, facing: float, lit: float
) -> None:
    cosine = facing_cosine(az, el, tilt, facing)
    assert 0.0 <= cosine <= 1.0 + 1e-12
    assert 0.0 <= incident_w_m2(1361.0, lit, cosine) <= 1361.0 * lit * (1.0 + 1e-12)


@QUICK
@given(arrays(np.float64, 30, elements=st.floats(0.0, 1300.0)), st.floats(0.0, 100.0))
def test_ground_that_absorbs_more_is_warmer(power: np.ndarray, more: float) -> None:
    cool, warm = ground_temperature(power, spin_up=0, threads=1), ground_temperature(power + more, spin_up=0, threads=1)
    assert (warm >= cool - 0.5).all()
    assert (cool > 0.0).all()
    assert (warm < 420.0).all()
