"""A cluster of two nodes on this machine, one of them labelled; a program of its own, because a process knows one cluster.

``python -m tests.ray_two_nodes FOLDER`` flies a mission with its actors on the labelled node, and a campaign with its runs there
while the process of a run is killed; prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from threading import Thread

import psutil
import ray
from ray.cluster_utils import Cluster

from moonfleet.agents.events import digest, read_events
from moonfleet.agents.ray_fleet import RayFleet
from moonfleet.agents.simulation import Simulation
from moonfleet.experiments.campaign import Spread, run_campaign
from moonfleet.experiments.mission_build import build_mission
from moonfleet.experiments.scenario import load_scenario

LABEL = {"zone": "east"}


def kill_one_run(found: list[int]) -> None:
    """Kill the first worker process that is in the middle of a run."""
    while not found:
        for process in psutil.process_iter(["cmdline"]):
            if any("fly_on_ray" in word for word in process.info["cmdline"] or ()):
                process.kill()
                found.append(process.pid)
                return
        time.sleep(0.02)


def main() -> None:
    """See the module."""
    folder = Path(sys.argv[1])
    changes = {"duration_days": 2 / 24, "perception": "statistical"}
    scenario = load_scenario("first-light").model_copy(update=changes)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    east = cluster.add_node(num_cpus=1, labels=LABEL)
    ray.init(address=cluster.address, log_to_driver=False)
    homes: set[str] = set()
    make = RayFleet.make

    def watch(self: RayFleet, number: int) -> object:
        actor = make(self, number)
        homes.add(ray.get(actor.__ray_call__.remote(lambda self: ray.get_runtime_context().get_node_id())))
        return actor

    RayFleet.make = watch  # type: ignore[method-assign]
    Simulation(build_mission(scenario).mission, folder / "run", "ray", labels=LABEL).run()
    killed: list[int] = []
    killer = Thread(target=kill_one_run, args=(killed,), daemon=True)
    killer.start()
    result = run_campaign(scenario, runs=3, out=folder / "c", spread=Spread("ray", labels=tuple(LABEL.items())))
    told = {
        "actors_at_home": homes == {east.node_id},
        "run": digest(read_events(folder / "run")),
        "campaign": result.sha256,
        "killed": len(killed),
        "failed": len(result.failures),
    }
    ray.shutdown()
    cluster.shutdown()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
