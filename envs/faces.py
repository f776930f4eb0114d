"""What all faces of a game share: the spaces of one world, and the shapes of its arrays."""

from __future__ import annotations

import gymnasium
import numpy as np
from numpy.typing import NDArray

from .game import Game

Observed = NDArray[np.float32] | dict[str, NDArray[np.float32] | NDArray[np.int8]]
ACTIVE = np.ones(1, dtype=np.bool_)  # of one world


def vector_shape(game: Game) -> tuple[int, ...]:
    """Return the shape of one world's observation: (F,) or (R, F)."""
    (size,) = game.single_observation_space.shape
    return (len(game.agents), size) if game.team else (size,)


def mask_shape(game: Game) -> tuple[int, ...]:
    """Return the shape of one world's masks: (A,) or (R, A); A = 0 for actions that are not discrete."""
    actions = int(getattr(game.single_action_space, "n", 0))
    return (len(game.agents), actions) if game.team else (actions,)


def observed_space(game: Game) -> gymnasium.Space[Observed]:
    """Return the space of what one world shows: a Box, or with masks a Dict of ``observation`` and ``action_mask``."""
    low, high = (np.broadcast_to(bound, vector_shape(game)).copy() for bound in _bounds(game))
    seen = gymnasium.spaces.Box(low, high, dtype=np.float32)
    if not game.masked:
        return seen  # pyright: ignore[reportReturnType]
    return gymnasium.spaces.Dict(  # pyright: ignore[reportReturnType]
        {"observation": seen, "action_mask": gymnasium.spaces.Box(0, 1, mask_shape(game), dtype=np.int8)}
    )


def world_action_space(game: Game) -> gymnasium.Space[NDArray[np.generic]]:
    """Return the space of one world's actions: the agent's own, or one choice per agent of a team."""
    single = game.single_action_space
    if not game.team:
        return single  # pyright: ignore[reportReturnType]
    if isinstance(single, gymnasium.spaces.Discrete):
        return gymnasium.spaces.MultiDiscrete(np.full(len(game.agents), single.n, np.int64))  # pyright: ignore[reportReturnType]
    agents = len(game.agents)
    low, high = np.tile(single.low, (agents, 1)), np.tile(single.high, (agents, 1))
    return gymnasium.spaces.Box(low, high, dtype=np.float32)  # pyright: ignore[reportReturnType]


def masks_of(game: Game) -> NDArray[np.bool_]:
    """Return which actions are allowed, bool [W, A] or [W, R, A]; all of them in a game without masks."""
    out = np.ones((game.worlds, *mask_shape(game)), dtype=np.bool_)
    if game.masked:
        game.masks(out)
    return out


def _bounds(game: Game) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the bounds of one agent's observation."""
    space = game.single_observation_space
    return space.low, space.high
