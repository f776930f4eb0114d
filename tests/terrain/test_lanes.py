"""Lanes do to each of eight numbers what numpy does to an array, and their functions are the mathematical ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moonfleet.terrain import lane_math
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lanes import (
    WIDTH,
    as_power,
    counted,
    floor,
    least,
    load,
    mask,
    most,
    nearest,
    pick,
    pick_of,
    pick_whole,
    put,
    real,
    root,
    select,
    size,
    some,
    splat,
    store,
    whole,
)  # fmt: skip

numbers = st.floats(-1e6, 1e6, allow_nan=False)
eights = arrays(np.float64, WIDTH, elements=numbers)


@kernel
def _arithmetic(a: Any, out: Any) -> None:
    x, y = load(a, 0, 0), load(a, 1, 0)
    store(out, 0, 0, x + y)
    store(out, 1, 0, x - 2.0 * y)
    store(out, 2, 0, x / (size(y) + 1.0))
    store(out, 3, 0, root(size(x)))
    store(out, 4, 0, floor(x))
    store(out, 5, 0, nearest(x))
    store(out, 6, 0, least(x, y))
    store(out, 7, 0, most(x, 0.0))
    store(out, 8, 0, select((x > y) & ~(x == y) | (y < 0.0), x, -y))
    store(out, 9, 0, real(whole(x) * 3 + counted(x != y)))
    store(out, 10, 0, select(x >= 0.0, 1.0, splat(2.0)))


@settings(deadline=None)
@given(eights, eights)
def test_arithmetic_is_that_of_numpy(x: np.ndarray, y: np.ndarray) -> None:
    out = np.zeros((11, WIDTH))
    _arithmetic(np.stack([x, y]), out)
    want = [
        x + y, x - 2.0 * y, x / (abs(y) + 1.0), np.sqrt(abs(x)), np.floor(x), np.rint(x), np.minimum(x, y), np.maximum(x, 0.0),
        np.where((x > y) | (y < 0.0), x, -y), np.trunc(x) * 3 + (x != y), np.where(x >= 0.0, 1.0, 2.0),
    ]  # fmt: skip
    np.testing.assert_array_equal(out, np.stack(want))


@kernel
def _memory(
    a: Any, b: Any, c: Any, whole_numbers: Any, index: Any, which: Any, out: Any, goal: Any
) -> tuple[bool, int]:
    at, of = load(index, 0, 0), load(which, 0, 0)
    store(out, 0, 0, pick(a, at))
    store(out, 1, 0, pick_of(a, b, c, of, at))
    store(out, 2, 0, real(pick_whole(whole_numbers, at)))
    put(goal, at, of + 1.0)
    return some(of > 1.0), mask(of > 1.0)


@settings(deadline=None)
@given(arrays(np.int64, WIDTH, elements=st.integers(0, 29)), arrays(np.int64, WIDTH, elements=st.integers(0, 2)))
def test_scattered_numbers_are_read_and_written_in_their_places(index: np.ndarray, which: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    layers = rng.integers(-30_000, 30_000, (3, 5, 6)).astype(np.int16)
    counts = rng.integers(0, 2**60, (5, 6))
    out, goal = np.zeros((3, WIDTH)), np.zeros((5, 6))
    flags = _memory(layers[0], layers[1], layers[2], counts, index[None], which[None].astype(np.float64), out, goal)
    np.testing.assert_array_equal(out[0], layers[0].ravel()[index])
    np.testing.assert_array_equal(out[1], layers.reshape(3, -1)[which, index])
    np.testing.assert_array_equal(out[2], counts.ravel()[index].astype(np.float64))
    first = {int(place): int(value) for place, value in reversed(list(zip(index, which, strict=True)))}
    assert {place: goal.ravel()[place] - 1.0 for place in first} == first
    assert flags == (bool((which > 1).any()), sum(1 << k for k in range(WIDTH) if which[k] > 1))


@kernel
def _functions(a: Any, out: Any) -> None:
    for at in range(0, a.shape[1], WIDTH):
        x, y = load(a, 0, at), load(a, 1, at)
        sine, cosine = lane_math.sine_cosine_deg(x)
        store(out, 0, at, lane_math.exp(x))
        store(out, 1, at, sine)
        store(out, 2, at, cosine)
        store(out, 3, at, lane_math.arctangent(x))
        store(out, 4, at, lane_math.azimuth_deg(x, y))
        store(out, 5, at, as_power(whole(x)))


@kernel
def _exp_of_one(x: float) -> float:
    return lane_math.exp(x)


@pytest.mark.parametrize("scale", [1e-6, 0.01, 0.3, 1.0, 20.0, 360.0])
def test_functions_are_the_mathematical_ones(scale: float) -> None:
    a = np.random.default_rng(1).uniform(-scale, scale, (2, 4000))
    out = np.zeros((6, 4000))
    _functions(a, out)
    rows = a.T.tolist()
    np.testing.assert_array_max_ulp(out[0], np.array([math.exp(x) for x, _ in rows]), 1)
    turned = [math.radians(math.fmod(x, 360.0)) for x, _ in rows]
    np.testing.assert_allclose(out[1], [math.sin(angle) for angle in turned], rtol=0.0, atol=1e-15)
    np.testing.assert_allclose(out[2], [math.cos(angle) for angle in turned], rtol=0.0, atol=1e-15)
    np.testing.assert_array_max_ulp(out[3], np.array([math.atan(x) for x, _ in rows]), 3)
    azimuths = [math.degrees(math.atan2(x, y)) % 360.0 for x, y in rows]
    np.testing.assert_allclose(out[4], azimuths, rtol=0.0, atol=2e-13)
    np.testing.assert_array_equal(out[5], 2.0 ** np.trunc(a[0]))
    np.testing.assert_array_equal(out[0, :50], [_exp_of_one(x) for x, _ in rows[:50]])


def test_functions_at_their_corners() -> None:
    a = np.zeros((2, WIDTH))
    a[0] = [0.0, 90.0, 180.0, 270.0, -90.0, 45.0, 1e4, -1e4]
    a[1] = [0.0, 0.0, -1.0, -1.0, 0.0, 45.0, 0.0, 0.0]
    out = np.zeros((6, WIDTH))
    _functions(a, out)
    np.testing.assert_array_equal(out[1, :5], [0.0, 1.0, 0.0, -1.0, -1.0])
    np.testing.assert_array_equal(out[2, :4], [1.0, 0.0, -1.0, 0.0])
    np.testing.assert_array_equal(out[4, [0, 1, 4, 5]], [0.0, 90.0, 270.0, 45.0])
    assert (
        np.isfinite(out[0]).all()
        and out[0, 6] == pytest.approx(math.exp(700.0))
        and out[0, 7] == pytest.approx(math.exp(-700.0))
    )
