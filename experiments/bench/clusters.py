"""Ray clusters of several nodes on one machine, for benches: nodes are processes that can be added and killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STORE_BYTES = 100 * 1024 * 1024  # the least that Ray takes without complaint
ACTOR = "ray::SquadActor"  # how the process of a squad calls itself


class Nodes:
    """A cluster of ``count`` nodes with one core each; the first is the head and lives as long as the cluster."""

    def __init__(self, count: int) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE_BYTES},
        )
        self.others: list[Any] = []
        for _ in range(count - 1):
            self.add()

    @property
    def address(self) -> str:
        """HOST:PORT of the head."""
        return str(self.cluster.address)

    def add(self) -> None:
        """Add a node."""
        self.others.append(self.cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES))

    def kill(self) -> set[int]:
        """Kill the oldest node that is not the head (SIGKILL of its raylet); returns the actors' processes it had."""
        node = self.others.pop(0)
        raylets = {process.process.pid for process in node.all_processes["raylet"]}
        victims = {pid for pid in squad_processes() if parent(pid) in raylets}
        self.cluster.remove_node(node, allow_graceful=False)
        return victims

    def close(self) -> None:
        """End the cluster."""
        self.cluster.shutdown()


@contextmanager
def nodes(count: int) -> Iterator[Nodes]:
    """A cluster for as long as the context is open."""
    made = Nodes(count)
    try:
        yield made
    finally:
        made.close()


def squad_processes() -> set[int]:
    """Process ids of all squads on this machine."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(ACTOR.encode()):
                found.add(int(entry.name))
    return found


def parent(pid: int) -> int:
    """Process id of a process's parent, 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def gone(pids: set[int], patience_s: float) -> bool:
    """Wait until none of these processes is left; returns whether that came true in time."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if not pids & squad_processes():
            return True
        time.sleep(0.05)
    return False
