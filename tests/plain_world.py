"""The World again, slowly and in plain words, one robot and one tick at a time. Tests compare with it.

It shares no equation with `moonfleet.agents`; of the ground it uses the same site layers, of the terrain room only
slip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from moonfleet.agents.catalogue import RobotSpec
from moonfleet.terrain.soil import slip

HOLD, DRIVE, WORK, CHARGE, HIBERNATE, RELAY, HOP, LOST = range(8)
MOON_RADIUS = 1_737_400.0
TICK = 60.0
HOUR = 3600.0


@dataclass
class PlainRobot:
    """One robot's numbers; names as in `WorldState`."""

    spec: RobotSpec
    x: float
    y: float
    battery_wh: float
    temp_k: float = 288.0
    heading_deg: float = 0.0
    lit: float = 0.0
    solar_w: float = 0.0
    load_w: float = 0.0
    data_mbit: float = 0.0
    odometer_m: float = 0.0
    worked_s: float = 0.0
    energy_in_wh: float = 0.0
    energy_out_wh: float = 0.0
    generated_mbit: float = 0.0
    sent_mbit: float = 0.0
    dropped_mbit: float = 0.0
    work_w: float = 0.0
    data_mbps: float = 0.0
    hop_x: float = 0.0
    hop_y: float = 0.0
    hop_ticks: int = 0
    activity: int = HOLD
    loss: int = 0
    link: int = 0
    blocked: int = 0
    brownouts: int = 0
    leg: list[tuple[float, float]] = field(default_factory=list)


class PlainWorld:
    """One world of robots."""

    def __init__(
        self, site: Any, robots: list[PlainRobot], t0: float, relay: Any, station: int | None, seen: Any
    ) -> None:
        self.site, self.robots, self.t = site, robots, t0
        self.relay, self.station, self.seen = relay, station, seen
        self.archive_mbit = 0.0
        self.station_mbit = 0.0

    def tick(self) -> None:
        sky = self.site.sky.sample(np.array([self.t]))
        self.sun_az, self.sun_el, self.sun_radius, self.flux, self.earth_az, self.earth_el = (float(c[0]) for c in sky)
        for robot in self.robots:
            if robot.activity != LOST:
                self.look_around(robot)
                self.live(robot)
        self.t += TICK

    # --- sight ---

    def cell(self, x: float, y: float) -> tuple[int, int]:
        ref = self.site.ref
        return math.floor((ref.y_top - y) / ref.cell_m), math.floor((x - ref.x_left) / ref.cell_m)

    def above_horizon(self, robot: PlainRobot, az: float, el: float) -> float:
        """How far a direction stands above the terrain at the robot's cell [deg]."""
        row, col = self.cell(robot.x, robot.y)
        angles = self.site.horizon.millideg[:, row, col] / 1000.0
        terrain = np.interp(az % 360.0, np.linspace(0.0, 360.0, len(angles) + 1), [*angles, angles[0]])
        cx, cy = self.site.ref.centre
        along = (robot.x - cx) * math.sin(math.radians(az)) + (robot.y - cy) * math.cos(math.radians(az))
        return el + math.degrees(along / MOON_RADIUS) - float(terrain)

    def look_around(self, robot: PlainRobot) -> None:
        spec = robot.spec
        if spec.role == "orbiter":
            robot.lit, robot.link = 1.0, 4 if spec.rate_earth_mbps > 0 else 0
            return
        height = min(max(self.above_horizon(robot, self.sun_az, self.sun_el) / self.sun_radius, -1.0), 1.0)
        robot.lit = 1.0 - (math.acos(height) - height * math.sqrt(1.0 - height * height)) / math.pi
        robot.link = 0
        base = None if self.station is None else self.robots[self.station]
        if (
            base is not None
            and base is not robot
            and base.activity not in (HIBERNATE, HOP, LOST)
            and spec.rate_station_mbps > 0
        ):
            near = math.hypot(base.x - robot.x, base.y - robot.y) <= spec.range_station_m
            if near and self.seen[self.cell(robot.x, robot.y)]:
                robot.link += 1
        if self.relay is not None and spec.rate_relay_mbps > 0:
            az, el, _ = (float(v[0]) for v in self.relay.look(np.array([self.t]), 0.0, 0.0))
            robot.link += 2 * (self.above_horizon(robot, az, el) >= 0)
        if spec.rate_earth_mbps > 0:
            robot.link += 4 * (self.above_horizon(robot, self.earth_az, self.earth_el) >= 0)

    # --- one tick of a life ---

    def live(self, robot: PlainRobot) -> None:
        spec = robot.spec
        robot.solar_w = spec.solar_w_1au * self.flux / 1361.0 * robot.lit
        can_give_w = robot.solar_w + robot.battery_wh * HOUR / TICK
        load = {
            HOLD: spec.idle_w,
            CHARGE: spec.idle_w,
            DRIVE: spec.idle_w + spec.drive_w,
            WORK: spec.idle_w + robot.work_w,
            HIBERNATE: spec.hibernate_w,
            RELAY: spec.idle_w + spec.comm_w,
            HOP: spec.idle_w + spec.hop_wh * HOUR / (5 * TICK),
        }[robot.activity]
        if can_give_w < load and robot.activity not in (HIBERNATE, HOP):
            robot.activity = HIBERNATE
            robot.brownouts += 1
            robot.leg = []
            load = spec.hibernate_w
        doing = robot.activity
        if doing == DRIVE:
            load = spec.idle_w + self.drive(robot) / TICK
        if doing == WORK and robot.temp_k >= spec.temp_op_min_k:
            self.work(robot)
        if doing not in (HIBERNATE, HOP):
            load += self.talk(robot, can_give_w - load, 0.0 if doing == RELAY else spec.comm_w)
        heater = self.heater(robot, doing, load, can_give_w)
        served = self.power(robot, load + heater)
        if spec.role != "orbiter":
            self.warm(robot, min(load, served), max(served - load, 0.0))
        if doing == HOP:
            self.fly(robot)
        if spec.role != "orbiter" and robot.temp_k < spec.temp_survive_k:
            self.lose(robot, 1)
        elif robot.battery_wh <= 0 and spec.solar_w_1au == 0:
            self.lose(robot, 2)

    def lose(self, robot: PlainRobot, reason: int) -> None:
        robot.activity, robot.loss = LOST, reason
        robot.link, robot.solar_w, robot.load_w, robot.leg = 0, 0.0, 0.0, []

    def work(self, robot: PlainRobot) -> None:
        robot.worked_s += TICK
        new = robot.data_mbps * TICK
        kept = min(new, robot.spec.storage_mbit - robot.data_mbit)
        robot.data_mbit += kept
        robot.generated_mbit += new
        robot.dropped_mbit += new - kept

    def talk(self, robot: PlainRobot, spare_w: float, transmitter_w: float) -> float:
        spec = robot.spec
        room = math.inf
        rates: list[tuple[float, int, str]] = []
        if robot.link & 4:
            rates.append((spec.rate_earth_mbps, 2, "earth"))
        if robot.link & 2:
            rates.append((spec.rate_relay_mbps, 1, "relay"))
        if robot.link & 1:
            assert self.station is not None
            room = self.robots[self.station].spec.storage_mbit - self.station_mbit
            if room > 0:
                rates.append((spec.rate_station_mbps, 0, "station"))
        if not rates:
            return 0.0
        rate, _, peer = max(rates)
        can_send = rate * TICK
        own = min(robot.data_mbit, can_send, room if peer == "station" else math.inf)
        others = 0.0
        if peer != "station" and self.station is not None and robot is self.robots[self.station]:
            others = min(self.station_mbit, can_send - own)
        watts = transmitter_w * (own + others) / can_send
        if watts > spare_w:
            return 0.0
        robot.data_mbit -= own
        robot.sent_mbit += own + others
        self.station_mbit -= others
        if peer == "station":
            self.station_mbit += own
        else:
            self.archive_mbit += own + others
        return watts

    def environment(self, robot: PlainRobot) -> tuple[float, float, float]:
        """Surroundings [K], conductance [W/K] and heat that costs nothing [W]."""
        spec = robot.spec
        hot, cold = 230.0**4 * self.flux / 1361.0, 105.0**4
        around = (robot.lit * hot + (1.0 - robot.lit) * cold) ** 0.25
        louvres = float(np.clip((robot.temp_k - 288.0) / 20.0, 0.0, 1.0))
        free = spec.rhu_w + spec.sun_absorb_m2 * self.flux * robot.lit
        return around, spec.conductance_w_k + louvres * spec.radiator_w_k, free

    def heater(self, robot: PlainRobot, doing: int, load: float, can_give_w: float) -> float:
        """Power that the thermostat asks for and gets: what ends the tick at its limit + 5 K."""
        spec = robot.spec
        if spec.role == "orbiter":
            return 0.0
        around, g, free = self.environment(robot)
        limit = 5.0 + (spec.temp_survive_k if doing == HIBERNATE else spec.temp_op_min_k)
        fade = math.exp(-g * TICK / spec.heat_capacity_j_k)
        # limit = goal + (temp - goal) * fade, goal = around + heat / g
        goal = (limit - robot.temp_k * fade) / (1.0 - fade)
        wanted = (goal - around) * g - free - spec.heat_share * load
        return max(0.0, min(wanted, spec.heater_w, max(0.0, can_give_w - load)))

    def power(self, robot: PlainRobot, wanted_w: float) -> float:
        """Serve the loads; return the power they got [W]."""
        sun, wanted = robot.solar_w * TICK / HOUR, wanted_w * TICK / HOUR
        before = robot.battery_wh
        got = min(wanted, sun + before)
        if sun >= wanted:
            robot.battery_wh = min(robot.spec.battery_wh, before + 0.95 * (sun - wanted))
        else:
            robot.battery_wh = max(0.0, before - (wanted - sun))
        robot.energy_out_wh += got
        robot.energy_in_wh += got + robot.battery_wh - before
        robot.load_w = got * HOUR / TICK
        return robot.load_w

    def warm(self, robot: PlainRobot, electric_w: float, heater_w: float) -> None:
        around, g, free = self.environment(robot)
        heat = free + robot.spec.heat_share * electric_w + heater_w
        goal = around + heat / g
        robot.temp_k = goal + (robot.temp_k - goal) * math.exp(-g * TICK / robot.spec.heat_capacity_j_k)

    # --- motion ---

    def drive(self, robot: PlainRobot) -> float:
        """Go along the leg for a tick; return the motors' energy [J]."""
        left, joules, spec = TICK, 0.0, robot.spec
        half_cell = 0.5 * self.site.ref.cell_m
        while robot.leg and left > 0:
            to_x, to_y = robot.leg[0]
            distance = math.hypot(to_x - robot.x, to_y - robot.y)
            if distance < 1e-9:
                robot.leg.pop(0)
                continue
            east, north = (to_x - robot.x) / distance, (to_y - robot.y) / distance
            robot.heading_deg = math.degrees(math.atan2(east, north)) % 360.0
            grade = self.grade(robot, east, north)
            resistance = math.cos(grade) + math.sin(grade) / 0.15
            speed = spec.speed_m_s / max(1.0, resistance) * (1.0 - slip(max(0.0, math.degrees(grade))))
            step = min(distance, half_cell, speed * left)
            to = (to_x, to_y) if step == distance else (robot.x + east * step, robot.y + north * step)
            if self.refuses(robot, to):
                robot.blocked, robot.activity, robot.leg = 1, HOLD, []
                return joules
            robot.x, robot.y = to
            robot.odometer_m += step
            joules += spec.drive_w * min(1.0, max(0.2, resistance)) * step / speed
            left -= step / speed
            if left < 1e-9:
                left = 0.0
            if step == distance:
                robot.leg.pop(0)
        if not robot.leg:
            robot.activity = HOLD
        return joules

    def grade(self, robot: PlainRobot, east: float, north: float) -> float:
        """Slope of the bilinear patch along the way [rad]; beyond the outermost cell centres as at them."""
        ref = self.site.ref
        x = min(max(robot.x, ref.x_left + 0.5 * ref.cell_m), ref.x_left + (ref.cols - 0.5) * ref.cell_m)
        y = max(min(robot.y, ref.y_top - 0.5 * ref.cell_m), ref.y_top - (ref.rows - 0.5) * ref.cell_m)
        row = min(max(math.floor((ref.y_top - robot.y) / ref.cell_m - 0.5), 0), ref.rows - 2)
        col = min(max(math.floor((robot.x - ref.x_left) / ref.cell_m - 0.5), 0), ref.cols - 2)
        (x0, y0), (x1, y1) = ref.xy(row, col), ref.xy(row + 1, col + 1)
        per_m_east = (self._patch(row, col, x1, y) - self._patch(row, col, x0, y)) / (x1 - x0)
        per_m_north = (self._patch(row, col, x, y0) - self._patch(row, col, x, y1)) / (y0 - y1)
        return math.atan(per_m_east * east + per_m_north * north)

    def _patch(self, row: int, col: int, x: float, y: float) -> float:
        """The plane-by-plane ground between four cell centres."""
        z = self.site.grid.elevation_m
        x0, y0 = self.site.ref.xy(row, col)
        a, b = (y0 - y) / self.site.ref.cell_m, (x - x0) / self.site.ref.cell_m
        top = (1 - b) * float(z[row, col]) + b * float(z[row, col + 1])
        bottom = (1 - b) * float(z[row + 1, col]) + b * float(z[row + 1, col + 1])
        return (1 - a) * top + a * bottom

    def refuses(self, robot: PlainRobot, to: tuple[float, float]) -> bool:
        row, col = self.cell(*to)
        if not (0 <= row < self.site.ref.rows and 0 <= col < self.site.ref.cols):
            return True
        return (row, col) != self.cell(robot.x, robot.y) and self.site.slope_deg[row, col] > robot.spec.max_slope_deg

    def fly(self, robot: PlainRobot) -> None:
        robot.hop_ticks -= 1
        if robot.hop_ticks == 0:
            robot.x, robot.y, robot.activity = robot.hop_x, robot.hop_y, HOLD
            if self.site.slope_deg[self.cell(robot.x, robot.y)] > robot.spec.max_slope_deg:
                self.lose(robot, 3)
