"""The faces of IceProspecting: one rover, and many worlds with one rover each."""

from __future__ import annotations

from ..made import MadeSolo, MadeVector
from ..options import option_names
from .game import IceProspectingGame
from .levels import Level


class IceProspecting(MadeSolo):
    """One rover; ``options`` are those of `IceProspectingGame`. Observation, actions and reward: `spaces` and `rewards`."""

    GAME = IceProspectingGame
    OPTIONS = option_names(Level)


class IceProspectingVec(MadeVector):
    """Many worlds; ``options`` are those of `IceProspectingGame`, the rest as of `GameVectorEnv`."""

    GAME = IceProspectingGame
    OPTIONS = option_names(Level)
