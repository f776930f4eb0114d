"""A cached kernel is compiled anew when a file that it was made from changes, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from moonfleet.terrain import kernel as module
from moonfleet.terrain import kernel_stamp as stamps


@module.kernel
def twice(x: float) -> float:
    return 2.0 * x


def test_a_kernel_is_stamped_with_what_it_was_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    def stamp() -> object:
        return module.kernel(twice.py_func)._cache._cache_file._version  # type: ignore[attr-defined]

    before = stamp()
    assert stamp() == before
    monkeypatch.setattr(module, "kernel_stamp", lambda file: "another content")
    assert stamp() != before
    assert twice(3.0) == 6.0


def test_what_older_code_has_cached_is_not_even_read() -> None:
    """Its entries may name classes that are there no more."""
    assert twice(3.0) == 6.0
    file = twice._cache._cache_file  # type: ignore[attr-defined]
    path, kept = Path(file._index_path), Path(file._index_path).read_bytes()
    try:
        # two pickles as numba writes them: a version, and entries of a class that is not there
        path.write_bytes(b"Vof older code\n." + b"cmoonfleet.terrain.kernel\nGone\n.")
        assert module.kernel(twice.py_func)(3.0) == 6.0
    finally:
        path.write_bytes(kept)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of four files: `near` imports `far` (and itself through `far`), nobody imports `other`."""
    for name, text in {
        "a/__init__.py": "",
        "a/near.py": "from .far import (\n    x,\n    y,\n)\n",
        "a/far.py": "from . import near\nfrom moonfleet.b import deep as d\nx = y = 1\n",
        "b/__init__.py": "",
        "b/deep.py": "z = 1\n",
        "b/other.py": "from ..a.near import x\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(stamps, "package_root", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(("changed", "counts"), [("a/near", 1), ("a/far", 1), ("b/deep", 1), ("b/other", 0)])
def test_the_stamp_follows_imports(package: Path, changed: str, counts: int) -> None:
    def stamp() -> str:
        stamps.read_module.cache_clear()
        stamps.file_of.cache_clear()
        return stamps.kernel_stamp(package / "a" / "near.py")

    before = stamp()
    (package / f"{changed}.py").write_text("z = 2\nfrom .far import x\n" if changed == "a/near" else "z = 2\n")
    after = stamp()
    stamps.read_module.cache_clear()
    stamps.file_of.cache_clear()
    assert (before != after) == bool(counts)


def test_a_file_outside_the_package_stands_for_itself(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text("a = 1")
    before = stamps.kernel_stamp(own)
    own.write_text("a = 2")
    assert stamps.kernel_stamp(own) != before
