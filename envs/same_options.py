"""With which options a state was made: a saved state carries them as one text, and a game of other options refuses it by name.

Compared are the options that change what a world does, with the level resolved to its values: a level equals the same options given
one by one. How many worlds, how many threads, how it is shown and what it is worth make no difference.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.clock import tdb_to_utc

from .errors import EnvStateError, need_dates
from .game import Game
from .options import plain_option

OPTIONS = "face.options"  # its name in a state
WEIGHTS, DATES = "weights", "dates"
MOST_KEYS = 4  # of grounds that are told one by one
WHOLE = 2.0**53  # beyond it floats are whole whatever they stand for
LONGEST = 100  # characters of a value that a message shows


def told_level(level: object, *, weights: bool = False) -> dict[str, object]:
    """Return the fields of a level's dataclass by name, those of dataclasses in it as ``name.field``; ``weights`` only if asked for."""
    told: dict[str, object] = {}
    for field in dataclasses.fields(level):  # pyright: ignore[reportArgumentType]
        value = getattr(level, field.name)
        if field.name == WEIGHTS and not weights:
            continue
        if field.name == DATES:
            value = told_dates(value)
        if dataclasses.is_dataclass(value):
            told |= {f"{field.name}.{name}": inner for name, inner in told_level(value).items()}
        else:
            told[field.name] = value
    return told


def told_dates(dates: object) -> tuple[str, ...]:
    """Return a checked range of dates as UTC text to the second, however it was written."""
    return tuple(tdb_to_utc(t + 0.5)[:19] for t in need_dates(dates))


def told_keys(keys: Iterable[str]) -> str:
    """Return the keys of the grounds in order, or of many a digest of them."""
    every = list(keys)
    if len(every) <= MOST_KEYS:
        return ", ".join(every)
    return f"{len(every)} grounds {hashlib.sha256(' '.join(every).encode()).hexdigest()[:16]}"


def options_state(game: Game) -> dict[str, NDArray[np.generic]]:
    """Return the options of a game as the part of a state that tells them; nothing of a game that tells none."""
    own = _own(game)
    return {OPTIONS: options_text(own)} if own else {}


def options_text(options: Mapping[str, object]) -> NDArray[np.str_]:
    """Return options as an array of one text (JSON): the same for 1 and 1.0, lists and tuples, numpy's numbers and Python's."""
    return np.array(json.dumps({name: _plain(value) for name, value in options.items()}, default=str))


def need_same_game(state: Mapping[str, Any], game: Game) -> None:
    """Raise `EnvStateError` naming the first option in which a state's game and this one differ; a game without options takes any."""
    own = _own(game)
    if not own:
        return
    if OPTIONS not in state:
        raise EnvStateError(f"set_state: {OPTIONS} missing; need what get_state returned.")
    need_same_options(OPTIONS, state[OPTIONS], own)


def need_same_options(field: str, saved: object, options: Mapping[str, object]) -> None:
    """Raise `EnvStateError` unless ``saved``, the ``field`` of a state, is `options_text` of the same options."""
    try:
        theirs: Any = json.loads(str(saved))
    except (ValueError, RecursionError) as error:
        raise EnvStateError(f"set_state: {field} is damaged; need what get_state returned.") from error
    if not isinstance(theirs, dict):
        raise EnvStateError(f"set_state: {field} is damaged; need what get_state returned.")
    ours: dict[str, Any] = json.loads(str(options_text(options)))
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        one, other = theirs.get(name), ours.get(name)
        if one != other and json.dumps(one) != json.dumps(other):  # two NaN are alike
            raise EnvStateError(
                f"set_state: the state is of a game with {name} = {_shown(one)}, this one has {_shown(other)}."
            )


def _own(game: Game) -> dict[str, object]:
    """Return what a game's states carry: its name and its options, or nothing."""
    options = game.world_options()
    return {"environment": game.name, **options} if options else {}


def _plain(value: object) -> object:
    """Return an option with whole numbers as int, also in sequences and mappings."""
    value = plain_option(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return int(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _shown(value: object) -> str:
    """Return a value as a user writes it, cut where it is long."""
    text = repr(plain_option(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
