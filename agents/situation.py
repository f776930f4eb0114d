"""What robots are handed at a decision step: their senses, their observation vectors, their tables of jobs; all robots at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import local_elevation_deg

from .estimates import Estimates
from .job_table import JobTable
from .lit_hours import Floats, Ints
from .messages import Asked, Sense, Sensed, Situation
from .mission import MissionSpec
from .operations import ON_SITE_M, Operations, can_move
from .vectors import Clock, Tasks, blank_handed, hand_out, instruments_of
from .world import World

Bools = NDArray[np.bool_]
ALONE = np.zeros(1, dtype=np.int64)  # the one world of a mission by itself


class Briefing:
    """Makes situations from the robots' own instruments, their copies of the board, and the almanac."""

    def __init__(self, mission: MissionSpec, world: World, ops: Operations, estimates: Estimates) -> None:
        self.mission, self.world, self.ops, self.estimates = mission, world, ops, estimates
        self.forecast = estimates.forecast
        self.table = JobTable(mission)
        self.capacity_wh = np.array([spec.battery_wh for spec in mission.specs])
        self._clock = Clock(
            np.zeros(1, dtype=np.int64), np.array([float(mission.duration_s)]), np.zeros(1), np.zeros(1)
        )
        self._out = blank_handed(1, len(mission.specs))

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
        sensed, out, know, clock = self.senses(robots, t_s, sun_az, sun_el), self._out, self.ops.knowledge, self._clock
        own = self.estimates
        own.stand(robots, sensed.senses[:, 1:3])
        who = np.zeros((1, len(self.mission.specs)), dtype=np.bool_)
        who[0, robots] = True
        tasks = Tasks(
            who, self.ops.job[None], self.ops.phase[None], know.floats[None], know.ints[None], know.done[None]
        )
        clock.t_s[0], clock.sun_az_deg[0], clock.sun_el_deg[0] = t_s, sun_az, sun_el
        hand_out(
            0, 1, ALONE, own.almanac, own.machines, own.home, self.mission.station_index, own.works, own.havens, own.ways, own.hours,
            own.places, own.links, instruments_of(self.world.state), tasks, clock, ON_SITE_M, out,
        )  # fmt: skip
        table, slots = self.table, out.slots[0, robots]
        offers = table.offers[np.maximum(slots, 0), 1:] if len(table.value) else np.zeros((*slots.shape, 5))
        return Asked(
            robots, sensed.senses, out.vectors[0, robots], out.masks[0, robots], slots, offers, out.havens[0, robots],
            self.ops.job[robots], table.tools,
        )  # fmt: skip


@kernel
def _elevations(el_deg: float, az_deg: float, dx: Floats, dy: Floats, out: Floats) -> None:
    """Elevation of the Sun over each place's own horizontal."""
    for i in range(dx.size):
        out[i] = local_elevation_deg(el_deg, az_deg, dx[i], dy[i])
