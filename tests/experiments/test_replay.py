"""Replay: the state at a moment is that of the run, the same events are made on the way, and the run is left as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moonfleet.agents.events import read_events
from moonfleet.agents.world_file import restore_world
from moonfleet.experiments.cli import main
from moonfleet.experiments.errors import ReplayError, RunFolderError
from moonfleet.experiments.replay import replay_run
from moonfleet.experiments.run import Interrupted, resume_run, run_scenario
from tests.experiments.test_run import STEPS, Counter, short


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_scenario(short(), backend="local", out=tmp_path_factory.mktemp("runs") / "whole").run_dir


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(("step", "began"), [(0, 0), (2, 0), (3, 3), (5, 3), (STEPS, STEPS)])
def test_the_state_at_a_step_is_the_status_that_was_logged(whole: Path, step: int, began: int) -> None:
    before = files(whole)
    found = replay_run(whole, at_step=step)
    assert (found.step, found.from_step, found.difference, found.beyond) == (step, began, None, 0)
    assert found.compared > 0 or step == began
    rows = [row for row in read_events(whole).to_pylist() if row["kind"] == "status" and row["t_s"] == found.t_s]
    logged = {row["robot"]: row for row in rows}
    for robot in found.robots:
        row = logged[robot.robot]
        for name in (
            "x_m",
            "y_m",
            "battery_wh",
            "battery_frac",
            "temp_k",
            "lit",
            "activity",
            "data_mbit",
            "odometer_m",
        ):
            assert getattr(robot, name) == row[name], name
    assert files(whole) == before, "nothing is written into the run"


def test_moments_are_utc_and_the_step_before_counts(whole: Path) -> None:
    for words, step in (
        ("2029-07-06", 0),
        ("2029-07-06T05:00", 5),
        ("2029-07-06 05:59:59Z", 5),
        ("2029-07-06T07:30+02:00", 5),
    ):
        assert replay_run(whole, to=words).step == step


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (
            {"to": "2029-07-05T23:59"},
            "outside the mission; the mission lasts from 2029-07-06T00:00 to 2029-07-06T08:00",
        ),
        ({"to": "noon"}, "must be a UTC date or time"),
        ({"at_step": STEPS + 1}, f"--at-step = {STEPS + 1}: must be 0 to {STEPS}"),
        ({}, "one of --to and --at-step"),
        ({"to": "2029-07-06", "at_step": 0}, "one of --to and --at-step"),
    ],
)
def test_moments_that_are_none_are_refused(whole: Path, moment: dict[str, object], words: str) -> None:
    with pytest.raises(ReplayError, match=words):
        replay_run(whole, **moment)  # type: ignore[arg-type]


def test_an_event_that_is_not_made_again_is_named(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    part = sorted((run / "events.parquet").glob("part-*"))[0]
    table = pq.ParquetFile(part).read()
    rows = table.to_pylist()
    victim = next(row for row in rows if row["kind"] == "status" and row["t_s"] > 0)
    victim["battery_wh"] += 1e-9
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), part)
    found = replay_run(run, at_step=2)
    assert found.difference is not None
    assert found.difference.seq == victim["seq"]
    assert "battery_wh: logged" in found.difference.words()
    with pytest.raises(SystemExit) as stop:
        main(["replay", str(run), "--at-step", "2"])
    assert stop.value.code == 1


def test_all_checkpoints_can_be_kept_and_a_stopped_run_looked_into_beyond_its_end(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run_scenario(short(), backend="local", out=tmp_path / "run", watcher=Counter(stop_at=7), keep_checkpoints=None)
    assert replay_run(tmp_path / "run", at_step=3).from_step == 3
    ahead = replay_run(tmp_path / "run", at_step=STEPS)
    assert (ahead.from_step, ahead.difference) == (7, None)
    assert ahead.beyond > 0
    resume_run(tmp_path / "run", backend="local", keep_checkpoints=1)
    assert [path.name for path in (tmp_path / "run" / "checkpoints").glob("*.json")] == [f"step-{STEPS:08d}.json"]


def test_a_damaged_checkpoint_is_passed_over_and_told_of(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    arrays = run / "checkpoints" / "step-00000006.npz"
    arrays.write_bytes(arrays.read_bytes()[:-1])
    found = replay_run(run, at_step=7)
    assert found.from_step == 3
    assert "SHA-256" in found.notes[0]
    with pytest.raises(RunFolderError, match="not a run folder"):
        replay_run(tmp_path, at_step=0)


def test_the_command_prints_json_and_saves_the_world(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["replay", str(whole), "--at-step", "5", "--json", "--save", str(tmp_path / "five.world")])
    assert not stop.value.code
    told = json.loads(capsys.readouterr().out)
    assert (told["step"], [robot["robot"] for robot in told["robots"]]) == (5, ["station", "surveyor", "driller"])
    world = replay_run(whole, at_step=0).loop.world
    restore_world(world, tmp_path / "five.world")
    assert world.state.battery_wh[0, 2] == told["robots"][2]["battery_wh"]
