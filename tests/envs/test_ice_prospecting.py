"""IceProspecting: the conformance suite, what actions do, what rewards count, and the policies to compare with."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import moonfleet.envs
from moonfleet.agents.boring import CARRIED_ICE, KG_PER_M, STORED_ICE
from moonfleet.agents.state import Activity, Subsystem
from moonfleet.envs.errors import EnvOptionError, EnvStateError
from moonfleet.envs.game import Episode
from moonfleet.envs.ice_prospecting import sight, spaces
from moonfleet.envs.ice_prospecting.game import IceProspectingGame
from moonfleet.envs.ice_prospecting.levels import LEVELS, Level
from moonfleet.envs.ice_prospecting.policies import BASELINES
from moonfleet.envs.ice_prospecting.rewards import TERMS, RewardWeights
from moonfleet.envs.testing import ALL_GAME_CHECKS, Check, game_subject, state_checks

ID = "moonfleet/IceProspecting-v0"
SLOW = {state_checks.check_state_in_another_process}
make_short = partial(
    IceProspectingGame, level="easy", max_steps=24, fault_per_h=1.0
)  # episodes end while the checks look on


@pytest.fixture(scope="module", autouse=True)
def built(site_cache: Path) -> None:
    """The ground is built into the session's cache before any clock of a test runs."""
    make_short(1)


def begun(worlds: int = 1, **options: Any) -> IceProspectingGame:
    given: dict[str, Any] = {"level": "easy"} | options
    game = IceProspectingGame(worlds, **given)
    game.begin(np.arange(worlds), [Episode(w, 0) for w in range(worlds)])
    return game


def act(game: IceProspectingGame, action: int) -> dict[str, float]:
    done = game.step(np.full(game.worlds, action), np.ones(game.worlds, np.bool_))
    return dict(zip(TERMS, done.terms[0].tolist(), strict=True))


def put(game: IceProspectingGame, place: Any) -> None:
    """Stand the rover of world 0 somewhere."""
    game.world.state.x[0, 0], game.world.state.y[0, 0] = place[0], place[1]


def seen(game: IceProspectingGame) -> np.ndarray:
    out = np.empty((game.worlds, spaces.SIZE), np.float32)
    game.observe(out)
    return out


def allowed(game: IceProspectingGame) -> np.ndarray:
    out = np.empty((game.worlds, spaces.N_ACTIONS), np.bool_)
    game.masks(out)
    return out


def rich_prospect(game: IceProspectingGame) -> np.ndarray:
    """The first prospect of world 0, where there is ice under a key that is given to it."""
    from moonfleet.agents.ice import patch

    place = game.maps.prospects[game.maps.of_home[game.counts[0, sight.SITUATION], 0]]
    key = next(k for k in range(1000) if patch(k, float(place[0]), float(place[1])) > 1.5)
    game.bores.keys[0] = key
    return place


@pytest.mark.parametrize(
    "check", [pytest.param(c, marks=pytest.mark.slow if c in SLOW else ()) for c in ALL_GAME_CHECKS]
)
def test_conformance(check: Check) -> None:
    check(game_subject(make_short, steps=40))


def test_gymnasium_finds_nothing_to_say(recwarn: pytest.WarningsRecorder) -> None:
    assert ID in moonfleet.envs.ENTRY_POINTS
    env = gymnasium.make(ID, level="easy", max_steps=12)
    check_env(env.unwrapped, skip_render_check=True)
    vector = gymnasium.make_vec(ID, num_envs=3, level="easy", max_steps=12)
    assert vector.reset(seed=1)[0]["observation"].shape == (3, spaces.SIZE)


@pytest.mark.rl
def test_stable_baselines_finds_nothing_to_say() -> None:
    pytest.importorskip("stable_baselines3", reason="needs the [rl] extra")
    from stable_baselines3.common.env_checker import check_env as check_sb3

    check_sb3(gymnasium.make(ID, level="easy", max_steps=12).unwrapped)


def test_tables_fit_together() -> None:
    assert sum(feature.size for feature in spaces.FEATURES) == spaces.SIZE
    assert sum(action.count for action in spaces.ACTIONS) == spaces.N_ACTIONS
    assert [action.first for action in spaces.ACTIONS] == sorted(action.first for action in spaces.ACTIONS)
    assert len(RewardWeights().row()) == len(TERMS)


def test_a_long_move_is_five_minutes_of_driving() -> None:
    game = begun()
    before = (float(game.world.state.x[0, 0]), float(game.world.state.y[0, 0]))
    act(game, spaces.LONG + 2)  # east
    x, y = float(game.world.state.x[0, 0]), float(game.world.state.y[0, 0])
    assert y == pytest.approx(before[1])
    assert 15.0 < x - before[0] <= 30.0 + 1e-9  # 0.1 m/s on the level, slower uphill
    act(game, spaces.SHORT + 6)  # west again
    assert 0.0 < x - float(game.world.state.x[0, 0]) <= 15.0 + 1e-9


def test_drilling_wins_the_ice_of_the_place_and_home_takes_it() -> None:
    game = begun()
    place = rich_prospect(game)
    put(game, place)
    terms = act(game, spaces.DRILL)
    fraction = float(game.bores.holes[0, 0, 3])
    ice = KG_PER_M * fraction / 12.0  # 5 minutes of an hour
    weights = LEVELS["easy"].weights
    assert fraction > 0.05
    assert terms["drilled"] == pytest.approx(weights.drilled_per_kg * ice)
    assert seen(game)[0, spaces.feature_slice("hole")][1] == pytest.approx(min(fraction / 0.15, 1.0))
    put(game, game.maps.homes[game.counts[0, sight.SITUATION]])
    terms = act(game, spaces.HOLD)
    assert terms["returned"] == pytest.approx(weights.returned_per_kg * ice)
    assert game.bores.books[0, CARRIED_ICE] == 0.0
    assert game.bores.books[0, STORED_ICE] == pytest.approx(ice)


def test_return_leads_home_from_wherever_there_is_a_way() -> None:
    game = begun(level="default", fault_per_h=0.0)
    put(game, game.maps.prospects[game.maps.of_home[game.counts[0, sight.SITUATION], -1]])
    left = seen(game)[0, spaces.OFFSET["home_time"]]
    for _ in range(60):
        if seen(game)[0, spaces.OFFSET["at_home"]] == 1.0:
            break
        act(game, spaces.RETURN)
        now = seen(game)[0, spaces.OFFSET["home_time"]]
        assert now <= left  # uphill a step may end in the cell that it began in
        left = now
    assert seen(game)[0, spaces.OFFSET["at_home"]] == 1.0
    assert not allowed(game)[0, spaces.RETURN]


def test_a_drive_that_is_down_masks_moves_and_they_become_holds() -> None:
    game = begun()
    game.world.state.faults[0, 0] |= 1 << Subsystem.MOBILITY
    mask = allowed(game)[0]
    assert not mask[spaces.SHORT : spaces.DRILL].any()
    assert mask[[spaces.HOLD, spaces.DRILL, spaces.HIBERNATE]].all()
    x = float(game.world.state.x[0, 0])
    act(game, spaces.LONG)
    assert float(game.world.state.x[0, 0]) == x
    assert seen(game)[0, spaces.OFFSET["faults"]] == 1.0
    assert seen(game)[0, spaces.OFFSET["fault_age"]] > 0.0


def test_a_flat_battery_in_the_dark_is_the_end() -> None:
    game = begun()
    site = game.sites[0]
    row, col = np.argwhere(game.grounds[0].area & (np.asarray(site.permanent_shadow) == 1))[100]
    put(game, site.ref.xy(float(row), float(col)))
    game.world.state.battery_wh[0, 0] = 1.0
    done = game.step(np.array([spaces.DRILL]), np.ones(1, np.bool_))
    assert done.terminated[0]
    assert done.terms[0, TERMS.index("lost")] == -LEVELS["easy"].weights.lost
    assert game.world.state.activity[0, 0] == Activity.HIBERNATE


def test_the_rover_is_told_nothing_of_the_ice_that_no_hole_has_reached() -> None:
    game, other = begun(), begun()
    other.bores.keys[0] += np.uint64(1)
    for action in (spaces.LONG, spaces.LONG + 1, spaces.HOLD, spaces.RETURN):
        act(game, action)
        act(other, action)
        assert seen(game).tobytes() == seen(other).tobytes()


def test_the_date_can_be_given() -> None:
    game = IceProspectingGame(1, level="easy")
    game.begin(np.arange(1), [Episode(1, 0, {"t0_utc": "2029-01-05T00:01:00"})])
    fixed = float(game.t0[0])
    game.begin(np.arange(1), [Episode(2, 0, {"t0_utc": "2029-01-05T00:02:00"})])
    assert game.t0[0] == fixed  # the same whole step
    with pytest.raises(EnvOptionError, match="t0_utc"):
        game.begin(np.arange(1), [Episode(2, 0, {"t0_utc": "2039-01-05T00:02:00"})])


def test_several_grounds_are_drawn_from() -> None:
    game = begun(16, grounds=2)
    assert set(game.counts[:, sight.GROUND].tolist()) == {0, 1}
    assert (game.world.ground_of == game.counts[:, sight.GROUND]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "esay"}, "easy"),
        ({"robot": "ce7-lander"}, "robot"),
        ({"battery_wh": -1.0}, "battery_wh"),
        ({"fault_per_hour": 1.0}, "fault_per_h"),
        ({"grounds": 9}, "grounds"),
        ({"site": []}, "site"),
    ],
)
def test_options_that_are_not_allowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EnvOptionError, match=message):
        IceProspectingGame(1, **options)


def test_every_level_can_be_played() -> None:
    for name, level in LEVELS.items():
        assert isinstance(level, Level)
        game = begun(2, level=name)
        assert np.isfinite(seen(game)).all()


def test_an_episode_is_the_one_that_was_stored() -> None:
    game = begun(8, level="default", fault_per_h=0.5)
    rng = np.random.Generator(np.random.PCG64(5))
    digest = hashlib.sha256()
    for _ in range(100):
        mask = allowed(game)
        actions = np.array([rng.choice(np.flatnonzero(row)) for row in mask])
        done = game.step(actions, np.ones(8, np.bool_))
        digest.update(np.round(done.terms, 6).tobytes() + mask.tobytes() + np.round(seen(game), 3).tobytes())
    assert digest.hexdigest()[:16] == "b8ee9c795dfcd75c"


def test_policies_do_what_is_allowed_and_the_planner_wants_a_game() -> None:
    game = begun(4)
    for name, factory in BASELINES.items():
        policy: Any = factory()
        if name == "planner":
            with pytest.raises(EnvStateError, match="bind"):
                policy.act_batch(seen(game))
            policy.bind(game)
        for _ in range(3):
            actions = policy.act_batch(seen(game), allowed(game))
            assert actions.shape == (4,) and actions.dtype == np.int64
            assert allowed(game)[np.arange(4), actions].all()
            row = {"observation": seen(game)[0], "action_mask": allowed(game)[0].astype(np.int8)}
            assert policy.act(row) == actions[0]
            game.step(actions, np.ones(4, np.bool_))


def score(name: str, level: str, worlds: int = 40) -> float:
    game = begun(worlds, level=level)
    policy: Any = BASELINES[name]()
    if name == "planner":
        policy.bind(game)
    active, total = np.ones(worlds, np.bool_), 0.0
    while active.any():
        done = game.step(policy.act_batch(seen(game), allowed(game)), active)
        total += float(done.terms.sum())
        active &= ~(done.terminated | done.truncated)
    return total / worlds


@pytest.mark.slow
def test_random_and_greedy_earn_little_beside_the_planner() -> None:
    best = score("planner", "default")
    assert best > 20.0
    for name in ("random", "greedy", "careful"):
        assert score(name, "default") < 0.4 * best
