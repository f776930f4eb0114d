"""The reward terms of PolarTraverse."""

from __future__ import annotations

import pytest

from moonfleet.envs.errors import EnvOptionError
from moonfleet.envs.polar_traverse.rewards import TERMS, RewardWeights, reward_terms


def terms(
    progress_m: float = 0.0, targets: int = 0, battery: float = 1.0, brownouts: int = 0, lost: bool = False
) -> dict[str, float]:
    return reward_terms(RewardWeights(), progress_m, targets, battery, 0.2, brownouts, lost)


def test_every_term_is_there_in_order() -> None:
    assert tuple(terms()) == TERMS


def test_progress_pays_both_ways() -> None:
    assert terms(progress_m=250.0)["progress"] == pytest.approx(0.25)
    assert terms(progress_m=-250.0)["progress"] == pytest.approx(-0.25)


def test_a_battery_above_the_reserve_costs_nothing_and_an_empty_one_the_whole_weight() -> None:
    assert terms(battery=0.2)["low_battery"] == 0.0
    assert terms(battery=0.1)["low_battery"] == pytest.approx(-0.025)
    assert terms(battery=0.0)["low_battery"] == pytest.approx(-0.05)


def test_targets_brownouts_and_loss() -> None:
    found = terms(targets=2, brownouts=3, lost=True)
    assert found["target"] == 20.0
    assert found["brownout"] == pytest.approx(-0.6)
    assert found["lost"] == -20.0


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_weights_are_checked(value: float) -> None:
    with pytest.raises(EnvOptionError, match=r"weights\.target: got"):
        RewardWeights(target=value)
