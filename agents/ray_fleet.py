"""The fleet as Ray actors: each holds a squad of robots; a lost actor is made anew and relives what it had heard.

A mind is a pure function of what it was told, so an actor that dies needs no copy elsewhere: it is restored from the last
checkpointed state and the calls since then are replayed to it, in order. The answers are the same bytes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import GetTimeoutError, ObjectLostError, RayActorError, RayError

from moonfleet.autonomy.policy import Policy
from moonfleet.terrain.site import open_site

from .errors import ClusterError
from .fleet import Squad, States, robot_setups
from .messages import Asked, Replies, Sensed
from .mission import MissionSpec
from .robot import RobotSetup

Call = tuple[str, tuple[Any, ...]]
Ints = NDArray[np.int64]
GONE = (RayActorError, ObjectLostError)  # the actor is dead, or its answer went with the node that held it
HEARD_CALLS = 500  # a squad's calls kept to be relived; after so many its state is asked for, checkpoint or not
RETRIES = 3  # times an actor is made anew for one call before giving up
WATCH_S = 20.0  # an answer that takes longer makes the driver ask whether any node is left to give it


class SquadActor:
    """The process shell of a squad; opens the site's memory-mapped folder itself."""

    def __init__(self, setups: list[RobotSetup], site_path: str, policies: dict[int, Policy]) -> None:
        import cv2

        cv2.setNumThreads(1)
        self.squad = Squad(setups, open_site(Path(site_path)), policies)

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Run one method of the squad."""
        return getattr(self.squad, name)(*arguments)

    def relive(self, states: States | None, calls: list[Call]) -> int:
        """Take up ``states`` and hear ``calls`` again; returns the process id."""
        if states is not None:
            self.squad.set_state(states)
        for name, arguments in calls:
            self.call(name, arguments)
        return os.getpid()


def squad_size(robots_per_actor: int | Literal["auto"], robots: int, cores: int) -> int:
    """Robots per actor: as asked, or one each while there are at most four actors per core, squads above that."""
    if robots_per_actor != "auto":
        return robots_per_actor
    return max(1, math.ceil(robots / (4 * max(1, cores))))


class RayFleet:
    """Squads on Ray actors. Make it inside `cluster`."""

    def __init__(
        self, mission: MissionSpec, policies: dict[int, Policy] | None = None, labels: dict[str, str] | None = None
    ) -> None:
        self.policies = policies or {}
        # on the nodes of a label alone, or over all nodes in turn: actors ask for no core, and would all go to one
        self.where = {"label_selector": labels} if labels else {"scheduling_strategy": "SPREAD"}
        setups = robot_setups(mission)
        cores = int(ray.cluster_resources().get("CPU", 1))
        size = squad_size(mission.robots_per_actor, len(setups), cores)
        self.squads = [setups[start : start + size] for start in range(0, len(setups), size)]
        self.site_path = str(mission.site.path)
        self.saved: list[States | None] = [None] * len(self.squads)
        self.heard: list[list[Call]] = [[] for _ in self.squads]
        self.actors = [self.make(number) for number in range(len(self.squads))]

    def make(self, number: int) -> Any:
        """Start the actor of one squad. It asks for no core of its own: minds think in turns."""
        remote = ray.remote(SquadActor).options(num_cpus=0, max_restarts=0, **self.where)  # pyright: ignore
        own = {setup.index: self.policies[setup.index] for setup in self.squads[number] if setup.index in self.policies}
        return remote.remote(self.squads[number], self.site_path, own)

    def pids(self) -> list[int]:
        """Process ids of the actors."""
        return ray.get([actor.relive.remote(None, []) for actor in self.actors])

    def ask(self, name: str, per_squad: dict[int, tuple[Any, ...]], *, note: bool = True) -> dict[int, Any]:
        """Call one method on several squads at once; mends actors that died."""
        waiting = {number: self.actors[number].call.remote(name, args) for number, args in per_squad.items()}
        answers: dict[int, Any] = {}
        for number, reference in waiting.items():
            try:
                answers[number] = fetch(reference)
            except GONE:
                answers[number] = self.mend(number, name, per_squad[number])
            if note:
                self.heard[number].append((name, per_squad[number]))
        if note:
            self.remember([number for number in per_squad if len(self.heard[number]) >= HEARD_CALLS])
        return answers

    def remember(self, numbers: Sequence[int]) -> dict[int, States]:
        """Ask squads for their state: from here on, should their actors die, they relive only what comes after."""
        if not numbers:
            return {}
        answers: dict[int, States] = self.ask("get_state", dict.fromkeys(numbers, ()), note=False)
        for number, states in answers.items():
            self.saved[number], self.heard[number] = states, []
        return answers

    def mend(self, number: int, name: str, arguments: tuple[Any, ...]) -> Any:
        """Make a dead squad's actor anew, let it relive its past, and ask again."""
        for _ in range(RETRIES):
            self.actors[number] = self.make(number)
            try:
                fetch(self.actors[number].relive.remote(self.saved[number], self.heard[number]))
                return fetch(self.actors[number].call.remote(name, arguments))
            except GONE:
                continue
        names = ", ".join(setup.name for setup in self.squads[number])
        raise ClusterError(f"the actor of {names} died {RETRIES} times in a row; see Ray's logs for the reason")

    def parts(self, robots: Ints) -> dict[int, slice]:
        """Rows of each squad in a message to ``robots``, which rise; squads without any are left out."""
        cuts = np.searchsorted(robots, [*(squad[0].index for squad in self.squads), np.iinfo(np.int64).max]).tolist()
        return {n: slice(*cuts[n : n + 2]) for n in range(len(self.squads)) if cuts[n] < cuts[n + 1]}

    def decide(self, asked: Asked) -> Replies:
        """See `Fleet.decide`."""
        return self.gather("decide", {n: (asked.part(rows),) for n, rows in self.parts(asked.robots).items()})

    def carry_out(self, asked: Asked, actions: Sequence[int]) -> Replies:
        """See `Fleet.carry_out`."""
        parts = self.parts(asked.robots).items()
        return self.gather("carry_out", {n: (asked.part(rows), list(actions[rows])) for n, rows in parts})

    def step(self, sensed: Sensed) -> Replies:
        """See `Fleet.step`."""
        return self.gather("step", {n: (sensed.part(rows),) for n, rows in self.parts(sensed.robots).items()})

    def gather(self, name: str, per_squad: dict[int, tuple[Any, ...]]) -> Replies:
        """Put one question to several squads and join their answers, in robot order."""
        return Replies.join(list(self.ask(name, per_squad).values()))

    def get_state(self) -> States:
        """See `Fleet.get_state`; from here on a lost actor needs to relive only what comes after."""
        answers = self.remember(range(len(self.squads)))
        return {index: state for states in answers.values() for index, state in states.items()}

    def set_state(self, states: States) -> None:
        """See `Fleet.set_state`."""
        parts = {
            number: {setup.index: states[setup.index] for setup in squad if setup.index in states}
            for number, squad in enumerate(self.squads)
        }
        self.ask("set_state", {number: (part,) for number, part in parts.items()}, note=False)
        for number, part in parts.items():
            self.saved[number] = part
            self.heard[number] = []

    def close(self) -> None:
        """Stop the actors."""
        for actor in self.actors:
            ray.kill(actor)


def fetch(reference: Any) -> Any:
    """Wait for an answer for as long as there is a node that can give it.

    Raises
    ------
    ClusterError
        No node is left: Ray itself would wait for one for ever.
    """
    while True:
        try:
            return ray.get(reference, timeout=WATCH_S)
        except GetTimeoutError:
            check_nodes()


def check_nodes() -> None:
    """Raise `ClusterError` when no node of the cluster is alive, or nobody can say."""
    try:
        alive = any(node["Alive"] for node in ray.nodes())
    except (RayError, RuntimeError, OSError) as error:
        raise ClusterError(f"the Ray cluster is lost ({type(error).__name__})") from error
    if not alive:
        raise ClusterError("the Ray cluster is lost: no node of it is alive")
