"""The environments can be made by id, with or without an import first."""

from __future__ import annotations

import subprocess
import sys

import gymnasium

import moonfleet.envs


def test_both_ids_are_registered_without_a_hidden_time_limit() -> None:
    for env_id in moonfleet.envs.ENTRY_POINTS:
        assert gymnasium.spec(env_id).max_episode_steps is None


def test_importing_twice_does_no_harm() -> None:
    code = (  # in a process of its own: who imported names before would go on with the old ones
        "import gymnasium, importlib, moonfleet.envs as envs; importlib.reload(envs); envs.register_all();"
        "assert set(envs.ENTRY_POINTS) <= set(gymnasium.registry)"
    )
    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], check=True)


def test_importing_the_package_loads_no_environment() -> None:
    code = "import moonfleet.envs, sys; assert not {'moonfleet.agents.world', 'numba', 'cv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_make_with_the_module_in_the_id_needs_no_import() -> None:
    code = (
        "import gymnasium; env = gymnasium.make('moonfleet.envs:moonfleet/PolarTraverse-v0', targets=1, max_steps=5);"
        "observation, info = env.reset(seed=1); assert env.observation_space.contains(observation); env.step(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
