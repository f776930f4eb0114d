"""Any-angle routes: how short they are, whether they ever touch what they must not, and how fast they are mended.

Lengths are held to references that share nothing with the planner: the full visibility graph over every corner, each sight line tested by
shapely, and fast marching of second order on a grid seven times finer, on a cost that is a formula. A route is charged by the formula too,
not by the grid it was planned on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.autonomy.any_angle import any_angle, best_way, map_frame
from moonfleet.autonomy.errors import GoalBlocked, NoRoute, StartBlocked
from moonfleet.autonomy.keepout_grid import KeepoutGrid
from moonfleet.autonomy.line_cost import NO_KEEPOUTS, polyline_cost
from moonfleet.autonomy.repair import Hazards, find_cut, repair
from moonfleet.autonomy.search import shortest_path
from moonfleet.autonomy.smooth import shorten
from moonfleet.autonomy.tauten import taut
from moonfleet.autonomy.traversability import DriveLimits, drive_cost
from moonfleet.autonomy.wide_search import wide_search
from moonfleet.autonomy.zones import Zones, with_doubt
from moonfleet.terrain.catalogue import named_place
from moonfleet.terrain.grid import GeoRef, polar_xy
from moonfleet.terrain.rocks import rock_cover
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site_ground import regional_ground

from .registry import Bar, Row, Tell, at_least, at_most, holds
from .routes_reference import fast_marching, full_visibility_length

SHORT, REPAIR = "routes.3", "routes.4"
EXCESS_PERCENT = 1.0
FIELDS = range(1_000, 1_024)  # seeds of polygon fields
POLYGONS = 28
SMOOTH = range(2_000, 2_020)  # seeds of smooth costs
SIDE = 128  # cells of the planner's grid
FINER = 7  # odd, so that cell centres of the two grids coincide
CELL_M = 20.0
ROUTES = 10_000
WORLDS_SIDE = 96  # cells
ROUTES_A_WORLD = 40
INSIDE = 1e-6  # [cells] deeper than this in a cell is in it
SAMPLE = 0.05  # [cells]
PLACE = "connecting-ridge"
MAP_CELLS = 1024
HAZARDS = 10_000
TRIALS, ROUTE_COUNT, PLANNED_ANEW = 400, 8, 24
FOUND_MS, REPAIRED_MS = 2.0, 50.0

Floats = NDArray[np.float64]
T = TypeVar("T")


# ---- short --------------------------------------------------------------------------------------------------------------


def short(tell: Tell) -> list[Row]:
    """Every claim of the bar on lengths, and the property over all routes."""
    return [*among_polygons(tell), *among_cells(tell), *on_smooth_cost(tell), *never(tell)]


def star(rng: np.random.Generator, side_m: float, radius_m: tuple[float, float]) -> list[shapely.Polygon]:
    """Return a star with notches, in a third of all cases as a ring with a slit or a hole."""
    corners = int(rng.integers(3, 10))
    turn = np.sort(rng.uniform(0.0, 2.0 * math.pi, corners))
    radius = rng.uniform(*radius_m, corners)
    xy = rng.uniform(0.0, side_m, 2) + radius[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    shape = shapely.Polygon(xy).buffer(0.0)
    if rng.random() < 0.3:
        shape = shape.difference(shape.buffer(-0.2 * radius_m[1]))
    return [part for part in shapely.get_parts(shape).tolist() if part.area > 1.0]


def field(seed: int, side_m: float, count: int, radius_m: tuple[float, float]) -> list[shapely.Polygon]:
    """Return a seeded field of overlapping polygons, concave and with holes."""
    rng = stream(seed, "bench polygon field")
    return [part for _ in range(count) for part in star(rng, side_m, radius_m)]


def among_polygons(tell: Tell) -> list[Row]:
    """Flat ground among polygons, against the full visibility graph; also with the search and the tautening alone."""
    side_m = SIDE * CELL_M
    ref = GeoRef(0.0, side_m, CELL_M, SIDE, SIDE)
    flat = np.ones(ref.shape, dtype=np.float32)
    ours: list[float] = []
    searched: list[float] = []
    agreed = True
    for seed in FIELDS:
        polygons = field(seed, side_m, POLYGONS, (60.0, 420.0))
        start, goal = np.array([15.0, 15.0]), np.array([side_m - 15.0, side_m - 15.0])
        ends_xy = shapely.multipoints([start, goal])
        zones = Zones([polygon for polygon in polygons if shapely.distance(polygon, ends_xy) > 1.0])
        reference = full_visibility_length(start, goal, [*zones.polygons, map_frame(ref)])
        keep = KeepoutGrid(zones, ref)
        try:
            route = any_angle(flat, ref, (start[0], start[1]), (goal[0], goal[1]), keep)
        except NoRoute:
            agreed &= math.isinf(reference)
            continue
        ours.append(100.0 * (route.length_m / reference - 1.0))
        ends = [tuple(np.array(ref.rowcol(float(x), float(y))).tolist()) for x, y in (start, goal)]
        way = wide_search(flat, keep.lists, ends[0], ends[1], 1.0)
        if len(way):
            way = taut(flat, keep.lists, way, 1.0)
            length = polyline_cost(flat, keep.lists, way) * CELL_M
            searched.append(100.0 * (length / reference - 1.0))
    tell(f"{len(ours)} fields; search and tautening alone: mean {np.mean(searched):.3f} %, worst {max(searched):.3f} %")
    return [
        at_least(SHORT, "polygon fields with a way", len(ours), "", 15),
        holds(SHORT, "a way is found where there is one, and none where there is none", agreed),
        at_most(SHORT, "polygons, flat: worst excess over the visibility graph", max(ours), "%", EXCESS_PERCENT),
    ]


def among_cells(tell: Tell) -> list[Row]:
    """Flat ground with impassable cells, against the visibility graph round their outlines."""
    side = SIDE // 2
    ref = GeoRef(0.0, side * CELL_M, CELL_M, side, side)
    excess: list[float] = []
    plain: list[float] = []
    for seed in FIELDS:
        rng = stream(seed, "bench blocked cells")
        cost = np.ones(ref.shape, dtype=np.float32)
        for _ in range(24):
            r, c = rng.integers(4, side - 4, 2)
            h, w = rng.integers(1, 12, 2)
            cost[r : r + h, c : c + w] = np.inf
        cost[1:4, 1:4] = cost[-4:-1, -4:-1] = 1.0
        start, goal = ref.xy(2, 2), ref.xy(side - 3, side - 3)
        outline = shapely.get_parts(shapely.union_all(cells_of(cost, ref))).tolist()
        reference = full_visibility_length(np.array(start), np.array(goal), outline)
        if math.isinf(reference):
            continue
        excess.append(100.0 * (any_angle(cost, ref, start, goal).length_m / reference - 1.0))
        path = shortest_path(cost, (2, 2), (side - 3, side - 3), CELL_M, corner_cutting=False)
        pulled = shorten(path.cells, cost, ref)
        plain.append(100.0 * (float(np.hypot(*np.diff(pulled, axis=0).T).sum()) / reference - 1.0))
    tell(f"impassable cells: grid path with string pulling only: mean {np.mean(plain):.2f} %, worst {max(plain):.2f} %")
    return [
        at_most(SHORT, "impassable cells, flat: worst excess", max(excess), "%", EXCESS_PERCENT),
        at_most(SHORT, "impassable cells, flat: mean excess", float(np.mean(excess)), "%", EXCESS_PERCENT),
    ]


def cells_of(cost: NDArray[np.float32], ref: GeoRef, shrink: float = 0.0) -> NDArray[np.object_]:
    """Return the impassable cells as squares, each side ``shrink`` cells in."""
    shut = np.argwhere(~np.isfinite(cost))
    x, y = ref.xy(shut[:, 0], shut[:, 1])
    half = (0.5 - shrink) * ref.cell_m
    return np.asarray(shapely.box(x - half, y - half, x + half, y + half), dtype=object)


class Hills(NamedTuple):
    """A smooth cost: the exponential of a sum of Gaussian hills and hollows; places and widths in cells of the planner's grid."""

    middle: Floats  # [n, 2] row, col
    width: Floats  # [n]
    height: Floats  # [n]

    @classmethod
    def of(cls, seed: int) -> Hills:
        """Return the seeded cost."""
        rng = stream(seed, "bench smooth cost")
        count = 24
        return cls(rng.uniform(0, SIDE, (count, 2)), rng.uniform(6, 20, count), rng.uniform(-1.0, 1.6, count))

    def at(self, row: Floats, col: Floats) -> Floats:
        """Return the cost at fractional cells."""
        total = np.zeros(np.broadcast(row, col).shape)
        for (r, c), width, height in zip(self.middle, self.width, self.height, strict=True):
            total = total + height * np.exp(-0.5 * ((row - r) ** 2 + (col - c) ** 2) / width**2)
        return np.exp(total)


def on_smooth_cost(tell: Tell) -> list[Row]:
    """Cost that is a formula, against fast marching on the fine grid; and fast marching against times known exactly."""
    ref = GeoRef(0.0, SIDE * CELL_M, CELL_M, SIDE, SIDE)
    start, goal = (6, 6), (SIDE - 7, SIDE - 9)
    fine = (np.arange(SIDE * FINER) + 0.5) / FINER - 0.5
    at = np.array([start, goal]) * FINER + FINER // 2
    excess: list[float] = []
    plain: list[float] = []
    for seed in SMOOTH:
        hills = Hills.of(seed)
        reference = fast_marching(hills.at(fine[:, None], fine[None, :]), int(at[0, 0]), int(at[0, 1]))
        reference_cost = float(reference[at[1, 0], at[1, 1]]) / FINER
        centres = np.arange(SIDE, dtype=np.float64)
        cost = hills.at(centres[:, None], centres[None, :]).astype(np.float32)
        route = any_angle(cost, ref, ref.xy(*start), ref.xy(*goal))
        excess.append(100.0 * (charged(hills, route.xy, ref) / reference_cost - 1.0))
        path = shortest_path(cost, start, goal, CELL_M, corner_cutting=False)
        plain.append(100.0 * (charged(hills, shorten(path.cells, cost, ref), ref) / reference_cost - 1.0))
    tell(f"smooth cost: grid path with string pulling only: mean {np.mean(plain):.2f} %, worst {max(plain):.2f} %")
    error = marching_error()
    return [
        at_most(SHORT, "fast marching itself: worst error where the answer is known", error, "%", 0.1),
        at_most(SHORT, "smooth cost: worst excess over fast marching", max(excess), "%", EXCESS_PERCENT),
        at_most(SHORT, "smooth cost: mean excess over fast marching", float(np.mean(excess)), "%", EXCESS_PERCENT),
    ]


def marching_error() -> float:
    """Return the worst error [%] of fast marching where speed grows evenly with the row (rays are circles), far from the source."""
    side = SIDE * FINER
    slow = 1.0 / (1.0 + 3.0 * np.arange(side) / side)
    found = fast_marching(np.broadcast_to(slow[:, None], (side, side)).copy(), side // 8, side // 2)
    row, col = np.mgrid[:side, :side]
    growth = 3.0 / side
    v0, v1 = 1.0 / slow[side // 8], 1.0 / slow[row]
    square = (row - side // 8) ** 2.0 + (col - side // 2) ** 2.0
    exact = np.arccosh(1.0 + growth**2 * square / (2.0 * v0 * v1)) / growth
    # the rays are arcs round the line where the speed is zero; those that would leave the grid are no measure
    base, d = side / 3.0, col - side // 2
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = 0.5 * d + ((row + base) ** 2 - (side // 8 + base) ** 2) / (2.0 * d)  # columns from the source
        turns = middle * (middle - d) < 0.0
        apex = np.hypot(side // 8 + base, middle) - base
    far = (square > (side // 8) ** 2) & ((d == 0) | ~turns | (apex < side - 1))
    return float(100.0 * np.abs(found[far] / exact[far] - 1.0).max())


def charged(hills: Hills, xy: Floats, ref: GeoRef) -> float:
    """Return the integral of the formula along a route, in cells (midpoints of pieces of a fiftieth of a cell)."""
    total = 0.0
    for a, b in pairwise(xy):
        length = math.dist(a, b) / ref.cell_m
        t = (np.arange(max(math.ceil(50.0 * length), 1)) + 0.5) / max(math.ceil(50.0 * length), 1)
        row, col = ref.rowcol(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))
        total += length * float(hills.at(row, col).mean())
    return total


def never(tell: Tell) -> list[Row]:
    """Ten thousand routes: none touches a keep-out, none crosses an impassable cell."""
    side_m = WORLDS_SIDE * CELL_M
    ref = GeoRef(-0.5 * side_m, 100_000.0, CELL_M, WORLDS_SIDE, WORLDS_SIDE)
    routes = touching = crossing = off_ends = shut_in = 0
    world = 0
    began = time.process_time()
    while routes < ROUTES:
        rng = stream(world, "bench routes of all kinds")
        cost, zones = wild_world(rng, ref)
        keep = KeepoutGrid(zones, ref)
        tree = shapely.STRtree(list(zones.polygons))
        blocked = shapely.STRtree(cells_of(cost, ref, INSIDE))
        for _ in range(ROUTES_A_WORLD):
            ends = np.column_stack(ref.xy(*rng.uniform(0.0, WORLDS_SIDE - 1.0, (2, 2))))
            try:
                route = any_angle(cost, ref, (ends[0, 0], ends[0, 1]), (ends[1, 0], ends[1, 1]), keep)
            except NoRoute:
                shut_in += 1
                continue
            except (StartBlocked, GoalBlocked):
                continue
            routes += 1
            line = shapely.LineString(route.xy)
            points = sampled(route.xy, SAMPLE * CELL_M)
            in_zone = tree.query(shapely.points(points), predicate="intersects")[0].size
            touching += bool(tree.query(line, predicate="intersects").size or in_zone)
            row, col = (
                part[deep] for deep in [deep_in(points, ref)] for part in ref.rowcol(points[:, 0], points[:, 1])
            )
            sampled_shut = ~np.isfinite(cost[np.floor(row + 0.5).astype(int), np.floor(col + 0.5).astype(int)])
            crossing += bool(blocked.query(line, predicate="intersects").size or sampled_shut.any())
            off_ends += not (route.xy[[0, -1]] == ends).all()
        world += 1
        if world % 50 == 0:
            tell(f"{routes} routes in {world} worlds, {time.process_time() - began:.0f} s")
    upper = 100.0 * (1.0 - 0.025 ** (1.0 / routes))  # Clopper and Pearson, no event in so many
    tell(f"{routes} routes, {shut_in} pairs without a way; 95 % upper bound of a rate of none: {upper:.3f} %")
    return [
        at_least(SHORT, "routes examined", routes, "", ROUTES),
        at_most(SHORT, "of them touch a keep-out", touching, "", 0),
        at_most(SHORT, "of them cross an impassable cell", crossing, "", 0),
        at_most(SHORT, "of them begin or end elsewhere", off_ends, "", 0),
    ]


def wild_world(rng: np.random.Generator, ref: GeoRef) -> tuple[NDArray[np.float32], Zones]:
    """Return a cost with hills and holes of all sizes, and polygons of all shapes in it."""
    from scipy import ndimage

    rough: Floats = np.asarray(ndimage.zoom(rng.normal(size=(8, 8)), WORLDS_SIDE / 8.0, order=3), dtype=np.float64)
    cost = np.exp(rng.uniform(0.0, 1.0) * rough).astype(np.float32)
    holes: Floats = np.asarray(ndimage.zoom(rng.normal(size=(24, 24)), WORLDS_SIDE / 24.0, order=3), dtype=np.float64)
    cost[holes > rng.uniform(1.0, 2.5)] = np.inf
    cost[rng.random(cost.shape) < rng.choice([0.0, 0.01, 0.05])] = np.nan
    xmin, ymin, _, _ = ref.bounds
    shapes: list[shapely.Polygon] = []
    for _ in range(int(rng.integers(0, 50))):
        shapes += star(rng, WORLDS_SIDE * CELL_M, (5.0, float(rng.choice([30.0, 80.0, 200.0]))))
    moved = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + (xmin, ymin)) if shapes else []
    return cost, Zones(list(moved))


def deep_in(points: Floats, ref: GeoRef) -> NDArray[np.bool_]:
    """Say which points lie inside their cell, not on its edge."""
    row, col = ref.rowcol(points[:, 0], points[:, 1])
    edge = np.maximum(np.abs(row - np.floor(row + 0.5)), np.abs(col - np.floor(col + 0.5)))
    return edge < 0.5 - INSIDE


def sampled(xy: Floats, step_m: float) -> Floats:
    """Return points along a polyline, its corners and others no farther apart than ``step_m``."""
    corners = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    along = np.union1d(np.arange(0.0, corners[-1], step_m), corners)
    return np.column_stack([np.interp(along, corners, xy[:, 0]), np.interp(along, corners, xy[:, 1])])


# ---- repair -------------------------------------------------------------------------------------------------------------


class Trial(NamedTuple):
    """One new hazard on a route."""

    found_ms: float
    repaired_ms: float
    clear: bool
    whole: bool
    tries: int
    excess_percent: float  # over a whole new route; NaN where none was planned


def lunar_map() -> tuple[NDArray[np.float32], GeoRef]:
    """Return seconds per metre of a real place for a rover, on 1024 x 1024 cells of 20 m."""
    place = named_place(PLACE)
    ref = GeoRef.centred(*polar_xy(place.lon_deg, place.lat_deg), MAP_CELLS * CELL_M, CELL_M)
    ground, largest = regional_ground(ref, 1)
    slope = ground.slope_deg()
    return drive_cost(slope, rock_cover(ref, 1, slope, largest), DriveLimits(20.0, 0.1)), ref


def mend(tell: Tell) -> list[Row]:
    """Every claim of the bar on repair."""
    cost, ref = lunar_map()
    rng = stream(1, "bench repair")
    xmin, ymin, xmax, ymax = ref.bounds
    place = np.column_stack([rng.uniform(xmin, xmax, HAZARDS), rng.uniform(ymin, ymax, HAZARDS)])
    bodies = shapely.buffer(shapely.points(place), rng.uniform(1.0, 12.0, HAZARDS), quad_segs=3)
    known = Zones(with_doubt(list(bodies), rng.uniform(0.2, 2.0, HAZARDS), clearance_m=1.0))
    keep = KeepoutGrid(known, ref)
    tell(f"{len(known)} known hazards, {np.isfinite(cost).mean():.0%} of {MAP_CELLS} x {MAP_CELLS} cells passable")
    routes: list[Floats] = []
    planned: list[float] = []
    while len(routes) < ROUTE_COUNT:
        ends = np.column_stack(ref.xy(*rng.uniform(10.0, MAP_CELLS - 11.0, (2, 2))))
        if math.dist(*ends) < 8_000.0:
            continue
        try:
            began = time.process_time()
            route = any_angle(cost, ref, (ends[0, 0], ends[0, 1]), (ends[1, 0], ends[1, 1]), keep)
        except (NoRoute, StartBlocked, GoalBlocked):
            continue
        planned.append(1e3 * (time.process_time() - began))
        routes.append(route.xy)
    tell(f"whole routes: mean {np.mean(planned[1:]):.0f} ms, {np.mean([len(xy) for xy in routes]):.0f} waypoints")
    trials = [one_trial(rng, cost, ref, routes[k % ROUTE_COUNT], known, k < PLANNED_ANEW) for k in range(TRIALS)]
    found = np.array([trial.found_ms for trial in trials])
    repaired = np.array([trial.repaired_ms for trial in trials])
    anew = np.array([trial.excess_percent for trial in trials if np.isfinite(trial.excess_percent)])
    tell(
        f"{TRIALS} trials: found in {np.median(found):.2f} ms (worst {found.max():.2f}); repaired in {np.median(repaired):.1f} ms "
        f"(p95 {np.percentile(repaired, 95):.1f}, worst {repaired.max():.1f}); {sum(t.tries > 1 for t in trials)} took more "
        f"than one span, {sum(t.whole for t in trials)} a whole new route; dearer than a whole new route by "
        f"{np.median(anew):.2f} % (worst {anew.max():.2f} %)"
    )
    return [
        at_least(REPAIR, "known hazards", len(known), "", HAZARDS),
        at_most(REPAIR, "new hazard found, p95", float(np.percentile(found, 95)), "ms", FOUND_MS),
        at_most(REPAIR, "new hazard found, worst", float(found.max()), "ms", FOUND_MS),
        at_most(REPAIR, "route repaired, p95", float(np.percentile(repaired, 95)), "ms", REPAIRED_MS),
        at_most(REPAIR, "repaired routes that touch a hazard", sum(not trial.clear for trial in trials), "", 0),
        at_most(REPAIR, "dearer than a whole new route, median", float(np.median(anew)), "%", EXCESS_PERCENT),
    ]


def one_trial(
    rng: np.random.Generator, cost: NDArray[np.float32], ref: GeoRef, xy: Floats, known: Zones, anew: bool
) -> Trial:
    """Put a hazard on the route ahead of the robot, a disc or a bar across it, and mend the route; best times of three."""
    line = shapely.LineString(xy)
    while True:
        at = rng.uniform(0.05, 0.95) * line.length
        spot = line.interpolate(at)
        half = float(np.exp(rng.uniform(math.log(3.0), math.log(1_500.0))))  # [m]
        turn = rng.uniform(0.0, 180.0)
        bar = shapely.affinity.rotate(shapely.box(spot.x - 2.0, spot.y - half, spot.x + 2.0, spot.y + half), turn)
        body = with_doubt([bar if rng.random() < 0.3 else spot.buffer(0.5 * half, quad_segs=4)], 1.0)
        done = max(at - rng.uniform(0.5, 3.0) * half - rng.uniform(10.0, 200.0), 0.0)
        if not shapely.intersects(body[0], [line.interpolate(done), line.interpolate(line.length)]).any():
            break
    hazards = Hazards(known)
    hazards.add(body)
    found, cut = best_of(lambda: find_cut(xy, hazards, done))
    repaired, mended = best_of(lambda: repair(cost, ref, xy, hazards, done))
    shapes = [*known.polygons, *body]
    touched = shapely.STRtree(shapes).query(shapely.LineString(mended.xy), predicate="intersects").size
    over = shapely.STRtree(near_cells(cost, ref, mended.xy)).query(
        shapely.LineString(mended.xy), predicate="intersects"
    )
    excess = math.nan
    if anew:
        grid = np.where(np.isfinite(cost), cost, np.float32(np.inf))
        keep = KeepoutGrid(Zones(shapes), ref)
        ends = np.column_stack(ref.rowcol(mended.xy[[0, -1], 0], mended.xy[[0, -1], 1]))
        whole = best_way(grid, ref, float(grid.min()), ends[0], ends[1], keep)
        if whole is not None:
            excess = 100.0 * (mended.cost / (polyline_cost(grid, NO_KEEPOUTS, whole) * ref.cell_m) - 1.0)
    clear = cut is not None and not touched and not over.size
    return Trial(found, repaired, clear, mended.whole, mended.tries, excess)


def best_of(work: Callable[[], T]) -> tuple[float, T]:
    """Return the least CPU time of three runs [ms], and the answer."""
    began = time.process_time()
    answer = work()
    least = time.process_time() - began
    for _ in range(2):
        began = time.process_time()
        answer = work()
        least = min(least, time.process_time() - began)
    return 1e3 * least, answer


def near_cells(cost: NDArray[np.float32], ref: GeoRef, xy: Floats) -> list[shapely.Polygon]:
    """Return the impassable cells in the bounding box of a route, as squares a little smaller."""
    row, col = ref.rowcol(xy[:, 0], xy[:, 1])
    r0, r1 = max(int(row.min()) - 1, 0), int(row.max()) + 3
    c0, c1 = max(int(col.min()) - 1, 0), int(col.max()) + 3
    part = cost[r0:r1, c0:c1]
    window = GeoRef(ref.x_left + c0 * ref.cell_m, ref.y_top - r0 * ref.cell_m, ref.cell_m, *part.shape)
    return list(cells_of(part, window, INSIDE))


BARS: dict[str, Bar] = {SHORT: short, REPAIR: mend}
