"""One picture of a fleet's plan: ground by what it costs, timed routes with their waits, and a strip of who moves when."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.fleet_routes import FleetPlan, TimedRoute
from moonfleet.terrain.maps import png_bytes

Image = NDArray[np.uint8]

WALL = (38, 34, 40)  # impassable ground
PAPER, INK, FAINT = (250, 249, 247), (40, 40, 46), (205, 203, 198)
ROW_PX, MARGIN_PX = 11, 14  # of the strip


def fleet_picture(plan: FleetPlan, cost: NDArray[np.float32], width_px: int = 1100) -> Image:
    """Return the picture, uint8 [H, W, 3] RGB.

    Bright ground is quick, dark slow, near-black impassable. A ring on a route is a wait, the larger the longer; a square is a
    start, a filled disc of the robot's clearance its goal. Below, each robot's line from time 0: bright while it moves, thin while it
    waits, and a tick where it could have arrived had it been alone.
    """
    _rows, cols = cost.shape
    scale = max(1, round(width_px / cols))
    image = cv2.resize(_ground(cost), None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    colours = [_colour(i) for i in range(len(plan.routes))]
    for route, colour in zip(plan.routes, colours, strict=True):
        at = _pixels(route.cells, scale)
        cv2.polylines(image, [at[:, None]], False, (255, 255, 255), max(3, scale // 2 + 2), cv2.LINE_AA)
        cv2.polylines(image, [at[:, None]], False, colour, max(2, scale // 2), cv2.LINE_AA)
    for route, colour in zip(plan.routes, colours, strict=True):
        at = _pixels(route.cells, scale)
        for k in np.flatnonzero(_waits(route)):
            lasting = (route.time_s[k + 1] - route.time_s[k]) / max(plan.makespan_s, 1.0)
            radius = int(scale * (1.0 + 12.0 * lasting**0.5))
            cv2.circle(image, tuple(at[k].tolist()), radius + 1, (255, 255, 255), 3, cv2.LINE_AA)
            cv2.circle(image, tuple(at[k].tolist()), radius, colour, 2, cv2.LINE_AA)
        disc = max(scale, round(route.clearance_m / plan.cell_m * scale))
        (x, y), goal = at[0].tolist(), tuple(at[-1].tolist())
        cv2.rectangle(image, (x - scale, y - scale), (x + scale, y + scale), colour, -1)
        cv2.rectangle(image, (x - scale, y - scale), (x + scale, y + scale), (255, 255, 255), 1)
        cv2.circle(image, goal, disc, colour, -1, cv2.LINE_AA)
        cv2.circle(image, goal, disc, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([image, _strip(plan, colours, image.shape[1])]).astype(np.uint8)


def write_fleet_picture(plan: FleetPlan, cost: NDArray[np.float32], path: Path) -> None:
    """Write `fleet_picture` as a PNG file."""
    path.write_bytes(png_bytes(fleet_picture(plan, cost)))


def _ground(cost: NDArray[np.float32]) -> Image:
    """Return the ground in grey, uint8 [R, C, 3]: the quickest tenth bright, the slowest dark."""
    free = np.isfinite(cost)
    image = np.empty((*cost.shape, 3), dtype=np.uint8)
    low, high = np.quantile(cost[free], [0.02, 0.98]) if free.any() else (0.0, 1.0)
    share = np.clip((np.where(free, cost, high) - low) / max(high - low, 1e-9), 0.0, 1.0)
    image[:] = (232.0 - 120.0 * share)[..., None]
    image[~free] = WALL
    return image


def _strip(plan: FleetPlan, colours: list[tuple[int, int, int]], width: int) -> Image:
    """Return the strip of who moves when."""
    top = MARGIN_PX + 16
    strip = np.full((top + ROW_PX * len(plan.routes) + MARGIN_PX, width, 3), PAPER, dtype=np.uint8)
    left, right = MARGIN_PX + 90, width - MARGIN_PX
    end = max(plan.makespan_s, 1.0)

    def x(time_s: float) -> int:
        return left + round((right - left) * time_s / end)

    step = next(s for s in (600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0, 864000.0, end) if end / s <= 12)
    for time_s in np.arange(0.0, end + 1.0, step):
        cv2.line(strip, (x(time_s), top - 4), (x(time_s), strip.shape[0] - MARGIN_PX), FAINT, 1)
        cv2.putText(
            strip,
            f"{time_s / 3600.0:g} h",
            (x(time_s) + 2, top - 8),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.38,
            INK,
            1,
            cv2.LINE_AA,
        )
    for i, (route, colour) in enumerate(zip(plan.routes, colours, strict=True)):
        y = top + ROW_PX * i + ROW_PX // 2
        cv2.putText(strip, route.name[:13], (MARGIN_PX, y + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.34, INK, 1, cv2.LINE_AA)
        for wait, a, b in zip(_waits(route), route.time_s[:-1], route.time_s[1:], strict=True):
            half = 0 if wait else 3
            cv2.rectangle(strip, (x(a), y - half), (x(b), y + half), colour, -1)
        alone = x(float(plan.alone_s[i]))
        cv2.line(strip, (alone, y - 5), (alone, y + 5), INK, 1)
    return strip


def _waits(route: TimedRoute) -> NDArray[np.bool_]:
    return (np.diff(route.cells, axis=0) == 0).all(axis=1)


def _pixels(cells: NDArray[np.int32], scale: int) -> NDArray[np.int32]:
    """Return x, y [px] of cells' centres."""
    return (cells[:, ::-1] * scale + scale // 2).astype(np.int32)


def _colour(index: int) -> tuple[int, int, int]:
    """Return a hue, neighbours in number far apart in hue."""
    hue = int(180.0 * ((index * 0.618034) % 1.0))
    bright = 235 if index % 2 == 0 else 190
    pixel = cv2.cvtColor(np.array([[[hue, 215, bright]]], dtype=np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])
