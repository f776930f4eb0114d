"""Taking up a saved state of one mission's loop, with all its minds, only if that mission could have come to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.errors import MoonfleetError

from .errors import MissionError
from .mission_loop import MissionLoop
from .missions_state import ranges_of
from .saved_arrays import MOST, Ranges, misfit

UNFIT = (KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError)
DOUBTFUL = ".driver.scalars"  # the only numbers of a mind that may be NaN
NAMES = {"operations": "work", "knowledge": "boards", "mail": "boards"}  # parts, as `missions_state` names them


def take_up(loop: MissionLoop, state: object) -> None:
    """Let ``loop``, fresh and of the same mission, go on from ``state``, which `MissionLoop.get_state` returned.

    Raises
    ------
    MissionError
        It is not such a state; the loop is of no use then.
    """
    fresh = loop.get_state()
    given = _part(state, "state", fresh)
    mission = loop.mission
    ranges = ranges_of(len(mission.fleet), len(mission.jobs), mission.steps)
    _fits({"clock": given["clock"]}, {"clock": np.zeros(2, np.int64)}, {"clock": (0, [mission.steps, 1])}, "clock")
    for part, block in NAMES.items():
        own: Any = fresh[part]
        goals = {name: array for name, array in own.items() if isinstance(array, np.ndarray)}
        known = {name.removeprefix(f"{block}."): pair for name, pair in ranges.items() if name.startswith(f"{block}.")}
        _fits(_part(given[part], part, goals), goals, known, part)
    for robot in range(len(mission.fleet)):
        own = _part(given["operations"].get(f"robot{robot}"), f"operations.robot{robot}", ("leg", "touched"))
        for name, kind in (("leg", np.float64), ("touched", np.int64)):
            rows = len(own[name]) if isinstance(own[name], np.ndarray) and own[name].ndim else 0
            _fits({name: own[name]}, {name: np.zeros((rows, 2), kind)}, {}, f"operations.robot{robot}")
    minds, born = _part(given["minds"], "minds", fresh["minds"]), fresh["minds"]
    if set(minds) != set(born):  # pyright: ignore[reportArgumentType, reportCallIssue]
        raise MissionError(f"state.minds: of the robots {sorted(map(str, minds))}, not of this fleet")
    for name, mind in minds.items():
        _finite(mind, f"minds.{name}")
        _alike(mind, born[name], f"minds.{name}")  # pyright: ignore[reportIndexIssue]
        task = _part(mind, f"minds.{name}", {"task": 0})["task"]
        known = {"task": ([0, 0, -1], [ranges["minds.phase"][1], ranges["minds.action"][1], len(mission.jobs) - 1])}
        _fits({"task": task}, {"task": np.zeros(3, np.int64)}, known, f"minds.{name}")  # pyright: ignore[reportArgumentType]
    _check_time(loop, given)
    try:
        loop.set_state(given)
    except (*UNFIT, MoonfleetError) as error:
        raise MissionError(f"state: does not fit this mission ({type(error).__name__}: {error})") from error


def _part(value: object, where: str, names: Any) -> dict[str, Any]:
    """Return a mapping that has all of ``names``."""
    if not isinstance(value, Mapping):
        raise MissionError(f"{where}: got {type(value).__name__}, need a mapping of names to arrays")
    missing = [name for name in names if name not in value]
    if missing:
        raise MissionError(f"{where}: {', '.join(map(str, missing))} missing")
    return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _fits(saved: Mapping[str, Any], goals: Mapping[str, NDArray[np.generic]], ranges: Ranges, where: str) -> None:
    if (problem := misfit(saved, goals, ranges)) is not None:
        raise MissionError(f"state.{where}.{problem}")


def _finite(value: object, where: str) -> None:
    """Raise `MissionError` for a nested mapping that holds anything but arrays, or numbers that none measures."""
    if isinstance(value, Mapping):
        for name, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            _finite(inner, f"{where}.{name}")  # pyright: ignore[reportUnknownArgumentType]
        return
    if not isinstance(value, (np.ndarray, np.generic)):
        raise MissionError(f"state.{where}: {type(value).__name__}: must be an array")
    numbers: Any = value
    floats = value.dtype.kind == "f"
    unknown = floats and not where.endswith(DOUBTFUL) and np.isnan(numbers).any()
    if value.dtype.kind not in "biuf" or unknown or (floats and (np.abs(numbers[np.isfinite(numbers)]) > MOST).any()):
        raise MissionError(f"state.{where}: holds what no state can")


def _alike(value: Any, born: Any, where: str) -> None:
    """Raise `MissionError` unless a mind's arrays have the types and shapes that it was ``born`` with; tables may have grown."""
    for name, first in born.items():
        inner = _part(value, where, (name,))[name]
        if isinstance(first, Mapping):
            _alike(inner, first, f"{where}.{name}")
            continue
        goal, given = np.asarray(first), inner if isinstance(inner, np.ndarray) else np.empty(0, object)
        rows = goal.ndim > 1 and 0 not in goal.shape[1:]  # a table may have any number of rows
        fits = given.ndim == goal.ndim and all(
            n == m or m == 0 or (axis == 0 and rows)
            for axis, (n, m) in enumerate(zip(given.shape, goal.shape, strict=True))
        )
        if not fits or given.dtype != goal.dtype:
            raise MissionError(f"state.{where}.{name}: {given.dtype}{given.shape}: must be {goal.dtype}{goal.shape}")


def _check_time(loop: MissionLoop, given: Mapping[str, Any]) -> None:
    """Raise `MissionError` unless the body's time and ground are those of the mission."""
    body, mission = _part(given["world"], "world", ("t0", "tick_index", "ground_of")), loop.mission
    ticks = int(given["clock"][0]) * (mission.decision_s // mission.tick_s)
    for name, want in (("t0", mission.t0), ("tick_index", ticks), ("ground_of", 0)):
        if not np.array_equal(np.ravel(body[name]), [want]):
            raise MissionError(f"state.world.{name}: {body[name]}: must be {want}, of this mission")
