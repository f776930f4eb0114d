"""What is done to robots between ticks, as kernels over lists of robots of many worlds: orders, resets, landings.

Each is the one copy of its rule: `World` hands lists to it, or a list of one. ``worlds`` and ``robots`` int64 [n] name the robots,
arrays of the state are those of `state`, and ``out`` [n] tells which of them it was done to. A robot that is lost, has not landed
yet or is in flight takes no orders.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel, leaf_kernel
from moonfleet.terrain.prefetch import prefetch

from . import spec_block as c
from . import state as s
from .battery import locked_wh
from .faults import arm, mend
from .step import HOP_TICKS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

START_TEMP_K = 288.0  # [K] robots start warm
ASSIST_M = 30.0  # [m] another robot this near can help
AHEAD = 8  # worlds ahead of which memory is asked for
DEAF, DONE, NO_HOPS, OUTSIDE, TOO_FAR, TOO_LITTLE = range(6)  # how an order to hop ends


@leaf_kernel
def takes_orders(ints: Ints, w: int, r: int) -> bool:
    """Whether a robot can be told anything."""
    activity = ints[w, s.ACTIVITY, r]
    return activity != s.LOST and activity != s.HOP


@leaf_kernel
def _end_leg(ints: Ints, w: int, r: int) -> None:
    ints[w, s.LEG_NEXT, r] = 0
    ints[w, s.LEG_SIZE, r] = 0


@leaf_kernel
def _drive(w: int, r: int, size: int, floats: Floats, ints: Ints, legs: Floats, used: Ints) -> None:
    """Begin a way of ``size`` points that lie in ``legs`` already; clear what an older one left behind them."""
    for p in range(size, used[w, r]):
        legs[w, r, p, 0] = 0.0
        legs[w, r, p, 1] = 0.0
    used[w, r] = size
    ints[w, s.LEG_NEXT, r] = 0
    ints[w, s.LEG_SIZE, r] = size
    ints[w, s.BLOCKED, r] = 0
    floats[w, s.WAKE, r] = 0.0
    ints[w, s.ACTIVITY, r] = s.DRIVE


@leaf_kernel
def _do(
    w: int, r: int, activity: int, work_w: float, data_mbps: float, wake_frac: float, floats: Floats, ints: Ints
) -> None:
    working = activity == s.WORK
    ints[w, s.ACTIVITY, r] = activity
    ints[w, s.BLOCKED, r] = 0
    floats[w, s.WAKE, r] = wake_frac if activity == s.HIBERNATE else 0.0
    floats[w, s.WORK_W, r] = work_w if working else 0.0
    floats[w, s.DATA_MBPS, r] = data_mbps if working else 0.0
    if working:
        floats[w, s.WORKED, r] = 0.0
    _end_leg(ints, w, r)


@kernel
def order_legs(
    worlds: Ints, robots: Ints, xy: Floats, sizes: Ints, floats: Floats, ints: Ints, legs: Floats, used: Ints, out: Bools
) -> None:  # fmt: skip
    """Set robots driving along ``xy`` [n, m, 2] m, the first ``sizes`` [n] points of it.

    ``used`` int64 [W, R] says how many points of ``legs`` may not be zero.
    """
    for k in range(worlds.size):
        w, r = worlds[k], robots[k]
        out[k] = takes_orders(ints, w, r)
        if out[k]:
            for p in range(sizes[k]):
                legs[w, r, p, 0] = xy[k, p, 0]
                legs[w, r, p, 1] = xy[k, p, 1]
            _drive(w, r, sizes[k], floats, ints, legs, used)


@kernel
def order_offsets(
    worlds: Ints, robots: Ints, offsets: Floats, rest: int, floats: Floats, ints: Ints, legs: Floats, used: Ints, out: Bools
) -> None:  # fmt: skip
    """Set robots driving straight on by ``offsets`` [n, 2] m from where they stand; those that are to go nowhere do ``rest``."""
    for k in range(worlds.size):
        w, r = worlds[k], robots[k]
        out[k] = takes_orders(ints, w, r)
        if not out[k]:
            continue
        if offsets[k, 0] == 0.0 and offsets[k, 1] == 0.0:
            _do(w, r, rest, 0.0, 0.0, 0.0, floats, ints)
            continue
        legs[w, r, 0, 0] = floats[w, s.X, r] + offsets[k, 0]
        legs[w, r, 0, 1] = floats[w, s.Y, r] + offsets[k, 1]
        _drive(w, r, 1, floats, ints, legs, used)


@kernel
def order_moves(
    worlds: Ints, start: int, end: int, r: int, choices: Ints, moves: Floats, rest: int, floats: Floats, ints: Ints,
    legs: Floats, used: Ints,
) -> None:  # fmt: skip
    """As `order_offsets`, of robot ``r`` of the worlds ``worlds[start:end]``: to world w row ``choices[w]`` of ``moves`` [m, 2]."""
    for k in range(start, end):
        if k + AHEAD < end:
            near = worlds[k + AHEAD]
            prefetch(floats, (near, s.X, r))
            prefetch(ints, (near, s.ACTIVITY, r))
            prefetch(legs, (near, r, 0, 0))
        w = worlds[k]
        if takes_orders(ints, w, r):
            dx, dy = moves[choices[w], 0], moves[choices[w], 1]
            if dx == 0.0 and dy == 0.0:
                _do(w, r, rest, 0.0, 0.0, 0.0, floats, ints)
            else:
                legs[w, r, 0, 0] = floats[w, s.X, r] + dx
                legs[w, r, 0, 1] = floats[w, s.Y, r] + dy
                _drive(w, r, 1, floats, ints, legs, used)


@kernel
def may_move(choices: Ints, moves: Floats, farthest_m: float) -> bool:
    """Whether every one of ``choices`` is a row of ``moves`` [m, 2], and none of these leads beyond ``farthest_m``."""
    for k in range(moves.shape[0]):
        if not (abs(moves[k, 0]) <= farthest_m and abs(moves[k, 1]) <= farthest_m):
            return False
    lowest, highest = 0, -1
    for k in range(choices.size):
        lowest, highest = min(lowest, choices[k]), max(highest, choices[k])
    return lowest >= 0 and highest < len(moves)


@kernel
def ascending(index: Ints, count: int) -> bool:
    """Whether every number is greater than the one before it, and all are 0..count - 1."""
    last = -1
    for k in range(index.size):
        if index[k] <= last:
            return False
        last = index[k]
    return last < count


@kernel
def advance(tick_index: Ints, worlds: Ints, ticks: int) -> None:
    """Move the clocks of ``worlds`` on."""
    for k in range(worlds.size):
        tick_index[worlds[k]] += ticks


@kernel
def may_start(
    times: Floats, starts: Floats, battery_frac: Floats, ground: Ints, grounds: int, bounds: Floats, on_ground: Bools
) -> bool:  # fmt: skip
    """Whether worlds can start: at finite ``times``, robots [n, R] on the site and charged 0..1, on one of so many grounds."""
    for t in times:
        if not math.isfinite(t):
            return False
    for k in range(len(starts)):
        if not 0 <= ground[k] < grounds:
            return False
        for r in range(starts.shape[1]):
            x, y = starts[k, r, 0], starts[k, r, 1]
            inside = bounds[0] <= x <= bounds[2] and bounds[1] <= y <= bounds[3]
            if not (inside or not on_ground[r]) or not 0.0 <= battery_frac[k, r] <= 1.0:
                return False
    return True


@kernel
def order_activities(
    worlds: Ints, robots: Ints, activity: Ints, work_w: Floats, data_mbps: Floats, wake_frac: Floats, floats: Floats,
    ints: Ints, out: Bools,
) -> None:  # fmt: skip
    """Set what robots do from now on; all arguments [n]."""
    for k in range(worlds.size):
        w, r = worlds[k], robots[k]
        out[k] = takes_orders(ints, w, r)
        if out[k]:
            _do(w, r, activity[k], work_w[k], data_mbps[k], wake_frac[k], floats, ints)


@kernel
def order_hops(
    worlds: Ints, robots: Ints, xy: Floats, range_m: Floats, bounds: Floats, spec: Floats, floats: Floats, ints: Ints,
    out: Ints,
) -> None:  # fmt: skip
    """Launch hops to ``xy`` [n, 2] m within ``bounds`` [4] (west, south, east, north); ``out`` int64 [n] says how each ended."""
    for k in range(worlds.size):
        w, r = worlds[k], robots[k]
        x, y = xy[k, 0], xy[k, 1]
        if not takes_orders(ints, w, r):
            out[k] = DEAF
        elif ints[w, s.HOPS_LEFT, r] <= 0:
            out[k] = NO_HOPS
        elif not (bounds[0] <= x <= bounds[2] and bounds[1] <= y <= bounds[3]):
            out[k] = OUTSIDE
        elif not math.hypot(x - floats[w, s.X, r], y - floats[w, s.Y, r]) <= range_m[r]:
            out[k] = TOO_FAR
        elif floats[w, s.BATTERY, r] - out_of_reach_wh(floats, w, r, spec) < spec[c.HOP_WH, r]:
            out[k] = TOO_LITTLE
        else:
            out[k] = DONE
            _end_leg(ints, w, r)
            floats[w, s.WAKE, r] = 0.0
            ints[w, s.ACTIVITY, r] = s.HOP
            floats[w, s.HOP_X, r], floats[w, s.HOP_Y, r] = x, y
            ints[w, s.HOP_TICKS, r] = HOP_TICKS
            ints[w, s.HOPS_LEFT, r] -= 1


@leaf_kernel
def out_of_reach_wh(floats: Floats, w: int, r: int, spec: Floats) -> float:
    """Return what the cold locks away of a robot's charge [Wh]."""
    faded = spec[c.CAPACITY, r] * (1.0 - floats[w, s.FADE, r])
    return locked_wh(faded, floats[w, s.TEMP, r], spec[c.COLD_LOSS, r])


@leaf_kernel
def _helps(ints: Ints, w: int, r: int, spec: Floats) -> bool:
    activity = ints[w, s.ACTIVITY, r]
    awake = activity != s.LOST and activity != s.HIBERNATE and activity != s.HOP
    fit = ints[w, s.TRAPPED, r] == 0 and not (ints[w, s.FAULTS, r] & (1 << s.MOBILITY))
    return awake and fit and spec[c.SPEED, r] > 0.0


@kernel
def order_assists(
    worlds: Ints, robots: Ints, keys: NDArray[np.uint64], spec: Floats, floats: Floats, ints: Ints, out: Bools
) -> None:
    """Have robots mended and freed by another that stands near."""
    count = floats.shape[2]
    fails = np.empty(s.SUBSYSTEMS)
    for k in range(worlds.size):
        w, r = worlds[k], robots[k]
        out[k] = False
        broken = ints[w, s.FAULTS, r] != 0 or ints[w, s.TRAPPED, r] != 0
        if not takes_orders(ints, w, r) or not broken or spec[c.IS_ORBITER, r] > 0.0:
            continue
        for other in range(count):
            if other != r and _helps(ints, w, other, spec):
                dx = floats[w, s.X, r] - floats[w, s.X, other]
                dy = floats[w, s.Y, r] - floats[w, s.Y, other]
                out[k] = out[k] or math.sqrt(dx * dx + dy * dy) <= ASSIST_M
        if out[k]:
            fails[:] = spec[c.FAILS : c.REPAIR_S, r]
            mend(floats[w], ints[w], r, keys[w], fails)  # pyright: ignore[reportArgumentType]


@kernel
def order_cleanings(worlds: Ints, robots: Ints, clean_share: Floats, floats: Floats, ints: Ints, out: Bools) -> None:
    """Have robots take the share ``clean_share`` [R] of the dust off their panels."""
    for k in range(worlds.size):
        w, r = worlds[k], robots[k]
        out[k] = takes_orders(ints, w, r)
        if out[k]:
            floats[w, s.DUST, r] *= 1.0 - clean_share[r]


@kernel
def stand_up(
    worlds: Ints, robots: Ints, xy: Floats, battery_frac: Floats, hops: Ints, keys: NDArray[np.uint64], spec: Floats,
    floats: Floats, ints: Ints, legs: Floats, used: Ints,
) -> None:  # fmt: skip
    """Put robots at ``xy`` [n, 2] m with ``battery_frac`` [n] of their charge, everything else as when it begins; ``hops`` [R]."""
    fails = np.empty(s.SUBSYSTEMS)
    for k in range(worlds.size):
        w, r = worlds[k], robots[k]
        f, i = floats[w], ints[w]
        f[:, r] = 0.0
        i[:, r] = 0
        if spec[c.IS_ORBITER, r] == 0.0:
            f[s.X, r], f[s.Y, r] = xy[k, 0], xy[k, 1]
        f[s.BATTERY, r] = f[s.START, r] = battery_frac[k] * spec[c.CAPACITY, r]
        f[s.TEMP, r] = START_TEMP_K
        i[s.HOPS_LEFT, r] = hops[r]
        fails[:] = spec[c.FAILS : c.REPAIR_S, r]
        arm(f, i, r, keys[w], fails)  # pyright: ignore[reportArgumentType]
        for p in range(used[w, r]):
            legs[w, r, p, 0] = 0.0
            legs[w, r, p, 1] = 0.0
        used[w, r] = 0


@kernel
def leave(worlds: Ints, robots: Ints, floats: Floats, ints: Ints, legs: Floats, used: Ints) -> None:
    """Take robots that have not landed yet out of everything: where they will stand stays, nothing else does."""
    for k in range(worlds.size):
        w, r = worlds[k], robots[k]
        x, y = floats[w, s.X, r], floats[w, s.Y, r]
        floats[w, :, r] = 0.0
        ints[w, :, r] = 0
        floats[w, s.X, r], floats[w, s.Y, r] = x, y
        ints[w, s.ACTIVITY, r] = s.LOST
        for p in range(used[w, r]):
            legs[w, r, p, 0] = 0.0
            legs[w, r, p, 1] = 0.0
        used[w, r] = 0
