"""Many robots at once: who waits for whom, what is refused and why, one-way corridors, replanning, saving."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.cbs import plan_group
from moonfleet.autonomy.errors import (
    CostError,
    GoalBlocked,
    GoalOutside,
    NoRoute,
    PlanError,
    PlanInterrupted,
    SavedStateError,
    StartBlocked,
    ZoneError,
)
from moonfleet.autonomy.fleet_check import fleet_conflicts
from moonfleet.autonomy.fleet_routes import FleetPlan, FleetRobot, TimedRoute
from moonfleet.autonomy.fleetplan import FleetPlanner
from moonfleet.autonomy.one_way import OneWay, against_one_way, one_way_moves, zone_moves
from moonfleet.autonomy.zones_geojson import parse_zones
from moonfleet.terrain.grid import GeoRef

CELL_M, STEP_S, CLEAR_M = 10.0, 2.0, 4.0


def ground(picture: str) -> np.ndarray:
    """Return a grid of 1 s/m where the picture has a dot, impassable elsewhere."""
    rows = picture.split()
    return np.array([[1.0 if mark == "." else np.inf for mark in row] for row in rows], dtype=np.float32)


def robot(name: str, cost: np.ndarray, start: tuple[int, int], goal: tuple[int, int], **more: object) -> FleetRobot:
    return FleetRobot(name, cost, start, goal, **{"clearance_m": CLEAR_M, **more})  # type: ignore[arg-type]


def planner(cost: np.ndarray, allowed: np.ndarray | None = None) -> FleetPlanner:
    return FleetPlanner(cost.shape, CELL_M, STEP_S, allowed)


CORRIDOR = ground(
    """#######
       .......
       ###.###
       #######"""
)


def test_two_robots_swap_ends_of_a_corridor_by_the_bay() -> None:
    robots = [robot("east", CORRIDOR, (1, 0), (1, 6)), robot("west", CORRIDOR, (1, 6), (1, 0))]
    plan = planner(CORRIDOR).plan(robots)
    assert fleet_conflicts(plan) == []
    assert [tuple(route.cells[-1]) for route in plan.routes] == [(1, 6), (1, 0)]
    assert sum((route.cells == (2, 3)).all(axis=1).any() for route in plan.routes) == 1  # one of them waits in the bay
    assert plan.sum_of_arrivals_s == plan_group(planner(CORRIDOR), robots).cost_s > plan.bound_s == 120.0


def test_without_a_bay_there_is_no_way_and_the_message_names_who_and_what_would_help() -> None:
    cost = ground("......")
    robots = [robot("east", cost, (0, 0), (0, 5)), robot("west", cost, (0, 5), (0, 0))]
    with pytest.raises(
        NoRoute, match=r"no order of 5 gave.*'(east|west)'.*would if '(east|west)' were not there.*move one"
    ):
        planner(cost).plan(robots, restarts=4)


def test_a_robot_that_would_be_shut_in_by_a_parked_one_is_planned_first_in_another_order() -> None:
    cost = ground("......")
    robots = [robot("near", cost, (0, 1), (0, 3)), robot("far", cost, (0, 2), (0, 5))]
    plan = planner(cost).plan(robots, order="given")
    assert plan.arrival_s.tolist() == [20.0, 30.0]
    assert fleet_conflicts(plan) == []


def test_robots_in_file_leave_in_file() -> None:
    cost = ground("..........")
    robots = [robot(f"r{i}", cost, (0, i), (0, i + 5)) for i in range(4)]
    plan = planner(cost).plan(robots)
    assert fleet_conflicts(plan) == []
    assert plan.arrival_s.tolist() == [50.0] * 4


def test_a_goal_others_must_cross_is_reached_after_they_have_passed() -> None:
    cost = ground("#.### ..... #.###".replace(" ", "\n"))
    robots = [robot("long", cost, (1, 0), (1, 4)), robot("short", cost, (0, 1), (1, 1))]
    plan = planner(cost).plan(robots)
    assert plan.arrival_s[0] == 40.0
    assert 20.0 < plan.arrival_s[1] < 40.0  # once the other has left the crossing
    assert fleet_conflicts(plan) == []


def test_a_robot_that_is_gone_at_its_goal_is_in_nobodys_way() -> None:
    cost = ground(".....")
    ahead = {"start": (0, 1), "goal": (0, 2)}
    with pytest.raises(NoRoute, match="gone once it arrives"):
        planner(cost).plan([robot("a", cost, **ahead), robot("b", cost, (0, 0), (0, 4))], restarts=3)
    plan = planner(cost).plan([robot("a", cost, **ahead, stays=False), robot("b", cost, (0, 0), (0, 4))])
    assert plan.arrival_s.tolist() == [10.0, 40.0]
    assert np.isnan(plan.routes[0].rowcol(10.5)).all() and plan.routes[0].rowcol(10.0).tolist() == [0.0, 2.0]


def test_discs_count_not_cells() -> None:
    cost = np.ones((5, 12), dtype=np.float32)
    pair = [((2, 0), (2, 11)), ((2, 11), (2, 0))]
    narrow, wide = (
        planner(cost).plan([robot(f"r{i}", cost, *pair[i], clearance_m=clear) for i in (0, 1)]) for clear in (5.0, 14.0)
    )
    assert fleet_conflicts(narrow) == fleet_conflicts(wide) == []
    assert narrow.sum_of_arrivals_s < wide.sum_of_arrivals_s  # 28 m apart is two rows more than 10 m


def test_departure_speed_and_machine_are_kept() -> None:
    cost = np.ones((3, 6), dtype=np.float32)
    robots = [
        robot("late", cost, (0, 0), (0, 5), depart_s=33.0),
        robot("slow", cost, (1, 0), (1, 5), speed_m_s=0.25),
        robot("heavy", (3.0 * cost).astype(np.float32), (2, 0), (2, 5)),
    ]
    plan = planner(cost).plan(robots)
    assert plan.arrival_s.tolist() == [34.0 + 50.0, 200.0, 150.0]  # ticks of 2 s
    assert plan.routes[0].rowcol(34.0).tolist() == [0.0, 0.0]


def test_a_start_on_the_goal_is_a_route_of_one_place() -> None:
    cost = np.ones((3, 3), dtype=np.float32)
    plan = planner(cost).plan([robot("idle", cost, (1, 1), (1, 1)), robot("busy", cost, (0, 0), (2, 2))])
    assert plan.routes[0].cells.tolist() == [[1, 1]] and plan.arrival_s[0] == 0.0
    assert fleet_conflicts(plan) == [] and planner(cost).plan([]).routes == ()


@pytest.mark.parametrize(
    ("more", "error", "match"),
    [
        ({"start": (9, 0)}, StartBlocked, "'x'.*start cell.*not on the grid"),
        ({"start": (0, 0)}, StartBlocked, r"'x'.*impassable ground; the nearest passable cell is \(1, 0\)"),
        ({"goal": (0, 9)}, GoalOutside, "'x'.*columns 0..6"),
        ({"goal": (3, 3)}, GoalBlocked, "'x'.*impassable"),
        ({"clearance_m": -1.0}, CostError, "clearance_m = -1.0"),
        ({"depart_s": math.nan}, CostError, "depart_s"),
        ({"speed_m_s": 0.0}, CostError, "speed_m_s = 0.0; must be above 0"),
        ({"cost": np.ones((2, 2), np.float32)}, CostError, r"\(2, 2\); every robot's grid"),
        ({"cost": -np.ones((4, 7), np.float32)}, CostError, "0 or more"),
        ({"start": (1, 1)}, StartBlocked, "'x' and 'y': their starts are 10 m apart.*need 21 m"),
        ({"goal": (1, 5)}, GoalBlocked, "'x' and 'y': their goals.*gone once it arrives"),
    ],
)
def test_tasks_that_make_no_sense_are_refused_by_name(more: dict, error: type[PlanError], match: str) -> None:
    task = {"cost": CORRIDOR, "start": (1, 3), "goal": (1, 0), "clearance_m": 17.0, **more}
    with pytest.raises(error, match=match):
        planner(CORRIDOR).plan([robot("x", **task), robot("y", CORRIDOR, (1, 0), (1, 6))])


def test_ground_that_parts_start_and_goal_is_said_without_blaming_a_robot() -> None:
    cost = ground("..#..")
    with pytest.raises(NoRoute, match=r"'x'.*even with nobody else there"):
        planner(cost).plan([robot("x", cost, (0, 0), (0, 4))])


def test_one_way_corridors_are_kept_and_closed_ones_block() -> None:
    ref = GeoRef(0.0, 90.0, CELL_M, 9, 9)
    cost = ground("\n".join(["." * 9] * 3 + ["###.#.###"] * 3 + ["." * 9] * 3))
    south = OneWay(shapely.box(30.0, 30.0, 40.0, 60.0), 180.0)
    north = OneWay(shapely.box(50.0, 30.0, 60.0, 60.0), 0.0)
    allowed = one_way_moves(ref, [south, north])
    robots = [robot(f"r{i}", cost, (0, 2 * i), (8, 2 * i)) for i in range(5)] + [
        robot("up", cost, (7, 1), (1, 1)),
        robot("up2", cost, (7, 7), (1, 7)),
    ]
    plan = planner(cost, allowed).plan(robots)
    assert fleet_conflicts(plan) == []
    for route in plan.routes:
        col = 5 if route.name.startswith("up") else 3
        assert set(route.cells[(route.cells[:, 0] > 2) & (route.cells[:, 0] < 6), 1].tolist()) == {col}
    with pytest.raises(NoRoute, match="one-way corridors"):
        planner(cost, one_way_moves(ref, [south, north._replace(azimuth_deg=180.0)])).plan(robots[-1:])


def test_a_planner_on_a_map_keeps_to_the_one_way_corridors_of_zones() -> None:
    ref = GeoRef(0.0, 90.0, CELL_M, 9, 9)
    cost = ground("\n".join(["." * 9] * 3 + ["###.#.###"] * 3 + ["." * 9] * 3))
    frame = {"type": "name", "properties": {"name": "IAU_2015:30135"}}
    features = [
        {
            "type": "Feature",
            "properties": {"zone": "corridor", "one_way": turn, "width_m": 8.0}
            if turn is not None
            else {"zone": "corridor", "width_m": 8.0},
            "geometry": {"type": "LineString", "coordinates": [[x, 32.0], [x, 58.0]]},
        }
        for x, turn in ((35.0, 180.0), (55.0, 0.0), (75.0, None), (900.0, 0.0))
    ]
    zones = parse_zones({"type": "FeatureCollection", "crs": frame, "features": features})
    robots = [robot("down", cost, (0, 5), (8, 5)), robot("up", cost, (7, 3), (1, 3))]
    plan = FleetPlanner.on_map(ref, 2.0, zones).plan(robots)
    assert fleet_conflicts(plan) == []
    for route, col in zip(plan.routes, (3, 5), strict=True):
        assert set(route.cells[(route.cells[:, 0] > 2) & (route.cells[:, 0] < 6), 1].tolist()) == {col}
        assert against_one_way(ref, zones.corridors, route.cells) == []
    free = FleetPlanner.on_map(ref, 2.0).plan(robots[:1])
    assert against_one_way(ref, zones.corridors, free.routes[0].cells) == [1]
    assert zone_moves(ref, zones.corridors[2:]) is None
    narrow = zones.corridors[0]._replace(polygon=shapely.box(32.0, 30.0, 33.0, 60.0))
    with pytest.raises(ZoneError, match="narrower than a cell"):
        FleetPlanner.on_map(ref, 2.0, zones._replace(corridors=(narrow,)))


def test_a_step_too_short_for_any_move_is_said() -> None:
    cost = np.ones((3, 9), dtype=np.float32)
    with pytest.raises(CostError, match=r"step_s = 1e-06: robot 'x' takes more than 1048576 steps to cross any cell"):
        FleetPlanner(cost.shape, CELL_M, 1e-6).plan([robot("x", cost, (0, 0), (0, 8))])
    cost[:, 4] = 1e7
    with pytest.raises(
        NoRoute, match=r"'x'.*3 cells are shut only because crossing one takes more than 1048576 steps of 1 s"
    ):
        FleetPlanner(cost.shape, CELL_M, 1.0).plan([robot("x", cost, (0, 0), (0, 8))])


def test_corridors_that_cannot_be_are_refused() -> None:
    ref = GeoRef(0.0, 50.0, 10.0, 5, 5)
    for corridor, match in (
        (OneWay(shapely.box(12.0, 1.0, 13.0, 40.0), 0.0), "narrower than a cell"),
        (OneWay(shapely.box(100.0, 100.0, 140.0, 140.0), 0.0), "off the map"),
        (OneWay(shapely.Polygon(), 0.0), "not a valid polygon"),
        (OneWay(shapely.box(0.0, 0.0, 40.0, 40.0), math.nan), "azimuth_deg: nan"),
    ):
        with pytest.raises(ZoneError, match=match):
            one_way_moves(ref, [corridor])
    with pytest.raises(CostError, match="one bit per direction"):
        FleetPlanner((4, 4), 1.0, 1.0, np.ones((3, 3), np.uint8))


def test_a_robot_is_replanned_under_way_and_the_others_keep_their_routes() -> None:
    cost = np.ones((9, 20), dtype=np.float32)
    robots = [robot(f"r{i}", cost, (2 * i, 0), (8 - 2 * i, 19)) for i in range(4)]
    one = planner(cost)
    plan = one.plan(robots)
    new = one.replan(plan, robot("r1", cost, (0, 0), (8, 8)), at_s=55.0)
    assert fleet_conflicts(new) == []
    assert [new.routes[i] is plan.routes[i] for i in range(4)] == [True, False, True, True]
    assert tuple(new.routes[1].cells[-1]) == (8, 8)
    np.testing.assert_allclose(new.routes[1].rowcol(np.arange(55.0)), plan.routes[1].rowcol(np.arange(55.0)))
    with pytest.raises(NoRoute, match=r"'r1' has no way.*would if 'r0' were not there"):
        one.replan(plan, robot("r1", cost, (0, 0), (8, 19)), at_s=55.0)  # where r0 stays
    with pytest.raises(PlanError, match="not in the plan; it has 'r0'"):
        one.replan(plan, robot("rx", cost, (0, 0), (8, 8)))


def test_same_seed_same_plan_and_improving_never_makes_it_worse() -> None:
    cost = np.ones((12, 12), dtype=np.float32)
    robots = [robot(f"r{i}", cost, (i, 0), (11 - i, 11)) for i in range(12)]
    once, again = (planner(cost).plan(robots, improve=10, seed=3) for _ in range(2))
    for one, other in zip(once.routes, again.routes, strict=True):
        np.testing.assert_array_equal(one.cells, other.cells)
        np.testing.assert_array_equal(one.time_s, other.time_s)
    plain = planner(cost).plan(robots, improve=0)
    assert once.bound_s <= once.sum_of_arrivals_s <= plain.sum_of_arrivals_s
    assert fleet_conflicts(once) == []


def test_planning_can_be_cancelled() -> None:
    robots = [robot("a", CORRIDOR, (1, 0), (1, 6))]
    with pytest.raises(PlanInterrupted, match="0 of 1 robots planned"):
        planner(CORRIDOR).plan(robots, cancelled=lambda: True)
    with pytest.raises(PlanInterrupted):
        planner(CORRIDOR).plan(robots, budget_s=0.0)
    with pytest.raises(PlanError, match="order = "):
        planner(CORRIDOR).plan(robots, order=[1])


def test_the_checker_finds_what_is_wrong_between_whole_times() -> None:
    def line(name: str, cells: list[list[int]], times: list[float]) -> TimedRoute:
        return TimedRoute(name, np.array(cells, np.int32), np.array(times), 5.0)

    crossing = [line("a", [[0, 0], [4, 4]], [0.0, 8.0]), line("b", [[0, 4], [4, 0]], [0.0, 8.0])]
    (found,) = fleet_conflicts(crossing, cell_m=10.0)
    assert found == (0, 1, 4.0, 0.0, 10.0)
    beside = [line("a", [[0, 0], [0, 4]], [0.0, 8.0]), line("b", [[1, 0], [1, 4]], [0.0, 8.0])]
    assert fleet_conflicts(beside, cell_m=10.0) == []  # touching discs are no conflict
    parked = [line("a", [[0, 0], [0, 4]], [100.0, 108.0]), line("b", [[3, 2], [0, 2]], [0.0, 6.0])]
    (found,) = fleet_conflicts(parked, cell_m=10.0)
    assert found.time_s == pytest.approx(104.0) and found.distance_m == 0.0
    with pytest.raises(PlanError, match="size of a cell"):
        fleet_conflicts(beside)


def test_a_plan_survives_being_saved() -> None:
    plan = planner(CORRIDOR).plan(
        [robot("é", CORRIDOR, (1, 0), (1, 6)), robot("b", CORRIDOR, (1, 6), (1, 0), stays=False)]
    )
    file = io.BytesIO()
    np.savez(file, **plan.to_arrays())  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        back = FleetPlan.from_arrays(dict(arrays))
    assert back.to_arrays().keys() == plan.to_arrays().keys()
    for key, value in plan.to_arrays().items():
        np.testing.assert_array_equal(back.to_arrays()[key], value)
    assert FleetPlan.from_arrays(planner(CORRIDOR).plan([]).to_arrays()).routes == ()
    arrays = plan.to_arrays()
    for broken in ({**arrays, "cells": arrays["cells"][1:]}, {k: v for k, v in arrays.items() if k != "stays"}):
        with pytest.raises(SavedStateError, match="fleet plan"):
            FleetPlan.from_arrays(broken)


def test_two_robots_of_one_name_are_refused() -> None:
    cost = ground("....... ....... .......")
    twins = [robot("a", cost, (0, 0), (0, 6)), robot("b", cost, (1, 0), (1, 6)), robot("a", cost, (2, 0), (2, 6))]
    with pytest.raises(PlanError, match=r"robots\[2\]\.name: 'a', as robots\[0\]; every robot needs"):
        planner(cost).plan(twins)
