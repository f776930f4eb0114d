"""Named places and the shipped grid."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio

from moonfleet.terrain.catalogue import NAMED_PLACES, REGIONAL_DEM, named_place, regional_grid
from moonfleet.terrain.data.make_south_pole import derive, find_source
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import polar_xy
from moonfleet.terrain.products import products


def test_shipped_grid_is_the_lola_grid() -> None:
    grid = regional_grid()
    assert grid.ref.shape == (762, 762)
    assert grid.ref.bounds == (-609_600.0, -609_600.0, 609_600.0, 609_600.0)
    assert regional_grid() is grid
    landmarks = {"shackleton": (-2_850, -2_600), "malapert": (4_900, 5_200), "connecting-ridge": (1_700, 1_950)}
    for name, (low, high) in landmarks.items():
        place = NAMED_PLACES[name]
        assert low < grid.sample(*polar_xy(place.lon_deg, place.lat_deg)) < high, name


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


def ring(name: str, radius_m: float) -> float:
    """Median elevation [m] of the shipped grid on a circle around a named place."""
    x, y = polar_xy(NAMED_PLACES[name].lon_deg, NAMED_PLACES[name].lat_deg)
    turn = np.radians(np.arange(0.0, 360.0, 10.0))
    return float(np.median(regional_grid().sample(x + radius_m * np.sin(turn), y + radius_m * np.cos(turn))))


def at(name: str) -> float:
    """Elevation [m] of the shipped grid at a named place."""
    return regional_grid().sample(*polar_xy(NAMED_PLACES[name].lon_deg, NAMED_PLACES[name].lat_deg))


@pytest.mark.parametrize("name", [name for name, place in NAMED_PLACES.items() if place.kind == "crater"])
def test_crater_floors_lie_below_their_rims(name: str) -> None:
    diameter = NAMED_PLACES[name].diameter_km
    assert diameter is not None
    floor, rim = min(at(name), ring(name, 150.0 * diameter)), ring(name, 500.0 * diameter)
    assert rim - floor > 500.0, f"{name}: floor {floor:.0f}, rim {rim:.0f} m"


@pytest.mark.parametrize("name", [name for name, place in NAMED_PLACES.items() if place.kind in ("ridge", "mountain")])
def test_ridges_and_mountains_stand_out(name: str) -> None:
    around = ring(name, 10_000.0 if NAMED_PLACES[name].kind == "ridge" else 30_000.0)
    assert at(name) - around > 500.0, f"{name}: {at(name):.0f}, around {around:.0f} m"


@pytest.mark.parametrize("name", [name for name, place in NAMED_PLACES.items() if place.kind.startswith("landing")])
def test_landing_places_stand_above_their_surroundings(name: str) -> None:
    """All but one were chosen for light and for sight of the Earth; LCROSS was to hit a dark floor."""
    rise = at(name) - ring(name, 20_000.0)
    assert rise < -500.0 if name == "lcross" else rise > 200.0, f"{name}: {rise:.0f} m"


def test_candidate_regions_of_both_years_are_known() -> None:
    of = {
        year: [n for n, p in NAMED_PLACES.items() if year in p.source and "Artemis III" in p.source]
        for year in ("2022", "2024")
    }
    assert (len(of["2022"]), len(of["2024"])) == (13, 9)


def test_craters_against_a_table_from_the_literature(shared_data: Path) -> None:
    with (shared_data / "moonpies_polar_craters.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if not row["Crater Name"].startswith("Unnamed")]
    assert len(rows) > 15
    for row in rows:
        place = named_place(row["Crater Name"])
        here = np.array(polar_xy(place.lon_deg, place.lat_deg))
        there = np.array(polar_xy(float(row["Lon (deg)"]), float(row["Lat (deg)"])))
        assert np.hypot(*(here - there)) < 2_200.0, row["Crater Name"]  # the table is rounded to 0.1 degree
        assert place.diameter_km == pytest.approx(float(row["Diam (km)"]), rel=0.05)


def test_other_names_of_products_are_places() -> None:
    aliases = {alias for product in products().values() for alias in product.aliases}
    assert aliases - set(NAMED_PLACES) == set()


def test_named_place_forgives_spelling_and_suggests() -> None:
    assert named_place(" De Gerlache ") == NAMED_PLACES["de-gerlache"]
    assert named_place("Idel'son L").kind == "crater"
    with pytest.raises(SiteError, match="Did you mean 'shackleton'"):
        named_place("shakleton")
