"""SiteConstruction: the crew, its ground and its pad, for many worlds at once.

One step is 10 minutes: each machine drives to a cell or works where it stands, the World ticks twice, and the ground changes. There is no
physics in this file: soil and tools are those of `moonfleet.agents.earthworks`, motion, power, heat and faults those of the World.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.earth_crew import REST, SINTER
from moonfleet.agents.earthworks import NO_GOAL, Earthworks
from moonfleet.agents.regolith import FIRM_KG_M3
from moonfleet.agents.saved_arrays import MOST
from moonfleet.agents.state import MOBILITY, Activity, Loss
from moonfleet.agents.worker_threads import spread
from moonfleet.agents.world import World
from moonfleet.terrain.errors import MoonfleetError
from moonfleet.terrain.site import Site, SiteRecipe

from ..errors import EnvOptionError, EnvStateError, need_count, need_date, need_dates, need_state
from ..game import Bools, Episode, Game, Ints, State, Step
from ..same_options import told_keys, told_level
from ..saved import below, need_arrays, need_same_time
from ..sites import resolve_site
from . import spaces, view
from .generator import CELL_M, CELLS, HOUR_S, STEP_S, Givens, grounds_of, make_givens
from .levels import level_of
from .rewards import TERMS

TICK_S = 300.0  # [s] one physics tick
TICKS = round(STEP_S / TICK_S)
MOST_OFF = 1e6  # [m, m3, cells] more than any pad is off its design
OWN_STATE = (
    *("pad", "level_m", "pit", "base", "frac", "light", "phi0", "t0"),
    *("task", "denied", "tallies", "near", "steps", "brownouts", "losses"),
)


class SiteConstructionGame(Game):
    """W worlds of SiteConstruction.

    Parameters
    ----------
    worlds, threads
        How many, and how many threads step them.
    site
        `Site`, `SiteRecipe` (built once into the cache) or path of a site folder; ``None`` is the default 5 km site.
    level
        ``easy``, ``default`` or ``hard``, see `levels`.
    **options
        Options of the level that differ, see `levels.Level`.

    A team game, also with one robot: observations [W, R, F], actions [W, R]. An order that is not allowed counts as ``blocked``. If it
    is for a tool that the machine does not carry, or for going to such a tool's work, it is taken for the tool that it has (a paver told
    to level bakes); else the machine rests.

    ``info`` tells ``earth_left`` (volume off the design over that at the start), ``within`` and ``baked`` (shares of the pad within
    tolerance and sintered).

    Raises
    ------
    EnvOptionError
        For an option that is not allowed.
    """

    name = "SiteConstruction"
    step_s = STEP_S
    terms = TERMS
    team = True
    masked = True

    def __init__(
        self,
        worlds: int,
        threads: int = 1,
        *,
        site: Site | SiteRecipe | str | Path | None = None,
        level: str = "default",
        **options: object,
    ) -> None:
        self.worlds = need_count("worlds", worlds, 1, 1_000_000)
        self.threads = need_count("threads", threads, 1, 1024)
        self.level = level_of(level, options)
        self.site = resolve_site(site)
        specs = [robot_spec(kind) for kind in self.level.robots]
        robots = len(specs)
        self.agents = tuple(f"{kind}_{r}" for r, kind in enumerate(self.level.robots))
        self.single_observation_space = spaces.observation_space()
        self.single_action_space = spaces.action_space()
        self.hours = math.ceil(self.level.max_steps * STEP_S / HOUR_S)
        self.dates = need_dates(self.level.dates)
        self.grounds = grounds_of(self.site, self.level.slope_deg, self.level.lit, self.dates, self.hours)
        corner = self.grounds.corner_xy[0] + np.array([0.5, -0.5]) * CELLS * CELL_M
        span = (self.dates[0], self.dates[1] + (self.hours + 1) * HOUR_S)
        self.world = World(
            self.site,
            specs,
            np.tile(corner, (robots, 1)),
            np.full(worlds, self.dates[0]),
            tick_s=TICK_S,
            faults=self.level.faults,
            threads=threads,
            sky_span=span,
        )
        self.works = Earthworks(
            specs, worlds, cells=CELLS, cell_m=CELL_M, step_s=STEP_S, tick_s=TICK_S, threads=threads
        )
        self.capacity = np.array([spec.battery_wh for spec in specs])
        self._panel = np.array([max(spec.solar_w_1au, 1e-9) for spec in specs])
        self.arrivals = np.array(self.level.arrivals or (0,) * robots, np.int64)
        need_kg = self.level.sinter_m * FIRM_KG_M3 * CELL_M**2
        self.limits = np.array([self.level.tolerance_m, need_kg, CELL_M])
        self.t0 = np.full(worlds, self.dates[0])
        self.pad, self.level_m = np.zeros((worlds, 3), np.int64), np.zeros(worlds)
        self.pit, self.base = np.zeros((worlds, 2), np.int64), np.zeros((worlds, robots, 2), np.int64)
        self.task, self.denied = np.zeros((worlds, robots), np.int64), np.zeros((worlds, robots), np.bool_)
        self.light = np.zeros((worlds, self.hours + spaces.FORECAST_H[-1] + 2), np.float32)
        self.phi0, self.tallies = np.zeros(worlds), np.zeros((worlds, view.TALLIES))
        self.steps = np.zeros(worlds, np.int64)
        self.brownouts, self.losses = np.zeros((worlds, robots), np.int64), np.zeros((worlds, robots), np.int64)
        self.frac = np.zeros((worlds, robots))
        self.near = np.full((worlds, robots, 3, 2), -1, np.int64)
        self._to = np.zeros((worlds, robots, 2), np.int64)
        self._most = np.zeros((worlds, robots))
        self._given: list[Givens | None] = [None] * worlds

    # -- the game ------------------------------------------------------------------------------------------------

    def begin(self, worlds: Ints, episodes: Sequence[Episode]) -> None:
        """Begin an episode in each of ``worlds``; ``t0_utc`` fixes its date (to the last whole tick), within ``dates``."""
        made = [
            make_givens(self.site, self.grounds, self.level, self.hours, one.root, one.number, self._date(one))
            for one in episodes
        ]
        who = np.asarray(worlds, np.int64)
        self.pad[who] = [given.pad for given in made]
        self.pit[who] = [given.pit for given in made]
        self.base[who] = [given.base for given in made]
        self.frac[who] = [given.battery_frac for given in made]
        self.light[who] = [given.light for given in made]
        self.t0[who] = [given.t0 for given in made]
        goal = np.full((len(made), CELLS, CELLS), NO_GOAL)
        for one, given in zip(goal, made, strict=True):
            row, col, side = given.pad
            one[row : row + side, col : col + side] = given.level_m
        corners = np.stack([given.corner_xy for given in made])
        self.works.begin(who, np.stack([given.height_m for given in made]), goal, corners)
        self.level_m[who] = [given.level_m for given in made] - self.works.datum_m[who]
        self.world.reset_worlds(
            who,
            t0=self.t0[who],
            start_xy=self.works.xy_of(who[:, None], self.base[who]),
            battery_frac=self.frac[who],
            keys=np.array([given.key for given in made], np.uint64),
        )
        late = np.flatnonzero(self.arrivals > 0)
        if len(late):
            self.world.park(np.repeat(who, len(late)), np.tile(late, len(who)))
        self.works.find(self.world)
        self.steps[who], self.brownouts[who], self.losses[who] = 0, 0, 0
        self.task[who], self.denied[who] = REST, False
        fresh = np.zeros(self.worlds, np.bool_)
        fresh[who] = True
        view.tally(self.scene(), fresh, 0, self.worlds)
        self.phi0[who] = self.tallies[who, view.PHI]

    def step(self, actions: NDArray[np.generic], active: Bools) -> Step:
        """Make one step of 10 minutes."""
        world, works = self.world, self.works
        resting = {int(w): world.get_world(int(w)) for w in np.flatnonzero(~active)}
        before, scene = self.tallies.copy(), self.scene()
        told = np.ascontiguousarray(actions, np.int64)

        def part(start: int, end: int) -> None:
            view.decide(scene, told, active, self.task, self._to, self._most, start, end)

        spread(part, self.worlds, self.threads, self.task.size)
        asked = self.task.copy()
        works.order(world, self.task, self._to, self._most, active)
        world.tick(TICKS)
        for w, saved in resting.items():
            world.set_world(w, saved)
        works.settle(world, active)
        self.task[active] = works.task[active]
        self.denied[active] |= (works.task != asked)[active]
        self.steps[active] += 1
        self._land(active)
        works.find(world)
        view.tally(self.scene(), active, 0, self.worlds)
        return self._judge(before, active)

    def observe(self, out: NDArray[np.float32]) -> None:
        """Write what every machine sees."""
        scene = self.scene()
        spread(lambda start, end: view.observe(scene, out, start, end), self.worlds, self.threads, self.task.size)

    def masks(self, out: Bools) -> None:
        """Write which actions are allowed."""
        scene = self.scene()
        spread(lambda start, end: view.fill_masks(scene, out, start, end), self.worlds, self.threads, self.task.size)

    def info(self) -> dict[str, NDArray[np.generic]]:
        """Return how far the work is."""
        return {
            "earth_left": self.tallies[:, view.PHI] / np.maximum(self.phi0, 1e-9),
            "within": self.tallies[:, view.WITHIN].copy(),
            "baked": self.tallies[:, view.BAKED].copy(),
        }

    def present(self) -> Bools:
        """Return which machines have landed and are not lost."""
        return self.world.state.activity != Activity.LOST

    # -- state ---------------------------------------------------------------------------------------------------

    def world_options(self) -> Mapping[str, object]:
        """See `Game.world_options`."""
        return {**told_level(self.level), "site": told_keys([self.site.key])}

    def get_state(self, world: int) -> State:
        """Return everything that the rest of a world's episode depends on."""
        state: State = {name: np.array(getattr(self, name)[world]) for name in OWN_STATE}
        state |= {"site_key": np.array(self.site.key), "robots": np.array(self.level.robots)}
        state |= {f"works.{name}": value for name, value in self.works.get_world(world).items()}
        return state | {f"world.{name}": value for name, value in self.world.get_world(world).items()}

    def set_state(self, world: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take up a state made by `get_state`."""
        need_state(state, (*OWN_STATE, "site_key", "robots"))
        crew = tuple(np.atleast_1d(state["robots"]).tolist())
        if str(state["site_key"]) != self.site.key or crew != tuple(self.level.robots):
            raise EnvStateError("set_state: the state is of another site or crew.")
        goals = {name: getattr(self, name)[world, ...] for name in OWN_STATE}
        need_arrays(state, goals, self._ranges())
        row, col, side = np.asarray(state["pad"]).tolist()
        t0, inner = float(state["t0"]), below(state, "world.")
        tick = (t0 - self.dates[0]) / TICK_S
        corner = np.ravel(state.get("works.corner_xy", ()))
        if corner.shape != (2,) or not (corner == self.grounds.corner_xy).all(axis=1).any():
            raise EnvStateError(f"set_state: works.corner_xy = {corner}: nothing is built there.")
        if max(row, col) + side > CELLS or not 0.0 <= t0 - self.dates[0] <= self.dates[1] - self.dates[0]:
            raise EnvStateError("set_state: pad and t0 hold what no episode of this game can.")
        if tick != round(tick):
            raise EnvStateError(f"set_state: t0 = {t0!r} is no whole tick after the option dates begin.")
        need_same_time(t0, inner, TICKS * int(state["steps"]))
        before = self.works.get_world(world)
        try:
            self.works.set_world(world, below(state, "works."))
            self.world.set_world(world, inner)
        except MoonfleetError as error:
            self.works.set_world(world, before)
            raise EnvStateError(f"set_state: {error}") from error
        for name, goal in goals.items():
            goal[...] = state[name]
        self.works.find(self.world)

    def picture(self, world: int) -> NDArray[np.uint8]:
        """Return a picture of one world."""
        from .picture import draw  # OpenCV loads where it is used

        return draw(self, world)

    # -- inside --------------------------------------------------------------------------------------------------

    def scene(self) -> view.Scene:
        """Return what the kernels read, as it is now; arrays of the game are shared, not copied."""
        state, works = self.world.state, self.works
        clock = np.empty((self.worlds, 2))
        clock[:, 0] = self.steps * (STEP_S / HOUR_S)
        clock[:, 1] = 1.0 - self.steps / self.level.max_steps
        return view.Scene(
            works.soil, works.goal_m, works.load_kg, works.at, works.machines, self.pad, self.level_m, self.pit,
            self.base, state.battery_wh / self.capacity, state.lit, state.solar_w / self._panel,
            state.faults | (state.trapped << MOBILITY), self.present(), self.task, self.denied, self.light,
            self.tallies, self.near, self.phi0, clock, self.limits,
        )  # fmt: skip

    def _ranges(self) -> dict[str, tuple[ArrayLike, ArrayLike]]:
        """Return the smallest and largest numbers that a state of `OWN_STATE` holds."""
        last, steps = CELLS - 1, self.level.max_steps
        most = np.full(view.TALLIES, MOST_OFF)
        most[[view.WITHIN, view.BAKED, view.DONE]] = 1.0
        return {
            "pad": (0, CELLS), "pit": (0, last), "base": (0, last), "frac": (0.0, 1.0), "light": (0.0, MOST),
            "phi0": (0.0, MOST), "task": (REST, SINTER), "near": (-1, last), "steps": (0, steps),
            "brownouts": (0, steps * TICKS), "losses": (0, 1),
            "tallies": (np.where(np.arange(view.TALLIES) == view.OFF, -MOST_OFF, 0.0), most),
        }  # fmt: skip

    def _date(self, episode: Episode) -> float | None:
        """Return the date that an episode was asked for, on a whole tick."""
        if "t0_utc" not in episode.options:
            return None
        t0 = need_date("options['t0_utc']", episode.options["t0_utc"])
        first, last = self.dates
        if not first <= t0 <= last:
            raise EnvOptionError(
                f"options['t0_utc']: got {episode.options['t0_utc']!r}, need a time from {self.level.dates[0]} to {self.level.dates[1]}."
            )
        return first + math.floor((t0 - first) / TICK_S) * TICK_S

    def _land(self, active: Bools) -> None:
        """Let the machines land whose time has come: at their parking place, or the first free cell beside it."""
        due = active[:, None] & (self.steps[:, None] == self.arrivals) & (self.arrivals > 0)
        if due.any():
            self.works.find(self.world)  # where the others have come to in this step
        for w, r in np.argwhere(due).tolist():
            taken = {
                tuple(cell) for cell, here in zip(self.works.at[w].tolist(), self.present()[w], strict=True) if here
            }
            row, col = self.base[w, r].tolist()
            near = sorted(
                ((max(abs(i), abs(j)), i, j) for i in range(-4, 5) for j in range(-4, 5)),
            )
            free = [
                (row + i, col + j)
                for _, i, j in near
                if (row + i, col + j) not in taken and 0 <= row + i < CELLS and 0 <= col + j < CELLS
            ]
            cell = np.array(free[0] if free else (row, col), np.int64)
            self.world.land(w, r, self.works.xy_of(np.array(w), cell), float(self.frac[w, r]))
            self.works.find(self.world)

    def _judge(self, before: NDArray[np.float64], active: Bools) -> Step:
        """Return what the step was worth and whether it ended the episode."""
        state, weights = self.world.state, self.level.weights
        lost = (state.activity == Activity.LOST) & (state.loss != Loss.NONE)
        flat = np.maximum(state.brownouts - self.brownouts, 0)
        gone = lost & (self.losses == 0)
        change = before - self.tallies
        done = active & (self.tallies[:, view.DONE] > 0.0)
        terms = np.zeros((self.worlds, len(TERMS)))
        terms[:, 0] = weights.earth * change[:, view.PHI] / np.maximum(self.phi0, 1e-9)
        terms[:, 1] = -weights.pad * change[:, view.BAKED]
        terms[:, 2] = np.where(done, weights.done, 0.0)
        terms[:, 3] = -weights.time
        terms[:, 4] = -weights.blocked * self.denied.sum(axis=1)
        terms[:, 5] = -weights.brownout * flat.sum(axis=1)
        terms[:, 6] = -weights.lost * gone.sum(axis=1)
        terms[~active] = 0.0
        self.brownouts[active] = state.brownouts[active]
        self.losses[active] = lost[active]
        terminated = done | (active & lost.all(axis=1))
        truncated = active & ~terminated & (self.steps >= self.level.max_steps)
        return Step(terms, terminated, truncated)
