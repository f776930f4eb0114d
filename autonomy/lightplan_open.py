"""Where the rules for light and links ever let a robot drive, and what they roughly join: for choosing ends that a plan may lead to.

No plan is proven or ruled out by it: batteries, nights and exact paces are the planner's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from .lightplan_problem import LIT_STEPS, Bools, LightProblem

BESIDE = np.ones((3, 3), dtype=np.bool_)


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


def joined_by_light(problem: LightProblem, cell: tuple[int, int], *, backward: bool = False) -> Bools:
    """Return bool [R, C]: the cells that can be reached from one in the known steps, or with ``backward`` from which it can be.

    As far in a step as the mean pace goes, over open cells; waiting is free everywhere.
    """
    passable = np.isfinite(problem.pace_s_m)
    found = np.zeros(passable.shape, dtype=np.bool_)
    found[cell] = True
    if not has_light_rules(problem):
        labels = np.asarray(ndimage.label(passable, structure=BESIDE)[0])
        return np.asarray(labels == labels[cell]) & passable if passable[cell] else found
    pace = float(problem.pace_s_m[passable].mean()) if passable.any() else math.inf
    cells = max(1, round(problem.step_s / (pace * problem.cell_m))) if math.isfinite(pace) else 1
    for _, now in _open_steps(problem, backward=backward):
        mask = (now & passable) | found
        found = np.asarray(ndimage.binary_dilation(found, structure=BESIDE, iterations=cells, mask=mask))
    return found


def _open_steps(problem: LightProblem, *, backward: bool) -> Iterator[tuple[int, Bools]]:
    """Yield each step and the cells that may be driven into in it."""
    rules = problem.rules
    least = math.ceil(rules.drive_lit * LIT_STEPS - 1e-9)
    for step in reversed(range(problem.steps)) if backward else range(problem.steps):
        now = ndimage.minimum_filter(problem.lit[step], size=3, mode="nearest") >= least
        if rules.drive_link and problem.earth is not None:
            now &= np.unpackbits(problem.earth[step], axis=1, count=problem.pace_s_m.shape[1]).astype(np.bool_)
        yield step, now
