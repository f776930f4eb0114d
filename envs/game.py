"""A Game: W worlds of one problem side by side. The only place where an environment's problem is written.

Every face of an environment (`solo`: one world, `vector`: many, `multi`: one agent per robot) is made from its game and adds
no rule of its own, so a world gives the same numbers whatever face shows it and however many others stand beside it.

Shapes: W worlds, R agents, F observation columns, A actions, T reward terms. A game with one agent has no agents axis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import gymnasium
import numpy as np
from numpy.typing import NDArray

from .errors import EnvStateError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
State = dict[str, NDArray[np.generic]]


class Episode(NamedTuple):
    """What an episode follows from: nothing else, not what was played before, nor where."""

    root: int  # root seed
    number: int  # of the episode under that seed, from 0
    options: Mapping[str, object] = {}  # what reset was asked for besides, names of `Game.reset_options`


class Step(NamedTuple):
    """What one step did; fresh arrays. The reward of a world is the sum of its terms."""

    terms: Floats  # [W, T] in the order of `Game.terms`
    terminated: Bools  # [W] it ended by what happened
    truncated: Bools  # [W] its time is up (never both)


class Game(ABC):
    """W worlds of one problem.

    A subclass is made as ``Subclass(worlds, threads=1, **options)``; worlds begin blank and must be begun before they are stepped.

    A game may be copied (`copy.deepcopy`) and sent to another process: it is made anew there with the same options and takes up the
    states of all worlds. Its arrays are views of each other, and copied one by one they would not be.

    Attributes
    ----------
    worlds, threads
        Number of worlds W, and of threads that step them (the bytes do not depend on it).
    agents
        Names of the robots that decide, in order; one for a game without an agents axis (``team`` is False).
    single_observation_space, single_action_space
        Of one agent: a float32 Box [F]; Discrete(A) or a Box.
    t0
        float64 [W], start of each world's episode, seconds of TDB past J2000; zeros in a game without dates.
    """

    name: ClassVar[str]
    step_s: ClassVar[float]  # [s] length of one step
    terms: ClassVar[tuple[str, ...]]  # names of the reward's terms
    reset_options: ClassVar[tuple[str, ...]] = ("t0_utc",)
    team: ClassVar[bool] = False  # whether actions and observations have an agents axis [W, R, ...]
    masked: ClassVar[bool] = False  # whether `masks` says which discrete actions are allowed
    looks_at_once: ClassVar[bool] = False  # whether `step_and_look` is quicker than `step` and `observe`
    dated: ClassVar[bool] = True  # whether `t0` means anything; faces tell it then

    worlds: int
    threads: int
    agents: tuple[str, ...]
    single_observation_space: gymnasium.spaces.Box
    single_action_space: gymnasium.spaces.Discrete[np.int64] | gymnasium.spaces.Box
    t0: Floats

    _made: tuple[tuple[Any, ...], dict[str, Any]]  # what it was made with

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Note what the game is made with."""
        game = super().__new__(cls)
        game._made = args, options
        return game

    def __reduce__(self) -> tuple[Any, ...]:
        """How the game is made anew."""
        return _made_anew, (type(self), *self._made, _states(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return another game that goes on as this one does; the grounds are shared."""
        return _made_anew(type(self), *self._made, _states(self))

    @abstractmethod
    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        """Begin an episode in each of ``worlds`` int64 [n]; the others do not notice.

        Raises
        ------
        EnvOptionError
            An option of the episode is not allowed; no world has changed then.
        """

    @abstractmethod
    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        """Make one step of the worlds that are ``active`` bool [W]; the others rest, with terms 0 and neither flag.

        ``actions``: int64 [W] or [W, R], or float32 [W, n]; already checked against the action space, rows of worlds that
        are not active hold anything that is in it. A masked action is carried out as the game documents. A world whose episode
        is over is not active before it begins anew.
        """

    def step_and_look(self, actions: NDArray[np.generic], active: Bools, out: NDArray[np.float32]) -> Step:
        """Make one step as `step` does, and write at least the rows of the ``active`` worlds of ``out`` as `observe` does after it."""
        done = self.step(actions, active)
        self.observe(out)
        return done

    @abstractmethod
    def observe(self, out: NDArray[np.float32]) -> None:
        """Write what every agent sees into ``out`` float32 [W, F] or [W, R, F]: within the bounds, never NaN."""

    def observe_worlds(self, out: NDArray[np.float32], worlds: Ints) -> None:
        """Write at least the rows ``worlds`` int64 [n] of ``out``; rows written besides must be as `observe` writes them.

        Called when only a few worlds began anew. A game for which `observe` is dear overrides it.
        """
        self.observe(out)

    def masks(self, out: Bools) -> None:
        """Write which actions are allowed into ``out`` bool [W, A] or [W, R, A]; at least one per agent.

        A game that is not ``masked`` allows all.
        """
        out[...] = True

    def info(self) -> dict[str, NDArray[np.generic]]:
        """Return what else is worth knowing of the last step, by name: arrays whose first axis is the world."""
        return {}

    def world_options(self) -> Mapping[str, object]:
        """Return the options that change what a world does, by name: plain values, a level resolved to its own.

        Faces write them into saved states, and refuse a state of other options by the name of the first that differs. A game
        that tells none has its states compared by nothing but its own `set_state`.
        """
        return {}

    def present(self) -> Bools:
        """Return which agents are there to decide now, bool [W, R]: landed and not lost. Who has left does not come back.

        An absent agent's row of the observation holds numbers within the bounds (zeros, say), its row of the masks at
        least one action: the first of them is what faces send for it.
        """
        return np.ones((self.worlds, len(self.agents)), dtype=np.bool_)

    @abstractmethod
    def get_state(self, world: int) -> State:
        """Return everything that the rest of a world's episode depends on, as plain arrays (no pickle needed)."""

    @abstractmethod
    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take up a state made by `get_state` of a game with the same options, in this or any other world.

        Raises
        ------
        EnvStateError
            It is not such a state; nothing has changed then.
        """

    def close(self) -> None:  # noqa: B027 - most games hold nothing
        """Let go of what the game holds besides memory (threads that prepare ground, say)."""

    @abstractmethod
    def picture(self, world: int) -> NDArray[np.uint8]:
        """Return a picture of one world that a person understands, uint8 [H, W, 3]."""


def _states(game: Game) -> dict[int, State]:
    """Return the states of all worlds, without those that cannot be told since they have not begun."""
    states: dict[int, State] = {}
    for world in range(game.worlds):
        try:
            states[world] = game.get_state(world)
        except EnvStateError:
            continue
    return states


def _made_anew(game: type[Any], args: tuple[Any, ...], options: Mapping[str, Any], states: Mapping[int, State]) -> Any:
    """Return ``game(*args, **options)`` with its worlds in ``states``; those that are still blank are left so."""
    made: Game = game(*args, **options)
    blank = _states(made)
    for world, state in states.items():
        if world not in blank or not _equal(blank[world], state):
            made.set_state(world, state)
    return made


def _equal(one: State, other: State) -> bool:
    """Return whether two states have the same bytes."""
    return one.keys() == other.keys() and all(
        np.asarray(one[name]).tobytes() == np.asarray(other[name]).tobytes() for name in one
    )
