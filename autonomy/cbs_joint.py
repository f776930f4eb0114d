"""Search over the states of all robots together, tick by tick: for few robots that must shuffle in little room.

There conflict-based search climbs one tick of delay after the other, while the states that can occur are few: A* over all of them
(Standley 2010, without its splitting into single moves; joining robots that conflict too often is Sharon et al. 2012) ends, with the
best plan or with the proof that there is none. In open ground with many robots it is given up at once, by its limit.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .cbs_split import apart_of
from .fleet_clock import Clock
from .fleet_ground import FleetGround, Task, Way
from .fleet_moves import COL_STEP, FAR, ROW_STEP

RESTS, DONE = -1, -2  # directions of a robot that stands, and of one that is at its goal for good

Place = tuple[int, int, int]  # cell, direction it moves in, ticks since it left the cell
Line = tuple[float, float, float, float]  # row and column at the start of a tick and at its end
Choice = tuple[Place, Line]
Places = tuple[Place, ...]


class Joint(NamedTuple):
    """What a joint search came to: without ways and ``ended``, there is no plan below the limit."""

    ways: tuple[Way, ...] | None
    ended: bool


class JointSearch:
    """One run of the search for robots that have the map to themselves."""

    def __init__(self, ground: FleetGround, tasks: list[Task], makespan: bool) -> None:
        self.ground, self.tasks, self.makespan = ground, tasks, makespan
        self.apart2 = [[apart_of(one, other) ** 2 for other in tasks] for one in tasks]
        self.lasts = max(task.leave for task in tasks)
        self._choices: dict[tuple[int, Place, bool], list[Choice]] = {}

    def run(self, limit: int | None, tried_max: int, clock: Clock) -> Joint:
        """Search for a plan that costs less than ``limit`` [ticks], trying at most so many combinations of what robots can do next."""
        start: Places = tuple((task.start, RESTS, 0) for task in self.tasks)
        most = FAR if limit is None else limit
        first = self._bound(start, 0, 0)
        queue: list[tuple[int, int, int, int, Places]] = [(first, 0, 0, 0, start)] if first < most else []
        came: list[tuple[int, Places]] = [(-1, start)]
        seen: dict[tuple[Places, int], int] = {}
        tried = 0
        while queue:
            _, late, so_far, at, places = heapq.heappop(queue)
            t = -late
            if all(k == DONE for _, k, _ in places):
                return Joint(self._ways(came, at), True)
            key, worth = (places, min(t, self.lasts)), t if self.makespan else so_far
            if seen.get(key, FAR) <= worth:
                continue
            seen[key] = worth
            for new in self._next(places, t):
                tried += 1
                if tried > tried_max or (tried % 1024 == 0 and clock.over()):
                    return Joint(None, False)
                if len(new) < len(self.tasks):
                    continue  # part of a combination
                moved = tuple(place for place, _ in new)
                cost = so_far + sum(k != DONE for _, k, _ in moved)
                if self.makespan:
                    ended = any(a[1] == DONE and b[1] != DONE for a, b in zip(moved, places, strict=True))
                    cost = t if ended else so_far
                bound = self._bound(moved, cost, t + 1)
                if bound < most:
                    came.append((at, moved))
                    heapq.heappush(queue, (bound, -t - 1, cost, len(came) - 1, moved))
        return Joint(None, True)

    def _next(self, places: Places, t: int, new: tuple[Choice, ...] = ()) -> Iterator[tuple[Choice, ...]]:
        """Yield all that robots can do in a tick without meeting, after each choice of the first few of them."""
        i = len(new)
        if i == len(places):
            return
        for choice in self._choose(i, places[i], t >= self.tasks[i].leave):
            if all(self._keep(j, one, i, choice) for j, one in enumerate(new)):
                yield (*new, choice)
                yield from self._next(places, t, (*new, choice))

    def _choose(self, i: int, place: Place, may: bool) -> list[Choice]:
        """Return what one robot can do in a tick; ``may``: it may leave its start."""
        known = self._choices.get((i, place, may))
        if known is not None:
            return known
        task, (cell, direction, gone) = self.tasks[i], place
        row, col = divmod(cell, self.ground.rimmed[1])
        stand: Line = (row, col, row, col)
        found: list[Choice] = []
        if direction == DONE:
            found.append((place, stand))
        elif direction == RESTS:
            found.append((place, stand))
            if may and cell == task.goal:
                found.append(((cell, DONE, 0), stand))
        for k in range(8) if direction == RESTS and may else [direction] if direction >= 0 else []:
            ticks = int(task.moves[cell, k])
            to = cell + int(ROW_STEP[k]) * self.ground.rimmed[1] + int(COL_STEP[k])
            if ticks == 0 or task.to_go[to] >= FAR:
                continue
            a, b = gone / ticks, (gone + 1) / ticks
            line = (row + a * ROW_STEP[k], col + a * COL_STEP[k], row + b * ROW_STEP[k], col + b * COL_STEP[k])
            found.append(((to, RESTS, 0) if gone + 1 == ticks else (cell, k, gone + 1), line))
        self._choices[i, place, may] = found
        return found

    def _keep(self, i: int, one: Choice, j: int, other: Choice) -> bool:
        """Say whether two robots keep apart in a tick."""
        for k, (place, _) in ((i, one), (j, other)):
            if place[1] == DONE and not self.tasks[k].stays:
                return True
        a, b = one[1], other[1]
        p, q = a[0] - b[0], a[1] - b[1]
        u, v = a[2] - b[2] - p, a[3] - b[3] - q
        speed2 = u * u + v * v
        s = min(max(-(p * u + q * v) / speed2, 0.0), 1.0) if speed2 > 0.0 else 0.0
        return (p + s * u) ** 2 + (q + s * v) ** 2 >= self.apart2[i][j]

    def _bound(self, places: Places, so_far: int, t: int) -> int:
        total, last = so_far, so_far
        for task, (cell, k, gone) in zip(self.tasks, places, strict=True):
            if k == DONE:
                continue
            if k == RESTS:
                left = int(task.to_go[cell]) + max(task.leave - t, 0)
            else:
                to = cell + int(ROW_STEP[k]) * self.ground.rimmed[1] + int(COL_STEP[k])
                left = int(task.moves[cell, k]) - gone + int(task.to_go[to])
            total, last = total + left, max(last, t + left)
        return last if self.makespan else total

    def _ways(self, came: list[tuple[int, Places]], at: int) -> tuple[Way, ...]:
        track: list[Places] = []
        while at >= 0:
            at, places = came[at]
            track.append(places)
        track.reverse()
        ways: list[Way] = []
        for i, task in enumerate(self.tasks):
            rows = [[task.start, task.at, task.at]]
            ticks = 0
            for t, (before, after) in enumerate(itertools.pairwise(track)):
                (cell, k, _), (to, direction, _) = before[i], after[i]
                if k == RESTS and (direction != RESTS or to != cell):
                    rows[-1][2] = ticks = t  # it leaves, or is done
                if to != cell:
                    rows.append([to, t + 1, t + 1])
            ways.append(Way(np.array(rows, dtype=np.int64), ticks))
        return tuple(ways)
