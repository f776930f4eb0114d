"""The faces of StationOps: one station on the very loop of the distributed simulation, and many side by side.

Every hour one choice per robot: go on, hold, charge, hibernate, relay, or a job. `StationOps` runs the mission loop
(`moonfleet.agents.mission_loop`) with all robots' minds in this process: with the same choices an episode and a mission write the
same events. `StationOpsVector` plays the same episodes, to the bit, many at once. There is no physics in this file.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.loop_state import take_up
from moonfleet.agents.mission import MissionSpec, mission_key
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.autonomy import observation as layout
from moonfleet.autonomy.observation import GO_ON, N_ACTIONS, Observation
from moonfleet.terrain.clock import tdb_to_utc
from moonfleet.terrain.errors import MoonfleetError
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site

from ..errors import (
    EnvActionError,
    EnvOptionError,
    EnvStateError,
    need_count,
    need_date,
    need_name,
    need_number,
    need_reset_options,
    need_seed,
    need_state,
)
from ..faces import LAST_EPISODE, drawn_seed
from ..made import MadeVector
from . import spaces
from .game import LATEST_S, GroundLike, StationOpsGame, resolve_sites
from .generator import PURPOSE, make_mission
from .levels import fleet_of, level_of
from .picture import StationPicture, scene_of_loop
from .rewards import TERMS, worked_value
from .spaces import Observed

RESET_OPTIONS = ("episode", "t0_utc")
STATE_NAMES = ("site_key", "mission_key", "seed", "exact", "number", "t0")


class StationOps(gymnasium.Env[Observed, NDArray[np.int64]]):
    """The fleet of one station, one masked choice per robot and hour.

    Parameters
    ----------
    site, level, fleet, options
        As of `StationOpsGame`; here ``perception`` may be any: ``"map"``, ``"statistical"``, ``"stereo"`` or ``"rendered"``.
    mission
        Any `MissionSpec`; ``None`` draws a mission per episode (see `generator`). A given mission keeps its site, date, fleet and jobs.
        Episode 0 of an unseeded environment runs it exactly as it is; otherwise only its seed (what perception and failures draw from)
        follows from (seed, episode).
    render_mode
        ``None`` or ``"rgb_array"``.

    Observation, actions and reward are documented in `spaces` and `rewards`. A masked action is carried out as "go on" and counted
    in ``info["masked_actions"]``; `action_masks` gives the masks in the flat form of sb3-contrib's MaskablePPO. A lost robot
    keeps its row, blank, and may only go on. ``terminated``: every robot on the ground is lost; ``truncated``: the mission's time is up.
    ``info`` holds ``reward_terms``, ``masked_actions``, ``jobs_done``, ``lost`` and ``t_s``; at reset ``seed``, ``episode``, ``t0_utc``
    and ``robots`` (names in row order).

    Raises
    ------
    EnvOptionError, EnvActionError, EnvStateError
        For an option, action or saved state that is not allowed.
    """

    metadata: ClassVar[dict[str, object]] = {"render_modes": ["rgb_array"], "render_fps": 12}  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        site: GroundLike | Sequence[GroundLike] | None = None,
        *,
        level: str = "default",
        fleet: str | Sequence[str] = "default",
        mission: MissionSpec | None = None,
        render_mode: str | None = None,
        **options: object,
    ) -> None:
        if mission is not None and not isinstance(mission, MissionSpec):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"mission: got {type(mission).__name__}, need a MissionSpec or None.")
        if mission is not None and site is not None:
            raise EnvOptionError("site: a mission brings its own site; give one of the two.")
        self.level, self.fleet = level_of(level, options), fleet_of(fleet)
        self.sites = resolve_sites(site) if mission is None else (mission.site,)
        self.weights = self.level.weights
        self.render_mode = None if render_mode is None else need_name("render_mode", render_mode, ["rgb_array"])
        self._given = mission
        self._made = {"level": level, "fleet": fleet, "site": list(self.sites), **options}
        self._game: StationOpsGame | None = None
        self._root: int | None = None
        self._exact = False
        self._episode_number = 0
        self._loop: MissionLoop | None = None
        self._seen: list[Observation] = []
        self._picture: StationPicture | None = None
        self.robots = self.fleet.names if mission is None else tuple(member.name for member in mission.fleet)
        self.observation_space = spaces.observation_space(len(self.robots))  # pyright: ignore[reportAttributeAccessIssue]
        self.action_space = spaces.action_space(len(self.robots))  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def site(self) -> Site:
        """The ground, or the first of several."""
        return self.sites[0]

    @property
    def game(self) -> StationOpsGame:
        """The same problem as a game of one world, for faces that are made from a game; it plays episodes of its own."""
        if self._given is not None:
            raise EnvOptionError("mission: a given mission is flown by this face alone.")
        if self._game is None:
            self._game = StationOpsGame(1, **self._made)  # pyright: ignore[reportArgumentType]
        return self._game

    @property
    def loop(self) -> MissionLoop:
        """The mission in progress; read it freely (``loop.mission`` is what `Simulation` would run)."""
        if self._loop is None:
            raise EnvStateError("no episode yet: call reset first.")
        return self._loop

    # -- gymnasium -----------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, object] | None = None
    ) -> tuple[Observed, dict[str, object]]:
        """Begin the next episode of the seed; options: ``episode`` (number), ``t0_utc`` (start date of a drawn mission)."""
        given = need_reset_options(options, RESET_OPTIONS)
        if "t0_utc" in given and self._given is not None:
            raise EnvOptionError("options['t0_utc']: the mission given to this environment has its own date.")
        t0 = need_date("options['t0_utc']", given["t0_utc"]) if "t0_utc" in given else None
        root, exact, number = self._root, self._exact, self._episode_number + 1
        chosen = need_count("options['episode']", given["episode"], 0, LAST_EPISODE) if "episode" in given else None
        if seed is not None or root is None:
            super().reset(seed=None if seed is None else need_seed("seed", seed))
            root, exact, number = drawn_seed(int(self.np_random_seed)) if seed is None else int(seed), seed is None, 0
        number = number if chosen is None else chosen
        self._start(self._mission(root, number, t0, exact=exact))
        self._root, self._exact, self._episode_number = root, exact, number
        info: dict[str, object] = {
            "seed": root,
            "episode": self._episode_number,
            "t0_utc": tdb_to_utc(self.loop.mission.t0),
            "robots": self.robots,
        }
        return self._observe(), info

    def step(self, action: NDArray[np.int64] | Sequence[int]) -> tuple[Observed, float, bool, bool, dict[str, object]]:
        """Carry out one choice per robot for one decision step of the mission."""
        loop = self.loop
        if loop.finished:
            raise EnvStateError("step: the mission is over; call reset first.")
        choices = self._choices(action)
        masked = sum(not seen.mask[choice] for seen, choice in zip(self._seen, choices, strict=True))
        before_s = loop.ops.progress_s[None].copy()
        score = loop.step(dict(enumerate(choices)))
        value = loop.briefing.table.value[None]
        worked = worked_value(value, loop.ops.effort_s[None], before_s, loop.ops.progress_s[None])
        gained = (np.array([part]) for part in (score.archive_mbit, score.losses, score.contacts))
        row = self.weights.terms(np.array([score.value]), worked, *gained)[0]
        terms = dict(zip(TERMS, row.tolist(), strict=True))
        terminated = loop.all_lost
        info: dict[str, object] = {
            "reward_terms": terms,
            "masked_actions": masked,
            "jobs_done": int(loop.ops.done.sum()),
            "lost": int(loop.ops.lost.sum()),
            "t_s": loop.t_s,
        }
        observed = self._observe()
        if self._picture is not None:
            self._picture.follow(scene_of_loop(loop))
        return observed, sum(terms.values()), terminated, loop.finished and not terminated, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the masks of all robots one after the other, bool [R * N_ACTIONS], as MaskablePPO wants them."""
        if not self._seen:
            raise EnvStateError("action_masks: call reset first.")
        return np.concatenate([seen.mask for seen in self._seen])

    def observations(self) -> list[Observation]:
        """Return what each robot's `Policy` would be handed now, in fleet order."""
        return list(self._seen)

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the scene as uint8 [H, W, 3] in mode ``rgb_array``, else None."""
        if self.render_mode is None or self._picture is None:
            return None
        return self._picture.draw(scene_of_loop(self.loop))

    # -- state ---------------------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, object]:
        """Return everything that the rest of the episode depends on: a nested mapping of plain arrays (no pickle needed)."""
        mission = self.loop.mission
        episode: dict[str, object] = {
            "site_key": np.array(mission.site.key),
            "mission_key": np.array(mission_key(mission)),
            "seed": np.array(str(self._root)),
            "exact": np.array(self._exact),
            "number": np.array(self._episode_number),
            "t0": np.array(mission.t0),
        }
        return {"episode": episode, "mission": self.loop.get_state()}

    def set_state(self, state: Mapping[str, object]) -> Observed:
        """Take up a state made by `get_state` of an environment with the same options; return the observation."""
        need_state(state, ("episode", "mission"))
        need_state(state["episode"], STATE_NAMES, "set_state, episode")
        episode: Mapping[str, NDArray[np.generic]] = state["episode"]  # pyright: ignore[reportAssignmentType]
        if str(episode["site_key"]) not in [site.key for site in self.sites]:
            raise EnvStateError(
                f"set_state: the state belongs to site {episode['site_key']}, this one is {self.site.key}."
            )
        try:
            root = need_seed("seed", int(str(episode["seed"])))
            number = need_count("number", int(episode["number"]), 0, LAST_EPISODE)
            exact, t0 = bool(episode["exact"]), need_number("t0", float(episode["t0"]), -LATEST_S, LATEST_S)
            mission = self._mission(root, number, t0, exact=exact)
        except (MoonfleetError, TypeError, ValueError, OverflowError) as error:
            raise EnvStateError(f"set_state, episode: {error}") from error
        if mission_key(mission) != str(episode["mission_key"]):
            raise EnvStateError("set_state: the state is of another mission; use an environment with the same options.")
        loop = MissionLoop(mission, LocalFleet(mission))
        try:
            take_up(loop, state["mission"])
        except MoonfleetError as error:
            loop.fleet.close()
            raise EnvStateError(f"set_state, mission: {error}") from error
        if self._loop is not None:
            self._loop.fleet.close()
        self._loop = loop
        self._root, self._exact, self._episode_number = root, exact, number
        if self.render_mode is not None:
            self._picture = self._picture or StationPicture(mission.site)
        if self._picture is not None:
            self._picture.restart(scene_of_loop(self.loop))
        return self._observe()

    def __reduce__(self) -> tuple[Any, ...]:
        """How the environment is made anew, elsewhere too: the arrays of a mission are views of each other, so it takes up the state."""
        made = dict(self._made)
        if self._given is not None:
            made |= {"mission": self._given, "site": None}
        state = None if self._loop is None else self.get_state()
        return _made_anew, (type(self), {**made, "render_mode": self.render_mode}, state, self.action_space)

    def __deepcopy__(self, memo: dict[int, Any]) -> StationOps:
        """Return another environment that goes on as this one does; the ground is shared."""
        make, (kind, made, state, actions) = self.__reduce__()
        return make(kind, made, state, copy.deepcopy(actions, memo))

    # -- inside --------------------------------------------------------------------------------------------------

    def _mission(self, root: int, number: int, t0: float | None, *, exact: bool) -> MissionSpec:
        """Return the mission of (seed, episode), at ``t0`` if given."""
        if self._given is None:
            return make_mission(self.sites, root, number, self.level, self.fleet, t0=t0)
        if exact and number == 0:
            return self._given
        seed = int(stream(root, PURPOSE, episode=number).integers(2**31))
        return dataclasses.replace(self._given, seed=seed)

    def _start(self, mission: MissionSpec) -> None:
        """Begin a mission."""
        if self._loop is not None:
            self._loop.fleet.close()
        self._loop = MissionLoop(mission, LocalFleet(mission))
        self._loop.begin()
        if self.render_mode is not None:
            self._picture = self._picture or StationPicture(mission.site)
            self._picture.restart(scene_of_loop(self._loop))

    def _choices(self, action: NDArray[np.int64] | Sequence[int]) -> list[int]:
        """Return a checked action as one index per robot; a masked one becomes `GO_ON` in the robot's own hands."""
        choices = np.asarray(action)
        if choices.shape != (len(self.robots),) or not np.issubdtype(choices.dtype, np.integer):
            raise EnvActionError(f"action: got {action!r}, need {len(self.robots)} whole numbers, one per robot.")
        if choices.min() < 0 or choices.max() >= N_ACTIONS:
            raise EnvActionError(f"action: got {choices.tolist()}, each must be from 0 to {N_ACTIONS - 1}.")
        return [int(choice) for choice in choices]

    def _observe(self) -> Observed:
        """Return fresh arrays of what every robot sees."""
        situations = self.loop.situations()
        self._seen = [
            situations[robot].observation if robot in situations else _nobody() for robot in range(len(self.robots))
        ]
        return spaces.pack(self._seen)


def _nobody() -> Observation:
    """Return the observation of a lost robot: nothing known, only "go on" allowed."""
    mask = np.zeros(N_ACTIONS, np.bool_)
    mask[GO_ON] = True
    return Observation(layout.encode(layout.blank()), mask)


def _made_anew(
    kind: type[StationOps], options: dict[str, Any], state: dict[str, object] | None, actions: Any
) -> StationOps:
    """Return an environment with ``options`` in ``state`` (None: no episode yet), that samples from ``actions``."""
    made = kind(**options)
    made.action_space = actions
    if state is not None:
        made.set_state(state)
    return made


class StationOpsVector(MadeVector):
    """Many stations; ``options`` are those of `StationOpsGame`, the rest as of `GameVectorEnv`."""

    GAME = StationOpsGame
