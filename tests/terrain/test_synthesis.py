"""Refined ground: the coarse data kept, the roughness of the real Moon, the same bytes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from moonfleet.terrain.catalogue import NAMED_PLACES, regional_grid
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid, polar_xy
from moonfleet.terrain.ground_figures import (
    PATCH_RMS_M,
    PATCH_SLOPES_DEG,
    SITE_RMS_M,
    SITE_SLOPE_BASE_M,
    SITE_SLOPES_DEG,
    patch_figures,
    rms_difference,
    slope_percentiles,
)
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.synthesis import refine


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


@pytest.mark.parametrize("name", ["change7", "connecting-ridge", "de-gerlache-rim-2"])
def test_height_differences_and_slopes_are_those_of_real_sites(name: str) -> None:
    # Lags up to 1280 m: above, they are those of the real grid. Two seeds here, ten of them at 5 m in the bench.
    for seed in (1, 2):
        fine = refine(regional_grid(), ref_at(name, 16_000.0), seed)
        for lag, (low, high) in SITE_RMS_M.items():
            assert 0.75 * low < rms_difference(fine, lag) < 1.25 * high, (seed, lag)
        found = slope_percentiles(fine, SITE_SLOPE_BASE_M)
        for value, (low, high) in zip(found, SITE_SLOPES_DEG, strict=True):
            assert 0.8 * low < value < 1.2 * high, (seed, found)


def test_gentle_patches_are_as_rough_as_the_measured_one() -> None:
    fine = refine(regional_grid(), ref_at("change7", 6_000.0, 5.0), 1)
    found = patch_figures(fine)
    assert found.patches > 10
    for lag, real in PATCH_RMS_M.items():
        assert found.rms_m[lag] == pytest.approx(real, rel=0.25)
    assert found.slopes_deg == pytest.approx(PATCH_SLOPES_DEG, rel=0.2)


def test_much_of_the_ground_can_be_driven() -> None:
    assert (twelve_km("change7").slope_deg() < 15.0).mean() > 0.6


def test_style_changes_what_it_says() -> None:
    ref = ref_at("change7", 3_200.0, 10.0)
    smooth, usual, rough = (refine(regional_grid(), ref, 1, GroundStyle(roughness=v)) for v in (0.0, 1.0, 3.0))
    rolling = usual.elevation_m - smooth.elevation_m
    assert rolling.std() > 1.0
    np.testing.assert_allclose(rough.elevation_m - smooth.elevation_m, 3.0 * rolling, atol=0.01)
    few, many = (refine(regional_grid(), ref, 1, GroundStyle(crater_density=v)) for v in (0.0, 3.0))
    tails = [slope_percentiles(z, 20.0)[2] for z in (few, usual, many)]
    assert tails[0] < tails[1] < tails[2]
    for z in (smooth, rough, few, many):
        assert abs(float(z.elevation_m.mean() - usual.elevation_m.mean())) < 2.0


def test_threads_do_not_change_a_byte() -> None:
    ref = ref_at("change7", 3_200.0, 10.0)
    one, two = (refine(regional_grid(), ref, 1, threads=n) for n in (1, 2))
    assert one.elevation_m.tobytes() == two.elevation_m.tobytes()


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
    assert 0.01 < fine.elevation_m.std() < 5.0


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
