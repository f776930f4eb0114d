"""The executive's hands: what `World.set_leg`, `set_activity` and `hop` do to the World's arrays, for callers that are kernels."""

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

    f: Floats  # [W, F, R]
    i: Ints  # [W, I, R]
    legs: Floats  # [W, R, 64, 2]
    used: Ints  # [W, R] points of the leg that may not be zero


@forced_kernel
def takes_commands(truth: TruthBlock, w: int, r: int) -> bool:
    """Whether a robot can be told anything: it is not lost and not in flight."""
    activity = truth.i[w, s.ACTIVITY, r]
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
    i[w, s.LEG_NEXT, r], i[w, s.LEG_SIZE, r], i[w, s.BLOCKED, r] = 0, points, 0
    truth.f[w, s.WAKE, r] = 0.0
    i[w, s.ACTIVITY, r] = s.DRIVE
    return True


@forced_kernel
def order_activity(truth: TruthBlock, w: int, r: int, activity: int, work_w: float, data_mbps: float) -> bool:
    """`World.set_activity`, without waking by itself."""
    if not takes_commands(truth, w, r):
        return False
    f, i = truth.f, truth.i
    working = activity == s.WORK
    i[w, s.ACTIVITY, r], i[w, s.BLOCKED, r] = activity, 0
    f[w, s.WAKE, r] = 0.0
    f[w, s.WORK_W, r] = work_w if working else 0.0
    f[w, s.DATA_MBPS, r] = data_mbps if working else 0.0
    if working:
        f[w, s.WORKED, r] = 0.0
    i[w, s.LEG_NEXT, r], i[w, s.LEG_SIZE, r] = 0, 0
    return True


@forced_kernel
def order_hop(
    truth: TruthBlock, w: int, r: int, x: float, y: float, range_m: float, hop_wh: float, battery_wh: float, cold_loss: float,
    inside: bool,
) -> bool:  # fmt: skip
    """`World.hop`; a body that cannot fly (fuel, range, energy) stays, where that raises."""
    f, i = truth.f, truth.i
    if not takes_commands(truth, w, r) or i[w, s.HOPS_LEFT, r] <= 0 or not inside:
        return False
    if math.hypot(x - f[w, s.X, r], y - f[w, s.Y, r]) > range_m:
        return False
    faded = battery_wh * (1.0 - f[w, s.FADE, r])
    if f[w, s.BATTERY, r] - locked_wh(faded, f[w, s.TEMP, r], cold_loss) < hop_wh:
        return False
    i[w, s.LEG_NEXT, r], i[w, s.LEG_SIZE, r] = 0, 0
    f[w, s.WAKE, r] = 0.0
    i[w, s.ACTIVITY, r] = s.HOP
    f[w, s.HOP_X, r], f[w, s.HOP_Y, r] = x, y
    i[w, s.HOP_TICKS, r] = HOP_TICKS
    i[w, s.HOPS_LEFT, r] -= 1
    return True
