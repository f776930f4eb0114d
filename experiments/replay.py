"""Going back to a moment of a run: from the checkpoint before it, forward to it, watching that the same events are made.

Nothing is written into the run. The replay stands at the last decision step at or before the moment.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moonfleet.agents import checkpoint
from moonfleet.agents.errors import CheckpointError
from moonfleet.agents.events import FOLDER, EventLog, read_events
from moonfleet.agents.mission import MissionSpec, mission_key
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.simulation import by_index
from moonfleet.agents.state import Activity, Link, Loss
from moonfleet.autonomy.policy import Policy
from moonfleet.terrain.clock import tdb_to_utc, utc_to_tdb
from moonfleet.terrain.errors import MoonfleetError

from .errors import ReplayError, RunFolderError
from .minutes import minute_of
from .policy_build import build_policies
from .run_folder import SCENARIO, check_belongs, missing_scenario
from .scenario import load_scenario

if TYPE_CHECKING:
    import pyarrow as pa

LOOK_STEPS = 24  # decision steps between two comparisons with the log


@dataclass(frozen=True, slots=True)
class RobotNow:
    """One robot at the moment."""

    robot: str
    kind: str
    x_m: float | None  # site x, y; None in orbit
    y_m: float | None
    battery_frac: float
    battery_wh: float
    temp_k: float
    lit: float
    activity: str
    job: str | None
    links: tuple[str, ...]
    data_mbit: float
    odometer_m: float
    lost: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """The first event that the replay made otherwise than the run; ``made`` or ``logged`` is None where there was none."""

    seq: int
    logged: dict[str, object] | None
    made: dict[str, object] | None

    def words(self) -> str:
        """Say what differs."""
        if self.logged is None or self.made is None:
            one, which = (
                (self.made, "made, but not in the log")
                if self.logged is None
                else (self.logged, "in the log, but not made")
            )
            return f"event {self.seq}: {which}: {json.dumps(one)}"
        names = [name for name in {**self.logged, **self.made} if self.logged.get(name) != self.made.get(name)]
        told = ", ".join(f"{name}: logged {self.logged.get(name)!r}, made {self.made.get(name)!r}" for name in names)
        return f"event {self.seq} ({self.logged.get('kind')}, {self.logged.get('t_s')} s): {told}"


@dataclass(frozen=True, slots=True)
class Replay:
    """A run as it stood at a moment."""

    run_dir: Path
    step: int
    t_s: int
    utc: str
    from_step: int  # of the checkpoint that it began at, 0: the start
    compared: int  # events made on the way and compared with the log
    beyond: int  # events made on the way that the run has not logged yet
    difference: Difference | None
    notes: tuple[str, ...]  # damaged checkpoints passed over
    archive_mbit: float
    jobs_done: tuple[str, ...]
    robots: tuple[RobotNow, ...]
    loop: MissionLoop = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {
            "run": str(self.run_dir),
            "step": self.step,
            "t_s": self.t_s,
            "utc": self.utc,
            "from_step": self.from_step,
            "events_compared": self.compared,
            "events_not_logged_yet": self.beyond,
            "difference": None if self.difference is None else asdict(self.difference),
            "archive_mbit": self.archive_mbit,
            "jobs_done": list(self.jobs_done),
            "robots": [asdict(robot) for robot in self.robots],
        }


def replay_run(
    run_dir: str | Path,
    *,
    to: str | None = None,
    at_step: int | None = None,
    policies: Mapping[str, Policy] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Replay:
    """Take a run back to a moment.

    Parameters
    ----------
    run_dir
        Folder of a run, finished or not.
    to, at_step
        The moment, one of the two: a UTC date or time (``2031-03-02``, ``2031-03-02T12:00``), or a number of decision steps.
    policies
        Those that the run was made with, where they were not those of its scenario: robot's name -> policy.
    progress
        Called with (step, last step) after every step.

    Raises
    ------
    ReplayError
        A moment that cannot be read, or outside the mission.
    RunFolderError, ScenarioError, EventError, CheckpointError
        A folder that is no run, or a damaged one.
    """
    from .mission_build import build_mission

    folder = Path(run_dir)
    if not (folder / SCENARIO).is_file():
        raise RunFolderError(f"{folder}: {missing_scenario(folder)}")
    scenario = load_scenario(folder / SCENARIO)
    if scenario.resolved is None:
        raise RunFolderError(f"{folder / SCENARIO}: 'resolved' is missing; this is not the scenario of a run")
    check_belongs(folder, scenario)
    mission = build_mission(scenario).mission
    own = build_policies(scenario, mission.seed) | dict(policies or {})
    goal = goal_step(mission, to, at_step)
    logged = read_events(folder)
    from moonfleet.agents.fleet import LocalFleet

    saved, notes = checkpoint.newest(folder, goal)
    try:
        scratch = tempfile.TemporaryDirectory(prefix="moonfleet-replay-")
    except OSError as error:
        raise ReplayError(
            f"no folder for what the replay makes: {error}; set TMPDIR to one that can be written"
        ) from error
    with scratch as aside:
        log = EventLog(Path(aside) / FOLDER)
        loop = MissionLoop(mission, LocalFleet(mission, by_index(mission, own)), log)
        first = take_up(loop, log, saved, folder) if saved is not None else 0
        began = loop.steps_done
        loop.begin()
        compared, difference = first, None
        while loop.steps_done < goal and not loop.finished:
            loop.step()
            if progress is not None:
                progress(loop.steps_done, goal)
            if loop.steps_done % LOOK_STEPS == 0 and difference is None:
                compared, difference = compare(log, Path(aside), logged, compared)
        if difference is None:
            compared, difference = compare(log, Path(aside), logged, compared)
    return describe(folder, loop, began, first, logged.num_rows, compared, difference, tuple(notes))


def goal_step(mission: MissionSpec, to: str | None, at_step: int | None) -> int:
    """Return the decision step of a moment; `ReplayError` when it cannot be read or lies outside the mission."""
    if (to is None) == (at_step is None):
        raise ReplayError("one of --to and --at-step must be given: the moment to go back to")
    first, last = (minute_of(tdb_to_utc(mission.t0 + t), "T") for t in (0, mission.duration_s))
    span = f"the mission lasts from {first} to {last} UTC"
    if at_step is not None:
        if not 0 <= at_step <= mission.steps:
            raise ReplayError(f"--at-step = {at_step}: must be 0 to {mission.steps}; {span}")
        return at_step
    words = str(to).strip().removesuffix("Z").replace(" ", "T")
    try:
        t_s = utc_to_tdb(words if "T" in words else f"{words}T00:00:00") - mission.t0
    except (MoonfleetError, ValueError) as error:
        raise ReplayError(f"--to = {to}: must be a UTC date or time such as 2031-03-02T12:00; {span}") from error
    if not -0.5 <= t_s <= mission.duration_s + 0.5:
        raise ReplayError(f"--to = {to}: outside the mission; {span}")
    return int((t_s + 1e-3) // mission.decision_s)  # a millisecond is more than a round trip of the clocks loses


def take_up(loop: MissionLoop, log: EventLog, saved: checkpoint.Checkpoint, folder: Path) -> int:
    """Let the loop stand where a checkpoint was made; returns the number of events logged until then."""
    if saved.mission != mission_key(loop.mission):
        raise CheckpointError(f"{folder}: its checkpoints are of another mission; its scenario has been changed since")
    try:
        loop.set_state(saved.state)  # pyright: ignore[reportArgumentType]
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{folder}: the checkpoint of step {saved.step} does not fit this version of moonfleet ({type(error).__name__}: {error})"
        ) from error
    log.count = saved.events
    return saved.events


def compare(log: EventLog, aside: Path, logged: pa.Table, since: int) -> tuple[int, Difference | None]:
    """Compare the events made since number ``since`` with the log; returns how far they agree, and the first that does not."""
    log.flush()
    if log.count == since:
        return since, None
    made = read_events(aside)
    made = made.slice(made.num_rows - (log.count - since))
    known = logged.slice(since, made.num_rows)
    if made.slice(0, known.num_rows).equals(known):
        return since + made.num_rows, None
    for number, (theirs, ours) in enumerate(zip(_rows(known), _rows(made), strict=False)):
        if json.dumps(theirs) != json.dumps(ours):
            return since + number, Difference(since + number, theirs, ours)
    return since + made.num_rows, None


def _rows(table: pa.Table) -> list[dict[str, object]]:
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


def describe(
    folder: Path,
    loop: MissionLoop,
    began: int,
    first: int,
    logged: int,
    compared: int,
    difference: Difference | None,
    notes: tuple[str, ...],
) -> Replay:
    """Return the state of everything now."""
    mission = loop.mission
    if difference is None and loop.finished and compared < logged:
        row = read_events(folder).slice(compared, 1).to_pylist()[0]
        difference = Difference(compared, {name: value for name, value in row.items() if value is not None}, None)
    return Replay(
        run_dir=folder,
        step=loop.steps_done,
        t_s=loop.t_s,
        utc=tdb_to_utc(mission.t0 + loop.t_s),
        from_step=began,
        compared=min(compared, logged) - first,
        beyond=max(0, loop.log.count - logged),
        difference=difference,
        notes=notes,
        archive_mbit=loop.archive_mbit,
        jobs_done=tuple(job.id for job, done in zip(mission.jobs, loop.ops.done, strict=True) if done),
        robots=tuple(robot_now(loop, index) for index in range(len(mission.fleet))),
        loop=loop,
    )


def robot_now(loop: MissionLoop, index: int) -> RobotNow:
    """Return one robot's state, as the truth has it."""
    member, state = loop.mission.fleet[index], loop.world.state

    def now(name: str) -> Any:
        return getattr(state, name)[0, index].item()

    loss, links, job = int(now("loss")), int(now("link")), int(loop.ops.job[index])
    return RobotNow(
        robot=member.name,
        kind=member.spec.kind,
        x_m=now("x") if member.xy is not None else None,
        y_m=now("y") if member.xy is not None else None,
        battery_frac=now("battery_wh") / member.spec.battery_wh,
        battery_wh=now("battery_wh"),
        temp_k=now("temp_k"),
        lit=now("lit"),
        activity=Activity(int(now("activity"))).name.lower(),
        job=loop.mission.jobs[job].id if job >= 0 else None,
        links=tuple(link.name.lower() for link in Link if links & link),
        data_mbit=now("data_mbit"),
        odometer_m=now("odometer_m"),
        lost=Loss(loss).name.lower() if loss else None,
    )
