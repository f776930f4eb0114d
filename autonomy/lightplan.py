"""Routes over place, time and battery: when to leave, where to wait, when to charge, with a reserve that is never touched.

`plan_light` finds the earliest arrival there is in its discretisation (`lightplan_problem` says which), and among those the one that
arrives with the fullest battery. It goes forward in time and keeps the best battery of every cell: more battery is never worse, for a full
one only stops charging and the robot may always do what it could have done with less, so one number per place and moment is exact.
What is kept out by light, link, night or battery falls away by itself; `lightplan_bounds` cuts what cannot matter. The way is found
backward (`lightplan_back`). The problem is that of Tompkins, Stentz, Wettergreen 2006 (TEMPEST) and Otten 2018, CMU-RI-TR-18-21
(sun-synchronous routes); the method is plain dynamic programming (Bellman 1957).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import NoRoute
from .lightplan_back import follow_back
from .lightplan_bounds import NEVER
from .lightplan_check import LightLaw
from .lightplan_forward import battery_needed, query_of, run_forward
from .lightplan_problem import SQRT2, LightProblem, check_ends, ticked
from .lightplan_why import no_light_route, raise_why


class LightLeg(NamedTuple):
    """Driving without a stop: ``first .. last`` are indices of the plan's events; way [m]."""

    first: int
    last: int
    begin_s: float
    end_s: float
    metres: float


class LightWait(NamedTuple):
    """Standing in a cell from event ``first`` to ``last``.

    ``reason``: 'link' or 'sun' (the way on is out of sight of the Earth, or too dark), 'night' (it is dark here), 'charge' (the battery
    fills), 'timing' (nothing holds it, but what comes next is not better sooner).
    """

    first: int
    last: int
    cell: tuple[int, int]
    begin_s: float
    end_s: float
    reason: str
    gained_wh: float


class LightPlan(NamedTuple):
    """A route in time. Events are ends of crossings, beginnings and ends of waits, and the steps that begin in a wait.

    ``times_s`` float64 [n], seconds after the problem's first step begins; ``cells`` int32 [n, 2]; ``battery_wh`` float64 [n], at the
    least: the discretisation errs on the safe side. ``margin_wh``: the least battery of the plan above the reserve, at event
    ``margin_at``. ``departs_s``: first driving; ``dark_s``: the longest time on end in the dark.
    """

    times_s: NDArray[np.float64]
    cells: NDArray[np.int32]
    battery_wh: NDArray[np.float64]
    legs: tuple[LightLeg, ...]
    waits: tuple[LightWait, ...]
    departs_s: float
    arrival_s: float
    driving_s: float
    waiting_s: float
    metres: float
    margin_wh: float
    margin_at: int
    dark_s: float
    tick_s: float


def plan_light(
    problem: LightProblem,
    start_rc: tuple[int, int],
    goal_rc: tuple[int, int],
    battery_wh: float | None = None,
    *,
    explain: bool = True,
    stop: Callable[[], bool] | None = None,
) -> LightPlan:
    """Return the plan that arrives first, with the fullest battery among those.

    Parameters
    ----------
    problem
        Ground, light, links, power and rules, from the moment of departure on.
    start_rc, goal_rc
        (row, col).
    battery_wh
        Charge at the start [Wh]; default: full.
    explain
        On failure, spend some more runs to find out what would help; False says only what failed.
    stop
        Asked at every step; True ends the search.

    Raises
    ------
    StartBlocked, GoalBlocked, GoalOutside
        A place that cannot be one.
    NoRoute
        Nothing passable joins start and goal, whatever the light.
    NoLitWindow
        Light and links never let it through in the time that is known, had it all the energy in the world.
    OutOfEnergy
        The light would let it through, but not with this battery; or the battery is below the reserve at the start.
    CostError
        A problem whose parts do not fit together.
    PlanInterrupted
        ``stop`` said so.
    """
    prepared = ticked(problem)
    start, goal = (int(start_rc[0]), int(start_rc[1])), (int(goal_rc[0]), int(goal_rc[1]))
    battery = problem.power.capacity_wh if battery_wh is None else min(float(battery_wh), problem.power.capacity_wh)
    check_ends(problem, prepared, start, goal, battery)
    query = query_of(problem, prepared, start, goal, battery)
    if query.reach[query.goal] == NEVER:
        raise NoRoute(no_light_route(problem, prepared, start, goal))
    need = battery_needed(problem, prepared, query.goal, query.full)
    reached = run_forward(problem, prepared, query, need, stop=stop)
    if reached.tick < 0:
        raise_why(problem, prepared, query, need, reached, explain, stop)
    states = follow_back(problem, prepared, query, reached)
    ticks = np.array([state[0] for state, _ in states], dtype=np.int64)
    cells = np.array([state[1:] for state, _ in states], dtype=np.int32) - 1
    quanta = np.array([held for _, held in states], dtype=np.float64)
    return _plan(problem, ticks, cells, problem.power.reserve_wh + quanta * problem.quantum_wh)


def _plan(
    problem: LightProblem, ticks: NDArray[np.int64], cells: NDArray[np.int32], battery: NDArray[np.float64]
) -> LightPlan:
    """Put the states, one per tick of standing and one per crossing, into words."""
    law = LightLaw(problem)
    moves = (np.diff(cells, axis=0) != 0).any(axis=1)  # [n - 1]
    keep = np.ones(len(ticks), dtype=np.bool_)
    if len(ticks) > 2:
        keep[1:-1] = moves[:-1] | moves[1:] | (ticks[1:-1] % law.ticks == 0)
    longest = _longest_dark(problem, law, ticks, cells, moves)
    ticks, cells, battery = ticks[keep], cells[keep], battery[keep]
    moves = (np.diff(cells, axis=0) != 0).any(axis=1)
    times = ticks.astype(np.float64) * law.tick_s
    way = np.abs(np.diff(cells, axis=0)).sum(axis=1)
    metres = np.where(way == 2, SQRT2, 1.0) * moves * problem.cell_m
    legs: list[LightLeg] = []
    waits: list[LightWait] = []
    bounds = [0, *(np.flatnonzero(np.diff(moves.astype(np.int8))) + 1).tolist(), len(moves)] if len(moves) else []
    for a, b in itertools.pairwise(bounds):
        begin, end = float(times[a]), float(times[b])
        if moves[a]:
            legs.append(LightLeg(a, b, begin, end, float(metres[a:b].sum())))
        else:
            cell = (int(cells[a, 0]), int(cells[a, 1]))
            gained = float(battery[b] - battery[a])
            waits.append(LightWait(a, b, cell, begin, end, _reason(law, ticks, cells, moves, a, b, gained), gained))
    driving = sum(leg.end_s - leg.begin_s for leg in legs)
    at = int(np.argmin(battery))
    return LightPlan(
        times, cells, battery, tuple(legs), tuple(waits), legs[0].begin_s if legs else 0.0, float(times[-1]), driving,
        float(times[-1]) - driving, float(metres.sum()), float(battery[at]) - problem.power.reserve_wh, at, longest,
        law.tick_s,
    )  # fmt: skip


def _reason(
    law: LightLaw, ticks: NDArray[np.int64], cells: NDArray[np.int32], moves: NDArray[np.bool_], a: int, b: int,
    gained: float,
) -> str:  # fmt: skip
    """Why the robot stands from event ``a`` to ``b``: what would stop it, left it at once on its next leg."""
    early = int(ticks[b] - ticks[a])
    i = b
    while i < len(moves) and moves[i]:
        out, there = (int(ticks[i]) - early) // law.ticks, (int(ticks[i + 1]) - early - 1) // law.ticks
        for step, event, arriving in ((out, i, False), (there, i + 1, True)):
            why = law.keeps_in(step, (int(cells[event, 0]), int(cells[event, 1])), arriving)
            if why:
                return why
        i += 1
    if gained > 0.0:
        return "charge"
    first, last = int(ticks[a]) // law.ticks, (int(ticks[b]) - 1) // law.ticks
    here = law.problem.lit[first : last + 1, cells[a, 0], cells[a, 1]]
    return "night" if (here < law.dark).any() else "timing"


def _longest_dark(
    problem: LightProblem, law: LightLaw, ticks: NDArray[np.int64], cells: NDArray[np.int32], moves: NDArray[np.bool_]
) -> float:
    """Return the longest time on end in the dark [s]."""
    longest = dark = 0
    for i, moved in enumerate(moves):
        step = (int(ticks[i + 1]) - 1) // law.ticks
        cell = (int(cells[i + 1, 0]), int(cells[i + 1, 1]))
        light = law.light_round(step, cell) if moved else int(problem.lit[(step, *cell)])
        dark = dark + int(ticks[i + 1] - ticks[i]) if light < law.dark else 0
        longest = max(longest, dark)
    return longest * law.tick_s
