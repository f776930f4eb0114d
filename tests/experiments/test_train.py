"""Training: learns what can be learned, goes on to the same policy after a kill, and refuses what does not fit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moonfleet.autonomy.observation import Observation
from moonfleet.experiments.errors import TrainingError
from moonfleet.experiments.evaluate import play
from moonfleet.experiments.policies import FromSb3, ask
from moonfleet.experiments.problems import Problem, find_problem
from moonfleet.experiments.train import Plan, train
from moonfleet.experiments.train_checkpoint import CHECKPOINT
from moonfleet.experiments.trained import TrainedPolicy
from tests import walk_game

pytestmark = pytest.mark.rl
pytest.importorskip("sb3_contrib", reason="needs the [rl] extra")

SMALL = Plan(walk_game.ENV, "easy", seed=1, worlds=8, rollout=256)


class Toy(Problem):
    """The walk with other options."""

    __slots__ = ()

    def batch(self, worlds: int, **options: Any) -> Any:
        return super().batch(worlds, **(OPTIONS | options))


OPTIONS: dict[str, Any] = {}


@pytest.fixture
def walk() -> Problem:
    found = find_problem(walk_game.ENV)
    OPTIONS.clear()
    return Toy(found.env_id, found.entry, found.baselines)


def test_it_learns_to_walk_home(walk: Problem, tmp_path: Path) -> None:
    done = train(walk, SMALL, tmp_path / "run", steps=2500)
    game = walk.game(8, level="easy")
    learned, random = (play(game, policy, [5], 30) for policy in (done.policy, walk.policy("random", game)))
    assert learned.scores.mean() > random.scores.mean() + 0.5
    assert learned.terminated.all()
    assert done.progress.steps == 2560
    assert done.progress.recent is not None
    assert TrainedPolicy.load(tmp_path / "run").weights.tobytes() == done.policy.weights.tobytes()


@pytest.mark.parametrize("options", [{}, {"agents": 2}, {"box": True}], ids=["one", "team", "box"])
def test_killed_and_gone_on_is_run_through(
    walk: Problem, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OPTIONS.update(options)
    through = train(walk, SMALL, tmp_path / "through", steps=768)
    again = train(walk, SMALL, tmp_path / "killed", steps=200)
    assert again.progress.steps == 256
    monkeypatch.setattr("moonfleet.experiments.train.SAVE_EVERY_S", 0.0)

    def die(progress: Any, _: float) -> None:
        if progress.steps == 512:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(walk, SMALL, tmp_path / "killed", steps=768, heard=die)
    end = train(walk, SMALL, tmp_path / "killed", steps=768)
    assert end.policy.weights.tobytes() == through.policy.weights.tobytes()
    assert end.progress.updates == through.progress.updates
    assert train(walk, SMALL, tmp_path / "killed", steps=768).progress == end.progress  # nothing left to do


def test_saved_policy_answers_as_the_model(walk: Problem) -> None:
    from moonfleet.experiments.train import make_learner

    for options in ({}, {"box": True}):
        OPTIONS.clear()
        OPTIONS.update(options)
        learner = make_learner(walk, SMALL, 1)
        learner.update()
        rng = np.random.default_rng(0)
        seen = Observation(rng.random((100, 10)).astype(np.float32), np.tile([True, False, True], (100, 1)))
        theirs = ask(FromSb3(learner.model), seen, masked=not options)
        assert np.allclose(ask(learner.policy(), seen), theirs, atol=1e-5)


def test_what_does_not_fit_is_refused(walk: Problem, tmp_path: Path) -> None:
    train(walk, SMALL, tmp_path, steps=256)
    other = dataclasses.replace(SMALL, seed=2, level="default")
    with pytest.raises(TrainingError, match="level = 'easy' and not 'default', seed = 1 and not 2"):
        train(walk, other, tmp_path, steps=256)
    (tmp_path / CHECKPOINT).write_bytes((tmp_path / CHECKPOINT).read_bytes()[:-1])
    with pytest.raises(TrainingError, match="cut short"):
        train(walk, SMALL, tmp_path, steps=256)
    with pytest.raises(TrainingError, match="never end"):
        train(walk, SMALL, tmp_path / "new")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(TrainingError, match=r"holds thesis\.tex and no training"):
        train(walk, SMALL, tmp_path / "full", steps=1)
