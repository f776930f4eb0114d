"""The one loop that everything runs: decisions of the fleet, drive steps, physics ticks, news, events.

A distributed simulation drives it with a fleet of Ray actors, an environment with a local fleet and choices from outside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.clock import tdb_to_utc

from .estimates import Estimates
from .events import EventLog
from .fleet import Fleet
from .forecast import Forecast
from .knowledge import Knowledge
from .leaders import Leaders
from .mail import Mail
from .messages import Asked, Situation
from .mission import MissionSpec
from .operations import Operations, Score
from .situation import Briefing
from .state import Activity
from .station import Station
from .travel import Travel
from .world import World

ACTIVITY_NAMES = np.array([activity.name.lower() for activity in Activity], dtype=object)


class SkyNow(NamedTuple):
    """Sun, Earth and relay at the site centre [deg]."""

    sun_az_deg: float
    sun_el_deg: float
    earth_el_deg: float
    relay_el_deg: float


class MissionLoop:
    """One mission in progress: truth, news, fleet and log, moved one decision step at a time."""

    def __init__(self, mission: MissionSpec, fleet: Fleet, log: EventLog | None = None) -> None:
        self.mission, self.fleet = mission, fleet
        self.log = log or EventLog(None, keep=False)
        start = np.array([member.xy or mission.site.ref.centre for member in mission.fleet])
        self.world = World(
            mission.site,
            mission.specs,
            start,
            mission.t0,
            tick_s=float(mission.tick_s),
            relay=mission.relay,
            station=mission.station_index,
            seed=mission.seed,
            faults=mission.faults,
        )
        for robot, member in enumerate(mission.fleet):
            if member.lands_s > 0:
                self.world.park(0, robot)
        self.forecast = Forecast(mission.site, mission.t0, mission.duration_s, mission.relay)
        estimates = Estimates(mission, self.forecast, Travel(mission, self.forecast))
        self.station = Station(mission, estimates)
        knowledge = Knowledge.blank(len(mission.fleet), len(mission.jobs), mission.station_index)
        self.mail = Mail(mission, self.world, knowledge)
        self.ops = Operations(mission, self.world, self.log, knowledge)
        self.leaders = Leaders(mission, self.ops, self.mail, self.station)
        self.briefing = Briefing(mission, self.world, self.ops, estimates)
        self.steps_done = 0
        self.begun = False
        self.asked: Asked | None = None  # what the robots decide on now, made when first asked for
        self._places = np.array([np.nan if member.xy is None else 1.0 for member in mission.fleet])

    @property
    def t_s(self) -> int:
        """Seconds since mission start."""
        return self.steps_done * self.mission.decision_s

    @property
    def finished(self) -> bool:
        """Whether the time is up or nobody is left on the ground."""
        return self.steps_done >= self.mission.steps or self.all_lost

    @property
    def all_lost(self) -> bool:
        """Whether every robot but the orbiters is lost."""
        ground = [index for index, spec in enumerate(self.mission.specs) if spec.role != "orbiter"]
        return bool(self.ops.lost[ground].all())

    def begin(self) -> None:
        """Log the start and let everybody hear the first news; does nothing the second time."""
        if self.begun:
            return
        self.begun = True
        mission = self.mission
        self.log.append(
            "mission_started",
            0,
            scenario=mission.name,
            seed=mission.seed,
            t0_utc=tdb_to_utc(mission.t0),
            site_key=mission.site.key,
        )
        self.mail.cut_links(0)
        self.ops.observe(0)
        self.mail.log_cuts(self.log, -1, 0)
        self.report()
        self.send_off()

    def send_off(self) -> None:
        """Before they leave, all know of each other, and the station has given out the first jobs."""
        ops, station = self.ops, self.mission.station_index
        ops.note_selves(0)
        ops.knowledge.meet()
        self.leaders.lead(station, self.leaders.ground & ops.landed, 0)
        ops.knowledge.meet()

    def radio(self, t_s: int, drive: int) -> None:
        """The messages of drive step number ``drive`` (0: the first) of a decision step, after its ticks; it ends at ``t_s``."""
        mail, leaders = self.mail, self.leaders
        for part in range(1, mail.parts + 1):
            number, now_s = drive * mail.parts + part, t_s - (mail.parts - part) * mail.round_s
            mail.round(now_s)
            if number == leaders.note_round:
                self.ops.note_selves(now_s)
            if number == leaders.plan_round:
                leaders.plan(now_s)

    def news(self) -> None:
        """At a decision: robots let go of jobs that, as they have heard, need them no more, and note what they will tell."""
        t_s = self.t_s
        self.mail.log_cuts(self.log, t_s - self.mission.decision_s, t_s)
        self.log.append("radio", t_s, **self.mail.take_post()._asdict())
        self.ops.land(t_s)
        self.ops.help_out()
        self.ops.note_leaders(t_s)
        self.ops.finish_jobs(t_s)
        self.ops.note_selves(t_s)

    def brief(self) -> Asked:
        """What every robot that is there decides on now, as arrays."""
        if self.asked is None:
            sky = self.sky()
            robots = np.flatnonzero(~self.ops.lost & self.ops.landed)
            self.asked = self.briefing.situations(robots, self.t_s, sky.sun_az_deg, sky.sun_el_deg)
        return self.asked

    def situations(self) -> dict[int, Situation]:
        """What every robot that is not lost decides on now, by its index in the fleet."""
        asked = self.brief()
        return {robot: asked.situation(row) for row, robot in enumerate(asked.robots.tolist())}

    def step(self, actions: dict[int, int] | None = None) -> Score:
        """Make one decision step; with ``actions`` (robot index -> action) the choice comes from outside."""
        self.begin()
        mission, ops = self.mission, self.ops
        before = self.score
        t_s = self.t_s
        asked = self.brief()
        self.asked = None
        if actions is None:
            replies = self.fleet.decide(asked)
        else:
            replies = self.fleet.carry_out(asked, [actions[robot] for robot in asked.robots.tolist()])
        ops.apply(replies, t_s, chosen=True)
        drives = mission.decision_s // mission.drive_s
        for drive in range(drives):
            self.world.tick(mission.drive_s // mission.tick_s)
            t_s += mission.drive_s
            self.radio(t_s, drive)
            ops.observe(t_s)
            if drive < drives - 1:
                self.attend(t_s)
        self.steps_done += 1
        self.report()
        self.news()
        if self.finished:
            self.end()
        return self.score.since(before)

    @property
    def score(self) -> Score:
        """The score so far."""
        return Score(self.ops.value, self.archive_mbit, int(self.ops.lost.sum()), self.ops.contacts)

    def attend(self, t_s: int) -> None:
        """Drive step: ask the robots that are under way and need their next leg."""
        attend = self.ops.attend
        if not self.ops.fine:  # no looks on the way: a leg is driven to its end, or to where the wheels stop
            attend = attend & (~self.under_way() | (self.world.state.blocked[0] != 0))
        waiting = np.flatnonzero(attend)
        if not waiting.size:
            return
        sky = self.sky()
        sensed = self.briefing.senses(waiting, t_s, sky.sun_az_deg, sky.sun_el_deg)
        self.ops.apply(self.fleet.step(sensed), t_s, chosen=False)

    def under_way(self) -> NDArray[np.bool_]:
        """Which robots drive now, bool [R]."""
        return self.world.state.activity[0] == Activity.DRIVE

    def sky(self) -> SkyNow:
        """The sky at the site centre now."""
        now = self.world.sky_now()
        _, relay_el = self.world.relay_now()
        return SkyNow(
            float(now.sun_az_deg[0]), float(now.sun_el_deg[0]), float(now.earth_el_deg[0]), float(relay_el[0])
        )

    @property
    def archive_mbit(self) -> float:
        """Data that has reached the Earth [Mbit]."""
        return float(self.world.archive_mbit[0])

    def report(self) -> None:
        """Log the sky and the status of every robot that is there, or was."""
        t_s, state = self.t_s, self.world.state
        self.log.append("sky", t_s, archive_mbit=self.archive_mbit, **self.sky()._asdict())
        there = self.ops.landed
        battery = state.battery_wh[0, there]
        self.log.append_rows(
            "status",
            t_s,
            [name for name, landed in zip(self.ops.names, there.tolist(), strict=True) if landed],
            x_m=(state.x[0] * self._places)[there],
            y_m=(state.y[0] * self._places)[there],
            battery_wh=battery,
            battery_frac=battery / self.briefing.capacity_wh[there],
            temp_k=state.temp_k[0, there],
            lit=state.lit[0, there],
            solar_w=state.solar_w[0, there],
            load_w=state.load_w[0, there],
            activity=ACTIVITY_NAMES[state.activity[0, there]],
            link=state.link[0, there],
            data_mbit=state.data_mbit[0, there],
            odometer_m=state.odometer_m[0, there],
        )

    def end(self) -> None:
        """Log the end."""
        reason = "all robots lost" if self.all_lost else "time is up"
        self.log.append("mission_ended", self.t_s, reason=reason, archive_mbit=self.archive_mbit, value=self.ops.value)

    # -- state -----------------------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, object]:
        """Whole state of the mission, minds included, as a nested mapping of arrays."""
        minds = {str(index): state for index, state in self.fleet.get_state().items()}
        return {
            "clock": np.array([self.steps_done, int(self.begun)]),
            "world": self.world.get_state(),
            "operations": self.ops.get_state(),
            "knowledge": self.ops.knowledge.get_state(),
            "mail": self.mail.get_state(),
            "minds": minds,
        }

    def set_state(self, state: dict[str, object]) -> None:
        """Take up a state made by `get_state` for the same mission; what follows is what would have followed."""
        steps, begun = (int(value) for value in np.asarray(state["clock"]))
        self.steps_done, self.begun, self.asked = steps, bool(begun), None
        self.world.set_state(state["world"])  # pyright: ignore[reportArgumentType]
        self.ops.set_state(state["operations"])  # pyright: ignore[reportArgumentType]
        self.ops.knowledge.set_state(state["knowledge"])  # pyright: ignore[reportArgumentType]
        self.mail.set_state(state["mail"])  # pyright: ignore[reportArgumentType]
        minds: dict[str, dict[str, object]] = state["minds"]  # pyright: ignore[reportAssignmentType]
        self.fleet.set_state({int(index): mind for index, mind in minds.items()})
