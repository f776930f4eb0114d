"""Every file of data that the package ships can be read by the package."""

from __future__ import annotations

from pathlib import Path

import pytest

import moonfleet

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / "experiments" / "scenarios").glob("*.yaml")), ids=lambda p: p.stem)
def test_scenario_loads(path: Path) -> None:
    """By its name, which is the name of its file, and every robot in it is of a known kind."""
    scenario = moonfleet.load_scenario(path.stem)
    assert scenario.name == path.stem
    kinds = moonfleet.load_catalogue()
    assert [robot.robot for robot in scenario.fleet if robot.robot not in kinds] == []


def test_every_robot_file_is_in_the_catalogue() -> None:
    files = {path.stem for path in (ROOT / "agents" / "robots").glob("*.yaml")}
    assert set(moonfleet.load_catalogue()) == files


def test_elevation_says_where_it_comes_from() -> None:
    """The shipped grid stands beside its provenance and the script that made it."""
    folder = ROOT / "terrain" / "data"
    assert list(folder.glob("*.tif"))
    assert "LOLA" in (folder / "PROVENANCE.md").read_text(encoding="utf-8")
    assert list(folder.glob("make_*.py"))
