"""How a scenario's faults are worded: path, value, what is allowed, the nearest name, and the line in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from moonfleet.terrain.errors import did_you_mean

from .errors import ScenarioError
from .scenario_model import Scenario, keys_at
from .yaml_source import Place, YamlSource, dotted

_LIMITS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}
_TYPES = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "model_type": "must be a block of keys",
    "dict_type": "must be a block of keys",
    "string_pattern_mismatch": "must be lower-case letters, digits, - and _, starting with a letter",
}


def fault(scenario: Scenario, path: Place, value: object, message: str) -> ScenarioError:
    """Return the error ``path = value: message (file, line N)``; ``value`` None is left out."""
    name, where = scenario.at(path)
    given = f" = {show_value(value)}" if value is not None else ""
    return ScenarioError(f"{name}{given}: {message}{where}")


def show_value(value: object) -> str:
    """Return a given value as a message shows it: short."""
    text = (
        f"{value:g}" if isinstance(value, float) else repr(value) if not isinstance(value, (int, str)) else str(value)
    )
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(name: str, known: Iterable[str], show: int = 16) -> str:
    """Like `did_you_mean`, without the list of known names when it is long and one of them is near."""
    names = list(known)
    hint = did_you_mean(name, names)
    return hint.split(" Known:")[0] if len(names) > show and "Did you mean" in hint else hint


def schema_faults(
    error: ValidationError, source: YamlSource, prefix: Place = (), keys: tuple[str, ...] = ()
) -> Iterator[str]:
    """Word everything that a schema refused, a line each; ``prefix`` is where the block stands, ``keys`` what it may hold."""
    seen: set[str] = set()
    for detail in sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden"):
        path = _clean((*prefix, *detail["loc"]), source.data)
        text = (
            f"{dotted(path)}{_given(detail)}: {_message(detail, path, keys or keys_at(path[:-1]))} {source.where(path)}"
        )
        if dotted(path) not in seen:  # a union reports once per alternative
            seen.add(dotted(path))
            yield text


def _clean(loc: Place, data: object) -> Place:
    """Drop pydantic's union tags: keep the keys that really stand in the data (and a missing or unknown last one)."""
    path: list[str | int] = []
    for index, key in enumerate(loc):
        if isinstance(data, dict) and (key in data or index == len(loc) - 1):
            path.append(key)
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            path.append(key)
            data = data[key]
    return tuple(path)


def _given(detail: ErrorDetails) -> str:
    if detail["type"] in ("missing", "extra_forbidden", "value_error") or isinstance(
        detail["input"], (dict, list, tuple)
    ):
        return ""
    return f" = {show_value(detail['input'])}"


def _message(detail: ErrorDetails, path: Place, keys: tuple[str, ...]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key.{nearest(str(path[-1]), keys)}"
    if kind == "missing":
        return "has too few entries" if isinstance(detail["loc"][-1], int) else "is missing"
    if kind in _LIMITS:
        sign, name = _LIMITS[kind]
        return f"must be {sign} {context[name]:g}"
    if kind == "literal_error":
        allowed = [part.strip("' ") for part in str(context["expected"]).replace(" or ", ",").split(",")]
        return f"not known.{did_you_mean(str(detail['input']), allowed)}"
    if kind in ("too_short", "too_long"):
        return f"has {context['actual_length']} entries: must have {detail['msg'].split('should have ')[-1].split(' after')[0]}"
    if kind == "value_error":
        return str(context["error"])
    return _TYPES.get(kind, detail["msg"])
