"""StationOps as a game of many worlds: the fleet of a station each, one masked choice per robot and hour.

A world gives the numbers of the single mission loop, to the bit (`moonfleet.agents.missions`). There is no physics in this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.mission import MissionSpec
from moonfleet.agents.missions import Missions
from moonfleet.terrain.errors import MoonfleetError
from moonfleet.terrain.site import Site, SiteRecipe

from ..errors import EnvOptionError, EnvStateError, need_count
from ..game import Bools, Episode, Floats, Ints, State, Step
from ..sites import resolve_site
from . import spaces
from .count import count_masked, count_robots, count_terms
from .episodes import PLAYED, fixed_date, need_mission, played_state, read_played
from .generator import HAVENS, HOUR_S, make_mission, most_jobs, shared_relay
from .levels import fleet_of, level_of
from .rewards import TERMS
from .station_game import StationGame

if TYPE_CHECKING:
    from .picture import Scene

GroundLike = Site | SiteRecipe | str | Path


class StationOpsGame(StationGame):
    """W worlds of StationOps whose robots drive by the map, side by side; see `station_ops.env.station_game` for the options."""

    def __init__(
        self,
        worlds: int,
        threads: int = 1,
        *,
        level: str = "default",
        site: GroundLike | Sequence[GroundLike] | None = None,
        fleet: str | Sequence[str] = "default",
        **options: object,
    ) -> None:
        super().__init__()
        self.worlds, self.threads = need_count("worlds", worlds, 1, 1_000_000), need_count("threads", threads, 1, 1024)
        self.level, self.fleet, self.sites = level_of(level, options), fleet_of(fleet), resolve_sites(site)
        if self.level.perception != "map":
            raise EnvOptionError(
                f"perception: got {self.level.perception!r}; many worlds side by side know 'map' only."
            )
        self.agents = self.fleet.names
        self.single_observation_space, self.single_action_space = spaces.agent_space(), spaces.agent_actions()
        jobs, needs = most_jobs(len(self.agents))
        self.missions = Missions(
            self.sites, self.fleet.specs, 0, worlds=self.worlds, jobs=jobs, needs=needs, havens=HAVENS,
            relay=shared_relay() if self.level.relay else None, decision_s=HOUR_S, drive_s=self.level.drive_s, tick_s=self.level.tick_s,
            dates=self.level.span, hours=self.level.hours, faults=self.level.faults, threads=self.threads,
        )  # fmt: skip
        self.t0: Floats = np.zeros(self.worlds)
        self._masked = np.zeros(self.worlds, dtype=np.int64)
        self._episodes: list[tuple[Episode, MissionSpec] | None] = [None] * self.worlds

    # -- the game ------------------------------------------------------------------------------------------------

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        """See `Game.begin`."""
        drawn = [(episode, self._mission(episode)) for episode in episodes]
        self.missions.begin(worlds, [mission for _, mission in drawn])
        for w, one in zip(worlds.tolist(), drawn, strict=True):
            self._episodes[w] = one
            self.t0[w], self._masked[w] = one[1].t0, 0
            self.show_anew(w)

    def _mission(self, episode: Episode) -> MissionSpec:
        """Return the mission of an episode."""
        t0 = fixed_date(episode)
        return make_mission(self.sites, episode.root, episode.number, self.level, self.fleet, t0=t0)

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        """See `Game.step`."""
        missions = self.missions
        choices = np.ascontiguousarray(actions, dtype=np.int64)
        work, jobs, weights = missions.work, missions.jobs, self.level.weights
        count_masked(choices, missions.handed.masks, work.landed, work.lost, active, self._masked)
        before_s = work.progress_s.copy()
        gains = missions.step(choices, None if active.all() else active)
        terms = np.empty((self.worlds, len(TERMS)))
        count_terms(
            weights.in_order, gains.value, gains.archive_mbit, gains.losses, gains.contacts, jobs.value, jobs.effort_s, before_s,
            work.progress_s, terms,
        )  # fmt: skip
        all_lost, finished = missions.ends()
        terminated = all_lost & active
        for w, picture in self._pictures.items():
            if active[w]:
                picture.follow(self.scene(w))
        return Step(terms, terminated, finished & active & ~terminated)

    def observe(self, out: NDArray[np.float32]) -> None:
        """See `Game.observe`."""
        out[...] = self.missions.handed.vectors

    def observe_worlds(self, out: NDArray[np.float32], worlds: Ints) -> None:
        """See `Game.observe_worlds`."""
        out[worlds] = self.missions.handed.vectors[worlds]

    def masks(self, out: Bools) -> None:
        """See `Game.masks`."""
        out[...] = self.missions.handed.masks

    def info(self) -> dict[str, NDArray[np.generic]]:
        """See the class."""
        work = self.missions.work
        lost, done = np.empty((2, self.worlds), dtype=np.int64)
        count_robots(work.lost, work.done, lost, done)
        return {
            "masked_actions": self._masked.copy(),
            "jobs_done": done,
            "lost": lost,
            "t_s": self.missions.t_s,
        }

    def present(self) -> Bools:
        """See `Game.present`."""
        return self.missions.work.landed & ~self.missions.work.lost

    # -- state ---------------------------------------------------------------------------------------------------

    def get_state(self, world: int) -> State:
        """See `Game.get_state`."""
        return played_state(*self._playing(world), int(self._masked[world])) | self.missions.get_state(world)

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """See `Game.set_state`."""
        episode, t0, masked = read_played(state, len(self.agents))
        try:
            mission = make_mission(self.sites, episode.root, episode.number, self.level, self.fleet, t0=t0)
        except MoonfleetError as error:
            raise EnvStateError(f"set_state: {error}") from error
        need_mission(state, mission)
        held = self._episodes[world]
        before = None if held is None else self.missions.get_state(world)
        one = np.array([world])
        self.missions.begin(one, [mission])
        try:
            self.missions.set_state(world, {name: value for name, value in state.items() if name not in PLAYED})
        except (MoonfleetError, KeyError, TypeError, ValueError) as error:
            if held is not None and before is not None:
                self.missions.begin(one, [held[1]])
                self.missions.set_state(world, before)
            raise EnvStateError(f"set_state: {error}") from error
        self._episodes[world] = (episode, mission)
        self.t0[world], self._masked[world] = mission.t0, masked
        self.show_anew(world)

    def _playing(self, world: int) -> tuple[Episode, MissionSpec]:
        """Return the episode of a world and its mission."""
        playing = self._episodes[world]
        if playing is None:
            raise EnvStateError(f"world {world}: no episode yet: call reset first.")
        return playing

    # -- picture -------------------------------------------------------------------------------------------------

    def scene(self, world: int) -> Scene:
        """Return what a picture of a world shows."""
        from .picture import scene_of_world

        return scene_of_world(self._playing(world)[1], self.missions, world)


def resolve_sites(site: GroundLike | Sequence[GroundLike] | None) -> tuple[Site, ...]:
    """Return the grounds that an environment was asked for; raises `EnvOptionError` for none, or unlike ones."""
    many = site if isinstance(site, Sequence) and not isinstance(site, str) else [site]
    if not many:
        raise EnvOptionError("site: is an empty list; need one ground at least.")
    sites = tuple(resolve_site(one) for one in many)
    if any(one.ref != sites[0].ref for one in sites):
        raise EnvOptionError("site: the grounds of a list must share one georeference.")
    return sites
