"""Permanent shadow: against the Sun's own path, on a wide grid as on a site, and areas on the sphere."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.errors import SiteError, SkyError
from moonfleet.terrain.grid import GeoRef, polar_lonlat, polar_xy
from moonfleet.terrain.horizon import Horizon
from moonfleet.terrain.light_year import mean_illumination
from moonfleet.terrain.shadow import NODAL_CYCLE_S, LowestSun, permanent_shadow, shadow_regions, southernmost_sun
from moonfleet.terrain.sky import Sky
from tests.craters import crater_site

T0 = utc_to_tdb("2029-01-01T00:00:00Z")
YEAR = 365.25 * 86400.0


def test_southernmost_sun_is_the_moons_tilt_and_a_near_sun() -> None:
    sun = southernmost_sun()
    assert sun.declination_deg == pytest.approx(-1.588, abs=0.006)  # the extreme of 2026-2030 is -1.5880
    assert 0.2614 < sun.radius_deg < 0.2722
    assert sun.parallax_deg == pytest.approx(math.degrees(MOON_RADIUS_M / 1.496e11), rel=0.02)
    later = southernmost_sun(T0 + 20 * YEAR, T0 + 20 * YEAR + NODAL_CYCLE_S)
    assert sun.radius_deg - sun.declination_deg == pytest.approx(later.radius_deg - later.declination_deg, abs=0.01)


@pytest.mark.parametrize(("lon", "lat"), [(0.0, -89.95), (123.4, -88.8), (222.7, -84.0), (300.0, -71.0)])
def test_a_level_horizon_hides_the_sun_just_where_its_path_of_18_years_says(lon: float, lat: float) -> None:
    """One cell, walls of one height to all sides: dark if and only if they are above the limb's highest, azimuth by azimuth."""
    t = np.arange(T0, T0 + NODAL_CYCLE_S, 1800.0)
    x, y = polar_xy(lon, lat)
    ref = GeoRef(x - 10.0, y + 10.0, 20.0, 1, 1)
    sky = Sky(lon, lat).sample(t)
    limb = sky.sun_el_deg + sky.sun_radius_deg
    towards = np.round(sky.sun_az_deg / 10.0).astype(int) % 36
    near = np.abs((sky.sun_az_deg - 10.0 * towards + 180.0) % 360.0 - 180.0) < 0.3
    off = 0.03 + 0.3 * math.cos(math.radians(lat))  # [deg] seasons missed, and the width of the window
    highest = np.array([limb[near & (towards == k)].max() for k in range(36)])
    for k in range(36):  # one gap in a high wall
        for above, dark in ((off, True), (-off, False)):
            millideg = np.full((36, 1, 1), 30_000, dtype=np.int16)
            millideg[k] = round(1000.0 * (highest[k] + above))
            assert permanent_shadow(ref, Horizon(millideg, 0.0))[0, 0] == dark


def test_deep_crater_floor_is_never_lit() -> None:
    grid, horizon = crater_site(600.0)
    dark = permanent_shadow(grid.ref, horizon)
    mean = mean_illumination(grid.ref, horizon, Sky(*grid.ref.lonlat()), T0, T0 + 2 * YEAR)
    assert dark[36:44, 36:44].all()
    assert (mean[36:44, 36:44] == 0.0).all()
    assert not dark[:5].any()
    assert mean[:5].min() > 0.3
    assert mean[dark].max() == 0.0
    assert 0.1 < dark.mean() < 0.3


def test_bytes_do_not_depend_on_threads() -> None:
    grid, horizon = crater_site(600.0)
    told: list[int] = []
    one = permanent_shadow(grid.ref, horizon, threads=1)
    three = permanent_shadow(grid.ref, horizon, threads=3, progress=lambda done, _: told.append(done))
    assert (one == three).all()
    assert told == list(range(1, 81))


def test_a_sun_that_stands_lower_leaves_more_dark() -> None:
    grid, horizon = crater_site(400.0)
    dark = permanent_shadow(grid.ref, horizon)
    point = permanent_shadow(grid.ref, horizon, LowestSun(-1.0, 0.0, 0.0))
    assert (point >= dark).all()
    assert point.sum() > dark.sum()


def test_regions_have_the_area_of_the_sphere() -> None:
    ref = GeoRef.centred(0.0, 0.0, 1_200_000.0, 1600.0)
    rows, cols = np.mgrid[: ref.rows, : ref.cols]
    lon, lat = polar_lonlat(*ref.xy(rows, cols))
    mask = ((lat < -75.0) & (lat > -80.0) & (np.abs(lon - 100.0) < 25.0)) | (lat < -89.0)
    regions = shadow_regions(mask, ref)
    assert [region.label for region in regions] == [2, 1] or [region.label for region in regions] == [1, 2]
    sector = 50.0 / 360.0 * 2.0 * math.pi * (MOON_RADIUS_M / 1000.0) ** 2
    band = sector * (math.sin(math.radians(80.0)) - math.sin(math.radians(75.0)))
    cap = 2.0 * math.pi * (MOON_RADIUS_M / 1000.0) ** 2 * (1.0 - math.cos(math.radians(1.0)))
    assert [region.area_km2 for region in regions] == pytest.approx([band, cap], rel=0.005)
    assert regions[0].lon_deg == pytest.approx(100.0, abs=0.1)
    assert regions[1].lat_deg == pytest.approx(-90.0, abs=0.03)


def test_corners_join_regions_and_no_shadow_is_no_region() -> None:
    ref = GeoRef.centred(0.0, 0.0, 5000.0, 1000.0)
    mask = np.zeros(ref.shape, dtype=bool)
    assert shadow_regions(mask, ref) == []
    mask[1, 1] = mask[2, 2] = mask[4, 0] = True
    assert [round(region.area_km2) for region in shadow_regions(mask, ref)] == [2, 1]


def test_wrong_shapes_and_the_tropics_are_refused() -> None:
    grid, horizon = crater_site(100.0)
    with pytest.raises(SkyError, match="must be the same"):
        permanent_shadow(GeoRef.centred(0.0, 0.0, 100.0, 20.0), horizon)
    with pytest.raises(SiteError, match="allowed: south of -2 deg"):
        permanent_shadow(GeoRef(3.4e6, 0.0, 1000.0, *grid.ref.shape), horizon)
    with pytest.raises(SiteError, match=r"shadow.mask: shape \(2, 2\)"):
        shadow_regions(np.ones((2, 2), dtype=bool), grid.ref)
