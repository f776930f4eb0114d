"""The checkers of other libraries, run on the faces that are made for them; each applies where its library is installed."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from gymnasium.utils.env_checker import check_env

from .compare import need_same
from .play import draw_actions
from .subject import ConformanceError, Subject

NOT_INSTALLED = "{} is not installed (the [rl] extra)"
TEAM_ONLY = "no team game"


def check_gymnasium(subject: Subject) -> str | None:
    """Gymnasium's ``check_env`` passes on the single environment."""
    if subject.single is None:
        return "no single environment given"
    env = subject.single()
    with _as_ours("gymnasium's check_env"):
        check_env(env.unwrapped, skip_render_check=True)
    env.close()
    return None


def check_pettingzoo(subject: Subject) -> str | None:
    """PettingZoo's ``parallel_api_test``, ``parallel_seed_test`` and ``api_test(parallel_to_aec)`` pass on the team face."""
    if _no_team(subject):
        return TEAM_ONLY
    if importlib.util.find_spec("pettingzoo") is None:
        return NOT_INSTALLED.format("PettingZoo")
    test: Any = importlib.import_module("pettingzoo.test")
    conversions: Any = importlib.import_module("pettingzoo.utils.conversions")
    make = _team_maker(subject)
    with _as_ours("PettingZoo's parallel_api_test"):
        test.parallel_api_test(make(), num_cycles=subject.steps)
    with _as_ours("PettingZoo's parallel_seed_test"):
        test.parallel_seed_test(make, num_cycles=subject.steps)
    with _as_ours("PettingZoo's api_test"):
        test.api_test(conversions.parallel_to_aec(make()), num_cycles=subject.steps)
    return None


def check_sb3(subject: Subject) -> str | None:
    """Stable-Baselines3's ``check_env`` passes on the single environment, and its `VecEnv` plays what the batch plays."""
    if importlib.util.find_spec("stable_baselines3") is None:
        return NOT_INSTALLED.format("Stable-Baselines3")
    if subject.single is not None:
        checker: Any = importlib.import_module("stable_baselines3.common.env_checker")
        single = subject.single()
        with _as_ours("SB3's check_env"):
            checker.check_env(single.unwrapped, skip_render_check=True)
        single.close()
    if subject.game is None:
        return None
    sb3: Any = importlib.import_module("moonfleet.envs.adapters.sb3")
    for per_robot in (False, True) if subject.game(1, 1).team else (False,):
        batch: Any = subject.make(autoreset_mode="SameStep")
        env = sb3.Sb3VecEnv(subject.make(autoreset_mode="SameStep"), per_robot=per_robot)
        env.seed(subject.seed)
        rows, (wanted, _) = env.reset(), batch.reset(seed=subject.seed)
        for step in range(1, subject.steps + 1):
            vector = wanted["observation"] if isinstance(wanted, dict) else wanted
            need_same(rows, vector.reshape(rows.shape), "SB3: observation", step=step - 1)
            here = batch.game.present() if per_robot else None
            actions = draw_actions(env.action_space, env.num_envs, subject.seed, step)
            rows, rewards, dones, _ = env.step(actions)
            if here is not None:
                actions = actions.reshape(*here.shape, *actions.shape[1:])
            wanted, reward, terminated, truncated, _ = batch.step(actions)
            each = np.repeat(reward.astype(np.float32), env.rows_per_world)
            need_same(
                rewards,
                each if here is None else np.where(here.reshape(-1), each, np.float32(0.0)),
                "SB3: reward",
                step=step,
            )
            need_same(dones, np.repeat(terminated | truncated, env.rows_per_world), "SB3: done", step=step)
        env.close()
        batch.close()
    return None


def check_rllib(subject: Subject) -> str | None:
    """RLlib's ``check_multiagent_environments`` passes on the team face, at several seeds."""
    if _no_team(subject):
        return TEAM_ONLY
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("ray.rllib") is None:
        return NOT_INSTALLED.format("RLlib")
    checks: Any = importlib.import_module("ray.rllib.utils.pre_checks.env")
    rllib: Any = importlib.import_module("moonfleet.envs.adapters.rllib")
    make = _team_maker(subject)
    for world in range(subject.worlds):
        with _as_ours("RLlib's check_multiagent_environments"):
            checks.check_multiagent_environments(rllib.RLlibTeam(make(), vector_index=world))
    return None


FOREIGN_CHECKS = (check_gymnasium, check_pettingzoo, check_sb3, check_rllib)


def _no_team(subject: Subject) -> bool:
    """Return whether there is no team to check."""
    return subject.game is None or not subject.game(1, 1).team


def _team_maker(subject: Subject) -> Callable[[], Any]:
    """Return what makes a fresh team face."""
    multi: Any = importlib.import_module("moonfleet.envs.multi")
    game: Any = subject.game
    return lambda: multi.TeamEnv(game(1, 1))


@contextlib.contextmanager
def _as_ours(who: str) -> Iterator[None]:
    """Turn what another library's checker finds into a `ConformanceError`; its prints and notes are not shown."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ConformanceError:
        raise
    except Exception as error:
        raise ConformanceError(f"{who}: {type(error).__name__}: {error}") from error
