"""The Stable-Baselines3 face: the same numbers as the batch, rows of robots, masks, learning for a moment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from moonfleet.autonomy.errors import PolicyError
from moonfleet.autonomy.observation import Observation
from moonfleet.envs.errors import EnvOptionError, EnvStateError
from tests.walk_game import WalkVector

from .toy_game import CrewGame, CrewVector, PuckGame, PuckVector

pytest.importorskip("stable_baselines3", reason="needs the [rl] extra")
pytestmark = pytest.mark.rl


def over(env: Any, **options: Any) -> Any:
    from moonfleet.envs.adapters.sb3 import Sb3VecEnv

    return Sb3VecEnv(env, **options)


def test_rows_are_the_worlds_of_the_batch() -> None:
    env, batch = (
        over(PuckVector(4, autoreset_mode="SameStep", max_steps=5)),
        PuckVector(4, autoreset_mode="SameStep", max_steps=5),
    )
    assert env.seed(7) == [7, 8, 9, 10]
    np.testing.assert_array_equal(env.reset(), batch.reset(seed=7)[0])
    assert [info["seed"] for info in env.reset_infos] == [7, 8, 9, 10]
    ended = 0
    for _ in range(12):
        actions = batch.action_space.sample()
        seen, rewards, dones, infos = env.step(actions)
        wanted, reward, terminated, truncated, told = batch.step(actions)
        np.testing.assert_array_equal(seen, wanted)
        np.testing.assert_array_equal(rewards, reward.astype(np.float32))
        np.testing.assert_array_equal(dones, terminated | truncated)
        for world, info in enumerate(infos):
            if not dones[world]:
                assert info == {}
                continue
            ended += 1
            np.testing.assert_array_equal(info["terminal_observation"], told["final_obs"][world])
            assert info["TimeLimit.truncated"] == truncated[world]
            assert info["reward_terms"]["nearer"] == told["final_info"]["reward_terms"]["nearer"][world]
    assert ended
    assert [info["episode"] for info in env.reset_infos] == [0] * 4
    env.reset()
    assert all(info["seed"] == 7 + w and info["episode"] > 0 for w, info in enumerate(env.reset_infos))
    env.close()


def test_options_attributes_and_methods() -> None:
    env = over(PuckVector(3, autoreset_mode="SameStep", render_mode="rgb_array"))
    env.set_options({"episode": 4})
    env.reset()
    assert [info["episode"] for info in env.reset_infos] == [4, 4, 4]
    env.set_options([{"episode": 1}, {}, {}])
    with pytest.raises(EnvOptionError, match="one mapping"):
        env.reset()
    assert env.get_attr("num_envs", indices=1) == [3]
    env.set_attr("note", "x")
    assert env.get_attr("note") == ["x"] * 3
    with pytest.raises(EnvOptionError, match="note"):
        env.set_attr("note", "y", indices=[0])
    state = env.env_method("get_state", indices=2)[0]
    env.env_method("set_state", state, indices=[0])
    assert env.env_method("get_state", indices=0)[0]["x"] == state["x"]
    with pytest.raises(AttributeError, match="no 'fly'"):
        env.env_method("fly")
    assert not env.has_attr("fly")
    assert env.env_is_wrapped(object) == [False] * 3  # type: ignore[arg-type]
    assert env.render().shape == (48, 64, 3)
    assert [picture[0, 0, 0] for picture in env.env_method("render", indices=[0, 2])] == [0, 2]
    with pytest.raises(EnvStateError, match="step_async"):
        env.step_wait()
    with pytest.raises(EnvOptionError, match="SameStep"):
        over(PuckVector(1))
    with pytest.raises(EnvOptionError, match="per_robot"):
        over(PuckVector(1, autoreset_mode="SameStep"), per_robot=True)


def test_one_row_per_world_of_a_team() -> None:
    env = over(CrewVector(2, autoreset_mode="SameStep"))
    env.seed(1)
    assert env.reset().shape == (2, 3, 8)
    assert env.action_space.nvec.tolist() == [4, 4, 4]
    assert np.stack(env.env_method("action_masks")).shape == (2, 12)
    dicts = over(CrewVector(2, autoreset_mode="SameStep"), mask_in_observation=True)
    dicts.seed(1)
    seen = dicts.reset()
    np.testing.assert_array_equal(seen["action_mask"].reshape(2, -1), np.stack(env.env_method("action_masks")))


@pytest.mark.parametrize("mask_in_observation", [False, True])
def test_every_robot_is_a_row(mask_in_observation: bool) -> None:
    options: dict[str, Any] = {"autoreset_mode": "SameStep", "robots": 5, "max_steps": 12}
    batch = CrewVector(3, **options)
    env = over(CrewVector(3, **options), per_robot=True, mask_in_observation=mask_in_observation)
    assert env.num_envs == 15
    assert env.seed(2) == [2] * 5 + [3] * 5 + [4] * 5
    seen, (wanted, _) = env.reset(), batch.reset(seed=2)
    absent = ends = 0
    for _ in range(30):
        here = batch.game.present()
        vector = seen["observation"] if mask_in_observation else seen
        np.testing.assert_array_equal(vector, wanted["observation"].reshape(15, -1))
        masks = np.stack(env.env_method("action_masks")).reshape(3, 5, 4)
        np.testing.assert_array_equal(masks[here], wanted["action_mask"][here].astype(np.bool_))
        assert (masks[~here].sum(axis=-1) == 1).all()
        if mask_in_observation:
            np.testing.assert_array_equal(seen["action_mask"].reshape(3, 5, 4), masks)
        actions = batch.action_space.sample()
        seen, rewards, dones, infos = env.step(actions.reshape(-1))
        wanted, reward, terminated, truncated, told = batch.step(actions)
        np.testing.assert_array_equal(rewards.reshape(3, 5), np.where(here, reward[:, None], 0.0).astype(np.float32))
        np.testing.assert_array_equal(dones.reshape(3, 5), np.repeat(terminated | truncated, 5).reshape(3, 5))
        for row in np.flatnonzero(dones).tolist():
            last = infos[row]["terminal_observation"]
            last = last["observation"] if mask_in_observation else last
            np.testing.assert_array_equal(last, told["final_obs"][row // 5]["observation"][row % 5])
            ends += 1
        absent += int((~here).sum())
    assert absent
    assert ends


@pytest.mark.slow
def test_sb3_learns_for_a_moment_with_and_without_masks() -> None:
    from sb3_contrib import MaskablePPO
    from stable_baselines3 import PPO
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.vec_env import VecMonitor

    puck = VecMonitor(over(PuckVector(8, autoreset_mode="SameStep")))
    PPO("MlpPolicy", puck, n_steps=16, batch_size=32, n_epochs=1, device="cpu").learn(256)
    for per_robot in (False, True):
        crew = VecMonitor(over(CrewVector(4, autoreset_mode="SameStep"), per_robot=per_robot))
        model = MaskablePPO("MlpPolicy", crew, n_steps=16, batch_size=32, n_epochs=1, device="cpu")
        model.learn(256)
    both = over(CrewVector(4, autoreset_mode="SameStep"), per_robot=True, mask_in_observation=True)
    model = PPO("MultiInputPolicy", VecMonitor(both), n_steps=16, batch_size=32, n_epochs=1, device="cpu")
    model.learn(128)
    mean, _ = evaluate_policy(model, VecMonitor(both), n_eval_episodes=4)
    assert np.isfinite(mean)


def test_a_continuous_team_sends_zeros_for_the_absent() -> None:
    from moonfleet.envs.faces import resting_actions

    rest = resting_actions(PuckGame(2), np.ones((2, 0), np.bool_))
    assert rest.shape == (2, 2)
    assert not rest.any()
    masks = np.array([[False, True, True, False]])
    assert resting_actions(CrewGame(1), masks).tolist() == [1]


class PlainVector(gymnasium.vector.VectorEnv[Any, Any, Any]):
    """A batch that is no game's, made by a function."""

    metadata: dict[str, Any] = {"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP}  # noqa: RUF012 - as gymnasium has it
    num_envs = 2
    closings = 0

    def close(self, **options: Any) -> None:
        PlainVector.closings += 1


def test_environments_of_others_are_refused_by_name() -> None:
    from moonfleet.envs.adapters.sb3 import make_sb3

    for env_id in ("CartPole-v1", "MountainCar-v0", "gymnasium.envs:CartPole-v1"):  # the second has no batch
        with pytest.raises(EnvOptionError, match=f"^env_id: {env_id} is no native batch of a moonfleet game"):
            make_sb3(env_id, 2)
    gymnasium.register("Plain-v0", vector_entry_point=lambda num_envs, **options: PlainVector())
    try:
        with pytest.raises(EnvOptionError, match=r"^env_id: Plain-v0 is no native batch"):
            make_sb3("Plain-v0", 2)
    finally:
        del gymnasium.registry["Plain-v0"]
    assert PlainVector.closings >= 1


def test_a_batch_of_ones_own_game_is_taken() -> None:
    from moonfleet.envs.adapters.sb3 import make_sb3

    for entry in (
        "tests.walk_game:WalkVector",
        WalkVector,
        lambda num_envs, **options: WalkVector(num_envs, **options),
    ):
        gymnasium.register("Walk-v0", vector_entry_point=entry)
        try:
            env = make_sb3("Walk-v0", 3)
        finally:
            del gymnasium.registry["Walk-v0"]
        assert env.reset().shape[0] == 3


def test_a_model_of_another_environment_is_refused_as_a_policy() -> None:
    from stable_baselines3 import PPO

    from moonfleet.experiments.policies import FromSb3

    policy = FromSb3(PPO("MlpPolicy", over(PuckVector(2, autoreset_mode="SameStep")), n_steps=8, batch_size=8))
    size = policy.model.observation_space.shape[0]
    assert policy.act_batch(np.zeros((5, size), np.float32)).shape[0] == 5
    wanted = rf"the model sees vectors of shape \({size},\), this environment shows vectors of shape \(9,\)"
    for seen in (np.zeros((5, 9), np.float32), Observation(np.zeros((5, 9), np.float32), np.ones((5, 2), np.bool_))):
        with pytest.raises(PolicyError, match=wanted):
            policy.act_batch(seen)
    with pytest.raises(PolicyError, match=wanted):
        policy.act(np.zeros(9, np.float32))
