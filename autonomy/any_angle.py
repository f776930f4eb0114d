"""Routes that turn where the ground says, not where a grid does: short, smooth, clear of keep-outs and impassable cells.

Three candidates, of which the cheapest is returned:

- the shortest way among the keep-outs (`visibility_graph`), if the ground lets it pass; where it runs on the cheapest ground only,
  nothing can be cheaper, and the search ends here;
- the same way pulled taut on the cost (`tauten`);
- the way of the 48-direction search (`wide_search`), pulled taut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef

from .errors import CostError, GoalBlocked, GoalOutside, NoRoute, PlanError, StartBlocked, ZoneError
from .keepout_grid import KeepoutGrid
from .line_cost import NO_KEEPOUTS, Keepouts, polyline_cost
from .search import nearest_free
from .search_grid import plain_numbers
from .tauten import taut
from .visibility_graph import shortest_among
from .wide_search import wide_search
from .zones import Zones

if TYPE_CHECKING:
    from shapely import Polygon

MOST_ZONES = 400  # ways round more than so many keep-outs are left to the search on the grid
STRETCH = 4.0  # ways among keep-outs longer than so many times the straight line (and 100 cells) are not looked for

INSET = 1e-6  # [cells] a way among keep-outs stays so far off the rim of the map

Floats = NDArray[np.float64]


class GroundRoute(NamedTuple):
    """A route over the ground: waypoints ``xy`` float64 [n, 2] [m], its cost (cost per metre times metres) and length [m]."""

    xy: Floats
    cost: float
    length_m: float


def any_angle(
    cost: NDArray[np.float32],
    ref: GeoRef,
    start_xy: tuple[float, float],
    goal_xy: tuple[float, float],
    keepouts: Zones | KeepoutGrid | None = None,
) -> GroundRoute:
    """Return a route whose cost is, within about 1 %, the least of all ways a pen can draw.

    Parameters
    ----------
    cost : float32 [R, C], cost per metre, 0 or more; inf, NaN or masked is impassable.
    ref : where the grid lies.
    start_xy, goal_xy : any points of passable cells [m], outside all keep-outs.
    keepouts : polygons that the route may not touch; a `KeepoutGrid` is ready for many routes over one grid.

    Raises
    ------
    StartBlocked, GoalOutside, GoalBlocked, NoRoute : with the place and what would help.
    CostError : a grid that cannot be searched.
    ZoneError : keep-outs that are not `Zones` of valid polygons.
    PlanError : ends that are not two numbers each.
    """
    for xy, what in ((start_xy, "start_xy"), (goal_xy, "goal_xy")):
        if np.shape(xy) != (2,) or np.asarray(xy).dtype.kind not in "iuf":
            raise PlanError(f"{what}: {xy!r}; must be two numbers, (x, y) [m].")
    grid, cheapest = searchable(cost, ref)
    keep = keepouts
    if not (keep is None or isinstance(keep, Zones | KeepoutGrid)):
        raise ZoneError(f"keepouts: {type(keep).__name__}; must be Zones(polygons), a KeepoutGrid of them, or None.")
    if keep is None or isinstance(keep, Zones):
        keep = Zones(()) if keep is None else keep
        keep = KeepoutGrid(keep, ref)
    elif keep.ref != ref:
        raise CostError(f"keep-outs lie on {keep.ref}; they must be laid on the cost's own grid, {ref}.")
    start, goal = _end(grid, ref, start_xy, True), _end(grid, ref, goal_xy, False)
    for xy, what, error in ((start_xy, "start", StartBlocked), (goal_xy, "goal", GoalBlocked)):
        if keep.zones.blocks(np.array([xy], dtype=np.float64)):
            raise error(f"{what} ({xy[0]:.1f}, {xy[1]:.1f}) m lies inside a keep-out; choose a point outside.")
    found = best_way(grid, ref, cheapest, start, goal, keep)
    if found is None:
        raise NoRoute(
            f"impassable ground or keep-outs close every way from ({start_xy[0]:.1f}, {start_xy[1]:.1f}) to "
            f"({goal_xy[0]:.1f}, {goal_xy[1]:.1f}) m; another goal, or a robot that climbs steeper slopes, would help."
        )
    return as_route(grid, ref, found, np.array([start_xy, goal_xy], dtype=np.float64))


def searchable(cost: NDArray[np.float32], ref: GeoRef) -> tuple[NDArray[np.float32], float]:
    """Return the grid with inf for NaN and masked cells, and its cheapest passable cell; raises `CostError`."""
    numbers = plain_numbers(cost, "cost grid")
    if numbers.shape != ref.shape:
        raise CostError(f"cost grid: shape {numbers.shape}; must be {ref.shape}, as its georeference.")
    grid = np.ascontiguousarray(numbers, dtype=np.float32)
    free = np.isfinite(grid)
    if not free.all():
        grid = np.where(free, grid, np.float32(np.inf))
    cheapest = float(grid.min())
    if cheapest < 0.0:
        raise CostError(f"cost grid: cheapest cell {cheapest}; costs per metre must be 0 or more, inf for impassable.")
    return grid, cheapest if np.isfinite(cheapest) else 0.0


def best_way(
    grid: NDArray[np.float32], ref: GeoRef, cheapest: float, start: Floats, goal: Floats, keep: KeepoutGrid
) -> Floats | None:
    """Return the cheapest way found, float64 [n, 2] in fractional cells, None when there is none. Both ends must be free."""
    lists = keep.lists
    ways = _among(grid, ref, start, goal, keep)
    if ways and polyline_cost(grid, lists, ways[0]) <= cheapest * _length(ways[0]) * (1.0 + 1e-7):
        return ways[0]
    ways += [taut(grid, lists, way, cheapest) for way in ways]
    way = wide_search(grid, lists, (float(start[0]), float(start[1])), (float(goal[0]), float(goal[1])), cheapest)
    if len(way):
        ways.append(taut(grid, lists, way, cheapest))
    return min(ways, key=lambda way: polyline_cost(grid, lists, way)) if ways else None


def as_route(grid: NDArray[np.float32], ref: GeoRef, way: Floats, ends_xy: Floats | None = None) -> GroundRoute:
    """Return a way in fractional cells as a route [m]; ``ends_xy`` [2, 2] are its ends as they were given."""
    x, y = ref.xy(way[:, 0], way[:, 1])
    xy = np.column_stack([x, y])
    if ends_xy is not None:
        xy[0], xy[-1] = ends_xy
    lists: Keepouts = NO_KEEPOUTS
    return GroundRoute(xy, polyline_cost(grid, lists, way) * ref.cell_m, _length(xy))


def _among(grid: NDArray[np.float32], ref: GeoRef, start: Floats, goal: Floats, keep: KeepoutGrid) -> list[Floats]:
    """Return the shortest way among the keep-outs in fractional cells, if the ground lets it pass."""
    ends = np.column_stack(ref.xy(np.array([start[0], goal[0]]), np.array([start[1], goal[1]])))
    longest = STRETCH * _length(ends) + 100.0 * ref.cell_m
    zones = Zones((*keep.zones.polygons, map_frame(ref)))
    try:
        xy = np.array(shortest_among(ends[0], ends[1], zones, longest, most=MOST_ZONES))
    except NoRoute:
        return []
    way = np.column_stack(ref.rowcol(xy[:, 0], xy[:, 1]))
    way[0], way[-1] = start, goal
    return [way] if np.isfinite(polyline_cost(grid, keep.lists, way)) else []


def map_frame(ref: GeoRef) -> Polygon:
    """Return the rim of a map as a keep-out [m], so that no way leaves it."""
    xmin, ymin, xmax, ymax = ref.bounds
    rim = INSET * ref.cell_m
    inner = shapely.box(xmin + rim, ymin + rim, xmax - rim, ymax - rim)
    outer = shapely.box(xmin - ref.cell_m, ymin - ref.cell_m, xmax + ref.cell_m, ymax + ref.cell_m)
    return cast("Polygon", shapely.difference(outer, inner))


def _length(points: Floats) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _end(grid: NDArray[np.float32], ref: GeoRef, xy: tuple[float, float], is_start: bool) -> Floats:
    """Return an end in fractional cells; raises the error that says what is wrong with it."""
    what = "start" if is_start else "goal"
    outside: type[PlanError] = StartBlocked if is_start else GoalOutside
    row, col = ref.rowcol(float(xy[0]), float(xy[1]))
    cell = (int(np.floor(row + 0.5)), int(np.floor(col + 0.5))) if np.isfinite(row + col) else (-1, -1)
    if not (0 <= cell[0] < ref.rows and 0 <= cell[1] < ref.cols):
        xmin, ymin, xmax, ymax = ref.bounds
        raise outside(
            f"{what} ({xy[0]:.1f}, {xy[1]:.1f}) m is off the map; x must be {xmin:.0f}..{xmax:.0f} m, "
            f"y {ymin:.0f}..{ymax:.0f} m."
        )
    if not np.isfinite(grid[cell]):
        blocked: type[PlanError] = StartBlocked if is_start else GoalBlocked
        free = nearest_free(grid, *cell)
        hint = "no passable ground lies near it"
        if free:
            x, y = ref.xy(*free)
            hint = f"the nearest passable ground is ({x:.0f}, {y:.0f}) m"
        raise blocked(f"{what} ({xy[0]:.1f}, {xy[1]:.1f}) m, cell {cell}, is impassable ground; {hint}.")
    return np.array([row, col])
