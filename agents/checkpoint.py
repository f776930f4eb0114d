"""Checkpoints: a run's whole state as plain arrays, versioned, checked, never pickle.

State is a nested mapping whose leaves are numpy arrays; on disk it is one ``.npz`` per checkpoint with flat keys
(``robots/2/driver/route``) beside a small ``.json`` that holds version, step, event count, the mission's key and the
SHA-256 over these and the ``.npz``.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import numpy as np

from .errors import CheckpointError
from .events import sync_folder

FOLDER = "checkpoints"
VERSION = 3
KEPT = 3  # older checkpoints are removed where nothing else is said

State = Mapping[str, Union[np.ndarray, "State"]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One saved moment: ``step`` decision steps done, ``events`` events logged, the state, and the `mission_key` it is of."""

    step: int
    events: int
    state: State
    mission: str = ""


def flatten(state: State, prefix: str = "") -> dict[str, np.ndarray]:
    """Nested mapping to flat keys joined by '/'."""
    flat: dict[str, np.ndarray] = {}
    for key, value in state.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}/")
        else:
            flat[f"{prefix}{key}"] = np.asarray(value)
    return flat


def nest(flat: Mapping[str, np.ndarray]) -> dict[str, object]:
    """Flat keys back to a nested mapping, the inverse of `flatten`."""
    root: dict[str, object] = {}
    for key, value in flat.items():
        *folders, leaf = key.split("/")
        place = root
        for folder in folders:
            below = place.setdefault(folder, {})
            if not isinstance(below, dict):
                raise CheckpointError(f"checkpoint key {key!r}: {folder!r} is both an array and a folder")
            place = below  # pyright: ignore[reportUnknownVariableType]
        place[leaf] = value
    return root


def save(run_dir: Path, checkpoint: Checkpoint, kept: int | None = KEPT) -> Path:
    """Write a checkpoint crash-safely and drop all but the newest ``kept`` (None: keep all); returns the ``.json``."""
    folder = run_dir / FOLDER
    arrays = folder / f"step-{checkpoint.step:08d}.npz"
    aside, manifest = arrays.with_suffix(".tmp"), arrays.with_suffix(".json")
    head = {"step": checkpoint.step, "events": checkpoint.events, "mission": checkpoint.mission}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(aside, "wb") as file:
            np.savez(file, allow_pickle=False, **flatten(checkpoint.state))  # pyright: ignore[reportArgumentType]
            file.flush()
            os.fsync(file.fileno())
        sha = _sha256(checkpoint.step, checkpoint.events, checkpoint.mission, aside.read_bytes())
        os.replace(aside, arrays)
        with open(aside, "w", encoding="utf-8") as file:
            json.dump({"version": VERSION, **head, "sha256": sha}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, manifest)
        sync_folder(folder)
        # later ones are damaged, or this run would not have gone back behind them: they do not count
        upto = sorted(path for path in folder.glob("step-*.json") if path.name <= manifest.name)
        for old in upto[:-kept] if kept is not None else ():
            old.unlink()
            old.with_suffix(".npz").unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"{manifest}: cannot be written ({error.strerror or error})") from error
    return manifest


def _sha256(step: int, events: int, mission: str, arrays: bytes) -> str:
    return hashlib.sha256(f"{VERSION} {step} {events} {mission}\n".encode() + arrays).hexdigest()


def load(manifest: Path) -> Checkpoint:
    """Read one checkpoint; `CheckpointError` says what is wrong with a damaged or foreign one."""
    try:
        head = json.loads(manifest.read_text())
        version = head["version"]
        if version != VERSION:
            raise CheckpointError(f"{manifest}: version {version}, this moonfleet reads version {VERSION}")
        step, events, mission, sha = int(head["step"]), int(head["events"]), str(head["mission"]), head["sha256"]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{manifest}: not a checkpoint ({type(error).__name__}: {error})") from error
    arrays = manifest.with_suffix(".npz")
    try:
        content = arrays.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{arrays}: cannot be read ({error.strerror})") from error
    if _sha256(step, events, mission, content) != sha:
        raise CheckpointError(f"{arrays}: damaged, its SHA-256 is not the one noted when it was written")
    try:
        with np.load(arrays, allow_pickle=False) as stored:
            flat = {key: stored[key] for key in stored.files}
    except (ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{arrays}: damaged ({error})") from error
    return Checkpoint(step, events, nest(flat), mission)  # pyright: ignore[reportArgumentType]


def newest(run_dir: Path, until: int | None = None) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest whole checkpoint, of step ``until`` at the latest, and a line for each damaged one passed over.

    None when there is no such one.
    """
    passed: list[str] = []
    for manifest in sorted((run_dir / FOLDER).glob("step-*.json"), reverse=True):
        number = manifest.stem.removeprefix("step-")
        if until is not None and number.isdecimal() and int(number) > until:
            continue
        try:
            return load(manifest), passed
        except CheckpointError as error:
            passed.append(str(error))
    return None, passed
