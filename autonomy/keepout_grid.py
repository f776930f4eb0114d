"""Keep-outs laid on a cost grid: every cell lists the convex parts of polygons that may touch it, so that a line finds them as it goes.

The polygons stay exact: the grid only says which of them to test.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.kernel import kernel

from .line_cost import NO_KEEPOUTS, Keepouts
from .zones import Zones, check_polygons

MARGIN = 1e-6  # [cells] parts grow by this, so that rounding never lets a line touch a polygon
LISTED_OFF = 1e-3  # [cells] a part is listed by cells this far beyond its bounding box
NEEDLE = 0.05  # 1 + cosine of the turn below which a grown corner is cut off


class KeepoutGrid:
    """The polygons of `Zones` on the cells of a grid.

    ``zones`` are the polygons themselves, ``ref`` where the grid lies, ``lists`` what the kernels read (`line_cost.Keepouts`). Raises
    `ZoneError` unless all are valid polygons with finite corners; ``checked``: they are known to be.
    """

    def __init__(self, zones: Zones, ref: GeoRef, *, checked: bool = False) -> None:
        if not checked:
            check_polygons(zones.polygons)
        self.zones = zones
        self.ref = ref
        self.lists: Keepouts = NO_KEEPOUTS
        if len(zones):
            rc, first = _parts(zones, ref)
            rc = _grown(rc, first)
            begins, listed = _listed(rc, first, ref.rows, ref.cols)
            self.lists = (begins, listed, rc, first)


def convex_pieces(zones: Zones) -> NDArray[np.object_]:
    """Return convex polygons that together cover the zones: those that are convex as they are, the others in triangles."""
    polygons = np.array(zones.polygons, dtype=object)
    whole = shapely.get_num_interior_rings(polygons) == 0
    whole &= shapely.area(polygons) >= shapely.area(shapely.convex_hull(polygons)) * (1.0 - 1e-9)
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(polygons[~whole]))
    return np.concatenate([polygons[whole], triangles])


def _parts(zones: Zones, ref: GeoRef) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the corners (row, col) of all convex pieces, counter-clockwise in (row, col), and where each piece begins."""
    pieces = shapely.orient_polygons(shapely.remove_repeated_points(convex_pieces(zones)))
    xy, of = shapely.get_coordinates(pieces, return_index=True)
    closing = np.append(of[1:] != of[:-1], True)
    xy, of = xy[~closing], of[~closing]
    row, col = ref.rowcol(xy[:, 0], xy[:, 1])  # x -> col, y -> -row is a turn: the sense of the corners stays
    first = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum(np.bincount(of, minlength=len(pieces)), out=first[1:])
    return np.column_stack([row, col]), first


@kernel
def _grown(rc: NDArray[np.float64], first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the corners moved `MARGIN` off both their edges."""
    out = rc.copy()
    for p in range(first.size - 1):
        begin, stop = first[p], first[p + 1]
        for k in range(begin, stop):
            before = k - 1 if k > begin else stop - 1
            after = k + 1 if k + 1 < stop else begin
            ar, ac = rc[k, 0] - rc[before, 0], rc[k, 1] - rc[before, 1]
            br, bc = rc[after, 0] - rc[k, 0], rc[after, 1] - rc[k, 1]
            la, lb = max(np.sqrt(ar * ar + ac * ac), 1e-15), max(np.sqrt(br * br + bc * bc), 1e-15)
            ar, ac, br, bc = ar / la, ac / la, br / lb, bc / lb
            opening = 1.0 + ar * br + ac * bc
            if opening < NEEDLE:
                tip = max(np.sqrt((ar - br) ** 2 + (ac - bc) ** 2), 1e-15)
                far = MARGIN * np.sqrt(2.0 / NEEDLE) / tip
                out[k, 0] += far * (ar - br)
                out[k, 1] += far * (ac - bc)
            else:
                out[k, 0] += MARGIN * (ac + bc) / opening
                out[k, 1] -= MARGIN * (ar + br) / opening
    return out


@kernel
def _listed(
    rc: NDArray[np.float64], first: NDArray[np.int64], rows: int, cols: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return where the list of each cell begins, and the lists: parts whose bounding box touches the cell."""
    parts = first.size - 1
    box = np.empty((parts, 4), np.int64)
    begins = np.zeros(rows * cols + 1, np.int32)
    for p in range(parts):
        low_r = low_c = np.inf
        high_r = high_c = -np.inf
        for k in range(first[p], first[p + 1]):
            low_r, high_r = min(low_r, rc[k, 0]), max(high_r, rc[k, 0])
            low_c, high_c = min(low_c, rc[k, 1]), max(high_c, rc[k, 1])
        box[p, 0] = max(int(np.floor(min(low_r, 1e9) + 0.5 - LISTED_OFF)), 0)
        box[p, 1] = min(int(np.floor(max(high_r, -1e9) + 0.5 + LISTED_OFF)), rows - 1)
        box[p, 2] = max(int(np.floor(min(low_c, 1e9) + 0.5 - LISTED_OFF)), 0)
        box[p, 3] = min(int(np.floor(max(high_c, -1e9) + 0.5 + LISTED_OFF)), cols - 1)
        for r in range(box[p, 0], box[p, 1] + 1):
            for c in range(box[p, 2], box[p, 3] + 1):
                begins[r * cols + c + 1] += 1
    for i in range(rows * cols):
        begins[i + 1] += begins[i]
    listed = np.empty(begins[rows * cols], np.int32)
    filled = begins[:-1].copy()
    for p in range(parts):
        for r in range(box[p, 0], box[p, 1] + 1):
            for c in range(box[p, 2], box[p, 3] + 1):
                listed[filled[r * cols + c]] = p
                filled[r * cols + c] += 1
    return begins, listed
