"""What can go wrong at the door of an environment, and the checks that say so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.errors import MoonfleetError, did_you_mean


class EnvError(MoonfleetError):
    """An environment that was asked for something it cannot do."""


class EnvOptionError(EnvError, ValueError):
    """A constructor or reset option that is not allowed."""


class EnvActionError(EnvError, ValueError):
    """An action outside the action space."""


class EnvStateError(EnvError, ValueError):
    """A saved state that does not belong to this environment, or a step before the first reset."""


class EnvExtraError(EnvError, ImportError):
    """A library of an optional extra that is not installed; the message says how to get it."""


class EnvDisplayError(EnvError, RuntimeError):
    """A window was asked for where there is no display."""


def missing_extra(what: str, library: str, extra: str) -> EnvExtraError:
    """Return the error for a ``library`` of ``extra`` that is not installed."""
    return EnvExtraError(f"{what} needs {library}, which is not installed: pip install 'moonfleet[{extra}]'.")


def need_seed(field: str, value: object) -> int:
    """Return ``value`` as a root seed in [0, 2**63); raise `EnvOptionError` naming ``field`` otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= int(value) < 2**63:
        raise EnvOptionError(f"{field}: got {value!r}, need a whole number from 0 to 2**63 - 1.")
    return int(value)


def need_count(field: str, value: object, low: int, high: int) -> int:
    """Return ``value`` as an int in [low, high]; raise `EnvOptionError` naming ``field`` otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= int(value) <= high:
        raise EnvOptionError(f"{field}: got {value!r}, need a whole number from {low} to {high}.")
    return int(value)


def need_number(field: str, value: object, low: float, high: float) -> float:
    """Return ``value`` as a finite float in [low, high]; raise `EnvOptionError` naming ``field`` otherwise."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.integer, np.floating))
        or not low <= value <= high  # no NaN, infinity or number that no float holds is
    ):
        raise EnvOptionError(f"{field}: got {value!r}, need a number from {low:g} to {high:g}.")
    return float(value)


def need_range(field: str, value: object, low: float, high: float) -> tuple[float, float]:
    """Return ``value`` as an increasing pair inside [low, high]; raise `EnvOptionError` naming ``field`` otherwise."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise EnvOptionError(f"{field}: got {value!r}, need two numbers (from, to).")
    first, last = need_number(f"{field}[0]", value[0], low, high), need_number(f"{field}[1]", value[1], low, high)
    if first >= last:
        raise EnvOptionError(f"{field}: got {value!r}, the first number must be below the second.")
    return first, last


def need_name(field: str, value: object, known: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``known``; raise `EnvOptionError` with the nearest name otherwise."""
    names = list(known)
    if not isinstance(value, str) or value not in names:
        raise EnvOptionError(f"{field}: got {value!r}, not a known name.{did_you_mean(str(value), names)}")
    return str(value)


def need_reset_options(options: dict[str, object] | None, known: Iterable[str]) -> dict[str, object]:
    """Return a copy of reset's ``options`` after checking that every key is one of ``known``."""
    if options is not None and not isinstance(options, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise EnvOptionError(f"reset options: got {options!r}, need a mapping of name to value, or None.")
    given = dict(options or {})
    for key in given:
        need_name("reset options", key, known)
    return given


def need_date(field: str, value: object) -> float:
    """Return a UTC time as seconds TDB; raise `EnvOptionError` naming ``field`` for anything else."""
    try:
        return utc_to_tdb(value)  # pyright: ignore[reportArgumentType]
    except (MoonfleetError, TypeError, ValueError, AttributeError, OverflowError) as error:
        why = f" ({error})" if isinstance(error, MoonfleetError) else ""
        raise EnvOptionError(f"{field}: got {value!r}, need a UTC time such as '2029-01-05T00:00:00'.{why}") from error


def need_dates(dates: object) -> tuple[float, float]:
    """Return a pair of UTC dates as an increasing pair of seconds TDB; raise `EnvOptionError` for anything else."""
    if not isinstance(dates, (tuple, list)) or len(dates) != 2 or not all(isinstance(date, str) for date in dates):
        raise EnvOptionError(f"dates: got {dates!r}, need two UTC times (from, to) as text.")
    first, last = (need_date("dates", date) for date in dates)
    if first >= last:
        raise EnvOptionError(f"dates: got {dates!r}, the first must be before the second.")
    return first, last


def need_state(state: object, names: Collection[str], where: str = "set_state") -> None:
    """Raise `EnvStateError` unless ``state`` is a mapping that has all of ``names``."""
    if not isinstance(state, Mapping):
        raise EnvStateError(f"{where}: got {type(state).__name__}, need what get_state returned.")
    missing = [name for name in names if name not in state]
    if missing:
        raise EnvStateError(f"{where}: {', '.join(missing)} missing; need what get_state of this environment returned.")
