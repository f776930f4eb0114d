"""Named places and the shipped grid."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio

from moonfleet.terrain.catalogue import NAMED_PLACES, REGIONAL_DEM, named_place, regional_grid
from moonfleet.terrain.data.make_south_pole import derive, find_source
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import polar_xy


def test_shipped_grid_is_the_lola_grid() -> None:
    grid = regional_grid()
    assert grid.ref.shape == (762, 762)
    assert grid.ref.bounds == (-609_600.0, -609_600.0, 609_600.0, 609_600.0)
    assert regional_grid() is grid
    landmarks = {"shackleton": (-2_850, -2_600), "malapert": (4_900, 5_200), "connecting-ridge": (1_700, 1_950)}
    for name, (low, high) in landmarks.items():
        lon, lat, _ = NAMED_PLACES[name]
        assert low < grid.sample(*polar_xy(lon, lat)) < high, name


def test_shipped_grid_matches_its_provenance() -> None:
    with rasterio.open(REGIONAL_DEM) as data:
        pixels = hashlib.sha256(data.read(1).astype("<i2").tobytes()).hexdigest()
    assert pixels in REGIONAL_DEM.with_name("PROVENANCE.md").read_text(encoding="utf-8")
    assert REGIONAL_DEM.stat().st_size < 1_000_000


def test_shipped_grid_can_be_made_again(shared_data: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.tif"
    derive(find_source(shared_data), made)
    with rasterio.open(made) as a, rasterio.open(REGIONAL_DEM) as b:
        np.testing.assert_array_equal(a.read(1), b.read(1))


def test_find_source_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="lunar-toolkit"):
        find_source(tmp_path)


def test_every_named_place_lies_on_the_grid_and_has_a_source() -> None:
    for name, place in NAMED_PLACES.items():
        assert regional_grid().ref.inside(*polar_xy(place.lon_deg, place.lat_deg)), name
        assert place.source
        assert name == name.lower()


def test_named_place_forgives_spelling_and_suggests() -> None:
    assert named_place(" De Gerlache ") == NAMED_PLACES["de-gerlache"]
    with pytest.raises(SiteError, match="Did you mean 'shackleton'"):
        named_place("shakleton")
