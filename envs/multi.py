"""The multi-agent face of a game: a PettingZoo `ParallelEnv` with one agent per robot. Needs the [rl] extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import gymnasium
import numpy as np
from numpy.typing import NDArray

from .errors import EnvActionError, EnvOptionError, EnvStateError, missing_extra, need_state
from .faces import RENDER_FPS, RENDER_MODES, Observed, agent_space, masks_of, resting_actions, vector_shape
from .game import Bools, Game, State
from .same_options import need_same_game
from .saved import need_arrays
from .solo import SoloEnv

try:
    from pettingzoo import ParallelEnv
except ImportError as error:  # pragma: no cover
    raise missing_extra("the multi-agent face", "PettingZoo", "rl") from error

Agents = dict[str, Any]
TOLERATED = "options"  # a reset option that PettingZoo's own tests pass


class TeamEnv(ParallelEnv[str, Observed, Any]):
    """A team game with one agent per robot.

    Each agent sees its row of the observation: a Dict of ``observation`` float32 [F] and ``action_mask`` int8 [A] (a Box of a game
    without masks), and chooses its own action. **Every agent gets the team's whole reward**: to compare with the score of a world
    take one agent's, not the sum. ``possible_agents`` are all robots; ``agents`` are those that are there to decide. A robot that is
    lost leaves (terminated, with a last observation) and does not come back; one that lands later joins: it has an observation, an
    info and reward 0 in the step in which it lands. While nobody is there the game goes on by itself; what it earns meanwhile goes
    to those that left last (at the start, to those that land first).

    ``state`` is everybody's observation in one vector, float32 [R * F], zeros for robots that are absent. Seeds, episodes and reset
    options are those of `SoloEnv`; ``info`` of every agent is the world's.

    Raises
    ------
    EnvOptionError, EnvActionError, EnvStateError
        For a game without agents, or an option, action or saved state that is not allowed.
    """

    def __init__(self, game: Game, *, render_mode: str | None = None) -> None:
        if not game.team:
            raise EnvOptionError(f"{game.name} has one agent; the multi-agent face is for teams.")
        self.solo = SoloEnv(game, render_mode)
        self.game, self.render_mode = game, self.solo.render_mode
        self.metadata = {
            "name": game.name,
            "render_modes": RENDER_MODES,
            "render_fps": RENDER_FPS,
            "is_parallelizable": True,
        }
        self.possible_agents = list(game.agents)
        self.agents: list[str] = []
        self.observation_spaces = {name: cast(Any, agent_space(game)) for name in game.agents}
        self.action_spaces = {name: cast(Any, _own(game.single_action_space)) for name in game.agents}
        low, high = game.single_observation_space.low, game.single_observation_space.high
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)  # zeros for the absent
        self.state_space = gymnasium.spaces.Box(
            np.tile(low, len(game.agents)), np.tile(high, len(game.agents)), dtype=np.float32
        )
        self._gone = np.zeros(len(game.agents), dtype=np.bool_)
        self._here = self._gone.copy()
        self._early = 0.0  # earned before anybody landed

    def observation_space(self, agent: str) -> Any:
        """Return the space of what an agent sees: always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """Return the space of an agent's actions: always the same object."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Agents, dict[str, dict[str, Any]]]:
        """Begin the next episode of the seed; options as those of `SoloEnv` (``{"episode": n}``)."""
        given: Any = options
        if isinstance(options, Mapping):
            given = {name: value for name, value in options.items() if name != TOLERATED}
        seen, info = self.solo.reset(seed=seed, options=given)
        self._here, self._gone = np.zeros_like(self._here), np.zeros_like(self._gone)
        self._meet()
        self._early = 0.0
        while not self.agents:
            seen, reward, terminated, truncated, _ = self.solo.step(self._fill({}))
            self._early += reward
            self._meet()
            if terminated or truncated:
                break
        return self._split(seen, self.agents), self._infos(info, self.agents)

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[Agents, dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Carry out one action of every agent that is there."""
        if not self.agents:
            raise EnvStateError("step: no agent is left (or no episode yet); call reset first.")
        before = list(self.agents)
        seen, reward, terminated, truncated, info = self.solo.step(self._fill(actions))
        reward, self._early = reward + self._early, 0.0
        self._meet()
        while not (self.agents or terminated or truncated):
            seen, more, terminated, truncated, info = self.solo.step(self._fill({}))
            reward += more
            self._meet()
        over = terminated or truncated
        joined = [name for name in self.agents if name not in before and not over]
        told = before + joined
        left = {name for name in before if name not in self.agents}
        if over:
            self.agents = []
        return (
            self._split(seen, told),
            dict.fromkeys(before, reward) | dict.fromkeys(joined, 0.0),
            {name: terminated or name in left for name in told},
            {name: truncated and name not in left for name in told},
            self._infos(info, told),
        )

    def state(self) -> NDArray[np.float32]:
        """Return everybody's observation in one vector, float32 [R * F]; zeros for robots that are absent."""
        seen = np.empty((1, *vector_shape(self.game)), np.float32)
        self.game.observe(seen)
        seen[0, ~self._here] = 0.0
        return seen.reshape(-1)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the scene as uint8 [H, W, 3] in mode ``rgb_array``; show it in mode ``human``; else do nothing."""
        return self.solo.render()

    def close(self) -> None:
        """Close the window and let go of what the game holds; closing twice does no harm."""
        self.solo.close()

    def action_masks(self) -> dict[str, Bools]:
        """Return which actions each agent may take, bool [A] by name."""
        masks = masks_of(self.game)[0]
        return {name: masks[self.game.agents.index(name)] for name in self.agents}

    def get_state(self) -> State:
        """Return everything that the rest of the episode depends on; `SoloEnv.set_state` takes it too."""
        return self.solo.get_state() | {"face.gone": self._gone.copy(), "face.early": np.array(self._early)}

    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> Agents:
        """Take up a state made by `get_state` of an environment with the same options; return the observations.

        A state that a single or vector face made is taken up too: who is absent then is taken for not landed yet.
        """
        need_state(state, ())
        need_same_game(state, self.game)  # before the size of the team
        blank: State = {"face.gone": np.zeros(len(self._gone), np.bool_), "face.early": np.array(0.0)}
        team = {name: state.get(name, value) for name, value in blank.items()}
        need_arrays(team, blank, {})
        seen = self.solo.set_state(state)
        self._gone, self._early = team["face.gone"].astype(np.bool_), float(team["face.early"])
        self._here = np.zeros_like(self._gone)
        self._meet()
        if self.solo.over:
            self.agents = []
        return self._split(seen, self.agents)

    def _meet(self) -> None:
        """Note who left and who came."""
        here = self.game.present()[0] & ~self._gone
        self._gone |= self._here & ~here
        self._here = here
        self.agents = [name for name, there in zip(self.game.agents, here, strict=True) if there]

    def _fill(self, actions: Mapping[str, Any]) -> NDArray[np.generic]:
        """Return the actions of all robots, [R] or [R, n]: those given, and what is sent for robots that are absent."""
        if not isinstance(actions, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvActionError(f"actions: got {type(actions).__name__}, need a mapping of agents to actions.")
        out = resting_actions(self.game, masks_of(self.game)[0])
        missing = [name for name in self.agents if name not in actions]
        unknown = [name for name in actions if name not in self.agents]
        if missing or unknown:
            who = f"no action for {', '.join(missing)}" if missing else f"{', '.join(map(str, unknown))} not there"
            raise EnvActionError(f"actions: {who}; need one for each of {', '.join(self.agents) or 'nobody'}.")
        for k, name in enumerate(self.game.agents):
            if name in actions:
                try:
                    value = np.asarray(actions[name])
                except ValueError:  # rows of different lengths
                    value = np.empty(0)
                if value.shape != out[k].shape:
                    value = value.reshape(-1)[0] if value.size == 1 and out[k].ndim == 0 else None
                if value is None or (out.dtype == np.int64 and not np.issubdtype(value.dtype, np.integer)):
                    raise EnvActionError(f"actions[{name!r}]: got {actions[name]!r}, need {self.action_spaces[name]}.")
                out[k] = value
        return out

    def _split(self, seen: Observed, names: list[str]) -> Agents:
        """Return the rows of ``names`` of what the world shows."""
        rows = {name: self.game.agents.index(name) for name in names}
        if isinstance(seen, dict):
            return {name: {part: value[row].copy() for part, value in seen.items()} for name, row in rows.items()}
        return {name: seen[row].copy() for name, row in rows.items()}

    def _infos(self, info: dict[str, object], names: list[str]) -> dict[str, dict[str, Any]]:
        """Return the world's info for each of ``names``."""
        return {name: dict(info) for name in names}


def _own(space: gymnasium.Space[Any]) -> gymnasium.Space[Any]:
    """Return a space of its own for an agent, so that each can be seeded alone."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return gymnasium.spaces.Discrete(int(space.n))
    box = cast(gymnasium.spaces.Box, space)
    return gymnasium.spaces.Box(box.low, box.high, dtype=np.float32)
