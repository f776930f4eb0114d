"""What each robot is handed at a decision step: its senses, its observation vector, its table of jobs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.jobs import KIND_INDEX
from moonfleet.autonomy.observation import ACTIVITIES, CHARGE, GO_ON, HIBERNATE, HOLD, JOB0, K_JOBS, K_OTHERS, RELAY
from moonfleet.autonomy.policy import Observation
from moonfleet.terrain.light import local_elevation_deg

from .estimates import Estimates
from .knowledge import NEVER_S, Board
from .messages import JobOffer, Phase, Sense, Situation
from .mission import MissionSpec
from .operations import Operations
from .robot import ARRIVED_M
from .state import Activity, Link
from .station import ready
from .tools import tool_power
from .world import World


class Briefing:
    """Makes situations from the robot's own instruments, its copy of the board, and the almanac."""

    def __init__(self, mission: MissionSpec, world: World, ops: Operations, estimates: Estimates) -> None:
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
            blocked=bool(state.blocked[0, robot]),
            work_left_s=self.ops.work_left_s(robot),
        )

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
        windows = dict(zip((f"lit_{h}h" for h in layout.WINDOWS_H), here.windows.tolist(), strict=True))
        windows |= dict(zip((f"haven_lit_{h}h" for h in layout.WINDOWS_H), there.windows.tolist(), strict=True))
        still = spec.speed_m_s == 0
        travel_h = 0.0 if still else haven_h
        energy = self.estimates.way_energy(robot, travel_h, (sense.x, sense.y), haven, t_s)
        station = bool(self.world.state.link[0, robot] & Link.STATION)
        earth, relay = (
            self.forecast.earth_window(sense.x, sense.y, t_s),
            self.forecast.relay_window(sense.x, sense.y, t_s),
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
