"""A trained policy goes back onto the robots: the same events on Ray actors as in this process."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from moonfleet.agents.events import digest, read_events
from moonfleet.agents.simulation import Simulation
from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.policy import Policy
from moonfleet.experiments.trained import TrainedPolicy
from moonfleet.terrain.site import Site
from tests.missions import small_mission


@pytest.mark.ray
def test_a_trained_policy_runs_on_the_actors(ray_cluster: None, small_site: Site, tmp_path: Path) -> None:
    rng, sizes = np.random.default_rng(1), (layout.SIZE, 16, layout.N_ACTIONS)
    weights = rng.normal(size=sum((a + 1) * b for a, b in pairwise(sizes))).astype(np.float32)
    none = np.empty(0, np.float32)
    TrainedPolicy("moonfleet/StationOps-v0", sizes, weights, none, none, {}).save(tmp_path / "policy")
    mission = small_mission(small_site, robots_per_actor=4, duration_s=8 * 3600)
    policies: dict[str, Policy] = {member.name: TrainedPolicy.load(tmp_path / "policy") for member in mission.fleet}
    for backend in ("local", "ray"):
        Simulation(mission, tmp_path / backend, backend, policies=policies).run()  # type: ignore[arg-type]
    assert digest(read_events(tmp_path / "local")) == digest(read_events(tmp_path / "ray"))
