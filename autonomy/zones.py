"""Keep-out zones as shapely polygons in one search tree, asked whether a line is free and which zones it meets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .errors import ZoneError

if TYPE_CHECKING:
    from shapely import Polygon
    from shapely.geometry.base import BaseGeometry

MANY = 64  # points
LONG = 4  # points from which a line is asked about segment by segment
QUARTER = 4  # pieces of a quarter of a round corner


class Zones:
    """Polygons [m] that a robot must stay out of; touching the rim counts as being in.

    >>> zones = Zones([shapely.box(0, 0, 1, 1), shapely.box(5, 0, 6, 1)])
    >>> zones.blocks(np.array([[-1.0, 0.5], [2.0, 0.5]])), zones.hits(np.array([[-1.0, 0.5], [9.0, 0.5]])).tolist()
    (True, [0, 1])
    """

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        self.polygons: tuple[Polygon, ...] = tuple(polygons)
        self._tree = shapely.STRtree(list(self.polygons))
        self._inner: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.polygons)

    def hits(self, line: NDArray[np.float64] | BaseGeometry) -> NDArray[np.int64]:
        """Return the sorted indexes of the polygons that a line (xy float64 [n, 2], or a shapely geometry) touches."""
        if not self.polygons:
            return np.empty(0, dtype=np.int64)
        if (
            isinstance(line, np.ndarray) and len(line) > LONG
        ):  # small boxes of single segments meet fewer polygons than one of all
            pieces = shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1))
            return np.unique(self._tree.query(pieces, predicate="intersects")[1]).astype(np.int64)
        found = self._tree.query(_geometry(line), predicate="intersects")
        return np.sort(found).astype(np.int64)

    def blocks(self, line: NDArray[np.float64] | BaseGeometry) -> bool:
        """Say whether the line touches any polygon."""
        return self.hits(line).size > 0

    def touching(self, indexes: Sequence[int]) -> NDArray[np.int64]:
        """Return the sorted indexes of the polygons that touch any of the given ones (themselves included)."""
        shapes = np.array([self.polygons[i] for i in indexes], dtype=object)
        return np.unique(self._tree.query(shapes, predicate="intersects")[1]).astype(np.int64)

    def near(self, xmin: float, ymin: float, xmax: float, ymax: float) -> NDArray[np.int64]:
        """Return the sorted indexes of the polygons whose bounding box meets a box [m]."""
        if not self.polygons:
            return np.empty(0, dtype=np.int64)
        return np.sort(self._tree.query(shapely.box(xmin, ymin, xmax, ymax))).astype(np.int64)

    def inside(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return bool [n]: which of the points [n, 2] are in (or on the rim of) a polygon."""
        points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        covered = np.zeros(len(points), dtype=np.bool_)
        if self.polygons and len(points):
            if len(points) >= MANY:  # most points deep inside zones are told by the discs in these, without the tree
                _in_discs(points, self._discs(), covered)
            left = np.flatnonzero(~covered)
            covered[left[self._tree.query(shapely.points(points[left]), predicate="intersects")[0]]] = True
        return covered

    def _discs(self) -> NDArray[np.float64]:
        """Return discs that lie inside the polygons: float64 [n, 3] of x, y [m], squared radius [m2]; made when first asked for."""
        if self._inner is None:
            shapes = np.array(self.polygons, dtype=object)
            middle = shapely.centroid(shapes)
            radius = shapely.distance(middle, shapely.boundary(shapes)) * shapely.contains(shapes, middle)
            self._inner = np.column_stack([shapely.get_x(middle), shapely.get_y(middle), (0.999999 * radius) ** 2])
        return self._inner

    def segments(self, starts: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return bool [n]: which of the straight segments [n, 2] -> [n, 2] touch a polygon (one vectorised query)."""
        blocked = np.zeros(len(starts), dtype=np.bool_)
        if self.polygons and len(starts):
            lines = shapely.linestrings(np.stack([starts, ends], axis=1))
            blocked[self._tree.query(lines, predicate="intersects")[0]] = True
        return blocked


def check_polygons(polygons: Sequence[object]) -> None:
    """Raise `ZoneError` unless all are valid polygons with finite corners and an area; the message names the first that is not.

    `Zones` does not ask by itself: it is made anew at every leg of a drive, from polygons that are known to be sound.
    """
    if isinstance(polygons, shapely.Geometry):
        raise ZoneError(f"polygons: one {type(polygons).__name__}; must be a sequence of Polygons.")
    shapes = np.empty(len(polygons), dtype=object)
    for i, shape in enumerate(polygons):
        if not isinstance(shape, shapely.Geometry):
            raise ZoneError(f"polygons[{i}]: a {type(shape).__name__}; must be a shapely Polygon.")
        shapes[i] = shape
    if shapes.size == 0:
        return
    faults = {
        "not a Polygon (give the parts of a MultiPolygon one by one; points and lines must be grown first, see with_doubt)": (
            shapely.get_type_id(shapes) != shapely.GeometryType.POLYGON
        ),
        "empty": shapely.is_empty(shapes),
        "corners that are not finite": ~np.isfinite(shapely.area(shapes)),
        "not valid": ~shapely.is_valid(shapes),
    }
    for fault, at in faults.items():
        if at.any():
            i = int(np.argmax(at))
            kind = type(polygons[i]).__name__
            why = f" ({shapely.is_valid_reason(shapes[i])})" if fault == "not valid" else ""
            raise ZoneError(f"polygons[{i}]: {kind}, {fault}{why}; must be a valid Polygon with finite corners.")


def with_doubt(
    shapes: Sequence[BaseGeometry], sigma_m: float | NDArray[np.float64], sigmas: float = 2.0, clearance_m: float = 0.0
) -> list[Polygon]:
    """Return hazards grown by ``sigmas`` standard deviations of their place, and by a clearance [m].

    ``shapes`` are polygons, points or lines; ``sigma_m`` [m] is one number or one for each. The round corners lie outside the true
    circle (nothing within reach is left out), by less than 2 %. Raises `ZoneError` for a reach that is negative or not finite.

    >>> grown = with_doubt([shapely.Point(0.0, 0.0)], 0.5, sigmas=2.0)
    >>> grown[0].covers(shapely.Point(0.0, 0.0).buffer(1.0, quad_segs=64))
    True
    """
    reach = np.broadcast_to(np.asarray(sigma_m, dtype=np.float64) * sigmas + clearance_m, len(shapes))
    if not (np.isfinite(reach).all() and (reach >= 0.0).all()):
        raise ZoneError(f"hazards: reach {reach.tolist()[:8]} m; allowed: finite, 0 or more.")
    outside = reach * ((1.0 + 1e-9) / math.cos(math.pi / (4.0 * QUARTER)))  # chords outside the circle
    grown = shapely.buffer(np.array(list(shapes), dtype=object), outside, quad_segs=QUARTER)
    return [part for part in shapely.get_parts(grown).tolist() if not part.is_empty]


@kernel
def _in_discs(points: NDArray[np.float64], discs: NDArray[np.float64], covered: NDArray[np.bool_]) -> None:
    """Set ``covered`` [n] for points [n, 2] in any disc [m, 3]."""
    for i in range(points.shape[0]):
        x, y = points[i, 0], points[i, 1]
        for k in range(discs.shape[0]):
            if (x - discs[k, 0]) ** 2 + (y - discs[k, 1]) ** 2 < discs[k, 2]:
                covered[i] = True
                break


def _geometry(line: NDArray[np.float64] | BaseGeometry) -> BaseGeometry:
    if not isinstance(line, np.ndarray):
        return line
    if len(line) == 1 or bool((line == line[0]).all()):
        return shapely.Point(line[0])
    return shapely.LineString(line)
