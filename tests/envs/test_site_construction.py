"""SiteConstruction: what episodes, actions, masks, rewards, states and faces are."""

from __future__ import annotations

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

import moonfleet.envs
from moonfleet.agents import earth_crew as crew
from moonfleet.envs.errors import EnvActionError, EnvOptionError, EnvStateError
from moonfleet.envs.game import Episode
from moonfleet.envs.site_construction import spaces as s
from moonfleet.envs.site_construction import view
from moonfleet.envs.site_construction.env import SiteConstruction, SiteConstructionVector
from moonfleet.envs.site_construction.game import SiteConstructionGame
from moonfleet.envs.site_construction.levels import LEVELS, Level, level_of
from moonfleet.envs.site_construction.rewards import TERMS, RewardWeights
from moonfleet.envs.testing import check_game
from moonfleet.terrain.site import Site

DATES = ("2029-01-01T00:00:00", "2029-03-01T00:00:00")  # a short range makes the almanac fast
MIXED = ("excavator", "grader", "paver")


def game(site: Site, worlds: int = 1, threads: int = 1, **options: object) -> SiteConstructionGame:
    return SiteConstructionGame(worlds, threads, site=site, **{"dates": DATES, **options})  # pyright: ignore[reportArgumentType]


def begun(site: Site, worlds: int = 1, root: int = 5, **options: object) -> SiteConstructionGame:
    made = game(site, worlds, 1, **options)
    made.begin(np.arange(worlds), [Episode(root + w, 0) for w in range(worlds)])
    return made


def seen(played: SiteConstructionGame) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    shape = (played.worlds, len(played.agents))
    out, masks = np.full((*shape, s.SIZE), np.nan, np.float32), np.empty((*shape, s.N_ACTIONS), np.bool_)
    played.observe(out)
    played.masks(masks)
    return out, masks


def draw(masks: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return any allowed actions."""
    return np.where(masks, rng.random(masks.shape), -1.0).argmax(axis=-1)


def test_the_tables_describe_the_spaces() -> None:
    assert sum(feature.size for feature in s.FEATURES) == s.SIZE == s.observation_space().shape[0]
    listed = [action for row in s.ACTIONS for action in range(row.first, row.first + row.count)]
    assert listed == list(range(s.N_ACTIONS))
    assert tuple(RewardWeights.__dataclass_fields__) == TERMS


@pytest.mark.parametrize("level", sorted(LEVELS))
def test_random_play_stays_within_bounds_and_loses_no_soil(small_site: Site, level: str) -> None:
    played = begun(small_site, 3, level=level)
    rng = np.random.Generator(np.random.PCG64(1))
    space = played.single_observation_space
    for step in range(40):
        out, masks = seen(played)
        assert np.isfinite(out).all()
        assert (out >= space.low).all()
        assert (out <= space.high).all()
        assert masks.any(axis=-1).all()
        wild = rng.integers(0, s.N_ACTIONS, masks.shape[:2])
        done = played.step(wild if step % 2 else draw(masks, rng), np.ones(3, np.bool_))
        assert np.isfinite(done.terms).all()
    np.testing.assert_allclose(played.works.audit_kg(), 0.0, atol=1e-6)


def test_what_is_not_allowed_is_counted_and_done_with_the_tool_at_hand_or_not_at_all(small_site: Site) -> None:
    played = begun(small_site, 4, robots=("excavator", "paver"))
    rng = np.random.Generator(np.random.PCG64(2))
    for _ in range(30):
        _, masks = seen(played)
        told = rng.integers(0, s.N_ACTIONS, masks.shape[:2])
        allowed = np.take_along_axis(masks, told[..., None], axis=-1)[..., 0]
        at = played.works.at.copy()
        done = played.step(told, np.ones(4, np.bool_))
        assert (played.denied | allowed).all()
        stays = ~allowed & (told < s.TO_CUT)
        assert (played.works.at[stays] == at[stays]).all()
        rests = ~allowed & ((told < s.DIG) | ((told >= s.TO_PAD) & (told <= s.TO_BASE)))
        assert (played.task[rests] == crew.REST).all()
        np.testing.assert_allclose(done.terms[:, TERMS.index("blocked")], -0.002 * played.denied.sum(axis=1))


def test_machines_never_share_a_cell(small_site: Site) -> None:
    played = begun(small_site, 4, level="default")
    rng = np.random.Generator(np.random.PCG64(3))
    moves = np.array([*range(s.STEP, s.DIG), s.TO_PAD, s.TO_PIT, s.TO_BASE])
    for _ in range(40):
        played.step(rng.choice(moves, (4, 4)), np.ones(4, np.bool_))
        for cells in played.works.at.tolist():
            assert len({tuple(cell) for cell in cells}) == 4


def test_a_world_plays_the_same_alone_among_others_and_on_threads(small_site: Site) -> None:
    many, threaded = begun(small_site, 6, level="default"), game(small_site, 6, threads=3, level="default")
    threaded.begin(np.arange(6), [Episode(5 + w, 0) for w in range(6)])
    alone = begun(small_site, 1, root=9, level="default")
    rng = np.random.Generator(np.random.PCG64(4))
    for _ in range(60):
        out, masks = seen(many)
        told = draw(masks, rng)
        assert seen(threaded)[0].tobytes() == out.tobytes()
        assert seen(alone)[0].tobytes() == out[4:5].tobytes()
        done, on_threads = (played.step(told, np.ones(6, np.bool_)) for played in (many, threaded))
        single = alone.step(told[4:5], np.ones(1, np.bool_))
        assert done.terms.tobytes() == on_threads.terms.tobytes()
        assert single.terms.tobytes() == done.terms[4:5].tobytes()


def test_worlds_that_rest_do_not_change(small_site: Site) -> None:
    played = begun(small_site, 3, level="easy")
    active = np.array([True, False, True])
    before = played.get_state(1)
    done = played.step(np.full((3, 2), s.TO_PAD), active)
    after = played.get_state(1)
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert not done.terms[1].any()


def test_a_saved_world_goes_on_with_the_same_bytes_in_another_place(small_site: Site) -> None:
    played, other = begun(small_site, 2, faults=True), begun(small_site, 3, root=77, faults=True)
    rng = np.random.Generator(np.random.PCG64(5))
    for _ in range(20):
        played.step(draw(seen(played)[1], rng), np.ones(2, np.bool_))
    other.set_state(2, played.get_state(1))
    for _ in range(20):
        out, masks = seen(played)
        told = draw(masks, rng)
        assert seen(other)[0][2].tobytes() == out[1].tobytes()
        mine = played.step(told, np.ones(2, np.bool_))
        theirs = other.step(np.concatenate([told[:1], told[:1], told[1:]]), np.array([False, False, True]))
        assert theirs.terms[2].tobytes() == mine.terms[1].tobytes()


def test_a_foreign_state_is_refused_and_nothing_changes(small_site: Site) -> None:
    played = begun(small_site, 1)
    state = played.get_state(0)
    broken = {**state, "works.soil": np.negative(state["works.soil"])}
    fewer = begun(small_site, 1, robots=MIXED).get_state(0)
    late = {**state, "world.x": np.add(state["world.x"], 1e9)}
    for wrong in (broken, fewer, late, {"pad": state["pad"]}):
        with pytest.raises(EnvStateError):
            played.set_state(0, wrong)
    after = played.get_state(0)
    assert all(state[name].tobytes() == after[name].tobytes() for name in state)


def test_machines_that_land_later_are_not_there_before(small_site: Site) -> None:
    played = begun(small_site, 2, robots=MIXED, arrivals=(0, 3, 3))
    for step in range(5):
        there = played.present()
        assert there.tolist() == [[True, step >= 3, step >= 3]] * 2
        out, masks = seen(played)
        assert (out[..., s.OFFSET["there"]] == there).all()
        assert (masks[~there].sum(axis=-1) == 1).all()
        played.step(np.full((2, 3), s.TO_PAD), np.ones(2, np.bool_))
    np.testing.assert_allclose(played.world.state.start_wh, played.frac * played.capacity)


def test_a_crew_that_is_lost_ends_the_episode(small_site: Site) -> None:
    played = begun(small_site, 1, level="easy")
    played.world.state.activity[0] = 7
    played.world.state.loss[0] = 1
    done = played.step(np.zeros((1, 2), np.int64), np.ones(1, np.bool_))
    assert done.terms[0, TERMS.index("lost")] == -2.0
    assert done.terminated[0]
    assert not done.truncated[0]


def test_rewards_follow_the_pad(small_site: Site) -> None:
    played = begun(small_site, 1, level="easy")
    row, col, side = played.pad[0]
    here = (slice(row, row + side), slice(col, col + side))
    need = played.limits[view.NEED_KG]
    wanted = played.level_m[0] * 1740.0
    played.works.soil[0, 0][here] = wanted - need
    played.works.soil[0, 2][here] = need
    done = played.step(np.zeros((1, 2), np.int64), np.ones(1, np.bool_))
    terms = dict(zip(TERMS, done.terms[0].tolist(), strict=True))
    assert terms["earth"] == pytest.approx(2.5)
    assert terms["pad"] == pytest.approx(5.0)
    assert terms["done"] == 2.5
    assert done.terminated[0]


def test_episodes_follow_from_seed_and_number_alone(small_site: Site) -> None:
    one, two = game(small_site, 1), game(small_site, 2)
    one.begin(np.array([0]), [Episode(3, 4)])
    two.begin(np.array([0, 1]), [Episode(8, 0), Episode(3, 4)])
    assert seen(one)[0][0].tobytes() == seen(two)[0][1].tobytes()
    assert seen(two)[0][0].tobytes() != seen(two)[0][1].tobytes()


def test_the_date_can_be_fixed(small_site: Site) -> None:
    env = SiteConstruction(site=small_site, dates=DATES)
    _, info = env.reset(seed=1, options={"t0_utc": "2029-02-01T06:00:00"})
    assert str(info["t0_utc"]).startswith("2029-02-01T05:5") or str(info["t0_utc"]).startswith("2029-02-01T06:00")
    with pytest.raises(EnvOptionError, match="t0_utc"):
        env.reset(options={"t0_utc": "2035-01-01T00:00:00"})


@pytest.mark.parametrize("robots", [("grader",), ("grader", "paver")])
def test_gymnasium_accepts_it(small_site: Site, robots: tuple[str, ...]) -> None:
    env = SiteConstruction(site=small_site, dates=DATES, robots=robots, max_steps=20, render_mode="rgb_array")
    check_env(env, skip_render_check=True)
    env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    assert picture.shape == (560, 776, 3)


def test_it_is_registered_with_both_faces(small_site: Site) -> None:
    assert "moonfleet/SiteConstruction-v0" in moonfleet.envs.ENTRY_POINTS
    env = gymnasium.make("moonfleet/SiteConstruction-v0", site=small_site, dates=DATES, level="easy")
    many = gymnasium.make_vec("moonfleet/SiteConstruction-v0", num_envs=3, site=small_site, dates=DATES, level="easy")
    assert isinstance(many.unwrapped, SiteConstructionVector)
    first, _ = env.reset(seed=11)
    batch, _ = many.reset(seed=10)
    np.testing.assert_array_equal(batch["observation"][1], first["observation"])
    for _ in range(10):
        action = np.full((3, 2), s.TO_PAD)
        one, reward, *_ = env.step(action[0])
        all_seen, rewards, *_ = many.step(action)
        np.testing.assert_array_equal(all_seen["observation"][1], one["observation"])
        assert rewards[1] == reward


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "esy"}, "Did you mean 'easy'"),
        ({"robotz": ("grader",)}, "Did you mean 'robots'"),
        ({"robots": ()}, "1 to 8 kinds"),
        ({"robots": ("ce8-lander",)}, "does not drive"),
        ({"arrivals": (0, 1)}, "steps for 4 robots"),
        ({"pad_cells": (6, 5)}, "must not be above"),
        ({"tolerance_m": 0.0}, "tolerance_m"),
        ({"weights": 3}, "need RewardWeights"),
        ({"lit": (0.0, float("nan"))}, "lit"),
    ],
)
def test_wrong_options_are_named(small_site: Site, options: dict[str, object], message: str) -> None:
    with pytest.raises(EnvOptionError, match=message):
        SiteConstructionGame(1, site=small_site, **options)  # pyright: ignore[reportArgumentType]


def test_wrong_actions_are_refused(small_site: Site) -> None:
    env = SiteConstruction(site=small_site, dates=DATES, level="easy")
    env.reset(seed=0)
    for wrong in (1, [0], [0, -1], [0.5, 1], None, [s.N_ACTIONS, 0]):
        with pytest.raises(EnvActionError):
            env.step(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("level", sorted(LEVELS))
def test_it_passes_the_suite(small_site: Site, level: str) -> None:
    make = partial(SiteConstructionGame, site=small_site, level=level, dates=DATES, max_steps=25)
    check_game(make, worlds=3, steps=40)


def test_levels_check_themselves() -> None:
    for level in LEVELS.values():
        level.check()
    assert level_of("hard", {"robots": ["grader"]}).arrivals == ()
    with pytest.raises(EnvOptionError):
        RewardWeights(pad=-1.0)
    assert Level() == LEVELS["default"]
