"""The faces of HazardLanding: one lander, and many."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import AutoresetMode

from ..options import game_of
from ..solo import SoloEnv
from ..vector import GameVectorEnv
from .game import HazardLandingGame


class HazardLanding(SoloEnv):
    """One lander; ``options`` are those of `HazardLandingGame`. Observation, actions and reward: `spaces` and `rewards`."""

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        super().__init__(game_of(HazardLandingGame, 1, options), render_mode)


class HazardLandingVec(GameVectorEnv):
    """Many landers; ``options`` are those of `HazardLandingGame`, the rest as of `GameVectorEnv`."""

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        game = game_of(HazardLandingGame, num_envs, options)
        super().__init__(game, autoreset_mode=autoreset_mode, copy=copy, render_mode=render_mode)
