"""RLlib: creators of environments with seeds for workers, and a `MultiAgentEnv` over a team. Needs the [rl] extra.

RLlib seeds world i of worker w with ``seed + w + i``: world 1 of worker 1 and world 0 of worker 2 play the same episodes. Here each
world's root seed is drawn from (seed, worker index, world index), so all of them differ, and worker n plays the same episodes
however many workers there are::

    from moonfleet.envs.adapters.rllib import register_rllib

    register_rllib()
    config = PPOConfig().environment("moonfleet/PolarTraverse-v0", env_config={"targets": 2}).debugging(seed=7)
    config.env_runners(gym_env_vectorize_mode="vector_entry_point", num_envs_per_env_runner=256)  # the native batch

A team has a second name, with ``:team`` behind, that is a `MultiAgentEnv` with one agent per robot. ``env_config`` holds the
options of the environment, and ``mask_in_observation``: by default the observation is the vector alone (of a team's single
face: all robots' in one), which RLlib's own networks take, and a masked action is carried out as the environment documents;
``True`` leaves the Dict of ``observation`` and ``action_mask``, for a module of your own that masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space

from moonfleet.terrain.seeds import stream

from .. import ENVIRONMENTS, TEAMS, parallel_env
from ..errors import missing_extra, need_seed
from ..faces import SEED_BITS
from ..multi import TeamEnv

try:
    from ray.rllib.env.multi_agent_env import MultiAgentEnv
except ImportError as error:  # pragma: no cover
    raise missing_extra("moonfleet.envs.adapters.rllib", "RLlib", "rl") from error

TEAM_SUFFIX = ":team"
MADE = "moonfleet_made"  # attribute of a worker's context: how many worlds it has made


def root_seed(seed: int, worker_index: int, vector_index: int) -> int:
    """Return the root seed of one world of one worker, in [0, 2**62); it does not depend on how many of either there are.

    Raises
    ------
    EnvOptionError
        ``seed`` is no whole number from 0.

    >>> root_seed(7, 1, 1) == root_seed(7, 2, 0)
    False
    """
    draw = stream(need_seed("seed", seed), "rllib worker", index=(worker_index, vector_index))
    return int(draw.integers(1 << SEED_BITS))


class WorkerSeeds(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A single environment of a worker: the seed that RLlib gives, seed + worker + world, is taken apart again."""

    def __init__(
        self, env: gymnasium.Env[Any, Any], worker_index: int, vector_index: int, *, mask_in_observation: bool = False
    ) -> None:
        super().__init__(env)
        self.worker_index, self.vector_index = worker_index, vector_index
        self._plain = not mask_in_observation
        if self._plain:
            self.observation_space = _plain_space(env.observation_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the next episode of the worker's own seed."""
        seen, info = self.env.reset(seed=own_seed(seed, self.worker_index, self.vector_index), options=options)
        return self._show(seen), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Carry out one action."""
        seen, reward, terminated, truncated, info = self.env.step(action)
        return self._show(seen), reward, terminated, truncated, info

    def _show(self, seen: Any) -> Any:
        """Return what RLlib is shown."""
        return _vector_of(seen).reshape(-1) if self._plain else seen


class WorkerSeedsVector(gymnasium.vector.VectorWrapper):
    """The native batch of a worker. RLlib does not say which worker: its seed, seed + worker, stands for both."""

    def __init__(self, env: Any, *, mask_in_observation: bool = False) -> None:
        super().__init__(env)
        self._plain = not mask_in_observation
        if self._plain:
            self._single_observation_space = _plain_space(env.single_observation_space)
            self._observation_space = batch_space(self._single_observation_space, env.num_envs)

    def reset(
        self, *, seed: int | list[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin the next episodes of the worker's own seeds."""
        if isinstance(seed, (int, np.integer)):
            seed = [root_seed(int(seed), 0, world) for world in range(self.num_envs)]
        seen, infos = self.env.reset(seed=seed, options=options)  # pyright: ignore[reportArgumentType]
        return self._show(seen), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Carry out one action per world."""
        seen, reward, terminated, truncated, infos = self.env.step(actions)
        return self._show(seen), reward, terminated, truncated, infos

    def _show(self, seen: Any) -> Any:
        """Return what RLlib is shown."""
        return _vector_of(seen).reshape(self.num_envs, -1) if self._plain else seen


class RLlibTeam(MultiAgentEnv):
    """A team environment for RLlib: one agent per robot, each with the team's whole reward.

    Robots that are lost end (``terminateds[name]``) and are not heard of again; those that land later appear with an observation.
    ``__all__`` says that the episode is over. Agents, spaces and options are those of `moonfleet.envs.multi.TeamEnv`.
    """

    def __init__(
        self, team: TeamEnv, *, worker_index: int = 0, vector_index: int = 0, mask_in_observation: bool = False
    ) -> None:
        self.team = team
        self.worker_index, self.vector_index = worker_index, vector_index
        self.possible_agents = list(self.team.possible_agents)
        self.agents = list(self.possible_agents)
        self._plain = not mask_in_observation
        shown = {name: _plain_space(space) for name, space in self.team.observation_spaces.items()}
        self.observation_spaces = cast(Any, shown if self._plain else dict(self.team.observation_spaces))
        self.action_spaces = cast(Any, dict(self.team.action_spaces))
        self.render_mode = self.team.render_mode
        super().__init__()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin the next episode; observations and infos of the robots that are there."""
        seen, infos = self.team.reset(seed=own_seed(seed, self.worker_index, self.vector_index), options=options)
        self.agents = list(self.team.agents)
        return self._show(seen), infos

    def step(self, action_dict: Mapping[Any, Any]) -> tuple[Any, Any, Any, Any, Any]:
        """Carry out the actions of the robots that are there."""
        seen, rewards, terminated, truncated, infos = self.team.step(action_dict)
        over = not self.team.agents
        late = over and any(truncated.values())
        self.agents = list(seen)
        ended, timed_out = terminated | {"__all__": over and not late}, truncated | {"__all__": late}
        return self._show(seen), rewards, ended, timed_out, infos

    def _show(self, seen: dict[str, Any]) -> dict[str, Any]:
        """Return what RLlib is shown."""
        return {name: _vector_of(value) for name, value in seen.items()} if self._plain else seen

    def render(self) -> Any:
        """Return or show the scene."""
        return self.team.render()

    def close(self) -> None:
        """Close the environment."""
        self.team.close()


def _plain_space(space: gymnasium.Space[Any]) -> gymnasium.Space[Any]:
    """Return the space of the vector alone, in one axis."""
    box: Any = space["observation"] if isinstance(space, gymnasium.spaces.Dict) else space
    return gymnasium.spaces.Box(box.low.reshape(-1), box.high.reshape(-1), dtype=np.float32)


def _vector_of(seen: Any) -> Any:
    """Return the vector of an observation, without its mask."""
    return seen["observation"] if isinstance(seen, dict) else seen


def register_rllib() -> list[str]:
    """Register every environment with RLlib, teams also as `MultiAgentEnv`; returns the names. Twice does no harm."""
    from ray.tune.registry import register_env

    for env_id in ENVIRONMENTS:
        register_env(env_id, partial(create, env_id))
    for env_id in TEAMS:
        register_env(env_id + TEAM_SUFFIX, partial(create_team, env_id))
    return [*ENVIRONMENTS, *(env_id + TEAM_SUFFIX for env_id in TEAMS)]


def create(env_id: str, context: Mapping[str, Any]) -> Any:
    """Return an environment for RLlib's ``context`` (an `EnvContext`, or a mapping with ``num_envs``: the native batch)."""
    options = dict(context)
    shown = bool(options.pop("mask_in_observation", False))
    if "num_envs" in options:
        batch = gymnasium.make_vec(env_id, vectorization_mode="vector_entry_point", **options)
        return WorkerSeedsVector(batch, mask_in_observation=shown)
    worker, world = place_of(context)
    env = gymnasium.make(env_id, disable_env_checker=True, **options)
    return WorkerSeeds(env, worker, world, mask_in_observation=shown)


def create_team(env_id: str, context: Mapping[str, Any]) -> RLlibTeam:
    """Return a team environment for RLlib's ``context``."""
    worker, world = place_of(context)
    options = dict(context)
    shown = bool(options.pop("mask_in_observation", False))
    team = parallel_env(env_id, **options)
    return RLlibTeam(team, worker_index=worker, vector_index=world, mask_in_observation=shown)


def place_of(context: Mapping[str, Any]) -> tuple[int, int]:
    """Return (worker index, world index) of the next environment made from ``context``: RLlib makes all of a worker from one."""
    made = int(getattr(context, MADE, 0))
    if hasattr(context, "worker_index"):
        setattr(context, MADE, made + 1)
    return int(getattr(context, "worker_index", 0) or 0), int(getattr(context, "vector_index", 0) or 0) + made


def own_seed(seed: int | None, worker_index: int, vector_index: int) -> int | None:
    """Return the root seed for the ``seed`` that RLlib gave, None for None."""
    if seed is None:
        return None
    return root_seed((need_seed("seed", seed) - worker_index - vector_index) % 2**SEED_BITS, worker_index, vector_index)
