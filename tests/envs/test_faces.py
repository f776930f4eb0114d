"""The single and the vector face of a game: seeds, episodes, infos, options, states, windows."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from moonfleet.envs.actions import check_actions
from moonfleet.envs.errors import (
    EnvActionError,
    EnvDisplayError,
    EnvError,
    EnvExtraError,
    EnvOptionError,
    EnvStateError,
    missing_extra,
    need_date,
    need_seed,
)
from moonfleet.envs.faces import drawn_seed, nearest_second, total
from moonfleet.envs.solo import SoloEnv
from moonfleet.envs.vector import GameVectorEnv
from moonfleet.envs.window import Window, no_display, tiled
from moonfleet.terrain.clock import utc_to_tdb

from .toy_game import Crew, CrewGame, CrewVector, Puck, PuckGame, PuckVector

NO_MATPLOTLIB = importlib.util.find_spec("matplotlib") is None


@pytest.mark.parametrize("kind", [Puck, Crew])
@pytest.mark.filterwarnings("ignore:.*render.*:UserWarning")
def test_gymnasium_checker(kind: type[SoloEnv]) -> None:
    check_env(kind(), skip_render_check=True)


def test_a_sync_vector_leaves_no_trace_on_the_class() -> None:
    SyncVectorEnv([Puck, Puck])
    assert "autoreset_mode" not in Puck.metadata


def test_the_next_episode_and_a_chosen_one() -> None:
    env = Puck()
    _, first = env.reset(seed=5)
    _, second = env.reset()
    assert (first["seed"], first["episode"]) == (5, 0)
    assert (second["seed"], second["episode"]) == (5, 1)
    assert str(second["t0_utc"]).startswith("20")
    env.reset(seed=5)
    third, told = env.reset(options={"episode": 2})
    again, _ = Puck().reset(seed=5, options={"episode": 2})
    np.testing.assert_array_equal(third, again)
    assert told["episode"] == 2
    assert env.reset()[1]["episode"] == 3


def test_a_refused_reset_changes_nothing() -> None:
    env, twin = PuckVector(3), PuckVector(3)
    env.reset(seed=1)
    twin.reset(seed=1)
    for options in ({"goal": "there"}, {"t0_utc": "yesterday"}, {"episode": -1}, {"episode": [0, 1]}, {"gaol": 1.0}):
        with pytest.raises(EnvOptionError):
            env.reset(options=options)  # type: ignore[arg-type]
    for seed in (-1, 2**63, 2**63 - 2, [1, 2], [1, 2, -3], True):
        with pytest.raises(EnvOptionError):
            env.reset(seed=seed)  # type: ignore[arg-type]
    np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])
    single = Puck()
    single.reset(seed=1)
    with pytest.raises(EnvOptionError, match="goal"):
        single.reset(seed=3, options={"goal": "there"})
    assert single.reset()[1]["seed"] == 1


def test_seeds_of_a_batch() -> None:
    env = PuckVector(3)
    _, infos = env.reset(seed=5)
    assert infos["seed"].tolist() == [5, 6, 7]
    _, infos = env.reset(seed=[9, None, 8])
    assert infos["seed"].tolist() == [9, 6, 8]
    assert infos["episode"].tolist() == [0, 1, 0]
    _, infos = env.reset(options={"episode": np.array([4, 0, 2])})
    assert infos["episode"].tolist() == [4, 0, 2]
    fresh = PuckVector(2)
    _, infos = fresh.reset()
    first = int(infos["seed"][0])
    assert infos["seed"].tolist() == [first, first + 1]
    np.testing.assert_array_equal(fresh.reset(seed=first)[0][0], Puck().reset(seed=first)[0])
    assert PuckVector(2).reset(seed=[3, None])[1]["seed"][0] == 3
    assert drawn_seed(2**127 + 5) == 5


def test_reset_of_some_worlds_leaves_the_others_alone() -> None:
    env = PuckVector(4, autoreset_mode="Disabled")
    with pytest.raises(EnvStateError, match="never begun"):
        env.reset(options={"reset_mask": np.array([True, False, True, True])})
    env.reset(seed=1)
    before, *_ = env.step(np.zeros((4, 2), np.float32))
    mask = np.array([False, True, False, False])
    after, infos = env.reset(seed=50, options={"reset_mask": mask})
    assert (before == after).all(axis=1).tolist() == [True, False, True, True]
    assert infos["_seed"].tolist() == mask.tolist()
    assert infos["seed"].tolist() == [1, 51, 3, 4]
    for wrong in (np.array([0, 1, 0, 0]), np.zeros(4, np.bool_), np.ones(3, np.bool_)):
        with pytest.raises(EnvOptionError, match="reset_mask"):
            env.reset(options={"reset_mask": wrong})


def test_disabled_refuses_to_step_nobody() -> None:
    env = PuckVector(2, autoreset_mode="Disabled", max_steps=1)
    env.reset(seed=1)
    env.step(np.zeros((2, 2), np.float32))
    with pytest.raises(EnvStateError, match="every world's episode is over"):
        env.step(np.zeros((2, 2), np.float32))


def test_terms_add_up_in_every_mode() -> None:
    for mode in AutoresetMode:
        env = PuckVector(3, autoreset_mode=mode.value, max_steps=3)
        env.reset(seed=1)
        for _ in range(3):
            _, reward, *_, infos = env.step(env.action_space.sample())
            terms = infos["reward_terms"]
            added = sum(value for name, value in terms.items() if not name.startswith("_"))
            np.testing.assert_array_equal(reward, added)
    assert total(np.array([[1e16, 1.0, -1e16]])).tolist() == [0.0]


def test_statistics_of_episodes_by_gymnasium() -> None:
    env = RecordEpisodeStatistics(CrewVector(3, max_steps=4))
    env.reset(seed=1)
    lengths: list[int] = []
    for _ in range(11):
        *_, infos = env.step(env.action_space.sample())
        lengths += (
            infos["episode"]["l"][infos["_episode"]].tolist() if "_episode" in infos and "l" in infos["episode"] else []
        )
    assert set(lengths) == {4}


def test_one_array_for_all_steps_is_an_option() -> None:
    for copy in (True, False):
        env = CrewVector(2, copy=copy)
        first, _ = env.reset(seed=1)
        second, *_ = env.step(np.zeros((2, 3), np.int64))
        assert np.shares_memory(first["observation"], second["observation"]) is not copy
        assert np.shares_memory(first["action_mask"], second["action_mask"]) is not copy


def test_states_of_other_environments_are_refused() -> None:
    env, other = PuckVector(2), CrewVector(2)
    with pytest.raises(EnvStateError, match="call reset first"):
        env.get_state(0)
    with pytest.raises(EnvStateError, match="call reset first"):
        env.set_state(0, {})
    env.reset(seed=1)
    other.reset(seed=1)
    state = env.get_state(0)
    for wrong in (
        other.get_state(0),
        {},
        None,
        state | {"face.episode": np.array([1])},
        state | {"face.seed": np.array("x")},
    ):
        with pytest.raises(EnvStateError, match="set_state"):
            env.set_state(1, wrong)  # type: ignore[arg-type]
    for world in (-1, 2, "0"):
        with pytest.raises(EnvOptionError, match="world"):
            env.get_state(world)  # type: ignore[arg-type]
        with pytest.raises(EnvOptionError, match="world"):
            env.set_state(world, state)  # type: ignore[arg-type]
    with pytest.raises(EnvStateError, match="call reset first"):
        Puck().get_state()
    single = Puck()
    single.set_state(state)
    assert single.reset()[1]["episode"] == 1


def test_a_world_that_is_over_stays_over_when_restored() -> None:
    env = Puck(max_steps=1)
    env.reset(seed=1)
    env.step(np.zeros(2, np.float32))
    state = env.get_state()
    twin = Puck(max_steps=1)
    twin.set_state(state)
    with pytest.raises(EnvStateError, match="over"):
        twin.step(np.zeros(2, np.float32))


def test_actions_are_checked_by_name_and_value() -> None:
    box = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    assert check_actions(box, [3.0, -0.5]).tolist() == [1.0, -0.5]
    choice = gymnasium.spaces.Discrete(4)
    assert check_actions(choice, np.array([2])).shape == ()
    assert check_actions(choice, np.int32(2), None).dtype == np.int64
    for space, action, worlds in (
        (box, [np.nan, 0.0], None),
        (box, "north", None),
        (box, [0.0], None),
        (choice, 4, None),
        (choice, -1, None),
        (choice, 1.5, None),
        (choice, True, None),
        (choice, [1, 2, 7], 3),
        (choice, [1, 2], 3),
        (choice, [[1], [2, 3]], 3),
    ):
        with pytest.raises(EnvActionError, match="action: got"):
            check_actions(space, action, worlds)


def test_errors_name_field_and_value() -> None:
    with pytest.raises(EnvOptionError, match=r"seed: got -1, need a whole number from 0"):
        need_seed("seed", -1)
    with pytest.raises(EnvOptionError, match=r"options\['t0_utc'\]: got 3, need a UTC time"):
        need_date("options['t0_utc']", 3)
    with pytest.raises(EnvOptionError, match="Did you mean 'SameStep'"):
        GameVectorEnv(PuckGame(1), autoreset_mode="SameSteps")
    with pytest.raises(EnvOptionError, match="render_mode"):
        SoloEnv(PuckGame(1), "rgb")
    assert isinstance(missing_extra("x", "y", "viz"), ImportError)
    assert "moonfleet[viz]" in str(missing_extra("x", "y", "viz"))


def test_pictures_of_all_worlds() -> None:
    env = PuckVector(3, render_mode="rgb_array")
    assert env.render() is None
    env.reset(seed=1)
    pictures = env.render()
    assert pictures is not None
    assert [picture.shape for picture in pictures] == [(24, 32, 3)] * 3
    assert [int(picture[0, 0, 0]) for picture in pictures] == [0, 1, 2]
    assert tiled(pictures).shape == (48, 64, 3)
    assert tiled(pictures)[24, 0, 0] == 2
    assert PuckVector(1).render() is None


# -- a window ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(NO_MATPLOTLIB, reason="needs the [viz] extra")
def test_a_window_follows_the_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("agg")
    env = Puck(render_mode="human")
    window: Any = env._window
    env.reset(seed=1)
    first = window.pixels()
    np.testing.assert_array_equal(first, env.game.picture(0))
    env.step(np.zeros(2, np.float32))
    later = window.pixels()
    assert (first != later).any()
    np.testing.assert_array_equal(later, env.game.picture(0))
    assert env.render() is None
    env.close()
    env.close()
    many = CrewVector(12, render_mode="human")
    many.reset(seed=1)
    shown: Any = many._window
    assert shown.pixels().shape == (72, 96, 3)
    many.step(np.zeros((12, 3), np.int64))
    assert many.render() is None
    many.close()


@pytest.mark.skipif(NO_MATPLOTLIB, reason="needs the [viz] extra")
def test_no_display_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib: Any = importlib.import_module("matplotlib")
    assert no_display("linux", {})
    assert not no_display("linux", {"WAYLAND_DISPLAY": "w"})
    assert not no_display("darwin", {})
    monkeypatch.setattr(matplotlib, "get_backend", lambda auto_select=True: None)
    monkeypatch.setattr("moonfleet.envs.window.no_display", lambda platform, environ: True)
    with pytest.raises(EnvDisplayError, match="rgb_array"):
        Window("x")
    assert issubclass(EnvDisplayError, EnvError)


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(EnvExtraError, match=r"pip install 'moonfleet\[viz\]'"):
        Puck(render_mode="human")


def test_crews_are_a_team() -> None:
    env = Crew()
    seen, _ = env.reset(seed=1)
    assert seen["observation"].shape == (3, 8)
    assert env.action_masks().shape == (12,)
    game = CrewGame(2)
    assert GameVectorEnv(game).action_space.shape == (2, 3)


def test_dates_are_told_to_the_second_and_only_where_there_are_any() -> None:
    class Timeless(PuckGame):
        dated = False

    dated, timeless = Puck(), SoloEnv(Timeless(1))
    assert nearest_second(utc_to_tdb("2029-09-19T19:59:59.998Z")) == "2029-09-19T20:00:00Z"
    _, told = dated.reset(seed=1)
    assert str(told["t0_utc"]) == nearest_second(float(dated.game.t0[0]))
    _, told = timeless.reset(seed=1)
    assert not {"t0", "t0_utc"} & set(told)
    _, infos = GameVectorEnv(Timeless(2)).reset(seed=1)
    assert "t0" not in infos
    assert "seed" in infos
