"""What the eyes of PolarTraverse see, one number after the other from the maps as they are.

The reference of the kernel that sees eight numbers at once: the same to the bit, since every sum is in the order that it is in there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import state as s
from moonfleet.envs.polar_traverse.observe import (
    CAPACITY_WH,
    CURRENT,
    HAVEN,
    HAVEN_HOUR,
    HERE_CELL,
    HERE_HOUR,
    MARGIN,
    MAX_STEPS,
    PER_DIAGONAL,
    SOLAR_W,
    STEPS,
    TICK_S,
    Chart,
    Progress,
    cell_of,
)
from moonfleet.envs.polar_traverse.outlook import CELL, CENTRE_X, CENTRE_Y, X_LEFT, Y_TOP, outlook
from moonfleet.envs.polar_traverse.spaces import (
    EARTH_EL_SCALE_DEG,
    LIGHT_SIDE,
    LIGHT_STRIDE,
    MARGIN_SCALE_DEG,
    NEAR_M,
    OFFSET,
    SLOPE_SIDE,
    SUN_EL_SCALE_DEG,
)
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.kernel import leaf_kernel

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]

# offsets as plain numbers: the kernel freezes them at compile time
_LIGHT = OFFSET["light"]
_TARGET = OFFSET["target_direction"]
_NEXT = OFFSET["next_direction"]
_HAVEN = OFFSET["haven_direction"]
_OWN = OFFSET["battery"]
_SUN = OFFSET["sun"]
_FORECAST_HERE = OFFSET["forecast_here"]
_FORECAST_HAVEN = OFFSET["forecast_haven"]
_LAST = OFFSET["targets_left"]
_RAD = math.pi / 180.0
_DEG_PER_M = 180.0 / (math.pi * MOON_RADIUS_M)  # deg by which a body stands higher per metre towards it


@leaf_kernel
def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@leaf_kernel
def _aim(out: Floats32, at: int, dx: float, dy: float, per_m: float) -> float:
    """Write direction (2) and distance over the diagonal (1) of a displacement; ``per_m`` is one over that; return the distance [m]."""
    distance = math.sqrt(dx * dx + dy * dy)
    if distance > 1e-6:
        scale = 1.0 / distance
        out[at] = _clip(dx * scale, -1.0, 1.0)
        out[at + 1] = _clip(dy * scale, -1.0, 1.0)
    else:
        out[at] = 0.0
        out[at + 1] = 0.0
    out[at + 2] = _clip(distance * per_m, 0.0, 1.0)
    return distance


@leaf_kernel
def _near_slopes(out: Floats32, slope: Floats32, g: int, row: int, col: int) -> None:
    for r in range(SLOPE_SIDE):
        for c in range(SLOPE_SIDE):
            out[SLOPE_SIDE * r + c] = slope[g, row + r, col + c]


@leaf_kernel
def _near_light(
    out: Floats32, chart: Chart, g: int, row: int, col: int, sun_az: float, sun_el: float, east: float, north: float
) -> None:
    """Write how far the Sun stands above the horizon of cells around; ``east`` and ``north``: deg higher per metre."""
    azimuths, rows, cols = chart.millideg.shape[1:]
    a, b, w = _bin(azimuths, sun_az)
    frame = chart.frame
    per_cell = east * frame[CELL]
    first, second = 0.001 * (1.0 - w), 0.001 * w
    reach = LIGHT_SIDE // 2 * LIGHT_STRIDE
    inside = row >= reach and col >= reach and row < rows - reach and col < cols - reach
    # at the column of the rover, of the row at the top
    base = sun_el + north * (frame[Y_TOP] - (row - reach + 0.5) * frame[CELL] - frame[CENTRE_Y])
    base += east * (frame[X_LEFT] + (col + 0.5) * frame[CELL] - frame[CENTRE_X])
    down = north * frame[CELL] * LIGHT_STRIDE
    for i in range(LIGHT_SIDE):
        r = row - reach + i * LIGHT_STRIDE
        for j in range(LIGHT_SIDE):
            c = col - reach + j * LIGHT_STRIDE
            k = _LIGHT + LIGHT_SIDE * i + j
            if inside or (0 <= r < rows and 0 <= c < cols):
                local = base - down * i + per_cell * (c - col)
                margin = local - (first * chart.millideg[g, a, r, c] + second * chart.millideg[g, b, r, c])
                out[k] = _clip(margin * (1.0 / MARGIN_SCALE_DEG), -1.0, 1.0)
            else:
                out[k] = -1.0


@leaf_kernel
def _bin(azimuths: int, az_deg: float) -> tuple[int, int, float]:
    """Return what `horizon.azimuth_bin` does, of an azimuth within 0..360 deg."""
    place = az_deg * azimuths / 360.0
    a = min(int(place), azimuths - 1)
    return a, a + 1 if a + 1 < azimuths else 0, place - a


@leaf_kernel
def nearest_haven(havens_xy: Floats, g: int, x: float, y: float) -> int:
    """Return the number of the haven nearest to (x, y)."""
    best, haven = math.inf, 0
    for h in range(havens_xy.shape[1]):
        dx, dy = havens_xy[g, h, 0] - x, havens_xy[g, h, 1] - y
        if dx * dx + dy * dy < best:  # never so where there is none
            best, haven = dx * dx + dy * dy, h
    return haven


@leaf_kernel
def _observe_one(
    out: Floats32, w: int, chart: Chart, progress: Progress, f: Floats, sky: Floats, hour: int, given: Floats
) -> None:
    g = progress.ground_of[w]
    frame, rows, cols = chart.frame, chart.millideg.shape[2], chart.millideg.shape[3]
    per_m = given[PER_DIAGONAL]
    targets = progress.chain.shape[1]
    current = progress.tally[w, CURRENT]
    x, y = f[s.X, 0], f[s.Y, 0]
    row, col = cell_of(frame, x, y, rows, cols)
    sun_az, sun_el, earth_az = sky[s.SUN_AZ], sky[s.SUN_EL], sky[s.EARTH_AZ]
    sun_x, sun_y = math.sin(sun_az * _RAD), math.cos(sun_az * _RAD)
    earth_x, earth_y = math.sin(earth_az * _RAD), math.cos(earth_az * _RAD)

    _near_slopes(out, chart.slope, g, row, col)
    _near_light(out, chart, g, row, col, sun_az, sun_el, sun_x * _DEG_PER_M, sun_y * _DEG_PER_M)

    aim = progress.chain[w, min(current, targets - 1)]
    distance = _aim(out, _TARGET, chart.places_xy[g, aim, 0] - x, chart.places_xy[g, aim, 1] - y, per_m)
    out[_TARGET + 3] = _clip(distance * (1.0 / NEAR_M), 0.0, 1.0)
    out[_TARGET + 4] = _clip(0.5 * progress.route_m[w] * per_m, 0.0, 1.0)
    if current + 1 < targets:
        after = progress.chain[w, current + 1]
        _aim(out, _NEXT, chart.places_xy[g, after, 0] - x, chart.places_xy[g, after, 1] - y, per_m)
    else:
        _aim(out, _NEXT, 0.0, 0.0, per_m)
    haven = nearest_haven(chart.havens_xy, g, x, y)
    haven_x, haven_y = chart.havens_xy[g, haven, 0], chart.havens_xy[g, haven, 1]
    _aim(out, _HAVEN, haven_x - x, haven_y - y, per_m)

    out[_OWN] = _clip(f[s.BATTERY, 0] / given[CAPACITY_WH], 0.0, 1.0)
    out[_OWN + 1] = _clip((f[s.TEMP, 0] - 250.0) * (1.0 / 150.0), -1.0, 1.0)
    out[_OWN + 2] = _clip(f[s.LIT, 0], 0.0, 1.0)
    out[_OWN + 3] = _clip(f[s.SOLAR, 0] / given[SOLAR_W], 0.0, 1.0)
    out[_OWN + 4] = math.sin(f[s.HEADING, 0] * _RAD)
    out[_OWN + 5] = math.cos(f[s.HEADING, 0] * _RAD)
    out[_OWN + 6] = chart.slope[g, row + MARGIN, col + MARGIN]

    # a place off the middle of the site has a horizontal plane of its own (`light.local_elevation_deg`)
    dx, dy = (x - frame[CENTRE_X]) * _DEG_PER_M, (y - frame[CENTRE_Y]) * _DEG_PER_M
    earth_el = sky[s.EARTH_EL] + (dx * earth_x + dy * earth_y)
    out[_SUN] = sun_x
    out[_SUN + 1] = sun_y
    out[_SUN + 2] = _clip((sun_el + (dx * sun_x + dy * sun_y)) * (1.0 / SUN_EL_SCALE_DEG), -1.0, 1.0)
    out[_SUN + 3] = earth_x
    out[_SUN + 4] = earth_y
    out[_SUN + 5] = _clip(earth_el * (1.0 / EARTH_EL_SCALE_DEG), -1.0, 1.0)
    a, b, part = _bin(chart.millideg.shape[1], earth_az)
    edge = 0.001 * ((1.0 - part) * chart.millideg[g, a, row, col] + part * chart.millideg[g, b, row, col])
    out[_SUN + 6] = 1.0 if earth_el >= edge else 0.0

    # forecasts are of cells and whole hours: they are kept until either changes
    known, ahead = progress.known[w], progress.ahead[w]
    cell = row * cols + col
    if known[HERE_CELL] != cell or known[HERE_HOUR] != hour:
        outlook(chart.millideg, g, row, col, chart.hours, hour, frame, ahead[:4])
        known[HERE_CELL], known[HERE_HOUR] = cell, hour
    if known[HAVEN] != haven or known[HAVEN_HOUR] != hour:
        haven_row, haven_col = cell_of(frame, haven_x, haven_y, rows, cols)
        outlook(chart.millideg, g, haven_row, haven_col, chart.hours, hour, frame, ahead[4:])
        known[HAVEN], known[HAVEN_HOUR] = haven, hour
    for k in range(4):
        out[_FORECAST_HERE + k] = ahead[k]
        out[_FORECAST_HAVEN + k] = ahead[4 + k]
    out[_LAST] = (targets - current) / targets
    out[_LAST + 1] = _clip(1.0 - progress.tally[w, STEPS] / given[MAX_STEPS], 0.0, 1.0)


@leaf_kernel
def plain_look(
    out: Floats32, chart: Chart, progress: Progress, floats: Floats, sky: Floats, now: Ints, given: Floats
) -> None:
    """Fill all rows of ``out``; arguments as of `observe_worlds`."""
    for w in range(len(out)):
        hour = int(now[w] * given[TICK_S] / 3600.0)
        _observe_one(out[w], w, chart, progress, floats[w], sky[now[w]], hour, given)
