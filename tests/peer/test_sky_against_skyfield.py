"""The inertial Sun and Earth of the Moon against skyfield with DE421 (skyfield-data carries it)."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from moonfleet.terrain.clock import tdb_to_utc, utc_to_tdb
from moonfleet.terrain.sky import geocentric_moon, heliocentric_earth

DIRECTION_DEG = 0.005  # of the shortened series against a full ephemeris

TIMES = np.arange(utc_to_tdb("2026-01-01T00:00:00"), utc_to_tdb("2046-01-01T00:00:00"), 86_400.0 * 7.3)


def angle_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.degrees(np.arctan2(cross, (a * b).sum(-1)))


@pytest.fixture(scope="module")
def sky_and_scale() -> tuple[object, object]:
    api = pytest.importorskip("skyfield.api", reason="needs skyfield ([dev] extra)")
    data = pytest.importorskip("skyfield_data", reason="needs skyfield-data ([dev] extra)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skyfield-data warns that its Earth rotation table is old
        load = api.Loader(data.get_skyfield_data_path(), verbose=False)
        return load("de421.bsp"), load.timescale(builtin=True)


def test_directions_from_the_moon(sky_and_scale: tuple) -> None:
    planets, scale = sky_and_scale
    t = scale.tdb_jd(2_451_545.0 + TIMES / 86_400.0)
    moon = planets["moon"].at(t).position.m
    sun, earth = planets["sun"].at(t).position.m - moon, planets["earth"].at(t).position.m - moon
    ours_moon, _ = geocentric_moon(TIMES)
    ours_earth, _ = heliocentric_earth(TIMES)
    assert angle_deg(-(ours_earth + ours_moon), sun.T).max() <= DIRECTION_DEG
    assert angle_deg(-ours_moon, earth.T).max() <= DIRECTION_DEG
    assert np.linalg.norm(ours_moon, axis=1) == pytest.approx(np.linalg.norm(earth, axis=0), abs=60e3)


def test_clock(sky_and_scale: tuple) -> None:
    _, scale = sky_and_scale
    for utc in ((1990, 5, 1), (2016, 12, 31), (2017, 1, 1), (2029, 1, 5)):
        theirs = (scale.utc(*utc).tdb - 2_451_545.0) * 86_400.0
        ours = utc_to_tdb("{:04d}-{:02d}-{:02d}T00:00:00Z".format(*utc))
        assert ours == pytest.approx(theirs, abs=1e-3)
        assert tdb_to_utc(ours).startswith("{:04d}-{:02d}-{:02d}T00:00:00".format(*utc))
