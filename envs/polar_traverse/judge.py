"""The kernel that judges a step of PolarTraverse: route, targets reached, what is earned and lost, whether it is over."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import state as s
from moonfleet.terrain.kernel import inlined_kernel, leaf_kernel
from moonfleet.terrain.lane_memory import lanes_least, load_flat
from moonfleet.terrain.lanes import least, real, root, select, splat
from moonfleet.terrain.prefetch import prefetch

from .observe import AHEAD, BROWNOUTS, CURRENT, STEPS, Progress, cell_of
from .outlook import CELL, X_LEFT, Y_TOP

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# the rules of a game: float64 [10]; the last six are the weights in the order of the reward's terms
REACH_M, MAX_STEPS, CAPACITY_WH, RESERVE = range(4)
PROGRESS, TARGET, LOW, BROWNOUT, TIME, LOST = range(4, 10)
# what is told of a world: int64 [3, W]
REACHED, LOSS, BLOCKED = range(3)
_LANES = np.arange(8.0)


@leaf_kernel
def route_length_m(field: Floats32, row: float, col: float, cell_m: float) -> float:
    """Return the route length from a point (float row, col) by a field of lengths [m]; inf where no reachable cell is near."""
    r0, c0 = int(math.floor(row + 0.5)), int(math.floor(col + 0.5))
    best = math.inf
    for r in range(max(r0 - 1, 0), min(r0 + 2, field.shape[0])):
        for c in range(max(c0 - 1, 0), min(c0 + 2, field.shape[1])):
            length = np.float64(field[r, c])
            if length < math.inf:
                dr, dc = row - r, col - c
                best = min(best, length + cell_m * math.sqrt(dr * dr + dc * dc))
    return best


@leaf_kernel
def _route(w: int, x: float, y: float, progress: Progress, fields: Floats32, frame: Floats, last: float) -> float:
    """Return the way to the current target [m], 0 after the last one; ``last`` where there is none."""
    current = progress.tally[w, CURRENT]
    if current >= progress.chain.shape[1]:
        return 0.0
    row = (frame[Y_TOP] - y) / frame[CELL] - 0.5
    col = (x - frame[X_LEFT]) / frame[CELL] - 0.5
    length = route_length_m(fields[progress.ground_of[w], progress.chain[w, current]], row, col, frame[CELL])
    return length if length < math.inf else last


@leaf_kernel
def find_routes(which: Ints, progress: Progress, fields: Floats32, floats: Floats, frame: Floats) -> None:
    """Set ``route_m`` of the worlds ``which``."""
    for k in range(which.size):
        w = which[k]
        progress.route_m[w] = _route(w, floats[w, s.X, 0], floats[w, s.Y, 0], progress, fields, frame, 0.0)


@inlined_kernel
def _way(fields: Floats32, row: float, col: float, cell_m: float, at: int, rows: int, cols: int) -> float:
    """Return what `route_length_m` does, of the field that begins at place ``at`` of ``fields``, from anywhere but the rim of the map."""
    r0, c0 = int(math.floor(row + 0.5)), int(math.floor(col + 0.5))
    aside = col - (real(c0 - 1) + load_flat(_LANES, 0))
    aside = aside * aside
    best = splat(math.inf)
    for r in range(r0 - 1, r0 + 2):
        dr = row - r
        best = least(best, load_flat(fields, at + r * cols + c0 - 1) + root(aside + dr * dr) * cell_m)
    return lanes_least(select(load_flat(_LANES, 0) < 3.0, best, math.inf))


@leaf_kernel
def judge_worlds(
    which: Ints, start: int, end: int, progress: Progress, fields: Floats32, places_xy: Floats, floats: Floats,
    ints: Ints, frame: Floats, rules: Floats, terms: Floats, terminated: Bools, truncated: Bools, told: Ints,
) -> None:  # fmt: skip
    """Count a step of the worlds ``which[start:end]`` and judge it.

    ``fields`` [G, K, R, C] and ``places_xy`` [G, K, 2] are of the places; ``floats`` and ``ints`` the World's blocks. Fills ``terms``
    [W, 6], both flags [W] and ``told`` [3, W].
    """
    targets = progress.chain.shape[1]
    places, rows, cols = fields.shape[1:]
    for k in range(start, end):
        if k + AHEAD < end:
            near = np.uint64(which[k + AHEAD])  # without a sign: no check whether it counts from the end
            row, col = cell_of(frame, floats[near, s.X, 0], floats[near, s.Y, 0], rows, cols)
            place = progress.chain[near, min(progress.tally[near, CURRENT], targets - 1)]
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                prefetch(fields, (progress.ground_of[near], place, r, col))
        w = np.uint64(which[k])
        f, i, count = floats[w], ints[w], progress.tally[w]
        g = progress.ground_of[w]
        x, y = f[s.X, 0], f[s.Y, 0]
        count[STEPS] += 1
        before = progress.route_m[w]
        current = count[CURRENT]
        route = before
        row_at, col_at = (frame[Y_TOP] - y) / frame[CELL] - 0.5, (x - frame[X_LEFT]) / frame[CELL] - 0.5
        if current < targets and 1.0 <= row_at < rows - 2.0 and 1.0 <= col_at < cols - 8.0:
            at = (g * places + progress.chain[w, current]) * rows * cols
            route = _way(fields, row_at, col_at, frame[CELL], at, rows, cols)
            route = route if route < math.inf else before
        else:
            route = _route(w, x, y, progress, fields, frame, before)  # pyright: ignore[reportArgumentType]
        taken_off = before - route
        lost = i[s.ACTIVITY, 0] == s.LOST
        reached = 0
        while not lost and count[CURRENT] < targets:
            place = progress.chain[w, count[CURRENT]]
            dx, dy = places_xy[g, place, 0] - x, places_xy[g, place, 1] - y
            if dx * dx + dy * dy > rules[REACH_M] * rules[REACH_M]:
                break
            count[CURRENT] += 1
            reached += 1
        if reached > 0:
            route = _route(w, x, y, progress, fields, frame, route)  # pyright: ignore[reportArgumentType]
        progress.route_m[w] = route
        brownouts = i[s.BROWNOUTS, 0] - count[BROWNOUTS]
        count[BROWNOUTS] = i[s.BROWNOUTS, 0]
        low = 0.0
        if rules[RESERVE] > 0.0:
            low = max(1.0 - f[s.BATTERY, 0] / rules[CAPACITY_WH] / rules[RESERVE], 0.0)
        earned = terms[w]
        earned[0] = rules[PROGRESS] * taken_off / 1000.0
        earned[1] = rules[TARGET] * reached
        earned[2] = -rules[LOW] * low
        earned[3] = -rules[BROWNOUT] * brownouts
        earned[4] = -rules[TIME]
        earned[5] = -rules[LOST] if lost else 0.0
        terminated[w] = lost or count[CURRENT] == targets
        truncated[w] = not terminated[w] and count[STEPS] >= rules[MAX_STEPS]
        told[REACHED, w] = count[CURRENT]
        told[LOSS, w] = i[s.LOSS, 0]
        told[BLOCKED, w] = i[s.BLOCKED, 0]
