"""Fixtures shared by every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from moonfleet.terrain.site import Site

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes (``-n 2``) a file stays in one of them, and all that needs the Ray cluster in one."""
    for item in items:
        group = "ray" if item.get_closest_marker("ray") else str(item.path)
        if item.path.parent.name in ("envs", "conformance") or item.path.name == "test_missions.py":
            group = "envs"  # their kernels take minutes to compile when there is no cache yet: once is enough
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real reference data that stands beside a developer's checkout; skips where it is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"reference data not found at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def site_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of this session's own (MOONFLEET_CACHE), so that no test reads or writes the user's."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("MOONFLEET_CACHE")
    os.environ["MOONFLEET_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["MOONFLEET_CACHE"]
    else:
        os.environ["MOONFLEET_CACHE"] = before


@pytest.fixture(scope="session")
def small_site(site_cache: Path) -> Site:
    """A real site near 88.8 S 123.4 E: 128 x 128 cells of 20 m, 36 azimuths, seed 1; built once per session."""
    from moonfleet.terrain.site import SiteRecipe, build_site

    return build_site(SiteRecipe("small", 123.4, -88.8, size_m=2_560.0, azimuths=36), cache=site_cache)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """The one Ray cluster of a test session."""
    from moonfleet.agents.cluster import cluster

    with cluster():
        yield
