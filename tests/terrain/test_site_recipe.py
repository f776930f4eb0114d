"""The recipe of a site, and the key that follows everything that decides the site."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moonfleet.terrain import dem_digest, site_recipe
from moonfleet.terrain.errors import DemMissing, DemUnreadable, SiteError
from moonfleet.terrain.grid import polar_lonlat
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.site_recipe import MAKERS, SiteRecipe
from tests.own_dem import put_dem
from tests.pds_dem import put_polar

PLAIN = SiteRecipe("tiny", 123.4, -88.8, 1_000.0, azimuths=12)
# imported, and yet without a say: of the catalogue only a file is used, whose bytes are in the key
# of these `catalogue` gives only a file, whose bytes are in the key, and `kernel_stamp` says when a kernel is compiled anew
BYSTANDERS = {"errors", "site_recipe", "dem_digest", "cache_folder", "catalogue", "kernel_stamp"}


def imports_of(module: str) -> set[str]:
    """The modules of the same room that a module imports, inside functions too."""
    tree = ast.parse(Path(site_recipe.__file__).with_name(f"{module}.py").read_text(encoding="utf-8"))
    inner = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
    return {name for node in inner for name in ([node.module] if node.module else [a.name for a in node.names])}


def test_every_module_that_makes_a_layer_is_in_the_key() -> None:
    found, wanted = {"site_layers"}, {"site_layers"}
    while wanted:
        wanted = set().union(*(imports_of(module) for module in wanted - BYSTANDERS)) - found
        found |= wanted
    assert sorted(found - BYSTANDERS) == sorted(MAKERS)


def test_changed_code_is_another_site(monkeypatch: pytest.MonkeyPatch) -> None:
    before = PLAIN.key()
    assert PLAIN.key() == before
    monkeypatch.setattr(site_recipe, "makers_digest", lambda: "other code")
    assert PLAIN.key() != before


@pytest.mark.parametrize(
    "change",
    [
        {"lat_deg": -88.7},
        {"size_m": 1_100.0},
        {"cell_m": 10.0},
        {"seed": 2},
        {"azimuths": 18},
        {"synthetic": True},
        {"style": GroundStyle(roughness=1.1)},
        {"style": GroundStyle(crater_density=1.1)},
        {"style": GroundStyle(rock_abundance=1.1)},
        {"masts_m": (2.0, 10.0)},
    ],
)
def test_every_field_counts(change: dict[str, object]) -> None:
    assert replace(PLAIN, **change).key() != PLAIN.key()  # type: ignore[arg-type]


def test_recipes_survive_json() -> None:
    full = SiteRecipe(
        *("all", 10.0, -87.0, 2_000.0, 10.0, 7, 24, Path("a.tif")),
        style=GroundStyle(0.5, 2.0, 1.5), regions=(Path("b.tif"), Path("c.lbl")), masts_m=(10, 0),
    )  # fmt: skip
    for recipe in (PLAIN, full, replace(PLAIN, synthetic=True)):
        assert SiteRecipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert full.masts_m == (0.0, 2.0, 10.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": "grey"}, "colour: missing or unknown"),
        ({"size_m": "wide"}, "'wide' is not a finite number"),
        ({"seed": 1.5}, "1.5 is not a whole number"),
        ({"azimuths": True}, "True is not a whole number"),
        ({"name": None}, "None is not text"),
        ({"style": None}, "site recipe"),
        ({"style": {"roughness": 1.0, "smell": 2.0}}, "smell"),
        ({"regions": 3}, "site recipe"),
        ({"synthetic": "yes"}, "synthetic: 'yes'"),
        ({"lat_deg": 12.0}, r"site\.lat_deg: 12.0"),
    ],
)
def test_json_of_another_kind_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(SiteError, match=words):
        SiteRecipe.from_json(PLAIN.to_json() | change)
    with pytest.raises(SiteError, match="seed: missing"):
        SiteRecipe.from_json({k: v for k, v in PLAIN.to_json().items() if k != "seed"})


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


def test_own_map_changed_in_place_is_another_site(tmp_path: Path) -> None:
    lon, lat = polar_lonlat(31_000.0, -21_000.0)
    path = put_dem(tmp_path / "a.tif", np.full((100, 100), 10.0, dtype=np.float32))
    before = SiteRecipe("a", lon, lat, 1_000.0, azimuths=12, dem=path).key()
    put_dem(path, np.full((100, 100), 11.0, dtype=np.float32))
    assert SiteRecipe("a", lon, lat, 1_000.0, azimuths=12, dem=path).key() != before


def test_a_region_changed_in_place_is_another_site(tmp_path: Path) -> None:
    path = put_dem(tmp_path / "a.tif", np.full((100, 100), 10.0, dtype=np.float32))
    recipe = replace(PLAIN, regions=(path,))
    before = recipe.key()
    assert before != PLAIN.key()
    put_dem(path, np.full((100, 100), 11.0, dtype=np.float32))
    assert recipe.key() != before
    path.unlink()
    with pytest.raises(DemMissing, match=r"a\.tif: no such file"):
        recipe.key()


def test_label_and_image_both_count(tmp_path: Path) -> None:
    label = put_polar(tmp_path, "LDEM", np.full((40, 40), 100.0))
    image = label.with_suffix(".IMG")
    first = dem_digest.dem_digest(label)
    assert dem_digest.dem_digest(image) != dem_digest.file_digest(image)
    image.write_bytes(image.read_bytes()[:-2] + b"\1\0")
    second = dem_digest.dem_digest(label)
    label.write_text(label.read_text().replace("0.5", "1.5"))
    assert len({first, second, dem_digest.dem_digest(label)}) == 3


def test_what_a_virtual_raster_is_made_of_counts(tmp_path: Path) -> None:
    source = put_dem(tmp_path / "a.tif", np.full((20, 20), 10.0, dtype=np.float32))
    virtual = tmp_path / "a.vrt"
    virtual.write_text(
        '<VRTDataset rasterXSize="20" rasterYSize="20">'
        "<GeoTransform>0, 20, 0, 0, 0, -20</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    before = dem_digest.dem_digest(virtual)
    put_dem(source, np.full((20, 20), 11.0, dtype=np.float32))
    assert dem_digest.dem_digest(virtual) != before
    virtual.write_text("<VRTDataset")
    with pytest.raises(DemUnreadable, match=r"a\.vrt"):
        dem_digest.dem_digest(virtual)


def test_large_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(dem_digest, "KEEP_BYTES", 4)
    large = tmp_path / "large.img"
    large.write_bytes(b"much ground")
    want = dem_digest.file_digest(large)

    def second_process() -> str:
        dem_digest.digest_of.cache_clear()
        return dem_digest.file_digest(large)

    def unread(stamp: object) -> str:
        raise AssertionError(f"read again: {stamp}")

    with monkeypatch.context() as patch:
        patch.setattr(dem_digest, "_read", unread)
        assert second_process() == want
    [note] = (tmp_path / "cache" / "digests").iterdir()
    note.write_text("{", encoding="utf-8")
    assert second_process() == want
    large.write_bytes(b"more ground")
    assert second_process() != want
