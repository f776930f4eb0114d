"""How conflict-based search splits a conflict of two robots into two rules of which every safe plan keeps at least one.

A conflict is between two legs. Either robot B does not do its leg (nor the same leg started up to some ticks later), or robot A does
nothing that meets the leg at its first *and* at its last such start: as what meets a leg at two starts meets it at all between
(convexity), no safe plan breaks both rules. The range is the longest for which A's present leg still breaks its rule: measured
better than half of it, and much better than none. For moves with one edge on either side these are the rules of continuous-time
conflict-based search (Andreychuk, Yakovlev, Surynek, Atzmon, Stern 2022); here A's rule covers every edge and wait. When B stands at
its goal for good, either B arrives later than A's passage, or A is never near that goal from then on (target reasoning, Li et al. 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from moonfleet.terrain.kernel import kernel

from .fleet_ground import TOUCHING, FleetGround, Task, Way
from .fleet_moves import COL_STEP, FAR, ROW_STEP
from .fleet_sipp import APART, COL, COL_SPEED, F64, FROM, LEG, ROW, ROW_SPEED, SHIFT, UNTIL, closed_ticks, meets


class Rules(NamedTuple):
    """What one robot must keep to in a node of the search."""

    legs: tuple[tuple[float, ...], ...] = ()  # to be avoided (`fleet_sipp`), with the other robot's clearance
    waits: tuple[tuple[int, int, int], ...] = ()  # (cell, first tick, last tick + 1)
    bans: tuple[tuple[int, int, int, int], ...] = ()  # (cell, direction, first start, last start)
    done: int = 0  # not at the goal for good before this tick

    def find(self, ground: FleetGround, task: Task, fixed: Sequence[F64] = ()) -> Way | None:
        """Return the earliest way that keeps them and avoids the legs of robots outside the group."""
        legs = np.array(self.legs, dtype=np.float64).reshape(-1, LEG)
        waits = np.array(self.waits, dtype=np.int64).reshape(-1, 3)
        bans = np.array(self.bans, dtype=np.int64).reshape(-1, 4)
        return ground.find(task, [*fixed, legs], waits, bans, self.done)


@kernel
def meetings(one: F64, other: F64, apart: float) -> tuple[int, int, int]:
    """Return the first legs (indexes) of two robots that meet, and how many pairs of legs do. Legs follow each other in time."""
    i, j, first, second, count = 0, 0, -1, -1, 0
    while i < one.shape[0] and j < other.shape[0]:
        if meets(other, j, 0.0, one, i, apart):
            if count == 0:
                first, second = i, j
            count += 1
        if one[i, UNTIL] <= other[j, UNTIL]:
            i += 1
        else:
            j += 1
    return first, second, count


def splits(one: Rules, other: Rules, a: F64, b: F64, ground: FleetGround, apart: float) -> list[tuple[Rules, Rules]]:
    """Return ways to split a conflict of legs ``a`` and ``b`` (float64 [8], `APART` the own clearance): (rules of one, of other)."""
    if b[UNTIL] >= FAR:
        return [_settled(one, other, a, b, apart)]
    if a[UNTIL] >= FAR:
        theirs, mine = _settled(other, one, b, a, apart)
        return [(mine, theirs)]
    width = ground.rimmed[1]
    theirs, mine = _avoid_or_drop(other, one, b, a, width, apart)
    return [_avoid_or_drop(one, other, a, b, width, apart), (mine, theirs)]


def _avoid_or_drop(one: Rules, other: Rules, a: F64, b: F64, width: int, apart: float) -> tuple[Rules, Rules]:
    """Either ``one`` avoids leg ``b``, or ``other`` drops it."""
    cell = round(b[ROW]) * width + round(b[COL])
    leg = b.copy()
    if b[ROW_SPEED] == 0.0 and b[COL_SPEED] == 0.0:  # a wait: some of its ticks
        low, high = max(_closed(a, b, apart)[0], int(b[FROM])), min(_closed(a, b, apart)[1], int(b[UNTIL]))
        if a[ROW_SPEED] == 0.0 and a[COL_SPEED] == 0.0:
            low, high = low, low + 1  # two waits share a tick or do not
        ticks = max(high - low, 1)
        first, last = low, low + ticks - 1
        leg[FROM], leg[UNTIL], leg[SHIFT] = first, first + 1, last - first
        return _avoiding(one, leg), other._replace(waits=(*other.waits, (cell, first, last + 1)))
    leg[SHIFT] = _slack(a, b, apart)
    direction = _direction(b)
    start = int(b[FROM])
    return _avoiding(one, leg), other._replace(bans=(*other.bans, (cell, direction, start, start + int(leg[SHIFT]))))


def _settled(one: Rules, other: Rules, a: F64, b: F64, apart: float) -> tuple[Rules, Rules]:
    """Either ``one`` is not near the goal of ``other`` from a tick on, or ``other`` is there for good after that tick only."""
    until = _closed(a, b, apart)[1] - 1
    leg = b.copy()
    leg[FROM], leg[SHIFT] = until, 0.0
    return _avoiding(one, leg), other._replace(done=max(other.done, until + 1))


def _avoiding(rules: Rules, leg: F64) -> Rules:
    return rules._replace(legs=(*rules.legs, tuple(float(v) for v in leg)))


def _closed(a: F64, b: F64, apart: float) -> tuple[int, int]:
    """Return the ticks (first, last + 1) during which standing where ``b`` stands meets leg ``a``."""
    leg = a[None].copy()
    leg[0, APART], leg[0, SHIFT] = apart, 0.0
    first, last = closed_ticks(leg, 0, float(b[ROW]), float(b[COL]))
    return int(first), int(last)


def _slack(a: F64, b: F64, apart: float) -> int:
    """Return by how many ticks the move ``b`` can be later and one and the same action of ``a`` still meets both."""
    both, one = b[None], a[None]
    if a[ROW_SPEED] == 0.0 and a[COL_SPEED] == 0.0:  # ticks of a wait that meet the move, first to last
        low, high = _closed(b, a, apart)
        return max(min(high, int(a[UNTIL])) - 1 - low, 0)
    low, high = 0, int(a[UNTIL] - b[FROM]) + 1  # low meets, high does not
    while high - low > 1:
        middle = (low + high) // 2
        if meets(both, 0, float(middle), one, 0, apart):
            low = middle
        else:
            high = middle
    return low


def _direction(leg: F64) -> int:
    row, col = np.sign(leg[ROW_SPEED]), np.sign(leg[COL_SPEED])
    return int(np.flatnonzero((row == ROW_STEP) & (col == COL_STEP))[0])


def apart_of(one: Task, other: Task) -> float:
    """Return how far two robots must be apart [cells]."""
    return (one.radius + other.radius) * TOUCHING
