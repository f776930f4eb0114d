"""Stable-Baselines3's checker, and one short learning run of PPO and MaskablePPO."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest

import moonfleet.envs
from moonfleet.envs.testing import short_options

pytestmark = pytest.mark.rl

QUICK = {env_id: short_options(env_id) for env_id in moonfleet.envs.ENVIRONMENTS}


@pytest.mark.parametrize("env_id", sorted(moonfleet.envs.ENTRY_POINTS))
def test_sb3_check_env(env_id: str) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker", reason="needs the [rl] extra")
    env = gymnasium.make(env_id, **QUICK[env_id])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # advice for image-like boxes: our rows are robots, and SB3 flattens them
        warnings.filterwarnings("ignore", message=".*flatten.*|.*unconventional shape.*")
        checker.check_env(env.unwrapped)
    env.close()


def test_ppo_takes_a_few_steps() -> None:
    sb3 = pytest.importorskip("stable_baselines3", reason="needs the [rl] extra")
    env = gymnasium.make("moonfleet/PolarTraverse-v0", **QUICK["moonfleet/PolarTraverse-v0"])
    model = sb3.PPO("MlpPolicy", env, n_steps=32, batch_size=32, n_epochs=1, device="cpu", seed=1)
    model.learn(64)
    env.close()


def test_maskable_ppo_never_chooses_a_masked_action() -> None:
    contrib = pytest.importorskip("sb3_contrib", reason="needs the [rl] extra")
    env = gymnasium.make("moonfleet/StationOps-v0", **QUICK["moonfleet/StationOps-v0"])
    model = contrib.MaskablePPO("MultiInputPolicy", env, n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=1)
    model.learn(16)
    observation, _ = env.reset(seed=2)
    for _ in range(5):
        masks = env.unwrapped.action_masks()  # pyright: ignore[reportAttributeAccessIssue]
        action, _ = model.predict(observation, action_masks=masks)
        observation, *_, info = env.step(np.asarray(action))
        assert info["masked_actions"] == 0
    env.close()
