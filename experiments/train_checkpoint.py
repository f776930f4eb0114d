"""What a training needs to go on: network, optimiser, worlds and the curve so far, in one file of plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.array_file import ArrayFileError, read_arrays, write_arrays

CHECKPOINT: Final = "checkpoint.moonfile"
KIND: Final = "training"
NETWORK, OPTIMISER, WORLDS, STARTS = "network", "optimiser", "worlds", "starts"
RECENT: Final = 100  # episodes over which the score is told


@dataclass(frozen=True, slots=True)
class Update:
    """One rollout and what was learned from it."""

    steps: int  # agent-steps so far
    episodes: int  # that ended in it
    score: float | None  # their mean


@dataclass(slots=True)
class Progress:
    """What was learned so far."""

    updates: list[Update] = field(default_factory=list)
    seconds: float = 0.0  # of wall time

    @property
    def steps(self) -> int:
        """Agent-steps so far."""
        return self.updates[-1].steps if self.updates else 0

    @property
    def recent(self) -> float | None:
        """Mean score of about the last `RECENT` episodes, None before any ended."""
        count, total = 0, 0.0
        for update in reversed(self.updates):
            if update.score is not None and count < RECENT:
                count += update.episodes
                total += update.episodes * update.score
        return total / count if count else None


def write_checkpoint(folder: Path, plan: dict[str, Any], model: Any, rows: Any, progress: Progress) -> None:
    """Write all that a training needs to go on. Raises `ArrayFileError`."""
    arrays: dict[str, NDArray[np.generic]] = {STARTS: np.asarray(model._last_episode_starts, np.bool_)}
    for name, tensor in model.policy.state_dict().items():
        arrays[f"{NETWORK}/{name}"] = tensor.numpy()
    for index, moments in model.policy.optimizer.state_dict()["state"].items():
        for name, tensor in moments.items():
            arrays[f"{OPTIMISER}/{index}/{name}"] = tensor.numpy()
    texts: dict[str, Any] = {}  # what the file's arrays cannot hold
    for name, array in rows.get_state().items():
        if array.dtype.kind == "U":
            texts[name] = array.tolist()
        else:
            arrays[f"{WORLDS}/{name}"] = array
    facts = {"plan": plan, "texts": texts, "steps": int(model.num_timesteps), "progress": asdict(progress)}
    write_arrays(folder / CHECKPOINT, KIND, facts, arrays)


def read_checkpoint(folder: Path) -> tuple[dict[str, Any], Callable[[Any, Any], Progress]]:
    """Return the plan of the checkpoint in ``folder``, and what puts a fresh model and its rows where it was.

    Raises
    ------
    ArrayFileError
        It cannot be read, is damaged or not of a training; the second, too: it does not fit the model.
    """
    file = read_arrays(folder / CHECKPOINT, KIND)

    def part(prefix: str) -> dict[str, NDArray[np.generic]]:
        """Return the arrays below ``prefix``."""
        return {n.removeprefix(f"{prefix}/"): v for n, v in file.arrays.items() if n.startswith(f"{prefix}/")}

    def restore(model: Any, rows: Any) -> Progress:
        """Put ``model`` and ``rows`` where they were."""
        import torch

        try:
            model.policy.load_state_dict({name: torch.from_numpy(array) for name, array in part(NETWORK).items()})
            state: dict[int, dict[str, Any]] = {}
            for name, array in part(OPTIMISER).items():
                index, _, moment = name.partition("/")
                state.setdefault(int(index), {})[moment] = torch.from_numpy(array)
            optimiser = model.policy.optimizer
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
            texts = {name: np.array(value) for name, value in file.facts["texts"].items()}
            model._last_obs = rows.set_state(part(WORLDS) | texts)
            model._last_episode_starts = file.arrays[STARTS].astype(np.bool_)
            model.num_timesteps = int(file.facts["steps"])
            told = file.facts["progress"]
            return Progress([Update(**one) for one in told["updates"]], float(told["seconds"]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ArrayFileError(f"{folder / CHECKPOINT}: does not fit this training: {error}") from error

    plan = file.facts.get("plan")
    return (plan if isinstance(plan, dict) else {}), restore


def network_of(model: Any) -> tuple[tuple[int, ...], NDArray[np.float32]]:
    """Return layer sizes and weights of a model's policy, in the order of `trained_forward.forward`."""
    tensors = {name: tensor.numpy() for name, tensor in model.policy.state_dict().items()}
    layers = [name.removesuffix(".weight") for name in tensors if "policy_net" in name and name.endswith(".weight")]
    matrices = [(tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]) for name in [*layers, "action_net"]]
    sizes = (matrices[0][0].shape[0], *(matrix.shape[1] for matrix, _ in matrices))
    return sizes, np.concatenate([part.ravel() for pair in matrices for part in pair]).astype(np.float32)
