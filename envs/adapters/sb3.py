"""Stable-Baselines3: a `VecEnv` over the native batch (SB3 takes no gymnasium `VectorEnv`). Needs the [rl] extra."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from ..errors import EnvOptionError, EnvStateError, missing_extra, need_seed
from ..faces import agent_space, masks_of, resting_actions
from ..game import Bools
from ..vector import GameVectorEnv

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:  # pragma: no cover
    raise missing_extra("moonfleet.envs.adapters.sb3", "stable-baselines3", "rl") from error

Indices = int | Iterable[int] | None


class Sb3VecEnv(VecEnv):
    """The worlds of a game as SB3 wants them.

    Parameters
    ----------
    env
        A native batch in mode ``SameStep``.
    per_robot
        Of a team: ``False`` makes one row per world, with one `MultiDiscrete` action for all robots. ``True`` makes every robot a row
        (row ``w * R + r`` is robot r of world w), so that one policy is shared by all. A row gets the team's reward for each step at
        whose beginning its robot was there, else 0; the rows of a world end together, when its episode does. Until it lands, and once
        it is lost, a robot's row shows what the game shows for it (zeros), is masked to the one action that means "go on", and
        whatever is chosen for it does nothing.
    mask_in_observation
        ``False``: of a game with masks the observation is the vector alone, and masks come from ``env_method("action_masks")``,
        as `sb3_contrib.MaskablePPO` asks for them. ``True``: a Dict with the ``action_mask`` beside it (for ``MultiInputPolicy``).

    The info of a row is empty but when its episode ended: then it holds ``terminal_observation``, ``TimeLimit.truncated`` and what
    the game told of the last step (``reward_terms`` among it). `seed` gives world w the root seed ``seed + w``.

    Raises
    ------
    EnvOptionError
        Another autoreset mode, ``per_robot`` for a game of one agent, or something that cannot be set for some rows only.
    """

    def __init__(self, env: GameVectorEnv, *, per_robot: bool = False, mask_in_observation: bool = False) -> None:
        if env.autoreset_mode != AutoresetMode.SAME_STEP:
            raise EnvOptionError(f"autoreset_mode: got {env.autoreset_mode.value!r}, SB3 needs 'SameStep'.")
        if per_robot and not env.game.team:
            raise EnvOptionError(f"per_robot: {env.game.name} has one agent in each world.")
        self.env, self.game = env, env.game
        self.per_robot = bool(per_robot)
        self.rows_per_world = len(env.game.agents) if per_robot else 1
        self._dict = bool(mask_in_observation) and env.game.masked
        self._actions: NDArray[Any] | None = None
        observed: Any = agent_space(env.game) if per_robot else env.single_observation_space
        if env.game.masked and not self._dict:
            observed = observed["observation"]
        chosen = env.game.single_action_space if per_robot else env.single_action_space
        super().__init__(env.num_envs * self.rows_per_world, observed, chosen)

    # -- play ----------------------------------------------------------------------------------------------------

    def reset(self) -> Any:
        """Begin the next episodes, with the seeds and options given to `seed` and `set_options` if there are any."""
        seeds = self._seeds[:: self.rows_per_world]
        options = self._options[0]
        if any(one != options for one in self._options):
            raise EnvOptionError("set_options: all rows share one batch; give one mapping for all of them.")
        given = None if all(one is None for one in seeds) else seeds
        observation, infos = self.env.reset(seed=given, options=dict(options) or None)
        self._reset_seeds()
        self._reset_options()
        told = {name: infos[name] for name in ("seed", "episode", "t0") if name in infos}
        rows = [{name: value[world].item() for name, value in told.items()} for world in range(self.env.num_envs)]
        self.reset_infos = [dict(row) for row in rows for _ in range(self.rows_per_world)]
        return self._rows(observation)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take up actions, one per row."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> tuple[Any, NDArray[np.float32], Bools, list[dict[str, Any]]]:
        """Carry out the actions; returns observations, rewards, dones and infos of all rows."""
        if self._actions is None:
            raise EnvStateError("step_wait: no actions; call step_async first.")
        actions, self._actions = self._actions, None
        here = self._here()
        observation, reward, terminated, truncated, infos = self.env.step(self._whole(actions, here))
        rewards = np.repeat(reward.astype(np.float32), self.rows_per_world)
        if here is not None:
            rewards[~here.reshape(-1)] = 0.0
        over = terminated | truncated
        told: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for world in np.flatnonzero(over).tolist():
            last = _tell(infos["final_info"], world)
            for r in range(self.rows_per_world):
                told[world * self.rows_per_world + r] = {
                    **last,
                    "terminal_observation": self._row(infos["final_obs"][world], r),
                    "TimeLimit.truncated": bool(truncated[world] and not terminated[world]),
                }
        return self._rows(observation), rewards, np.repeat(over, self.rows_per_world), told

    def action_masks(self) -> Bools:
        """Return which actions are allowed, bool [rows, A] (one row per world of a team: [W, R * A])."""
        if not self.per_robot:
            return self.env.action_masks()
        masks = masks_of(self.game)
        here = self.game.present()
        alone = np.zeros_like(masks)
        if masks.shape[-1]:
            rest = resting_actions(self.game, masks).astype(np.int64)
            np.put_along_axis(alone, rest[..., None], True, axis=-1)
        return np.where(here[..., None], masks, alone).reshape(self.num_envs, -1)

    # -- what SB3 asks besides -----------------------------------------------------------------------------------

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Give world w the root seed ``seed + w`` at the next reset; returns the seed of every row. None: seeds of its own."""
        if seed is None:
            self._reset_seeds()
        else:
            first = need_seed("seed", seed)
            self._seeds = [first + row // self.rows_per_world for row in range(self.num_envs)]
        return self._seeds

    def close(self) -> None:
        """Close the batch."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Return an attribute of the batch (or of this adapter) for each row."""
        value = getattr(self if attr_name == "action_masks" else self.env, attr_name)
        return [value for _ in self._indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute of the batch, which all rows share."""
        if len(self._indices(indices)) != self.num_envs:
            raise EnvOptionError(f"set_attr {attr_name!r}: all rows share one batch; set it for all of them.")
        setattr(self.env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method for each row: ``action_masks``, ``get_state``, ``set_state`` (of the row's world), ``render``.

        Raises
        ------
        AttributeError
            Any other method: the batch has no environments of single rows.
        """
        rows = self._indices(indices)
        if method_name == "action_masks":
            masks = self.action_masks()
            return [masks[row] for row in rows]
        if method_name in ("get_state", "set_state"):
            method = getattr(self.env, method_name)
            return [method(self._world(row), *method_args, **method_kwargs) for row in rows]
        if method_name == "render":
            if self.render_mode == "human":
                self.env.render()  # one window for all
            return [None if self.render_mode != "rgb_array" else self.game.picture(self._world(row)) for row in rows]
        raise AttributeError(f"env_method: no {method_name!r} for single rows of {type(self.env).__name__}.")

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """Return False for each row: wrappers of single environments do not exist here (use SB3's VecEnv wrappers)."""
        return [False for _ in self._indices(indices)]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return a picture of every world."""
        return [self.game.picture(world) for world in range(self.env.num_envs)]

    # -- inside --------------------------------------------------------------------------------------------------

    def _indices(self, indices: Indices) -> list[int]:
        """Return the rows that are meant."""
        chosen = range(self.num_envs) if indices is None else [indices] if isinstance(indices, int) else indices
        return [int(row) for row in chosen]

    def _world(self, row: int) -> int:
        """Return the world that a row belongs to."""
        return row // self.rows_per_world

    def _here(self) -> Bools | None:
        """Return which robots are there, bool [W, R], if they are rows."""
        return self.game.present() if self.per_robot else None

    def _whole(self, actions: NDArray[Any], here: Bools | None) -> NDArray[Any]:
        """Return the actions of all worlds; those of absent robots are replaced by the one that means "go on"."""
        if here is None:
            return actions
        shaped = actions.reshape(*here.shape, *(self.action_space.shape or ()))
        if here.all():
            return shaped
        rest = resting_actions(self.game, masks_of(self.game))
        return np.where(here.reshape(*here.shape, *(1,) * (shaped.ndim - 2)), shaped, rest).astype(shaped.dtype)

    def _rows(self, observation: Any) -> Any:
        """Return the observation of all rows."""
        if isinstance(observation, dict):
            if not self._dict:
                return self._rows(observation["observation"])
            rows = {name: self._rows(value) for name, value in observation.items()}
            if self.per_robot:
                rows["action_mask"] = self.action_masks().astype(np.int8)
            return rows
        return observation.reshape(self.num_envs, *observation.shape[2:]) if self.per_robot else observation

    def _row(self, observation: Any, robot: int) -> Any:
        """Return one row of what one world shows."""
        if isinstance(observation, dict):
            if not self._dict:
                return self._row(observation["observation"], robot)
            return {name: self._row(value, robot) for name, value in observation.items()}
        return observation[robot] if self.per_robot else observation


def make_sb3(
    env_id: str,
    num_envs: int = 1,
    *,
    per_robot: bool = False,
    mask_in_observation: bool = False,
    **options: Any,
) -> Sb3VecEnv:
    """Return the SB3 `VecEnv` of a registered environment: ``make_sb3("moonfleet/StationOps-v0", 64, per_robot=True)``.

    ``options`` are those of ``gymnasium.make_vec(env_id)``. Wrap it in SB3's ``VecMonitor`` for the statistics of episodes.

    Raises
    ------
    EnvOptionError
        The environment is no batch of a game, or an option is not allowed.
    """
    _need_batch(env_id)
    env = gymnasium.make_vec(
        env_id,
        num_envs,
        vectorization_mode="vector_entry_point",
        autoreset_mode=AutoresetMode.SAME_STEP.value,
        **options,
    )
    if not isinstance(env.unwrapped, GameVectorEnv):
        env.close()
        raise _no_batch(env_id)
    return Sb3VecEnv(env.unwrapped, per_robot=per_robot, mask_in_observation=mask_in_observation)


def _need_batch(env_id: str) -> None:
    """Raise `EnvOptionError` for a registered environment that is plainly no batch of a game, before it is made."""
    spec = gymnasium.registry.get(str(env_id).rpartition(":")[2])
    if spec is None:
        return  # gymnasium says why, or imports the module that registers it
    entry: Any = spec.vector_entry_point
    made = load_env_creator(entry) if isinstance(entry, str) else entry
    if made is None or (isinstance(made, type) and not issubclass(made, GameVectorEnv)):
        raise _no_batch(env_id)


def _no_batch(env_id: str) -> EnvOptionError:
    """Return the error for an environment that this adapter does not take."""
    return EnvOptionError(
        f"env_id: {env_id} is no native batch of a moonfleet game; Stable-Baselines3's own make_vec_env takes single environments."
    )


def _tell(infos: dict[str, Any], world: int) -> dict[str, Any]:
    """Return the infos of one world."""
    return {
        name: _tell(value, world) if isinstance(value, dict) else value[world]
        for name, value in infos.items()
        if not name.startswith("_")
    }
