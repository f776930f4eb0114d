"""A mission of thirty days while its actors, its nodes and its driver are killed at random: the events stay the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from moonfleet.terrain.seeds import stream

from ..errors import BenchError
from ..scenario import dump_scenario
from .clusters import Nodes, gone, nodes, squad_processes
from .fleet_bytes import flown, short
from .registry import Bar, Row, Tell, at_least, holds

DAYS = 30.0
KILLS: dict[str, int] = {"actor": 20, "node": 5, "driver": 5}
ACTORS = 4
SAVE_EVERY = 6  # decision steps between checkpoints: kills fall before, between and after them
PATIENCE_S = 180.0
SEED = 20

Kind = Literal["actor", "node", "driver"]


@dataclass
class Harness:
    """A mission under fire: its cluster, the process that drives it, and what was written before each kill."""

    cluster: Nodes
    folder: Path
    scenario: Path
    process: subprocess.Popen[bytes] | None = None
    written: list[pa.Table] = field(default_factory=list)
    recovery_s: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KILLS})

    @property
    def run_dir(self) -> Path:
        """The run folder."""
        return self.folder / "run"

    def drive(self) -> None:
        """Start the driver, anew or from the newest checkpoint: the command that a user would type."""
        begun = (self.run_dir / "scenario.yaml").exists()
        verb = ["resume", str(self.run_dir)] if begun else ["run", str(self.scenario), "--out", str(self.run_dir)]
        command = [sys.executable, "-m", "moonfleet.experiments.cli", *verb, "--backend", "ray", "--quiet"]
        self.process = subprocess.Popen([*command, "--address", self.cluster.address], stdout=subprocess.DEVNULL)

    def step(self) -> int:
        """Decision steps that are safe on disk."""
        manifests = sorted((self.run_dir / "checkpoints").glob("step-*.json"))
        return int(manifests[-1].stem.split("-")[1]) if manifests else 0

    def wait_for(self, step: int) -> bool:
        """Wait until a checkpoint at or after ``step`` is there; False when the mission has ended."""
        until = time.monotonic() + PATIENCE_S
        while self.step() < step:
            if self.process is not None and self.process.poll() is not None:
                if self.process.returncode != 0:
                    raise BenchError(f"fleet.2: the driver ended by itself with exit {self.process.returncode}")
                return False
            if time.monotonic() > until:
                raise BenchError(f"fleet.2: no step after {self.step()} within {PATIENCE_S:g} s")
            time.sleep(0.01)
        return True

    def remember(self) -> None:
        """Keep what is on disk now: none of it may ever change."""
        from moonfleet.agents.events import FOLDER, parts, read_part

        tables: list[pa.Table] = []
        for part in parts(self.run_dir / FOLDER):
            try:
                tables.append(read_part(part))
            except FileNotFoundError:  # replaced at this very moment: a resumed run cuts its last part
                break
        if tables:
            self.written.append(pa.concat_tables(tables))

    def kill(self, kind: Kind, choice: float) -> None:
        """Kill one of a kind, and wait until the mission is under way again: a checkpoint on."""
        alive_driver(self.process)
        before = self.step()
        began = time.monotonic()
        if kind == "actor":
            alive = sorted(squad_processes())
            if not alive:
                raise BenchError("fleet.2: no actor to kill")
            os.kill(alive[int(choice * len(alive))], signal.SIGKILL)
        elif kind == "node":
            victims = self.cluster.kill()
            self.cluster.add()
            if not gone(victims, PATIENCE_S):  # a worker can outlive its node, and answer
                raise BenchError("fleet.2: workers of a killed node live on")
        else:
            os.kill(self.process.pid, signal.SIGKILL)  # pyright: ignore[reportOptionalMemberAccess]
            self.process.wait()  # pyright: ignore[reportOptionalMemberAccess]
            self.remember()
            self.drive()
        self.wait_for(before + SAVE_EVERY)
        self.recovery_s[kind].append(time.monotonic() - began)


def alive_driver(process: subprocess.Popen[bytes] | None) -> None:
    """Raise `BenchError` when there is no driver to kill."""
    if process is None or process.poll() is not None:
        raise BenchError("fleet.2: the mission ended before all kills were made")


def killed_at_will(tell: Tell) -> list[Row]:
    """Thirty kills in one mission, against the same mission left alone."""
    from moonfleet.agents.events import digest, read_events

    scenario = short("pathfinder", DAYS, 1, ACTORS).model_copy(update={"checkpoint_every_steps": SAVE_EVERY})
    random = stream(SEED, "kills")
    kinds: list[Kind] = [kind for kind, count in KILLS.items() for _ in range(count)]  # pyright: ignore
    random.shuffle(kinds)
    at = np.sort(random.uniform(0.02, 0.85, len(kinds))) * scenario.steps
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tell("the mission left alone, in this process")
        whole = flown(scenario, folder, "local")
        path = folder / "mission.yaml"
        path.write_text(dump_scenario(scenario))
        with nodes(3) as cluster:
            harness = Harness(cluster, folder, path)
            harness.drive()
            for number, kind in enumerate(kinds):
                if not harness.wait_for(int(at[number])):
                    raise BenchError("fleet.2: the mission ended before all kills were made")
                time.sleep(random.uniform(0.0, 0.3))
                tell(f"kill {number + 1} of {len(kinds)}: {kind}, after step {harness.step()}")
                harness.kill(kind, float(random.uniform()))
            harness.wait_for(scenario.steps)
            if harness.process is None or harness.process.wait(PATIENCE_S) != 0:
                raise BenchError("fleet.2: the driver did not end well")
            table = read_events(harness.run_dir)
    kept = all(table.slice(0, part.num_rows).equals(part) for part in harness.written)
    same = digest(table) == whole
    rows = [
        holds("fleet.2", f"{DAYS:g} days with {len(kinds)} kills: the digest of the run left alone", same),
        holds("fleet.2", "every event that was on disk when the driver died is in the log", kept),
    ]
    for kind, count in KILLS.items():
        times = harness.recovery_s[kind]
        words = f"{kind}s killed; until {SAVE_EVERY} more steps are safe: median {np.median(times):.1f} s, worst {max(times):.1f} s"
        rows.append(at_least("fleet.2", words, len(times), "", count))
    return rows


BARS: dict[str, Bar] = {"fleet.2": killed_at_will}
