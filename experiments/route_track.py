"""A way over a site as a page draws it: points, and where they are known times, battery, light, links and stops.

One shape for every kind of plan: a light plan, cells of a grid search, an any-angle line.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef

if TYPE_CHECKING:
    from moonfleet.autonomy.lightplan import LightPlan
    from moonfleet.autonomy.lightplan_problem import LightProblem

F64 = NDArray[np.float64]
HOUR_S = 3600.0


class RouteStop(NamedTuple):
    """Standing from point ``first`` to ``last``; ``reason`` as `moonfleet.autonomy.lightplan.LightWait`."""

    first: int
    last: int
    reason: str
    gained_wh: float


class RouteTrack(NamedTuple):
    """Points ``xy`` float64 [n, 2] [m of the site's map] in order; the rest where it is known, else None.

    ``times_s`` float64 [n] after setting out is thought of; ``battery_wh`` float64 [n]; ``lit`` float64 [n - 1], the share of the Sun's
    disc between two points; ``earth`` bool [n - 1], the Earth in sight; ``lost``: why the way ends before its goal, else empty.
    """

    xy: F64
    times_s: F64 | None = None
    battery_wh: F64 | None = None
    lit: F64 | None = None
    earth: NDArray[np.bool_] | None = None
    stops: tuple[RouteStop, ...] = ()
    lost: str = ""

    @property
    def along_m(self) -> F64:
        """Way from the first point to each, on the map [m], float64 [n]."""
        return np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(self.xy, axis=0).T))))

    @property
    def metres(self) -> float:
        """Length of the way [m]."""
        return float(self.along_m[-1])

    @property
    def driving(self) -> NDArray[np.bool_]:
        """Between which points it moves, bool [n - 1]."""
        return np.asarray(np.diff(self.xy, axis=0).any(axis=1))

    def hours(self, where: NDArray[np.bool_]) -> float:
        """Time [h] in the intervals ``where`` (bool [n - 1]); nought without times."""
        return 0.0 if self.times_s is None else float(np.diff(self.times_s)[where].sum()) / HOUR_S


def track_of_line(xy: ArrayLike) -> RouteTrack:
    """Return the track of a plain line (x, y [m], [n, 2]). Raises `SiteError` for anything else."""
    points = np.asarray(xy, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2 or not np.isfinite(points).all():
        raise SiteError(f"route: shape {points.shape}; allowed: finite x, y [n, 2] with two points at least.")
    return RouteTrack(points)


def track_of_cells(ref: GeoRef, cells: ArrayLike) -> RouteTrack:
    """Return the track through the middles of cells (row, col), [n, 2]. Raises `SiteError` for anything else."""
    rc = np.asarray(cells)
    if rc.ndim != 2 or rc.shape[1] != 2:
        raise SiteError(f"route: cells of shape {rc.shape}; allowed: row, col [n, 2].")
    return track_of_line(np.stack(ref.xy(rc[:, 0], rc[:, 1]), axis=-1))


def track_of_plan(ref: GeoRef, problem: LightProblem, plan: LightPlan) -> RouteTrack:
    """Return the track of a light plan, with the light and the links that its problem knows of."""
    from moonfleet.autonomy.lightplan_check import LightLaw

    law = LightLaw(problem)
    cells, times = plan.cells, plan.times_s
    lit = np.empty(len(cells) - 1)
    earth = np.ones(len(cells) - 1, dtype=np.bool_)
    for i in range(len(cells) - 1):
        # as the planner counts: the light of the step in which the robot gets there
        step = min(max(math.ceil(times[i + 1] / problem.step_s - 1e-9) - 1, 0), problem.steps - 1)
        cell = (int(cells[i + 1, 0]), int(cells[i + 1, 1]))
        moved = bool((cells[i] != cells[i + 1]).any())
        lit[i] = (law.light_round(step, cell) if moved else int(problem.lit[(step, *cell)])) / 255.0
        earth[i] = law.sees_earth(step, cell)
    stops = tuple(RouteStop(w.first, w.last, w.reason, w.gained_wh) for w in plan.waits)
    xy = np.stack(ref.xy(cells[:, 0], cells[:, 1]), axis=-1)
    return RouteTrack(xy, times, plan.battery_wh, lit, earth, stops)
