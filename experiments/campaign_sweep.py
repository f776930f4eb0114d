"""Sweeps: the values that a campaign tries for some keys of its scenario, and the scenario that each combination makes.

A key is a path into the scenario: ``duration_days``, ``fleet[1].overrides.battery_wh``, ``jobs.drill.value``. A list of
blocks may be entered by number or by the ``name`` or ``id`` of a block.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Sequence

from moonfleet.terrain.errors import did_you_mean

from .errors import CampaignError, ScenarioError
from .scenario import check_scenario
from .scenario_model import Scenario, keys_at
from .yaml_source import YamlSource, dotted, parse_yaml

Value = str | int | float | bool
Sweep = tuple[tuple[str, tuple[Value, ...]], ...]  # (key, its values), in the order given
MAX_VARIANTS = 10_000
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
NOT_SWEPT = {
    "seed": "the runs of a campaign have seeds of their own (--seed-from)",
    "name": "the name of a scenario decides nothing",
    "resolved": "it is written by a run",
}


def parse_sweep(words: Sequence[str]) -> Sweep:
    """Read ``key=a,b,c`` words; values are read as YAML reads them, so that ``1`` is a number and ``rendered`` a word.

    Raises
    ------
    CampaignError
        No ``=``, no value, a value that is no number or word, a key or value given twice.

    >>> parse_sweep(["duration_days=1,2.5", "perception=statistical"])
    (('duration_days', (1, 2.5)), ('perception', ('statistical',)))
    """
    found: dict[str, tuple[Value, ...]] = {}
    for word in words:
        key, sign, text = word.partition("=")
        key = key.strip()
        if not sign or not key or not text.strip():
            raise CampaignError(f"--sweep {word!r}: must be KEY=VALUE,VALUE..., for example duration_days=1,2")
        if key in found:
            raise CampaignError(f"--sweep {key}: given twice")
        found[key] = _values(key, text)
    return tuple(found.items())


def _values(key: str, text: str) -> tuple[Value, ...]:
    try:
        values = parse_yaml(f"[{text}]", "--sweep").data
    except ScenarioError:
        values = None
    if not isinstance(values, list) or not values:
        raise CampaignError(f"--sweep {key}={text}: cannot be read as values with commas between them")
    for value in values:
        if not isinstance(value, (str, int, float)):
            raise CampaignError(f"--sweep {key}: {value!r}: must be a number, a word, true or false")
    if len(set(map(repr, values))) != len(values):
        raise CampaignError(f"--sweep {key}={text}: has a value twice")
    return tuple(values)


def combinations(sweep: Sweep) -> list[tuple[Value, ...]]:
    """Return every combination of the values, the last key's changing fastest; one empty one without a sweep."""
    found = list(itertools.product(*(values for _, values in sweep)))
    if len(found) > MAX_VARIANTS:
        raise CampaignError(f"--sweep: makes {len(found)} combinations: must be at most {MAX_VARIANTS}")
    return found


def variant(scenario: Scenario, keys: Sequence[str], values: Sequence[Value]) -> Scenario:
    """Return the scenario with ``values`` at ``keys``, checked as if it had been written so.

    Raises
    ------
    CampaignError
        A key that leads nowhere, or that a campaign decides itself.
    ScenarioError
        A value that the scenario's schema or rules refuse.
    """
    if not keys:
        return scenario
    data = copy.deepcopy(scenario.model_dump(mode="json", exclude_unset=True))
    for key, value in zip(keys, values, strict=True):
        _put(data, key, value)
    shown = ", ".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
    return check_scenario(YamlSource(data, {}, f"{scenario.name} with {shown}", scenario.source.folder))


def _put(data: object, key: str, value: Value) -> None:
    path = [name if name else int(number) for name, number in _PART.findall(key)]
    if not path or dotted(tuple(path)) != key:
        raise CampaignError(f"--sweep {key}: is no path into a scenario such as fleet[1].overrides.battery_wh")
    if path[0] in NOT_SWEPT:
        raise CampaignError(f"--sweep {key}: cannot be swept; {NOT_SWEPT[str(path[0])]}")
    *way, last = path
    here, gone = data, list[str | int]()
    for step in way:
        here = _enter(here, step, key, gone)
    if isinstance(here, dict):
        if not isinstance(last, str):
            raise CampaignError(f"--sweep {key}: {dotted(tuple(gone))} is no list")
        here[last] = value
    elif isinstance(here, list):
        here[_index(here, last, key)] = value
    else:
        raise CampaignError(f"--sweep {key}: {dotted(tuple(gone))} has no keys of its own")


def _enter(here: object, step: str | int, key: str, gone: list[str | int]) -> object:
    """Return what stands at one step of the path; an absent block that the schema knows is made."""
    if isinstance(here, list):
        number = _index(here, step, key)
        gone.append(number)
        return here[number]
    if isinstance(here, dict) and isinstance(step, str):
        if step not in here:
            known = keys_at(tuple(gone))
            if step not in known:
                raise CampaignError(f"--sweep {key}: no key {step!r} there.{did_you_mean(step, known or here)}")
            here[step] = {}
        gone.append(step)
        return here[step]
    raise CampaignError(f"--sweep {key}: nothing stands at {dotted((*gone, step))}")


def _index(blocks: list[object], step: str | int, key: str) -> int:
    """Return the number of a block in a list, given as a number or by its name or id."""
    if isinstance(step, int):
        if step >= len(blocks):
            raise CampaignError(f"--sweep {key}: [{step}]: the list has {len(blocks)} entries, counted from 0")
        return step
    names = [str(b.get("name", b.get("id", ""))) if isinstance(b, dict) else "" for b in blocks]
    if step not in names:
        raise CampaignError(f"--sweep {key}: no block has the name {step!r}.{did_you_mean(step, filter(None, names))}")
    return names.index(step)
