"""Learning: PPO of Stable-Baselines3 with its default settings on the many worlds of an environment, into one folder.

All robots share one network: each is a row of the batch (`rows_env`). Environments with masks are learned by sb3-contrib's MaskablePPO.
What an update draws follows from the seed and the update's number alone, and a checkpoint holds network, optimiser and worlds; so a
training that was killed goes on to the very same policy as one that ran through.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from moonfleet.agents.array_file import ArrayFileError
from moonfleet.terrain.seeds import sequence

from .errors import TrainingError
from .problems import Problem
from .run_folder import LOCK, locked, write_text
from .train_checkpoint import CHECKPOINT, Progress, Update, read_checkpoint, write_checkpoint
from .trained import FILE as POLICY
from .trained import TrainedPolicy

CURVE: Final = "learning.json"
ROLLOUT: Final = 2048  # transitions between two updates: what the defaults gather from one environment
WORLDS: Final = 16
SAVE_EVERY_S: Final = 20.0
NEEDED: Final = ("torch", "stable_baselines3", "sb3_contrib")
Heard = Callable[["Progress", float], None]  # hears what was learned so far, and what part of the work is done


@dataclass(frozen=True, slots=True)
class Plan:
    """What the outcome of a training follows from."""

    env_id: str
    level: str | None
    seed: int
    worlds: int = WORLDS
    rollout: int = ROLLOUT


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training."""

    folder: Path
    policy: TrainedPolicy
    progress: Progress


def train(
    problem: Problem,
    plan: Plan,
    folder: Path,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    threads: int = 1,
    heard: Heard | None = None,
) -> Trained:
    """Learn until ``steps`` agent-steps were made or ``minutes`` went by, whichever comes first; go on with what is in ``folder``.

    Raises
    ------
    TrainingError
        A library is missing, neither limit is given, or ``folder`` holds something else or a training with another plan.
    RunFolderError
        Another process learns in it.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise TrainingError(f"training needs {', '.join(missing)}: pip install 'moonfleet[rl]'")
    if minutes is None and steps is None:
        raise TrainingError("training: minutes or steps must be given, or it would never end")
    _claim(folder)
    with locked(folder):
        learner = make_learner(problem, plan, threads)
        if (folder / CHECKPOINT).exists():
            _take_up(folder, plan, learner)
        return _learn(learner, folder, minutes, steps, heard)


def _claim(folder: Path) -> None:
    """Make the folder, or see that it holds a training. Raises `TrainingError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strange = {path.name for path in folder.iterdir()} - {CHECKPOINT, POLICY, CURVE, LOCK, f"{CHECKPOINT}.tmp"}
    except OSError as error:
        raise TrainingError(f"--out = {folder}: cannot be made or read: {error.strerror}") from error
    if strange and not (folder / CHECKPOINT).exists():
        raise TrainingError(f"--out = {folder}: holds {sorted(strange)[0]} and no training; choose another folder")


class Learner:
    """The model, its worlds, and what was learned so far."""

    def __init__(self, plan: Plan, model: Any, rows: Any) -> None:
        self.plan, self.model, self.rows = plan, model, rows
        self.progress = Progress()

    def update(self) -> Update:
        """Gather a rollout and learn from it; all chance follows from the seed and the number of the update."""
        from stable_baselines3.common.utils import set_random_seed

        number = len(self.progress.updates)
        set_random_seed(_seed(self.plan.seed, number))
        self.model.learn(self.model.n_steps * self.rows.num_envs, reset_num_timesteps=False, log_interval=None)
        scores, self.rows.finished = self.rows.finished, []
        return Update(int(self.model.num_timesteps), len(scores), float(np.mean(scores)) if scores else None)

    def policy(self) -> TrainedPolicy:
        """Return what was learned, as a policy."""
        from .train_checkpoint import network_of

        sizes, weights = network_of(self.model)
        space = self.rows.action_space
        low, high = (np.asarray(getattr(space, name, []), np.float32).ravel() for name in ("low", "high"))
        notes = asdict(self.plan) | {"steps": int(self.model.num_timesteps), "algorithm": type(self.model).__name__}
        return TrainedPolicy(self.plan.env_id, sizes, weights, low, high, notes)


def make_learner(problem: Problem, plan: Plan, threads: int) -> Learner:
    """Return a fresh learner."""
    import torch
    from sb3_contrib import MaskablePPO
    from stable_baselines3 import PPO
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.utils import set_random_seed

    from .rows_env import TrainingRows

    torch.set_num_threads(1)  # the networks are small: more threads only wait for each other
    batch = problem.batch(plan.worlds, level=plan.level, threads=threads, autoreset_mode="SameStep")
    rows = TrainingRows(batch, (plan.seed + 1) << 32)  # far from the seeds that anyone evaluates on
    set_random_seed(_seed(plan.seed, -1))
    kind = MaskablePPO if batch.game.masked else PPO
    model = kind("MlpPolicy", rows, n_steps=max(plan.rollout // rows.num_envs, 2), device="cpu")
    model.set_logger(configure(None, []))
    return Learner(plan, model, rows)


def _take_up(folder: Path, plan: Plan, learner: Learner) -> None:
    """Put a learner where the checkpoint in ``folder`` was. Raises `TrainingError` if that is of another plan, or damaged."""
    try:
        saved, restore = read_checkpoint(folder)
    except ArrayFileError as error:
        raise TrainingError(str(error)) from error
    other = [name for name, value in asdict(plan).items() if saved.get(name) != value]
    if other:
        words = ", ".join(f"{name} = {saved.get(name)!r} and not {getattr(plan, name)!r}" for name in other)
        raise TrainingError(f"--out = {folder}: holds a training with {words}; choose another folder")
    learner.progress = restore(learner.model, learner.rows)


def _learn(learner: Learner, folder: Path, minutes: float | None, steps: int | None, heard: Heard | None) -> Trained:
    """Learn to the limit and write the policy."""
    begun, before_s = time.perf_counter(), learner.progress.seconds
    saved = begun
    progress = learner.progress

    def part() -> float:
        """What part of the work is done."""
        of_steps = progress.steps / steps if steps else 0.0
        return max(of_steps, progress.seconds / (60.0 * minutes) if minutes else 0.0)

    while part() < 1.0:
        progress.updates.append(learner.update())
        now = time.perf_counter()
        progress.seconds = before_s + now - begun
        if now - saved > SAVE_EVERY_S:
            write_checkpoint(folder, asdict(learner.plan), learner.model, learner.rows, progress)
            saved = now
        if heard is not None:
            heard(progress, min(part(), 1.0))
    policy = learner.policy()
    write_checkpoint(folder, asdict(learner.plan), learner.model, learner.rows, progress)
    policy.save(folder)
    curve = {
        "plan": asdict(learner.plan),
        "seconds": progress.seconds,
        "updates": [asdict(one) for one in progress.updates],
    }
    write_text(folder / CURVE, json.dumps(curve, indent=1) + "\n")
    return Trained(folder, policy, progress)


def _seed(seed: int, update: int) -> int:
    """Return the seed of an update's chance; -1 is that of the first weights."""
    return int(sequence(seed, "training", index=(update,)).generate_state(1)[0])
