"""From grid path to short route: string pulling that never raises the cost and never touches an impassable cell.

For routes that are short in earnest, and keep out of polygons, see `moonfleet.autonomy.any_angle`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .line_cost import NO_KEEPOUTS, segment_cost
from .tauten import pulled

if TYPE_CHECKING:
    from moonfleet.terrain.grid import GeoRef

__all__ = ["segment_cost", "shorten"]

PULLS = 3  # passes of string pulling at most


def shorten(cells: NDArray[np.int32], cost: NDArray[np.float32], ref: GeoRef) -> NDArray[np.float64]:
    """Return waypoints float64 [n, 2] (x, y) [m] of a route along ``cells`` int32 [m, 2] that costs no more than they do.

    ``cost`` is float32 [R, C], inf where impassable. The first and last cell stay; waypoints are cell centres.
    """
    ground = np.ascontiguousarray(cost, dtype=np.float32)
    keep = np.ascontiguousarray(cells, dtype=np.float64)
    for _ in range(PULLS):
        taut = pulled(ground, NO_KEEPOUTS, keep, 0.0)
        if len(taut) == len(keep):
            break
        keep = taut
    x, y = ref.xy(keep[:, 0], keep[:, 1])
    return np.column_stack([x, y])
