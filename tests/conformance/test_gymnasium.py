"""Gymnasium's own checker, over every registered environment."""

from __future__ import annotations

import warnings

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

import moonfleet.envs
from moonfleet.envs.testing import short_options

QUICK = {env_id: short_options(env_id) for env_id in moonfleet.envs.ENVIRONMENTS}


@pytest.mark.parametrize("env_id", sorted(moonfleet.envs.ENTRY_POINTS))
def test_gymnasium_check_env(env_id: str) -> None:
    env = gymnasium.make(env_id, disable_env_checker=True, **QUICK[env_id])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*render.*")  # a checker's note on modes that it does not try
        check_env(env.unwrapped, skip_render_check=True)
    env.close()
    env.close()


def test_gymnasium_check_env_continuous() -> None:
    env = gymnasium.make("moonfleet/PolarTraverse-v0", disable_env_checker=True, continuous=True, targets=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.parametrize("env_id", sorted(moonfleet.envs.ENTRY_POINTS))
def test_make_wraps_and_runs_with_random_actions(env_id: str) -> None:
    env = gymnasium.make(env_id, **QUICK[env_id])
    env.action_space.seed(1)
    env.reset(seed=1)
    for _ in range(5):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert env.observation_space.contains(observation)
        terms = info["reward_terms"]
        assert reward == pytest.approx(sum(terms.values()))
        if terminated or truncated:
            break
    env.close()


def test_a_sync_vector_of_environments_runs() -> None:
    env = gymnasium.make_vec(
        "moonfleet/PolarTraverse-v0", num_envs=2, vectorization_mode="sync", vector_kwargs=None, targets=1, max_steps=3
    )
    observation, _ = env.reset(seed=1)
    assert observation.shape == (2, 141)
    for _ in range(5):
        observation, *_ = env.step(env.action_space.sample())
    assert observation.shape == (2, 141)
    env.close()
