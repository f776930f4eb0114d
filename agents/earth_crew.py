"""What a crew of machines does to its work area in one step: first the plan, then, once the World has moved and powered them, the work.

Between the two stands the World: the plan says where each machine drives, what it will move and what its tool takes; the work is then done
for the share of the step that the machine really worked. Machines act in the order of their numbers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel, leaf_kernel

from .regolith import SINTER_J_KG, dig_power_w, dig_rate_kg_s, push_power_w, push_rate_kg_s
from .soil_layers import (
    LOOSE,
    NO_GOAL,
    SLAB,
    bake,
    height_m,
    mass_above,
    mass_below,
    neighbour_range,
    push,
    push_need,
    slide,
    take,
)  # fmt: skip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

REST, SLEEP, GO, DIG, DUMP, LEVEL, SINTER = range(7)  # tasks
# columns of the machines, float64 [R, 11]; a tool that is not there has 0 W
MASS, WIDTH, SPEED, ROOM, CLIMB, DIG_W, DUMP_W, LEVEL_W, SINTER_W, FARTHEST, COLUMNS = range(11)
DUMP_KG_S = 1.0  # [kg/s] a drum empties [W]
REACH_CELLS = 1.5  # [cells] a blade pushes soil on the mean
WAY_OUT = 0.8  # [1] of the step that it climbs: no machine digs or heaps itself in deeper
LEAST_KG = 1e-3  # [kg] less than this is not worth a tool's start


@leaf_kernel
def walk(
    soil: Floats, taken: Bools, row: int, col: int, to_row: int, to_col: int, climb: float, cells: int, cell_m: float
) -> tuple[int, int]:  # fmt: skip
    """Return the last free cell on the straight way to a cell: before the first step steeper than ``climb`` [1], within ``cells`` steps.

    Machines drive round each other but do not stop where one stands.
    """
    free_row, free_col = row, col
    area = cell_m * cell_m
    steps = max(abs(to_row - row), abs(to_col - col))
    r, c = row, col
    for k in range(1, min(steps, cells) + 1):
        next_r = row + int(math.floor((to_row - row) * k / steps + 0.5))
        next_c = col + int(math.floor((to_col - col) * k / steps + 0.5))
        apart = cell_m * math.sqrt(float((next_r - r) * (next_r - r) + (next_c - c) * (next_c - c)))
        rise = height_m(soil, next_r, next_c, area) - height_m(soil, r, c, area)
        if abs(rise) > climb * apart:
            break
        r, c = next_r, next_c
        if not taken[r, c]:
            free_row, free_col = r, c
    return free_row, free_col


@leaf_kernel
def workable_kg(
    soil: Floats, goal: Floats, load: float, row: int, col: int, task: int, machine: Floats, area_m2: float
) -> float:  # fmt: skip
    """Return how much a task could move here, were there time for it [kg].

    Machines are guided by the design surface: they neither dig below nor fill above a goal. Elsewhere they neither dig nor heap themselves
    in: their cell stays within a step of the lowest, or highest, beside it. Soil dumped where it is not wanted is dumped all at once.
    """
    wanted, step = goal[row, col], WAY_OUT * machine[CLIMB] * math.sqrt(area_m2)
    if task == DIG and machine[DIG_W] > 0.0:
        room = machine[ROOM] - load
        if wanted > NO_GOAL:
            return min(room, mass_above(soil, row, col, area_m2, wanted))
        lowest, _ = neighbour_range(soil, row, col, area_m2)
        return min(room, mass_above(soil, row, col, area_m2, lowest - step))
    if task == DUMP and machine[DUMP_W] > 0.0:
        lacks = mass_below(soil, row, col, area_m2, wanted) if wanted > NO_GOAL and soil[SLAB, row, col] <= 0.0 else 0.0
        if lacks > LEAST_KG:
            return min(load, lacks)
        _, highest = neighbour_range(soil, row, col, area_m2)
        return min(load, mass_below(soil, row, col, area_m2, highest + step))
    if task == LEVEL and machine[LEVEL_W] > 0.0:
        high, low, room, stock = push_need(soil, goal, row, col, area_m2)
        from_high = high if room > 0.0 else min(high, low)
        return from_high + min(max(low - from_high, 0.0), stock)
    if task == SINTER and machine[SINTER_W] > 0.0:
        return 1e300
    return 0.0


@leaf_kernel
def rate_and_power(task: int, machine: Floats, cell_m: float) -> tuple[float, float]:
    """Return how fast a machine does a task [kg/s] and what its tool takes while it does [W]."""
    if task == DIG:
        return dig_rate_kg_s(machine[WIDTH], machine[DIG_W]), dig_power_w(machine[WIDTH], machine[DIG_W])
    if task == DUMP:
        return DUMP_KG_S, machine[DUMP_W]
    if task == LEVEL:
        rate = push_rate_kg_s(machine[MASS], machine[WIDTH], machine[SPEED], REACH_CELLS * cell_m)
        return rate, push_power_w(machine[MASS], machine[SPEED], machine[LEVEL_W])
    return machine[SINTER_W] / SINTER_J_KG, machine[SINTER_W]


@kernel
def plan_work(
    soil: Floats, goal: Floats, load: Floats, at: Ints, present: Bools, task: Ints, to: Ints, most_kg: Floats,
    machines: Floats, step_s: float, cell_m: float, active: Bools, kg: Floats, power_w: Floats, w_from: int, w_to: int,
) -> None:  # fmt: skip
    """Work out the next step of every machine of the worlds ``w_from:w_to`` that are ``active``.

    Parameters
    ----------
    soil, goal : float64 [W, 4, N, N] kg, [W, N, N] m
        The ground; the height that is wanted, above the datum (`NO_GOAL`: none).
    load, at, present : float64 [W, R] kg, int64 [W, R, 2], bool [W, R]
        What each machine carries, the cell it stands in, whether it takes up room.
    task, to : int64 [W, R], [W, R, 2]
        What each is told, and for `GO` the cell; changed to the cell it will stop in, and to `REST` where nothing can be done.
    most_kg : float64 [W, R]
        No more than this is to be moved or baked.
    machines : float64 [R, 11]
        Columns as named above.
    kg, power_w : float64 [W, R]
        Out: what it will move in a whole step, and the mean power of its tool over the step [W].
    """
    robots = load.shape[1]
    n = soil.shape[2]
    area = cell_m * cell_m
    taken = np.zeros((n, n), np.bool_)
    for w in range(w_from, w_to):
        if not active[w]:
            continue
        for r in range(robots):
            if present[w, r]:
                taken[at[w, r, 0], at[w, r, 1]] = True
        for r in range(robots):
            row, col, machine = at[w, r, 0], at[w, r, 1], machines[r]
            kg[w, r], power_w[w, r] = 0.0, 0.0
            told = task[w, r]
            if told == GO:
                to_row, to_col = min(max(to[w, r, 0], 0), n - 1), min(max(to[w, r, 1], 0), n - 1)
                far = int(machine[FARTHEST] / (math.sqrt(2.0) * cell_m))
                to_row, to_col = walk(soil[w], taken, row, col, to_row, to_col, machine[CLIMB], far, cell_m)
                to[w, r, 0], to[w, r, 1] = to_row, to_col
                if to_row == row and to_col == col:
                    task[w, r] = REST
                taken[to_row, to_col] = True
            elif told >= DIG:
                rate, power = rate_and_power(told, machine, cell_m)
                there = min(workable_kg(soil[w], goal[w], load[w, r], row, col, told, machine, area), most_kg[w, r])
                amount = min(there, rate * step_s)
                if amount < LEAST_KG:
                    task[w, r] = REST
                else:
                    kg[w, r] = amount
                    power_w[w, r] = power * amount / (rate * step_s)
        for r in range(robots):
            taken[at[w, r, 0], at[w, r, 1]] = False
            if to[w, r, 0] >= 0:
                taken[min(max(to[w, r, 0], 0), n - 1), min(max(to[w, r, 1], 0), n - 1)] = False


@kernel
def carry_out(
    soil: Floats, goal: Floats, load: Floats, at: Ints, task: Ints, kg: Floats, share: Floats, machines: Floats,
    cell_m: float, active: Bools, done_kg: Floats, w_from: int, w_to: int,
) -> None:  # fmt: skip
    """Change the ground as planned; ``share`` [W, R] of the step was worked, ``done_kg`` [W, R] is what was moved."""
    area = cell_m * cell_m
    for w in range(w_from, w_to):
        if not active[w]:
            continue
        for r in range(load.shape[1]):
            done_kg[w, r] = 0.0
            told, amount = task[w, r], kg[w, r] * share[w, r]
            if told < DIG or amount <= 0.0:
                continue
            row, col = at[w, r, 0], at[w, r, 1]
            # others may have worked here in the meantime
            amount = min(amount, workable_kg(soil[w], goal[w], load[w, r], row, col, told, machines[r], area))
            if told == DIG:
                amount = take(soil[w], row, col, amount)
                load[w, r] += amount
            elif told == DUMP:
                soil[w, LOOSE, row, col] += amount
                load[w, r] -= amount
            elif told == LEVEL:
                amount = push(soil[w], goal[w], row, col, area, amount)
            else:
                amount = bake(soil[w], row, col, amount)
            done_kg[w, r] = amount
            if told != SINTER:
                slide(soil[w], row, col, cell_m)


@kernel
def heights(soil: Floats, cell_m: float, out: Floats, w_from: int, w_to: int) -> None:
    """Fill ``out`` [W, N, N] with the heights above the datum [m]."""
    area = cell_m * cell_m
    for w in range(w_from, w_to):
        for row in range(out.shape[1]):
            for col in range(out.shape[2]):
                out[w, row, col] = height_m(soil[w], row, col, area)


@kernel
def total_kg(soil: Floats, load: Floats, out: Floats) -> None:
    """Fill ``out`` [W] with all there is: ground, slabs and loads."""
    for w in range(soil.shape[0]):
        out[w] = 0.0
        for k in range(soil.shape[1]):
            for row in range(soil.shape[2]):
                for col in range(soil.shape[3]):
                    out[w] += soil[w, k, row, col]
        for r in range(load.shape[1]):
            out[w] += load[w, r]
