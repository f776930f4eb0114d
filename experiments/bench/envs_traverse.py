"""PolarTraverse in a batch: speed beside gymnasium's own vectorised CartPole, threads, resets on fresh ground, memory.

Every figure is CPU time of this process (threads: wall time), the best of several turns, CartPole and ours in turns of the same run.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from moonfleet.envs.game import Episode
from moonfleet.envs.polar_traverse.game import PolarTraverseGame
from moonfleet.terrain.seeds import stream

from .registry import Bar, Row, Tell, at_least, at_most

SPEED, MEMORY = "envs.3", "envs.4"
TRAVERSE: Final = "moonfleet.envs:moonfleet/PolarTraverse-v0"  # importing the package registers it
WORLDS, TURNS, STEPS = 1024, 6, 150
SHARE: Final = 0.25  # of CartPole's agent-steps
THREADS_GAIN: Final = 1.7
RESETS_S: Final = 50.0  # worlds with fresh ground per CPU-second
POOL: Final = 16  # grounds
MEMORY_GB: Final = 1.0
LARGE_M: Final = 10_240.0  # m, 512 cells of 20 m
MEASURE_MEMORY = """
import json, resource, sys
import numpy as np
from moonfleet.envs.polar_traverse.env import PolarTraverseVec
from moonfleet.terrain.site import SiteRecipe
recipe = SiteRecipe("env-large", 123.4, -88.8, size_m=float(sys.argv[1]), cell_m=20.0, seed=1, azimuths=72)
env = PolarTraverseVec(int(sys.argv[2]), site=recipe)
env.reset(seed=0)
rng = np.random.Generator(np.random.PCG64(0))
for _ in range(200):
    env.step(rng.integers(0, 17, env.num_envs))
print(json.dumps([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, env.game.single_observation_space.shape[0]]))
"""


def speed(tell: Tell) -> list[Row]:
    """Bar envs.3, the part of PolarTraverse."""
    ours, cart = _vector(TRAVERSE), _vector("CartPole-v1")
    columns = ours.single_observation_space.shape[0]
    mine: list[float] = []
    theirs: list[float] = []
    for turn in range(TURNS):
        mine.append(_rate(ours, 17, turn, time.process_time))
        theirs.append(_rate(cart, 2, turn, time.process_time))
        tell(f"turn {turn + 1}: {mine[-1]:.2f} and {theirs[-1]:.2f} M agent-steps per CPU-second")
    best, peer = max(mine), max(theirs)
    what = f"PolarTraverse, {WORLDS} worlds, {columns} numbers each, random actions, resets included"
    ratio = best / peer
    rows = [
        Row(SPEED, what, best, "M/CPU-s", f">= {SHARE:g} x", ratio >= SHARE, f"CartPole, its best: {peer:.2f}", ratio),
        _threads(tell),
        _resets(tell),
    ]
    return rows


def memory(tell: Tell) -> list[Row]:
    """Bar envs.4: 1 024 worlds on one site of 512 x 512 cells, in a process of their own."""
    told = subprocess.run(
        [sys.executable, "-c", MEASURE_MEMORY, str(LARGE_M), str(WORLDS)], capture_output=True, text=True, check=True
    )
    gb, columns = json.loads(told.stdout.strip().splitlines()[-1])
    tell(f"{WORLDS} worlds of {columns} numbers: {gb:.2f} GB at most, Python and libraries included")
    return [at_most(MEMORY, f"PolarTraverse, {WORLDS} worlds on one site of 512 x 512: memory", gb, "GB", MEMORY_GB)]


def _vector(env_id: str, **options: Any) -> Any:
    gymnasium: Any = importlib.import_module("gymnasium")  # the peer's own door, and ours
    env = gymnasium.make_vec(env_id, WORLDS, vectorization_mode="vector_entry_point", **options)
    env.reset(seed=0)
    return env


def _rate(env: Any, actions: int, turn: int, clock: Callable[[], float]) -> float:
    """Return millions of agent-steps per second of ``clock``; actions are drawn beforehand."""
    chosen = stream(1, "env bench actions", index=(turn,)).integers(0, actions, (STEPS, WORLDS))
    start = clock()
    for k in range(STEPS):
        env.step(chosen[k])
    return STEPS * WORLDS / (clock() - start) / 1e6


def _threads(tell: Tell) -> Row:
    """Two threads against one, wall time, turn by turn."""
    one, two = (_vector(TRAVERSE, threads=threads) for threads in (1, 2))
    single = [_rate(one, 17, turn, time.perf_counter) for turn in range(TURNS)]
    double = [_rate(two, 17, turn, time.perf_counter) for turn in range(TURNS)]
    gain = max(double) / max(single)
    tell(f"one thread {max(single):.2f}, two threads {max(double):.2f} M agent-steps per second of the clock")
    return at_least(SPEED, "PolarTraverse, two threads against one (wall time)", gain, "x", THREADS_GAIN)


def _resets(tell: Tell) -> Row:
    """Episodes begun per CPU-second on grounds of the pool, each with a ground, date, start and targets of its own."""
    game = PolarTraverseGame(WORLDS, grounds=POOL)
    worlds = np.arange(WORLDS)
    rates: list[float] = []
    for turn in range(TURNS):
        episodes = [Episode(turn, number) for number in range(WORLDS)]
        start = time.process_time()
        for k in range(0, WORLDS, 16):
            game.begin(worlds[k : k + 16], episodes[k : k + 16])
        rates.append(WORLDS / (time.process_time() - start))
    tell(f"resets: {', '.join(f'{rate:.0f}' for rate in rates)} per CPU-second, 16 at a time, {POOL} grounds")
    return at_least(
        SPEED, f"PolarTraverse, worlds reset on fresh ground of a pool of {POOL}", max(rates), "/CPU-s", RESETS_S
    )


BARS: dict[str, Bar] = {SPEED: speed, MEMORY: memory}
