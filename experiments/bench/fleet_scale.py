"""What a decision step costs as fleets, actors and nodes grow, and a model of it that says what larger ones would need."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .clusters import nodes
from .registry import Bar, Row, Tell, at_most, holds

if TYPE_CHECKING:
    from moonfleet.agents.mission import MissionSpec

SCENARIO = "station-year"
ROBOTS = (20, 80, 320)
ACTORS = (1, 2, 4)
NODES = (1, 2)
WARM, STEPS = 4, 24  # decision steps before the clock runs, and with it
PAPER_ROBOTS, PAPER_NODES, PAPER_CORES = 1000, 100, 8
FIT = 1.6  # the model may be off by this factor at worst, in the table it was fitted to


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of the table; times per decision step [s]."""

    robots: int
    actors: int
    nodes: int
    whole_s: float  # lower quartile: other work on the machine only adds
    fleet_s: float  # of these waiting for the minds, messages included


@dataclass(frozen=True, slots=True)
class Model:
    """Time of a decision step: a fixed part, parts per robot and pair of robots in the driver, one per actor, and thought.

    ``fixed + driver * R + pair * R^2 + actor * A + mind * R / min(A, cores)`` seconds, R robots on A actors. Pairs cost
    because whoever is in contact hears of everybody.
    """

    fixed: float
    driver: float
    pair: float
    actor: float
    mind: float

    def step_s(self, robots: int, actors: int, cores: int, mind: float | None = None) -> float:
        """Time of a decision step [s]; ``mind`` [s] per robot in the stead of the model's own."""
        thought = (self.mind if mind is None else mind) * robots / min(actors, cores)
        return self.fixed + self.driver * robots + self.pair * robots**2 + self.actor * actors + thought


def grown(robots: int) -> MissionSpec:
    """A mission with so many robots: the fleet of a shipped scenario again and again, each copy with its own names."""
    from ..mission_build import build_mission
    from ..scenario import load_scenario

    mission = build_mission(load_scenario(SCENARIO)).mission
    copies = -(-robots // len(mission.fleet))
    fleet = tuple(
        replace(member, name=member.name if copy == 0 else f"{member.name}-{copy}")
        for copy in range(copies)
        for member in mission.fleet
    )
    return replace(mission, fleet=fleet[:robots])


def measure(mission: MissionSpec, actors: int, count: int) -> Cell:
    """Fly a mission's first steps on ``actors`` actors of the cluster that this process has joined."""
    from moonfleet.agents.mission_loop import MissionLoop
    from moonfleet.agents.ray_fleet import RayFleet

    class Timed(RayFleet):
        """A fleet that adds up how long its driver waits for it."""

        waited_s = 0.0

        def ask(self, *arguments: Any, **named: Any) -> dict[int, Any]:
            began = time.perf_counter()
            answers = super().ask(*arguments, **named)
            self.waited_s += time.perf_counter() - began
            return answers

    each = -(-len(mission.fleet) // actors)
    fleet = Timed(replace(mission, robots_per_actor=each))
    try:
        loop = MissionLoop(mission, fleet)
        for _ in range(WARM):
            loop.step()
        whole: list[float] = []
        minds: list[float] = []
        for _ in range(STEPS):
            fleet.waited_s, began = 0.0, time.perf_counter()
            loop.step()
            whole.append(time.perf_counter() - began)
            minds.append(fleet.waited_s)
    finally:
        fleet.close()
    return Cell(len(mission.fleet), actors, count, float(np.quantile(whole, 0.25)), float(np.quantile(minds, 0.25)))


def fitted(cells: list[Cell], cores: int) -> Model:
    """The model whose parts, none below zero, come nearest to the table, each entry weighing by its share."""
    from scipy.optimize import nnls

    rows = np.array([[1.0, c.robots, c.robots**2, c.actors, c.robots / min(c.actors, cores)] for c in cells])
    times = np.array([c.whole_s for c in cells])
    parts, _ = nnls(rows / times[:, None], np.ones(len(cells)))
    return Model(*(float(part) for part in parts))


def thought(tell: Tell) -> float:
    """CPU time [s] that a robot which sees by pictures takes to think in a decision step, mean over a day of pathfinder."""
    from moonfleet.agents.fleet import LocalFleet
    from moonfleet.agents.mission_loop import MissionLoop

    from ..mission_build import build_mission
    from ..scenario import load_scenario

    mission = build_mission(load_scenario("pathfinder")).mission
    tell("a day of pathfinder in this process, for what thinking costs")
    loop = MissionLoop(mission, LocalFleet(mission))
    loop.step()
    began = time.process_time()
    for _ in range(STEPS):
        loop.step()
    return (time.process_time() - began) / STEPS / len(mission.fleet)


def scale(tell: Tell) -> list[Row]:
    """The table, the model and what it says of a thousand robots on a hundred nodes."""
    from moonfleet.agents.cluster import cluster

    missions = {robots: grown(robots) for robots in ROBOTS}
    cells: list[Cell] = []
    for count in NODES:
        with nodes(count) as some, cluster(some.address):
            for mission in missions.values():
                for actors in ACTORS:
                    cells.append(measure(mission, actors, count))
                    tell(words(cells[-1]))
    cores = 2
    model = fitted(cells, cores)
    worst = max(max(c.whole_s / s, s / c.whole_s) for c in cells for s in [model.step_s(c.robots, c.actors, cores)])
    parts = [part * 1e3 for part in (model.fixed, model.driver, model.pair, model.actor, model.mind)]
    tell("model [ms]: {:.2f} + {:.4f} R + {:.6f} R^2 + {:.3f} A + {:.4f} R / min(A, cores)".format(*parts))
    seeing_s = thought(tell)
    rows = [Row("fleet.7", words(cell), cell.whole_s * 1e3, "ms", "table", True) for cell in cells]
    rows.append(at_most("fleet.7", "model over table, or table over model, at worst", worst, "", FIT))
    rows.append(Row("fleet.7", "thought of a robot that sees by pictures", seeing_s * 1e3, "ms", "table", True))
    for words_of, mind in (("by the map", None), ("by pictures", seeing_s)):
        paper = model.step_s(PAPER_ROBOTS, PAPER_NODES * PAPER_CORES, PAPER_NODES * PAPER_CORES, mind)
        what = f"{PAPER_ROBOTS} robots {words_of} on {PAPER_NODES} nodes of {PAPER_CORES} cores, an actor per core: foretold"
        rows.append(Row("fleet.7", what, paper * 1e3, "ms", "table", True))
    rows.append(holds("fleet.7", "every entry measured", len(cells) == len(ROBOTS) * len(ACTORS) * len(NODES)))
    return rows


def words(cell: Cell) -> str:
    """A line of the table."""
    return (
        f"{cell.robots} robots, {cell.actors} actors, {cell.nodes} nodes: {cell.whole_s * 1e3:.1f} ms a decision step, "
        f"{cell.fleet_s * 1e3:.1f} ms of it waiting for minds"
    )


BARS: dict[str, Bar] = {"fleet.7": scale}
