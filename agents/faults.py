"""Subsystems that fail and are mended: Poisson processes in the time that a robot is awake. Scalar kernels.

Every random number is a hash of (world's key, robot, subsystem, how many were drawn before), so it depends neither on how ticks are split
nor on which worlds are stepped together. A failure either mends itself after an exponential time (a restart, a spare string) or, with the
catalogue's share, waits for another robot (`World.assist`).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import leaf_kernel

from . import state as s

FAR_S: Final = 1e30  # [s] never
TRAP: Final = 5  # what is drawn beside the subsystems 0..4: the hazard that a robot stands before it gets stuck
HELP_DRAW: Final = 16  # added to a subsystem for the draw whether it needs help
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@leaf_kernel
def uniform(key: int, robot: int, what: int, count: int) -> float:
    """Return a number in [0, 1): the finaliser of splitmix64 (Steele et al. 2014) over its four names."""
    h = np.uint64(key) + np.uint64(robot + 1) * np.uint64(0x9E3779B97F4A7C15)
    h ^= np.uint64(what + 1) * np.uint64(0xD1B54A32D192ED03)
    h ^= np.uint64(count + 1) * np.uint64(0xA0761D6478BD642F)
    for _ in range(2):
        h ^= h >> np.uint64(30)
        h *= np.uint64(0xBF58476D1CE4E5B9)
        h ^= h >> np.uint64(27)
        h *= np.uint64(0x94D049BB133111EB)
        h ^= h >> np.uint64(31)
    return float(h >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@leaf_kernel
def exponential(key: int, robot: int, what: int, count: int) -> float:
    """Return an exponential number of mean 1."""
    return -math.log(1.0 - uniform(key, robot, what, count))


@leaf_kernel
def arm(f: Floats, i: Ints, r: int, key: int, fails: Floats) -> None:
    """Draw the first failures of a robot and the hazard it stands; ``fails`` float64 [5] mean seconds to a failure."""
    f[s.TRAP_LEFT, r] = exponential(key, r, TRAP, i[s.TRAPS, r])
    for k in range(s.SUBSYSTEMS):
        _await_failure(f, i, r, r, k, key, fails[k])
    _find_next(f, r)


@leaf_kernel
def wear(f: Floats, i: Ints, r: int, robot: int, key: int, fails: Floats, repair_s: Floats, help_share: Floats) -> None:
    """Let fail and mend what is due at the operating time of the ``robot`` in lane ``r``; arrays float64 [5]."""
    if f[s.OPERATING, r] < f[s.NEXT_FAULT, r]:
        return
    for k in range(s.SUBSYSTEMS):
        if f[s.FAULT_AT + k, r] > f[s.OPERATING, r]:
            continue
        if i[s.FAULTS, r] & (1 << k):
            i[s.FAULTS, r] &= ~(1 << k)
            _await_failure(f, i, r, robot, k, key, fails[k])
        else:
            i[s.FAULTS, r] |= 1 << k
            count = i[s.FAULT_DRAWS + k, r]
            i[s.FAULT_DRAWS + k, r] = count + 1
            if uniform(key, robot, k + HELP_DRAW, count) < help_share[k]:
                f[s.FAULT_AT + k, r] = FAR_S
            else:
                f[s.FAULT_AT + k, r] = f[s.OPERATING, r] + repair_s[k] * exponential(key, robot, k, count)
    _find_next(f, r)


@leaf_kernel
def mend(f: Floats, i: Ints, r: int, key: int, fails: Floats) -> None:
    """Mend all that is down and free the robot: what another at its side does."""
    for k in range(s.SUBSYSTEMS):
        if i[s.FAULTS, r] & (1 << k):
            _await_failure(f, i, r, r, k, key, fails[k])
    i[s.FAULTS, r] = 0
    _find_next(f, r)
    if i[s.TRAPPED, r] == 1:
        i[s.TRAPPED, r] = 0
        f[s.TRAPPED_S, r] = 0.0
        f[s.TRAP_LEFT, r] = exponential(key, r, TRAP, i[s.TRAPS, r])


@leaf_kernel
def _await_failure(f: Floats, i: Ints, r: int, robot: int, k: int, key: int, mean_s: float) -> None:
    count = i[s.FAULT_DRAWS + k, r]
    i[s.FAULT_DRAWS + k, r] = count + 1
    f[s.FAULT_AT + k, r] = FAR_S
    if mean_s < FAR_S:
        f[s.FAULT_AT + k, r] = f[s.OPERATING, r] + mean_s * exponential(key, robot, k, count)


@leaf_kernel
def _find_next(f: Floats, r: int) -> None:
    f[s.NEXT_FAULT, r] = FAR_S
    for k in range(s.SUBSYSTEMS):
        f[s.NEXT_FAULT, r] = min(f[s.NEXT_FAULT, r], f[s.FAULT_AT + k, r])
