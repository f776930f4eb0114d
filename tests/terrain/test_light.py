"""How much of the Sun's disc is in sight: closed forms, flat plains, curved ground."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.horizon import Horizon, compute_horizon
from moonfleet.terrain.light import SOLAR_LIMB_DARKENING, disc_lit, lit_map, lit_series, local_elevation_deg, step_times
from moonfleet.terrain.sky import Sky
from tests.craters import crater_site

T0 = utc_to_tdb("2029-01-01T00:00:00Z")


def test_disc_shares() -> None:
    assert disc_lit(1.0, 1.0, 0.27) == pytest.approx(0.5)
    assert disc_lit(1.28, 1.0, 0.27) == 1.0
    assert disc_lit(0.72, 1.0, 0.27) == 0.0
    # a segment of half the radius has the share arccos(1/2)/pi - sqrt(3)/(4 pi) of the disc
    assert disc_lit(1.0 - 0.135, 1.0, 0.27) == pytest.approx(math.acos(0.5) / math.pi - math.sqrt(3) / 4 / math.pi)


@pytest.mark.parametrize("u", [0.0, 0.3, SOLAR_LIMB_DARKENING, 1.0])
@pytest.mark.parametrize("height", [-0.95, -0.4, 0.0, 0.37, 0.8])
def test_darkened_disc_against_adding_up_its_points(u: float, height: float) -> None:
    side = (np.arange(2000) + 0.5) / 1000.0 - 1.0
    y, x = np.meshgrid(side, side, indexing="ij")
    mu = np.sqrt(np.maximum(1.0 - x * x - y * y, 0.0))
    bright = np.where(mu > 0.0, 1.0 - u * (1.0 - mu), 0.0)
    expected = bright[y < height].sum() / bright.sum()
    assert disc_lit(height * 0.27, 0.0, 0.27, u) == pytest.approx(expected, abs=1e-3)


def test_a_darkened_limb_gives_less_than_its_area() -> None:
    assert disc_lit(-0.2, 0.0, 0.27, 0.6) < disc_lit(-0.2, 0.0, 0.27)
    assert disc_lit(0.2, 0.0, 0.27, 0.6) > disc_lit(0.2, 0.0, 0.27)
    assert disc_lit(0.0, 0.0, 0.27, 0.6) == pytest.approx(0.5)


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


@pytest.mark.parametrize("u", [0.0, 0.6])
def test_series_are_the_maps_cell_by_cell(u: float) -> None:
    grid, horizon = crater_site(150.0)
    sky = Sky(*grid.ref.lonlat())
    t = T0 + np.array([0.0, 9.0, 4.0, 13.0, 22.5]) * 86_400.0  # in any order
    rows, cols = [0, 40, 79, 38], [0, 41, 5, 39]
    series = lit_series(grid.ref, horizon, sky, rows, cols, t, u)
    assert series.shape == (4, 5)
    assert series.dtype == np.float32
    seen = sky.sample(t)
    for k in range(t.size):
        lit = lit_map(grid.ref, horizon, seen.sun_az_deg[k], seen.sun_el_deg[k], seen.sun_radius_deg[k], u)
        assert series[:, k] == pytest.approx(lit[rows, cols], abs=1e-6)
    assert lit_series(grid.ref, horizon, sky, [], [], t).shape == (0, 5)
    assert lit_series(grid.ref, horizon, sky, 40, 41, []).shape == (1, 0)


def test_wrong_shapes_cells_and_periods_are_refused() -> None:
    grid, horizon = crater_site(100.0)
    sky = Sky(0.0, -89.0)
    with pytest.raises(SkyError, match="must be the same"):
        lit_map(GeoRef.centred(0.0, 0.0, 100.0, 20.0), horizon, 0.0, 0.0, 0.27)
    with pytest.raises(SkyError, match=r"limb_darkening: 1.5; allowed: 0 .* 1"):
        lit_map(grid.ref, horizon, 0.0, 0.0, 0.27, 1.5)
    with pytest.raises(SkyError, match=r"\(80, 0\) is outside the grid; allowed: rows 0..79"):
        lit_series(grid.ref, horizon, sky, [3, 80], [0, 0], [T0])
    with pytest.raises(SkyError, match="whole numbers"):
        lit_series(grid.ref, horizon, sky, [0.5], [0.5], [T0])
    with pytest.raises(SkyError, match="t0 < t1"):
        step_times(T0, T0, 3600.0)
    with pytest.raises(SkyError, match="positive step"):
        step_times(T0, T0 + 1.0, 0.0)
