"""A route mended where a new hazard lies on it: one tree query finds the cut, and only the cut span is planned anew.

The span begins and ends a little before and after the hazard, and is planned in a small window of the cost grid among the hazards known
there (`any_angle`). When nothing leads through, or only a long way round, the span and its window grow; the last resort is a whole new
route. What is returned was tested against all hazards, whichever way it came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef

from .any_angle import any_angle, best_way, searchable
from .errors import CostError, GoalBlocked, PlanError, StartBlocked
from .keepout_grid import KeepoutGrid
from .line_cost import NO_KEEPOUTS, polyline_cost
from .search_grid import plain_numbers
from .zones import Zones, check_polygons

if TYPE_CHECKING:
    from shapely import Polygon

RECENT = 64  # hazards in the small tree before they move to the large one
MARGIN_CELLS = 6.0  # [cells] how far before and after the hazard the first span reaches
WIDER = 3.0  # the next span reaches so many times as far
TRIES = 4  # spans that are tried before the whole route is planned anew
END_M = 1e-3  # [m] by which what is done may exceed a route's length, which two roundings may tell apart
LONG_WAY = 1.5  # a span that costs more than so many times the old one is tried wider, too


Floats = NDArray[np.float64]


class Hazards:
    """Keep-outs of which more are found as time goes by: a large tree, and a small one of the latest that is cheap to make anew.

    Raises `ZoneError` for what is no valid polygon, which names it.
    """

    def __init__(self, known: Sequence[Polygon] | Zones = ()) -> None:
        check_polygons(known.polygons if isinstance(known, Zones) else known)
        self._old = known if isinstance(known, Zones) else Zones(known)
        self._new = Zones(())

    def __len__(self) -> int:
        return len(self._old) + len(self._new)

    @property
    def polygons(self) -> tuple[Polygon, ...]:
        """All of them."""
        return self._old.polygons + self._new.polygons

    def add(self, polygons: Sequence[Polygon]) -> None:
        """Learn of more; raises `ZoneError` for what is no valid polygon, and learns of none of them then."""
        check_polygons(polygons)
        latest = (*self._new.polygons, *polygons)
        if len(latest) > RECENT:
            self._old, self._new = Zones((*self._old.polygons, *latest)), Zones(())
        else:
            self._new = Zones(latest)

    def touched(self, xy: Floats) -> list[Polygon]:
        """Return those that a polyline xy float64 [n, 2] [m] touches."""
        found: list[Polygon] = []
        for zones in (self._old, self._new):
            found += [zones.polygons[i] for i in zones.hits(xy)]
        return found

    def near(self, box: tuple[float, float, float, float]) -> Zones:
        """Return those whose bounding box meets (xmin, ymin, xmax, ymax) [m]."""
        found: list[Polygon] = []
        for zones in (self._old, self._new):
            found += [zones.polygons[i] for i in zones.near(*box)]
        return Zones(found)


class Repaired(NamedTuple):
    """A route that is clear: ``xy`` float64 [n, 2] [m] from the pose on, its cost, and how it came about.

    ``span_m`` (begin, end) [m] is the part of the old route that was cut out, counted from its start; None when it was clear.
    ``tries`` is how many spans were planned; ``whole`` says that the whole rest was.
    """

    xy: Floats
    cost: float
    span_m: tuple[float, float] | None
    tries: int
    whole: bool


def find_cut(xy: Floats, hazards: Hazards, done_m: float = 0.0) -> tuple[float, float] | None:
    """Return where (from, to) [m] along a route the hazards are met on what lies ahead of ``done_m``; None when it is clear.

    Raises `PlanError` for a route that is none, or a ``done_m`` that is not on it.
    """
    xy = _checked(xy, done_m)
    rest = ahead(xy, done_m)
    touched = hazards.touched(rest)
    if not touched:
        return None
    if len(rest) == 1:
        return done_m, done_m
    line = shapely.LineString(rest)
    met = shapely.get_coordinates(shapely.intersection(line, np.array(touched, dtype=object)))
    along = shapely.line_locate_point(line, shapely.points(met)) + done_m
    return float(along.min()), float(along.max())


def repair(cost: NDArray[np.float32], ref: GeoRef, xy: Floats, hazards: Hazards, done_m: float = 0.0) -> Repaired:
    """Return the rest of a route with what hazards lie on it led around.

    Parameters
    ----------
    cost : float32 [R, C], cost per metre; inf or NaN is impassable. Raised costs are heeded in the planned span only.
    ref : where the grid lies.
    xy : the route, float64 [n, 2] [m].
    hazards : all that are known, the new ones too.
    done_m : how much of the route is behind the robot [m]; the result begins there.

    Raises
    ------
    StartBlocked, GoalBlocked : the robot or its goal is inside a hazard.
    NoRoute : no way is left.
    CostError : a grid that cannot be searched.
    PlanError : a route that is none, or a ``done_m`` that is not on it.
    """
    cost = plain_numbers(cost, "cost grid").astype(np.float32, copy=False)
    xy = _checked(xy, done_m)
    if cost.shape != ref.shape:
        raise CostError(f"cost grid: shape {cost.shape}; must be {ref.shape}, as its georeference.")
    rest = ahead(xy, done_m)
    cut = find_cut(xy, hazards, done_m)
    if cut is None:
        return Repaired(rest, _cost(cost, ref, rest), None, 0, False)
    for end, what, error in ((rest[0], "robot", StartBlocked), (rest[-1], "goal", GoalBlocked)):
        if hazards.touched(end[None, :]):
            raise error(f"{what} at ({end[0]:.1f}, {end[1]:.1f}) m is inside a hazard; choose a point outside.")
    along = _along(xy)
    margin = MARGIN_CELLS * ref.cell_m + 0.5 * (cut[1] - cut[0])
    best: tuple[float, Floats, tuple[float, float]] | None = None
    tries = 0
    while tries < TRIES:
        tries += 1
        span = (max(cut[0] - margin, done_m), min(cut[1] + margin, float(along[-1])))
        way = _replanned(cost, ref, xy, along, span, hazards)
        if way is not None:
            mended = _joined(cost, ref, ahead(_until(xy, span[0]), done_m), way, ahead(xy, span[1]), hazards)
            total = _cost(cost, ref, mended)
            if np.isfinite(total) and not hazards.touched(mended):
                old = _cost(cost, ref, _until(ahead(xy, span[0]), span[1] - span[0]))
                if best is None or total < best[0]:
                    best = (total, mended, span)
                if _cost(cost, ref, way) <= LONG_WAY * old:
                    break
        if span == (done_m, float(along[-1])):
            break
        margin *= WIDER
    if best is not None:
        return Repaired(best[1], best[0], best[2], tries, False)
    start, goal = (float(rest[0, 0]), float(rest[0, 1])), (float(rest[-1, 0]), float(rest[-1, 1]))
    fresh = any_angle(cost, ref, start, goal, Zones(hazards.polygons))
    return Repaired(fresh.xy, fresh.cost, (done_m, float(along[-1])), tries, True)


def _checked(xy: Floats, done_m: float) -> Floats:
    """Return a route as float64 [n, 2]; raises `PlanError` if it, or what is done of it, makes no sense."""
    route = np.asarray(xy, dtype=np.float64)
    if route.ndim != 2 or route.shape[1] != 2 or len(route) == 0:
        raise PlanError(f"xy: a route of shape {route.shape}; must be [n, 2] with one waypoint at least.")
    finite = np.isfinite(route).all(axis=1)
    if not finite.all():
        i = int(np.argmin(finite))
        raise PlanError(f"xy[{i}]: {route[i].tolist()}; waypoints must be finite metres.")
    length = float(_along(route)[-1])
    if not 0.0 <= done_m <= length + END_M:
        raise PlanError(f"done_m: {done_m}; must be 0..{length:.3f} m, the length of the route.")
    return route


def _replanned(
    cost: NDArray[np.float32], ref: GeoRef, xy: Floats, along: Floats, span: tuple[float, float], hazards: Hazards
) -> Floats | None:
    """Return a way [m] between the ends of a span, planned in a window around it; None when there is none."""
    old = _until(ahead(xy, span[0]), span[1] - span[0])
    row, col = ref.rowcol(old[:, 0], old[:, 1])
    pad = max(MARGIN_CELLS, 0.5 * (span[1] - span[0]) / ref.cell_m)
    row0, row1 = max(int(row.min() - pad), 0), min(int(row.max() + pad) + 2, ref.rows)
    col0, col1 = max(int(col.min() - pad), 0), min(int(col.max() + pad) + 2, ref.cols)
    window = GeoRef(ref.x_left + col0 * ref.cell_m, ref.y_top - row0 * ref.cell_m, ref.cell_m, row1 - row0, col1 - col0)
    grid, cheapest = searchable(cost[row0:row1, col0:col1], window)
    keep = KeepoutGrid(hazards.near(window.bounds), window, checked=True)
    ends = np.column_stack([row[[0, -1]] - row0, col[[0, -1]] - col0])
    way = best_way(grid, window, cheapest, ends[0], ends[1], keep)
    if way is None:
        return None
    found = np.column_stack(window.xy(way[:, 0], way[:, 1]))
    found[0], found[-1] = old[0], old[-1]
    return found


def _joined(
    cost: NDArray[np.float32], ref: GeoRef, head: Floats, way: Floats, tail: Floats, hazards: Hazards
) -> Floats:
    """Return head, way and tail as one route, without the seams where a straight line does as well."""
    points = [*head, *way[1:], *tail[1:]]
    for seam in (len(head) + len(way) - 2, len(head) - 1):  # the later first, so that the other keeps its number
        if 0 < seam < len(points) - 1:
            three = np.array(points[seam - 1 : seam + 2])
            straight = three[[0, 2]]
            if _cost(cost, ref, straight) <= _cost(cost, ref, three) and not hazards.touched(straight):
                del points[seam]
    return np.array(points)


def ahead(xy: Floats, done_m: float) -> Floats:
    """Return what lies ahead of ``done_m`` metres along a polyline float64 [n, 2]: its last point at least."""
    along = _along(xy)
    if done_m <= 0.0:
        return xy
    if done_m >= along[-1]:
        return xy[-1:]
    return np.concatenate([_point(xy, along, done_m)[None, :], xy[along > done_m]])


def _until(xy: Floats, end_m: float) -> Floats:
    """Return the first ``end_m`` metres of a polyline: its first point at least."""
    along = _along(xy)
    if end_m >= along[-1]:
        return xy
    if end_m <= 0.0:
        return xy[:1]
    return np.concatenate([xy[along < end_m], _point(xy, along, end_m)[None, :]])


def _along(xy: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])


def _point(xy: Floats, along: Floats, at_m: float) -> Floats:
    return np.array([np.interp(at_m, along, xy[:, 0]), np.interp(at_m, along, xy[:, 1])])


def _cost(cost: NDArray[np.float32], ref: GeoRef, xy: Floats) -> float:
    """Return the cost of a polyline [m] over the ground; inf where it leaves the grid or is impassable."""
    row, col = ref.rowcol(xy[:, 0], xy[:, 1])
    return polyline_cost(cost, NO_KEEPOUTS, np.column_stack([row, col])) * ref.cell_m
