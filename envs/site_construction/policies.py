"""Policies to compare with in SiteConstruction: random, greedy and the planner."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import Observation
from moonfleet.autonomy.policy import Policy, RandomPolicy

from ..errors import EnvStateError
from . import spaces as s
from .game import SiteConstructionGame
from .planner import fewest_moves, plan_all

NOTHING = 0.06  # of `NEAR_M`: a height that is not worth a tool's time


class GreedyPolicy:
    """Takes what pays at once, else wanders: bakes, levels, cuts or fills where it stands, else drives to the pad and steps about on it.

    It minds neither its battery nor where its load is to go; what it steps to is drawn from (seed, observation).
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._wander = RandomPolicy(seed)

    def act(self, observation: Observation) -> int:
        """Return an allowed action."""
        seen, mask = observation.vector, observation.mask
        if mask[s.SINTER]:
            return s.SINTER
        half, side = s.PATCH_SIDE // 2, s.PATCH_SIDE
        patch = seen[s.feature_slice("patch")].reshape(side, side)[half - 1 : half + 2, half - 1 : half + 2]
        on_pad, here = bool(seen[s.OFFSET["on_pad"]] > 0.5), float(seen[s.OFFSET["here"]])
        if on_pad and mask[s.LEVEL] and float(np.abs(patch).max()) > NOTHING:
            return s.LEVEL
        if on_pad and mask[s.DIG] and here > NOTHING:
            return s.DIG
        if on_pad and mask[s.DUMP] and here < -NOTHING:
            return s.DUMP
        if not on_pad and mask[s.TO_PAD]:
            return s.TO_PAD
        steps = np.zeros(s.N_ACTIONS, np.bool_)
        steps[s.STEP : s.LEAP] = mask[s.STEP : s.LEAP]
        return self._wander.act(Observation(seen, steps)) if steps.any() else s.REST


class PlannerPolicy:
    """The planner, bound to a game: it answers for all machines of all its worlds as they stand now.

    Raises `EnvStateError` when it is asked about anything but the present rows of its game.
    """

    def __init__(self, game: SiteConstructionGame) -> None:
        self.game = game
        self._ways = fewest_moves()

    def act(self, observation: Observation) -> int:
        """Return the action of the machine that sees this now."""
        game = self.game
        rows = np.empty((game.worlds * len(game.agents), s.SIZE), np.float32)
        game.observe(rows.reshape(game.worlds, len(game.agents), s.SIZE))
        same = np.flatnonzero((rows == observation.vector).all(axis=1))
        if not same.size:
            raise EnvStateError("planner: no machine of its game sees this now.")
        return int(self._plan()[same[0]])

    def act_batch(self, observations: Observation) -> NDArray[np.int64]:
        """Return the actions of all machines, int64 [W * R], machines of a world together."""
        actions = self._plan()
        if len(observations.vector) != len(actions):
            raise EnvStateError(
                f"planner: asked about {len(observations.vector)} machines, its game has {len(actions)}."
            )
        return actions

    def _plan(self) -> NDArray[np.int64]:
        out = np.zeros((self.game.worlds, len(self.game.agents)), np.int64)
        plan_all(self.game.scene(), self._ways, out)
        return out.reshape(-1)


BASELINES: Mapping[str, Callable[..., Policy]] = {
    "random": RandomPolicy,
    "greedy": GreedyPolicy,
    "planner": PlannerPolicy,
}
