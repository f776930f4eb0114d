"""Every agent of every world of a game as one row of a Stable-Baselines3 ``VecEnv``: what shared parameters are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from .evaluate import Stage

if TYPE_CHECKING:
    from moonfleet.envs.game import Game, State


class RowsEnv(VecEnv):
    """W worlds with R agents each as W * R rows; agents of a world stand together, earn its reward and end with it.

    World w plays episodes 0, 1, ... of the root seed ``roots[w]``. A world whose episode is over begins the next one at once; the last
    observation is in ``infos[row]["terminal_observation"]``, ``infos[row]["TimeLimit.truncated"]`` says whether its time was up, and
    ``finished`` collects the scores of episodes since it was last emptied.
    """

    def __init__(self, game: Game, roots: Sequence[int]) -> None:
        self.game, self.roots = game, tuple(roots)
        self.agents = len(game.agents)
        self.stage = Stage(game)
        self.numbers = np.full(game.worlds, -1, np.int64)
        self.scores = np.zeros(game.worlds)
        self.finished: list[float] = []
        self.waiting: NDArray[np.generic] | None = None
        self.render_mode = None
        super().__init__(game.worlds * self.agents, game.single_observation_space, game.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Begin the next episode of every world."""
        self._next(np.arange(self.game.worlds))
        return self.stage.rows().vector.copy()

    def step_async(self, actions: NDArray[np.generic]) -> None:
        """Take the actions of all rows."""
        single = self.game.single_action_space.shape or ()
        lead = (self.game.worlds, self.agents) if self.game.team else (self.game.worlds,)
        self.waiting = np.asarray(actions).reshape(*lead, *single)

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Make the step."""
        if self.waiting is None:
            raise RuntimeError("step_wait before step_async")
        step = self.game.step(self.waiting, np.ones(self.game.worlds, np.bool_))
        self.waiting = None
        rewards, over = step.terms.sum(axis=1), step.terminated | step.truncated
        self.scores += rewards
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        seen = self.stage.rows().vector
        if over.any():
            ended = np.flatnonzero(over)
            for row in np.flatnonzero(np.repeat(over, self.agents)).tolist():
                infos[row] = {
                    "terminal_observation": seen[row].copy(),
                    "TimeLimit.truncated": bool(step.truncated[row // self.agents]),
                }
            self.finished += self.scores[ended].tolist()
            self._next(ended)
            seen = self.stage.rows().vector
        repeat = self.agents
        return seen.copy(), np.repeat(rewards, repeat).astype(np.float32), np.repeat(over, repeat), infos

    def masks(self) -> NDArray[np.bool_]:
        """Return which actions are allowed, bool [W * R, A]."""
        return self.stage.rows().mask

    def _next(self, worlds: NDArray[np.int64]) -> None:
        from moonfleet.envs.game import Episode

        self.numbers[worlds] += 1
        self.scores[worlds] = 0.0
        self.game.begin(worlds, [Episode(self.roots[world], int(self.numbers[world])) for world in worlds.tolist()])

    # -- state -----------------------------------------------------------------------------------------------------

    def get_state(self) -> State:
        """Return all worlds as plain arrays."""
        state: State = {"numbers": self.numbers.copy(), "scores": self.scores.copy()}
        for world in range(self.game.worlds):
            state |= {f"{world}/{name}": value for name, value in self.game.get_state(world).items()}
        return state

    def set_state(self, state: State) -> NDArray[np.float32]:
        """Take up a state made by `get_state` and return what is seen."""
        self.numbers, self.scores = state["numbers"].astype(np.int64), state["scores"].astype(np.float64)
        for world in range(self.game.worlds):
            mine = {name.partition("/")[2]: v for name, v in state.items() if name.partition("/")[0] == str(world)}
            self.game.set_state(world, mine)
        return self.stage.rows().vector.copy()

    # -- what Stable-Baselines3 asks of a VecEnv besides ---------------------------------------------------------------

    def close(self) -> None:
        """Nothing is held."""

    def has_attr(self, attr_name: str) -> bool:
        """Whether it has masks, or anything else."""
        return self.game.masked if attr_name == "action_masks" else hasattr(self, attr_name)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute, once a row."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of all."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Return the masks of each row; nothing else can be called."""
        if method_name != "action_masks":
            raise AttributeError(f"rows have no method {method_name}")
        return list(self.masks()[list(self._get_indices(indices))])

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Return that no row is wrapped."""
        return [False] * len(list(self._get_indices(indices)))
