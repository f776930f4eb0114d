"""Site folders: built once, the same bytes, shared, repaired; and sites out of a user's own file."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import Affine

from moonfleet.terrain.catalogue import regional_grid
from moonfleet.terrain.dem_io import write_dem
from moonfleet.terrain.errors import DemHoles, DemMissing, DemTooSmall, SiteDamaged, SiteError
from moonfleet.terrain.grid import GeoRef, polar_lonlat, polar_xy
from moonfleet.terrain.site import (
    ARRAYS,
    Site,
    SiteRecipe,
    build_site,
    cache_folder,
    open_site,
    recipe_of_dem,
    verify_site,
)
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
    for layer in (small_site.grid.elevation_m, small_site.slope_deg, small_site.rock_cover, small_site.mean_lit):
        assert layer.shape == shape
        assert layer.dtype == np.float32
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
    for name in (*(f"{array}.npy" for array in ARRAYS), "site.json"):
        assert (a.path / name).read_bytes() == (b.path / name).read_bytes(), name
    assert stages[0] == "ground"
    assert stages[-1] == "done"


def test_recipes_that_differ_have_other_keys() -> None:
    keys = {
        SiteRecipe("tiny", 123.4, lat, size, 20.0, seed, az).key()
        for lat, size, seed, az in [
            (-88.8, 1_000.0, 1, 12), (-88.7, 1_000.0, 1, 12), (-88.8, 1_100.0, 1, 12), (-88.8, 1_000.0, 2, 12),
            (-88.8, 1_000.0, 1, 18),
        ]
    }  # fmt: skip
    assert len(keys) == 5


def test_site_travels_as_its_path(small_site: Site) -> None:
    sent = bytes(ForkingPickler.dumps(small_site))
    assert len(sent) < 1_000
    copy = ForkingPickler.loads(sent)
    assert copy.key == small_site.key
    np.testing.assert_array_equal(copy.grid.elevation_m, small_site.grid.elevation_m)


@pytest.mark.parametrize("harm", ["missing", "short", "other dtype", "json", "version", "no json", "ref"])
def test_damage_is_seen_and_repaired(tmp_path: Path, harm: str) -> None:
    site = build_site(TINY, cache=tmp_path)
    want = {array: (site.path / f"{array}.npy").read_bytes() for array in ARRAYS}
    facts = site.path / "site.json"
    slope = site.path / "slope.npy"
    if harm == "missing":
        slope.unlink()
    elif harm == "short":
        slope.write_bytes(want["slope"][:-100])
    elif harm == "other dtype":
        np.save(slope, np.zeros((50, 50), dtype=np.int32))
    elif harm == "json":
        facts.write_text(facts.read_text(encoding="utf-8")[:200], encoding="utf-8")
    elif harm == "version":
        facts.write_text(json.dumps(json.loads(facts.read_text(encoding="utf-8")) | {"version": 0}), encoding="utf-8")
    elif harm == "ref":
        facts.write_text(json.dumps(json.loads(facts.read_text(encoding="utf-8")) | {"ref": {}}), encoding="utf-8")
    else:
        facts.unlink()
    with pytest.raises(SiteDamaged, match=str(site.path)):
        open_site(site.path)
    repaired = build_site(TINY, cache=tmp_path)
    assert repaired.path == site.path
    assert {array: (site.path / f"{array}.npy").read_bytes() for array in ARRAYS} == want
    assert sorted(p.name for p in (tmp_path / "sites").iterdir()) == [site.path.name, site.path.name + ".lock"]


def test_changed_bytes_are_found_by_checksum(tmp_path: Path) -> None:
    site = build_site(TINY, cache=tmp_path)
    verify_site(site.path)
    file = site.path / "rock_cover.npy"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(SiteDamaged, match=r"rock_cover\.npy: SHA-256"):
        verify_site(site.path)


def _build_and_report(cache: str, answers: multiprocessing.Queue[str]) -> None:
    site = build_site(TINY, cache=Path(cache))
    answers.put(f"{site.key} {float(site.mean_lit.sum()):.6f}")


def test_two_processes_at_once_both_end_well(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[str] = context.Queue()
    both = [context.Process(target=_build_and_report, args=(str(tmp_path), answers)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(timeout=120)
        assert process.exitcode == 0
    got = [answers.get(timeout=10) for _ in both]
    assert got[0] == got[1]


def test_leftovers_of_a_killed_build_are_cleared(tmp_path: Path) -> None:
    site = build_site(TINY, cache=tmp_path)
    left = site.path.with_name(site.path.name + ".part1")
    left.mkdir()
    (left / "horizon.npy").write_bytes(b"half")
    (site.path / "site.json").unlink()
    build_site(TINY, cache=tmp_path)
    assert not left.exists()


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(SiteError, match="MOONFLEET_CACHE"):
        build_site(TINY, cache=tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lat_deg": -45.0}, r"site\.lat_deg: -45.0; allowed: -90 to -60"),
        ({"size_m": 50.0}, r"site\.size_m: 50.0; allowed: 1000"),
        ({"size_m": float("nan")}, r"site\.size_m: nan"),
        ({"cell_m": 0.0}, r"site\.cell_m: 0.0; allowed: 5 to 100"),
        ({"seed": -1}, r"site\.seed: -1"),
        ({"azimuths": 2}, r"site\.azimuths: 2"),
        ({"name": ""}, r"site\.name"),
        ({"size_m": 150_000.0, "cell_m": 5.0}, "4 GiB"),
    ],
)
def test_recipes_out_of_range(change: dict[str, float], words: str) -> None:
    good: dict[str, object] = {"name": "a", "lon_deg": 0.0, "lat_deg": -89.0}
    with pytest.raises(SiteError, match=words):
        SiteRecipe(**(good | change))  # type: ignore[arg-type]


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


def test_own_map_changed_in_place_is_another_site(tmp_path: Path) -> None:
    lon, lat = polar_lonlat(31_000.0, -21_000.0)
    path = put_dem(tmp_path / "a.tif", np.full((100, 100), 10.0, dtype=np.float32))
    before = SiteRecipe("a", lon, lat, 1_000.0, azimuths=12, dem=path).key()
    put_dem(path, np.full((100, 100), 11.0, dtype=np.float32))
    assert SiteRecipe("a", lon, lat, 1_000.0, azimuths=12, dem=path).key() != before


@pytest.mark.parametrize("change", [{"cell_m": 0}, {"rows": 1e400}, {"rows": -1}])
def test_a_site_description_out_of_its_mind_is_built_again(tmp_path: Path, change: dict[str, float]) -> None:
    recipe = SiteRecipe("odd", 123.4, -88.8, size_m=1_000.0, azimuths=8)
    site = build_site(recipe, cache=tmp_path)
    file = site.path / "site.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps(facts | {"ref": facts["ref"] | change}))
    with pytest.raises(SiteDamaged):
        open_site(site.path)
    assert build_site(recipe, cache=tmp_path).ref == site.ref


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(SiteError, match="No space left"):
        build_site(SiteRecipe("full", 123.4, -88.8, size_m=1_000.0, azimuths=8), cache=tmp_path)
    assert not [path for path in (tmp_path / "sites").iterdir() if path.is_dir()]
