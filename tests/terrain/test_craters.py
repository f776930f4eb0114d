"""Crater population and shape."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from moonfleet.terrain.craters import (
    FRESH_DEPTH,
    LARGEST_M,
    SMALLEST_M,
    THIN_SHARE,
    THINNED_M,
    crater_height,
    craters_near,
    density,
    smallest_on,
    stamp_on,
)
from moonfleet.terrain.grid import GeoRef

BOX = (10_000.0, -30_000.0, 40_000.0, 0.0)
SITE = (55.0, 1_000.0)  # [m] diameters of the craters that most of these tests look at


def inside(c: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    return c[(c[:, 0] >= box[0]) & (c[:, 0] < box[2]) & (c[:, 1] >= box[1]) & (c[:, 1] < box[3])]


@pytest.mark.parametrize("share", [0.5, 1.0, 2.0])
def test_sizes_follow_the_density_law(share: float) -> None:
    c = inside(craters_near(1, BOX, 16.0, LARGEST_M, share), BOX)
    for d in (16.0, 30.0, 60.0, 100.0, 200.0, 400.0, 1_000.0, 4_000.0):
        expected = share * (density(d) - density(LARGEST_M)) * 9e8
        assert (c[:, 2] > d).sum() == pytest.approx(expected, abs=4.0 * np.sqrt(expected) + 1.0)


def test_density_has_the_slopes_that_were_counted() -> None:
    def slope(low: float, high: float) -> float:
        return float(np.log(density(low) / density(high)) / np.log(high / low))

    assert density(10.0) == pytest.approx(0.079 / 100.0)
    assert slope(10.0, 200.0) == pytest.approx(2.0)
    assert slope(300.0, 900.0) == pytest.approx(2.8)
    assert slope(3_000.0, 60_000.0) == pytest.approx(1.7)
    assert 1.2e-10 < density(20_000.0) < 2.4e-10  # highlands: 100 to 200 per million km2, Head et al. 2010


def test_small_craters_are_thinned() -> None:
    box = (0.0, 0.0, 400.0, 400.0)
    c = inside(craters_near(3, box, SMALLEST_M, 2.0 * THINNED_M), box)
    expected = THIN_SHARE * (density(SMALLEST_M) - density(THINNED_M)) * 160_000.0
    assert (c[:, 2] < THINNED_M).sum() == pytest.approx(expected, abs=4.0 * np.sqrt(expected))
    assert c[:, 2].min() >= SMALLEST_M


def test_grids_share_the_population_without_gap_or_double() -> None:
    box = (0.0, 0.0, 2_000.0, 2_000.0)
    assert smallest_on(5.0) < smallest_on(20.0)
    cuts = [SMALLEST_M, smallest_on(5.0), smallest_on(20.0), 1_000.0]
    whole = {tuple(row) for row in craters_near(1, box, cuts[0], cuts[-1])}
    parts = [tuple(row) for low, high in pairwise(cuts) for row in craters_near(1, box, low, high)]
    assert len(parts) == len(whole)
    assert set(parts) == whole


def test_depths_run_from_fresh_to_worn() -> None:
    c = craters_near(1, BOX, *SITE)
    assert c[:, 3].max() <= FRESH_DEPTH
    assert c[:, 3].max() > 0.15
    assert 0.01 < np.median(c[:, 3]) < 0.05
    large = craters_near(1, (-4e5, -4e5, 4e5, 4e5), 5_000.0, LARGEST_M)
    assert np.median(large[:, 3]) > 2.0 * np.median(c[:, 3])  # time does little to craters of kilometres
    assert large[large[:, 2] > 40_000.0, 3].max() < 0.09  # complex craters are born shallow


def test_a_crater_is_the_same_whatever_window_asks() -> None:
    box = (20_000.0, -20_000.0, 20_500.0, -19_500.0)
    big = {tuple(row) for row in craters_near(1, BOX, *SITE)}
    small = {tuple(row) for row in craters_near(1, box, *SITE)}
    assert small
    assert small <= big
    assert {tuple(row) for row in craters_near(2, box, *SITE)} != small


def test_shape_has_a_floor_a_rim_and_an_end() -> None:
    q = np.linspace(0.0, 3.0, 301)
    for worn in (0.0, 0.5, 1.0):
        z = np.array([crater_height(float(v), 20.0, worn, 0.0) for v in q])
        assert z[0] == pytest.approx(-16.2)
        assert z[q > 2.4].max() == 0.0
        assert 0.8 < q[np.argmax(z)] < 1.5
        assert np.abs(np.diff(z)).max() < 0.6  # no jump
    sharp = max(crater_height(float(v), 20.0, 0.0, 0.0) for v in q)
    soft = max(crater_height(float(v), 20.0, 1.0, 0.0) for v in q)
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


def test_complex_craters_have_a_level_floor() -> None:
    q = np.linspace(0.0, 1.0, 101)
    z = np.array([crater_height(float(v), 2_000.0, 0.0, 0.5) for v in q])
    assert np.ptp(z[q < 0.4]) < 0.1 * np.ptp(z)
    assert (np.diff(z[q < 0.95]) > 0.0).all()


def test_stamping_gives_the_same_bytes_on_any_threads() -> None:
    ref = GeoRef(0.0, 3_000.0, 10.0, 300, 300)
    craters = craters_near(1, ref.bounds, 25.0, 1_000.0)
    made = [np.zeros(ref.shape) for _ in range(3)]
    for z, threads in zip(made, (1, 2, 5), strict=True):
        stamp_on(z, ref, craters, threads)
    assert made[0].any()
    assert made[0].tobytes() == made[1].tobytes() == made[2].tobytes()
