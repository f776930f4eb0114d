"""The reward of HazardLanding: named terms, summed.

==================  =====================================================================================  =========
term                what earns or costs it                                                                 default
==================  =====================================================================================  =========
``safe``            a safe touchdown: slow, upright, no rock under belly or legs                           10
``margin``          how far a safe stance is from unsafe, 0 to 1                                           2
``crash``           any other touchdown, dry tanks among them                                              -10
``guide``           change of the share of safe ground around the aim; over an episode it sums up to
                    the last aim's share less the first one's                                              0
``divert``          every metre that the aim is moved                                                      -0.005
``fuel``            every m/s that the fuel spent was worth                                                -0.01
``time``            every step                                                                             -0.01
==================  =====================================================================================  =========

``guide`` tells what the lander cannot know; it is for learning only and is 0 except on level ``easy``.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..options import need_weights

TERMS: tuple[str, ...] = ("safe", "margin", "crash", "guide", "divert", "fuel", "time")

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class RewardWeights:
    """What one unit of each term is worth; costs are given as positive numbers.

    Raises `EnvOptionError` for a weight that is negative or not finite.
    """

    safe: float = 10.0
    margin: float = 2.0
    crash: float = 10.0
    guide: float = 0.0
    divert_per_m: float = 0.005
    fuel_per_m_s: float = 0.01
    time: float = 0.01

    def __post_init__(self) -> None:
        """Check every weight."""
        need_weights(self)


def reward_terms(
    weights: RewardWeights, safe: Floats, margin: Floats, crashed: Floats, guided: Floats, moved_m: Floats, spent_m_s: Floats,
) -> Floats:  # fmt: skip
    """Return the terms of one step of n worlds, float64 [n, T] in the order of `TERMS`; the reward is their sum.

    All float64 [n]: whether it touched down safely (1 or 0) and the margin of the stance, whether it crashed, the change of the share of
    safe ground around the aim, how far the aim was moved [m], what the fuel spent was worth [m/s].
    """
    return np.stack(
        [
            weights.safe * safe,
            weights.margin * np.clip(margin, 0.0, 1.0) * safe,
            -weights.crash * crashed,
            weights.guide * guided,
            -weights.divert_per_m * moved_m,
            -weights.fuel_per_m_s * spent_m_s,
            np.full(len(safe), -weights.time),
        ],
        axis=1,
    )
