"""How long the path of a body in the sky stays above the horizon of each cell, at a cost that does not grow with time.

The path is first reduced to a table: for each azimuth bin (half a horizon step) and each possible horizon elevation
(0.01 deg), the shares in sight of all samples that fall in the bin, added up. A cell then looks up one number per bin.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .constants import MOON_RADIUS_M
from .grid import GeoRef
from .horizon import Horizon
from .kernel import kernel
from .light import disc_lit
from .threads import Progress, for_each

Array = NDArray[np.float64]
Float32Grid = NDArray[np.float32]
Int16Cube = NDArray[np.int16]

STEP_DEG: Final = 0.01  # [deg] step of the tables in elevation
SUB_BINS: Final = 2  # azimuth bins per azimuth of the horizon
ROWS: Final = 8  # rows of cells that are looked up in one piece: their sums stay in the processor's cache


class Exposure(NamedTuple):
    """A path in the sky, reduced to the shares of its period that any horizon leaves in sight.

    ``share`` is float64 [bins, steps], for a horizon at ``low_deg + step * STEP_DEG`` in that azimuth bin.
    """

    share: Array
    low_deg: float


def exposure_table(
    az_deg: Array, el_deg: Array, radius_deg: Array, azimuths: int, limb_darkening: float = 0.0
) -> Exposure:
    """Return the table of a path: azimuth, elevation and radius of a disc at n times, float64 [n] (radius 0: a point)."""
    bins = azimuths * SUB_BINS
    low = math.floor((float((el_deg - radius_deg).min())) / STEP_DEG) * STEP_DEG - STEP_DEG
    high = float((el_deg + radius_deg).max())
    table = np.zeros((bins, math.ceil((high - low) / STEP_DEG) + 3))
    which = np.minimum((az_deg * (bins / 360.0)).astype(np.int64), bins - 1)
    _add_discs(which, el_deg, radius_deg, low, limb_darkening, table)
    return Exposure(table / az_deg.size, low)


def share_in_sight(
    ref: GeoRef, horizon: Horizon, table: Exposure, threads: int | None = None, progress: Progress | None = None
) -> Float32Grid:
    """Return for each cell the part 0..1 of the period that the path is in sight, float32 [R, C]."""
    total = np.zeros(ref.shape, dtype=np.float64)

    def piece(i: int) -> None:
        add_share(horizon.millideg, ref.cell_m, table.share, table.low_deg, i * ROWS, total[i * ROWS : (i + 1) * ROWS])

    for_each(piece, -(-ref.rows // ROWS), threads, progress)
    return total.astype(np.float32)


@kernel
def _add_discs(bins: NDArray[np.int64], el: Array, radius: Array, low: float, u: float, table: Array) -> None:
    """Add to table [bins, steps] the lit share of each sample's disc over a horizon at low + step * STEP_DEG."""
    steps = table.shape[1]
    for i in range(el.size):
        row = bins[i]
        first = int(math.ceil((el[i] - radius[i] - low) / STEP_DEG))
        table[row, first - 1] += 1.0  # a horizon here or lower leaves the whole disc: added up below
    for row in range(table.shape[0]):
        total = 0.0
        for k in range(steps - 1, -1, -1):
            total += table[row, k]
            table[row, k] = total
    for i in range(el.size):
        if radius[i] <= 0.0:
            continue
        row = bins[i]
        first = int(math.ceil((el[i] - radius[i] - low) / STEP_DEG))
        for k in range(first, min(int((el[i] + radius[i] - low) / STEP_DEG) + 1, steps)):
            table[row, k] += disc_lit(el[i], low + k * STEP_DEG, radius[i], u)


@kernel
def add_share(millideg: Int16Cube, cell_m: float, table: Array, low: float, first: int, total: Array) -> None:
    """Add to total [n, C], rows ``first`` .. of the grid, the table's value at each cell's horizon, over all bins."""
    count, rows, cols = millideg.shape
    bins, steps = table.shape
    sub = bins // count
    for k in range(bins):
        if table[k, 0] == 0.0:
            continue
        a = k // sub
        b = (a + 1) % count
        w = (k - a * sub + 0.5) / sub
        azimuth = (k + 0.5) * 2.0 * math.pi / bins
        scale = 1.0 / STEP_DEG
        east = -math.degrees(cell_m * math.sin(azimuth) / MOON_RADIUS_M) * scale
        north = -math.degrees(cell_m * math.cos(azimuth) / MOON_RADIUS_M) * scale
        wa, wb = 0.001 * scale * (1.0 - w), 0.001 * scale * w
        row = table[k]
        for r in range(first, first + total.shape[0]):
            base = north * (0.5 * (rows - 1) - r) - east * 0.5 * (cols - 1) - low * scale
            for c in range(cols):
                place = base + east * c + wa * millideg[a, r, c] + wb * millideg[b, r, c]
                place = max(place, 0.0)
                if place < steps - 1:
                    i = int(place)
                    f = place - i
                    total[r - first, c] += row[i] + f * (row[i + 1] - row[i])
