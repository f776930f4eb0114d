"""Round the rocks: a line that keep-outs are in the way of becomes the shortest way among them (`visibility_graph`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from .errors import NoRoute
from .visibility_graph import GAP, shortest_among
from .zones import Zones

if TYPE_CHECKING:
    from shapely import Polygon

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
    return np.array([*head, *shortest_among(start, end, zones, longest_m)])


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
