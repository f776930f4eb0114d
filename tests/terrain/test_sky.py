"""The Sun and the Earth against published and independently computed ranges (SPICE, DE440, MOON_ME)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.orientation import body_axes
from moonfleet.terrain.sky import (
    Sky,
    SkyTable,
    earth_vector,
    geocentric_moon,
    grid_frame,
    node_block,
    sub_earth_point,
    sub_solar_point,
    sun_vector,
)

RANGE_DEG = 0.01  # how well the ranges must be met
HOURS = np.arange(utc_to_tdb("2026-01-01T00:00:00"), utc_to_tdb("2031-01-01T00:00:00"), 3600.0)


@pytest.fixture(scope="module")
def table() -> SkyTable:
    return Sky(0.0, -89.9).sample(HOURS)


def test_sub_solar_latitude() -> None:
    _, lat = sub_solar_point(HOURS)
    assert (lat.min(), lat.max()) == pytest.approx((-1.5880, 1.5864), abs=RANGE_DEG)


def test_sub_earth_point() -> None:
    lon, lat = sub_earth_point(HOURS)
    assert (lat.min(), lat.max()) == pytest.approx((-6.86, 6.86), abs=RANGE_DEG)
    assert (lon.min(), lon.max()) == pytest.approx((-8.05, 8.05), abs=RANGE_DEG)


def test_sun_elevation_at_89_9_s(table: SkyTable) -> None:
    assert (table.sun_el_deg.min(), table.sun_el_deg.max()) == pytest.approx((-1.647, 1.687), abs=RANGE_DEG)


def test_earth_elevation_at_89_9_s(table: SkyTable) -> None:
    assert (table.earth_el_deg.min(), table.earth_el_deg.max()) == pytest.approx((-7.002, 6.710), abs=RANGE_DEG)


def test_earth_is_above_a_flat_horizon_half_of_the_time(table: SkyTable) -> None:
    assert 100.0 * (table.earth_el_deg > 0.0).mean() == pytest.approx(49.87, abs=0.1)


def test_sun_size_and_flux(table: SkyTable) -> None:
    assert (table.sun_radius_deg.min(), table.sun_radius_deg.max()) == pytest.approx((0.2614, 0.2717), abs=1e-4)
    assert (table.flux_w_m2.min(), table.flux_w_m2.max()) == pytest.approx((1309.9, 1415.2), abs=0.15)


def test_earth_distance() -> None:
    km = np.linalg.norm(earth_vector(HOURS), axis=1) / 1000.0
    assert (km.min(), km.max()) == pytest.approx((356_653, 406_677), abs=20)


def test_lunar_day_is_29_53_days() -> None:
    lon, _ = sub_solar_point(HOURS)
    turns = -np.unwrap(np.radians(lon))
    days = (HOURS[-1] - HOURS[0]) / 86400 / ((turns[-1] - turns[0]) / (2 * np.pi))
    assert days == pytest.approx(29.5306, abs=0.01)


def test_sun_circles_the_pole_westward_in_grid_azimuth(table: SkyTable) -> None:
    # From the south pole the Sun moves to the left: grid azimuth falls, 12.19 deg a day
    az = np.unwrap(np.radians(table.sun_az_deg))
    rate = np.degrees(az[-1] - az[0]) / ((HOURS[-1] - HOURS[0]) / 86400)
    assert rate == pytest.approx(-12.19, abs=0.02)


@pytest.mark.parametrize(("lon", "lat"), [(0.0, -90.0), (123.4, -88.8), (-60.0, -85.0)])
def test_azimuth_points_at_the_sub_solar_point_on_the_map(lon: float, lat: float) -> None:
    t = HOURS[::5000]
    table = Sky(lon, lat).sample(t)
    frame = grid_frame(lon, lat)
    sun = sun_vector(t)
    sun /= np.linalg.norm(sun, axis=1)[:, None]
    el, az = np.radians(table.sun_el_deg), np.radians(table.sun_az_deg)
    local = np.stack([np.cos(el) * np.sin(az), np.cos(el) * np.cos(az), np.sin(el)], axis=1)
    assert np.degrees(np.abs(local @ frame - sun).max()) < 0.001  # the Sun's parallax is 0.0007 deg
    assert frame @ frame.T == pytest.approx(np.eye(3), abs=1e-12)


def test_grid_azimuth_is_local_azimuth_plus_longitude() -> None:
    # On the equator of longitude 0 the grid frame's x is east; at longitude 90, grid +y is west, so east is azimuth 180
    assert grid_frame(0.0, -89.0)[0] == pytest.approx([0.0, 1.0, 0.0])
    assert grid_frame(90.0, -89.0)[1] == pytest.approx([1.0, 0.0, 0.0])


def test_same_bytes_whatever_the_chunks() -> None:
    sky = Sky(123.4, -88.8)
    t = HOURS[0] + 60.0 * np.arange(20_000)
    whole = sky.sample(t)
    parts = [sky.sample(t[i : i + 777]) for i in range(0, t.size, 777)]
    backwards = sky.sample(t[::-1])
    for k in range(len(whole)):
        assert np.concatenate([p[k] for p in parts]).tobytes() == whole[k].tobytes()
        assert backwards[k][::-1].tobytes() == whole[k].tobytes()
    assert sky.sample(t[4321])[0][0] == whole[0][4321]


def test_interpolation_is_true_to_the_series() -> None:
    t = HOURS[0] + np.linspace(0.0, 4e7, 3000)  # mostly between nodes
    moon, _ = geocentric_moon(t)
    straight = np.einsum("nij,nj->ni", body_axes(t), -moon)
    off = np.linalg.norm(earth_vector(t) - straight, axis=1) / np.linalg.norm(straight, axis=1)
    assert np.degrees(off.max()) < 1e-4


def test_nodes_are_kept_and_cannot_be_changed() -> None:
    node_block.cache_clear()
    Sky(0.0, -90.0).sample(HOURS[:1000])
    made = node_block.cache_info().misses
    Sky(50.0, -88.0).sample(HOURS[:1000:7])
    assert node_block.cache_info().misses == made <= 2
    with pytest.raises(ValueError, match="read-only"):
        node_block(0)[0, 0] = 1.0


def test_threads_see_the_same_sky() -> None:
    sky = Sky(123.4, -88.8)
    alone = np.array(sky.sample(HOURS))
    node_block.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: np.array(sky.sample(HOURS)), range(8)))
    assert {table.tobytes() for table in tables} == {alone.tobytes()}


def test_far_apart_times_need_not_fill_what_lies_between() -> None:
    t = np.array([utc_to_tdb("1980-01-01"), utc_to_tdb("2090-01-01")])
    node_block.cache_clear()
    both = Sky(0.0, -90.0).sample(t)
    assert node_block.cache_info().misses == 2
    assert both.sun_el_deg[1] == Sky(0.0, -90.0).sample(t[1:]).sun_el_deg[0]


def test_no_times_no_rows() -> None:
    assert Sky(0.0, -90.0).sample(np.array([])).sun_az_deg.shape == (0,)


def test_axes_are_rotations() -> None:
    axes = body_axes(HOURS[::9000])
    assert axes @ axes.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), axes.shape), abs=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)


@pytest.mark.parametrize("t", [np.nan, 1e12, -1e12])
def test_times_without_an_ephemeris_are_refused(t: float) -> None:
    with pytest.raises(SkyError, match=r"1973\.\.2099"):
        Sky(0.0, -90.0).sample(t)


def test_places_off_the_moon_are_refused() -> None:
    with pytest.raises(SkyError, match="latitude"):
        Sky(0.0, -91.0)
