"""The RLlib face: seeds of workers, RLlib's own check of a team, and its runners sampling."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

import moonfleet.envs
from moonfleet.envs import parallel_env
from moonfleet.envs.errors import EnvOptionError

pytest.importorskip("ray.rllib", reason="needs the [rl] extra")
pytestmark = [pytest.mark.rl, pytest.mark.slow]

PUCK, CREW = "moonfleet/TestPuck-v0", "moonfleet/TestCrew-v0"


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Register the two toys as if they were shipped."""
    from . import toy_game

    for env_id, solo, vector in (
        (PUCK, toy_game.Puck, toy_game.PuckVector),
        (CREW, toy_game.Crew, toy_game.CrewVector),
    ):
        gymnasium.register(id=env_id, entry_point=solo, vector_entry_point=vector, max_episode_steps=None)
        monkeypatch.setitem(moonfleet.envs.ENVIRONMENTS, env_id, moonfleet.envs.Faces("toy"))
    teams = (*moonfleet.envs.TEAMS, CREW)
    monkeypatch.setattr(moonfleet.envs, "TEAMS", teams)
    from moonfleet.envs.adapters import rllib

    monkeypatch.setattr(rllib, "TEAMS", teams)
    yield
    for env_id in (PUCK, CREW):
        del gymnasium.registry[env_id]


def context(worker: int, workers: int) -> Any:
    from ray.rllib.env.env_context import EnvContext

    return EnvContext({}, worker_index=worker, num_workers=workers)


def first_seeds(workers: int, worlds: int, seed: int) -> dict[tuple[int, int], int]:
    """Return the root seed that each world of each worker starts with, given the seeds that RLlib gives."""
    from moonfleet.envs.adapters.rllib import create

    out: dict[tuple[int, int], int] = {}
    for worker in range(1, workers + 1):
        place = context(worker, workers)
        for world in range(worlds):
            env = create(PUCK, place)
            out[worker, world] = env.reset(seed=seed + worker + world)[1]["seed"]
    return out


def test_worlds_of_workers_play_different_episodes_that_do_not_depend_on_how_many_there_are() -> None:
    from moonfleet.envs.adapters.rllib import root_seed

    few, many = first_seeds(2, 3, 7), first_seeds(4, 3, 7)
    assert len(set(many.values())) == 12
    assert all(many[place] == seed for place, seed in few.items())
    assert few[2, 1] == root_seed(7, 2, 1)
    assert not set(few.values()) & set(first_seeds(2, 3, 8).values())
    with pytest.raises(EnvOptionError, match="seed"):
        root_seed(-1, 0, 0)


def test_the_native_batch_of_a_worker() -> None:
    from moonfleet.envs.adapters.rllib import create

    one, two = (create(PUCK, context(worker, 2) | {"num_envs": 4}) for worker in (1, 2))
    seeds = [env.reset(seed=7 + worker)[1]["seed"].tolist() for worker, env in enumerate((one, two), 1)]
    assert len({*seeds[0], *seeds[1]}) == 8
    assert one.reset(seed=8)[1]["seed"].tolist() == seeds[0]
    assert one.reset()[1]["episode"].tolist() == [1] * 4
    assert one.reset(seed=[1, 2, 3, 4])[1]["seed"].tolist() == [1, 2, 3, 4]


def test_rllib_checks_a_team() -> None:
    from ray.rllib.utils.pre_checks.env import check_multiagent_environments

    from moonfleet.envs.adapters.rllib import RLlibTeam

    for seed in range(5):
        env = RLlibTeam(parallel_env(CREW, max_steps=6), vector_index=seed)
        check_multiagent_environments(env)
        seen, _ = env.reset(seed=seed)
        for _ in range(6):
            before = set(seen)
            seen, rewards, terminated, truncated, _ = env.step({name: 0 for name in seen if name in env.team.agents})
            assert before >= {name for name in terminated if terminated[name]} - {"__all__"}
            assert set(rewards) == set(seen)
            if terminated["__all__"] or truncated["__all__"]:
                break
        assert truncated["__all__"] != terminated["__all__"]
    env.close()


@pytest.mark.parametrize("masks", [False, True])
def test_what_rllib_is_shown(masks: bool) -> None:
    from moonfleet.envs.adapters.rllib import RLlibTeam, create

    options = {"mask_in_observation": masks}
    single, batch = create(CREW, options), create(CREW, options | {"num_envs": 2})
    for env in (single, batch):
        seen, _ = env.reset(seed=1)
        assert env.observation_space.contains(seen)
        assert env.observation_space.contains(env.step(env.action_space.sample())[0])
        assert isinstance(seen, dict) is masks
    team = RLlibTeam(parallel_env(CREW), mask_in_observation=masks)
    seen, _ = team.reset(seed=1)
    assert all(team.observation_spaces[name].contains(value) for name, value in seen.items())


def test_registration_names_all() -> None:
    from moonfleet.envs.adapters.rllib import register_rllib

    names = register_rllib()
    assert set(moonfleet.envs.ENVIRONMENTS) < set(names)
    assert f"{CREW}:team" in names
    register_rllib()


@pytest.mark.parametrize("mode", ["sync", "vector_entry_point"])
def test_rllib_samples_single_environments(mode: str) -> None:
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

    from moonfleet.envs.adapters.rllib import register_rllib

    register_rllib()
    config = PPOConfig().environment(PUCK, env_config={"max_steps": 5}).debugging(seed=7)
    config.env_runners(num_envs_per_env_runner=3, gym_env_vectorize_mode=mode)
    runner = SingleAgentEnvRunner(config=config, worker_index=1)
    episodes = runner.sample(num_timesteps=40, random_actions=True)
    assert sum(len(episode) for episode in episodes) >= 40
    assert max(len(episode) for episode in episodes) <= 5
    starts = {np.asarray(episode.get_observations(0)).tobytes() for episode in episodes if episode.is_done}
    assert len(starts) > 3
    runner.stop()


def test_rllib_samples_a_team() -> None:
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner

    from moonfleet.envs.adapters.rllib import register_rllib

    register_rllib()
    config = PPOConfig().environment(f"{CREW}:team", env_config={"max_steps": 6}).debugging(seed=7)
    config.env_runners(num_envs_per_env_runner=2)
    config.multi_agent(policies={"all"}, policy_mapping_fn=lambda agent, *args, **kwargs: "all")
    runner = MultiAgentEnvRunner(config=config, worker_index=1)
    episodes = runner.sample(num_episodes=6, random_actions=True)
    assert sum(episode.is_done for episode in episodes) >= 6
    assert max(episode.env_t for episode in episodes) <= 6
    runner.stop()
