"""Run by the project's own Python: the same figures as `clock`, of the project's own environments.

    python -m moonfleet.experiments.bench.env_peers.own_clock steps|resets ENV WORLDS THREADS [SECONDS] [OPTIONS as JSON]

Actions are drawn beforehand, or from what the masks allow where an environment has masks: between two steps, while the clock stands.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

from ...problems import find_problem
from .clock import POOL, Counted, Stretch, serve


def random_steps(env: Any) -> Stretch:
    """Return the stretch of random steps of a vectorised environment."""
    rng = stream(0, "bench-actions")
    masks = "action_mask" in getattr(env.single_observation_space, "spaces", {})
    agents = int(np.prod(env.single_action_space.shape)) if masks else 1
    env.action_space.seed(0)
    pool = [env.action_space.sample() for _ in range(POOL)]
    seen = [env.reset(seed=0)[0]]

    def allowed(mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """One of the allowed actions for every agent, all alike likely."""
        return np.argmax(mask * (rng.random(mask.shape, np.float32) + 1.0), axis=-1)

    def stretch(seconds: float) -> Counted:
        cpu_s, wall_s, steps, ended = 0.0, 0.0, 0, 0
        while cpu_s < seconds:
            action = allowed(seen[0]["action_mask"]) if masks else pool[steps % POOL]
            began, begin = time.perf_counter(), time.process_time()
            seen[0], _, terminated, truncated, _ = env.step(action)
            cpu_s += time.process_time() - begin
            wall_s += time.perf_counter() - began
            steps += 1
            ended += int((terminated | truncated).sum())
        return Counted(cpu_s, steps * env.num_envs * agents, ended, wall_s)

    return stretch


def resets(env: Any) -> Stretch:
    """Return the stretch of nothing but resets: of all worlds, to their next episodes."""
    env.reset(seed=0)

    def stretch(seconds: float) -> Counted:
        begun, begin = 0, time.process_time()
        while time.process_time() - begin < seconds:
            env.reset()
            begun += env.num_envs
        return Counted(time.process_time() - begin, 0, begun)

    return stretch


def main(what: str, env_id: str, worlds: str, threads: str, seconds: str = "2", options: str = "{}") -> None:
    """Answer for one environment."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: int(threads)]))
    env = find_problem(env_id).batch(int(worlds), threads=int(threads), **json.loads(options))
    serve(resets(env) if what == "resets" else random_steps(env), float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
