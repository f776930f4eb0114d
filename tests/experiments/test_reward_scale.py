"""Scaled rewards have returns of about unit spread, keep their order, and go on the same from a saved state."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.seeds import stream

pytest.importorskip("stable_baselines3")

from moonfleet.experiments.reward_scale import DISCOUNT, LARGEST, RewardScale

pytestmark = pytest.mark.rl


@pytest.mark.parametrize("size", [0.01, 1.0, 300.0])
def test_returns_come_to_have_unit_spread(size: float) -> None:
    rng = stream(1, "test scale")
    scale, returns = RewardScale(16), np.zeros(16)
    nobody = np.zeros(16, np.bool_)
    seen = []
    for _ in range(3000):
        returns = DISCOUNT * returns + scale.scaled(size * rng.normal(size=16), nobody)
        seen.append(returns.copy())
    assert np.std(seen[1500:]) == pytest.approx(1.0, rel=0.2)


def test_moments_are_those_of_all_returns_so_far() -> None:
    rng = stream(2, "test scale")
    scale, returns, all_returns = RewardScale(4), np.zeros(4), []
    for _ in range(50):
        rewards, over = rng.normal(3.0, 2.0, 4), rng.random(4) < 0.1
        returns = DISCOUNT * returns + rewards
        all_returns.append(returns.copy())
        returns[over] = 0.0
        scale.scaled(rewards, over)
    assert float(scale.seen.mean) == pytest.approx(np.mean(all_returns), rel=1e-5)
    assert float(scale.seen.var) == pytest.approx(np.var(all_returns), rel=1e-4)


def test_a_saved_scale_goes_on_the_same_and_outliers_are_cut() -> None:
    rng = stream(3, "test scale")
    scale, other, nobody = RewardScale(4), RewardScale(4), np.zeros(4, np.bool_)
    for _ in range(20):
        scale.scaled(rng.normal(size=4), nobody)
    other.set_state(scale.get_state())
    rewards = rng.normal(size=4)
    np.testing.assert_array_equal(scale.scaled(rewards, nobody), other.scaled(rewards, nobody))
    fresh = RewardScale(4)
    for _ in range(500):
        fresh.scaled(1e-3 * rng.normal(size=4), nobody)
    out = fresh.scaled(np.array([1e6, 0.0, 0.0, -1e6]), nobody)
    assert np.abs(out).max() <= LARGEST and out[0] > 0.0 > out[3] and out[1] == 0.0
