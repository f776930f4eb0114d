"""A World, or a whole mission with its minds, in a file or in memory: saved at any step, taken up in this or another process.

Files are those of `array_file`: versioned, never pickle, checked before use. They name what they were made of (machines,
ground, clock), so that a state is never taken up by a World that it does not fit.

>>> from moonfleet.agents.world_file import restore_world, save_world
>>> save_world(world, "noon.world")                                         # doctest: +SKIP
>>> restore_world(world, "noon.world")                                      # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from . import checkpoint
from .array_file import ArrayFileError, read_arrays, write_arrays
from .errors import CheckpointError, WorldError
from .ground import Ground
from .mission import mission_key
from .mission_loop import MissionLoop
from .world import World

WORLD, MISSION = "world", "mission"
UNFIT = (KeyError, IndexError, ValueError, TypeError, AttributeError)


def world_facts(world: World) -> dict[str, Any]:
    """Return what a World was made of, as JSON can hold it; two Worlds with equal facts fit each other's states."""
    machines = [spec.model_dump(mode="json") for spec in world.specs]
    return {
        "worlds": world.worlds,
        "robots": [spec.kind for spec in world.specs],
        "machines": hashlib.sha256(json.dumps(machines, sort_keys=True).encode()).hexdigest(),
        "ground": ground_key(world),
        "tick_s": world.tick_s,
        "station": world.station,
        "faults": world.faults,
        "relay": None if world.relay is None else json.loads(json.dumps(world.relay.identity())),
    }


def ground_key(world: World) -> str:
    """Return the key of a World's site, or the SHA-256 of its heights where the ground has none; of several grounds one of all."""
    keys = [_site_key(site) for site in world.sites]
    return keys[0] if len(keys) == 1 else hashlib.sha256(" ".join(keys).encode()).hexdigest()


def _site_key(site: Ground) -> str:
    key = getattr(site, "key", None)
    if isinstance(key, str):
        return key
    return hashlib.sha256(np.ascontiguousarray(site.grid.elevation_m).tobytes()).hexdigest()


def save_world(world: World, path: str | Path) -> Path:
    """Write everything of a World that changes, and what it was made of; returns the path.

    Raises
    ------
    WorldError
        The file cannot be written.
    """
    try:
        return write_arrays(Path(path), WORLD, world_facts(world), world.get_state())
    except ArrayFileError as error:
        raise WorldError(str(error)) from error


def restore_world(world: World, path: str | Path) -> None:
    """Let a World made with the same arguments go on from a file, with the same bytes; it is unchanged when that fails.

    Raises
    ------
    WorldError
        The file is missing, cut short, damaged, foreign, of another version, or of a World made of other things.
    """
    try:
        found = read_arrays(Path(path), WORLD)
    except ArrayFileError as error:
        raise WorldError(str(error)) from error
    mine = world_facts(world)
    for name, value in mine.items():
        if found.facts.get(name) != value:
            told = found.facts.get(name)
            raise WorldError(f"{path}: of another World: {name} = {_short(told)}, this one has {_short(value)}")
    world.set_state(found.arrays)


def branch(source: World, goal: World, w: int = 0) -> None:
    """Put every world of ``goal`` where world ``w`` of ``source`` stands: one branch per world, to try other commands in each.

    Both are made of the same machines on the same ground; ``source`` is not changed, and may be ``goal`` itself.

    Raises
    ------
    WorldError
        They are not, or ``w`` is no world of ``source``.
    """
    if not 0 <= w < source.worlds:
        raise WorldError(f"w = {w}: must be a world of the source, 0..{source.worlds - 1}")
    mine, theirs = world_facts(goal), world_facts(source)
    for name in mine:
        if name != "worlds" and mine[name] != theirs[name]:
            raise WorldError(f"branch: of another World: {name} = {_short(theirs[name])}, not {_short(mine[name])}")
    state = source.get_state()
    spread = {
        name: array if array.ndim == 0 else np.repeat(array[w : w + 1], goal.worlds, axis=0)
        for name, array in state.items()
    }
    goal.set_state(spread)


def save_mission(loop: MissionLoop, path: str | Path) -> Path:
    """Write a whole mission between two steps: truth, news and minds; returns the path.

    Raises
    ------
    CheckpointError
        The file cannot be written.
    """
    facts = {"mission": mission_key(loop.mission), "step": loop.steps_done, "events": loop.log.count}
    arrays = checkpoint.flatten(loop.get_state())  # pyright: ignore[reportArgumentType]
    try:
        return write_arrays(Path(path), MISSION, facts, arrays)
    except ArrayFileError as error:
        raise CheckpointError(str(error)) from error


def restore_mission(loop: MissionLoop, path: str | Path) -> None:
    """Let a loop of the same mission go on from a file; its log counts on from the events logged when it was saved.

    Raises
    ------
    CheckpointError
        The file is missing, cut short, damaged, foreign, of another mission or of another version.
    """
    try:
        found = read_arrays(Path(path), MISSION)
    except ArrayFileError as error:
        raise CheckpointError(str(error)) from error
    if found.facts.get("mission") != mission_key(loop.mission):
        raise CheckpointError(f"{path}: of another mission than {loop.mission.name!r} with seed {loop.mission.seed}")
    try:
        loop.set_state(checkpoint.nest(found.arrays))
        loop.log.count = int(found.facts["events"])
    except (*UNFIT, WorldError) as error:
        raise CheckpointError(
            f"{path}: does not fit this version of moonfleet ({type(error).__name__}: {error})"
        ) from error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
