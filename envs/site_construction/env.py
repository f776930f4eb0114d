"""The faces of SiteConstruction: one world, and many."""

from __future__ import annotations

from gymnasium.vector import AutoresetMode

from ..options import game_of
from ..solo import SoloEnv
from ..vector import GameVectorEnv
from .game import SiteConstructionGame


class SiteConstruction(SoloEnv):
    """A crew of construction robots builds a landing pad; one world.

    ``options`` are those of `SiteConstructionGame`: ``site``, ``level`` and whatever of the level differs. The crew acts as one:
    observations are a Dict of ``observation`` float32 [R, F] and ``action_mask`` int8 [R, A], actions MultiDiscrete [R], also for a
    crew of one.
    """

    def __init__(self, render_mode: str | None = None, **options: object) -> None:
        super().__init__(game_of(SiteConstructionGame, 1, options), render_mode)


class SiteConstructionVector(GameVectorEnv):
    """The same for ``num_envs`` worlds at once; ``threads`` step them, the rest as `SiteConstruction` and `GameVectorEnv`."""

    def __init__(
        self,
        num_envs: int = 1,
        threads: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
        **options: object,
    ) -> None:
        game = game_of(SiteConstructionGame, num_envs, {"threads": threads, **options})
        super().__init__(game, autoreset_mode=autoreset_mode, copy=copy, render_mode=render_mode)
