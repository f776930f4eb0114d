"""Forward in time: the best battery of every cell, tick by tick, until the goal is reached with what it must have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import PlanInterrupted
from .lightplan_bounds import NEVER, Ticks, columns_that_matter, fewest_ticks
from .lightplan_problem import LightProblem, Ticked
from .lightplan_sweep import close_outside, run_ticks, step_tables

KEPT_BYTES: Final = 400_000_000  # [B] that the layers kept for the way back may take
WINDOW_BYTES: Final = 250_000_000  # [B] that the layers computed again on the way back may take
NOTHING: Final = np.empty((0, 0), dtype=np.uint8)

Bytes = NDArray[np.uint8]
Layer = NDArray[np.float32]
Ints = NDArray[np.int64]


class Query(NamedTuple):
    """Start and goal as padded cells, battery at the start and capacity in quanta, and the bounds between the two."""

    start: tuple[int, int]
    goal: tuple[int, int]
    battery: int
    full: int
    reach: Ticks
    left: Ticks


class StepTables:
    """What a tick brings at each cell in one step, made for one step at a time (`lightplan_sweep.step_tables`)."""

    def __init__(self, problem: LightProblem, prepared: Ticked) -> None:
        self.problem, self.prepared = problem, prepared
        self.stand, self.enter, self.leave = (np.empty_like(prepared.block) for _ in range(3))
        for layer in (self.stand, self.enter, self.leave):
            layer.fill(-np.inf)
        self.step = -1

    def at(self, step: int) -> tuple[Layer, Layer, Layer]:
        """Return stand, enter, leave of a step; valid until the next call."""
        if step != self.step:
            problem, prepared = self.problem, self.prepared
            earth = problem.earth[step] if problem.earth is not None and problem.rules.drive_link else NOTHING
            may_wait = prepared.may_wait[step] if prepared.may_wait.size else NOTHING
            step_tables(
                problem.lit[step], earth, may_wait, prepared.block, prepared.wait, prepared.drive, prepared.least,
                prepared.dark, self.stand, self.enter, self.leave,
            )  # fmt: skip
            self.step = step
        return self.stand, self.enter, self.leave


class Reached(NamedTuple):
    """End of a forward run: the tick of arrival (-1: never), the goal's battery then, and the kept layers.

    ``kept[i]`` is uint16 [D, R + 2, C + 2], the ring at the start of step ``i * every``: battery + 1, 0 where the robot cannot be.
    ``nearest``: fewest ticks to the goal from any cell at which the robot was alive at the start of some step.
    """

    tick: int
    battery: int
    kept: list[NDArray[np.uint16]]
    every: int
    nearest: int


def query_of(
    problem: LightProblem, prepared: Ticked, start: tuple[int, int], goal: tuple[int, int], battery_wh: float
) -> Query:
    """Return the query in padded cells and quanta, with its bounds."""
    begin, end = (start[0] + 1, start[1] + 1), (goal[0] + 1, goal[1] + 1)
    full = problem.quanta
    battery = min(int((battery_wh - problem.power.reserve_wh) / problem.quantum_wh + 1e-9), full)
    reach = fewest_ticks(prepared.straight, prepared.diagonal, prepared.block, *begin, False)
    left = fewest_ticks(prepared.straight, prepared.diagonal, prepared.block, *end, True)
    return Query(begin, end, battery, full, reach, left)


def battery_needed(problem: LightProblem, prepared: Ticked, goal: tuple[int, int], full: int) -> Layer:
    """Return what the goal's battery must be at each tick 0 .. T K to count as arrived, float32 quanta, inf: not then."""
    rules, ticks = problem.rules, prepared.ticks
    total = problem.steps * ticks
    gain = np.empty(total)
    tables = StepTables(problem, prepared)
    if rules.stay_h > 0.0:
        for step in range(problem.steps):
            gain[step * ticks : (step + 1) * ticks] = tables.at(step)[0][goal]
    span = math.ceil(rules.stay_h * 3600.0 / prepared.tick_s - 1e-9)
    need = np.zeros(total + 1)  # for a stay of no ticks from each tick on
    for _ in range(min(span, total + 1)):
        # a stay of one tick more: what the rest needs from the next tick on, less what this one brings
        after = need[1:]
        need = np.append(np.where(after > full, np.inf, np.maximum(after - gain, 0.0)), np.inf)  # beyond: not known
    need = np.where(need > full, np.inf, need)
    return np.maximum(need, math.ceil(rules.arrive_wh / problem.quantum_wh - 1e-9)).astype(np.float32)


def steps_kept_apart(problem: LightProblem, prepared: Ticked, quickest: int) -> int:
    """Return after how many steps the ring is kept, so that neither it nor the way back takes much memory."""
    cells, depth = prepared.block.size, prepared.depth
    rows, cols = prepared.block.shape

    def window(every: int) -> float:
        wide = 2 * (every * prepared.ticks // quickest) + 3
        return min(wide, rows) * min(wide, cols) * (every * prepared.ticks + depth) * 4.0

    every = max(1, math.ceil(problem.steps * depth * cells * 2.0 / KEPT_BYTES))
    while every > 1 and window(every) > WINDOW_BYTES:
        every -= 1
    return every


def run_forward(
    problem: LightProblem,
    prepared: Ticked,
    query: Query,
    need: Layer,
    keep: bool = True,
    stop: Callable[[], bool] | None = None,
) -> Reached:
    """Carry the batteries forward until the goal has what it needs; ``keep`` the layers that the way back starts from.

    Raises `PlanInterrupted` when ``stop()``, asked at every step, says so.
    """
    ticks, depth = prepared.ticks, prepared.depth
    rows, cols = prepared.block.shape
    ring, side, slant = (np.full((depth, rows, cols), -np.inf, dtype=np.float32) for _ in range(3))
    ring[(0, *query.start)] = query.battery
    free = prepared.block == 0.0
    every = steps_kept_apart(problem, prepared, quickest_crossing(prepared))
    kept: list[NDArray[np.uint16]] = []
    tables = StepTables(problem, prepared)
    low, high, was_low, was_high = (np.ones(rows, dtype=np.int64) for _ in range(4))
    nearest = NEVER
    if query.start == query.goal and query.battery >= need[0]:
        return Reached(0, query.battery, kept, every, 0)
    for step in range(problem.steps):
        if stop is not None and stop():
            raise PlanInterrupted(f"the light planner was stopped at step {step} of {problem.steps}.")
        first = step * ticks
        alive = free & np.isfinite(ring[first % depth])
        if not alive.any() and not np.isfinite(ring).any():
            break
        nearest = min(nearest, int(query.left[alive].min(initial=NEVER)))
        if keep and step % every == 0:
            kept.append(packed(ring))
        columns_that_matter(query.reach, query.left, first + ticks + depth, problem.steps * ticks - first, low, high)
        close_outside(ring, side, slant, was_low, was_high, low, high)
        was_low[:], was_high[:] = low, high
        stand, enter, leave = tables.at(step)
        tick = run_ticks(
            ring, side, slant, first, ticks, low, high, prepared.straight, prepared.diagonal, prepared.block,
            stand, enter, leave, float(query.full), *query.goal, need[first + 1 : first + ticks + 1],
        )  # fmt: skip
        if tick >= 0:
            return Reached(tick, int(ring[(tick % depth, *query.goal)]), kept, every, 0)
    return Reached(-1, -1, kept, every, nearest)


def quickest_crossing(prepared: Ticked) -> int:
    """Return the fewest ticks that any crossing takes."""
    free = prepared.block == 0.0
    return int(prepared.straight[free].min()) if free.any() else 1


def packed(ring: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return a ring as uint16: battery + 1, 0 where the robot cannot be."""
    return (np.maximum(ring, np.float32(-1.0)) + np.float32(1.0)).astype(np.uint16)


def unpacked(kept: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return what `packed` was given."""
    ring = kept.astype(np.float32) - np.float32(1.0)
    ring[kept == 0] = -np.inf
    return ring
