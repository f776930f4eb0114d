"""Errors about robots, their catalogue and the World they stand in; and one way to word a schema's complaints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from moonfleet.terrain.errors import MoonfleetError, did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError


class RobotError(MoonfleetError):
    """A robot that cannot be used: a bad catalogue file, or a command that its body cannot carry out."""


class UnknownRobot(RobotError):
    """A robot kind that no catalogue file defines."""


class WorldError(MoonfleetError):
    """A World that cannot be built, or a saved state that does not fit it."""


class MissionError(MoonfleetError):
    """A mission whose parts do not fit together."""


class SensorError(MoonfleetError):
    """A sensor or scan that cannot be: a number outside what its field allows."""


class EventError(MoonfleetError):
    """An event log that cannot be written or read."""


class CheckpointError(MoonfleetError):
    """A checkpoint that cannot be written, or is damaged or foreign."""


class ClusterError(MoonfleetError):
    """A Ray cluster that cannot be reached, or actors that keep dying."""


def describe_problems(error: ValidationError, source: str, known: Iterable[str]) -> str:
    """Word every problem of a pydantic ``error`` as ``source: field = value: must be ...``, one per line.

    ``known`` are the valid field names at the top level, for "did you mean".
    """
    lines = (_problem(cast("Mapping[str, object]", item), source, known) for item in error.errors(include_url=False))
    return "\n".join(lines)


def _problem(item: Mapping[str, object], source: str, known: Iterable[str]) -> str:
    where = field_path(cast("Sequence[str | int]", item["loc"]))
    kind = cast(str, item["type"])
    allowed = cast("Mapping[str, object]", item.get("ctx") or {})
    if kind == "missing":
        return f"{source}: {where}: missing; it must be given"
    if kind == "extra_forbidden":
        hint = did_you_mean(where, known) if "." not in where else " No such key here."
        return f"{source}: {where}: unknown key.{hint}"
    given = item.get("input")
    bounds = {
        "greater_than": (">", "gt"),
        "greater_than_equal": (">=", "ge"),
        "less_than": ("<", "lt"),
        "less_than_equal": ("<=", "le"),
    }
    if kind in bounds:
        sign, key = bounds[kind]
        rule = f"must be {sign} {allowed[key]}"
    elif kind == "literal_error":
        rule = f"must be one of {allowed['expected']}"
    elif kind == "value_error":
        rule = str(allowed["error"])
    elif kind == "finite_number":
        rule = "must be a finite number"
    elif kind.startswith(("float", "int")):
        rule = "must be a number" if kind.startswith("float") else "must be a whole number"
    else:
        rule = str(item["msg"])[:1].lower() + str(item["msg"])[1:]
    return f"{source}: {where} = {given!r}: {rule}" if where else f"{source}: {rule}"


def field_path(location: Sequence[str | int]) -> str:
    """Join a schema location as a user would write it.

    >>> field_path(("fleet", 2, "battery_wh"))
    'fleet[2].battery_wh'
    """
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
