"""The Gymnasium faces of the World.

=================================  ==================================================  =========  ==========
id                                 problem                                             agents     step
=================================  ==================================================  =========  ==========
``moonfleet/PolarTraverse-v0``     reach science targets under moving light            1 rover    5 min
``moonfleet/HazardLanding-v0``     find a safe place and land before the fuel is gone  1 lander    1 s
``moonfleet/StationOps-v0``        run the station: jobs, charging, nights, links      the fleet  1 h
=================================  ==================================================  =========  ==========

Importing this package registers them; ``gymnasium.make("moonfleet.envs:moonfleet/PolarTraverse-v0")`` imports it for
you, which is what remote workers use. Environments hold no physics: they step `moonfleet.agents.world.World`.
Neither has a ``max_episode_steps`` in its spec: the time limit is a constructor option and ends with ``truncated``.
"""

from __future__ import annotations

import gymnasium

ENTRY_POINTS: dict[str, str] = {
    "moonfleet/PolarTraverse-v0": "moonfleet.envs.polar_traverse.env:PolarTraverse",
    "moonfleet/HazardLanding-v0": "moonfleet.envs.hazard_landing.env:HazardLanding",
    "moonfleet/StationOps-v0": "moonfleet.envs.station_ops.env:StationOps",
}


VECTOR_ENTRY_POINTS: dict[str, str] = {
    "moonfleet/HazardLanding-v0": "moonfleet.envs.hazard_landing.env:HazardLandingVec",
}


def register_all() -> None:
    """Register every environment of `ENTRY_POINTS` that is not registered yet; calling it twice does no harm."""
    for env_id, entry_point in ENTRY_POINTS.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(id=env_id, entry_point=entry_point, vector_entry_point=VECTOR_ENTRY_POINTS.get(env_id), max_episode_steps=None)


register_all()
