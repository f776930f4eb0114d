"""The reward terms of PolarTraverse, as the kernel gives them for one world that stands where the test puts it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from moonfleet.agents import state as s
from moonfleet.envs.errors import EnvOptionError
from moonfleet.envs.polar_traverse import judge
from moonfleet.envs.polar_traverse.observe import BROWNOUTS, CURRENT, Progress
from moonfleet.envs.polar_traverse.rewards import TERMS, RewardWeights

CELLS, CELL_M, CAPACITY_WH, RESERVE = 32, 20.0, 1000.0, 0.2
FRAME = np.array([0.0, CELLS * CELL_M, CELL_M, 0.5 * CELLS * CELL_M, 0.5 * CELLS * CELL_M])
PLACES = np.array([[[500.0, 310.0], [505.0, 310.0], [90.0, 310.0]]])


def fields() -> np.ndarray:
    """Route lengths on open ground: straight lines to each place."""
    rows, cols = np.indices((CELLS, CELLS))
    x, y = (cols + 0.5) * CELL_M, (CELLS - rows - 0.5) * CELL_M
    return np.stack([np.hypot(x - px, y - py) for px, py in PLACES[0]])[None].astype(np.float32)


def terms(
    x: float = 300.0, route_m: float = 200.0, battery: float = 1.0, brownouts: int = 0, lost: bool = False, max_steps: int = 9
) -> tuple[dict[str, float], bool, bool, Progress]:  # fmt: skip
    floats, ints = np.zeros((1, s.FLOATS, 1)), np.zeros((1, len(s.INT_FIELDS), 1), np.int64)
    floats[0, [s.X, s.Y, s.BATTERY], 0] = x, 310.0, battery * CAPACITY_WH
    ints[0, s.BROWNOUTS, 0], ints[0, s.ACTIVITY, 0] = 4 + brownouts, s.LOST if lost else s.HOLD
    progress = Progress(
        np.zeros(1, np.int64), np.array([[0, 1, 2]]), np.zeros((1, 3), np.int64), np.array([route_m]),
        np.zeros((1, 4), np.int64), np.zeros((1, 8), np.float32),
    )  # fmt: skip
    progress.tally[0, BROWNOUTS] = 4
    rules = np.array([40.0, max_steps, CAPACITY_WH, RESERVE, *RewardWeights().in_order()])
    out, ended, cut, told = (
        np.zeros((1, len(TERMS))),
        np.zeros(1, np.bool_),
        np.zeros(1, np.bool_),
        np.zeros((3, 1), np.int64),
    )
    which = np.zeros(1, np.int64)
    judge.judge_worlds(which, 0, 1, progress, fields(), PLACES, floats, ints, FRAME, rules, out, ended, cut, told)
    return dict(zip(TERMS, out[0].tolist(), strict=True)), bool(ended[0]), bool(cut[0]), progress


def test_weights_and_terms_have_one_order() -> None:
    names = [field.name for field in dataclasses.fields(RewardWeights)]
    assert [name.replace("progress_per_km", "progress") for name in names] == list(TERMS)


def test_progress_pays_both_ways() -> None:
    assert terms(x=300.0, route_m=450.0)[0]["progress"] == pytest.approx(0.25, abs=0.005)
    assert terms(x=300.0, route_m=100.0)[0]["progress"] == pytest.approx(-0.1, abs=0.005)


def test_a_battery_above_the_reserve_costs_nothing_and_an_empty_one_the_whole_weight() -> None:
    assert terms(battery=0.2)[0]["low_battery"] == 0.0
    assert terms(battery=0.1)[0]["low_battery"] == pytest.approx(-0.025)
    assert terms(battery=0.0)[0]["low_battery"] == pytest.approx(-0.05)


def test_targets_that_lie_together_are_reached_together_and_the_way_goes_on_from_there() -> None:
    found, ended, _, progress = terms(x=500.0, route_m=30.0)
    assert found["target"] == 20.0
    assert found["progress"] == pytest.approx(0.01, abs=0.005), "lengths are those of cells: 20 m are left"
    assert not ended
    assert progress.tally[0, CURRENT] == 2
    assert progress.route_m[0] == pytest.approx(410.0, abs=5.0)


def test_brownouts_and_loss() -> None:
    gone, ended, cut, _ = terms(brownouts=3, lost=True)
    assert gone["brownout"] == pytest.approx(-0.6)
    assert gone["lost"] == -20.0
    assert (ended, cut) == (True, False)
    assert terms(x=500.0, lost=True)[0]["target"] == 0.0, "a lost rover reaches nothing"


def test_time_runs_out() -> None:
    assert terms(max_steps=1)[1:3] == (False, True)
    assert terms()[0]["time"] == -0.005


def test_off_the_drivable_ground_the_way_stays_what_it_was() -> None:
    assert terms(x=-900.0, route_m=123.0)[0]["progress"] == 0.0


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_weights_are_checked(value: float) -> None:
    with pytest.raises(EnvOptionError, match=r"weights\.target: got"):
        RewardWeights(target=value)
