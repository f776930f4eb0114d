"""StationOps on the very loop of the distributed simulation: any perception, missions of one's own, and a log of events.

Each world is a `moonfleet.agents.mission_loop.MissionLoop` with all robots' minds in this process: with the same choices an episode
and a mission write the same events. Worlds are stepped one after the other. There is no physics in this file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.loop_state import take_up
from moonfleet.agents.mission import MissionSpec, mission_key
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.observation import GO_ON
from moonfleet.terrain.errors import MoonfleetError
from moonfleet.terrain.seeds import stream

from ..errors import EnvOptionError, EnvStateError, need_count, need_state
from ..game import Bools, Episode, Floats, Ints, State, Step
from ..options import need_flag
from ..saved import below
from . import spaces
from .count import count_terms
from .episodes import PLAYED, fixed_date, need_mission, played_state, read_played
from .game import GroundLike, resolve_sites
from .generator import PURPOSE, make_mission
from .levels import fleet_of, level_of
from .rewards import TERMS
from .station_game import StationGame

if TYPE_CHECKING:
    from .picture import Scene

LOOP = "loop."  # what the names of a loop's saved arrays begin with
OF_MISSION = ("site", "fleet", "days", "dates", "lit_start_h", "faults", "relay", "drive_s", "tick_s", "perception")


class StationLoopGame(StationGame):
    """W worlds of StationOps, each on a mission loop of its own; see `station_ops.env.station_game` for the options.

    What `StationOpsGame` plays with the same seeds and choices is the same to the bit; states are not interchangeable.
    """

    reset_options: ClassVar[tuple[str, ...]] = ("t0_utc", "as_given")

    def __init__(
        self,
        worlds: int,
        threads: int = 1,
        *,
        level: str = "default",
        site: GroundLike | Sequence[GroundLike] | None = None,
        fleet: str | Sequence[str] = "default",
        mission: MissionSpec | None = None,
        event_log: bool = False,
        **options: object,
    ) -> None:
        super().__init__()
        self.worlds, self.threads = need_count("worlds", worlds, 1, 1_000_000), need_count("threads", threads, 1, 1024)
        if mission is not None:
            _need_bare_mission(mission, {"site": site, "fleet": None if fleet == "default" else fleet, **options})
        self.level, self.fleet, self._given = level_of(level, options), fleet_of(fleet), mission
        self.sites = resolve_sites(site) if mission is None else (mission.site,)
        self.agents = self.fleet.names if mission is None else tuple(member.name for member in mission.fleet)
        self.single_observation_space, self.single_action_space = spaces.agent_space(), spaces.agent_actions()
        self.t0: Floats = np.zeros(self.worlds)
        self._log = need_flag("event_log", event_log)
        self._masked = np.zeros(self.worlds, dtype=np.int64)
        self._episodes: list[Episode | None] = [None] * self.worlds
        self._loops: list[MissionLoop | None] = [None] * self.worlds
        self._seen = np.tile(layout.encode(layout.blank()), (self.worlds, len(self.agents), 1))
        self._allowed = np.zeros((self.worlds, len(self.agents), layout.N_ACTIONS), dtype=np.bool_)
        self._allowed[:, :, GO_ON] = True
        self._blank = self._seen[0].copy(), self._allowed[0].copy()

    def loop(self, world: int = 0) -> MissionLoop:
        """Return the mission of a world in progress; read it freely. With ``event_log`` its events are ``loop(w).log.pending``."""
        return self._playing(world)[1]

    # -- the game ------------------------------------------------------------------------------------------------

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        """See `Game.begin`."""
        loops = [self._loop_of(self._mission(episode, fixed_date(episode))) for episode in episodes]
        for w, episode, loop in zip(worlds.tolist(), episodes, loops, strict=True):
            loop.begin()
            self._take(w, episode, loop, 0)

    def _mission(self, episode: Episode, t0: float | None) -> MissionSpec:
        """Return the mission of an episode, at ``t0`` if given."""
        as_given = need_flag("options['as_given']", episode.options.get("as_given", False))
        if self._given is None:
            if as_given:
                raise EnvOptionError("options['as_given']: no mission was given to this environment.")
            return make_mission(self.sites, episode.root, episode.number, self.level, self.fleet, t0=t0)
        if t0 is not None:
            raise EnvOptionError("options['t0_utc']: the mission given to this environment has its own date.")
        if as_given:
            return self._given
        seed = int(stream(episode.root, PURPOSE, episode=episode.number).integers(2**31))
        return dataclasses.replace(self._given, seed=seed)

    def _loop_of(self, mission: MissionSpec) -> MissionLoop:
        """Return a fresh loop of a mission."""
        return MissionLoop(mission, LocalFleet(mission), EventLog(None, keep=self._log))

    def _take(self, world: int, episode: Episode, loop: MissionLoop, masked: int) -> None:
        """Let a world be played by ``loop``."""
        held = self._loops[world]
        self._episodes[world], self._loops[world] = episode, loop
        self.t0[world], self._masked[world] = loop.mission.t0, masked
        self._brief(world, loop)
        self.show_anew(world)
        if held is not None:
            held.fleet.close()

    def _brief(self, world: int, loop: MissionLoop) -> None:
        """Note what the robots of a world decide on now; who is not there has a blank row and may only go on."""
        asked = loop.brief()
        self._seen[world], self._allowed[world] = self._blank
        self._seen[world, asked.robots], self._allowed[world, asked.robots] = asked.vectors, asked.masks

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        """See `Game.step`."""
        terms = np.zeros((self.worlds, len(TERMS)))
        terminated, truncated = np.zeros((2, self.worlds), dtype=np.bool_)
        robots = np.arange(len(self.agents))
        for w in np.flatnonzero(active).tolist():
            loop = self.loop(w)
            choices, present = np.asarray(actions[w], dtype=np.int64), loop.ops.landed & ~loop.ops.lost
            self._masked[w] = int((~self._allowed[w, robots, choices] & present).sum())
            before_s = loop.ops.progress_s[None].copy()
            score = loop.step(dict(enumerate(choices.tolist())))
            value, archive = np.array([score.value]), np.array([score.archive_mbit])
            losses, contacts = np.array([score.losses]), np.array([score.contacts])
            table, ops = loop.briefing.table, loop.ops
            count_terms(
                self.level.weights.in_order, value, archive, losses, contacts, table.value[None], ops.effort_s[None], before_s,
                ops.progress_s[None], terms[w : w + 1],
            )  # fmt: skip
            terminated[w] = loop.all_lost
            truncated[w] = loop.finished and not loop.all_lost
            self._brief(w, loop)
            if w in self._pictures:
                self._pictures[w].follow(self.scene(w))
        return Step(terms, terminated, truncated)

    def observe(self, out: NDArray[np.float32]) -> None:
        """See `Game.observe`."""
        out[...] = self._seen

    def masks(self, out: Bools) -> None:
        """See `Game.masks`."""
        out[...] = self._allowed

    def info(self) -> dict[str, NDArray[np.generic]]:
        """As `StationOpsGame`."""
        done, lost, t_s = np.zeros((3, self.worlds), dtype=np.int64)
        for w, loop in enumerate(self._loops):
            if loop is not None:
                done[w], lost[w], t_s[w] = loop.ops.done.sum(), loop.ops.lost.sum(), loop.t_s
        return {"masked_actions": self._masked.copy(), "jobs_done": done, "lost": lost, "t_s": t_s}

    def present(self) -> Bools:
        """See `Game.present`."""
        there = np.zeros((self.worlds, len(self.agents)), dtype=np.bool_)
        for w, loop in enumerate(self._loops):
            if loop is not None:
                there[w] = loop.ops.landed & ~loop.ops.lost
        return there

    def close(self) -> None:
        """See `Game.close`."""
        for loop in self._loops:
            if loop is not None:
                loop.fleet.close()

    # -- state ---------------------------------------------------------------------------------------------------

    def world_options(self) -> Mapping[str, object]:
        """See `Game.world_options`. States of a loop do not fit `StationOpsGame`, which robots that drive by the map have without a log."""
        if self._given is not None:
            return {"mission": f"{self._given.name} {mission_key(self._given)}"}
        told = dict(super().world_options())
        return told | {"event_log": True} if self.level.perception == "map" else told

    def get_state(self, world: int) -> State:
        """See `Game.get_state`. The events so far are not in it."""
        episode, loop = self._playing(world)
        own = played_state(episode, loop.mission, int(self._masked[world]))
        own["station.as_given"] = np.array(bool(episode.options.get("as_given", False)))
        return own | _flat(loop.get_state(), LOOP)

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """See `Game.set_state`."""
        need_state(state, (*PLAYED, "station.as_given"))
        (root, number, _), t0, masked = read_played(state, len(self.agents))
        try:
            as_given = need_flag("station.as_given", np.asarray(state["station.as_given"])[()])
            episode = Episode(root, number, {"as_given": True} if as_given else {})
            mission = self._mission(episode, t0 if self._given is None else None)
        except MoonfleetError as error:
            raise EnvStateError(f"set_state: {error}") from error
        need_mission(state, mission)
        loop = self._loop_of(mission)
        try:
            take_up(loop, _nested(below(state, LOOP)))
        except MoonfleetError as error:
            loop.fleet.close()
            raise EnvStateError(f"set_state: {error}") from error
        self._take(world, episode, loop, masked)

    def _playing(self, world: int) -> tuple[Episode, MissionLoop]:
        """Return the episode of a world and its loop."""
        episode, loop = self._episodes[world], self._loops[world]
        if episode is None or loop is None:
            raise EnvStateError(f"world {world}: no episode yet: call reset first.")
        return episode, loop

    # -- picture -------------------------------------------------------------------------------------------------

    def scene(self, world: int) -> Scene:
        """Return what a picture of a world shows."""
        from .picture import scene_of_loop

        return scene_of_loop(self.loop(world))


def _need_bare_mission(mission: object, options: Mapping[str, object]) -> None:
    """Raise `EnvOptionError` for a mission that is none, or beside which something is given that it brings itself."""
    if not isinstance(mission, MissionSpec):
        raise EnvOptionError(f"mission: got {type(mission).__name__}, need a MissionSpec or None.")
    for name, value in options.items():
        if name in OF_MISSION and value is not None:
            raise EnvOptionError(f"{name}: a mission brings its own {name}; give one of the two.")


def _flat(state: Mapping[str, Any], prefix: str) -> State:
    """Return a nested mapping of arrays as one mapping, names joined by dots."""
    out: State = {}
    for name, value in state.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            out[f"{prefix}{name}"] = value
    return out


def _nested(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested mapping that `_flat` made flat; raises `EnvStateError` where a name is an array and a part of one as well."""
    out: dict[str, Any] = {}
    for name, value in state.items():
        *path, last = name.split(".")
        inner: Any = out
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise EnvStateError(f"set_state: {name} stands beside {part}; need what get_state returned.")
        inner[last] = value  # pyright: ignore[reportUnknownMemberType]
    return out
