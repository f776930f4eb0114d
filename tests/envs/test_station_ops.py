"""StationOps on the mission loop with choices from outside: seeds, masks, events, state, ends."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.observation import GO_ON, HIBERNATE, HOLD, N_ACTIONS
from moonfleet.autonomy.policy import RandomPolicy, StationKeeper
from moonfleet.envs.errors import EnvActionError, EnvOptionError, EnvStateError
from moonfleet.envs.sites import resolve_site
from moonfleet.envs.station_ops.env import StationOps
from moonfleet.envs.station_ops.generator import make_mission, station_grounds
from moonfleet.envs.station_ops.levels import fleet_of, level_of
from moonfleet.terrain.clock import utc_to_tdb

FLEET = fleet_of("default")
ROBOTS = len(FLEET.names)
DATES = (utc_to_tdb("2027-01-01T00:00:00"), utc_to_tdb("2031-01-01T00:00:00"))


def make(**options: object) -> StationOps:
    return StationOps(**{"days": 1.0, "event_log": True, **options})


def mission(seed: int = 1, days: float = 1.0, **options: object) -> MissionSpec:
    return drawn(seed, 0, days=days, **options)


def drawn(seed: int, episode: int, **options: object) -> MissionSpec:
    return make_mission([resolve_site(None)], seed, episode, level_of("default", options), FLEET)


def keep(env: StationOps) -> NDArray[np.int64]:
    """Return what the station keeper would choose for every robot."""
    policy = StationKeeper()
    return np.array([policy.act(seen) for seen in env.observations()])


def rollout(env: StationOps, steps: int, seed: int = 0) -> bytes:
    """Return the bytes of an episode under way, with random allowed choices."""
    policies = [RandomPolicy(seed, robot) for robot in range(len(env.robots))]
    out = b""
    for _ in range(steps):
        action = np.array([p.act(seen) for p, seen in zip(policies, env.observations(), strict=True)])
        observed, reward, terminated, truncated, _ = env.step(action)
        out += observed["observation"].tobytes() + observed["action_mask"].tobytes() + np.float64(reward).tobytes()
        if terminated or truncated:
            break
    return out


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_mission() -> None:
    one, two = make(), make()
    one.reset(seed=5)
    two.reset(seed=5)
    assert rollout(one, 5) == rollout(two, 5)
    first = one.loop.mission
    one.reset(seed=6)
    assert (one.loop.mission.t0, one.loop.mission.jobs) != (first.t0, first.jobs)


def test_an_episode_does_not_depend_on_how_long_earlier_ones_ran() -> None:
    long, short = make(), make()
    long.reset(seed=5)
    short.reset(seed=5)
    rollout(long, 4)
    a, info_a = long.reset()
    b, info_b = short.reset()
    assert info_a == info_b
    assert info_a["episode"] == 1
    assert a["observation"].tobytes() == b["observation"].tobytes()


def test_options_jump_to_an_episode_and_fix_the_date() -> None:
    env = make()
    _, info = env.reset(seed=5, options={"episode": 3, "t0_utc": "2029-01-05T00:00:00"})
    assert info["episode"] == 3
    assert str(info["t0_utc"]).startswith("2029-01-05T00:00:00")
    assert env.loop.mission.jobs == drawn(5, 3, days=1.0).jobs


def test_a_saved_state_continues_with_the_same_bytes() -> None:
    env, other = make(), make()
    env.reset(seed=5)
    rollout(env, 4)
    state = env.get_state()
    expected = rollout(env, 4, seed=1)
    observed = other.set_state(state)
    assert other.observation_space.contains(observed)
    assert rollout(other, 4, seed=1) == expected


@pytest.mark.parametrize("perception", ["map", "statistical"])
def test_the_same_choices_make_the_same_mission_as_the_simulation_s_own_loop(perception: str) -> None:
    spec = mission(days=0.5, perception=perception)
    env = StationOps(mission=spec, event_log=True)
    env.reset(options={"as_given": True})
    loop = MissionLoop(spec, LocalFleet(spec), EventLog(None, keep=True))
    loop.begin()
    assert env.loop.mission is spec
    while not loop.finished:
        loop.step()
        env.step(keep(env))
    assert env.loop.log.pending == loop.log.pending
    assert len(loop.log.pending) > ROBOTS * spec.steps
    for name, array in loop.world.get_state().items():
        np.testing.assert_array_equal(env.loop.world.get_state()[name], array, err_msg=name)


def test_rewards_are_the_named_terms_and_add_up_to_the_score() -> None:
    env = make()
    env.reset(seed=1)
    sums: dict[str, float] = {}
    total = 0.0
    for _ in range(12):
        _, reward, _, _, info = env.step(keep(env))
        terms = info["reward_terms"]
        assert isinstance(terms, dict)
        total += reward
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + value
    assert total == pytest.approx(sum(sums.values()))
    assert sums["jobs"] == pytest.approx(env.loop.ops.value)
    assert sums["archive"] == pytest.approx(env.loop.archive_mbit / 1000.0)


def test_masks_come_in_both_shapes_and_always_allow_something() -> None:
    env = make()
    observed, _ = env.reset(seed=1)
    for _ in range(6):
        mask = observed["action_mask"]
        assert mask.shape == (ROBOTS, N_ACTIONS)
        assert mask.dtype == np.int8
        np.testing.assert_array_equal(env.action_masks(), mask.reshape(-1).astype(bool))
        assert np.all(mask.any(axis=1))
        observed, *_ = env.step(keep(env))


def test_a_masked_action_is_carried_out_as_go_on_and_counted() -> None:
    env, other = make(), make()
    observed, _ = env.reset(seed=1)
    other.reset(seed=1)
    forbidden = np.array([int(np.argmin(row)) for row in observed["action_mask"]])
    assert not observed["action_mask"][np.arange(ROBOTS), forbidden].any()
    a, reward_a, *_, info = env.step(forbidden)
    b, reward_b, *_, none = other.step(np.full(ROBOTS, GO_ON))
    assert info["masked_actions"] == ROBOTS
    assert none["masked_actions"] == 0
    assert reward_a == reward_b
    assert a["observation"].tobytes() == b["observation"].tobytes()


def test_the_time_limit_truncates_and_a_further_step_is_refused() -> None:
    env = make(days=2.0 / 24.0)
    env.reset(seed=1)
    action = np.full(ROBOTS, HOLD)
    assert env.step(action)[2:4] == (False, False)
    assert env.step(action)[2:4] == (False, True)
    with pytest.raises(EnvStateError, match="call reset first"):
        env.step(action)


def test_a_lost_robot_keeps_its_row_and_may_only_go_on() -> None:
    env = make()
    env.reset(seed=1)
    env.loop.world.state.temp_k[0, 1] = 50.0
    observed, reward, terminated, _, info = env.step(np.full(ROBOTS, HIBERNATE))
    assert info["lost"] == 1
    assert not terminated
    assert info["reward_terms"]["losses"] == -300.0
    assert reward < -40.0
    assert env.observation_space.contains(observed)
    assert np.flatnonzero(observed["action_mask"][1]).tolist() == [GO_ON]
    np.testing.assert_array_equal(observed["observation"][1], layout.encode(layout.blank()))


def test_losing_every_robot_on_the_ground_terminates() -> None:
    env = make()
    env.reset(seed=1)
    env.loop.world.state.temp_k[0, :-1] = 50.0
    *_, terminated, truncated, info = env.step(np.full(ROBOTS, HIBERNATE))
    assert terminated
    assert not truncated
    assert info["lost"] == ROBOTS - 1


def test_a_given_mission_is_flown_as_it_is_or_with_the_seed_s_own_perception() -> None:
    spec = mission()
    env = StationOps(mission=spec)
    assert env.robots == FLEET.names
    env.reset(seed=9)
    assert dataclasses.replace(env.loop.mission, seed=spec.seed) == spec
    assert env.loop.mission.seed != spec.seed


@pytest.mark.parametrize(
    "action", [np.zeros(3, np.int64), np.full(ROBOTS, N_ACTIONS), np.full(ROBOTS, -1), np.zeros(ROBOTS), "hold"]
)
def test_actions_are_checked(action: NDArray[np.int64]) -> None:
    env = make()
    env.reset(seed=1)
    with pytest.raises(EnvActionError, match="action: got"):
        env.step(action)


def test_options_are_checked() -> None:
    with pytest.raises(EnvOptionError, match="days: got 0"):
        make(days=0.0)
    for name, value in {"site": resolve_site(None), "days": 2.0, "fleet": "small"}.items():
        with pytest.raises(EnvOptionError, match=f"a mission brings its own {name}"):
            StationOps(mission=mission(), **{name: value})
    env = StationOps(mission=mission())
    with pytest.raises(EnvOptionError, match="has its own date"):
        env.reset(options={"t0_utc": "2029-01-05T00:00:00"})
    with pytest.raises(EnvOptionError, match="no mission was given"):
        make().reset(options={"as_given": True})
    with pytest.raises(EnvStateError, match="event_log=True"):
        StationOps(days=1.0).loop  # noqa: B018


def test_nothing_works_before_the_first_reset() -> None:
    env = make()
    for call in (lambda: env.step(np.zeros(ROBOTS, np.int64)), env.action_masks, env.get_state):
        with pytest.raises(EnvStateError, match="call reset first"):
            call()


def test_generated_missions_fit_the_ground() -> None:
    site = resolve_site(None)
    grounds = station_grounds(site)
    assert grounds
    for episode in range(4):
        spec = drawn(3, episode, days=2.0)
        assert spec.steps == 48
        assert DATES[0] <= spec.t0 <= DATES[1]
        assert {job.kind for job in spec.jobs} >= {"survey", "drill", "grade"}


def test_states_that_do_not_fit_are_refused() -> None:
    env, longer = make(), make(days=2.0)
    env.reset(seed=1)
    longer.reset(seed=1)
    state = env.get_state()
    for bad in (None, {}, {name: state[name] for name in ("face.seed", "face.episode", "station.root")}):
        with pytest.raises(EnvStateError, match="get_state"):
            env.set_state(bad)  # pyright: ignore[reportArgumentType]
    with pytest.raises(EnvStateError, match="with days = 1, this one has 2"):
        longer.set_state(state)
    env.set_state(state)


def test_odd_arguments_are_named() -> None:
    for options in ({"dates": 5}, {"weights": 5}, {"mission": 5}):
        with pytest.raises(EnvOptionError, match=next(iter(options))):
            StationOps(**options)


def test_robots_that_land_later_join_and_the_events_are_those_of_the_simulation() -> None:
    spec = mission(days=0.5)
    spec = dataclasses.replace(
        spec, fleet=(spec.fleet[0], dataclasses.replace(spec.fleet[1], lands_s=2 * 3600 + 600), *spec.fleet[2:])
    )
    env, loop = StationOps(mission=spec, event_log=True), MissionLoop(spec, LocalFleet(spec), EventLog(None, keep=True))
    env.reset(options={"as_given": True})
    there: list[bool] = []
    while not loop.finished:
        there.append(bool(env.game.present()[0, 1]))
        if not there[-1]:
            assert np.flatnonzero(env.action_masks().reshape(ROBOTS, -1)[1]).tolist() == [GO_ON]
        loop.step()
        env.step(keep(env))
    assert there[:4] == [False, False, False, True]
    assert env.loop.log.pending == loop.log.pending
