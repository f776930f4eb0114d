"""What a run amounted to, computed from its events and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LINK_BITS = {"station": 1, "relay": 2, "earth": 4}


@dataclass(frozen=True, slots=True)
class RobotMetrics:
    """One robot's run. Hours are counted in decision steps, from the status at each step's end."""

    odometer_m: float = 0.0
    min_battery_frac: float = float("nan")
    final_battery_frac: float = float("nan")
    dark_h: float = 0.0
    longest_dark_h: float = 0.0
    min_temp_k: float = float("nan")
    max_temp_k: float = float("nan")
    jobs_done: int = 0
    jobs_failed: int = 0
    value: float = 0.0
    hops: int = 0
    keepouts: int = 0
    contacts: int = 0
    plan_failures: int = 0
    link_h: Mapping[str, float] = field(default_factory=dict)
    activity_h: Mapping[str, float] = field(default_factory=dict)
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time during which one robot was on one job [s since mission start]; ``work_s`` is when the work itself began."""

    robot: str
    from_s: int
    work_s: int | None
    to_s: int


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job's life: seconds since mission start (None: has not happened) and the robots that had to do with it."""

    job: str
    robots: tuple[str, ...]
    assigned_s: int | None
    started_s: int | None
    ended_s: int | None
    state: str  # assigned, started, done or failed
    value: float
    reason: str | None
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """The whole run."""

    scenario: str
    seed: int
    t0_utc: str
    site_key: str
    duration_s: int
    ended: str | None
    n_events: int
    counts: Mapping[str, int]
    jobs_done: int
    jobs_failed: int
    value: float
    archive_mbit: float
    driven_m: float
    losses: int
    sun_el_max_deg: float
    robots: Mapping[str, RobotMetrics]
    jobs: tuple[JobRecord, ...]

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON; not-a-number becomes null."""
        return _plain(asdict(self))  # pyright: ignore[reportReturnType]


def of_kind(table: pa.Table, *kinds: str) -> pa.Table:
    """Return the rows of some kinds, in order."""
    return table.filter(pc.is_in(table["kind"], pa.array(kinds)))


def of_robot(table: pa.Table, robot: str) -> pa.Table:
    """Return the rows of one robot, in order."""
    return table.filter(pc.equal(table["robot"], robot))


def numbers(table: pa.Table, column: str) -> np.ndarray:
    """Return a column as float64 [n], nulls as NaN."""
    return table[column].cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)


def robot_names(table: pa.Table) -> tuple[str, ...]:
    """Return the robots in the order in which they first report."""
    names = of_kind(table, "status")["robot"].to_pylist()
    return tuple(dict.fromkeys(name for name in names if name is not None))


def measure(table: pa.Table) -> RunMetrics:
    """Compute every metric of a run from its event table (`moonfleet.agents.events`)."""
    started = _first(of_kind(table, "mission_started"))
    ended = _first(of_kind(table, "mission_ended"))
    done = of_kind(table, "job_done")
    sky = of_kind(table, "sky")
    robots = {name: _measure_robot(of_robot(table, name)) for name in robot_names(table)}
    times = table["t_s"].to_numpy()
    archive = numbers(sky, "archive_mbit")
    return RunMetrics(
        scenario=str(started.get("scenario", "")),
        seed=int(started.get("seed") or 0),
        t0_utc=str(started.get("t0_utc", "")),
        site_key=str(started.get("site_key", "")),
        duration_s=int(times.max()) if times.size else 0,
        ended=ended.get("reason"),
        n_events=table.num_rows,
        counts=dict(sorted(Counter(table["kind"].to_pylist()).items())),
        jobs_done=done.num_rows,
        jobs_failed=of_kind(table, "job_failed").num_rows,
        value=float(np.nansum(numbers(done, "value"))),
        archive_mbit=float(ended.get("archive_mbit") or (archive[-1] if archive.size else 0.0)),
        driven_m=sum(robot.odometer_m for robot in robots.values()),
        losses=of_kind(table, "lost").num_rows,
        sun_el_max_deg=_extreme(np.nanmax, numbers(sky, "sun_el_deg")),
        robots=robots,
        jobs=job_records(table),
    )


def step_hours(times_s: np.ndarray) -> float:
    """Return the length of a decision step [h] from the times of one robot's status events."""
    return float(np.median(np.diff(times_s))) / 3600.0 if times_s.size > 1 else 0.0


def _measure_robot(rows: pa.Table) -> RobotMetrics:
    status = of_kind(rows, "status")
    status = status.filter(pc.greater(status["t_s"], 0))  # the state at the start ends no step
    hours = step_hours(status["t_s"].to_numpy())
    frac, temp, lit = numbers(status, "battery_frac"), numbers(status, "temp_k"), numbers(status, "lit")
    link = np.nan_to_num(numbers(status, "link")).astype(np.int64)
    counts = Counter(rows["kind"].to_pylist())
    dark = lit <= 0.0
    odometer = numbers(status, "odometer_m")
    return RobotMetrics(
        odometer_m=float(odometer[-1]) if odometer.size else 0.0,
        min_battery_frac=_extreme(np.nanmin, frac),
        final_battery_frac=float(frac[-1]) if frac.size else float("nan"),
        dark_h=float(dark.sum()) * hours,
        longest_dark_h=longest_run(dark) * hours,
        min_temp_k=_extreme(np.nanmin, temp),
        max_temp_k=_extreme(np.nanmax, temp),
        jobs_done=counts["job_done"],
        jobs_failed=counts["job_failed"],
        value=float(np.nansum(numbers(of_kind(rows, "job_done"), "value"))),
        hops=counts["hop"],
        keepouts=counts["keepout"],
        contacts=counts["rock_contact"],
        plan_failures=counts["plan_failed"],
        link_h={peer: float(((link & bit) != 0).sum()) * hours for peer, bit in LINK_BITS.items()},
        activity_h={name: n * hours for name, n in sorted(Counter(status["activity"].to_pylist()).items())},
        lost=_first(of_kind(rows, "lost")).get("reason"),
    )


def job_records(table: pa.Table) -> tuple[JobRecord, ...]:
    """Return one record per job that was ever assigned, in order of assignment."""
    rows = of_kind(table, "job_assigned", "job_started", "job_done", "job_failed").select(
        ["t_s", "kind", "robot", "job", "value", "reason"]
    )
    lives: dict[str, list[dict[str, object]]] = {}
    for row in rows.to_pylist():
        lives.setdefault(row["job"], []).append(row)
    end_s = int(pc.max(table["t_s"]).as_py() or 0) if table.num_rows else 0
    return tuple(_record(job, life, end_s) for job, life in lives.items())


def _record(job: str, life: list[dict[str, object]], end_s: int) -> JobRecord:
    def when(kind: str, *, last: bool = False) -> int | None:
        times = [int(str(row["t_s"])) for row in life if row["kind"] == kind]
        return (times[-1] if last else times[0]) if times else None

    kinds = [str(row["kind"]) for row in life]
    done = when("job_done")
    state = "done" if done is not None else kinds[-1].removeprefix("job_")
    reasons = [str(row["reason"]) for row in life if row["reason"] is not None]
    return JobRecord(
        job=job,
        robots=tuple(dict.fromkeys(str(row["robot"]) for row in life if row["robot"] is not None)),
        assigned_s=when("job_assigned"),
        started_s=when("job_started"),
        ended_s=done if done is not None else when("job_failed", last=True),
        state=state,
        value=sum(float(str(row["value"])) for row in life if row["value"] is not None),
        reason=reasons[-1] if reasons and state == "failed" else None,
        stretches=_stretches(life, end_s),
    )


def _stretches(life: list[dict[str, object]], end_s: int) -> tuple[Stretch, ...]:
    closed: list[Stretch] = []
    open_at: dict[str, Stretch] = {}
    for row in life:
        robot, t_s = str(row["robot"]), int(str(row["t_s"]))
        now = open_at.get(robot, Stretch(robot, t_s, None, end_s))
        if row["kind"] == "job_assigned":
            open_at[robot] = now
        elif row["kind"] == "job_started":
            open_at[robot] = replace(now, work_s=t_s)
        elif row["kind"] == "job_failed":
            open_at.pop(robot, None)
            closed.append(replace(now, to_s=t_s))
        else:
            closed.extend(replace(one, to_s=t_s) for one in open_at.values())
            open_at.clear()
    return (*closed, *open_at.values())


def longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of True.

    >>> longest_run(np.array([True, True, False, True]))
    2
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if edges.size else 0


def _extreme(how: object, values: np.ndarray) -> float:
    return float(how(values)) if values.size and not np.isnan(values).all() else float("nan")  # type: ignore[operator]


def _first(rows: pa.Table) -> dict[str, object]:
    return rows.slice(0, 1).to_pylist()[0] if rows.num_rows else {}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 6)
    return value
