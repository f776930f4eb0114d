"""From a question of a user (where from, where to, when, with what) to a plan over light and battery, and the naive way beside it."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.catalogue import RobotSpec, robot_spec
from moonfleet.agents.light_problem import light_problem
from moonfleet.autonomy.errors import NoLitWindow, NoRoute, OutOfEnergy, PlanError
from moonfleet.autonomy.lightplan import LightPlan, plan_light
from moonfleet.autonomy.lightplan_check import LightCheck, LightLaw, check_light_plan
from moonfleet.autonomy.lightplan_open import charge_needed, ever_open, ever_reached, has_light_rules
from moonfleet.autonomy.lightplan_problem import LightProblem, LightRules
from moonfleet.autonomy.one_way import against_one_way
from moonfleet.autonomy.search import shortest_path
from moonfleet.autonomy.zone_raster import with_zones
from moonfleet.autonomy.zones_geojson import PlanZones, read_zones
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.site import Site

from .errors import OptionError
from .route_places import AWAY, cell_of_end, place_xy, rule_of, ruled_places, spot
from .route_track import HOUR_S, RouteTrack, track_of_plan

LIT_SHARE: Final = 0.3  # [-] of the Sun's disc: with --lit it drives only where so much is seen
GOALS_TRIED: Final = 4  # of a goal by a rule: the best, and the next best where no light leads there
MAX_CELL_HOURS: Final = 500_000_000  # cells times hours: the light of all of them lies in memory, a byte each
CHARGE: Final = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(%|wh)\s*", re.IGNORECASE)

Tell = Callable[[str, float], object]
Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RouteAsk:
    """What the user asked; None where nothing was said."""

    start: str | None = None
    goal: str | None = None
    robot: str = "yutu-rover"
    depart: str = "2029-01-11T00:00"
    days: float = 14.0
    battery: str = "100%"
    reserve: str | None = None
    lit: bool = False
    link: bool = False
    haven_hours: float | None = None
    zones: Path | None = None


class RouteAnswer(NamedTuple):
    """The plan, how it was checked, and the fastest way without a look at light or battery, driven at once."""

    site: Site
    spec: RobotSpec
    ask: RouteAsk
    t0: float  # [s TDB past J2000] that times count from
    problem: LightProblem
    start_wh: float
    plan: LightPlan
    check: LightCheck
    track: RouteTrack
    naive: RouteTrack
    zones: PlanZones | None = None
    bare_s_m: NDArray[np.float32] | None = None  # the pace without the zones
    against: tuple[str, ...] = ()  # one-way corridors that it could not keep to
    passed_over: bool = False  # there is a better goal by the rule asked for, but no plan leads there

    @property
    def ends(self) -> tuple[str, str]:
        """Start and goal in words."""
        first, last = self.track.xy[0], self.track.xy[-1]
        return spot((float(first[0]), float(first[1]))), spot((float(last[0]), float(last[1])))


def charge_wh(option: str, words: str, capacity_wh: float) -> float:
    """Return a charge such as ``80%`` or ``900Wh`` in Wh. Raises `OptionError` for anything else, or more than the battery holds.

    >>> charge_wh("--battery", "80%", 1400.0), charge_wh("--battery", "900 Wh", 1400.0)
    (1120.0, 900.0)
    """
    found = CHARGE.fullmatch(words)
    if found is None:
        raise OptionError(f"{option} = {words}: is not a charge; allowed: a number with its unit, such as 80% or 900Wh")
    value = float(found[1]) * (1.0 if found[2].lower() == "wh" else 0.01 * capacity_wh)
    if value > capacity_wh * (1.0 + 1e-9):
        raise OptionError(f"{option} = {words}: allowed: up to 100%, which is {capacity_wh:g}Wh here")
    return value


def check_ask(ask: RouteAsk) -> tuple[RobotSpec, float, PlanZones | None]:
    """Return the machine, the departure [s TDB past J2000] and the zones: what can be checked before a site is built.

    Raises `UnknownRobot`, `SkyError`, `ZoneError` or `OptionError`.
    """
    spec = robot_spec(ask.robot)
    if spec.speed_m_s <= 0.0:
        raise OptionError(f"--robot = {ask.robot}: does not drive; choose a rover, such as yutu-rover or viper-rover")
    if not 0.05 <= ask.days <= 120.0:
        raise OptionError(f"--days = {ask.days:g}: allowed: 0.05 to 120")
    if ask.haven_hours is not None and not 0.0 <= ask.haven_hours <= 10_000.0:
        raise OptionError(f"--haven-hours = {ask.haven_hours:g}: allowed: 0 to 10000")
    charge_wh("--battery", ask.battery, spec.battery_wh)
    if ask.reserve is not None and charge_wh("--reserve", ask.reserve, spec.battery_wh) >= spec.battery_wh:
        raise OptionError(f"--reserve = {ask.reserve}: allowed: less than the whole battery")
    return spec, utc_to_tdb(ask.depart), None if ask.zones is None else read_zones(ask.zones)


def answer(site: Site, ask: RouteAsk, tell: Tell) -> RouteAnswer:
    """Return the plan that arrives first.

    Raises `OptionError`, and the failures of a plan (`moonfleet.autonomy.errors`), with places as the user writes them; `ZoneError` for
    zones that cannot be used.
    """
    spec, t0, zones = check_ask(ask)
    hours = math.ceil(ask.days * 24.0)
    if site.ref.rows * site.ref.cols * hours > MAX_CELL_HOURS:
        raise OptionError(
            f"--days = {ask.days:g}: {site.ref.rows} x {site.ref.cols} cells over {hours} h are more than is kept in memory; "
            "allowed: fewer days, a smaller --size or larger cells"
        )
    rules = LightRules(
        drive_lit=LIT_SHARE if ask.lit else 0.0, drive_link=ask.link,
        dark_wait_h=math.inf if ask.haven_hours is None else ask.haven_hours,
    )  # fmt: skip
    tell("light and links of the hours ahead", 0.0)
    reserve = None if ask.reserve is None else charge_wh("--reserve", ask.reserve, spec.battery_wh) / spec.battery_wh
    problem = light_problem(site, spec, t0, hours, rules, reserve_frac=reserve)
    bare = problem.pace_s_m
    if zones is not None:
        pace = with_zones(problem.pace_s_m, site.ref, zones.keepouts(site.ref.bounds), zones.corridors)
        problem = problem._replace(pace_s_m=pace)
    start_wh = charge_wh("--battery", ask.battery, spec.battery_wh)
    asked = 0

    def step() -> bool:
        nonlocal asked
        asked += 1
        tell("planning over place, time and battery", min(asked / hours, 1.0))
        return False

    ends = _ends(site, ask, spec, problem, bare, start_wh)
    only = ask.start is not None and rule_of(ask.goal or "best-lit") is None
    plan = _first_plan(site, problem, ends, start_wh, step, only)
    against: tuple[str, ...] = ()
    if zones is not None and any(way.one_way_deg is not None for way in zones.corridors):
        problem, plan, against = _kept_to(site, problem, zones, plan, start_wh, step)
    first, last = ((int(cell[0]), int(cell[1])) for cell in (plan.cells[0], plan.cells[-1]))
    passed = False
    if rule_of(ask.goal or "best-lit") is not None:
        other = None if ask.start is None else site.ref.xy(float(first[0]), float(first[1]))
        best = place_xy(site, "--to", ask.goal or "best-lit", spec.max_slope_deg, other=other)
        passed = site.ref.cell_of(*best) != last
    check = check_light_plan(problem, plan.times_s, plan.cells, start_wh)
    naive = straight_through(site, problem, first, last, start_wh)
    track = track_of_plan(site.ref, problem, plan)
    return RouteAnswer(site, spec, ask, t0, problem, start_wh, plan, check, track, naive, zones, bare, against, passed)


def _first_plan(
    site: Site, problem: LightProblem, ends: Iterable[tuple[Cell, Cell]], start_wh: float, step: Callable[[], bool], only: bool,
) -> LightPlan:  # fmt: skip
    """Return the plan between the first pair of ends that there is one for; ``only``: there is no more than one pair.

    Raises what keeps the robot from the first, where there is a plan for none.
    """
    first: tuple[Cell, Cell] | None = None
    for pair in ends:
        if first is not None or not only:
            with contextlib.suppress(NoRoute, NoLitWindow, OutOfEnergy):
                return plan_light(problem, *pair, start_wh, explain=False, stop=step)
        first = first or pair
    if first is None:
        raise OptionError("--from, --to: no ends of a way are found; give both as places")
    try:
        return plan_light(problem, *first, start_wh, stop=step)
    except (NoRoute, NoLitWindow, OutOfEnergy) as error:
        words = str(error)
        for cell in first:
            x, y = site.ref.xy(float(cell[0]), float(cell[1]))
            words = words.replace(f"cell {cell}", spot((x, y)))
        raise type(error)(words) from error


def _kept_to(
    site: Site, problem: LightProblem, zones: PlanZones, plan: LightPlan, start_wh: float, step: Callable[[], bool]
) -> tuple[LightProblem, LightPlan, tuple[str, ...]]:
    """Return problem and plan with those one-way corridors closed that the way would go against, and the names of those it still does.

    The planner's crossings know no heading, so a corridor is driven along, or not at all. Where that leaves no plan, the one that there
    was stays, and tells.
    """
    ends = [(int(cell[0]), int(cell[1])) for cell in (plan.cells[0], plan.cells[-1])]
    for _ in zones.corridors:
        wrong = against_one_way(site.ref, zones.corridors, plan.cells)
        if not wrong:
            break
        shut = with_zones(problem.pace_s_m, site.ref, [zones.corridors[i].polygon for i in wrong])
        for cell in ends:
            shut[cell] = problem.pace_s_m[cell]
        closed = problem._replace(pace_s_m=shut)
        try:
            plan = plan_light(closed, ends[0], ends[1], start_wh, explain=False, stop=step)
        except PlanError:
            break
        problem = closed
    left = against_one_way(site.ref, zones.corridors, plan.cells)
    return problem, plan, tuple(zones.corridors[i].name or f"corridor {i}" for i in left)


def _ends(
    site: Site, ask: RouteAsk, spec: RobotSpec, problem: LightProblem, bare: NDArray[np.float32], start_wh: float
) -> Iterator[tuple[Cell, Cell]]:
    """Yield cells of start and goal: one pair or, of ends that are picked, several to be tried in turn.

    What was not given is picked: the best-lit ground, and flat ground away from it, nearer where it must be. Rules look only at ground
    that is passable, that light, links and zones ever open, and that lies within reach of the other end.
    """
    slope, ruled = spec.max_slope_deg, has_light_rules(problem)
    opened = ever_open(problem)
    closed = ~(opened & np.isfinite(problem.pace_s_m))
    start_xy = None if ask.start is None else place_xy(site, "--from", ask.start, slope, closed=closed)
    start = None if start_xy is None else cell_of_end(site, "--from", start_xy, problem.pace_s_m, bare)
    words = ask.goal or "best-lit"
    if rule_of(words) is None:
        goals = [place_xy(site, "--to", words, slope)]
        goal = cell_of_end(site, "--to", goals[0], problem.pace_s_m, bare)
        if not opened[goal]:
            _refuse_dark(site, ask, goals[0], goal, closed)
    else:
        barred = closed
        if start is not None and ruled:
            away_from = ~ever_reached(problem, start, start_wh)
            away_from[start] = True
            barred = _or_more(closed, away_from)
        goals = ruled_places(site, "--to", words, slope, other=start_xy, closed=barred, most=GOALS_TRIED)
    cells = [cell_of_end(site, "--to", goal_xy, problem.pace_s_m, bare) for goal_xy in goals]
    if start in cells[:1]:
        raise OptionError("--from and --to lie in one cell: there is no way to plan")
    if start is not None:
        yield from ((start, goal) for goal in cells if goal != start)
        return
    some = False
    for goal_xy, goal in zip(goals, cells, strict=True):
        barred = _or_more(closed, charge_needed(problem, goal) > start_wh) if ruled else closed
        for away in AWAY:
            with contextlib.suppress(OptionError):
                xy = place_xy(site, "--from", "flat", slope, other=goal_xy, away=away, closed=barred)
                yield cell_of_end(site, "--from", xy, problem.pace_s_m, bare), goal
                some = True
    if not some:  # the planner says why
        impassable = ~np.isfinite(problem.pace_s_m)
        xy = place_xy(site, "--from", "flat", slope, other=goals[0], away=AWAY[0], closed=impassable)
        yield cell_of_end(site, "--from", xy, problem.pace_s_m, bare), cells[0]


def _or_more(closed: NDArray[np.bool_], more: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return both masks as one, or the first alone where that would close everything."""
    both = closed | more
    return closed if both.all() else both


def _refuse_dark(site: Site, ask: RouteAsk, xy: tuple[float, float], goal: Cell, closed: NDArray[np.bool_]) -> None:
    """Raise `NoLitWindow` for a goal that no time would ever open.

    That is one in or beside permanent shadow with --lit, and one out of the Earth's sight with --link.
    """
    row, col = goal
    near = np.s_[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2]
    why = ""
    if ask.lit and bool(np.asarray(site.permanent_shadow[near]).any()):
        why = "lies in permanent shadow or beside it, so it is never lit enough to drive there with --lit"
    elif ask.link and float(site.earth_visible[goal]) == 0.0:
        why = "never sees the Earth, so nobody drives there with --link"
    if not why:
        return
    free = np.argwhere(~closed)
    hint = "no ground of the site is, in that time"
    if len(free):
        r, c = free[int(np.argmin(np.hypot(free[:, 0] - row, free[:, 1] - col)))]
        x, y = site.ref.xy(float(r), float(c))
        hint = f"the nearest ground that opens in that time: --to {x:.0f},{y:.0f}"
    raise NoLitWindow(f"--to: {spot(xy)} {why}; {hint}.")


def straight_through(
    site: Site, problem: LightProblem, start: tuple[int, int], goal: tuple[int, int], battery_wh: float
) -> RouteTrack:
    """Return the fastest way, set out on at once and driven without a stop, whatever the light; it ends where the battery is empty.

    The same machine, ground and light as the plan's, without its rounding to ticks.
    """
    cells = shortest_path(problem.pace_s_m, start, goal, problem.cell_m, corner_cutting=False).cells
    way = np.where(np.abs(np.diff(cells, axis=0)).sum(axis=1) == 2, math.sqrt(2.0), 1.0) * problem.cell_m
    lasts = way * problem.pace_s_m[cells[1:, 0], cells[1:, 1]]
    times = np.concatenate(([0.0], np.cumsum(lasts.astype(np.float64))))
    law, power = LightLaw(problem), problem.power
    battery = np.full(len(cells), battery_wh)
    lit = np.zeros(len(cells) - 1)
    earth = np.zeros(len(cells) - 1, dtype=np.bool_)
    lost, last = "", len(cells)
    for i in range(1, len(cells)):
        step = int((times[i] - 1e-6) // problem.step_s)
        if step >= problem.steps:
            lost, last = f"not there after the {problem.steps * problem.step_s / HOUR_S:.0f} h that are known", i
            break
        cell = (int(cells[i, 0]), int(cells[i, 1]))
        light = law.light_round(step, cell)
        lit[i - 1], earth[i - 1] = light / 255.0, law.sees_earth(step, cell)
        gain = float(power.drive_w[light]) * (times[i] - times[i - 1]) / HOUR_S
        battery[i] = min(battery[i - 1] + gain, power.capacity_wh)
        if battery[i] <= 0.0:
            battery[i] = 0.0
            lost, last = "battery empty", i + 1
            break
    last = max(last, 2)
    xy = np.stack(site.ref.xy(cells[:last, 0], cells[:last, 1]), axis=-1)
    return RouteTrack(xy, times[:last], battery[:last], lit[: last - 1], earth[: last - 1], (), lost)


def longest_dark_h(track: RouteTrack) -> float:
    """Return the longest time on end in the dark [h]."""
    if track.times_s is None or track.lit is None:
        return 0.0
    longest = dark = 0.0
    for lasts, lit in zip(np.diff(track.times_s), track.lit, strict=True):
        dark = dark + float(lasts) if lit < DARK_BELOW else 0.0
        longest = max(longest, dark)
    return longest / HOUR_S
