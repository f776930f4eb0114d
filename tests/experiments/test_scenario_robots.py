"""Robots of a user's own: a file in a folder or a block in the scenario, and a run that needs neither afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from moonfleet.agents.catalogue import load_catalogue, robot_spec
from moonfleet.experiments.errors import ScenarioError
from moonfleet.experiments.mission_build import build_mission
from moonfleet.experiments.run import Interrupted, resume_run, run_scenario
from moonfleet.experiments.run_folder import read_summary
from moonfleet.experiments.scenario import dump_scenario, load_scenario, load_text, shipped_scenarios
from moonfleet.experiments.scenario_robots import kinds_of, member_spec
from tests.experiments.test_run import Counter

MINE = robot_spec("yutu-rover").model_dump(mode="json", exclude_unset=True) | {
    "kind": "mine",
    "title": "A rover of my own",
    "mass_kg": 77.0,
    "tools": ["survey", "sniff"],
}
FIRST_LIGHT = shipped_scenarios()["first-light"].read_text(encoding="utf-8")
WITH_MINE = (
    FIRST_LIGHT.replace("robot: yutu-rover", "robot: mine")
    .replace("duration_days: 2", "duration_days: 0.25")
    .replace("perception: rendered", "perception: statistical")
    .replace("checkpoint_every_steps: 6", "checkpoint_every_steps: 2")
)


def scenario_file(folder: Path, catalogue: str = "./my_robots", text: str = WITH_MINE) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"catalogue: {catalogue}\n{text}", encoding="utf-8")
    return path


def robot_file(folder: Path, **changes: object) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(MINE | changes), encoding="utf-8")
    return path


def test_a_folder_is_found_beside_the_scenario_wherever_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot_file(tmp_path / "my_robots")
    path = scenario_file(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    scenario = load_scenario(path)
    assert scenario.catalogue is None, "what it needs was taken in"
    assert set(scenario.robots) == {"mine"}
    assert member_spec(scenario, 1).mass_kg == 77.0
    assert load_scenario(scenario_file(tmp_path, str(tmp_path / "my_robots"))) == scenario
    shutil.rmtree(tmp_path / "my_robots")
    assert load_text(dump_scenario(scenario)) == scenario


def test_only_the_kinds_that_the_fleet_uses_are_taken_in(tmp_path: Path) -> None:
    robot_file(tmp_path / "my_robots")
    (tmp_path / "my_robots" / "other.yaml").write_text(yaml.safe_dump(MINE | {"kind": "other"}))
    assert set(load_scenario(scenario_file(tmp_path)).robots) == {"mine"}


def test_a_machine_in_the_scenario_itself_needs_no_folder() -> None:
    block = yaml.safe_dump({"robots": {"mine": {key: value for key, value in MINE.items() if key != "kind"}}})
    scenario = load_text(block + WITH_MINE)
    assert kinds_of(scenario)["mine"].kind == "mine"
    assert member_spec(scenario, 1).tools == ("survey", "sniff")
    over = WITH_MINE.replace("robot: mine,", "robot: mine, overrides: {mass_kg: 80},")
    assert member_spec(load_text(block + over), 1).mass_kg == 80.0


def test_a_job_may_ask_for_a_tool_that_only_a_machine_of_ones_own_has(tmp_path: Path) -> None:
    robot_file(tmp_path / "my_robots")
    text = WITH_MINE.replace("kind: survey, at: survey,", "kind: survey, tool: sniff, at: survey,")
    mission = build_mission(load_scenario(scenario_file(tmp_path, text=text))).mission
    assert {job.tool for job in mission.jobs} == {"sniff", "drill"}
    with pytest.raises(ScenarioError, match="no robot of the fleet carries the tool"):
        load_text(text.replace("robot: mine", "robot: yutu-rover"))


def test_a_machine_of_ones_own_flies_a_mission_and_resumes_without_its_file(tmp_path: Path) -> None:
    robot_file(tmp_path / "my_robots")
    path = scenario_file(tmp_path)
    whole = run_scenario(path, backend="local", out=tmp_path / "whole")
    robots = whole.summary["robots"]
    assert isinstance(robots, dict)
    assert robots["surveyor"]["odometer_m"] > 0
    assert robots["surveyor"]["lost"] is None
    with pytest.raises(Interrupted):
        run_scenario(path, backend="local", out=tmp_path / "run", watcher=Counter(stop_at=3))
    shutil.rmtree(tmp_path / "my_robots")
    path.unlink()
    resumed = resume_run(tmp_path / "run", backend="local")
    assert resumed.summary["events_sha256"] == read_summary(whole.run_dir)["events_sha256"]
    kept = load_scenario(tmp_path / "run" / "scenario.yaml")
    assert kept.robots["mine"]["mass_kg"] == 77.0
    assert kept.catalogue is None


def test_faults_name_the_place(tmp_path: Path) -> None:
    path = scenario_file(tmp_path)
    with pytest.raises(ScenarioError, match=r"catalogue = \./my_robots: no such folder .* \(mine.yaml, line 1\)"):
        load_scenario(path)
    robot_file(tmp_path / "my_robots", battery_wh=-1)
    with pytest.raises(ScenarioError, match=r"my_robots/mine\.yaml: battery_wh = -1: must be > 0"):
        load_scenario(path)
    with pytest.raises(ScenarioError, match="no such folder"):
        load_scenario(scenario_file(tmp_path, "x" * 5000))
    block = "robots:\n  mine: {role: rover, batery_wh: 5}\n"
    with pytest.raises(ScenarioError) as told:
        load_text(block + WITH_MINE, "own.yaml")
    assert "robots.mine.batery_wh: unknown key. Did you mean 'battery_wh'? (own.yaml, line 2)" in str(told.value)
    assert "robots.mine.mass_kg: is missing (own.yaml, line 2)" in str(told.value)
    with pytest.raises(
        ScenarioError, match=r"robots.viper-rover: is in the shipped catalogue; give yours another name"
    ):
        load_text("robots: {viper-rover: {mass_kg: 5}}\n" + FIRST_LIGHT)


def test_a_kind_is_defined_once(tmp_path: Path) -> None:
    robot_file(tmp_path / "my_robots")
    text = yaml.safe_dump({"robots": {"mine": MINE}}) + WITH_MINE
    with pytest.raises(ScenarioError, match=r"robots\.mine: is in \./my_robots too; keep one"):
        load_scenario(scenario_file(tmp_path, text=text))
    robot_file(tmp_path / "my_robots", kind="scout").rename(tmp_path / "my_robots" / "scout.yaml")
    with pytest.raises(ScenarioError, match="is in the shipped catalogue"):
        load_scenario(scenario_file(tmp_path))
    with pytest.raises(ScenarioError, match=r"robots\.mine\.kind = yours: must be 'mine'"):
        load_text(yaml.safe_dump({"robots": {"mine": MINE | {"kind": "yours"}}}) + WITH_MINE)


def test_the_base_has_every_kind_of_machine() -> None:
    assert {member.robot for member in load_scenario("ilrs-base").fleet} == set(load_catalogue())


@pytest.mark.slow
def test_every_kind_of_machine_works_at_the_base_and_lives(tmp_path: Path) -> None:
    summary = run_scenario("ilrs-base", backend="local", out=tmp_path / "run").summary
    assert summary["losses"] == 0
    assert summary["jobs_done"] == summary["jobs_total"]
    robots = summary["robots"]
    assert isinstance(robots, dict)
    idle = {member.name for member in load_scenario("ilrs-base").fleet if member.robot in ("queqiao2", "gateway")}
    assert {name for name, robot in robots.items() if robot["jobs_done"] == 0} <= idle | {"station"}
    assert all(robot["odometer_m"] > 0 for name, robot in robots.items() if robot["keepouts"] > 0)
