"""The drive skill: arrives among rocks it learns of on the way, never through one it knows, and gives up honestly."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.belief import Belief
from moonfleet.autonomy.driver import LEG_POINTS, Driver
from moonfleet.autonomy.errors import GoalBlocked, GoalOutside, NoRoute, PlanError, SavedStateError, StartBlocked
from moonfleet.autonomy.rocks_seen import Detections, round_rocks
from moonfleet.terrain.grid import GeoRef

REF = GeoRef.centred(0.0, 0.0, 1000.0, 20.0)
CLEARANCE_M = 0.8


def flat() -> np.ndarray:
    return np.full(REF.shape, 10.0, np.float32)


def seen(rocks: np.ndarray) -> Detections:
    return round_rocks(rocks[:, 0], rocks[:, 1], rocks[:, 2], np.full(len(rocks), 0.9))


def cut(leg: np.ndarray, metres: float) -> np.ndarray:
    line = shapely.LineString(leg)
    stops = [line.line_locate_point(shapely.Point(p)) for p in leg]
    end = line.interpolate(min(metres, line.length))
    return np.array([*[p for p, s in zip(leg, stops, strict=True) if s < metres - 1e-9], (end.x, end.y)])


def drive(
    driver: Driver, rocks: np.ndarray, start: tuple[float, float], goal: tuple[float, float], limit: int = 600
) -> tuple[float, float]:
    """Drive in 10 m pieces, seeing 20 m far; return metres driven and the least gap to a rock's rim."""
    driver.plan(start, goal)
    pose, odometer, gap = np.array(start), 0.0, math.inf
    known = np.zeros(len(rocks), bool)
    for _ in range(limit):
        now = ~known & (np.hypot(*(rocks[:, :2] - pose).T) < 20.0)
        known |= now
        driver.belief.add(seen(rocks[now]))
        if driver.arrived((pose[0], pose[1])):
            return odometer, gap
        leg = driver.next_leg((float(pose[0]), float(pose[1])), 25.0)
        assert shapely.LineString(leg).length <= 25.0 + 1e-6
        assert len(leg) <= LEG_POINTS
        assert leg[0].tolist() == pose.tolist()
        piece = cut(leg, 10.0)
        line = shapely.LineString(piece)
        odometer += line.length
        near = rocks[np.hypot(*(rocks[:, :2] - pose).T) < 15.0]
        if len(near):
            gap = min(gap, float((shapely.distance(shapely.points(near[:, :2]), line) - near[:, 2] / 2).min()))
        pose = piece[-1]
    raise AssertionError("never arrived")


def field(seed: int, per_m2: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = int(per_m2 * 700 * 160)
    rocks = np.column_stack([rng.uniform(-350, 350, n), rng.uniform(-80, 80, n), 0.3 + 0.4 * rng.pareto(2.5, n)])
    return rocks[(np.hypot(rocks[:, 0] + 300, rocks[:, 1]) > 4.0) & (rocks[:, 2] < 6.0)]


def test_plans_along_the_cheap_ground() -> None:
    cost = flat()
    cost[10:, 25] = np.inf
    route = Driver(REF, cost, Belief(), CLEARANCE_M).plan((-203.0, -11.0), (207.0, -13.0))
    assert route.xy[0].tolist() == [-203.0, -11.0]
    assert route.xy[-1].tolist() == [207.0, -13.0]
    assert route.xy[:, 1].max() > 300.0
    assert route.length_m == pytest.approx(float(np.hypot(*np.diff(route.xy, axis=0).T).sum()))
    assert route.seconds == pytest.approx(10.0 * route.length_m, rel=0.1)
    assert len(route.xy) <= 8


@pytest.mark.parametrize(("seed", "per_m2"), [(1, 0.01), (2, 0.05), (3, 0.1)])
def test_arrives_through_a_field_of_rocks_without_touching_one(seed: int, per_m2: float) -> None:
    driver = Driver(REF, flat(), Belief(), CLEARANCE_M)
    odometer, gap = drive(driver, field(seed, per_m2), (-300.0, 0.0), (300.0, 10.0))
    assert 590.0 < odometer < 690.0
    assert gap > 0.5 * CLEARANCE_M


def test_gets_out_of_a_trap_that_it_could_not_see() -> None:
    side = np.arange(-30.0, 31.0, 1.5)
    trap = np.concatenate(
        [np.column_stack([0 * side, side]), *[np.column_stack([side - 30.0, 0 * side + y]) for y in (-30.0, 30.0)]]
    )
    rocks = np.column_stack([trap, np.ones(len(trap))])
    odometer, gap = drive(Driver(REF, flat(), Belief(), CLEARANCE_M), rocks, (-200.0, 0.0), (200.0, 0.0))
    assert gap > 0.5 * CLEARANCE_M
    assert odometer < 800.0


def driven_to_the_end(driver: Driver, pose: tuple[float, float]) -> None:
    """Drive until no way is left, never to x > 0."""

    def on() -> None:
        nonlocal pose
        for _ in range(400):
            leg = driver.next_leg(pose, 30.0)
            assert leg[-1, 0] < 0.0
            pose = (float(leg[-1, 0]), float(leg[-1, 1]))

    with pytest.raises(NoRoute, match=r"smaller clearance|impassable ground"):
        on()


def test_a_wall_across_the_map_ends_in_no_route() -> None:
    y = np.arange(-500.0, 500.0, 2.0)
    wall = np.column_stack([0 * y, y, 0 * y + 1.0])
    driver = Driver(REF, flat(), Belief(), CLEARANCE_M)
    driver.belief.add(seen(wall))
    driver.plan((-50.0, 0.0), (50.0, 0.0))
    driven_to_the_end(driver, (-50.0, 0.0))


def test_a_robot_in_a_pocket_does_not_stand_there_with_a_way_to_itself() -> None:
    """The open point nearest to the route's next one is where the robot stands: no way, and told so."""
    x, y = np.meshgrid(np.arange(-40.0, 41.0, 2.5), np.arange(-40.0, 41.0, 2.5))
    rocks = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, 3.0)])
    driver = Driver(REF, flat(), Belief(), CLEARANCE_M, arrive_m=1.0)
    driver.belief.add(seen(rocks[np.hypot(rocks[:, 0], rocks[:, 1]) > 4.0]))
    driver.plan((0.0, 0.0), (100.0, 0.0))
    pose = (0.0, 0.0)

    def on() -> None:
        nonlocal pose
        for _ in range(50):
            leg = driver.next_leg(pose, 8.0)
            pose = (float(leg[-1, 0]), float(leg[-1, 1]))

    with pytest.raises(NoRoute):
        on()


def test_starts_inside_a_keepout_and_shifts_a_covered_goal() -> None:
    driver = Driver(REF, flat(), Belief(), CLEARANCE_M, arrive_m=1.0)
    rocks = np.array([[-40.2, 0.0, 1.0], [40.0, 0.0, 8.0], [36.0, 1.0, 4.0]])
    driver.belief.add(seen(rocks))
    driver.plan((-40.0, 1.0), (40.0, 0.0))
    pose = (-40.0, 1.0)
    for _ in range(20):
        if driver.arrived(pose):
            break
        leg = driver.next_leg(pose, 15.0)
        pose = (float(leg[-1, 0]), float(leg[-1, 1]))
    assert driver.arrived(pose)
    assert 4.8 < math.dist(pose, (40.0, 0.0)) < 6.5
    assert driver.next_leg(pose, 15.0).tolist() == [list(pose)]


def test_impassable_cells_are_kept_out_of_detours_too() -> None:
    cost = flat()
    cost[:24, 25] = np.inf  # x 0..20, y > 20
    cost[26:, 25] = np.inf  # x 0..20, y < -20
    rng = np.random.default_rng(5)
    rocks = np.column_stack([rng.uniform(-30, 40, 60), rng.uniform(-20, 20, 60), np.full(60, 1.0)])
    rocks = rocks[np.hypot(rocks[:, 0] + 40, rocks[:, 1]) > 4]
    driver = Driver(REF, cost, Belief(), CLEARANCE_M)
    driver.belief.add(seen(rocks))
    driver.plan((-60.0, 0.0), (90.0, 0.0))
    pose = (-60.0, 0.0)
    while not driver.arrived(pose):
        leg = driver.next_leg(pose, 20.0)
        along = np.linspace(0.0, 1.0, 60)[:, None]
        for a, b in itertools.pairwise(leg):
            row, col = REF.rowcol(*(a + along * (b - a)).T)
            assert np.isfinite(cost[np.rint(row).astype(int), np.rint(col).astype(int)]).all()
        pose = (float(leg[-1, 0]), float(leg[-1, 1]))


def test_learns_from_ground_that_the_wheels_refuse() -> None:
    driver = Driver(REF, flat(), Belief(), CLEARANCE_M)
    driver.plan((-100.0, 10.0), (100.0, 10.0))
    leg = driver.next_leg((-100.0, 10.0), 40.0)
    driver.avoid((-85.0, 10.0))
    leg = driver.next_leg((-85.0, 10.0), 60.0)
    assert len(leg) > 2
    assert abs(driver.route.xy[:, 1] - 10.0).max() > 5.0
    for _ in range(40):
        try:
            driver.next_leg((-85.0, 10.0), 30.0)
            driver.avoid((-85.0, 10.0))
        except PlanError:
            return
    raise AssertionError("eight refused neighbours must leave no route")


def test_failures_name_metres_and_cells() -> None:
    cost = flat()
    cost[0:3, 0:8] = np.inf
    driver = Driver(REF, cost, Belief(), CLEARANCE_M)
    with pytest.raises(GoalOutside, match=r"goal \(9000, 0\) m is off the map; x must be -500..500"):
        driver.plan((0.0, 0.0), (9000.0, 0.0))
    with pytest.raises(GoalBlocked, match=r"nearest passable ground is"):
        driver.plan((0.0, 0.0), (-480.0, 480.0))
    with pytest.raises(StartBlocked, match="off the map"):
        driver.plan((0.0, -600.0), (0.0, 0.0))
    with pytest.raises(NoRoute, match="plan"):
        Driver(REF, cost, Belief(), CLEARANCE_M).next_leg((0.0, 0.0), 10.0)
    assert driver.plan((-480.0, 450.0), (0.0, 0.0)).xy[0].tolist() == [-480.0, 450.0]  # slid a little onto steep ground


def test_a_checkpoint_drives_on_as_if_nothing_had_happened() -> None:
    driver = Driver(REF, flat(), Belief(), CLEARANCE_M)
    driver.belief.add(seen(field(7, 0.05)))
    driver.plan((-300.0, 0.0), (300.0, 0.0))
    leg = driver.next_leg((-300.0, 0.0), 30.0)
    driver.avoid((float(leg[-1, 0]), float(leg[-1, 1])))
    belief = Belief.from_arrays(driver.belief.to_arrays())
    twin = Driver.from_arrays(REF, flat(), belief, driver.to_arrays())
    pose = (float(leg[-1, 0]), float(leg[-1, 1]))
    for _ in range(8):
        one, two = driver.next_leg(pose, 30.0), twin.next_leg(pose, 30.0)
        assert one.tobytes() == two.tobytes()
        pose = (float(one[-1, 0]), float(one[-1, 1]))
    assert {k: v.tobytes() for k, v in driver.to_arrays().items()} == {
        k: v.tobytes() for k, v in twin.to_arrays().items()
    }
    broken = driver.to_arrays()
    del broken["route"]
    with pytest.raises(SavedStateError, match="'route' is missing"):
        Driver.from_arrays(REF, flat(), belief, broken)
