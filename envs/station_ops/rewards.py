"""The reward of StationOps: named terms, summed. Their sum over an episode is the mission's score.

============  ===========================================================================  ===============
term          what earns or costs it                                                       default
============  ===========================================================================  ===============
``jobs``      value of the jobs finished in this step, as the mission rates them            1 per point
``work``      share of the jobs' value that was worked for in this step, done or not             0 per point
``archive``   data that reached the archive on Earth                                       1 per gigabit
``losses``    robots lost for good (frozen, run flat, tipped over)                         -300 each
``contacts``  rocks that a robot's body touched                                            -0.5 each
============  ===========================================================================  ===============

An episode is a few weeks of a base that is to stand for years: a robot lost in it is lost for all that follows. So a loss costs more
than what the whole fleet can earn in a week, and nobody wins by wearing machines out.
"""

from __future__ import annotations

import dataclasses

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
    loss: float = 300.0
    contact: float = 0.5

    def __post_init__(self) -> None:
        """Check every weight."""
        need_weights(self)

    @property
    def in_order(self) -> tuple[float, float, float, float, float]:
        """The weights in the order of `TERMS`."""
        return self.job_value, self.work, self.archive_per_gbit, self.loss, self.contact
