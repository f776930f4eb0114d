"""IceProspecting as a game of many worlds: one rover each drills ice in permanent shadow and brings it home.

One step is 5 minutes and one tick of the World. There is no physics in this file: driving, power, heat, light and faults are the World's,
ice and holes are those of `moonfleet.agents.ice` and `moonfleet.agents.boring`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.boring import CARRIED_ICE, MOST_HOLES, STORED_ICE, Bores
from moonfleet.agents.catalogue import RobotSpec
from moonfleet.agents.errors import WorldError
from moonfleet.agents.saved_arrays import MOST
from moonfleet.agents.tools import tool_power
from moonfleet.agents.worker_threads import spread
from moonfleet.agents.world import World
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.site import Site, SiteRecipe

from ..errors import EnvOptionError, EnvStateError, need_count, need_date, need_dates, need_number, need_state
from ..game import Bools, Episode, Game, Ints, State, Step
from ..machines import need_machine
from ..same_options import need_same_options, options_text, told_keys, told_level
from ..saved import below, need_arrays, need_same_time
from ..sites import resolve_site
from . import sight, spaces, steps
from .generator import (
    STEP_S,
    check_grounds,
    draw_episode,
    hours_of,
    ice_ground,
    light_hours,
    on_clock,
)
from .levels import GROUNDS, Level, level_of
from .pool import make_pool
from .rewards import TERMS
from .ways import ALMANAC, RETURN_POINTS

if TYPE_CHECKING:
    from .picture import IcePicture

GroundLike = Site | SiteRecipe | str | Path
NOMINAL_SLOPE = (
    0.75  # of the slope limit: what the map's ways keep to, as slip and the hazard of getting stuck grow beyond
)
FARTHEST = 1e9  # [m] no place of a site lies so far away; [kg] nor does a rover drill so much
YEAR_S = 365.25 * 86400.0  # [s]
EARLIEST, LATEST = "2026-01-01T00:00:00", "2039-01-01T00:00:00"  # UTC: of the one sky that all worlds share


class IceProspectingGame(Game):
    """W worlds of IceProspecting.

    Parameters
    ----------
    worlds, threads
        How many worlds, and threads that step them.
    level
        ``"easy"``, ``"default"`` or ``"hard"``: see `levels`.
    site
        `Site`, `SiteRecipe` (built once into the cache), path of a site folder, or a list of them with one georeference (episodes draw
        one); ``None``: the first ``grounds`` of the shipped pool.
    grounds
        How many grounds of the pool, 1..4.
    robot
        Kind of rover, a name of the robot catalogue.
    options
        Fields of `levels.Level` that differ from the level's.

    ``reset(options={"t0_utc": "2029-01-05T00:00:00"})`` fixes the start (to the whole step before it). ``info``: ``stored_kg`` and
    ``carried_kg`` of ice, ``holes``, ``loss`` (`moonfleet.agents.state.Loss`), ``situation``.
    """

    name: ClassVar[str] = "IceProspecting"
    step_s: ClassVar[float] = STEP_S
    terms: ClassVar[tuple[str, ...]] = TERMS
    masked: ClassVar[bool] = True

    def __init__(
        self,
        worlds: int,
        threads: int = 1,
        *,
        level: str = "default",
        site: GroundLike | Sequence[GroundLike] | None = None,
        grounds: int = 1,
        robot: str = "viper-rover",
        **options: object,
    ) -> None:
        self.worlds, self.threads = need_count("worlds", worlds, 1, 1_000_000), need_count("threads", threads, 1, 1024)
        self.level = level_of(level, options)
        self._told_level = told_level(self.level, weights=True)
        self.agents = ("rover",)
        self.single_observation_space = spaces.observation_space()
        self.single_action_space = spaces.action_space()
        need_count("grounds", grounds, 1, len(GROUNDS))
        given = list(GROUNDS[:grounds]) if site is None else site
        many = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        if not many:
            raise EnvOptionError("site: is an empty list; need one ground at least.")
        self.sites = tuple(resolve_site(one) for one in many)
        self.machine = _machine(robot, self.level)
        limits = DriveLimits(NOMINAL_SLOPE * self.machine.max_slope_deg, self.machine.speed_m_s)
        self.grounds = tuple(ice_ground(one, limits) for one in self.sites)
        check_grounds(self.grounds)
        self.span = (utc_to_tdb(EARLIEST), utc_to_tdb(LATEST))
        self._dates = need_dates(self.level.dates)
        self.pool = make_pool(self.grounds, self.level, self._dates, self.span[0], self.machine.max_slope_deg)
        self.maps = self.pool.maps
        self._make_arrays()

    # -- the game ------------------------------------------------------------------------------------------------

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        """See `Game.begin`."""
        draws = [draw_episode(one.root, one.number, len(self.pool.t0)) for one in episodes]
        which = np.array([draw.situation for draw in draws], dtype=np.int64)
        times = self.pool.t0[which]
        rows = self.pool.almanac[which]
        for k, episode in enumerate(episodes):
            if "t0_utc" in episode.options:
                times[k] = self._fixed_time(episode.options["t0_utc"])
                rows[k] = light_hours(self.sites[self.pool.ground[which[k]]], float(times[k]), self.level.max_steps)
        fault_keys = np.array([draw.fault_key for draw in draws], dtype=np.uint64)
        ice_keys = np.array([draw.ice_key for draw in draws], dtype=np.uint64)
        ground = self.pool.ground[which]
        self.world.reset_worlds(
            worlds,
            t0=times,
            start_xy=self.maps.homes[which][:, None, :],
            battery_frac=self.level.battery_frac,
            keys=fault_keys,
            ground=ground,
        )
        self.t0[worlds] = times
        self.bores.reset(worlds, ice_keys)
        self.counts[worlds] = 0
        self.counts[worlds, sight.GROUND], self.counts[worlds, sight.SITUATION] = ground, which
        self.almanac[worlds] = rows
        steps.begin(worlds, self.maps, self.rovers, self.counts, self.almanac, self.home_lit, self.ways)
        self.trail[worlds] = 0.0
        self.trail[worlds, 0] = self.maps.homes[which]

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        """See `Game.step`; an action that is masked is carried out as a hold."""
        told = np.ascontiguousarray(actions, dtype=np.int64)
        bores, world = self.bores, self.world
        steps.order(
            told, active, self.maps, self.rovers, self.counts, bores.holes, bores.count, bores.books, self.fixed,
            self._legs, self._sizes, self._activity,
        )  # fmt: skip
        driving = np.flatnonzero(active & (self._sizes > 0))
        if driving.size:
            world.command_legs(driving, 0, self._legs[driving], self._sizes[driving])
        staying = np.flatnonzero(active & (self._sizes == 0))
        if staying.size:
            world.command_activities(staying, 0, self._activity[staying], work_w=self._tool_w)
        self._activity[driving] = -1
        world.tick(1, None if active.all() else np.flatnonzero(active))
        terms = np.empty((self.worlds, len(TERMS)))
        terminated, truncated = np.empty(self.worlds, np.bool_), np.empty(self.worlds, np.bool_)
        state = world.state

        def judge(start: int, end: int) -> None:
            steps.judge(
                start, end, active, self._activity, state.brownouts, state.activity, state.worked_s, self.maps,
                self.rovers, self.counts, bores.holes, bores.count, bores.books, bores.keys, self.almanac, self.fixed,
                self._weights, self.ways, self.trail, terms, terminated, truncated,
            )  # fmt: skip

        spread(judge, self.worlds, self.threads, self.worlds)
        return Step(terms, terminated, truncated)

    def observe(self, out: NDArray[np.float32]) -> None:
        """See `Game.observe`."""
        self.observe_worlds(out, self._all)

    def observe_worlds(self, out: NDArray[np.float32], worlds: Ints) -> None:
        """See `Game.observe_worlds`."""
        bores = self.bores

        def see(start: int, end: int) -> None:
            sight.see(
                out, worlds, start, end, self.maps, self.rovers, self.counts, bores.holes, bores.count, bores.books,
                self.almanac, self.home_lit, self.fixed,
            )  # fmt: skip

        spread(see, len(worlds), self.threads, len(worlds))

    def masks(self, out: Bools) -> None:
        """See `Game.masks`."""
        bores = self.bores
        steps.mask(
            out, 0, self.worlds, self.maps, self.rovers, self.counts, bores.holes, bores.count, bores.books, self.fixed
        )

    def info(self) -> dict[str, NDArray[np.generic]]:
        """See the class."""
        books = self.bores.books
        return {
            "stored_kg": books[:, STORED_ICE].copy(),
            "carried_kg": books[:, CARRIED_ICE].copy(),
            "holes": self.bores.count.copy(),
            "loss": self.world.state.loss[:, 0].copy(),
            "situation": self.counts[:, sight.SITUATION].copy(),
        }

    def picture(self, world: int) -> NDArray[np.uint8]:
        """See `Game.picture`."""
        from .picture import IcePicture

        ground = int(self.counts[world, sight.GROUND])
        if ground not in self._pictures:
            self._pictures[ground] = IcePicture(self.grounds[ground])
        return self._pictures[ground].draw(self, world)

    # -- state ---------------------------------------------------------------------------------------------------

    def world_options(self) -> Mapping[str, object]:
        """See `Game.world_options`."""
        keys = [site.key for site in self.sites]
        return {**self._told_level, "robot": self.machine.kind, "grounds": len(keys), "site": told_keys(keys)}

    def get_state(self, world: int) -> State:
        """See `Game.get_state`."""
        own: State = {name: array[world].copy() for name, array in self._memory().items()}
        own["sites"] = np.array([site.key for site in self.sites])
        own["level"] = options_text(self._told_level)
        own["t0"] = np.array(self.t0[world])
        return own | {f"world.{name}": value for name, value in self.world.get_world(world).items()}

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """See `Game.set_state`."""
        need_state(state, (*self._memory(), "sites", "level", "t0"))
        if np.atleast_1d(state["sites"]).tolist() != [site.key for site in self.sites]:
            raise EnvStateError(f"set_state: the state is of the sites {state['sites']}, not of these.")
        need_same_options("level", state["level"], self._told_level)
        goals = {name: array[world, ...] for name, array in self._memory().items()}
        most = np.full(sight.COUNTS, self.level.max_steps)
        most[sight.GROUND], most[sight.SITUATION], most[sight.OVER] = len(self.sites) - 1, len(self.pool.t0) - 1, 1
        ranges = {
            "counts": (0, most), "holes_n": (0, MOST_HOLES), "holes": (-FARTHEST, FARTHEST), "books": (0.0, FARTHEST),
            "home_lit": (0.0, 1.0), "ways": (0.0, MOST), "trail": (-FARTHEST, FARTHEST),
        }  # fmt: skip
        need_arrays(state, {**goals, "t0": np.array(0.0)}, ranges)
        counts, t0, inner = np.asarray(state["counts"], np.int64), float(state["t0"]), below(state, "world.")
        ground = int(self.pool.ground[counts[sight.SITUATION]])
        last = self.span[1] - YEAR_S
        if counts[sight.GROUND] != ground or not self.span[0] <= t0 <= last or not _on_clock(t0, self.span[0]):
            raise EnvStateError("set_state: counts and t0 hold what no episode of this game can.")
        if not np.array_equal(state["almanac"], light_hours(self.sites[ground], t0, self.level.max_steps)):
            raise EnvStateError("set_state: almanac is not that of the sky after t0.")
        need_same_time(t0, inner, int(counts[sight.STEPS]))
        if not np.array_equal(np.ravel(inner.get("ground_of", ())), [ground]):
            raise EnvStateError("set_state: world.ground_of and counts name two grounds.")
        try:
            self.world.set_world(world, inner)
        except WorldError as error:
            raise EnvStateError(f"set_state: world.{error}") from error
        for name, goal in goals.items():
            goal[...] = state[name]
        self.t0[world] = t0

    # -- inside --------------------------------------------------------------------------------------------------

    def _memory(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays [W, ...] beside the World's that an episode depends on."""
        bores = self.bores
        return {
            "counts": self.counts,
            "holes": bores.holes,
            "holes_n": bores.count,
            "books": bores.books,
            "ice_key": bores.keys,
            "almanac": self.almanac,
            "home_lit": self.home_lit,
            "ways": self.ways,
            "trail": self.trail,
        }

    def _make_arrays(self) -> None:
        """Make the World and the arrays of all worlds, blank."""
        worlds, level, machine = self.worlds, self.level, self.machine
        start = self.maps.homes[0]
        self.world = World(
            self.sites, [machine], np.tile(start, (worlds, 1, 1)), np.full(worlds, self._dates_on_clock()),
            tick_s=STEP_S, battery_frac=level.battery_frac, faults=True, threads=self.threads,
            sky_span=(self.span[0], self.span[1]),
        )  # fmt: skip
        state = self.world.state
        self.rovers = sight.Rovers(
            state.x, state.y, state.heading_deg, state.battery_wh, state.temp_k, state.lit, state.solar_w,
            state.blocked, state.faults, state.trapped,
        )  # fmt: skip
        self.bores = Bores(worlds, level.cache_kg)
        hours = hours_of(level.max_steps)
        self._all = np.arange(worlds, dtype=np.int64)
        self.t0 = np.full(worlds, self._dates_on_clock())
        self.counts = np.zeros((worlds, sight.COUNTS), dtype=np.int64)
        self.almanac = np.zeros((worlds, hours, ALMANAC))
        self.almanac[:, :, 2] = 0.26  # a Sun for worlds that have not begun
        self.home_lit = np.zeros((worlds, hours), dtype=np.float32)
        self.ways = np.zeros((worlds, 2))
        self.trail = np.zeros((worlds, level.max_steps + 1, 2), dtype=np.float32)
        reach_m = machine.speed_m_s * STEP_S
        self.fixed = np.array(
            [
                machine.battery_wh, machine.cold_loss_per_k, machine.idle_w + machine.drive_w,
                max(machine.solar_w_1au, 1.0), level.cache_kg, level.max_steps, reach_m,
            ]
        )  # fmt: skip
        self._weights = level.weights.row()
        self._tool_w = tool_power("drill")
        self._legs = np.zeros((worlds, RETURN_POINTS, 2))
        self._sizes = np.zeros(worlds, dtype=np.int64)
        self._activity = np.zeros(worlds, dtype=np.int64)
        self._pictures: dict[int, IcePicture] = {}

    def _dates_on_clock(self) -> float:
        return on_clock(self._dates[0], self.span[0])

    def _fixed_time(self, date: object) -> float:
        """Return the start that a reset asks for."""
        t0 = on_clock(need_date("options['t0_utc']", date), self.span[0])
        return need_number("options['t0_utc'] (s TDB)", t0, self.span[0], self.span[1] - YEAR_S)


def _on_clock(t0: float, start: float) -> bool:
    """Whether a time lies whole steps after ``start``, as `on_clock` reckons."""
    return t0 == start + round((t0 - start) / STEP_S) * STEP_S


def _machine(robot: str, level: Level) -> RobotSpec:
    """Return the rover of the catalogue with a level's battery and faults of the drive."""
    spec = need_machine("robot", robot)
    if spec.speed_m_s <= 0.0 or "drill" not in spec.tools:
        raise EnvOptionError(f"robot: {robot!r} is a {spec.role} that does not drive and drill.")
    mobility = spec.faults.mobility.model_copy(
        update={"per_h": level.fault_per_h, "repair_h": level.repair_h, "help_share": 0.0}
    )
    faults = spec.faults.model_copy(update={"mobility": mobility})
    return spec.model_copy(update={"battery_wh": level.battery_wh, "faults": faults})
