"""Zones on a cost grid, for planners that know only cells: all cells a keep-out touches are impassable, corridors scale the cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.terrain.grid import GeoRef

from .errors import ZoneError
from .zones import Zones
from .zones_geojson import Corridor

if TYPE_CHECKING:
    from shapely import Polygon


def cells_touched(polygons: Sequence[Polygon] | Zones, ref: GeoRef) -> NDArray[np.bool_]:
    """Return bool [R, C]: the cells that any polygon touches, be it by a corner (closed cells, exact).

    The inside is filled by cell centres; each cell along the outlines is asked itself.
    """
    zones = polygons if isinstance(polygons, Zones) else Zones(polygons)
    touched = np.zeros(ref.shape, dtype=np.bool_)
    if not len(zones):
        return touched
    shapes = np.array(zones.polygons, dtype=object)
    touched |= _burnt(shapes, ref, all_touched=False)
    # what is met by an outline only: rasterize finds it nearly, with cells too few where an edge or a corner of theirs is met and, at the
    # grid's rim, too many; so those it found, those beside them and those round corners are asked
    corners = shapely.get_coordinates(shapes)
    row, col = ref.rowcol(corners[:, 0], corners[:, 1])
    beside = _widened(touched | _burnt(shapes, ref, all_touched=True))
    for d_row in (-0.25, 0.25, 0.75, 1.25):
        for d_col in (-0.25, 0.25, 0.75, 1.25):
            r, c = np.floor(row + d_row).astype(np.int64), np.floor(col + d_col).astype(np.int64)
            inside = (r >= 0) & (c >= 0) & (r < ref.rows) & (c < ref.cols)
            beside[r[inside], c[inside]] = True
    asked = np.argwhere(beside & ~touched)
    if len(asked):
        x, y = ref.xy(asked[:, 0], asked[:, 1])
        half = 0.5 * ref.cell_m
        squares = shapely.box(x - half, y - half, x + half, y + half)
        hit = np.unique(shapely.STRtree(shapes).query(squares, predicate="intersects")[0])
        touched[tuple(asked[hit].T)] = True
    return touched


def with_zones(
    cost: NDArray[np.float32], ref: GeoRef, keepouts: Sequence[Polygon] | Zones, corridors: Sequence[Corridor] = ()
) -> NDArray[np.float32]:
    """Return the cost with keep-outs impassable and corridors cheaper (or dearer) by their factor.

    A cell is in a corridor if its centre is; of several the first counts. Raises `ZoneError` where cost and grid do not fit.
    """
    if cost.shape != ref.shape:
        raise ZoneError(f"cost grid: shape {cost.shape}; must be {ref.shape}, as its georeference.")
    out = np.array(cost, dtype=np.float32)
    taken = np.zeros(ref.shape, dtype=np.bool_)
    for corridor in corridors:
        inside = _burnt(np.array([corridor.polygon], dtype=object), ref, all_touched=False) & ~taken
        out[inside] *= np.float32(corridor.cost_factor)
        taken |= inside
    out[cells_touched(keepouts, ref)] = np.inf
    return out


def _burnt(shapes: NDArray[np.object_], ref: GeoRef, all_touched: bool) -> NDArray[np.bool_]:
    """Return bool [R, C]: cells whose centre is in a shape, or (nearly) all that a shape touches."""
    from rasterio import features, transform

    at = transform.from_origin(ref.x_left, ref.y_top, ref.cell_m, ref.cell_m)
    burnt: NDArray[np.uint8] = np.zeros(ref.shape, dtype=np.uint8)
    features.rasterize(shapes.tolist(), out=burnt, transform=at, all_touched=all_touched, default_value=1)
    return burnt > 0


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask grown by one cell to all eight sides."""
    padded = np.pad(mask, 1)
    rows, cols = mask.shape
    grown = np.zeros_like(mask)
    for r in range(3):
        for c in range(3):
            grown |= padded[r : r + rows, c : c + cols]
    return grown
