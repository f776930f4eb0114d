"""Rays against the height field, held to a march in small steps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.rays import cast_rays
from moonfleet.terrain.seeds import stream

STEP_M = 0.005


def hills(seed: int = 1, rows: int = 70, cols: int = 90, cell: float = 0.5) -> HeightGrid:
    rng = stream(seed, "hills")
    z = (
        rng.normal(0.0, 0.25, (rows, cols))
        + 2.0 * np.sin(np.arange(cols) / 9.0) * np.cos(np.arange(rows) / 7.0)[:, None]
    )
    return HeightGrid(z.astype(np.float32), GeoRef(-20.0, 15.0, cell, rows, cols))


def marched(ground: HeightGrid, origin: np.ndarray, direction: np.ndarray, far_m: float = 60.0) -> float:
    """Where a ray first goes from above the ground to below, by small steps between the outermost cell centres."""
    t = np.arange(0.0, far_m, STEP_M)
    x, y, z = (origin[axis] + t * direction[axis] for axis in range(3))
    row, col = (np.asarray(v) for v in ground.ref.rowcol(x, y))
    over = (row >= 0) & (col >= 0) & (row <= ground.ref.rows - 1) & (col <= ground.ref.cols - 1)
    above = np.where(over, z - ground.sample(x, y), np.nan)
    crossed = np.flatnonzero((above[:-1] > 0.0) & (above[1:] <= 0.0))
    first = np.flatnonzero(over)
    if not crossed.size or above[first[0]] < 0.0:
        return math.nan
    k = crossed[0]
    return float(t[k] + STEP_M * above[k] / (above[k] - above[k + 1]))


@pytest.mark.parametrize("seed", range(3))
def test_ranges_are_those_of_a_march_in_small_steps(seed: int) -> None:
    ground, rng = hills(seed), stream(seed, "rays")
    wrong = met = 0
    for _ in range(150):
        origin = np.array([rng.uniform(-24.0, 28.0), rng.uniform(-24.0, 18.0), rng.uniform(1.0, 15.0)])
        direction = rng.normal(0.0, 1.0, 3)
        direction[2] = -abs(direction[2]) * rng.choice([0.05, 0.3, 1.0])
        direction /= np.sqrt((direction**2).sum())
        got, want = (
            float(cast_rays(ground, origin[None], direction[None, None]).range_m[0, 0]),
            marched(ground, origin, direction),
        )
        met += math.isfinite(want)
        # a march may step over a crest that a ray only grazes
        wrong += math.isnan(got) != math.isnan(want) or (math.isfinite(want) and abs(got - want) > 0.01)
    assert met > 30
    assert wrong <= 1


def test_a_hit_lies_on_the_surface() -> None:
    ground = hills()
    rng = stream(5, "rays")
    direction = rng.normal(0.0, 1.0, (1, 500, 3))
    direction[..., 2] = -np.abs(direction[..., 2]) - 0.5
    direction /= np.sqrt((direction**2).sum(axis=2, keepdims=True))
    origin = np.array([[1.0, -2.0, 8.0]])
    hits = cast_rays(ground, origin, direction)
    there = np.isfinite(hits.range_m[0])
    place = origin + direction[0][there] * hits.range_m[0][there, None]
    np.testing.assert_allclose(ground.sample(place[:, 0], place[:, 1]), place[:, 2], atol=1e-9)
    assert there.mean() > 0.8


def test_straight_down_along_cell_edges_and_up_and_away() -> None:
    ground = HeightGrid(np.full((40, 40), -2.0, np.float32), GeoRef(0.0, 20.0, 0.5, 40, 40))
    down = np.array([[[0.0, 0.0, -1.0]]])
    for x in (0.25, 5.0, 5.25, 5.5, 19.75):
        hits = cast_rays(ground, np.array([[x, 10.25, 3.0]]), down)
        assert hits.range_m[0, 0] == pytest.approx(5.0)
        assert hits.cos_incidence[0, 0] == pytest.approx(1.0)
    assert np.isnan(cast_rays(ground, np.array([[5.0, 5.0, 3.0]]), -down).range_m[0, 0])
    assert np.isnan(cast_rays(ground, np.array([[0.1, 5.0, 3.0]]), down).range_m[0, 0])  # outside the outermost centres
    assert np.isnan(cast_rays(ground, np.array([[5.0, 5.0, -3.0]]), down).range_m[0, 0])  # from below
    assert np.isnan(cast_rays(ground, np.array([[5.0, 5.0, 3.0]]), down, max_range_m=4.9).range_m[0, 0])


def test_incidence_is_that_of_the_slope() -> None:
    col = np.arange(40, dtype=np.float64) * 0.5
    z = np.broadcast_to(np.tan(np.radians(30.0)) * col, (40, 40)).astype(np.float32)
    ground = HeightGrid(z, GeoRef(0.0, 20.0, 0.5, 40, 40))
    hits = cast_rays(ground, np.array([[10.0, 10.0, 30.0]]), np.array([[[0.0, 0.0, -1.0]]]))
    assert hits.cos_incidence[0, 0] == pytest.approx(math.cos(math.radians(30.0)), abs=1e-5)


def test_rays_that_cannot_be_cast_are_refused() -> None:
    ground, one, ray = hills(), np.zeros((1, 3)), np.array([[[0.0, 0.0, -1.0]]])
    bad_ground = HeightGrid(np.full((3, 3), np.nan, np.float32), GeoRef(0.0, 0.0, 1.0, 3, 3))
    for case, words in (
        ((ground, np.zeros(3), ray, 1.0), "origins"),
        ((ground, one, ray[0], 1.0), "directions"),
        ((ground, one, np.full((1, 1, 3), np.nan), 1.0), "finite"),
        ((ground, one, ray, 0.0), "max_range_m"),
        ((bad_ground, one, ray, 1.0), "holes"),
    ):
        with pytest.raises(SiteError, match=words):
            cast_rays(*case)


def test_directions_that_are_no_unit_vectors_are_refused() -> None:
    ground = HeightGrid(np.zeros((4, 4), np.float32), GeoRef.centred(0.0, 0.0, 4.0, 1.0))
    with pytest.raises(SiteError, match="unit vectors"):
        cast_rays(ground, np.array([[0.0, 0.0, 5.0]]), np.array([[[0.0, 0.0, -2.0]]]))
