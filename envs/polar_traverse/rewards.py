"""The reward of PolarTraverse: named terms, summed.

==================  =====================================================================================  =========
term                what earns or costs it                                                                 default
==================  =====================================================================================  =========
``progress``        route length to the current target that this step took off, in kilometres              1 per km
``target``          a science target reached                                                               10 each
``low_battery``     how far the battery stands below the reserve, as a fraction of the reserve, per step   -0.05
``brownout``        the flat battery forced the rover to hibernate, every time it tries to wake up         -0.2
``time``            every step                                                                             -0.005
``lost``            the rover is lost for good, as a rule frozen: the episode ends                         -20
==================  =====================================================================================  =========
"""

from __future__ import annotations

import dataclasses

from ..options import need_weights

TERMS: tuple[str, ...] = ("progress", "target", "low_battery", "brownout", "time", "lost")


@dataclasses.dataclass(frozen=True, slots=True)
class RewardWeights:
    """What one unit of each term is worth; costs are given as positive numbers.

    Raises `EnvOptionError` for a weight that is negative or not finite.
    """

    progress_per_km: float = 1.0
    target: float = 10.0
    low_battery: float = 0.05
    brownout: float = 0.2
    time: float = 0.005
    lost: float = 20.0

    def __post_init__(self) -> None:
        """Check every weight."""
        need_weights(self)

    def in_order(self) -> tuple[float, ...]:
        """Return the weights in the order of `TERMS`."""
        return dataclasses.astuple(self)
