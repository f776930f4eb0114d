"""One-way corridors: polygons with a heading, turned into the moves that are allowed in each cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from moonfleet.terrain.grid import GeoRef

from .errors import ZoneError
from .fleet_moves import ALL_MOVES, COL_STEP, ROW_STEP
from .zones_geojson import Corridor

WITHIN_DEG = 67.5  # of the heading: forward and the diagonals beside it


class OneWay(NamedTuple):
    """A corridor: a polygon [m] of the site's frame, and the grid azimuth [deg, clockwise from +y] robots must keep to in it."""

    polygon: Polygon
    azimuth_deg: float


def zone_moves(ref: GeoRef, corridors: Sequence[Corridor]) -> NDArray[np.uint8] | None:
    """Return the allowed moves of those corridors of zones (`PlanZones.corridors`) that are one-way, as `FleetPlanner` takes them.

    None where none of them reaches the map: all moves are allowed. Raises `ZoneError` as `one_way_moves`.
    """
    xmin, ymin, xmax, ymax = ref.bounds
    on_map = shapely.box(xmin, ymin, xmax, ymax)
    ways = [
        OneWay(way.polygon, way.one_way_deg)
        for way in corridors
        if way.one_way_deg is not None and way.polygon.intersects(on_map)
    ]
    return one_way_moves(ref, ways) if ways else None


def against_one_way(ref: GeoRef, corridors: Sequence[Corridor], cells: NDArray[np.int32]) -> list[int]:
    """Return the indexes of the corridors that a way over cells (row, col), int32 [n, 2], goes against or leaves sideways."""
    steps = np.diff(cells.astype(np.int64), axis=0)
    moved = np.flatnonzero(steps.any(axis=1))
    here, there, steps = cells[moved], cells[moved + 1], steps[moved]
    bits = np.zeros(len(steps), dtype=np.uint8)
    for k in range(8):
        bits[(steps[:, 0] == ROW_STEP[k]) & (steps[:, 1] == COL_STEP[k])] = 1 << k
    found: list[int] = []
    for i, corridor in enumerate(corridors):
        allowed = zone_moves(ref, [corridor])
        if allowed is not None and ((allowed[tuple(here.T)] & allowed[tuple(there.T)] & bits) == 0).any():
            found.append(i)
    return found


def one_way_moves(ref: GeoRef, corridors: Sequence[OneWay]) -> NDArray[np.uint8]:
    """Return uint8 [R, C]: bit k is set where a move in direction k (see `fleet_moves.DIRECTIONS`) may leave or enter the cell.

    In a corridor only moves within 67.5 degrees of its heading are allowed, so it can be neither entered against it nor left
    sideways; where corridors cross, only what all of them allow. Cells belong to a corridor when their centre is in it.

    Raises
    ------
    ZoneError : a corridor that is not a valid polygon, whose heading is not finite, or that holds no cell's centre.
    """
    allowed = np.full(ref.shape, ALL_MOVES, dtype=np.uint8)
    headings = np.degrees(np.arctan2(COL_STEP, -ROW_STEP))
    for i, corridor in enumerate(corridors):
        polygon, azimuth = corridor.polygon, corridor.azimuth_deg
        if not (isinstance(polygon, Polygon) and polygon.is_valid and not polygon.is_empty):
            raise ZoneError(f"corridors[{i}].polygon: not a valid polygon with an area.")
        if not math.isfinite(azimuth):
            raise ZoneError(f"corridors[{i}].azimuth_deg: {azimuth!r}; must be a finite number of degrees.")
        xmin, ymin, xmax, ymax = polygon.bounds
        r0, c0 = ref.rowcol(xmin, ymax)
        r1, c1 = ref.rowcol(xmax, ymin)
        rows = np.arange(max(math.floor(r0), 0), min(math.ceil(r1), ref.rows - 1) + 1)
        cols = np.arange(max(math.floor(c0), 0), min(math.ceil(c1), ref.cols - 1) + 1)
        row, col = (grid.ravel() for grid in np.meshgrid(rows, cols, indexing="ij"))
        inside = shapely.covers(polygon, shapely.points(*ref.xy(row, col))) if row.size else np.zeros(0, dtype=np.bool_)
        if not inside.any():
            raise ZoneError(
                f"corridors[{i}].polygon: holds no cell's centre; it is off the map or narrower than a cell of "
                f"{ref.cell_m:g} m. Widen it to a cell at least."
            )
        apart = np.abs((headings - azimuth + 180.0) % 360.0 - 180.0)
        mask = np.uint8(sum(1 << k for k in range(8) if apart[k] <= WITHIN_DEG))
        allowed[row[inside], col[inside]] &= mask
    return allowed
