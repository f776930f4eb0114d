"""StationOps, many side by side: each world is what the mission loop plays alone, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.observation import GO_ON
from moonfleet.autonomy.policy import Observation, StationKeeper
from moonfleet.envs.errors import EnvOptionError, EnvStateError
from moonfleet.envs.game import Episode, Game
from moonfleet.envs.station_ops.env import StationOps, StationOpsVector, station_game
from moonfleet.envs.station_ops.game import StationOpsGame
from moonfleet.envs.station_ops.levels import FLEETS, fleet_of, level_of
from moonfleet.envs.testing import ALL_GAME_CHECKS, Check, game_subject

WORLDS, STEPS, DAYS = 4, 30, 1.0


def make(worlds: int, threads: int = 1) -> StationOpsGame:
    return StationOpsGame(worlds, threads, days=0.5)


@pytest.mark.parametrize("check", ALL_GAME_CHECKS, ids=lambda check: check.__name__)
def test_the_game_and_its_faces_keep_the_rules(check: Check) -> None:
    check(game_subject(make, worlds=3, steps=20))


@pytest.fixture(scope="module")
def game() -> StationOpsGame:
    return StationOpsGame(WORLDS, days=DAYS)


def random_choices(rng: np.random.Generator, masks: np.ndarray) -> np.ndarray:
    """One choice per robot: an allowed one, now and then any."""
    draws = rng.random(masks.shape)
    return np.where(masks | (rng.random(masks.shape[:-1]) < 0.1)[..., None], draws, -1.0).argmax(axis=-1)


def make_loops(worlds: int, threads: int = 1) -> Game:
    return station_game(worlds, threads, days=0.25, perception="statistical")


@pytest.mark.slow
@pytest.mark.parametrize("check", ALL_GAME_CHECKS, ids=lambda check: check.__name__)
def test_stations_on_the_mission_loop_keep_the_rules(check: Check) -> None:
    check(game_subject(make_loops, worlds=2, steps=8))


def test_a_damaged_state_of_a_mission_loop_is_refused_and_changes_nothing() -> None:
    env = StationOps(days=0.25, perception="statistical", fleet="pair")
    env.reset(seed=1)
    for _ in range(3):
        env.step(random_choices(np.random.default_rng(1), env.action_masks().reshape(len(env.robots), -1)))
    state = env.get_state()
    for name, value in state.items():
        if name.startswith(("face.", "loop.world.")) or value.dtype.kind == "U":
            continue
        bad: list[object] = [None, value.tolist(), np.zeros((2, 2, 2, 2, 2))]
        if value.dtype.kind == "f" and value.size and not name.endswith(("driver.scalars", "station.t0")):
            bad.append(np.full_like(value, np.nan))
        if name in ("station.number", "station.t0", "station.masked", "station.as_given"):
            bad.remove(value.tolist())  # the same number in another dress
        for one in bad:
            with pytest.raises(EnvStateError):
                env.set_state(state | {name: one})  # pyright: ignore[reportArgumentType]
    now = env.get_state()
    assert all(now[name].tobytes() == value.tobytes() for name, value in state.items())


def test_worlds_side_by_side_are_the_mission_loop_to_the_bit() -> None:
    many = StationOpsVector(WORLDS, days=DAYS, autoreset_mode="SameStep")
    singles = [StationOps(days=DAYS, event_log=True) for _ in range(WORLDS)]
    rng = np.random.default_rng(0)
    seen, infos = many.reset(seed=7)
    alone = [one.reset(seed=7 + w)[0] for w, one in enumerate(singles)]
    begun = 0
    for _ in range(STEPS):
        for w, one in enumerate(alone):
            np.testing.assert_array_equal(seen["observation"][w], one["observation"])
            np.testing.assert_array_equal(seen["action_mask"][w], one["action_mask"])
        actions = random_choices(rng, seen["action_mask"].astype(np.bool_))
        seen, rewards, terminated, truncated, infos = many.step(actions)
        for w, one in enumerate(singles):
            alone[w], reward, ended, cut, info = one.step(actions[w])
            assert (rewards[w], terminated[w], truncated[w]) == (reward, ended, cut)
            for name, value in info["reward_terms"].items():
                assert infos["reward_terms"][name][w] == value
            if ended or cut:
                begun += 1
                alone[w] = one.reset()[0]
            else:
                assert infos["masked_actions"][w] == info["masked_actions"]
    assert begun >= WORLDS


def test_a_state_goes_on_in_another_world(game: StationOpsGame) -> None:
    rng = np.random.default_rng(1)
    game.begin(np.arange(WORLDS), [Episode(w, 3) for w in range(WORLDS)])
    active = np.ones(WORLDS, dtype=np.bool_)
    for _ in range(5):
        game.step(random_choices(rng, game.missions.handed.masks), active)
    state = game.get_state(1)
    game.set_state(2, state)
    seen = np.empty((WORLDS, len(game.agents), game.single_observation_space.shape[0]), np.float32)
    for _ in range(5):
        game.observe(seen)
        np.testing.assert_array_equal(seen[1], seen[2])
        choices = random_choices(rng, game.missions.handed.masks)
        choices[2] = choices[1]
        done = game.step(choices, active)
        np.testing.assert_array_equal(done.terms[1], done.terms[2])
    with pytest.raises(EnvStateError, match="get_state"):
        game.set_state(0, {})
    broken = {**state, "world.floats": np.zeros(1)}
    before = game.get_state(3)
    with pytest.raises(EnvStateError):
        game.set_state(3, broken)
    for name, value in game.get_state(3).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_lost_robots_are_absent_and_worlds_that_rest_earn_nothing(game: StationOpsGame) -> None:
    game.begin(np.arange(WORLDS), [Episode(w, 0) for w in range(WORLDS)])
    game.missions.world.state.temp_k[0, 1] = 50.0
    active = np.array([True, False, True, True])
    before = game.get_state(1)
    done = game.step(np.full((WORLDS, len(game.agents)), GO_ON), active)
    assert not game.present()[0, 1]
    assert game.present()[2:].all()
    assert done.terms[0].sum() < -40.0
    assert not done.terms[1].any()
    after = game.get_state(1)
    assert all((after[name] == value).all() for name, value in before.items() if value.dtype != np.float64)


def test_a_fixed_date_holds_for_both(game: StationOpsGame) -> None:
    given = {"t0_utc": "2029-01-05T00:00:00"}
    game.begin(np.array([0]), [Episode(5, 2, given)])
    single = StationOps(days=DAYS, event_log=True)
    seen, _ = single.reset(seed=5, options={"episode": 2, **given})
    assert game.t0[0] == single.loop.mission.t0
    np.testing.assert_array_equal(game.missions.handed.vectors[0], seen["observation"])


@pytest.mark.parametrize("fleet", [*FLEETS, ("ce8-lander", "yutu-rover", "excavator", "ce7-hopper")])
def test_fleets_of_any_size_play(fleet: str | tuple[str, ...]) -> None:
    game = StationOpsGame(2, level="easy", fleet=fleet)
    assert len(set(game.agents)) == len(game.agents)
    game.begin(np.arange(2), [Episode(0, 0), Episode(0, 1)])
    keeper = StationKeeper()
    for _ in range(3):
        handed = game.missions.handed
        flat = Observation(
            handed.vectors.reshape(-1, handed.vectors.shape[-1]), handed.masks.reshape(-1, handed.masks.shape[-1])
        )
        choices = np.asarray(keeper.act_batch(flat)).reshape(2, -1)
        game.step(choices, np.ones(2, dtype=np.bool_))
        assert np.isfinite(handed.vectors).all()


def test_options_are_checked() -> None:
    for options, named in (
        ({"fleet": ("yutu-rover", "ce7-lander")}, "fleet"),
        ({"fleet": ("ce7-lander",)}, "fleet"),
        ({"fleet": "defualt"}, "default"),
        ({"level": "esay"}, "easy"),
        ({"days": 0.0}, "days"),
        ({"perception": "rendered"}, "perception"),
        ({"drive_s": 700}, "drive_s"),
        ({"weight": 1}, "weights"),
    ):
        with pytest.raises(EnvOptionError, match=named):
            StationOpsGame(1, **options)
    assert fleet_of(("ce7-lander", *("yutu-rover",) * 63)).names[-1] == "surveyor-63"
    assert level_of("easy", {"days": 3.0}).hours == 72


def test_a_picture_shows_the_world(game: StationOpsGame) -> None:
    game.begin(np.arange(WORLDS), [Episode(w, 0) for w in range(WORLDS)])
    picture = game.picture(0)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert (picture != game.picture(1)).any()


@pytest.mark.slow
def test_a_thousand_steps_of_many_worlds_are_those_of_single_ones() -> None:
    """With nights, failures and resets: 64 worlds, of which every eighth is played alone as well."""
    worlds, alone = 64, range(0, 64, 8)
    many = StationOpsVector(worlds, days=10.0, autoreset_mode="SameStep", threads=2)
    singles = {w: StationOps(days=10.0, event_log=True) for w in alone}
    rng = np.random.default_rng(3)
    seen, _ = many.reset(seed=100)
    for w, one in singles.items():
        one.reset(seed=100 + w)
    for _ in range(1000):
        actions = random_choices(rng, seen["action_mask"].astype(np.bool_))
        seen, rewards, terminated, truncated, _ = many.step(actions)
        for w, one in singles.items():
            mine, reward, ended, cut, _ = one.step(actions[w])
            assert (rewards[w], terminated[w], truncated[w]) == (reward, ended, cut)
            if ended or cut:
                mine, _ = one.reset()
            np.testing.assert_array_equal(seen["observation"][w], mine["observation"])
            np.testing.assert_array_equal(seen["action_mask"][w], mine["action_mask"])
