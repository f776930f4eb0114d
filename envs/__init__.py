"""The Gymnasium faces of the World.

=================================  ==================================================  =========  ==========
id                                 problem                                             agents     step
=================================  ==================================================  =========  ==========
``moonfleet/PolarTraverse-v0``     reach science targets under moving light            1 rover    5 min
``moonfleet/HazardLanding-v0``     find a safe place to land before the fuel is gone   1 lander   1 s
``moonfleet/SiteConstruction-v0``  excavate, haul, level and sinter a landing pad      1-8        10 min
``moonfleet/StationOps-v0``        run the station: jobs, charging, nights, links      the fleet  1 h
``moonfleet/IceProspecting-v0``    drill ice in permanent shadow and come back         1 rover    5 min
=================================  ==================================================  =========  ==========

Importing this package registers them. ``gymnasium.make(id)`` makes one world, ``gymnasium.make_vec(id, num_envs=1024)`` the
native batch of many, `parallel_env` a PettingZoo environment of a team; ``moonfleet.envs.adapters`` holds Stable-Baselines3
and RLlib, ``moonfleet.envs.testing`` the checks that all of them pass. ``gymnasium.make("moonfleet.envs:moonfleet/PolarTraverse-v0")``
imports this package for you, which is what remote workers use. Environments hold no physics: they step
`moonfleet.agents.world.World`. None has a ``max_episode_steps`` in its spec: the time limit is a constructor option and ends
with ``truncated``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium

if TYPE_CHECKING:
    from .multi import TeamEnv


class Faces(NamedTuple):
    """Where the faces of one environment are defined, as ``module:Class`` below this package."""

    solo: str  # a gymnasium.Env of one world
    vector: str | None = None  # its native batch: called as Class(num_envs=..., **options)
    team: bool = False  # whether several agents decide, so that it has a PettingZoo face too


ENVIRONMENTS: dict[str, Faces] = {
    "moonfleet/PolarTraverse-v0": Faces("polar_traverse.env:PolarTraverse", "polar_traverse.env:PolarTraverseVec"),
    "moonfleet/SiteConstruction-v0": Faces(
        "site_construction.env:SiteConstruction", "site_construction.env:SiteConstructionVector", team=True
    ),
    "moonfleet/StationOps-v0": Faces("station_ops.env:StationOps", "station_ops.env:StationOpsVector", team=True),
    "moonfleet/IceProspecting-v0": Faces("ice_prospecting.env:IceProspecting", "ice_prospecting.env:IceProspectingVec"),
    "moonfleet/HazardLanding-v0": Faces("hazard_landing.env:HazardLanding", "hazard_landing.env:HazardLandingVec"),
}

ENTRY_POINTS: dict[str, str] = {env_id: f"{__name__}.{faces.solo}" for env_id, faces in ENVIRONMENTS.items()}
VECTOR_ENTRY_POINTS: dict[str, str] = {
    env_id: f"{__name__}.{faces.vector}" for env_id, faces in ENVIRONMENTS.items() if faces.vector
}
TEAMS: tuple[str, ...] = tuple(env_id for env_id, faces in ENVIRONMENTS.items() if faces.team)


def register_all() -> None:
    """Register every environment of `ENVIRONMENTS` that is not registered yet; calling it twice does no harm."""
    for env_id, entry_point in ENTRY_POINTS.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                id=env_id,
                entry_point=entry_point,
                vector_entry_point=VECTOR_ENTRY_POINTS.get(env_id),
                max_episode_steps=None,
            )


def solo_env(env_id: str, *, render_mode: str | None = None, **options: Any) -> Any:
    """Return one world of an environment, without gymnasium's wrappers: ``gymnasium.make(env_id, ...).unwrapped``.

    Raises
    ------
    EnvOptionError
        There is no such environment, or an option is not allowed.
    """
    from .errors import need_name
    from .faces import RENDER_MODES

    name = need_name("env_id", env_id, ENVIRONMENTS)
    if render_mode is not None:  # before gymnasium trips over what is no text
        need_name("render_mode", render_mode, RENDER_MODES)
    return gymnasium.make(name, render_mode=render_mode, disable_env_checker=True, **options).unwrapped


def vector_env(env_id: str, num_envs: int, **options: Any) -> Any:
    """Return the native batch of an environment: ``gymnasium.make_vec(env_id, num_envs, ...)``.

    Raises
    ------
    EnvOptionError
        There is no such environment, it has no native batch, or an option is not allowed.
    """
    from .errors import need_name

    name = need_name("env_id", env_id, VECTOR_ENTRY_POINTS)
    return gymnasium.make_vec(name, num_envs, vectorization_mode="vector_entry_point", **options)


def parallel_env(env_id: str, *, render_mode: str | None = None, **options: Any) -> TeamEnv:
    """Return the PettingZoo `ParallelEnv` of a team environment, one agent per robot (needs the [rl] extra).

    ``options`` are those of ``gymnasium.make(env_id)``.

    Raises
    ------
    EnvOptionError
        ``env_id`` is no environment of a team, or an option is not allowed.
    """
    from .errors import EnvOptionError, need_name
    from .multi import TeamEnv

    name = need_name("env_id", env_id, ENVIRONMENTS)
    if name not in TEAMS:
        raise EnvOptionError(
            f"env_id: {name} has one agent in each world, no team; make it with solo_env or vector_env. Teams: {', '.join(TEAMS)}."
        )
    return TeamEnv(solo_env(name, **options).game, render_mode=render_mode)


register_all()
