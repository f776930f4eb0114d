"""Memory of 1 024 worlds of an environment on one site of 512 x 512 cells, in a process of their own, Python and libraries included.

The process runs twice and the second run counts: the first one may also have to compile, which takes memory that no later run takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

from .registry import Bar, Row, Tell, at_most

MEMORY: Final = "envs.4"
WORLDS, STEPS = 1024, 200
MEMORY_GB: Final = 1.0
LARGE_M: Final = 10_240.0  # m, 512 cells of 20 m
MEASURE: Final = """
import json, resource, sys
from moonfleet.experiments.problems import find_problem
from moonfleet.terrain.site import SiteRecipe
recipe = SiteRecipe("env-large", 123.4, -88.8, size_m=float(sys.argv[2]), cell_m=20.0, seed=1, azimuths=72)
env = find_problem(sys.argv[1]).batch(int(sys.argv[3]), site=recipe, copy=False)
env.reset(seed=0)
env.action_space.seed(0)
for _ in range(int(sys.argv[4])):
    env.step(env.action_space.sample())
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6))
"""


def memory(tell: Tell) -> list[Row]:
    """Bar envs.4: one row for each of the two large batches."""
    rows: list[Row] = []
    for env in ("PolarTraverse", "StationOps"):
        command = [sys.executable, "-c", MEASURE, env, str(LARGE_M), str(WORLDS), str(STEPS)]
        told = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
        gb = float(json.loads(told[-1].strip().splitlines()[-1]))
        tell(f"{env}: {WORLDS} worlds: {gb:.2f} GB at most")
        rows.append(at_most(MEMORY, f"{env}, {WORLDS} worlds on one site of 512 x 512: memory", gb, "GB", MEMORY_GB))
    return rows


BARS: dict[str, Bar] = {MEMORY: memory}
