"""Crater population and shape."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.craters import (
    FRESH_DEPTH,
    SITE_CRATERS,
    SMALL_CRATERS,
    crater_height,
    craters_near,
    density,
    stamp_on,
)
from moonfleet.terrain.grid import GeoRef

BOX = (10_000.0, -30_000.0, 40_000.0, 0.0)


def inside(c: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    return c[(c[:, 0] >= box[0]) & (c[:, 0] < box[2]) & (c[:, 1] >= box[1]) & (c[:, 1] < box[3])]


def test_sizes_follow_the_density_law() -> None:
    c = inside(craters_near(1, SITE_CRATERS, BOX), BOX)
    for d in (60.0, 100.0, 200.0, 400.0):
        expected = (density(d) - density(SITE_CRATERS.largest_m)) * 9e8
        assert (c[:, 2] > d).sum() == pytest.approx(expected, abs=4.0 * np.sqrt(expected) + 1.0)
    slope = np.log(density(20.0) / density(200.0)) / np.log(10.0)
    assert slope == pytest.approx(2.0)


def test_depths_run_from_fresh_to_worn() -> None:
    ratio = craters_near(1, SITE_CRATERS, BOX)[:, 3]
    assert ratio.max() <= FRESH_DEPTH
    assert ratio.max() > 0.15
    assert 0.03 < np.median(ratio) < 0.09


def test_a_crater_is_the_same_whatever_window_asks() -> None:
    box = (20_000.0, -20_000.0, 20_500.0, -19_500.0)
    big = {tuple(row) for row in craters_near(1, SITE_CRATERS, BOX)}
    small = {tuple(row) for row in craters_near(1, SITE_CRATERS, box)}
    assert small
    assert small <= big
    assert {tuple(row) for row in craters_near(2, SITE_CRATERS, box)} != small


def test_shape_has_a_floor_a_rim_and_an_end() -> None:
    q = np.linspace(0.0, 3.0, 301)
    for worn in (0.0, 0.5, 1.0):
        z = np.array([crater_height(float(v), 20.0, worn) for v in q])
        assert z[0] == pytest.approx(-16.2)
        assert z[q > 2.4].max() == 0.0
        assert 0.8 < q[np.argmax(z)] < 1.5
        assert np.abs(np.diff(z)).max() < 0.6  # no jump
    sharp = max(crater_height(float(v), 20.0, 0.0) for v in q)
    soft = max(crater_height(float(v), 20.0, 1.0) for v in q)
    assert 2.4 < sharp < 3.9
    assert 0.3 < soft < sharp


def test_stamped_crater_has_its_depth_and_leaves_far_ground_alone() -> None:
    z = np.zeros((100, 100))
    ref = GeoRef(0.0, 100.0, 1.0, 100, 100)
    stamp_on(z, ref, np.array([[50.5, 50.5, 30.0, 0.15, 0.5, 0.5, 0.5]]))
    row, col = np.unravel_index(np.argmin(z), z.shape)
    assert (row, col) == (49, 50)
    assert z.max() - z.min() == pytest.approx(0.15 * 30.0, rel=0.15)
    assert z[:5].any() == z[:, :5].any() == np.bool_(False)


def test_small_craters_are_small() -> None:
    c = craters_near(3, SMALL_CRATERS, (0.0, 0.0, 100.0, 100.0))
    assert c[:, 2].min() >= 1.0
    assert c[:, 2].max() <= 15.0
