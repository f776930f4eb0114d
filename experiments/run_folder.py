"""A run's folder: made once, never overwritten, used by one process at a time, and checked before anything is taken from it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moonfleet.agents.events import FOLDER as EVENTS
from moonfleet.agents.events import parts, read_part

from .errors import RunFinishedError, RunFolderError
from .scenario import dump_scenario, load_scenario
from .scenario_model import Scenario

SCENARIO, SUMMARY, LOCK = "scenario.yaml", "summary.json", "run.lock"
DEFAULT_PARENT = Path("runs")


def make_run_folder(scenario: Scenario, out: Path | None) -> Path:
    """Make an empty run folder, ``out`` or the next free ``runs/<scenario>-<seed>-<n>``, and prove that it can be written.

    Raises
    ------
    RunFolderError
        It exists already, or cannot be made or written.
    """
    if out is not None:
        return make_folder(out)
    number = 1
    while True:
        folder = DEFAULT_PARENT / f"{scenario.name}-{scenario.seed}-{number}"
        if not folder.exists():
            return make_folder(folder)
        number += 1


def make_folder(folder: Path) -> Path:
    """Make an empty folder and prove that it can be written; see `make_run_folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=False)
        probe = folder / ".write-test"
        probe.write_bytes(b"")
        probe.unlink()
    except FileExistsError:
        what = (
            "holds a run already; 'moonfleet resume' goes on with it"
            if (folder / SCENARIO).is_file()
            else "exists already"
        )
        raise RunFolderError(f"--out = {folder}: {what}; choose a folder that does not exist") from None
    except OSError as error:
        raise RunFolderError(f"--out = {folder}: cannot be written: {error.strerror}") from error
    return folder


def drop_if_empty(folder: Path) -> None:
    """Remove a run folder in which nothing was run (a scenario that turned out not to fit, say)."""
    (folder / LOCK).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        return


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process; the system lets go of it however the process ends.

    Raises
    ------
    RunFolderError
        Another process runs in it, or it cannot be written.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunFolderError(
                f"{folder}: another process is running in this folder; wait for it or stop it"
            ) from None
        yield
    finally:
        os.close(descriptor)


def write_scenario(folder: Path, scenario: Scenario) -> None:
    """Write the resolved scenario of a run."""
    write_text(folder / SCENARIO, dump_scenario(scenario))


def write_summary(folder: Path, summary: dict[str, object]) -> Path:
    """Write ``summary.json``; its presence says that the run is finished."""
    path = folder / SUMMARY
    write_text(path, json.dumps(summary, indent=2, allow_nan=False) + "\n")
    return path


def read_summary(folder: Path) -> dict[str, object]:
    """Read ``summary.json`` of a finished run."""
    path = folder / SUMMARY
    try:
        data: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFolderError(f"{path}: missing; the run is not finished (moonfleet resume {folder})") from None
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise RunFolderError(f"{path}: must be a JSON object")
    return data


def write_text(path: Path, words: str) -> None:
    """Write a file whole or not at all, and safe from a power cut; `RunFolderError` when it cannot be."""
    aside = path.with_name(path.name + ".tmp")
    try:
        with open(aside, "w", encoding="utf-8") as file:
            file.write(words)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be written: {error.strerror}") from error


def missing_scenario(folder: Path) -> str:
    """Say what a folder without a scenario is taken to be."""
    if (folder / "campaign.json").is_file():
        return f"a campaign, not a run; 'moonfleet campaign {folder} --resume' goes on with it, its kept runs are in {folder}/runs"
    return f"not a run folder, or a damaged one: {SCENARIO} is missing"


def open_unfinished(folder: Path) -> Scenario:
    """Return the resolved scenario of a run that can be resumed.

    Raises
    ------
    RunFinishedError
        The run has ended.
    RunFolderError
        No such folder, no resolved scenario in it, or events that belong to another run.
    """
    try:
        found = folder.is_dir()
    except OSError as error:  # a name too long, say
        raise RunFolderError(f"{str(folder)[:60]}: no such run folder ({error.strerror})") from error
    if not found:
        raise RunFolderError(f"{folder}: no such run folder")
    if (folder / SUMMARY).is_file():
        raise RunFinishedError(
            f"{folder}: this run is finished; nothing to resume (moonfleet report {folder} rebuilds its report)"
        )
    if not (folder / SCENARIO).is_file():
        raise RunFolderError(f"{folder}: {missing_scenario(folder)}")
    scenario = load_scenario(folder / SCENARIO)
    if scenario.resolved is None:
        raise RunFolderError(f"{folder / SCENARIO}: 'resolved' is missing; this is not the scenario of a run")
    check_belongs(folder, scenario)
    return scenario


def check_belongs(folder: Path, scenario: Scenario) -> None:
    """Raise when the first event on disk was written by another scenario, seed or site than ``scenario`` names."""
    found = parts(folder / EVENTS)
    if not found:
        return
    table = read_part(found[0])
    first = table.slice(0, 1).to_pylist()[0] if table.num_rows else {}
    key = scenario.resolved.site_key if scenario.resolved is not None else None
    for name, mine in (("scenario", scenario.name), ("seed", scenario.seed), ("site_key", key)):
        if first.get(name) != mine:
            raise RunFolderError(
                f"{folder}: damaged: its events were made with {name} = {first.get(name)}, its {SCENARIO} says {mine}"
            )
