"""What sets of robots cost together at least: the bounds that steer conflict-based search.

Two robots in each other's way, searched alone, say what the pair costs at least; so does any larger set. Whatever all ways are in the end,
they keep every such bound, so the least sum that keeps all of them bounds the group's cost. For pairs this is the weighted dependency
graph with its edge-weighted vertex cover (Li, Felner, Boyarski, Ma, Koenig 2019, "Improved heuristics for multi-agent path finding with
conflict-based search"), here with sets of any size and relaxed to real numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .cbs_split import Rules

NEVER = 1 << 40  # ticks: the set has no ways that keep apart
Robots = tuple[int, ...]

F64 = NDArray[np.float64]


class Needs:
    """Bounds of sets of robots under their rules, each searched once."""

    def __init__(self, search: Callable[[Robots, tuple[Rules, ...]], int]) -> None:
        """``search`` returns the least cost [ticks] of some robots under their rules, or a bound of it; `NEVER` if there is none."""
        self._search = search
        self._known: dict[tuple[Robots, tuple[Rules, ...]], int] = {}

    def learn(self, robots: Robots, rules: tuple[Rules, ...], ticks: int) -> None:
        """Keep a bound found elsewhere."""
        self._known[robots, rules] = ticks

    def of(self, robots: Robots, rules: tuple[Rules, ...]) -> int:
        """Return what the robots cost at least [ticks]."""
        if (robots, rules) not in self._known:
            self._known[robots, rules] = self._search(robots, rules)
        return self._known[robots, rules]


def least_cost(own: Sequence[int], needs: Mapping[Robots, int], makespan: bool) -> int:
    """Return what all robots cost at least [ticks], given what each alone and some sets of them do."""
    if makespan:
        return max([*own, *needs.values()])
    more = {robots: ticks - sum(own[i] for i in robots) for robots, ticks in needs.items()}
    kept = [(robots, ticks) for robots, ticks in more.items() if ticks > 0]
    if not kept:
        return sum(own)
    if max(ticks for _, ticks in kept) >= NEVER // 2:
        return NEVER
    sets = np.zeros((len(kept), len(own)))
    for k, (robots, _) in enumerate(kept):
        sets[k, list(robots)] = 1.0
    return sum(own) + math.ceil(cover(sets, np.array([float(ticks) for _, ticks in kept])) - 1e-6)


@kernel
def cover(sets: F64, need: F64) -> float:
    """Return a bound of the least sum of n numbers, 0 or more, that add up to ``need[k]`` over every row of ``sets`` (m x n of 0 and 1).

    It is the greatest weight of rows taken in parts that use no number more than once, the dual linear program, by the simplex
    method; stopped early, its value is still a bound.
    """
    m, n = sets.shape
    table = np.zeros((n + 1, m + n + 1))
    for i in range(n):
        for k in range(m):
            table[i, k] = sets[k, i]
        table[i, m + i] = 1.0
        table[i, m + n] = 1.0
    for k in range(m):
        table[n, k] = -need[k]
    for turn in range(50 * n):
        column, most = -1, -1e-9
        for k in range(m + n):  # the steepest column; after a while the first, which cannot go round in circles
            if table[n, k] < most:
                column = k
                if turn >= 25 * n:
                    break
                most = table[n, k]
        if column < 0:
            break
        row, least = -1, np.inf
        for i in range(n):
            if table[i, column] > 1e-9 and table[i, m + n] / table[i, column] < least - 1e-12:
                row, least = i, table[i, m + n] / table[i, column]
        if row < 0:
            break
        table[row] /= table[row, column]
        for i in range(n + 1):
            if i != row and table[i, column] != 0.0:
                table[i] -= table[i, column] * table[row]
    return float(table[n, m + n])
