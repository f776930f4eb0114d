"""From a question of a user (where from, where to, when, with what) to a plan over light and battery, and the naive way beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from moonfleet.agents.catalogue import RobotSpec, robot_spec
from moonfleet.agents.light_problem import light_problem
from moonfleet.autonomy.errors import NoRoute
from moonfleet.autonomy.lightplan import LightPlan, plan_light
from moonfleet.autonomy.lightplan_check import LightCheck, LightLaw, check_light_plan
from moonfleet.autonomy.lightplan_problem import LightProblem, LightRules
from moonfleet.autonomy.search import shortest_path
from moonfleet.autonomy.zone_raster import with_zones
from moonfleet.autonomy.zones_geojson import PlanZones, read_zones
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.site import Site

from .errors import OptionError
from .route_places import cell_of_end, place_xy, spot
from .route_track import HOUR_S, RouteTrack, track_of_plan

LIT_SHARE: Final = 0.3  # [-] of the Sun's disc: with --lit it drives only where so much is seen
MAX_CELL_HOURS: Final = 500_000_000  # cells times hours: the light of all of them lies in memory, a byte each
CHARGE: Final = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(%|wh)\s*", re.IGNORECASE)

Tell = Callable[[str, float], object]


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
    start, goal = _ends(site, ask, spec, problem, bare)
    start_wh = charge_wh("--battery", ask.battery, spec.battery_wh)
    asked = 0

    def step() -> bool:
        nonlocal asked
        asked += 1
        tell("planning over place, time and battery", min(asked / hours, 1.0))
        return False

    try:
        plan = plan_light(problem, start, goal, start_wh, stop=step)
    except NoRoute as error:
        words = str(error)
        for cell in (start, goal):
            x, y = site.ref.xy(float(cell[0]), float(cell[1]))
            words = words.replace(f"cell {cell}", spot((x, y)))
        raise NoRoute(words) from error
    check = check_light_plan(problem, plan.times_s, plan.cells, start_wh)
    naive = straight_through(site, problem, start, goal, start_wh)
    track = track_of_plan(site.ref, problem, plan)
    return RouteAnswer(site, spec, ask, t0, problem, start_wh, plan, check, track, naive)


def _ends(
    site: Site, ask: RouteAsk, spec: RobotSpec, problem: LightProblem, bare: np.ndarray
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the cells of start and goal; what was not given is picked: the best-lit ground, and flat ground away from it."""
    slope = spec.max_slope_deg
    start_xy = None if ask.start is None else place_xy(site, "--from", ask.start, slope)
    start = None if start_xy is None else cell_of_end(site, "--from", start_xy, problem.pace_s_m, bare)
    goal_xy = place_xy(site, "--to", ask.goal or "best-lit", slope, other=start_xy)
    goal = cell_of_end(site, "--to", goal_xy, problem.pace_s_m, bare)
    if start is None:
        start_xy = place_xy(site, "--from", "flat", slope, other=goal_xy, away=True)
        start = cell_of_end(site, "--from", start_xy, problem.pace_s_m, bare)
    if start == goal:
        raise OptionError("--from and --to lie in one cell: there is no way to plan")
    return start, goal


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
