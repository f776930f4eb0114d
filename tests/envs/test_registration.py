"""The environments can be made by id, with or without an import first."""

from __future__ import annotations

import importlib
import subprocess
import sys

import gymnasium
import pytest

import moonfleet.envs


def test_both_ids_are_registered_without_a_hidden_time_limit() -> None:
    for env_id in moonfleet.envs.ENTRY_POINTS:
        assert gymnasium.spec(env_id).max_episode_steps is None


def test_importing_twice_does_no_harm(recwarn: pytest.WarningsRecorder) -> None:
    importlib.reload(moonfleet.envs)
    moonfleet.envs.register_all()
    assert not recwarn.list
    assert set(moonfleet.envs.ENTRY_POINTS) <= set(gymnasium.registry)


def test_importing_the_package_loads_no_environment() -> None:
    code = "import moonfleet.envs, sys; assert not {'moonfleet.agents.world', 'numba', 'cv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_make_with_the_module_in_the_id_needs_no_import() -> None:
    code = (
        "import gymnasium; env = gymnasium.make('moonfleet.envs:moonfleet/PolarTraverse-v0', targets=1, max_steps=5);"
        "observation, info = env.reset(seed=1); assert env.observation_space.contains(observation); env.step(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
