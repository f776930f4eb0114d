"""Stored episodes are flown again and compared: what changed the world without meaning to is found here.

The files beside this test are small enough to read. After a change that is meant, write them anew with
``MOONFLEET_UPDATE_STORED=1 python -m pytest tests/regression`` and read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import moonfleet.envs
from moonfleet.agents.events import read_events
from moonfleet.agents.simulation import Simulation
from moonfleet.terrain.site import Site
from tests.missions import small_mission

HERE = Path(__file__).parent
TIME_S = 600.0  # one or two drive steps: rounding on another machine may move an arrival that much
SHARE = 0.01  # of distances and energies


def stored(name: str, now: dict[str, object]) -> dict[str, object]:
    """What the file says; writes it first when asked to."""
    path = HERE / name
    if os.environ.get("MOONFLEET_UPDATE_STORED"):
        path.write_text(json.dumps(now, indent=1) + "\n")
    return json.loads(path.read_text())


def test_a_small_mission_goes_as_it_did(small_site: Site, tmp_path: Path) -> None:
    mission = small_mission(small_site)
    Simulation(mission, tmp_path, "local").run()
    rows = read_events(tmp_path).to_pylist()
    last = {row["robot"]: row for row in rows if row["kind"] == "status"}
    now: dict[str, object] = {
        "jobs": {f"{row['job']} {row['kind']} {row['robot']}": row["t_s"] for row in rows if row["kind"] in WORK},
        "driven_m": {name: round(row["odometer_m"], 1) for name, row in last.items()},
        "battery_wh": {name: round(row["battery_wh"], 1) for name, row in last.items()},
        "archive_mbit": round(rows[-1]["archive_mbit"], 1),
    }
    before = stored("small_mission.json", now)
    assert now["jobs"] == pytest.approx(before["jobs"], abs=TIME_S)
    assert now["driven_m"] == pytest.approx(before["driven_m"], rel=SHARE, abs=5.0)
    assert now["battery_wh"] == pytest.approx(before["battery_wh"], rel=SHARE)
    assert now["archive_mbit"] == pytest.approx(before["archive_mbit"], rel=SHARE)


WORK = ("job_started", "job_done")


def test_a_traverse_goes_as_it_did(small_site: Site) -> None:
    assert moonfleet.envs
    env = gymnasium.make("moonfleet/PolarTraverse-v0", site=small_site)
    observation, _ = env.reset(seed=11)
    rng = np.random.default_rng(11)
    rewards: list[float] = []
    for _ in range(100):
        observation, reward, terminated, truncated, _ = env.step(int(rng.integers(17)))
        rewards.append(round(float(reward), 4))
        if terminated or truncated:
            break
    now: dict[str, object] = {
        "rewards": rewards,
        "observation": [round(float(value), 4) for value in observation],
    }
    before = stored("polar_traverse.json", now)
    assert now["rewards"] == pytest.approx(before["rewards"], abs=2e-3)
    assert now["observation"] == pytest.approx(before["observation"], abs=5e-3)
