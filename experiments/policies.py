"""Policies as a batch asks them: many rows at once, each answered as if it stood alone."""

from __future__ import annotations

import inspect
import zlib
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import Observation
from moonfleet.terrain.seeds import stream

Actions = NDArray[np.generic]


class BatchPolicy(Protocol):
    """Whatever has ``act(observation)``; with ``act_batch`` it answers for many rows together.

    ``act_batch`` takes an `Observation` of vectors [n, F] and masks [n, A], or the two of them as ``(observations, masks)``.
    """

    def act(self, observation: Observation) -> Any:
        """Return the action of one agent."""
        ...


def ask(policy: BatchPolicy, seen: Observation) -> Actions:
    """Return the actions of all rows: int64 [n], or float32 [n, k], for vectors [n, F] and masks [n, A]."""
    together = getattr(policy, "act_batch", None)
    if together is not None:
        apart = "masks" in inspect.signature(together).parameters
        return np.asarray(together(seen.vector, seen.mask) if apart else together(seen))
    rows = zip(seen.vector, seen.mask, strict=True)
    return np.asarray([policy.act(Observation(vector, mask)) for vector, mask in rows])


class AnyAllowed:
    """Any allowed action, all alike likely; the draw follows from the seed and the row, not from what was asked before."""

    def __init__(self, space: gymnasium.spaces.Discrete[np.int64] | gymnasium.spaces.Box, seed: int) -> None:
        self.space = space
        self.seed = seed

    def act(self, observation: Observation) -> Any:
        """Return an index, or numbers within the bounds of the Box."""
        rng = stream(self.seed, "any-allowed", index=(zlib.crc32(observation.vector.tobytes()),))
        if isinstance(self.space, gymnasium.spaces.Box):
            return rng.uniform(self.space.low, self.space.high).astype(np.float32)
        allowed = np.flatnonzero(observation.mask)
        return int(allowed[rng.integers(allowed.size)])


class FromSb3:
    """A model of Stable-Baselines3 as a policy; with ``masks`` one of sb3-contrib's that takes them."""

    def __init__(self, model: Any, *, masks: bool, deterministic: bool = True) -> None:
        self.model, self.masks, self.deterministic = model, masks, deterministic

    def act(self, observation: Observation) -> Any:
        """Return the model's action for one row."""
        return self.act_batch(Observation(observation.vector[None], observation.mask[None]))[0]

    def act_batch(self, observations: Observation) -> Actions:
        """Return the model's actions for many rows."""
        masks = {"action_masks": observations.mask} if self.masks else {}
        return self.model.predict(observations.vector, deterministic=self.deterministic, **masks)[0]
