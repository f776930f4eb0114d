"""Where the rules for light and links ever let a robot drive, and from where to where that roughly leads: to choose ends for a plan.

Nothing is proven or ruled out by it: nights, havens and the exact pace are the planner's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from .lightplan_problem import LIT_STEPS, Bools, Layer, LightProblem


def has_light_rules(problem: LightProblem) -> bool:
    """Say whether light or links ever keep the robot from driving."""
    return problem.rules.drive_lit > 0.0 or (problem.rules.drive_link and problem.earth is not None)


def ever_open(problem: LightProblem) -> Bools:
    """Return bool [R, C]: the cells that are lit and linked enough to drive into them in one of the known steps at least."""
    if not has_light_rules(problem):
        return np.ones(problem.pace_s_m.shape, dtype=np.bool_)
    found = np.zeros(problem.pace_s_m.shape, dtype=np.bool_)
    for _, now in _open_steps(problem, backward=False):
        found |= now
    return found


def charge_needed(problem: LightProblem, goal: tuple[int, int]) -> Layer:
    """Return float32 [R, C]: the battery [Wh] that a robot needs about, in each cell at the first step, to get to a goal; inf: none does.

    Backward over the steps: it stands, or drives as far as the mean pace goes over open cells. Coarse, and no bound.
    """
    power, passable = problem.power, np.isfinite(problem.pace_s_m)
    cells, hours = _cells_a_step(problem), problem.step_s / 3600.0
    wait, drive = ((hours * watts).astype(np.float32) for watts in (power.wait_w, power.drive_w))
    low, high = np.float32(power.reserve_wh), np.float32(power.capacity_wh)
    need = np.full(passable.shape, np.inf, dtype=np.float32)
    need[goal] = low
    for step, now in _open_steps(problem, backward=True):
        shut = ~(now & passable)
        near = need
        for _ in range(cells):
            near = ndimage.minimum_filter(np.where(shut, np.float32(np.inf), near), size=3, mode="nearest")
        lit = problem.lit[step]
        need = np.maximum(np.minimum(need - wait[lit], near - drive[lit]), low)
        need[(need > high) | ~passable] = np.inf
        need[goal] = low
    return need


def ever_reached(problem: LightProblem, start: tuple[int, int], battery_wh: float) -> Bools:
    """Return bool [R, C]: the cells that a robot gets to about, from a start with a battery [Wh]; as coarse as `charge_needed`."""
    power, passable = problem.power, np.isfinite(problem.pace_s_m)
    cells, hours = _cells_a_step(problem), problem.step_s / 3600.0
    wait, drive = ((hours * watts).astype(np.float32) for watts in (power.wait_w, power.drive_w))
    low, high = np.float32(power.reserve_wh), np.float32(power.capacity_wh)
    held = np.full(passable.shape, -np.inf, dtype=np.float32)
    held[start] = np.float32(battery_wh)
    found = held > low
    for step, now in _open_steps(problem, backward=False):
        shut = ~(now & passable)
        near = held
        for _ in range(cells):
            near = np.where(shut, np.float32(-np.inf), ndimage.maximum_filter(near, size=3, mode="nearest"))
        lit = problem.lit[step]
        held = np.minimum(np.maximum(held + wait[lit], near + drive[lit]), high)
        held[held < low] = -np.inf
        found |= held > low
    return found


def _cells_a_step(problem: LightProblem) -> int:
    """Return how many cells the mean pace goes in a step, one at least."""
    pace = problem.pace_s_m[np.isfinite(problem.pace_s_m)]
    return max(1, round(problem.step_s / (float(pace.mean()) * problem.cell_m))) if pace.size else 1


def _open_steps(problem: LightProblem, *, backward: bool) -> Iterator[tuple[int, Bools]]:
    """Yield each step and the cells that may be driven into in it."""
    rules = problem.rules
    least = math.ceil(rules.drive_lit * LIT_STEPS - 1e-9)
    for step in reversed(range(problem.steps)) if backward else range(problem.steps):
        now = ndimage.minimum_filter(problem.lit[step], size=3, mode="nearest") >= least
        if rules.drive_link and problem.earth is not None:
            now &= np.unpackbits(problem.earth[step], axis=1, count=problem.pace_s_m.shape[1]).astype(np.bool_)
        yield step, now
