"""Evaluation: episodes follow from seed and number, whoever asks, and however many worlds stand side by side."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from moonfleet.agents.array_file import read_arrays, write_arrays
from moonfleet.autonomy.errors import PolicyError
from moonfleet.autonomy.observation import Observation
from moonfleet.envs.errors import EnvActionError
from moonfleet.experiments.bootstrap import interval_of
from moonfleet.experiments.errors import OptionError
from moonfleet.experiments.evaluate import play
from moonfleet.experiments.policies import AnyAllowed, ask
from moonfleet.experiments.problems import Problem, find_problem
from moonfleet.experiments.trained import FILE, KIND, TrainedPolicy
from tests import walk_game


class Right:
    """Always to the right; asked one by one."""

    def act(self, observation: Observation) -> int:
        return 2


@pytest.fixture
def walk() -> Problem:
    return find_problem(walk_game.ENV)


def test_scores_are_those_of_the_episodes_played_one_by_one(walk: Problem) -> None:
    told = play(walk.game(5, level="easy"), Right(), [3, 4], 4)
    for s, seed in enumerate(told.seeds):
        for episode in range(4):
            alone = play(walk.game(1, level="easy"), Right(), [seed], 1, first=episode)
            assert alone.scores[0, 0] == told.scores[s, episode]
            assert alone.steps[0, 0] == told.steps[s, episode]
    assert told.terminated.all()
    assert np.allclose(told.scores, told.terms["nearer"] + told.terms["time"])
    assert np.allclose(told.terms["time"], -0.1 * told.steps)


@pytest.mark.parametrize("options", [{}, {"agents": 3}, {"box": True}], ids=["one", "team", "box"])
def test_number_of_worlds_changes_nothing(walk: Problem, options: dict[str, Any]) -> None:
    results = []
    for worlds in (1, 4, 30):
        game = walk.game(worlds, **options)
        results.append(play(game, walk.policy("random", game, seed=7), [0, 1], 5))
    for other in results[1:]:
        assert results[0].scores.tobytes() == other.scores.tobytes()
        assert results[0].steps.tobytes() == other.steps.tobytes()
        assert (results[0].terminated == other.terminated).all()


def test_progress_is_told_to_the_end(walk: Problem) -> None:
    heard: list[tuple[int, int]] = []
    play(walk.game(4), Right(), [0, 1], 5, told=lambda done, of: heard.append((done, of)))
    assert heard[-1] == (10, 10)
    assert sorted(heard) == heard


def test_random_is_allowed_and_of_its_seed_and_row() -> None:
    game = walk_game.Walk(1)
    policy = AnyAllowed(game.single_action_space, 1)
    rng = np.random.default_rng(0)
    seen = Observation(rng.random((200, 10)).astype(np.float32), np.tile([True, False, True], (200, 1)))
    answers = ask(policy, seen)
    assert set(answers.tolist()) == {0, 2}
    assert answers[50] == policy.act(Observation(seen.vector[50], seen.mask[50]))
    assert (ask(AnyAllowed(game.single_action_space, 2), seen) != answers).any()


def test_names_are_found_and_misspelt_ones_answered(walk: Problem) -> None:
    assert find_problem(walk.env_id).short == "WalkVector"
    with pytest.raises(OptionError, match=r"must be one of .*StationOps"):
        find_problem("StationOop")
    for own, words in (("nowhere.at_all:Env", "cannot be imported"), ("tests.walk_game:Wlk", "has no 'Wlk'")):
        with pytest.raises(OptionError, match=words):
            find_problem(own)
    assert find_problem("polar_traverse").env_id == "moonfleet/PolarTraverse-v0"
    game = walk.game(1)
    with pytest.raises(OptionError, match="Did you mean 'random'"):
        walk.policy("randm", game)
    with pytest.raises(OptionError, match="different seeds"):
        play(game, Right(), [1, 1], 2)


def test_answers_that_are_no_actions_are_refused(walk: Problem) -> None:
    class Says:
        def __init__(self, word: Any) -> None:
            self.word = word

        def act(self, observation: Observation) -> Any:
            return self.word

    game = walk.game(4)
    for word, told in (
        (99, "each must be from 0 to 2"),
        (-1, "with -1"),
        (1.7, "whole numbers"),
        (None, "whole numbers"),
        ("x", "x"),
    ):
        with pytest.raises(EnvActionError, match=f"Says: action: got .*{told}"):
            play(game, Says(word), [0], 4)
    batch: Any = SimpleNamespace(act_batch=lambda observations: np.zeros(3, np.int64))
    with pytest.raises(EnvActionError, match=r"shape \(4,\)"):
        play(game, batch, [0], 4)
    with pytest.raises(PolicyError, match="has no act"):
        play(game, SimpleNamespace(), [0], 4)  # type: ignore[arg-type]
    for seed in (-1, 1.5, "a", True):
        with pytest.raises(PolicyError, match=r"seed = .*: must be a whole number"):
            network().sampled(seed)  # type: ignore[arg-type]


def test_interval_draws_seeds_again_and_episodes_where_there_is_one() -> None:
    spread = interval_of(np.array([[0.0, 0.0], [10.0, 10.0], [20.0, 20.0]]))
    assert (spread.mean, spread.low, spread.high) == (10.0, 0.0, 20.0)
    assert interval_of(np.full((5, 3), 2.0)) == (2.0, 2.0, 2.0)
    one = interval_of(np.arange(100.0)[None])
    assert 40.0 < one.low < one.mean == 49.5 < one.high < 60.0


def network(actions: int = 3, box: bool = False) -> TrainedPolicy:
    """A network of random weights for the walk."""
    rng = np.random.default_rng(1)
    sizes = (walk_game.CELLS + 1, 7, 5, actions)
    needed = sum((a + 1) * b for a, b in pairwise(sizes))
    bound = np.ones(actions if box else 0, np.float32)
    return TrainedPolicy(walk_game.ENV, sizes, rng.normal(size=needed).astype(np.float32), -bound, bound, {"seed": 1})


def plain_forward(policy: TrainedPolicy, row: np.ndarray) -> np.ndarray:
    """The same network, slowly, in double precision."""
    at, x = 0, row.astype(np.float64)
    for layer, (a, b) in enumerate(pairwise(policy.sizes)):
        matrix, bias = policy.weights[at : at + a * b].reshape(a, b), policy.weights[at + a * b : at + (a + 1) * b]
        x, at = x @ matrix + bias, at + (a + 1) * b
        x = np.tanh(x) if layer < len(policy.sizes) - 2 else x
    return x


def test_network_answers_alone_as_in_a_batch_and_as_the_slow_one() -> None:
    policy, rng = network(), np.random.default_rng(2)
    seen = Observation(rng.normal(size=(300, 10)).astype(np.float32), rng.random((300, 3)) < 0.5)
    seen.mask[:, 1] |= ~seen.mask.any(axis=1)
    answers = np.asarray(ask(policy, seen), np.int64)
    assert answers.tolist() == [policy.act(Observation(v, m)) for v, m in zip(seen.vector, seen.mask, strict=True)]
    assert seen.mask[np.arange(300), answers].all()
    slow = np.array([plain_forward(policy, row) for row in seen.vector])
    assert (np.where(seen.mask, slow, -np.inf).argmax(axis=1) == answers).all()
    shown = {"observation": seen.vector, "action_mask": seen.mask.astype(np.int8)}
    assert np.array_equal(policy.act_batch(shown), answers)
    assert policy.act({name: rows[0] for name, rows in shown.items()}) == answers[0]
    assert policy.act(seen.vector[0]) == slow[0].argmax()
    boxed = network(2, box=True)
    expected = np.clip([plain_forward(boxed, row) for row in seen.vector], -1.0, 1.0)
    assert np.allclose(ask(boxed, seen), expected, atol=1e-5)


def test_sampled_actions_come_by_the_chances_that_were_learned() -> None:
    policy, rng = network(), np.random.default_rng(3)
    row = rng.normal(size=10).astype(np.float32)
    mask = np.array([True, False, True])
    chances = np.exp(np.where(mask, plain_forward(policy, row), -np.inf))
    chances /= chances.sum()
    taken = np.array([policy.sampled(seed).act(Observation(row, mask)) for seed in range(2000)])
    assert np.bincount(taken, minlength=3) / 2000 == pytest.approx(chances, abs=0.04)
    seen = Observation(rng.normal(size=(40, 10)).astype(np.float32), np.ones((40, 3), np.bool_))
    drawn = policy.sampled(7)
    assert drawn.act_batch(seen).tolist() == [drawn.act(Observation(v, m)) for v, m in zip(*seen, strict=True)]
    assert drawn.act_batch(seen).tolist() != policy.act_batch(seen).tolist()
    assert drawn.act_batch(Observation(seen.vector[:0], seen.mask[:0])).shape == (0,)
    with pytest.raises(PolicyError, match="cannot be sampled; leave --sample out"):
        network(2, box=True).sampled()


def test_policy_file_comes_back_and_fits_only_its_like(walk: Problem, tmp_path: Path) -> None:
    policy = network()
    file = policy.save(tmp_path / "new")
    for path in (file, file.parent):
        again = TrainedPolicy.load(path)
        assert (again.env_id, again.sizes, again.notes) == (policy.env_id, policy.sizes, {"seed": 1})
        assert again.weights.tobytes() == policy.weights.tobytes()
    game = walk.game(2)
    assert play(game, walk.policy(str(file), game), [0], 2).scores.shape == (1, 2)
    with pytest.raises(
        PolicyError,
        match=r"trained for tests.walk_game:WalkVector \(10 numbers to 3 choices\).* 10 numbers to 1 numbers",
    ):
        policy.fitted("toy/Other-v0", walk.game(1, box=True))
    with pytest.raises(PolicyError, match="takes 10 numbers"):
        policy.act(Observation(np.zeros(4, np.float32), np.ones(3, np.bool_)))


@pytest.mark.parametrize("harm", ["cut", "flip", "sizes", "nan", "missing", "foreign", "env", "notes", "bounds"])
def test_a_damaged_policy_is_refused(harm: str, tmp_path: Path) -> None:
    policy = network()
    if harm == "sizes":
        policy = TrainedPolicy(policy.env_id, (10, 9, 3), policy.weights, policy.low, policy.high, {})
    if harm == "nan":
        policy.weights[3] = np.nan
    if harm == "env":
        policy = dataclasses.replace(policy, env_id=5)  # pyright: ignore[reportArgumentType]
    if harm == "bounds":
        bound = np.ones(3, np.float32)
        policy = dataclasses.replace(policy, low=bound, high=-bound)
    file = policy.save(tmp_path)
    if harm == "notes":
        told = read_arrays(file, KIND)
        write_arrays(file, KIND, {**told.facts, "notes": 5}, told.arrays)
    raw = file.read_bytes()
    if harm == "cut":
        file.write_bytes(raw[:-7])
    if harm == "flip":
        file.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    if harm == "missing":
        file.unlink()
    if harm == "foreign":
        file.write_text("not a policy")
    with pytest.raises(PolicyError, match=FILE):
        TrainedPolicy.load(tmp_path)
