"""The policies to compare with in StationOps are those that fly missions, and are found by their names."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.observation import N_ACTIONS, SIZE, Observation
from moonfleet.autonomy.policies import POLICIES, named_policy
from moonfleet.envs.station_ops.policies import BASELINES
from moonfleet.experiments.policies import ask
from moonfleet.experiments.problems import find_problem


def test_they_are_all_there() -> None:
    assert set(BASELINES) == set(POLICIES)
    assert find_problem("StationOps").baselines is BASELINES


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_each_answers_as_on_a_robot(name: str) -> None:
    rng = np.random.default_rng(5)
    rows = Observation(rng.random((40, SIZE), np.float32), rng.random((40, N_ACTIONS)) < 0.6)
    policy = BASELINES[name](3) if name == "random" else BASELINES[name]()
    answers = ask(policy, rows)
    alone = named_policy(name, 3)
    assert answers.tolist() == [alone.act(Observation(*row)) for row in zip(rows.vector, rows.mask, strict=True)]
    assert all(mask[choice] or not mask.any() for choice, mask in zip(answers, rows.mask, strict=True))
