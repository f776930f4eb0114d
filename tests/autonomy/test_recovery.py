"""Recovery policies: known answers, the slow recursion, and what waits for the light."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.autonomy.errors import CostError, NoLitWindow, PlanError
from moonfleet.autonomy.excursion_model import FaultLaw
from moonfleet.autonomy.recovery import recovery_policy
from moonfleet.autonomy.recovery_table import chance_of
from tests.excursion_worlds import LEVEL_WH, POWER, chain, dark_chain, random_world
from tests.slow_recovery import SlowRecovery

CODE = 2.0 / 65535.0  # the coarsest step of a chance in the table


def test_one_drive_has_its_closed_form() -> None:
    faults = FaultLaw(0.5, (1.0,), (2.0,), (True,))
    policy = recovery_policy(dark_chain([600.0], faults))
    keep, going = math.exp(-0.5 / 6.0), math.exp(-600.0 / 7200.0)
    on = 1.0 - (1.0 - going) * keep  # stopped for another step: by this fault, or by one more on the same drive
    for battery in (250.0, 400.0, 700.0):
        level = math.floor((battery - POWER.reserve_wh) / LEVEL_WH)
        left = math.floor(level + (-300.0 * 600.0 / 3600.0) / LEVEL_WH)  # after the drive
        survives = left - 1  # steps of one level each
        expected = (1.0 - keep) * on**survives
        assert policy.loss(1, 0.0, battery) == pytest.approx(expected, abs=3 * CODE)
        assert policy.loss(1, 0.0, battery) >= expected - 1e-9
        assert policy.next_place(1, 0.0, battery) == 0


def test_without_faults_it_is_certain() -> None:
    policy = recovery_policy(dark_chain([600.0, 1200.0], FaultLaw(0.0)))
    found = np.unique(policy.free)
    assert set(found.tolist()) <= {0, 65535}
    need = 100.0 + 300.0 * 1800.0 / 3600.0
    assert policy.loss(2, 0.0, need + 2 * LEVEL_WH) == 0.0
    assert policy.loss(2, 0.0, need - 1.0) == 1.0
    assert policy.loss(0, 0.0, 101.0 + LEVEL_WH) == 0.0
    assert policy.loss(0, 0.0, 100.0) == 1.0


@pytest.mark.parametrize("seed", range(12))
def test_table_equals_the_slow_recursion(seed: int) -> None:
    problem = random_world(seed, hours=5.0)
    policy, slow = recovery_policy(problem), SlowRecovery(problem)
    rng = np.random.default_rng(seed)
    steps, places, levels = policy.free.shape
    for _ in range(150):
        step, place, level = int(rng.integers(steps)), int(rng.integers(places)), int(rng.integers(levels))
        for table, reference in ((policy.free, slow.free), (policy.stopped, slow.stopped)):
            expected = reference(step, place, level)
            found = chance_of(int(table[step, place, level]))
            assert found >= expected - 1e-6
            assert found == pytest.approx(expected, abs=CODE * (steps - step + 2))


def test_it_waits_in_the_dark_for_a_haven_whose_sun_is_still_to_rise() -> None:
    problem = dark_chain([1200.0], FaultLaw(0.0))
    problem.light[:6, 0] = 0.0  # lit from the sixth hour on, and full only then
    policy = recovery_policy(problem)
    assert policy.loss(1, 0.0, 900.0) == 0.0
    assert policy.loss(1, 0.0, 100.0 + 90.0 * 5.0) == 1.0  # not enough to wait that long
    assert policy.loss(1, 5.5 * 3600.0, 350.0) == 0.0


def test_errors_name_the_field() -> None:
    problem = dark_chain([600.0], FaultLaw(0.1))
    dark = problem._replace(light=np.zeros_like(problem.light))
    with pytest.raises(NoLitWindow, match="none of the 1 havens is lit"):
        recovery_policy(dark)
    cases = {
        "light": {"light": problem.light[:, :1]},
        "havens": {"havens": np.array([7])},
        "reserve_wh": {"power": POWER._replace(reserve_wh=2000.0)},
        "idle_w <= fault_w": {"power": POWER._replace(fault_w=10.0)},
        "sum to 1": {"faults": FaultLaw(0.1, (0.5, 0.2), (1.0, 2.0), (True, True))},
        "one entry for each kind": {"faults": FaultLaw(0.1, (1.0,), (1.0, 2.0), (True, True))},
        "step_s": {"step_s": -1.0},
        "one level is": {"step_s": 40_000.0},
        "horizon_s": {"horizon_s": 1.0},
    }
    for words, change in cases.items():
        with pytest.raises((PlanError, CostError), match=words):
            recovery_policy(problem._replace(**change))


def test_roadmap_of_a_chain_is_read_both_ways() -> None:
    roadmap = chain([10.0, 20.0])
    assert roadmap.places == 3
    assert roadmap.to.tolist() == [1, 0, 2, 1]
    assert roadmap.sources().tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ((-1, 0.0, 400.0), r"place = -1: must be one of the places 0\.\.1"),
        ((2, 0.0, 400.0), "place = 2"),
        ((0, math.nan, 400.0), "t_s = nan: must be a finite number"),
        ((0, math.inf, 400.0), "t_s = inf"),
        ((0, 0.0, math.nan), "battery_wh = nan"),
    ],
)
def test_states_that_are_none_are_refused(state: tuple[int, float, float], words: str) -> None:
    policy = recovery_policy(dark_chain([600.0], FaultLaw(0.0)))
    for ask in (policy.loss, policy.next_place):
        with pytest.raises(PlanError, match=words):
            ask(*state)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"horizon_s": 1e15}, r"horizon_s = 1e\+15.*bytes; allowed: up to 8e\+09"),
        ({"horizon_s": math.inf}, "horizon_s = inf: must be at least one step, and finite"),
        ({"levels_per_step": 10**9}, "levels_per_step = 1000000000.*Take a shorter horizon"),
        ({"step_s": math.inf}, "step_s = inf: must be a positive number, and finite"),
        ({"haven_h": math.inf}, "haven_h = inf"),
    ],
)
def test_tables_of_absurd_size_are_refused_before_they_are_made(changes: dict[str, float], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        recovery_policy(dark_chain([600.0], FaultLaw(0.0))._replace(**changes))  # type: ignore[arg-type]
