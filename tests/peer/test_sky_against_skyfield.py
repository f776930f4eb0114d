"""The Sun and the Earth of the Moon against skyfield with DE421 (skyfield-data carries it) and its lunar librations (lunarsky)."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from moonfleet.experiments.bench.terrain_sky import angle_deg, moon_fixed_peer
from moonfleet.terrain.clock import tdb_to_utc, utc_to_tdb
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.sky import Sky, earth_vector, geocentric_moon, grid_frame, heliocentric_earth, sun_vector

INERTIAL_DEG = 0.005  # of the shortened series against a full ephemeris
FIXED_DEG = 0.01  # the same with the Moon's attitude

TIMES = np.arange(utc_to_tdb("2026-01-01T00:00:00"), utc_to_tdb("2046-01-01T00:00:00"), 86_400.0 * 1.37)


@pytest.fixture(scope="module")
def sky_and_scale() -> tuple[object, object]:
    api = pytest.importorskip("skyfield.api", reason="needs skyfield ([dev] extra)")
    data = pytest.importorskip("skyfield_data", reason="needs skyfield-data ([dev] extra)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skyfield-data warns that its Earth rotation table is old
        load = api.Loader(data.get_skyfield_data_path(), verbose=False)
        return load("de421.bsp"), load.timescale(builtin=True)


@pytest.fixture(scope="module")
def moon_fixed(sky_and_scale: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Skyfield's Sun and Earth in MOON_ME_DE421 axes at `TIMES`."""
    if find_spec("lunarsky") is None:
        pytest.skip("needs the kernels in lunarsky ([dev] extra)")
    return moon_fixed_peer()(TIMES)


def test_inertial_directions_from_the_moon(sky_and_scale: tuple) -> None:
    planets, scale = sky_and_scale
    t = scale.tdb_jd(2_451_545.0 + TIMES / 86_400.0)
    moon = planets["moon"].at(t).position.m
    sun, earth = planets["sun"].at(t).position.m - moon, planets["earth"].at(t).position.m - moon
    ours_moon, _ = geocentric_moon(TIMES)
    ours_earth, _ = heliocentric_earth(TIMES)
    assert angle_deg(-(ours_earth + ours_moon), sun.T).max() <= INERTIAL_DEG
    assert angle_deg(-ours_moon, earth.T).max() <= INERTIAL_DEG
    assert np.linalg.norm(ours_moon, axis=1) == pytest.approx(np.linalg.norm(earth, axis=0), abs=60e3)


def test_moon_fixed_directions(moon_fixed: tuple[np.ndarray, np.ndarray]) -> None:
    sun, earth = moon_fixed
    assert angle_deg(sun_vector(TIMES), sun).max() <= FIXED_DEG
    assert angle_deg(earth_vector(TIMES), earth).max() <= FIXED_DEG


@pytest.mark.parametrize(("lon", "lat"), [(0.0, -90.0), (0.0, -89.9), (123.4, -88.8), (-45.0, -80.0)])
def test_azimuth_and_elevation_at_a_place(moon_fixed: tuple[np.ndarray, np.ndarray], lon: float, lat: float) -> None:
    table = Sky(lon, lat).sample(TIMES)
    frame = grid_frame(lon, lat)
    for theirs, az_deg, el_deg in (
        (moon_fixed[0], table.sun_az_deg, table.sun_el_deg),
        (moon_fixed[1], table.earth_az_deg, table.earth_el_deg),
    ):
        az, el = np.radians(az_deg), np.radians(el_deg)
        ours = np.stack([np.cos(el) * np.sin(az), np.cos(el) * np.cos(az), np.sin(el)], axis=1) @ frame
        assert angle_deg(ours, theirs - MOON_RADIUS_M * frame[2]).max() <= FIXED_DEG


def test_no_drift_over_the_decades(moon_fixed: tuple[np.ndarray, np.ndarray]) -> None:
    # Our axes are the mean-Earth ones: principal axes would stand 0.03 deg off, and stay there
    for ours, theirs in zip((sun_vector(TIMES), earth_vector(TIMES)), moon_fixed, strict=True):
        west = np.degrees(np.arctan2(ours[:, 1], ours[:, 0]) - np.arctan2(theirs[:, 1], theirs[:, 0]))
        west = (west + 180.0) % 360.0 - 180.0
        first, last = np.split(west, [west.size // 2])
        assert abs(first.mean()) <= 0.001
        assert abs(last.mean()) <= 0.001


def test_clock(sky_and_scale: tuple) -> None:
    _, scale = sky_and_scale
    for utc in ((1990, 5, 1), (2016, 12, 31), (2017, 1, 1), (2029, 1, 5)):
        theirs = (scale.utc(*utc).tdb - 2_451_545.0) * 86_400.0
        ours = utc_to_tdb("{:04d}-{:02d}-{:02d}T00:00:00Z".format(*utc))
        assert ours == pytest.approx(theirs, abs=1e-3)
        assert tdb_to_utc(ours).startswith("{:04d}-{:02d}-{:02d}T00:00:00".format(*utc))
