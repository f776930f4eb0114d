"""The World: the truth about every robot of one or many worlds, on one site, stepped by the one physics.

A mission uses one world, an environment many; worlds never touch each other. Time is counted in whole ticks from
``t0``, and sky tables are made in fixed blocks of ticks, so that ``tick(a); tick(b)`` leaves the very bytes of
``tick(a + b)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.terrain.relay import Relay
from moonfleet.terrain.seeds import sequence
from moonfleet.terrain.sight import viewshed
from moonfleet.terrain.sky import SkyTable

from . import orders
from . import state as s
from .catalogue import RobotSpec
from .errors import WorldError
from .ground import Ground, GroundStack, ground_layers, stacked_layers
from .hands import TruthBlock
from .moved_step import move_and_run
from .orders import START_TEMP_K
from .sky_blocks import SharedSky, SkyBlocks, SkyRows, sky_now
from .spec_block import spec_block
from .state import LEG_POINTS, Activity, Floats, Ints, Loss, WorldState, state_views
from .step import lanes_of, run_ticks, run_ticks_on
from .worker_threads import spread
from .world_orders import COMMANDED, FARTHEST_M, Moves, WorldOrders
from .world_state import STATE_VERSION, check_state

__all__ = ["COMMANDED", "FARTHEST_M", "START_TEMP_K", "Audit", "World"]

TARGET_M = 1.5  # [m] antenna height at which the station's viewshed is taken
T = TypeVar("T", bound=np.generic)
Part = Callable[[Ints, int, int], object]
MIN_TICK_S = 1e-3  # [s] what happens in much less drowns in rounding


class Audit(NamedTuple):
    """What the books miss; see `World.audit`."""

    battery_wh: Floats  # [W, R] change of charge less what came in, went out and faded
    panel_wh: Floats  # [W, R] panel energy less what came in, was lost in charging and dumped
    data_mbit: Floats  # [W] measured less what is on board, in stores, in the archive and dropped


class World(WorldOrders):
    """W worlds of R robots, all on one site or each on one of several.

    Orders to robots (`set_leg`, `command_legs`, ...) are those of `WorldOrders`.

    Parameters
    ----------
    site
        The ground, see `Ground`; or G grounds with the same georeference and number of azimuths, of which each world stands on one. The
        sky is that of the first.
    specs
        The R machines, the same in every world.
    start_xy
        float64 [R, 2] or [W, R, 2]: where they start [m]; ignored for orbiters.
    t0
        Start, seconds of TDB past J2000: one number or float64 [W]. W comes from ``t0`` or ``start_xy``, whichever
        has it.
    tick_s
        Length of a tick [s].
    relay
        Orbit of the relay satellite, or None.
    station
        Index of the robot that keeps the station's data store, or None.
    battery_frac
        Charge at the start, 0..1.
    seed
        Of failures and of getting stuck: one number, from which every world gets a key of its own, or one number per world, whose
        randomness is then that of a single world made with it.
    faults
        Whether subsystems fail as the catalogue says.
    threads
        Worlds are spread over so many threads; the bytes do not depend on it.
    ground
        Which of the grounds each world starts on: one number or int [W].
    sky_span
        For many worlds that start at many times: first and last time of one sky that they all share [s TDB past J2000]. Worlds must then
        start whole ticks after the first, unless ``strays``: then those that do not, or outlast it, get a sky of their own.

    Raises
    ------
    WorldError
        Shapes that do not fit, a start outside the site, a station that is not in the fleet.
    """

    state: WorldState
    tick_index: Ints  # [W] ticks since t0
    archive_mbit: Floats  # [W] arrived on Earth
    station_mbit: Floats  # [W] received by the station, not yet passed on
    relay_mbit: Floats  # [W] received by the relay of the fleet, not yet passed on
    ground_of: Ints  # [W] number of the ground each world stands on

    def __init__(
        self,
        site: Ground | Sequence[Ground],
        specs: Sequence[RobotSpec],
        start_xy: ArrayLike,
        t0: float | ArrayLike,
        *,
        tick_s: float = 60.0,
        relay: Relay | None = None,
        station: int | None = None,
        battery_frac: float = 1.0,
        seed: int | Sequence[int] = 0,
        faults: bool = False,
        threads: int = 1,
        ground: ArrayLike = 0,
        sky_span: tuple[float, float] | None = None,
        strays: bool = False,
    ) -> None:
        self.sites: tuple[Ground, ...] = tuple(site) if isinstance(site, Sequence) else (site,)
        self.specs = tuple(specs)
        self.tick_s = float(tick_s)
        self.relay = relay
        self.station = station
        robots = len(self.specs)
        if robots == 0:
            raise WorldError("specs: is empty; a World needs at least one robot")
        if station is not None and not 0 <= station < robots:
            raise WorldError(f"station = {station}: must be a robot's index, 0..{robots - 1}")
        if station is not None and self.specs[station].role == "orbiter":
            raise WorldError(f"station = {station}: is an orbiter; the station must stand on the ground")
        if not MIN_TICK_S <= self.tick_s < math.inf:
            raise WorldError(f"tick_s = {tick_s!r}: must be >= {MIN_TICK_S:g}")
        self._starts, self._t0 = _starts(start_xy, t0, robots)
        worlds = len(self._t0)
        # one block per kind of number; `state` names its rows
        self._floats = np.zeros((worlds, len(s.FLOAT_FIELDS), robots))
        self._ints = np.zeros((worlds, len(s.INT_FIELDS), robots), dtype=np.int64)
        self._legs = np.zeros((worlds, robots, LEG_POINTS, 2))
        self._used = np.zeros((worlds, robots), dtype=np.int64)
        self.state = state_views(self._floats, self._ints)
        self.tick_index = np.zeros(worlds, dtype=np.int64)
        self._stores = np.zeros((3, worlds))
        self.archive_mbit = self._stores[s.ARCHIVE]
        self.station_mbit = self._stores[s.STATION_STORE]
        self.relay_mbit = self._stores[s.RELAY_STORE]
        self._keys = _keys(seed, worlds)
        self.faults, self.threads = faults, max(int(threads), 1)
        # what the kernel reads
        heights = [spec.panel_height_m for spec in self.specs] + [spec.mast_m for spec in self.specs]
        self._grounds, layers = stacked_layers(self.sites, heights)
        self._ground = ground_layers(self.sites[0], heights)[0]
        self.site = site = self.sites[0]
        self._spec = spec_block(self.specs, self.tick_s, faults, layers[:robots], layers[robots:])
        self._spec_lanes = lanes_of(self._spec)
        self._prepare()
        roles = [spec.role for spec in self.specs]
        self._on_ground = np.array([role != "orbiter" for role in roles])
        self.orbiter = roles.index("orbiter") if "orbiter" in roles else None  # that the relay's store is on
        masts = [r for r, spec in enumerate(self.specs) if spec.forwards and r != station]
        self.mast = masts[0] if masts else None
        lonlat = site.ref.lonlat()
        self._sky: SkyRows = (
            SkyBlocks(site.sky, relay, lonlat, worlds, self.tick_s)
            if sky_span is None
            else SharedSky(site.sky, relay, lonlat, sky_span, self.tick_s, worlds if strays else 0)
        )
        self._views = np.zeros((1, site.ref.rows, site.ref.cols), dtype=np.bool_)
        self._view_of = np.zeros((2, worlds), dtype=np.int64)
        self._view_index: dict[tuple[int, int, int, float], int] = {}
        self.ground_of = np.zeros(worlds, dtype=np.int64)
        self._all = np.arange(worlds, dtype=np.int64)
        self.reset_worlds(self._all, start_xy=self._starts, battery_frac=battery_frac, ground=ground)

    @property
    def worlds(self) -> int:
        """Number of worlds W."""
        return len(self._t0)

    @property
    def robots(self) -> int:
        """Number of robots R in each."""
        return len(self.specs)

    @property
    def time(self) -> Floats:
        """Now, seconds of TDB past J2000, float64 [W]."""
        return self._t0 + self.tick_index * self.tick_s

    def tick(
        self,
        n: int,
        worlds: ArrayLike | None = None,
        *,
        before: Part | None = None,
        after: Part | None = None,
        sky: Callable[[Floats, Ints], object] | None = None,
    ) -> None:
        """Advance every world, or only ``worlds`` int [k], by ``n`` ticks; any split of ``n`` gives the same bytes.

        ``before`` and ``after`` are called as ``before(who, start, end)`` for the worlds ``who[start:end]`` before their first tick and
        after their last, by the thread that makes these: what is done to every world anyway is done side by side. They must not touch
        other worlds, nor ask for the time, which moves on afterwards. ``sky`` is called ahead of all with what `sky_rows` would return:
        who needs them too is spared looking them up once more.
        """
        if not isinstance(n, (int, np.integer)) or n < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise WorldError(f"tick({n!r}): must be a whole number >= 0")
        who = self._all if worlds is None else _worlds(worlds, self.worlds)
        while n > 0 and len(who):
            ticks = min(n, self._sky.room(self.tick_index if worlds is None else self.tick_index[who]))
            self._run(ticks, who, before, after if ticks == n else None, sky)
            before = sky = None
            if worlds is None:
                self.tick_index += ticks
            else:
                orders.advance(self.tick_index, who, ticks)
            n -= ticks

    def reset(
        self,
        w: int,
        *,
        t0: float | None = None,
        start_xy: ArrayLike | None = None,
        battery_frac: ArrayLike = 1.0,
        seed: int | None = None,
        ground: int | None = None,
    ) -> None:
        """Start world ``w`` anew, as `reset_worlds` does many."""
        self.reset_worlds(
            [w],
            t0=t0,
            start_xy=None if start_xy is None else np.asarray(start_xy, dtype=np.float64)[None],
            battery_frac=np.asarray(battery_frac, dtype=np.float64)[None] if np.ndim(battery_frac) else battery_frac,
            seeds=None if seed is None else [seed],
            ground=ground,
        )

    def reset_worlds(
        self,
        worlds: ArrayLike,
        *,
        t0: ArrayLike | None = None,
        start_xy: ArrayLike | None = None,
        battery_frac: ArrayLike = 1.0,
        seeds: Sequence[int] | None = None,
        keys: NDArray[np.uint64] | None = None,
        ground: ArrayLike | None = None,
    ) -> None:
        """Start worlds anew, each where and when it last started unless something else is said. All robots have landed then.

        Parameters
        ----------
        worlds
            Which, int [n], none twice.
        t0
            Seconds of TDB past J2000: one number or float64 [n].
        start_xy
            float64 [n, R, 2] m (or [R, 2] for all).
        battery_frac
            Charge, 0..1: one number, [n], or [n, R].
        seeds, keys
            Randomness of each world: as that of a single world made with the seed, or (one of the two) its key itself, uint64 [n];
            else it is the same again.
        ground
            Number of the ground each stands on, int [n] or one number; else the same again.

        Raises
        ------
        WorldError, SkyError
            As when a World is made; nothing has changed then.
        """
        who = _worlds(worlds, self.worlds)
        n = len(who)
        new_keys = self._keys[who] if keys is None else np.array(keys, dtype=np.uint64)
        if seeds is not None:
            if keys is not None or len(seeds) != n:
                raise WorldError(f"seeds: need one number for each of {n} worlds, or keys instead")
            new_keys = _keys(seeds, n)
        times, starts, on = self._t0.copy(), self._starts[who], self.ground_of[who]
        try:
            if t0 is not None:
                times[who] = np.asarray(t0, dtype=np.float64)
            if start_xy is not None:
                starts = _filled(np.asarray(start_xy, dtype=np.float64), starts.shape)
            if ground is not None:
                on = _filled(np.asarray(ground, dtype=np.int64), (n,))
            frac = np.asarray(battery_frac, dtype=np.float64)
            frac = _filled(frac[:, None] if frac.ndim == 1 else frac, (n, self.robots))
        except ValueError as error:
            raise WorldError(f"reset of {n} worlds of {self.robots} robots: {error}") from error
        if new_keys.shape != (n,):
            raise WorldError(f"keys of shape {new_keys.shape}: must be [{n}]")
        if not orders.may_start(times, starts, frac, on, len(self.sites), self._bounds, self._on_ground):
            if not np.isfinite(times).all():
                raise WorldError(f"t0 = {t0!r}: must be finite seconds of TDB past J2000")
            if n and not (on.min() >= 0 and on.max() < len(self.sites)):
                raise WorldError(f"ground = {ground!r}: must be 0..{len(self.sites) - 1}")
            self._check_starts(who, starts)
            _check_charge(battery_frac, frac)
        index = self.tick_index.copy()
        index[who] = 0
        self._sky.lookup(times, index, 0)  # raises before anything has changed
        self._t0[who], self.tick_index[who], self._starts[who] = times[who], 0, starts
        self._keys[who], self.ground_of[who] = new_keys, on
        self._stores[:, who] = 0.0
        if self.robots == 1:
            self._stand(who, np.zeros(n, np.int64), starts[:, 0], frac[:, 0])
        else:
            robots = np.tile(np.arange(self.robots), n)
            self._stand(np.repeat(who, self.robots), robots, starts.reshape(-1, 2), frac.ravel())
        self._find_views(who)
        self._run(0, who)

    def block(self) -> TruthBlock:
        """Return the World's own memory, for executives that are kernels (`hands`)."""
        return TruthBlock(self._floats, self._ints, self._legs, self._used)

    # --- robots that land later -------------------------------------------------------------------

    def park(self, w: int | Ints, r: int | Ints) -> None:
        """Say that robots have not landed yet (one, or lists of the same length): they take part in nothing until `land`.

        Meant for right after a reset. Such a robot is `Activity.LOST` with `Loss.NONE`, and its numbers are zero but for its place.
        """
        who = self._who(np.atleast_1d(w), np.atleast_1d(r), np.size(w))
        orders.leave(*who, self._floats, self._ints, self._legs, self._used)

    def land(self, w: int | Ints, r: int | Ints, xy: ArrayLike, battery_frac: ArrayLike = 1.0) -> None:
        """Let parked robots stand at ``xy`` ([2], or [n, 2] for lists) m from now on, everything with them as at a reset.

        Raises `WorldError`, changing nothing, for a robot that has landed, a place off the site or a charge outside 0..1.
        """
        who = self._who(np.atleast_1d(w), np.atleast_1d(r), np.size(w))
        here = ~self.parked[who]
        if here.any():
            raise WorldError(f"land: robot {int(who[1][here][0])} of world {int(who[0][here][0])} has landed already")
        n = len(who[0])
        places = np.array(np.broadcast_to(np.asarray(xy, dtype=np.float64), (n, 2)))
        for k in np.flatnonzero(self._on_ground[who[1]]).tolist():
            if not self.site.ref.inside(*places[k].tolist()):
                where = f"land ({self.specs[int(who[1][k])].kind}) at ({places[k, 0]:g}, {places[k, 1]:g})"
                raise WorldError(f"{where}: must be inside the site {self.site.ref.bounds}")
        frac = np.array(np.broadcast_to(np.asarray(battery_frac, dtype=np.float64), (n,)))
        _check_charge(battery_frac, frac)
        self._stand(*who, places, frac)
        worlds = np.unique(who[0])
        self._find_views(worlds)
        # look around, and leave to the others what they saw when the last tick began
        lit, link = self.state.lit.copy(), self.state.link.copy()
        self._run(0, worlds)
        lit[who], link[who] = self.state.lit[who], self.state.link[who]
        self.state.lit[...], self.state.link[...] = lit, link

    @property
    def parked(self) -> NDArray[np.bool_]:
        """Which robots have not landed yet, bool [W, R]."""
        return (self.state.activity == Activity.LOST) & (self.state.loss == Loss.NONE)

    def audit(self) -> Audit:
        """Return what is missing in the books of energy and data since the start; all zero but for rounding."""
        state = self.state
        change = state.energy_in_wh - state.energy_out_wh - state.faded_wh
        panel = state.energy_in_wh + state.charge_loss_wh + state.dumped_wh
        kept = state.data_mbit.sum(axis=1) + state.dropped_mbit.sum(axis=1) + self._stores.sum(axis=0)
        return Audit(
            state.battery_wh - state.start_wh - change, state.made_wh - panel, state.generated_mbit.sum(axis=1) - kept
        )

    # --- the sky now ------------------------------------------------------------------------------

    def sky_now(self) -> SkyTable:
        """Return Sun and Earth over the site's centre now, one row per world; fields float64 [W]."""
        return SkyTable(*sky_now(self._sky, self._t0, self.tick_index)[:6])

    def relay_now(self) -> tuple[Floats, Floats]:
        """Return azimuth and elevation [deg] of the relay over the site's centre now, float64 [W]; -90: none."""
        rows = sky_now(self._sky, self._t0, self.tick_index)
        return rows[s.RELAY_AZ], rows[s.RELAY_EL]

    def blocks(self) -> tuple[Floats, Ints]:
        """Return all numbers of all robots as kernels read them, float64 [W, F, R] and int64 [W, I, R]: for reading only.

        The rows are those that `state` names (``state.X``, ``state.ACTIVITY``, ...).
        """
        return self._floats, self._ints

    def sky_rows(self, ticks: int = 0) -> tuple[Floats, Ints]:
        """Return rows of the sky float64 [n, 17], columns as `state.SKY_COLUMNS`, and which of them is now in each world, int64 [W].

        The rows of the next ``ticks`` are there too, at most `SKY_TICKS`. In a World with a ``sky_span`` row k is the sky k ticks after the
        first time of the span.
        """
        rows, now, _ = self._sky.lookup(self._t0, self.tick_index, ticks)
        return rows, now

    @property
    def layers(self) -> GroundStack:
        """Heights, slopes and horizons of the grounds, stacked; read only."""
        return self._grounds

    # --- save and restore -------------------------------------------------------------------------

    def get_state(self) -> dict[str, NDArray[np.generic]]:
        """Return a copy of everything that changes, by name; `set_state` continues from it with the same bytes."""
        saved = {name: array.copy() for name, array in self._memory().items()}
        return saved | {"version": np.array(STATE_VERSION)}

    def set_state(self, saved: Mapping[str, NDArray[np.generic]]) -> None:
        """Continue from what `get_state` returned, in this or another process, for a World made with the same arguments.

        Raises `WorldError`, changing nothing, for an unknown version, missing or extra names, wrong shapes or types.
        """
        goals = self._memory()
        self._take(saved, goals, self._all)

    def get_world(self, w: int) -> dict[str, NDArray[np.generic]]:
        """Return a copy of everything of one world that changes, as `get_state` of a World of one world, arrays [1, ...]."""
        w = int(_worlds([w], self.worlds)[0])
        saved = {name: array[w : w + 1].copy() for name, array in self._memory().items()}
        return saved | {"version": np.array(STATE_VERSION)}

    def set_world(self, w: int, saved: Mapping[str, NDArray[np.generic]]) -> None:
        """Let world ``w`` continue from what `get_world` (or `get_state` of a World of one world) returned; raises as `set_state`."""
        w = int(_worlds([w], self.worlds)[0])
        self._take(saved, {name: array[w : w + 1] for name, array in self._memory().items()}, self._all[w : w + 1])

    def check_world(self, saved: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `WorldError` unless `set_world` would take ``saved`` up in any of the worlds."""
        self._check(saved, {name: array[:1] for name, array in self._memory().items()})

    # --- inside -----------------------------------------------------------------------------------

    def _memory(self) -> dict[str, NDArray[np.generic]]:
        """Name all arrays that change, [W, ...] each."""
        memory: dict[str, NDArray[np.generic]] = dict(self.state._asdict())
        return memory | {
            "legs": self._legs,
            "archive_mbit": self.archive_mbit,
            "station_mbit": self.station_mbit,
            "relay_mbit": self.relay_mbit,
            "keys": self._keys,
            "tick_index": self.tick_index,
            "t0": self._t0,
            "start_xy": self._starts,
            "ground_of": self.ground_of,
        }

    def _take(
        self, saved: Mapping[str, NDArray[np.generic]], goals: Mapping[str, NDArray[np.generic]], worlds: Ints
    ) -> None:
        self._check(saved, goals)
        for name, goal in goals.items():
            goal[...] = saved[name]
        self._used[worlds] = LEG_POINTS
        self._find_views(worlds)

    def _check(self, saved: Mapping[str, NDArray[np.generic]], goals: Mapping[str, NDArray[np.generic]]) -> None:
        check_state(saved, goals, self.site.ref.bounds, self._on_ground, len(self.sites))

    def _check_starts(self, worlds: Ints, starts: Floats) -> None:
        xmin, ymin, xmax, ymax = self.site.ref.bounds
        x, y = starts[:, :, 0], starts[:, :, 1]
        inside = (x >= xmin) & (x <= xmax) & (y >= ymin) & (y <= ymax) | ~self._on_ground
        if not inside.all():
            k, r = (int(v[0]) for v in np.nonzero(~inside))
            where = f"start_xy[{worlds[k]}][{r}] ({self.specs[r].kind}) = ({x[k, r]:g}, {y[k, r]:g})"
            raise WorldError(f"{where}: must be inside the site {self.site.ref.bounds}")

    def _stand(self, worlds: Ints, robots: Ints, xy: Floats, battery_frac: Floats) -> None:
        orders.stand_up(
            worlds, robots, np.ascontiguousarray(xy), np.ascontiguousarray(battery_frac), self._hops, self._keys,
            self._spec, self._floats, self._ints, self._legs, self._used,
        )  # fmt: skip

    def _find_views(self, worlds: Ints) -> None:
        """Point worlds to the viewsheds of their station and their mast, computed once per cell that one stands in."""
        for row, robot in enumerate((self.station, self.mast)):
            if robot is None:
                continue
            height = self.specs[robot].mast_m
            for w in worlds.tolist():
                x, y, g = float(self.state.x[w, robot]), float(self.state.y[w, robot]), int(self.ground_of[w])
                key = (g, *self.site.ref.cell_of(x, y), height)
                if key not in self._view_index:
                    seen = np.asarray(viewshed(self.sites[g].grid, (x, y), height, TARGET_M), dtype=np.bool_)
                    self._views = (
                        seen[None].copy() if not self._view_index else np.concatenate([self._views, seen[None]])
                    )
                    self._view_index[key] = len(self._view_index)
                self._view_of[row, w] = self._view_index[key]

    def _run(
        self,
        ticks: int,
        worlds: Ints,
        before: Part | None = None,
        after: Part | None = None,
        tell: Callable[[Floats, Ints], object] | None = None,
    ) -> None:
        sky, first, rhu = self._sky.lookup(self._t0, self.tick_index, ticks)
        if tell is not None:
            tell(sky, first)
        station, mast, orbiter = (-1 if r is None else r for r in (self.station, self.mast, self.orbiter))

        def part(start: int, end: int) -> None:
            known = (
                worlds, start, end, self._floats, self._ints, self._legs, self._stores, self._keys, sky, first, rhu,
                ticks, self.tick_s, self._spec_lanes, station, mast, orbiter,
            )  # fmt: skip
            alone = len(self.sites) == 1
            if alone and isinstance(before, Moves) and before.world is self:
                told = (before.robot, before.choices, before.ways, before.rest, self._used)
                move_and_run(*told, *known, self._ground, self._views, self._view_of)
            else:
                if before is not None:
                    before(worlds, start, end)
                if alone:
                    run_ticks(*known, self._ground, self._views, self._view_of)
                else:
                    run_ticks_on(*known, self._grounds, self.ground_of, self._views, self._view_of)
            if after is not None:
                after(worlds, start, end)

        if len(self.sites) > 1:  # those of one ground together
            worlds = worlds[np.argsort(self.ground_of[worlds], kind="stable")]
        spread(part, len(worlds), self.threads, len(worlds) * self.robots * max(ticks, 1))


def _worlds(worlds: ArrayLike, count: int) -> Ints:
    """Return checked indices of worlds, int64 [n], none twice."""
    index = np.asarray(worlds)
    index = index if index.ndim else index[None]
    if index.ndim != 1 or (index.size and not np.issubdtype(index.dtype, np.integer)):
        raise WorldError(f"worlds = {worlds!r}: must be whole numbers")
    if index.dtype == np.int64 and orders.ascending(index, count):
        return index.copy()
    index = index.astype(np.int64)
    if index.size and not (-count <= index.min() and index.max() < count):
        raise WorldError(f"world {int(index[(index < -count) | (index >= count)][0])}: must be 0..{count - 1}")
    index = np.where(index < 0, index + count, index)
    if index.size > 1 and np.bincount(index, minlength=count).max() > 1:
        raise WorldError("worlds: one is named twice")
    return index


def _filled(values: NDArray[T], shape: tuple[int, ...]) -> NDArray[T]:
    """Return a new array of ``shape`` with ``values``, a single one of which stands for all; ValueError where they do not fit."""
    if values.shape == shape:
        return values.copy()
    return np.full(shape, values) if values.ndim == 0 else np.array(np.broadcast_to(values, shape))


def _check_charge(told: ArrayLike, battery_frac: Floats) -> None:
    if not ((battery_frac >= 0.0) & (battery_frac <= 1.0)).all():
        raise WorldError(f"battery_frac = {told!r}: must be in 0..1")


def _keys(seed: int | Sequence[int], worlds: int) -> NDArray[np.uint64]:
    """Return the key of each world's randomness, uint64 [W]."""
    if isinstance(seed, (int, np.integer)):
        names = [sequence(_whole(seed), "world", world=w) for w in range(worlds)]
    else:
        if len(seed) != worlds:
            raise WorldError(f"seed has {len(seed)} numbers for {worlds} worlds: must be one number, or one per world")
        names = [sequence(_whole(one), "world") for one in seed]
    return np.array([name.generate_state(1, np.uint64)[0] for name in names], dtype=np.uint64)


def _whole(seed: object) -> int:
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise WorldError(f"seed = {seed!r}: must be a whole number >= 0")
    return int(seed)


def _starts(start_xy: ArrayLike, t0: float | ArrayLike, robots: int) -> tuple[Floats, Floats]:
    """Return starts float64 [W, R, 2] and times float64 [W] from what the user gave."""
    starts = np.array(start_xy, dtype=np.float64)
    times = np.array(t0, dtype=np.float64)
    if starts.ndim == 2:
        starts = starts[None]
    if starts.ndim != 3 or starts.shape[1:] != (robots, 2) or times.ndim > 1:
        raise WorldError(f"start_xy of shape {np.shape(start_xy)}: must be [{robots}, 2] or [W, {robots}, 2]")
    times = np.atleast_1d(times)
    worlds = max(len(starts), len(times))
    if len(starts) not in (1, worlds) or len(times) not in (1, worlds) or worlds == 0:
        raise WorldError(f"start_xy has {len(starts)} worlds and t0 has {len(times)}: must be the same number, or one")
    if not np.isfinite(times).all():
        raise WorldError(f"t0 = {t0!r}: must be finite seconds of TDB past J2000")
    return np.array(np.broadcast_to(starts, (worlds, robots, 2))), np.array(np.broadcast_to(times, (worlds,)))
