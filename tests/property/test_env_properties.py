"""Whatever is done to an environment, its observations are finite and within their declared bounds."""

from __future__ import annotations

import functools

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.observation import N_ACTIONS
from moonfleet.envs.polar_traverse import spaces
from moonfleet.envs.polar_traverse.env import PolarTraverse
from moonfleet.envs.polar_traverse.rewards import TERMS
from moonfleet.envs.station_ops.env import StationOps


@functools.lru_cache(maxsize=1)
def traverse() -> PolarTraverse:
    return PolarTraverse(targets=2, max_steps=40, battery_frac=0.05)


@functools.lru_cache(maxsize=1)
def station() -> StationOps:
    return StationOps(days=0.25)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**63 - 1), moves=st.lists(st.integers(0, spaces.N_ACTIONS - 1), min_size=1, max_size=40))
def test_polar_traverse_stays_within_its_spaces(seed: int, moves: list[int]) -> None:
    env = traverse()
    observation, _ = env.reset(seed=seed)
    assert env.observation_space.contains(observation)
    for move in moves:
        observation, reward, terminated, truncated, info = env.step(move)
        assert observation.dtype == np.float32
        assert np.all(np.isfinite(observation))
        assert env.observation_space.contains(observation)
        assert np.isfinite(reward)
        assert tuple(info["reward_terms"]) == TERMS
        if terminated or truncated:
            break


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**63), draw=st.data())
def test_station_ops_stays_within_its_spaces(seed: int, draw: st.DataObject) -> None:
    env = station()
    observed, _ = env.reset(seed=seed)
    assert env.observation_space.contains(observed)
    for _ in range(3):
        choice = st.lists(st.integers(0, N_ACTIONS - 1), min_size=len(env.robots), max_size=len(env.robots))
        observed, reward, *_ = env.step(np.array(draw.draw(choice)))
        assert np.all(np.isfinite(observed["observation"]))
        assert np.isfinite(reward)
        assert env.observation_space.contains(observed)
