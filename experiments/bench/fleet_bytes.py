"""Same seed, same bytes: one event log in this process, on one, two and four actors, on one actor each, and over two nodes."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from ..scenario import load_scenario
from ..scenario_model import Scenario
from .clusters import nodes
from .registry import Bar, Row, Tell, at_least, holds

SCENARIOS = {"first-light": 1.0, "pathfinder": 2.0, "station-year": 4.0}  # name -> days
SEEDS = (1, 2)
ACTORS = (1, 2, 4)


def short(name: str, days: float, seed: int, actors: int | None = None) -> Scenario:
    """A shipped scenario cut short, its minds spread over so many actors (None: one robot each)."""
    whole = load_scenario(name)
    each = 1 if actors is None else math.ceil(len(whole.fleet) / actors)
    perception = "statistical" if whole.perception == "rendered" else whole.perception
    return whole.model_copy(
        update={"duration_days": days, "seed": seed, "robots_per_actor": each, "perception": perception}
    )


def same_bytes(tell: Tell) -> list[Row]:
    """Digests of the event log of each scenario and seed, however it is spread."""
    from moonfleet.agents.cluster import cluster

    found: dict[tuple[str, int], dict[str, str]] = {(name, seed): {} for name in SCENARIOS for seed in SEEDS}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for (name, seed), digests in found.items():
            tell(f"{name}, seed {seed}: in this process")
            digests["local"] = flown(short(name, SCENARIOS[name], seed), out, "local")
        with cluster():
            for (name, seed), digests in found.items():
                for actors in (*ACTORS, None):
                    spread = "one robot per actor" if actors is None else f"{actors} actors"
                    tell(f"{name}, seed {seed}: {spread}")
                    digests[spread] = flown(short(name, SCENARIOS[name], seed, actors), out, "ray")
        with nodes(2) as two:
            for (name, seed), digests in found.items():
                tell(f"{name}, seed {seed}: two nodes")
                digests["two nodes"] = flown(short(name, SCENARIOS[name], seed, 4), out, "ray", two.address)
    rows = [
        holds("fleet.1", f"{name}, seed {seed}: {len(digests)} ways, one digest", len(set(digests.values())) == 1)
        for (name, seed), digests in found.items()
    ]
    different = len({digests["local"] for digests in found.values()})
    return [*rows, at_least("fleet.1", "digests that differ among scenarios and seeds", different, "", len(found))]


def flown(scenario: Scenario, folder: Path, backend: str, address: str | None = None) -> str:
    """Run a scenario and return the digest of its events."""
    from moonfleet.agents.events import digest, read_events
    from moonfleet.agents.simulation import Simulation

    from ..mission_build import build_mission

    run = Path(tempfile.mkdtemp(dir=folder))
    mission = build_mission(scenario).mission
    Simulation(mission, run, backend, address).run()  # pyright: ignore[reportArgumentType]
    return digest(read_events(run))


BARS: dict[str, Bar] = {"fleet.1": same_bytes}
