"""Who could have known what, rebuilt from an event log alone: slow, obvious, and without a line of the code that it checks.

From the `heard` events (a message from a peer arrives) follows, for every node, the latest moment of every other node's life
of which it can know anything. Nothing makes more than one hop in five minutes (a drive step, if that is shorter): what is told
at a time was known so long before. From the events that are truth (jobs done, where robots stand) follow the facts, and from
`action` and `job_assigned` what was decided on them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from moonfleet.agents.mission import MissionSpec

Event = Mapping[str, Any]
STANDS_THERE_M = 24.0  # as far from a job's place as a robot on it may stand


class Reach:
    """What could have come from node to node, as time goes on."""

    def __init__(self, mission: MissionSpec) -> None:
        self.round_s, self.decision_s = min(mission.drive_s, 300), mission.decision_s
        self.nodes = [*(member.name for member in mission.fleet), "@relay", "@earth"]
        # at the start, all were briefed together
        self.of = {node: dict.fromkeys(self.nodes, 0) for node in self.nodes}
        self.spots = {job.id: job.xy for job in mission.jobs}
        self.done_at: dict[str, int] = {}
        self.witnesses: dict[str, dict[str, int]] = defaultdict(dict)  # job -> robot -> when it saw the job done
        self.standing: dict[str, list[tuple[int, float, float]]] = defaultdict(list)

    def messages(self, t_s: int, arrived: Iterable[tuple[str, str]]) -> None:
        """Messages (receiver, sender) that arrive at a time, all at once."""
        before = {node: dict(known) for node, known in self.of.items()}
        for receiver, sender in arrived:
            told = before[sender] | {sender: t_s - self.round_s}
            for origin, moment in told.items():
                self.of[receiver][origin] = max(self.of[receiver][origin], moment)

    def job_done(self, robot: str, job: str, t_s: int) -> None:
        """Truth: a robot's work ends a job. Whoever stands there sees it."""
        self.done_at[job] = t_s
        self.witnesses[job][robot] = t_s

    def stands(self, robot: str, t_s: int, x: float | None, y: float | None) -> None:
        """Truth: where a robot is at a decision step; a done job it stands at it has seen, within the step at the earliest."""
        if x is None or y is None:
            return
        for job, done_s in self.done_at.items():
            if math.dist((x, y), self.spots[job]) <= STANDS_THERE_M:
                self.witnesses[job].setdefault(robot, max(done_s, t_s - self.decision_s))

    def could_know(self, robot: str, origin: str, moment_s: float, now_s: float) -> bool:
        """Whether a robot can know now what happened to ``origin`` at a moment."""
        return moment_s <= (now_s if robot == origin else self.of[robot][origin])

    def could_know_done(self, robot: str, job: str, now_s: float) -> bool:
        """Whether a robot can know now that a job is done."""
        return any(self.could_know(robot, seer, t_s, now_s) for seer, t_s in self.witnesses[job].items())


def too_early(mission: MissionSpec, events: list[Event]) -> list[str]:
    """Decisions in a traced log that rest on what could not be known, in words; empty when all is well."""
    reach, found = Reach(mission), []
    needs = {job.id: job.needs for job in mission.jobs}
    seen_later: dict[int, list[Event]] = defaultdict(list)
    rounds: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for event in events:
        if event["kind"] == "status":
            seen_later[event["t_s"]].append(event)
        if event["kind"] == "heard":
            rounds[event["t_s"]].append((event["robot"], event["peer"]))
    done = {event["job"]: event for event in events if event["kind"] == "job_done"}
    silence_s = max(2 * 3600, 2 * mission.decision_s) - mission.decision_s
    for t_s in range(0, mission.duration_s + 1, reach.round_s):
        reach.messages(t_s, rounds[t_s])
        for event in (one for one in done.values() if one["t_s"] == t_s):
            reach.job_done(event["robot"], event["job"], t_s)
        # a step's status tells where robots stood in it: it is known to the truth, so it may be looked up ahead
        ahead = -(-t_s // mission.decision_s) * mission.decision_s
        for status in seen_later[t_s] + seen_later[ahead]:
            reach.stands(status["robot"], status["t_s"], status["x_m"], status["y_m"])
        for event in (one for one in events if one["t_s"] == t_s):
            kind, robot, job = event["kind"], event["robot"], event.get("job")
            if kind == "action" and event["action"] == "job":
                for need in needs[job]:
                    if not reach.could_know_done(robot, need, t_s):
                        found.append(f"{t_s}: {robot} takes {job}, but cannot know that {need} is done")
            elif kind == "job_assigned":
                giver = event["by"]
                for need in needs[job]:
                    if not reach.could_know_done(giver, need, t_s):
                        found.append(f"{t_s}: {giver} gives {job}, but cannot know that {need} is done")
                if not reach.could_know(giver, robot, t_s - 2 * mission.decision_s, t_s):
                    found.append(f"{t_s}: {giver} gives a job to {robot}, of whom it cannot have heard")
            elif kind == "leader_elected":
                heard_s = reach.of[robot][mission.station] if robot != mission.station else -math.inf
                if heard_s > t_s - silence_s:
                    found.append(f"{t_s}: {robot} leads, though it heard of the station at {heard_s}")
    return found
