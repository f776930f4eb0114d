"""The Gateway's halo orbit: a solution of the three-body problem, and what it gives the south pole."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.data.make_halo import GUESS, MASS_RATIO, PERIOD, PERIOD_S, correct, fly, jacobi
from moonfleet.terrain.errors import SkyError
from moonfleet.terrain.halo import COLUMNS, HaloOrbit, earth_moon_axes, halo_table
from moonfleet.terrain.orientation import body_axes
from moonfleet.terrain.relay import relay_named
from moonfleet.terrain.sky import earth_vector, geocentric_moon

EARTH_MOON_KM = 384_400.0  # mean distance, to tell heights in km
START = utc_to_tdb("2028-01-01T00:00:00")
MINUTES = START + 120.0 * np.arange(720 * 60)  # two months, every two minutes


@pytest.fixture(scope="module")
def gateway() -> HaloOrbit:
    orbit = relay_named("gateway")
    assert isinstance(orbit, HaloOrbit)
    return orbit


@pytest.fixture(scope="module")
def nodes(gateway: HaloOrbit) -> np.ndarray:
    return halo_table(gateway.table).nodes


def states(nodes: np.ndarray) -> np.ndarray:
    """The nodes as states [6, n] in the units and from the origin of the three-body problem."""
    place = nodes[:, 1:4] + [1.0 - MASS_RATIO, 0.0, 0.0]
    return np.concatenate([place, nodes[:, 4:] / PERIOD], axis=1).T


def turning(orbit: HaloOrbit, t: np.ndarray) -> np.ndarray:
    """Place in the turning frame [n, 3], in distances of Earth and Moon."""
    axes, distance = earth_moon_axes(t)
    return np.einsum("nij,nj->ni", axes, orbit.position(t)) / distance[:, None]


def test_nine_revolutions_in_two_synodic_months(gateway: HaloOrbit) -> None:
    assert gateway.period_s * 9 / 2 / 86_400 == pytest.approx(29.530588, abs=1e-6)
    assert gateway.period_s == pytest.approx(PERIOD_S)


def test_perilune_and_apolune_are_those_of_the_papers(nodes: np.ndarray) -> None:
    km = np.linalg.norm(nodes[:, 1:4], axis=1) * EARTH_MOON_KM
    assert 3_200 < km.min() < 3_400
    assert 70_000 < km.max() < 72_000
    assert nodes[km.argmin(), 3] > 0 > nodes[km.argmax(), 3]  # low over the north, high over the south


def test_jacobi_constant_is_kept_along_the_table(nodes: np.ndarray) -> None:
    constant = jacobi(states(nodes))
    assert np.ptp(constant) < 1e-9
    assert constant[0] == pytest.approx(3.047, abs=0.002)  # 9:2 halo orbit, Zimovan-Spreen et al. 2020


def test_orbit_mirrors_itself_in_the_xz_plane(nodes: np.ndarray) -> None:
    flipped = nodes[::-1] * [-1, 1, -1, 1, -1, 1, -1] + [1, 0, 0, 0, 0, 0, 0]
    assert flipped == pytest.approx(nodes, abs=1e-11)


def test_integration_from_apolune_follows_the_table(nodes: np.ndarray) -> None:
    whole = states(nodes)
    middle = len(nodes) // 2
    assert nodes[middle, 0] == 0.5
    flown = fly(whole[:, middle], (nodes[middle:, 0] - 0.5) * PERIOD)
    assert np.abs(flown - whole[:, middle:])[:3].max() * EARTH_MOON_KM < 0.01


def test_the_script_finds_the_shipped_orbit_again(nodes: np.ndarray) -> None:
    assert correct(GUESS) == pytest.approx(states(nodes)[:, len(nodes) // 2], abs=1e-9)


def test_orbit_closes(nodes: np.ndarray) -> None:
    start = states(nodes)[:, len(nodes) // 2]
    after = fly(start, np.array([0.0, PERIOD]))[:, -1]
    assert np.abs(after - start)[:3].max() * EARTH_MOON_KM < 1.0


def test_between_the_nodes_the_place_is_that_of_the_integration(gateway: HaloOrbit, nodes: np.ndarray) -> None:
    phase = np.linspace(0.5, 1.0, 4001)
    flown = fly(states(nodes)[:, len(nodes) // 2], (phase - 0.5) * PERIOD)[:3].T - [1.0 - MASS_RATIO, 0.0, 0.0]
    t = gateway.epoch_s + (np.floor(START / gateway.period_s) + phase) * gateway.period_s
    off_km = np.linalg.norm(turning(gateway, t) - flown, axis=1) * EARTH_MOON_KM
    assert off_km.max() < 0.05


def test_axes_follow_the_earth_and_the_orbit(gateway: HaloOrbit) -> None:
    t = MINUTES[::500]
    axes, distance = earth_moon_axes(t)
    assert axes @ axes.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), axes.shape), abs=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    earth = earth_vector(t)
    assert -axes[:, 0] * distance[:, None] == pytest.approx(earth, abs=100.0)
    place, speed = geocentric_moon(t)
    turn = body_axes(t)
    assert np.einsum("ni,nij,nj->n", axes[:, 2], turn, place) == pytest.approx(0.0, abs=1e-3)
    assert np.einsum("ni,nij,nj->n", axes[:, 1], turn, speed).min() > 900.0  # the Moon flies along +y, 1 km/s
    # Cassini: the equator leans 1.5 deg one way and the orbit 5.1 the other
    tilt = np.degrees(np.arccos(axes[:, 2, 2]))
    assert 6.3 < tilt.min() < tilt.max() < 7.1


def test_path_has_no_jumps(gateway: HaloOrbit) -> None:
    place = gateway.position(MINUTES)
    speed = np.diff(place, axis=0) / 120.0
    assert np.linalg.norm(speed, axis=1).max() < 2_000.0
    assert np.linalg.norm(np.diff(speed, axis=0), axis=1).max() / 120.0 < 4.9028e12 / 2_900e3**2 * 1.1


def test_south_pole_sees_it_most_of_each_revolution(gateway: HaloOrbit) -> None:
    up = gateway.look(MINUTES, 0.0, -90.0).el_deg > 0.0
    turn = np.floor((MINUTES - gateway.epoch_s) / gateway.period_s)
    for number in np.unique(turn)[1:-1]:
        assert 0.85 < up[turn == number].mean() < 1.0
    assert (gateway.look(MINUTES, 0.0, 90.0).el_deg > 0.0).mean() < 0.15


def test_look_is_the_position_from_the_place(gateway: HaloOrbit) -> None:
    look = gateway.look(MINUTES[:50], 0.0, -90.0)
    line = gateway.position(MINUTES[:50]) + [0.0, 0.0, 1_737_400.0]
    assert look.range_m == pytest.approx(np.linalg.norm(line, axis=1))
    assert look.el_deg == pytest.approx(np.degrees(np.arcsin(-line[:, 2] / look.range_m)))


def test_same_bytes_whatever_the_chunks(gateway: HaloOrbit) -> None:
    t = MINUTES[:1000]
    parts = [gateway.position(t[i : i + 77]) for i in range(0, t.size, 77)]
    assert np.concatenate(parts).tobytes() == gateway.position(t).tobytes()


def test_orbits_are_equal_by_value(gateway: HaloOrbit) -> None:
    assert copy.deepcopy(gateway) == gateway == HaloOrbit("gateway_halo.json")  # its table stays in the package


def written(folder: Path, **changes: object) -> str:
    table = {"period_s": 1e5, "columns": list(COLUMNS), "nodes": [[f, 0.1, 0, 0.1, 0, 0, 0] for f in (0, 0.3, 0.6, 1)]}
    path = folder / "mine.json"
    path.write_text(json.dumps(table | changes))
    halo_table.cache_clear()
    return str(path)


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    assert HaloOrbit(written(tmp_path), epoch_s=START).period_s == 1e5


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"period_s": "long"}, "not a table"),
        ({"period_s": -1.0}, "period_s > 0"),
        ({"columns": ["x"]}, "four nodes of phase, x, y, z, vx, vy, vz"),
        ({"nodes": [[0.0] * 7, [1.0] * 7]}, "at least four nodes"),
        ({"nodes": [[f, 0.1, 0, f, 0, 0, 0] for f in (0, 0.3, 0.6, 1)]}, "one place"),
        ({"nodes": [[f, 0.1, 0, 0.1, 0, 0, 0] for f in (0, 0.6, 0.3, 1)]}, "phase must rise from 0 to 1"),
        ({"nodes": [[f, float("nan"), 0, 0.1, 0, 0, 0] for f in (0, 0.3, 0.6, 1)]}, "must be finite"),
    ],
)
def test_tables_that_are_no_orbit_are_refused(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(SkyError, match=says):
        HaloOrbit(written(tmp_path, **changes))


def test_a_table_that_is_not_there_is_refused() -> None:
    with pytest.raises(SkyError, match=r"relay.table = 'moonbase.json': cannot be read"):
        HaloOrbit("moonbase.json")


def test_times_without_an_ephemeris_are_refused(gateway: HaloOrbit) -> None:
    with pytest.raises(SkyError, match=r"1973\.\.2099"):
        gateway.position([1e12])
    with pytest.raises(SkyError, match="epoch_s"):
        HaloOrbit(gateway.table, float("nan"))
