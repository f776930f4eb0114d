"""What must hold for the sky at every time: it is the series', wherever the nodes lie."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.terrain.constants import LIGHT_SPEED_M_S
from moonfleet.terrain.orientation import body_axes
from moonfleet.terrain.sky import (
    BLOCK,
    FIRST_T,
    LAST_T,
    NODE_S,
    Sky,
    earth_vector,
    geocentric_moon,
    heliocentric_earth,
    node_block,
    sun_vector,
)

INTERPOLATION_DEG = 1e-5
TIMES = st.floats(FIRST_T, LAST_T)
NEAR_A_NODE = st.builds(
    lambda number, off: number * NODE_S + off, st.integers(-9000, 36_000), st.floats(-1.0, 1.0)
)  # blocks begin at nodes


def off_deg(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max())


@given(st.lists(TIMES | NEAR_A_NODE, min_size=1, max_size=20))
@settings(deadline=None, max_examples=60)
def test_interpolated_directions_are_the_series_own(times: list[float]) -> None:
    t = np.array(times)
    moon, moon_speed = geocentric_moon(t)
    earth, earth_speed = heliocentric_earth(t)
    sun = -(earth + moon)
    distance = np.linalg.norm(sun, axis=1, keepdims=True)
    apparent = sun + (earth_speed + moon_speed) * distance / LIGHT_SPEED_M_S
    apparent *= distance / np.linalg.norm(apparent, axis=1, keepdims=True)
    axes = body_axes(t)
    assert off_deg(sun_vector(t), np.einsum("nij,nj->ni", axes, apparent)) <= INTERPOLATION_DEG
    assert off_deg(earth_vector(t), np.einsum("nij,nj->ni", axes, -moon)) <= INTERPOLATION_DEG


@given(st.lists(TIMES, min_size=1, max_size=8), st.lists(TIMES, max_size=8), st.booleans())
@settings(deadline=None, max_examples=40)
def test_same_time_same_bytes_whatever_else_is_asked(times: list[float], others: list[float], forget: bool) -> None:
    sky = Sky(123.4, -88.8)
    alone = [np.array(sky.sample(np.array([t]))) for t in times]
    if forget:
        node_block.cache_clear()
    together = np.array(sky.sample(np.array(others + times)))
    for k, one in enumerate(alone):
        assert together[:, len(others) + k].tobytes() == one[:, 0].tobytes()


@given(st.integers(-60, 280))
@settings(deadline=None, max_examples=30)
def test_nothing_jumps_where_one_block_of_nodes_ends(number: int) -> None:
    seam = number * BLOCK * NODE_S
    before, after = np.nextafter(seam, -np.inf), seam
    t = np.array([before, after])
    for vector in (sun_vector(t), earth_vector(t)):
        assert off_deg(vector[:1], vector[1:]) <= 1e-6
