"""A run is the same bytes however it is run: twice, stopped and resumed, killed and resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from moonfleet.agents import checkpoint
from moonfleet.agents.errors import CheckpointError, MissionError, RobotError
from moonfleet.agents.events import digest, read_events
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.simulation import Simulation, StepInfo
from moonfleet.autonomy.observation import RELAY
from moonfleet.autonomy.policy import Observation
from moonfleet.terrain.site import Site
from tests.missions import small_mission


class Killed(BaseException):
    """Stands in for whatever ends a process."""


@pytest.fixture(scope="module")
def mission(small_site: Site) -> MissionSpec:
    return small_mission(small_site)


@pytest.fixture(scope="module")
def whole(mission: MissionSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole")
    Simulation(mission, run, "local").run()
    return run


def stop_at(step: int) -> object:
    def on_step(info: StepInfo) -> None:
        if info.step == step:
            raise Killed

    return on_step


def test_the_same_seed_gives_the_same_bytes(mission: MissionSpec, whole: Path, tmp_path: Path) -> None:
    Simulation(mission, tmp_path, "local").run()
    assert digest(read_events(tmp_path)) == digest(read_events(whole))


def test_another_seed_gives_other_bytes(small_site: Site, whole: Path, tmp_path: Path) -> None:
    Simulation(small_mission(small_site, seed=2), tmp_path, "local").run()
    assert digest(read_events(tmp_path)) != digest(read_events(whole))


@pytest.mark.parametrize("step", [1, 6, 9, 23])
def test_a_run_that_was_stopped_and_resumed_is_the_same(
    mission: MissionSpec, whole: Path, tmp_path: Path, step: int
) -> None:
    with pytest.raises(Killed):
        Simulation(mission, tmp_path, "local").run(stop_at(step))  # type: ignore[arg-type]
    Simulation(mission, tmp_path, "local").run(resume=True)
    assert digest(read_events(tmp_path)) == digest(read_events(whole))


def test_a_run_resumes_past_a_damaged_checkpoint(mission: MissionSpec, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        Simulation(mission, tmp_path, "local").run(stop_at(14))  # type: ignore[arg-type]
    last = sorted((tmp_path / checkpoint.FOLDER).glob("*.npz"))[-1]
    last.write_bytes(last.read_bytes()[:100])
    again = Simulation(mission, tmp_path, "local")
    again.run(resume=True)
    assert "SHA-256" in again.notes[0]
    assert digest(read_events(tmp_path)) == digest(read_events(whole))


def test_a_run_with_only_damaged_checkpoints_is_refused(mission: MissionSpec, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        Simulation(mission, tmp_path, "local").run(stop_at(7))  # type: ignore[arg-type]
    for file in (tmp_path / checkpoint.FOLDER).glob("*.npz"):
        file.write_bytes(b"")
    with pytest.raises(CheckpointError, match="no whole checkpoint is left"):
        Simulation(mission, tmp_path, "local").run(resume=True)


def test_progress_counts_every_step(mission: MissionSpec, tmp_path: Path) -> None:
    seen: list[StepInfo] = []
    Simulation(mission, tmp_path, "local").run(seen.append)
    assert [info.step for info in seen] == list(range(1, mission.steps + 1))
    assert seen[-1].jobs_done == sum(kind == "job_done" for kind in read_events(tmp_path)["kind"].to_pylist())


def test_a_wrong_backend_or_a_useless_address_is_refused(mission: MissionSpec, tmp_path: Path) -> None:
    with pytest.raises(MissionError, match="backend = 'dask'"):
        Simulation(mission, tmp_path, "dask")  # type: ignore[arg-type]
    with pytest.raises(MissionError, match="only goes with --backend ray"):
        Simulation(mission, tmp_path, "local", address="127.0.0.1:6379")


class Stubborn:
    """Always wants the same."""

    def __init__(self, action: int) -> None:
        self.action = action

    def act(self, observation: Observation) -> int:
        return self.action


def test_policies_are_given_by_name_and_must_be_able_to_act(mission: MissionSpec, tmp_path: Path) -> None:
    with pytest.raises(MissionError, match=r"policies\['rovr-1'\]: no robot.*Did you mean 'rover-1'"):
        Simulation(mission, tmp_path, "local", policies={"rovr-1": Stubborn(0)})
    with pytest.raises(MissionError, match="has no method act"):
        Simulation(mission, tmp_path, "local", policies={"rover-1": "charge"})  # type: ignore[dict-item]


def test_a_masked_choice_is_told_of_and_an_impossible_one_is_refused(mission: MissionSpec, tmp_path: Path) -> None:
    Simulation(mission, tmp_path / "masked", "local", policies={"rover-1": Stubborn(RELAY)}).run()
    told = [row for row in read_events(tmp_path / "masked").to_pylist() if row["reason"] == "ActionMasked"]
    assert {row["robot"] for row in told} == {"rover-1"}
    assert "relay is not allowed now" in told[0]["message"]
    with pytest.raises(RobotError, match=r"rover-1: its policy chose action 99: must be 0..12"):
        Simulation(mission, tmp_path / "bad", "local", policies={"rover-1": Stubborn(99)}).run()


def test_a_checkpoint_of_another_mission_or_shape_is_refused(
    small_site: Site, mission: MissionSpec, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        Simulation(mission, tmp_path, "local").run(stop_at(6))  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="its scenario has been changed"):
        Simulation(small_mission(small_site, seed=2), tmp_path, "local").run(resume=True)
    saved, _ = checkpoint.newest(tmp_path)
    assert saved is not None
    state = {name: part for name, part in saved.state.items() if name != "clock"}
    checkpoint.save(tmp_path, checkpoint.Checkpoint(saved.step, saved.events, state, saved.mission))
    with pytest.raises(CheckpointError, match="does not fit this mission or this version"):
        Simulation(mission, tmp_path, "local").run(resume=True)
