"""The faces of a game by its class alone: an environment's `env.py` says which game, and what it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from gymnasium.vector import AutoresetMode

from .game import Game
from .options import game_of
from .solo import SoloEnv
from .vector import GameVectorEnv


class MadeSolo(SoloEnv):
    """One world of ``GAME``, made with its ``options``."""

    GAME: ClassVar[Callable[..., Game]]  # the class of the game, or a function that makes it
    OPTIONS: ClassVar[tuple[str, ...]] = ()  # what it takes as ``**options``, if it takes these only

    def __init__(self, render_mode: str | None = None, **options: object) -> None:
        super().__init__(game_of(self.GAME, 1, options, self.OPTIONS), render_mode)


class MadeVector(GameVectorEnv):
    """``num_envs`` worlds of ``GAME``, made with its ``options`` (``threads`` among them); the rest as of `GameVectorEnv`."""

    GAME: ClassVar[Callable[..., Game]]  # the class of the game, or a function that makes it
    OPTIONS: ClassVar[tuple[str, ...]] = ()  # what it takes as ``**options``, if it takes these only

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
        **options: object,
    ) -> None:
        game = game_of(self.GAME, num_envs, options, self.OPTIONS)
        super().__init__(game, autoreset_mode=autoreset_mode, copy=copy, render_mode=render_mode)
