"""Policies as a batch asks them: many rows at once, each answered as if it stood alone."""

from __future__ import annotations

import inspect
import zlib
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import PolicyError
from moonfleet.autonomy.observation import Observation
from moonfleet.terrain.seeds import stream

Actions = NDArray[np.generic]


class BatchPolicy(Protocol):
    """Whatever has ``act(observation)``; with ``act_batch(observations)`` it answers for many rows together.

    It is given what an agent sees: in a game with masks an `Observation` (vectors [n, F] and masks [n, A]), in one without the vectors
    alone. ``act_batch`` may also take the two of them apart, as ``(observations, masks)``.
    """

    def act(self, observation: Any) -> Any:
        """Return the action of one agent."""
        ...


def ask(policy: BatchPolicy, seen: Observation, *, masked: bool = True) -> Actions:
    """Return the actions of all rows: int64 [n], or float32 [n, k], for vectors [n, F] and masks [n, A].

    Raises `PolicyError` for a policy that has neither ``act`` nor ``act_batch``.
    """
    together = getattr(policy, "act_batch", None)
    if together is None and not callable(getattr(policy, "act", None)):
        raise PolicyError(f"policy: {policy!r} has no act(observation), and no act_batch")
    if together is not None:
        apart = "masks" in inspect.signature(together).parameters
        return np.asarray(together(seen.vector, seen.mask) if apart else together(seen if masked else seen.vector))
    if not masked:
        return np.asarray([policy.act(vector) for vector in seen.vector])
    rows = zip(seen.vector, seen.mask, strict=True)
    return np.asarray([policy.act(Observation(vector, mask)) for vector, mask in rows])


class AnyAllowed:
    """Any allowed action, all alike likely; the draw follows from the seed and the row, not from what was asked before."""

    def __init__(self, space: Any, seed: int) -> None:
        """``space``: of one agent's actions, a Discrete or a Box."""
        self.space = space
        self.seed = seed

    def act(self, observation: Observation | NDArray[np.float32]) -> Any:
        """Return an index, or numbers within the bounds of the Box."""
        masked = isinstance(observation, Observation)
        vector = observation.vector if masked else observation
        rng = stream(self.seed, "any-allowed", index=(zlib.crc32(vector.tobytes()),))
        if not hasattr(self.space, "n"):
            return rng.uniform(self.space.low, self.space.high).astype(np.float32)
        allowed = np.flatnonzero(observation.mask) if masked else np.arange(self.space.n)
        return int(allowed[rng.integers(allowed.size)])


class FromSb3:
    """A model of Stable-Baselines3 as a policy; one of sb3-contrib's takes the masks where there are some."""

    def __init__(self, model: Any, *, deterministic: bool = True) -> None:
        self.model, self.deterministic = model, deterministic

    def act(self, observation: Observation | NDArray[np.float32]) -> Any:
        """Return the model's action for one row."""
        if isinstance(observation, Observation):
            return self.act_batch(Observation(observation.vector[None], observation.mask[None]))[0]
        return self.act_batch(observation[None])[0]

    def act_batch(self, observations: Observation | NDArray[np.float32]) -> Actions:
        """Return the model's actions for many rows; raises `PolicyError` where it was trained to see something else."""
        self._need_shape(observations.vector if isinstance(observations, Observation) else observations)
        if isinstance(observations, Observation):
            masks = observations.mask
            return self.model.predict(observations.vector, action_masks=masks, deterministic=self.deterministic)[0]
        return self.model.predict(observations, deterministic=self.deterministic)[0]

    def _need_shape(self, vectors: NDArray[np.float32]) -> None:
        """Raise `PolicyError` unless rows [n, F] have the shape of what the model was trained on."""
        space = getattr(self.model, "observation_space", None)
        if space is not None and space.shape != vectors.shape[1:]:
            sees = "a mapping" if space.shape is None else f"vectors of shape {space.shape}"
            raise PolicyError(
                f"FromSb3: the model sees {sees}, this environment shows vectors of shape {vectors.shape[1:]}; "
                "it was trained in another one."
            )
