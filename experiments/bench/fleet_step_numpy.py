"""The World's step once more in vectorised numpy, arrays [W, R]: what the compiled step is timed against, and must agree with.

The same physics in the same order, written as one would without a compiler: whole arrays, masks for what only some robots do, index lists
for the few that drive, land or fail, and a loop over the robots only where the order matters (who fills a store first).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents import spec_block as c
from moonfleet.agents import state as s
from moonfleet.agents.act import FAULTY_PANEL, HOP_TICKS, WAKE_LIT
from moonfleet.agents.battery import MOST_LOCKED, WARM_K
from moonfleet.agents.dust import FADING_UG_CM2
from moonfleet.agents.faults import FAR_S, HELP_DRAW
from moonfleet.agents.ground import ground_layers
from moonfleet.agents.sky_blocks import SKY_TICKS, SkyBlocks
from moonfleet.agents.thermal import COLD4, HEATER_MARGIN_K, HOT4, LOUVRE_OPEN_K, LOUVRE_SHUT_K
from moonfleet.agents.world import TARGET_M, World
from moonfleet.autonomy.wheels import LEAST_POWER, ROLLING
from moonfleet.terrain.constants import MOON_RADIUS_M, SOLAR_CONSTANT_W_M2
from moonfleet.terrain.sight import viewshed
from moonfleet.terrain.soil import HIGHEST_SLIP, LEVEL_SLIP, SLIP_PER_DEG2

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
U64 = np.uint64


class NumpyWorld:
    """Takes over a World as it stands and steps it in numpy."""

    def __init__(self, world: World) -> None:
        saved = world.get_state()
        self.f: dict[str, F64] = {name: np.asarray(saved[name], dtype=np.float64) for name in s.FLOAT_FIELDS}
        self.i: dict[str, Ints] = {name: np.asarray(saved[name], dtype=np.int64) for name in s.INT_FIELDS}
        self.legs = np.asarray(saved["legs"], dtype=np.float64)
        self.keys = saved["keys"].astype(np.uint64)
        self.archive, self.station_store, self.relay_store = (
            np.asarray(saved[name], dtype=np.float64) for name in ("archive_mbit", "station_mbit", "relay_mbit")
        )
        self.tick_index = np.asarray(saved["tick_index"], dtype=np.int64)
        self.t0 = np.asarray(saved["t0"], dtype=np.float64)
        self.dt, self.hours = world.tick_s, world.tick_s / 3600.0
        robots = world.robots
        heights = [spec.panel_height_m for spec in world.specs] + [spec.mast_m for spec in world.specs]
        self.ground, layers = ground_layers(world.site, heights)
        self.planes = (self.ground.low, self.ground.middle, self.ground.high)
        self.spec = c.spec_block(world.specs, world.tick_s, world.faults, layers[:robots], layers[robots:])
        self.light_of = [np.flatnonzero(self.spec[c.LIGHT_LAYER] == k) for k in range(3)]
        self.radio_of = [np.flatnonzero(self.spec[c.RADIO_LAYER] == k) for k in range(3)]
        self.station, self.mast, self.orbiter = world.station, world.mast, world.orbiter
        self.on_ground = self.spec[c.IS_ORBITER] == 0.0
        self.sky = SkyBlocks(world.site.sky, world.relay, world.site.ref.lonlat(), world.worlds, world.tick_s)
        self.views = [self._views(world, robot) for robot in (self.station, self.mast)]
        self.worlds = np.arange(world.worlds)
        self.rates = np.zeros((4, world.worlds, robots))

    def obey(self, world: World) -> None:
        """Take over what orders have just set in the World: what each robot does, its leg and its tool."""
        state = world.state
        for name in ("work_w", "data_mbps", "wake_frac", "worked_s", "hop_x", "hop_y"):
            self.f[name] = getattr(state, name).copy()
        for name in ("activity", "blocked", "leg_next", "leg_size", "hop_ticks", "hops_left"):
            self.i[name] = getattr(state, name).copy()
        self.legs = np.asarray(world.get_state()["legs"], dtype=np.float64)

    @staticmethod
    def _views(world: World, robot: int | None) -> tuple[Bools, Ints]:
        """Return viewsheds [V, rows, cols] and which of them each world uses [W]."""
        if robot is None:
            return np.zeros((1, *world.site.ref.shape), dtype=np.bool_), np.zeros(world.worlds, dtype=np.int64)
        places = np.stack([world.state.x[:, robot], world.state.y[:, robot]], axis=1)
        different, index = np.unique(places, axis=0, return_inverse=True)
        mast_m = world.specs[robot].mast_m
        seen = [viewshed(world.site.grid, (float(x), float(y)), mast_m, TARGET_M) for x, y in different]
        return np.stack(seen), index.ravel().astype(np.int64)

    def tick(self, n: int) -> None:
        """Advance by so many ticks."""
        for _ in range(n):
            table = self.sky.table(self.t0, self.tick_index)
            sky = table[self.worlds, self.tick_index % SKY_TICKS].T[:, :, None]
            self.alive = self.i["activity"] != s.LOST
            cosine = self.look(sky)
            self.act(sky, cosine)
            for r in range(self.alive.shape[1]):
                self.send(r)
            self.settle(sky)
            self.tick_index += 1

    # --- sight ---

    def cells(self, x: F64, y: F64) -> tuple[Ints, Ints]:
        """Return rows and columns of places; -1 outside."""
        x_left, y_top, cell = self.ground.frame[:3]
        rows, cols = self.ground.slope.shape
        down, right = (y_top - y) / cell, (x - x_left) / cell
        row = np.where(down == rows, rows - 1, np.floor(down)).astype(np.int64)
        col = np.where(right == cols, cols - 1, np.floor(right)).astype(np.int64)
        outside = (row < 0) | (col < 0) | (row >= rows) | (col >= cols)
        return np.where(outside, -1, row), np.where(outside, -1, col)

    def horizon(self, layer_of: list[Ints], row: Ints, col: Ints, az: F64) -> F64:
        """Return the horizons [deg] of all robots towards one azimuth per world."""
        count = self.ground.low.shape[0]
        place = (az % 360.0) * count / 360.0
        a = place.astype(np.int64)
        weight = place - a
        a %= count
        b = np.where(a + 1 < count, a + 1, 0)
        out = np.empty(row.shape)
        for plane, robots in zip(self.planes, layer_of, strict=True):
            if robots.size == row.shape[1]:
                return 0.001 * ((1.0 - weight) * plane[a, row, col] + weight * plane[b, row, col])
            if robots.size:
                i, j = row[:, robots], col[:, robots]
                out[:, robots] = 0.001 * ((1.0 - weight) * plane[a, i, j] + weight * plane[b, i, j])
        return out

    def local(self, az: F64, el: F64, dx: F64, dy: F64) -> F64:
        """Return elevations over each robot's own plane [deg]."""
        angle = np.radians(az)
        return el + (
            dx * (np.degrees(np.sin(angle)) / MOON_RADIUS_M) + dy * (np.degrees(np.cos(angle)) / MOON_RADIUS_M)
        )

    def listens(self, r: int) -> Bools:
        """Return in which worlds a robot's radio is on and works, [W]."""
        doing = self.i["activity"][:, r]
        asleep = (doing == s.HIBERNATE) | (doing == s.LOST) | (doing == s.HOP)
        return ~asleep & ((self.i["faults"][:, r] & (1 << s.COMM)) == 0)

    def step_rate(self, power: F64, top: int, lower: int) -> F64:
        """Return the fastest rate that a power carries."""
        best = self.spec[top]
        carried = power * best
        out = np.zeros(np.broadcast_shapes(power.shape, best.shape))
        for row in (lower + 2, lower + 1, lower):
            out = np.where(carried >= self.spec[row], np.maximum(out, self.spec[row]), out)
        return np.where(power >= 1.0, best, out)

    def look(self, sky: F64) -> F64:
        """Set light, links and rates; return the panels' cosines."""
        f, i, spec = self.f, self.i, self.spec
        dx, dy = f["x"] - self.ground.frame[3], f["y"] - self.ground.frame[4]
        row, col = self.cells(f["x"], f["y"])
        el = self.local(sky[s.SUN_AZ], sky[s.SUN_EL], dx, dy)
        height = (el - self.horizon(self.light_of, row, col, sky[s.SUN_AZ])) / sky[s.SUN_RADIUS]
        height = np.clip(height, -1.0, 1.0)
        lit = 0.5 + (np.arcsin(height) + height * np.sqrt(1.0 - height * height)) / np.pi
        lit = np.where(height <= -1.0, 0.0, np.where(height >= 1.0, 1.0, lit))
        f["lit"] = np.where(self.alive, np.where(self.on_ground, lit, 1.0), f["lit"])
        cosine = np.ones(lit.shape)
        panel = np.where(self.on_ground, spec[c.PANEL], c.TRACKING)
        if (fixed := np.flatnonzero(panel == c.FIXED)).size:
            facing = f["heading_deg"][:, fixed] + spec[c.PANEL_FACING, fixed]
            across = np.cos(np.radians(sky[s.SUN_AZ] - facing))
            tilt, up = np.radians(spec[c.PANEL_TILT, fixed]), np.radians(el[:, fixed])
            cosine[:, fixed] = np.maximum(np.sin(up) * np.cos(tilt) + np.cos(up) * np.sin(tilt) * across, 0.0)
        if (level := np.flatnonzero(panel == c.LEVEL)).size:
            cosine[:, level] = np.maximum(np.sin(np.radians(el[:, level])), 0.0)
        if (upright := np.flatnonzero(panel == c.UPRIGHT)).size:
            cosine[:, upright] = np.cos(np.radians(el[:, upright]))
        hears = self.alive & ((i["faults"] & (1 << s.COMM)) == 0)
        grounded = hears & self.on_ground
        rates = self.rates
        rates[:] = 0.0
        for rate, hub, (views, view_of) in ((0, self.station, self.views[0]), (3, self.mast, self.views[1])):
            if hub is None:
                continue
            away2 = (f["x"] - f["x"][:, [hub]]) ** 2 + (f["y"] - f["y"][:, [hub]]) ** 2
            power = spec[c.RANGE_STATION] ** 2 / np.maximum(away2, 1.0)
            found = self.step_rate(power, c.RATE_STATION, c.STATION_STEPS)
            able = grounded & views[view_of[:, None], row, col] & self.listens(hub)[:, None]
            able &= (spec[c.RATE_STATION] > 0.0) & (spec[c.RANGE_STATION] > 0.0)
            able[:, [robot for robot in (hub, self.station) if robot is not None]] = False
            rates[rate] = np.where(able, found, 0.0)
        relay_el = self.local(sky[s.RELAY_AZ], sky[s.RELAY_EL], dx, dy)
        able = grounded & (relay_el >= self.horizon(self.radio_of, row, col, sky[s.RELAY_AZ]))
        able &= (sky[s.RELAY_EL] > -90.0) & (spec[c.RATE_RELAY] > 0.0)
        if self.orbiter is not None:
            able &= self.listens(self.orbiter)[:, None]
        rates[1] = np.where(able, self.far_rate(c.RELAY_FULL, sky[s.RELAY_M], c.RATE_RELAY, c.RELAY_STEPS), 0.0)
        earth_el = self.local(sky[s.EARTH_AZ], sky[s.EARTH_EL], dx, dy)
        able = grounded & (earth_el >= self.horizon(self.radio_of, row, col, sky[s.EARTH_AZ]))
        able &= spec[c.RATE_EARTH] > 0.0
        found = self.far_rate(c.EARTH_FULL, sky[s.EARTH_M], c.RATE_EARTH, c.EARTH_STEPS)
        rates[2] = np.where(able, found, np.where(hears & ~self.on_ground, spec[c.RATE_EARTH], 0.0))
        up = rates > 0.0
        link = s.Link.STATION * up[0] + s.Link.RELAY * up[1] + s.Link.EARTH * up[2] + s.Link.MAST * up[3]
        i["link"] = link & ~i["cut"]
        return cosine

    def far_rate(self, full: int, away_m: F64, top: int, lower: int) -> F64:
        """Return rates over a distance that is the same for all robots of a world."""
        reach = self.spec[full]
        power = np.where(reach > 0.0, reach * reach / np.maximum(away_m * away_m, 1.0), 1.0)
        return self.step_rate(power, top, lower)

    # --- move and work ---

    def locked(self, capacity: F64) -> F64:
        """Return the charge that the cold keeps."""
        return capacity * np.minimum(self.spec[c.COLD_LOSS] * np.maximum(WARM_K - self.f["temp_k"], 0.0), MOST_LOCKED)

    def act(self, sky: F64, cosine: F64) -> None:
        """What the power allows, then driving and work."""
        f, i, spec = self.f, self.i, self.spec
        down = i["faults"]
        solar = spec[c.SOLAR_1AU] * (sky[s.FLUX] / SOLAR_CONSTANT_W_M2) * f["lit"] * cosine
        solar = solar * np.exp(-f["dust_ug_cm2"] / FADING_UG_CM2)
        self.solar = np.where(down & (1 << s.POWER), solar * FAULTY_PANEL, solar)
        give = f["battery_wh"] - self.locked(spec[c.CAPACITY] * (1.0 - f["fade"]))
        self.give = np.minimum(np.maximum(give, 0.0), spec[c.DISCHARGE_MAX])
        self.available = self.solar * self.hours + self.give
        wakes = (i["activity"] == s.HIBERNATE) & (f["wake_frac"] > 0.0) & (f["lit"] >= WAKE_LIT)
        wakes &= f["battery_wh"] >= f["wake_frac"] * spec[c.CAPACITY]
        wakes &= f["temp_k"] >= spec[c.TEMP_SURVIVE] + 0.5 * HEATER_MARGIN_K
        i["activity"][wakes] = s.HOLD
        f["wake_frac"][wakes] = 0.0
        stopped = (i["activity"] == s.DRIVE) & ((i["trapped"] == 1) | ((down & (1 << s.MOBILITY)) != 0))
        self.halt(stopped, s.HOLD)
        i["blocked"][stopped] = 1
        doing = i["activity"]
        works = (doing == s.WORK) & ((down & (1 << s.PAYLOAD)) == 0)
        load = spec[c.IDLE_W] + np.where(works, f["work_w"], 0.0)
        load = np.where(doing == s.HIBERNATE, spec[c.HIBERNATE_W], load)
        load = np.where(doing == s.DRIVE, spec[c.IDLE_W] + spec[c.DRIVE_W], load)
        load = np.where(doing == s.RELAY, spec[c.IDLE_W] + spec[c.COMM_W], load)
        load = np.where(doing == s.HOP, spec[c.IDLE_W] + spec[c.HOP_WH] * 3600.0 / (HOP_TICKS * self.dt), load)
        empty = self.alive & (self.available < load * self.hours) & (doing != s.HIBERNATE) & (doing != s.HOP)
        self.halt(empty, s.HIBERNATE)
        i["brownouts"][empty] += 1
        self.load = np.where(empty, spec[c.HIBERNATE_W], load)
        self.doing = i["activity"].copy()
        self.tips = np.zeros(doing.shape, dtype=np.bool_)
        w, r = np.nonzero(self.doing == s.DRIVE)
        if w.size:
            self.load[w, r] = spec[c.IDLE_W, r] + self.drive(w, r) / self.dt
        works &= ~empty & (f["temp_k"] >= spec[c.TEMP_OP])
        f["worked_s"] += np.where(works, self.dt, 0.0)
        new = np.where(works, f["data_mbps"] * self.dt, 0.0)
        kept = np.minimum(new, np.maximum(spec[c.STORAGE] - f["data_mbit"], 0.0))
        f["data_mbit"] += kept
        f["generated_mbit"] += new
        f["dropped_mbit"] += new - kept

    def halt(self, which: Bools, activity: int) -> None:
        """End legs."""
        self.i["activity"][which] = activity
        self.i["leg_size"][which] = 0
        self.i["leg_next"][which] = 0

    def drive(self, w: Ints, r: Ints) -> F64:
        """Drive the robots (w, r) for a tick; return their motors' energy [J]."""
        f, i, spec = self.f, self.i, self.spec
        cell = self.ground.frame[2]
        x, y, heading = f["x"][w, r], f["y"][w, r], f["heading_deg"][w, r]
        ahead, size = i["leg_next"][w, r], i["leg_size"][w, r]
        hazard, left = f["trap_left"][w, r], np.full(w.size, self.dt)
        metres, joules = np.zeros(w.size), np.zeros(w.size)
        blocked, stuck, tipped = (np.zeros(w.size, dtype=np.bool_) for _ in range(3))
        row, col = self.cells(x, y)
        going = np.flatnonzero((ahead < size) & (left > 0.0))
        while going.size:
            k = going
            to = self.legs[w[k], r[k], ahead[k]]
            to_x, to_y = to[:, 0] - x[k], to[:, 1] - y[k]
            distance = np.sqrt(to_x * to_x + to_y * to_y)
            there = distance < 1e-9
            ahead[k[there]] += 1
            on = ~there
            k, to, to_x, to_y, distance = k[on], to[on], to_x[on], to_y[on], distance[on]
            east, north = to_x / distance, to_y / distance
            heading[k] = np.degrees(np.arctan2(east, north)) % 360.0
            rise_east, rise_north = self.gradient(x[k], y[k])
            tips = rise_east * rise_east + rise_north * rise_north > spec[c.TIP_TAN2, r[k]]
            tipped[k[tips]] = True
            on = ~tips
            k, to, distance, east, north = k[on], to[on], distance[on], east[on], north[on]
            angle = np.arctan(rise_east[on] * east + rise_north[on] * north)
            grade = np.degrees(angle)
            resistance = np.cos(angle) + np.sin(angle) / ROLLING
            up = np.maximum(grade, 0.0)
            slips = np.minimum(LEVEL_SLIP + SLIP_PER_DEG2 * up * up, HIGHEST_SLIP)
            speed = spec[c.SPEED, r[k]] / np.maximum(resistance, 1.0) * (1.0 - slips)
            power = spec[c.DRIVE_W, r[k]] * np.clip(resistance, LEAST_POWER, 1.0)
            step = np.minimum(distance, 0.5 * cell)
            time = step / speed
            short = time > left[k]
            time = np.where(short, left[k], time)
            step = np.where(short, speed * left[k], step)
            whole = step >= distance
            new_x = np.where(whole, to[:, 0], x[k] + east * step)
            new_y = np.where(whole, to[:, 1], y[k] + north * step)
            new_row, new_col = self.cells(new_x, new_y)
            steep = self.ground.slope[new_row, new_col] > spec[c.MAX_SLOPE, r[k]]
            bars = (new_row < 0) | (((new_row != row[k]) | (new_col != col[k])) & steep)
            blocked[k[bars]] = True
            on = ~bars
            k, step, time, whole, grade, slips = k[on], step[on], time[on], whole[on], grade[on], slips[on]
            x[k], y[k], row[k], col[k] = new_x[on], new_y[on], new_row[on], new_col[on]
            metres[k] += step
            joules[k] += power[on] * time
            left[k] = np.where(time < left[k], left[k] - time, 0.0)
            ahead[k[whole]] += 1
            embed = spec[c.EMBED_SLIP, r[k]]
            beyond = np.maximum(slips - embed, 0.0) / (1.0 - embed)
            sinks = (spec[c.TRAP_PER_M, r[k]] > 0.0) & (grade > spec[c.EMBED_GRADE, r[k]])
            hazard[k] -= np.where(sinks, spec[c.TRAP_PER_M, r[k]] * beyond * beyond * step, 0.0)
            stuck[k[sinks & (hazard[k] <= 0.0)]] = True
            ended = blocked[going] | stuck[going] | tipped[going]
            going = going[~ended & (ahead[going] < size[going]) & (left[going] > 0.0)]
        f["x"][w, r], f["y"][w, r], f["heading_deg"][w, r] = x, y, heading
        f["odometer_m"][w, r] += metres
        f["dust_ug_cm2"][w, r] += spec[c.DUST_M, r] * metres
        f["trap_left"][w, r] = hazard
        i["leg_next"][w, r] = ahead
        over = blocked | stuck | tipped | (ahead >= size)
        w1, r1 = w[over], r[over]
        i["activity"][w1, r1] = s.HOLD
        i["leg_size"][w1, r1] = i["leg_next"][w1, r1] = 0
        i["blocked"][w1, r1] = (blocked | stuck)[over]
        i["trapped"][w[stuck], r[stuck]] = 1
        i["traps"][w[stuck], r[stuck]] += 1
        self.tips[w[tipped], r[tipped]] = True
        return joules

    def gradient(self, x: F64, y: F64) -> tuple[F64, F64]:
        """Return the rise per metre to the east and to the north."""
        x_left, y_top, cell = self.ground.frame[:3]
        z = self.ground.elevation
        rows, cols = z.shape
        down, right = (y_top - y) / cell - 0.5, (x - x_left) / cell - 0.5
        row = np.clip(np.floor(down).astype(np.int64), 0, rows - 2)
        col = np.clip(np.floor(right).astype(np.int64), 0, cols - 2)
        a, b = np.clip(down - row, 0.0, 1.0), np.clip(right - col, 0.0, 1.0)
        z00, z01, z10, z11 = (z[row + k, col + m].astype(np.float64) for k in (0, 1) for m in (0, 1))
        east = ((1.0 - a) * (z01 - z00) + a * (z11 - z10)) / cell
        return east, -((1.0 - b) * (z10 - z00) + b * (z11 - z01)) / cell

    # --- data ---

    def send(self, r: int) -> None:
        """Let one robot of every world send."""
        f, spec = self.f, self.spec
        store = self.station_store if r == self.station else self.relay_store if r == self.orbiter else None
        held = f["data_mbit"][:, r]
        waiting = held if store is None else held + store
        doing = self.doing[:, r]
        awake = (doing != s.LOST) & (doing != s.HIBERNATE) & (doing != s.HOP) & (waiting > 0.0)
        if not awake.any():
            return
        none, free = np.zeros(held.shape), np.full(held.shape, np.inf)
        room = np.stack(
            [
                none if self.station is None else spec[c.STORAGE, self.station] - self.station_store,
                free if self.orbiter is None else spec[c.STORAGE, self.orbiter] - self.relay_store,
                free,
                none if self.mast is None else spec[c.STORAGE, self.mast] - f["data_mbit"][:, self.mast],
            ]
        )
        rates = np.where(room > 0.0, self.rates[:, :, r], 0.0)
        order = np.array([2, 1, 0, 3])  # on a tie the nearer to the Earth
        peer = order[np.argmax(rates[order], axis=0)]
        rate = rates[peer, self.worlds]
        budget = rate * self.dt
        most = np.minimum(budget, room[peer, self.worlds])
        own = np.minimum(held, most)
        passed = none if store is None else np.minimum(store, most - own)
        sent = own + passed
        transmitter = np.where(doing == s.RELAY, 0.0, spec[c.COMM_W, r])
        watts = transmitter * np.divide(sent, budget, out=np.zeros_like(sent), where=budget > 0.0)
        spare = self.available[:, r] - self.load[:, r] * self.hours
        does = awake & (rate > 0.0) & (sent > 0.0) & (watts * self.dt / 3600.0 <= spare)
        own, passed, sent = np.where(does, own, 0.0), np.where(does, passed, 0.0), np.where(does, sent, 0.0)
        f["data_mbit"][:, r] -= own
        f["sent_mbit"][:, r] += sent
        if store is not None:
            store -= passed
        self.station_store += np.where(peer == 0, sent, 0.0)
        to_relay = (peer == 1) & (self.orbiter is not None)
        self.relay_store += np.where(to_relay, sent, 0.0)
        if self.mast is not None:
            f["data_mbit"][:, self.mast] += np.where(peer == 3, sent, 0.0)
            f["received_mbit"][:, self.mast] += np.where(peer == 3, sent, 0.0)
        self.archive += np.where((peer == 2) | ((peer == 1) & ~to_relay), sent, 0.0)
        self.load[:, r] += np.where(does, watts, 0.0)

    # --- heat, power, wear, fate ---

    def settle(self, sky: F64) -> None:
        """Charge, warm, age and wear all that live."""
        f, i, spec, hours, alive = self.f, self.i, self.spec, self.hours, self.alive
        temp, lit, flux = f["temp_k"], f["lit"], sky[s.FLUX]
        env = np.sqrt(np.sqrt(COLD4 + lit * (HOT4 * (flux / SOLAR_CONSTANT_W_M2) - COLD4)))
        opening = np.clip((temp - LOUVRE_SHUT_K) / (LOUVRE_OPEN_K - LOUVRE_SHUT_K), 0.0, 1.0)
        g = spec[c.CONDUCTANCE] + spec[c.RADIATOR] * opening
        left = np.exp(-g * self.dt / spec[c.HEAT_CAPACITY])
        free = spec[c.RHU_W] * sky[s.RHU_SHARE] + spec[c.ABSORB] * flux * lit
        hold = np.where(self.doing == s.HIBERNATE, spec[c.TEMP_SURVIVE], spec[c.TEMP_OP]) + HEATER_MARGIN_K
        asked = g * ((hold - temp * left) / (1.0 - left) - env) - free - spec[c.HEAT_SHARE] * self.load
        heater = np.minimum(np.maximum(asked, 0.0), spec[c.HEATER_W])
        heater = np.minimum(heater, np.maximum(self.available / hours - self.load, 0.0))
        heater = np.where(self.on_ground & ((i["faults"] & (1 << s.THERMAL)) == 0), heater, 0.0)
        # power
        before, nominal = f["battery_wh"], spec[c.CAPACITY]
        sun, demand = self.solar * hours, (self.load + heater) * hours
        surplus = sun - demand
        stored = np.minimum(
            np.minimum(spec[c.CHARGE_EFF] * surplus, nominal * (1.0 - f["fade"]) - before), spec[c.CHARGE_MAX]
        )
        stored = np.maximum(stored, 0.0)
        drawn = np.minimum(np.maximum(-surplus, 0.0), self.give)
        drained = stored / spec[c.CHARGE_EFF]
        change = stored - drawn
        served = np.where(surplus >= 0.0, demand, sun + drawn)
        fade = np.minimum(f["fade"] + spec[c.FADE_TICK] + spec[c.FADE_WH] * np.abs(change), 1.0)
        held = np.minimum(before + change, nominal * (1.0 - fade))
        f["faded_wh"] += np.where(alive, before + change - held, 0.0)
        f["fade"] = np.where(alive, fade, f["fade"])
        f["battery_wh"] = np.where(alive, held, before)
        f["solar_w"] = np.where(alive, self.solar, 0.0)
        f["load_w"] = np.where(alive, served / hours, 0.0)
        f["made_wh"] += np.where(alive, sun, 0.0)
        f["energy_in_wh"] += np.where(alive, np.minimum(sun, demand) + stored, 0.0)
        f["energy_out_wh"] += np.where(alive, served, 0.0)
        f["charge_loss_wh"] += np.where(alive, drained - stored, 0.0)
        f["dumped_wh"] += np.where(alive, np.maximum(surplus - drained, 0.0), 0.0)
        # heat
        electric = np.minimum(served / hours, self.load)
        goal = env + (free + spec[c.HEAT_SHARE] * electric + (served / hours - electric)) / g
        f["temp_k"] = np.where(alive & self.on_ground, goal + (temp - goal) * left, temp)
        f["dust_ug_cm2"] += np.where(alive & self.on_ground, spec[c.DUST_TICK], 0.0)
        # wear
        awake = alive & (self.doing != s.HIBERNATE)
        f["operating_s"] += np.where(awake, self.dt, 0.0)
        due = awake & (f["operating_s"] >= f["next_fault_s"])
        if due.any():
            self.wear(*np.nonzero(due))
        f["trapped_s"] += np.where(alive & (i["trapped"] == 1), self.dt, 0.0)
        self.end(alive)

    def end(self, alive: Bools) -> None:
        """Land hops, and take out who is lost."""
        f, i, spec = self.f, self.i, self.spec
        w, r = np.nonzero(alive & (self.doing == s.HOP))
        if w.size:
            i["hop_ticks"][w, r] -= 1
            down = i["hop_ticks"][w, r] <= 0
            w, r = w[down], r[down]
            f["x"][w, r], f["y"][w, r] = f["hop_x"][w, r], f["hop_y"][w, r]
            i["activity"][w, r] = s.HOLD
            row, col = self.cells(f["x"][w, r], f["y"][w, r])
            falls = self.ground.slope[row, col] > spec[c.MAX_SLOPE, r]
            self.tips[w[falls], r[falls]] = True
        flat = f["battery_wh"] - self.locked(np.broadcast_to(spec[c.CAPACITY], alive.shape)) <= 0.0
        fates = (
            (s.TIPPED, self.tips),
            (s.FROZEN, self.on_ground & (f["temp_k"] < spec[c.TEMP_SURVIVE])),
            (s.DEPLETED, (spec[c.SOLAR_1AU] <= 0.0) & flat),
            (s.ENTRAPPED, (i["trapped"] == 1) & (f["trapped_s"] > spec[c.TRAPPED_LIMIT])),
        )
        loss = np.zeros(alive.shape, dtype=np.int64)
        for reason, meets in fates:
            loss = np.where((loss == 0) & meets & alive, reason, loss)
        lost = loss > 0
        if lost.any():
            self.halt(lost, s.LOST)
            i["loss"][lost] = loss[lost]
            i["link"][lost] = 0
            f["solar_w"][lost] = f["load_w"][lost] = 0.0

    def wear(self, w: Ints, r: Ints) -> None:
        """Let fail and mend what is due at the robots (w, r)."""
        f, i, spec = self.f, self.i, self.spec
        now, following = f["operating_s"][w, r], np.full(w.size, FAR_S)
        for k in range(s.SUBSYSTEMS):
            name = s.Subsystem(k).name.lower()
            at, draws = f[f"{name}_at_s"], i[f"{name}_draws"]
            due = at[w, r] <= now
            a, b = w[due], r[due]
            count = draws[a, b]
            draws[a, b] += 1
            number = -np.log(1.0 - self.uniform(a, b, k, count))
            was_down = (i["faults"][a, b] >> k) & 1 == 1
            mean = np.where(was_down, spec[c.FAILS + k, b], spec[c.REPAIR_S + k, b])
            then = now[due] + mean * number
            never = np.where(was_down, mean >= FAR_S, self.uniform(a, b, k + HELP_DRAW, count) < spec[c.HELP + k, b])
            at[a, b] = np.where(never, FAR_S, then)
            i["faults"][a, b] ^= 1 << k
            following = np.minimum(following, at[w, r])
        f["next_fault_s"][w, r] = following

    def uniform(self, w: Ints, r: Ints, what: int, count: Ints) -> F64:
        """Return numbers in [0, 1) by their four names."""
        h = self.keys[w] + (r + 1).astype(U64) * U64(0x9E3779B97F4A7C15)
        h ^= U64((what + 1) * 0xD1B54A32D192ED03 % 2**64)
        h ^= (count + 1).astype(U64) * U64(0xA0761D6478BD642F)
        for _ in range(2):
            h ^= h >> U64(30)
            h *= U64(0xBF58476D1CE4E5B9)
            h ^= h >> U64(27)
            h *= U64(0x94D049BB133111EB)
            h ^= h >> U64(31)
        return (h >> U64(11)).astype(np.float64) * (1.0 / 9007199254740992.0)
