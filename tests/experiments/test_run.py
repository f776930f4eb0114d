"""Running and resuming: the same events either way, folders that are never overwritten, and a stop that keeps its word."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from moonfleet.agents.errors import CheckpointError
from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.errors import PolicyError
from moonfleet.experiments.errors import OptionError, RunFinishedError, RunFolderError, ScenarioError
from moonfleet.experiments.run import Interrupted, Silent, resume_run, run_scenario
from moonfleet.experiments.run_folder import locked, make_run_folder, read_summary
from moonfleet.experiments.scenario import load_scenario
from moonfleet.experiments.scenario_model import Scenario
from moonfleet.experiments.trained import TrainedPolicy

STEPS = 8


def short() -> Scenario:
    changes = {"duration_days": STEPS / 24, "checkpoint_every_steps": 3, "perception": "statistical"}
    return load_scenario("first-light").model_copy(update=changes)


class Counter(Silent):
    """Counts steps, and presses Ctrl-C at one of them."""

    def __init__(self, stop_at: int = -1) -> None:
        self.steps, self.stop_at = 0, stop_at

    def step(self, info: object) -> None:
        self.steps += 1
        if self.steps == self.stop_at:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_scenario(short(), backend="local", out=tmp_path_factory.mktemp("runs") / "whole").run_dir


def test_a_run_folder_has_all_its_parts(whole: Path) -> None:
    assert {"scenario.yaml", "events.parquet", "checkpoints", "summary.json", "report.html"} <= {
        p.name for p in whole.iterdir()
    }
    summary = read_summary(whole)
    assert summary["ended"] is not None
    assert summary["jobs_total"] == 4
    assert len(str(summary["events_sha256"])) == 64
    assert load_scenario(whole / "scenario.yaml").resolved is not None
    assert not list(whole.rglob("*.tmp"))


def test_stopped_and_resumed_is_the_same_run(whole: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted) as stop:
        run_scenario(short(), backend="local", out=tmp_path / "run", watcher=Counter(stop_at=5))
    assert stop.value.run_dir == tmp_path / "run"
    assert signal.getsignal(signal.SIGINT) is before
    assert not (tmp_path / "run" / "summary.json").exists()
    watcher = Counter()
    result = resume_run(tmp_path / "run", backend="local", watcher=watcher)
    assert watcher.steps == STEPS - 5, "the stop wrote a checkpoint of its own"
    assert result.summary["events_sha256"] == read_summary(whole)["events_sha256"]


def test_another_seed_is_another_run(whole: Path, tmp_path: Path) -> None:
    other = run_scenario(short(), backend="local", seed=2, out=tmp_path / "run")
    assert other.summary["events_sha256"] != read_summary(whole)["events_sha256"]
    assert other.summary["seed"] == 2


def test_another_policy_is_another_run_and_stays_with_it(whole: Path, tmp_path: Path) -> None:
    random = run_scenario(short(), backend="local", policy="random", out=tmp_path / "through")
    assert random.summary["events_sha256"] != read_summary(whole)["events_sha256"]
    with pytest.raises(Interrupted):
        run_scenario(short(), backend="local", policy="random", out=tmp_path / "run", watcher=Counter(stop_at=4))
    again = resume_run(tmp_path / "run", backend="local")
    assert again.summary["events_sha256"] == random.summary["events_sha256"]
    with pytest.raises(PolicyError, match="policy = 'wise': must be one of keeper, greedy, random"):
        run_scenario(short(), backend="local", policy="wise", out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_trained_policy_flies_a_mission(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    sizes = (layout.SIZE, 8, layout.N_ACTIONS)
    weights = rng.normal(size=sum((a + 1) * b for a, b in pairwise(sizes))).astype(np.float32)
    none = np.empty(0, np.float32)
    TrainedPolicy("moonfleet/StationOps-v0", sizes, weights, none, none, {}).save(tmp_path / "learned")
    monkeypatch.chdir(tmp_path)
    through = run_scenario(short(), backend="local", policy="learned", out=tmp_path / "through")
    assert through.summary["events_sha256"] != read_summary(whole)["events_sha256"]
    with pytest.raises(Interrupted):
        run_scenario(short(), backend="local", policy="learned", out=tmp_path / "run", watcher=Counter(stop_at=4))
    monkeypatch.chdir(tmp_path.parent)
    assert resume_run(tmp_path / "run", backend="local").summary["events_sha256"] == through.summary["events_sha256"]
    TrainedPolicy("moonfleet/Other-v0", (3, layout.N_ACTIONS), np.ones(52, np.float32), none, none, {}).save(
        tmp_path / "b"
    )
    with pytest.raises(PolicyError, match="was trained for moonfleet/Other-v0: takes 3 numbers"):
        run_scenario(short(), backend="local", policy=str(tmp_path / "b"), out=tmp_path / "none")


def test_finished_runs_are_not_resumed(whole: Path) -> None:
    with pytest.raises(RunFinishedError, match="finished"):
        resume_run(whole, backend="local")


def test_a_scenario_edited_after_the_start_is_noticed(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run_scenario(short(), backend="local", out=tmp_path / "run", watcher=Counter(stop_at=4))
    path = tmp_path / "run" / "scenario.yaml"
    path.write_text(path.read_text().replace("\nseed: 1\n", "\nseed: 3\n"))
    with pytest.raises(RunFolderError, match="seed = 1"):
        resume_run(tmp_path / "run", backend="local")


@pytest.mark.parametrize(
    ("old", "new"),
    [("effort_h: 5", "effort_h: 6"), ("physics_tick_s: 60", "physics_tick_s: 30"), ("relay: queqiao2", "relay: null")],
)
def test_an_edit_that_would_change_the_events_is_noticed(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(Interrupted):
        run_scenario(short(), backend="local", out=tmp_path / "run", watcher=Counter(stop_at=4))
    path = tmp_path / "run" / "scenario.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(CheckpointError, match="its scenario has been changed"):
        resume_run(tmp_path / "run", backend="local")
    path.write_text(text.replace("robots_per_actor: auto", "robots_per_actor: 2"))
    resume_run(tmp_path / "run", backend="local")


def test_ctrl_c_outside_the_flight_names_the_folder_too(tmp_path: Path) -> None:
    class Impatient(Silent):
        def __init__(self, at: str) -> None:
            self.at = at

        def stage(self, name: str, fraction: float) -> None:
            if name == self.at:
                raise KeyboardInterrupt

    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt) as early:
        run_scenario(short(), backend="local", out=folder, watcher=Impatient("reading the ground"))
    assert not isinstance(early.value, Interrupted)
    assert not folder.exists()
    for stage in ("starting", "writing the report"):
        with pytest.raises(Interrupted) as late:
            run_scenario(short(), backend="local", out=tmp_path / stage[:5], watcher=Impatient(stage))
        assert late.value.run_dir == tmp_path / stage[:5]
        with pytest.raises(Interrupted):
            resume_run(late.value.run_dir, backend="local", watcher=Impatient("reading the ground"))
        assert resume_run(late.value.run_dir, backend="local").summary["ended"] is not None


def test_a_seed_too_large_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="seed = 9223372036854775808"):
        run_scenario(short(), backend="local", seed=2**63, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(bytes(tmp_path / "run-") + b"\xff"))
    assert run_scenario(short(), backend="local", out=folder).report.is_file()


def test_a_folder_serves_one_process_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(RunFolderError, match="another process"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_default_folders_count_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [str(make_run_folder(short(), None)) for _ in range(2)]
    assert names == ["runs/first-light-1-1", "runs/first-light-1-2"]


def test_nothing_is_left_of_a_run_that_never_began(tmp_path: Path) -> None:
    big = short().model_copy(update={"area_m": 50_000.0})
    with pytest.raises(Exception, match="smaller than the fleet's area"):
        run_scenario(big, backend="local", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(OptionError):
        run_scenario(short(), backend="local", address="127.0.0.1:1", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_summary_that_is_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not finished"):
        read_summary(tmp_path)
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(RunFolderError, match="JSON"):
        read_summary(tmp_path)
    (tmp_path / "summary.json").write_text(json.dumps([]))
    with pytest.raises(RunFolderError, match="object"):
        read_summary(tmp_path)


@pytest.mark.ray
def test_ray_gives_the_same_events(whole: Path, tmp_path: Path, ray_cluster: None) -> None:
    result = run_scenario(short(), backend="ray", out=tmp_path / "run")
    assert result.summary["events_sha256"] == read_summary(whole)["events_sha256"]
