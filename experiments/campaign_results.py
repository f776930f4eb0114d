"""The results of a campaign: one Parquet dataset, a row per finished run, and a file per run that failed.

Parts are written aside, synced and renamed, each once: a campaign that is killed has whole parts only, and no run stands
in two of them. Rows come in the order in which runs end; read sorted by ``run`` they are the same bytes, but for `WALL`,
however the campaign was spread, stopped or killed.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from moonfleet.agents.events import FOLDER as EVENTS
from moonfleet.agents.events import digest, parts, sync_folder

from .campaign_plan import CampaignPlan, Job
from .campaign_run import Outcome
from .campaign_sweep import Value
from .errors import CampaignError, RunFolderError
from .run_folder import write_text

FOLDER, FAILED, KEPT = "results.parquet", "failed", "runs"
WALL = ("wall_s", "cpu_s")  # what the machine took: the only columns that differ between two makings of one run
NESTED = ("counts", "robots", "jobs")  # columns of lists: large, and of use only together
LEAST_WAIT_S, WAIT_SHARE = 1.0, 0.01  # a part is written after this, or after this share of the time so far

_HOURS = pa.map_(pa.string(), pa.float64())
ROBOT = pa.struct(
    [
        pa.field("robot", pa.string()),
        *(pa.field(name, pa.float64()) for name in ("odometer_m", "min_battery_frac", "final_battery_frac")),
        *(pa.field(name, pa.float64()) for name in ("dark_h", "longest_dark_h", "min_temp_k", "max_temp_k")),
        *(pa.field(name, pa.int64()) for name in ("jobs_done", "jobs_failed")),
        pa.field("value", pa.float64()),
        *(pa.field(name, pa.int64()) for name in ("hops", "keepouts", "contacts", "plan_failures")),
        *(pa.field(name, _HOURS) for name in ("link_h", "activity_h")),
        pa.field("lost", pa.string()),
    ]
)
JOB = pa.struct(
    [
        pa.field("job", pa.string()),
        pa.field("robots", pa.list_(pa.string())),
        *(pa.field(name, pa.int64()) for name in ("assigned_s", "started_s", "ended_s")),
        pa.field("state", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("reason", pa.string()),
    ]
)
METRICS = (
    *(pa.field(name, pa.string()) for name in ("events_sha256", "scenario", "t0_utc", "site_key", "ended")),
    *(pa.field(name, pa.int64()) for name in ("duration_s", "n_events", "jobs_total", "jobs_done", "jobs_failed")),
    *(pa.field(name, pa.float64()) for name in ("value", "archive_mbit", "driven_m")),
    *(pa.field(name, pa.int64()) for name in ("losses", "contacts")),
    pa.field("sun_el_max_deg", pa.float64()),
    pa.field("counts", pa.map_(pa.string(), pa.int64())),
    pa.field("robots", pa.list_(ROBOT)),
    pa.field("jobs", pa.list_(JOB)),
)


def schema(plan: CampaignPlan) -> pa.Schema:
    """Return the columns of a campaign's dataset; a swept key is the column ``sweep.<key>``."""
    swept = [pa.field(f"sweep.{key}", _arrow_type(values)) for key, values in plan.sweep]
    numbers = [pa.field(name, pa.int64(), nullable=False) for name in ("run", "variant", "seed")]
    return pa.schema([*numbers, *swept, *METRICS, *(pa.field(name, pa.float64()) for name in WALL)])


def _arrow_type(values: tuple[Value, ...]) -> pa.DataType:
    if all(isinstance(value, bool) for value in values):
        return pa.bool_()
    if any(isinstance(value, (str, bool)) for value in values):
        return pa.string()
    whole = all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values)
    return pa.int64() if whole else pa.float64()


_AS_COLUMN: dict[pa.DataType, Callable[[Value], object]] = {pa.string(): str, pa.float64(): float}


def to_row(plan: CampaignPlan, outcome: Outcome) -> dict[str, object]:
    """Return the row of a finished run."""
    job, told = outcome.job, outcome.row or {}
    swept = {
        f"sweep.{key}": _AS_COLUMN.get(_arrow_type(values), lambda value: value)(value)
        for (key, values), value in zip(plan.sweep, plan.combinations[job.variant], strict=True)
    }
    robots = [
        {**robot, "robot": name, "link_h": _pairs(robot["link_h"]), "activity_h": _pairs(robot["activity_h"])}
        for name, robot in _mapping(told["robots"]).items()
    ]
    own = {"run": job.run, "variant": job.variant, "seed": job.seed, "robots": robots, "counts": _pairs(told["counts"])}
    contacts = sum(int(str(robot["contacts"])) for robot in robots)
    wall = {"wall_s": round(outcome.wall_s, 3), "cpu_s": round(outcome.cpu_s, 3)}
    return {**told, **swept, **own, "contacts": contacts, **wall}


def _mapping(value: object) -> Mapping[str, Mapping[str, object]]:
    return value if isinstance(value, dict) else {}


def _pairs(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed, as its file tells."""

    job: Job
    error_type: str
    message: str
    step: int
    attempts: int


class Results:
    """The dataset of one campaign, open for adding to."""

    def __init__(self, folder: Path, plan: CampaignPlan) -> None:
        self.folder, self.plan, self.schema = folder, plan, schema(plan)
        self.rows: list[dict[str, object]] = []  # of all finished runs, without what is `NESTED`
        self.failures = read_failures(folder)
        self.pending: list[dict[str, object]] = []  # not on disk yet
        self.began = self.written = time.monotonic()
        try:
            (folder / FOLDER).mkdir(exist_ok=True)
            for aside in (folder / FOLDER).glob("*.tmp"):
                aside.unlink()
        except OSError as error:
            raise CampaignError(f"{folder / FOLDER}: cannot be written: {error.strerror}") from error
        found = parts(folder / FOLDER)
        # one that was damaged may have been taken away: a new part never takes the name of one that is there
        self.parts = 1 + max((part_number(path) for path in found), default=-1)
        if found:
            self.rows = read_results(folder, plan).drop_columns(list(NESTED)).to_pylist()
        for run in {row["run"] for row in self.rows} & self.failures.keys():
            drop_failure(folder, int(str(run)))  # killed between the two writes of a retry
            del self.failures[int(str(run))]

    @property
    def finished(self) -> set[int]:
        """Numbers of the runs that have a row."""
        return {int(str(row["run"])) for row in self.rows}

    def add(self, outcome: Outcome) -> None:
        """Take in what became of a run; its events, if they came, become a run folder of their own."""
        job = outcome.job
        if outcome.events:
            keep_events(self.folder, job, outcome.events)
        if outcome.row is None:
            self.failures[job.run] = write_failure(self.folder, outcome, self.failures.get(job.run))
            return
        row = to_row(self.plan, outcome)
        self.rows.append({name: value for name, value in row.items() if name not in NESTED})
        self.pending.append(row)
        now = time.monotonic()
        if now - self.written >= max(LEAST_WAIT_S, WAIT_SHARE * (now - self.began)):
            self.flush()

    def flush(self) -> None:
        """Write the rows that are not on disk yet as the next part; a failure that one of them mends is forgotten."""
        self.written = time.monotonic()
        if not self.pending:
            return
        final = self.folder / FOLDER / f"part-{self.parts:06d}.parquet"
        aside = final.with_suffix(".tmp")
        try:
            with open(aside, "wb") as file:
                pq.write_table(pa.Table.from_pylist(self.pending, schema=self.schema), file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, final)
            sync_folder(final.parent)
        except OSError as error:
            raise CampaignError(f"{final}: cannot be written ({error.strerror or error})") from error
        self.parts += 1
        for row in self.pending:
            run = int(str(row["run"]))
            if self.failures.pop(run, None) is not None:
                drop_failure(self.folder, run)
        self.pending = []


def part_number(path: Path) -> int:
    """Return the number in the name of a part; -1 for a name that none of ours has."""
    digits = path.stem.removeprefix("part-")
    return int(digits) if digits.isascii() and digits.isdecimal() else -1


def read_results(folder: Path, plan: CampaignPlan) -> pa.Table:
    """Read the dataset, sorted by run.

    Raises
    ------
    CampaignError
        No results yet, a part that cannot be read, or a run in two of them.
    """
    found, columns = parts(folder / FOLDER), schema(plan)
    tables: list[pa.Table] = []
    for path in found:
        try:
            with open(path, "rb") as file:
                tables.append(pq.read_table(file, schema=columns))
        except (pa.ArrowException, OSError) as error:
            raise CampaignError(
                f"{path}: not a readable part of the results ({type(error).__name__}); without it its runs are made again"
            ) from error
    table = (pa.concat_tables(tables) if tables else columns.empty_table()).sort_by("run")
    runs = table["run"].to_pylist()
    if len(set(runs)) != len(runs):
        twice = next(run for run, after in itertools.pairwise(runs) if run == after)
        raise CampaignError(f"{folder / FOLDER}: damaged: run {twice} stands in two parts")
    return table


def results_digest(table: pa.Table) -> str:
    """SHA-256 over the rows in order of ``run``, without `WALL`: equal campaigns have equal digests."""
    return digest(table.sort_by("run").drop_columns(list(WALL)))


def failure_path(folder: Path, run: int) -> Path:
    """Where a failed run's file lies; its traceback is beside it, as ``.txt``."""
    return folder / FAILED / f"{run:06d}.json"


def write_failure(folder: Path, outcome: Outcome, before: Failure | None) -> Failure:
    """Write a failed run's file: the error's type, its message, how far the run came; and its traceback."""
    job, attempts = outcome.job, 1 if before is None else before.attempts + 1
    path = failure_path(folder, job.run)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{path.parent}: cannot be written: {error.strerror}") from error
    write_text(path.with_suffix(".txt"), outcome.trace or f"{outcome.error_type}: {outcome.message}\n")
    told = {"error_type": outcome.error_type, "message": outcome.message, "step": outcome.step, "attempts": attempts}
    write_text(path, json.dumps({**job._asdict(), **told}, indent=2) + "\n")
    return Failure(job, outcome.error_type, outcome.message, outcome.step, attempts)


def read_failures(folder: Path) -> dict[int, Failure]:
    """Read the files of the failed runs: run -> failure."""
    found: dict[int, Failure] = {}
    for path in sorted((folder / FAILED).glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            job = Job(int(data["run"]), int(data["variant"]), int(data["seed"]))
            found[job.run] = Failure(
                job, str(data["error_type"]), str(data["message"]), int(data["step"]), int(data["attempts"])
            )
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise CampaignError(
                f"{path}: damaged ({type(error).__name__}); without it its run is made again"
            ) from error
    return found


def drop_failure(folder: Path, run: int) -> None:
    """Forget that a run had failed."""
    path = failure_path(folder, run)
    path.unlink(missing_ok=True)
    path.with_suffix(".txt").unlink(missing_ok=True)


def kept_run(folder: Path, run: int) -> Path:
    """Where the kept events of a run lie: a run folder, good for ``moonfleet report`` and ``moonfleet replay``."""
    return folder / KEPT / f"{run:06d}"


def keep_events(folder: Path, job: Job, events: bytes) -> None:
    """Make the run folder of a run whose events are kept."""
    from .campaign_plan import scenario_path
    from .run_folder import SCENARIO
    from .scenario import dump_scenario, load_scenario, with_seed

    path = kept_run(folder, job.run)
    part = path / EVENTS / "part-000000000.parquet"
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        aside = part.with_suffix(".tmp")
        aside.write_bytes(events)
        os.replace(aside, part)
    except OSError as error:
        raise CampaignError(f"{part}: cannot be written ({error.strerror or error})") from error
    scenario = with_seed(load_scenario(scenario_path(folder, job.variant)), job.seed)
    write_text(path / SCENARIO, dump_scenario(scenario))
