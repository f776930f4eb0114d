"""Restore equals continue: missions saved at random steps, taken up by a process that has never seen them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from moonfleet.terrain.seeds import stream

from .registry import Bar, Row, Tell, holds
from .restore_again import Ahead, state_digest

if TYPE_CHECKING:
    from moonfleet.agents.mission import MissionSpec

BAR = "fleet.3"
STEPS: Final = 50  # saved steps of each mission
SEED: Final = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One mission: a shipped scenario with changes, and for how many steps each saved one is gone on with."""

    scenario: str
    changes: dict[str, object]
    on: int


CASES: Final = (
    Case("first-light", {"duration_days": 3, "perception": "rendered"}, 3),
    Case("first-light", {"duration_days": 10, "perception": "statistical"}, 10_000),
    Case("pathfinder", {"perception": "statistical"}, 24),
)


def restore(tell: Tell) -> list[Row]:
    """Save each mission at 50 random steps, take each up in one fresh process, and compare events and final states."""
    rows: list[Row] = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(one_case(case, Path(folder), tell))
    return rows


def one_case(case: Case, folder: Path, tell: Tell) -> Row:
    """Return the row of one mission."""
    from ..mission_build import build_mission
    from ..scenario import dump_scenario, load_scenario, with_seed

    scenario = with_seed(load_scenario(case.scenario).model_copy(update=case.changes), SEED)
    plan = build_mission(scenario)
    (folder / "scenario.yaml").write_text(dump_scenario(plan.scenario), encoding="utf-8")
    wanted, bytes_each = fly(plan.mission, folder, case.on)
    began = time.perf_counter()
    command = [sys.executable, "-m", "moonfleet.experiments.bench.restore_again", str(folder), str(case.on)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    made = {int(step): Ahead(*told) for step, told in json.loads(done.stdout or "{}").items()}
    same = sum(made.get(step) == ahead for step, ahead in wanted.items())
    tell(done.stderr[-2000:] if done.returncode else f"{time.perf_counter() - began:.0f} s in the fresh process")
    length = "to the end" if case.on > plan.mission.steps else f"for {case.on} steps"
    what = ", ".join(f"{key} {value}" for key, value in case.changes.items())
    events = sum(ahead.events for ahead in wanted.values())
    tell(f"{case.scenario} ({what}): {same} of {len(wanted)} the same, {events} events, {bytes_each / 1e3:.0f} kB each")
    return holds(
        BAR,
        f"{case.scenario}, {what}: {len(wanted)} random steps saved, gone on with {length} by a fresh process, same events and state",
        same == len(wanted) == STEPS,
    )


def fly(mission: MissionSpec, folder: Path, on: int) -> tuple[dict[int, Ahead], float]:
    """Fly a mission through, saving it on the way; returns what going on from each saved step must give, and a file's size."""
    from moonfleet.agents.events import FOLDER, EventLog, digest, read_events
    from moonfleet.agents.fleet import LocalFleet
    from moonfleet.agents.mission_loop import MissionLoop
    from moonfleet.agents.world_file import save_mission

    chosen = {
        int(step)
        for step in stream(SEED, "restore-steps").choice(mission.steps, min(STEPS, mission.steps), replace=False)
    }
    ends = {min(step + on, mission.steps) for step in chosen}
    loop = MissionLoop(mission, LocalFleet(mission), EventLog(folder / FOLDER))
    loop.begin()
    counts, states, size = [loop.log.count], dict[int, str](), 0
    while True:
        if loop.steps_done in ends or loop.finished:
            states[loop.steps_done] = state_digest(loop)
        if loop.steps_done in chosen:
            size += save_mission(loop, folder / f"step-{loop.steps_done}.mission").stat().st_size
        if loop.finished:
            break
        loop.step()
        counts.append(loop.log.count)
    loop.log.flush()
    table = read_events(folder)
    wanted: dict[int, Ahead] = {}
    for step in sorted(chosen):
        if step < len(counts):
            end = min(step + on, len(counts) - 1)
            made = counts[end] - counts[step]
            wanted[step] = Ahead(made, digest(table.slice(counts[step], made)), states[end])
    return wanted, size / max(1, len(wanted))


BARS: dict[str, Bar] = {BAR: restore}
