"""What is checked, and how a check says what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from ..errors import EnvError
from ..game import Game

Vector = VectorEnv[Any, Any, Any]
Single = gymnasium.Env[Any, Any]
Mask = NDArray[np.bool_]


class ConformanceError(EnvError, AssertionError):
    """An environment that does not do what its face promises: which check, what, in which world, at which step."""


@dataclass(frozen=True)
class Subject:
    """A vector environment under test.

    Parameters
    ----------
    vector
        ``vector(num_envs, **options)`` makes it. Options that are tried: ``autoreset_mode`` (text, as
        `gymnasium.vector.AutoresetMode`), ``threads`` and ``copy``; one that it does not know (TypeError) leaves out the checks
        of that option. Make episodes short (tens of steps), or the checks see no end of one.
    single
        ``single()`` makes one world of it as a `gymnasium.Env`; None leaves out the comparison with it.
    worlds, steps, seed
        Size of the test.
    game
        ``game(worlds, threads)`` makes the `Game` behind it, if there is one.
    """

    vector: Callable[..., Vector]
    single: Callable[[], Single] | None = None
    worlds: int = 4
    steps: int = 60
    seed: int = 1
    game: Callable[[int, int], Game] | None = None

    def make(self, worlds: int | None = None, **options: object) -> Vector:
        """Return a fresh vector environment."""
        return self.vector(self.worlds if worlds is None else worlds, **options)

    def try_make(self, worlds: int | None = None, **options: object) -> Vector | None:
        """Return a fresh vector environment, or None if it does not know the ``options``."""
        try:
            return self.make(worlds, **options)
        except TypeError as error:
            if any(name in str(error) for name in options):
                return None
            raise


Check = Callable[[Subject], str | None]  # None: passed; a text: why it does not apply; ConformanceError: it fails


def fail(what: str, *, world: int | None = None, step: int | None = None) -> ConformanceError:
    """Return the error that says ``what`` was found and where."""
    where = [f"world {world}"] if world is not None else []
    if step is not None:
        where.append("at reset" if step == 0 else f"step {step}")
    return ConformanceError(f"{what} ({', '.join(where)})" if where else what)


def mode_of(env: Vector) -> AutoresetMode:
    """Return the declared autoreset mode."""
    mode = env.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise fail(f"metadata['autoreset_mode'] is {mode!r}, need a gymnasium.vector.AutoresetMode")
    return mode


def has(env: object, *names: str) -> bool:
    """Return whether ``env`` has all of the extra methods ``names``."""
    return all(callable(getattr(env, name, None)) for name in names)
