"""Excursions: more charge is never worse, more faults never better, and what is promised holds in continuous time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.errors import PlanError
from moonfleet.autonomy.excursion import Excursion, go_on, loss_probability
from moonfleet.autonomy.excursion_plan import plan_excursion
from moonfleet.autonomy.excursion_trial import try_excursion
from moonfleet.autonomy.recovery import recovery_policy
from tests.excursion_worlds import random_world

SEEDS = st.integers(0, 100_000)


def walk(problem: object, seed: int) -> Excursion:
    """A random way over the roadmap, with work here and there."""
    rng = np.random.default_rng(seed)
    road = problem.roadmap  # type: ignore[attr-defined]
    places = [int(rng.integers(road.places))]
    for _ in range(int(rng.integers(1, 6))):
        here = places[-1]
        places.append(int(rng.choice(road.to[road.first[here] : road.first[here + 1]])))
    work = np.where(rng.random(len(places)) < 0.4, rng.uniform(0.0, 3600.0, len(places)), 0.0)
    resume = float(rng.choice([0.0, 0.02, 0.3]))
    return Excursion(
        np.array(places), work, float(rng.uniform(0.0, 10_800.0)), float(rng.uniform(200.0, 1000.0)), resume
    )


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_more_charge_is_never_worse_and_a_fault_never_better(seed: int) -> None:
    policy = recovery_policy(random_world(seed, hours=6.0))
    for table in (policy.free, policy.stopped):
        assert (np.diff(table.astype(np.int64), axis=2) <= 0).all()
    assert (policy.stopped.astype(np.int64) >= policy.free.astype(np.int64) - 1).all()


@given(SEEDS, st.floats(1.0, 3.0))
@settings(max_examples=30, deadline=None)
def test_more_faults_are_never_better(seed: int, more: float) -> None:
    problem = random_world(seed, hours=6.0)
    often = problem._replace(faults=problem.faults._replace(per_h=problem.faults.per_h * more))
    rare, frequent = recovery_policy(problem), recovery_policy(often)
    steps = rare.grain.steps
    assert (frequent.free.astype(np.int64) >= rare.free.astype(np.int64) - 2 * (steps + 1)).all()
    # (of a plan that is not true: the first fault hands over to the policy, which may be wiser than the plan)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_loss_in_continuous_time_is_not_above_what_is_promised(seed: int) -> None:
    problem = random_world(seed)
    policy, plan, runs = recovery_policy(problem), walk(problem, seed), 3000
    promised = loss_probability(plan, problem, policy)
    found = try_excursion(plan, problem, policy, runs, seed)
    assert 0.0 <= promised <= 1.0 + 1e-9
    assert found.loss <= promised + 4.5 * math.sqrt(max(promised * (1.0 - promised), 1e-4) / runs)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_going_on_keeps_the_allowance(seed: int) -> None:
    problem = random_world(seed)
    policy, plan = recovery_policy(problem), walk(problem, seed)
    rng = np.random.default_rng(seed)
    at, t_s, battery = (
        int(rng.integers(len(plan.places))),
        float(rng.uniform(0.0, 20_000.0)),
        float(rng.uniform(150.0, 1000.0)),
    )
    rest = go_on(plan, at, t_s, battery, problem, policy)
    if rest is not None:
        assert plan.resume_below > 0.0
        assert 0.0 < rest.science_s <= plan.science_s
        assert rest.resume_below <= plan.resume_below
        assert loss_probability(rest, problem, policy) <= plan.resume_below + 1e-12


@given(SEEDS, st.floats(0.0, 0.5), st.floats(0.0, 0.5))
@settings(max_examples=30, deadline=None)
def test_a_higher_bound_allows_no_less_science(seed: int, one: float, other: float) -> None:
    problem = random_world(seed)
    try:
        policy = recovery_policy(problem)
    except PlanError:
        return
    found = []
    for bound in sorted((one, other)):
        try:
            plan = plan_excursion(
                problem, bound, 0, [1, 2], np.arange(0.0, 5.0, 0.5) * 3600.0, (0.0, 3600.0), policy, 0.1
            )
        except PlanError:
            found.append(-1.0)
            continue
        assert plan.loss <= bound
        assert plan.loss == pytest.approx(loss_probability(plan.excursion, problem, policy), abs=1e-12)
        found.append(plan.excursion.science_s)
    assert found[0] <= found[1]
