"""The light planner against every plan there is: all (cell, tick, battery) states of small worlds, in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.errors import NoLitWindow, NoRoute, OutOfEnergy
from moonfleet.autonomy.lightplan import plan_light
from moonfleet.autonomy.lightplan_check import check_light_plan
from moonfleet.autonomy.lightplan_problem import LightPower, LightProblem, LightRules
from moonfleet.terrain.seeds import stream

SHARES = np.array([0, 10, 12, 13, 90, 200, 255])  # 13 / 255 is where the dark ends


def small_world(seed: int) -> tuple[LightProblem, tuple[int, int], tuple[int, int], float]:
    rng = stream(seed, "small light world")
    rows, cols, steps = (int(v) for v in rng.integers((1, 2, 2), (5, 5, 9)))
    pace = rng.choice([4.0, 9.0, 10.0, 17.0], (rows, cols)).astype(np.float32)
    pace[rng.random((rows, cols)) < 0.15] = np.inf
    lit = rng.choice(SHARES, (steps, rows, cols)).astype(np.uint8)
    if rng.random() < 0.5:  # long days and nights
        lit[: steps // 2] = lit[0]
        lit[steps // 2 :] = lit[-1]
    quanta = int(rng.integers(3, 30))
    load, drive, panel = rng.uniform(1.0, 12.0), rng.uniform(1.0, 30.0), rng.uniform(5.0, 40.0)
    share = np.arange(256) / 255
    power = LightPower(panel * share - load, panel * share - load - drive, 25.0, 5.0)
    rules = LightRules(
        drive_lit=float(rng.choice([0.0, 0.04, 0.5])),
        drive_link=bool(rng.random() < 0.4),
        dark_wait_h=float(rng.choice([math.inf, 0.0, 1.0, 2.0])),
        havens=None if rng.random() < 0.6 else rng.random((rows, cols)) < 0.6,
        arrive_wh=float(rng.choice([0.0, 6.0])),
        stay_h=float(rng.choice([0.0, 0.0, 1.3, 3.0])),
    )
    earth = np.packbits(rng.random((steps, rows, cols)) < 0.7, axis=2)
    start, goal = ((int(rng.integers(rows)), int(rng.integers(cols))) for _ in range(2))
    pace[start] = pace[goal] = 4.0
    problem = LightProblem(pace, 60.0, lit, power, rules, earth, 3600.0, int(rng.integers(3, 7)), quanta)
    return problem, start, goal, float(rng.uniform(5.0, 25.0))


def crossing(problem: LightProblem, a: tuple[int, int], b: tuple[int, int]) -> int | None:
    """Ticks from a to b, None: no way."""
    pace, tick = problem.pace_s_m, problem.step_s / problem.ticks

    def ticks(cell: tuple[int, int], way: float) -> int:
        return max(math.ceil(way * problem.cell_m * float(pace[cell]) / tick - 1e-9), 1)

    def free(cell: tuple[int, int]) -> bool:
        return bool(np.isfinite(pace[cell])) and ticks(cell, math.sqrt(2)) <= problem.ticks

    if not (free(a) and free(b)):
        return None
    if a[0] != b[0] and a[1] != b[1]:
        return ticks(b, math.sqrt(2)) if free((a[0], b[1])) and free((b[0], a[1])) else None
    return ticks(b, 1.0)


def every_plan(
    problem: LightProblem, start: tuple[int, int], goal: tuple[int, int], battery_wh: float
) -> tuple[int, int] | None:
    """Earliest tick of arrival and the fullest battery then, over all states; None: there is none."""
    rows, cols = problem.pace_s_m.shape
    power, rules, ticks = problem.power, problem.rules, problem.ticks
    quantum = (power.capacity_wh - power.reserve_wh) / problem.quanta
    total = problem.steps * ticks
    lit, earth = problem.lit, np.unpackbits(problem.earth, axis=2)[:, :, :cols].astype(bool)  # type: ignore[arg-type]

    def gain(watts: np.ndarray, light: int) -> int:
        return math.floor(watts[light] / ticks / quantum + 1e-9)

    def stands(step: int, cell: tuple[int, int]) -> bool:
        dark = lit[(slice(None), *cell)] < 0.05 * 255
        if not dark[step]:
            return True
        if rules.havens is not None and not rules.havens[cell]:
            return False
        night = {step}
        for way in (-1, 1):
            s = step
            while 0 <= s < problem.steps and dark[s]:
                night.add(s)
                s += way
        return math.isinf(rules.dark_wait_h) or (problem.steps - 1 not in night and len(night) <= rules.dark_wait_h)

    def round_about(step: int, cell: tuple[int, int]) -> int:
        r, c = cell
        return int(lit[step, max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2].min())

    def drives(step: int, cell: tuple[int, int], light: int) -> bool:
        return light >= rules.drive_lit * 255 - 1e-9 and (not rules.drive_link or bool(earth[(step, *cell)]))

    def stays(tick: int, battery: int) -> bool:
        for t in range(tick, tick + math.ceil(rules.stay_h * ticks - 1e-9)):
            if t == total:
                return False
            battery = min(battery + gain(power.wait_w, int(lit[(t // ticks, *goal)])), problem.quanta)
            if battery < 0 or not stands(t // ticks, goal):
                return False
        return battery >= 0

    cells = [(r, c) for r in range(rows) for c in range(cols)]
    edges = {
        a: [(b, crossing(problem, a, b)) for b in cells if a != b and max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1]
        for a in cells
    }
    states: list[set[tuple[tuple[int, int], int]]] = [set() for _ in range(total + 1)]
    states[0].add((start, min(math.floor((battery_wh - power.reserve_wh) / quantum + 1e-9), problem.quanta)))
    for tick in range(total + 1):
        there = [
            b for cell, b in states[tick] if cell == goal and b * quantum >= rules.arrive_wh - 1e-9 and stays(tick, b)
        ]
        if there:
            return tick, max(there)
        if tick == total:
            return None
        step = tick // ticks
        for cell, battery in states[tick]:
            if stands(step, cell):
                after = min(battery + gain(power.wait_w, int(lit[(step, *cell)])), problem.quanta)
                if after >= 0:
                    states[tick + 1].add((cell, after))
            if not drives(step, cell, int(lit[(step, *cell)])):
                continue
            for to, takes in edges[cell]:
                if takes is None or tick + takes > total:
                    continue
                then = (tick + takes - 1) // ticks
                light = round_about(then, to)
                after = min(battery + takes * gain(power.drive_w, light), problem.quanta)
                if drives(then, to, light) and after >= 0:
                    states[tick + takes].add((to, after))
    return None


def compare(seed: int) -> bool:
    problem, start, goal, battery = small_world(seed)
    best = every_plan(problem, start, goal, battery)
    quantum = problem.quantum_wh
    if best is None:
        with pytest.raises((NoLitWindow, NoRoute, OutOfEnergy)):
            plan_light(problem, start, goal, battery)
        return False
    plan = plan_light(problem, start, goal, battery)
    tick_s = problem.step_s / problem.ticks
    assert plan.arrival_s == pytest.approx(best[0] * tick_s)
    assert plan.battery_wh[-1] == pytest.approx(problem.power.reserve_wh + best[1] * quantum)
    assert tuple(plan.cells[0]) == start and tuple(plan.cells[-1]) == goal
    found = check_light_plan(problem, plan.times_s, plan.cells, battery)
    assert found.faults == ()
    assert found.arrival_wh == pytest.approx(plan.battery_wh[-1])
    assert found.least_wh == pytest.approx(problem.power.reserve_wh + plan.margin_wh)
    assert found.longest_dark_s == pytest.approx(plan.dark_s)
    return True


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_equals_every_plan_there_is(seed: int) -> None:
    compare(seed)


def test_many_small_worlds_have_plans_and_many_have_none() -> None:
    found = [compare(seed) for seed in range(150)]
    assert 30 < sum(found) < 130
