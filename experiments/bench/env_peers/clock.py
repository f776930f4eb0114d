"""Run by a peer's own Python: agent-steps per CPU-second of random actions, a line of JSON for each line read.

    python clock.py vmas|jumanji|rware|cartpole [SECONDS]      then a line (of anything) on standard input for every stretch wanted

What is counted, the same for everyone: one process on one core and one thread, after a warm-up; the CPU time of the process while it
steps, with the resets of episodes that ended; a step of n worlds with m agents is n x m agent-steps. The actions are drawn beforehand.
"""

import importlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

WORLDS = 1024
POOL = 64  # batches of actions drawn beforehand


class Counted(NamedTuple):
    """A stretch of steps."""

    cpu_s: float
    agent_steps: int
    episodes: int  # that ended
    wall_s: float = 0.0  # where it matters


Stretch = Callable[[float], Counted]  # steps for so many seconds of CPU, a little more


def vmas() -> Stretch:
    """VMAS ``navigation``, 4 agents, on PyTorch; it resets nothing by itself, so worlds that are done are reset here."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    agents, horizon = 4, 100
    env = importlib.import_module("vmas").make_env(
        "navigation", num_envs=WORLDS, device="cpu", continuous_actions=True, n_agents=agents, max_steps=horizon, seed=0
    )
    drawn = torch.Generator().manual_seed(0)
    pool = [[2.0 * torch.rand((WORLDS, 2), generator=drawn) - 1.0 for _ in range(agents)] for _ in range(POOL)]
    env.reset()

    def stretch(seconds: float) -> Counted:
        steps, ended, begin = 0, 0, time.process_time()
        while time.process_time() - begin < seconds:
            done = env.step(pool[steps % POOL])[2]
            steps += 1
            if bool(done.all()):
                env.reset()
                ended += WORLDS
            elif bool(done.any()):
                worlds = torch.nonzero(done).flatten().tolist()
                for world in worlds:
                    env.reset_at(world)
                ended += len(worlds)
        return Counted(time.process_time() - begin, steps * WORLDS * agents, ended)

    return stretch


def jumanji() -> Stretch:
    """Jumanji ``RobotWarehouse-v0``, jitted, vmapped over the worlds and scanned over the steps; its own wrapper resets."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    jax = importlib.import_module("jax")
    base = importlib.import_module("jumanji").make("RobotWarehouse-v0")
    env = importlib.import_module("jumanji.wrappers").VmapAutoResetWrapper(base)
    steps = 20  # of one scan
    actions = jax.random.randint(jax.random.PRNGKey(1), (steps, WORLDS, base.num_agents), 0, 5)

    def one(state: Any, action: Any) -> Any:
        state, at = env.step(state, action)
        return state, (at.reward.sum(), at.last().sum(), at.observation.agents_view.sum())

    run = jax.jit(lambda state, actions: jax.lax.scan(one, state, actions))
    state, _ = jax.jit(env.reset)(jax.random.split(jax.random.PRNGKey(0), WORLDS))
    kept = [jax.block_until_ready(run(state, actions))[0]]

    def stretch(seconds: float) -> Counted:
        scans, ended, begin = 0, 0, time.process_time()
        while time.process_time() - begin < seconds:
            kept[0], seen = jax.block_until_ready(run(kept[0], actions))
            scans += 1
            ended += int(seen[1].sum())
        return Counted(time.process_time() - begin, scans * steps * WORLDS * base.num_agents, ended)

    return stretch


def rware() -> Stretch:
    """``rware-tiny-4ag-v2``, one world: it has no batch."""
    gymnasium = importlib.import_module("gymnasium")
    importlib.import_module("rware")
    env = gymnasium.make("rware-tiny-4ag-v2", disable_env_checker=True)
    env.action_space.seed(0)
    pool = [env.action_space.sample() for _ in range(997)]
    env.reset(seed=0)

    def stretch(seconds: float) -> Counted:
        steps, ended, begin = 0, 0, time.process_time()
        while time.process_time() - begin < seconds:
            _, _, terminated, truncated, _ = env.step(pool[steps % len(pool)])
            steps += 1
            if terminated or truncated:
                env.reset()
                ended += 1
        return Counted(time.process_time() - begin, steps * len(pool[0]), ended)

    return stretch


def cartpole() -> Stretch:
    """Gymnasium's own vectorised CartPole, which resets by itself."""
    gymnasium = importlib.import_module("gymnasium")
    env = gymnasium.make_vec("CartPole-v1", WORLDS, vectorization_mode="vector_entry_point")
    env.action_space.seed(0)
    pool = [env.action_space.sample() for _ in range(POOL)]
    env.reset(seed=0)

    def stretch(seconds: float) -> Counted:
        steps, ended, begin = 0, 0, time.process_time()
        while time.process_time() - begin < seconds:
            _, _, terminated, truncated, _ = env.step(pool[steps % POOL])
            steps += 1
            ended += int((terminated | truncated).sum())
        return Counted(time.process_time() - begin, steps * WORLDS, ended)

    return stretch


def serve(stretch: Stretch, seconds: float) -> None:
    """Warm up, then answer every line of the standard input by the figures of a stretch."""
    stretch(0.5)
    for _ in sys.stdin:
        sys.stdout.write(json.dumps(stretch(seconds)._asdict()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")
    serve(
        {"vmas": vmas, "jumanji": jumanji, "rware": rware, "cartpole": cartpole}[sys.argv[1]](),
        float((*sys.argv, "2")[2]),
    )
