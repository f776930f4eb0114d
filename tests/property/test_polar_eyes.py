"""The kernels that see eight numbers at once give the very bytes of those that see one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.agents import state as s
from moonfleet.envs.polar_traverse import judge, observe, outlook, spaces
from moonfleet.envs.polar_traverse.layouts import lay_out
from moonfleet.envs.polar_traverse.lit_share import lit_ahead
from tests.envs.plain_look import plain_look

AZIMUTHS, CELL_M, WORLDS, HOURS, TICK_S = 24, 20.0, 96, 90, 300.0


def ground(rng: np.random.Generator, rows: int, cols: int, rough: int, havens: int) -> tuple[observe.Chart, np.ndarray]:
    """Two grounds whose horizons are about as high as the Sun stands, and its sky, a row every tick."""
    slope = np.full((2, rows + 8, cols + 8), 2.0, np.float32)
    slope[:, 4:-4, 4:-4] = rng.uniform(0.0, 2.0, (2, rows, cols))
    low = rng.integers(-rough, rough + 1, (2, AZIMUTHS, rows, cols)).astype(np.int16)
    frame = np.array([-100.0, 300.0, CELL_M, -100.0 + 0.5 * cols * CELL_M, 300.0 - 0.5 * rows * CELL_M])
    azimuth = (rng.uniform(0.0, 360.0) + 0.55 * np.arange(2 * HOURS)) % 360.0
    hours = np.empty((2 * HOURS, 5), np.float32)
    hours[:, outlook.PLACE] = azimuth * AZIMUTHS / 360.0
    hours[:, outlook.ELEVATION] = rng.normal(0.0, 0.3) + 0.3 * np.sin(np.arange(2 * HOURS) / 20.0)
    hours[:, outlook.EAST : outlook.NORTH + 1] = rng.normal(0.0, 3e-5, (2 * HOURS, 2))
    hours[:, outlook.RADIUS] = rng.uniform(0.25, 0.28, 2 * HOURS)
    places = np.stack([rng.uniform(-100.0, cols * CELL_M - 100.0, (2, 6)), rng.uniform(-200.0, 300.0, (2, 6))], axis=2)
    known = np.full((2, 11, 2), np.nan)
    known[:, :havens] = rng.uniform([-90.0, 310.0 - rows * CELL_M], [cols * CELL_M - 110.0, 290.0], (2, havens, 2))
    table = np.ascontiguousarray(hours.reshape(HOURS, 2, 5).transpose(1, 0, 2))
    for layer in (slope, low, table):
        layer.flags.writeable = False
    ticks = 12 * 100
    sky = np.zeros((ticks, len(s.SKY_COLUMNS)))
    sky[:, s.SUN_AZ], sky[:, s.SUN_EL] = rng.uniform(0.0, 360.0, ticks), rng.normal(0.0, 1.0, ticks)
    sky[:, s.EARTH_AZ], sky[:, s.EARTH_EL] = rng.uniform(0.0, 360.0, ticks), rng.normal(0.0, 1.0, ticks)
    sky[0, s.SUN_AZ], sky[1, s.EARTH_AZ] = 360.0, 360.0
    return observe.Chart(slope, low, table, frame, known, places), sky


def states(rng: np.random.Generator, chart: observe.Chart, rows: int, cols: int) -> tuple[Any, np.ndarray]:
    """Worlds anywhere on the map and a little beyond it."""
    floats = np.zeros((WORLDS, s.FLOATS, 1))
    floats[:, s.X, 0] = rng.uniform(-130.0, cols * CELL_M - 70.0, WORLDS)
    floats[:, s.Y, 0] = rng.uniform(270.0 - rows * CELL_M, 330.0, WORLDS)
    floats[:, s.HEADING, 0] = rng.choice([0.0, 45.0, 90.0, 180.0, 270.0, 12.3], WORLDS)
    for row, most in ((s.BATTERY, 1000.0), (s.TEMP, 400.0), (s.LIT, 1.0), (s.SOLAR, 120.0)):
        floats[:, row, 0] = rng.uniform(0.0, most, WORLDS)
    tally = np.stack([rng.integers(0, 50, WORLDS), rng.integers(0, 4, WORLDS), np.zeros(WORLDS, np.int64)], axis=1)
    progress = (
        rng.integers(0, 2, WORLDS), rng.integers(0, 6, (WORLDS, 3)), tally, rng.uniform(0.0, 900.0, WORLDS),
        np.full((WORLDS, 4), -1, np.int64), np.zeros((WORLDS, 8), np.float32),
    )  # fmt: skip
    first = rng.integers(0, WORLDS)
    floats[first, s.X, 0], floats[first, s.Y, 0] = chart.places_xy[progress[0][first], progress[1][first, 0]]
    return progress, floats


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1), rows=st.integers(11, 47), cols=st.integers(11, 47),
    rough=st.sampled_from([0, 300, 3000]), havens=st.integers(1, 11),
)  # fmt: skip
def test_eight_at_once_is_one_after_the_other(seed: int, rows: int, cols: int, rough: int, havens: int) -> None:
    rng = np.random.default_rng(seed)
    chart, sky = ground(rng, rows, cols, rough, havens)
    progress, floats = states(rng, chart, rows, cols)
    now = rng.integers(0, len(sky), WORLDS)
    numbers = np.array([1000.0, 100.0, 60.0, TICK_S, 1.0 / 1234.5])
    plain, seen = (np.full((WORLDS, spaces.SIZE), np.nan, np.float32) for _ in range(2))
    plain_look(plain, chart, observe.Progress(*(part.copy() for part in progress)), floats, sky, now, numbers)
    mine = observe.Progress(*(part.copy() for part in progress))
    observe.observe_worlds(np.arange(WORLDS), 0, WORLDS, seen, chart, mine, floats, sky, now, numbers)
    assert plain.tobytes() == seen.tobytes()
    assert observe_again(chart, mine, floats, sky, now, numbers) == seen.tobytes()


def observe_again(*known: Any) -> bytes:
    """What is seen when forecasts are there already."""
    seen = np.full((WORLDS, spaces.SIZE), np.nan, np.float32)
    observe.observe_worlds(np.arange(WORLDS), 0, WORLDS, seen, *known)
    return seen.tobytes()


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_forecast_is_left_to_the_plain_one_only_where_it_could_round_otherwise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chart, _ = ground(rng, 12, 13, 300, 1)
    layouts = lay_out(chart.slope, chart.millideg, chart.hours, chart.havens_xy)
    sure, plain, quick = 0, np.zeros(4, np.float32), np.zeros(4, np.float32)
    for hour in range(100):
        row, col = int(rng.integers(12)), int(rng.integers(13))
        outlook.outlook(chart.millideg, 1, row, col, chart.hours, hour, chart.frame, plain)
        dx = (col + 0.5) * CELL_M + chart.frame[0] - chart.frame[3]
        dy = chart.frame[1] - (row + 0.5) * CELL_M - chart.frame[4]
        if lit_ahead(
            layouts.cells, layouts.spans, layouts.bins, ((12 + row) * 13 + col) * (AZIMUTHS + 1), hour, dx, dy, quick
        ):
            assert plain.tobytes() == quick.tobytes()
            sure += 1
    assert sure >= 90


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), holes=st.floats(0.0, 1.0))
def test_a_way_is_as_long_as_that_of_one_cell_after_the_other(seed: int, holes: float) -> None:
    rng = np.random.default_rng(seed)
    rows, cols = 14, 17
    field = rng.uniform(0.0, 500.0, (1, 1, rows, cols)).astype(np.float32)
    field[rng.random(field.shape) < holes] = np.inf
    frame = np.array([0.0, rows * CELL_M, CELL_M, 0.0, 0.0])
    x, y = rng.uniform(-10.0, cols * CELL_M + 10.0, 64), rng.uniform(-10.0, rows * CELL_M + 10.0, 64)
    floats, ints = np.zeros((64, s.FLOATS, 1)), np.zeros((64, len(s.INT_FIELDS), 1), np.int64)
    floats[:, s.X, 0], floats[:, s.Y, 0] = x, y
    progress = observe.Progress(
        np.zeros(64, np.int64), np.zeros((64, 1), np.int64), np.zeros((64, 3), np.int64), np.full(64, 77.0),
        np.zeros((64, 4), np.int64), np.zeros((64, 8), np.float32),
    )  # fmt: skip
    rules = np.array([1e-9, 99.0, 1000.0, 0.2, 1.0, 10.0, 0.05, 0.2, 0.005, 20.0])
    judge.judge_worlds(
        np.arange(64), 0, 64, progress, field, np.full((1, 1, 2), -1e6), floats, ints, frame, rules, np.zeros((64, 6)),
        np.zeros(64, np.bool_), np.zeros(64, np.bool_), np.zeros((3, 64), np.int64),
    )  # fmt: skip
    for k in range(64):
        row, col = (rows * CELL_M - y[k]) / CELL_M - 0.5, x[k] / CELL_M - 0.5
        way = judge.route_length_m(field[0, 0], row, col, CELL_M)
        assert progress.route_m[k] == (way if np.isfinite(way) else pytest.approx(77.0))
