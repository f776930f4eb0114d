"""Rewards brought to the size that learners expect: divided by the spread of what is still to come, as it has been so far.

PPO clips the gradient of policy and value together: with returns in the hundreds the value's part drowns the policy's. What is kept is
the running variance of the discounted return of every world (Engstrom et al. 2020, "Implementation matters in deep policy gradients",
section 3; `VecNormalize` of Stable-Baselines3 does the same), so the scale settles, and the order of policies stays what it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DISCOUNT, LARGEST, LEAST_VARIANCE = 0.99, 10.0, 1e-8


class RewardScale:
    """The scale of the rewards of W worlds."""

    def __init__(self, worlds: int) -> None:
        from stable_baselines3.common.running_mean_std import RunningMeanStd  # of the [rl] extra

        self.returns: Floats = np.zeros(worlds)
        self.seen = RunningMeanStd(shape=())

    def scaled(self, rewards: Floats, over: NDArray[np.bool_]) -> Floats:
        """Return rewards [W] of a step in units of the spread so far; ``over`` says where an episode ended with it."""
        self.returns = self.returns * DISCOUNT + rewards
        self.seen.update(self.returns)
        self.returns[over] = 0.0
        return np.clip(rewards / np.sqrt(self.seen.var + LEAST_VARIANCE), -LARGEST, LARGEST)

    def get_state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that changes."""
        moments = np.array([self.seen.mean, self.seen.var, self.seen.count], dtype=np.float64)
        return {"scale.returns": self.returns.copy(), "scale.moments": moments}

    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take up a state made by `get_state`."""
        self.returns = state["scale.returns"].astype(np.float64)
        mean, self.seen.var, count = state["scale.moments"].astype(np.float64)
        self.seen.mean, self.seen.count = mean, float(count)
