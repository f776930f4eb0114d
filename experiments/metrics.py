"""What a run amounted to, computed from its events and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from moonfleet.terrain.constants import DARK_BELOW

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
    return table.filter(pc.field("kind").isin(list(kinds)))


def of_robot(table: pa.Table, robot: str) -> pa.Table:
    """Return the rows of one robot, in order."""
    return table.filter(pc.field("robot") == robot)


def numbers(table: pa.Table, column: str) -> np.ndarray:
    """Return a column as float64 [n], nulls as NaN."""
    return table[column].cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)


def robot_names(table: pa.Table) -> tuple[str, ...]:
    """Return the robots in the order in which they first report."""
    names = of_kind(table, "status")["robot"].to_pylist()
    return tuple(dict.fromkeys(name for name in names if name is not None))


def shares_of(table: pa.Table, robot: str) -> list[float]:
    """Return the robot's share of the value of each job done that it worked on; a crew shares alike."""
    crews: dict[str, set[str]] = {}
    for row in of_kind(table, "job_started", "job_done").select(["job", "robot"]).to_pylist():
        crews.setdefault(row["job"], set()).add(row["robot"])
    done = of_kind(table, "job_done").select(["job", "value"]).to_pylist()
    return [row["value"] / len(crews[row["job"]]) for row in done if robot in crews[row["job"]]]


def measure(table: pa.Table) -> RunMetrics:
    """Compute every metric of a run from its event table (`moonfleet.agents.events`)."""
    started = _first(of_kind(table, "mission_started"))
    ended = _first(of_kind(table, "mission_ended"))
    done = of_kind(table, "job_done")
    sky = of_kind(table, "sky")
    robots = {name: _measure_robot(of_robot(table, name), shares_of(table, name)) for name in robot_names(table)}
    times = table["t_s"].to_numpy()
    archive = numbers(sky, "archive_mbit")
    return RunMetrics(
        scenario=_text(started, "scenario") or "",
        seed=int(_number(started, "seed") or 0),
        t0_utc=_text(started, "t0_utc") or "",
        site_key=_text(started, "site_key") or "",
        duration_s=int(times.max()) if times.size else 0,
        ended=_text(ended, "reason"),
        n_events=table.num_rows,
        counts=dict(sorted(Counter(table["kind"].to_pylist()).items())),
        jobs_done=done.num_rows,
        jobs_failed=of_kind(table, "job_failed").num_rows,
        value=float(np.nansum(numbers(done, "value"))),
        archive_mbit=_number(ended, "archive_mbit") or (float(archive[-1]) if archive.size else 0.0),
        driven_m=sum(robot.odometer_m for robot in robots.values()),
        losses=of_kind(table, "lost").num_rows,
        sun_el_max_deg=_extreme(np.nanmax, numbers(sky, "sun_el_deg")),
        robots=robots,
        jobs=job_records(table),
    )


def step_hours(times_s: np.ndarray) -> float:
    """Return the length of a decision step [h] from the times of one robot's status events."""
    return float(np.median(np.diff(times_s))) / 3600.0 if times_s.size > 1 else 0.0


def _measure_robot(rows: pa.Table, shares: list[float]) -> RobotMetrics:
    status = of_kind(rows, "status")
    status = status.filter(pc.field("t_s") > 0)  # the state at the start ends no step
    hours = step_hours(status["t_s"].to_numpy())
    frac, temp, lit = numbers(status, "battery_frac"), numbers(status, "temp_k"), numbers(status, "lit")
    link = np.nan_to_num(numbers(status, "link")).astype(np.int64)
    counts = Counter(rows["kind"].to_pylist())
    dark = lit < DARK_BELOW
    odometer = numbers(status, "odometer_m")
    return RobotMetrics(
        odometer_m=float(odometer[-1]) if odometer.size else 0.0,
        min_battery_frac=_extreme(np.nanmin, frac),
        final_battery_frac=float(frac[-1]) if frac.size else float("nan"),
        dark_h=float(dark.sum()) * hours,
        longest_dark_h=longest_run(dark) * hours,
        min_temp_k=_extreme(np.nanmin, temp),
        max_temp_k=_extreme(np.nanmax, temp),
        jobs_done=len(shares),
        jobs_failed=counts["job_failed"],
        value=sum(shares),
        hops=counts["hop"],
        keepouts=counts["keepout"],
        contacts=counts["rock_contact"],
        plan_failures=counts["plan_failed"],
        link_h={peer: float(((link & bit) != 0).sum()) * hours for peer, bit in LINK_BITS.items()},
        activity_h={name: n * hours for name, n in sorted(Counter(status["activity"].to_pylist()).items())},
        lost=_text(_first(of_kind(rows, "lost")), "reason"),
    )


def job_records(table: pa.Table) -> tuple[JobRecord, ...]:
    """Return one record per job that was ever assigned, in order of assignment."""
    rows = of_kind(table, "job_assigned", "job_started", "job_done", "job_failed").select(
        ["t_s", "kind", "robot", "job", "value", "reason"]
    )
    lives: dict[str, list[dict[str, object]]] = {}
    for row in rows.to_pylist():
        if row["job"] is not None:  # a robot may also give up a drive that was no job, to a haven say
            lives.setdefault(row["job"], []).append(row)
    end_s = int(table["t_s"].to_numpy().max()) if table.num_rows else 0
    given: dict[str, list[tuple[int, str]]] = {}
    for job, life in lives.items():
        for row in life:
            if row["kind"] == "job_assigned":
                given.setdefault(str(row["robot"]), []).append((int(str(row["t_s"])), job))

    status = of_kind(table, "status")
    at_work = status.filter(pc.field("activity") == "work")
    step_s = round(step_hours(np.unique(status["t_s"].to_numpy())) * 3600.0)
    work_times: dict[str, list[int]] = {}
    for robot, t_s in zip(at_work["robot"].to_pylist(), at_work["t_s"].to_pylist(), strict=True):
        work_times.setdefault(robot, []).append(t_s)

    def worked_s(robot: str, since: int, until: int) -> int | None:
        found = [t for t in work_times.get(robot, ()) if since < t <= until]
        return max(since, found[0] - step_s) if found else None

    def record(job: str, life: list[dict[str, object]]) -> JobRecord:
        def left_s(robot: str, since: int) -> int:
            return min((t for t, other in given.get(robot, ()) if t >= since and other != job), default=end_s + 1)

        return _record(job, life, _stretches(life, left_s, worked_s, end_s))

    return tuple(record(job, life) for job, life in lives.items())


def _record(job: str, life: list[dict[str, object]], stretches: tuple[Stretch, ...]) -> JobRecord:
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
        stretches=stretches,
    )


def _stretches(
    life: list[dict[str, object]],
    left_s: Callable[[str, int], int],
    worked_s: Callable[[str, int, int], int | None],
    end_s: int,
) -> tuple[Stretch, ...]:
    """Return who was on a job when.

    ``left_s(robot, t)`` is when the station next gave that robot another job; ``worked_s(robot, a, b)`` the start of the
    step in (a, b] at whose end it was first at work.
    """
    closed: list[Stretch] = []
    open_at: dict[str, Stretch] = {}
    first_start: int | None = None
    for row in life:
        robot, t_s = str(row["robot"]), int(str(row["t_s"]))
        for one in [s for s in open_at.values() if left_s(s.robot, s.from_s) < t_s]:
            closed.append(replace(open_at.pop(one.robot), to_s=left_s(one.robot, one.from_s)))
        now = open_at.get(robot, Stretch(robot, t_s, None, end_s))
        if row["kind"] == "job_assigned":
            open_at[robot] = now
        elif row["kind"] == "job_started":
            first_start = t_s if first_start is None else first_start
            open_at[robot] = replace(now, work_s=t_s)
        elif row["kind"] == "job_failed":
            open_at.pop(robot, None)
            closed.append(replace(now, to_s=t_s))
        else:  # done: a crew's start is logged once, for the first of it; the others' work shows in their status
            for one in open_at.values():
                began = one.work_s
                if began is None and first_start is not None:
                    began = worked_s(one.robot, max(one.from_s, first_start), t_s)
                closed.append(replace(one, work_s=began, to_s=t_s))
            open_at.clear()
    return (*closed, *(replace(one, to_s=min(end_s, left_s(one.robot, one.from_s))) for one in open_at.values()))


def longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of True.

    >>> longest_run(np.array([True, True, False, True]))
    2
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if edges.size else 0


def _extreme(how: Callable[[np.ndarray], float], values: np.ndarray) -> float:
    return float(how(values)) if values.size and not np.isnan(values).all() else float("nan")


def _first(rows: pa.Table) -> dict[str, object]:
    return rows.slice(0, 1).to_pylist()[0] if rows.num_rows else {}


def _text(row: Mapping[str, object], key: str) -> str | None:
    value = row.get(key)
    return None if value is None else str(value)


def _number(row: Mapping[str, object], key: str) -> float | None:
    value = row.get(key)
    return float(value) if isinstance(value, (int, float)) else None


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 6)
    return value
