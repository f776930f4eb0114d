"""The faces of StationOps: one station, and many side by side.

Every hour one choice per robot: go on, hold, charge, hibernate, relay, or a job. Two games play it, to the same bit: `StationOpsGame`
(robots that drive by the map, thousands of worlds at once), and `StationLoopGame`, the very loop of the distributed simulation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.autonomy.observation import Observation
from moonfleet.terrain.site import Site

from ..errors import EnvStateError
from ..faces import masks_of, vector_shape
from ..game import Game
from ..made import MadeSolo, MadeVector
from ..options import need_flag, option_names
from .game import GroundLike, StationOpsGame
from .levels import Level, level_of
from .loop_game import StationLoopGame


def station_game(
    worlds: int,
    threads: int = 1,
    *,
    level: str = "default",
    site: GroundLike | Sequence[GroundLike] | None = None,
    fleet: str | Sequence[str] = "default",
    mission: MissionSpec | None = None,
    event_log: bool = False,
    **options: object,
) -> Game:
    """W worlds of StationOps: a fleet each, one masked choice per robot and hour.

    Parameters
    ----------
    worlds, threads
        How many worlds, and threads that step them.
    level
        ``"easy"``, ``"default"`` or ``"hard"``: see `levels`.
    site
        `Site`, `SiteRecipe` (built once into the cache), path of a site folder, or a list of them with one georeference (episodes draw
        one); ``None`` is the default 5 km site.
    fleet
        Name of a fleet of `levels.FLEETS`, or 2 to 64 kinds of the robot catalogue, the station's lander first.
    mission
        A `MissionSpec` in place of drawn ones; it brings its own ground, date, fleet, jobs and clocks, and ``level`` says no more than
        what things are worth. The seed that perception and failures draw from follows from (seed, episode);
        ``reset(options={"as_given": True})`` flies it with its own.
    event_log
        Whether to keep the events of the episode: those that a simulation of the same mission with the same choices writes.
    options
        Fields of `levels.Level` that differ from the level's; ``perception`` is ``"map"``, ``"statistical"``, ``"stereo"`` or
        ``"rendered"``.

    Worlds with a ``mission``, an ``event_log`` or another perception than ``"map"`` run the mission loop of the simulation, one after
    the other: the same numbers, slower, and with states of their own. `StationOps.loop` shows it.

    ``reset(options={"t0_utc": "2029-01-05T00:00:00"})`` fixes the start. A masked choice is carried out as "go on". A robot that is
    lost, or has not landed, has a blank row and may only go on. ``terminated``: every robot on the ground is lost; ``truncated``: the
    mission's time is up. ``info``: ``masked_actions`` of the last step, ``jobs_done``, ``lost`` and ``t_s``.
    """
    alone = mission is not None or need_flag("event_log", event_log)
    if not alone and level_of(level, options).perception == "map":
        return StationOpsGame(worlds, threads, level=level, site=site, fleet=fleet, **options)
    return StationLoopGame(
        worlds, threads, level=level, site=site, fleet=fleet, mission=mission, event_log=event_log, **options
    )


class StationOps(MadeSolo):
    """One station; ``options`` are those of `station_game`. Observation, actions and reward: `spaces` and `rewards`."""

    GAME = staticmethod(station_game)
    OPTIONS = option_names(Level)
    game: StationOpsGame | StationLoopGame

    @property
    def robots(self) -> tuple[str, ...]:
        """Names of the robots, in the order of rows and choices."""
        return self.game.agents

    @property
    def site(self) -> Site:
        """The ground, or the first of several."""
        return self.game.sites[0]

    @property
    def loop(self) -> MissionLoop:
        """The mission in progress, where one is flown by the simulation's loop; read it freely. Its events: ``loop.log.pending``."""
        if isinstance(self.game, StationOpsGame):
            raise EnvStateError("loop: this station drives by the map, without one; make it with event_log=True.")
        return self.game.loop()

    def observations(self) -> list[Observation]:
        """Return what each robot's `Policy` would be handed now, in fleet order."""
        seen = np.empty((1, *vector_shape(self.game)), np.float32)
        self.game.observe(seen)
        return [Observation(*row) for row in zip(seen[0], masks_of(self.game)[0], strict=True)]


class StationOpsVector(MadeVector):
    """Many stations; ``options`` are those of `station_game`, the rest as of `GameVectorEnv`."""

    GAME = staticmethod(station_game)
    OPTIONS = option_names(Level)
