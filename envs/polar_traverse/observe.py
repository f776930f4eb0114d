"""The kernel that fills the observation of PolarTraverse, for any number of worlds; the table of what is where is in `spaces`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import state as s
from moonfleet.terrain.constants import MOON_RADIUS_M
from moonfleet.terrain.kernel import leaf_kernel
from moonfleet.terrain.prefetch import prefetch

from .outlook import CELL, CENTRE_X, CENTRE_Y, X_LEFT, Y_TOP, outlook
from .spaces import (
    EARTH_EL_SCALE_DEG,
    LIGHT_SIDE,
    LIGHT_STRIDE,
    MARGIN_SCALE_DEG,
    NEAR_M,
    OFFSET,
    SLOPE_SIDE,
    SUN_EL_SCALE_DEG,
)

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
MARGIN = SLOPE_SIDE // 2  # cells of steep ground put around the map
AHEAD = 4  # worlds ahead of which memory is asked for
SWEEP_DEG = 25  # that the Sun goes round in the 48 hours of the forecasts
STEEPEST = 2.0  # what slopes are clipped to, and what is off the map

# columns of `Progress.tally`
STEPS, CURRENT, BROWNOUTS = range(3)
# columns of `Progress.known`: what the forecasts in `Progress.ahead` are of
HERE_CELL, HERE_HOUR, HAVEN, HAVEN_HOUR = range(4)


# what a game is given: float64 [5]
CAPACITY_WH, SOLAR_W, MAX_STEPS, TICK_S, PER_DIAGONAL = range(5)


class Chart(NamedTuple):
    """What the eyes of the game need of the grounds; G grounds."""

    slope: Floats32  # [G, R + 8, C + 8] slope / steepest allowed, clipped to 2, with a margin of 2
    millideg: NDArray[np.int16]  # [G, A, R, C] horizons, 0.001 deg
    hours: Floats32  # [2, n, 5] the Sun hour by hour, see `outlook`
    frame: Floats  # [5] of the map, see `outlook`
    havens_xy: Floats  # [G, H, 2] m, NaN: fewer
    places_xy: Floats  # [G, K, 2] m


class Progress(NamedTuple):
    """How far every world is."""

    ground_of: Ints  # [W]
    chain: Ints  # [W, T] numbers of the places that are targets
    tally: Ints  # [W, 3] STEPS, CURRENT target, BROWNOUTS so far
    route_m: Floats  # [W] way to the current target
    known: Ints  # [W, 4]
    ahead: Floats32  # [W, 8] forecasts here and at the nearest haven


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
def cell_of(frame: Floats, x: float, y: float, rows: int, cols: int) -> tuple[int, int]:
    """Return row, col of the cell that a place on the map lies in."""
    row = min(max(int(math.floor((frame[Y_TOP] - y) / frame[CELL])), 0), rows - 1)
    col = min(max(int(math.floor((x - frame[X_LEFT]) / frame[CELL])), 0), cols - 1)
    return row, col


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
def _hint(chart: Chart, g: int, f: Floats, sky: Floats) -> None:
    """Ask for what `_observe_one` will read around a rover."""
    azimuths, rows, cols = chart.millideg.shape[1:]
    row, col = cell_of(chart.frame, f[s.X, 0], f[s.Y, 0], rows, cols)
    for r in range(row, row + SLOPE_SIDE):
        prefetch(chart.slope, (g, r, col))
        prefetch(chart.slope, (g, r, col + SLOPE_SIDE - 1))
    a, _, _ = _bin(azimuths, sky[s.SUN_AZ])
    reach = LIGHT_SIDE // 2 * LIGHT_STRIDE
    left, right = max(col - reach, 0), min(col + reach, cols - 1)
    for k in range(2):
        plane = a + k if a + k < azimuths else a + k - azimuths
        for r in range(max(row - reach, 0), min(row + reach, rows - 1) + 1, LIGHT_STRIDE):
            prefetch(chart.millideg, (g, plane, r, left))
            prefetch(chart.millideg, (g, plane, r, right))
    for k in range(2, SWEEP_DEG * azimuths // 360 + 2):
        plane = a + k if a + k < azimuths else a + k - azimuths
        prefetch(chart.millideg, (g, plane, row, col))


@leaf_kernel
def observe_worlds(
    which: Ints, start: int, end: int, out: Floats32, chart: Chart, progress: Progress, floats: Floats, sky: Floats,
    now: Ints, given: Floats,
) -> None:  # fmt: skip
    """Fill the rows ``which[start:end]`` of ``out`` float32 [W, 141].

    ``floats`` is the World's block of numbers, ``sky`` and ``now`` are its `sky_rows`; ``given`` float64 [5]: battery [Wh], panel at
    1 au [W], steps of an episode, seconds per row of the sky, one over the diagonal of the map [1/m].
    """
    for k in range(start, end):
        # scattered memory is asked for some worlds ahead: first where a rover stands, then what lies around it
        if k + 2 * AHEAD < end:
            far = which[k + 2 * AHEAD]
            prefetch(floats, (far, s.X, 0))
            prefetch(sky, (now[far], 0))
            prefetch(progress.tally, (far, 0))
        if k + AHEAD < end:
            near = which[k + AHEAD]
            _hint(chart, progress.ground_of[near], floats[near], sky[now[near]])  # pyright: ignore[reportArgumentType]
        w = which[k]
        hour = int(now[w] * given[TICK_S] / 3600.0)
        _observe_one(out[w], w, chart, progress, floats[w], sky[now[w]], hour, given)
