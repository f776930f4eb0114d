"""For any small fleet: planned routes keep apart, keep to ground, speed and one-way moves; each way found is the earliest there is, and
optimal search equals the joint search."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from moonfleet.autonomy.cbs import plan_group
from moonfleet.autonomy.errors import GoalBlocked, NoRoute, PlanInterrupted, StartBlocked
from moonfleet.autonomy.fleet_check import fleet_conflicts
from moonfleet.autonomy.fleet_routes import FleetPlan, FleetRobot, TimedRoute
from moonfleet.autonomy.fleetplan import FleetPlanner
from moonfleet.terrain.seeds import stream
from tests.joint_search import STEPS, slow_best, slow_ticks

CELL_M, STEP_S = 10.0, 3.0


def fleet(seed: int, size: int, count: int, walls: float) -> list[FleetRobot]:
    """Some robots of two machines and several clearances on one seeded ground."""
    rng = stream(seed, "test fleet")
    shape = (int(rng.integers(2, size + 1)), int(rng.integers(2, size + 1)))
    cost = rng.uniform(0.5, 3.0, shape).astype(np.float32)
    cost[rng.random(shape) < walls] = np.inf
    slow = cost * np.float32(rng.uniform(1.0, 2.5))
    free = [(int(r), int(c)) for r, c in np.argwhere(np.isfinite(cost))]
    assume(len(free) >= count)
    starts, goals = ([free[k] for k in rng.permutation(len(free))[:count]] for _ in range(2))
    return [
        FleetRobot(
            f"r{i}",
            slow if rng.random() < 0.4 else cost,
            starts[i],
            goals[i],
            clearance_m=float(rng.choice([2.0, 5.0, 8.0])),
            depart_s=float(rng.choice([0.0, 0.0, 20.0])),
            speed_m_s=float(rng.choice([math.inf, 0.8])),
            stays=bool(rng.random() < 0.8),
        )
        for i in range(count)
    ]


def assert_sound(robots: list[FleetRobot], plan: FleetPlan, allowed: np.ndarray | None = None) -> None:
    """Assert all that a plan promises, with nothing of the planner's."""
    assert fleet_conflicts(plan) == []
    assert least_distance(plan) >= -1e-6
    for robot, route, alone in zip(robots, plan.routes, plan.alone_s, strict=True):
        assert route.name == robot.name
        assert tuple(route.cells[0]) == robot.start_rc and tuple(route.cells[-1]) == robot.goal_rc
        assert route.time_s[0] == 0.0 and (np.diff(route.time_s) > 0.0).all()
        assert route.arrival_s >= alone - 1e-9
        assert np.isfinite(robot.cost[route.cells[:, 0], route.cells[:, 1]]).all()
        for k, (a, b) in enumerate(zip(route.cells[:-1], route.cells[1:], strict=True)):
            step = (int(b[0] - a[0]), int(b[1] - a[1]))
            if step != (0, 0):
                ticks = slow_ticks(robot, (int(a[0]), int(a[1])), STEPS.index(step), CELL_M, STEP_S, allowed, False)
                assert ticks > 0
                assert route.time_s[k + 1] - route.time_s[k] == pytest.approx(ticks * STEP_S)
                assert route.time_s[k] >= robot.depart_s


def least_distance(plan: FleetPlan) -> float:
    """Return the least distance over what is needed [m], sampled finely: the checker's own slow check."""
    least = math.inf
    end = plan.makespan_s
    at = np.linspace(0.0, end, max(2, int(end / STEP_S * 7)))
    for i, one in enumerate(plan.routes):
        for other in plan.routes[:i]:
            apart = np.hypot(*((one.rowcol(at) - other.rowcol(at)) * plan.cell_m).T)
            least = min(least, float(np.nanmin(apart)) - one.clearance_m - other.clearance_m)
    return least


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 7))
def test_planned_routes_are_sound(seed: int, count: int) -> None:
    robots = fleet(seed, 14, count, 0.2)
    planner = FleetPlanner(robots[0].cost.shape, CELL_M, STEP_S)
    try:
        plan = planner.plan(robots, restarts=4, improve=2)
    except (NoRoute, StartBlocked, GoalBlocked):
        return
    assert_sound(robots, plan)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_masks_of_moves_are_kept(seed: int) -> None:
    robots = fleet(seed, 10, 4, 0.1)
    shape = robots[0].cost.shape
    allowed = stream(seed, "test mask").integers(0, 256, shape).astype(np.uint8) | np.uint8(0b10011010)
    try:
        plan = FleetPlanner(shape, CELL_M, STEP_S, allowed).plan(robots, restarts=4)
    except (NoRoute, StartBlocked, GoalBlocked):
        return
    assert_sound(robots, plan, allowed)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.0, 1.2))
def test_a_replanned_robot_keeps_out_of_the_others_way(seed: int, share: float) -> None:
    robots = fleet(seed, 14, 5, 0.15)
    planner = FleetPlanner(robots[0].cost.shape, CELL_M, STEP_S)
    try:
        plan = planner.plan(robots, restarts=4)
        robot = robots[seed % 5]
        at_s = share * plan.makespan_s
        if not robot.stays:
            at_s = min(at_s, plan.routes[seed % 5].arrival_s)
        goal = FleetRobot(robot.name, robot.cost, robot.start_rc, robots[(seed + 1) % 5].start_rc, robot.clearance_m)
        new = planner.replan(plan, goal, at_s)
    except (NoRoute, StartBlocked, GoalBlocked):
        return
    assert fleet_conflicts(new) == []
    route, old = new.routes[seed % 5], plan.routes[seed % 5]
    assert tuple(route.cells[-1]) == goal.goal_rc
    before = np.linspace(0.0, at_s, 50)
    np.testing.assert_allclose(
        route.rowcol(before), TimedRoute("", old.cells, old.time_s, 1.0).rowcol(before), atol=1e-9
    )


def slow_arrival(robot: FleetRobot, others: tuple[TimedRoute, ...], ticks_max: int) -> int | None:
    """Return the first tick of arrival for good: tick by tick, all cells that can be reached by then; everyone goes straight in a tick."""
    at = np.linspace(0.0, (ticks_max + 1) * STEP_S, ticks_max + 2)
    places = [(route, route.rowcol(at)) for route in others]

    def safe(a: tuple[float, ...], b: tuple[float, ...], t: int) -> bool:
        for route, there in places:
            p = np.array(a) - there[t]
            run = np.array(b) - there[t + 1] - p
            if np.isnan(run).any():
                continue  # gone
            s = min(max(-float(p @ run) / max(float(run @ run), 1e-12), 0.0), 1.0)
            if math.hypot(*(p + s * run)) * CELL_M < robot.clearance_m + route.clearance_m - 1e-6:
                return False
        return True

    def move(a: tuple[int, int], b: tuple[int, int], t: int, ticks: int) -> bool:
        way = [tuple(a[k] + i / ticks * (b[k] - a[k]) for k in (0, 1)) for i in range(ticks + 1)]
        return all(safe(way[i], way[i + 1], t + i) for i in range(ticks))

    goal, leave = robot.goal_rc, math.ceil(robot.depart_s / STEP_S - 1e-9)
    settled = [
        not robot.stays or all(safe(goal, goal, t) for t in range(k, ticks_max + 1)) for k in range(ticks_max + 1)
    ]
    reach: list[set[tuple[int, int]]] = [{robot.start_rc}, *(set() for _ in range(ticks_max))]
    for t, cells in enumerate(reach):
        if t >= leave and goal in cells and settled[t]:
            return t
        for a in cells:
            for k, (dr, dc) in enumerate([*STEPS, (0, 0)]):
                wait = k == len(STEPS)
                ticks = 1 if wait else slow_ticks(robot, a, k, CELL_M, STEP_S, None, False) if t >= leave else 0
                b = a[0] + dr, a[1] + dc
                if 0 < ticks <= ticks_max - t and b not in reach[t + ticks] and move(a, b, t, ticks):
                    reach[t + ticks].add(b)
    return None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
@example(seed=464)  # a search that closes what it reached too late finds no way as early
def test_each_way_found_is_the_earliest(seed: int) -> None:
    robots = fleet(seed, 4, 4, 0.1)
    rng = stream(seed, "test earliest")
    late = [replace(robot, depart_s=float(rng.integers(0, 90)), stays=False) for robot in robots[:3]]
    planner = FleetPlanner(robots[0].cost.shape, CELL_M, STEP_S)
    try:
        plan = planner.plan(late, restarts=4)
        passed = plan.routes[int(rng.integers(3))].cells  # a goal that others pass is free only later
        robot = replace(robots[3], goal_rc=tuple(rng.choice(passed).tolist()), stays=True)
        task = planner.ground.task(robot)
    except (NoRoute, StartBlocked, GoalBlocked):
        return
    assume(plan.makespan_s <= 100 * STEP_S)
    way = planner.ground.find(task, [planner.ground.legs(route) for route in plan.routes])
    expected = slow_arrival(robot, plan.routes, 120 if way is None else way.ticks + 100)
    assert expected == (None if way is None else way.ticks)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), makespan=st.booleans())
@example(
    seed=270, makespan=True
)  # the best plan leaves a goal and comes back: whoever is early on the way must not be overlooked
def test_optimal_search_equals_joint_search(seed: int, makespan: bool) -> None:
    robots = fleet(seed, 3, 2, 0.1)
    planner = FleetPlanner(robots[0].cost.shape, CELL_M, STEP_S)
    try:
        best = plan_group(planner, robots, "makespan" if makespan else "sum", nodes_max=300)
    except (NoRoute, StartBlocked, GoalBlocked, PlanInterrupted):
        return
    assert_sound(robots, best.plan)
    expected = slow_best(robots, CELL_M, STEP_S, makespan=makespan, most=20_000)
    if expected is not None:
        assert best.plan.bound_s <= expected + 1e-9 <= best.cost_s + 2e-9
        if best.optimal:
            assert best.cost_s == pytest.approx(expected)
