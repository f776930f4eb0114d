"""Relay orbits: Kepler's laws, and what a Queqiao-2 type orbit gives the south."""

from __future__ import annotations

import json

import numpy as np
import pytest

from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.relay import RelayOrbit, queqiao2, relay_named, relay_names

R = 1_737_400.0
MINUTES = 60.0 * np.arange(30 * 1440)


def test_queqiao2_has_its_published_period_and_heights() -> None:
    orbit = queqiao2()
    height = np.linalg.norm(orbit.position(MINUTES), axis=1) - R
    assert orbit.period_s / 3600.0 == pytest.approx(24.0, abs=0.5)
    assert height.min() == pytest.approx(200e3, abs=500)
    assert height.max() == pytest.approx(16_000e3, abs=500)


def test_apoapsis_is_over_the_south() -> None:
    place = queqiao2().position(MINUTES)
    highest = place[np.linalg.norm(place, axis=1).argmax()]
    latitude = np.degrees(np.arcsin(highest[2] / np.linalg.norm(highest)))
    assert latitude == pytest.approx(-62.4, abs=0.1)


def test_south_pole_sees_it_most_of_the_time() -> None:
    look = queqiao2().look(MINUTES, 123.4, -88.8)
    assert 0.85 < (look.el_deg > 0.0).mean() < 0.97
    assert (queqiao2().look(MINUTES, 0.0, 89.0).el_deg > 0.0).mean() < 0.15


def test_energy_is_kept() -> None:
    orbit = queqiao2()
    t = np.linspace(0.0, orbit.period_s, 200)
    turn = 2 * np.pi / (27.321_661 * 86400.0)

    def inertial(s: np.ndarray) -> np.ndarray:
        p = orbit.position(s)
        c, d = np.cos(turn * s), np.sin(turn * s)
        return np.stack([c * p[:, 0] - d * p[:, 1], d * p[:, 0] + c * p[:, 1], p[:, 2]], axis=1)

    speed = (inertial(t + 0.5) - inertial(t - 0.5)) / 1.0
    energy = 0.5 * (speed**2).sum(1) - 4.9028e12 / np.linalg.norm(inertial(t), axis=1)
    assert energy == pytest.approx(-4.9028e12 / (2 * orbit.semi_major_m), rel=1e-4)


def test_straight_overhead() -> None:
    circle = RelayOrbit(R + 100e3, 0.0, 0.0, 0.0, mean_anomaly_deg=0.0)
    look = circle.look([0.0], 0.0, 0.0)
    assert look.el_deg[0] == pytest.approx(90.0)
    assert look.range_m[0] == pytest.approx(100e3)


def test_azimuth_is_grid_azimuth() -> None:
    polar = RelayOrbit(R + 10_000e3, 0.0, 90.0, 0.0, mean_anomaly_deg=-45.0)  # over lon 0, lat -45, at t = 0
    for lon in (0.0, 100.0):
        look = polar.look([0.0], lon, -89.999)
        assert (look.az_deg[0] + 180.0) % 360.0 == pytest.approx(180.0, abs=0.05)  # towards lon 0: grid +y


@pytest.mark.parametrize(
    ("orbit", "says"),
    [
        ((2e6, 1.0, 0.0, 0.0), "eccentricity"),
        ((2e6, 0.5, 0.0, 0.0), "semi_major_m"),
        ((2e6, 0.0, np.nan, 0.0), "inclination"),
    ],
)
def test_orbits_that_cannot_be_are_refused(orbit: tuple[float, float, float, float], says: str) -> None:
    with pytest.raises(SkyError, match=says):
        RelayOrbit(*orbit)


def test_relays_have_names() -> None:
    assert relay_named("queqiao2") == queqiao2() == RelayOrbit.from_altitudes(200e3, 16_000e3, 62.4)
    for name in relay_names():
        relay = relay_named(name)
        look = relay.look(MINUTES[:10], 0.0, -90.0)
        assert look.range_m == pytest.approx(np.linalg.norm(relay.position(MINUTES[:10]) + [0.0, 0.0, R], axis=1))
        assert json.loads(json.dumps(relay.identity())) == relay.identity()


def test_a_relay_that_is_not_there_is_told_with_the_nearest_name() -> None:
    with pytest.raises(
        SkyError, match=r"relay = 'gatway': no such relay. Did you mean 'gateway'\? Known: gateway, queqiao2"
    ):
        relay_named("gatway")
