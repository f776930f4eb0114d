"""Policies: allowed actions only, the same every time, and rules that keep a robot alive."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.errors import PolicyError
from moonfleet.autonomy.greedy_policy import GreedyPolicy
from moonfleet.autonomy.observation import CHARGE, GO_ON, HIBERNATE, HOLD, JOB0, N_ACTIONS, RELAY, Observation
from moonfleet.autonomy.policies import POLICIES, named_policy
from moonfleet.autonomy.policy import Policy, RandomPolicy, StationKeeper

ALL = np.ones(N_ACTIONS, bool)


def see(mask: np.ndarray = ALL, **values: float) -> Observation:
    """A healthy robot in full light beside its haven, with the named columns changed (``own__lit=0``)."""
    row = layout.blank()
    healthy = {
        "own.battery_frac": 0.9, "own.reserve_frac": 0.15, "own.lit": 1.0, "own.is_hold": 1.0, "own.idle_rate": 0.03,
        "own.hibernate_rate": 0.002, "own.charge_rate": 0.1, "forecast.haven_travel": 1.0, "forecast.haven_energy": 0.05,
        "forecast.haven_dark_for": 20.0, "forecast.haven_lit_24h": 1.0,
    }  # fmt: skip
    for name, value in (healthy | {key.replace("__", "."): value for key, value in values.items()}).items():
        row[layout.INDEX[name]] = value
    mask = mask.copy()
    mask[layout.RELAY] = False
    return Observation(layout.encode(row), mask)


def job(k: int, **values: float) -> dict[str, float]:
    fields = {
        "valid": 1,
        "ready": 1,
        "open": 1,
        "value": 5.0,
        "travel": 1.0,
        "energy": 0.1,
        "home_energy": 0.05,
        "effort": 4.0,
    }
    return {f"jobs[{k}].{name}": value for name, value in (fields | values).items()}


@pytest.mark.parametrize("policy", [RandomPolicy(3), StationKeeper(), GreedyPolicy()])
def test_never_a_masked_action_whatever_is_seen(policy: Policy) -> None:
    rng = np.random.default_rng(1)
    assert isinstance(policy, Policy)
    for _ in range(300):
        vector = rng.uniform(layout.LOW, layout.HIGH).astype(np.float32)
        mask = rng.random(N_ACTIONS) < 0.3
        action = policy.act(Observation(vector, mask))
        assert action == GO_ON if not mask.any() else mask[action]


def test_random_policy_follows_its_seed_and_robot() -> None:
    seen = [see(own__battery_frac=0.01 * number) for number in range(40)]

    def acts(policy: RandomPolicy) -> list[int]:
        return [policy.act(observation) for observation in seen]

    assert acts(RandomPolicy(1, 0)) == acts(RandomPolicy(1, 0))
    assert acts(RandomPolicy(1, 0)) != acts(RandomPolicy(1, 1))
    assert acts(RandomPolicy(1, 0)) != acts(RandomPolicy(2, 0))
    assert len(set(acts(RandomPolicy(1, 0)))) > 3


def test_random_policy_has_no_memory() -> None:
    policy = RandomPolicy(1, 0)
    first = policy.act(see())
    policy.act(see(own__battery_frac=0.5))
    assert policy.act(see()) == first


def test_takes_the_best_paid_safe_job_and_prefers_its_own() -> None:
    jobs = job(0, value=2.0) | job(1, value=9.0) | job(2, value=90.0, energy=3.0) | job(3, value=90.0, ready=0.0)
    assert StationKeeper().act(see(**jobs)) == JOB0 + 1
    assert StationKeeper().act(see(**(jobs | {"jobs[0].mine": 1.0}))) == JOB0
    mask = ALL.copy()
    mask[JOB0 + 1] = False
    assert StationKeeper().act(see(mask, **jobs)) == JOB0


def test_goes_home_when_low_and_on_with_its_job_when_not() -> None:
    jobs = job(0)
    assert StationKeeper().act(see(own__battery_frac=0.16, **jobs)) == CHARGE
    assert StationKeeper().act(see(own__has_job=1.0, own__is_work=1.0, **jobs)) == GO_ON


def test_sleeps_through_a_long_night_at_the_haven() -> None:
    night = {"own__lit": 0.0, "own__at_haven": 1.0, "own__battery_frac": 0.3, "forecast__dark_for": 100.0}
    assert StationKeeper().act(see(**night, forecast__haven_dark_for=100.0, forecast__haven_lit_24h=0.0)) == HIBERNATE


RULES: dict[str, tuple[dict[str, float], int]] = {
    "a retreat under way is finished": ({"own.is_drive": 1.0, "own.is_hold": 0.0}, GO_ON),
    "what charges fills up before it works": ({"own.is_charge": 1.0, "own.battery_frac": 0.6} | job(0), CHARGE),
    "in the dark nothing fills up": ({"own.is_charge": 1.0, "own.battery_frac": 0.6, "own.lit": 0.0} | job(0), JOB0),
    "full, it works": ({"own.is_charge": 1.0, "own.battery_frac": 0.95} | job(0), JOB0),
    "a job that ends after dusk with too little for the night waits": (
        {"own.at_haven": 1.0, "own.battery_frac": 1.0, "forecast.haven_dark_in": 2.0, "forecast.haven_dark_for": 400.0}
        | job(0, energy=0.4),
        HOLD,
    ),
    "away from the haven with nothing to do, it goes there": ({}, CHARGE),
    "at the haven and full, it holds": ({"own.at_haven": 1.0, "own.battery_frac": 1.0}, HOLD),
    "too far for its charge in a long darkness, it sleeps where it is": (
        {"own.lit": 0.0, "own.battery_frac": 0.2, "forecast.dark_for": 90.0, "forecast.haven_energy": 0.3},
        HIBERNATE,
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_station_keeper_s_rules(rule: str) -> None:
    values, action = RULES[rule]
    assert StationKeeper().act(see(**values)) == action


def test_a_machine_that_can_relay_relays() -> None:
    seen = see(**job(0))
    mask = seen.mask.copy()
    mask[RELAY] = True
    assert StationKeeper().act(seen._replace(mask=mask)) == RELAY


def test_greed_takes_the_best_paid_job_whatever_the_battery() -> None:
    greedy = GreedyPolicy()
    jobs = job(0, value=5.0) | job(1, value=9.0) | job(2, value=9.0, travel=20.0)
    assert greedy.act(see(**jobs, **{"own.battery_frac": 0.01})) == JOB0 + 1
    no_second = ALL.copy()
    no_second[JOB0 + 1] = False
    assert greedy.act(see(no_second, **jobs)) == JOB0
    assert greedy.act(see(**jobs, **{"own.has_job": 1.0})) == GO_ON
    no_jobs = ALL.copy()
    no_jobs[JOB0:] = False
    assert greedy.act(see(no_jobs)) == CHARGE


def test_policies_by_name() -> None:
    assert all(isinstance(named_policy(name, 3, 1), Policy) for name in POLICIES)
    with pytest.raises(PolicyError, match=r"policy = 'keepr': must be one of keeper, greedy, random.*'keeper'"):
        named_policy("keepr")
