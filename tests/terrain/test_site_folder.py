"""Damaged, edited, older and half-written site folders: noticed, refused with the reason, or built again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moonfleet.terrain import site_recipe
from moonfleet.terrain.errors import SiteDamaged, SiteError
from moonfleet.terrain.site import Site, SiteRecipe, build_site, open_site, recipe_of_dem, verify_site
from moonfleet.terrain.site_cache import cached_sites, prune_sites, remove_site
from moonfleet.terrain.site_folder import array_specs, read_facts, write_facts
from moonfleet.terrain.site_lock import SiteBusy, locked
from tests.own_dem import put_dem

TINY = SiteRecipe("tiny", 123.4, -88.8, size_m=1_000.0, azimuths=8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with one built site."""
    cache = tmp_path_factory.mktemp("whole")
    build_site(TINY, cache=cache)
    return cache


@pytest.fixture
def cache(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "cache"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """A harm that edits site.json."""

    def harm(folder: Path) -> None:
        facts = json.loads((folder / "site.json").read_text(encoding="utf-8"))
        change(facts)
        (folder / "site.json").write_text(json.dumps(facts), encoding="utf-8")

    return harm


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing array": (lambda f: (f / "slope.npy").unlink(), r"slope\.npy: cannot be read"),
    "a short array": (
        lambda f: (f / "slope.npy").write_bytes((f / "slope.npy").read_bytes()[:-100]),
        r"slope\.npy: 10028 bytes; allowed: 10128",
    ),
    "another dtype": (lambda f: np.save(f / "slope.npy", np.zeros((50, 50), np.int32)), r"slope\.npy: int32 \(50, 50\)"),
    "another shape": (lambda f: np.save(f / "slope.npy", np.zeros((25, 100), np.float32)), r"float32 \(25, 100\)"),
    "an object array": (
        lambda f: np.save(f / "slope.npy", np.array([{}] * 500), allow_pickle=True), r"slope\.npy: \d+ bytes",
    ),
    "no description": (lambda f: (f / "site.json").unlink(), r"site\.json: cannot be read"),
    "half a description": (
        lambda f: (f / "site.json").write_text((f / "site.json").read_text()[:200]), r"site\.json: cannot be read",
    ),
    "an older layout": (edited(lambda j: j.update(version=2)), "version 2; allowed: 3"),
    "a list for a description": (lambda f: (f / "site.json").write_text("[]"), "version None"),
    "an edited seed": (edited(lambda j: j["recipe"].update(seed=9)), "was changed after it was written"),
    "an edited place": (edited(lambda j: j["ref"].update(x_left=0.0)), "was changed after it was written"),
    "a huge description": (lambda f: (f / "site.json").write_text(" " * 1_000_001), "larger than 1 MB"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMS)
def test_damage_is_refused_with_the_reason(cache: Path, name: str) -> None:
    [entry] = cached_sites(cache)
    harm, words = HARMS[name]
    harm(entry.path)
    with pytest.raises(SiteDamaged, match=words) as caught:
        open_site(entry.path)
    assert str(entry.path) in str(caught.value)
    [entry] = cached_sites(cache)
    assert entry.state == "damaged"
    assert entry.site is None


@pytest.mark.parametrize("name", ["a missing array", "half a description", "an older layout", "an edited seed"])
def test_damage_is_built_again(whole: Path, cache: Path, name: str) -> None:
    [entry] = cached_sites(cache)
    HARMS[name][0](entry.path)
    assert build_site(TINY, cache=cache).path == entry.path
    assert contents(entry.path) == contents(whole / "sites" / entry.path.name)
    assert sorted(p.name for p in (cache / "sites").iterdir()) == [entry.path.name, f"{entry.path.name}.lock"]


@pytest.mark.parametrize("size_m", [0.0, -20.0, 1e400, 1_020.0])
def test_a_description_that_cannot_be_is_refused(cache: Path, size_m: float) -> None:
    """Even where its own digest fits, as in one made by another program."""
    [entry] = cached_sites(cache)
    facts = read_facts(entry.path)

    class Odd(SiteRecipe):
        def to_json(self) -> dict[str, object]:
            return super().to_json() | {"size_m": size_m}

    write_facts(entry.path, Odd("tiny", 123.4, -88.8, 1_000.0, azimuths=8), facts.key, facts.sha256)
    with pytest.raises(SiteDamaged, match=r"site\.json"):
        open_site(entry.path)


@pytest.mark.parametrize("name", sorted(array_specs(TINY)))
def test_a_flipped_bit_is_found_by_checksum(cache: Path, name: str) -> None:
    [entry] = cached_sites(cache)
    verify_site(entry.path)
    file = entry.path / f"{name}.npy"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(bytes(data))
    open_site(entry.path)  # opening reads no cells
    with pytest.raises(SiteDamaged, match=rf"{name}\.npy: SHA-256"):
        verify_site(entry.path)


def test_a_site_in_use_outlives_its_replacement(cache: Path) -> None:
    [entry] = cached_sites(cache)
    held: Site = open_site(entry.path)
    before = held.horizon.millideg.copy()
    (entry.path / "site.json").unlink()
    build_site(TINY, cache=cache)
    np.testing.assert_array_equal(held.horizon.millideg, before)


def test_what_the_cache_holds(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [entry] = cached_sites(cache)
    assert (entry.state, entry.why) == ("ready", "")
    assert entry.size_bytes > 50 * 50 * (6 * 4 + 1 + 8 * 2)
    part = entry.path.with_name("other-00.part")
    part.mkdir()
    (entry.path.with_name("other-00.part.txt")).write_text("not a site")
    with monkeypatch.context() as patch:
        patch.setattr(site_recipe, "makers_digest", lambda: "newer code")
        assert [one.state for one in cached_sites(cache)] == ["stopped", "stale"]
        with locked(part), locked(entry.path):
            assert [one.state for one in cached_sites(cache)] == ["building", "stale"]
            with pytest.raises(SiteBusy):
                remove_site(part)
        assert [one.state for one in prune_sites(cache)] == ["stopped", "stale"]
    assert cached_sites(cache) == []
    assert cached_sites(cache / "none") == []


def test_a_site_whose_elevation_file_is_gone_still_opens(whole: Path, tmp_path: Path) -> None:
    path = put_dem(tmp_path / "own.tif", np.full((100, 100), 10.0, dtype=np.float32))
    site = build_site(recipe_of_dem(path, size_m=1_000.0, azimuths=8), cache=tmp_path)
    path.unlink()
    [entry] = cached_sites(tmp_path)
    assert (entry.state, entry.site is not None) == ("stale", True)
    assert "own.tif: no such file" in entry.why
    with pytest.raises(SiteError, match="no such file"):
        build_site(site.recipe, cache=tmp_path)
