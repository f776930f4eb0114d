"""Round the rocks: the shortest way between two points among keep-out polygons.

A visibility graph (Lozano-Perez and Wesley 1979) over only those polygons that matter: start with none, find the shortest way, add
the polygons it touches (one STRtree query), and again until it touches none. The way is then the shortest among all of them, because
fewer obstacles can never make it longer. Corners stand `GAP` off their polygon, so that the way never touches a rim.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .errors import NoRoute
from .zones import Zones

if TYPE_CHECKING:
    from shapely import Polygon

GAP = 0.02  # [m] how far the way stays off a keep-out's rim at its corners
ESCAPE_M = 12.0  # [m] how deep inside keep-outs a robot may stand and still be driven out
_RAYS = 32


def detour(
    line: NDArray[np.float64],
    keepouts: Sequence[Polygon] | Zones,
    clearance_m: float = 0.0,
    longest_m: float = math.inf,
) -> NDArray[np.float64]:
    """Return a way xy float64 [m, 2] from the first to the last point of ``line`` that stays out of all keep-outs.

    Parameters
    ----------
    line : xy float64 [n, 2] [m]; returned as it is when nothing is in its way.
    keepouts : polygons, or a ready `Zones` of them (then ``clearance_m`` must be 0).
    clearance_m : extra distance to keep from the polygons.
    longest_m : ways longer than this are not looked for.

    Raises
    ------
    NoRoute : the end lies inside a keep-out, or all ways are closed or too long. A start inside is driven straight out first.
    """
    zones = keepouts if isinstance(keepouts, Zones) else Zones(_widened(keepouts, clearance_m))
    if not zones.blocks(line):
        return line
    start, end = line[0], line[-1]
    if zones.blocks(end[None, :]):
        raise NoRoute(f"({end[0]:.1f}, {end[1]:.1f}) m lies inside a keep-out; choose a point outside.")
    head: list[NDArray[np.float64]] = []
    if zones.blocks(start[None, :]):
        out = nearest_open(zones, start, toward=end)
        if out is None:
            raise NoRoute(f"({start[0]:.1f}, {start[1]:.1f}) m is more than {ESCAPE_M:g} m inside keep-outs.")
        head, start = [start], out
    return np.array([*head, *_shortest(start, end, zones, longest_m)])


def nearest_open(
    zones: Zones, xy: NDArray[np.float64], toward: NDArray[np.float64] | None = None, reach_m: float = ESCAPE_M
) -> NDArray[np.float64] | None:
    """Return the nearest point outside all zones on 32 rays from ``xy`` (steps of 0.1 m), None within ``reach_m``.

    Ties go to the ray that points most ``toward`` a place. The way there lies inside the zones that hold ``xy``, and in no others.
    """
    if not zones.blocks(xy[None, :]):
        return xy
    angles = np.arange(_RAYS) * (2.0 * math.pi / _RAYS)
    if toward is not None:
        aim = math.atan2(float(toward[1] - xy[1]), float(toward[0] - xy[0]))
        angles = aim + angles[np.argsort(np.abs(np.angle(np.exp(1j * angles))), kind="stable")]
    rays = np.column_stack([np.cos(angles), np.sin(angles)])
    near = 0.0
    while near < reach_m:
        steps = near + 0.1 * np.arange(1, 11)
        points = xy + rays[None, :, :] * steps[:, None, None]
        open_at = np.flatnonzero(~zones.inside(points.reshape(-1, 2)))
        if open_at.size:
            best = int(open_at[0])
            return points.reshape(-1, 2)[best] + GAP * rays[best % _RAYS]
        near = float(steps[-1])
    return None


def _widened(keepouts: Sequence[Polygon], clearance_m: float) -> list[Polygon]:
    if clearance_m <= 0.0 or len(keepouts) == 0:
        return list(keepouts)
    grown = shapely.buffer(np.array(keepouts, dtype=object), clearance_m, quad_segs=4)
    return [polygon for polygon in grown.tolist()]


def _shortest(
    start: NDArray[np.float64], end: NDArray[np.float64], zones: Zones, longest_m: float
) -> list[NDArray[np.float64]]:
    """Grow the set of obstacles until the shortest way around them touches none of the others."""
    nodes = [start[None, :], end[None, :]]
    before, after = [np.full(2, -1)], [np.full(2, -1)]
    corners: list[NDArray[np.float64]] = []
    known: set[int] = set()
    way = np.stack([start, end])
    size = 2
    rings = 0
    while True:
        fresh = [i for i in zones.hits(way).tolist() if i not in known]
        if not fresh:
            return list(way)
        for i in _with_neighbours(zones, fresh, known, rings):
            for part in convex_parts(zones.polygons[i]):
                turn = np.arange(size, size + len(part))
                corners.append(part)
                nodes.append(_off(part))
                before.append(np.concatenate((turn[-1:], turn[:-1])))
                after.append(_next(turn))
                size += len(part)
        rings += 1
        all_nodes = np.concatenate(nodes)
        first = np.zeros(len(corners) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in corners], out=first[1:])
        picked = _around(
            all_nodes,
            np.concatenate(before),
            np.concatenate(after),
            np.concatenate(corners),
            first,
            _discs(corners),
            float(longest_m),
        )
        if picked.size == 0:
            raise NoRoute(
                f"keep-outs close every way from ({start[0]:.1f}, {start[1]:.1f}) to ({end[0]:.1f}, {end[1]:.1f}) m; "
                "a smaller clearance or another goal would help."
            )
        way = all_nodes[picked]


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
    parts: list[NDArray[np.float64]] = []
    for piece in pieces:
        ring = np.asarray(shapely.get_coordinates(piece.exterior)[:-1], dtype=np.float64)
        after = _next(ring)
        if float((ring[:, 0] * after[:, 1] - after[:, 0] * ring[:, 1]).sum()) < 0.0:
            ring = ring[::-1]
        parts.append(np.ascontiguousarray(ring))
    return parts


def _next(ring: NDArray[Any]) -> NDArray[Any]:
    """Return what comes after each along a ring: the rows moved up by one (a tenth of what np.roll takes)."""
    return np.concatenate((ring[1:], ring[:1]))


def _off(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners of the ring moved `GAP` off both their edges (a mitre, at most 20 gaps long)."""
    edge = _next(ring) - ring
    edge = edge / np.maximum(np.hypot(edge[:, 0], edge[:, 1]), 1e-12)[:, None]
    normal = np.column_stack([edge[:, 1], -edge[:, 0]])  # outward, the ring runs counter-clockwise
    before = np.concatenate((normal[-1:], normal[:-1]))
    both = normal + before
    return ring + both * (GAP / np.maximum(1.0 + (normal * before).sum(axis=1), 0.05))[:, None]


def _discs(corners: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return a circle (x, y, radius) around each part, float64 [p, 3]."""
    discs = np.empty((len(corners), 3))
    for i, part in enumerate(corners):
        middle = part.sum(axis=0) / len(part)
        discs[i, :2] = middle
        discs[i, 2] = math.sqrt(float(((part - middle) ** 2).sum(axis=1).max())) + 1e-6
    return discs


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
    """Say whether the segment a-b touches any convex part (Cyrus and Beck 1978; closed, with 1e-9 to spare)."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    for p in range(len(discs)):
        cx, cy, radius = discs[p, 0] - ax, discs[p, 1] - ay, discs[p, 2]
        t = (cx * dx + cy * dy) / square if square > 0.0 else 0.0
        t = min(max(t, 0.0), 1.0)
        ex, ey = cx - t * dx, cy - t * dy
        if ex * ex + ey * ey > radius * radius:
            continue
        enter, leave = 0.0, 1.0
        last = first[p + 1] - 1
        fx, fy = corners[last, 0], corners[last, 1]
        outside = False
        for k in range(first[p], first[p + 1]):
            gx, gy = corners[k, 0], corners[k, 1]
            nx, ny = fy - gy, gx - fx  # inward
            gap = nx * (ax - fx) + ny * (ay - fy)
            rate = nx * dx + ny * dy
            if rate == 0.0:
                if gap < 0.0:
                    outside = True
                    break
            elif rate > 0.0:
                enter = max(enter, -gap / rate)
            else:
                leave = min(leave, -gap / rate)
            if enter > leave + 1e-9:
                outside = True
                break
            fx, fy = gx, gy
        if not outside:
            return True
    return False


@kernel
def _tangent(nodes: NDArray[np.float64], origin: int, at: int, before: int, after: int) -> bool:
    """Say whether the line origin-at leaves the neighbours of corner ``at`` on one side (an end has none)."""
    if before < 0:
        return True
    dx, dy = nodes[at, 0] - nodes[origin, 0], nodes[at, 1] - nodes[origin, 1]
    one = dx * (nodes[before, 1] - nodes[at, 1]) - dy * (nodes[before, 0] - nodes[at, 0])
    two = dx * (nodes[after, 1] - nodes[at, 1]) - dy * (nodes[after, 0] - nodes[at, 0])
    small = 1e-9 * (abs(dx) + abs(dy))
    return (one >= -small and two >= -small) or (one <= small and two <= small)


@kernel
def _around(
    nodes: NDArray[np.float64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    corners: NDArray[np.float64],
    first: NDArray[np.int64],
    discs: NDArray[np.float64],
    longest: float,
) -> NDArray[np.int64]:
    """A* over mutually visible nodes from node 0 to node 1; [] when there is no way.

    ``before`` and ``after`` are each node's neighbours on its polygon (-1 for the two ends): only edges that leave both on one side
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
            if not (
                _tangent(nodes, here, to, before[to], after[to])
                and _tangent(nodes, to, here, before[here], after[here])
            ):
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
