"""Many robots: 40 on grids of 256 x 256, kept apart at all times, and optimal search for small groups against a joint search.

Three kinds of seeded worlds with two or three machines each: places near the south pole at 20 m cells (real ground, refined), random
fields full of obstacles, and a base on real ground that half of the fleet leaves and the other half comes home to. What is kept
apart is judged by the checker, which works on the finished routes in continuous time and shares nothing with the planner.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from moonfleet.autonomy.cbs import plan_group
from moonfleet.autonomy.cbs_search import JOINT_AFTER
from moonfleet.autonomy.errors import GoalBlocked, NoRoute, PlanInterrupted, StartBlocked
from moonfleet.autonomy.fleet_check import fleet_conflicts
from moonfleet.autonomy.fleet_routes import FleetPlan, FleetRobot, TimedRoute
from moonfleet.autonomy.fleetplan import FleetPlanner
from moonfleet.autonomy.traversability import DriveLimits, drive_cost
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site_layers import ground_layers
from moonfleet.terrain.site_recipe import SiteRecipe

from .checkout import from_tests
from .registry import Bar, Row, Tell, at_least, at_most
from .share_interval import wilson

BAR = "routes.7"
ROBOTS, CELLS, CELL_M, STEP_S = 40, 256, 20.0, 10.0
SEEDS = range(1, 9)  # of each kind of world
PLACES = (
    (222.7, -89.45),
    (291.2, -88.9),
    (204.3, -89.78),
    (31.0, -87.3),
)  # [deg] east, north: ridges and plains near the pole
MACHINES = (DriveLimits(20.0, 0.1), DriveLimits(15.0, 0.05), DriveLimits(20.0, 0.16))  # slope [deg], speed [m/s]
CLEARANCES_M = (10.0, 15.0, 30.0)  # by machine: of the disc that is a robot's own
IMPROVE = 60  # rounds
REPLANS = 5  # a world
PLAN_S, REPLAN_MS = 3.0, 100.0
SMALL, SMALL_NODES, JOINT_STATES = 120, 10_000, 100_000  # cases, what may be opened by ours and by the joint search
GROUPS = ((6, 0, 0.9), (8, 1, 0.25))  # robots, machine, least share that must be proven optimal
GROUP_SEEDS, GROUP_CELLS, GROUP_NODES, GROUP_GAP, GROUP_S = 20, 64, 1_000, 0.02, 5.0

F32 = NDArray[np.float32]


class World(NamedTuple):
    """A fleet on its ground."""

    kind: str
    robots: list[FleetRobot]


class Measured(NamedTuple):
    """What one world showed."""

    kind: str
    plan: FleetPlan | None
    improved: FleetPlan | None
    plan_s: float  # CPU
    improve_s: float
    conflicts: int  # pairs that come too near: in both plans and all replans
    alone: int  # pairs that come too near when nobody minds the others
    plain: bool  # planned in the given order, without another try
    replan_ms: list[float]


def many(tell: Tell) -> list[Row]:
    """Every claim of the bar."""
    runs: list[Measured] = []
    warm_up()
    for kind, make in WORLDS.items():
        for seed in SEEDS:
            runs.append(measure(World(kind, make(seed))))
            one = runs[-1]
            if one.plan is not None and one.improved is not None:
                tell(
                    f"{kind} {seed}: {one.plan_s:.2f} s, {one.plan.attempts} attempts, sum over bound {over(one.plan):.4f}, "
                    f"improved in {one.improve_s:.2f} s to {over(one.improved):.4f}; {one.alone} pairs meet if alone"
                )
            else:
                tell(f"{kind} {seed}: no plan; {one.alone} pairs meet if alone")
    return [*fleet_rows(runs), *small_cases(tell), *groups(tell)]


def fleet_rows(runs: Sequence[Measured]) -> list[Row]:
    """Return what the large fleets show."""
    solved = [run for run in runs if run.plan is not None]
    low, high = wilson(len(solved), len(runs))
    plain = sum(run.plain for run in runs)
    plain_low, plain_high = wilson(plain, len(runs))
    replans = np.array([ms for run in solved for ms in run.replan_ms])
    what = f"{ROBOTS} robots, {CELLS} x {CELLS} cells, {len(runs)} worlds"
    rows = [
        at_least(BAR, f"{what}: share planned (95 % {low:.3f} to {high:.3f})", len(solved) / len(runs), "", 1.0),
        at_most(
            BAR,
            "pairs ever nearer than their clearances: plans, improved plans, replans",
            sum(r.conflicts for r in runs),
            "",
            0,
        ),
        at_most(BAR, "CPU per plan, mean", float(np.mean([run.plan_s for run in solved])), "s", PLAN_S),
        at_most(BAR, "CPU per plan, worst", float(np.max([run.plan_s for run in solved])), "s", 10.0 * PLAN_S),
        at_most(
            BAR,
            "CPU to replan one robot round a new hazard, 95th percentile",
            float(np.quantile(replans, 0.95)),
            "ms",
            REPLAN_MS,
        ),
    ]
    for kind in WORLDS:
        mine = [run for run in solved if run.kind == kind]
        sums = float(np.mean([over(run.plan) for run in mine if run.plan]))
        better = float(np.mean([over(run.improved) for run in mine if run.improved]))
        spent = float(np.mean([run.improve_s for run in mine]))
        rows.append(at_most(BAR, f"{kind}: sum of arrivals over the sum of lower bounds, mean", sums, "", 1.25))
        rows.append(at_most(BAR, f"{kind}: the same, {IMPROVE} improving rounds ({spent:.1f} s)", better, "", sums))
    meet = float(np.mean([run.alone for run in runs]))
    least = min(run.alone for run in runs)
    return [
        *rows,
        Row(
            BAR,
            "pairs that come too near if each takes its own best way, mean",
            meet,
            "",
            "> 0",
            meet > 0,
            f"least {least}",
        ),
        Row(
            BAR,
            f"share planned by one pass in the given order (95 % {plain_low:.3f} to {plain_high:.3f})",
            plain / len(runs),
            "",
            "<= ours",
            plain <= len(solved),
            "prioritised, no other order",
        ),
    ]


def over(plan: FleetPlan) -> float:
    """Return the sum of arrivals over that of robots that have the map to themselves."""
    return plan.sum_of_arrivals_s / float(plan.alone_s.sum())


def measure(world: World) -> Measured:
    """Plan one world, improve, replan, and judge all of it."""
    robots = world.robots
    shape = robots[0].cost.shape
    alone = independent(robots, shape)
    plain = attempt(lambda: FleetPlanner(shape, CELL_M, STEP_S).plan(robots, order="given", restarts=0, improve=0))
    planner = FleetPlanner(shape, CELL_M, STEP_S)
    began = time.process_time()
    plan = attempt(lambda: planner.plan(robots, improve=0))
    plan_s = time.process_time() - began
    met = len(fleet_conflicts(alone, CELL_M))
    if plan is None:
        return Measured(world.kind, None, None, plan_s, 0.0, 0, met, plain is not None, [])
    began = time.process_time()
    improved = planner.plan(robots, improve=IMPROVE)
    improve_s = time.process_time() - began - plan_s
    conflicts = len(fleet_conflicts(plan)) + len(fleet_conflicts(improved))
    replans: list[float] = []
    for i in range(0, ROBOTS, ROBOTS // REPLANS):
        robot, at_s = hindered(robots[i], improved.routes[i])
        began = time.process_time()
        new = attempt(lambda robot=robot, at_s=at_s: planner.replan(improved, robot, at_s))
        replans.append(1e3 * (time.process_time() - began))
        conflicts += 0 if new is None else len(fleet_conflicts(new))
    return Measured(world.kind, plan, improved, plan_s, improve_s, conflicts, met, plain is not None, replans)


def attempt(work: Callable[[], FleetPlan]) -> FleetPlan | None:
    """Return the plan, None if there is none."""
    try:
        return work()
    except NoRoute:
        return None


def independent(robots: Sequence[FleetRobot], shape: tuple[int, int]) -> list[TimedRoute]:
    """Return every robot's best way with nobody else there."""
    planner = FleetPlanner(shape, CELL_M, STEP_S)
    return [planner.plan([robot]).routes[0] for robot in robots]


def hindered(robot: FleetRobot, route: TimedRoute) -> tuple[FleetRobot, float]:
    """Return the robot with a new hazard of 3 x 3 cells two thirds along its way, seen a third along it."""
    cost = robot.cost.copy()
    n = len(route.cells)
    row, col = route.cells[2 * n // 3]
    cost[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2] = np.inf
    for r, c in (route.cells[n // 3], route.cells[-1]):
        near = slice(max(r - 1, 0), r + 2), slice(max(c - 1, 0), c + 2)
        cost[near] = robot.cost[near]
    return FleetRobot(robot.name, cost, robot.start_rc, robot.goal_rc, robot.clearance_m), float(route.time_s[n // 3])


def warm_up() -> None:
    """Compile before anything is timed."""
    cost = np.ones((4, 4), dtype=np.float32)
    robots = [FleetRobot(str(i), cost, (i, 0), (3 - i, 3), 0.3) for i in range(4)]
    plan_group(FleetPlanner((4, 4), 1.0, 0.5), robots, nodes_max=20)


def machines(slope_deg: F32, cover: F32) -> list[F32]:
    """Return the cost grids of the machines [s/m]; each is cut down to its largest connected ground."""
    grids = [drive_cost(slope_deg, cover, limits) for limits in MACHINES]
    return [connected(grid) for grid in grids]


def connected(cost: F32) -> F32:
    """Return the grid with all but its largest connected passable ground impassable."""
    label = np.asarray(cast(Any, ndimage.label(np.isfinite(cost)))[0])
    sizes = np.bincount(label.ravel())
    sizes[0] = 0
    return np.where(label == int(np.argmax(sizes)), cost, np.float32(np.inf)).astype(np.float32)


def picked(
    rng: np.random.Generator, grids: Sequence[F32], kind: NDArray[np.int64], near: Any = None
) -> list[tuple[int, int]]:
    """Return one free cell per robot, every two their clearances apart; ``near`` (row, col, reach) keeps them together."""
    found: list[tuple[int, int]] = []
    for i, machine in enumerate(kind):
        at = np.argwhere(np.isfinite(grids[machine]))
        if near is not None:
            at = at[np.abs(at - np.array(near[:2])).max(axis=1) <= near[2]]
        for row, col in at[rng.permutation(len(at))]:
            apart = [
                np.hypot(row - r, col - c) * CELL_M >= CLEARANCES_M[machine] + CLEARANCES_M[kind[j]]
                for j, (r, c) in enumerate(found)
            ]
            if all(apart):
                found.append((int(row), int(col)))
                break
        if len(found) != i + 1:
            raise NoRoute("bench world: no room for all robots")
    return found


@lru_cache(maxsize=8)
def on_ground(seed: int) -> list[F32]:
    """Return machines' grids of one place near the pole."""
    lon, lat = PLACES[seed % len(PLACES)]
    layers = ground_layers(SiteRecipe(f"fleet {seed}", lon, lat, CELLS * CELL_M, CELL_M, seed))
    return machines(np.asarray(layers["slope"], np.float32), np.asarray(layers["rock_cover"], np.float32))


def named(grids: Sequence[F32], kind: NDArray[np.int64], ways: Sequence[Any]) -> list[FleetRobot]:
    """Return the robots."""
    return [
        FleetRobot(f"robot-{i}", grids[m], a, b, CLEARANCES_M[m])
        for i, (m, (a, b)) in enumerate(zip(kind, ways, strict=True))
    ]


def polar(seed: int) -> list[FleetRobot]:
    """Return robots with starts and goals anywhere on a place near the pole."""
    rng, grids = stream(seed, "bench fleet polar"), on_ground(seed)
    kind = rng.integers(0, len(MACHINES), ROBOTS)
    return named(grids, kind, list(zip(picked(rng, grids, kind), picked(rng, grids, kind), strict=True)))


def field(seed: int) -> list[FleetRobot]:
    """Return robots on a random field, a tenth of it obstacles of some cells."""
    rng = stream(seed, "bench fleet field")
    pace, rough = (ndimage.gaussian_filter(rng.normal(size=(CELLS, CELLS)), sigma) for sigma in (6.0, 3.0))
    cost = (10.0 * np.exp(0.4 * pace / pace.std())).astype(np.float32)
    cost[rough > np.quantile(rough, 0.88)] = np.inf
    cost = connected(cost)
    grids = [cost, (2.0 * cost).astype(np.float32), (0.7 * cost).astype(np.float32)]
    kind = rng.integers(0, len(MACHINES), ROBOTS)
    return named(grids, kind, list(zip(picked(rng, grids, kind), picked(rng, grids, kind), strict=True)))


def base(seed: int) -> list[FleetRobot]:
    """Return robots of which half start at a base and half come home to it, all within 500 m of its middle."""
    rng, grids = stream(seed, "bench fleet base"), on_ground(seed)
    kind = rng.integers(0, len(MACHINES), ROBOTS)
    common = np.isfinite(grids[1]) & np.isfinite(grids[0]) & np.isfinite(grids[2])
    room = ndimage.uniform_filter(common.astype(np.float32), 51)
    room[:30] = room[-30:] = room[:, :30] = room[:, -30:] = 0.0
    row, col = (int(v) for v in np.unravel_index(int(np.argmax(room)), room.shape))
    grids = [connected(grid) for grid in grids]
    home = picked(rng, grids, kind, (row, col, 25))
    outside = [grid.copy() for grid in grids]
    for grid in outside:
        grid[row - 30 : row + 31, col - 30 : col + 31] = np.inf
    away = picked(rng, outside, kind)
    half = ROBOTS // 2
    starts = home[:half] + away[half:]
    goals = away[:half] + home[half:]
    return named(grids, kind, list(zip(starts, goals, strict=True)))


def small_cases(tell: Tell) -> list[Row]:
    """Compare optimal search with the joint search on small random cases."""
    joint = from_tests("joint_search", BAR, "whose joint search is the slow reference").slow_best
    same = proven = compared = apart = jointly = 0
    for seed in range(SMALL):
        robots, makespan = small(seed)
        planner, goal = FleetPlanner(robots[0].cost.shape, 1.0, 1.0), "makespan" if makespan else "sum"
        best = None
        try:
            best = plan_group(planner, robots, goal, SMALL_NODES)
        except (StartBlocked, GoalBlocked):
            continue  # the case makes no sense
        except (NoRoute, PlanInterrupted):
            pass  # which is wrong if the joint search finds a plan
        expected = joint(robots, 1.0, 1.0, makespan=makespan, most=JOINT_STATES)
        if expected is None:
            apart += best is not None and len(fleet_conflicts(best.plan)) > 0
            continue
        compared += 1
        if best is not None:
            proven += best.optimal
            jointly += best.nodes >= JOINT_AFTER
            same += abs(expected - best.cost_s) < 1e-9
            apart += len(fleet_conflicts(best.plan)) > 0
    tell(
        f"joint search: {compared} of {SMALL} cases have a plan it finds, {proven} proven, {same} equal; "
        f"{jointly} went on to search all states together"
    )
    what = f"{compared} cases of 2 or 3 robots"
    return [
        at_least(BAR, f"optimal search equals the joint search, {what}", same / compared, "", 1.0),
        at_least(BAR, f"of these proven optimal within {SMALL_NODES} nodes", proven / compared, "", 0.95),
        at_most(BAR, "of their plans bring two robots too near", apart, "", 0),
    ]


def small(seed: int) -> tuple[list[FleetRobot], bool]:
    """Return two or three robots on a few cells, and whether the last arrival counts."""
    rng = stream(seed, "bench fleet small")
    shape = (int(rng.integers(2, 5)), int(rng.integers(2, 5)))
    count = 3 if shape[0] * shape[1] <= 9 and rng.random() < 0.5 else 2
    cost = rng.integers(1, 4, shape).astype(np.float32)
    cost[rng.random(shape) < 0.12] = np.inf
    free = np.argwhere(np.isfinite(cost))
    count = min(count, len(free))
    starts, goals = (free[rng.permutation(len(free))[:count]].tolist() for _ in range(2))
    clear = float(rng.choice([0.2, 0.35, 0.5]))
    robots = [
        FleetRobot(
            str(i),
            cost,
            tuple(starts[i]),
            tuple(goals[i]),
            clear,
            float(rng.integers(0, 3)),
            stays=bool(rng.random() < 0.8),
        )
        for i in range(count)
    ]
    return robots, bool(rng.random() < 0.3)


def groups(tell: Tell) -> list[Row]:
    """Say how often groups that cross one another are planned optimally, and what is proven where they are not."""
    rows: list[Row] = []
    for count, machine, least in GROUPS:
        proven, prioritised, gaps, seconds = 0, list[float](), list[float](), list[float]()
        for seed in range(GROUP_SEEDS):
            robots = crossing(seed, count, machine)
            planner = FleetPlanner(robots[0].cost.shape, CELL_M, STEP_S)
            first = attempt(lambda planner=planner, robots=robots: planner.plan(robots, improve=0))
            began = time.process_time()
            best = plan_group(
                planner,
                robots,
                nodes_max=GROUP_NODES,
                cancelled=lambda began=began: time.process_time() - began > GROUP_S,
            )
            seconds.append(time.process_time() - began)
            proven += best.optimal
            gaps.append(best.cost_s / best.plan.bound_s - 1.0)
            if best.optimal and first is not None:
                prioritised.append(first.sum_of_arrivals_s / best.cost_s - 1.0)
        low, high = wilson(proven, GROUP_SEEDS)
        tell(
            f"groups of {count}: {proven} of {GROUP_SEEDS} proven optimal in {GROUP_NODES} nodes and {GROUP_S:g} s, "
            f"CPU mean {np.mean(seconds):.2f} s; "
            f"one pass by priority is {100.0 * float(np.mean(prioritised)):.2f} % above the optimum"
        )
        what = f"{count} robots of {CLEARANCES_M[machine]:g} m that all cross, {GROUP_CELLS} x {GROUP_CELLS} cells"
        rows += [
            at_least(BAR, f"{what}: proven optimal (95 % {low:.2f} to {high:.2f})", proven / GROUP_SEEDS, "", least),
            at_most(BAR, f"{what}: cost over the proven bound, less one, mean", float(np.mean(gaps)), "", GROUP_GAP),
            at_most(BAR, f"{what}: CPU, mean", float(np.mean(seconds)), "s", GROUP_S),
        ]
    return rows


def crossing(seed: int, count: int, machine: int) -> list[FleetRobot]:
    """Return robots on a ring, each going to the far side, so that all cross the middle at once."""
    rng = stream(seed, "bench fleet group")
    cost = rng.uniform(5.0, 10.0, (GROUP_CELLS, GROUP_CELLS)).astype(np.float32)
    cost[rng.random(cost.shape) < 0.1] = np.inf
    grids, kind = [connected(cost)] * len(MACHINES), np.full(count, machine)
    turn = 2.0 * np.pi * (np.arange(count) + rng.random(count) * 0.3) / count
    ring = 31.5 + 24.0 * np.column_stack([np.cos(turn), np.sin(turn)])
    starts, goals = ([picked(rng, grids, kind[:1], (r, c, 4))[0] for r, c in ends] for ends in (ring, 63.0 - ring))
    return named(grids, kind, list(zip(starts, goals, strict=True)))


WORLDS: dict[str, Callable[[int], list[FleetRobot]]] = {"polar": polar, "field": field, "base": base}
BARS: dict[str, Bar] = {BAR: many}
