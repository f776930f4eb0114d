"""How likely a way leads over a hazard: what was seen near it, and what may lie there unseen.

Hazards under the swath of the body are taken as independent, so P(hit) = 1 - exp(-expected hazards). Expected are

- the unseen: the map's hazards per cell times the share of the cell within reach of the body;
- the seen: each rock's chance of being a hazard times the chance that it stands within reach, its place being normal around where it
  was seen, with the drift since then.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .hazard_map import CELL_M, HazardMap

Floats = NDArray[np.float64]

PIECE_M: Final = 0.25  # [m] the way is cut into pieces no longer than this


class Risk(NamedTuple):
    """Expected hazards along a way: ``along_m`` float64 [n] (rising, 0 first), ``unseen`` and ``seen`` [n] met up to there."""

    along_m: Floats
    unseen: Floats
    seen: Floats

    @property
    def expected(self) -> float:
        """Hazards met on the whole way."""
        return float(self.unseen[-1] + self.seen[-1])

    @property
    def p_hit(self) -> float:
        """Chance of meeting at least one."""
        return -math.expm1(-self.expected)


def route_risk(known: HazardMap, xy: Floats, half_width_m: float, odometer_m: float | None = None) -> Risk:
    """Return the risk of a polyline ``xy`` float64 [n, 2] [m] driven by a body of ``half_width_m`` [m] to each side.

    ``odometer_m``: what the robot's odometer says at its first point; that of the belief if not said. On the way it drifts on.
    """
    points, along = _pieces(xy)
    reach = half_width_m + known.prior.radius_m
    low = np.floor((points.min(axis=0) - reach) / CELL_M) - 1.0
    high = np.ceil((points.max(axis=0) + reach) / CELL_M) + 1.0
    cols, rows = (high - low).astype(np.int64).tolist()
    x0, y0 = (low * CELL_M).tolist()
    cells = known.unseen(x0, y0, rows, cols)
    unseen = np.zeros(len(along))
    _sweep_cells(cells, x0, y0, points, reach, unseen)
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    belief = known.belief
    half = 0.5 * float(np.hypot(*(points.max(axis=0) - points.min(axis=0)))) + half_width_m
    at = belief.within(float(middle[0]), float(middle[1]), half + 2.0)
    seen = np.zeros(len(along))
    if at.size:
        chance = np.minimum(belief.hazard(at), 0.999)
        at, chance = at[chance > 1e-4], chance[chance > 1e-4]
        _sweep_rocks(
            belief.x[at],
            belief.y[at],
            half_width_m + 0.5 * belief.diameter_m[at],
            chance,
            (belief.odometer_m if odometer_m is None else odometer_m) - belief.seen_at_m[at],
            max(belief.doubts.place_sigma_m, 1e-3),
            belief.doubts.drift,
            points,
            along,
            seen,
        )
    return Risk(along, np.cumsum(unseen), np.cumsum(seen))


def _pieces(xy: Floats) -> tuple[Floats, Floats]:
    """Return the polyline cut into short pieces, float64 [n, 2], and the way to each point [m]."""
    corners = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    # cuts stand at fixed ways from the start: the pieces of a route stay the same when it is made longer
    along = np.unique(np.concatenate([corners, np.arange(0.0, float(corners[-1]), PIECE_M)]))
    return np.column_stack([np.interp(along, corners, xy[:, 0]), np.interp(along, corners, xy[:, 1])]), along


@kernel
def _gap(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Return the distance of a point from a segment."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    t = ((px - ax) * dx + (py - ay) * dy) / square if square > 0.0 else 0.0
    t = min(max(t, 0.0), 1.0)
    return math.sqrt((px - ax - t * dx) ** 2 + (py - ay - t * dy) ** 2)


@kernel
def _sweep_cells(cells: Floats, x0: float, y0: float, points: Floats, reach: float, met: Floats) -> None:
    """Add to ``met`` [n] the hazards per cell [R, C] that the pieces up to each point newly bring within reach."""
    rows, cols = cells.shape
    covered = np.zeros((rows, cols))
    wide = reach + 0.5 * CELL_M
    for k in range(len(points)):
        before = max(k - 1, 0)
        ax, ay, bx, by = points[before, 0], points[before, 1], points[k, 0], points[k, 1]
        for i in range(
            max(0, int((min(ay, by) - wide - y0) / CELL_M)), min(rows, int((max(ay, by) + wide - y0) / CELL_M) + 1)
        ):
            py = y0 + (i + 0.5) * CELL_M
            for j in range(
                max(0, int((min(ax, bx) - wide - x0) / CELL_M)), min(cols, int((max(ax, bx) + wide - x0) / CELL_M) + 1)
            ):
                gap = _gap(x0 + (j + 0.5) * CELL_M, py, ax, ay, bx, by)
                share = min(max((reach - gap) / CELL_M + 0.5, 0.0), 1.0)
                if share > covered[i, j]:
                    met[k] += (share - covered[i, j]) * cells[i, j]
                    covered[i, j] = share


@kernel
def _sweep_rocks(
    x: Floats, y: Floats, reach: Floats, chance: Floats, age_m: Floats, place_m: float, drift: float,
    points: Floats, along: Floats, met: Floats,
) -> None:  # fmt: skip
    """Add to ``met`` [n] the seen rocks that the pieces up to each point newly bring within reach."""
    for rock in range(len(x)):
        covered = 0.0
        for k in range(len(points)):
            before = max(k - 1, 0)
            gap = _gap(x[rock], y[rock], points[before, 0], points[before, 1], points[k, 0], points[k, 1])
            drifted = drift * max(age_m[rock] + along[k], 0.0)
            sigma = math.sqrt(place_m * place_m + drifted * drifted)
            share = 0.5 * math.erfc((gap - reach[rock]) / (sigma * math.sqrt(2.0)))
            if share > covered:
                met[k] += math.log1p(-covered * chance[rock]) - math.log1p(-share * chance[rock])
                covered = share
