"""Speed of the environments on one thread: random actions, resets included, agent-steps per CPU-second, beside others in one run.

Everyone runs in a process of its own on one core, is warmed up, and is then asked for stretches in turns; the best counts, of ours
and of theirs. What is counted stands in `env_peers.clock`. The peers' Pythons are made in the cache folder on first use.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from moonfleet.terrain.cache_folder import cache_folder

from ..errors import BenchError
from .peer_python import python_with
from .registry import Bar, Row, Tell

BAR: Final = "envs.3"
ROUNDS: Final = 5
SECONDS: Final = 2.0  # [s] of CPU, one stretch
WORLDS: Final = 1024
STATION_WORLDS: Final = 128
FOLDER: Final = Path(__file__).parent / "env_peers"
PEERS: Final = {
    "vmas": "VMAS navigation, 4 agents, 1024 worlds",
    "jumanji": "Jumanji RobotWarehouse, 1024 worlds",
    "rware": "rware-tiny-4ag, one world",
    "cartpole": "gymnasium CartPole, 1024 worlds",
}
TRAVERSE: Final = "PolarTraverse, 1024 worlds"
STATION: Final = f"StationOps, {STATION_WORLDS} worlds of 8 robots, hourly decisions"
TIMES: Final = (
    (TRAVERSE, PEERS["cartpole"], 0.25),
    (STATION, PEERS["vmas"], 2.0),
    (STATION, PEERS["jumanji"], 5.0),
    (STATION, PEERS["rware"], 60.0),
)
TWO_THREADS, FRESH_PER_S = 1.7, 50.0
GROUNDS, FRESH_WORLDS = 64, 256


class Runner:
    """A process that answers each line by the figures of one stretch."""

    def __init__(self, name: str, command: list[str], stack: ExitStack) -> None:
        self.name = name
        self.words = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "stderr"
        with self.words.open("w") as words:  # no pipe: nobody would empty it
            self.process: subprocess.Popen[str] = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True)
            )

    def stretch(self) -> dict[str, float]:
        """Return what the process says of one more stretch. Raises `BenchError` if it ended."""
        if self.process.stdin is None or self.process.stdout is None:
            raise BenchError(f"{self.name}: its pipes are closed")
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
            said = self.process.stdout.readline()
        except BrokenPipeError:
            said = ""
        if not said:
            raise BenchError(f"ended: {self.words.read_text(errors='replace').strip()[-300:]}")
        return json.loads(said)

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(timeout=60)


def pins() -> Mapping[str, list[str]]:
    """Return the exact packages of every peer's Python."""
    return json.loads((FOLDER / "pins.json").read_text(encoding="utf-8"))


def peer(name: str, stack: ExitStack) -> Runner:
    """Start a peer; its Python is made unless it is there. Raises `BenchError` where it cannot be had."""
    python = Path(sys.executable)
    if name != "cartpole":  # the project's own gymnasium
        packages = pins()[name]
        version = next(package for package in packages if package.startswith(f"{name}=="))
        python = python_with(cache_folder() / "peers" / version.replace("==", "-"), packages, name)
    return Runner(PEERS[name], [str(python), str(FOLDER / "clock.py"), name, str(SECONDS)], stack)


def own(
    name: str, env: str, worlds: int, stack: ExitStack, *, threads: int = 1, what: str = "steps", **options: object
) -> Runner:
    """Start an environment of the project; ``what`` it is to do is ``steps`` or ``resets``."""
    command = [sys.executable, "-m", f"{__package__}.env_peers.own_clock", what, env]
    return Runner(name, [*command, str(worlds), str(threads), str(SECONDS), json.dumps(options)], stack)


def speed(tell: Tell) -> list[Row]:
    """Everyone in turns, then the ratios that were promised."""
    starts: dict[str, Callable[[ExitStack], Runner]] = {
        name: lambda stack, key=key: peer(key, stack) for key, name in PEERS.items()
    }
    starts[TRAVERSE] = lambda stack: own(TRAVERSE, "PolarTraverse", WORLDS, stack)
    starts[STATION] = lambda stack: own(STATION, "StationOps", STATION_WORLDS, stack)
    best = in_turns(starts, lambda said: said["agent_steps"] / said["cpu_s"], tell)
    for name, rate in best.items():
        tell(f"  {name:40s} {rate / 1e3:10.1f} thousand agent-steps per CPU-second")
    return [compared(ours, theirs, times, best) for ours, theirs, times in TIMES] + [
        two_threads("PolarTraverse", WORLDS, tell),
        two_threads("PolarTraverse", 4 * WORLDS, tell),
        two_threads("StationOps", STATION_WORLDS, tell),
        fresh_ground(tell),
    ]


def in_turns(
    starts: Mapping[str, Callable[[ExitStack], Runner]], figure: Callable[[dict[str, float]], float], tell: Tell
) -> dict[str, float]:
    """Return the best ``figure`` of `ROUNDS` stretches of everyone who could be started, one stretch at a time."""
    best: dict[str, float] = {}
    with ExitStack() as stack:
        runners: list[Runner] = []
        for name, start in starts.items():
            try:
                runner = start(stack)
                runners.append(runner)
                best[name] = figure(runner.stretch())
            except BenchError as error:
                tell(f"  {name}: left out: {error}")
        runners = [runner for runner in runners if runner.name in best]
        for _ in range(ROUNDS - 1):
            for runner in runners:
                best[runner.name] = max(best[runner.name], figure(runner.stretch()))
        for runner in runners:
            runner.close()
    return best


def compared(ours: str, theirs: str, times: float, best: Mapping[str, float]) -> Row:
    """Return the row of one promise: so many times as fast as a peer."""
    target, what = f">= {times:g} x", f"{ours} beside {theirs}"
    if ours not in best or theirs not in best:
        missing = ours if ours not in best else theirs
        return Row(BAR, what, f"not measured: {missing}", "", target, False)
    ratio = best[ours] / best[theirs]
    said = f"{theirs}: {best[theirs]:.4g}"
    return Row(BAR, what, best[ours], "agent-steps/CPU-s", target, ratio >= times, said, ratio)


def two_threads(env: str, worlds: int, tell: Tell) -> Row:
    """Return the row of two threads beside one, by wall time, in turns."""
    names = {1: "one thread", 2: "two threads"}
    starts: dict[str, Callable[[ExitStack], Runner]] = {
        name: lambda stack, name=name, threads=threads: own(name, env, worlds, stack, threads=threads)
        for threads, name in names.items()
    }
    best = in_turns(starts, lambda said: said["agent_steps"] / said["wall_s"], tell)
    what, target = f"{env}, {worlds} worlds, two threads beside one, wall time", f">= {TWO_THREADS:g} x"
    if len(best) < len(names):
        return Row(BAR, what, "not measured", "", target, False)
    ratio = best[names[2]] / best[names[1]]
    return Row(BAR, what, ratio, "x", target, ratio >= TWO_THREADS, f"one: {best[names[1]]:.4g}/s", ratio)


def fresh_ground(tell: Tell) -> Row:
    """Return the row of resets to episodes that each draw one of many grounds."""
    name = f"PolarTraverse, {GROUNDS} grounds"
    best = in_turns(
        {name: lambda stack: own(name, "PolarTraverse", FRESH_WORLDS, stack, what="resets", grounds=GROUNDS)},
        lambda said: said["episodes"] / said["cpu_s"],
        tell,
    )
    what, target = f"{name} of relief of their own, drawn anew at every reset", f">= {FRESH_PER_S:g}"
    if name not in best:
        return Row(BAR, what, "not measured", "", target, False)
    return Row(BAR, what, best[name], "resets/CPU-s", target, best[name] >= FRESH_PER_S)


BARS: dict[str, Bar] = {BAR: speed}
