"""The heart of the light planner: kernels that carry the best battery of every cell from one tick to the next.

Layers are float32 [R + 2, C + 2] with a rim that cannot be entered; a value is the battery above the reserve, in whole
quanta (exact in float32), or -inf where the robot cannot be. ``ring``, ``side`` and ``slant`` [D, R + 2, C + 2] hold the last D
ticks, tick k in slot ``k % D``: the batteries, and the best battery among the four straight and the four diagonal
neighbours that a robot may leave at that tick. An arrival then costs two look-ups, however long the way in takes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

Layer = NDArray[np.float32]
Ring = NDArray[np.float32]  # [D, R + 2, C + 2]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


@kernel
def step_tables(
    lit: Bytes, link: Bytes, may_wait: Bytes, block: Layer, wait: Layer, drive: Layer, least: int, dark: int,
    stand: Layer, enter: Layer, leave: Layer,
) -> None:  # fmt: skip
    """Fill what a tick of one step brings at each cell.

    Parameters
    ----------
    lit : uint8 [R, C], share of the Sun's disc in 255ths, the least of the step.
    link, may_wait : uint8 [R, ceil(C / 8)], bits, first cell in the highest; empty for "everywhere". A cell below ``dark``
        may be waited in only where ``may_wait`` says so.
    block : float32 [R + 2, C + 2], 0 or -inf.
    wait, drive : float32 [256], quanta per tick by lit share.
    least : least lit share for driving, 255ths; ``dark``: less than this is dark.
    stand, enter, leave : float32 [R + 2, C + 2], filled: quanta per tick of standing and of driving in, -inf where not
        allowed, and 0 or -inf for setting out. Driving counts on the least light of the 3 x 3 cells.
    """
    rows, cols = lit.shape
    bound = np.float32(-np.inf)
    low = np.empty(cols, dtype=np.uint8)
    for r in range(rows):
        above, here, below = lit[max(r - 1, 0)], lit[r], lit[min(r + 1, rows - 1)]
        for c in range(cols):
            least_here = here[c] if here[c] < above[c] else above[c]
            low[c] = least_here if least_here < below[c] else below[c]
        for c in range(cols):
            if block[r + 1, c + 1] < 0.0:
                stand[r + 1, c + 1] = bound
                enter[r + 1, c + 1] = bound
                leave[r + 1, c + 1] = bound
                continue
            share = here[c]
            round_about = min(low[max(c - 1, 0)], low[c], low[min(c + 1, cols - 1)])
            linked = link.size == 0 or (link[r, c >> 3] >> (7 - (c & 7))) & 1 == 1
            waits = share >= dark or may_wait.size == 0 or (may_wait[r, c >> 3] >> (7 - (c & 7))) & 1 == 1
            stand[r + 1, c + 1] = wait[share] if waits else bound
            enter[r + 1, c + 1] = drive[round_about] if linked and round_about >= least else bound
            leave[r + 1, c + 1] = np.float32(0.0) if linked and share >= least else bound


@kernel
def run_ticks(
    ring: Ring, side: Ring, slant: Ring, first: int, count: int, low: Ints, high: Ints, straight: Bytes, diagonal: Bytes,
    block: Layer, stand: Layer, enter: Layer, leave: Layer, full: float, goal_row: int, goal_col: int, need: Layer,
) -> int:  # fmt: skip
    """Carry the layers from tick ``first`` to ``first + count``, ticks of one step; return the tick that ends it, or -1.

    Parameters
    ----------
    low, high : int64 [R + 2], the columns ``low <= c < high`` of each row that matter; none where ``low >= high``.
    straight, diagonal : uint8 [R + 2, C + 2], ticks to enter a cell over its side and over its corner, 1 .. D - 1.
    stand, enter, leave : see `step_tables`; ``full``: the battery's capacity.
    goal_row, goal_col, need : padded cell, and float32 [count]: the run ends at the first tick ``first + 1 + i`` at which
        the goal's battery is at least ``need[i]``. A goal_row of 0 never ends it.

    Returns the tick, or -1 when it ran to its end.
    """
    depth, rows, cols = ring.shape
    size = rows * cols
    dead = np.float32(-np.inf)
    top = np.float32(full)
    side_flat, slant_flat = side.reshape(-1), slant.reshape(-1)
    slot = np.zeros(256, dtype=np.int64)
    gone = np.full((3, cols), dead, dtype=np.float32)  # what may set out from the rows above, here and below
    left, right = cols, 0
    begin, end = rows, 0
    for r in range(1, rows - 1):
        if low[r] < high[r]:
            left, right = min(left, low[r]), max(right, high[r])
            begin, end = min(begin, r), max(end, r + 1)
    for k in range(first, first + count):
        now = ring[k % depth]
        then = ring[(k + 1) % depth]
        sides, slants = side[k % depth], slant[k % depth]
        for n in range(1, depth):
            slot[n] = ((k + 1 - n + depth) % depth) * size
        for r in (begin - 1, begin):
            if r < end + 1:
                _set_out(
                    now[r, left - 1 : right + 1], leave[r, left - 1 : right + 1], gone[r % 3, left - 1 : right + 1]
                )
        for r in range(begin, end):
            _set_out(
                now[r + 1, left - 1 : right + 1], leave[r + 1, left - 1 : right + 1],
                gone[(r + 1) % 3, left - 1 : right + 1],
            )  # fmt: skip
            a, b = low[r], high[r]
            if a >= b:
                continue
            _gather(
                gone[(r - 1) % 3, a - 1 : b + 1], gone[r % 3, a - 1 : b + 1], gone[(r + 1) % 3, a - 1 : b + 1],
                block[r - 1, a - 1 : b + 1], block[r, a - 1 : b + 1], block[r + 1, a - 1 : b + 1],
                sides[r, a:b], slants[r, a:b],
            )  # fmt: skip
            _arrive(
                now[r, a:b], stand[r, a:b], enter[r, a:b], straight[r, a:b], diagonal[r, a:b], side_flat, slant_flat,
                slot, r * cols + a, top, then[r, a:b],
            )  # fmt: skip
        if goal_row > 0 and then[goal_row, goal_col] >= need[k - first]:
            return k + 1
    return -1


@kernel
def _set_out(battery: Layer, leave: Layer, out: Layer) -> None:
    """Keep of a row of batteries what may set out."""
    for i in range(out.size):
        out[i] = battery[i] + leave[i]


@kernel
def _gather(
    up: Layer, mid: Layer, down: Layer, block_up: Layer, block_mid: Layer, block_down: Layer, side: Layer, slant: Layer
) -> None:
    """Best battery beside and across the corners of each cell of a row; the inputs reach one cell further to each side.

    A corner is crossed only between two cells that can be driven on.
    """
    for i in range(side.size):
        a = up[i + 1] if up[i + 1] > down[i + 1] else down[i + 1]
        b = mid[i] if mid[i] > mid[i + 2] else mid[i + 2]
        side[i] = a if a > b else b
    for i in range(slant.size):
        west, east = block_mid[i], block_mid[i + 2]
        north, south = block_up[i + 1], block_down[i + 1]
        a = up[i] + (north + west)
        b = up[i + 2] + (north + east)
        c = down[i] + (south + west)
        d = down[i + 2] + (south + east)
        a = a if a > b else b
        c = c if c > d else d
        slant[i] = a if a > c else c


@kernel
def _arrive(
    now: Layer, stand: Layer, enter: Layer, straight: Bytes, diagonal: Bytes, side: Layer, slant: Layer, slot: Ints,
    place: int, top: np.float32, out: Layer,
) -> None:  # fmt: skip
    """Best battery of a row a tick later: of standing, and of those who come in over sides and corners now."""
    dead = np.float32(-np.inf)
    nothing = np.float32(0.0)
    for i in range(out.size):
        net = enter[i]
        n, m = straight[i], diagonal[i]
        over_side = side[slot[n] + place + i] + np.float32(n) * net
        over_corner = slant[slot[m] + place + i] + np.float32(m) * net
        best = now[i] + stand[i]
        best = over_side if over_side > best else best
        best = over_corner if over_corner > best else best
        best = best if best < top else top
        out[i] = best if best >= nothing else dead


@kernel
def close_outside(ring: Ring, side: Ring, slant: Ring, was_low: Ints, was_high: Ints, low: Ints, high: Ints) -> None:
    """Forget what the layers hold in columns that mattered and no longer do."""
    dead = np.float32(-np.inf)
    for s in range(ring.shape[0]):
        for r in range(low.size):
            a, b = was_low[r], was_high[r]
            for c in range(a, b):
                if c < low[r] or c >= high[r]:
                    ring[s, r, c] = dead
                    side[s, r, c] = dead
                    slant[s, r, c] = dead


@kernel
def refill_neighbours(ring: Ring, slot: int, leave: Layer, block: Layer, side: Ring, slant: Ring) -> None:
    """Make the neighbours' best of one slot anew from its batteries."""
    _, rows, cols = ring.shape
    gone = np.empty((3, cols), dtype=np.float32)
    for r in range(2):
        _set_out(ring[slot, r], leave[r], gone[r])
    for r in range(1, rows - 1):
        _set_out(ring[slot, r + 1], leave[r + 1], gone[(r + 1) % 3])
        _gather(
            gone[(r - 1) % 3], gone[r % 3], gone[(r + 1) % 3], block[r - 1], block[r], block[r + 1],
            side[slot, r, 1:-1], slant[slot, r, 1:-1],
        )  # fmt: skip
