"""What a step is: actions into orders for the World, and what came of them into holes, samples and reward. Kernels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import state as s
from moonfleet.agents.boring import CARRIED, bore, may_bore, unload
from moonfleet.terrain.kernel import kernel, leaf_kernel

from . import rewards as t
from . import spaces as o
from .generator import KEPT
from .sight import (
    BROWNOUTS,
    CACHE_KG,
    DOWN_STEPS,
    GROUND,
    HOME_M,
    MAX_STEPS,
    OVER,
    REACH_M,
    ROWS_PER_H,
    SITUATION,
    STEPS,
    Floats,
    Ints,
    Maps,
    Rovers,
)
from .ways import FAR_S, cell_of, lit_hour, way_home, way_s

STRANDED_H = 24  # [h] without light ahead: a rover whose battery gave out in such a place does not come back
DAWN_LIT = 0.1  # share of the Sun's disc that would wake it

# what passes from one step to the next: float64 [W, 2]
HOME_S, PROSPECT_S = range(2)


@leaf_kernel
def drives(rovers: Rovers, w: int) -> bool:
    """Whether a rover can drive now."""
    return rovers.trapped[w, 0] == 0 and not (rovers.faults[w, 0] & (1 << s.MOBILITY))


@leaf_kernel
def is_home(maps: Maps, rovers: Rovers, situation: int, w: int) -> bool:
    """Whether a rover stands where samples are taken over."""
    dx, dy = maps.homes[situation, 0] - rovers.x[w, 0], maps.homes[situation, 1] - rovers.y[w, 0]
    return dx * dx + dy * dy <= HOME_M * HOME_M


@leaf_kernel
def allowed(
    action: int, w: int, maps: Maps, rovers: Rovers, counts: Ints, holes: Floats, holes_n: Ints, books: Floats, fixed: Floats
) -> bool:  # fmt: skip
    """Whether an action can be carried out at all."""
    if action == o.HOLD or action == o.HIBERNATE:
        return True
    if action == o.DRILL:
        if rovers.faults[w, 0] & (1 << s.PAYLOAD):
            return False
        return may_bore(holes[w], holes_n[w], books[w, CARRIED], fixed[CACHE_KG], rovers.x[w, 0], rovers.y[w, 0])
    if not drives(rovers, w):
        return False
    return action != o.RETURN or not is_home(maps, rovers, counts[w, SITUATION], w)


@kernel
def mask(
    out: NDArray[np.bool_], w_from: int, w_to: int, maps: Maps, rovers: Rovers, counts: Ints, holes: Floats, holes_n: Ints,
    books: Floats, fixed: Floats,
) -> None:  # fmt: skip
    """Write which actions are allowed into ``out`` bool [W, A]."""
    for w in range(w_from, w_to):
        moves = allowed(o.SHORT, w, maps, rovers, counts, holes, holes_n, books, fixed)
        for k in range(o.N_ACTIONS):
            if o.SHORT <= k < o.DRILL:
                out[w, k] = moves
            else:
                out[w, k] = allowed(k, w, maps, rovers, counts, holes, holes_n, books, fixed)


@kernel
def order(
    actions: Ints, active: NDArray[np.bool_], maps: Maps, rovers: Rovers, counts: Ints, holes: Floats, holes_n: Ints,
    books: Floats, fixed: Floats, legs: Floats, sizes: Ints, activity: Ints,
) -> None:  # fmt: skip
    """Make orders of actions [W]: ``legs`` [W, P, 2] with ``sizes`` [W] points, or where that is 0 an ``activity`` [W].

    What is not allowed becomes a hold.
    """
    for w in range(actions.size):
        sizes[w] = 0
        activity[w] = s.CHARGE
        action = actions[w]
        if not active[w] or not allowed(action, w, maps, rovers, counts, holes, holes_n, books, fixed):
            continue
        if action == o.DRILL:
            activity[w] = s.WORK
        elif action == o.HIBERNATE:
            activity[w] = s.HIBERNATE
        elif action == o.RETURN:
            ways = maps.home_next[counts[w, SITUATION]]
            sizes[w] = way_home(legs[w], ways, maps.frame, rovers.x[w, 0], rovers.y[w, 0], fixed[REACH_M])
        elif action != o.HOLD:
            azimuth = (action - 1) % o.HEADINGS * (2.0 * math.pi / o.HEADINGS)
            length = fixed[REACH_M] if action >= o.LONG else 0.5 * fixed[REACH_M]
            legs[w, 0, 0] = rovers.x[w, 0] + length * math.sin(azimuth)
            legs[w, 0, 1] = rovers.y[w, 0] + length * math.cos(azimuth)
            sizes[w] = 1


@leaf_kernel
def ways_s(maps: Maps, rovers: Rovers, situation: int, w: int) -> tuple[float, float]:
    """Return the driving times from a rover home and to the nearest of its prospects [s]."""
    _, rows, cols = maps.slope.shape
    row, col = cell_of(maps.frame, rovers.x[w, 0], rovers.y[w, 0], rows, cols)
    near = FAR_S
    for k in range(KEPT):
        which = maps.of_home[situation, k]
        near = min(near, way_s(maps.prospect_s[which], maps.prospect_next[which], row, col))
    return way_s(maps.home_s[situation], maps.home_next[situation], row, col), near


@kernel
def begin(
    worlds: Ints, maps: Maps, rovers: Rovers, counts: Ints, almanac: Floats, home_lit: NDArray[np.float32], ways: Floats
) -> None:  # fmt: skip
    """Fill what is worked out once per episode of ``worlds``: the light at home and the first ways."""
    _, rows, cols = maps.slope.shape
    for k in range(worlds.size):
        w = worlds[k]
        situation = counts[w, SITUATION]
        row, col = cell_of(maps.frame, maps.homes[situation, 0], maps.homes[situation, 1], rows, cols)
        for hour in range(home_lit.shape[1]):
            home_lit[w, hour] = lit_hour(maps.millideg[counts[w, GROUND]], row, col, maps.frame, almanac[w], hour)
        ways[w, HOME_S], ways[w, PROSPECT_S] = ways_s(maps, rovers, situation, w)


@leaf_kernel
def _stranded(maps: Maps, rovers: Rovers, counts: Ints, w: int, almanac: Floats) -> bool:
    """Whether no sunlight will reach a rover for `STRANDED_H`."""
    _, rows, cols = maps.slope.shape
    row, col = cell_of(maps.frame, rovers.x[w, 0], rovers.y[w, 0], rows, cols)
    for k in range(STRANDED_H):
        hour = counts[w, STEPS] // ROWS_PER_H + k
        if lit_hour(maps.millideg[counts[w, GROUND]], row, col, maps.frame, almanac[w], hour) > DAWN_LIT:
            return False
    return True


@kernel
def judge(
    w_from: int, w_to: int, active: NDArray[np.bool_], activity: Ints, rest: NDArray[np.int64], lost: NDArray[np.int64], worked_s: Floats,
    maps: Maps, rovers: Rovers, counts: Ints, holes: Floats, holes_n: Ints, books: Floats, keys: NDArray[np.uint64],
    almanac: Floats, fixed: Floats, weights: Floats, ways: Floats, trail: NDArray[np.float32], terms: Floats, terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Settle a step that the World has made: bore, unload, count, and write the reward's ``terms`` [W, T] and how it ended.

    ``activity`` [W] is what was ordered, ``rest`` and ``lost`` [W, 1] the World's brownouts and its activities, ``worked_s`` [W, 1]
    the productive seconds of those that drilled.
    """
    _, rows, cols = maps.slope.shape
    for w in range(w_from, w_to):
        terminated[w], truncated[w] = False, False
        for k in range(terms.shape[1]):
            terms[w, k] = 0.0
        if not active[w]:
            continue
        counts[w, STEPS] += 1
        situation, ground = counts[w, SITUATION], counts[w, GROUND]
        empty = books[w, CARRIED] <= 0.0
        full = books[w, CARRIED] >= fixed[CACHE_KG] - 1e-9
        x, y = rovers.x[w, 0], rovers.y[w, 0]
        at = min(counts[w, STEPS], trail.shape[1] - 1)
        trail[w, at, 0], trail[w, at, 1] = x, y
        won, home = 0.0, 0.0
        gone = lost[w, 0] == s.LOST
        if activity[w] == s.WORK and worked_s[w, 0] > 0.0:
            row, col = cell_of(maps.frame, x, y, rows, cols)
            holes_n[w], won = bore(
                holes[w],
                holes_n[w],
                books[w],
                keys[w],
                maps.cold[ground, row, col],
                fixed[CACHE_KG],
                x,
                y,
                worked_s[w, 0],
            )
        if not gone and is_home(maps, rovers, situation, w):
            home = unload(books[w])
        home_s, prospect_s = ways_s(maps, rovers, situation, w)
        nearer_s = 0.0
        if full:
            nearer_s = ways[w, HOME_S] - home_s
        elif empty:
            nearer_s = ways[w, PROSPECT_S] - prospect_s
        ways[w, HOME_S], ways[w, PROSPECT_S] = home_s, prospect_s
        brownouts = rest[w, 0] - counts[w, BROWNOUTS]
        counts[w, BROWNOUTS] = rest[w, 0]
        if brownouts > 0 and not gone:
            gone = _stranded(maps, rovers, counts, w, almanac)
        if rovers.faults[w, 0] & (1 << s.MOBILITY):
            counts[w, DOWN_STEPS] += 1
        else:
            counts[w, DOWN_STEPS] = 0
        terms[w, t.PROGRESS] = weights[t.PROGRESS] * nearer_s
        terms[w, t.DRILLED] = weights[t.DRILLED] * won
        terms[w, t.RETURNED] = weights[t.RETURNED] * home
        terms[w, t.BROWNOUT] = weights[t.BROWNOUT] * brownouts
        terms[w, t.TIME] = weights[t.TIME]
        terms[w, t.LOST] = weights[t.LOST] if gone else 0.0
        terminated[w] = gone
        truncated[w] = not gone and counts[w, STEPS] >= fixed[MAX_STEPS]
        counts[w, OVER] = 1 if gone or truncated[w] else 0
