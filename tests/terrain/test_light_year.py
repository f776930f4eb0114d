"""A year of hours against adding the hours up one by one."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.horizon import Horizon, compute_horizon
from moonfleet.terrain.light import disc_lit, lit_map, lit_series
from moonfleet.terrain.light_year import disc_height, light_year, mean_illumination
from moonfleet.terrain.shadow import permanent_shadow
from moonfleet.terrain.sky import Sky
from tests.craters import crater_site

T0 = utc_to_tdb("2029-01-01T00:00:00Z")
HOUR = 3600.0
YEAR = 365.25 * 86400.0


def longest_run(dark: np.ndarray) -> int:
    """The longest run of True in a row."""
    longest = run = 0
    for sample in dark:
        run = run + 1 if sample else 0
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("u", [0.0, 0.6])
def test_mean_is_the_sum_over_hours(u: float) -> None:
    grid, horizon = crater_site(150.0)
    sky = Sky(*grid.ref.lonlat())
    t = np.arange(T0, T0 + YEAR / 4, HOUR)
    table = sky.sample(t)
    total = np.zeros(grid.ref.shape)
    for az, el, radius in zip(table.sun_az_deg, table.sun_el_deg, table.sun_radius_deg, strict=True):
        total += lit_map(grid.ref, horizon, az, el, radius, u)
    year = light_year(grid.ref, horizon, sky, T0, T0 + YEAR / 4, limb_darkening=u)
    assert np.abs(year.mean_lit - total / t.size).max() < 0.01
    assert np.abs(year.mean_lit - total / t.size).mean() < 0.001
    assert year.mean_lit.dtype == np.float32
    mean = mean_illumination(grid.ref, horizon, sky, T0, T0 + YEAR / 4, limb_darkening=u)
    assert (mean == year.mean_lit).all()


@pytest.mark.parametrize(("dark_below", "u"), [(DARK_BELOW, 0.0), (0.5, 0.0), (DARK_BELOW, 0.6), (0.9, 0.0)])
def test_nights_are_the_longest_runs_of_dark_samples(dark_below: float, u: float) -> None:
    grid, horizon = crater_site(150.0)
    sky = Sky(*grid.ref.lonlat())
    step = 2 * HOUR
    t = np.arange(T0, T0 + YEAR / 2, step)
    year = light_year(grid.ref, horizon, sky, T0, T0 + YEAR / 2, step, dark_below=dark_below, limb_darkening=u)
    rows, cols = (v.ravel() for v in np.mgrid[1:80:6, 3:80:7])
    series = lit_series(grid.ref, horizon, sky, rows, cols, t, u)
    close = np.array([dark_below - 1e-4, dark_below + 1e-4])  # the walk is in float32: 1e-5 deg
    lower, upper = (np.array([longest_run(one < limit) for one in series]) * step for limit in close)
    ours = year.longest_night_s[rows, cols]
    assert ((ours >= lower) & (ours <= upper)).all()
    assert (lower == upper).mean() > 0.9
    assert len(np.unique(ours)) > 5
    assert year.longest_night_s.dtype == np.float32


def test_bytes_do_not_depend_on_threads_and_progress_tells_the_rows() -> None:
    grid, horizon = crater_site(150.0)
    sky = Sky(*grid.ref.lonlat())
    told: list[tuple[int, int]] = []
    one = light_year(grid.ref, horizon, sky, T0, T0 + YEAR / 12, threads=1)
    three = light_year(
        grid.ref, horizon, sky, T0, T0 + YEAR / 12, threads=3, progress=lambda done, rows: told.append((done, rows))
    )
    assert one.mean_lit.tobytes() == three.mean_lit.tobytes()
    assert one.longest_night_s.tobytes() == three.longest_night_s.tobytes()
    assert told == [(k, 80) for k in range(1, 81)]


def test_wide_rows_are_walked_in_pieces() -> None:
    rng = np.random.default_rng(5)
    millideg = rng.integers(-2500, 2500, (24, 3, 1100)).astype(np.int16)
    ref, sky = GeoRef(0.0, 0.0, 20.0, 3, 1100), Sky(0.0, -89.9)
    year = light_year(ref, Horizon(millideg, 0.0), sky, T0, T0 + YEAR / 12)
    cols = np.array([0, 511, 512, 1023, 1024, 1099])
    t = np.arange(T0, T0 + YEAR / 12, HOUR)
    series = lit_series(ref, Horizon(millideg, 0.0), sky, np.full(cols.size, 1), cols, t)
    assert [longest_run(one < DARK_BELOW) * HOUR for one in series] == list(year.longest_night_s[1, cols])


def test_always_dark_is_the_whole_period_and_never_dark_is_none() -> None:
    ref = GeoRef.centred(0.0, 0.0, 400.0, 100.0)
    for horizon_deg, night, mean in ((20.0, 240.0 * HOUR, 0.0), (-20.0, 0.0, 1.0)):
        millideg = np.full((36, *ref.shape), 1000 * horizon_deg, dtype=np.int16)
        year = light_year(ref, Horizon(millideg, 0.0), Sky(0.0, -90.0), T0, T0 + 240.0 * HOUR)
        assert (year.longest_night_s == night).all()
        assert year.mean_lit == pytest.approx(mean)


def test_flat_plain_at_the_pole_has_half_a_year_of_night() -> None:
    ref = GeoRef.centred(0.0, 0.0, 800.0, 100.0)
    horizon = Horizon(compute_horizon(HeightGrid(np.zeros(ref.shape, dtype=np.float32), ref), 36, 0.0), 0.0)
    sky = Sky(0.0, -90.0)
    year = light_year(ref, horizon, sky, T0, T0 + 2 * YEAR)
    seen = sky.sample(np.arange(T0, T0 + 2 * YEAR, HOUR))
    night = longest_run(seen.sun_el_deg < disc_height(DARK_BELOW) * seen.sun_radius_deg) * HOUR
    assert year.mean_lit == pytest.approx(0.5, abs=0.02)
    assert year.longest_night_s == pytest.approx(night, rel=0.01)
    assert 150 * 86400.0 < night < 0.5 * YEAR  # the Sun's radius makes the day longer than the night


def test_shackleton_is_dark_inside_and_bright_on_its_rim() -> None:
    region = regional_grid()
    x, y = polar_xy(129.8, -89.67)  # the floor's middle
    ref = GeoRef.centred(x, y, 48_000.0, 800.0)
    grid = region.resample(ref)
    horizon = Horizon(compute_horizon(grid, 90, 2.0, region), 2.0)
    dark = permanent_shadow(ref, horizon)
    year = light_year(ref, horizon, Sky(*ref.lonlat()), T0, T0 + YEAR)
    row, col = ref.cell_of(x, y)
    assert float(grid.elevation_m[row, col]) == pytest.approx(-2725.0, abs=150.0)
    floor = np.s_[row - 3 : row + 4, col - 3 : col + 4]
    assert dark[floor].all()
    assert (year.mean_lit[floor] == 0.0).all()
    assert (year.longest_night_s[floor] >= YEAR).all()
    assert year.mean_lit[row - 18 : row + 19, col - 18 : col + 19].max() > 0.6


@pytest.mark.parametrize("u", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("share", [1e-6, 0.05, 0.3, 0.5, 0.9, 1.0])
def test_disc_height_is_the_inverse_of_the_share(share: float, u: float) -> None:
    height = disc_height(share, u)
    assert disc_lit(height, 0.0, 1.0, u) == pytest.approx(share, rel=1e-9)
    assert disc_lit(height, 0.0, 1.0, u) >= share


def test_wrong_shapes_periods_and_shares_are_refused() -> None:
    grid, horizon = crater_site(100.0)
    sky = Sky(0.0, -89.0)
    with pytest.raises(SkyError, match="must be the same"):
        light_year(GeoRef.centred(0.0, 0.0, 100.0, 20.0), horizon, sky, T0, T0 + YEAR)
    with pytest.raises(SkyError, match="t0 < t1"):
        mean_illumination(grid.ref, horizon, sky, T0, T0)
    for share in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(SkyError, match=r"dark_below: .*; allowed: 0 < share"):
            light_year(grid.ref, horizon, sky, T0, T0 + YEAR, dark_below=share)
