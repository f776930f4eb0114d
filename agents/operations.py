"""The truth of the work: who is on which job, how far it is, what is done, what was hit on the way. Logs what happens."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import ACTION_NAMES, JOB0
from moonfleet.terrain.constants import DARK_BELOW

from .contact_graph import radio_on
from .errors import RobotError
from .events import EventLog
from .knowledge import UNFIT, Knowledge
from .messages import Command, Phase, Replies
from .mission import MissionSpec
from .robot import ARRIVED_M
from .state import Activity, Link, Loss, Subsystem, WorldState
from .tracks import driven, rocks_touched
from .world import World

ON_SITE_M = 2.0 * ARRIVED_M  # nearer than this to a job's place, a robot is on site (crews stand apart)
PEERS = ((Link.STATION, "station"), (Link.RELAY, "relay"), (Link.EARTH, "earth"))
AILMENTS = (*(subsystem.name.lower() for subsystem in Subsystem), "stuck")


def can_move(state: WorldState) -> NDArray[np.bool_]:
    """Whose drive works and whose wheels are free in world 0, bool [R]."""
    return (state.faults[0] & (1 << Subsystem.MOBILITY) == 0) & (state.trapped[0] == 0)


class Score(NamedTuple):
    """What one decision step earned and cost; the sum of the terms over a mission is its score."""

    value: float  # value of jobs done
    archive_mbit: float  # data that reached the Earth
    losses: int  # robots lost
    contacts: int  # rocks touched

    def since(self, before: Score) -> Score:
        """What came on top of an earlier score."""
        return Score(
            self.value - before.value,
            self.archive_mbit - before.archive_mbit,
            self.losses - before.losses,
            self.contacts - before.contacts,
        )


class Operations:
    """Truth-side bookkeeping of one world: jobs, robots' tasks, events."""

    def __init__(self, mission: MissionSpec, world: World, log: EventLog, knowledge: Knowledge) -> None:
        self.mission, self.world, self.log, self.knowledge = mission, world, log, knowledge
        robots, jobs = len(mission.fleet), len(mission.jobs)
        self.names = [member.name for member in mission.fleet]
        self.crew = np.array([job.crew for job in mission.jobs], dtype=np.int64)
        self.closes_s = np.array([job.window_s[1] if job.window_s else math.inf for job in mission.jobs])
        self.battery_wh = np.array([spec.battery_wh for spec in mission.specs])
        self.effort_s = np.array([job.effort_h * 3600.0 for job in mission.jobs])
        self.progress_s = np.zeros(jobs)
        self.done = np.zeros(jobs, dtype=np.bool_)
        self.started = np.full(robots, -1, dtype=np.int64)  # the job each robot last began to work on
        self.job = np.full(robots, -1, dtype=np.int64)
        self.phase = np.full(robots, Phase.IDLE, dtype=np.int64)
        self.action = np.full(robots, -1, dtype=np.int64)
        self.attend = np.zeros(robots, dtype=np.bool_)
        self.worked_s = np.zeros(robots)
        self.link = np.zeros(robots, dtype=np.int64)
        self.dark = np.zeros(robots, dtype=np.bool_)
        self.down = np.zeros(robots, dtype=np.int64)  # what had failed at the last look, bits as of `ailments`
        self.leads = np.zeros(robots, dtype=np.bool_)  # who leads, as logged
        self.lost = np.zeros(robots, dtype=np.bool_)
        self.landed = np.array([member.lands_s == 0 for member in mission.fleet])  # who is there
        self.drives = np.array([spec.speed_m_s > 0 for spec in mission.specs])
        self.legs: list[NDArray[np.float64]] = [np.empty((0, 2)) for _ in range(robots)]
        self.odometer = np.zeros(robots)
        self.touched: list[set[tuple[int, int]]] = [set() for _ in range(robots)]
        self.value = 0.0
        self.contacts = 0
        self.fine = mission.perception != "map"  # whether there are rocks to touch: the map knows of none

    # -- what the robots ask for -----------------------------------------------------------------------------------

    def apply(self, replies: Replies, t_s: int, *, chosen: bool) -> None:
        """Carry the robots' orders to the World and write down what they tell. ``chosen``: they answer to a decision."""
        robots, states = replies.robots, replies.states
        told, orders = replies.told(), replies.commands()
        changed = (states[:, 0] != self.action[robots]) | (states[:, 1] != self.job[robots])
        rows = set(told) | set(orders) | (set(np.flatnonzero(changed).tolist()) if chosen else set())
        # robots that go on as they were need no more than this; the others are written in their turn below
        self.attend[robots] = states[:, 3]
        settled = np.ones(len(robots), dtype=np.bool_)
        settled[list(rows)] = False
        self.action[robots[settled]] = states[settled, 0]
        self.job[robots[settled]], self.phase[robots[settled]] = states[settled, 1], states[settled, 2]
        for row in sorted(rows):
            robot = int(robots[row])
            action, job, phase, _ = states[row].tolist()
            if chosen and changed[row]:
                name = "job" if action >= JOB0 else ACTION_NAMES[action]
                self.log.append("action", t_s, self.names[robot], action=name, job=self.job_id(job))
            self.action[robot] = action
            for note in told.get(row, ()):
                values = dict(note.values)
                if "job" in values:
                    values["job"] = self.job_id(int(values["job"] or 0))
                self.log.append(note.kind, t_s, self.names[robot], **values)
            self.job[robot], self.phase[robot] = job, phase
            for command in orders.get(row, ()):
                self.order(robot, command, t_s)

    def order(self, robot: int, command: Command, t_s: int) -> None:
        """Carry one order to the World."""
        if command.activity == Activity.DRIVE:
            here = np.array([[self.world.state.x[0, robot], self.world.state.y[0, robot]]])
            self.legs[robot] = np.concatenate([here, command.xy])
            self.odometer[robot] = self.world.state.odometer_m[0, robot]
            self.world.set_leg(0, robot, command.xy)
        elif command.activity == Activity.HOP:
            self.take_off(robot, command.xy[0], t_s)
        elif command.activity == Activity.WORK:
            self.begin_work(robot, command.work_w, command.data_mbps, t_s)
        else:
            self.world.set_activity(0, robot, command.activity)

    def take_off(self, robot: int, to_xy: NDArray[np.float64], t_s: int) -> None:
        """Launch a hop. A body that cannot fly (fuel, range, energy) stays, as its robot finds out at its next drive step."""
        state = self.world.state
        here = float(state.x[0, robot]), float(state.y[0, robot])
        x, y = (float(value) for value in to_xy)
        try:
            flying = self.world.hop(0, robot, (x, y))
        except RobotError:
            return
        if flying:
            self.log.append("hop", t_s, self.names[robot], x_m=here[0], y_m=here[1], to_x_m=x, to_y_m=y)

    def job_id(self, job: int) -> str | None:
        """Name of a job, None for -1."""
        return self.mission.jobs[job].id if job >= 0 else None

    def begin_work(self, robot: int, work_w: float, data_mbps: float, t_s: int) -> None:
        """Start a robot's tool."""
        if self.world.set_activity(0, robot, Activity.WORK, work_w=work_w, data_mbps=data_mbps):
            self.worked_s[robot] = 0.0  # a body in flight takes no order, and its count stays as it was
        job = int(self.job[robot])
        if job >= 0 and self.started[robot] != job:
            self.started[robot] = job
            self.log.append("job_started", t_s, self.names[robot], job=self.mission.jobs[job].id)

    # -- what the World did ----------------------------------------------------------------------------------------

    def observe(self, t_s: int) -> None:
        """After ticks of the World: credit work, and log what changed; only robots that something happened to are looked at."""
        state = self.world.state
        dark = state.lit[0] < DARK_BELOW
        news = (
            (self.job >= 0)
            | (state.link[0] != self.link)
            | (dark != self.dark)
            | (self.ailments() != self.down)
            | (state.activity[0] == Activity.LOST)
        )
        if self.fine:
            news |= state.odometer_m[0] > self.odometer
        there = ~self.lost & self.landed
        idle = ~news & there
        self.worked_s[idle] = state.worked_s[0, idle]
        for robot in np.flatnonzero(news & there).tolist():
            self.credit(robot, t_s)
            if self.fine:
                self.contact(robot, t_s)
            self.changes(robot, t_s)
            if state.activity[0, robot] == Activity.LOST:
                self.lost[robot] = True
                self.attend[robot] = False
                self.job[robot], self.phase[robot] = -1, Phase.IDLE
                self.log.append("lost", t_s, self.names[robot], reason=Loss(int(state.loss[0, robot])).name.lower())

    def credit(self, robot: int, t_s: int) -> None:
        """Credit a robot's productive seconds to its job; a job is done when its effort is, and a sample is home."""
        index = int(self.job[robot])
        worked = float(self.world.state.worked_s[0, robot])
        gained, self.worked_s[robot] = worked - self.worked_s[robot], worked
        if index < 0:
            return
        if self.done[index]:  # by others, unheard of: whoever comes to work sees it
            if self.on_site(robot, index):
                self.knowledge.note_work(robot, index, float(self.progress_s[index]), True)
            return
        job = self.mission.jobs[index]
        in_time = job.open_at(t_s - self.mission.drive_s)  # when these seconds of work began
        if gained > 0.0 and in_time and self.on_site(robot, index):
            self.progress_s[index] = min(self.progress_s[index] + gained, self.effort_s[index])
            self.knowledge.note_work(robot, index, float(self.progress_s[index]), False)
        home = job.tool != "hop" or self.at_home(robot)
        if self.progress_s[index] >= self.effort_s[index] and home:
            self.done[index] = True
            self.value += job.value
            self.log.append("job_done", t_s, self.names[robot], job=job.id, value=job.value)
            for other in range(len(self.names)):
                if other == robot or (self.job[other] == index and self.on_site(other, index)):
                    self.knowledge.note_work(other, index, float(self.progress_s[index]), True)
                    if self.world.state.activity[0, other] == Activity.WORK:
                        self.world.set_activity(0, other, Activity.HOLD)  # a tool that has done its work stops

    def on_site(self, robot: int, index: int) -> bool:
        """Whether a robot stands at a job's place."""
        x, y = self.mission.jobs[index].xy
        state = self.world.state
        return math.hypot(state.x[0, robot] - x, state.y[0, robot] - y) <= ON_SITE_M

    def at_home(self, robot: int) -> bool:
        """Whether a robot stands where it started."""
        home = self.mission.fleet[robot].xy
        state = self.world.state
        return home is None or math.hypot(state.x[0, robot] - home[0], state.y[0, robot] - home[1]) <= ON_SITE_M

    def contact(self, robot: int, t_s: int) -> None:
        """Log the rocks that a robot's body touched since the last look, each once."""
        way = float(self.world.state.odometer_m[0, robot] - self.odometer[robot])
        if way <= 0.0 or len(self.legs[robot]) < 2:
            return
        path, rest = driven(self.legs[robot], way)
        self.legs[robot] = rest
        self.odometer[robot] = self.world.state.odometer_m[0, robot]
        spec = self.mission.specs[robot]
        for x, y, height in rocks_touched(self.mission.site.ground, path, spec.width_m / 2, spec.obstacle_m):
            key = (round(x * 100), round(y * 100))
            if key not in self.touched[robot]:
                self.touched[robot].add(key)
                self.contacts += 1
                self.log.append("rock_contact", t_s, self.names[robot], x_m=x, y_m=y, height_m=height)

    def ailments(self) -> NDArray[np.int64]:
        """What is out of order on each robot: a bit per `AILMENTS`, int64 [R]."""
        return self.world.state.faults[0] | (self.world.state.trapped[0] << len(Subsystem))

    def changes(self, robot: int, t_s: int) -> None:
        """Log links, light and subsystems that came or went."""
        state, name = self.world.state, self.names[robot]
        link = int(state.link[0, robot])
        for bit, peer in PEERS:
            if (link ^ int(self.link[robot])) & bit:
                self.log.append("link", t_s, name, up=bool(link & bit), peer=peer)
        self.link[robot] = link
        dark = bool(state.lit[0, robot] < DARK_BELOW)
        if dark != self.dark[robot]:
            self.dark[robot] = dark
            self.log.append("night", t_s, name, dark=dark)
        down = int(self.ailments()[robot])
        for bit, reason in enumerate(AILMENTS):
            if (down ^ int(self.down[robot])) >> bit & 1:
                self.log.append("fault", t_s, name, up=not down >> bit & 1, reason=reason)
        self.down[robot] = down

    def unfit(self) -> NDArray[np.bool_]:
        """Which robots can take no job, bool [R]: their tool is out of order, or they should drive and cannot."""
        state = self.world.state
        tool = (state.faults[0] & (1 << Subsystem.PAYLOAD)) > 0
        return tool | (self.drives & ~can_move(state))

    def land(self, t_s: int) -> None:
        """Robots whose time has come are there from now on."""
        for robot, member in enumerate(self.mission.fleet):
            if self.landed[robot] or member.lands_s > t_s:
                continue
            self.landed[robot] = True
            x, y = member.xy or (math.nan, math.nan)
            self.world.land(0, robot, member.xy or (0.0, 0.0))
            self.log.append("landed", t_s, self.names[robot], x_m=x, y_m=y)

    def help_out(self) -> None:
        """Robots mend and free those next to them that wait for help."""
        for robot in np.flatnonzero((self.ailments() > 0) & ~self.lost).tolist():
            self.world.assist(0, robot)

    def work_left_s(self, robot: int) -> float:
        """What is still to do on a robot's job [s], as far as the robot has seen or heard; 0 without one."""
        return float(self.works_left_s(np.array([robot]))[0])

    def works_left_s(self, robots: NDArray[np.int64]) -> NDArray[np.float64]:
        """The same of several robots, float64 [n]."""
        jobs = self.job[robots]
        left = np.zeros(len(robots))
        busy = np.flatnonzero(jobs >= 0)
        left[busy] = self.effort_s[jobs[busy]] - self.knowledge.progress_s[robots[busy], jobs[busy]]
        return left

    def note_selves(self, t_s: int) -> None:
        """Robots with their radio on note where they are, their charge, and the job they are on: what they will tell."""
        state = self.world.state
        robots = np.flatnonzero(radio_on(state))
        x, y, battery = state.x[0, robots], state.y[0, robots], state.battery_wh[0, robots] / self.battery_wh[robots]
        jobs = np.where(self.unfit()[robots], UNFIT, self.job[robots])
        self.knowledge.note_selves(robots, float(t_s), np.column_stack([x, y, battery]), jobs)

    def note_leaders(self, t_s: int) -> None:
        """Log who leads no more: it has heard of another that does."""
        leader = self.knowledge.leader[: len(self.names)]
        still = leader == np.arange(len(self.names))
        for robot in np.flatnonzero(self.leads & ~still & ~self.lost).tolist():
            self.log.append("leader_left", t_s, self.names[robot], by=self.names[int(leader[robot])])
        self.leads &= still & ~self.lost

    def finish_jobs(self, t_s: int) -> None:
        """Free the robots that know that their job is done, whose job's window closed, or who are one too many on it."""
        busy = np.flatnonzero(self.job >= 0)
        jobs = self.job[busy]
        done = self.knowledge.done[busy, jobs]
        closed = t_s >= self.closes_s[jobs]
        crowded = self.one_too_many(busy, jobs, t_s)
        unfit = self.unfit()[busy]
        for at in np.flatnonzero(done | closed | crowded | unfit).tolist():
            robot, index = int(busy[at]), int(jobs[at])
            if done[at]:
                self.job[robot] = -1
                continue
            late = bool(closed[at]) and self.work_left_s(robot) > 0.0
            if late or crowded[at] or unfit[at]:
                self.job[robot] = -1
                reason = "WindowClosed" if late else "CrewComplete" if crowded[at] else "OutOfOrder"
                self.log.append("job_failed", t_s, self.names[robot], job=self.mission.jobs[index].id, reason=reason)

    def one_too_many(self, robots: NDArray[np.int64], jobs: NDArray[np.int64], t_s: int) -> NDArray[np.bool_]:
        """Which robots have just heard of a whole crew on their job that took it up before they did (then: lower index).

        A hopper away from home stays: what it has begun it brings to its end.
        """
        know = self.knowledge
        rows = np.arange(robots.size)
        others = know.worker[robots] == jobs[:, None]
        others &= t_s - know.heard_s[robots] <= 2 * self.mission.decision_s
        others[rows, robots] = False
        crew = self.crew[jobs]
        over = others.sum(axis=1) >= crew
        if not over.any():
            return over
        noted = know.worker[robots, robots] == jobs
        mine = np.where(noted, know.since_s[robots, robots], float(t_s))[:, None]
        since = know.since_s[robots]
        before = (since < mine) | ((since == mine) & (np.arange(len(self.names)) < robots[:, None]))
        over &= (others & before).sum(axis=1) >= crew
        for row in np.flatnonzero(over).tolist():
            robot = int(robots[row])
            over[row] = self.mission.specs[robot].role != "hopper" or self.at_home(robot)
        return over

    # -- state -----------------------------------------------------------------------------------------------------

    ARRAYS = (
        "progress_s",
        "done",
        "started",
        "job",
        "phase",
        "action",
        "attend",
        "worked_s",
        "link",
        "dark",
        "down",
        "leads",
        "lost",
        "landed",
    )

    def get_state(self) -> dict[str, object]:
        """Nested mapping of arrays."""
        state: dict[str, object] = {name: np.copy(getattr(self, name)) for name in self.ARRAYS}
        state["odometer"] = self.odometer.copy()
        state["totals"] = np.array([self.value, self.contacts])
        for robot in range(len(self.names)):
            touched = np.array(sorted(self.touched[robot]), dtype=np.int64).reshape(-1, 2)
            state[f"robot{robot}"] = {"leg": self.legs[robot].copy(), "touched": touched}
        return state

    def set_state(self, state: dict[str, object]) -> None:
        """The inverse of `get_state`."""
        for name in (*self.ARRAYS, "odometer"):
            setattr(self, name, np.copy(np.asarray(state[name])))
        value, contacts = np.asarray(state["totals"])
        self.value, self.contacts = float(value), int(contacts)
        for robot in range(len(self.names)):
            own: dict[str, np.ndarray] = state[f"robot{robot}"]  # pyright: ignore[reportAssignmentType]
            self.legs[robot] = np.copy(own["leg"])
            self.touched[robot] = {(int(x), int(y)) for x, y in own["touched"]}
