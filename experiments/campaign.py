"""Many runs at once: a scenario flown with many seeds, over swept values, into one dataset that can be gone on with.

>>> from moonfleet.experiments.campaign import run_campaign
>>> result = run_campaign("first-light", runs=100, backend="ray")             # doctest: +SKIP
>>> result.table.select(["run", "seed", "value"]).to_pandas()                 # doctest: +SKIP
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from moonfleet.agents.errors import ClusterError

from .campaign_plan import (
    CampaignPlan,
    Job,
    KeepEvents,
    continued,
    is_campaign,
    make_plan,
    open_sites,
    read_plan,
    read_scenarios,
    resolve,
    write_plan,
)
from .campaign_sweep import Sweep, parse_sweep
from .campaign_watch import CampaignWatcher, Progress, SilentCampaign
from .errors import CampaignError, OptionError
from .run import Backend, check_reach
from .run_folder import drop_if_empty, locked, make_folder
from .scenario import dump_scenario, load_scenario
from .scenario_model import Scenario

if TYPE_CHECKING:
    import pyarrow as pa

    from .campaign_crew import Crew
    from .campaign_results import Failure, Results

DEFAULT_PARENT = Path("campaigns")
LOOK_S = 0.25  # the watcher hears at least so often


class CampaignInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped a campaign; ``folder`` can be gone on with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """A campaign that has ended: its folder and plan, the dataset sorted by run, what failed, and the report."""

    folder: Path
    plan: CampaignPlan
    table: pa.Table
    failures: tuple[Failure, ...]
    sha256: str  # of the table without the columns that only tell of the machine
    report: Path


@dataclass(frozen=True, slots=True)
class Spread:
    """Where and how the runs are flown; none of it changes a result."""

    backend: Backend = "ray"
    address: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    workers: int | None = None

    def check(self) -> None:
        """Raise `OptionError` or `ClusterError` before any work is done for what cannot be."""
        if self.workers is not None and self.workers < 1:
            raise OptionError(f"--workers = {self.workers}: must be >= 1")
        check_reach(self.backend, self.address, dict(self.labels))


def run_campaign(
    scenario: str | Path | Scenario,
    *,
    runs: int,
    seed_from: int = 1,
    sweep: Sequence[str] | Sweep = (),
    out: str | Path | None = None,
    site: str | None = None,
    keep_events: KeepEvents = "none",
    retry_failed: bool = False,
    spread: Spread | None = None,
    watcher: CampaignWatcher | None = None,
) -> CampaignResult:
    """Fly ``runs`` runs of a scenario, or of every combination of swept values, and write dataset and report.

    Given again, it goes on where it was stopped or killed; with more ``runs`` it makes the campaign longer.

    Parameters
    ----------
    scenario
        Name of a shipped scenario, a path, or one already loaded.
    runs
        Runs of each combination: seeds ``seed_from``, ``seed_from + 1`` and so on.
    sweep
        ``key=a,b,c`` words (see `moonfleet.experiments.campaign_sweep`), or what `parse_sweep` makes of them.
    out
        Folder of the campaign; None names it after the scenario and all that decides the results.
    site
        A user's elevation file, or the name of a known place, in the stead of the scenario's site.
    keep_events
        Keep the events of no run, of those that failed, or of all, as run folders.
    retry_failed
        Give the runs that failed another try.
    spread
        Where the runs are flown.

    Raises
    ------
    MoonfleetError
        Anything wrong with what was given; nothing is left behind when no run has begun.
    CampaignInterrupted
        Ctrl-C. All runs that ended are in the dataset.
    """
    spread, watcher = spread or Spread(), watcher or SilentCampaign()
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    words = [word for word in sweep if isinstance(word, str)]
    chosen: Sweep = parse_sweep(words) if words else tuple(sweep)  # type: ignore[arg-type]
    plan = make_plan(loaded, runs, seed_from, chosen, keep_events, site)
    spread.check()
    folder = Path(out) if out is not None else DEFAULT_PARENT / f"{plan.scenario}-{plan.key[:8]}"
    if is_campaign(folder):
        plan = continued(read_plan(folder), plan, folder)
        return _go_on(folder, plan, retry_failed, spread, watcher)
    make_folder(folder)
    try:
        with locked(folder):
            watcher.stage("reading the ground", 0.0)
            write_plan(folder, plan, resolve(plan, loaded, site, watcher.stage))
    except BaseException:
        if not is_campaign(folder):
            for leftover in [*folder.glob("scenarios/*"), folder / "scenarios"]:
                leftover.rmdir() if leftover.is_dir() else leftover.unlink(missing_ok=True)
            drop_if_empty(folder)
        raise
    return _go_on(folder, plan, retry_failed, spread, watcher)


def resume_campaign(
    folder: str | Path,
    *,
    runs: int | None = None,
    retry_failed: bool = False,
    spread: Spread | None = None,
    watcher: CampaignWatcher | None = None,
) -> CampaignResult:
    """Go on with the campaign in a folder, with more ``runs`` of each combination if asked for.

    Raises
    ------
    CampaignError
        There is none, it is damaged, or another version of moonfleet has begun it.
    """
    from moonfleet import __version__

    spread = spread or Spread()
    path = Path(folder)
    plan = read_plan(path)
    if plan.moonfleet != __version__:
        raise CampaignError(
            f"{path}: begun with moonfleet {plan.moonfleet}, this is {__version__}: its runs would not be comparable"
        )
    spread.check()
    if runs is not None:
        if runs < plan.runs:
            raise CampaignError(f"--runs = {runs}: this campaign has {plan.runs} already; it can only be made longer")
        plan = replace(plan, runs=runs)
    return _go_on(path, plan, retry_failed, spread, watcher or SilentCampaign())


def read_campaign(folder: str | Path) -> pa.Table:
    """Read the dataset of a campaign, finished or not, sorted by run.

    Columns: ``run``, ``variant`` (the combination's number), ``seed``, ``sweep.<key>`` for every swept key, the metrics of
    a run with lists of ``robots`` and ``jobs``, and what the machine took (``wall_s``, ``cpu_s``).

    Raises
    ------
    CampaignError
        No campaign there, or a damaged one.
    """
    from .campaign_results import read_results

    path = Path(folder)
    return read_results(path, read_plan(path))


def _go_on(
    folder: Path, plan: CampaignPlan, retry_failed: bool, spread: Spread, watcher: CampaignWatcher
) -> CampaignResult:
    from .campaign_report import write_campaign_report
    from .campaign_results import Results, read_results, results_digest

    with locked(folder), _resumable(folder):
        if plan != read_plan(folder):
            write_plan(folder, plan)
        results = Results(folder, plan)
        ended = results.finished if retry_failed else results.finished | results.failures.keys()
        waiting = deque(job for job in plan.jobs() if job.run not in ended)
        try:
            if waiting:
                _fly_all(folder, plan, results, waiting, spread, watcher)
        finally:
            results.flush()
        watcher.stage("writing the report", 0.0)
        table = read_results(folder, plan)
        failures = tuple(results.failures[run] for run in sorted(results.failures))
        sha256 = results_digest(table)
        report = write_campaign_report(folder, plan, table, failures, sha256)
        return CampaignResult(folder, plan, table, failures, sha256, report)


def _fly_all(
    folder: Path, plan: CampaignPlan, results: Results, waiting: deque[Job], spread: Spread, watcher: CampaignWatcher
) -> None:
    from .campaign_crew import crew_of

    scenarios = read_scenarios(folder, plan)
    open_sites(scenarios, watcher.stage)
    watcher.stage("starting Ray" if spread.backend == "ray" else "starting", 0.0)
    workers = min(spread.workers, len(waiting)) if spread.workers is not None else None
    crew = crew_of(
        spread.backend,
        [dump_scenario(scenario) for scenario in scenarios],
        plan.keep_events,
        workers=workers,
        address=spread.address,
        labels=dict(spread.labels),
    )
    try:
        with crew as hands, _asking() as asked:
            _hand_out(plan, results, waiting, hands, watcher, asked)
            if asked.stop and waiting:
                raise CampaignInterrupted(folder)
    except ClusterError as error:
        raise ClusterError(f"{error}\nAll runs that ended are kept; go on with: {go_on_words(folder)}") from error


def _hand_out(
    plan: CampaignPlan,
    results: Results,
    waiting: deque[Job],
    crew: Crew,
    watcher: CampaignWatcher,
    asked: Asked,
) -> None:
    """Keep the crew busy until nothing is left; once asked to stop, only until it has come home."""
    flying, before = 0, len(results.rows) + len(results.failures)
    again = sum(job.run in results.failures for job in waiting)
    now = Progress(plan, results.rows, 0, 0, before - again)
    while waiting or flying:
        while waiting and flying < crew.room and not asked.stop:
            crew.take(waiting.popleft())
            flying += 1
        now.running, now.failed, now.stopping = flying, len(results.failures), asked.stop
        watcher.progress(now)
        if not flying:
            return
        if asked.at_once:  # where the interrupt was lost, in a callback of Ray say
            raise KeyboardInterrupt
        for outcome in crew.wait(LOOK_S):
            flying -= 1
            results.add(outcome)
    now.running, now.failed = 0, len(results.failures)
    watcher.progress(now)


def go_on_words(folder: Path) -> str:
    """Return the command that goes on with a campaign."""
    return f"moonfleet campaign {folder} --resume"


@contextmanager
def _resumable(folder: Path) -> Iterator[None]:
    """Turn Ctrl-C at any moment into `CampaignInterrupted`, which names the folder to go on with."""
    try:
        yield
    except CampaignInterrupted:
        raise
    except KeyboardInterrupt:
        raise CampaignInterrupted(folder) from None


class Asked:
    """What Ctrl-C has asked for: once, to stop after the runs that are flying; twice, at once."""

    def __init__(self) -> None:
        self.stop = False
        self.at_once = False

    def hear(self, number: int, frame: object) -> None:
        """Answer the signal."""
        self.at_once, self.stop = self.stop, True
        if self.at_once:
            raise KeyboardInterrupt


@contextmanager
def _asking() -> Iterator[Asked]:
    """Let Ctrl-C ask, where this is the thread that hears it."""
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGINT, asked.hear)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
