"""How good a policy is: episodes of an environment, many at once, scored by the sum of their rewards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import Observation

from .bootstrap import Interval, interval_of
from .errors import OptionError
from .policies import Actions, BatchPolicy, ask

if TYPE_CHECKING:
    from moonfleet.envs.game import Game

Told = Callable[[int, int], None]  # hears (episodes done, of how many)


@dataclass(frozen=True, slots=True)
class Scores:
    """What a policy earned: S root seeds, E episodes of each."""

    seeds: tuple[int, ...]
    scores: NDArray[np.float64]  # [S, E] sum of the rewards
    terms: Mapping[str, NDArray[np.float64]]  # name of the reward's term -> [S, E]
    steps: NDArray[np.int64]  # [S, E] length
    terminated: NDArray[np.bool_]  # [S, E] ended by what happened, not by time

    @property
    def interval(self) -> Interval:
        """Mean score with its 95 % interval over the seeds."""
        return interval_of(self.scores)

    def to_json(self) -> dict[str, object]:
        """Return the figures as plain JSON values; the scores of all episodes too."""
        return {
            "seeds": list(self.seeds),
            "mean": self.interval.mean,
            "low95": self.interval.low,
            "high95": self.interval.high,
            "terms": {name: float(values.mean()) for name, values in self.terms.items()},
            "steps": float(self.steps.mean()),
            "terminated": float(self.terminated.mean()),
            "scores": self.scores.tolist(),
        }


def play(
    game: Game, policy: BatchPolicy, seeds: Sequence[int], episodes: int, *, first: int = 0, told: Told | None = None
) -> Scores:
    """Play episodes ``first`` .. ``first + episodes`` of every root seed, as many at once as the game has worlds.

    An episode follows from its seed and number alone, so the scores do not depend on the number of worlds.

    Raises
    ------
    OptionError
        No seed, the same seed twice, or no episode.
    PolicyError
        ``policy`` has nothing to ask.
    EnvActionError
        It answered with what is no action.
    """
    from moonfleet.envs.game import Episode

    if not seeds or len(set(seeds)) != len(seeds) or episodes < 1:
        raise OptionError(
            f"seeds = {list(seeds)}, episodes = {episodes}: need different seeds and at least one episode"
        )
    count = len(seeds) * episodes
    terms = np.zeros((count, len(game.terms)))
    steps, terminated = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    plays = np.full(game.worlds, -1, np.int64)  # [W] which episode stands in each world
    given = done = 0
    stage = Stage(game)
    spare = np.arange(min(count, game.worlds), game.worlds)
    if spare.size:  # worlds that are never stepped, but looked at with the others
        game.begin(spare, [Episode(seeds[0], first)] * spare.size)
    while done < count:
        idle = np.flatnonzero(plays < 0)[: count - given]
        if idle.size:
            plays[idle] = np.arange(given, given + idle.size)
            game.begin(idle, [Episode(seeds[n // episodes], first + n % episodes) for n in plays[idle].tolist()])
            given += idle.size
        active = plays >= 0
        step = game.step(stage.actions(policy), active)
        at = plays[active]
        terms[at] += step.terms[active]
        steps[at] += 1
        over = active & (step.terminated | step.truncated)
        if over.any():
            terminated[plays[over]] = step.terminated[over]
            plays[over] = -1
            done += int(over.sum())
            if told is not None:
                told(done, count)
    shape = (len(seeds), episodes)
    named = {name: terms[:, k].reshape(shape) for k, name in enumerate(game.terms)}
    return Scores(
        tuple(seeds), terms.sum(axis=1).reshape(shape), named, steps.reshape(shape), terminated.reshape(shape)
    )


class Stage:
    """What the agents of all worlds see, as the rows of one batch: agents of the same world stand together."""

    def __init__(self, game: Game) -> None:
        from moonfleet.envs.faces import mask_shape, vector_shape

        self.game = game
        self.vectors = np.zeros((game.worlds, *vector_shape(game)), np.float32)
        self.masks = np.ones((game.worlds, *mask_shape(game)), np.bool_)

    def rows(self) -> Observation:
        """Return the rows: vectors float32 [W * R, F] and masks bool [W * R, A]; the next call writes over them."""
        self.game.observe(self.vectors)
        if self.game.masked:
            self.game.masks(self.masks)
        flat = self.vectors.reshape(-1, self.vectors.shape[-1])
        return Observation(flat, self.masks.reshape(len(flat), self.masks.shape[-1]))

    def actions(self, policy: BatchPolicy) -> Actions:
        """Return what a policy answers, in the shape that the game wants: [W], [W, R], [W, k] or [W, R, k].

        Raises `PolicyError` or `EnvActionError` where there is no answer, or none that the game knows.
        """
        from moonfleet.envs.actions import check_actions
        from moonfleet.envs.errors import EnvActionError

        seen, lead = self.rows(), self.vectors.shape[:-1]
        answers = ask(policy, seen, masked=self.game.masked)
        try:
            actions = check_actions(self.game.single_action_space, answers, len(seen.vector))
        except EnvActionError as error:
            raise EnvActionError(f"{type(policy).__name__}: {error}") from error
        return actions.reshape(*lead, *actions.shape[1:])
