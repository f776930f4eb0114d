"""The faces of HazardLanding: one lander, and many."""

from __future__ import annotations

from ..made import MadeSolo, MadeVector
from .game import HazardLandingGame


class HazardLanding(MadeSolo):
    """One lander; ``options`` are those of `HazardLandingGame`. Observation, actions and reward: `spaces` and `rewards`."""

    GAME = HazardLandingGame


class HazardLandingVec(MadeVector):
    """Many landers; ``options`` are those of `HazardLandingGame`, the rest as of `GameVectorEnv`."""

    GAME = HazardLandingGame
