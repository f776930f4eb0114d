"""Running a scenario from start to report, and taking up one that was stopped.

>>> from moonfleet.experiments.run import run_scenario
>>> result = run_scenario("first-light", backend="local")            # doctest: +SKIP
>>> result.summary["jobs_done"], result.report                       # doctest: +SKIP
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from moonfleet.agents.checkpoint import KEPT
from moonfleet.agents.errors import ClusterError

from .errors import OptionError
from .policy_build import build_policies
from .run_folder import drop_if_empty, locked, make_run_folder, open_unfinished, write_scenario, write_summary
from .scenario import load_scenario, with_policy, with_seed
from .scenario_model import Scenario

if TYPE_CHECKING:
    from moonfleet.agents.simulation import StepInfo

    from .mission_build import Plan

Backend = Literal["local", "ray"]


class Watcher(Protocol):
    """Someone who is told how a run gets on."""

    def stage(self, name: str, fraction: float) -> None:
        """Hear of preparations: what is being done and how far it is, 0..1."""
        ...

    def step(self, info: StepInfo) -> None:
        """Hear of a decision step that is done."""
        ...


class Silent:
    """A watcher that says nothing."""

    def stage(self, name: str, fraction: float) -> None:
        """Ignore it."""

    def step(self, info: StepInfo) -> None:
        """Ignore it."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped a run; ``run_dir`` can be resumed."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(str(run_dir))
        self.run_dir = run_dir


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run: its folder, what ``summary.json`` says, and its report."""

    run_dir: Path
    summary: dict[str, object]
    report: Path


def run_scenario(
    scenario: str | Path | Scenario,
    *,
    backend: Backend = "ray",
    address: str | None = None,
    labels: Mapping[str, str] | None = None,
    site: str | None = None,
    seed: int | None = None,
    policy: str | None = None,
    out: str | Path | None = None,
    keep_checkpoints: int | None = KEPT,
    watcher: Watcher | None = None,
) -> RunResult:
    """Run a scenario to its end.

    Parameters
    ----------
    scenario
        Name of a shipped scenario, a path, or one already loaded.
    backend
        "ray" spreads the robots' minds over Ray actors; "local" runs them in this process. The events are the same.
    address
        HOST:PORT of a running Ray head; None starts a local one.
    labels
        Labels of the cluster's nodes on which alone the robots' minds may live.
    site
        A user's elevation file, or the name of a known place, in the stead of the scenario's site.
    seed
        Root seed in the stead of the scenario's.
    policy
        Name of the policy that every robot decides by, in the stead of the scenario's (`moonfleet.autonomy.policies`).
    out
        Run folder to make; None takes the next free ``runs/<scenario>-<seed>-<n>``.
    keep_checkpoints
        How many of the newest checkpoints stay, None for all: a replay begins at the last one before its moment.

    Raises
    ------
    MoonfleetError
        Anything wrong with what was given; nothing is left behind when the mission has not begun.
    Interrupted
        Ctrl-C; a checkpoint was written.
    """
    watcher = watcher or Silent()
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if seed is not None:
        loaded = with_seed(loaded, seed)
    if policy is not None:
        loaded = with_policy(loaded, policy)
    check_reach(backend, address, labels or {})
    began = time.perf_counter()
    run_dir = make_run_folder(loaded, Path(out) if out is not None else None)
    try:
        with locked(run_dir):
            watcher.stage("reading the ground", 0.0)
            from .mission_build import build_mission

            plan = build_mission(loaded, site=site, progress=watcher.stage)
            write_scenario(run_dir, plan.scenario)
            with resumable(run_dir):
                flight = Flight(run_dir, backend, address, labels or {}, keep_checkpoints)
                return _fly(plan, flight, watcher, began, resume=False)
    except BaseException:
        drop_if_empty_unless_begun(run_dir)
        raise


def resume_run(
    run_dir: str | Path,
    *,
    backend: Backend = "ray",
    address: str | None = None,
    labels: Mapping[str, str] | None = None,
    keep_checkpoints: int | None = KEPT,
    watcher: Watcher | None = None,
) -> RunResult:
    """Take up a run that was stopped or killed; its events become the same as if it had never been.

    Raises
    ------
    RunFinishedError, RunFolderError
        The run has ended, or its folder is damaged.
    CheckpointError, EventError
        Its checkpoints or events are damaged beyond use.
    """
    watcher = watcher or Silent()
    folder = Path(run_dir)
    scenario = open_unfinished(folder)
    check_reach(backend, address, labels or {})
    began = time.perf_counter()
    with locked(folder), resumable(folder):
        watcher.stage("reading the ground", 0.0)
        from .mission_build import build_mission

        plan = build_mission(scenario, progress=watcher.stage)
        flight = Flight(folder, backend, address, labels or {}, keep_checkpoints)
        return _fly(plan, flight, watcher, began, resume=True)


def check_reach(backend: Backend, address: str | None, labels: Mapping[str, str]) -> None:
    """Raise before any work is done when a named cluster cannot be joined, or an option goes only with Ray."""
    if labels and backend != "ray":
        key, value = next(iter(labels.items()))
        raise OptionError(f"--label {key}={value}: only goes with --backend ray")
    if address is None:
        return
    if backend != "ray":
        raise OptionError(f"--address = {address}: only goes with --backend ray")
    from moonfleet.agents.cluster import check_address

    check_address(address)


def drop_if_empty_unless_begun(run_dir: Path) -> None:
    """Remove the folder of a run that failed before its mission was resolved."""
    if not (run_dir / "scenario.yaml").exists():
        drop_if_empty(run_dir)


@dataclass(frozen=True, slots=True)
class Flight:
    """Where a run is flown and kept: nothing of it changes an event."""

    run_dir: Path
    backend: Backend
    address: str | None
    labels: Mapping[str, str]
    keep_checkpoints: int | None


def _fly(plan: Plan, flight: Flight, watcher: Watcher, began: float, *, resume: bool) -> RunResult:
    from moonfleet.agents.simulation import Simulation

    watcher.stage("starting Ray" if flight.backend == "ray" else "starting", 0.0)
    simulation = Simulation(
        plan.mission,
        flight.run_dir,
        flight.backend,
        flight.address,
        policies=build_policies(plan.scenario, plan.mission.seed),
        labels=flight.labels,
        keep_checkpoints=flight.keep_checkpoints,
    )
    ready = time.perf_counter()
    with stopping(flight.run_dir, watcher.step) as on_step:
        simulation.run(on_step, resume=resume)
    flown = time.perf_counter()
    watcher.stage("writing the report", 0.0)
    return finish(plan, flight.run_dir, flight.backend, {"prepare_s": ready - began, "mission_s": flown - ready})


def finish(plan: Plan, run_dir: Path, backend: Backend, times: dict[str, float]) -> RunResult:
    """Write the summary and the report of a run whose mission has ended."""
    from moonfleet import __version__
    from moonfleet.agents.events import digest, read_events

    from .metrics import measure
    from .report import write_report

    table = read_events(run_dir)
    summary: dict[str, object] = {
        "moonfleet": __version__,
        "events_sha256": digest(table),
        "backend": backend,
        "jobs_total": len(plan.mission.jobs),
        **measure(table).to_dict(),
        "wall": {name: round(value, 3) for name, value in times.items()},
    }
    report = write_report(run_dir, plan.mission.site)
    write_summary(run_dir, summary)
    return RunResult(run_dir, summary, report)


@contextmanager
def resumable(run_dir: Path) -> Iterator[None]:
    """Turn Ctrl-C at any moment into `Interrupted`, which names the folder to go on with; so does a cluster that is lost."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(run_dir) from None
    except ClusterError as error:
        raise ClusterError(f"{error}\nGo on with: moonfleet resume {run_dir}") from error


@contextmanager
def stopping(run_dir: Path, tell: Callable[[StepInfo], None]) -> Iterator[Callable[[StepInfo], None]]:
    """Turn Ctrl-C into a stop between two steps, where a checkpoint is whole; a second Ctrl-C stops at once."""
    asked = threading.Event()

    def on_step(info: StepInfo) -> None:
        tell(info)
        if asked.is_set():
            raise Interrupted(run_dir)

    if threading.current_thread() is not threading.main_thread():
        yield on_step
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    try:
        yield on_step
    finally:
        signal.signal(signal.SIGINT, before)
