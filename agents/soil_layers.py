"""What lies in a cell of a work area, and how it is taken, laid, pushed, baked and slides. Kernels on one world's ground.

A cell holds four masses [kg], from below: FIRM soil as it has always lain; UNDER, loose soil beneath a slab; SLAB, sintered; LOOSE on
top. Its height follows from them and from their densities (`regolith`). Every kernel moves mass from one number to another and makes none,
so ground, slabs and loads add up to what was there at the start.

Only loose soil slides: it comes to rest at the angle of repose. Firm walls stand, as cuts of some metres do on the Moon (Carrier et al.
1991, Lunar Sourcebook ch. 9).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import leaf_kernel

from .regolith import FIRM_KG_M3, LOOSE_KG_M3, REPOSE_DEG, SLAB_KG_M3

FIRM, UNDER, SLAB, LOOSE = range(4)
LAYERS = 4
NO_GOAL = -1e9  # [m] a goal's height where nothing is wanted
STEEPEST = math.tan(math.radians(REPOSE_DEG))
BORROW_M = 0.15  # [m] below a goal down to which a blade scrapes the cells beside it [W]
SLACK_M = 1e-4  # [m] above the angle of repose at which a slide comes to rest
SWEEPS = 400  # over the cells that slide, at most
CLEAN_KG = 1e-6  # [kg] on a slab that count as nothing
DOWN = (-1, 0, 1, 0, -1, 1, 1, -1)  # rows and columns of the eight neighbours: N, E, S, W, NE, SE, SW, NW
ACROSS = (0, 1, 0, -1, 1, 1, -1, -1)

Soil = NDArray[np.float64]  # [4, N, N] kg
Grid = NDArray[np.float64]  # [N, N]


@leaf_kernel
def height_m(soil: Soil, row: int, col: int, area_m2: float) -> float:
    """Return the height of a cell above the datum of its area [m]."""
    loose = (soil[LOOSE, row, col] + soil[UNDER, row, col]) / LOOSE_KG_M3
    return (soil[FIRM, row, col] / FIRM_KG_M3 + loose + soil[SLAB, row, col] / SLAB_KG_M3) / area_m2


@leaf_kernel
def mass_above(soil: Soil, row: int, col: int, area_m2: float, level_m: float) -> float:
    """Return what must be taken off a cell to lower it to ``level_m`` [kg]; of a slab only what lies on it can be."""
    high = (height_m(soil, row, col, area_m2) - level_m) * area_m2
    if high <= 0.0:
        return 0.0
    loose = soil[LOOSE, row, col]
    if high * LOOSE_KG_M3 <= loose:
        return high * LOOSE_KG_M3
    if soil[SLAB, row, col] > 0.0:
        return loose
    return loose + min((high - loose / LOOSE_KG_M3) * FIRM_KG_M3, soil[FIRM, row, col])


@leaf_kernel
def mass_below(soil: Soil, row: int, col: int, area_m2: float, level_m: float) -> float:
    """Return what loose soil raises a cell to ``level_m`` [kg]."""
    return max(level_m - height_m(soil, row, col, area_m2), 0.0) * area_m2 * LOOSE_KG_M3


@leaf_kernel
def neighbour_range(soil: Soil, row: int, col: int, area_m2: float) -> tuple[float, float]:
    """Return the heights of the lowest and the highest of the four cells beside a cell [m]."""
    n = soil.shape[1]
    low, high = 1e300, -1e300
    for k in range(4):
        r, c = row + DOWN[k], col + ACROSS[k]
        if 0 <= r < n and 0 <= c < n:
            height = height_m(soil, r, c, area_m2)
            low, high = min(low, height), max(high, height)
    return low, high


@leaf_kernel
def take(soil: Soil, row: int, col: int, kg: float) -> float:
    """Take up to ``kg`` off a cell, loose soil first, and firm soil where there is no slab; return what came off."""
    loose = min(kg, soil[LOOSE, row, col])
    soil[LOOSE, row, col] -= loose
    firm = 0.0
    if soil[SLAB, row, col] <= 0.0:
        firm = min(kg - loose, soil[FIRM, row, col])
        soil[FIRM, row, col] -= firm
    return loose + firm


@leaf_kernel
def bake(soil: Soil, row: int, col: int, kg: float) -> float:
    """Turn up to ``kg`` of a cell's soil into slab; return how much was. Nothing is while loose soil covers a slab."""
    if soil[SLAB, row, col] > 0.0:
        if soil[LOOSE, row, col] > CLEAN_KG:
            return 0.0
    else:
        soil[UNDER, row, col] += soil[LOOSE, row, col]
        soil[LOOSE, row, col] = 0.0
    under = min(kg, soil[UNDER, row, col])
    soil[UNDER, row, col] -= under
    firm = min(kg - under, soil[FIRM, row, col])
    soil[FIRM, row, col] -= firm
    soil[SLAB, row, col] += under + firm
    return under + firm


@leaf_kernel
def push_need(soil: Soil, goal: Grid, row: int, col: int, area_m2: float) -> tuple[float, float, float, float]:
    """Return what a blade around (row, col) could move, [kg]: (high, low, room, stock) of the nine cells.

    ``high`` lies above the goal, ``low`` is missing to it. Cells without a goal give ``room``, 1e300 if there are any, 0 if not, and
    ``stock``: what may be scraped off them, down to `BORROW_M` below the goal. With no goal among the nine cells the goal is their
    mean height.
    """
    n = soil.shape[1]
    level, free = _block_level(soil, goal, row, col, area_m2)
    high, low, room, stock = 0.0, 0.0, 0.0, 0.0
    for r in range(max(row - 1, 0), min(row + 2, n)):
        for c in range(max(col - 1, 0), min(col + 2, n)):
            wanted = goal[r, c] if goal[r, c] > NO_GOAL else level
            if goal[r, c] > NO_GOAL or free:
                if soil[SLAB, r, c] > 0.0:
                    high += soil[LOOSE, r, c]
                else:
                    high += mass_above(soil, r, c, area_m2, wanted)
                    low += mass_below(soil, r, c, area_m2, wanted)
            elif soil[SLAB, r, c] <= 0.0:
                room = 1e300
                stock += mass_above(soil, r, c, area_m2, level - BORROW_M)
    return high, low, room, stock


@leaf_kernel
def _block_level(soil: Soil, goal: Grid, row: int, col: int, area_m2: float) -> tuple[float, bool]:
    """Return the mean goal of the nine cells around a place, or their mean height and True where there is no goal."""
    n = soil.shape[1]
    wanted, height, goals, cells = 0.0, 0.0, 0, 0
    for r in range(max(row - 1, 0), min(row + 2, n)):
        for c in range(max(col - 1, 0), min(col + 2, n)):
            if goal[r, c] > NO_GOAL:
                wanted += goal[r, c]
                goals += 1
            if soil[SLAB, r, c] <= 0.0:
                height += height_m(soil, r, c, area_m2)
                cells += 1
    if goals > 0:
        return wanted / goals, False
    return height / max(cells, 1), True


@leaf_kernel
def push(soil: Soil, goal: Grid, row: int, col: int, area_m2: float, budget_kg: float) -> float:
    """Move up to ``budget_kg`` among the nine cells around a blade; return what was moved [kg].

    High cells fill low ones; what is still high goes onto cells without a goal, and what is still low is scraped off them. Each
    cell gives and takes in proportion to what it has too much or too little. Loose soil always leaves a slab.
    """
    n = soil.shape[1]
    level, free = _block_level(soil, goal, row, col, area_m2)
    high, low, room, stock = push_need(soil, goal, row, col, area_m2)
    from_high = min(high, low if room == 0.0 else high, budget_kg)
    from_stock = min(max(low - from_high, 0.0), stock, budget_kg - from_high)
    moved = from_high + from_stock
    if moved <= 0.0:
        return 0.0
    to_low = min(moved, low)
    spoil = moved - to_low
    give_high = from_high / high if high > 0.0 else 0.0
    give_stock = from_stock / stock if stock > 0.0 else 0.0
    fill = to_low / low if low > 0.0 else 0.0
    outside, blade = 0, 0.0
    for r in range(max(row - 1, 0), min(row + 2, n)):
        for c in range(max(col - 1, 0), min(col + 2, n)):
            if goal[r, c] > NO_GOAL or free:
                surplus = soil[LOOSE, r, c]
                if soil[SLAB, r, c] <= 0.0:
                    surplus = mass_above(soil, r, c, area_m2, goal[r, c] if goal[r, c] > NO_GOAL else level)
                blade += take(soil, r, c, surplus * give_high)
            elif soil[SLAB, r, c] <= 0.0:
                outside += 1
                blade += take(soil, r, c, mass_above(soil, r, c, area_m2, level - BORROW_M) * give_stock)
    # lay it: a cell that was low has given nothing, so what it lacks is still the same; what rounding leaves goes to the last
    total, last_r, last_c = blade, -1, -1
    for r in range(max(row - 1, 0), min(row + 2, n)):
        for c in range(max(col - 1, 0), min(col + 2, n)):
            if soil[SLAB, r, c] > 0.0:
                continue
            if goal[r, c] > NO_GOAL or free:
                share = mass_below(soil, r, c, area_m2, goal[r, c] if goal[r, c] > NO_GOAL else level) * fill
            else:
                share = spoil / outside
            laid = min(share, blade)
            if laid > 0.0:
                soil[LOOSE, r, c] += laid
                blade -= laid
                last_r, last_c = r, c
    if last_r < 0:
        last_r, last_c = row, col
    soil[LOOSE, last_r, last_c] += blade
    return total


@leaf_kernel
def slide(soil: Soil, row: int, col: int, cell_m: float) -> int:
    """Let loose soil around (row, col) slide until no slope of it is steeper than repose; return the sweeps it took.

    Starts with the cells beside (row, col) and follows the soil wherever it goes. A pair of cells that is too steep is brought to the
    angle of repose exactly; sweeping over all pairs converges as such relaxations do.
    """
    n = soil.shape[1]
    area = cell_m * cell_m
    top, bottom, left, right = max(row - 1, 0), min(row + 1, n - 1), max(col - 1, 0), min(col + 1, n - 1)
    for sweep in range(SWEEPS):
        moved = False
        grown_top, grown_bottom, grown_left, grown_right = top, bottom, left, right
        for r in range(top, bottom + 1):
            for c in range(left, right + 1):
                if soil[LOOSE, r, c] <= 0.0:
                    continue
                for k in range(8):
                    to_r, to_c = r + DOWN[k], c + ACROSS[k]
                    if to_r < 0 or to_c < 0 or to_r >= n or to_c >= n:
                        continue
                    apart = cell_m if k < 4 else cell_m * math.sqrt(2.0)
                    steep = height_m(soil, r, c, area) - height_m(soil, to_r, to_c, area) - STEEPEST * apart
                    if steep <= SLACK_M:
                        continue
                    kg = min(0.5 * steep * LOOSE_KG_M3 * area, soil[LOOSE, r, c])
                    soil[LOOSE, r, c] -= kg
                    soil[LOOSE, to_r, to_c] += kg
                    moved = True
                    grown_top, grown_bottom = min(grown_top, to_r - 1), max(grown_bottom, to_r + 1)
                    grown_left, grown_right = min(grown_left, to_c - 1), max(grown_right, to_c + 1)
        if not moved:
            return sweep
        top, bottom = max(grown_top, 0), min(grown_bottom, n - 1)
        left, right = max(grown_left, 0), min(grown_right, n - 1)
    return SWEEPS
