"""Whatever is done to a world, what it shows lies within its bounds and is a number; what is refused changes nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moonfleet.envs import VECTOR_ENTRY_POINTS, vector_env
from moonfleet.envs.errors import EnvActionError
from moonfleet.envs.testing import short_options
from moonfleet.terrain.seeds import stream

WORLDS = 6


@cache
def batch(env_id: str) -> Any:
    """Return the one batch of an environment that all examples use, one after the other."""
    return vector_env(env_id, WORLDS, autoreset_mode="Disabled", **short_options(env_id))


def need_inside(env: Any, seen: Any) -> None:
    """Compare what is shown with the declared bounds."""
    space = env.single_observation_space
    vector, box = (seen["observation"], space["observation"]) if isinstance(seen, dict) else (seen, space)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()
    assert (vector >= box.low).all() and (vector <= box.high).all()


@pytest.mark.slow
@pytest.mark.parametrize("env_id", sorted(VECTOR_ENTRY_POINTS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**63 - WORLDS - 1),
    steps=st.integers(1, 40),
    held=st.integers(1, 12),
    reset_share=st.sampled_from([0.0, 0.05, 0.5]),
    wrong=st.booleans(),
)
def test_observations_are_numbers_within_bounds(
    env_id: str, seed: int, steps: int, held: int, reset_share: float, wrong: bool
) -> None:
    """Random actions, each held for some steps (as a robot drives far one way), with random resets and refused actions between."""
    env = batch(env_id)
    rng = stream(seed % 2**32, "property of environments")
    env.action_space.seed(seed % 2**31)
    seen, _ = env.reset(seed=seed)
    need_inside(env, seen)
    actions = env.action_space.sample()
    for step in range(steps):
        if step % held == 0:
            actions = env.action_space.sample()
        if wrong:
            with pytest.raises(EnvActionError):
                env.step(actions[:-1])
        seen, reward, terminated, truncated, _ = env.step(actions)
        need_inside(env, seen)
        assert np.isfinite(reward).all()
        over = terminated | truncated | (rng.random(WORLDS) < reset_share)
        if over.any():
            seen, _ = env.reset(options={"reset_mask": over})
            need_inside(env, seen)
