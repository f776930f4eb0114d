"""What a site holds, that it is built once, and sites out of a user's own file."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import Affine

from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.dem_io import write_dem
from moonfleet.terrain.errors import DemHoles, DemMissing, DemTooSmall, SiteError
from moonfleet.terrain.grid import GeoRef, polar_xy
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.site import Site, SiteRecipe, build_site, cache_folder, open_site, recipe_of_dem
from moonfleet.terrain.synthesis import refine
from tests.own_dem import POLAR, put_dem

TINY = SiteRecipe("tiny", 123.4, -88.8, size_m=1_000.0, azimuths=12)


@pytest.fixture(scope="module")
def fine_dem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A measured 10 m map of 2.4 km near the pole."""
    x, y = polar_xy(40.0, -88.0)
    ref = GeoRef.centred(x, y, 2_400.0, 10.0)
    path = tmp_path_factory.mktemp("dem") / "own.tif"
    write_dem(refine(regional_grid(), ref, 9), path)
    return path


def test_layers_fit_each_other(small_site: Site) -> None:
    shape = small_site.ref.shape
    assert shape == (128, 128)
    assert small_site.horizon.millideg.shape == (36, *shape)
    floats = (
        *(small_site.grid.elevation_m, small_site.slope_deg, small_site.rock_cover, small_site.mean_lit),
        *(small_site.longest_night_s, small_site.earth_visible),
    )
    assert {layer.dtype for layer in floats} == {np.dtype(np.float32)}
    for layer in (*floats, small_site.permanent_shadow):
        assert layer.shape == shape
        assert not layer.flags.writeable
        assert layer.flags.c_contiguous
    np.testing.assert_array_equal(small_site.slope_deg, small_site.grid.slope_deg())
    assert small_site.ref.lonlat() == pytest.approx((123.4, -88.8), abs=0.05)
    assert (small_site.sky.lon_deg, small_site.sky.lat_deg) == small_site.ref.lonlat()
    assert 0.0 <= small_site.mean_lit.min() < 0.05
    assert 0.5 < small_site.mean_lit.max() <= 1.0


def test_pits_are_darker_than_crests(small_site: Site) -> None:
    z = small_site.grid.elevation_m
    low, high = z < np.percentile(z, 3), z > np.percentile(z, 97)
    assert small_site.mean_lit[low].mean() < small_site.mean_lit[high].mean()


def test_light_layers_agree(small_site: Site) -> None:
    dark = small_site.permanent_shadow == 1
    assert small_site.permanent_shadow.max() <= 1
    assert (small_site.mean_lit[dark] == 0.0).all()
    assert (small_site.longest_night_s[dark] >= 365 * 86_400.0 - 3_600.0).all()
    lit = small_site.mean_lit > 0.5
    assert small_site.longest_night_s[lit].max() < small_site.longest_night_s[small_site.mean_lit < 0.02].min()
    assert 0.0 <= small_site.earth_visible.min() < small_site.earth_visible.max() <= 1.0


def test_a_higher_mast_sees_over_more(tmp_path: Path) -> None:
    recipe = SiteRecipe("masts", 123.4, -88.8, size_m=1_000.0, azimuths=8, masts_m=(0, 10.0))
    site = build_site(recipe, cache=tmp_path)
    assert sorted(site.horizons) == [0.0, 2.0, 10.0]
    low, eye, high = (site.horizons[mast].millideg for mast in (0.0, 2.0, 10.0))
    assert site.horizon is site.horizons[2.0]
    assert low.mean() > eye.mean() > high.mean()
    assert (high <= low).all()
    again = open_site(site.path)
    np.testing.assert_array_equal(again.horizons[10.0].millideg, high)


def test_synthetic_ground_needs_no_map(tmp_path: Path) -> None:
    shape = {"size_m": 1_000.0, "azimuths": 8, "synthetic": True}
    site = build_site(SiteRecipe("made", 40.0, -86.0, **shape), cache=tmp_path)  # type: ignore[arg-type]
    assert site.recipe.synthetic
    other = build_site(SiteRecipe("made", 40.0, -86.0, seed=2, **shape), cache=tmp_path)  # type: ignore[arg-type]
    assert np.abs(site.grid.elevation_m - other.grid.elevation_m).max() > 1.0
    rough = GroundStyle(roughness=2.0)
    rougher = build_site(SiteRecipe("made", 40.0, -86.0, style=rough, **shape), cache=tmp_path)  # type: ignore[arg-type]
    assert rougher.slope_deg.mean() > 1.1 * site.slope_deg.mean()


def test_a_finer_file_around_the_site_changes_its_horizon(tmp_path: Path) -> None:
    """A wall of 3 km that only the region's file knows of stands in the way, and nothing else of the site changes."""
    real = regional_grid()
    plain = SiteRecipe("walled", 123.4, -88.8, size_m=1_000.0, azimuths=8)
    x, y = plain.ref.centre
    ref = GeoRef.centred(x, y, 60_000.0, 400.0)
    wall = real.elevation_m.max() * np.ones(ref.shape, np.float32)
    rows = np.arange(ref.rows)
    wall[rows > 40, :] = float(real.sample(x, y))
    path = tmp_path / "wall.tif"
    write_dem(type(real)(wall, ref), path)
    before = build_site(plain, cache=tmp_path)
    after = build_site(SiteRecipe("walled", 123.4, -88.8, 1_000.0, azimuths=8, regions=(path,)), cache=tmp_path)
    np.testing.assert_array_equal(before.grid.elevation_m, after.grid.elevation_m)
    north = 0.001 * after.horizon.millideg[0].astype(float)
    assert np.abs(north - 0.001 * before.horizon.millideg[0]).mean() > 1.0


def test_second_build_opens_the_first(small_site: Site) -> None:
    before = (small_site.path / "site.json").stat().st_mtime_ns
    again = build_site(SiteRecipe("small", 123.4, -88.8, size_m=2_560.0, azimuths=36))
    assert again.path == small_site.path
    assert (again.path / "site.json").stat().st_mtime_ns == before
    assert again.path.is_relative_to(cache_folder())


def test_same_recipe_same_bytes_in_another_cache(tmp_path: Path) -> None:
    stages: list[str] = []
    a = build_site(TINY, cache=tmp_path / "a", progress=lambda stage, done: stages.append(stage))
    b = build_site(TINY, cache=tmp_path / "b")
    assert a.key == b.key
    assert {p.name: p.read_bytes() for p in a.path.iterdir()} == {p.name: p.read_bytes() for p in b.path.iterdir()}
    assert stages[0] == "ground"
    assert stages[-1] == "done"


def test_site_travels_as_its_path(small_site: Site) -> None:
    sent = bytes(ForkingPickler.dumps(small_site))
    assert len(sent) < 1_000
    copy = ForkingPickler.loads(sent)
    assert copy.key == small_site.key
    np.testing.assert_array_equal(copy.grid.elevation_m, small_site.grid.elevation_m)


def test_outside_the_shipped_grid(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="outside the shipped elevation grid"):
        build_site(SiteRecipe("far", 45.0, -61.0, size_m=1_000.0, azimuths=12), cache=tmp_path)


def test_own_fine_map_is_kept_as_measured(fine_dem: Path, tmp_path: Path) -> None:
    recipe = recipe_of_dem(fine_dem, azimuths=12)
    assert 2_300.0 <= recipe.size_m <= 2_400.0
    assert (recipe.lon_deg, recipe.lat_deg) == pytest.approx((40.0, -88.0), abs=0.05)
    site = build_site(recipe, cache=tmp_path)
    assert site.ref.cell_m == 20.0
    real = regional_grid().sample(*site.ref.centre)
    assert abs(float(site.grid.elevation_m.mean()) - real) < 300.0
    smaller = build_site(recipe_of_dem(fine_dem, size_m=1_000.0, azimuths=12), cache=tmp_path)
    row, col = (round(v) for v in site.ref.rowcol(*smaller.ref.xy(0, 0)))
    np.testing.assert_allclose(
        smaller.grid.elevation_m, site.grid.elevation_m[row : row + 50, col : col + 50], atol=0.5
    )


@pytest.mark.parametrize("crs", [POLAR, "+proj=laea +lat_0=-62 +lon_0=123 +R=1737400 +units=m +no_defs"])
def test_own_coarse_map_is_refined_even_far_from_the_shipped_grid(tmp_path: Path, crs: str) -> None:
    r, c = np.mgrid[0:60, 0:60]
    z = (500.0 + 60.0 * np.sin(r / 7.0) + 4.0 * c).astype(np.float32)
    x, y = polar_xy(123.0, -62.0) if crs == POLAR else (0.0, 0.0)
    turn = Affine(100.0, 0.0, x - 3_000.0, 0.0, -100.0, y + 3_000.0)
    path = put_dem(tmp_path / "coarse.tif", z, crs, transform=turn)
    recipe = recipe_of_dem(path, azimuths=12)
    assert 4_500.0 <= recipe.size_m <= 6_500.0
    site = build_site(recipe, cache=tmp_path)
    assert site.ref.cell_m == 20.0
    assert site.ref.lonlat() == pytest.approx((123.0, -62.0), abs=0.1)
    fine = site.grid.elevation_m
    assert fine.min() > 380.0
    assert fine.max() < 880.0
    assert np.abs(np.diff(fine, axis=0)).std() > 0.2  # there is relief between the measured cells


def test_own_map_too_small_or_with_holes(fine_dem: Path, tmp_path: Path) -> None:
    with pytest.raises(DemTooSmall, match=r"own\.tif: covers only a square of 2\d+ m .*; 6000 m were asked for"):
        build_site(recipe_of_dem(fine_dem, size_m=6_000.0, azimuths=12), cache=tmp_path)
    with pytest.raises(DemTooSmall, match=r"no data at the middle|covers only"):
        recipe_of_dem(fine_dem, lonlat=(200.0, -88.0))
    z = np.full((100, 100), 100.0, dtype=np.float32)
    z[40:44, 60] = np.nan
    with pytest.raises(DemHoles, match=r"pierced\.tif: 4 of \d+ cells of 20 m inside the asked area"):
        recipe_of_dem(put_dem(tmp_path / "pierced.tif", z))
    with pytest.raises(DemTooSmall, match="at least 1000 m"):
        recipe_of_dem(put_dem(tmp_path / "stamp.tif", z[:30, :30].copy()))
    with pytest.raises(DemMissing, match="no such file"):
        build_site(SiteRecipe("gone", 10.0, -88.0, 1_000.0, azimuths=12, dem=tmp_path / "gone.tif"), cache=tmp_path)
