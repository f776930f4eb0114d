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
from moonfleet.terrain.sky import earth_vector
from moonfleet.terrain.soil import slip

HOLD, DRIVE, WORK, CHARGE, HIBERNATE, RELAY, HOP, LOST = range(8)
MOON_RADIUS = 1_737_400.0
TICK = 60.0
HOUR = 3600.0
YEAR = 365.25 * 86_400.0
PARTS = ("mobility", "power", "comm", "payload", "thermal")
WORD = 2**64


def random_number(key: int, robot: int, what: int, count: int) -> float:
    """splitmix64's finaliser, twice, in Python's own integers."""
    h = (key + (robot + 1) * 0x9E3779B97F4A7C15) % WORD
    h ^= (what + 1) * 0xD1B54A32D192ED03 % WORD
    h ^= (count + 1) * 0xA0761D6478BD642F % WORD
    for _ in range(2):
        h ^= h >> 30
        h = h * 0xBF58476D1CE4E5B9 % WORD
        h ^= h >> 27
        h = h * 0x94D049BB133111EB % WORD
        h ^= h >> 31
    return (h >> 11) / 2.0**53


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
    received_mbit: float = 0.0
    work_w: float = 0.0
    data_mbps: float = 0.0
    hop_x: float = 0.0
    hop_y: float = 0.0
    dust_ug_cm2: float = 0.0
    fade: float = 0.0
    wake_frac: float = 0.0
    trapped_s: float = 0.0
    trap_left: float = 0.0
    operating_s: float = 0.0
    made_wh: float = 0.0
    charge_loss_wh: float = 0.0
    dumped_wh: float = 0.0
    faded_wh: float = 0.0
    hop_ticks: int = 0
    activity: int = HOLD
    loss: int = 0
    link: int = 0
    cut: int = 0
    blocked: int = 0
    brownouts: int = 0
    faults: int = 0
    trapped: int = 0
    traps: int = 0
    leg: list[tuple[float, float]] = field(default_factory=list)
    # what the tick has worked out so far
    rates: dict[str, float] = field(default_factory=dict)
    events: dict[str, float] = field(default_factory=dict)  # subsystem -> operating time of its next failure or repair
    draws: dict[str, int] = field(default_factory=dict)
    doing: int = HOLD
    wanted_w: float = 0.0
    can_give_wh: float = 0.0
    tips: bool = False


class PlainWorld:
    """One world of robots."""

    def __init__(
        self, site: Any, robots: list[PlainRobot], t0: float, relay: Any, station: int | None, seen: Any,
        mast: int | None = None, seen_by_mast: Any = None, key: int = 0, faults: bool = False, block: int = 240,
    ) -> None:  # fmt: skip
        self.site, self.robots, self.t, self.t0 = site, robots, t0, t0
        self.relay, self.station, self.seen, self.mast, self.seen_by_mast = relay, station, seen, mast, seen_by_mast
        self.archive_mbit = self.station_mbit = self.relay_mbit = 0.0
        self.key, self.fail, self.block = key, faults, block
        self.ticks = 0
        self.orbiter = next((r for r, robot in enumerate(robots) if robot.spec.role == "orbiter"), None)
        for r, robot in enumerate(robots):
            robot.trap_left = -math.log(1.0 - random_number(key, r, 5, 0))
            for part in PARTS:
                robot.draws[part] = 0
                self.next_failure(robot, part)

    def tick(self) -> None:
        sky = self.site.sky.sample(np.array([self.t]))
        self.sun_az, self.sun_el, self.sun_radius, self.flux, self.earth_az, self.earth_el = (float(c[0]) for c in sky)
        begun = self.t - self.ticks % self.block * TICK
        ends = [float(np.linalg.norm(v)) for v in earth_vector(np.array([begun, begun + (self.block - 1) * TICK]))]
        self.earth_m = ends[0] + (ends[1] - ends[0]) * (self.ticks % self.block) / (self.block - 1)
        self.rhu_share = 0.5 ** ((self.t - self.t0) / (87.7 * YEAR))
        alive = [robot for robot in self.robots if robot.activity != LOST]
        for work in (self.look_around, self.act, self.talk, self.settle):
            for robot in alive:
                work(robot)
        self.ticks += 1
        self.t = self.t0 + self.ticks * TICK

    # --- sight ---

    def cell(self, x: float, y: float) -> tuple[int, int]:
        ref = self.site.ref
        return math.floor((ref.y_top - y) / ref.cell_m), math.floor((x - ref.x_left) / ref.cell_m)

    def layer(self, height_m: float) -> Any:
        """The highest horizons that the site has at or below an eye."""
        known = getattr(self.site, "horizons", None) or {2.0: self.site.horizon}
        return known[max((eye for eye in known if eye <= height_m), default=min(known))].millideg

    def local(self, robot: PlainRobot, az: float, el: float) -> float:
        """Elevation over the robot's own horizontal plane [deg]."""
        cx, cy = self.site.ref.centre
        along = (robot.x - cx) * math.sin(math.radians(az)) + (robot.y - cy) * math.cos(math.radians(az))
        return el + math.degrees(along / MOON_RADIUS)

    def above_horizon(self, robot: PlainRobot, az: float, el: float, eye_m: float) -> float:
        """How far a direction stands above the terrain at the robot's cell [deg]."""
        row, col = self.cell(robot.x, robot.y)
        angles = self.layer(eye_m)[:, row, col] / 1000.0
        terrain = np.interp(az % 360.0, np.linspace(0.0, 360.0, len(angles) + 1), [*angles, angles[0]])
        return self.local(robot, az, el) - float(terrain)

    def hears(self, index: int | None) -> bool:
        if index is None:
            return False
        robot = self.robots[index]
        return robot.activity not in (HIBERNATE, HOP, LOST) and "comm" not in self.down(robot)

    def down(self, robot: PlainRobot) -> set[str]:
        return {part for k, part in enumerate(PARTS) if robot.faults >> k & 1}

    @staticmethod
    def rate(top: float, steps: tuple[float, ...], full_m: float, distance_m: float) -> float:
        """The fastest rate that a signal carries whose power falls with the square of the distance."""
        if full_m == 0.0:
            return top
        power = (full_m / max(distance_m, 1.0)) ** 2
        return max((rate for rate in (top, *steps) if rate <= power * top), default=0.0)

    def look_around(self, robot: PlainRobot) -> None:
        self.see(robot)
        robot.link &= ~robot.cut

    def see(self, robot: PlainRobot) -> None:
        spec, rates = robot.spec, dict.fromkeys(("station", "relay", "earth", "mast"), 0.0)
        robot.rates = rates
        deaf = "comm" in self.down(robot)
        robot.link = 0
        if spec.role == "orbiter":
            robot.lit = 1.0
            rates["earth"] = 0.0 if deaf else spec.rate_earth_mbps
            robot.link = 4 if rates["earth"] > 0 else 0
            return
        sun = self.above_horizon(robot, self.sun_az, self.sun_el, spec.panel_height_m)
        height = min(max(sun / self.sun_radius, -1.0), 1.0)
        robot.lit = 1.0 - (math.acos(height) - height * math.sqrt(1.0 - height * height)) / math.pi
        if deaf:
            return
        for bit, name, index, seen in (
            (1, "station", self.station, self.seen),
            (8, "mast", self.mast, self.seen_by_mast),
        ):
            if self.hears(index) and self.robots[index] is not robot and spec.rate_station_mbps > 0:  # type: ignore[index]
                other = self.robots[index]  # type: ignore[index]
                is_station = self.station is not None and robot is self.robots[self.station]
                if not is_station and spec.range_station_m > 0 and seen[self.cell(robot.x, robot.y)]:
                    away = math.hypot(other.x - robot.x, other.y - robot.y)
                    rates[name] = self.rate(spec.rate_station_mbps, spec.station_steps_mbps, spec.range_station_m, away)
                    robot.link += bit if rates[name] > 0 else 0
        if self.relay is not None and spec.rate_relay_mbps > 0 and (self.orbiter is None or self.hears(self.orbiter)):
            az, el, away = (float(v[0]) for v in self.relay.look(np.array([self.t]), 0.0, 0.0))
            if self.above_horizon(robot, az, el, spec.mast_m) >= 0:
                rates["relay"] = self.rate(spec.rate_relay_mbps, spec.relay_steps_mbps, spec.relay_full_m, away)
                robot.link += 2 if rates["relay"] > 0 else 0
        if spec.rate_earth_mbps > 0 and self.above_horizon(robot, self.earth_az, self.earth_el, spec.mast_m) >= 0:
            rates["earth"] = self.rate(spec.rate_earth_mbps, spec.earth_steps_mbps, spec.earth_full_m, self.earth_m)
            robot.link += 4 if rates["earth"] > 0 else 0

    # --- one tick of a life ---

    def panel(self, robot: PlainRobot) -> float:
        """Power of the panel [W]."""
        spec = robot.spec
        el = math.radians(self.sun_el if spec.role == "orbiter" else self.local(robot, self.sun_az, self.sun_el))
        tilt = math.radians({"level": 0.0, "upright": 90.0}.get(spec.panel, spec.panel_tilt_deg))
        facing = 0.0 if spec.panel == "upright" else self.sun_az - robot.heading_deg - spec.panel_facing_deg
        cosine = math.sin(el) * math.cos(tilt) + math.cos(el) * math.sin(tilt) * math.cos(math.radians(facing))
        if spec.panel == "tracking" or spec.role == "orbiter":
            cosine = 1.0
        watts = spec.solar_w_1au * self.flux / 1361.0 * robot.lit * max(cosine, 0.0)
        return watts * math.exp(-robot.dust_ug_cm2 / 1000.0) * (0.5 if "power" in self.down(robot) else 1.0)

    def reachable(self, robot: PlainRobot) -> float:
        """Charge that the cold lets out of the battery [Wh]."""
        spec = robot.spec
        locked = min(0.8, spec.cold_loss_per_k * max(0.0, 283.0 - robot.temp_k))
        return max(0.0, robot.battery_wh - locked * spec.battery_wh * (1.0 - robot.fade))

    def act(self, robot: PlainRobot) -> None:
        spec, down = robot.spec, self.down(robot)
        robot.tips = False
        robot.solar_w = self.panel(robot)
        robot.can_give_wh = min(self.reachable(robot), spec.discharge_c * spec.battery_wh * TICK / HOUR)
        can_give_w = robot.solar_w + robot.can_give_wh * HOUR / TICK
        charged = robot.battery_wh >= robot.wake_frac * spec.battery_wh
        warm = robot.temp_k >= spec.temp_survive_k + 2.5
        if robot.activity == HIBERNATE and robot.wake_frac > 0 and charged and robot.lit >= 0.5 and warm:
            robot.activity, robot.wake_frac = HOLD, 0.0
        if robot.activity == DRIVE and (robot.trapped or "mobility" in down):
            robot.activity, robot.blocked, robot.leg = HOLD, 1, []
        load = {
            HOLD: spec.idle_w,
            CHARGE: spec.idle_w,
            DRIVE: spec.idle_w + spec.drive_w,
            WORK: spec.idle_w + (0.0 if "payload" in down else robot.work_w),
            HIBERNATE: spec.hibernate_w,
            RELAY: spec.idle_w + spec.comm_w,
            HOP: spec.idle_w + spec.hop_wh * HOUR / (5 * TICK),
        }[robot.activity]
        if can_give_w < load and robot.activity not in (HIBERNATE, HOP):
            robot.activity = HIBERNATE
            robot.brownouts += 1
            robot.leg = []
            load = spec.hibernate_w
        robot.doing = robot.activity
        if robot.doing == DRIVE:
            load = spec.idle_w + self.drive(robot) / TICK
        if robot.doing == WORK and robot.temp_k >= spec.temp_op_min_k and "payload" not in down:
            self.work(robot)
        robot.wanted_w = load

    def settle(self, robot: PlainRobot) -> None:
        spec, doing, load = robot.spec, robot.doing, robot.wanted_w
        can_give_w = robot.solar_w + robot.can_give_wh * HOUR / TICK
        heater = 0.0 if "thermal" in self.down(robot) else self.heater(robot, doing, load, can_give_w)
        served = self.power(robot, load + heater)
        if spec.role != "orbiter":
            self.warm(robot, min(load, served), max(served - load, 0.0))
            robot.dust_ug_cm2 += spec.dust_ug_cm2_yr * TICK / YEAR
        if doing != HIBERNATE:
            robot.operating_s += TICK
            self.wear(robot)
        if robot.trapped:
            robot.trapped_s += TICK
        if doing == HOP:
            self.fly(robot)
        if robot.tips:
            self.lose(robot, 3)
        elif spec.role != "orbiter" and robot.temp_k < spec.temp_survive_k:
            self.lose(robot, 1)
        elif self.flat(robot) and spec.solar_w_1au == 0:
            self.lose(robot, 2)
        elif robot.trapped and robot.trapped_s > spec.trapped_h * HOUR:
            self.lose(robot, 4)

    def flat(self, robot: PlainRobot) -> bool:
        locked = min(0.8, robot.spec.cold_loss_per_k * max(0.0, 283.0 - robot.temp_k))
        return robot.battery_wh <= locked * robot.spec.battery_wh

    def lose(self, robot: PlainRobot, reason: int) -> None:
        robot.activity, robot.loss = LOST, reason
        robot.link, robot.solar_w, robot.load_w, robot.leg = 0, 0.0, 0.0, []

    # --- failures ---

    def next_failure(self, robot: PlainRobot, part: str) -> None:
        law = getattr(robot.spec.faults, part)
        number = random_number(self.key, self.robots.index(robot), PARTS.index(part), robot.draws[part])
        robot.draws[part] += 1
        hours = -math.log(1.0 - number) / law.per_h if self.fail and law.per_h > 0 else 1e30
        robot.events[part] = robot.operating_s + hours * HOUR if hours < 1e30 else 1e30

    def wear(self, robot: PlainRobot) -> None:
        for k, part in enumerate(PARTS):
            if robot.events[part] > robot.operating_s:
                continue
            robot.faults ^= 1 << k
            if not robot.faults >> k & 1:
                self.next_failure(robot, part)
                continue
            law, r, n = getattr(robot.spec.faults, part), self.robots.index(robot), robot.draws[part]
            robot.draws[part] += 1
            robot.events[part] = robot.operating_s - law.repair_h * HOUR * math.log(
                1 - random_number(self.key, r, k, n)
            )
            if random_number(self.key, r, k + 16, n) < law.help_share:
                robot.events[part] = 1e30

    def assist(self, robot: PlainRobot) -> None:
        """What another robot does that stands at its side."""
        for k, part in enumerate(PARTS):
            if robot.faults >> k & 1:
                self.next_failure(robot, part)
        robot.faults = 0
        if robot.trapped:
            robot.trapped, robot.trapped_s = 0, 0.0
            robot.trap_left = -math.log(1 - random_number(self.key, self.robots.index(robot), 5, robot.traps))

    # --- data ---

    def work(self, robot: PlainRobot) -> None:
        robot.worked_s += TICK
        new = robot.data_mbps * TICK
        kept = min(new, max(0.0, robot.spec.storage_mbit - robot.data_mbit))
        robot.data_mbit += kept
        robot.generated_mbit += new
        robot.dropped_mbit += new - kept

    def talk(self, robot: PlainRobot) -> None:
        if robot.doing in (HIBERNATE, HOP):
            return
        spare_w = robot.solar_w + robot.can_give_wh * HOUR / TICK - robot.wanted_w
        transmitter_w = 0.0 if robot.doing == RELAY else robot.spec.comm_w
        me = self.robots.index(robot)
        room = {"earth": math.inf, "relay": math.inf, "station": 0.0, "mast": 0.0}
        if self.orbiter is not None:
            room["relay"] = self.robots[self.orbiter].spec.storage_mbit - self.relay_mbit
        if self.station is not None:
            room["station"] = self.robots[self.station].spec.storage_mbit - self.station_mbit
        if self.mast is not None:
            room["mast"] = self.robots[self.mast].spec.storage_mbit - self.robots[self.mast].data_mbit
        up = {"station": 1, "relay": 2, "earth": 4, "mast": 8}
        order = ("mast", "station", "relay", "earth")  # on a tie the nearer to the Earth
        peers = [n for n in order if robot.link & up[n] and room[n] > 0 and robot.rates[n] > 0]
        if not peers:
            return
        peer = max(peers, key=lambda name: (robot.rates[name], order.index(name)))
        can_send = robot.rates[peer] * TICK
        most = min(can_send, room[peer])
        own = min(robot.data_mbit, most)
        store = self.station_mbit if me == self.station else self.relay_mbit if me == self.orbiter else 0.0
        others = min(store, most - own)
        watts = transmitter_w * (own + others) / can_send
        if watts > spare_w or own + others <= 0:
            return
        robot.data_mbit -= own
        robot.sent_mbit += own + others
        if me == self.station:
            self.station_mbit -= others
        elif me == self.orbiter:
            self.relay_mbit -= others
        if peer == "station":
            self.station_mbit += own
        elif peer == "mast":
            assert self.mast is not None
            self.robots[self.mast].data_mbit += own
            self.robots[self.mast].received_mbit += own
        elif peer == "relay" and self.orbiter is not None:
            self.relay_mbit += own + others
        else:
            self.archive_mbit += own + others
        robot.wanted_w += watts

    # --- heat and power ---

    def environment(self, robot: PlainRobot) -> tuple[float, float, float]:
        """Surroundings [K], conductance [W/K] and heat that costs nothing [W]."""
        spec = robot.spec
        hot, cold = 230.0**4 * self.flux / 1361.0, 105.0**4
        around = (robot.lit * hot + (1.0 - robot.lit) * cold) ** 0.25
        louvres = float(np.clip((robot.temp_k - 288.0) / 20.0, 0.0, 1.0))
        free = spec.rhu_w * self.rhu_share + spec.sun_absorb_m2 * self.flux * robot.lit
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
        """Serve the loads, and age; return the power they got [W]."""
        spec = robot.spec
        sun, wanted = robot.solar_w * TICK / HOUR, wanted_w * TICK / HOUR
        before, holds = robot.battery_wh, spec.battery_wh * (1.0 - robot.fade)
        got = min(wanted, sun + robot.can_give_wh)
        stored = drawn = 0.0
        if sun >= wanted:
            stored = min(spec.charge_efficiency * (sun - wanted), holds - before)
            stored = max(0.0, min(stored, spec.charge_c * spec.battery_wh * TICK / HOUR))
            robot.charge_loss_wh += stored / spec.charge_efficiency - stored
            robot.dumped_wh += sun - wanted - stored / spec.charge_efficiency
        else:
            drawn = min(wanted - sun, robot.can_give_wh)
        robot.fade += spec.fade_per_year * TICK / YEAR + spec.fade_per_cycle * (stored + drawn) / 2.0 / spec.battery_wh
        robot.fade = min(robot.fade, 1.0)
        after = before + stored - drawn
        robot.battery_wh = min(after, spec.battery_wh * (1.0 - robot.fade))
        robot.faded_wh += after - robot.battery_wh
        robot.made_wh += sun
        robot.energy_out_wh += got
        robot.energy_in_wh += got + stored - drawn
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
        began_m = robot.odometer_m
        half_cell = 0.5 * self.site.ref.cell_m
        while robot.leg and left > 0:
            to_x, to_y = robot.leg[0]
            distance = math.hypot(to_x - robot.x, to_y - robot.y)
            if distance < 1e-9:
                robot.leg.pop(0)
                continue
            east, north = (to_x - robot.x) / distance, (to_y - robot.y) / distance
            robot.heading_deg = math.degrees(math.atan2(east, north)) % 360.0
            grade, steepest = self.grade(robot, east, north)
            if steepest > math.radians(spec.tip_slope_deg):
                robot.tips, robot.activity, robot.leg, robot.blocked = True, HOLD, [], 0
                break
            resistance = math.cos(grade) + math.sin(grade) / 0.15
            speed = spec.speed_m_s / max(1.0, resistance) * (1.0 - slip(max(0.0, math.degrees(grade))))
            step = min(distance, half_cell, speed * left)
            to = (to_x, to_y) if step == distance else (robot.x + east * step, robot.y + north * step)
            if self.refuses(robot, to):
                robot.blocked, robot.activity, robot.leg = 1, HOLD, []
                break
            robot.x, robot.y = to
            robot.odometer_m += step
            joules += spec.drive_w * min(1.0, max(0.2, resistance)) * step / speed
            left -= step / speed
            if left < 1e-9:
                left = 0.0
            if step == distance:
                robot.leg.pop(0)
            slips = slip(max(0.0, math.degrees(grade)))
            if slips > spec.embed_slip:
                robot.trap_left -= spec.trap_per_m * ((slips - spec.embed_slip) / (1.0 - spec.embed_slip)) ** 2 * step
                if robot.trap_left <= 0 < spec.trap_per_m:
                    robot.trapped, robot.blocked, robot.activity, robot.leg = 1, 1, HOLD, []
                    robot.traps += 1
                    break
        robot.dust_ug_cm2 += spec.dust_ug_cm2_km * (robot.odometer_m - began_m) / 1000.0
        if not robot.leg:
            robot.activity = HOLD
        return joules

    def grade(self, robot: PlainRobot, east: float, north: float) -> tuple[float, float]:
        """Slope of the bilinear patch along the way, and at its steepest [rad]; beyond the outermost cell centres as at them."""
        ref = self.site.ref
        x = min(max(robot.x, ref.x_left + 0.5 * ref.cell_m), ref.x_left + (ref.cols - 0.5) * ref.cell_m)
        y = max(min(robot.y, ref.y_top - 0.5 * ref.cell_m), ref.y_top - (ref.rows - 0.5) * ref.cell_m)
        row = min(max(math.floor((ref.y_top - robot.y) / ref.cell_m - 0.5), 0), ref.rows - 2)
        col = min(max(math.floor((robot.x - ref.x_left) / ref.cell_m - 0.5), 0), ref.cols - 2)
        (x0, y0), (x1, y1) = ref.xy(row, col), ref.xy(row + 1, col + 1)
        per_m_east = (self._patch(row, col, x1, y) - self._patch(row, col, x0, y)) / (x1 - x0)
        per_m_north = (self._patch(row, col, x, y0) - self._patch(row, col, x, y1)) / (y0 - y1)
        return math.atan(per_m_east * east + per_m_north * north), math.atan(math.hypot(per_m_east, per_m_north))

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
