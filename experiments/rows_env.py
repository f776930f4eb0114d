"""The rows that a training learns from: those of the Stable-Baselines3 adapter, with the scores of episodes and a state to go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.envs.adapters.sb3 import Sb3VecEnv

from .reward_scale import RewardScale

if TYPE_CHECKING:
    from moonfleet.envs.game import State
    from moonfleet.envs.vector import GameVectorEnv


class TrainingRows(Sb3VecEnv):
    """W worlds of a game, every robot of a team a row of its own.

    World w plays episodes 0, 1, ... of the root seed ``root + w``. Rewards are scaled (`reward_scale`). ``finished`` collects the scores,
    unscaled, of the episodes that ended since it was last emptied.
    """

    def __init__(self, env: GameVectorEnv, root: int) -> None:
        super().__init__(env, per_robot=env.game.team)
        self.seed(root)
        self.scores = np.zeros(env.num_envs)
        self.scale = RewardScale(env.num_envs)
        self.finished: list[float] = []

    def step_wait(self) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Make the step, and keep account of the scores."""
        seen, rewards, over, infos = super().step_wait()
        shared = rewards.reshape(len(self.scores), self.rows_per_world)
        first = np.abs(shared).argmax(axis=1)  # rows of robots that are not there earn nothing
        earned = shared[np.arange(len(shared)), first].astype(np.float64)
        self.scores += earned
        ended = over[:: self.rows_per_world]
        scaled = self.scale.scaled(earned, ended).astype(np.float32)
        rewards = np.where(shared != 0.0, scaled[:, None], np.float32(0.0)).reshape(-1)
        self.finished += self.scores[ended].tolist()
        self.scores[ended] = 0.0
        return seen, rewards, over, infos

    def get_state(self) -> State:
        """Return all worlds as plain arrays."""
        state: State = {"scores": self.scores.copy()} | self.scale.get_state()
        for world in range(self.env.num_envs):
            state |= {f"{world}/{name}": value for name, value in self.env.get_state(world).items()}
        return state

    def set_state(self, state: State) -> NDArray[np.float32]:
        """Take up a state made by `get_state` and return what every row sees."""
        self.reset()
        self.scores = state["scores"].astype(np.float64)
        self.scale.set_state(state)
        parts: dict[str, State] = {}
        for name, value in state.items():
            world, _, rest = name.partition("/")
            parts.setdefault(world, {})[rest] = value
        seen: Any = None
        for world in range(self.env.num_envs):
            seen = self.env.set_state(world, parts[str(world)])
        return self._rows(seen)
