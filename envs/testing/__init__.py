"""Checks that an environment does what its face promises; run them on your own.

gymnasium's ``check_env`` refuses a `VectorEnv`, so batched environments need a suite of their own::

    from moonfleet.envs.testing import Subject, VECTOR_CHECKS

    SUBJECT = Subject(vector=MyVectorEnv, single=MyEnv)  # called as MyVectorEnv(num_envs, **options) and MyEnv()

    @pytest.mark.parametrize("check", VECTOR_CHECKS, ids=lambda check: check.__name__)
    def test_conformance(check):
        check(SUBJECT)

or all at once: `check_vector_env`, and for a `Game` `check_game`, which checks the game, and every face made from it. A check
returns None when it passed, a text when it does not apply (the extra method is not there), and raises `ConformanceError`, which
says what, in which world, at which step.

The checks know these extras of a vector environment, all optional: ``get_state(world)`` and ``set_state(world, state)``,
``action_masks()`` or an ``action_mask`` in the observation, ``infos["reward_terms"]``, and the constructor options
``autoreset_mode``, ``threads`` and ``copy``. `FOREIGN_CHECKS` run the checkers of gymnasium, PettingZoo, Stable-Baselines3 and RLlib.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .. import VECTOR_ENTRY_POINTS, solo_env, vector_env
from ..errors import need_name
from ..game import Game
from ..solo import SoloEnv
from ..vector import GameVectorEnv
from .basic_checks import BASIC_CHECKS
from .foreign import FOREIGN_CHECKS
from .game_checks import GAME_CHECKS
from .same_checks import SAME_CHECKS
from .short import SHORT, short_options
from .state_checks import STATE_CHECKS
from .subject import Check, ConformanceError, Subject
from .team_checks import TEAM_CHECKS

VECTOR_CHECKS: tuple[Check, ...] = (*BASIC_CHECKS, *SAME_CHECKS, *STATE_CHECKS)
ALL_GAME_CHECKS: tuple[Check, ...] = (*GAME_CHECKS, *VECTOR_CHECKS, *TEAM_CHECKS)

__all__ = [
    "ALL_GAME_CHECKS",
    "FOREIGN_CHECKS",
    "GAME_CHECKS",
    "SHORT",
    "TEAM_CHECKS",
    "VECTOR_CHECKS",
    "Check",
    "ConformanceError",
    "Subject",
    "check_game",
    "check_vector_env",
    "game_subject",
    "registered_subject",
    "short_options",
]


def check_vector_env(
    vector: Callable[..., Any],
    single: Callable[[], Any] | None = None,
    *,
    worlds: int = 4,
    steps: int = 60,
    seed: int = 1,
) -> dict[str, str]:
    """Run `VECTOR_CHECKS` on ``vector(num_envs, **options)``, beside ``single()`` if it is given; see `Subject`.

    Returns the name of each check with "passed" or why it did not apply.

    Raises
    ------
    ConformanceError
        The first check that fails.
    """
    return _run(VECTOR_CHECKS, Subject(vector, single, worlds, steps, seed))


def check_game(make: Callable[..., Game], *, worlds: int = 4, steps: int = 60, seed: int = 1) -> dict[str, str]:
    """Run `ALL_GAME_CHECKS` on a game ``make(worlds, threads)`` and on the faces made from it.

    Returns the name of each check with "passed" or why it did not apply.

    Raises
    ------
    ConformanceError
        The first check that fails.
    """
    return _run(ALL_GAME_CHECKS, game_subject(make, worlds=worlds, steps=steps, seed=seed))


def game_subject(make: Callable[..., Game], *, worlds: int = 4, steps: int = 60, seed: int = 1) -> Subject:
    """Return the subject of a game ``make(worlds, threads)``: the game, its vector face and its single face."""
    return Subject(partial(_vector, make), partial(_single, make), worlds, steps, seed, make)


def registered_subject(env_id: str, *, worlds: int = 4, steps: int = 60, seed: int = 1, **options: object) -> Subject:
    """Return the subject of a registered environment with a native batch; ``options`` beside those that make its episodes short.

    Raises
    ------
    EnvOptionError
        There is no such environment, or it has no native batch.
    """
    name = need_name("env_id", env_id, VECTOR_ENTRY_POINTS)
    given = {**short_options(name), **options}
    vector, single = partial(vector_env, name, **given), partial(solo_env, name, **given)
    return Subject(vector, single, worlds, steps, seed, partial(_game_of, vector))


def _game_of(vector: Callable[..., Any], worlds: int, threads: int) -> Game:
    """Return the game behind a native batch."""
    return vector(worlds, threads=threads).game


def _run(checks: tuple[Check, ...], subject: Subject) -> dict[str, str]:
    """Run checks and say how each went."""
    told: dict[str, str] = {}
    for check in checks:
        try:
            told[check.__name__] = check(subject) or "passed"
        except ConformanceError as error:
            raise ConformanceError(f"{check.__name__}: {error}") from error
    return told


def _vector(make: Callable[..., Game], num_envs: int, *, threads: int = 1, **options: Any) -> GameVectorEnv:
    """Return the vector face of a game."""
    return GameVectorEnv(make(num_envs, threads), **options)


def _single(make: Callable[..., Game]) -> SoloEnv:
    """Return the single face of a game."""
    return SoloEnv(make(1, 1))
