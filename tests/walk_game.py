"""A game small enough to see through: robots on a line of cells want to get to its right end. `ENV` names it to the commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.envs.errors import EnvOptionError, EnvStateError
from moonfleet.envs.game import Bools, Episode, Game, Ints, State, Step
from moonfleet.envs.vector import GameVectorEnv
from moonfleet.terrain.seeds import stream

CELLS, STEPS = 9, 16
LEVELS = {"easy": 3, "default": CELLS - 1}  # level -> how far from the end it begins at most


class Walk(Game):
    """Left, stay, right; 1 for each cell nearer to the end, -0.1 a step. With masks nobody can leave the line.

    ``agents`` robots share the reward; ``box`` takes one number a robot, of which only the sign counts.
    """

    name = "Walk"
    step_s = 60.0
    terms: ClassVar[tuple[str, ...]] = ("nearer", "time")

    def __init__(
        self, worlds: int, threads: int = 1, level: str = "default", agents: int = 1, box: bool = False
    ) -> None:
        if level not in LEVELS:
            raise EnvOptionError(f"level: got {level!r}")
        self.worlds, self.threads, self.far = worlds, threads, LEVELS[level]
        self.team, self.masked = agents > 1, not box  # pyright: ignore[reportAttributeAccessIssue]
        self.agents = tuple(f"walker-{n}" for n in range(agents))
        self.single_observation_space = gymnasium.spaces.Box(0.0, 1.0, (CELLS + 1,), np.float32)
        self.single_action_space = (
            gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32) if box else gymnasium.spaces.Discrete(3)
        )
        self.t0 = np.zeros(worlds)
        self.at = np.zeros((worlds, agents), np.int64)
        self.steps = np.zeros(worlds, np.int64)

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        for world, episode in zip(worlds, episodes, strict=True):
            rng = stream(episode.root, "walk", episode=episode.number)
            self.at[world] = CELLS - 1 - rng.integers(1, self.far + 1, self.at.shape[1])
            self.steps[world] = 0

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        given = actions.astype(np.float64).reshape(self.at.shape)
        moves = np.sign(given) if actions.dtype.kind == "f" else given - 1.0
        after = np.where(active[:, None], np.clip(self.at + moves, 0, CELLS - 1), self.at).astype(np.int64)
        terms = np.stack([(after - self.at).mean(axis=1), np.where(active, -0.1, 0.0)], axis=1)
        self.at = after
        self.steps += active
        home = active & (after == CELLS - 1).all(axis=1)
        return Step(terms, home, active & ~home & (self.steps >= STEPS))

    def observe(self, out: NDArray[np.float32]) -> None:
        seen = out.reshape(*self.at.shape, CELLS + 1)
        seen[..., :CELLS] = np.eye(CELLS, dtype=np.float32)[self.at]
        seen[..., CELLS] = self.steps[:, None] / STEPS

    def masks(self, out: Bools) -> None:
        seen = out.reshape(*self.at.shape, 3)
        seen[...] = True
        seen[..., 0], seen[..., 2] = self.at > 0, self.at < CELLS - 1

    def get_state(self, world: int) -> State:
        return {"at": self.at[world].copy(), "steps": self.steps[world : world + 1].copy(), "name": np.array("walk")}

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        if str(state["name"]) != "walk":
            raise EnvStateError("name")
        self.at[world], self.steps[world] = state["at"], state["steps"][0]

    def picture(self, world: int) -> NDArray[np.uint8]:
        return np.zeros((8, 8, 3), np.uint8)


ENV = "tests.walk_game:WalkVector"


class WalkVector(GameVectorEnv):
    """Many lines."""

    def __init__(self, num_envs: int = 1, *, autoreset_mode: str = "NextStep", **options: Any) -> None:
        super().__init__(Walk(num_envs, **options), autoreset_mode=autoreset_mode)
