"""The PettingZoo face: its own test suites pass, robots leave and join, and it plays what the single face plays."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from moonfleet.envs.errors import EnvActionError, EnvOptionError, EnvStateError
from moonfleet.envs.game import Bools

from .toy_game import Crew, CrewGame, PuckGame

pettingzoo = pytest.importorskip("pettingzoo", reason="needs the [rl] extra")
pytestmark = pytest.mark.rl


def team(**options: int) -> Any:
    from moonfleet.envs.multi import TeamEnv

    return TeamEnv(CrewGame(1, **options))  # type: ignore[arg-type]


def waits(env: Any) -> dict[str, int]:
    return dict.fromkeys(env.agents, 0)


def test_pettingzoo_suites() -> None:
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test
    from pettingzoo.utils.conversions import parallel_to_aec

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # An episode may end before everybody has landed; observations of masked games are Dicts.
        warnings.filterwarnings("ignore", message="No agents present but not all")
        warnings.filterwarnings("ignore", message="Observation (is not a NumPy|space for each agent probably)")
        warnings.filterwarnings("ignore", message="Observation numpy array is all zeros")
        parallel_api_test(team(), num_cycles=200)
        parallel_seed_test(team, num_cycles=50)
        api_test(parallel_to_aec(team()), num_cycles=200)


def test_robots_leave_when_lost_and_join_when_they_land() -> None:
    env = team(robots=8, max_steps=30)
    seen, infos = env.reset(seed=3)
    game = env.game
    late = [name for k, name in enumerate(env.possible_agents) if game.lands[0, k] > 0]
    assert late
    assert set(seen) == set(infos) == set(env.agents) == set(env.possible_agents) - set(late)
    met, left = set(env.agents), set()
    while env.agents:
        before = set(env.agents)
        seen, rewards, terminated, truncated, _ = env.step(waits(env))
        for name in seen:
            k = env.possible_agents.index(name)
            assert name not in left
            if name not in before:
                assert game.lands[0, k] == game.steps[0]
                assert rewards[name] == 0.0
            if terminated[name]:
                assert game.lost[0, k] == game.steps[0]
        left |= {name for name in seen if terminated[name] or truncated[name]}
        met |= set(seen)
    assert met == left
    assert any(truncated.values())


def test_everybody_gets_the_reward_of_the_world() -> None:
    env, solo = team(robots=4), Crew(robots=4)
    env.reset(seed=1)
    solo.reset(seed=1)
    got = expected = 0.0
    while env.agents:
        actions = {name: 3 for name in env.agents}
        whole = np.array([actions.get(name, 0) for name in env.possible_agents])
        before = list(env.agents)
        _, rewards, *_ = env.step(actions)
        _, reward, *_ = solo.step(whole)
        assert {rewards[name] for name in before} == {reward}
        got += rewards[before[0]]
        expected += reward
    assert got == expected
    assert got != 0.0


class Gap(CrewGame):
    """Nobody is there at steps 3 to 5, and at first."""

    def present(self) -> Bools:
        here = np.zeros((self.worlds, len(self.agents)), np.bool_)
        here[:, 0] = (self.steps >= 1) & (self.steps < 3)
        here[:, 1:] = self.steps[:, None] >= 6
        return here


def test_the_game_goes_on_while_nobody_is_there() -> None:
    from moonfleet.envs.multi import TeamEnv

    env = TeamEnv(Gap(1, max_steps=9))
    seen, _ = env.reset(seed=1)
    assert list(seen) == ["digger_0"]
    assert env.game.steps[0] == 1  # type: ignore[attr-defined]
    env.step(waits(env))
    seen, _, terminated, *_ = env.step(waits(env))
    assert terminated == {"digger_0": True, "digger_1": False, "digger_2": False}
    assert env.agents == ["digger_1", "digger_2"]
    assert env.game.steps[0] == 6  # type: ignore[attr-defined]
    for _ in range(3):
        *_, truncated, _ = env.step(waits(env))
    assert truncated == {"digger_1": True, "digger_2": True}
    with pytest.raises(EnvStateError, match="no agent is left"):
        env.step({})
    assert list(env.reset()[0]) == ["digger_0"]


def test_state_of_all_and_saved_state() -> None:
    env, twin = team(robots=6, max_steps=30), team(robots=6, max_steps=30)
    env.reset(seed=3)
    for _ in range(4):
        env.step(waits(env))
    assert env.state_space.contains(env.state())
    assert env.state().shape == (6 * 8,)
    state = env.get_state()
    seen = twin.set_state(state)
    assert twin.agents == env.agents == list(seen)
    while env.agents:
        one, other = env.step(waits(env)), twin.step(waits(twin))
        assert one[1:4] == other[1:4]
    solo = Crew(robots=6, max_steps=30)
    solo.set_state(state)
    twin.set_state(solo.get_state())
    assert twin.agents
    assert not env.agents
    assert twin.set_state(env.get_state()) == {}  # it was over
    assert not twin.agents


def test_a_saved_state_keeps_what_was_earned_before_anybody_landed() -> None:
    from moonfleet.envs.multi import TeamEnv

    class Late(CrewGame):
        def present(self) -> Bools:
            return np.broadcast_to(self.steps[:, None] >= 2, (self.worlds, len(self.agents)))

    env, twin = TeamEnv(Late(1)), TeamEnv(Late(1))
    env.reset(seed=1)
    twin.set_state(env.get_state())
    rewards = [one.step(waits(one))[1] for one in (env, twin)]
    assert rewards[0] == rewards[1]
    assert env.get_state()["face.early"] == 0.0


def test_a_damaged_state_is_refused_and_changes_nothing() -> None:
    env, other = team(robots=4), team(robots=4)
    env.reset(seed=3)
    other.reset(seed=4)
    state, before = env.get_state(), other.get_state()
    for name in ("face.gone", "face.early", "face.episode", "face.seed"):
        for bad in (None, "x", [], {}, np.zeros((3, 3)), np.full(np.shape(state[name]), np.nan)):
            with pytest.raises(EnvStateError):
                other.set_state(state | {name: bad})
    for bad in (None, 5, [], {}):
        with pytest.raises(EnvStateError):
            other.set_state(bad)
    now = other.get_state()
    assert all(np.array_equal(now[name], value) for name, value in before.items())


def test_what_is_refused() -> None:
    from moonfleet.envs.multi import TeamEnv

    with pytest.raises(EnvOptionError, match="has one agent"):
        TeamEnv(PuckGame(1))
    env = team()
    with pytest.raises(EnvStateError):
        env.step({})
    env.reset(seed=1)
    assert env.action_masks()[env.agents[0]].shape == (4,)
    with pytest.raises(EnvActionError, match="no action for"):
        env.step({})
    with pytest.raises(EnvActionError, match="driver_7 not there"):
        env.step(waits(env) | {"driver_7": 0})
    for actions in (None, 5, [0, 0]):
        with pytest.raises(EnvActionError, match="need a mapping"):
            env.step(actions)
    for wrong in (1.5, "dig", [1, 2], [[1], [1, 2]], 4, -1):
        with pytest.raises(EnvActionError, match="action"):
            env.step(waits(env) | {env.agents[0]: wrong})
    with pytest.raises(EnvOptionError, match="gaol"):
        env.reset(options={"gaol": 1})
    with pytest.raises(EnvOptionError, match="need a mapping"):
        env.reset(options=5)
    env.close()
