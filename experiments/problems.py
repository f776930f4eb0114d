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


@dataclass(frozen=True, slots=True)
class Problem:
    """An environment that has a batched face."""

    env_id: str
    entry: str  # ``module:Class`` of the batched face, called as Class(num_envs=..., **options)
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
        given: dict[str, Any] = {**options, **({} if level is None else {"level": level})}
        module, _, name = self.entry.partition(":")
        return getattr(import_module(module), name)(num_envs=worlds, threads=threads, **given)

    def policy(self, name: str, game: Game, seed: int = 0, *, sample: bool = False) -> BatchPolicy:
        """Return the policy called ``name``: a baseline, or the path of a trained one.

        A baseline's factory is called with those of ``game`` and ``seed`` that it takes. With ``sample`` a trained one draws its actions.

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
            known = {"game": game, "seed": seed}
            return factory(**{key: value for key, value in known.items() if key in takes})
        if name == RANDOM:
            return AnyAllowed(game.single_action_space, seed)
        if Path(name).exists():
            from .trained import TrainedPolicy

            trained = TrainedPolicy.load(Path(name)).fitted(self.env_id, game)
            return trained.sampled(seed) if sample else trained
        names = sorted({RANDOM, *self.baselines})
        raise OptionError(
            f"--policy {name}: is neither a file nor one of {', '.join(names)}.{did_you_mean(name, names)}"
        )


def find_problem(name: str) -> Problem:
    """Return the environment called ``name``.

    ``name`` is its id, the id without the package and version in any case (``polartraverse``), or for one of your own
    ``module:Class`` of its batched face. Policies to compare with are ``BASELINES`` of the module ``policies`` beside it, if there is one.

    Raises
    ------
    OptionError
        There is no such environment, or it has no batched face.
    """
    import moonfleet.envs

    if ":" in name:
        return _problem(name, name)
    plain = {short_name(env_id).lower(): env_id for env_id in moonfleet.envs.ENTRY_POINTS}
    env_id = name if name in moonfleet.envs.ENTRY_POINTS else plain.get(name.lower().replace("_", "").replace("-", ""))
    if env_id is None:
        shorts = sorted(short_name(env_id) for env_id in moonfleet.envs.ENTRY_POINTS)
        raise OptionError(f"ENV = {name}: must be one of {', '.join(shorts)}.{did_you_mean(name, shorts)}")
    entry = moonfleet.envs.VECTOR_ENTRY_POINTS.get(env_id)
    if entry is None:
        raise OptionError(f"ENV = {name}: {env_id} has no batched face")
    return _problem(env_id, entry)


def _problem(env_id: str, entry: str) -> Problem:
    """Return the environment of an entry point. Raises `OptionError` if that cannot be imported."""
    from moonfleet.envs.vector import GameVectorEnv

    module, _, name = entry.partition(":")
    try:
        face = getattr(import_module(module), name, None)
        if not callable(face):
            raise OptionError(f"ENV = {entry}: {module} has no {name!r}")
        if isinstance(face, type) and not issubclass(face, GameVectorEnv):
            raise OptionError(
                f"ENV = {entry}: {name} is no batched face; need a subclass of moonfleet.envs.vector.GameVectorEnv"
            )
        policies = f"{module.rpartition('.')[0]}.policies"
        there = "." in module and find_spec(policies) is not None
    except (ImportError, ValueError) as error:
        hint = "; is its folder in PYTHONPATH?" if isinstance(error, ModuleNotFoundError) else ""
        raise OptionError(f"ENV = {entry}: cannot be imported: {error}{hint}") from error
    return Problem(env_id, entry, import_module(policies).BASELINES if there else {})


def short_name(env_id: str) -> str:
    """Return an id without its package and version; of ``module:Class`` the class."""
    return env_id.rpartition(":")[2] if ":" in env_id else env_id.rpartition("/")[2].rpartition("-v")[0]
