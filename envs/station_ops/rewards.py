"""The reward of StationOps: named terms, summed. Their sum over an episode is the mission's score.

============  ===========================================================================  ===============
term          what earns or costs it                                                       default
============  ===========================================================================  ===============
``jobs``      value of the jobs finished in this step, as the mission rates them            1 per point
``archive``   data that reached the archive on Earth                                       1 per gigabit
``losses``    robots lost for good (frozen, run flat, tipped over)                         -50 each
``contacts``  rocks that a robot's body touched                                            -0.5 each
============  ===========================================================================  ===============
"""

from __future__ import annotations

import dataclasses
import math

from moonfleet.agents.operations import Score

from ..errors import EnvOptionError

TERMS: tuple[str, ...] = ("jobs", "archive", "losses", "contacts")


@dataclasses.dataclass(frozen=True, slots=True)
class RewardWeights:
    """What one unit of each term is worth; costs are given as positive numbers.

    Raises `EnvOptionError` for a weight that is negative or not finite.
    """

    job_value: float = 1.0
    archive_per_gbit: float = 1.0
    loss: float = 50.0
    contact: float = 0.5

    def __post_init__(self) -> None:
        """Check every weight."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value) or value < 0.0:
                raise EnvOptionError(f"weights.{field.name}: got {value!r}, need a finite number of 0 or more.")


def reward_terms(weights: RewardWeights, score: Score) -> dict[str, float]:
    """Return the terms of one step by name, in the order of `TERMS`; ``score`` is what this step earned and cost."""
    return {
        "jobs": weights.job_value * score.value,
        "archive": weights.archive_per_gbit * score.archive_mbit / 1000.0,
        "losses": -weights.loss * score.losses,
        "contacts": -weights.contact * score.contacts,
    }
