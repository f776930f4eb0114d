"""Checks of actions at the door of an environment: what is not in the action space is refused, by name and value."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from .errors import EnvActionError

Space = gymnasium.Space[Any]


def check_actions(space: Space, action: object, worlds: int | None = None) -> NDArray[Any]:
    """Return ``action`` as the array that a game takes: int64 or float32, of the shape of ``space`` or [worlds, ...].

    Numbers of a Box that lie outside its bounds are clipped to them, as learners that draw from a normal distribution expect.

    Raises
    ------
    EnvActionError
        Another shape or type, a choice that does not exist, a number that is not finite.
    """
    if isinstance(space, gymnasium.spaces.Box):
        return _numbers(space, action, worlds)
    return _choices(space, action, worlds)


def _shape(space: Space, worlds: int | None) -> tuple[int, ...]:
    own = space.shape or ()
    return own if worlds is None else (worlds, *own)


def _numbers(space: gymnasium.spaces.Box, action: object, worlds: int | None) -> NDArray[Any]:
    shape = _shape(space, worlds)
    try:
        given = np.asarray(action, dtype=np.float32)
    except (TypeError, ValueError):
        given = np.empty(0, np.float32)
    if given.shape != shape or not np.isfinite(given).all():
        raise EnvActionError(f"action: got {_shown(action)}, need finite numbers of shape {shape}.")
    return np.clip(given, space.low, space.high)


def _choices(space: Space, action: object, worlds: int | None) -> NDArray[Any]:
    shape = _shape(space, worlds)
    count = int(space.n) if isinstance(space, gymnasium.spaces.Discrete) else int(space.nvec.max())  # pyright: ignore[reportAttributeAccessIssue]
    try:
        given = np.asarray(action)
    except ValueError:
        given = np.empty((0, 0))
    plain = given.dtype == np.int64 and given.shape == shape and given.flags.c_contiguous
    if plain and given.reshape(-1).view(np.uint64).max(initial=0) < count:  # as numbers without sign: two checks in one
        return given.copy()
    if given.shape != shape and given.size == 1 and int(np.prod(shape)) == 1:
        given = given.reshape(shape)
    if given.shape != shape or not np.issubdtype(given.dtype, np.integer):
        need = f"whole numbers of shape {shape}" if shape else "a whole number"
        raise EnvActionError(f"action: got {_shown(action)}, need {need} from 0 to {count - 1}.")
    if given.size and (given.min() < 0 or given.max() >= count):
        wrong = given.ravel()[(given.ravel() < 0) | (given.ravel() >= count)][0]
        raise EnvActionError(f"action: got {_shown(action)} with {wrong}, each must be from 0 to {count - 1}.")
    return given.astype(np.int64)


def _shown(action: object) -> str:
    """Return an action in few words."""
    text = repr(action.tolist() if isinstance(action, (np.ndarray, np.generic)) else action)
    return text if len(text) <= 80 else f"{text[:77]}..."
