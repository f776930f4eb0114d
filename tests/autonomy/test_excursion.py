"""Excursions: closed forms, trials that repeat, plans that keep their bound, and failures that say what would help."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.autonomy.errors import NoLitWindow, NoRoute, OutOfEnergy, PlanError, TooRisky
from moonfleet.autonomy.excursion import Excursion, loss_probability, trace_plan
from moonfleet.autonomy.excursion_model import FaultLaw
from moonfleet.autonomy.excursion_plan import plan_excursion
from moonfleet.autonomy.excursion_trial import RULES, draw_faults, try_excursion
from moonfleet.autonomy.recovery import recovery_policy
from tests.excursion_worlds import POWER, chain, dark_chain

RARE = FaultLaw(0.1, (0.7, 0.3), (0.5, 3.0), (True, True))
THERE_AND_BACK = np.array([0, 1, 2, 1, 0])


def out_and_back(work_s: float, depart_s: float = 0.0) -> Excursion:
    return Excursion(THERE_AND_BACK, np.array([0.0, 0.0, work_s, 0.0, 0.0]), depart_s)


def test_a_long_drive_with_fixed_stops_is_lost_as_poisson_says() -> None:
    """Ten hours under way at 0.1 faults an hour, each two hours long; charge for two of them, not for three."""
    power = POWER._replace(capacity_wh=100.0 + 3000.0 + 2.5 * 180.0, solar_w=0.0)
    problem = dark_chain([36_000.0], FaultLaw(0.1, (1.0,), (2.0,), (False,)), power)
    policy = recovery_policy(problem)
    plan = Excursion(np.array([1, 0]), np.zeros(2))
    three = 1.0 - math.exp(-1.0) * (1.0 + 1.0 + 0.5)
    runs = 40_000
    trials = try_excursion(plan, problem, policy, runs, seed=3)
    assert trials.loss == pytest.approx(three, abs=4.0 * math.sqrt(three * (1.0 - three) / runs))
    assert (trials.lost == (trials.faults >= 3)).mean() > 0.999
    assert loss_probability(plan, problem, policy) >= three


def test_one_fault_of_exponential_length_has_its_closed_form() -> None:
    rate, hours, spare = 0.02, 5.0, 600.0
    power = POWER._replace(capacity_wh=100.0 + 300.0 / 6.0 + spare, solar_w=0.0)
    problem = dark_chain([600.0], FaultLaw(rate, (1.0,), (hours,), (True,)), power)
    policy = recovery_policy(problem)
    plan = Excursion(np.array([1, 0]), np.zeros(2))
    expected = (1.0 - math.exp(-rate / 6.0)) * math.exp(-spare / 90.0 / hours)
    promised = loss_probability(plan, problem, policy)
    assert expected <= promised <= 1.1 * expected
    trials = try_excursion(plan, problem, policy, 200_000, seed=1)
    assert trials.loss == pytest.approx(expected, rel=0.15)


def test_without_faults_a_plan_is_its_trace() -> None:
    problem = dark_chain([1800.0, 1800.0], FaultLaw(0.0))
    policy = recovery_policy(problem)
    plan = out_and_back(3600.0)
    trace = trace_plan(plan, problem)
    assert trace.t_s.tolist() == [0.0, 1800.0, 3600.0, 9000.0, 10_800.0]
    # the first and the last half of the way have the light of the haven: the battery is full, then it charges
    assert trace.battery_wh[1] == pytest.approx(1000.0 - 300.0 * 900.0 / 3600.0)
    assert trace.battery_wh[3] == pytest.approx(trace.battery_wh[1] - 300.0 * 1.0 - 120.0)
    assert trace.safe
    assert loss_probability(plan, problem, policy) == 0.0
    for rule in RULES:
        trials = try_excursion(plan, problem, policy, 3, 1, rule)
        assert not trials.lost.any()
        assert trials.battery_wh == pytest.approx(trace.battery_wh[-1])
    too_long = out_and_back(6.0 * 3600.0)
    assert not trace_plan(too_long, problem).survives
    assert loss_probability(too_long, problem, policy) == 1.0
    assert try_excursion(too_long, problem, policy, 3, 1, "keep going").lost.all()
    assert not try_excursion(too_long, problem, policy, 3, 1, "turn back").lost.any()


def test_trials_repeat_and_do_not_depend_on_how_many_there_are() -> None:
    problem = dark_chain([1800.0, 3600.0], RARE)
    policy = recovery_policy(problem)
    one = try_excursion(out_and_back(3600.0), problem, policy, 500, seed=9)
    two = try_excursion(out_and_back(3600.0), problem, policy, 500, seed=9)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))
    assert try_excursion(out_and_back(3600.0), problem, policy, 500, seed=10).end_s.tolist() != one.end_s.tolist()
    gaps, stops = draw_faults(RARE, 4000, 2)
    assert gaps.mean() == pytest.approx(36_000.0, rel=0.02)
    assert stops.mean() == pytest.approx(3600.0 * (0.7 * 0.5 + 0.3 * 3.0), rel=0.02)


def test_the_plan_keeps_its_bound_and_uses_it() -> None:
    problem = dark_chain([900.0, 1800.0], RARE, hours=20.0)
    policy = recovery_policy(problem)
    works = np.arange(0.0, 6.0 * 3600.0, 300.0)
    science = []
    for bound in (0.01, 0.05, 0.2):
        plan = plan_excursion(problem, bound, 0, 2, works, policy=policy)
        assert 0.6 * bound < plan.loss <= bound or plan.trace.battery_wh[-1] < 200.0
        trials = try_excursion(plan.excursion, problem, policy, 20_000, seed=4)
        assert trials.loss <= plan.loss + 3.0 * math.sqrt(plan.loss / 20_000)
        assert trials.loss < try_excursion(plan.excursion, problem, policy, 20_000, 4, "keep going").loss
        science.append(plan.excursion.science_s)
    assert science == sorted(science)


def test_it_turns_back_earlier_rather_than_not_go() -> None:
    problem = dark_chain([3600.0, 3000.0], RARE, hours=20.0)
    work = np.array([1800.0])
    near = plan_excursion(problem, 0.03, 0, [1, 2], work)
    assert near.target == 1
    with pytest.raises(TooRisky, match=r"least found is 0\.\d+ \(target 2"):
        plan_excursion(problem, 0.01, 0, 2, work, policy=near.policy)


def test_it_leaves_when_the_light_allows() -> None:
    problem = dark_chain([1800.0, 1800.0], FaultLaw(0.0), hours=20.0)
    problem.light[4:9, 0] = 0.0  # home is dark from the fourth to the ninth hour
    hours = np.arange(0.0, 12.0) * 3600.0
    plan = plan_excursion(problem, 0.0, 0, 2, np.array([3.0 * 3600.0]), hours)
    assert plan.excursion.depart_s >= 9.0 * 3600.0
    with pytest.raises(NoLitWindow, match="it next is at"):
        plan_excursion(problem, 0.0, 0, 2, np.array([0.0]), np.array([5.0 * 3600.0]))
    with pytest.raises(NoLitWindow, match="stays lit"):
        plan_excursion(problem, 0.0, 0, 2, np.array([3.0 * 3600.0]), np.array([0.0]))


def test_failures_say_what_would_help() -> None:
    problem = dark_chain([1800.0, 1800.0], RARE)
    with pytest.raises(OutOfEnergy, match="nearer target or less work"):
        plan_excursion(problem, 0.5, 0, 2, np.array([20.0 * 3600.0]))
    island = chain([1800.0, 1800.0])
    island = island._replace(first=np.array([0, 1, 2, 2]), to=island.to[[0, 1]], drive_s=island.drive_s[[0, 1]])
    with pytest.raises(NoRoute, match="none of the 1 targets"):
        plan_excursion(problem._replace(roadmap=island), 0.5, 0, 2, np.array([0.0]))
    policy = recovery_policy(problem)
    with pytest.raises(NoRoute, match=r"plan\.places\[0\.\.1\] = 0, 2"):
        loss_probability(Excursion(np.array([0, 2]), np.zeros(2)), problem, policy)
    for words, wrong in {
        "bound = 1.5": lambda: plan_excursion(problem, 1.5, 0, 2, np.array([0.0]), policy=policy),
        "start = 1": lambda: plan_excursion(problem, 0.5, 1, 2, np.array([0.0]), policy=policy),
        "targets": lambda: plan_excursion(problem, 0.5, 0, 9, np.array([0.0]), policy=policy),
        "departures_s": lambda: plan_excursion(problem, 0.5, 0, 2, np.array([0.0]), np.array([-5.0]), policy),
        "rule = 'home'": lambda: try_excursion(out_and_back(0.0), problem, policy, 1, 1, "home"),  # type: ignore[arg-type]
        "runs = 0": lambda: try_excursion(out_and_back(0.0), problem, policy, 0, 1),
        "battery_wh = 50": lambda: trace_plan(out_and_back(0.0)._replace(battery_wh=50.0), problem),
        "depart_s = -1": lambda: trace_plan(out_and_back(0.0, -1.0), problem),
    }.items():
        with pytest.raises(PlanError, match=words):
            wrong()


def test_the_policy_of_another_problem_is_refused() -> None:
    problem = dark_chain([1800.0, 1800.0], RARE)
    policy, plan = recovery_policy(problem), out_and_back(3600.0)
    changes: dict[str, dict[str, object]] = {
        "faults": {"faults": RARE._replace(per_h=2.0)},
        "power": {"power": POWER._replace(capacity_wh=500.0)},
        "roadmap": {"roadmap": chain([1800.0, 1900.0])},
        "light": {"light": 0.9 * problem.light},
        "horizon_s": {"horizon_s": problem.horizon_s + 600.0},
    }
    for field, change in changes.items():
        other = problem._replace(**change)  # type: ignore[arg-type]
        for ask in (
            lambda o=other: loss_probability(plan, o, policy),
            lambda o=other: plan_excursion(o, 0.5, 0, 2, 3600.0, policy=policy),
            lambda o=other: try_excursion(plan, o, policy, 3, 1),
        ):
            with pytest.raises(PlanError, match=f"policy: made for a problem with other {field};"):
                ask()
    twin = problem._replace(light=problem.light.copy(), havens=problem.havens.astype(np.int32))
    assert loss_probability(plan, twin, policy) == loss_probability(plan, problem, policy)
    problem.light[:, 2] = 1.0  # the table knows the light as it was
    with pytest.raises(PlanError, match="other light"):
        loss_probability(plan, problem, policy)
