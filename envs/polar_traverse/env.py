"""The faces of PolarTraverse: one world (`gymnasium.Env`) and many (`gymnasium.vector.VectorEnv`), both made from its game."""

from __future__ import annotations

from ..made import MadeSolo, MadeVector
from .game import PolarTraverseGame


class PolarTraverse(MadeSolo):
    """One rover, science targets in order, moving light; ``options`` are those of `PolarTraverseGame`, behaviour as in `SoloEnv`."""

    GAME = PolarTraverseGame


class PolarTraverseVec(MadeVector):
    """Many worlds of `PolarTraverse` at once; ``options`` are those of `PolarTraverseGame`, behaviour as in `GameVectorEnv`."""

    GAME = PolarTraverseGame
