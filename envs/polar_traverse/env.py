"""PolarTraverse: drive one rover along a chain of science targets while the light moves, and do not run flat.

One step is 5 minutes: the action sets a straight leg (or a halt to charge), then the World ticks five times. The World
refuses ground that is too steep: the rover stops there. There is no physics in this file.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.state import Activity, Loss
from moonfleet.agents.world import World
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.clock import tdb_to_utc, utc_to_tdb
from moonfleet.terrain.site import Site, SiteRecipe

from ..errors import (
    EnvActionError,
    EnvOptionError,
    EnvStateError,
    need_count,
    need_dates,
    need_name,
    need_number,
    need_range,
    need_reset_options,
    need_state,
)
from ..sites import plain, resolve_site
from . import spaces
from .generator import Episode, drive_ground, make_episode, route_field
from .picture import Moment, TraversePicture
from .rewards import RewardWeights, reward_terms

STEP_S = 300  # s, one action
TICK_S = 60.0  # s, one physics tick
TICKS = 5
ROWS_PER_H = 3600 // STEP_S  # rows of the almanac per hour
RESET_OPTIONS = ("episode", "t0_utc")
STATE_NAMES = ("site_key", "robot", "seed", "episode", "progress", "route_m", "t0", "start_xy", "targets_xy")


class PolarTraverse(gymnasium.Env[NDArray[np.float32], "int | NDArray[np.float32]"]):
    """One rover, science targets in order, moving light.

    Parameters
    ----------
    site
        `Site`, `SiteRecipe` (built once into the cache) or path of a site folder; ``None`` is the default 5 km site.
    robot
        Kind of rover, a name of the robot catalogue.
    continuous
        ``False``: Discrete(17), hold and 8 headings x 2 leg lengths. ``True``: Box(3), heading (x, y) and speed.
    targets, target_range_m, reach_m
        How many targets, how far apart along the drivable route [m], and how near counts as reached [m].
    max_steps
        Steps until ``truncated`` (864 are three days).
    battery_frac
        Charge at the start, fraction of the capacity.
    dates
        UTC range from which the start date is drawn.
    weights
        What the reward terms are worth.
    render_mode
        ``None`` or ``"rgb_array"``.

    Observation, actions and reward are documented in `spaces` and `rewards`. An episode follows from the seed and the number of
    resets since it was given, not from how long earlier episodes ran. ``reset(options={"episode": n})`` goes to episode
    n of the seed; ``{"t0_utc": "2029-01-05T00:00:00"}`` fixes the date. ``info`` holds ``reward_terms``, ``targets_reached``,
    ``loss`` and ``blocked`` (the last leg met ground too steep); at reset ``seed``, ``episode`` and ``t0_utc``.

    Raises
    ------
    EnvOptionError, EnvActionError, EnvStateError
        For an option, action or saved state that is not allowed.
    """

    metadata: ClassVar[dict[str, object]] = {"render_modes": ["rgb_array"], "render_fps": 12}  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        site: Site | SiteRecipe | str | Path | None = None,
        *,
        robot: str = "viper-rover",
        continuous: bool = False,
        targets: int = 4,
        target_range_m: tuple[float, float] = (300.0, 1500.0),
        reach_m: float = 40.0,
        max_steps: int = 864,
        battery_frac: float = 0.8,
        dates: tuple[str, str] = ("2027-01-01T00:00:00", "2031-01-01T00:00:00"),
        weights: RewardWeights | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.site = resolve_site(site)
        self.machine = robot_spec(robot)
        if self.machine.speed_m_s <= 0.0:
            raise EnvOptionError(f"robot: {robot!r} is a {self.machine.role} and does not drive.")
        self.continuous = bool(continuous)
        self.targets = need_count("targets", targets, 1, 64)
        self.target_range_m = need_range("target_range_m", target_range_m, 0.0, 1e6)
        self.reach_m = need_number("reach_m", reach_m, 1.0, 1000.0)
        self.max_steps = need_count("max_steps", max_steps, 1, 1_000_000)
        self.battery_frac = need_number("battery_frac", battery_frac, 0.01, 1.0)
        self.dates = need_dates(dates)
        if weights is not None and not isinstance(weights, RewardWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"weights: got {type(weights).__name__}, need RewardWeights or None.")
        self.weights = weights if weights is not None else RewardWeights()
        self.render_mode = None if render_mode is None else need_name("render_mode", render_mode, ["rgb_array"])

        self.observation_space = spaces.observation_space()
        self.action_space = spaces.continuous_space() if self.continuous else spaces.discrete_space()  # pyright: ignore[reportAttributeAccessIssue]

        self._ground = drive_ground(self.site, DriveLimits(self.machine.max_slope_deg, self.machine.speed_m_s))
        self._slope, self._millideg = plain(self.site.slope_deg), plain(self.site.horizon.millideg)
        ref = self.site.ref
        self._frame = np.array([ref.x_left, ref.y_top, ref.cell_m, self.machine.max_slope_deg])
        self._own = np.zeros(spaces.OWN_SIZE)
        self._reach = self.machine.speed_m_s * STEP_S
        anywhere = self._ground.havens_xy[:1]
        self._world = World(self.site, [self.machine], anywhere, utc_to_tdb(dates[0]), tick_s=TICK_S)
        self._state = self._world.state
        self._root: int | None = None
        self._episode_number = 0
        self._episode: Episode | None = None
        self._steps = 0
        self._current = 0
        self._brownouts = 0
        self._route_m = 0.0
        self._over = True
        self._trail: list[tuple[float, float]] = []
        self._picture: TraversePicture | None = None

    # -- gymnasium -----------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, object] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, object]]:
        """Begin the next episode of the seed; see the class for ``options``."""
        super().reset(seed=seed)
        given = need_reset_options(options, RESET_OPTIONS)
        if seed is not None or self._root is None:
            self._root = int(seed) if seed is not None else int(self.np_random_seed)
            self._episode_number = 0
        else:
            self._episode_number += 1
        if "episode" in given:
            self._episode_number = need_count("options['episode']", given["episode"], 0, 2**31 - 1)
        t0 = utc_to_tdb(str(given["t0_utc"])) if "t0_utc" in given else None
        episode = make_episode(
            self._ground,
            self._root,
            self._episode_number,
            targets=self.targets,
            target_range_m=self.target_range_m,
            dates=self.dates,
            t0=t0,
        )
        self._begin(episode)
        info: dict[str, object] = {
            "seed": self._root,
            "episode": self._episode_number,
            "t0_utc": tdb_to_utc(episode.t0),
            "targets_reached": 0,
        }
        return self._observe(), info

    def step(
        self, action: int | NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, object]]:
        """Carry out one action for 5 minutes."""
        if self._over:
            raise EnvStateError("step: the episode is over (or never began); call reset first.")
        x, y, speed = self._move(action)
        world, state = self._world, self._state
        if speed > 0.0:
            length = speed * self._reach
            world.set_leg(0, 0, np.array([[state.x[0, 0] + x * length, state.y[0, 0] + y * length]]))
        else:
            world.set_activity(0, 0, Activity.CHARGE)
        world.tick(TICKS)
        self._steps += 1
        return self._judge()

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the scene as uint8 [H, W, 3] in mode ``rgb_array``, else None."""
        if self.render_mode is None or self._episode is None:
            return None
        self._picture = self._picture or TraversePicture(self.site)
        moment = Moment(self._steps, self.max_steps, self._current, self._route_m, self._over, STEP_S)
        return self._picture.draw(self._episode, self._world, moment, np.array(self._trail))

    # -- state ---------------------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, NDArray[np.generic]]:
        """Return everything that the rest of the episode depends on, as plain arrays (no pickle needed)."""
        episode = self._given()
        state: dict[str, NDArray[np.generic]] = {
            "site_key": np.array(self.site.key),
            "robot": np.array(self.machine.kind),
            "seed": np.array(str(self._root)),
            "episode": np.array(self._episode_number),
            "progress": np.array([self._steps, self._current, int(self._over)]),
            "route_m": np.array(self._route_m),
            "t0": np.array(episode.t0),
            "start_xy": episode.start_xy.copy(),
            "targets_xy": episode.targets_xy.copy(),
        }
        return state | {f"world.{name}": value for name, value in self._world.get_state().items()}

    def set_state(self, state: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        """Take up a state made by `get_state` of an environment with the same options; return the observation."""
        need_state(state, (*STATE_NAMES, *(f"world.{name}" for name in self._world.get_state())))
        if str(state["robot"]) != self.machine.kind:
            raise EnvStateError(f"set_state: the state is of a {state['robot']}, this is a {self.machine.kind}.")
        if str(state["site_key"]) != self.site.key:
            raise EnvStateError(
                f"set_state: the state belongs to site {state['site_key']}, this one is {self.site.key}."
            )
        targets = np.array(state["targets_xy"], np.float64)
        if len(targets) != self.targets:
            raise EnvStateError(
                f"set_state: the state has {len(targets)} targets, this environment has {self.targets}."
            )
        self._root, self._episode_number = int(str(state["seed"])), int(state["episode"])
        ref = self.site.ref
        cells = [np.array([round(float(v)) for v in ref.rowcol(x, y)], np.int64) for x, y in targets.tolist()]
        fields = tuple(route_field(self._ground, cell) for cell in cells)
        start = np.array(state["start_xy"], np.float64)
        self._begin(Episode(float(state["t0"]), start, targets, self._ground.havens_xy, fields))
        self._world.set_state({k.removeprefix("world."): v for k, v in state.items() if k.startswith("world.")})
        self._steps, self._current, over = (int(v) for v in state["progress"])
        self._over, self._route_m = bool(over), float(state["route_m"])
        self._brownouts = int(self._state.brownouts[0, 0])
        self._trail = [(float(self._state.x[0, 0]), float(self._state.y[0, 0]))]
        return self._observe()

    # -- inside --------------------------------------------------------------------------------------------------

    def _begin(self, episode: Episode) -> None:
        """Stand the rover at the start of ``episode``."""
        self._episode = episode
        start = episode.start_xy[None, :]
        self._world.reset(0, t0=episode.t0, start_xy=start, battery_frac=self.battery_frac)
        hours = spaces.FORECAST_H[-1]
        times = episode.t0 + STEP_S * np.arange(self.max_steps + 1 + hours * ROWS_PER_H, dtype=np.float64)
        sky = self.site.sky.sample(times)
        self._sky = np.stack(
            [sky.sun_az_deg, sky.sun_el_deg, sky.sun_radius_deg, sky.earth_az_deg, sky.earth_el_deg], axis=1
        )
        self._steps, self._current, self._brownouts, self._over = 0, 0, 0, False
        self._route_m = self._route()
        self._trail = [(float(episode.start_xy[0]), float(episode.start_xy[1]))]

    def _given(self) -> Episode:
        """Return the episode under way."""
        if self._episode is None:
            raise EnvStateError("no episode yet: call reset first.")
        return self._episode

    def _move(self, action: int | NDArray[np.float32]) -> tuple[float, float, float]:
        """Return (x, y, speed) of a checked action."""
        if self.continuous:
            try:
                box = np.asarray(action, np.float32)
            except (TypeError, ValueError):
                box = np.empty(0, np.float32)
            if box.shape != (3,) or not np.all(np.isfinite(box)):
                raise EnvActionError(
                    f"action: got {action!r}, need three finite numbers (heading x, heading y, speed)."
                )
            return spaces.continuous_move(np.clip(box, -1.0, 1.0))
        index: object = action.item() if isinstance(action, (np.ndarray, np.integer)) and action.size == 1 else action
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < spaces.N_ACTIONS:
            raise EnvActionError(f"action: got {action!r}, need a whole number from 0 to {spaces.N_ACTIONS - 1}.")
        return spaces.discrete_move(index)

    def _route(self) -> float:
        """Return the route length from the rover to the current target [m]; the last one where no route is near."""
        episode = self._given()
        if self._current >= self.targets:
            return 0.0
        ref = self.site.ref
        col = (float(self._state.x[0, 0]) - ref.x_left) / ref.cell_m - 0.5
        row = (ref.y_top - float(self._state.y[0, 0])) / ref.cell_m - 0.5
        length = spaces.route_length_m(episode.fields[self._current], row, col, ref.cell_m)
        return length if math.isfinite(length) else self._route_m

    def _judge(self) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, object]]:
        """Return what step returns, from the state after the ticks."""
        state, episode = self._state, self._given()
        x, y = float(state.x[0, 0]), float(state.y[0, 0])
        self._trail.append((x, y))
        route = self._route()
        progress, reached = self._route_m - route, 0
        lost = int(state.activity[0, 0]) == Activity.LOST
        brownouts, self._brownouts = int(state.brownouts[0, 0]) - self._brownouts, int(state.brownouts[0, 0])
        while not lost and self._current < self.targets:
            target = episode.targets_xy[self._current]
            if math.hypot(target[0] - x, target[1] - y) > self.reach_m:
                break
            self._current += 1
            reached += 1
        self._route_m = self._route() if reached else route
        terms = reward_terms(
            self.weights,
            progress,
            reached,
            float(state.battery_wh[0, 0]) / self.machine.battery_wh,
            self.machine.reserve_frac,
            brownouts,
            lost,
        )
        terminated = lost or self._current == self.targets
        truncated = not terminated and self._steps >= self.max_steps
        self._over = terminated or truncated
        info: dict[str, object] = {
            "reward_terms": terms,
            "targets_reached": self._current,
            "loss": Loss(int(state.loss[0, 0])).name,
            "blocked": bool(state.blocked[0, 0]),
        }
        return self._observe(), sum(terms.values()), terminated, truncated, info

    def _observe(self) -> NDArray[np.float32]:
        """Return a fresh observation float32 [141]."""
        episode, state, own = self._given(), self._state, self._own
        x, y = float(state.x[0, 0]), float(state.y[0, 0])
        targets = episode.targets_xy
        aim = targets[min(self._current, self.targets - 1)]
        after = targets[self._current + 1] if self._current + 1 < self.targets else (x, y)
        haven = _nearest(episode.havens_xy, x, y)
        own[0] = x
        own[1] = y
        own[2] = state.heading_deg[0, 0]
        own[3] = state.battery_wh[0, 0] / self.machine.battery_wh
        own[4] = state.temp_k[0, 0]
        own[5] = state.lit[0, 0]
        own[6] = state.solar_w[0, 0] / max(self.machine.solar_w_1au, 1.0)
        own[7] = self._route_m
        own[8], own[9] = aim[0], aim[1]
        own[10], own[11] = after[0], after[1]
        own[12], own[13] = haven
        own[14] = (self.targets - self._current) / self.targets
        own[15] = 1.0 - self._steps / self.max_steps
        out = np.empty(spaces.SIZE, np.float32)
        spaces.observe(out, self._slope, self._millideg, self._sky, self._steps, ROWS_PER_H, self._frame, own)
        return out


def _nearest(places: NDArray[np.float64], x: float, y: float) -> tuple[float, float]:
    """Return the row of ``places`` float64 [n, 2] nearest to (x, y)."""
    k = int(np.argmin((places[:, 0] - x) ** 2 + (places[:, 1] - y) ** 2))
    return float(places[k, 0]), float(places[k, 1])
