"""The kernel that judges a step of PolarTraverse: route, targets reached, what is earned and lost, whether it is over.

Ways of eight worlds at a time are found in lanes; what is counted is counted one by one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import state as s
from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import leaf_kernel
from moonfleet.terrain.lane_memory import load_flat
from moonfleet.terrain.lane_turns import number, pick_near
from moonfleet.terrain.lanes import WIDTH, floor, least, most, pick, pick_whole, root, select, size, splat, whole
from moonfleet.terrain.prefetch import prefetch

from .layouts import Layouts
from .observe import BROWNOUTS, CURRENT, STEPS, Chart, Progress, see_worlds
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
NEAR = 3  # rows and columns of cells around a place; a map has at least as many
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


@forced_kernel
def _eight_worlds(which: Ints, k: int, end: int) -> Any:
    """Return the worlds ``which[k:k + 8]``; the first of them once more in lanes from ``end`` on."""
    lane = load_flat(_LANES, 0)
    return pick_whole(which, whole(select(lane < float(end - k), lane, 0.0)) + k)


@forced_kernel
def _middle(
    w: Any, progress: Progress, fields: Floats32, floats: Floats, frame: Floats
) -> tuple[Any, Any, Any, Any, Any, Any]:  # fmt: skip
    """Return where the rovers of worlds stand in the fields of their targets, or of the last.

    Rows and columns, the first row and column of nine cells that hold all that are near, and the place of that in ``fields``; whether
    they have a target.
    """
    places, rows, cols = fields.shape[1:]
    targets = progress.chain.shape[1]
    f = w * floats.shape[1]
    row = (frame[Y_TOP] - pick(floats, f + s.Y)) / frame[CELL] - 0.5
    col = (pick(floats, f + s.X) - frame[X_LEFT]) / frame[CELL] - 0.5
    current = pick_whole(progress.tally, w * progress.tally.shape[1] + CURRENT)
    goes_on = current < targets
    place = pick_whole(progress.chain, w * targets + select(goes_on, current, targets - 1))
    top = least(most(floor(row + 0.5) - 1.0, 0.0), float(rows - NEAR))
    left = least(most(floor(col + 0.5) - 1.0, 0.0), float(cols - NEAR))
    at = (pick_whole(progress.ground_of, w) * places + place) * (rows * cols) + whole(top * float(cols) + left)
    return row, col, top, left, at, goes_on


@forced_kernel
def _ways(fields: Floats32, row: Any, col: Any, top: Any, left: Any, at: Any, cell_m: float) -> Any:
    """Return what `route_length_m` does, of lanes of places."""
    cols = fields.shape[3]
    r0, c0 = floor(row + 0.5), floor(col + 0.5)
    best = splat(math.inf)
    for r in range(NEAR):
        below = top + float(r)
        dr = row - below
        for c in range(NEAR):
            aside = left + float(c)
            dc = col - aside
            length = pick_near(fields, at, r * cols + c) + root(dr * dr + dc * dc) * cell_m
            near = (size(below - r0) <= 1.0) & (size(aside - c0) <= 1.0)
            best = least(best, select(near, length, math.inf))
    return best


@forced_kernel
def _reach(
    w: int, progress: Progress, fields: Floats32, places_xy: Floats, floats: Floats, frame: Floats, reach_m: float
) -> int:  # fmt: skip
    """Count the targets of a world that are in reach, one after the other, and set its route; return how many."""
    targets, count, g = progress.chain.shape[1], progress.tally[w], progress.ground_of[w]
    x, y = floats[w, s.X, 0], floats[w, s.Y, 0]
    reached = 0
    while count[CURRENT] < targets:
        place = progress.chain[w, count[CURRENT]]
        dx, dy = places_xy[g, place, 0] - x, places_xy[g, place, 1] - y
        if dx * dx + dy * dy > reach_m * reach_m:
            break
        count[CURRENT] += 1
        reached += 1
    if reached > 0:
        progress.route_m[w] = _route(w, x, y, progress, fields, frame, progress.route_m[w])
    return reached


@leaf_kernel
def judge_worlds(
    which: Ints, start: int, end: int, progress: Progress, fields: Floats32, places_xy: Floats, floats: Floats,
    ints: Ints, frame: Floats, rules: Floats, terms: Floats, terminated: Bools, truncated: Bools, told: Ints,
) -> None:  # fmt: skip
    """Count a step of the worlds ``which[start:end]`` and judge it.

    ``fields`` [G, K, R, C] and ``places_xy`` [G, K, 2] are of the places; ``floats`` and ``ints`` the World's blocks. Fills ``terms``
    [W, 6], both flags [W] and ``told`` [3, W].
    """
    targets, cols = progress.chain.shape[1], fields.shape[3]
    flat = fields.reshape(-1)
    if start >= end:
        return
    w = _eight_worlds(which, start, end)
    row, col, top, left, at, goes_on = _middle(w, progress, fields, floats, frame)
    for k in range(start, end, WIDTH):
        # the next eight are found, and their memory asked for, before these are judged
        after = _eight_worlds(which, min(k + WIDTH, end - 1), end)
        next_row, next_col, next_top, next_left, ahead, next_goes_on = _middle(after, progress, fields, floats, frame)
        for lane in range(WIDTH):
            place = number(ahead, lane)
            for r in range(NEAR):
                prefetch(flat, (place + r * cols,))
        before = pick(progress.route_m, w)
        route = _ways(fields, row, col, top, left, at, frame[CELL])
        route = select(goes_on, select(route < math.inf, route, before), 0.0)
        gained = rules[PROGRESS] * (before - route) / 1000.0
        low = splat(0.0)
        if rules[RESERVE] > 0.0:
            low = most(1.0 - pick(floats, w * floats.shape[1] + s.BATTERY) / rules[CAPACITY_WH] / rules[RESERVE], 0.0)
        low = -rules[LOW] * low
        for lane in range(min(WIDTH, end - k)):
            one = np.uint64(which[k + lane])  # without a sign: no check whether it counts from the end
            count, i, earned = progress.tally[one], ints[one], terms[one]
            progress.route_m[one] = number(route, lane)
            steps, lost = count[STEPS] + 1, i[s.ACTIVITY, 0] == s.LOST
            count[STEPS] = steps
            brownouts = i[s.BROWNOUTS, 0] - count[BROWNOUTS]
            count[BROWNOUTS] = i[s.BROWNOUTS, 0]
            reached = 0 if lost else _reach(one, progress, fields, places_xy, floats, frame, rules[REACH_M])  # pyright: ignore[reportArgumentType]
            earned[0], earned[1], earned[2] = number(gained, lane), rules[TARGET] * reached, number(low, lane)
            earned[3], earned[4] = -rules[BROWNOUT] * brownouts, -rules[TIME]
            earned[5] = -rules[LOST] if lost else 0.0
            terminated[one] = lost or count[CURRENT] == targets
            truncated[one] = not terminated[one] and steps >= rules[MAX_STEPS]
            told[REACHED, one], told[LOSS, one] = count[CURRENT], i[s.LOSS, 0]
            told[BLOCKED, one] = i[s.BLOCKED, 0]
        w, row, col, top, left, at, goes_on = after, next_row, next_col, next_top, next_left, ahead, next_goes_on


@leaf_kernel
def judge_and_see(
    which: Ints, start: int, end: int, progress: Progress, fields: Floats32, places_xy: Floats, floats: Floats,
    ints: Ints, rules: Floats, terms: Floats, terminated: Bools, truncated: Bools, told: Ints, out: Floats32, chart: Chart,
    layouts: Layouts, almanac: Floats, now: Ints, spots: Ints, given: Floats,
) -> None:  # fmt: skip
    """Do what `judge_worlds` and then `observe.see_worlds` do: a thread that comes back in between waits for the interpreter's lock."""
    judge_worlds(
        which,
        start,
        end,
        progress,
        fields,
        places_xy,
        floats,
        ints,
        chart.frame,
        rules,
        terms,
        terminated,
        truncated,
        told,
    )
    see_worlds(which, start, end, out, chart, layouts, progress, floats, almanac, now, spots, given)
