"""Why there is no light plan, and what would help: more runs of the same planner with a constraint taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from .errors import NoLitWindow, OutOfEnergy
from .lightplan_forward import Query, Reached, run_forward
from .lightplan_problem import LightProblem, LightRules, Ticked

MORE: Final = 4.0  # batteries (above the reserve) up to which more capacity is tried
HALVINGS: Final = 5  # of the interval in which the capacity lies that would do

Layer = NDArray[np.float32]
Stop = Callable[[], bool] | None


def no_light_route(problem: LightProblem, prepared: Ticked, start: tuple[int, int], goal: tuple[int, int]) -> str:
    """Return what to say when nothing passable joins start and goal."""
    slow = (
        f" {prepared.slow} cells are shut only because crossing one takes longer than a step." if prepared.slow else ""
    )
    return (
        f"no passable way from cell {start} to cell {goal} at any time: impassable ground lies all around one of them.{slow} "
        "Choose another goal, or a robot that climbs steeper slopes."
    )


def raise_why(
    problem: LightProblem, prepared: Ticked, query: Query, need: Layer, reached: Reached, explain: bool, stop: Stop
) -> NoReturn:
    """Raise `NoLitWindow` or `OutOfEnergy` for a run that did not arrive."""
    hours = prepared.tick_s / 3600.0
    known, drive = problem.steps * problem.step_s / 3600.0, int(query.reach[query.goal]) * hours
    if query.reach[query.goal] > problem.steps * prepared.ticks:
        raise NoLitWindow(
            f"the drive alone takes {drive:.1f} h, and light is known for {known:g} h only: look at least as far ahead."
        )
    free = prepared._replace(wait=np.zeros(256, dtype=np.float32), drive=np.zeros(256, dtype=np.float32))
    forever = query._replace(battery=query.full)
    may = np.where(np.isfinite(need), np.float32(0.0), need)
    if run_forward(problem, free, forever, may, False, stop).tick < 0:
        raise NoLitWindow(_no_window(problem, free, forever, may, drive, known, explain, stop))
    short = f"light and links would let it through, but not a battery of {problem.power.capacity_wh:.0f} Wh"
    start = problem.power.reserve_wh + query.battery * problem.quantum_wh
    short += f" that starts at {start:.0f} Wh and keeps {problem.power.reserve_wh:.0f} Wh in reserve"
    raise OutOfEnergy(f"{short}; {_more_battery(problem, prepared, query, need, explain, stop)}")


def _more_battery(problem: LightProblem, prepared: Ticked, query: Query, need: Layer, explain: bool, stop: Stop) -> str:
    """Say how much more battery would do."""
    if not explain:
        return "more battery or more time would help."
    charged = query._replace(battery=query.full)
    if query.battery < query.full and run_forward(problem, prepared, charged, need, False, stop).tick >= 0:
        return "it would do if it left with a full one: charge first."

    def does(share: float) -> bool:
        full = int(share * query.full)
        larger = query._replace(full=full, battery=query.battery + full - query.full)
        # arriving with so much, or staying so long, may take what the smaller battery could never hold
        return run_forward(problem, prepared, larger, np.minimum(need, np.float32(full)), False, stop).tick >= 0

    low, high = 1.0, MORE
    if not does(high):
        return f"even {MORE:g} times what it has above the reserve would not do: wait for more light, or choose another goal."
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if does(middle):
            high = middle
        else:
            low = middle
    more = (high - 1.0) * query.full * problem.quantum_wh
    found_to = (high - low) * query.full * problem.quantum_wh
    return f"a battery that held {more:.0f} Wh more (to {found_to:.0f} Wh), full at the start, would do; so may more time, or another goal."


def _no_window(
    problem: LightProblem,
    free: Ticked,
    query: Query,
    need: Layer,
    drive: float,
    known: float,
    explain: bool,
    stop: Stop,
) -> str:
    """Say which rule keeps it from arriving, and when the goal is next open."""
    rules = problem.rules
    text = f"no window of light and links lets it drive {drive:.1f} h to the goal in the {known:g} h that are known"
    goal = (query.goal[0] - 1, query.goal[1] - 1)
    opens, lasts = next_window(problem, free, goal)
    if opens < 0:
        text += (
            "; the goal itself is never open for driving in that time: choose another goal, or, should the Sun and the Earth ever "
            "reach all ground around it, look further ahead"
        )
    else:
        text += f"; the goal first opens {opens:g} h from now for {lasts:g} h"
    if not explain:
        return text + "."
    for field, named, changed in (
        ("drive_link", "a link to Earth", rules._replace(drive_link=False)),
        ("drive_lit", "sunlight", rules._replace(drive_lit=0.0)),
    ):
        if getattr(rules, field):
            freed = problem._replace(rules=changed)
            ticks = free._replace(least=0) if field == "drive_lit" else free
            tick = run_forward(freed, ticks, query, need, False, stop).tick
            if tick >= 0:
                text += (
                    f"; if it might drive without {named} it could be there after {tick * free.tick_s / 3600.0:.1f} h"
                )
    if free.may_wait.size:
        freed = problem._replace(rules=LightRules(rules.drive_lit, rules.drive_link))
        anywhere = free._replace(may_wait=np.empty((0, 0, 0), dtype=np.uint8))
        tick = run_forward(freed, anywhere, query, need, False, stop).tick
        if tick >= 0:
            text += f"; if it might wait out any night anywhere, after {tick * free.tick_s / 3600.0:.1f} h"
    return text + "."


def next_window(problem: LightProblem, prepared: Ticked, cell: tuple[int, int]) -> tuple[float, float]:
    """Return in how many hours a cell is next lit and linked enough to drive there, and for how long [h]; -1 and 0: never."""
    row, col = cell
    lit = problem.lit[:, max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2].min(axis=(1, 2)) >= prepared.least
    if problem.rules.drive_link and problem.earth is not None:
        lit &= ((problem.earth[:, row, col >> 3] >> (7 - (col & 7))) & 1) == 1
    open_steps = np.flatnonzero(lit)
    if open_steps.size == 0:
        return -1.0, 0.0
    first = int(open_steps[0])
    shut = np.flatnonzero(~lit[first:])
    lasts = int(shut[0]) if shut.size else len(lit) - first
    return first * problem.step_s / 3600.0, lasts * problem.step_s / 3600.0
