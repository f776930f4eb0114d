"""The kernel that writes what rovers see, in the order of `spaces.FEATURES`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import state as s
from moonfleet.agents.battery import locked_wh
from moonfleet.agents.boring import (
    CARRIED,
    CARRIED_ICE,
    DEPTH,
    FRACTION,
    HOLE_X,
    HOLE_Y,
    MOST_HOLES,
    STORED_ICE,
    hole_at,
    may_bore,
)
from moonfleet.agents.ice import MEAN_FRACTION
from moonfleet.terrain.kernel import kernel, leaf_kernel

from . import spaces as o
from .generator import KEPT
from .ways import (
    CELL,
    MAX_SLOPE,
    SUN_AZ,
    SUN_EL,
    TILT_EAST,
    TILT_NORTH,
    X_LEFT,
    Y_TOP,
    cell_of,
    lit_hour,
    step_down,
    sun_over,
    way_s,
)

NEAR_PROSPECT_M = 60.0  # [m] a hole this near to a prospect tells of it
HOME_M = 25.0  # [m] samples are taken over this near to home
ROWS_PER_H = 12  # steps per hour of the almanac
# [h] from now: samples of the forecast's windows, and where each window begins among them
SAMPLES = (0, 1, 3, 5, 7, 10, 14, 20)
EDGES = (0, 2, 4, 6, 8)

# what is fixed: float64 [7]
CAPACITY_WH, COLD_LOSS, DRIVE_W, SOLAR_W, CACHE_KG, MAX_STEPS, REACH_M = range(7)
# columns of what a world counts: int64 [W, 6]
GROUND, SITUATION, STEPS, BROWNOUTS, DOWN_STEPS, OVER = range(6)
COUNTS = 6

O_HOLE, O_FAULTS, O_HOME, O_FORECAST = (
    o.OFFSET["hole"],
    o.OFFSET["faults"],
    o.OFFSET["home_direction"],
    o.OFFSET["home_forecast"],
)
O_HERE, O_ROUTE, O_TIME = o.OFFSET["forecast_here"], o.OFFSET["prospect_route"], o.OFFSET["prospect_time"]
O_PRIOR, O_FOUND, O_RECENT = o.OFFSET["prospect_prior"], o.OFFSET["prospect_found"], o.OFFSET["recent_holes"]
O_SUN, O_SLOPE, O_PRIORS, O_LIGHT = o.OFFSET["sun"], o.OFFSET["slope"], o.OFFSET["prior"], o.OFFSET["light"]
RAD = math.pi / 180.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Maps(NamedTuple):
    """What is known of G grounds, their N homes and M prospects."""

    slope: NDArray[np.float32]  # [G, R, C] deg
    prior: NDArray[np.float32]  # [G, R, C] expected mass fraction of ice
    cold: NDArray[np.float32]  # [G, R, C] truth: where ice keeps; never shown
    millideg: NDArray[np.int16]  # [G, A, R, C] horizons
    frame: Floats  # [4] see `ways`
    homes: Floats  # [N, 2] m
    home_s: NDArray[np.float32]  # [N, R, C] driving time home
    home_next: NDArray[np.uint8]  # [N, R, C] next cell on the way home, see `ways.find_next`
    prospects: Floats  # [M, 3] x, y [m], prior
    prospect_s: NDArray[np.float32]  # [M, R, C] driving time to each
    prospect_next: NDArray[np.uint8]  # [M, R, C]
    of_home: Ints  # [N, KEPT] prospects told of


class Rovers(NamedTuple):
    """Views of the World's state [W, 1] that are shown."""

    x: Floats
    y: Floats
    heading_deg: Floats
    battery_wh: Floats
    temp_k: Floats
    lit: Floats
    solar_w: Floats
    blocked: Ints
    faults: Ints
    trapped: Ints


@leaf_kernel
def _clip(value: float, low: float, high: float) -> float:
    """Return ``value`` held within [low, high]."""
    return min(max(value, low), high)


@leaf_kernel
def _unit(out: NDArray[np.float32], at: int, dx: float, dy: float) -> None:
    """Write the direction of a displacement, zeros for none."""
    distance = math.sqrt(dx * dx + dy * dy)
    out[at] = dx / distance if distance > 1e-6 else 0.0
    out[at + 1] = dy / distance if distance > 1e-6 else 0.0


@leaf_kernel
def usable_wh(battery_wh: float, temp_k: float, fixed: Floats) -> float:
    """Return the charge that the cold does not lock away [Wh]."""
    return max(battery_wh - locked_wh(fixed[CAPACITY_WH], temp_k, fixed[COLD_LOSS]), 0.0)


@kernel
def see(
    out: NDArray[np.float32], worlds: Ints, start: int, end: int, maps: Maps, rovers: Rovers, counts: Ints, holes: Floats,
    holes_n: Ints, books: Floats, almanac: Floats, home_lit: NDArray[np.float32], fixed: Floats,
) -> None:  # fmt: skip
    """Fill ``out`` float32 [W, SIZE] for ``worlds[start:end]``; ``almanac`` [W, h, 8], ``home_lit`` [W, h]."""
    _, rows, cols = maps.slope.shape
    frame = maps.frame
    cell, steepest = frame[CELL], frame[MAX_SLOPE]
    for n in range(start, end):
        w = worlds[n]
        seen = out[w]
        ground, situation, steps = counts[w, GROUND], counts[w, SITUATION], counts[w, STEPS]
        slope, prior, millideg = maps.slope[ground], maps.prior[ground], maps.millideg[ground]
        x, y = rovers.x[w, 0], rovers.y[w, 0]
        row, col = cell_of(frame, x, y, rows, cols)
        hour = steps // ROWS_PER_H
        home_x, home_y = maps.homes[situation, 0], maps.homes[situation, 1]
        at_home = (home_x - x) ** 2 + (home_y - y) ** 2 <= HOME_M * HOME_M
        down = rovers.faults[w, 0]

        seen[0] = _clip(rovers.battery_wh[w, 0] / fixed[CAPACITY_WH], 0.0, 1.0)
        seen[1] = _clip((rovers.temp_k[w, 0] - 250.0) / 150.0, -1.0, 1.0)
        seen[2] = _clip(rovers.lit[w, 0], 0.0, 1.0)
        seen[3] = _clip(rovers.solar_w[w, 0] / fixed[SOLAR_W], 0.0, 1.0)
        seen[4] = math.sin(rovers.heading_deg[w, 0] * RAD)
        seen[5] = math.cos(rovers.heading_deg[w, 0] * RAD)
        seen[6] = _clip(slope[row, col] / steepest, 0.0, 2.0)
        seen[7] = _clip(prior[row, col] / MEAN_FRACTION, 0.0, 1.0)
        seen[8] = 1.0 if at_home else 0.0
        seen[9] = _clip(books[w, CARRIED] / fixed[CACHE_KG], 0.0, 1.0)
        seen[10] = _clip(books[w, CARRIED_ICE] / o.ICE_SCALE_KG, 0.0, 1.0)
        seen[11] = _clip(books[w, STORED_ICE] / o.STORE_SCALE_KG, 0.0, 1.0)

        here = hole_at(holes[w], int(holes_n[w]), x, y)
        seen[O_HOLE] = _clip(holes[w, here, DEPTH], 0.0, 1.0) if here >= 0 else 0.0
        seen[O_HOLE + 1] = _clip(holes[w, here, FRACTION] / o.FOUND_SCALE, 0.0, 1.0) if here >= 0 else -1.0
        more = may_bore(holes[w], int(holes_n[w]), books[w, CARRIED], fixed[CACHE_KG], x, y)
        seen[O_HOLE + 2] = 1.0 if more else 0.0
        for k in range(s.SUBSYSTEMS):
            seen[O_FAULTS + k] = 1.0 if down & (1 << k) else 0.0
        age_h = counts[w, DOWN_STEPS] / ROWS_PER_H
        seen[O_FAULTS + 5] = _clip(age_h / o.FAULT_SCALE_H, 0.0, 1.0)
        seen[O_FAULTS + 6] = 1.0 if rovers.trapped[w, 0] else 0.0
        seen[O_FAULTS + 7] = 1.0 if rovers.blocked[w, 0] else 0.0
        seen[O_FAULTS + 8] = _clip(1.0 - steps / fixed[MAX_STEPS], 0.0, 1.0)

        _unit(seen, O_HOME, home_x - x, home_y - y)
        ways = maps.home_next[situation]
        seconds = 0.0 if at_home else way_s(maps.home_s[situation], ways, row, col)
        _route(seen, O_HOME + 2, ways, row, col, x, y, frame)
        seen[O_HOME + 4] = _clip(seconds / o.FAR_SCALE_S, 0.0, 1.0)
        seen[O_HOME + 5] = _clip(seconds / o.NEAR_SCALE_S, 0.0, 1.0)
        left = usable_wh(rovers.battery_wh[w, 0], rovers.temp_k[w, 0], fixed) - fixed[DRIVE_W] * seconds / 3600.0
        seen[O_HOME + 6] = _clip(left / fixed[CAPACITY_WH], -1.0, 1.0)
        hours = home_lit.shape[1]
        for window in range(o.WINDOWS):
            first, last = EDGES[window], EDGES[window + 1]
            home, own = 0.0, 0.0
            for k in range(first, last):
                then = min(hour + SAMPLES[k], hours - 1)
                home += float(home_lit[w, then])
                own += lit_hour(millideg, row, col, frame, almanac[w], then)
            seen[O_FORECAST + window] = _clip(home / (last - first), 0.0, 1.0)
            seen[O_HERE + window] = _clip(own / (last - first), 0.0, 1.0)

        for k in range(KEPT):
            which = maps.of_home[situation, k]
            to_x, to_y = maps.prospects[which, 0], maps.prospects[which, 1]
            ways = maps.prospect_next[which]
            seconds = way_s(maps.prospect_s[which], ways, row, col)
            _route(seen, O_ROUTE + 2 * k, ways, row, col, x, y, frame)
            seen[O_TIME + 2 * k] = _clip(seconds / o.FAR_SCALE_S, 0.0, 1.0)
            seen[O_TIME + 2 * k + 1] = _clip(seconds / o.NEAR_SCALE_S, 0.0, 1.0)
            seen[O_PRIOR + k] = _clip(maps.prospects[which, 2] / MEAN_FRACTION, 0.0, 1.0)
            found = -1.0
            for h in range(holes_n[w]):
                dx, dy = holes[w, h, HOLE_X] - to_x, holes[w, h, HOLE_Y] - to_y
                if dx * dx + dy * dy <= NEAR_PROSPECT_M * NEAR_PROSPECT_M:
                    found = max(found, float(holes[w, h, FRACTION]) / o.FOUND_SCALE)
            seen[O_FOUND + k] = _clip(found, -1.0, 1.0)
        for k in range(o.HOLES_SEEN):
            h = holes_n[w] - 1 - k
            at = O_RECENT + 3 * k
            seen[at] = _clip((holes[w, h, HOLE_X] - x) / o.HOLE_SCALE_M, -1.0, 1.0) if h >= 0 else 0.0
            seen[at + 1] = _clip((holes[w, h, HOLE_Y] - y) / o.HOLE_SCALE_M, -1.0, 1.0) if h >= 0 else 0.0
            seen[at + 2] = _clip(float(holes[w, h, FRACTION]) / o.FOUND_SCALE, 0.0, 1.0) if h >= 0 else -1.0
        seen[O_RECENT + 3 * o.HOLES_SEEN] = _clip(float(holes_n[w]) / MOST_HOLES, 0.0, 1.0)

        sun = almanac[w, min(hour, almanac.shape[1] - 1)]
        centre_x, centre_y = frame[X_LEFT] + 0.5 * cols * cell, frame[Y_TOP] - 0.5 * rows * cell
        seen[O_SUN] = math.sin(sun[SUN_AZ] * RAD)
        seen[O_SUN + 1] = math.cos(sun[SUN_AZ] * RAD)
        own_el = float(sun[SUN_EL]) + (x - centre_x) * sun[TILT_EAST] + (y - centre_y) * sun[TILT_NORTH]
        seen[O_SUN + 2] = _clip(float(own_el) / o.SUN_EL_SCALE_DEG, -1.0, 1.0)

        k = O_SLOPE
        for r in range(row - o.SLOPE_SIDE // 2, row + o.SLOPE_SIDE // 2 + 1):
            for c in range(col - o.SLOPE_SIDE // 2, col + o.SLOPE_SIDE // 2 + 1):
                inside = 0 <= r < rows and 0 <= c < cols
                seen[k] = _clip(slope[r, c] / steepest, 0.0, 2.0) if inside else 2.0
                k += 1
        k, reach = O_PRIORS, o.PRIOR_SIDE // 2 * o.PRIOR_STRIDE
        for r in range(row - reach, row + reach + 1, o.PRIOR_STRIDE):
            for c in range(col - reach, col + reach + 1, o.PRIOR_STRIDE):
                inside = 0 <= r < rows and 0 <= c < cols
                seen[k] = _clip(prior[r, c] / MEAN_FRACTION, 0.0, 1.0) if inside else 0.0
                k += 1
        k, reach = O_LIGHT, o.LIGHT_SIDE // 2 * o.LIGHT_STRIDE
        for r in range(row - reach, row + reach + 1, o.LIGHT_STRIDE):
            for c in range(col - reach, col + reach + 1, o.LIGHT_STRIDE):
                if 0 <= r < rows and 0 <= c < cols:
                    seen[k] = _clip(sun_over(millideg, r, c, frame, sun) / o.MARGIN_SCALE_DEG, -1.0, 1.0)
                else:
                    seen[k] = -1.0
                k += 1


@leaf_kernel
def _route(
    out: NDArray[np.float32], at: int, ways: NDArray[np.uint8], row: int, col: int, x: float, y: float, frame: Floats
) -> None:
    """Write the direction of the next cell but one on a way, zeros at its end."""
    r, c = step_down(ways, row, col)
    r, c = step_down(ways, r, c)
    to_x, to_y = frame[X_LEFT] + (c + 0.5) * frame[CELL], frame[Y_TOP] - (r + 0.5) * frame[CELL]
    if r == row and c == col:
        to_x, to_y = x, y
    _unit(out, at, to_x - x, to_y - y)
