"""Rock cover and rock sizes."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.craters import craters_near
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.rocks import (
    FRESH_RATIO,
    HIGHEST_COVER,
    LARGEST_M,
    LOWEST_COVER,
    ROCKY_FROM_M,
    SMALLEST_M,
    rock_cover,
    rock_density,
    rock_tile,
)


@pytest.mark.parametrize("cover", [0.01, 0.03, 0.08])
def test_sizes_follow_golombek(cover: float) -> None:
    k = round(cover * 10_000)
    rocks = np.concatenate([rock_tile(1, i, 7, k) for i in range(60)])
    area = 60 * 400.0
    for d in (0.1, 0.2, 0.4):
        expected = rock_density(cover, d) * area
        assert (rocks[:, 2] > d).sum() == pytest.approx(expected, abs=4.0 * np.sqrt(expected) + 1.0)
    # The area that rocks of 0.1-3 m cover is k exp(-q D) between the two.
    q = 1.79 + 0.152 / cover
    share = cover * (np.exp(-q * SMALLEST_M) - np.exp(-q * LARGEST_M))
    assert (np.pi * rocks[:, 2] ** 2 / 4.0).sum() / area == pytest.approx(share, rel=0.2)


def test_rocks_lie_in_their_tile_and_are_half_as_high_as_wide() -> None:
    rocks = rock_tile(1, -3, 4, 300)
    assert rocks[:, 0].min() >= -60.0
    assert rocks[:, 0].max() < -40.0
    assert rocks[:, 1].min() >= 80.0
    assert rocks[:, 1].max() < 100.0
    assert 0.45 < (rocks[:, 3] / rocks[:, 2]).mean() < 0.65
    assert (np.diff(rocks[:, 0]) >= 0.0).all()


def test_cover_is_highest_on_fresh_rims() -> None:
    ref = GeoRef(24_000.0, -14_000.0, 20.0, 200, 200)
    slope = np.full(ref.shape, 5.0, dtype=np.float32)
    cover = rock_cover(ref, 1, slope, 1_000.0)
    assert cover.dtype == np.float32
    assert cover.min() >= LOWEST_COVER
    assert cover.max() <= np.float32(HIGHEST_COVER)
    assert 0.012 < np.median(cover) < 0.035
    craters = craters_near(1, ref.bounds, ROCKY_FROM_M, 1_000.0)
    rocky = craters[:, 3] > FRESH_RATIO
    assert 0.03 < rocky.mean() < 0.2
    fresh = craters[(craters[:, 3] > 0.09) & ref.inside(craters[:, 0], craters[:, 1])]
    assert len(fresh) > 5
    at_fresh = [float(cover[ref.cell_of(x, y)]) for x, y in fresh[:, :2]]
    assert np.mean(at_fresh) > 2.0 * np.median(cover)
    measured = rock_cover(ref, 1, slope, None)
    assert (measured <= cover + 1e-6).all()


def test_abundance_scales_the_cover() -> None:
    ref = GeoRef(24_000.0, -14_000.0, 20.0, 50, 50)
    slope = np.full(ref.shape, 5.0, dtype=np.float32)
    usual = rock_cover(ref, 1, slope, 1_000.0)
    np.testing.assert_allclose(
        rock_cover(ref, 1, slope, 1_000.0, GroundStyle(rock_abundance=2.5)), 2.5 * usual, rtol=1e-6
    )
    assert not rock_cover(ref, 1, slope, 1_000.0, GroundStyle(rock_abundance=0.0)).any()
    assert len(rock_tile(1, 2, 3, 0)) == 0
    assert len(rock_tile(1, 2, 3, 600)) > len(rock_tile(1, 2, 3, 200)) > 0


def test_a_rover_meets_rocks_but_finds_a_way() -> None:
    # Rocks higher than 0.2 m in a strip of 100 m x 2.5 m, at the usual cover of the ground between craters.
    hits = [2.5 * 100.0 * rock_density(k, 0.37) for k in (0.02, 0.03, 0.05)]
    assert 0.5 < hits[0] < hits[1] < hits[2] < 15.0
