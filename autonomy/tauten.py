"""A way pulled taut: shorter and smoother on the same side of every obstacle, never dearer, never through what is shut.

Three steps, all on the exact cost of straight lines (`moonfleet.autonomy.line_cost`):

- *pulled*: from each point, on to the farthest one that a straight line reaches at no more cost;
- *swayed*: stations along the way may step aside to a few offsets each, and dynamic programming finds the best choice for all of them
  together; the offsets shrink from pass to pass (a band relaxed as in Quinlan and Khatib 1993, without its local forces);
- *shifted*: each point that is left tries steps in eight directions, the steps shrinking (pattern search, Hooke and Jeeves 1961), so that
  turns end up at the corners of obstacles.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel

from .line_cost import Keepouts, line_cost, polyline_cost

Points = NDArray[np.float64]

SPAN = 96  # the most points that one segment replaces in one pull
OFFSETS = 3  # stations step aside by up to so many steps to either side
STATIONS = ((12.0, 6.0, 4), (4.0, 2.0, 4))  # [cells] spacing, first step; how often the step is halved
SWAYS = 6  # passes with one step at most
GAIN = 1e-5  # a pass that gains less (relative) was the last
SLACK = 5e-4  # relative cost given away for fewer points; the shifts win most of it back
FIRST_SHIFT, LAST_SHIFT = 2.0, 0.02  # [cells]
SHIFTS = 4  # rounds with one step at most


@kernel
def taut(cost: NDArray[np.float32], keep: Keepouts, points: Points, cheapest: float) -> Points:
    """Return a way float64 [n, 2] (row, col) with the ends of ``points`` that costs no more than they do."""
    way = pulled(cost, keep, points, 0.0)
    for spacing, first_step, halvings in STATIONS:
        way = _stations(way, spacing)
        step = first_step
        for _ in range(halvings):
            _sway(cost, keep, way, step, cheapest)
            step *= 0.5
        way = pulled(cost, keep, way, 0.0)
    shifted = pulled(cost, keep, way, SLACK)
    shifted = _shifted(cost, keep, shifted)
    if polyline_cost(cost, keep, shifted) < polyline_cost(cost, keep, way) * (1.0 + SLACK):
        way = shifted
    return way


@kernel
def pulled(cost: NDArray[np.float32], keep: Keepouts, points: Points, slack: float) -> Points:
    """Return those points that stay: from each, the farthest one that a straight line reaches at no more than (1 + slack) the cost."""
    count = len(points)
    so_far = np.zeros(count)
    for i in range(1, count):
        part = line_cost(cost, keep, points[i - 1, 0], points[i - 1, 1], points[i, 0], points[i, 1])
        if not part < np.inf:  # a diagonal that cuts a blocked corner: kept as the search gave it
            length = math.sqrt((points[i, 0] - points[i - 1, 0]) ** 2 + (points[i, 1] - points[i - 1, 1]) ** 2)
            a = np.float64(cost[int(points[i - 1, 0] + 0.5), int(points[i - 1, 1] + 0.5)])
            part = 0.5 * length * (a + np.float64(cost[int(points[i, 0] + 0.5), int(points[i, 1] + 0.5)]))
        so_far[i] = so_far[i - 1] + part
    kept = np.empty(count, np.int64)
    kept[0] = 0
    size = 1
    at = 0
    while at < count - 1:
        best = at + 1
        for to in range(min(at + SPAN, count - 1), at + 1, -1):
            straight = line_cost(cost, keep, points[at, 0], points[at, 1], points[to, 0], points[to, 1])
            if straight <= (so_far[to] - so_far[at]) * (1.0 + slack + 1e-9):
                best = to
                break
        kept[size] = best
        size += 1
        at = best
    return points[kept[:size]]


@kernel
def _stations(points: Points, spacing: float) -> Points:
    """Return the points with others between them, no two farther apart than ``spacing``."""
    size = 1
    for i in range(1, len(points)):
        d_row, d_col = points[i, 0] - points[i - 1, 0], points[i, 1] - points[i - 1, 1]
        size += max(int(math.ceil(math.sqrt(d_row * d_row + d_col * d_col) / spacing)), 1)
    out = np.empty((size, 2))
    out[0] = points[0]
    at = 1
    for i in range(1, len(points)):
        d_row, d_col = points[i, 0] - points[i - 1, 0], points[i, 1] - points[i - 1, 1]
        pieces = max(int(math.ceil(math.sqrt(d_row * d_row + d_col * d_col) / spacing)), 1)
        for k in range(1, pieces):
            out[at, 0] = points[i - 1, 0] + d_row * k / pieces
            out[at, 1] = points[i - 1, 1] + d_col * k / pieces
            at += 1
        out[at] = points[i]
        at += 1
    return out


@kernel
def _sway(cost: NDArray[np.float32], keep: Keepouts, way: Points, step: float, cheapest: float) -> None:
    """Move the inner points aside by multiples of ``step``, in place, as often as that gains."""
    count = len(way)
    if count < 3:
        return
    choices = 2 * OFFSETS + 1
    aside = np.empty((count, choices, 2))
    total = np.empty((count, choices))
    came = np.zeros((count, choices), np.int64)
    before = polyline_cost(cost, keep, way)
    for _ in range(SWAYS):
        for i in range(count):
            back, on = max(i - 1, 0), min(i + 1, count - 1)
            d_row, d_col = way[on, 0] - way[back, 0], way[on, 1] - way[back, 1]
            length = math.sqrt(d_row * d_row + d_col * d_col)
            scale = step / length if length > 0.0 and 0 < i < count - 1 else 0.0
            for a in range(choices):
                aside[i, a, 0] = way[i, 0] - d_col * scale * (a - OFFSETS)
                aside[i, a, 1] = way[i, 1] + d_row * scale * (a - OFFSETS)
        total[0, :] = np.inf
        total[0, OFFSETS] = 0.0
        for i in range(1, count):
            for a in range(choices):
                total[i, a] = np.inf
                if i == count - 1 and a != OFFSETS:
                    continue
                for k in range(choices):
                    b = (a + k) % choices  # the same offset first: the others are often cut off by it
                    if total[i - 1, b] >= total[i, a]:
                        continue
                    d_row, d_col = aside[i, a, 0] - aside[i - 1, b, 0], aside[i, a, 1] - aside[i - 1, b, 1]
                    if total[i - 1, b] + cheapest * math.sqrt(d_row * d_row + d_col * d_col) >= total[i, a]:
                        continue
                    found = total[i - 1, b] + line_cost(
                        cost, keep, aside[i - 1, b, 0], aside[i - 1, b, 1], aside[i, a, 0], aside[i, a, 1]
                    )
                    if found < total[i, a]:
                        total[i, a] = found
                        came[i, a] = b
        after = total[count - 1, OFFSETS]
        if not after < before:
            return
        a = OFFSETS
        for i in range(count - 1, 0, -1):
            way[i] = aside[i, a]
            a = came[i, a]
        if before - after < GAIN * before:
            return
        before = after


@kernel
def _shifted(cost: NDArray[np.float32], keep: Keepouts, points: Points) -> Points:
    """Return the points moved to where their two segments cost least, those left out that are no longer needed."""
    way = points.copy()
    count = len(way)
    step = FIRST_SHIFT
    while step >= LAST_SHIFT:
        for _ in range(SHIFTS):
            gained = False
            i = 1
            while i < count - 1:
                r0, c0, r1, c1 = way[i - 1, 0], way[i - 1, 1], way[i + 1, 0], way[i + 1, 1]
                now = line_cost(cost, keep, r0, c0, way[i, 0], way[i, 1])
                now += line_cost(cost, keep, way[i, 0], way[i, 1], r1, c1)
                if line_cost(cost, keep, r0, c0, r1, c1) <= now * (1.0 + 1e-9):
                    for k in range(i, count - 1):
                        way[k] = way[k + 1]
                    count -= 1
                    gained = True
                    continue
                row, col = way[i, 0], way[i, 1]
                for d_row in (-step, 0.0, step):
                    for d_col in (-step, 0.0, step):
                        if d_row == 0.0 and d_col == 0.0:
                            continue
                        r, c = row + d_row, col + d_col
                        found = line_cost(cost, keep, r0, c0, r, c)
                        if found < now:
                            found += line_cost(cost, keep, r, c, r1, c1)
                        if found < now * (1.0 - 1e-9):
                            now = found
                            way[i, 0], way[i, 1] = r, c
                            gained = True
                i += 1
            if not gained:
                break
        step *= 0.5
    return way[:count]
