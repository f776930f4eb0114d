"""The observation of PolarTraverse, feature by feature, on ground made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from moonfleet.envs.polar_traverse import spaces

N, CELL_M = 64, 20.0
FRAME = np.array([0.0, N * CELL_M, CELL_M, 20.0])


def ground(slope: float = 5.0, horizon_millideg: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    slopes = np.full((N, N), slope, np.float32)
    horizons = np.full((36, N, N), horizon_millideg, np.int16)
    for layer in (slopes, horizons):
        layer.setflags(write=False)
    return slopes, horizons


def almanac(sun_el: float, rows: int = 600) -> NDArray[np.float64]:
    return np.tile([90.0, sun_el, 0.266, 0.0, 5.0], (rows, 1))


def rover(x: float = 640.0, y: float = 640.0) -> NDArray[np.float64]:
    own = np.zeros(spaces.OWN_SIZE)
    own[:8] = [x, y, 90.0, 0.5, 250.0, 1.0, 0.7, 300.0]
    own[8:14] = [x + 100.0, y, x, y, x, y - 50.0]
    own[14:] = [0.5, 0.25]
    return own


def observe(own: NDArray[np.float64], sun_el: float = 2.0, slope: float = 5.0, horizon: int = 0) -> NDArray[np.float32]:
    out = np.full(spaces.SIZE, np.nan, np.float32)
    spaces.observe(out, *ground(slope, horizon), almanac(sun_el), 0, 12, FRAME, own)
    return out


def feature(out: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    return out[spaces.feature_slice(name)]


def test_the_vector_has_141_numbers_and_every_feature_has_its_place() -> None:
    assert spaces.SIZE == 141
    covered = np.concatenate([np.arange(spaces.SIZE)[spaces.feature_slice(f.name)] for f in spaces.FEATURES])
    np.testing.assert_array_equal(covered, np.arange(spaces.SIZE))


def test_an_unknown_feature_is_refused() -> None:
    with pytest.raises(KeyError):
        spaces.feature_slice("colour")


def test_every_number_is_written_and_within_the_declared_bounds() -> None:
    assert spaces.observation_space().contains(observe(rover()))


def test_own_state_reads_back() -> None:
    out = observe(rover())
    assert feature(out, "battery")[0] == pytest.approx(0.5)
    assert feature(out, "temperature")[0] == pytest.approx(0.0)
    np.testing.assert_allclose(feature(out, "heading"), [1.0, 0.0], atol=1e-6)
    assert feature(out, "slope_here")[0] == pytest.approx(0.25)
    assert feature(out, "targets_left")[0] == pytest.approx(0.5)
    assert feature(out, "time_left")[0] == pytest.approx(0.25)


def test_directions_and_distances() -> None:
    out = observe(rover())
    diagonal = N * CELL_M * math.sqrt(2.0)
    np.testing.assert_allclose(feature(out, "target_direction"), [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(feature(out, "target_distance"), [100.0 / diagonal, 0.4, 150.0 / diagonal], rtol=1e-5)
    np.testing.assert_allclose(feature(out, "next_direction"), 0.0)
    np.testing.assert_allclose(feature(out, "haven_direction"), [0.0, -1.0], atol=1e-6)


def test_light_and_forecasts_follow_the_horizon() -> None:
    day, night = observe(rover(), sun_el=2.0, horizon=1000), observe(rover(), sun_el=0.5, horizon=1000)
    np.testing.assert_allclose(feature(day, "light"), 0.5, atol=0.02)
    np.testing.assert_allclose(feature(day, "forecast_here"), 1.0)
    np.testing.assert_allclose(feature(night, "light"), -0.25, atol=0.02)
    np.testing.assert_allclose(feature(night, "forecast_haven"), 0.0)


def test_ground_off_the_map_is_steep_and_dark() -> None:
    out = observe(rover(x=5.0, y=N * CELL_M - 5.0))
    slope = feature(out, "slope").reshape(spaces.SLOPE_SIDE, spaces.SLOPE_SIDE)
    light = feature(out, "light").reshape(spaces.LIGHT_SIDE, spaces.LIGHT_SIDE)
    assert np.all(slope[:4] == 2.0)
    assert np.all(slope[:, :4] == 2.0)
    assert np.all(slope[4:, 4:] == 0.25)
    assert np.all(light[:2] == -1.0)
    assert np.all(light[2:, 2:] > 0.0)


def test_forecast_windows_are_the_hours_they_say() -> None:
    sky = almanac(2.0)
    sky[10 * 12 :, 1] = -5.0  # the Sun sets ten hours from now
    out = np.empty(spaces.SIZE, np.float32)
    spaces.observe(out, *ground(), sky, 0, 12, FRAME, rover())
    np.testing.assert_allclose(feature(out, "forecast_here"), [1.0, 2.0 / 3.0, 0.0, 0.0], rtol=1e-6)


def test_route_length_is_continuous_and_inf_where_nothing_is_near() -> None:
    field = np.full((8, 8), np.inf)
    field[4, :] = CELL_M * np.arange(8)
    assert spaces.route_length_m(field, 4.0, 3.0, CELL_M) == pytest.approx(60.0)
    assert spaces.route_length_m(field, 4.0, 2.5, CELL_M) == pytest.approx(50.0)
    assert math.isinf(spaces.route_length_m(field, 1.0, 1.0, CELL_M))


def test_discrete_moves_are_unit_directions_clockwise_from_the_top() -> None:
    assert spaces.discrete_move(spaces.HOLD) == (0.0, 0.0, 0.0)
    moves = np.array([spaces.discrete_move(k) for k in range(1, spaces.N_ACTIONS)])
    np.testing.assert_allclose(np.hypot(moves[:, 0], moves[:, 1]), 1.0)
    np.testing.assert_allclose(moves[2, :2], [1.0, 0.0], atol=1e-12)
    assert set(moves[:8, 2]) == {0.5}
    assert set(moves[8:, 2]) == {1.0}


def test_continuous_moves_hold_near_zero() -> None:
    assert spaces.continuous_move(np.array([0.0, 0.0, 1.0], np.float32)) == (0.0, 0.0, 0.0)
    assert spaces.continuous_move(np.array([1.0, 0.0, -1.0], np.float32)) == (0.0, 0.0, 0.0)
    x, y, speed = spaces.continuous_move(np.array([0.5, 0.5, 0.0], np.float32))
    assert (x, y, speed) == pytest.approx((math.sqrt(0.5), math.sqrt(0.5), 0.5))
