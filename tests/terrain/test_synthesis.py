"""Refined ground: the coarse data kept, the roughness of the real Moon, the same bytes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from moonfleet.terrain.catalogue import NAMED_PLACES, regional_grid
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.synthesis import cubic_upsample, lattice_noise, refine


def ref_at(name: str, size_m: float, cell_m: float = 20.0) -> GeoRef:
    place = NAMED_PLACES[name]
    return GeoRef.centred(*polar_xy(place.lon_deg, place.lat_deg), size_m, cell_m)


@lru_cache
def twelve_km(name: str) -> HeightGrid:
    return refine(regional_grid(), ref_at(name, 12_000.0), 1)


@pytest.mark.parametrize("name", ["change7", "shackleton", "mons-mouton"])
def test_block_means_are_the_measured_cells(name: str) -> None:
    fine, real = twelve_km(name), regional_grid()
    x0, _, _, y1 = fine.ref.bounds
    col = int(-(-(x0 - real.ref.x_left) // 1600))
    row = int(-(-(real.ref.y_top - y1) // 1600))
    left, top = real.ref.x_left + col * 1600.0, real.ref.y_top - row * 1600.0
    whole = fine.crop(left, top - 6 * 1600.0, left + 6 * 1600.0, top).block_mean(80)
    assert whole.ref.shape == (6, 6)
    np.testing.assert_allclose(whole.elevation_m, real.elevation_m[row : row + 6, col : col + 6], atol=0.01)


def test_height_differences_are_those_of_real_rugged_sites() -> None:
    # Published 20 m models of three 16 km polar sites; a margin of a fifth on each side, we refine other places.
    real = {2: (5.7, 7.6), 4: (11, 15), 8: (22, 30), 16: (44, 59), 32: (86, 117), 64: (165, 228)}
    for name in ("change7", "connecting-ridge"):
        z = twelve_km(name).elevation_m.astype(np.float64)
        for lag, (low, high) in real.items():
            across, down = z[:, lag:] - z[:, :-lag], z[lag:] - z[:-lag]
            rms = float(np.sqrt(0.5 * (across**2).mean() + 0.5 * (down**2).mean()))
            assert 0.8 * low < rms < 1.2 * high, (name, lag, rms)


def test_slopes_are_lunar_and_much_of_it_can_be_driven() -> None:
    p50, p90, p99 = np.percentile(twelve_km("change7").slope_deg(), [50, 90, 99])
    assert 9.0 < p50 < 13.5
    assert 15.5 < p90 < 21.5
    assert 20.0 < p99 < 29.0
    assert (twelve_km("change7").slope_deg() < 15.0).mean() > 0.6


def test_same_seed_same_bytes_and_another_seed_another_ground() -> None:
    ref = ref_at("change7", 2_000.0)
    a, b, other = (refine(regional_grid(), ref, seed).elevation_m for seed in (5, 5, 6))
    assert a.tobytes() == b.tobytes()
    assert np.abs(a - other).max() > 5.0


def test_overlapping_sites_agree() -> None:
    big = twelve_km("change7")
    x, y = big.ref.centre
    small = refine(regional_grid(), GeoRef.centred(x + 2_500.0, y - 3_000.0, 2_000.0, 20.0), 1)
    row, col = (round(v) for v in big.ref.rowcol(*small.ref.xy(0, 0)))
    shared = big.elevation_m[row : row + 100, col : col + 100]
    np.testing.assert_allclose(small.elevation_m, shared, atol=1e-3)


def test_a_coarse_grid_of_one_height_stays_level_on_average() -> None:
    flat = HeightGrid(np.full((40, 40), 123.0, dtype=np.float32), GeoRef(0.0, 4_000.0, 100.0, 40, 40))
    fine = refine(flat, GeoRef(1_000.0, 3_000.0, 20.0, 100, 100), 3)
    np.testing.assert_allclose(fine.block_mean(5).elevation_m, 123.0, atol=1e-3)
    assert 0.1 < fine.elevation_m.std() < 5.0


def test_ground_beyond_the_edge_goes_on_flat() -> None:
    grid = HeightGrid(np.full((4, 4), 50.0, dtype=np.float32), GeoRef(0.0, 400.0, 100.0, 4, 4))
    fine = refine(grid, GeoRef(0.0, 400.0, 20.0, 20, 20), 3)
    assert np.isfinite(fine.elevation_m).all()
    assert abs(float(fine.elevation_m.mean()) - 50.0) < 0.01


@pytest.mark.parametrize("cell", [30.0, 1600.0])
def test_cells_must_nest(cell: float) -> None:
    with pytest.raises(SiteError, match="does not divide the coarse cell of 1600 m"):
        refine(regional_grid(), GeoRef(0.0, 0.0, cell, 10, 10), 1)


def test_corners_must_meet() -> None:
    with pytest.raises(SiteError, match="not on the cell edges"):
        refine(regional_grid(), GeoRef(7.0, 0.0, 20.0, 10, 10), 1)


def test_noise_is_tied_to_the_world() -> None:
    a = lattice_noise(1, "test", GeoRef(-700.0, 900.0, 10.0, 60, 60), 40.0)
    b = lattice_noise(1, "test", GeoRef(-600.0, 800.0, 10.0, 30, 30), 40.0)
    np.testing.assert_allclose(b, a[10:40, 10:40], atol=1e-9)
    assert 0.3 < a.std() < 0.7  # a cubic B-spline of unit normal numbers: 0.48


def test_upsampling_meets_points_or_keeps_means() -> None:
    points = np.random.default_rng(1).normal(size=(6, 7))
    met = cubic_upsample(points, 0.0, 0.0, 1.0, 6, 7, True)
    np.testing.assert_allclose(met, points, atol=1e-12)
    level = cubic_upsample(np.full((5, 5), 3.0), -2.0, -2.0, 0.37, 20, 20, False)
    np.testing.assert_allclose(level, 3.0, atol=1e-12)
