"""The faces of SiteConstruction: one world, and many."""

from __future__ import annotations

from ..made import MadeSolo, MadeVector
from ..options import option_names
from .game import SiteConstructionGame
from .levels import Level


class SiteConstruction(MadeSolo):
    """A crew of construction robots builds a landing pad; one world.

    ``options`` are those of `SiteConstructionGame`: ``site``, ``level`` and whatever of the level differs. The crew acts as one:
    observations are a Dict of ``observation`` float32 [R, F] and ``action_mask`` int8 [R, A], actions MultiDiscrete [R], also for a
    crew of one.
    """

    GAME = SiteConstructionGame
    OPTIONS = option_names(Level)


class SiteConstructionVector(MadeVector):
    """The same for ``num_envs`` worlds at once; ``threads`` step them, the rest as `SiteConstruction` and `GameVectorEnv`."""

    GAME = SiteConstructionGame
    OPTIONS = option_names(Level)
