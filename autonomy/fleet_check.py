"""Whether timed routes keep robots apart: the least distance of every two discs over continuous time, independent of any planner.

Two robots go straight between the times of their routes, so between the times of either their offset is a straight line, whose least
distance from zero is known exactly. Nothing here uses the planner's code, grids or ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import PlanError
from .fleet_routes import FleetPlan, TimedRoute

SLACK_M = 1e-6  # touching within a micrometre is no conflict


class FleetConflict(NamedTuple):
    """Two robots (indexes, first < second) that come nearer than their clearances allow, where they are nearest."""

    first: int
    second: int
    time_s: float
    distance_m: float
    needed_m: float


def fleet_conflicts(
    routes: FleetPlan | Sequence[TimedRoute], cell_m: float | None = None, slack_m: float = SLACK_M
) -> list[FleetConflict]:
    """Return every two robots that are ever nearer than the sum of their clearances; an empty list is a safe plan.

    ``routes`` is a plan, or routes and the size of a cell [m]. A robot stands at its first cell before its route begins and at its
    last after it ends, or is gone then (``stays`` False).
    """
    if isinstance(routes, FleetPlan):
        cell_m, routes = routes.cell_m, routes.routes
    if cell_m is None:
        raise PlanError("cell_m: routes without a plan need the size of a cell [m].")
    places = [route.cells.astype(np.float64) * cell_m for route in routes]
    low = [place.min(axis=0) for place in places]
    high = [place.max(axis=0) for place in places]
    found: list[FleetConflict] = []
    for i, one in enumerate(routes):
        for j in range(i + 1, len(routes)):
            needed = one.clearance_m + routes[j].clearance_m
            gap = np.maximum(np.maximum(low[i] - high[j], low[j] - high[i]), 0.0)
            if np.hypot(*gap) >= needed:
                continue  # their whole ways lie apart
            at, distance = closest(one, routes[j], places[i], places[j])
            if distance < needed - slack_m:
                found.append(FleetConflict(i, j, at, distance, needed))
    return found


def closest(
    one: TimedRoute, other: TimedRoute, one_m: NDArray[np.float64], other_m: NDArray[np.float64]
) -> tuple[float, float]:
    """Return (time [s], distance [m]) of the nearest approach of two routes whose places [n, 2] are given in metres."""
    until = np.inf
    if not one.stays:
        until = min(until, one.arrival_s)
    if not other.stays:
        until = min(until, other.arrival_s)
    begin = min(one.time_s[0], other.time_s[0], until)
    end = min(until, max(one.time_s[-1], other.time_s[-1]))
    times = np.unique(np.concatenate([one.time_s, other.time_s, [begin, end]]))
    times = times[(times >= begin) & (times <= end)]
    offset = np.column_stack(
        [np.interp(times, one.time_s, one_m[:, k]) - np.interp(times, other.time_s, other_m[:, k]) for k in (0, 1)]
    )
    run = np.diff(offset, axis=0)
    length2 = (run**2).sum(axis=1)
    along = np.clip(-(offset[:-1] * run).sum(axis=1) / np.where(length2 > 0.0, length2, 1.0), 0.0, 1.0)
    nearest = np.vstack([offset[:-1] + along[:, None] * run, offset[-1:]])
    when = np.append(times[:-1] + along * np.diff(times), times[-1])
    distance = np.hypot(nearest[:, 0], nearest[:, 1])
    k = int(np.argmin(distance))
    return float(when[k]), float(distance[k])
