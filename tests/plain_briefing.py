"""The slow, obvious way to brief robots and to give out jobs: one robot, one job, one hour at a time.

What `moonfleet.agents` does for all robots at once is held to this, to the last bit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.almanac import FAR_H, MORE_H, WHOLE
from moonfleet.agents.estimates import HOP_H, LONGEST_WORK_H, NO_WAY, drain_rates
from moonfleet.agents.forecast import LINK_H
from moonfleet.agents.knowledge import NEVER_S, UNFIT, Board
from moonfleet.agents.lit_hours import WAY_H
from moonfleet.agents.messages import JobOffer, Phase, Sense, Situation
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.operations import Operations
from moonfleet.agents.power import panel_share, panel_w
from moonfleet.agents.robot import ARRIVED_M
from moonfleet.agents.state import Activity, Link
from moonfleet.agents.station import LOYALTY, MIN_H
from moonfleet.agents.tools import tool_power
from moonfleet.agents.travel import APART_M, STILL_H, beside, travel_field
from moonfleet.agents.ways import DARK_HOUR, WATCH_AT_H, WATCH_H
from moonfleet.agents.world import World
from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.allocate import allocate
from moonfleet.autonomy.jobs import KIND_INDEX, Job
from moonfleet.autonomy.observation import (
    ACTIVITIES,
    CHARGE,
    GO_ON,
    HIBERNATE,
    HOLD,
    JOB0,
    K_JOBS,
    K_OTHERS,
    RELAY,
    WINDOWS_H,
)
from moonfleet.autonomy.policy import Observation
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.constants import DARK_BELOW, SOLAR_CONSTANT_W_M2
from moonfleet.terrain.light import clearance_deg, lit_at, local_elevation_deg

Place = tuple[float, float]


def ready(job: Job, board: Board, index_of: dict[str, int], t_s: float) -> bool:
    """Whether a board says that a job can be worked on now: not done, prerequisites done, window open."""
    return all(board.done[index_of[need]] for need in job.needs) and job.open_at(t_s)


class LightAhead(NamedTuple):
    """Lit part of the next 1, 3, 6, 12, 24, 48 h; hours to the next darkness and how long it lasts."""

    windows: list[float]
    dark_in_h: float
    dark_for_h: float


class PlainForecast:
    """Forecasts hour by hour, for the middle of a map cell; light is rounded to `WHOLE` parts of the disc."""

    def __init__(self, mission: MissionSpec) -> None:
        self.site = mission.site
        self.center = mission.site.ref.centre
        times = mission.t0 + 3600.0 * np.arange(mission.duration_s // 3600 + MORE_H)
        sky = self.site.sky.sample(times)
        self.sun = np.column_stack([sky.sun_az_deg, sky.sun_el_deg, sky.sun_radius_deg])
        self.earth = np.column_stack([sky.earth_az_deg, sky.earth_el_deg])
        self.relay = np.full((len(times), 2), -90.0)
        if mission.relay is not None:
            look = mission.relay.look(times, self.site.sky.lon_deg, self.site.sky.lat_deg)
            self.relay = np.column_stack([look.az_deg, look.el_deg])
        self.lit: dict[tuple[int, int, int], float] = {}

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Map cell of a place."""
        return self.site.ref.cell_of(x, y)

    def middle(self, row: int, col: int) -> tuple[float, float]:
        """Metres from the middle of the site to that of a cell."""
        ref = self.site.ref
        return (col - 0.5 * (ref.cols - 1)) * ref.cell_m, (0.5 * (ref.rows - 1) - row) * ref.cell_m

    def hour(self, x: float, y: float, hour: int) -> float:
        """Lit part of the Sun in one hour."""
        row, col = self.cell(x, y)
        if (row, col, hour) not in self.lit:
            az, el, radius = self.sun[hour]
            lit = lit_at(self.site.horizon.millideg, row, col, *self.middle(row, col), az, el, radius)
            self.lit[row, col, hour] = math.floor(lit * WHOLE + 0.5) / WHOLE
        return self.lit[row, col, hour]

    def light(self, x: float, y: float, t_s: int) -> LightAhead:
        """Light ahead at a place."""
        first = t_s // 3600
        hours = [self.hour(x, y, hour) for hour in range(first, min(first + FAR_H, len(self.sun)))]
        windows = [sum(hours[:length]) / min(length, len(hours)) for length in WINDOWS_H]
        dark = [hour for hour, lit in enumerate(hours) if lit < DARK_BELOW]
        if not dark:
            return LightAhead(windows, FAR_H, 0.0)
        again = [hour for hour, lit in enumerate(hours) if hour > dark[0] and lit >= DARK_BELOW]
        return LightAhead(windows, dark[0], (again[0] if again else len(hours)) - dark[0])

    def lit_mean(self, x: float, y: float, t_s: int, hours: int = 24) -> float:
        """Lit part of the next hours at a place."""
        first = t_s // 3600
        seen = [self.hour(x, y, hour) for hour in range(first, min(first + hours, len(self.sun)))]
        return sum(seen) / len(seen)

    def window(self, track, x: float, y: float, t_s: int) -> tuple[float, float]:
        """Hours to the next sight of a track, and hours that it lasts."""
        row, col = self.cell(x, y)
        where = self.middle(row, col)
        first = t_s // 3600
        seen = [
            clearance_deg(self.site.horizon.millideg, row, col, *where, az, el) >= 0.0
            for az, el in track[first : first + LINK_H]
        ]
        if True not in seen:
            return float(FAR_H), 0.0
        opens = seen.index(True)
        return float(opens), float((seen.index(False, opens) if False in seen[opens:] else len(seen)) - opens)


class PlainTravel:
    """Travel times [h] of each robot to jobs and havens, from any place."""

    def __init__(self, mission: MissionSpec, forecast: PlainForecast) -> None:
        self.mission = mission
        self.forecast = forecast
        self.cell = forecast.cell
        self.limits = [
            DriveLimits(spec.max_slope_deg, spec.speed_m_s) if spec.speed_m_s > 0 else None for spec in mission.specs
        ]

    def hours(self, robot: int, start: tuple[float, float], goal: tuple[float, float]) -> float:
        """Hours from ``start`` to ``goal`` [m]; inf when the robot cannot get there."""
        limits = self.limits[robot]
        if limits is None:
            return 0.0 if np.hypot(start[0] - goal[0], start[1] - goal[1]) < 1.0 else STILL_H
        field = travel_field(self.mission.site, limits, self.cell(*goal))
        return STILL_H if field is None else float(field[self.cell(*start)]) / 3600.0

    def best_haven(
        self, robot: int, start: tuple[float, float], t_s: int, apart_m: float = APART_M
    ) -> tuple[tuple[float, float], float]:
        """The haven to wait in and the hours it takes from ``start``; ``start`` itself when none can be reached.

        An hour of the next darkness there counts like `DARK_HOUR` hours of driving. Robots stand apart in a haven.
        """
        best, hours, least = start, STILL_H, STILL_H
        for _, haven in self.mission.havens:
            way = self.hours(robot, start, haven)
            if np.isinf(way):
                continue
            cost = way + DARK_HOUR * self.forecast.light(*haven, t_s).dark_for_h
            if cost < least:
                best = beside(haven, robot, apart_m)
                hours, least = way, cost
        return best, hours

    def way_lit(self, start: tuple[float, float], goal: tuple[float, float], t_s: int) -> float:
        """Light at the ends of a way, in the next hours, and between them, at one of these; 0..1: what panels may hope for."""
        ends = [self.forecast.lit_mean(*place, t_s, WAY_H) for place in (start, goal)]
        hour = min(t_s // 3600 // WATCH_H * WATCH_H + WATCH_AT_H, len(self.forecast.sun) - 1)
        between = [
            self.forecast.hour(start[0] + share * (goal[0] - start[0]), start[1] + share * (goal[1] - start[1]), hour)
            for share in (0.25, 0.5, 0.75)
        ]
        return 0.2 * (ends[0] + ends[1]) + 0.6 * (sum(between) / 3.0)


class JobEstimate(NamedTuple):
    """What one robot would need for one job from where it is."""

    way_h: float  # inf when it cannot get there
    energy: float  # net energy of the way and the work, battery fractions
    home_energy: float  # net energy from there to a haven
    lit: float  # lit part of the next 24 h there


class PlainEstimates:
    """Estimates for the robots of one mission."""

    def __init__(self, mission: MissionSpec, forecast: PlainForecast, travel: PlainTravel) -> None:
        self.mission, self.forecast, self.travel = mission, forecast, travel
        self.rates = [drain_rates(spec) for spec in mission.specs]

    def job(self, robot: int, here: Place, job: int, left_h: float, t_s: int) -> JobEstimate:
        """What ``left_h`` hours of work on a job would take from ``here``."""
        entry, spec = self.mission.jobs[job], self.mission.specs[robot]
        way_h = self.way_h(robot, here, job)
        if math.isinf(way_h):
            return JobEstimate(way_h, NO_WAY, NO_WAY, 0.0)
        lit = self.forecast.lit_mean(*entry.xy, t_s)
        work = self.drain(robot, tool_power(entry.tool)) - self.supply(robot, lit)
        energy = max(min(left_h, LONGEST_WORK_H) * work, 0.0)
        if entry.tool == "hop":
            return JobEstimate(way_h, energy + 2.0 * spec.hop_wh / spec.battery_wh, 0.0, lit)
        haven, home_h = self.travel.best_haven(robot, entry.xy, t_s, 0.0)
        home = self.way_energy(robot, home_h, entry.xy, haven, t_s)
        return JobEstimate(way_h, energy + self.way_energy(robot, way_h, here, entry.xy, t_s), home, lit)

    def way_h(self, robot: int, here: Place, job: int) -> float:
        """Hours to a job's place; a hop takes next to none and must be within range of home."""
        spec, entry = self.mission.specs[robot], self.mission.jobs[job]
        if entry.tool != "hop":
            return self.travel.hours(robot, here, entry.xy)
        home = self.mission.fleet[robot].xy or here
        near = math.hypot(home[0] - entry.xy[0], home[1] - entry.xy[1]) <= spec.hop_range_m
        return HOP_H if near else math.inf

    def way_energy(self, robot: int, hours: float, start: Place, goal: Place, t_s: int) -> float:
        """Net energy of a drive, with the light along the straight line; `NO_WAY` when there is none."""
        if self.mission.specs[robot].speed_m_s == 0:
            return 0.0
        if math.isinf(hours):
            return NO_WAY
        drain = self.drain(robot, self.mission.specs[robot].drive_w)
        return hours * max(drain - self.supply(robot, self.travel.way_lit(start, goal, t_s)), 0.1 * drain)

    def supply(self, robot: int, lit: float) -> float:
        """Power of the panels in ``lit`` of the Sun, battery fractions per hour."""
        spec = self.mission.specs[robot]
        return panel_w(spec.solar_w_1au * panel_share(spec), SOLAR_CONSTANT_W_M2, lit) / spec.battery_wh

    def drain(self, robot: int, tool_w: float) -> float:
        """Gross drain with a tool or the wheels at work, awake in the dark: battery fractions per hour."""
        return self.rates[robot].awake + tool_w / self.mission.specs[robot].battery_wh


class PlainBriefing:
    """Makes situations from the robot's own instruments, its copy of the board, and the almanac."""

    def __init__(self, mission: MissionSpec, world: World, ops: Operations, estimates: PlainEstimates) -> None:
        self.mission, self.world, self.ops, self.estimates = mission, world, ops, estimates
        self.forecast, self.travel = estimates.forecast, estimates.travel
        self.index_of = {job.id: index for index, job in enumerate(mission.jobs)}
        self.needs = [[self.index_of[need] for need in job.needs] for job in mission.jobs]

    def sense(self, robot: int, t_s: int, sun_az: float, sun_el: float) -> Sense:
        """What a robot's own instruments say now; the Sun is given for the site centre."""
        state = self.world.state
        x, y = float(state.x[0, robot]), float(state.y[0, robot])
        cx, cy = self.forecast.center
        return Sense(
            t_s=t_s,
            x=x,
            y=y,
            heading_deg=float(state.heading_deg[0, robot]),
            sun_az_deg=sun_az,
            sun_el_deg=float(local_elevation_deg(sun_el, sun_az, x - cx, y - cy)),
            lit=float(state.lit[0, robot]),
            battery_frac=float(state.battery_wh[0, robot]) / self.mission.specs[robot].battery_wh,
            activity=int(state.activity[0, robot]),
            blocked=bool(state.blocked[0, robot]) and self.can_move(robot),
            work_left_s=self.ops.work_left_s(robot),
            can_move=self.can_move(robot),
        )

    def can_move(self, robot: int) -> bool:
        """Whether a robot's drive works and its wheels are free."""
        state = self.world.state
        return not int(state.faults[0, robot]) & 1 and not state.trapped[0, robot]

    def situation(self, robot: int, t_s: int, sun_az: float, sun_el: float) -> Situation:
        """Everything a robot decides on."""
        sense = self.sense(robot, t_s, sun_az, sun_el)
        board = self.ops.knowledge.own[robot]
        here = (sense.x, sense.y)
        haven, haven_h = self.travel.best_haven(robot, here, t_s)
        row = layout.blank()
        self.fill_own(row, robot, sense, haven, t_s)
        self.fill_forecast(row, robot, sense, haven, haven_h, t_s)
        slots = self.candidates(robot, board, here, t_s)
        mask = self.mask(robot, haven_h)
        for slot, job in enumerate(slots):
            self.fill_job(row, slot, job, robot, sense, board, t_s)
            mask[JOB0 + slot] = self.allowed(robot, job, board, here, t_s)
        self.fill_others(row, robot, here, board, t_s)
        offers = tuple(self.offer(job) for job in slots)
        observation = Observation(layout.encode(row), mask)
        return Situation(sense, observation, offers, haven, int(self.ops.job[robot]))

    def offer(self, index: int) -> JobOffer:
        """A job as the executive needs it."""
        job = self.mission.jobs[index]
        rate = job.data_mbit / (job.effort_h * 3600.0)
        return JobOffer(index, job.xy[0], job.xy[1], job.tool, tool_power(job.tool), rate)

    def candidates(self, robot: int, board: Board, here: tuple[float, float], t_s: int) -> list[int]:
        """Jobs worth showing to a robot, best first: its own, then the one assigned, then by value per hour."""
        tools = self.mission.specs[robot].tools
        ranked: list[tuple[bool, bool, bool, float, int]] = []
        for index, job in enumerate(self.mission.jobs):
            if board.done[index] or (job.tool and job.tool not in tools):
                continue
            way_h = self.way_h(robot, here, index)
            if math.isinf(way_h):
                continue
            rate = job.value / max(way_h + job.effort_h - board.progress_s[index] / 3600.0, 1.0)
            mine, told = index == self.ops.job[robot], index == board.assigned[robot]
            open_now = ready(job, board, self.index_of, t_s)
            ranked.append((not mine, not told, not open_now, -rate, index))
        return [entry[-1] for entry in sorted(ranked)[:K_JOBS]]

    def way_h(self, robot: int, here: tuple[float, float], job: int) -> float:
        """Hours to a job's place; inf when the robot cannot get there, or could not fly back."""
        if self.mission.jobs[job].tool == "hop" and self.world.state.hops_left[0, robot] < 2:
            return math.inf
        return self.estimates.way_h(robot, here, job)

    def mask(self, robot: int, haven_h: float) -> NDArray[np.bool_]:
        """What physics and rules allow, jobs aside."""
        spec = self.mission.specs[robot]
        mask = np.zeros(layout.N_ACTIONS, dtype=np.bool_)
        mask[GO_ON] = True
        if self.on_excursion(robot):
            return mask
        mask[HOLD] = True
        if spec.role == "orbiter":
            mask[RELAY] = True
            return mask
        mask[CHARGE] = spec.solar_w_1au > 0 and (spec.speed_m_s == 0 or not math.isinf(haven_h))
        mask[HIBERNATE] = True
        return mask

    def allowed(self, robot: int, job: int, board: Board, here: tuple[float, float], t_s: int) -> bool:
        """Whether a job may be taken up, as far as the robot knows."""
        entry = self.mission.jobs[job]
        spec = self.mission.specs[robot]
        no_tool = bool(int(self.world.state.faults[0, robot]) & 8)
        if no_tool or (spec.speed_m_s > 0 and not self.can_move(robot)):
            return False
        if self.on_excursion(robot) or not ready(entry, board, self.index_of, t_s):
            return False
        return others_on(board, robot, job, t_s) < entry.crew and not math.isinf(self.way_h(robot, here, job))

    def on_excursion(self, robot: int) -> bool:
        """Whether a hopper flies or works away from home: what it has begun it brings to its end."""
        if self.mission.specs[robot].role != "hopper":
            return False
        flying = self.world.state.activity[0, robot] == Activity.HOP
        return flying or (self.ops.phase[robot] != Phase.IDLE and not self.ops.at_home(robot))

    # -- the vector ------------------------------------------------------------------------------------------------

    def fill_own(
        self, row: NDArray[np.float64], robot: int, sense: Sense, haven: tuple[float, float], t_s: int
    ) -> None:
        """Write the robot's own state."""
        state, spec = self.world.state, self.mission.specs[robot]
        home = self.mission.fleet[self.mission.station_index].xy or self.forecast.center
        idle, sleep, charge = self.estimates.rates[robot]
        job = int(self.ops.job[robot])
        link = int(state.link[0, robot])
        effort = self.ops.effort_s[job] if job >= 0 else 1.0
        put(
            row,
            "own",
            x=sense.x - home[0] if spec.role != "orbiter" else 0.0,
            y=sense.y - home[1] if spec.role != "orbiter" else 0.0,
            battery_frac=sense.battery_frac,
            reserve_frac=spec.reserve_frac,
            temp=float(state.temp_k[0, robot]),
            data_frac=float(state.data_mbit[0, robot]) / spec.storage_mbit if spec.storage_mbit > 0 else 0.0,
            lit=sense.lit,
            idle_rate=idle,
            hibernate_rate=sleep,
            charge_rate=charge,
            has_job=float(job >= 0),
            progress=1.0 - sense.work_left_s / effort if job >= 0 else 0.0,
            at_haven=float(math.hypot(sense.x - haven[0], sense.y - haven[1]) <= 2 * ARRIVED_M),
            link_station=float(bool(link & Link.STATION)),
            link_relay=float(bool(link & Link.RELAY)),
            link_earth=float(bool(link & Link.EARTH)),
            hops_left=float(state.hops_left[0, robot]),
            time_left=1.0 - t_s / self.mission.duration_s,
            **{f"is_{ACTIVITIES[sense.activity]}": 1.0},
        )

    def fill_forecast(
        self,
        row: NDArray[np.float64],
        robot: int,
        sense: Sense,
        haven: tuple[float, float],
        haven_h: float,
        t_s: int,
    ) -> None:
        """Write the light and the links ahead, here and at the haven."""
        spec = self.mission.specs[robot]
        if spec.role == "orbiter":
            return
        here, there = self.forecast.light(sense.x, sense.y, t_s), self.forecast.light(*haven, t_s)
        windows = dict(zip((f"lit_{h}h" for h in layout.WINDOWS_H), here.windows, strict=True))
        windows |= dict(zip((f"haven_lit_{h}h" for h in layout.WINDOWS_H), there.windows, strict=True))
        still = spec.speed_m_s == 0
        travel_h = 0.0 if still else haven_h
        energy = self.estimates.way_energy(robot, travel_h, (sense.x, sense.y), haven, t_s)
        station = bool(self.world.state.link[0, robot] & Link.STATION)
        earth, relay = (
            self.forecast.window(self.forecast.earth, sense.x, sense.y, t_s),
            self.forecast.window(self.forecast.relay, sense.x, sense.y, t_s),
        )
        angle = math.radians(sense.sun_az_deg)
        put(
            row,
            "forecast",
            dark_in=here.dark_in_h,
            dark_for=here.dark_for_h,
            haven_dark_in=there.dark_in_h,
            haven_dark_for=there.dark_for_h,
            haven_travel=travel_h,
            haven_energy=energy,
            station_link_in=0.0 if station else 480.0,
            station_link_for=48.0 if station else 0.0,
            relay_link_in=relay[0],
            relay_link_for=relay[1],
            earth_link_in=earth[0],
            earth_link_for=earth[1],
            sun_el=sense.sun_el_deg,
            sun_sin=math.sin(angle),
            sun_cos=math.cos(angle),
            **windows,
        )

    def fill_job(
        self, row: NDArray[np.float64], slot: int, job: int, robot: int, sense: Sense, board: Board, t_s: int
    ) -> None:
        """Write one row of the job table, as this robot knows it."""
        entry = self.mission.jobs[job]
        left_h = max(entry.effort_h - float(board.progress_s[job]) / 3600.0, 0.0)
        estimate = self.estimates.job(robot, (sense.x, sense.y), job, left_h, t_s)
        put(
            row,
            f"jobs[{slot}]",
            valid=1.0,
            kind=float(KIND_INDEX[entry.kind]),
            value=entry.value,
            travel=estimate.way_h,
            energy=estimate.energy,
            home_energy=estimate.home_energy,
            effort=left_h,
            lit_24h=estimate.lit,
            ready=float(all(board.done[need] for need in self.needs[job])),
            open=float(entry.open_at(t_s)),
            closes_in=(entry.window_s[1] - t_s) / 3600.0 if entry.window_s else 480.0,
            others=float(others_on(board, robot, job, t_s)),
            mine=float(board.assigned[robot] == job),
        )

    def fill_others(
        self, row: NDArray[np.float64], robot: int, here: tuple[float, float], board: Board, t_s: int
    ) -> None:
        """Write what was last heard of the other robots."""
        others = [index for index in range(len(self.mission.fleet)) if index != robot][:K_OTHERS]
        for slot, other in enumerate(others):
            if board.heard_s[other] == NEVER_S or self.mission.specs[other].role == "orbiter":
                continue
            x, y, battery = board.robots[other]
            age = (t_s - board.heard_s[other]) / 3600.0
            put(row, f"others[{slot}]", known=1.0, dx=x - here[0], dy=y - here[1], battery_frac=battery, age=age)


def others_on(board: Board, robot: int, job: int, t_s: float) -> int:
    """Number of other robots that are on a job or were given it, as far as ``board`` knows."""
    on = board.on_job(job, t_s)
    return int(np.count_nonzero(on)) - int(on[robot])


def put(row: NDArray[np.float64], part: str, **values: float) -> None:
    """Write named physical values into an observation row."""
    for name, value in values.items():
        row[layout.INDEX[f"{part}.{name}"]] = value


class PlainStation:
    """Allocates jobs to robots by value per hour, from what it has heard; never one that a robot has not the energy for."""

    def __init__(self, mission: MissionSpec, estimates: PlainEstimates) -> None:
        self.mission = mission
        self.estimates = estimates
        self.index_of = {job.id: index for index, job in enumerate(mission.jobs)}

    def assign(self, board: Board, t_s: float, listening: list[int]) -> list[tuple[int, int]]:
        """Assign jobs to the robots that listen, on ``board``; returns the (robot, job) pairs that are new."""
        jobs = self.mission.jobs
        if not listening or not jobs:
            return []
        gain = np.zeros((len(listening), len(jobs)))
        cost = np.full((len(listening), len(jobs)), np.inf)
        for row, robot in enumerate(listening):
            spec = self.mission.specs[robot]
            here = (float(board.robots[robot, 0]), float(board.robots[robot, 1]))
            for index, job in enumerate(jobs):
                able = not job.tool or job.tool in spec.tools
                able = able and board.worker[robot] != UNFIT
                if board.done[index] or not able or not ready(job, board, self.index_of, t_s):
                    continue
                left_h = max(job.effort_h - board.progress_s[index] / 3600.0, 0.0) / job.crew
                need = self.estimates.job(robot, here, index, left_h, int(t_s))
                under_way = board.worker[robot] == index
                after = board.robots[robot, 2] - need.energy - need.home_energy
                if under_way or after >= spec.reserve_frac:
                    loyal = LOYALTY if under_way else 1.0
                    gain[row, index] = loyal * job.value / max(need.way_h + left_h, MIN_H)
                    cost[row, index] = 0.0
        crew = self.room(board, listening, t_s)
        chosen = allocate(gain, cost, crew)
        fresh: list[tuple[int, int]] = []
        for row, robot in enumerate(listening):
            job = int(chosen[row])
            if job >= 0 and job != board.assigned[robot]:
                fresh.append((robot, job))
            board.assigned[robot] = job
        return fresh

    def room(self, board: Board, listening: list[int], t_s: float) -> list[int]:
        """Places left on each job after the robots that are out of contact and, as far as is known, on it."""
        away = np.ones(len(self.mission.fleet), dtype=np.bool_)
        away[listening] = False
        taken = [int(np.count_nonzero(away & board.on_job(index, t_s))) for index in range(len(self.mission.jobs))]
        return [max(job.crew - used, 0) for job, used in zip(self.mission.jobs, taken, strict=True)]
