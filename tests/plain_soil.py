"""Earthworks in plain words: one cell after another, no kernels. What the fast ones are held to."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.regolith import FIRM_KG_M3, LOOSE_KG_M3, REPOSE_DEG, SLAB_KG_M3

Soil = NDArray[np.float64]
Grid = NDArray[np.float64]
FIRM, UNDER, SLAB, LOOSE = 0, 1, 2, 3
BORROW_M = 0.15
NO_GOAL = -1e9


def height(soil: Soil, cell: tuple[int, int], area: float) -> float:
    firm, under, slab, loose = soil[(slice(None), *cell)]
    return float(firm / FIRM_KG_M3 + (under + loose) / LOOSE_KG_M3 + slab / SLAB_KG_M3) / area


def above(soil: Soil, cell: tuple[int, int], area: float, level: float) -> float:
    """Return the mass over a level, loose soil first; slabs and what lies beneath them stay."""
    volume = max(height(soil, cell, area) - level, 0.0) * area
    loose = float(soil[(LOOSE, *cell)])
    if volume * LOOSE_KG_M3 <= loose:
        return volume * LOOSE_KG_M3
    if soil[(SLAB, *cell)] > 0.0:
        return loose
    return loose + min((volume - loose / LOOSE_KG_M3) * FIRM_KG_M3, float(soil[(FIRM, *cell)]))


def below(soil: Soil, cell: tuple[int, int], area: float, level: float) -> float:
    return max(level - height(soil, cell, area), 0.0) * area * LOOSE_KG_M3


def take(soil: Soil, cell: tuple[int, int], kg: float) -> float:
    loose = min(kg, float(soil[(LOOSE, *cell)]))
    soil[(LOOSE, *cell)] -= loose
    firm = 0.0 if soil[(SLAB, *cell)] > 0.0 else min(kg - loose, float(soil[(FIRM, *cell)]))
    soil[(FIRM, *cell)] -= firm
    return loose + firm


def push(soil: Soil, goal: Grid, row: int, col: int, area: float, budget: float) -> float:
    """Move soil among nine cells: lists of (cell, mass) for what is high, low and in stock."""
    n = soil.shape[1]
    cells = [(r, c) for r in range(row - 1, row + 2) for c in range(col - 1, col + 2) if 0 <= r < n and 0 <= c < n]
    wanted = [float(goal[cell]) for cell in cells if goal[cell] > NO_GOAL]
    bare = [cell for cell in cells if soil[(SLAB, *cell)] <= 0.0]
    free = not wanted
    level = float(np.mean([height(soil, cell, area) for cell in bare] or [0.0])) if free else sum(wanted) / len(wanted)
    high: dict[tuple[int, int], float] = {}
    low: dict[tuple[int, int], float] = {}
    stock: dict[tuple[int, int], float] = {}
    for cell in cells:
        aim = float(goal[cell]) if goal[cell] > NO_GOAL else level
        if goal[cell] > NO_GOAL or free:
            if soil[(SLAB, *cell)] > 0.0:
                high[cell] = float(soil[(LOOSE, *cell)])
            else:
                high[cell], low[cell] = above(soil, cell, area, aim), below(soil, cell, area, aim)
        elif soil[(SLAB, *cell)] <= 0.0:
            stock[cell] = above(soil, cell, area, level - BORROW_M)
    all_high, all_low, all_stock = sum(high.values()), sum(low.values()), sum(stock.values())
    from_high = min(all_high, all_high if stock else all_low, budget)
    from_stock = min(max(all_low - from_high, 0.0), all_stock, budget - from_high)
    if from_high + from_stock <= 0.0:
        return 0.0
    blade = sum(take(soil, cell, kg * from_high / all_high) for cell, kg in high.items() if all_high > 0.0)
    blade += sum(take(soil, cell, kg * from_stock / all_stock) for cell, kg in stock.items() if all_stock > 0.0)
    moved, to_low = blade, min(blade, all_low)
    for cell, kg in low.items():
        soil[(LOOSE, *cell)] += kg * to_low / all_low if all_low > 0.0 else 0.0
    for cell in stock:
        soil[(LOOSE, *cell)] += (moved - to_low) / len(stock)
    return moved


def steepest_slide(soil: Soil, cell_m: float) -> float:
    """Return by how much the steepest slope of loose soil exceeds the angle of repose [m over the distance of the cells]."""
    n, area = soil.shape[1], cell_m * cell_m
    worst = -math.inf
    for r in range(n):
        for c in range(n):
            if soil[LOOSE, r, c] <= 1e-9:
                continue
            for i in (-1, 0, 1):
                for j in (-1, 0, 1):
                    if (i or j) and 0 <= r + i < n and 0 <= c + j < n:
                        rise = height(soil, (r, c), area) - height(soil, (r + i, c + j), area)
                        worst = max(worst, rise - math.tan(math.radians(REPOSE_DEG)) * cell_m * math.hypot(i, j))
    return worst
