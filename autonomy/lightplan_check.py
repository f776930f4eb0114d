"""Does a light plan hold? The rules of the light planner for one cell and one moment, in plain Python, and a walk along a plan with them.

Nothing here uses the planner's kernels or tables, so a plan is checked by other code than made it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.constants import DARK_BELOW

from .lightplan_problem import LIT_STEPS, LightProblem, crossing_ticks, ticks_per_step


class LightCheck(NamedTuple):
    """What a walk along a plan found: ``faults``, empty when it holds; batteries [Wh]; the longest stay in the dark [s].

    ``battery_wh`` float64 [n]: at each event; shorter where the walk had to break off.
    """

    faults: tuple[str, ...]
    least_wh: float
    arrival_wh: float
    longest_dark_s: float
    battery_wh: NDArray[np.float64]


class LightLaw:
    """The rules of a problem, asked about one cell (row, col) in one step at a time."""

    def __init__(self, problem: LightProblem) -> None:
        self.problem = problem
        self.ticks = problem.ticks or ticks_per_step(problem.pace_s_m, problem.cell_m, problem.step_s)
        self.tick_s = problem.step_s / self.ticks
        self.side, self.corner = crossing_ticks(problem.pace_s_m, problem.cell_m, self.tick_s)
        self.free = self.corner <= self.ticks
        self.dark = math.ceil(DARK_BELOW * LIT_STEPS)
        self.least = math.ceil(problem.rules.drive_lit * LIT_STEPS - 1e-9)

    def sees_earth(self, step: int, cell: tuple[int, int]) -> bool:
        """Whether the Earth is in sight all through a step."""
        earth = self.problem.earth
        return earth is None or bool(np.unpackbits(earth[step, cell[0]])[cell[1]])

    def light_round(self, step: int, cell: tuple[int, int]) -> int:
        """Least lit share of the 3 x 3 cells, 255ths."""
        row, col = cell
        return int(self.problem.lit[step, max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2].min())

    def keeps_in(self, step: int, cell: tuple[int, int], arriving: bool) -> str:
        """Why the robot may not set out from a cell in a step, or with ``arriving`` not come in: 'link', 'sun' or ''."""
        if self.problem.rules.drive_link and not self.sees_earth(step, cell):
            return "link"
        light = self.light_round(step, cell) if arriving else int(self.problem.lit[(step, *cell)])
        return "sun" if light < self.least else ""

    def may_stand(self, step: int, cell: tuple[int, int]) -> bool:
        """Whether the robot may stand in a cell in a step."""
        lit, rules = self.problem.lit[:, cell[0], cell[1]], self.problem.rules
        if lit[step] >= self.dark:
            return True
        if rules.havens is not None and not rules.havens[cell]:
            return False
        if math.isinf(rules.dark_wait_h):
            return True
        begin, end = step, step
        while begin > 0 and lit[begin - 1] < self.dark:
            begin -= 1
        while end < len(lit) and lit[end] < self.dark:
            end += 1
        return end < len(lit) and (end - begin) * self.problem.step_s <= rules.dark_wait_h * 3600.0 + 1e-6

    def gain(self, watts: NDArray[np.float64], light: int) -> int:
        """Quanta per tick."""
        wh = float(watts[light]) * self.tick_s / 3600.0
        return math.floor(wh / self.problem.quantum_wh + 1e-9)

    def crossing(self, before: tuple[int, int], cell: tuple[int, int]) -> int:
        """Ticks from a cell into a neighbour; 0 where that is not possible."""
        down, right = cell[0] - before[0], cell[1] - before[1]
        if max(abs(down), abs(right)) != 1 or not (self.free[before] and self.free[cell]):
            return 0
        if down and right:
            if not (self.free[before[0], cell[1]] and self.free[cell[0], before[1]]):
                return 0
            return int(self.corner[cell])
        return int(self.side[cell])


def check_light_plan(
    problem: LightProblem,
    times_s: NDArray[np.float64],
    cells: NDArray[np.int32],
    battery_wh: float,
    law: LightLaw | None = None,
) -> LightCheck:
    """Walk along a plan under the problem's rules, tick by tick.

    Parameters
    ----------
    times_s, cells : float64 [n], int32 [n, 2]; between two events the robot stands (same cell) or crosses into a neighbour.
    battery_wh : at the first event.
    law : of the problem, where one is at hand (making it looks at every cell).

    Returns
    -------
    LightCheck : its batteries are those of the discretisation, so never more than the machine will have.
    """
    law = law or LightLaw(problem)
    rules, power = problem.rules, problem.power
    faults: list[str] = []
    quantum, full = problem.quantum_wh, problem.quanta
    battery = min(math.floor((battery_wh - power.reserve_wh) / quantum + 1e-9), full)
    least, dark, longest_dark = battery, 0, 0
    held = [battery]
    total = problem.steps * law.ticks
    ticks = np.rint(times_s / law.tick_s).astype(np.int64)
    if not np.allclose(ticks * law.tick_s, times_s, atol=1e-3):
        faults.append("a time that is no whole tick")
    for i in range(1, len(ticks)):
        before, cell = (int(cells[i - 1, 0]), int(cells[i - 1, 1])), (int(cells[i, 0]), int(cells[i, 1]))
        begin, end = int(ticks[i - 1]), int(ticks[i])
        if end > total or end <= begin:
            faults.append(f"event {i}: time {times_s[i]:.0f} s is out of order or beyond the horizon")
            break
        if before == cell:
            for tick in range(begin, end):
                step = tick // law.ticks
                if not law.may_stand(step, cell):
                    faults.append(f"event {i}: stands in the dark of step {step} in {cell}, which is no haven")
                light = int(problem.lit[(step, *cell)])
                battery = min(battery + law.gain(power.wait_w, light), full)
                least = min(least, battery)
                dark = dark + 1 if light < law.dark else 0
                longest_dark = max(longest_dark, dark)
            held.append(battery)
            continue
        takes = law.crossing(before, cell)
        if takes == 0 or takes != end - begin:
            faults.append(f"event {i}: {before} to {cell} in {end - begin} ticks, {takes} are needed (0: no way)")
        out, there = begin // law.ticks, (end - 1) // law.ticks
        for step, place, arriving in ((out, before, False), (there, cell, True)):
            if why := law.keeps_in(step, place, arriving):
                faults.append(f"event {i}: drives without {why} in {place}, step {step}")
        light = law.light_round(there, cell)
        battery = min(battery + (end - begin) * law.gain(power.drive_w, light), full)
        least = min(least, battery)
        dark = dark + end - begin if light < law.dark else 0
        longest_dark = max(longest_dark, dark)
        held.append(battery)
    if least < 0:
        faults.append(f"the reserve is touched: {least * quantum:.1f} Wh")
    if battery * quantum < rules.arrive_wh - 1e-9:
        faults.append(f"arrives with {battery * quantum:.1f} Wh above the reserve, {rules.arrive_wh:g} are asked for")
    span = math.ceil(rules.stay_h * 3600.0 / law.tick_s - 1e-9)
    left = battery
    goal = (int(cells[-1, 0]), int(cells[-1, 1]))
    for tick in range(int(ticks[-1]), int(ticks[-1]) + span):
        step = tick // law.ticks
        if tick >= total:
            faults.append(f"stays beyond the horizon of {total * law.tick_s:.0f} s")
            break
        left = min(left + law.gain(power.wait_w, int(problem.lit[(step, *goal)])), full)
        if left < 0 or not law.may_stand(step, goal):
            faults.append(f"cannot stay at the goal as long as {rules.stay_h:g} h")
            break
    base = power.reserve_wh
    batteries = base + np.array(held, dtype=np.float64) * quantum
    return LightCheck(
        tuple(faults), base + least * quantum, base + battery * quantum, longest_dark * law.tick_s, batteries
    )


def begun_late(
    times_s: NDArray[np.float64], cells: NDArray[np.int32], event: int, now_s: float, tick_s: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the rest of a plan, from an event on, begun at ``now_s``: waits give up what time they can, drives take what they took.

    Times stay those of the plan's problem, rounded up to whole ticks; whether the rest still holds says `check_light_plan`.
    """
    now = math.ceil(now_s / tick_s - 1e-6) * tick_s
    times, places = [now], [cells[event]]
    if float(times_s[event]) > now + 1e-6:  # it stands there already, and waits as planned
        times.append(float(times_s[event]))
        places.append(cells[event])
    for i in range(event + 1, len(times_s)):
        planned = float(times_s[i] - times_s[i - 1])
        if (cells[i] == cells[i - 1]).all():
            then = max(float(times_s[i]), times[-1])
            if then <= times[-1] + 1e-6:
                continue
        else:
            then = times[-1] + planned
        times.append(then)
        places.append(cells[i])
    return np.array(times, dtype=np.float64), np.array(places, dtype=np.int32)
