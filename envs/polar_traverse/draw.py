"""Kernels that draw episodes of PolarTraverse: date, start and chain of targets, all from one key per episode."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.faults import uniform
from moonfleet.terrain.kernel import kernel, leaf_kernel

from .outlook import CELL, X_LEFT, Y_TOP, lit_now

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Floats32 = NDArray[np.float32]
HOUR_S = 3600.0

DATE_TRIES = 48  # dates drawn until enough of the ground is lit
START_TRIES = 192  # cells drawn until one is lit and as far from the first target as asked
# what a number is drawn for: each has draws of its own
DATE, GROUND, START, TARGET = range(4)


class Places(NamedTuple):
    """What kernels know of the grounds besides their layers; G grounds, K places each."""

    cells: Ints  # [n, 2] row, col of drivable cells, ground after ground
    cells_from: Ints  # [G + 1] where those of each ground begin
    places: Ints  # [G, K, 2] row, col of the cells that may be targets
    fields: Floats32  # [G, K, R, C] route length to each place [m], inf where there is none
    havens_xy: Floats  # [G, H, 2] best lit places [m], best first; NaN where a ground has fewer


@leaf_kernel
def _below(key: int, what: int, count: int, n: int) -> int:
    """Draw a whole number 0..n - 1."""
    return min(int(uniform(key, 0, what, count) * n), n - 1)


@kernel
def draw_episodes(
    keys: NDArray[np.uint64], fixed_tick: Ints, first_s: float, ticks: tuple[int, int], tick_s: float,
    range_m: tuple[float, float], lit_share: float, places: Places, millideg: NDArray[np.int16], hours: Floats32, frame: Floats,
    ground: Ints, t0: Floats, start_xy: Floats, chain: Ints,
) -> None:  # fmt: skip
    """Fill ``ground`` [n], ``t0`` [n] s, ``start_xy`` [n, 2] m and ``chain`` [n, T] of episodes with ``keys`` [n, 2], the first of each.

    Parameters
    ----------
    fixed_tick
        int64 [n], the start if it is given, else -1; ``ticks`` bound those that are drawn, ``tick_s`` long and counted from ``first_s``.
    range_m
        How far apart the start and the targets are along the way; the nearest to it where none is.
    lit_share
        Dates are drawn until so much of the places is lit, else the brightest of `DATE_TRIES` is taken.
    frame
        As `outlook` takes it.
    """
    count = places.places.shape[1]
    targets = chain.shape[1]
    near, far = range_m[0], range_m[1]
    for n in range(len(keys)):
        key = keys[n, 0]
        g = _below(key, GROUND, 0, places.places.shape[0])
        ground[n] = g
        best, tick = -1.0, ticks[0]
        for turn in range(DATE_TRIES):
            k = fixed_tick[n]
            if k < 0:
                k = ticks[0] + _below(key, DATE, turn, ticks[1] - ticks[0])
            hour = int(k * tick_s / HOUR_S)
            lit = 0
            for p in range(count):
                row, col = places.places[g, p, 0], places.places[g, p, 1]
                lit += 1 if lit_now(millideg, g, row, col, hours, hour, frame) > 0.5 else 0
                better = lit > best * count
                # what is left to count cannot change what comes of it
                if (better and lit / count >= lit_share) or lit + (count - 1 - p) <= best * count:
                    break
            if lit > best * count:
                best = lit / count
                tick = k
            if best >= lit_share or fixed_tick[n] >= 0:
                break
        t0[n] = first_s + tick * tick_s
        hour = int(tick * tick_s / HOUR_S)
        here = _below(key, TARGET, 0, count)
        chain[n, 0] = here
        for t in range(1, targets):
            last = here
            miss = np.inf
            found = 0
            for p in range(count):
                row, col = places.places[g, p, 0], places.places[g, p, 1]
                along = np.float64(places.fields[g, last, row, col])
                off = max(near - along, along - far, 0.0)
                if p != last and off < miss:
                    miss, found = off, 0
                if p != last and off == miss:  # one of them all, each with the same chance
                    found += 1
                    if _below(key, TARGET, t * count + p + 1, found) == 0:
                        here = p
            chain[n, t] = here
        first = chain[n, 0]
        begin, cells = places.cells_from[g], places.cells_from[g + 1] - places.cells_from[g]
        miss = np.inf
        for turn in range(START_TRIES):
            c = begin + _below(key, START, turn, cells)
            row, col = places.cells[c, 0], places.cells[c, 1]
            along = np.float64(places.fields[g, first, row, col])
            off = max(near - along, along - far, 0.0)
            if lit_now(millideg, g, row, col, hours, hour, frame) <= 0.5:
                off += 1e6  # light first
            if off < miss or turn == 0:
                miss = off
                start_xy[n, 0], start_xy[n, 1] = (
                    frame[X_LEFT] + (col + 0.5) * frame[CELL],
                    frame[Y_TOP] - (row + 0.5) * frame[CELL],
                )
            if miss == 0.0:
                break
