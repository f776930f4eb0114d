"""Options as users write them: numpy's numbers and lists are taken for plain ones, misspelt names get the nearest, weights are checked."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from moonfleet.terrain.errors import did_you_mean

from .errors import EnvOptionError

G = TypeVar("G")
MOST_WEIGHT = 1e12  # so that no sum of rewards overflows


def plain_option(value: object) -> Any:
    """Return a number of numpy as Python's, a list as a tuple (of plain options); anything else as it is."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return tuple(plain_option(one) for one in value)  # pyright: ignore[reportUnknownVariableType]
    return value


def plain_options(options: Mapping[str, object]) -> dict[str, Any]:
    """Return ``options`` with every value as `plain_option` has it."""
    return {name: plain_option(value) for name, value in options.items()}


def need_flag(field: str, value: object) -> bool:
    """Return ``value`` if it is True or False (numpy's too); raise `EnvOptionError` naming ``field`` otherwise."""
    if not isinstance(value, (bool, np.bool_)):
        raise EnvOptionError(f"{field}: got {value!r}, need True or False.")
    return bool(value)


def need_known(options: Iterable[str], known: Iterable[str]) -> None:
    """Raise `EnvOptionError` with the nearest name unless each of ``options`` is one of ``known``."""
    names = list(known)
    for option in options:
        if option not in names:
            raise EnvOptionError(f"options: there is no {option!r}.{did_you_mean(option, names)}")


def option_names(level: type) -> tuple[str, ...]:
    """Return the names of the options of a level's dataclass."""
    return tuple(field.name for field in dataclasses.fields(level))


def game_of(game: Callable[..., G], worlds: int, options: Mapping[str, object], more: Iterable[str] = ()) -> G:
    """Return ``game(worlds, **options)``.

    Raises `EnvOptionError` with the nearest name for an option that the constructor does not have, nor is one of ``more``, which it takes
    as ``**options``; one that takes any, without ``more`` told, checks them itself.
    """
    parameters = inspect.signature(game).parameters
    anything = {name for name, one in parameters.items() if one.kind is inspect.Parameter.VAR_KEYWORD}
    known = [*(name for name in parameters if name != "worlds" and name not in anything), *more]
    if "worlds" in options:
        raise EnvOptionError("options: 'worlds' is the number of environments (num_envs); give that.")
    if more or not anything:
        need_known(options, known)
    return game(worlds, **options)


def need_weights(weights: object) -> None:
    """Raise `EnvOptionError` for a field of the dataclass ``weights`` that is no finite number of 0 or more."""
    for field in dataclasses.fields(weights):  # pyright: ignore[reportArgumentType]
        value = getattr(weights, field.name)
        fits = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not fits or not math.isfinite(value) or not 0.0 <= value <= MOST_WEIGHT:
            raise EnvOptionError(
                f"weights.{field.name}: got {value!r}, need a finite number from 0 to {MOST_WEIGHT:g}."
            )
