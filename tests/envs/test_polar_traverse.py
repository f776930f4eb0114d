"""PolarTraverse: seeds, episodes, state, actions, ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from moonfleet.agents.state import Loss
from moonfleet.envs.errors import EnvActionError, EnvOptionError, EnvStateError
from moonfleet.envs.polar_traverse import spaces
from moonfleet.envs.polar_traverse.env import PolarTraverse
from moonfleet.terrain.errors import MoonfleetError

MakeEnv = Callable[..., PolarTraverse]


def make(**options: object) -> PolarTraverse:
    return PolarTraverse(**{"targets": 2, "max_steps": 60, **options})  # pyright: ignore[reportArgumentType]


def rollout(env: PolarTraverse, actions: NDArray[np.int64]) -> bytes:
    """Return the bytes of observations, rewards and ends of an episode under way."""
    out = b""
    for action in actions:
        observation, reward, terminated, truncated, _ = env.step(int(action))
        out += observation.tobytes() + np.float64(reward).tobytes() + bytes([terminated, truncated])
        if terminated or truncated:
            break
    return out


def actions(n: int = 60, seed: int = 0) -> NDArray[np.int64]:
    return np.random.Generator(np.random.PCG64(seed)).integers(0, spaces.N_ACTIONS, n)


def toward(observation: NDArray[np.float32]) -> int:
    """Return the long move that points most to the current target."""
    x, y = observation[spaces.feature_slice("target_direction")]
    return 9 + round(float(np.arctan2(x, y)) / (np.pi / 4.0)) % 8


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, two = make(), make()
    first, _ = one.reset(seed=7)
    second, _ = two.reset(seed=7)
    assert first.tobytes() == second.tobytes()
    assert rollout(one, actions()) == rollout(two, actions())


def test_another_seed_gives_another_episode() -> None:
    env = make()
    first, _ = env.reset(seed=7)
    second, _ = env.reset(seed=8)
    assert first.tobytes() != second.tobytes()


def test_an_episode_does_not_depend_on_how_long_earlier_ones_ran() -> None:
    long, short = make(), make()
    long.reset(seed=3)
    short.reset(seed=3)
    rollout(long, actions(50))
    rollout(short, actions(2, seed=1))
    a, info_a = long.reset()
    b, info_b = short.reset()
    assert info_a == info_b
    assert info_a["episode"] == 1
    assert a.tobytes() == b.tobytes()
    assert rollout(long, actions()) == rollout(short, actions())


def test_the_episode_option_jumps_to_an_episode_of_the_seed() -> None:
    env, other = make(), make()
    env.reset(seed=3)
    env.reset()
    third, _ = env.reset()
    jumped, info = other.reset(seed=3, options={"episode": 2})
    assert info["episode"] == 2
    assert third.tobytes() == jumped.tobytes()


def test_without_a_seed_two_environments_differ_and_the_seed_told_repeats_it() -> None:
    env, other = make(), make()
    first, info = env.reset()
    second, _ = other.reset()
    assert first.tobytes() != second.tobytes()
    again, _ = other.reset(seed=int(str(info["seed"])))
    assert again.tobytes() == first.tobytes()


def test_the_date_must_lie_within_the_dates() -> None:
    env = make()
    with pytest.raises(EnvOptionError, match="t0_utc: got '2040-01-05T00:00:00', need a time within"):
        env.reset(seed=1, options={"t0_utc": "2040-01-05T00:00:00"})


def test_the_date_can_be_fixed() -> None:
    _, info = make().reset(seed=1, options={"t0_utc": "2029-01-05T00:00:00"})
    assert str(info["t0_utc"])[:16] in ("2029-01-04T23:55", "2029-01-05T00:00")


def test_a_saved_state_continues_with_the_same_bytes() -> None:
    env, other = make(), make()
    env.reset(seed=5)
    rollout(env, actions(20))
    state = env.get_state()
    expected = rollout(env, actions(60, seed=1))
    next_episode, _ = env.reset()
    observation = other.set_state(state)
    assert other.observation_space.contains(observation)
    assert rollout(other, actions(60, seed=1)) == expected
    after, _ = other.reset()
    assert after.tobytes() == next_episode.tobytes()


def test_a_saved_state_is_plain_arrays() -> None:
    env = make()
    env.reset(seed=5)
    for name, value in env.get_state().items():
        assert isinstance(value, np.ndarray), name
        assert value.dtype != object, name


def test_an_observation_is_not_overwritten_by_the_next_step() -> None:
    env = make()
    observation, _ = env.reset(seed=5)
    before = observation.copy()
    env.step(12)
    np.testing.assert_array_equal(observation, before)


def test_driving_at_the_targets_reaches_them_and_earns_their_reward() -> None:
    env = make(targets=1, target_range_m=(150.0, 200.0), max_steps=300)
    total, ended = 0.0, False
    for seed in range(6):
        observation, _ = env.reset(seed=seed)
        while not ended:
            observation, reward, ended, truncated, info = env.step(toward(observation))
            terms = info["reward_terms"]
            assert isinstance(terms, dict)
            assert reward == pytest.approx(sum(terms.values()))
            total += terms["progress"]
            if truncated:
                break
        if ended:
            assert info["targets_reached"] == 1
            assert terms["target"] == 10.0
            assert 0.05 < total < 0.3
            return
        total = 0.0
    pytest.fail("no target was reached by driving straight at it in six episodes")


def test_sleeping_through_the_dark_empties_the_battery_and_in_the_end_freezes_the_rover() -> None:
    env = make(battery_frac=0.05, max_steps=4000)
    env.reset(seed=2, options={"t0_utc": "2029-04-01T00:00:00"})
    seen: list[str] = []
    terminated = False
    while not terminated:
        _, reward, terminated, truncated, info = env.step(spaces.HOLD)
        assert not truncated
        terms = info["reward_terms"]
        assert isinstance(terms, dict)
        seen += [name for name, value in terms.items() if value < 0.0 and name not in seen]
    assert set(seen) == {"time", "low_battery", "lost"}
    assert seen.index("low_battery") < seen.index("lost")
    assert info["loss"] == Loss.FROZEN
    assert reward < -19.0


def test_driving_on_through_the_dark_runs_the_rover_flat() -> None:
    env = make(battery_frac=0.05, max_steps=400)
    env.reset(seed=2, options={"t0_utc": "2029-04-01T00:00:00"})
    costs = 0.0
    for k in range(200):
        *_, info = env.step(9 + k % 8)
        costs += info["reward_terms"]["brownout"]  # pyright: ignore[reportArgumentType, reportIndexIssue]
    assert costs < -1.0


def test_the_time_limit_truncates_and_a_further_step_is_refused() -> None:
    env = make(max_steps=3)
    env.reset(seed=1)
    ends = [env.step(0)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    with pytest.raises(EnvStateError, match="call reset first"):
        env.step(0)


def test_a_hold_does_not_move_and_a_move_goes_where_it_says() -> None:
    env = make()
    start, _ = env.reset(seed=4)
    held, *_ = env.step(spaces.HOLD)
    where = spaces.feature_slice("target_distance")
    np.testing.assert_array_equal(held[where], start[where])
    moved, *_ = env.step(9 + 2)
    np.testing.assert_allclose(moved[spaces.feature_slice("heading")], [1.0, 0.0], atol=1e-6)


def test_the_continuous_face_drives_too() -> None:
    env = make(continuous=True)
    env.reset(seed=4)
    observation, reward, *_ = env.step(np.array([0.0, 1.0, 1.0], np.float32))
    assert env.observation_space.contains(observation)
    assert np.isfinite(reward)
    np.testing.assert_allclose(observation[spaces.feature_slice("heading")], [0.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("action", [-1, 17, 2.5, "north", True, None])
def test_discrete_actions_are_checked(action: object) -> None:
    env = make()
    env.reset(seed=1)
    with pytest.raises(EnvActionError, match="from 0 to 16"):
        env.step(action)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("action", [[0.0, 1.0], [np.nan, 0.0, 1.0], [np.inf, 0.0, 1.0]])
def test_continuous_actions_are_checked(action: list[float]) -> None:
    env = make(continuous=True)
    env.reset(seed=1)
    with pytest.raises(EnvActionError, match=r"need finite numbers of shape \(3,\)"):
        env.step(np.array(action, np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": 0}, r"targets: got 0, need a whole number from 1 to 64"),
        ({"targets": 2.0}, r"targets: got 2\.0, need a whole number"),
        ({"max_steps": -1}, r"max_steps: got -1"),
        ({"reach_m": float("nan")}, r"reach_m: got nan, need a number from 1 to 1000"),
        ({"battery_frac": 1.5}, r"battery_frac: got 1\.5, need a number from 0\.01 to 1"),
        ({"target_range_m": (900.0, 100.0)}, r"target_range_m: .* first number must be below the second"),
        ({"target_range_m": 5}, r"target_range_m: got 5, need two numbers"),
        ({"render_mode": "rgb_aray"}, r"render_mode: got 'rgb_aray'.*Did you mean 'rgb_array'"),
        ({"dates": ("2029-01-01", "2028-01-01")}, r"dates.*first must be before the second"),
        ({"site": 3}, r"site: got int, need a Site"),
        ({"level": "eazy"}, r"level: got 'eazy'.*Did you mean 'easy'"),
        ({"grounds": 0}, r"grounds: got 0, need a whole number from 1"),
        ({"grounds": 2, "site": "x"}, r"grounds: got both a site and a number"),
        ({"max_slope_deg": 40.0}, r"max_slope_deg: got 40\.0, need a number from 5 to 20"),
        ({"lit_share": -0.1}, r"lit_share: got -0\.1"),
    ],
)
def test_constructor_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(EnvOptionError, match=message):
        make(**options)


@pytest.mark.parametrize("options", [{"robot": "viper-rovr"}, {"dates": ("yesterday", "today")}])
def test_names_and_dates_end_in_a_typed_error(options: dict[str, object]) -> None:
    with pytest.raises(MoonfleetError):
        make(**options)


def test_a_robot_that_cannot_drive_is_refused() -> None:
    with pytest.raises(EnvOptionError, match="does not drive"):
        make(robot="ce7-lander")


def test_reset_options_are_checked() -> None:
    env = make()
    with pytest.raises(EnvOptionError, match=r"got 'episod'.*Did you mean 'episode'"):
        env.reset(options={"episod": 1})
    with pytest.raises(EnvOptionError, match=r"options\['episode'\]: got -1"):
        env.reset(options={"episode": -1})


def test_a_state_of_other_ground_is_refused() -> None:
    env = make()
    env.reset(seed=1)
    state = env.get_state() | {"site_keys": np.array("elsewhere")}
    with pytest.raises(EnvStateError, match="belongs to ground elsewhere"):
        env.set_state(state)
    fewer = make(targets=1)
    with pytest.raises(EnvStateError, match="with targets = 2, this one has 1"):
        fewer.set_state(env.get_state())


def test_states_that_do_not_fit_change_nothing() -> None:
    env = make()
    env.reset(seed=1)
    env.step(3)
    state = env.get_state()
    for bad in (None, {}, *({name: part for name, part in state.items() if name != gone} for gone in state)):
        with pytest.raises(EnvStateError, match="get_state"):
            env.set_state(bad)  # pyright: ignore[reportArgumentType]
    with pytest.raises(EnvStateError, match="is of a scout"):
        env.set_state(state | {"robot": np.array("scout")})
    assert {name: part.tobytes() for name, part in env.get_state().items()} == {
        name: part.tobytes() for name, part in state.items()
    }


def test_odd_arguments_are_named() -> None:
    for options in ({"dates": None}, {"dates": (1, 2)}, {"weights": 5}):
        with pytest.raises(EnvOptionError, match=next(iter(options))):
            make(**options)
    env = make(continuous=True)
    with pytest.raises(EnvOptionError, match="reset options"):
        env.reset(options="x")  # pyright: ignore[reportArgumentType]
    env.reset(seed=1)
    with pytest.raises(EnvActionError, match=r"finite numbers of shape \(3,\)"):
        env.step(["a", "b", "c"])  # pyright: ignore[reportArgumentType]
