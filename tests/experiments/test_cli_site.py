"""``moonfleet site``: what the options mean, what is printed, and that nothing a user types ends in a traceback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from moonfleet.experiments.cli_site import site_app
from moonfleet.experiments.errors import OptionError
from moonfleet.experiments.site_options import SiteOptions, find_site, length_m, recipe_of_options
from moonfleet.terrain import site_recipe
from moonfleet.terrain.catalogue import NAMED_PLACES
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.ground_style import GroundStyle
from moonfleet.terrain.site import build_site, open_site
from tests.experiments.test_cli import call
from tests.own_dem import put_dem

COMMANDS = ("build", "show", "fetch", "list", "verify", "remove")
SMALL = ("--size", "1km", "--azimuths", "8")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("MOONFLEET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "site", command, "--help")
    assert code == 0
    assert f"Example: moonfleet site {command}" in out
    known = {one.name or getattr(one.callback, "__name__", "") for one in site_app.registered_commands}
    assert known == set(COMMANDS)


def test_options_become_a_recipe(tmp_path: Path) -> None:
    ridge = recipe_of_options(SiteOptions(name="Connecting Ridge", size="4km", masts_m=(10.0, 0.0)))
    assert (ridge.name, ridge.size_m, ridge.azimuths, ridge.masts_m) == (
        "connecting-ridge",
        4_000.0,
        360,
        (0.0, 2.0, 10.0),
    )
    assert (ridge.lon_deg, ridge.lat_deg) == NAMED_PLACES["connecting-ridge"][:2]
    here = recipe_of_options(SiteOptions(lon_deg=12.5, lat_deg=-87.25))
    assert (here.name, here.lon_deg, here.size_m) == ("12.5E 87.25S", 12.5, 12_000.0)
    made = recipe_of_options(SiteOptions(synthetic=True, seed=7, style={"roughness": 1.5}))
    assert (made.name, made.synthetic, made.seed, made.style) == ("synthetic", True, 7, GroundStyle(roughness=1.5))
    path = put_dem(tmp_path / "own.tif", np.full((100, 100), 10.0, dtype=np.float32))
    own = recipe_of_options(SiteOptions(dem=path, regions=(path,), size="1.5km"))
    assert (own.name, own.dem, own.regions, own.size_m) == ("own", path, (path,), 1_500.0)
    assert recipe_of_options(SiteOptions(dem=path)).size_m == pytest.approx(2_000.0, abs=60.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (SiteOptions(), "which site"),
        (SiteOptions(lon_deg=1.0), "belong together"),
        (SiteOptions(synthetic=True, dem=Path("a.tif")), "--synthetic makes ground out of the seed"),
        (SiteOptions(name="a", synthetic=True, regions=(Path("a.tif"),)), "--synthetic"),
        (SiteOptions(name="shackleton", size="4 miles"), "--size = 4 miles: is not a length"),
    ],
)
def test_options_that_do_not_go_together(given: SiteOptions, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        recipe_of_options(given)


def test_lengths() -> None:
    assert [length_m(text) for text in ("12km", "0.5 KM", "800m", "1500", ".5km")] == [12_000, 500, 800, 1_500, 500]
    for text in ("", "km", "-3km", "nan", "1e", "12 km wide"):
        with pytest.raises(OptionError):
            length_m(text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build", "shakleton"), "Did you mean 'shackleton'"),
        (("build",), "which site"),
        (("build", "shackleton", "--size", "wide"), "is not a length"),
        (("build", "shackleton", "--cell-m", "0"), "site.cell_m"),
        (("build", "shackleton", "--mast", "-1"), "site.masts_m"),
        (("build", "--synthetic", "--roughness", "99"), "roughness"),
        (("build", "--dem", "none.tif"), "none.tif: no such file"),
        (("build", "shackleton", *SMALL, "--region", "none.tif"), "none.tif: no such file"),
        (("build", "--lon", "0", "--lat", "10"), "site.lat_deg"),
        (("show", "./none"), "no such folder"),
        (("show", "nowhere"), "is not a place known here"),
        (("verify", "nothing"), "no such site is built"),
        (("remove",), "which site"),
        (("remove", "nothing"), "no such site is built"),
    ],
)
def test_bad_input_is_one_message(
    arguments: tuple[str, ...], words: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, "site", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert words in err
    assert "Traceback" not in err


def test_build_list_verify_remove(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = call(capsys, "site", "build", "connecting-ridge", *SMALL, "--mast", "10", "--quiet")
    site = open_site(Path(out.strip()))
    assert (code, err) == (0, "")
    assert site.path.is_relative_to(cache)
    assert (site.name, site.ref.rows, sorted(site.horizons)) == ("connecting-ridge", 50, [2.0, 10.0])
    _, out, err = call(capsys, "site", "build", "connecting-ridge", *SMALL, "--mast", "10")
    assert "8 azimuths; eyes at 2, 10 m" in out  # found, not built again
    assert "horizons" not in err
    assert find_site("connecting-ridge").path == site.path  # type: ignore[union-attr]
    _, out, _ = call(capsys, "site", "list")
    assert set(NAMED_PLACES) <= set(out.split())
    assert "8 at 2, 10 m" in out
    assert "ready" in out
    assert call(capsys, "site", "verify", "connecting-ridge")[:2] == (0, f"{site.path}: as it was built\n")

    with monkeypatch.context() as patch:
        patch.setattr(site_recipe, "makers_digest", lambda: "newer code")
        _, out, _ = call(capsys, "site", "list")
        assert f"{site.path.name}: stale: built by another version of the code" in out
        assert find_site("connecting-ridge") is None
    data = bytearray((site.path / "slope.npy").read_bytes())
    data[-1] ^= 1
    (site.path / "slope.npy").write_bytes(bytes(data))
    code, _, err = call(capsys, "site", "verify", str(site.path))
    assert code == 2
    assert "slope.npy: SHA-256" in err
    (site.path / "slope.npy").unlink()
    assert "damaged: slope.npy: cannot be read" in call(capsys, "site", "list")[1]
    assert call(capsys, "site", "remove", "--stale")[:2] == (0, f"removed {site.path}\n")
    assert not site.path.exists()


def test_two_sites_of_one_name(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shape = {"name": "synthetic", "synthetic": True, "size": "1km", "azimuths": 8}
    one = build_site(recipe_of_options(SiteOptions(**shape)))  # type: ignore[arg-type]
    two = build_site(recipe_of_options(SiteOptions(**shape, seed=2)))  # type: ignore[arg-type]
    os.utime(one.path / "site.json", (2e9, 2e9))
    assert find_site("synthetic").path == one.path  # type: ignore[union-attr]
    assert find_site(str(two.path)).path == two.path  # type: ignore[union-attr]
    code, _, err = call(capsys, "site", "remove", "synthetic")
    assert code == 2
    assert "2 sites of this name" in err
    assert call(capsys, "site", "remove", two.path.name)[0] == 0
    assert (one.path.exists(), two.path.exists()) == (True, False)
    with pytest.raises(SiteError, match="no such folder"):
        find_site(str(two.path))


def test_show_writes_a_page(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "site", "build", "connecting-ridge", *SMALL, "--quiet")
    page = tmp_path / "ridge.html"
    code, out, _ = call(capsys, "site", "show", "connecting-ridge", "--out", str(page), "--no-open")
    assert (code, out) == (0, f"{page}\n")
    assert "<html" in page.read_text(encoding="utf-8")


def test_fetch_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    from moonfleet.terrain.fetch import products

    code, out, _ = call(capsys, "site", "fetch")
    assert code == 0
    assert all(name in out for name in products())
    code, _, err = call(capsys, "site", "fetch", "site99999")
    assert code == 2
    assert "site99999" in err


def test_ctrl_c_keeps_the_part_and_says_so(cache: Path) -> None:
    command = [sys.executable, "-m", "moonfleet.experiments.cli", "site", "build", "--synthetic", "--size", "8km"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    until = time.monotonic() + 120.0
    while not list((cache / "sites").glob("*.part/journal.json")) and time.monotonic() < until:
        time.sleep(0.05)
    err = ""
    for _ in range(100):  # again where it fell on a moment that cannot raise, as people do
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            _, err = process.communicate(timeout=0.7)
            break
    assert process.returncode == 130
    [part] = (cache / "sites").glob("*.part")
    assert f"What is done lies in {part}; the same command goes on from there" in err.replace("\n", " ")
    assert "Traceback" not in err
    shutil.rmtree(cache)
