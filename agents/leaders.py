"""Who gives out jobs: the station while it is heard, else a leader that the robots in contact elect among themselves.

Every robot decides by its own board alone. Once it has not heard of the station for `SILENCE_S`, and of no leader for as long,
it looks at the robots that it has just heard: the one with the fullest battery (then the lowest index) leads. If that is
itself, it opens a new term and says so; the others follow when they hear it (the bully algorithm: Garcia-Molina, "Elections in a
distributed computing system", 1982, with terms and leases as in Raft: Ongaro and Ousterhout, 2014). A leader runs the station's own
allocation on its own board, for the robots it hears. Two groups may each have one.

When boards meet again, the higher term holds, then the lower index (`knowledge`). A station that hears of another leader opens
a higher term at once, so everything given meanwhile holds until the station has looked at it anew. Who works goes on working:
the allocation prefers the robot that is on a job, and of too many on one job the latest steps back
(`Operations.finish_jobs`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .catalogue import RobotSpec
from .contact_graph import radio_on
from .mail import Mail, parts_of
from .mission import MissionSpec
from .mission_blocks import Clocks
from .operations import Operations
from .station import Station

SILENCE_S = (
    2 * 3600
)  # [s] without a word from the station, and from a leader, after which a robot calls for an election
AHEAD = 3  # rounds before a decision at which jobs are given, so that the word is there in time


class Leaders:
    """Elections and the giving of jobs in one mission."""

    def __init__(self, mission: MissionSpec, ops: Operations, mail: Mail, station: Station) -> None:
        self.mission, self.ops, self.mail, self.station = mission, ops, mail, station
        self.knowledge, self.log = ops.knowledge, ops.log
        self.ground = np.array([spec.role != "orbiter" for spec in mission.specs])
        clocks = clocks_of(mission.specs, mission.station_index, mission.decision_s, mission.drive_s)
        self.clocks, self.plan_round, self.note_round = clocks, clocks.plan_round, clocks.note_round
        self.silence_s, self.fresh_s = clocks.silence_s, clocks.fresh_s

    def plan(self, t_s: int) -> None:
        """The station gives out jobs; robots that have heard of no leader for long elect one; leaders give out jobs."""
        know, station = self.knowledge, self.mission.station_index
        robots = know.robots_n
        awake = radio_on(self.ops.world.state) & self.ground
        heard = know.heard_s[:robots]
        latest = np.maximum(heard[:, station], self.mail.awake_s)
        silent = awake & (t_s - latest > self.silence_s)
        silent[station] = False
        recent = (t_s - heard <= self.fresh_s) & (heard >= 0.0) & self.ground
        if awake[station]:
            self.lead(station, recent[station], t_s)
        for robot in np.flatnonzero(silent).tolist():
            leader = int(know.leader[robot])
            lapsed = t_s - max(float(know.beat_s[robot]), float(self.mail.awake_s[robot])) > self.silence_s
            if leader == robot or ((lapsed or leader == station) and self.best(robot, recent[robot]) == robot):
                self.lead(robot, recent[robot], t_s)

    def best(self, robot: int, recent: NDArray[np.bool_]) -> int:
        """Whom a robot would have for leader: of itself and those just heard, the station apart, the fullest battery."""
        able = recent.copy()
        able[robot], able[self.mission.station_index] = True, False
        group = np.flatnonzero(able)
        battery = self.knowledge.places[robot, group, 2]
        return int(group[np.argmax(battery)])

    def lead(self, leader: int, recent: NDArray[np.bool_], t_s: int) -> None:
        """Take the lead, or keep it, and give out jobs to the robots just heard (and to itself)."""
        know = self.knowledge
        group = recent.copy()
        group[leader] = True
        if leader != self.mission.station_index:
            group[self.mission.station_index] = False
        listening = np.flatnonzero(group).tolist()
        term = int(know.lead_term[leader])
        if know.leader[leader] != leader:
            term += 1
            name = self.mission.fleet[leader].name
            self.log.append("leader_elected", t_s, name, term=term, members=len(listening))
            self.ops.leads[leader] = True
        know.note_leader(leader, term, float(t_s))
        self.give(leader, listening, t_s)

    def give(self, leader: int, listening: list[int], t_s: int) -> None:
        """Give out jobs from a leader's board."""
        fleet, jobs = self.mission.fleet, self.mission.jobs
        for robot, job in self.station.assign(self.knowledge.own[leader], t_s, listening):
            self.log.append("job_assigned", t_s, fleet[robot].name, job=jobs[job].id, by=fleet[leader].name)
        self.knowledge.note_given(leader, listening, float(t_s))


def clocks_of(specs: Sequence[RobotSpec], station: int, decision_s: int, drive_s: int) -> Clocks:
    """When, in a decision step, messages pass, notes are made and jobs are given."""
    parts = parts_of(drive_s)
    round_s = drive_s // parts
    rounds = decision_s // round_s
    ahead = min(AHEAD, rounds // 4)
    orbiters = [robot for robot, spec in enumerate(specs) if spec.role == "orbiter"]
    plan_round = rounds - ahead
    # a note before the plan, where the truth of that moment is at hand; 0: notes at decisions only
    note_round = rounds - 2 * ahead if ahead and parts == 1 else 0
    return Clocks(
        decision_s=decision_s,
        drive_s=drive_s,
        parts=parts,
        round_s=round_s,
        plan_round=plan_round,
        note_round=note_round,
        fresh_s=float((plan_round - note_round) * round_s if ahead else 2 * decision_s),
        silence_s=float(max(SILENCE_S, 2 * decision_s, 6 * round_s)),
        station=station,
        relay=orbiters[0] if orbiters else len(specs),
        earth=len(specs) + 1,
    )
