"""Building a site: stopped at any point it goes on where it was and ends with the same bytes; one builds, others wait."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from moonfleet.terrain import site_part
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.site import SiteRecipe, build_site
from moonfleet.terrain.site_build import site_folder

TINY = SiteRecipe("tiny", 123.4, -88.8, size_m=1_000.0, azimuths=12, masts_m=(2.0, 10.0))
STOPS = [("ground", 0.0), ("horizon", 0.25), ("horizon", 0.75), ("light", 0.0), ("earth", 0.0), ("checksums", 0.0)]
# one process, and from it one child for each place where a build is killed
KILLER = """
import json, os, signal, sys
from pathlib import Path
from moonfleet.terrain import site_part
from moonfleet.terrain.site import SiteRecipe, build_site

site_part.NOTE_EVERY_S = 0.0
recipe = SiteRecipe.from_json(json.loads(sys.argv[1]))
for stage, share in json.loads(sys.argv[3]):
    if os.fork() == 0:
        def progress(now, done):
            if now == stage and done >= share:
                os.kill(os.getpid(), signal.SIGKILL)
        build_site(recipe, Path(sys.argv[2]) / f"{stage}-{share}", progress)
        os._exit(0)
    sys.exit("was not killed") if os.wait()[1] != signal.SIGKILL else None
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of caches: in ``whole`` an undisturbed build, in each other one a build that was killed somewhere."""
    root = tmp_path_factory.mktemp("caches")
    build_site(TINY, cache=root / "whole")
    subprocess.run(
        [sys.executable, "-c", KILLER, json.dumps(TINY.to_json()), str(root), json.dumps(STOPS)],
        check=True,
        timeout=300,
    )
    return root


@pytest.mark.parametrize(("stage", "share"), STOPS)
def test_killed_anywhere_it_goes_on_and_ends_with_the_same_bytes(caches: Path, stage: str, share: float) -> None:
    cache = caches / f"{stage}-{share}"
    assert [p.suffix for p in (cache / "sites").iterdir() if p.is_dir()] == [".part"]
    heard: list[tuple[str, float]] = []
    site = build_site(TINY, cache, lambda now, done: heard.append((now, done)))
    assert contents(site.path) == contents(caches / "whole" / "sites" / site.path.name)
    assert sorted(p.name for p in (cache / "sites").iterdir()) == [site.path.name, f"{site.path.name}.lock"]
    done_again = [done for now, done in heard if now == "horizon"]
    assert min(done_again, default=1.0) >= (share if stage == "horizon" else 1.0 if stage != "ground" else 0.0)
    assert ("light", 0.0) not in heard or stage in ("ground", "horizon", "light")


class Stop(Exception):
    """Stands for Ctrl-C."""


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The part of a build that was stopped in the middle of its horizons."""
    monkeypatch.setattr(site_part, "NOTE_EVERY_S", 0.0)

    def stop(stage: str, share: float) -> None:
        if stage == "horizon" and share >= 0.25:
            raise Stop

    with pytest.raises(Stop):
        build_site(TINY, tmp_path, stop)
    folder = site_folder(TINY, tmp_path)
    return folder.with_name(f"{folder.name}.part")


def flip(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(bytes(data))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit of a finished layer": lambda part: flip(part / "slope.npy", -1),
    "a flipped bit of a finished azimuth": lambda part: flip(part / "horizon.npy", 200),
    "a short array": lambda part: os.truncate(part / "mean_lit.npy", 5_000),
    "no journal": lambda part: (part / "journal.json").unlink(),
    "half a journal": lambda part: os.truncate(part / "journal.json", 40),
    "a journal of another site": lambda part: (part / "journal.json").write_text('{"layout": 3, "key": "x"}'),
    "a journal out of its mind": lambda part: (part / "journal.json").write_text("[1]"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_part_is_thrown_away(stopped: Path, caches: Path, damage: str) -> None:
    DAMAGE[damage](stopped)
    heard: list[tuple[str, float]] = []
    site = build_site(TINY, stopped.parents[1], lambda now, done: heard.append((now, done)))
    assert ("horizon", 0.0) in heard
    assert contents(site.path) == contents(caches / "whole" / "sites" / site.path.name)


def test_what_is_not_in_the_journal_does_not_count(stopped: Path, caches: Path) -> None:
    cube = np.load(stopped / "horizon.npy", mmap_mode="r+")
    cube[-3:] = 77  # of azimuths that were never reached
    cube.flush()
    site = build_site(TINY, stopped.parents[1])
    assert contents(site.path) == contents(caches / "whole" / "sites" / site.path.name)


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


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(SiteError, match="MOONFLEET_CACHE"):
        build_site(TINY, cache=tmp_path / "file")


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(SiteError, match=r"needs [\d,]+ bytes \(No space left"):
        build_site(TINY, cache=tmp_path)
    assert not [path for path in (tmp_path / "sites").iterdir() if path.is_dir()]


def test_room_is_looked_for_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    with pytest.raises(SiteError, match=rf"{tmp_path}/sites: the site tiny-\w+ needs [\d,]+ bytes \(1,000 bytes free"):
        build_site(TINY, cache=tmp_path)
    assert [path.suffix for path in (tmp_path / "sites").iterdir()] == [".lock"]
