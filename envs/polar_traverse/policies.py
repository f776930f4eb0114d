"""Policies to compare with in PolarTraverse: any move, straight to the target, and a planner that minds ways, light and charge.

Each has ``act(observation) -> int`` and ``act_batch(observations) -> int64 [n]`` for games with discrete actions. The planner is made
for one game and answers for the worlds of that game in order: beside the observation it reads what a rover has aboard, the orbital map
with the ways to its targets, and the almanac. None of them sees what only the truth knows.
"""

from __future__ import annotations

import math
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.seeds import stream

from .judge import route_length_m
from .outlook import CELL, X_LEFT, Y_TOP
from .spaces import HEADINGS, HOLD, N_ACTIONS, SIZE, feature_slice

if TYPE_CHECKING:
    from .game import PolarTraverseGame

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
FAST = 1 + HEADINGS  # the first of the moves at full speed
LOW_BRIGHT, ENOUGH_BRIGHT = 0.1, 0.3  # [-] of the charge: where the planner begins and ends a rest, with light ahead
LOW_DARK, ENOUGH_DARK = 0.2, 0.3  # [-] the same with darkness ahead


class _EachAlone(ABC):
    """``act`` for one row, by ``act_batch``."""

    def act(self, observation: object) -> int:
        """Return the action for one observation."""
        return int(self.act_batch(_vectors(observation))[0])

    @abstractmethod
    def act_batch(self, observations: object) -> Ints:
        """Return the actions for observations float32 [n, 141]."""


class AnyMove(_EachAlone):
    """Any of the 17 actions, all alike likely; follows from the seed and what is seen."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def act_batch(self, observations: object) -> Ints:
        """Return the actions for observations float32 [n, 141]."""
        rows = [zlib.crc32(row.tobytes()) for row in _vectors(observations)]
        return np.array([stream(self.seed, "any-move", index=(row,)).integers(N_ACTIONS) for row in rows], np.int64)


class Greedy(_EachAlone):
    """Straight to the target at full speed, whatever lies between and whatever the battery holds."""

    def act_batch(self, observations: object) -> Ints:
        """Return the actions for observations float32 [n, 141]."""
        ahead = _vectors(observations)[:, feature_slice("target_direction")].astype(np.float64)
        turn = np.round(np.arctan2(ahead[:, 0], ahead[:, 1]) / (2.0 * math.pi / HEADINGS)).astype(np.int64) % HEADINGS
        return FAST + turn


class Planner(_EachAlone):
    """Follows the shortest drivable way, and sleeps until there is charge again where it would not last.

    It goes down the field of route lengths of the current target, never onto ground that is too steep. A rover that is low on charge
    sleeps where it stands, which needs a sixth of what staying awake does, and goes on when it has charged. How low is low depends on
    the light that is forecast here for the next twelve hours.
    """

    def __init__(self, game: PolarTraverseGame) -> None:
        self.game = game
        self._resting = np.zeros(game.worlds, np.bool_)

    def act_batch(self, observations: object) -> Ints:
        """Return the actions of the worlds of the game, in order; observations float32 [W, 141]."""
        seen = _vectors(observations)
        moves = self._way_on()
        battery = _column(seen, "battery")
        ahead = seen[:, feature_slice("forecast_here")].astype(np.float64)
        soon = (6.0 * ahead[:, 0] + 6.0 * ahead[:, 1]) / 12.0
        # what a night takes, and what a drive takes: begin to rest below the first, go on above the second
        low = np.where(soon > 0.5, LOW_BRIGHT, LOW_DARK)
        enough = np.where(soon > 0.5, ENOUGH_BRIGHT, ENOUGH_DARK)
        self._resting = np.where(self._resting, battery < enough, battery < low)
        return np.where(self._resting, HOLD, moves)

    def _way_on(self) -> Ints:
        """Return for every world the move that shortens its way to its target the most."""
        aboard = self.game.aboard()
        out = np.empty(self.game.worlds, np.int64)
        ways_on(*aboard, out)  # pyright: ignore[reportCallIssue]
        return out


@kernel
def ways_on(
    x: Floats, y: Floats, ground_of: Ints, goal: Ints, fields: Floats32, slope: Floats32, frame: Floats, reach: Floats,
    out: Ints,
) -> None:  # fmt: skip
    """Fill ``out`` [n] with the move that shortens the way to place ``goal`` [n] the most, without touching ground that is too steep.

    ``slope`` is the chart's (1: the steepest allowed, with a margin of 4 cells), ``reach`` [17, 2] m where each move leads.
    """
    half = 0.25 * frame[CELL]
    for n in range(x.size):
        g = ground_of[n]
        field = fields[g, goal[n]]
        best, move = math.inf, 0
        for a in range(1, reach.shape[0]):
            length = math.sqrt(reach[a, 0] * reach[a, 0] + reach[a, 1] * reach[a, 1])
            steps = int(math.ceil(length / half))
            free = True
            for k in range(1, steps + 1):
                row = (frame[Y_TOP] - (y[n] + reach[a, 1] * k / steps)) / frame[CELL]
                col = ((x[n] + reach[a, 0] * k / steps) - frame[X_LEFT]) / frame[CELL]
                if row < 0.0 or col < 0.0 or row >= field.shape[0] or col >= field.shape[1]:
                    free = False
                    break
                if slope[g, int(row) + 4, int(col) + 4] > 1.0:
                    free = False
                    break
            if not free:
                continue
            row = (frame[Y_TOP] - (y[n] + reach[a, 1])) / frame[CELL] - 0.5
            col = ((x[n] + reach[a, 0]) - frame[X_LEFT]) / frame[CELL] - 0.5
            left = route_length_m(field, row, col, frame[CELL])
            if left < best:
                best, move = left, a
        out[n] = move


def _vectors(observations: object) -> Floats32:
    """Return observations as float32 [n, 141], whatever they came in: an array, or an `Observation` of vectors and masks."""
    given: Any = getattr(observations, "vector", observations)
    return np.asarray(given, np.float32).reshape(-1, SIZE)


def _column(seen: Floats32, name: str) -> Floats:
    return seen[:, feature_slice(name)][:, 0].astype(np.float64)


BASELINES: dict[str, Callable[..., Any]] = {
    "random": lambda seed: AnyMove(seed),
    "greedy": lambda: Greedy(),
    "planner": lambda game: Planner(game),
}
