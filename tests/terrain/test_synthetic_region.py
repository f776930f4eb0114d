"""Ground made from nothing: like the real one, the same wherever one looks from."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.ground_figures import (
    PATCH_RMS_M,
    PATCH_SLOPES_DEG,
    REGION_SLOPE_BASE_M,
    REGION_SLOPES_DEG,
    patch_figures,
    rms_difference,
    slope_percentiles,
)
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.site_ground import synthetic_ground
from moonfleet.terrain.synthetic_region import CELL_M, synthetic_region

REF = GeoRef.centred(0.0, 0.0, 4_000.0, 20.0)


@pytest.fixture(scope="module")
def regions() -> list[HeightGrid]:
    return [synthetic_region(REF, seed) for seed in range(1, 7)]


def test_regions_reach_far_and_have_the_cells_of_the_real_grid(regions: list[HeightGrid]) -> None:
    region, real = regions[0].ref, regional_grid().ref
    assert region.cell_m == real.cell_m
    assert region.covers(GeoRef.centred(0.0, 0.0, 500_000.0, 1_000.0))
    assert (region.x_left - real.x_left) % CELL_M == (region.y_top - real.y_top) % CELL_M == 0.0


def test_regions_are_as_rough_as_the_real_one(regions: list[HeightGrid]) -> None:
    real = regional_grid().crop(-250_400.0, -250_400.0, 250_400.0, 250_400.0)
    for k in range(6):
        lag = CELL_M * 2.0**k
        found = [rms_difference(region, lag) for region in regions]
        wanted = rms_difference(real, lag)
        assert np.mean(found) == pytest.approx(wanted, rel=0.15), lag
        if k < 5:  # at 51 km one region differs much from the next, as parts of the Moon do
            assert found == pytest.approx([wanted] * len(found), rel=0.25), lag
    slopes = np.array([slope_percentiles(region, REGION_SLOPE_BASE_M)[:2] for region in regions])
    np.testing.assert_allclose(slopes.mean(axis=0), REGION_SLOPES_DEG, rtol=0.15)
    np.testing.assert_allclose(slopes, np.broadcast_to(REGION_SLOPES_DEG, slopes.shape), rtol=0.25)


def test_regions_agree_where_they_overlap(regions: list[HeightGrid]) -> None:
    there = synthetic_region(GeoRef.centred(100_000.0, -60_000.0, 4_000.0, 20.0), 1)
    row, col = (round(v) for v in regions[0].ref.rowcol(*there.ref.xy(0, 0)))
    shared = regions[0].elevation_m[row:, col:]
    np.testing.assert_allclose(shared, there.elevation_m[: shared.shape[0], : shared.shape[1]], atol=1e-2)


def test_sites_keep_the_means_and_agree_where_they_overlap(regions: list[HeightGrid]) -> None:
    ref = GeoRef(-8_000.0, 8_000.0, 20.0, 480, 480)
    fine, largest = synthetic_ground(ref, 1)
    assert largest is not None
    assert largest > 10_000.0
    coarse = regions[0].crop(*ref.bounds)
    np.testing.assert_allclose(fine.block_mean(80).elevation_m, coarse.elevation_m, atol=0.02)
    other, _ = synthetic_ground(GeoRef(-4_000.0, 4_000.0, 20.0, 300, 300), 1)
    np.testing.assert_allclose(other.elevation_m[:280, :280], fine.elevation_m[200:, 200:], atol=0.02)


def test_sites_are_as_rough_at_small_scale_as_real_ones() -> None:
    fine, _ = synthetic_ground(GeoRef.centred(30_000.0, 10_000.0, 8_000.0, 5.0), 2)
    found = patch_figures(fine)
    assert found.patches > 10
    for lag, real in PATCH_RMS_M.items():
        assert found.rms_m[lag] == pytest.approx(real, rel=0.25)
    assert found.slopes_deg == pytest.approx(PATCH_SLOPES_DEG, rel=0.2)


def test_style_and_seed_change_the_region(regions: list[HeightGrid]) -> None:
    usual = rms_difference(regions[0], CELL_M)
    for style in (GroundStyle(roughness=2.0), GroundStyle(crater_density=3.0)):
        assert rms_difference(synthetic_region(REF, 1, style), CELL_M) > 1.1 * usual
    assert np.abs(regions[0].elevation_m - regions[1].elevation_m).max() > 500.0
    level = synthetic_region(REF, 1, GroundStyle(roughness=0.0, crater_density=0.0))
    assert not level.elevation_m.any()


def test_threads_do_not_change_a_byte() -> None:
    one, two = (synthetic_region(REF, 1, threads=n) for n in (1, 2))
    assert one.elevation_m.tobytes() == two.elevation_m.tobytes()
