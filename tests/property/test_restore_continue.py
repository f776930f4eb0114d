"""Restore equals continue: whatever step a mission is saved at, a fresh process that takes it up makes the same events."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from moonfleet.agents.events import FOLDER, EventLog, digest, read_events
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.world_file import save_mission
from moonfleet.experiments.bench.restore_again import state_digest
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site
from tests.missions import small_mission

ROOT = Path(__file__).resolve().parents[2]
NIGHT = {"t0": utc_to_tdb("2030-06-10T00:00:00"), "seed": 5}
WEEK = 7 * 24


def saved_steps(root: int, steps: int, count: int) -> set[int]:
    """Random steps of a mission, its start and its last but one among them."""
    inner = stream(root, "restore-steps").choice(steps - 2, count - 2, replace=False) + 1
    return {0, steps - 1, *(int(step) for step in inner)}


def fly_and_save(site: Site, folder: Path, changes: dict[str, Any], count: int, on: int) -> dict[str, list[object]]:
    """Fly the mission through, saving it at random steps; returns what going on from each must give."""
    mission = small_mission(site, **changes)
    loop = MissionLoop(mission, LocalFleet(mission), EventLog(folder / FOLDER))
    loop.begin()
    chosen = saved_steps(mission.seed, mission.steps, count)
    counts, states = [loop.log.count], [state_digest(loop)]
    while True:
        if loop.steps_done in chosen:
            save_mission(loop, folder / f"step-{loop.steps_done}.mission")
        if loop.finished:
            break
        loop.step()
        counts.append(loop.log.count)
        states.append(state_digest(loop))
    loop.log.flush()
    table = read_events(folder)
    wanted: dict[str, list[object]] = {}
    for step in sorted(chosen):
        if step < len(counts):
            end = min(step + on, len(counts) - 1)
            made = counts[end] - counts[step]
            wanted[str(step)] = [made, digest(table.slice(counts[step], made)), states[end]]
    return wanted


def continued(site: Site, folder: Path, changes: dict[str, Any], on: int) -> dict[str, list[object]]:
    """What a fresh process makes of the saved missions."""
    command = [sys.executable, "-m", "tests.continue_saved", str(site.path), json.dumps(changes), str(folder), str(on)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_a_fresh_process_goes_on_with_the_same_events(small_site: Site, tmp_path: Path) -> None:
    changes = {"duration_s": 12 * 3600, "seed": 3}
    wanted = fly_and_save(small_site, tmp_path, changes, 4, 4)
    assert continued(small_site, tmp_path, changes, 4) == wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "count", "on"),
    [
        ({"duration_s": 72 * 3600, "seed": 2}, 25, 24),
        ({"duration_s": WEEK * 3600, **NIGHT}, 25, WEEK),
        ({"duration_s": 12 * 3600, "perception": "rendered", "seed": 4}, 8, 6),
    ],
    ids=["day", "night", "pictures"],
)
def test_at_any_random_step(small_site: Site, tmp_path: Path, changes: dict[str, Any], count: int, on: int) -> None:
    """Fifty-eight steps in all; of the night's each goes on to the very end."""
    wanted = fly_and_save(small_site, tmp_path, changes, count, on)
    assert len(wanted) == count
    assert continued(small_site, tmp_path, changes, on) == wanted
