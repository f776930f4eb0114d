"""Saved states that no episode came to are refused, whatever is wrong with them, and nothing has changed then; copies go on alike."""

from __future__ import annotations

import copy
import pickle  # noqa: TID251 - what other libraries send environments with
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moonfleet.envs
from moonfleet.envs.errors import EnvStateError

NAMES = ("PolarTraverse", "IceProspecting", "HazardLanding", "SiteConstruction", "StationOps")
STEPS = 4
SCALARS = {"world.version", "station.number", "station.t0", "station.masked"}


def played(name: str, worlds: int = 2) -> Any:
    """An environment on its easiest level after a few steps."""
    env = moonfleet.envs.vector_env(f"moonfleet/{name}-v0", worlds, level="easy")
    env.reset(seed=5)
    env.action_space.seed(5)
    for _ in range(STEPS):
        env.step(env.action_space.sample())
    return env


@pytest.fixture(scope="module", params=NAMES)
def env(request: pytest.FixtureRequest, site_cache: Path) -> Any:
    return played(request.param)


def wrong(value: np.ndarray) -> Iterator[Any]:
    """Things to put in place of an array of a state that are never right."""
    yield from (None, "text", value.tolist(), np.zeros((2, 2, 2, 2, 2)))
    if value.dtype.kind == "f":
        yield from (value.astype(np.complex128), np.full_like(value, np.nan))
    if value.dtype.kind == "i":
        yield from (value.astype(np.int8), np.full_like(value, -(2**60)), np.full_like(value, 2**60))
    if value.dtype.kind == "b":
        yield value.astype(np.int64)


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_a_state_with_a_wrong_part_is_refused_and_changes_nothing(env: Any) -> None:
    state, other = env.get_state(0), env.get_state(1)
    for part, value in state.items():
        if part.startswith("face.") or value.dtype.kind == "U":
            continue
        for bad in wrong(value):
            if part == "boards.sight_at" and isinstance(bad, np.ndarray) and np.isnan(bad).all():
                continue  # not walked yet
            if part in SCALARS and np.size(bad) == 1 and isinstance(bad, (int, float, np.ndarray)) and bad == value:
                continue  # the same number in another dress
            with pytest.raises(EnvStateError):
                env.set_state(0, state | {part: bad})
    assert same(env.get_state(0), state) and same(env.get_state(1), other)


def test_seeds_episodes_and_names_that_are_none_are_refused(env: Any) -> None:
    state = env.get_state(0)
    bad: list[tuple[str, Any]] = [
        ("face.seed", np.array("9" * 40)),
        ("face.seed", np.array("-1")),
        ("face.episode", np.array([-1, 0])),
        ("face.episode", np.array([2**40, 0])),
        ("face.episode", np.array([0, 2])),
        *((part, np.array("elsewhere")) for part, value in state.items() if value.dtype.kind == "U"),
    ]
    for part, value in bad:
        with pytest.raises(EnvStateError):
            env.set_state(0, state | {part: value})
    assert same(env.get_state(0), state)


def test_a_state_of_another_environment_is_refused(env: Any) -> None:
    for name in ("HazardLanding", "PolarTraverse"):
        if name not in env.game.name:
            with pytest.raises(EnvStateError):
                env.set_state(0, played(name, 1).get_state(0))


def test_a_state_of_another_time_is_refused(env: Any) -> None:
    state = env.get_state(0)
    for part in ("world.tick_index", "world.t0"):
        if part in state:
            with pytest.raises(EnvStateError):
                env.set_state(0, state | {part: state[part] + 1})


@pytest.mark.parametrize(
    "send", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copied", "pickled"]
)
def test_a_copy_goes_on_as_the_original(env: Any, send: Any) -> None:
    env.reset(seed=8)
    env.step(env.action_space.sample())
    twin = send(env)
    for _ in range(STEPS):
        action = env.action_space.sample()
        one, other = env.step(action), twin.step(action)
        for part in range(4):
            np.testing.assert_equal(other[part], one[part])


def test_a_blank_copy_is_played_as_any(env: Any) -> None:
    name = env.game.name
    fresh = moonfleet.envs.solo_env(f"moonfleet/{name}-v0", level="easy")
    twin = copy.deepcopy(fresh)
    np.testing.assert_equal(twin.reset(seed=3)[0], fresh.reset(seed=3)[0])
    action = fresh.action_space.sample()
    np.testing.assert_equal(twin.step(action)[:4], fresh.step(action)[:4])
    third = copy.deepcopy(fresh)
    np.testing.assert_equal(third.step(action)[:4], fresh.step(action)[:4])
