"""Random play: the same actions for the same seed and step, whatever is played."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

from .subject import Mask, Vector, has

PURPOSE = "conformance actions"


class Outcome(NamedTuple):
    """What one reset (reward and flags None) or step returned."""

    observation: Any
    reward: Any
    terminated: Any
    truncated: Any
    infos: dict[str, Any]


def draw_actions(space: gymnasium.Space[Any], worlds: int, seed: int, step: int) -> NDArray[Any]:
    """Return an action of ``space`` for each of ``worlds``; that of world i does not depend on how many there are."""
    actions: list[Any] = []
    for world in range(worlds):
        rng = stream(seed, PURPOSE, world=world, index=(step,))
        if isinstance(space, gymnasium.spaces.Discrete):
            actions.append(int(space.start) + rng.integers(int(space.n)))
        elif isinstance(space, gymnasium.spaces.MultiDiscrete):
            actions.append(space.start + rng.integers(space.nvec))
        elif isinstance(space, gymnasium.spaces.Box):
            low, high = np.maximum(space.low, -1e3), np.minimum(space.high, 1e3)
            actions.append(rng.uniform(low, high).astype(space.dtype))
        else:
            space.seed(int(rng.integers(2**31)))
            actions.append(space.sample())
    return np.array(actions)


def allowed_actions(space: gymnasium.Space[Any], masks: Mask, seed: int, step: int) -> NDArray[np.int64]:
    """Return a random allowed action for each world, int64 [W] or [W, R]; ``masks`` bool [W, A] or [W, R, A]."""
    worlds = len(masks)
    rng = stream(seed, PURPOSE, index=(step, 1))
    dice = rng.random(masks.shape)
    return np.where(masks, dice, -1.0).argmax(axis=-1).astype(np.int64).reshape(worlds, *(space.shape or ()))


def masks_seen(env: Vector, observation: Any) -> Mask | None:
    """Return the masks, bool [W, A] or [W, R, A], from the observation's ``action_mask`` or from ``action_masks()``."""
    if isinstance(observation, Mapping) and "action_mask" in observation:
        return np.asarray(observation["action_mask"]).astype(np.bool_)
    if not has(env, "action_masks"):
        return None
    masks = np.asarray(env.action_masks(), dtype=np.bool_)  # pyright: ignore[reportAttributeAccessIssue]
    if masks.shape[-1] == 0:
        return None
    space = env.single_action_space
    return (
        masks.reshape(env.num_envs, len(space.nvec), -1) if isinstance(space, gymnasium.spaces.MultiDiscrete) else masks
    )


def play(env: Vector, seed: int, steps: int, *, actions_seed: int | None = None) -> Iterator[Outcome]:
    """Reset with ``seed`` and make ``steps`` random steps; yields what each returned, the reset first."""
    observation, infos = env.reset(seed=seed)
    yield Outcome(observation, None, None, None, infos)
    yield from go_on(env, seed if actions_seed is None else actions_seed, 1, steps)


def go_on(env: Vector, seed: int, first: int, last: int) -> Iterator[Outcome]:
    """Make the random steps ``first`` .. ``last``."""
    for step in range(first, last + 1):
        yield Outcome(*env.step(draw_actions(env.single_action_space, env.num_envs, seed, step)))
