"""The reward of SiteConstruction: named terms of the whole crew, summed. A finished pad is worth 10.

==================  =====================================================================================  =========
term                what earns or costs it                                                                 default
==================  =====================================================================================  =========
``earth``           share of the volume between ground and design that this step took away (or added back) 2.5 in all
``pad``             share of the pad that was sintered within tolerance (or lost it again)                 5 in all
``done``            every cell of the pad is level and sintered: the episode ends                          2.5
``time``            every step                                                                             -0.001
``blocked``         an order that could not be carried out, each                                           -0.002
``brownout``        a flat battery forced a machine to hibernate, every time it tries to wake up           -0.03
``lost``            a machine is lost for good                                                             -1 each
==================  =====================================================================================  =========

``earth`` counts what lies more than half the tolerance off the design, so a level pad has none left. A cell earns its part of ``pad`` in
proportion to how deep it is sintered, and only while it is within tolerance: soil dumped onto it takes the value away.
"""

from __future__ import annotations

import dataclasses

from ..options import need_weights

TERMS: tuple[str, ...] = ("earth", "pad", "done", "time", "blocked", "brownout", "lost")


@dataclasses.dataclass(frozen=True, slots=True)
class RewardWeights:
    """What one unit of each term is worth; costs are given as positive numbers.

    Raises `EnvOptionError` for a weight that is negative or not finite.
    """

    earth: float = 2.5
    pad: float = 5.0
    done: float = 2.5
    time: float = 0.001
    blocked: float = 0.002
    brownout: float = 0.03
    lost: float = 1.0

    def __post_init__(self) -> None:
        """Check every weight."""
        need_weights(self)
