"""What robots are handed at a decision step: their senses, their observation vectors, their tables of jobs; all robots at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.observation import (
    ACTIVITIES,
    CHARGE,
    GO_ON,
    HIBERNATE,
    HOLD,
    JOB0,
    JOB_COLUMN,
    K_OTHERS,
    OTHER_COLUMN,
    RELAY,
)
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import local_elevation_deg

from .estimates import Estimates, Outlook
from .job_table import JobTable
from .knowledge import NEVER_S, Knowledge
from .lit_hours import Floats, Ints
from .messages import Asked, Phase, Sense, Sensed, Situation
from .mission import MissionSpec
from .operations import Operations, can_move
from .robot import ARRIVED_M
from .state import Activity, Link
from .world import World

Bools = NDArray[np.bool_]

OWN_AT = {name.partition(".")[2]: at for name, at in layout.INDEX.items() if name.startswith("own.")}
AHEAD_AT = {name.partition(".")[2]: at for name, at in layout.INDEX.items() if name.startswith("forecast.")}
IS_AT = np.array([OWN_AT[f"is_{name}"] for name in ACTIVITIES])
LIT_AT = np.array([AHEAD_AT[f"lit_{hours}h"] for hours in layout.WINDOWS_H])
HAVEN_LIT_AT = np.array([AHEAD_AT[f"haven_lit_{hours}h"] for hours in layout.WINDOWS_H])
STATION_FAR_H, STATION_FOR_H = 480.0, 48.0  # [h] when the station's link comes back or goes is not known
NO_CLOSE_H = 480.0  # [h] a job without a window closes so late


class Boards:
    """What some robots know of jobs and of each other: rows of all boards; the leading axis is the robot's row."""

    def __init__(self, knowledge: Knowledge, robots: Ints) -> None:
        self.progress_s: Floats = knowledge.progress_s[robots]  # [n, J]
        self.done: Bools = knowledge.done[robots]  # [n, J]
        self.worker: Ints = knowledge.worker[robots]  # [n, R]
        self.assigned: Ints = knowledge.assigned[robots]  # [n, R]
        self.robots: Floats = knowledge.places[robots]  # [n, R, 3]
        self.heard_s: Floats = knowledge.heard_s[robots]  # [n, R]


class Briefing:
    """Makes situations from the robots' own instruments, their copies of the board, and the almanac."""

    def __init__(self, mission: MissionSpec, world: World, ops: Operations, estimates: Estimates) -> None:
        self.mission, self.world, self.ops, self.estimates = mission, world, ops, estimates
        self.forecast = estimates.forecast
        self.table = JobTable(mission)
        specs = mission.specs
        self.capacity_wh = np.array([spec.battery_wh for spec in specs])
        self.storage_mbit = np.array([spec.storage_mbit for spec in specs])
        self.reserve = np.array([spec.reserve_frac for spec in specs])
        self.orbits = np.array([spec.role == "orbiter" for spec in specs])
        self.hopper = np.array([spec.role == "hopper" for spec in specs])
        self.still = np.array([spec.speed_m_s == 0.0 for spec in specs])
        self.panels = np.array([spec.solar_w_1au > 0 for spec in specs])
        self.rates = np.array(estimates.rates, dtype=np.float64)
        robots = np.arange(len(specs))
        seats = np.arange(min(K_OTHERS, len(specs) - 1))
        self.others = seats[None, :] + (seats[None, :] >= robots[:, None])  # [R, <=K] the other robots in fleet order

    # -- what instruments say -----------------------------------------------------------------------------------------

    def senses(self, robots: Ints, t_s: int, sun_az: float, sun_el: float) -> Sensed:
        """What the instruments of ``robots`` [n] say now; the Sun is given for the site centre."""
        state = self.world.state
        x, y = state.x[0, robots], state.y[0, robots]
        cx, cy = self.forecast.center
        out = np.empty((len(robots), len(Sense._fields)))
        out[:, 0] = t_s
        out[:, 1], out[:, 2] = x, y
        out[:, 3] = state.heading_deg[0, robots]
        out[:, 4] = sun_az
        _elevations(sun_el, sun_az, x - cx, y - cy, out[:, 5])
        out[:, 6] = state.lit[0, robots]
        out[:, 7] = state.battery_wh[0, robots] / self.capacity_wh[robots]
        out[:, 8] = state.activity[0, robots]
        out[:, 11] = can_move(state)[robots]
        out[:, 9] = (state.blocked[0, robots] != 0) & (out[:, 11] > 0)
        out[:, 10] = self.ops.works_left_s(robots)
        return Sensed(robots, out)

    def situation(self, robot: int, t_s: int, sun_az: float, sun_el: float) -> Situation:
        """Everything one robot decides on."""
        return self.situations(np.array([robot], dtype=np.int64), t_s, sun_az, sun_el).situation(0)

    def situations(self, robots: Ints, t_s: int, sun_az: float, sun_el: float) -> Asked:
        """Everything that ``robots`` int64 [n], rising, decide on."""
        senses = self.senses(robots, t_s, sun_az, sun_el).senses
        boards = Boards(self.ops.knowledge, robots)
        view = self.estimates.outlook(robots, senses[:, 1:3], t_s)
        rows = layout.blank(len(robots))
        masks = self.masks(view)
        self.fill_own(rows, view, senses, t_s)
        self.fill_forecast(rows, view, senses, t_s)
        slots = self.fill_jobs(rows, masks, view, boards, t_s)
        self.fill_others(rows, view, boards, t_s)
        table = self.table
        offers = table.offers[np.maximum(slots, 0), 1:] if len(table.value) else np.zeros((*slots.shape, 5))
        return Asked(
            robots, senses, layout.encode(rows), masks, slots, offers, view.haven_xy, self.ops.job[robots], table.tools
        )

    # -- what is allowed ----------------------------------------------------------------------------------------------

    def masks(self, view: Outlook) -> Bools:
        """What physics and rules allow, jobs aside; bool [n, N_ACTIONS]."""
        robots = view.robots
        free, ground = ~self.on_excursion(robots), ~self.orbits[robots]
        mask = np.zeros((len(robots), layout.N_ACTIONS), dtype=np.bool_)
        mask[:, GO_ON] = True
        mask[:, HOLD] = free
        mask[:, RELAY] = free & ~ground
        mask[:, CHARGE] = free & ground & self.panels[robots] & (self.still[robots] | np.isfinite(view.haven_h))
        mask[:, HIBERNATE] = free & ground
        return mask

    def on_excursion(self, robots: Ints) -> Bools:
        """Which hoppers fly or work away from home, bool [n]: what they have begun they bring to its end."""
        out = self.hopper[robots]
        for n in np.flatnonzero(out).tolist():
            robot = int(robots[n])
            flying = self.world.state.activity[0, robot] == Activity.HOP
            out[n] = flying or (self.ops.phase[robot] != Phase.IDLE and not self.ops.at_home(robot))
        return out

    # -- the vector ---------------------------------------------------------------------------------------------------

    def fill_own(self, rows: Floats, view: Outlook, senses: Floats, t_s: int) -> None:
        """Write the robots' own state."""
        state, robots, at = self.world.state, view.robots, OWN_AT
        home_x, home_y = self.mission.fleet[self.mission.station_index].xy or self.forecast.center
        x, y, ground = senses[:, 1], senses[:, 2], ~self.orbits[robots]
        job, link = self.ops.job[robots], state.link[0, robots]
        has_job = job >= 0
        effort = np.where(has_job, self.ops.effort_s[job], 1.0) if len(self.ops.effort_s) else np.ones(len(robots))
        store = self.storage_mbit[robots]
        gap = np.hypot(x - view.haven_xy[:, 0], y - view.haven_xy[:, 1])
        columns = {
            "x": np.where(ground, x - home_x, 0.0),
            "y": np.where(ground, y - home_y, 0.0),
            "battery_frac": senses[:, 7],
            "reserve_frac": self.reserve[robots],
            "temp": state.temp_k[0, robots],
            "data_frac": np.divide(state.data_mbit[0, robots], store, out=np.zeros(len(robots)), where=store > 0),
            "lit": senses[:, 6],
            "idle_rate": self.rates[robots, 0],
            "hibernate_rate": self.rates[robots, 1],
            "charge_rate": self.rates[robots, 2],
            "has_job": has_job,
            "progress": np.where(has_job, 1.0 - senses[:, 10] / effort, 0.0),
            "at_haven": gap <= 2 * ARRIVED_M,
            "link_station": (link & Link.STATION) > 0,
            "link_relay": (link & Link.RELAY) > 0,
            "link_earth": (link & Link.EARTH) > 0,
            "hops_left": state.hops_left[0, robots],
            "time_left": 1.0 - t_s / self.mission.duration_s,
        }
        for name, values in columns.items():
            rows[:, at[name]] = values
        rows[np.arange(len(robots)), IS_AT[senses[:, 8].astype(np.int64)]] = 1.0

    def fill_forecast(self, rows: Floats, view: Outlook, senses: Floats, t_s: int) -> None:
        """Write the light and the links ahead, here and at the haven."""
        robots, light, at = view.robots, self.estimates.light, AHEAD_AT
        ground = np.flatnonzero(~self.orbits[robots])
        light.move(robots, view.xy)
        here = light.ahead(robots, view.hour)
        at_spot = self.estimates.spot_at[robots, np.maximum(view.haven, 0)] if self.estimates.havens else robots
        there = light.ahead(np.where(view.haven >= 0, at_spot, robots), view.hour)
        travel_h = np.where(self.still[robots], 0.0, view.haven_h)
        energy = self.estimates.to_haven(view, travel_h)
        station = (self.world.state.link[0, robots] & Link.STATION) > 0
        earth = self.forecast.windows(self.forecast.earth, view.xy, t_s)
        relay = self.forecast.windows(self.forecast.relay, view.xy, t_s)
        angle = math.radians(float(senses[0, 4])) if len(robots) else 0.0
        columns = {
            "dark_in": here[:, -2],
            "dark_for": here[:, -1],
            "haven_dark_in": there[:, -2],
            "haven_dark_for": there[:, -1],
            "haven_travel": travel_h,
            "haven_energy": energy,
            "station_link_in": np.where(station, 0.0, STATION_FAR_H),
            "station_link_for": np.where(station, STATION_FOR_H, 0.0),
            "relay_link_in": relay[:, 0],
            "relay_link_for": relay[:, 1],
            "earth_link_in": earth[:, 0],
            "earth_link_for": earth[:, 1],
            "sun_el": senses[:, 5],
            "sun_sin": np.full(len(robots), math.sin(angle)),
            "sun_cos": np.full(len(robots), math.cos(angle)),
        }
        for name, values in columns.items():
            rows[ground, at[name]] = values[ground]
        rows[ground[:, None], LIT_AT] = here[ground, :-2]
        rows[ground[:, None], HAVEN_LIT_AT] = there[ground, :-2]

    def fill_jobs(self, rows: Floats, masks: Bools, view: Outlook, boards: Boards, t_s: int) -> Ints:
        """Write the tables of jobs, as each robot knows them, and which it may take up; the jobs shown, int64 [n, K]."""
        table, robots, n = self.table, view.robots, len(view.robots)
        if not len(table.value):
            return np.full((n, layout.K_JOBS), -1, dtype=np.int64)
        way_h = view.way_h.copy()
        way_h[np.ix_(self.world.state.hops_left[0, robots] < 2, table.hops)] = np.inf  # it could not fly back
        shown = ~boards.done & table.able[robots] & np.isfinite(way_h)
        ready = table.needs_done(boards.done)
        open_now = table.open(t_s)
        left_h = table.effort_h - boards.progress_s / 3600.0
        rate = table.value / np.maximum(way_h + table.effort_h - boards.progress_s / 3600.0, 1.0)
        told = boards.assigned[np.arange(n), robots]
        slots = table.best(shown, self.ops.job[robots], told, ready & open_now, rate)
        used, jobs, row = slots >= 0, np.maximum(slots, 0), np.arange(n)[:, None]
        wanted = np.zeros(shown.shape, dtype=np.bool_)
        which, slot = np.nonzero(used)
        wanted[which, slots[which, slot]] = True
        left_h = np.maximum(left_h, 0.0)
        need = self.estimates.for_jobs(view, wanted, left_h)
        others = table.others_on(robots, boards.worker, boards.assigned, boards.heard_s, t_s)[row, jobs]
        closes = np.where(table.windowed, (table.window_s[:, 1] - t_s) / 3600.0, NO_CLOSE_H)
        columns = {
            "valid": used,
            "kind": table.kind[jobs],
            "value": table.value[jobs],
            "travel": way_h[row, jobs],
            "energy": need.energy[row, jobs],
            "home_energy": need.home_energy[row, jobs],
            "effort": left_h[row, jobs],
            "lit_24h": self.estimates.lit_day(view.hour)[jobs],
            "ready": ready[row, jobs],
            "open": open_now[jobs],
            "closes_in": closes[jobs],
            "others": others,
            "mine": told[:, None] == jobs,
        }
        part = rows[:, layout.JOBS].reshape(n, layout.K_JOBS, layout.JOB_WIDTH)  # a view
        for name, values in columns.items():
            np.copyto(part[:, :, JOB_COLUMN[name]], values, where=used, casting="unsafe")
        may = used & (ready & open_now)[row, jobs] & (others < table.crew[jobs])
        masks[:, JOB0:] = may & ~self.on_excursion(robots)[:, None] & ~self.ops.unfit()[robots][:, None]
        return slots

    def fill_others(self, rows: Floats, view: Outlook, boards: Boards, t_s: int) -> None:
        """Write what was last heard of the other robots."""
        others, n = self.others[view.robots], len(view.robots)
        row = np.arange(n)[:, None]
        heard = boards.heard_s[row, others]
        known = (heard != NEVER_S) & ~self.orbits[others]
        told = boards.robots[row, others]
        columns = {
            "known": known,
            "dx": told[:, :, 0] - view.xy[:, :1],
            "dy": told[:, :, 1] - view.xy[:, 1:],
            "battery_frac": told[:, :, 2],
            "age": (t_s - heard) / 3600.0,
        }
        part = rows[:, layout.OTHERS].reshape(n, K_OTHERS, layout.OTHER_WIDTH)[:, : others.shape[1]]
        for name, values in columns.items():
            np.copyto(part[:, :, OTHER_COLUMN[name]], values, where=known, casting="unsafe")


@kernel
def _elevations(el_deg: float, az_deg: float, dx: Floats, dy: Floats, out: Floats) -> None:
    """Elevation of the Sun over each place's own horizontal."""
    for i in range(dx.size):
        out[i] = local_elevation_deg(el_deg, az_deg, dx[i], dy[i])
