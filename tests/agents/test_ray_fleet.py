"""The fleet on Ray actors gives the bytes of the fleet in this process, also when actors are killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from moonfleet.agents import ray_fleet
from moonfleet.agents.errors import ClusterError
from moonfleet.agents.events import digest, read_events
from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.ray_fleet import RayFleet, squad_size
from moonfleet.agents.simulation import Simulation, StepInfo
from moonfleet.autonomy.policy import Policy, RandomPolicy
from moonfleet.terrain.site import Site
from tests.missions import small_mission

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def local_digest(small_site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("local")
    Simulation(small_mission(small_site), run, "local").run()
    return digest(read_events(run))


@pytest.mark.parametrize("robots_per_actor", [3, 7])
def test_ray_gives_the_bytes_of_the_local_backend(
    ray_cluster: None, small_site: Site, local_digest: str, tmp_path: Path, robots_per_actor: int
) -> None:
    Simulation(small_mission(small_site, robots_per_actor=robots_per_actor), tmp_path, "ray").run()
    assert digest(read_events(tmp_path)) == local_digest


def test_robots_that_drive_by_the_map_do_the_same_on_actors(
    ray_cluster: None, small_site: Site, tmp_path: Path
) -> None:
    mission = small_mission(
        small_site, robots_per_actor=4, perception="map", drive_s=3600, duration_s=12 * 3600, checkpoint_every=5
    )
    for backend in ("local", "ray"):
        Simulation(mission, tmp_path / backend, backend).run()  # type: ignore[arg-type]
    assert digest(read_events(tmp_path / "local")) == digest(read_events(tmp_path / "ray"))


def test_killed_actors_change_nothing(
    ray_cluster: None, small_site: Site, local_digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleets: list[RayFleet] = []
    make = RayFleet.__init__

    def remember(self: RayFleet, mission: MissionSpec, policies: dict[int, Policy] | None = None) -> None:
        make(self, mission, policies)
        fleets.append(self)

    monkeypatch.setattr(RayFleet, "__init__", remember)
    killed: list[int] = []

    def on_step(info: StepInfo) -> None:
        if info.step in (3, 10):
            victim = fleets[0].pids()[info.step % 2]
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

    Simulation(small_mission(small_site, robots_per_actor=4), tmp_path, "ray").run(on_step)
    assert len(killed) == 2
    assert digest(read_events(tmp_path)) == local_digest


def test_an_answer_lost_with_its_node_and_a_short_memory_change_nothing(
    ray_cluster: None, small_site: Site, local_digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.exceptions import ObjectLostError

    fetch, lost, longest = ray_fleet.fetch, [0], [0]
    remember = RayFleet.remember

    def lose_some(reference: object) -> object:
        lost[0] += 1
        if lost[0] in (4, 60, 61):
            raise ObjectLostError(str(reference), None, "")  # as of a node that dies after it has answered
        return fetch(reference)

    def watch(self: RayFleet, numbers: Sequence[int]) -> object:
        longest[0] = max(longest[0], *(len(calls) for calls in self.heard))
        return remember(self, numbers)

    monkeypatch.setattr(ray_fleet, "fetch", lose_some)
    monkeypatch.setattr(RayFleet, "remember", watch)
    monkeypatch.setattr(ray_fleet, "HEARD_CALLS", 10)
    mission = small_mission(small_site, robots_per_actor=4, checkpoint_every=1000)
    Simulation(mission, tmp_path, "ray").run()
    assert lost[0] > 61
    assert longest[0] == 10
    assert digest(read_events(tmp_path)) == local_digest


def test_a_policy_of_ones_own_runs_on_the_actors(ray_cluster: None, small_site: Site, tmp_path: Path) -> None:
    mission = small_mission(small_site, robots_per_actor=4, duration_s=8 * 3600)
    policies: dict[str, Policy] = {member.name: RandomPolicy(9, robot) for robot, member in enumerate(mission.fleet)}
    for backend in ("local", "ray"):
        Simulation(mission, tmp_path / backend, backend, policies=policies).run()  # type: ignore[arg-type]
    assert digest(read_events(tmp_path / "local")) == digest(read_events(tmp_path / "ray"))


def test_squads_grow_only_when_robots_outnumber_cores() -> None:
    assert squad_size("auto", robots=7, cores=2) == 1
    assert squad_size("auto", robots=256, cores=2) == 32
    assert squad_size(5, robots=7, cores=2) == 5


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:x", "ray://:0"])
def test_an_address_that_is_not_one_is_refused(small_site: Site, tmp_path: Path, address: str) -> None:
    with pytest.raises(ClusterError, match="must be HOST:PORT"):
        Simulation(small_mission(small_site), tmp_path, "ray", address=address).run()


def test_an_address_that_does_not_answer_is_refused(small_site: Site, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no Ray head answers there"):
        Simulation(small_mission(small_site), tmp_path, "ray", address="127.0.0.1:1").run()


def test_a_cluster_without_a_living_node_is_told_of(ray_cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def sleep(seconds: float) -> None:
        time.sleep(seconds)

    nap = ray.remote(num_cpus=0)(sleep)  # pyright: ignore
    monkeypatch.setattr(ray_fleet, "WATCH_S", 0.05)
    assert ray_fleet.fetch(nap.remote(0.3)) is None, "slow is not lost"
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": False}])
    with pytest.raises(ClusterError, match="no node of it is alive"):
        ray_fleet.fetch(nap.remote(30.0))
