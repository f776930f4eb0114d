"""The executive's hands as kernels: what `World.set_leg`, `set_activity` and `hop` do to the World's arrays, for callers that are kernels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel

from . import state as s
from .battery import locked_wh
from .step import HOP_TICKS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class TruthBlock(NamedTuple):
    """The World's own arrays (see `state`)."""

    f: Floats  # [F, W, R]
    i: Ints  # [I, W, R]
    legs: Floats  # [W, R, 64, 2]
    used: Ints  # [W, R] points of the leg that may not be zero


@forced_kernel
def takes_commands(truth: TruthBlock, w: int, r: int) -> bool:
    """Whether a robot can be told anything: it is not lost and not in flight."""
    activity = truth.i[s.ACTIVITY, w, r]
    return activity != s.LOST and activity != s.HOP


@forced_kernel
def order_leg(truth: TruthBlock, w: int, r: int, route: Floats, count: int) -> bool:
    """`World.set_leg` along the points 1 to ``count`` of ``route[w, r]``."""
    if not takes_commands(truth, w, r):
        return False
    i, legs = truth.i, truth.legs
    points = count - 1
    for n in range(points):
        legs[w, r, n, 0], legs[w, r, n, 1] = route[w, r, n + 1, 0], route[w, r, n + 1, 1]
    for n in range(points, truth.used[w, r]):
        legs[w, r, n, 0], legs[w, r, n, 1] = 0.0, 0.0
    truth.used[w, r] = points
    i[s.LEG_NEXT, w, r], i[s.LEG_SIZE, w, r], i[s.BLOCKED, w, r] = 0, points, 0
    truth.f[s.WAKE, w, r] = 0.0
    i[s.ACTIVITY, w, r] = s.DRIVE
    return True


@forced_kernel
def order_activity(truth: TruthBlock, w: int, r: int, activity: int, work_w: float, data_mbps: float) -> bool:
    """`World.set_activity`, without waking by itself."""
    if not takes_commands(truth, w, r):
        return False
    f, i = truth.f, truth.i
    working = activity == s.WORK
    i[s.ACTIVITY, w, r], i[s.BLOCKED, w, r] = activity, 0
    f[s.WAKE, w, r] = 0.0
    f[s.WORK_W, w, r] = work_w if working else 0.0
    f[s.DATA_MBPS, w, r] = data_mbps if working else 0.0
    if working:
        f[s.WORKED, w, r] = 0.0
    i[s.LEG_NEXT, w, r], i[s.LEG_SIZE, w, r] = 0, 0
    return True


@forced_kernel
def order_hop(
    truth: TruthBlock, w: int, r: int, x: float, y: float, range_m: float, hop_wh: float, battery_wh: float, cold_loss: float,
    inside: bool,
) -> bool:  # fmt: skip
    """`World.hop`; a body that cannot fly (fuel, range, energy) stays, where that raises."""
    f, i = truth.f, truth.i
    if not takes_commands(truth, w, r) or i[s.HOPS_LEFT, w, r] <= 0 or not inside:
        return False
    if math.hypot(x - f[s.X, w, r], y - f[s.Y, w, r]) > range_m:
        return False
    faded = battery_wh * (1.0 - f[s.FADE, w, r])
    if f[s.BATTERY, w, r] - locked_wh(faded, f[s.TEMP, w, r], cold_loss) < hop_wh:
        return False
    i[s.LEG_NEXT, w, r], i[s.LEG_SIZE, w, r] = 0, 0
    f[s.WAKE, w, r] = 0.0
    i[s.ACTIVITY, w, r] = s.HOP
    f[s.HOP_X, w, r], f[s.HOP_Y, w, r] = x, y
    i[s.HOP_TICKS, w, r] = HOP_TICKS
    i[s.HOPS_LEFT, w, r] -= 1
    return True
