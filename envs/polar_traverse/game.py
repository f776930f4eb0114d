"""The game of PolarTraverse: drive one rover along a chain of science targets while the light moves, and do not run flat.

One step is 5 minutes, and one tick of the World: a rover moves about a cell and a half in it and the Sun a twentieth of a degree, a
fifth of its radius; driving, charging and heat are integrated exactly within a tick whatever its length. The World refuses ground that
is too steep: the rover stops there. There is no physics in this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.errors import WorldError
from moonfleet.agents.sky_blocks import SKY_TICKS
from moonfleet.agents.state import Activity
from moonfleet.agents.worker_threads import spread
from moonfleet.agents.world import World
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.site import Site, SiteRecipe

from ..errors import (
    EnvOptionError,
    EnvStateError,
    need_count,
    need_date,
    need_dates,
    need_name,
    need_number,
    need_range,
    need_state,
)
from ..game import Bools, Episode, Floats, Game, Ints, State, Step
from ..grounds import Grounds, resolve_grounds
from ..grounds import Progress as BuildProgress
from ..machines import need_machine
from ..options import need_flag
from ..same_options import told_dates, told_keys
from ..saved import below, need_arrays, need_same_time
from . import judge, observe, spaces
from .generator import Places, draw, make_clock, map_frame, traverse_places
from .layouts import lay_out
from .levels import DATES, LEVELS
from .observe import MARGIN, STEEPEST, Chart, Progress
from .picture import Moment, TraversePicture
from .rewards import TERMS, RewardWeights

STEP_S = 300.0  # s, one action
TICK_S = 300.0  # s, one physics tick
TICKS = int(STEP_S / TICK_S)
CLOCK_SLACK_S = 1.0  # s, by which UTC and the clock of whole steps may drift apart
FARTHEST_M = 1e9  # m, longer than any way on a site
RARELY_AT_ONCE = 64  # worlds: fewer are observed by themselves
OWN_STATE = ("site_keys", "robot", "count", "route_m", "chain")
PARTS = 4  # a step of one world weighs as much as so many robot-ticks


class PolarTraverseGame(Game):
    """W worlds of one rover each.

    Parameters
    ----------
    worlds, threads
        How many worlds, and how many threads step them.
    level
        ``"easy"``, ``"default"`` or ``"hard"``: sets of the options below (`levels.LEVELS`); those given count instead.
    site
        `Site`, `SiteRecipe` (built once into the cache) or path of a site folder; ``None`` is the first ground of the pool.
    grounds
        Instead of a site: so many grounds of the pool (`moonfleet.envs.grounds`), of which every episode draws one.
    robot
        Kind of rover, a name of the robot catalogue.
    max_slope_deg
        Steepest ground that the rover drives onto; ``None``: what its catalogue says.
    continuous
        ``False``: Discrete(17), hold and 8 headings x 2 leg lengths. ``True``: Box(3), heading (x, y) and speed.
    targets, target_range_m, reach_m
        How many targets, how far apart along the drivable route [m], and how near counts as reached [m].
    max_steps
        Steps until ``truncated`` (864 are three days).
    battery_frac
        Charge at the start, fraction of the capacity.
    lit_share
        Dates are drawn until so much of the ground is lit at the start.
    faults
        Whether subsystems fail as the catalogue says.
    dates
        UTC range from which the start date is drawn.
    weights
        What the reward terms are worth.
    building
        Called as ``building(done, grounds)`` while grounds of the pool are built.

    Observation, actions and reward are documented in `spaces` and `rewards`. `info` holds ``targets_reached``, ``loss`` (a
    `moonfleet.agents.state.Loss`) and ``blocked`` (the last leg met ground too steep, or the rover could not drive). Reset option
    ``t0_utc`` fixes the date, rounded down to whole steps.

    Raises
    ------
    EnvOptionError
        For an option that is not allowed.
    """

    looks_at_once: ClassVar[bool] = True
    name: ClassVar[str] = "PolarTraverse"
    step_s: ClassVar[float] = STEP_S
    terms: ClassVar[tuple[str, ...]] = TERMS

    def __init__(
        self,
        worlds: int = 1,
        threads: int = 1,
        *,
        level: str = "default",
        site: Site | SiteRecipe | str | Path | None = None,
        grounds: int | None = None,
        robot: str = "viper-rover",
        max_slope_deg: float | None = None,
        continuous: bool = False,
        targets: int | None = None,
        target_range_m: tuple[float, float] | None = None,
        reach_m: float | None = None,
        max_steps: int | None = None,
        battery_frac: float | None = None,
        lit_share: float | None = None,
        faults: bool | None = None,
        dates: tuple[str, str] = DATES,
        weights: RewardWeights | None = None,
        building: BuildProgress | None = None,
    ) -> None:
        self.worlds = need_count("worlds", worlds, 1, 1_000_000)
        self.threads = need_count("threads", threads, 1, 1024)
        own = LEVELS[need_name("level", level, LEVELS)]
        self.level = level
        self.targets = need_count("targets", own.targets if targets is None else targets, 1, 64)
        self.target_range_m = need_range(
            "target_range_m", own.target_range_m if target_range_m is None else target_range_m, 0.0, 1e6
        )
        self.reach_m = need_number("reach_m", own.reach_m if reach_m is None else reach_m, 1.0, 1000.0)
        self.max_steps = need_count("max_steps", own.max_steps if max_steps is None else max_steps, 1, 1_000_000)
        charge = own.battery_frac if battery_frac is None else battery_frac
        self.battery_frac = need_number("battery_frac", charge, 0.01, 1.0)
        self.lit_share = need_number("lit_share", own.lit_share if lit_share is None else lit_share, 0.0, 1.0)
        self.faults = need_flag("faults", own.faults if faults is None else faults)
        span = need_dates(dates)
        if weights is not None and not isinstance(weights, RewardWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EnvOptionError(f"weights: got {type(weights).__name__}, need RewardWeights or None.")
        self.weights = weights if weights is not None else RewardWeights()
        self.machine = need_machine("robot", robot)
        if self.machine.speed_m_s <= 0.0:
            raise EnvOptionError(f"robot: {robot!r} does not drive: its role is {self.machine.role}.")
        limit = own.max_slope_deg if max_slope_deg is None else max_slope_deg
        if limit is not None:
            steepest = self.machine.max_slope_deg
            self.machine = self.machine.model_copy(
                update={"max_slope_deg": need_number("max_slope_deg", limit, 5.0, steepest)}
            )
        if building is not None and not callable(building):  # pyright: ignore[reportUnnecessaryComparison]
            raise EnvOptionError(f"building: got {building!r}, need something to call, or None.")
        self.continuous = need_flag("continuous", continuous)
        self._dates = told_dates(dates)
        self.agents = (self.machine.kind,)
        self.single_observation_space = spaces.observation_space()
        self.single_action_space = spaces.continuous_space() if self.continuous else spaces.discrete_space()
        pool = 1 if site is None and grounds is None else grounds
        self._grounds = resolve_grounds(site, pool, building)
        self._make(span)

    def _make(self, span: tuple[float, float]) -> None:
        """Make the worlds and what the kernels read."""
        spec, worlds, held = self.machine, self.worlds, self._grounds
        self._places = traverse_places(held, DriveLimits(spec.max_slope_deg, spec.speed_m_s))
        after_s = (self.max_steps + 2) * STEP_S
        forecast_s = 3600.0 * (spaces.FORECAST_H[-1] + 2)
        self._clock = make_clock(held, span, TICK_S, after_s + forecast_s)
        self._world = World(
            held.sites, [spec], np.tile(self._places.havens_xy[0, :1], (worlds, 1, 1)), self._clock.start,
            tick_s=TICK_S, faults=self.faults, threads=self.threads,
            sky_span=(self._clock.start, span[1] + after_s),
        )  # fmt: skip
        self.t0 = np.full(worlds, self._clock.start)
        places_xy = _places_xy(held, self._places)
        self._chart = Chart(
            _seen_slopes(held, spec.max_slope_deg), self._world.layers.low, self._clock.hours,
            map_frame(held), self._places.havens_xy, places_xy,
        )  # fmt: skip
        self._layouts = lay_out(*self._chart[:3], self._places.havens_xy)
        self._almanac, self._noted = np.zeros((0, observe.ALMANAC)), np.zeros(0, np.bool_)
        self._spots = np.zeros((worlds, observe.SPOTS), np.int64)
        self._progress = Progress(
            self._world.ground_of,
            np.zeros((worlds, self.targets), np.int64),
            np.zeros((worlds, 3), np.int64),
            np.zeros(worlds),
            np.full((worlds, 4), -1, np.int64),
            np.zeros((worlds, 8), np.float32),
        )
        self._told = np.zeros((3, worlds), np.int64)
        self._given = np.array(
            [spec.battery_wh, max(spec.solar_w_1au, 1.0), self.max_steps, TICK_S, 1.0 / _diagonal_m(held)]
        )
        self._rules = np.array(
            [self.reach_m, self.max_steps, spec.battery_wh, spec.reserve_frac, *self.weights.in_order()]
        )
        self._moves = spaces.discrete_moves() * (spec.speed_m_s * STEP_S)
        self._all = np.arange(worlds, dtype=np.int64)
        self._pictures: dict[int, TraversePicture] = {}
        self._trails: dict[int, list[tuple[float, float]]] = {}

    # -- play ----------------------------------------------------------------------------------------------------

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        """See `Game`."""
        given = draw(
            episodes, self._places, self._chart.millideg, self._clock, self._chart.frame, self._fixed_ticks(episodes),
            targets=self.targets, target_range_m=self.target_range_m, lit_share=self.lit_share,
        )  # fmt: skip
        self._world.reset_worlds(
            worlds, t0=given.t0, start_xy=given.start_xy[:, None, :], battery_frac=self.battery_frac,
            keys=given.world_keys, ground=given.ground,
        )  # fmt: skip
        self.t0[worlds] = given.t0
        progress = self._progress
        progress.chain[worlds] = given.chain
        progress.tally[worlds] = 0
        progress.known[worlds] = -1
        self._told[:, worlds] = 0
        floats, _ = self._world.blocks()
        judge.find_routes(worlds, progress, self._places.fields, floats, self._chart.frame)
        for world in self._trails.keys() & set(worlds.tolist()):
            self._trails[world] = []

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        """See `Game`."""
        return self._step(actions, active, None)

    def step_and_look(self, actions: NDArray[np.generic], active: Bools, out: NDArray[np.float32]) -> Step:
        """See `Game`."""
        return self._step(actions, active, out)

    def observe(self, out: NDArray[np.float32]) -> None:
        """See `Game`."""
        self._see(out, self._all)

    def observe_worlds(self, out: NDArray[np.float32], worlds: Ints) -> None:
        """See `Game`."""
        self._see(out, worlds if len(worlds) < RARELY_AT_ONCE else self._all)

    def info(self) -> dict[str, NDArray[np.generic]]:
        """See `Game`."""
        told = self._told.copy()
        return {
            "targets_reached": told[judge.REACHED],
            "loss": told[judge.LOSS],
            "blocked": told[judge.BLOCKED] > 0,
        }

    def picture(self, world: int) -> NDArray[np.uint8]:
        """See `Game`."""
        ground = int(self._world.ground_of[world])
        if ground not in self._pictures:
            self._pictures[ground] = TraversePicture(self._grounds.sites[ground])
        trail = self._trails.setdefault(world, [])
        steps, reached, _ = (int(v) for v in self._progress.tally[world])
        moment = Moment(steps, self.max_steps, reached, float(self._progress.route_m[world]), STEP_S)
        havens = self._places.havens_xy[ground]
        targets = self._chart.places_xy[ground, self._progress.chain[world]]
        return self._pictures[ground].draw(
            self._world, world, havens[np.isfinite(havens[:, 0])], targets, moment, np.array(trail).reshape(-1, 2)
        )

    def aboard(self) -> tuple[NDArray[np.generic], ...]:
        """Return what every rover knows of its place and its orders beside the observation, and the maps it has aboard.

        x, y float64 [W] m; number of the ground int64 [W]; number of the place that is its target int64 [W]; route lengths to all
        places float32 [G, K, R, C] m; slopes as `Chart.slope`; frame of the map; where each discrete move leads float64 [17, 2] m.
        """
        progress, state = self._progress, self._world.state
        current = np.minimum(progress.tally[:, observe.CURRENT], self.targets - 1)
        goals = progress.chain[self._all, current]
        return (
            state.x[:, 0].copy(), state.y[:, 0].copy(), progress.ground_of, goals, self._places.fields, self._chart.slope,
            self._chart.frame, self._moves,
        )  # fmt: skip

    # -- state ---------------------------------------------------------------------------------------------------

    def world_options(self) -> Mapping[str, object]:
        """See `Game`."""
        names = (
            "targets",
            "target_range_m",
            "reach_m",
            "max_steps",
            "battery_frac",
            "lit_share",
            "faults",
            "continuous",
        )
        told = {name: getattr(self, name) for name in names}
        told |= {"robot": self.machine.kind, "max_slope_deg": self.machine.max_slope_deg, "dates": self._dates}
        return told | {"grounds": len(self._grounds), "site": told_keys(self._grounds.keys)}

    def get_state(self, world: int) -> State:
        """See `Game`."""
        progress = self._progress
        state: State = {
            "site_keys": np.array(" ".join(self._grounds.keys)),
            "robot": np.array(self.machine.kind),
            "count": progress.tally[world].copy(),
            "route_m": np.array(progress.route_m[world]),
            "chain": progress.chain[world].copy(),
        }
        return state | {f"world.{name}": value for name, value in self._world.get_world(world).items()}

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """See `Game`."""
        need_state(state, OWN_STATE)
        if str(state["robot"]) != self.machine.kind:
            raise EnvStateError(f"set_state: the state is of a {state['robot']}, this is a {self.machine.kind}.")
        if str(state["site_keys"]) != " ".join(self._grounds.keys):
            raise EnvStateError(
                f"set_state: the state belongs to ground {state['site_keys']}, this one is {' '.join(self._grounds.keys)}."
            )
        progress = self._progress
        if np.shape(state["chain"]) != (self.targets,):
            many = np.size(state["chain"])
            raise EnvStateError(f"set_state: the state has {many} targets, this environment has {self.targets}.")
        goals = {"count": progress.tally[world], "route_m": np.array(0.0), "chain": progress.chain[world]}
        most = np.array([self.max_steps, self.max_steps, self.max_steps])
        most[observe.CURRENT] = self.targets
        last = self._places.places.shape[1] - 1
        need_arrays(state, goals, {"count": (0, most), "chain": (0, last), "route_m": (0.0, FARTHEST_M)})
        count, inner = np.asarray(state["count"], np.int64), below(state, "world.")
        try:
            self._world.check_world(inner)
        except WorldError as error:
            raise EnvStateError(f"set_state: {error}; need what get_state of this environment returned.") from error
        t0 = float(inner["t0"][0])
        self._need_time(t0)
        need_same_time(t0, inner, TICKS * int(count[observe.STEPS]))
        self._world.set_world(world, inner)
        progress.chain[world], progress.tally[world] = state["chain"], count
        progress.route_m[world] = state["route_m"]
        progress.known[world] = -1
        self.t0[world] = t0
        now = self._world.state
        self._told[judge.REACHED, world] = count[observe.CURRENT]
        self._told[judge.LOSS, world] = now.loss[world, 0]
        self._told[judge.BLOCKED, world] = now.blocked[world, 0]
        if world in self._trails:
            self._trails[world] = []

    # -- inside --------------------------------------------------------------------------------------------------

    def _step(self, actions: NDArray[np.generic], active: Bools, out: NDArray[np.float32] | None) -> Step:
        """Make a step; orders, physics, reward and what is seen follow each other in one pass of every thread over its worlds."""
        if self.continuous:
            way_m = self.machine.speed_m_s * STEP_S
            choices, moves = self._all, spaces.continuous_moves(actions) * way_m  # pyright: ignore[reportArgumentType]
        else:
            choices, moves = actions, self._moves
        world = self._world
        order = world.moves(0, choices, moves, Activity.HIBERNATE)  # pyright: ignore[reportArgumentType]
        terms = np.zeros((len(TERMS), self.worlds)).T  # a term of all worlds lies together, as it is added up and told
        terminated, truncated = np.zeros(self.worlds, np.bool_), np.zeros(self.worlds, np.bool_)
        floats, ints = world.blocks()
        now = self._all

        def note(sky: Floats, rows: Ints) -> None:
            nonlocal now
            now = self._note_rows(self._all, sky, rows + TICKS)

        def finish(who: Ints, start: int, end: int) -> None:
            judged = (self._progress, self._places.fields, self._chart.places_xy, floats, ints)
            said = (self._rules, terms, terminated, truncated, self._told)
            if out is None:
                judge.judge_worlds(who, start, end, *judged, self._chart.frame, *said)
                return
            judge.judge_and_see(
                who, start, end, *judged, *said, out, self._chart, self._layouts, self._almanac, now, self._spots, self._given,
            )  # fmt: skip

        world.tick(
            TICKS, None if active.all() else np.flatnonzero(active), before=order, after=finish,
            sky=None if out is None else note,
        )  # fmt: skip
        for drawn, trail in self._trails.items():
            trail.append((float(world.state.x[drawn, 0]), float(world.state.y[drawn, 0])))
        return Step(terms, terminated, truncated)

    def _see(self, out: NDArray[np.float32], worlds: Ints) -> None:
        floats, _ = self._world.blocks()
        now = self._note_rows(worlds, *self._world.sky_rows())

        def part(start: int, end: int) -> None:
            self._look(worlds, start, end, out, floats, now)

        spread(part, len(worlds), self.threads, PARTS * len(worlds))

    def _note_rows(self, worlds: Ints, sky: Floats, rows: Ints) -> Ints:
        """See that ``rows`` [W] of ``worlds`` are in the almanac; return them."""
        if len(self._almanac) < len(sky):
            self._almanac = np.zeros((len(sky), observe.ALMANAC))
            self._noted = np.zeros(-(-len(sky) // SKY_TICKS), np.bool_)
        observe.note_skies(worlds, rows, sky, self._grounds.azimuths, TICK_S, self._noted, self._almanac)
        return rows

    def _look(self, who: Ints, start: int, end: int, out: NDArray[np.float32], floats: Floats, now: Ints) -> None:
        observe.see_worlds(
            who, start, end, out, self._chart, self._layouts, self._progress, floats, self._almanac, now, self._spots, self._given,
        )  # fmt: skip

    def _fixed_ticks(self, episodes: Sequence[Episode]) -> Ints:
        """Return the tick that a reset option fixes for each episode, or -1."""
        fixed = np.full(len(episodes), -1, np.int64)
        for k, episode in enumerate(episodes):
            if "t0_utc" in episode.options:
                t = need_date("t0_utc", episode.options["t0_utc"])
                tick = int((t + CLOCK_SLACK_S - self._clock.start) // TICK_S)
                if not 0 <= tick <= self._clock.ticks[1]:
                    raise EnvOptionError(
                        f"t0_utc: got {episode.options['t0_utc']!r}, need a time within the option dates."
                    )
                fixed[k] = tick
        return fixed

    def _need_time(self, t0: float) -> None:
        tick = (t0 - self._clock.start) / TICK_S
        if not (0.0 <= tick <= self._clock.ticks[1] and tick == round(tick)):
            raise EnvStateError(f"set_state: t0 = {t0!r}: not a time of an environment with these dates.")


def _diagonal_m(grounds: Grounds) -> float:
    return grounds.ref.cell_m * math.hypot(*grounds.ref.shape)


def _places_xy(grounds: Grounds, places: Places) -> Floats:
    ref = grounds.ref
    x, y = ref.xy(places.places[:, :, 0].astype(np.float64), places.places[:, :, 1].astype(np.float64))
    return np.stack([x, y], axis=2)


def _seen_slopes(grounds: Grounds, max_slope_deg: float) -> NDArray[np.float32]:
    """Return slopes over the steepest allowed, float32 [G, R + 8, C + 8], clipped, with a margin of the steepest."""
    count, rows, cols = grounds.slope_deg.shape
    seen = np.full((count, rows + 2 * MARGIN, cols + 2 * MARGIN), STEEPEST, np.float32)
    inner = np.clip(grounds.slope_deg.astype(np.float64) / max_slope_deg, 0.0, STEEPEST)
    seen[:, MARGIN:-MARGIN, MARGIN:-MARGIN] = inner
    seen.flags.writeable = False
    return seen
