"""PolarTraverse as a game of many worlds: batched is single, plain is compiled, levels, grounds of the pool, policies."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
import pytest

from moonfleet.agents.state import Activity
from moonfleet.envs.grounds import pool_recipe, resolve_grounds
from moonfleet.envs.polar_traverse import policies, spaces
from moonfleet.envs.polar_traverse.env import PolarTraverse, PolarTraverseVec
from moonfleet.envs.polar_traverse.game import PolarTraverseGame
from moonfleet.envs.polar_traverse.levels import LEVELS
from moonfleet.envs.testing import ALL_GAME_CHECKS, game_subject
from tests.envs.plain_traverse import PlainView, plain_route_m, plain_terms

SHORT: dict[str, Any] = {
    "targets": 3,
    "target_range_m": (60.0, 250.0),
    "max_steps": 45,
    "battery_frac": 0.1,
    "faults": True,
}


def make(worlds: int = 4, threads: int = 1, **options: Any) -> PolarTraverseGame:
    return PolarTraverseGame(worlds, threads, **(SHORT | options))


@functools.lru_cache(maxsize=1)
def subject() -> Any:
    return game_subject(make, worlds=4, steps=60, seed=1)


@pytest.mark.parametrize("check", ALL_GAME_CHECKS, ids=lambda check: check.__name__)
def test_the_game_and_its_faces_keep_their_promises(check: Any) -> None:
    told = check(subject())
    if told is not None:
        pytest.skip(told)


@pytest.mark.parametrize("continuous", [False, True])
def test_many_worlds_are_single_ones_to_the_bit(continuous: bool) -> None:
    options = SHORT | {"grounds": 3, "continuous": continuous}
    many = PolarTraverseVec(6, threads=2, **options)
    ones = [PolarTraverse(**options) for _ in range(6)]
    together, _ = many.reset(seed=11)
    for w, one in enumerate(ones):
        seen, _ = one.reset(seed=11 + w)
        assert seen.tobytes() == together[w].tobytes()
    rng = np.random.default_rng(1)
    over = np.zeros(6, np.bool_)
    for _ in range(100):
        actions = rng.uniform(-1.0, 1.0, (6, 3)).astype(np.float32) if continuous else rng.integers(0, 17, 6)
        together, rewards, ended, cut, _ = many.step(actions)
        for w, one in enumerate(ones):
            if over[w]:
                seen, _ = one.reset()
                reward, terminated, truncated = 0.0, False, False
            else:
                seen, reward, terminated, truncated, _ = one.step(actions[w])
            assert seen.tobytes() == together[w].tobytes()
            assert (reward, terminated, truncated) == (rewards[w], ended[w], cut[w])
        over = ended | cut
    assert (many.game._world.state.odometer_m > 0.0).all()


def test_what_is_seen_and_earned_is_what_plain_words_say() -> None:
    env = PolarTraverse(**(SHORT | {"max_steps": 600, "battery_frac": 0.02, "grounds": 2}))
    game = env.game
    rng = np.random.default_rng(5)
    for seed in range(3):
        env.reset(seed=seed)
        pilot = policies.Planner(game)
        for k in range(90):
            view = PlainView(game, 0)
            current, brownouts = int(game._progress.tally[0, 1]), int(view.state["brownouts"])
            chain = game._progress.chain[0].copy()
            before = float(game._progress.route_m[0])
            assert before == pytest.approx(plain_route_m(view, int(chain[current])), rel=1e-6)
            seen = np.zeros((1, spaces.SIZE), np.float32)
            game.observe(seen)
            np.testing.assert_allclose(seen[0], view.observe(), atol=2e-5, err_msg=f"seed {seed}, step {k}")
            action = int(pilot.act(seen[0])) if rng.random() < 0.7 else int(rng.integers(17))
            _, _, terminated, _, info = env.step(action)
            after = PlainView(game, 0)
            reached = int(info["targets_reached"]) - current  # type: ignore[call-overload]
            lost = int(after.state["activity"]) == Activity.LOST
            target = game._chart.places_xy[int(game._world.ground_of[0]), chain[current]]
            near = math.dist(target, (after.state["x"], after.state["y"])) <= game.reach_m
            assert (reached > 0) == (near and not lost)
            want = plain_terms(
                game.weights, before - plain_route_m(after, int(chain[current])), reached,
                after.state["battery_wh"] / game.machine.battery_wh, game.machine.reserve_frac,
                int(after.state["brownouts"]) - brownouts, lost,
            )  # fmt: skip
            assert list(info["reward_terms"].values()) == pytest.approx(want, abs=1e-6)  # type: ignore[attr-defined]
            if terminated:
                break


def test_an_episode_starts_in_the_light_and_its_targets_are_as_far_apart_as_asked() -> None:
    env = PolarTraverseVec(64, **(SHORT | {"grounds": 2, "target_range_m": (300.0, 1200.0)}))
    game = env.game
    env.reset(seed=3)
    world, progress = game._world, game._progress
    assert (world.state.lit[:, 0] > 0.2).mean() > 0.95
    assert set(world.ground_of.tolist()) == {0, 1}
    assert len(set(game.t0.tolist())) > 60
    fields, places = game._places.fields, game._places.places
    for w in range(64):
        g, chain = int(world.ground_of[w]), progress.chain[w].tolist()
        ways = [float(fields[g, a][tuple(places[g, b])]) for a, b in itertools.pairwise(chain)]
        assert min(ways) > 0.0
        assert all(250.0 < way < 1250.0 for way in ways)
        assert len({*chain[:2]}) == 2
    assert ((progress.route_m > 250.0) & (progress.route_m < 1250.0)).mean() > 0.9, "light comes first, then the way"


def test_levels_are_sets_of_options_that_can_be_changed() -> None:
    for level, own in LEVELS.items():
        game = PolarTraverseGame(1, level=level, max_steps=7)
        assert (game.targets, game.faults, game.max_steps) == (own.targets, own.faults, 7)
        assert game.battery_frac == own.battery_frac


def test_the_pool_holds_different_grounds_at_one_place() -> None:
    told: list[tuple[int, int]] = []
    grounds = resolve_grounds(None, 2, lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]
    assert len(grounds) == 2
    assert (grounds.slope_deg[0] != grounds.slope_deg[1]).mean() > 0.9
    assert pool_recipe(0).ref == pool_recipe(1).ref == grounds.ref
    assert resolve_grounds(None, 2) is grounds


def test_a_state_goes_on_in_any_world_of_a_batch() -> None:
    options = SHORT | {"grounds": 3}
    one, many = PolarTraverse(**options), PolarTraverseVec(5, **options)
    many.reset(seed=1)
    one.reset(seed=40)
    for action in (9, 10, 11, 0, 16):
        one.step(action)
        many.step(np.full(5, action))
    seen = many.set_state(3, one.get_state())
    for action in (12, 9, 0, 3):
        single, reward, *_ = one.step(action)
        seen, rewards, *_ = many.step(np.full(5, action))
        assert seen[3].tobytes() == single.tobytes()
        assert rewards[3] == reward


def scores(name: str, level: str, worlds: int = 24) -> float:
    game = PolarTraverseGame(worlds, level=level)
    from moonfleet.envs.game import Episode

    game.begin(np.arange(worlds), [Episode(w, 0) for w in range(worlds)])
    factory: Any = policies.BASELINES[name]
    known = {"random": {"seed": 1}, "greedy": {}, "planner": {"game": game}}
    pilot = factory(**known[name])
    active, total = np.ones(worlds, np.bool_), np.zeros(worlds)
    seen = np.zeros((worlds, spaces.SIZE), np.float32)
    while active.any():
        game.observe(seen)
        done = game.step(pilot.act_batch(seen), active)
        total += done.terms.sum(axis=1)
        active &= ~(done.terminated | done.truncated)
    return float(total.mean())


@pytest.mark.parametrize("level", ["easy", "default"])
def test_the_planner_is_the_best_of_the_policies_and_random_earns_nothing(level: str) -> None:
    planned, straight, random = (scores(name, level) for name in ("planner", "greedy", "random"))
    assert planned > 30.0
    assert straight < (0.9 if level == "easy" else 0.4) * planned
    assert random < 0.1 * planned


def test_policies_answer_one_row_as_they_answer_many() -> None:
    game = make(4)
    from moonfleet.envs.game import Episode

    game.begin(np.arange(4), [Episode(w, 0) for w in range(4)])
    seen = np.zeros((4, spaces.SIZE), np.float32)
    game.observe(seen)
    for pilot in (policies.AnyMove(3), policies.Greedy()):
        assert [pilot.act(row) for row in seen] == pilot.act_batch(seen).tolist()
    answers = policies.Planner(game).act_batch(seen)
    assert answers.shape == (4,)
    assert ((answers >= 0) & (answers < spaces.N_ACTIONS)).all()
