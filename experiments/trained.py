"""A trained policy: one file of plain numbers that says what it is, and the `Policy` that is made from it.

No torch is needed to use one, so a robot on a Ray actor carries it like any other policy::

    policy = TrainedPolicy.load("runs/stationops-easy-0")
    Simulation(mission, folder, "ray", policies={"rover-1": policy}).run()
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.array_file import ArrayFile, ArrayFileError, read_arrays, write_arrays
from moonfleet.autonomy.errors import PolicyError
from moonfleet.autonomy.observation import Observation
from moonfleet.terrain.seeds import stream

if TYPE_CHECKING:
    from moonfleet.envs.game import Game

FILE: Final = "policy.moonfile"
KIND: Final = "trained policy"
MOST_WIDE: Final = 65_536  # numbers in a layer
NEVER: Final = np.float32(-np.inf)
Floats32 = NDArray[np.float32]
Seen = Observation | NDArray[np.generic] | Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class TrainedPolicy:
    """The best-rated allowed action of a trained network; no memory and no chance, so the same observation gives the same action.

    ``sizes``: numbers per layer, first the observation's, last the action's. ``weights`` float32: layer by layer a matrix
    [inputs, outputs] and a bias [outputs]. ``low``, ``high`` float32 [k]: bounds of the actions of a Box, empty for Discrete.
    ``notes``: how it was trained, plain JSON values.
    """

    env_id: str
    sizes: tuple[int, ...]
    weights: Floats32
    low: Floats32
    high: Floats32
    notes: Mapping[str, Any]

    def act(self, observation: Seen) -> Any:
        """Return an action index that the mask allows, or the numbers float32 [k] of a Box.

        ``observation``: an `Observation`, or what an environment with one agent returned.
        """
        vector, mask = self.parts(observation)
        action = self.act_batch(Observation(vector[None], mask[None]))[0]
        return action if self.low.size else int(action)

    def act_batch(self, observations: Seen) -> NDArray[np.generic]:
        """As `act` for many at once: vectors [n, F] and masks [n, A] give int64 [n] or float32 [n, k].

        What an environment of a team or a batch of worlds returned will do too.

        Raises
        ------
        PolicyError
            The observation has another size than the network.
        """
        vectors, masks = self.parts(observations)
        out = self.rate(vectors)
        if self.low.size:
            return np.clip(out, self.low, self.high)
        return np.where(masks, out, NEVER).argmax(axis=1)

    def sampled(self, seed: int = 0) -> SampledPolicy:
        """Return a policy that takes actions by the chances that were learned, as in the training.

        Raises
        ------
        PolicyError
            Its actions are numbers, of which the file holds the means alone; or ``seed`` is no whole number >= 0.
        """
        if self.low.size:
            raise PolicyError(
                f"the policy trained for {self.env_id} answers with numbers, of which only the means are kept: it cannot be "
                "sampled; leave --sample out"
            )
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PolicyError(f"seed = {seed!r}: must be a whole number >= 0")
        return SampledPolicy(self, int(seed))

    def rate(self, vectors: NDArray[np.generic]) -> Floats32:
        """Return the network's answer to vectors [n, F], float32 [n, A]."""
        from .trained_forward import forward

        rows = np.ascontiguousarray(vectors, np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.sizes[0]:
            raise PolicyError(
                f"the policy trained for {self.env_id} takes {self.sizes[0]} numbers, was given {rows.shape[1:]}"
            )
        out = np.empty((len(rows), self.sizes[-1]), np.float32)
        forward(rows, self.weights, np.array(self.sizes, np.int64), out)
        return out

    def parts(self, seen: Seen) -> Observation:
        """Return vectors and masks of whatever was given; everything is allowed where there are no masks."""
        if isinstance(seen, Observation):
            return seen
        if isinstance(seen, Mapping):
            return Observation(np.asarray(seen["observation"], np.float32), np.asarray(seen["action_mask"], np.bool_))
        vectors = np.asarray(seen, np.float32)
        return Observation(vectors, np.ones((*vectors.shape[:-1], self.sizes[-1]), np.bool_))

    def fitted(self, env_id: str, game: Game) -> TrainedPolicy:
        """Return this policy if it fits an environment.

        Raises
        ------
        PolicyError
            It was trained for other observations or actions.
        """
        space = game.single_action_space
        actions = getattr(space, "n", None)
        here = (game.single_observation_space.shape[0], int(actions or np.prod(space.shape or (1,))), actions is None)
        mine = (self.sizes[0], self.sizes[-1], self.low.size > 0)
        if here != mine:
            words = [
                f"{seen} numbers to {count} {'numbers' if box else 'choices'}" for seen, count, box in (mine, here)
            ]
            raise PolicyError(f"the policy was trained for {self.env_id} ({words[0]}); {env_id} has {words[1]}")
        return self

    def save(self, folder: Path) -> Path:
        """Write the file into ``folder`` and return its path. Raises `PolicyError` where that cannot be done."""
        facts = {"env": self.env_id, "sizes": list(self.sizes), "notes": dict(self.notes)}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return write_arrays(
                folder / FILE, KIND, facts, {"weights": self.weights, "low": self.low, "high": self.high}
            )
        except (OSError, ArrayFileError) as error:
            raise PolicyError(f"the policy cannot be written: {error}") from error

    @classmethod
    def load(cls, path: str | Path) -> TrainedPolicy:
        """Return the policy in a file, or in the folder of a training.

        Raises
        ------
        PolicyError
            It is missing, damaged, of a later format, or does not fit together.
        """
        file = Path(path) / FILE if Path(path).is_dir() else Path(path)
        try:
            return cls._checked(file, read_arrays(file, KIND))
        except ArrayFileError as error:
            raise PolicyError(str(error)) from error

    @classmethod
    def _checked(cls, file: Path, told: ArrayFile) -> TrainedPolicy:
        """Return the policy of a file that is whole. Raises `PolicyError` if what it holds does not fit together."""
        sizes, notes = told.facts.get("sizes"), told.facts.get("notes", {})
        if not (
            isinstance(sizes, list) and len(sizes) >= 2 and all(type(n) is int and 0 < n <= MOST_WIDE for n in sizes)
        ):
            raise PolicyError(f"{file}: sizes = {sizes!r}: must be whole numbers of 1 .. {MOST_WIDE}, two or more")
        needed = sum((a + 1) * b for a, b in pairwise(sizes))
        weights, low, high = (told.arrays.get(name, np.empty(0)) for name in ("weights", "low", "high"))
        if not all(array.dtype == np.float32 and np.isfinite(array).all() for array in (weights, low, high)):
            raise PolicyError(f"{file}: weights, low and high must be there, finite float32")
        if weights.shape != (needed,) or low.shape not in ((0,), (sizes[-1],)) or high.shape != low.shape:
            raise PolicyError(
                f"{file}: {weights.size} weights, {low.size} and {high.size} bounds do not fit layers of {sizes}"
            )
        if (low > high).any():
            raise PolicyError(f"{file}: low and high: the lowest action lies above the highest")
        env_id = told.facts.get("env")
        if not isinstance(env_id, str) or not isinstance(notes, dict):
            raise PolicyError(f"{file}: env = {env_id!r}, notes = {notes!r}: must be a text and a mapping")
        return cls(env_id, tuple(sizes), weights, low, high, notes)


@dataclass(frozen=True, slots=True)
class SampledPolicy:
    """A trained policy that takes an action by the chance that it has learned for it.

    What PPO learns are chances: where two moves are as good, one that always takes the same may go in circles. The draw follows from the
    seed and the observation, so this policy has no memory either.
    """

    policy: TrainedPolicy
    seed: int = 0

    def act(self, observation: Seen) -> int:
        """As `TrainedPolicy.act`."""
        vector, mask = self.policy.parts(observation)
        return int(self.act_batch(Observation(vector[None], mask[None]))[0])

    def act_batch(self, observations: Seen) -> NDArray[np.int64]:
        """As `TrainedPolicy.act_batch`."""
        vectors, masks = self.policy.parts(observations)
        ratings = self.policy.rate(vectors)
        # the greatest of ratings with Gumbel noise is distributed as their softmax (Gumbel 1954; Maddison et al. 2014)
        noise = np.array([self._noise(row) for row in np.ascontiguousarray(vectors, np.float32)])
        return np.where(masks, ratings + noise.reshape(ratings.shape), NEVER).argmax(axis=1)

    def _noise(self, row: Floats32) -> NDArray[np.float64]:
        rng = stream(self.seed, "sampled-policy", index=(zlib.crc32(row.tobytes()),))
        return rng.gumbel(size=self.policy.sizes[-1])
