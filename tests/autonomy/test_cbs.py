"""Optimal routes for small groups: known answers, bounds, stopping."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.cbs import plan_group
from moonfleet.autonomy.errors import NoRoute, PlanError, PlanInterrupted
from moonfleet.autonomy.fleet_check import fleet_conflicts
from moonfleet.autonomy.fleet_routes import FleetRobot
from moonfleet.autonomy.fleetplan import FleetPlanner
from tests.joint_search import slow_best


def group(cost: np.ndarray, ways: list[tuple[tuple[int, int], tuple[int, int]]], **more: float) -> list[FleetRobot]:
    return [FleetRobot(f"r{i}", cost, a, b, **{"clearance_m": 0.4, **more}) for i, (a, b) in enumerate(ways)]  # type: ignore[arg-type]


def test_prioritised_planning_is_beaten_where_giving_way_early_is_better() -> None:
    cost = np.full((3, 5), np.inf, dtype=np.float32)
    cost[1, :] = 2.0
    cost[0, 1] = cost[2, 3] = 2.0
    robots = group(cost, [((1, 0), (1, 4)), ((1, 4), (1, 0))])
    planner = FleetPlanner(cost.shape, 1.0, 1.0)
    best = plan_group(planner, robots)
    assert best.optimal and fleet_conflicts(best.plan) == []
    assert best.cost_s == slow_best(robots, 1.0, 1.0) == best.plan.bound_s
    last = plan_group(planner, robots, "makespan")
    assert last.optimal and last.cost_s == slow_best(robots, 1.0, 1.0, makespan=True) == last.plan.makespan_s


def test_three_robots_meet_in_a_crossing() -> None:
    cost = np.ones((3, 3), dtype=np.float32)
    cost[1, 1] = 2.0
    robots = group(cost, [((0, 0), (2, 2)), ((2, 2), (0, 0)), ((0, 2), (2, 0))])
    best = plan_group(FleetPlanner(cost.shape, 1.0, 1.0), robots)
    assert best.optimal and fleet_conflicts(best.plan) == []
    assert best.cost_s == slow_best(robots, 1.0, 1.0)


def test_robots_apart_need_no_search() -> None:
    cost = np.ones((20, 20), dtype=np.float32)
    best = plan_group(FleetPlanner(cost.shape, 1.0, 0.25), group(cost, [((i, 0), (i, 19)) for i in range(0, 20, 3)]))
    assert best.optimal and best.nodes <= 1
    assert best.cost_s == best.plan.bound_s == 7 * 19.0


def test_what_cannot_be_proven_in_time_is_returned_with_its_bound() -> None:
    cost = np.ones((6, 6), dtype=np.float32)
    robots = group(cost, [((i, 0), (5 - i, 5)) for i in range(6)])
    planner = FleetPlanner(cost.shape, 1.0, 0.25)
    best = plan_group(planner, robots, nodes_max=3)
    assert not best.optimal and best.plan.bound_s < best.cost_s
    assert fleet_conflicts(best.plan) == []
    again = plan_group(planner, robots, nodes_max=3)
    assert (again.cost_s, again.plan.bound_s, again.nodes) == (best.cost_s, best.plan.bound_s, best.nodes)


def test_three_robots_that_shuffle_in_a_room_are_planned_optimally() -> None:
    """One must go down into the room and come back, another up through its place, while the third gives way."""
    cost = np.array([[1, 1], [np.inf, 1], [2, 1], [3, 1]], dtype=np.float32)
    ways = [((1, 1), (1, 1)), ((2, 0), (2, 0)), ((2, 1), (0, 0))]
    robots = [FleetRobot(f"r{i}", cost, a, b, 0.5, depart_s=float(i == 0)) for i, (a, b) in enumerate(ways)]
    planner = FleetPlanner(cost.shape, 1.0, 1.0)
    for objective in ("sum", "makespan"):
        best = plan_group(planner, robots, objective, nodes_max=100)
        assert best.optimal and fleet_conflicts(best.plan) == []
        assert best.cost_s == slow_best(robots, 1.0, 1.0, makespan=objective == "makespan")


def test_no_plan_is_proven_where_robots_cannot_pass() -> None:
    cost = np.ones((1, 6), dtype=np.float32)
    with pytest.raises(NoRoute, match="no conflict-free plan exists"):
        plan_group(FleetPlanner(cost.shape, 1.0, 1.0), group(cost, [((0, 0), (0, 5)), ((0, 5), (0, 0))]))


def test_stopping_before_any_plan_says_the_bound() -> None:
    cost = np.ones((1, 6), dtype=np.float32)
    robots = group(cost, [((0, 0), (0, 5)), ((0, 5), (0, 0))])
    planner = FleetPlanner(cost.shape, 1.0, 1.0)
    with pytest.raises(PlanInterrupted, match="no plan is better than 1"):
        plan_group(planner, robots, nodes_max=40)
    with pytest.raises(PlanInterrupted):
        plan_group(planner, robots, cancelled=lambda: True)
    with pytest.raises(NoRoute):
        plan_group(FleetPlanner((1, 3), 1.0, 1.0), group(np.array([[1, np.inf, 1]], np.float32), [((0, 0), (0, 2))]))
    with pytest.raises(PlanError, match="'sum' or 'makespan'"):
        plan_group(planner, robots, "fuel")  # type: ignore[arg-type]
