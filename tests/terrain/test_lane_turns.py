"""Turned squares: what lies together in memory comes into lanes and back as indexing would bring it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.lane_turns import eight, give_turned, number, take_turned
from moonfleet.terrain.lanes import WIDTH, load, store

ROWS, LONG = 11, 60


@kernel
def _take(goal: Any, row: int, at: int, source: Any, places: Any) -> None:
    take_turned(goal, row, at, source, load(places, 0, 0))


@kernel
def _give(goal: Any, places: Any, source: Any, row: int, at: int) -> None:
    give_turned(goal, load(places, 0, 0), source, row, at)


places_of = arrays(np.int64, (1, WIDTH), elements=st.integers(0, LONG - WIDTH))


@pytest.mark.parametrize("kind", [np.float64, np.int64])
@settings(deadline=None, max_examples=30)
@given(places=places_of, row=st.integers(0, ROWS - WIDTH), at=st.integers(0, WIDTH))
def test_pieces_come_into_lanes(kind: type, places: np.ndarray, row: int, at: int) -> None:
    source = np.random.default_rng(2).integers(-(2**62), 2**62, (5, 3, 4)).astype(kind)
    goal = np.full((ROWS, 2 * WIDTH), 7, kind)
    want = goal.copy()
    for lane, place in enumerate(places[0]):
        want[row : row + WIDTH, at + lane] = source.ravel()[place : place + WIDTH]
    _take(goal, row, at, source, places)
    np.testing.assert_array_equal(goal, want)


@pytest.mark.parametrize("kind", [np.float64, np.int64])
@settings(deadline=None, max_examples=30)
@given(places=places_of, row=st.integers(0, ROWS - WIDTH), at=st.integers(0, WIDTH))
def test_lanes_go_back_and_of_two_at_one_place_the_earlier_stays(
    kind: type, places: np.ndarray, row: int, at: int
) -> None:
    source = np.random.default_rng(3).integers(-(2**62), 2**62, (ROWS, 2 * WIDTH)).astype(kind)
    goal = np.full((5, 3, 4), 7, kind)
    want = goal.copy().reshape(-1)
    for lane in reversed(range(WIDTH)):
        place = places[0, lane]
        want[place : place + WIDTH] = source[row : row + WIDTH, at + lane]
    _give(goal, places, source, row, at)
    np.testing.assert_array_equal(goal.reshape(-1), want)


@kernel
def _single(a: Any, out: Any) -> None:
    lanes = eight(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7])
    store(out, 0, 0, lanes)
    for k in range(WIDTH):
        out[1, k] = number(lanes, WIDTH - 1 - k)


def test_single_numbers_become_lanes_and_come_back() -> None:
    out, numbers = np.zeros((2, WIDTH)), np.arange(WIDTH) * 0.3
    _single(numbers, out)
    np.testing.assert_array_equal(out, [numbers, numbers[::-1]])
