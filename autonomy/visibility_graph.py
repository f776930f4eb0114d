"""The shortest way between two points among polygons on flat ground: an exact visibility graph that holds only what matters.

A shortest way turns only at corners that stick out into the open (Lozano-Perez and Wesley 1979), along lines tangent to both
corners. Only those polygons are looked at that matter: start with none, find the shortest way, add the polygons it touches (one STRtree
query), and again until it touches none. The way is then the shortest among all of them, because fewer obstacles can never make it
longer. Polygons may be concave, have holes and overlap. A touched rim counts as being in, so corners stand a gap off their polygon: what
the way is longer than the limit without a gap is of the order of the gap at each turn, and slits narrower than two gaps are shut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .errors import GoalBlocked, NoRoute, StartBlocked
from .zones import Zones

if TYPE_CHECKING:
    from shapely import Polygon

GAP = 0.02  # [m] how far the way stays off a keep-out's rim at its corners
LEAST_MITRE = 0.05  # 1 + cosine of the turn below which a corner is a needle, whose mitre is cut off


def visible_path(
    start_xy: tuple[float, float],
    goal_xy: tuple[float, float],
    keepouts: Sequence[Polygon] | Zones,
    gap_m: float = GAP,
    longest_m: float = math.inf,
) -> NDArray[np.float64]:
    """Return the shortest way xy float64 [n, 2] [m] between two points that touches no polygon.

    Parameters
    ----------
    keepouts : polygons in any number and shape (concave, with holes, overlapping), or a ready `Zones` of them.
    gap_m : how far the way stays off a rim at its turns [m].
    longest_m : ways longer than this are not looked for.

    Raises
    ------
    StartBlocked, GoalBlocked : an end lies in (or on the rim of) a polygon.
    NoRoute : all ways are closed, or longer than allowed.

    >>> visible_path((0.0, 0.0), (10.0, 0.0), [shapely.box(4.0, -1.0, 6.0, 3.0)], gap_m=0.001).round(1).tolist()
    [[0.0, 0.0], [4.0, -1.0], [6.0, -1.0], [10.0, 0.0]]
    """
    zones = keepouts if isinstance(keepouts, Zones) else Zones(keepouts)
    start, goal = np.array(start_xy, dtype=np.float64), np.array(goal_xy, dtype=np.float64)
    for point, what, error in ((start, "start", StartBlocked), (goal, "goal", GoalBlocked)):
        if zones.blocks(point[None, :]):
            raise error(f"{what} ({point[0]:.1f}, {point[1]:.1f}) m lies inside a keep-out; choose a point outside.")
    return np.array(shortest_among(start, goal, zones, longest_m, gap_m))


def shortest_among(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    zones: Zones,
    longest_m: float,
    gap_m: float = GAP,
    most: int | None = None,
) -> list[NDArray[np.float64]]:
    """Return the points of the shortest way; both ends must be free. The set of obstacles grows until the way touches no other.

    Raises
    ------
    NoRoute : all ways are closed, longer than ``longest_m`` [m], or there are more than ``most`` polygons to go round.
    """
    corners = [np.stack([start, end])]
    before, after = [np.stack([start, end])], [np.stack([start, end])]
    parts: list[NDArray[np.float64]] = []
    known: set[int] = set()
    way = np.stack([start, end])
    rings = 0
    while True:
        fresh = [i for i in zones.hits(way).tolist() if i not in known]
        if not fresh:
            return list(way)
        for i in _with_neighbours(zones, fresh, known, rings):
            parts.extend(convex_parts(zones.polygons[i]))
            for at, one, other in open_corners(zones.polygons[i], gap_m):
                corners.append(at)
                before.append(one)
                after.append(other)
        rings += 1
        if most is not None and len(known) > most:
            raise NoRoute(f"more than {most} keep-outs stand between the ends; the search among them was given up.")
        nodes = np.concatenate(corners)
        first = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=first[1:])
        picked = _around(
            nodes,
            np.concatenate(before),
            np.concatenate(after),
            np.concatenate(parts),
            first,
            part_discs(parts),
            float(longest_m),
        )
        if picked.size == 0:
            raise NoRoute(
                f"keep-outs close every way from ({start[0]:.1f}, {start[1]:.1f}) to ({end[0]:.1f}, {end[1]:.1f}) m; "
                "a smaller clearance or another goal would help."
            )
        way = nodes[picked]


def _with_neighbours(zones: Zones, fresh: list[int], known: set[int], rings: int) -> list[int]:
    """Add to ``known`` the fresh polygons and those that overlap them, ``rings`` links far: walls come whole after a few rounds."""
    added = list(fresh)
    known.update(fresh)
    edge = fresh
    for _ in range(rings):
        edge = [i for i in zones.touching(edge).tolist() if i not in known]
        if not edge:
            break
        known.update(edge)
        added.extend(edge)
    return added


def convex_parts(polygon: Polygon) -> list[NDArray[np.float64]]:
    """Return the corners of convex pieces, float64 [k, 2] each, counter-clockwise; one piece for a convex polygon."""
    pieces: list[Polygon] = [polygon]
    if polygon.interiors or polygon.area < polygon.convex_hull.area * (1.0 - 1e-9):
        pieces = cast("list[Polygon]", list(shapely.constrained_delaunay_triangles(polygon).geoms))
    return [_ring(piece.exterior, counter_clockwise=True) for piece in pieces]


def open_corners(
    polygon: Polygon, gap_m: float
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Return for each ring the corners that stick out into the open, moved ``gap_m`` off both edges, and their neighbours on the ring.

    Three arrays float64 [k, 2]: the corner, the one before and the one after it (moved off too). The others are never turned at.
    """
    found: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = []
    for k, line in enumerate((polygon.exterior, *polygon.interiors)):
        ring = _ring(line, counter_clockwise=k == 0)  # the obstacle is on the left of every ring
        edge = _next(ring) - ring
        edge = edge / np.maximum(np.hypot(edge[:, 0], edge[:, 1]), 1e-12)[:, None]
        last = np.concatenate((edge[-1:], edge[:-1]))
        out = last[:, 0] * edge[:, 1] - last[:, 1] * edge[:, 0] > 1e-12
        moved = _off(ring, edge, last, gap_m)
        found.append((moved[out], np.concatenate((moved[-1:], moved[:-1]))[out], _next(moved)[out]))
    return found


def _ring(line: shapely.LinearRing, counter_clockwise: bool) -> NDArray[np.float64]:
    """Return the corners of a ring without its closing point and without points that repeat the one before, in the wished sense."""
    ring = np.asarray(shapely.get_coordinates(line)[:-1], dtype=np.float64)
    again = (ring == np.concatenate((ring[-1:], ring[:-1]))).all(axis=1)
    ring = ring[~again] if again.any() else ring
    ahead = _next(ring)
    area = float((ring[:, 0] * ahead[:, 1] - ahead[:, 0] * ring[:, 1]).sum())
    return np.ascontiguousarray(ring if (area >= 0.0) == counter_clockwise else ring[::-1])


def _next(ring: NDArray[Any]) -> NDArray[Any]:
    """Return what comes after each along a ring: the rows moved up by one (a tenth of what np.roll takes)."""
    return np.concatenate((ring[1:], ring[:1]))


def _off(
    ring: NDArray[np.float64], edge: NDArray[np.float64], last: NDArray[np.float64], gap_m: float
) -> NDArray[np.float64]:
    """Return the corners of the ring moved off both their edges (a mitre, cut off at some six gaps)."""
    normal = np.column_stack([edge[:, 1], -edge[:, 0]])  # away from the obstacle
    before = np.column_stack([last[:, 1], -last[:, 0]])
    opening = 1.0 + (normal * before).sum(axis=1)
    moved = (normal + before) / np.maximum(opening, LEAST_MITRE)[:, None]
    needle = opening < LEAST_MITRE
    if needle.any():
        tip = last[needle] - edge[needle]
        moved[needle] = math.sqrt(2.0 / LEAST_MITRE) * tip / np.hypot(tip[:, 0], tip[:, 1])[:, None]
    return ring + gap_m * moved


def part_discs(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return a circle (x, y, radius) around each part, float64 [p, 3]."""
    discs = np.empty((len(parts), 3))
    for i, part in enumerate(parts):
        middle = part.sum(axis=0) / len(part)
        discs[i, :2] = middle
        discs[i, 2] = math.sqrt(float(((part - middle) ** 2).sum(axis=1).max())) + 1e-6
    return discs


@kernel
def part_touched(
    ax: float, ay: float, bx: float, by: float, corners: NDArray[np.float64], begin: int, stop: int
) -> bool:
    """Say whether the segment a-b touches the convex part ``corners[begin:stop]`` (Cyrus and Beck 1978; closed, with 1e-9 to spare)."""
    dx, dy = bx - ax, by - ay
    enter, leave = 0.0, 1.0
    fx, fy = corners[stop - 1, 0], corners[stop - 1, 1]
    for k in range(begin, stop):
        gx, gy = corners[k, 0], corners[k, 1]
        nx, ny = fy - gy, gx - fx  # inward
        gap = nx * (ax - fx) + ny * (ay - fy)
        rate = nx * dx + ny * dy
        if rate == 0.0:
            if gap < 0.0:
                return False
        elif rate > 0.0:
            enter = max(enter, -gap / rate)
        else:
            leave = min(leave, -gap / rate)
        if enter > leave + 1e-9:
            return False
        fx, fy = gx, gy
    return True


@kernel
def _touches(
    ax: float,
    ay: float,
    bx: float,
    by: float,
    corners: NDArray[np.float64],
    first: NDArray[np.int64],
    discs: NDArray[np.float64],
) -> bool:
    """Say whether the segment a-b touches any convex part."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    for p in range(len(discs)):
        cx, cy, radius = discs[p, 0] - ax, discs[p, 1] - ay, discs[p, 2]
        t = (cx * dx + cy * dy) / square if square > 0.0 else 0.0
        t = min(max(t, 0.0), 1.0)
        ex, ey = cx - t * dx, cy - t * dy
        if ex * ex + ey * ey > radius * radius:
            continue
        if part_touched(ax, ay, bx, by, corners, first[p], first[p + 1]):
            return True
    return False


@kernel
def _tangent(
    nodes: NDArray[np.float64], before: NDArray[np.float64], after: NDArray[np.float64], origin: int, at: int
) -> bool:
    """Say whether the line origin-at leaves the neighbours of corner ``at`` on one side (an end is its own neighbour)."""
    dx, dy = nodes[at, 0] - nodes[origin, 0], nodes[at, 1] - nodes[origin, 1]
    one = dx * (before[at, 1] - nodes[at, 1]) - dy * (before[at, 0] - nodes[at, 0])
    two = dx * (after[at, 1] - nodes[at, 1]) - dy * (after[at, 0] - nodes[at, 0])
    small = 1e-9 * (abs(dx) + abs(dy))
    return (one >= -small and two >= -small) or (one <= small and two <= small)


@kernel
def _around(
    nodes: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    corners: NDArray[np.float64],
    first: NDArray[np.int64],
    discs: NDArray[np.float64],
    longest: float,
) -> NDArray[np.int64]:
    """A* over mutually visible nodes from node 0 to node 1; [] when there is no way.

    ``before`` and ``after`` [n, 2] are where each node's neighbours on its ring are: only edges that leave both on one side
    (tangents) can be part of a shortest way. Sight is tested last, and only for edges that would help.
    """
    count = len(nodes)
    best = np.full(count, np.inf)
    bound = np.empty(count)
    came = np.full(count, -1, np.int64)
    closed = np.zeros(count, np.bool_)
    for i in range(count):
        x, y = nodes[i, 0], nodes[i, 1]
        bound[i] = math.sqrt((x - nodes[1, 0]) ** 2 + (y - nodes[1, 1]) ** 2)
        if i > 1:
            closed[i] = _touches(x, y, x, y, corners, first, discs)
    best[0] = 0.0
    while True:
        here = -1
        least = np.inf
        for i in range(count):
            if not closed[i] and best[i] + bound[i] < least:
                least = best[i] + bound[i]
                here = i
        if here < 0 or least > longest:
            return np.empty(0, np.int64)
        if here == 1:
            break
        closed[here] = True
        x, y = nodes[here, 0], nodes[here, 1]
        for to in range(count):
            if closed[to]:
                continue
            found = best[here] + math.sqrt((nodes[to, 0] - x) ** 2 + (nodes[to, 1] - y) ** 2)
            if found >= best[to] or found + bound[to] >= min(best[1], longest):
                continue
            if not (_tangent(nodes, before, after, here, to) and _tangent(nodes, before, after, to, here)):
                continue
            if not _touches(x, y, nodes[to, 0], nodes[to, 1], corners, first, discs):
                best[to] = found
                came[to] = here
    size = 1
    at = 1
    while at != 0:
        at = came[at]
        size += 1
    picked = np.empty(size, np.int64)
    at = 1
    for i in range(size - 1, -1, -1):
        picked[i] = at
        at = came[at]
    return picked
