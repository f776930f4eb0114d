"""Backward in time: from the goal's battery to the way it was reached.

The forward run keeps the batteries only now and then. Between two such times they are computed again, inside the window from which the
place that is followed back can have been reached, and every tick of it is looked up for a predecessor that gives exactly its battery.
Standing comes before moving, so the robot is never sent about without need; among moves the predecessor nearest to the start wins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import PlanError
from .lightplan_forward import Query, Reached, StepTables, quickest_crossing, unpacked
from .lightplan_problem import LightProblem, Ticked
from .lightplan_sweep import refill_neighbours, run_ticks

NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))

Layers = NDArray[np.float32]
State = tuple[int, int, int]  # tick, padded row, padded column


class Segment:
    """The batteries of a window of cells at every tick from ``first - depth + 1`` to ``last``."""

    def __init__(
        self, problem: LightProblem, prepared: Ticked, tables: StepTables, kept: NDArray[np.uint16], first: int,
        last: int, middle: tuple[int, int], full: int,
    ) -> None:  # fmt: skip
        depth, ticks = prepared.depth, prepared.ticks
        rows, cols = prepared.block.shape
        reach = (last - first) // quickest_crossing(prepared) + 2
        self.r0, self.c0 = max(middle[0] - reach, 0), max(middle[1] - reach, 0)
        r1, c1 = min(middle[0] + reach + 1, rows), min(middle[1] + reach + 1, cols)
        window = (slice(self.r0, r1), slice(self.c0, c1))

        def cut(layer: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.ascontiguousarray(layer[window])

        ring = unpacked(np.ascontiguousarray(kept[:, window[0], window[1]]))
        side, slant = (np.full_like(ring, -np.inf) for _ in range(2))
        block = cut(prepared.block)
        straight, diagonal = (np.ascontiguousarray(one[window]) for one in (prepared.straight, prepared.diagonal))
        high_rows, wide = block.shape
        low, high = np.ones(high_rows, dtype=np.int64), np.full(high_rows, wide - 1, dtype=np.int64)
        low[[0, -1]], high[[0, -1]] = 1, 1
        self.first = first - depth + 1
        self.layers = np.full((last - self.first + 1, high_rows, wide), -np.inf, dtype=np.float32)
        for tick in range(max(self.first, 0), first + 1):
            self.layers[tick - self.first] = ring[tick % depth]
        for tick in range(max(self.first, 0), first):
            refill_neighbours(ring, tick % depth, cut(tables.at(tick // ticks)[2]), block, side, slant)
        for step in range(first // ticks, -(-last // ticks)):
            stand, enter, leave = (cut(layer) for layer in tables.at(step))
            for tick in range(step * ticks, min((step + 1) * ticks, last)):
                run_ticks(
                    ring, side, slant, tick, 1, low, high, straight, diagonal, block, stand, enter, leave, float(full),
                    0, 0, np.zeros(1, dtype=np.float32),
                )  # fmt: skip
                self.layers[tick + 1 - self.first] = ring[(tick + 1) % depth]

    def battery(self, tick: int, row: int, col: int) -> float:
        """Battery of a padded cell at a tick, -inf where the robot cannot be."""
        row, col = row - self.r0, col - self.c0
        if tick < max(self.first, 0) or not (0 <= row < self.layers.shape[1] and 0 <= col < self.layers.shape[2]):
            return -np.inf
        return float(self.layers[tick - self.first, row, col])


def follow_back(problem: LightProblem, prepared: Ticked, query: Query, reached: Reached) -> list[tuple[State, int]]:
    """Return the states from start to goal, each with its battery in quanta: one per tick of standing, one per crossing."""
    ticks = prepared.ticks
    tables = StepTables(problem, prepared)
    tick, row, col = reached.tick, *query.goal
    battery = reached.battery
    found: list[tuple[State, int]] = [((tick, row, col), battery)]
    while tick > 0:
        index = min((tick - 1) // (ticks * reached.every), len(reached.kept) - 1)
        first = index * ticks * reached.every
        segment = Segment(problem, prepared, tables, reached.kept[index], first, tick, (row, col), query.full)
        while tick > first:
            tick, row, col, battery = _before(prepared, tables, query, segment, tick, row, col, battery)
            found.append(((tick, row, col), battery))
    return found[::-1]


def _before(
    prepared: Ticked, tables: StepTables, query: Query, segment: Segment, tick: int, row: int, col: int, battery: int
) -> tuple[int, int, int, int]:
    """Return a state from which (tick, row, col) gets its battery, and that state's battery."""
    ticks = prepared.ticks
    stand, enter, leave = tables.at((tick - 1) // ticks)
    before = segment.battery(tick - 1, row, col)
    if min(before + float(stand[row, col]), query.full) == battery:
        return tick - 1, row, col, int(before)
    net = float(enter[row, col])
    step = (tick - 1) // ticks
    choices: list[tuple[int, int, int, int, int, int]] = []
    for number, (down, right) in enumerate(NEIGHBOURS):
        slanted = number > 3
        if slanted and (prepared.block[row + down, col] < 0.0 or prepared.block[row, col + right] < 0.0):
            continue
        takes = int((prepared.diagonal if slanted else prepared.straight)[row, col])
        out = tick - takes
        before = segment.battery(out, row + down, col + right)
        if not np.isfinite(before) or min(before + takes * net, query.full) != battery:
            continue
        choices.append((int(query.reach[row + down, col + right]), number, out, row + down, col + right, int(before)))
    for choice in sorted(choices):
        _, _, out, from_row, from_col, held = choice
        if out // ticks == step:
            may = leave[from_row, from_col]
        else:
            may = tables.at(out // ticks)[2][from_row, from_col]
        if may == 0.0:
            return out, from_row, from_col, held
    raise PlanError(
        f"the way back is lost at tick {tick}, cell {(row - 1, col - 1)}: a fault of the planner, not of the problem."
    )
