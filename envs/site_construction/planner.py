"""The planner of SiteConstruction: who cuts where and fills where, who levels, who bakes, and who had better sleep.

It goes by the survey that the whole crew makes (the game's own maps), without memory. Robots choose in order; what one has chosen, the next
ones leave alone.

1. **Power**: below a fifth of the charge, or still low after a rest, a machine rests in the light and sleeps in the dark.
2. **Paver**: the nearest cell that is level and not done; bake it until it is.
3. **Blade**: the place among whose nine cells the most soil can be pushed, per step of getting there and pushing.
4. **Digger**: as a blade if that moves more; else from the nearest cell that is too high to the nearest that is too low. Soil that is
   missing comes from the pit, soil that is too much goes there.
5. Nothing to do: off the pad, to its parking place; there sleep in the dark, rest in the light.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import earth_crew as crew
from moonfleet.agents.earth_crew import (
    CLIMB,
    DIG_W,
    FARTHEST,
    LEVEL_W,
    ROOM,
    SINTER_W,
    rate_and_power,
    walk,
    workable_kg,
)
from moonfleet.agents.soil_layers import ACROSS, DOWN, LOOSE, NO_GOAL, SLAB, mass_above, mass_below
from moonfleet.terrain.kernel import kernel, leaf_kernel

from . import spaces as s
from .generator import CELLS, STEP_S
from .view import CELL, TOLERANCE, Scene, allowed, goes_to, may_bake, off_m

LOW, ENOUGH = 0.22, 0.4  # of the charge: stop at, go on from
DARK = 0.2  # of the Sun's disc: less is not worth staying awake for
WORTH_KG = 4.0  # to push or carry
HEAP_KG = 0.8  # of a drum: full enough to drive off
MOVES = 64  # more than any way takes
FAR = 1 << 20  # [cells] where there is no way

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def fewest_moves() -> Ints:
    """Return the fewest steps and leaps that cover a way of so many rows and columns, int64 [N, N] (either sign)."""
    size = 2 * CELLS + 1
    ways = np.full((size, size), MOVES, np.int64)
    ways[CELLS, CELLS] = 0
    front = [(CELLS, CELLS)]
    jumps = [
        (far * i, far * j) for far in (s.STEP_CELLS, s.LEAP_CELLS) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j
    ]
    while front:
        ahead: list[tuple[int, int]] = []
        for row, col in front:
            for down, across in jumps:
                r, c = row + down, col + across
                if 0 <= r < size and 0 <= c < size and ways[r, c] == MOVES:
                    ways[r, c] = ways[row, col] + 1
                    ahead.append((r, c))
        front = ahead
    return np.ascontiguousarray(ways[CELLS:-1, CELLS:-1])


@leaf_kernel
def _moves(ways: Ints, row: int, col: int, to_row: int, to_col: int) -> int:
    return ways[abs(to_row - row), abs(to_col - col)]


@leaf_kernel
def spread_out(scene: Scene, w: int, to_row: int, to_col: int, climb: float, far: Ints, queue: Ints) -> None:
    """Fill ``far`` [N, N] with the steps to a cell over ground that ``climb`` [1] allows; `FAR` if there is no way.

    ``queue`` int64 [N * N] is room to work in.
    """
    n = far.shape[0]
    cell = scene.limits[CELL]
    far[:] = FAR
    far[to_row, to_col] = 0
    queue[0] = to_row * n + to_col
    head, tail = 0, 1
    while head < tail:
        row, col = queue[head] // n, queue[head] % n
        head += 1
        height = off_m(scene, w, row, col)
        for k in range(8):
            r, c = row + DOWN[k], col + ACROSS[k]
            if r < 0 or c < 0 or r >= n or c >= n or far[r, c] < FAR:
                continue
            apart = cell if k < 4 else 1.4142 * cell
            if abs(off_m(scene, w, r, c) - height) > climb * apart:
                continue
            far[r, c] = far[row, col] + 1
            queue[tail] = r * n + c
            tail += 1


@leaf_kernel
def _toward(scene: Scene, w: int, r: int, to_row: int, to_col: int, taken: Bools, far: Ints, queue: Ints) -> int:
    """Return the drive that brings a robot nearest to a cell along the ways there are; `REST` if none does."""
    row, col = scene.at[w, r, 0], scene.at[w, r, 1]
    n = taken.shape[0]
    climb, cell = scene.machines[r, CLIMB], scene.limits[CELL]
    spread_out(scene, w, to_row, to_col, climb, far, queue)
    best, best_cost = s.REST, far[row, col]
    most = int(scene.machines[r, FARTHEST] / (1.4142136 * cell))
    for action in range(s.STEP, s.TO_CUT):
        if s.DIG <= action <= s.SINTER or not allowed(scene, w, r, action):
            continue
        at_row, at_col = goes_to(scene, w, r, action)
        if not (0 <= at_row < n and 0 <= at_col < n):
            continue
        at_row, at_col = walk(scene.soil[w], taken, row, col, at_row, at_col, climb, most, cell)
        if far[at_row, at_col] < best_cost:
            best, best_cost = action, far[at_row, at_col]
    return best


@leaf_kernel
def _bake_cell(scene: Scene, w: int, r: int, ways: Ints, taken: Bools, claimed: Bools) -> tuple[int, int]:
    """Return the cell to bake next, (-1, -1) if there is none."""
    row, col = scene.at[w, r, 0], scene.at[w, r, 1]
    top, left, side = scene.pad[w, 0], scene.pad[w, 1], scene.pad[w, 2]
    best, best_r, best_c = 1 << 30, -1, -1
    for i in range(top, top + side):
        for j in range(left, left + side):
            mine = i == row and j == col
            if (taken[i, j] and not mine) or claimed[i, j] or not may_bake(scene, w, i, j):
                continue
            cost = 0 if mine else 64 * _moves(ways, row, col, i, j) + abs(i - row) + abs(j - col)
            if cost < best:
                best, best_r, best_c = cost, i, j
    return best_r, best_c


@leaf_kernel
def _push_cell(scene: Scene, w: int, r: int, ways: Ints, taken: Bools, claimed: Bools) -> tuple[int, int, float]:
    """Return where a blade moves most per step, and how much that is [kg per step]."""
    row, col = scene.at[w, r, 0], scene.at[w, r, 1]
    top, left, side = scene.pad[w, 0], scene.pad[w, 1], scene.pad[w, 2]
    n = taken.shape[0]
    cell = scene.limits[CELL]
    rate, _ = rate_and_power(crew.LEVEL, scene.machines[r], cell)
    best, best_r, best_c = 0.0, -1, -1
    for i in range(max(top - 1, 0), min(top + side + 1, n)):
        for j in range(max(left - 1, 0), min(left + side + 1, n)):
            if (taken[i, j] and not (i == row and j == col)) or claimed[i, j]:
                continue
            worst = 0.0  # within half the tolerance there is nothing to win
            for a in range(max(i - 1, top), min(i + 2, top + side)):
                for b in range(max(j - 1, left), min(j + 2, left + side)):
                    if scene.soil[w, SLAB, a, b] <= 0.0:
                        worst = max(worst, abs(off_m(scene, w, a, b)))
                    elif scene.soil[w, LOOSE, a, b] > 1e-3:  # a slab must be swept
                        worst = scene.limits[TOLERANCE]
            if worst < 0.5 * scene.limits[TOLERANCE]:
                continue
            kg = workable_kg(scene.soil[w], scene.goal[w], 0.0, i, j, crew.LEVEL, scene.machines[r], cell * cell)
            if kg < WORTH_KG:
                continue
            gain = min(kg, rate * STEP_S) / (1.0 + _moves(ways, row, col, i, j))
            if gain > best:
                best, best_r, best_c = gain, i, j
    return best_r, best_c, best


@leaf_kernel
def _heap_cell(scene: Scene, w: int, r: int, low: bool, ways: Ints, taken: Bools, claimed: Bools) -> tuple[int, int, float]:  # fmt: skip
    """Return the nearest cell of the pad to fill (``low``) or to cut, (-1, -1) if none is, and the mass of all such cells [kg]."""
    row, col = scene.at[w, r, 0], scene.at[w, r, 1]
    top, left, side = scene.pad[w, 0], scene.pad[w, 1], scene.pad[w, 2]
    area = scene.limits[CELL] * scene.limits[CELL]
    best, best_r, best_c, total = 1e300, -1, -1, 0.0
    for i in range(top, top + side):
        for j in range(left, left + side):
            if scene.soil[w, SLAB, i, j] > 0.0:
                continue
            goal = scene.goal[w, i, j]
            kg = mass_below(scene.soil[w], i, j, area, goal) if low else mass_above(scene.soil[w], i, j, area, goal)
            total += kg
            if kg < WORTH_KG or (taken[i, j] and not (i == row and j == col)) or claimed[i, j]:
                continue
            cost = (1.0 + _moves(ways, row, col, i, j)) / min(kg, 80.0)
            if cost < best:
                best, best_r, best_c = cost, i, j
    return best_r, best_c, total


@leaf_kernel
def _dig_or_dump(scene: Scene, w: int, r: int, ways: Ints, taken: Bools, claimed: Bools) -> tuple[int, int, int, float]:
    """Return where a digger goes, what it does there, and the soil that this moves per step [kg]; (-1, -1) for nothing."""
    row, col = scene.at[w, r, 0], scene.at[w, r, 1]
    load, room = scene.load[w, r], scene.machines[r, ROOM]
    high_r, high_c, high = _heap_cell(scene, w, r, False, ways, taken, claimed)
    low_r, low_c, low = _heap_cell(scene, w, r, True, ways, taken, claimed)
    carried = 0.0
    for other in range(scene.load.shape[1]):
        carried += scene.load[w, other]
    rate = room / (
        4.0 + _moves(ways, scene.pad[w, 0], scene.pad[w, 1], scene.pad[w, 0] + scene.pad[w, 2] - 1, scene.pad[w, 1])
    )
    full = load > HEAP_KG * room
    if not full and high_r >= 0 and (load < WORTH_KG or _moves(ways, row, col, high_r, high_c) <= 1):
        return high_r, high_c, s.DIG, rate
    if load > WORTH_KG:
        if low_r >= 0:
            return low_r, low_c, s.DUMP, 1e9 if full else rate
        if low > WORTH_KG and high_r < 0:  # what is low is taken by others: wait with the load
            return -1, -1, s.REST, 0.0
        pit_r, pit_c = _pit_cell(scene, w, r, True, taken, claimed)
        return pit_r, pit_c, s.DUMP, rate
    if low_r >= 0 and low > high + carried + WORTH_KG:
        pit_r, pit_c = _pit_cell(scene, w, r, False, taken, claimed)
        return pit_r, pit_c, s.DIG, rate
    return -1, -1, s.REST, 0.0


@leaf_kernel
def _pit_cell(scene: Scene, w: int, r: int, low: bool, taken: Bools, claimed: Bools) -> tuple[int, int]:
    """Return the lowest or the highest free cell of the five by five around the pit."""
    n = taken.shape[0]
    best, best_r, best_c = 1e300, -1, -1
    for i in range(max(scene.pit[w, 0] - 2, 0), min(scene.pit[w, 0] + 3, n)):
        for j in range(max(scene.pit[w, 1] - 2, 0), min(scene.pit[w, 1] + 3, n)):
            mine = i == scene.at[w, r, 0] and j == scene.at[w, r, 1]
            if (taken[i, j] and not mine) or claimed[i, j]:
                continue
            height = off_m(scene, w, i, j) if low else -off_m(scene, w, i, j)
            if height < best:
                best, best_r, best_c = height, i, j
    return best_r, best_c


@leaf_kernel
def _choose(scene: Scene, w: int, r: int, ways: Ints, taken: Bools, claimed: Bools, far: Ints, queue: Ints) -> int:
    """Return one robot's action by the rules above."""
    if not scene.there[w, r]:
        return s.REST
    row, col = scene.at[w, r, 0], scene.at[w, r, 1]
    machine = scene.machines[r]
    lit = scene.lit[w, r] > DARK
    rested = scene.task[w, r] == crew.REST or scene.task[w, r] == crew.SLEEP
    charge = scene.battery[w, r]
    if charge < LOW or (rested and lit and charge < ENOUGH):
        return s.REST if lit else s.SLEEP
    to_row, to_col, tool = -1, -1, s.REST
    if machine[SINTER_W] > 0.0:
        to_row, to_col = _bake_cell(scene, w, r, ways, taken, claimed)
        tool = s.SINTER
    moved = 0.0
    if to_row < 0 and machine[LEVEL_W] > 0.0:
        to_row, to_col, moved = _push_cell(scene, w, r, ways, taken, claimed)
        tool = s.LEVEL
    if machine[DIG_W] > 0.0:
        heap_row, heap_col, what, gain = _dig_or_dump(scene, w, r, ways, taken, claimed)
        if heap_row >= 0 and gain > moved:
            to_row, to_col, tool = heap_row, heap_col, what
    if to_row >= 0:
        claimed[to_row, to_col] = True
        if to_row == row and to_col == col:
            return tool if allowed(scene, w, r, tool) else s.REST
        action = _toward(scene, w, r, to_row, to_col, taken, far, queue)
        if action != s.REST:
            return action
    if scene.goal[w, row, col] > NO_GOAL or not lit:
        home_row, home_col = scene.base[w, r, 0], scene.base[w, r, 1]
        if (home_row != row or home_col != col) and not taken[home_row, home_col]:
            action = _toward(scene, w, r, home_row, home_col, taken, far, queue)
            if action != s.REST:
                return action
    return s.REST if lit else s.SLEEP


@kernel
def plan_all(scene: Scene, ways: Ints, out: Ints) -> None:
    """Fill ``out`` [W, R] with the planner's actions."""
    n = scene.soil.shape[2]
    taken, claimed = np.zeros((n, n), np.bool_), np.zeros((n, n), np.bool_)
    far, queue = np.empty((n, n), np.int64), np.empty(n * n, np.int64)
    for w in range(out.shape[0]):
        taken[:] = False
        claimed[:] = False
        for r in range(out.shape[1]):
            taken[scene.at[w, r, 0], scene.at[w, r, 1]] = True
        for r in range(out.shape[1]):
            action = _choose(scene, w, r, ways, taken, claimed, far, queue)
            out[w, r] = action
            if action >= s.STEP and not s.DIG <= action <= s.SINTER:
                row, col = goes_to(scene, w, r, action)
                taken[row, col] = True  # or before it: the next ones keep clear of where this one may stop
