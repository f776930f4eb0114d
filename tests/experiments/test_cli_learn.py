"""``moonfleet train`` and ``moonfleet evaluate``: what is written and printed, and that mistakes are answered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from moonfleet.experiments import train_checkpoint
from moonfleet.experiments.trained import TrainedPolicy
from tests import walk_game
from tests.experiments.test_cli import call
from tests.experiments.test_evaluate import network


@pytest.fixture(autouse=True)
def walk() -> str:
    return walk_game.ENV


def test_policies_are_put_to_the_same_episodes(walk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scores.json"
    network().save(tmp_path / "learned")
    code, out, err = call(
        capsys, "evaluate", walk, "--policy", "random", "--policy", str(tmp_path / "learned"),
        "--level", "easy", "--episodes", "12", "--seeds", "3", "--json", str(file), "--sample",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "tests.walk_game:WalkVector, level easy, 3 x 4 episodes" in out
    assert "nearer" in out
    assert "learned: 12 of 12 episodes" in out
    told = json.loads(file.read_text())["policies"]
    assert list(told) == ["random", str(tmp_path / "learned")]
    assert np.shape(told["random"]["scores"]) == (3, 4)
    assert told["random"]["low95"] <= told["random"]["mean"] <= told["random"]["high95"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("evaluate", "PolarTravers"), "Did you mean 'PolarTraverse'"),
        (("evaluate", walk_game.ENV, "--policy", "greedy"), "is neither a file nor one of random"),
        (("evaluate", walk_game.ENV, "--level", "sleepy"), "level: got 'sleepy'"),
        (("evaluate", walk_game.ENV, "--policy", __file__), "not a file of moonfleet"),
        (("evaluate", "tests.walk_game:Walk"), "Walk is no batched face"),
        (("evaluate", "mine.walk:Walk"), "is its folder in PYTHONPATH?"),
        (("evaluate", walk_game.ENV, "--json", "/nowhere/x.json"), "must be a file in a folder that is there"),
    ],
)
def test_mistakes_are_answered(arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert words in err


@pytest.mark.rl
def test_train_writes_a_policy_and_goes_on(walk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sb3_contrib", reason="needs the [rl] extra")
    folder = tmp_path / "learned"
    common = ("train", walk, "--worlds", "8", "--out", str(folder))
    code, out, _ = call(capsys, *common, "--steps", "2048")
    assert code == 0
    assert "2,048 steps" in out
    assert f"moonfleet evaluate tests.walk_game:WalkVector --level easy --policy {folder}" in out
    assert (folder / train_checkpoint.CHECKPOINT).is_file()
    assert call(capsys, *common, "--steps", "4096", "--quiet") == (0, f"{folder}\n", "")
    assert TrainedPolicy.load(folder).notes["steps"] == 4096
    code, _, err = call(capsys, *common, "--steps", "1", "--seed", "2")
    assert code == 2
    assert "seed = 0 and not 2" in err
