"""The faces of PolarTraverse: one world (`gymnasium.Env`) and many (`gymnasium.vector.VectorEnv`), both made from its game."""

from __future__ import annotations

from gymnasium.vector import AutoresetMode

from ..options import game_of
from ..solo import SoloEnv
from ..vector import GameVectorEnv
from .game import PolarTraverseGame


class PolarTraverse(SoloEnv):
    """One rover, science targets in order, moving light; ``options`` are those of `PolarTraverseGame`, behaviour as in `SoloEnv`."""

    def __init__(self, *, render_mode: str | None = None, **options: object) -> None:
        super().__init__(game_of(PolarTraverseGame, 1, options), render_mode)


class PolarTraverseVec(GameVectorEnv):
    """Many worlds of `PolarTraverse` at once; ``options`` are those of `PolarTraverseGame`, behaviour as in `GameVectorEnv`."""

    def __init__(
        self,
        num_envs: int = 1,
        *,
        threads: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
        **options: object,
    ) -> None:
        game = game_of(PolarTraverseGame, num_envs, {"threads": threads, **options})
        super().__init__(game, autoreset_mode=autoreset_mode, copy=copy, render_mode=render_mode)
