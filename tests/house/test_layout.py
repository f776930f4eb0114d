"""The rooms stand where the package says, and the wheel holds them all."""

from __future__ import annotations

import configparser
import os
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

import moonfleet


def files_of(root: Path, rooms: tuple[str, ...]) -> set[str]:
    """Every file of the package, as the wheel names it."""
    found = {"moonfleet/__init__.py", "moonfleet/py.typed"}
    for room in rooms:
        for path in (root / room).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".pyc", ".nbi", ".nbc"}:
                found.add(f"moonfleet/{path.relative_to(root).as_posix()}")
    return found


def test_moonfleet_is_five_links(root: Path, rooms: tuple[str, ...]) -> None:
    package = root / "moonfleet"
    assert sorted(p.name for p in package.iterdir() if p.name != "__pycache__") == sorted(
        [*rooms, "__init__.py", "py.typed"]
    )
    for room in rooms:
        assert os.readlink(package / room) == f"../{room}"
        assert (package / room / "__init__.py").samefile(root / room / "__init__.py")


def test_every_folder_of_a_room_is_a_package(root: Path, rooms: tuple[str, ...]) -> None:
    """Without an ``__init__.py`` neither a module nor a data file in the folder would reach the wheel."""
    bare = [
        str(folder.relative_to(root))
        for room in rooms
        for folder in [root / room, *(root / room).rglob("*")]
        if folder.is_dir() and folder.name != "__pycache__" and not (folder / "__init__.py").is_file()
    ]
    assert bare == []


def test_one_version(root: Path) -> None:
    metadata = configparser.ConfigParser()
    metadata.read(root / "setup.cfg", encoding="utf-8")
    assert metadata["metadata"]["version"] == "attr: moonfleet.__version__"
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {moonfleet.__version__}\n" in citation
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, flags=re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == moonfleet.__version__


@pytest.mark.slow
def test_wheel_holds_what_the_rooms_hold(built: Path, root: Path, rooms: tuple[str, ...]) -> None:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licence = [name for name in archive.namelist() if name.endswith("LICENSE")]
        links = [info.filename for info in archive.infolist() if (info.external_attr >> 16) & 0o170000 == 0o120000]
    expected = files_of(root, rooms)
    assert sorted(expected - names) == []
    assert sorted(names - expected) == []
    assert len(licence) == 1
    assert links == []


@pytest.mark.slow
def test_sdist_holds_real_files(built: Path, root: Path, rooms: tuple[str, ...]) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = {name.partition("/")[2]: member for name, member in zip(archive.getnames(), archive, strict=True)}
    assert sorted(files_of(root, rooms) - members.keys()) == []
    assert [name for name, member in members.items() if member.issym() or member.islnk()] == []
