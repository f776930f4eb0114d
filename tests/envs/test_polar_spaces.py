"""The observation of PolarTraverse, feature by feature, on ground made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from moonfleet.agents import state as s
from moonfleet.envs.polar_traverse import judge, observe, outlook, spaces

N, CELL_M = 64, 20.0
FRAME = np.array([0.0, N * CELL_M, CELL_M, 0.5 * N * CELL_M, 0.5 * N * CELL_M])
DIAGONAL = N * CELL_M * math.sqrt(2.0)
AZIMUTHS = 36


def chart(slope: float, horizon_millideg: int, sun_el: float, sets_after_h: int) -> observe.Chart:
    """Even ground with one skyline; the Sun stands still in the east until it sets."""
    seen = np.full((1, N + 8, N + 8), 2.0, np.float32)
    seen[:, 4:-4, 4:-4] = slope / 20.0
    hours = np.empty((120, 5), np.float32)
    hours[:] = [90.0 * AZIMUTHS / 360.0, sun_el, 0.0, 0.0, 0.266]
    hours[sets_after_h:, outlook.ELEVATION] = -5.0
    table = np.ascontiguousarray(hours.reshape(60, 2, 5).transpose(1, 0, 2))
    horizons = np.full((1, AZIMUTHS, N, N), horizon_millideg, np.int16)
    places, havens = np.zeros((1, 2, 2)), np.full((1, 3, 2), np.nan)
    for layer in (seen, horizons, table):
        layer.setflags(write=False)
    return observe.Chart(seen, horizons, table, FRAME, havens, places)


def look(
    x: float = 640.0,
    y: float = 640.0,
    sun_el: float = 2.0,
    slope: float = 5.0,
    horizon: int = 0,
    sets_after_h: int = 120,
) -> NDArray[np.float32]:
    """The observation of a rover with one of two targets left, half charged, a quarter of its time to go."""
    held = chart(slope, horizon, sun_el, sets_after_h)
    held.places_xy[0] = [[0.0, 0.0], [x + 100.0, y]]
    held.havens_xy[0, :2] = [[x, y - 50.0], [x + 400.0, y]]
    progress = observe.Progress(
        np.zeros(1, np.int64), np.array([[0, 1]]), np.array([[75, 1, 0]]), np.array([300.0]),
        np.full((1, 4), -1, np.int64), np.zeros((1, 8), np.float32),
    )  # fmt: skip
    floats = np.zeros((1, s.FLOATS, 1))
    own = {s.X: x, s.Y: y, s.HEADING: 90.0, s.BATTERY: 500.0, s.TEMP: 250.0, s.LIT: 1.0, s.SOLAR: 70.0}
    for row, value in own.items():
        floats[0, row, 0] = value
    sky = np.zeros((1, 11))
    sky[0, [s.SUN_AZ, s.SUN_EL, s.EARTH_AZ, s.EARTH_EL]] = 90.0, sun_el, 0.0, 5.0
    given = np.array([1000.0, 100.0, 100.0, 300.0, 1.0 / DIAGONAL])
    out = np.full((1, spaces.SIZE), np.nan, np.float32)
    observe.observe_worlds(np.zeros(1, np.int64), 0, 1, out, held, progress, floats, sky, np.zeros(1, np.int64), given)
    return out[0]


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
    assert spaces.observation_space().contains(look())


def test_own_state_reads_back() -> None:
    out = look()
    assert feature(out, "battery")[0] == pytest.approx(0.5)
    assert feature(out, "temperature")[0] == pytest.approx(0.0)
    np.testing.assert_allclose(feature(out, "heading"), [1.0, 0.0], atol=1e-6)
    assert feature(out, "slope_here")[0] == pytest.approx(0.25)
    assert feature(out, "targets_left")[0] == pytest.approx(0.5)
    assert feature(out, "time_left")[0] == pytest.approx(0.25)


def test_directions_and_distances() -> None:
    out = look()
    np.testing.assert_allclose(feature(out, "target_direction"), [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(feature(out, "target_distance"), [100.0 / DIAGONAL, 0.4, 150.0 / DIAGONAL], rtol=1e-5)
    np.testing.assert_allclose(feature(out, "next_direction"), 0.0)
    np.testing.assert_allclose(feature(out, "haven_direction"), [0.0, -1.0], atol=1e-6)


def test_light_and_forecasts_follow_the_horizon() -> None:
    day, night = look(sun_el=2.0, horizon=1000), look(sun_el=0.5, horizon=1000)
    np.testing.assert_allclose(feature(day, "light"), 0.5, atol=0.02)
    np.testing.assert_allclose(feature(day, "forecast_here"), 1.0)
    np.testing.assert_allclose(feature(night, "light"), -0.25, atol=0.02)
    np.testing.assert_allclose(feature(night, "forecast_haven"), 0.0)


def test_ground_off_the_map_is_steep_and_dark() -> None:
    out = look(x=5.0, y=N * CELL_M - 5.0)
    slope = feature(out, "slope").reshape(spaces.SLOPE_SIDE, spaces.SLOPE_SIDE)
    light = feature(out, "light").reshape(spaces.LIGHT_SIDE, spaces.LIGHT_SIDE)
    assert np.all(slope[:4] == 2.0)
    assert np.all(slope[:, :4] == 2.0)
    assert np.all(slope[4:, 4:] == 0.25)
    assert np.all(light[:2] == -1.0)
    assert np.all(light[2:, 2:] > 0.0)


def test_forecast_windows_are_the_hours_they_say() -> None:
    out = look(sets_after_h=10)  # the Sun sets ten hours from now
    np.testing.assert_allclose(feature(out, "forecast_here"), [1.0, 2.0 / 3.0, 0.0, 0.0], rtol=1e-6)


def test_route_length_is_continuous_and_inf_where_nothing_is_near() -> None:
    field = np.full((8, 8), np.inf, np.float32)
    field[4, :] = CELL_M * np.arange(8)
    assert judge.route_length_m(field, 4.0, 3.0, CELL_M) == pytest.approx(60.0)
    assert judge.route_length_m(field, 4.0, 2.5, CELL_M) == pytest.approx(50.0)
    assert math.isinf(judge.route_length_m(field, 1.0, 1.0, CELL_M))


def test_discrete_moves_are_directions_clockwise_from_the_top() -> None:
    moves = spaces.discrete_moves()
    assert moves[spaces.HOLD].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(np.hypot(moves[1:, 0], moves[1:, 1]), [0.5] * 8 + [1.0] * 8)
    np.testing.assert_allclose(moves[3], [0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(moves[9 + 4], [0.0, -1.0], atol=1e-12)


def test_continuous_moves_hold_near_zero() -> None:
    given = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, -1.0], [0.5, 0.5, 0.0], [0.0, -0.2, 1.0]], np.float32)
    moves = spaces.continuous_moves(given)
    want = [[0.0, 0.0], [0.0, 0.0], [0.5 * math.sqrt(0.5)] * 2, [0.0, -1.0]]
    np.testing.assert_allclose(moves, want, atol=1e-7)
