"""The environments as training and evaluation see them: by name, as a `Game` of many worlds, with the policies to compare with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moonfleet.terrain.errors import did_you_mean

from .errors import OptionError
from .policies import AnyAllowed, BatchPolicy

if TYPE_CHECKING:
    from moonfleet.envs.game import Game
    from moonfleet.envs.vector import GameVectorEnv

RANDOM = "random"
PREFIX = "moonfleet/"


@dataclass(frozen=True, slots=True)
class Problem:
    """An environment that has a batched face."""

    env_id: str
    baselines: Mapping[str, Callable[..., Any]]

    @property
    def short(self) -> str:
        """The name without the package and version: ``PolarTraverse``."""
        return short_name(self.env_id)

    def game(self, worlds: int, *, level: str | None = None, threads: int = 1, **options: Any) -> Game:
        """Return ``worlds`` of it side by side; ``level`` None is the environment's own default.

        Raises
        ------
        EnvOptionError
            The environment does not know the level or an option.
        """
        return self.batch(worlds, level=level, threads=threads, **options).game

    def batch(self, worlds: int, *, level: str | None = None, threads: int = 1, **options: Any) -> GameVectorEnv:
        """As `game`, with the vectorised face round it."""
        import gymnasium

        given: dict[str, Any] = {**options, **({} if level is None else {"level": level})}
        vector: Any = gymnasium.make_vec(
            self.env_id, worlds, vectorization_mode="vector_entry_point", threads=threads, **given
        )
        return vector.unwrapped

    def policy(self, name: str, game: Game, seed: int = 0) -> BatchPolicy:
        """Return the policy called ``name``: a baseline, or the path of a trained one.

        A baseline's factory is called with those of ``game`` and ``seed`` that it takes.

        Raises
        ------
        OptionError
            There is neither.
        PolicyError
            The file is damaged, or was trained for something else.
        """
        if name in self.baselines:
            factory = self.baselines[name]
            takes = inspect.signature(factory).parameters
            every = any(given.kind is inspect.Parameter.VAR_KEYWORD for given in takes.values())
            known = {"game": game, "seed": seed}
            return factory(**{key: value for key, value in known.items() if every or key in takes})
        if name == RANDOM:
            return AnyAllowed(game.single_action_space, seed)
        if Path(name).exists():
            from .trained import TrainedPolicy

            return TrainedPolicy.load(Path(name)).fitted(self.env_id, game)
        names = sorted({RANDOM, *self.baselines})
        raise OptionError(
            f"--policy {name}: is neither a file nor one of {', '.join(names)}.{did_you_mean(name, names)}"
        )


def find_problem(name: str) -> Problem:
    """Return the environment called ``name``: its id, or the id without the package and version in any case (``polartraverse``).

    Raises
    ------
    OptionError
        There is no such environment, or it has no batched face.
    """
    import gymnasium

    import moonfleet.envs

    known = {env_id for env_id in moonfleet.envs.ENTRY_POINTS}
    if name in gymnasium.registry:
        known.add(name)
    plain = {short_name(env_id).lower(): env_id for env_id in sorted(known)}
    env_id = name if name in known else plain.get(name.lower().replace("_", "").replace("-", ""))
    if env_id is None:
        shorts = sorted(short_name(env_id) for env_id in known)
        raise OptionError(f"ENV = {name}: must be one of {', '.join(shorts)}.{did_you_mean(name, shorts)}")
    entry = gymnasium.spec(env_id).vector_entry_point
    if not isinstance(entry, str):
        raise OptionError(f"ENV = {name}: {env_id} has no batched face")
    policies = f"{entry.partition(':')[0].rpartition('.')[0]}.policies"
    return Problem(env_id, import_module(policies).BASELINES if find_spec(policies) is not None else {})


def short_name(env_id: str) -> str:
    """Return an id without its package and version."""
    return env_id.rpartition("/")[2].rpartition("-v")[0]
