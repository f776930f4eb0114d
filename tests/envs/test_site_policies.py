"""The policies to compare with in SiteConstruction."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.observation import Observation
from moonfleet.envs.errors import EnvStateError
from moonfleet.envs.game import Episode
from moonfleet.envs.site_construction import spaces as s
from moonfleet.envs.site_construction.game import SiteConstructionGame
from moonfleet.envs.site_construction.planner import fewest_moves
from moonfleet.envs.site_construction.policies import BASELINES, PlannerPolicy
from moonfleet.terrain.site import Site

DATES = ("2029-01-01T00:00:00", "2029-03-01T00:00:00")


def begun(site: Site, worlds: int, level: str) -> SiteConstructionGame:
    game = SiteConstructionGame(worlds, site=site, level=level, dates=DATES)
    game.begin(np.arange(worlds), [Episode(20 + w, 0) for w in range(worlds)])
    return game


def rows(game: SiteConstructionGame) -> Observation:
    count = game.worlds * len(game.agents)
    seen, masks = np.empty((count, s.SIZE), np.float32), np.empty((count, s.N_ACTIONS), np.bool_)
    shape = (game.worlds, len(game.agents))
    game.observe(seen.reshape(*shape, s.SIZE))
    game.masks(masks.reshape(*shape, s.N_ACTIONS))
    return Observation(seen, masks)


def play(game: SiteConstructionGame, name: str) -> float:
    """Return the mean score of one episode of every world."""
    policy = BASELINES[name](game) if name == "planner" else BASELINES[name](1)
    active, score = np.ones(game.worlds, np.bool_), 0.0
    while active.any():
        seen = rows(game)
        if isinstance(policy, PlannerPolicy):
            actions = policy.act_batch(seen)
        else:
            actions = np.array([policy.act(Observation(*row)) for row in zip(seen.vector, seen.mask, strict=True)])
        assert seen.mask[np.arange(len(actions)), actions].all()
        done = game.step(actions.reshape(game.worlds, -1), active)
        score += float(done.terms.sum())
        active = active & ~(done.terminated | done.truncated)
    return score / game.worlds


def test_on_the_easy_level_the_planner_finishes_and_the_others_do_not(small_site: Site) -> None:
    scores = {name: play(begun(small_site, 6, "easy"), name) for name in BASELINES}
    assert scores["planner"] > 9.0
    assert scores["random"] < scores["greedy"] < 0.85 * scores["planner"]
    assert scores["random"] < 0.2 * scores["planner"]


@pytest.mark.slow
@pytest.mark.parametrize("level", ["default", "hard"])
def test_on_harder_levels_only_the_planner_gets_far(small_site: Site, level: str) -> None:
    scores = {name: play(begun(small_site, 6, level), name) for name in BASELINES}
    assert scores["planner"] > 5.0
    assert max(scores["random"], scores["greedy"]) < 0.4 * scores["planner"]


def test_the_planner_answers_for_one_machine_as_for_all(small_site: Site) -> None:
    game = begun(small_site, 2, "default")
    policy = PlannerPolicy(game)
    seen = rows(game)
    together = policy.act_batch(seen)
    alone = [policy.act(Observation(*row)) for row in zip(seen.vector, seen.mask, strict=True)]
    assert together.tolist() == alone


def test_the_planner_is_asked_about_its_own_game_only(small_site: Site) -> None:
    policy = PlannerPolicy(begun(small_site, 1, "easy"))
    other = rows(begun(small_site, 2, "default"))
    with pytest.raises(EnvStateError, match="its game has 2"):
        policy.act_batch(other)
    with pytest.raises(EnvStateError, match="no machine"):
        policy.act(Observation(other.vector[0], other.mask[0]))


def test_fewest_moves_counts_steps_and_leaps() -> None:
    ways = fewest_moves()
    assert ways[0, 0] == 0
    assert ways[0, 1] == ways[1, 1] == ways[0, 3] == ways[3, 3] == 1
    assert ways[0, 2] == ways[1, 3] == ways[0, 4] == ways[0, 6] == 2
    assert (ways == ways.T).all()
