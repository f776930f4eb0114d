"""Who is lit, how much, how often: flat plains, deep craters, real ground."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.horizon import Horizon, compute_horizon
from moonfleet.terrain.light import disc_lit, lit_map, local_elevation_deg, mean_illumination, permanent_shadow
from moonfleet.terrain.sky import Sky

T0 = utc_to_tdb("2029-01-01T00:00:00Z")
YEAR = 365.25 * 86400.0


def crater_site(depth_m: float) -> tuple[HeightGrid, Horizon]:
    """A crater 3 km across in a plain around 88.8 S 123.4 E, 80 m cells."""
    x, y = polar_xy(123.4, -88.8)
    ref = GeoRef.centred(x, y, 6_400.0, 80.0)
    rows, cols = np.mgrid[:80, :80] - 39.5
    r = np.hypot(rows, cols) * 80.0 / 1500.0
    z = np.where(r < 1.0, -depth_m * (1.0 - r**2), 0.0) + 0.05 * depth_m * np.exp(-(((r - 1.0) / 0.2) ** 2))
    grid = HeightGrid(z.astype(np.float32), ref)
    return grid, Horizon(compute_horizon(grid, 90, 2.0), 2.0)


def test_disc_shares() -> None:
    assert disc_lit(1.0, 1.0, 0.27) == pytest.approx(0.5)
    assert disc_lit(1.28, 1.0, 0.27) == 1.0
    assert disc_lit(0.72, 1.0, 0.27) == 0.0
    # a segment of half the radius has the share arccos(1/2)/pi - sqrt(3)/(4 pi) of the disc
    assert disc_lit(1.0 - 0.135, 1.0, 0.27) == pytest.approx(math.acos(0.5) / math.pi - math.sqrt(3) / 4 / math.pi)


def test_local_elevation_rises_towards_the_sun() -> None:
    kilometres_per_degree = math.radians(1.0) * 1_737_400.0
    assert local_elevation_deg(0.5, 90.0, kilometres_per_degree, 0.0) == pytest.approx(1.5)
    assert local_elevation_deg(0.5, 90.0, 0.0, kilometres_per_degree) == pytest.approx(0.5)
    assert local_elevation_deg(0.5, 0.0, 0.0, -kilometres_per_degree) == pytest.approx(-0.5)


def test_plain_at_the_pole_is_lit_exactly_when_the_limb_is_above_the_flat_horizon() -> None:
    ref = GeoRef.centred(0.0, 0.0, 420.0, 20.0)
    plain = HeightGrid(np.zeros(ref.shape, dtype=np.float32), ref)
    horizon = Horizon(compute_horizon(plain, 36, 0.0), 0.0)
    t = T0 + 3600.0 * np.arange(8766)
    sky = Sky(0.0, -90.0).sample(t)
    upper, lower = sky.sun_el_deg + sky.sun_radius_deg, sky.sun_el_deg - sky.sun_radius_deg
    for k in range(0, t.size, 3):
        lit = lit_map(ref, horizon, sky.sun_az_deg[k], sky.sun_el_deg[k], sky.sun_radius_deg[k])[10, 10]
        if abs(upper[k]) > 0.002:  # the horizon is kept in 0.001 deg
            assert (lit > 0.0) == (upper[k] > 0.0)
        if abs(lower[k]) > 0.002:
            assert (lit == 1.0) == (lower[k] > 0.0)


def test_lit_map_turns_with_the_curved_ground() -> None:
    ref = GeoRef.centred(0.0, 0.0, 40_000.0, 1000.0)
    horizon = Horizon(np.zeros((36, *ref.shape), dtype=np.int16), 0.0)
    lit = lit_map(ref, horizon, 90.0, 0.0, 0.27)
    assert (lit[:, -1] == 1.0).all()  # 20 km towards the Sun lifts it by 0.66 deg
    assert (lit[:, 0] == 0.0).all()
    assert (np.diff(lit, axis=1) >= 0.0).all()


def test_mean_illumination_equals_the_sum_over_hours() -> None:
    grid, horizon = crater_site(150.0)
    sky = Sky(*grid.ref.lonlat())
    t = np.arange(T0, T0 + YEAR / 4, 3600.0)
    table = sky.sample(t)
    total = np.zeros(grid.ref.shape)
    for az, el, radius in zip(table.sun_az_deg, table.sun_el_deg, table.sun_radius_deg, strict=True):
        total += lit_map(grid.ref, horizon, az, el, radius)
    mean = mean_illumination(grid.ref, horizon, sky, T0, T0 + YEAR / 4)
    assert np.abs(mean - total / t.size).max() < 0.01
    assert np.abs(mean - total / t.size).mean() < 0.001
    assert mean.dtype == np.float32


def test_flat_plain_is_lit_half_of_the_year() -> None:
    ref = GeoRef.centred(0.0, 0.0, 800.0, 100.0)
    horizon = Horizon(compute_horizon(HeightGrid(np.zeros(ref.shape, dtype=np.float32), ref), 36, 0.0), 0.0)
    mean = mean_illumination(ref, horizon, Sky(0.0, -90.0), T0, T0 + YEAR)
    assert mean == pytest.approx(0.5, abs=0.02)


def test_deep_crater_floor_is_never_lit() -> None:
    grid, horizon = crater_site(600.0)
    sky = Sky(*grid.ref.lonlat())
    dark = permanent_shadow(grid.ref, horizon, sky, T0, T0 + 18.6 * YEAR, 7200.0)
    mean = mean_illumination(grid.ref, horizon, sky, T0, T0 + 2 * YEAR)
    assert dark[36:44, 36:44].all()
    assert (mean[36:44, 36:44] == 0.0).all()
    assert not dark[:5].any()
    assert mean[:5].min() > 0.3
    assert mean[dark].max() == 0.0
    assert 0.1 < dark.mean() < 0.3


def test_shackleton_is_dark_inside_and_bright_on_its_rim() -> None:
    region = regional_grid()
    x, y = polar_xy(129.8, -89.67)  # the floor's middle
    ref = GeoRef.centred(x, y, 48_000.0, 800.0)
    grid = region.resample(ref)
    horizon = Horizon(compute_horizon(grid, 90, 2.0, region), 2.0)
    sky = Sky(*ref.lonlat())
    dark = permanent_shadow(ref, horizon, sky, T0, T0 + 18.6 * YEAR, 7200.0)
    mean = mean_illumination(ref, horizon, sky, T0, T0 + YEAR)
    row, col = ref.cell_of(x, y)
    assert float(grid.elevation_m[row, col]) == pytest.approx(-2725.0, abs=150.0)
    assert dark[row - 3 : row + 4, col - 3 : col + 4].all()
    assert (mean[row - 3 : row + 4, col - 3 : col + 4] == 0.0).all()
    rim = mean[row - 18 : row + 19, col - 18 : col + 19]
    assert rim.max() > 0.6


def test_wrong_shapes_and_periods_are_refused() -> None:
    grid, horizon = crater_site(100.0)
    sky = Sky(0.0, -89.0)
    with pytest.raises(SkyError, match="must be the same"):
        lit_map(GeoRef.centred(0.0, 0.0, 100.0, 20.0), horizon, 0.0, 0.0, 0.27)
    with pytest.raises(SkyError, match="t0 < t1"):
        mean_illumination(grid.ref, horizon, sky, T0, T0)
    with pytest.raises(SkyError, match="positive step"):
        permanent_shadow(grid.ref, horizon, sky, T0, T0 + 1.0, 0.0)
