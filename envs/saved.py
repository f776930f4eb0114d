"""Saved states at the door of an environment: a state is taken up only if an episode could have come to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.agents.saved_arrays import misfit

from .errors import EnvStateError, need_state

Ranges = Mapping[str, tuple[ArrayLike, ArrayLike]]


def need_arrays(state: Any, goals: Mapping[str, NDArray[np.generic]], ranges: Ranges) -> None:
    """Raise `EnvStateError` unless ``state`` has arrays of the shapes and types of ``goals``, with numbers within ``ranges``.

    Numbers without a range must be finite. Other names in ``state`` are left alone.
    """
    need_state(state, tuple(goals))
    if (problem := misfit(state, goals, ranges)) is not None:
        raise EnvStateError(f"set_state: {problem}. Need what get_state of this environment returned.")


def below(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the entries whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def need_same_time(t0: object, world: Mapping[str, Any], tick: int) -> None:
    """Raise `EnvStateError` unless a World's saved part began at ``t0`` and has come ``tick`` ticks far."""
    if not np.array_equal(np.ravel(world.get("t0", ())), np.ravel(np.asarray(t0))):
        raise EnvStateError(f"set_state: world.t0 is {world.get('t0')}, t0 is {t0}: not of one episode.")
    if not np.array_equal(np.ravel(world.get("tick_index", ())), [tick]):
        raise EnvStateError(
            f"set_state: world.tick_index is {world.get('tick_index')}, after {tick} ticks of the episode: not of one time."
        )
