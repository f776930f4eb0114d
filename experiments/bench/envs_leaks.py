"""A million steps with random resets leak nothing, show no NaN, and refuse actions that do not exist."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
from typing import Any, NamedTuple

import numpy as np

from moonfleet.envs import VECTOR_ENTRY_POINTS, vector_env
from moonfleet.envs.errors import EnvActionError
from moonfleet.terrain.seeds import stream

from .fleet_decisions import resident_bytes
from .registry import Bar, Row, Tell, at_most, holds

WORLDS = 256
WORLD_STEPS = 1_000_000  # of all worlds together, however many robots each has
MARKS = 10  # how often memory is read
GROWTH = 0.01  # of resident memory, from the third mark to the last
RESET_SHARE = 0.002  # of the worlds, begun anew each step though their episode is not over
WRONG_EVERY = 200  # steps


class Soak(NamedTuple):
    """What a million steps did."""

    bytes: list[int]  # resident, at each mark
    steps: int  # of the batch
    resets: int
    refused: int  # wrong actions
    taken: int  # wrong actions that raised nothing
    bad: int  # numbers in observations that are NaN or outside the bounds


def leaks(tell: Tell) -> list[Row]:
    """Soak each environment in a process of its own."""
    rows: list[Row] = []
    for env_id in VECTOR_ENTRY_POINTS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            soak = pool.apply(soaked, (env_id,))
        sizes = ", ".join(f"{size / 1e6:.1f}" for size in soak.bytes)
        tell(f"  {env_id}: {soak.steps} steps of {WORLDS} worlds, {soak.resets} resets; resident MB {sizes}")
        growth = soak.bytes[-1] / soak.bytes[2] - 1.0
        what = f"{env_id}: growth of memory over the last 7/10 of {WORLD_STEPS} steps"
        rows += [
            at_most("envs.6", what, growth, "", GROWTH),
            at_most("envs.6", f"{env_id}: numbers that are NaN or out of bounds", soak.bad, "", 0),
            holds("envs.6", f"{env_id}: {soak.refused + soak.taken} wrong actions are refused", not soak.taken),
        ]
    return rows


def soaked(env_id: str) -> Soak:
    """Make a million steps, begin worlds anew at random, give wrong actions now and then."""
    env = vector_env(env_id, WORLDS, autoreset_mode="Disabled")
    env.action_space.seed(1)
    env.reset(seed=1)
    steps = -(-WORLD_STEPS // WORLDS)
    rng = stream(1, "bench soak")
    low, high = env.game.single_observation_space.low, env.game.single_observation_space.high
    over = np.zeros(WORLDS, np.bool_)
    sizes: list[int] = []
    resets = refused = taken = bad = 0
    for step in range(1, steps + 1):
        if step % WRONG_EVERY == 1:
            try:
                env.step(wrong(env))
                taken += 1
            except EnvActionError:
                refused += 1
        seen, _, terminated, truncated, _ = env.step(env.action_space.sample())
        vector = seen["observation"] if isinstance(seen, dict) else seen
        bad += int(np.count_nonzero(~((vector >= low) & (vector <= high))))
        over = terminated | truncated | (rng.random(WORLDS) < RESET_SHARE)
        if over.any():
            resets += int(over.sum())
            env.reset(options={"reset_mask": over})
        if step * MARKS // steps > len(sizes):
            gc.collect()
            give_back()
            sizes.append(resident_bytes())
    env.close()
    return Soak(sizes, steps, resets, refused, taken, bad)


def give_back() -> None:
    """Let the C library give freed memory back, so that what is held is counted and not how it grew: it grows by 2 MB at a time."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def wrong(env: Any) -> Any:
    """Return actions of which the last does not exist."""
    actions = env.action_space.sample()
    actions.reshape(-1)[-1] = np.nan if actions.dtype.kind == "f" else 10_000
    return actions


BARS: dict[str, Bar] = {"envs.6": leaks}
