"""Boxes around craters: how much they overlap, groups of guesses at one crater, one answer per crater. Compiled loops over sorted boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

F64 = NDArray[np.float64]


@kernel
def overlap(x: F64, y: F64, r: F64, i: int, j: int) -> float:
    """Return intersection over union of squares ``i`` and ``j``, given by centres and half sides."""
    wide = min(x[i] + r[i], x[j] + r[j]) - max(x[i] - r[i], x[j] - r[j])
    high = min(y[i] + r[i], y[j] + r[j]) - max(y[i] - r[i], y[j] - r[j])
    if wide <= 0.0 or high <= 0.0:
        return 0.0
    common = wide * high
    return common / (4.0 * (r[i] * r[i] + r[j] * r[j]) - common)


@kernel
def beyond(x: F64, y: F64, r: F64, i: int, j: int, most: float) -> bool:
    """Return whether two squares surely overlap by no more than ``most``.

    The common part is at most the smaller square wide, so it must be wider than ``2 most`` larger half sides to be enough.
    """
    reach = r[i] + r[j] - 2.0 * most * max(r[i], r[j])
    return abs(x[i] - x[j]) > reach or abs(y[i] - y[j]) > reach


@kernel
def best_apart(x: F64, y: F64, r: F64, order: NDArray[np.int64], most: float) -> NDArray[np.bool_]:
    """Return which squares stay when each, in ``order``, drives out the later ones that overlap it by more than ``most``; bool [n]."""
    stays = np.ones(x.size, np.bool_)
    for a in range(order.size):
        i = order[a]
        if stays[i]:
            for b in range(a + 1, order.size):
                j = order[b]
                if stays[j] and not beyond(x, y, r, i, j, most) and overlap(x, y, r, i, j) > most:
                    stays[j] = False
    return stays


@kernel
def groups(x: F64, y: F64, r: F64, p: F64, order: NDArray[np.int64], join: float) -> F64:
    """Gather the guesses at each crater and let them vote on its place and size.

    In ``order`` (best first), each square not yet driven out leads a group: all squares that overlap it by more than ``join`` vote
    with weight p^2 (they may vote in several groups), and those later in the order are driven out.

    Returns
    -------
    float64 [group, 8] : x, y, r (means of the votes), the leader's p, sum of p, number of voters, spread of ln r, spread of place / r.
    """
    out = np.empty((order.size, 8))
    left = np.ones(x.size, np.bool_)
    count = 0
    for a in range(order.size):
        i = order[a]
        if not left[i]:
            continue
        w = wx = wy = wl = wxx = wll = sum_p = voters = 0.0
        log_i = np.log(r[i])
        for b in range(order.size):
            j = order[b]
            if not beyond(x, y, r, i, j, join) and overlap(x, y, r, i, j) > join:
                weight = p[j] * p[j]
                dx, dy, dl = x[j] - x[i], y[j] - y[i], np.log(r[j]) - log_i
                w += weight
                wx += weight * dx
                wy += weight * dy
                wl += weight * dl
                wxx += weight * (dx * dx + dy * dy)
                wll += weight * dl * dl
                sum_p += p[j]
                voters += 1.0
                left[j] = left[j] and b < a
        left[i] = False
        mx, my, ml = wx / w, wy / w, wl / w
        out[count, 0], out[count, 1], out[count, 2] = x[i] + mx, y[i] + my, r[i] * np.exp(ml)
        out[count, 3], out[count, 4], out[count, 5] = p[i], sum_p, voters
        out[count, 6] = np.sqrt(max(wll / w - ml * ml, 0.0))
        out[count, 7] = np.sqrt(max(wxx / w - mx * mx - my * my, 0.0)) / r[i]
        count += 1
    return out[:count]


@kernel
def neighbours(x: F64, y: F64, r: F64, p: F64) -> F64:
    """Return what stands around each square, float64 [n, 3].

    Columns: greatest overlap with another of greater p, p of the surest larger square that holds its centre, summed p of the smaller
    ones whose centres it holds.
    """
    out = np.zeros((x.size, 3))
    for i in range(x.size):
        for j in range(x.size):
            if i == j:
                continue
            apart = max(abs(x[i] - x[j]), abs(y[i] - y[j]))
            if apart >= r[i] + r[j]:
                continue
            if p[j] > p[i]:
                out[i, 0] = max(out[i, 0], overlap(x, y, r, i, j))
            if apart < r[j] and r[j] > 1.3 * r[i]:
                out[i, 1] = max(out[i, 1], p[j])
            if apart < r[i] and r[i] > 1.3 * r[j]:
                out[i, 2] += p[j]
    return out
