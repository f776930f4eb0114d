"""HazardLanding: faces agree, episodes follow from their seed, nothing leaves its bounds, and touchdowns are judged by the one rule."""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.agents.flight import MASS, Z
from moonfleet.agents.landing_eye import LandingEye
from moonfleet.agents.touchdown import OUTCOMES, Outcome
from moonfleet.envs.errors import EnvActionError, EnvOptionError, EnvStateError
from moonfleet.envs.game import Episode
from moonfleet.envs.hazard_landing import spaces
from moonfleet.envs.hazard_landing.env import HazardLanding, HazardLandingVec
from moonfleet.envs.hazard_landing.game import HazardLandingGame
from moonfleet.envs.hazard_landing.policies import BASELINES, GreedyPolicy, PlannerPolicy
from moonfleet.envs.hazard_landing.rewards import RewardWeights
from moonfleet.envs.testing import check_game
from moonfleet.terrain.seeds import stream

TILES = 2


def game(worlds: int, **options: object) -> HazardLandingGame:
    made = HazardLandingGame(worlds, tiles=TILES, **options)  # pyright: ignore[reportArgumentType]
    made.begin(np.arange(worlds), [Episode(world, 0) for world in range(worlds)])
    return made


def seen_by(made: HazardLandingGame) -> np.ndarray:
    out = np.full((made.worlds, spaces.SIZE), np.nan, np.float32)
    made.observe(out)
    return out


def test_gymnasium_accepts_it() -> None:
    check_env(HazardLanding(tiles=TILES, render_mode="rgb_array"), skip_render_check=True)


def test_it_passes_the_conformance_suite() -> None:
    make = partial(HazardLandingGame, tiles=TILES, level="hard", max_steps=50)
    assert set(check_game(make, worlds=3, steps=60).values()) >= {"passed"}


def test_it_is_registered() -> None:
    single = gymnasium.make("moonfleet.envs:moonfleet/HazardLanding-v0", tiles=TILES, level="easy")
    assert single.observation_space.shape == (spaces.SIZE,)
    many = gymnasium.make_vec(
        "moonfleet.envs:moonfleet/HazardLanding-v0", num_envs=3, vectorization_mode="vector_entry_point", tiles=TILES
    )
    assert isinstance(many.unwrapped, HazardLandingVec)


@pytest.mark.rl
def test_stable_baselines_accept_it() -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(HazardLanding(tiles=TILES))
    checker.check_env(HazardLanding(tiles=TILES, continuous=True))


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_many_are_as_one(continuous: bool, threads: int) -> None:
    worlds, steps = 5, 90
    options = {"tiles": TILES, "continuous": continuous, "level": "hard"}
    many = HazardLandingVec(worlds, threads=threads, **options)
    singles = [HazardLanding(**options) for _ in range(worlds)]
    rng = stream(1, "test actions")
    seen, _ = many.reset(seed=7)
    waiting = np.zeros(worlds, bool)
    for world, single in enumerate(singles):
        assert np.array_equal(single.reset(seed=7 + world)[0], seen[world])
    for _ in range(steps):
        if continuous:
            actions = rng.uniform(-1.0, 0.85, (worlds, 3)).astype(np.float32)
        else:
            actions = np.where(rng.random(worlds) < 0.05, spaces.COMMIT, rng.integers(0, spaces.PLACES, worlds))
        seen, reward, terminated, truncated, infos = many.step(actions)
        for world, single in enumerate(singles):
            if waiting[world]:
                assert np.array_equal(single.reset()[0], seen[world])
                continue
            mine, mine_reward, mine_over, mine_cut, info = single.step(actions[world])
            assert np.array_equal(mine, seen[world])
            assert (mine_reward, mine_over, mine_cut) == (reward[world], terminated[world], truncated[world])
            assert info["outcome"] == infos["outcome"][world]
        waiting = terminated | truncated


def test_an_episode_follows_from_its_seed_and_number_alone() -> None:
    long, short = HazardLanding(tiles=TILES), HazardLanding(tiles=TILES)
    long.reset(seed=3)
    for _ in range(20):
        long.step(spaces.KEEP)
    short.reset(seed=3)
    assert np.array_equal(long.reset()[0], short.reset()[0])
    assert np.array_equal(long.reset(options={"episode": 9})[0], short.reset(seed=3, options={"episode": 9})[0])
    assert not np.array_equal(long.reset()[0], short.reset(seed=4)[0])


def test_reset_can_fix_fuel_and_tile() -> None:
    env = HazardLanding(tiles=TILES)
    _, info = env.reset(seed=1, options={"fuel_kg": 150.0, "tile": 1})
    assert info["fuel_kg"] == pytest.approx(150.0)
    assert env.game.landers.tile[0] == 1  # pyright: ignore[reportAttributeAccessIssue]
    for name, value in (("fuel_kg", -1.0), ("tile", TILES)):
        with pytest.raises(EnvOptionError, match=name):
            env.reset(options={name: value})


def test_a_saved_state_goes_on_as_the_original() -> None:
    one = HazardLanding(tiles=TILES, level="hard")
    one.reset(seed=5)
    rng = stream(2, "test actions")
    for _ in range(25):
        one.step(int(rng.integers(spaces.PLACES)))
    kept = one.get_state()
    other = HazardLandingVec(3, tiles=TILES, level="hard", autoreset_mode="Disabled")
    other.reset(seed=0)
    assert np.array_equal(other.set_state(2, kept)[2], one._observe())
    for _ in range(60):
        action = int(rng.integers(spaces.N_ACTIONS))
        seen, reward, over, cut, _ = one.step(action)
        many, rewards, overs, _, _ = other.step(np.array([spaces.KEEP, spaces.KEEP, action]))
        assert np.array_equal(seen, many[2])
        assert (reward, over) == (rewards[2], overs[2])
        if over or cut:
            break
    else:
        pytest.fail("it never came down")


def test_a_wrong_state_is_refused_and_changes_nothing() -> None:
    made = game(1)
    before, kept = seen_by(made), made.get_state(0)
    for name, value in (
        ("tiles", np.array("other")),
        ("aim", np.zeros(3)),
        ("sun", np.array(99)),
        ("blur", np.array(np.nan)),
    ):
        with pytest.raises(EnvStateError, match=name):
            made.set_state(0, kept | {name: value})
    with pytest.raises(EnvStateError, match="fault"):
        made.set_state(0, {name: value for name, value in kept.items() if name != "fault"})
    assert np.array_equal(seen_by(made), before)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    level=st.sampled_from(["easy", "default", "hard"]),
    noise=st.floats(0.1, 50.0),
    fuel=st.floats(1.0, 300.0),
)
def test_nothing_leaves_its_bounds(seed: int, level: str, noise: float, fuel: float) -> None:
    env = HazardLandingVec(
        8, tiles=TILES, level=level, noise=(noise, noise + 1.0), fuel_kg=(fuel, fuel + 1.0), fault_chance=0.7
    )
    space, rng = env.observation_space, stream(seed, "test actions")
    seen, _ = env.reset(seed=seed)
    for _ in range(80):
        assert space.contains(seen)
        seen, reward, *_ = env.step(rng.integers(0, spaces.N_ACTIONS, 8))
        assert np.isfinite(reward).all()


def test_the_reward_is_the_sum_of_its_terms_and_says_how_it_ended() -> None:
    made, total = game(40), np.zeros((40, 7))
    active = np.ones(40, bool)
    while active.any():
        step = made.step(np.full(40, spaces.KEEP), active)
        assert not (step.terms[~active]).any()
        total += step.terms
        active &= ~(step.terminated | step.truncated)
    names = dict(zip(made.terms, total.T, strict=True))
    safe = made.outcome == OUTCOMES.index(Outcome.SAFE)
    assert 0 < safe.sum() < 40
    assert np.array_equal(names["safe"], 10.0 * safe)
    assert np.array_equal(names["crash"], -10.0 * ~safe)
    assert ((names["margin"] >= 0.0) & (names["margin"] <= 2.0) & (safe | (names["margin"] == 0.0))).all()
    spent = made.limits.exhaust_m_s * np.log((made.start_fuel_kg + made.limits.dry_kg) / made.landers.state[:, MASS])
    assert names["fuel"] == pytest.approx(-0.01 * spent)


def test_committing_saves_fuel_and_time_and_ends_all_diverts() -> None:
    late, soon = game(6), game(6)
    length = np.zeros((2, 6))
    for row, (made, first) in enumerate(((late, spaces.KEEP), (soon, spaces.COMMIT))):
        active = np.ones(6, bool)
        while active.any():
            aim = made.landers.aim.copy()
            action = first if not length[row].any() else 3
            step = made.step(np.full(6, spaces.KEEP if made is late else action), active)
            assert np.array_equal(aim, made.landers.aim)
            length[row] += active
            active &= ~(step.terminated | step.truncated)
    assert (length[1] < length[0] - 8).all()
    assert (soon.landers.state[:, MASS] > late.landers.state[:, MASS] + 15.0).all()


def test_too_little_fuel_ends_out_of_propellant() -> None:
    made = game(4, fuel_kg=(60.0, 61.0))
    active = np.ones(4, bool)
    while active.any():
        step = made.step(np.full(4, spaces.KEEP), active)
        active &= ~(step.terminated | step.truncated)
    assert (made.outcome == OUTCOMES.index(Outcome.OUT_OF_PROPELLANT)).all()


def test_a_divert_moves_the_aim_as_the_map_lies_or_is_refused() -> None:
    made = game(32)
    seen = seen_by(made)
    offset = seen[:, spaces.feature_slice("offset")] * spaces.OFFSET_UNIT_M
    made.step(np.full(32, 14), np.ones(32, bool))  # the eastmost place of the middle row: 6 cells of 4 m
    fresh = seen_by(made)
    later = fresh[:, spaces.feature_slice("offset")] * spaces.OFFSET_UNIT_M
    velocity = 0.5 * (seen + fresh)[:, spaces.feature_slice("velocity")][:, :2] * spaces.SPEED_UNIT_M_S
    moved = later - offset + velocity
    refused = fresh[:, spaces.feature_slice("refused")][:, 0] > 0.5
    held = np.abs(made.landers.aim).max(axis=1) > 45.9  # at the edge of what may be aimed at
    free = ~refused & ~held
    assert free.sum() > 8
    assert moved[free] == pytest.approx(np.tile([24.0, 0.0], (free.sum(), 1)), abs=0.6)
    assert moved[refused] == pytest.approx(0.0, abs=0.6)


def test_a_lidar_that_is_out_shows_nothing_but_the_camera_does() -> None:
    made = game(4, fault_chance=1.0, fault_s=(100.0, 101.0))
    active, gone = np.ones(4, bool), np.zeros(4, bool)
    for _ in range(60):
        step = made.step(np.full(4, spaces.KEEP), active)
        active &= ~(step.terminated | step.truncated)
        seen = seen_by(made)
        out = seen[:, spaces.feature_slice("lidar_works")][:, 0] == 0.0
        gone |= out
        assert not seen[out][:, spaces.feature_slice("lidar_height")].any()
        assert not seen[out][:, spaces.feature_slice("place_pads")].any()
        assert seen[~out][:, spaces.feature_slice("lidar_rise")].any() or not (~out).any()
        assert seen[:, spaces.feature_slice("camera")].any()
    assert gone.all()


def test_hazards_show_better_from_below() -> None:
    """The lidar's heights differ from the truth by noise that shrinks with the height."""
    exact = dataclasses.replace(LandingEye(), height_sigma_per_m=0.0, height_sigma_m=0.0, dropout=0.0, beam_rad=0.0)
    true, noisy = game(16, eye=exact), game(16)
    part, spread = spaces.feature_slice("lidar_rise"), []
    for _ in range(55):
        spread.append(float(np.abs(seen_by(true)[:, part] - seen_by(noisy)[:, part]).mean()))
        for made in (true, noisy):
            made.step(np.full(16, spaces.KEEP), np.ones(16, bool))
    assert spread[0] > 3.0 * spread[-1] > 0.0


def test_what_is_not_allowed_is_refused_by_name() -> None:
    for option, value in (
        ("level", "esay"), ("tiles", 0), ("fuel_kg", (5.0, 1.0)), ("fault_chance", 2.0), ("sun_el", (7,)), ("terrain", 3), ("eye", 1),
        ("weights", 1), ("noise", "loud"),
    ):  # fmt: skip
        with pytest.raises(EnvOptionError, match=option):
            HazardLanding(**({"tiles": TILES} | {option: value}))
    with pytest.raises(EnvOptionError, match=r"weights\.crash"):
        RewardWeights(crash=-1.0)
    env = HazardLanding(tiles=TILES)
    env.reset(seed=1)
    with pytest.raises(EnvActionError):
        env.step(spaces.N_ACTIONS)


def test_baselines_answer_rows_as_they_answer_one_and_keep_in_the_space() -> None:
    for name, policy in BASELINES.items():
        env = HazardLandingVec(12, tiles=TILES, level="hard")
        seen, _ = env.reset(seed=4)
        for _ in range(66):
            actions = policy().act_batch(seen)
            assert actions.dtype == np.int64, name
            assert actions.tolist() == [policy().act(row) for row in seen], name
            seen, *_ = env.step(actions)


@pytest.mark.slow
def test_looking_pays() -> None:
    """The planner lands safely more often than one who takes the first flat place, on all levels."""
    for level in ("easy", "default", "hard"):
        safe = {}
        for policy in (GreedyPolicy(), PlannerPolicy()):
            env = HazardLandingVec(150, tiles=6, level=level, autoreset_mode="Disabled")
            seen, _ = env.reset(seed=50)
            for _ in range(75):
                if env._over.all():
                    break
                seen, *_ = env.step(policy.act_batch(seen))
            safe[type(policy)] = float(np.mean(env.game.info()["is_safe"]))
        assert safe[PlannerPolicy] > safe[GreedyPolicy] + 0.1, (level, safe)


def test_a_picture_shows_the_scene() -> None:
    made = game(2)
    first = made.picture(1)
    assert first.shape == (560, 926, 3)
    for _ in range(40):
        made.step(np.full(2, spaces.KEEP), np.ones(2, bool))
    assert np.mean(made.picture(1) != first) > 0.2


def test_the_height_is_what_the_lidar_sees_below() -> None:
    made = game(8)
    height = made.landers.state[:, Z] + made.landers.error[:, Z] - made.landers.under_aim(made.tiles.level)
    assert seen_by(made)[:, spaces.feature_slice("height")][:, 0] * spaces.HEIGHT_UNIT_M == pytest.approx(
        height, rel=1e-5
    )
    assert math.isclose(float(height.min()), 380.0, abs_tol=3.0) or height.min() > 380.0
