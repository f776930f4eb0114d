"""Safe-interval path planning (Phillips and Likhachev 2011) among moving discs, exact for whole ticks of time.

What must be avoided are legs: discs that stand or go straight at a steady speed. A cell's safe intervals are the times when a robot
may stand on its centre; a search state is (cell, safe interval), and arriving earlier in it is never worse. A move may start
when its own disc, swept along, meets no leg: for straight legs those starts are ruled out that lie in one interval per leg (both
tubes are convex in space and time), so the first start that is free is found by bisection, exactly.

A leg may carry a shift: then only what meets both the leg and the leg moved later by the shift is ruled out. That is what
conflict-based search needs; plain reservations have a shift of 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .fleet_moves import COL_STEP, FAR, ROW_STEP
from .heap import heap_drop, heap_push

# columns of a leg: from and until [ticks], row and column at its start, speed by row and column [cells/tick], the sum of both
# clearances [cells], shift [ticks]
FROM, UNTIL, ROW, COL, ROW_SPEED, COL_SPEED, APART, SHIFT = range(8)
LEG = 8
REACH = math.sqrt(2.0) + 1e-6  # cells: no point of a move is farther from where it starts
CELL_BITS = 26  # of a packed state: grids of up to 67 million cells
TIE_BITS = 22
TIE_MAX = (1 << (TIE_BITS - 1)) - 1  # half of the ties come before the other half
NO_BANS = np.empty((0, 4), dtype=np.int64)

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@kernel
def nearby(legs: F64, waits: I64, shape: tuple[int, int]) -> tuple[I64, I64, I64, I64, I64, I64]:
    """List legs by the cells they come near, and work out every cell's safe intervals.

    Parameters
    ----------
    legs : float64 [n, 8] sorted by start.
    waits : int64 [m, 3] of (cell, first tick, last tick + 1): nobody may stay there during these ticks.
    shape : rows and columns of the rimmed grid.

    Returns
    -------
    first : int64 [cells + 1], where a cell's legs begin in ``which``.
    which : indexes of legs, by time of start within a cell.
    state : int64 [cells + 1], the cell's first state (room for all its safe intervals).
    count : int64 [cells], its number of safe intervals.
    begin, end : int64 [states], ticks from and until when it is safe, inclusive; `FAR` is for ever.
    """
    rows, cols = shape
    cells = rows * cols
    first = np.zeros(cells + 1, np.int64)
    room = np.ones(cells, np.int64)  # safe intervals at most
    which = np.empty(0, np.int64)
    for fill in range(2):
        for i in range(legs.shape[0]):
            r0, c0 = legs[i, ROW], legs[i, COL]
            lasting = legs[i, UNTIL] - legs[i, FROM]
            r1 = r0 + (legs[i, ROW_SPEED] * lasting if legs[i, ROW_SPEED] != 0.0 else 0.0)
            c1 = c0 + (legs[i, COL_SPEED] * lasting if legs[i, COL_SPEED] != 0.0 else 0.0)
            reach = legs[i, APART] + REACH
            near = legs[i, APART] * legs[i, APART]
            dr, dc = r1 - r0, c1 - c0
            length2 = dr * dr + dc * dc
            for r in range(max(1, math.ceil(min(r0, r1) - reach)), min(rows - 2, math.floor(max(r0, r1) + reach)) + 1):
                for c in range(
                    max(1, math.ceil(min(c0, c1) - reach)), min(cols - 2, math.floor(max(c0, c1) + reach)) + 1
                ):
                    along = 0.0
                    if length2 > 0.0:
                        along = min(max(((r - r0) * dr + (c - c0) * dc) / length2, 0.0), 1.0)
                    apart2 = (r - r0 - along * dr) ** 2 + (c - c0 - along * dc) ** 2
                    if apart2 >= reach * reach:
                        continue
                    cell = r * cols + c
                    if fill == 0:
                        first[cell + 1] += 1
                        if apart2 < near:
                            room[cell] += 1
                    else:
                        which[first[cell]] = i
                        first[cell] += 1
        if fill == 0:
            for cell in range(cells):
                first[cell + 1] += first[cell]
            which = np.empty(first[cells], np.int64)
    for cell in range(cells, 0, -1):  # filling moved each start to the next cell's
        first[cell] = first[cell - 1]
    first[0] = 0
    for i in range(waits.shape[0]):
        room[waits[i, 0]] += 1
    state = np.zeros(cells + 1, np.int64)
    for cell in range(cells):
        state[cell + 1] = state[cell] + room[cell]
    count = np.ones(cells, np.int64)
    begin = np.zeros(state[cells], np.int64)
    end = np.full(state[cells], FAR, np.int64)
    banned = np.zeros(cells, np.bool_)
    for i in range(waits.shape[0]):
        banned[waits[i, 0]] = True
    shut = np.empty((1, 2), np.int64)
    for cell in range(cells):
        if first[cell] == first[cell + 1] and not banned[cell]:
            continue
        if room[cell] > shut.shape[0]:
            shut = np.empty((2 * room[cell], 2), np.int64)
        r, c = cell // cols, cell % cols
        n = 0
        for j in range(first[cell], first[cell + 1]):
            low, high = closed_ticks(legs, which[j], float(r), float(c))
            if low < high:
                n = _insert(shut, n, low, high)
        if banned[cell]:
            for i in range(waits.shape[0]):
                if waits[i, 0] == cell:
                    n = _insert(shut, n, waits[i, 1], waits[i, 2])
        at, free_from = state[cell], 0
        for j in range(n):
            if shut[j, 0] >= free_from:
                begin[at], end[at] = free_from, shut[j, 0]
                at += 1
            free_from = max(free_from, shut[j, 1])
        if free_from < FAR:
            begin[at], end[at] = free_from, FAR
            at += 1
        count[cell] = at - state[cell]
    return first, which, state, count, begin, end


@kernel
def _insert(shut: I64, n: int, low: int, high: int) -> int:
    """Insert (low, high) into the first ``n`` rows, sorted by low; return how many rows there are."""
    at = n
    while at > 0 and shut[at - 1, 0] > low:
        shut[at, 0], shut[at, 1] = shut[at - 1, 0], shut[at - 1, 1]
        at -= 1
    shut[at, 0], shut[at, 1] = low, high
    return n + 1


@kernel
def closed_ticks(legs: F64, i: int, r: float, c: float) -> tuple[int, int]:
    """Return (a, b): standing at (r, c) during any tick [t, t + 1] with a <= t < b meets leg ``i``; a >= b if none does."""
    begin, until = legs[i, FROM], legs[i, UNTIL]
    p, q = legs[i, ROW] - r, legs[i, COL] - c
    u, v = legs[i, ROW_SPEED], legs[i, COL_SPEED]
    apart2 = legs[i, APART] * legs[i, APART]
    speed2 = u * u + v * v
    if speed2 == 0.0:
        if p * p + q * q >= apart2:
            return 0, 0
        low, high = begin, until
    else:
        half = p * u + q * v
        root = half * half - speed2 * (p * p + q * q - apart2)
        if root <= 0.0:
            return 0, 0
        root = math.sqrt(root)
        low = max(begin, begin + (-half - root) / speed2)
        high = min(until, begin + (-half + root) / speed2)
        if low >= high:
            return 0, 0
    first = int(math.floor(low + 1e-9)) + int(legs[i, SHIFT])
    last = int(math.ceil(high - 1e-9)) if high < FAR else FAR
    return max(first, 0), last


@kernel
def meets(one: F64, i: int, later: float, other: F64, j: int, apart: float) -> bool:
    """Say whether leg ``i`` of ``one``, moved later by some ticks, and leg ``j`` of ``other`` are ever nearer than ``apart`` [cells]."""
    r, c, u, v = other[j, ROW], other[j, COL], other[j, ROW_SPEED], other[j, COL_SPEED]
    begin = other[j, FROM]
    return _nearer(one, i, later, apart * apart, begin, r, c, u, v, other[j, UNTIL] - begin)


@kernel
def _nearer(
    legs: F64, i: int, later: float, apart2: float, t: float, r: float, c: float, u: float, v: float, ticks: float
) -> bool:
    """Say whether a move from (r, c) at speed (u, v), started at ``t``, comes nearer to leg ``i`` moved later than allowed."""
    begin, until = legs[i, FROM] + later, legs[i, UNTIL] + later
    low, high = max(t, begin), min(t + ticks, until)
    if low >= high:
        return False
    du, dv = u - legs[i, ROW_SPEED], v - legs[i, COL_SPEED]
    p = r + u * (low - t) - legs[i, ROW] - legs[i, ROW_SPEED] * (low - begin)
    q = c + v * (low - t) - legs[i, COL] - legs[i, COL_SPEED] * (low - begin)
    speed2 = du * du + dv * dv
    if speed2 > 0.0:
        s = min(max(-(p * du + q * dv) / speed2, 0.0), high - low)
        p += s * du
        q += s * dv
    return p * p + q * q < apart2


@kernel
def _both(legs: F64, i: int, t: int, r: float, c: float, u: float, v: float, ticks: float) -> bool:
    """Say whether the move meets the leg and, if it has a shift, the shifted leg too."""
    apart2 = legs[i, APART] * legs[i, APART]
    if not _nearer(legs, i, 0.0, apart2, float(t), r, c, u, v, ticks):
        return False
    return legs[i, SHIFT] == 0.0 or _nearer(legs, i, legs[i, SHIFT], apart2, float(t), r, c, u, v, ticks)


@kernel
def first_start(
    legs: F64, which: I64, earliest: int, latest: int, r: float, c: float, u: float, v: float, ticks: int
) -> int:
    """Return the first start in [earliest, latest] at which a move meets none of the legs ``which``, latest + 1 if none."""
    t = earliest
    again = True
    while again and t <= latest:
        again = False
        for j in range(which.size):
            i = which[j]
            if legs[i, FROM] >= t + ticks:
                break  # they are sorted: all others start later
            if not _both(legs, i, t, r, c, u, v, float(ticks)):
                continue
            last = latest + 1
            if legs[i, UNTIL] < FAR:
                last = min(last, int(math.ceil(legs[i, UNTIL])))
            low = t  # meets; ``last`` does not, or is out of time
            while last - low > 1:
                middle = (low + last) >> 1
                if _both(legs, i, middle, r, c, u, v, float(ticks)):
                    low = middle
                else:
                    last = middle
            t = last
            again = True
            if t > latest:
                break
    return t


@kernel
def _unbanned(bans: I64, cell: int, k: int, t: int) -> int:
    """Return the first start from ``t`` on that no ban (cell, direction, first, last) on this move rules out."""
    again = True
    while again:
        again = False
        for i in range(bans.shape[0]):
            if bans[i, 0] == cell and bans[i, 1] == k and bans[i, 2] <= t <= bans[i, 3]:
                t = bans[i, 3] + 1
                again = True
    return t


@kernel
def _start(legs: F64, by: I64, bans: I64, cell: int, k: int, earliest: int, latest: int, ticks: int, width: int) -> int:
    """Return the first start in [earliest, latest] at which a move is neither banned nor meets a leg, a later one if none."""
    r, c = float(cell // width), float(cell % width)
    u, v = ROW_STEP[k] / ticks, COL_STEP[k] / ticks
    t = earliest
    while t <= latest:
        sure = _unbanned(bans, cell, k, t)
        if sure <= latest and by.size > 0:
            sure = first_start(legs, by, sure, latest, r, c, u, v, ticks)
        if sure == t:
            break
        t = sure
    return t


@kernel
def _last_move(
    moves: NDArray[np.int32],
    width: int,
    legs: F64,
    near: tuple[I64, I64, I64, I64, I64, I64],
    bans: I64,
    goal: int,
    soonest: int,
) -> int:
    """Return the first tick from ``soonest`` on at which some move ends at the goal, wherever the robot was before; `FAR` if none."""
    first, which, state, count, begin, end = near
    found = FAR
    for k in range(8):
        back = goal - ROW_STEP[k] * width - COL_STEP[k]
        if back < 0 or back >= moves.shape[0] or moves[back, k] == 0:
            continue
        ticks = int(moves[back, k])
        by = which[first[back] : first[back + 1]]
        for j in range(state[back], state[back] + count[back]):
            latest = min(int(end[j]), found - ticks - 1)
            t = _start(legs, by, bans, back, k, max(int(begin[j]), soonest - ticks), latest, ticks, width)
            if t <= latest:
                found = t + ticks
    return found


@kernel
def sipp(
    moves: NDArray[np.int32],
    width: int,
    to_go: I64,
    legs: F64,
    near: tuple[I64, I64, I64, I64, I64, I64],
    bans: I64,
    task: tuple[int, int, int, int, int],
    stays: bool,
    budget: int,
) -> tuple[int, I64]:
    """Return (ticks at arrival, way int64 [n, 3] of cell, tick of arrival there, tick of leaving it).

    Parameters
    ----------
    moves : the `move_table`; ``width`` of the rimmed grid.
    to_go : ticks to the goal on an empty map (`ticks_to_goal`).
    near : what `nearby` returned for ``legs``.
    bans : int64 [n, 4] of (cell, direction, first start, last start) of moves that must not be made.
    task : start cell, goal cell, tick at which the robot stands at the start, first tick at which it may move, first tick at
        which it may be done.
    stays : the robot needs its goal for ever; otherwise it is gone once it arrives.
    budget : states opened at most.

    The way is empty if there is none (ticks: -1), or if the budget ran out (-2).

    No way ends before ``soonest``, when the last move can be made at the earliest. As long as bounds are no more than that, what is
    nearest to the goal is opened first, and most often a way that ends then is found without searching all the ground the robot could
    roam until then. If none is found so, what was opened too late is opened anew, the earliest first, so the way found is the earliest.
    """
    first, which, state, count, begin, end = near
    start, goal, at_tick, leave_tick, done_tick = task
    nothing = np.empty((0, 3), np.int64)
    if to_go[start] >= FAR or count[goal] == 0:
        return -1, nothing
    soonest = done_tick
    final = int(state[goal] + count[goal] - 1)
    if stays:
        if end[final] < FAR:
            return -1, nothing
        soonest = max(soonest, int(begin[final]))
        if soonest > 0:
            soonest = _last_move(moves, width, legs, near, bans, goal, soonest)
            if soonest >= FAR and start != goal:
                return -1, nothing
    done = begin.size  # one more state: at the goal and never to move again
    best = np.full(done + 1, FAR, np.int64)
    came = np.full(done + 1, -1, np.int64)  # the state before, packed with its cell
    left = np.zeros(done + 1, np.int64)  # when that was left
    closed = np.zeros(done + 1, np.bool_)
    keys, items = np.empty(1024, np.int64), np.empty(1024, np.int64)
    size, opened, found = 0, 0, np.int64(-1)
    once, patient = np.zeros(done + 1, np.bool_), False  # opened before; all that is left at this bound goes by time
    for j in range(state[start], state[start] + count[start]):
        if begin[j] <= at_tick and end[j] >= leave_tick:
            best[j] = leave_tick
            keys[0], items[0], size = 0, (j << CELL_BITS) | start, 1
            if start == goal and (j == final or not stays) and done_tick <= at_tick:
                best[done] = leave_tick
                items[0] = (done << CELL_BITS) | start
    while size > 0:
        item = items[0]
        patient = patient or (keys[0] & (2 * TIE_MAX + 1)) > TIE_MAX
        heap_drop(keys, items, size)
        size -= 1
        here, cell = item >> CELL_BITS, item & ((1 << CELL_BITS) - 1)
        if closed[here]:
            continue
        closed[here] = once[here] = True
        if here == done:
            found = item
            break
        opened += 1
        if opened > budget:
            return -2, nothing
        now = int(best[here])
        by = which[first[cell] : first[cell + 1]]
        for k in range(8):
            ticks = int(moves[cell, k])
            if ticks == 0:
                continue
            to = cell + ROW_STEP[k] * width + COL_STEP[k]
            if to_go[to] >= FAR:
                continue
            if size + 2 * count[to] > keys.size:
                room = max(keys.size, 2 * count[to])
                keys = np.concatenate((keys, np.empty(room, np.int64)))
                items = np.concatenate((items, np.empty(room, np.int64)))
            for j in range(state[to], state[to] + count[to]):
                if begin[j] - ticks > end[here]:
                    break
                latest = min(int(end[here]), int(end[j]) - ticks)
                for ending in range(2):
                    at, t = j, max(now, int(begin[j]) - ticks)
                    if ending == 1:
                        if to != goal or (stays and j != final):
                            break
                        at, t = done, max(t, done_tick - ticks)
                    last = min(latest, int(best[at]) - ticks - 1)  # later is no better than what is known
                    t = _start(legs, by, bans, cell, k, t, last, ticks, width)
                    if t > last:
                        continue
                    bound = max(t + ticks + int(to_go[to]), soonest)
                    tie = min(int(to_go[to]), TIE_MAX)  # so that open ground is crossed without searching its breadth
                    if bound == soonest and (patient or once[at]):
                        tie = TIE_MAX + 1 + min(t + ticks, TIE_MAX)
                    best[at], came[at], left[at], closed[at] = t + ticks, item, t, False
                    heap_push(keys, items, size, (bound << TIE_BITS) | tie, (at << CELL_BITS) | to)
                    size += 1
    if found < 0:
        return -1, nothing
    length, item = 1, found
    while came[item >> CELL_BITS] >= 0:
        item = came[item >> CELL_BITS]
        length += 1
    way = np.empty((length, 3), np.int64)
    item, leave = found, best[done]
    for i in range(length - 1, -1, -1):
        here = item >> CELL_BITS
        way[i, 0], way[i, 1], way[i, 2] = item & ((1 << CELL_BITS) - 1), best[here], leave
        leave, item = left[here], came[here]
    way[0, 1] = at_tick
    return best[done], way
