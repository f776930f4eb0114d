"""The slow, obvious way to route a few robots optimally: A* over all robots' states together, one tick after the other."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence

import numpy as np

from moonfleet.autonomy.fleet_routes import FleetRobot

STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
Place = tuple[tuple[int, int], tuple[int, int], int, bool]  # cell, cell it goes to, ticks under way, done


def slow_ticks(
    robot: FleetRobot, a: tuple[int, int], k: int, cell_m: float, step_s: float, allowed: np.ndarray | None, cut: bool
) -> int:
    """Return the ticks of a move, 0 if it is not allowed."""
    cost = robot.cost
    b = a[0] + STEPS[k][0], a[1] + STEPS[k][1]
    if not (0 <= b[0] < cost.shape[0] and 0 <= b[1] < cost.shape[1]) or not np.isfinite(cost[b]):
        return 0
    if not cut and k > 3 and not (np.isfinite(cost[a[0], b[1]]) and np.isfinite(cost[b[0], a[1]])):
        return 0
    if allowed is not None and not (int(allowed[a]) & int(allowed[b]) & (1 << k)):
        return 0
    pace = [max(float(cost[c]), 1.0 / robot.speed_m_s) for c in (a, b)]
    return max(1, math.ceil(sum(pace) / 2 * math.dist(a, b) * cell_m / step_s - 1e-9))


def slow_best(
    robots: Sequence[FleetRobot],
    cell_m: float,
    step_s: float,
    allowed: np.ndarray | None = None,
    makespan: bool = False,
    most: int = 400_000,
) -> float | None:
    """Return the least sum of arrival times (or the least last arrival) [s]; None if there is no plan. Gives up after ``most`` states."""
    n = len(robots)
    moves: list[dict[tuple[int, int], list[tuple[tuple[int, int], int]]]] = []
    to_go: list[dict[tuple[int, int], int]] = []
    for robot in robots:
        cells = [(int(r), int(c)) for r, c in np.argwhere(np.isfinite(robot.cost))]
        table = {}
        for a in cells:
            found = [(k, slow_ticks(robot, a, k, cell_m, step_s, allowed, False)) for k in range(8)]
            table[a] = [((a[0] + STEPS[k][0], a[1] + STEPS[k][1]), ticks) for k, ticks in found if ticks]
        far = dict.fromkeys(cells, 10**9)
        far[robot.goal_rc] = 0
        for _ in cells:  # Bellman and Ford
            for a in cells:
                far[a] = min([far[a], *(ticks + far[b] for b, ticks in table[a])])
        moves.append(table)
        to_go.append(far)
    depart = [math.ceil(robot.depart_s / step_s - 1e-9) for robot in robots]
    apart = np.array([[(a.clearance_m + b.clearance_m) / cell_m * (1 - 1e-9) for b in robots] for a in robots])

    def left(i: int, place: Place, t: int) -> int:
        cell, to, under_way, done = place
        if done:
            return 0
        if under_way:
            whole = dict(moves[i][cell])[to]
            return whole - under_way + to_go[i][to]
        return to_go[i][cell] + max(depart[i] - t, 0)

    def options(i: int, place: Place, t: int) -> list[tuple[Place, int, tuple[float, float], tuple[float, float]]]:
        cell, to, under_way, done = place
        if done:
            return [(place, 0, cell, cell)]
        if under_way:
            return [step(i, cell, to, under_way)]
        found = [((cell, cell, 0, False), 1, cell, cell)]
        if t >= depart[i]:
            found += [step(i, cell, b, 0) for b, _ in moves[i][cell]]
            if cell == robots[i].goal_rc:
                found.append(((cell, cell, 0, True), 0, cell, cell))
        return found

    def step(i: int, a: tuple[int, int], b: tuple[int, int], under_way: int):
        whole = dict(moves[i][a])[b]
        one, other = under_way / whole, (under_way + 1) / whole
        at = [tuple(a[k] + f * (b[k] - a[k]) for k in (0, 1)) for f in (one, other)]
        place = (b, b, 0, False) if under_way + 1 == whole else (a, b, under_way + 1, False)
        return place, 1, at[0], at[1]

    def safe(i: int, one, j: int, other) -> bool:
        gone = (one[0][3] and not robots[i].stays) or (other[0][3] and not robots[j].stays)
        if gone:
            return True
        p = (one[2][0] - other[2][0], one[2][1] - other[2][1])
        q = (one[3][0] - other[3][0], one[3][1] - other[3][1])
        d = (q[0] - p[0], q[1] - p[1])
        length2 = d[0] ** 2 + d[1] ** 2
        s = 0.0 if length2 == 0 else min(max(-(p[0] * d[0] + p[1] * d[1]) / length2, 0.0), 1.0)
        return math.hypot(p[0] + s * d[0], p[1] + s * d[1]) >= apart[i, j]

    start = tuple((robot.start_rc, robot.start_rc, 0, False) for robot in robots)
    lasts = max(depart, default=0)

    def bound(places: tuple[Place, ...], so_far: int, t: int) -> int:
        rest = [left(i, place, t) for i, place in enumerate(places)]
        return (
            max([so_far, *(t + r for r, place in zip(rest, places, strict=True) if not place[3])])
            if makespan
            else so_far + sum(rest)
        )

    queue = [(bound(start, 0, 0), 0, 0, 0, start)]
    seen: dict[tuple, int] = {}
    count = itertools.count(1)
    while queue:
        _, so_far, _, t, places = heapq.heappop(queue)
        if all(place[3] for place in places):
            return so_far * step_s
        key = (places, min(t, lasts) if not makespan else t)
        if seen.get(key, 10**9) <= so_far:
            continue
        seen[key] = so_far
        if len(seen) > most:
            return None
        chosen: list[list] = [[]]
        for i in range(n):  # robot by robot, dropping what collides
            chosen = [
                [*before, new]
                for before in chosen
                for new in options(i, places[i], t)
                if all(safe(j, before[j], i, new) for j in range(i))
            ]
        for moved in chosen:
            new = tuple(option[0] for option in moved)
            if makespan:  # done from this tick on: it arrived at t
                ended = [t for i in range(n) if new[i][3] and not places[i][3]]
                cost = max([so_far, *ended])
            else:
                cost = so_far + sum(option[1] for option in moved)
            b = bound(new, cost, t + 1)
            if b < 10**8:
                heapq.heappush(queue, (b, cost, next(count), t + 1, new))
    return None
