"""What the house rules read: the repository, the syntax trees of its rooms, one wheel built from a copy of it."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("terrain", "autonomy", "agents", "envs", "experiments")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the repository around the package."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.repo)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def rooms() -> tuple[str, ...]:
    """The five rooms, lowest first."""
    return ROOMS


@pytest.fixture(scope="session")
def trees() -> dict[str, ast.Module]:
    """The syntax tree of every module of the five rooms and of moonfleet/__init__.py, by its path in the repository."""
    paths = [ROOT / "moonfleet" / "__init__.py"]
    for room in ROOMS:
        paths += sorted((ROOT / room).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    pytest.importorskip("build", reason="needs the [dev] extra")
    source = tmp_path_factory.mktemp("source") / "moonfleet"
    no_caches = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "build", "dist", "runs")
    shutil.copytree(ROOT, source, symlinks=True, ignore=no_caches)
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(out), str(source)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out
