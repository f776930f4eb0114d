"""The reward of IceProspecting: named terms, summed.

==================  =====================================================================================  =============
term                what earns or costs it                                                                 default
==================  =====================================================================================  =============
``progress``        driving time that this step took off the way to the nearest prospect, while nothing    0 per hour
                    is carried, or off the way home, while the cache is full
``drilled``         ice that came out of the ground, in kilograms                                          10 per kg
``returned``        ice that was brought home, in kilograms                                                90 per kg
``brownout``        the flat battery forced the rover to hibernate                                         -0.5
``time``            every step                                                                             -0.002
``lost``            the rover is lost or stranded in the dark with a flat battery: the episode ends        -10
==================  =====================================================================================  =============
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..options import need_weights

TERMS: tuple[str, ...] = ("progress", "drilled", "returned", "brownout", "time", "lost")
PROGRESS, DRILLED, RETURNED, BROWNOUT, TIME, LOST = range(6)


@dataclasses.dataclass(frozen=True, slots=True)
class RewardWeights:
    """What one unit of each term is worth; costs are given as positive numbers.

    Raises `EnvOptionError` for a weight that is negative or not finite.
    """

    progress_per_h: float = 0.0
    drilled_per_kg: float = 10.0
    returned_per_kg: float = 90.0
    brownout: float = 0.5
    time: float = 0.002
    lost: float = 10.0

    def __post_init__(self) -> None:
        """Check every weight."""
        need_weights(self)

    def row(self) -> NDArray[np.float64]:
        """Return what the kernel multiplies with, float64 [6], in the order of `TERMS`, costs negative."""
        return np.array(
            [
                self.progress_per_h / 3600.0,
                self.drilled_per_kg,
                self.returned_per_kg,
                -self.brownout,
                -self.time,
                -self.lost,
            ]
        )
