"""State: what `get_state` gave is taken up by another world, another environment and another process, and goes on alike."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compare import kept, need_same, row
from .play import draw_actions
from .subject import Subject, Vector, fail, has

STEPS_BEFORE = 4  # before the state is taken, at first
STEPS_AFTER = 25  # at most, after it


def check_state_is_plain(subject: Subject) -> str | None:
    """A state is a mapping of arrays that need no pickle, and taking it changes nothing."""
    env = subject.make()
    if not has(env, "get_state", "set_state"):
        return "no get_state and set_state"
    env.reset(seed=subject.seed)
    _run(env, subject.seed, 1, STEPS_BEFORE)
    first, second = _state(env, 0), _state(env, 0)
    for name, value in first.items():
        if not isinstance(value, (np.ndarray, np.generic)) or np.asarray(value).dtype == object:
            raise fail(f"state[{name!r}] is {type(value).__name__}, need an array without objects")
    need_same(first, second, "get_state twice: state")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.npz"
        np.savez(path, **{f"{k}": value for k, value in enumerate(first.values())})  # pyright: ignore[reportArgumentType]
        with np.load(path, allow_pickle=False) as saved:
            for k, (name, value) in enumerate(first.items()):
                need_same(saved[f"{k}"], value, f"state[{name!r}] saved and read")
    return None


def check_state_elsewhere(subject: Subject) -> str | None:
    """A saved world goes on alike in its own place, in another world and in another environment; its neighbours do not notice."""
    env = subject.make()
    if not has(env, "get_state", "set_state"):
        return "no get_state and set_state"
    for before in (STEPS_BEFORE, subject.steps // 2):
        env.reset(seed=subject.seed)
        _run(env, subject.seed, 1, before)
        _need_restored(subject, env)
    return None


def _need_restored(subject: Subject, env: Vector) -> None:
    """Save world 0 where it stands, and restore it in its own place and in a larger batch."""
    state = kept(_state(env, 0))
    wanted = _follow(env, 0, subject.seed)
    _set(env, 0, state)
    _need_alike(_follow(env, 0, subject.seed), wanted, "restored in its own world", 0)
    other = subject.make(subject.worlds + 2)
    other.reset(seed=subject.seed + 500)
    _run(other, subject.seed + 3, 1, STEPS_BEFORE + 3)
    last = other.num_envs - 1
    others = [kept(_state(other, world)) for world in range(last)]
    _set(other, last, state)
    for world in range(last):
        need_same(_state(other, world), others[world], "a neighbour of a restored world: state", world=world)
    need_same(_state(other, last), state, "restored in another world: state")
    _need_alike(_follow(other, last, subject.seed), wanted, "restored in another world", last)


def check_state_and_single(subject: Subject) -> str | None:
    """The state of a world is taken up by a single environment."""
    env = subject.make()
    if subject.single is None:
        return "no single environment given"
    single: Any = subject.single().unwrapped
    if not has(env, "get_state", "set_state") or not has(single, "get_state", "set_state"):
        return "no get_state and set_state"
    env.reset(seed=subject.seed)
    _run(env, subject.seed, 1, STEPS_BEFORE)
    world = subject.worlds - 1
    state = kept(_state(env, world))
    wanted = _follow(env, world, subject.seed)
    single.reset(seed=subject.seed + 77)
    need_same(single.set_state(state), wanted[0][0], "a single environment took up a state: observation")
    for step, (observation, reward, terminated, truncated) in enumerate(wanted[1:], 1):
        actions = draw_actions(env.single_action_space, 1, subject.seed, step)
        got = single.step(actions[0])
        need_same(got[0], observation, "a single environment took up a state: observation", step=step)
        need_same(
            got[1:4], (reward, terminated, truncated), "a single environment took up a state: reward, flags", step=step
        )
        if got[2] or got[3]:
            break
    return None


def check_state_refused(subject: Subject) -> str | None:
    """A state with a part missing is refused, and nothing has changed then."""
    env = subject.make()
    if not has(env, "get_state", "set_state"):
        return "no get_state and set_state"
    env.reset(seed=subject.seed)
    _run(env, subject.seed, 1, STEPS_BEFORE)
    state = _state(env, 0)
    before = [kept(_state(env, world)) for world in range(subject.worlds)]
    wrong: list[Any] = [{name: value for name, value in state.items() if name != gone} for gone in state]
    wrong += [{}, None]
    for k, damaged in enumerate(wrong):
        gone = list(state)[k] if k < len(state) else "everything"
        try:
            _set(env, 1, damaged)
        except (ValueError, TypeError):
            pass
        except Exception as error:
            raise fail(f"a state without {gone!r}: {type(error).__name__}, need a ValueError that says why") from error
        else:
            raise fail(f"a state without {gone!r} was taken up")
        for world, there in enumerate(before):
            need_same(_state(env, world), there, f"after a refused state without {gone!r}: state", world=world)
    return None


def check_state_in_another_process(subject: Subject) -> str | None:
    """A saved world goes on alike in a process that never saw it begin."""
    env = subject.make()
    if not has(env, "get_state", "set_state"):
        return "no get_state and set_state"
    env.reset(seed=subject.seed)
    _run(env, subject.seed, 1, STEPS_BEFORE)
    state = kept(_state(env, 0))
    wanted = _follow(env, 0, subject.seed)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            got = pool.submit(follow_in, subject.vector, subject.worlds, subject.seed, state).result()
        except BrokenProcessPool as error:
            raise fail(
                "the process that was to take up a state has died; in a script, call the checks below "
                '`if __name__ == "__main__":`, for the process reads the script too'
            ) from error
        except Exception as error:
            if "pickle" not in str(error).lower():
                raise
            return "the maker cannot be sent to another process: give a function of a module, not a lambda"
    _need_alike(got, wanted, "restored in another process", 1)
    return None


STATE_CHECKS = (
    check_state_is_plain,
    check_state_elsewhere,
    check_state_and_single,
    check_state_refused,
    check_state_in_another_process,
)


def follow_in(vector: Any, worlds: int, seed: int, state: dict[str, NDArray[Any]]) -> list[Any]:
    """Take up ``state`` in world 1 of a fresh environment and return how it goes on; runs in another process."""
    env = vector(worlds)
    env.reset(seed=seed + 900)
    _set(env, 1, state)
    return _follow(env, 1, seed)


def _run(env: Vector, seed: int, first: int, last: int) -> None:
    """Make random steps."""
    for step in range(first, last + 1):
        env.step(draw_actions(env.single_action_space, env.num_envs, seed, step))


def _state(env: Any, world: int) -> dict[str, NDArray[Any]]:
    return env.get_state(world)


def _set(env: Any, world: int, state: Mapping[str, NDArray[Any]]) -> Any:
    return env.set_state(world, state)


def _follow(env: Vector, world: int, seed: int) -> list[Any]:
    """Return how a world goes on, until it ends: its observation, then (observation, reward, terminated, truncated) of each step.

    The world gets the random actions of world 0, whatever place it stands in.
    """
    out: list[Any] = [(kept(row(_set(env, world, _state(env, world)), world)),)]
    for step in range(1, STEPS_AFTER + 1):
        actions = draw_actions(env.single_action_space, env.num_envs, seed + 1, step)
        actions[world] = draw_actions(env.single_action_space, 1, seed, step)[0]
        observation, reward, terminated, truncated, _ = env.step(actions)
        flags = bool(terminated[world]), bool(truncated[world])
        out.append((kept(row(observation, world)), float(reward[world]), *flags))
        if any(flags):
            break  # what stands in the observation then depends on the autoreset mode
    return out


def _need_alike(got: list[Any], wanted: list[Any], what: str, world: int) -> None:
    """Compare two ways of going on."""
    for step, (one, other) in enumerate(zip(got, wanted, strict=False)):
        need_same(one[0], other[0], f"{what}: observation", step=step, world=world)
        if step:
            need_same(one[1:], other[1:], f"{what}: reward and flags", step=step, world=world)
    if len(got) != len(wanted):
        raise fail(f"{what}: ended after {len(got)} steps instead of {len(wanted)}", world=world)
