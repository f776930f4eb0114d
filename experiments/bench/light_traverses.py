"""Seeded traverses of two real places, and three ways to drive them in the World: straight on, charging when low, and by a light plan.

All ways share the World (60 s ticks, its power, heat and wheels), the machine, the start, the charge and the goal. Every 5 minutes a driver
may give an order. What the drivers know is the orbital map and the almanac; none knows how the World will go.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.catalogue import RobotSpec
from moonfleet.agents.state import Activity
from moonfleet.agents.travel import site_cost
from moonfleet.agents.world import World
from moonfleet.autonomy.errors import PlanError
from moonfleet.autonomy.lightplan import plan_light
from moonfleet.autonomy.lightplan_check import LightLaw, begun_late, check_light_plan
from moonfleet.autonomy.lightplan_problem import LightProblem
from moonfleet.autonomy.search import distance_field, shortest_path
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.catalogue import named_place
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import DAY_S
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site, SiteRecipe, build_site

PLACES = ("connecting-ridge", "change7")
SIZE_M, CELL_M, AZIMUTHS = 16_000.0, 40.0, 180
HOURS = 14 * 24  # [h] given to a traverse
DEPARTURES, EACH = 20, 5  # moments of the year per place, traverses from each
WAY_M = (5_000.0, 15_000.0)  # [m] shortest passable way from start to goal
LIT_START = 0.8  # [-] of the disc in sight at the start
ORDER_S, TICK_S = 300.0, 60.0
LEG = 60  # points given at a time
LOW, HIGH = 0.4, 0.95  # [-] of the battery: when 'charge when low' stops, and until when
WAKE = 0.1  # [-] of the battery at which a machine that went empty is told to go on
PLAN_RESERVE = 0.3  # [-] that plans do not touch; the machine's own reserve is 0.2
LATE_S, SHORT = 600.0, 0.02  # behind the plan in time [s] or battery [-]: does the rest of it still hold?

Cell = tuple[int, int]


class Traverse(NamedTuple):
    """One task: from where to where, when [s TDB], with how much charge [Wh]; the shortest passable way [m]."""

    start: Cell
    goal: Cell
    t0: float
    battery_wh: float
    way_m: float


class Outcome(NamedTuple):
    """How a traverse ended; times [h], energy [Wh]. ``least_wh`` is the least battery on the way."""

    went: bool
    arrived: bool
    empty: bool
    frozen: bool
    hours: float
    waited_h: float
    least_wh: float
    metres: float
    plans: int = 0


class Driver(Protocol):
    """Says what to do next: points (x, y) to drive along, or None to stand."""

    def order(
        self, now_s: float, xy: tuple[float, float], battery_wh: float, moving: bool, passed: int
    ) -> list[Cell] | bool | None:
        """Cells to drive through from here; None to stand; True to go on with what it does.

        ``passed``: cells of its last order that a moving machine has come through.
        """
        ...


def site_of(name: str) -> Site:
    """The place, from the cache or built (seconds)."""
    place = named_place(name)
    return build_site(SiteRecipe(name, place.lon_deg, place.lat_deg, SIZE_M, CELL_M, 1, AZIMUTHS))


def departures(site: Site, spec: RobotSpec, count: int = DEPARTURES, each: int = EACH) -> list[list[Traverse]]:
    """Return seeded traverses: ``count`` moments of 2029, each with ``each`` starts that are lit then, and goals 5-15 km away."""
    rng = stream(5, f"light traverses {site.name}")
    pace = site_cost(site, DriveLimits(spec.max_slope_deg, spec.speed_m_s))
    free = np.isfinite(pace)
    even = np.where(free, np.float32(1.0), np.float32(np.inf))
    year = utc_to_tdb("2029-01-01T00:00:00")
    found: list[list[Traverse]] = []
    while len(found) < count:
        t0 = year + float(rng.uniform(0.0, 365.0)) * DAY_S
        sky = site.sky.sample(np.array([t0]))
        lit = lit_now(site, sky.sun_az_deg[0], sky.sun_el_deg[0], sky.sun_radius_deg[0])
        starts = np.argwhere(free & (lit >= LIT_START))
        if len(starts) < 0.01 * free.size:
            continue  # night over the whole place: nobody sets out
        tasks: list[Traverse] = []
        while len(tasks) < each:
            start = _cell(starts[rng.integers(len(starts))])
            far = distance_field(even, start, site.ref.cell_m, corner_cutting=False)
            goals = np.argwhere((far >= WAY_M[0]) & (far <= WAY_M[1]))
            if len(goals):
                goal = _cell(goals[rng.integers(len(goals))])
                charge = float(rng.uniform(0.6, 1.0)) * spec.battery_wh
                tasks.append(Traverse(start, goal, t0, charge, float(far[goal])))
        found.append(tasks)
    return found


def lit_now(site: Site, az_deg: float, el_deg: float, radius_deg: float) -> NDArray[np.float32]:
    """Lit share of every cell."""
    from moonfleet.terrain.light import lit_map

    return lit_map(site.ref, site.horizon, float(az_deg), float(el_deg), float(radius_deg))


def _cell(at: NDArray[np.int64]) -> Cell:
    return int(at[0]), int(at[1])


class Straight:
    """Drives the quickest way, whatever the light."""

    def __init__(self, site: Site, spec: RobotSpec, problem: LightProblem, task: Traverse) -> None:
        cost = site_cost(site, DriveLimits(spec.max_slope_deg, spec.speed_m_s))
        way = shortest_path(cost, task.start, task.goal, site.ref.cell_m, corner_cutting=False)
        self.cells = [_cell(cell) for cell in way.cells]
        self.at = 0
        self.site, self.spec, self.problem = site, spec, problem

    def order(
        self, now_s: float, xy: tuple[float, float], battery_wh: float, moving: bool, passed: int
    ) -> list[Cell] | bool | None:
        """Go on, or set out again along the rest of the way."""
        if moving:
            return True
        self.look(xy)
        return self.cells[self.at + 1 : self.at + 1 + LEG] or None

    def look(self, xy: tuple[float, float]) -> None:
        """Find which cell of the way is nearest: never one already left behind."""
        x, y = self.site.ref.xy(*np.array(self.cells[max(self.at - 2, 0) : self.at + LEG + 2]).T)
        self.at = max(self.at - 2, 0) + int(np.argmin((x - xy[0]) ** 2 + (y - xy[1]) ** 2))


class ChargeWhenLow(Straight):
    """Drives the quickest way; with a low battery it stops in the nearest lit cell of it, and charges."""

    charging = False
    seeking: Cell | None = None

    def order(
        self, now_s: float, xy: tuple[float, float], battery_wh: float, moving: bool, passed: int
    ) -> list[Cell] | bool | None:
        """Stop, seek light, or go on."""
        self.look(xy)
        hour = min(int(now_s // 3600.0), self.problem.steps - 1)
        lit = self.problem.lit[hour] >= 128
        if battery_wh >= HIGH * self.spec.battery_wh:
            self.charging = False
        elif battery_wh <= LOW * self.spec.battery_wh:
            self.charging = True
        if not self.charging:
            self.seeking = None
            ahead = self.cells[self.at + 1 : self.at + 1 + LEG]
            return True if moving else (ahead or None)
        if lit[self.cells[self.at]]:
            self.seeking = None
            return None
        near = [i for i in range(len(self.cells)) if lit[self.cells[i]]]
        if not near:
            return None
        best = min(near, key=lambda i: (abs(i - self.at), -i))
        if self.seeking == self.cells[best] and moving:
            return True
        self.seeking = self.cells[best]
        span = self.cells[self.at : best + 1][1:] if best > self.at else self.cells[best : self.at][::-1]
        return span[:LEG] or None


class Planned:
    """Follows a light plan cell by cell, never more than one ahead of it.

    Plans keep more in reserve than the machine must; the difference is for what goes otherwise than planned. Where the machine is late, or
    has less in its battery than planned, it asks whether the rest of the plan still keeps the machine's own reserve from here and now,
    and goes on with that; where it does not, it stops and plans again at the next full hour.
    """

    def __init__(self, site: Site, spec: RobotSpec, problem: LightProblem, task: Traverse) -> None:
        self.site, self.spec, self.problem, self.task = site, spec, problem, task
        own = spec.reserve_frac * spec.battery_wh
        self.strict = problem._replace(power=problem.power._replace(reserve_wh=own))
        self.law = LightLaw(self.strict)
        self.again, self.plans, self.failed = False, 1, 0
        plan = plan_light(problem, task.start, task.goal, task.battery_wh, explain=False)
        self.times, self.cells, self.battery = plan.times_s, plan.cells, plan.battery_wh
        self.at = 0  # the last event that the machine has been through
        self.sent_at = 0  # what that was when the last order was given

    def order(
        self, now_s: float, xy: tuple[float, float], battery_wh: float, moving: bool, passed: int
    ) -> list[Cell] | bool | None:
        """Begin what the plan begins before the next order."""
        if moving:  # it may be between two middles: those behind it must not be driven to again
            self.at = max(self.at, min(self.sent_at + passed, len(self.times) - 1))
        self.look(xy)
        if self.again:
            if now_s % 3600.0 < ORDER_S:
                self.plan_again(now_s, xy, battery_wh)
            elif self.failed == 0:
                return True if moving else None
        last = len(self.times) - 1
        due = int(np.searchsorted(self.times, now_s + 1e-6, side="right")) - 1
        late = now_s - float(self.times[min(self.at + 1, last)]) if self.at < last else 0.0
        short = float(self.battery[min(max(due, 0), last)]) - battery_wh
        if not self.again and self.at < last and (late > LATE_S or short > SHORT * self.spec.battery_wh):
            self.go_on_late(now_s, battery_wh)
        to = int(np.searchsorted(self.times, now_s + ORDER_S - 1e-6, side="right"))  # every crossing that is to begin
        to = min(to, len(self.times) - 1)
        if to >= len(self.times) - 1:
            self.at = min(self.at, len(self.times) - 2) if len(self.times) > 1 else -1  # to the middle of the goal cell
        ahead = [_cell(self.cells[i]) for i in range(self.at + 1, to + 1)]
        if ahead:
            self.sent_at = self.at
        return ahead[:LEG] or (True if moving else None)

    def look(self, xy: tuple[float, float]) -> None:
        """Count the events gone through: those whose cells the machine has come to, in order, or near the middle of."""
        cell = self.site.ref.cell_m
        while self.at + 1 < len(self.times):
            x, y = self.site.ref.xy(*(int(v) for v in self.cells[self.at + 1]))
            if np.hypot(float(x) - xy[0], float(y) - xy[1]) > 0.05 * cell:
                behind = self.cells[self.at + 1 : self.at + 4]
                x, y = self.site.ref.xy(*behind.T)
                near = np.flatnonzero(np.hypot(x - xy[0], y - xy[1]) <= 0.05 * cell)
                if near.size == 0:
                    break
                self.at += int(near[0])
            self.at += 1

    def go_on_late(self, now_s: float, battery_wh: float) -> None:
        """Take the rest of the plan as it would go from here and now, if it holds."""
        times, cells = begun_late(self.times, self.cells, max(self.at, 0), now_s, self.law.tick_s)
        found = check_light_plan(self.strict, times, cells, battery_wh, self.law)
        if found.faults:
            self.again = True
            return
        self.times, self.cells, self.battery, self.at = times, cells, found.battery_wh, 0

    def plan_again(self, now_s: float, xy: tuple[float, float], battery_wh: float) -> None:
        """Make a plan from here and now; where there is none, keep the old one and ask again in an hour."""
        hour = round(now_s / 3600.0)
        problem = self.problem
        if hour >= problem.steps:
            return
        earth = None if problem.earth is None else problem.earth[hour:]
        least = max(self.spec.reserve_frac * self.spec.battery_wh, min(battery_wh - 1.0, problem.power.reserve_wh))
        rest = problem._replace(
            lit=problem.lit[hour:], earth=earth, power=problem.power._replace(reserve_wh=least), ticks=self.law.ticks
        )
        try:
            plan = plan_light(rest, self.site.ref.cell_of(*xy), self.task.goal, battery_wh, explain=False)
        except PlanError:
            self.failed += 1
            return
        self.times, self.cells, self.battery, self.at = plan.times_s + now_s, plan.cells, plan.battery_wh, 0
        self.again, self.failed = False, 0
        self.plans += 1


def drive_all(site: Site, spec: RobotSpec, tasks: list[Traverse], drivers: list[Driver | None]) -> list[Outcome]:
    """Let every driver drive its traverse in a world of its own; None stays at home."""
    xy = np.array([[site.ref.xy(*task.start)] for task in tasks], dtype=np.float64)
    world = World(site, [spec], xy, np.array([task.t0 for task in tasks]), tick_s=TICK_S)
    state, count = world.state, len(tasks)
    state.battery_wh[:, 0] = [task.battery_wh for task in tasks]
    goals = np.array([site.ref.xy(*task.goal) for task in tasks])
    arrived = np.full(count, np.nan)
    least = state.battery_wh[:, 0].copy()
    driven, empty = np.zeros(count), np.zeros(count, dtype=np.bool_)
    frozen, metres = empty.copy(), np.zeros(count)
    going = np.array([driver is not None for driver in drivers])
    ticks = round(ORDER_S / TICK_S)
    for order in range(round(HOURS * 3600.0 / ORDER_S)):
        now = order * ORDER_S
        for w in np.flatnonzero(going).tolist():
            driver, battery = drivers[w], float(state.battery_wh[w, 0])
            at = (float(state.x[w, 0]), float(state.y[w, 0]))
            if state.activity[w, 0] == Activity.LOST:
                going[w] = False
                continue
            if state.activity[w, 0] == Activity.HIBERNATE and battery < WAKE * spec.battery_wh:
                continue  # it went empty: asleep until there is something to drive with
            if driver is None:
                continue
            said = driver.order(
                now, at, battery, bool(state.activity[w, 0] == Activity.DRIVE), int(state.leg_next[w, 0])
            )
            if said is None or said is False:
                world.set_activity(w, 0, Activity.HOLD)
            elif said is not True:
                world.set_leg(w, 0, np.array([site.ref.xy(*cell) for cell in said], dtype=np.float64))
        before = state.odometer_m[:, 0].copy()
        for _ in range(ticks):
            world.tick(1)
            least[going] = np.minimum(least[going], state.battery_wh[going, 0])
        empty |= going & (state.brownouts[:, 0] > 0)
        frozen |= going & (state.activity[:, 0] == Activity.LOST)
        metres = np.where(going, state.odometer_m[:, 0], metres)
        driven += going * (state.odometer_m[:, 0] > before + 1e-9) * ORDER_S
        there = going & (np.hypot(state.x[:, 0] - goals[:, 0], state.y[:, 0] - goals[:, 1]) < 1.0)
        arrived[there] = now + ORDER_S
        going &= ~there
        if not going.any():
            break
    outcomes: list[Outcome] = []
    for w in range(count):
        went, came = drivers[w] is not None, bool(np.isfinite(arrived[w]))
        hours = float(arrived[w]) / 3600.0 if came else float(HOURS)
        outcomes.append(
            Outcome(
                went, came, bool(empty[w]), bool(frozen[w]), hours, hours - float(driven[w]) / 3600.0, float(least[w]),
                float(metres[w]), getattr(drivers[w], "plans", 0),
            )
        )  # fmt: skip
    return outcomes
