"""The reward of StationOps: named terms, summed. Their sum over an episode is the mission's score.

============  ===========================================================================  ===============
term          what earns or costs it                                                       default
============  ===========================================================================  ===============
``jobs``      value of the jobs finished in this step, as the mission rates them            1 per point
``work``      share of the jobs' value that was worked for in this step, done or not             0 per point
``archive``   data that reached the archive on Earth                                       1 per gigabit
``losses``    robots lost for good (frozen, run flat, tipped over)                         -150 each
``contacts``  rocks that a robot's body touched                                            -0.5 each
============  ===========================================================================  ===============
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..options import need_weights

TERMS: tuple[str, ...] = ("jobs", "work", "archive", "losses", "contacts")


@dataclasses.dataclass(frozen=True, slots=True)
class RewardWeights:
    """What one unit of each term is worth; costs are given as positive numbers.

    Raises `EnvOptionError` for a weight that is negative or not finite.
    """

    job_value: float = 1.0
    work: float = 0.0
    archive_per_gbit: float = 1.0
    loss: float = 150.0
    contact: float = 0.5

    def __post_init__(self) -> None:
        """Check every weight."""
        need_weights(self)

    @property
    def in_order(self) -> tuple[float, float, float, float, float]:
        """The weights in the order of `TERMS`."""
        return self.job_value, self.work, self.archive_per_gbit, self.loss, self.contact

    def terms(
        self, value: NDArray[np.float64], worked: NDArray[np.float64], archive_mbit: NDArray[np.float64],
        losses: NDArray[np.int64], contacts: NDArray[np.int64],
    ) -> NDArray[np.float64]:  # fmt: skip
        """Return the terms float64 [W, 5] of one step, in the order of `TERMS`, from what it earned and cost in each world [W]."""
        return np.stack(
            [
                self.job_value * value,
                self.work * worked,
                self.archive_per_gbit * archive_mbit / 1000.0,
                -self.loss * losses,
                -self.contact * contacts,
            ],
            axis=-1,
        ).astype(np.float64, copy=False)


def worked_value(
    value: NDArray[np.float64], effort_s: NDArray[np.float64], before_s: NDArray[np.float64], now_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of the jobs' value that was worked for, float64 [W], from rows [W, J] of their value and progress.

    Jobs are added in their order, so that blank ones at the end change nothing.
    """
    gained = value * (now_s - before_s) / np.where(effort_s > 0.0, effort_s, 1.0)
    out = np.zeros(gained.shape[0])
    for job in range(gained.shape[1]):
        out += gained[:, job]
    return out
