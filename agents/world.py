"""The World: the truth about every robot of one or many worlds, on one site, stepped by the one physics.

A mission uses one world, an environment many; worlds never touch each other. Time is counted in whole ticks from
``t0``, and sky tables are made in fixed blocks of ticks, so that ``tick(a); tick(b)`` leaves the very bytes of
``tick(a + b)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonfleet.terrain.relay import Relay
from moonfleet.terrain.seeds import sequence
from moonfleet.terrain.sight import viewshed
from moonfleet.terrain.sky import SkyTable
from moonfleet.terrain.threads import for_each

from . import state as s
from .battery import locked_wh
from .catalogue import RobotSpec
from .errors import RobotError, WorldError
from .faults import arm, mend
from .ground import Ground, ground_layers
from .sky_blocks import SKY_TICKS, SkyBlocks
from .spec_block import FAILS, REPAIR_S, spec_block
from .state import LEG_POINTS, Activity, Floats, Ints, WorldState, state_views
from .step import HOP_TICKS, run_ticks

START_TEMP_K = 288.0  # [K] robots start warm
TARGET_M = 1.5  # [m] antenna height at which the station's viewshed is taken
STATE_VERSION = 2
MIN_TICK_S = 1e-3  # [s] what happens in much less drowns in rounding
FARTHEST_M = 1e9  # [m] of a leg's points: squares of what is much farther overflow
ASSIST_M = 30.0  # [m] another robot this near can help
COMMANDED = (Activity.HOLD, Activity.WORK, Activity.CHARGE, Activity.HIBERNATE, Activity.RELAY)


class Audit(NamedTuple):
    """What the books miss; see `World.audit`."""

    battery_wh: Floats  # [W, R] change of charge less what came in, went out and faded
    panel_wh: Floats  # [W, R] panel energy less what came in, was lost in charging and dumped
    data_mbit: Floats  # [W] measured less what is on board, in stores, in the archive and dropped


class World:
    """W worlds of R robots on one site.

    Parameters
    ----------
    site
        The ground, see `Ground`.
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

    def __init__(
        self,
        site: Ground,
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
    ) -> None:
        self.site = site
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
        self._floats = np.zeros((len(s.FLOAT_FIELDS), worlds, robots))
        self._ints = np.zeros((len(s.INT_FIELDS), worlds, robots), dtype=np.int64)
        self._legs = np.zeros((worlds, robots, LEG_POINTS, 2))
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
        self._ground, layers = ground_layers(site, heights)
        self._spec = spec_block(self.specs, self.tick_s, faults, layers[:robots], layers[robots:])
        roles = [spec.role for spec in self.specs]
        self.orbiter = roles.index("orbiter") if "orbiter" in roles else None  # that the relay's store is on
        masts = [r for r, spec in enumerate(self.specs) if spec.forwards and r != station]
        self.mast = masts[0] if masts else None
        self._sky = SkyBlocks(site.sky, relay, site.ref.lonlat(), worlds, self.tick_s)
        self._views = np.zeros((1, site.ref.rows, site.ref.cols), dtype=np.bool_)
        self._view_of = np.zeros((2, worlds), dtype=np.int64)
        self._view_index: dict[tuple[int, int, float], int] = {}
        for w in range(worlds):
            self._place(w, battery_frac)
            self._find_view(w)
        self._run(0, 0, worlds)

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

    def tick(self, n: int) -> None:
        """Advance every world by ``n`` ticks; any split of ``n`` gives the same bytes."""
        if not isinstance(n, (int, np.integer)) or n < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise WorldError(f"tick({n!r}): must be a whole number >= 0")
        while n > 0:
            room = SKY_TICKS - int((self.tick_index % SKY_TICKS).max())
            ticks = min(n, room)
            self._run(ticks, 0, self.worlds)
            self.tick_index += ticks
            n -= ticks

    # --- commands: the executive's hands ----------------------------------------------------------

    def set_leg(self, w: int, r: int, xy: ArrayLike) -> bool:
        """Set robot ``r`` of world ``w`` driving along ``xy`` float64 [m, 2], 1 <= m <= 64; it holds when it arrives.

        Returns False, changing nothing, when the robot is lost or in flight. Raises `RobotError` for a machine that
        cannot drive or a leg that is not one.
        """
        points = np.asarray(xy, dtype=np.float64)
        if self.specs[r].speed_m_s <= 0:
            raise RobotError(f"robot {r} ({self.specs[r].kind}): cannot drive; speed_m_s = 0 in its catalogue file")
        if (
            points.ndim != 2
            or points.shape[1] != 2
            or not 1 <= len(points) <= LEG_POINTS
            or not (np.abs(points) <= FARTHEST_M).all()
        ):
            raise RobotError(
                f"leg of shape {points.shape}: must be 1 to {LEG_POINTS} finite points (x, y), none beyond {FARTHEST_M:g} m"
            )
        if not self.takes_commands(w, r):
            return False
        self._legs[w, r] = 0.0
        self._legs[w, r, : len(points)] = points
        self.state.leg_next[w, r] = 0
        self.state.leg_size[w, r] = len(points)
        self.state.blocked[w, r] = 0
        self.state.wake_frac[w, r] = 0.0
        self.state.activity[w, r] = Activity.DRIVE
        return True

    def set_activity(
        self,
        w: int,
        r: int,
        activity: Activity | int,
        *,
        work_w: float = 0.0,
        data_mbps: float = 0.0,
        wake_frac: float = 0.0,
    ) -> bool:
        """Set what a robot does from now on; WORK runs a tool of ``work_w`` W that measures ``data_mbps`` Mbit/s.

        A robot told to HIBERNATE with ``wake_frac`` > 0 wakes by itself when the Sun is half in view, the node is above its survival
        limit and the battery holds this share of its capacity.

        Returns False, changing nothing, when the robot is lost or in flight. DRIVE and HOP have commands of their own.
        """
        if activity not in COMMANDED:
            raise RobotError(f"activity = {activity!r}: must be one of {', '.join(a.name for a in COMMANDED)}")
        if not (0 <= work_w < math.inf and 0 <= data_mbps < math.inf):
            raise RobotError(f"work_w = {work_w!r}, data_mbps = {data_mbps!r}: must be >= 0")
        if not 0.0 <= wake_frac <= 1.0:
            raise RobotError(f"wake_frac = {wake_frac!r}: must be in 0..1; 0 = never")
        if not self.takes_commands(w, r):
            return False
        working = activity == Activity.WORK
        self.state.activity[w, r] = int(activity)
        self.state.blocked[w, r] = 0
        self.state.wake_frac[w, r] = wake_frac if activity == Activity.HIBERNATE else 0.0
        self.state.work_w[w, r] = work_w if working else 0.0
        self.state.data_mbps[w, r] = data_mbps if working else 0.0
        if working:
            self.state.worked_s[w, r] = 0.0
        self._end_leg(w, r)
        return True

    def hop(self, w: int, r: int, to_xy: ArrayLike) -> bool:
        """Launch a hop to ``to_xy`` (x, y) m; it lands after 5 ticks and tips over on ground steeper than its limit.

        Returns False, changing nothing, when the robot is lost or in flight. Raises `RobotError` when it has no hops
        left, the target is out of its range or outside the site, or the battery does not hold the energy.
        """
        spec, where = self.specs[r], f"robot {r} ({self.specs[r].kind})"
        x, y = (float(v) for v in np.asarray(to_xy, dtype=np.float64))
        if not self.takes_commands(w, r):
            return False
        if self.state.hops_left[w, r] <= 0:
            raise RobotError(f"{where}: has no hops left (of {spec.hops})")
        if not self.site.ref.inside(x, y):
            raise RobotError(f"{where}: hop to ({x:.0f}, {y:.0f}) m ends outside the site {self.site.ref.bounds}")
        distance = math.hypot(x - self.state.x[w, r], y - self.state.y[w, r])
        if distance > spec.hop_range_m:
            raise RobotError(f"{where}: hop of {distance:.0f} m: must be <= hop_range_m = {spec.hop_range_m:g}")
        faded = spec.battery_wh * (1.0 - float(self.state.fade[w, r]))
        locked = locked_wh(faded, float(self.state.temp_k[w, r]), spec.cold_loss_per_k)
        if self.state.battery_wh[w, r] - locked < spec.hop_wh:
            cold = f", {locked:.0f} Wh of it out of reach in the cold" if locked > 0.0 else ""
            raise RobotError(
                f"{where}: battery {self.state.battery_wh[w, r]:.0f} Wh{cold}: a hop takes {spec.hop_wh:g} Wh"
            )
        self._end_leg(w, r)
        self.state.wake_frac[w, r] = 0.0
        self.state.activity[w, r] = Activity.HOP
        self.state.hop_x[w, r], self.state.hop_y[w, r] = x, y
        self.state.hop_ticks[w, r] = HOP_TICKS
        self.state.hops_left[w, r] -= 1
        return True

    def assist(self, w: int, r: int) -> bool:
        """Have another robot mend what is down on robot ``r`` and free it, if one stands within 30 m of it with its drive in order.

        Returns False, changing nothing, when there is none, or nothing to do, or the robot is lost or in flight.
        """
        state = self.state
        if not self.takes_commands(w, r) or not (state.faults[w, r] or state.trapped[w, r]):
            return False
        mobile = [other for other in range(self.robots) if other != r and self._helps(w, other)]
        x, y = float(state.x[w, r]), float(state.y[w, r])
        near = [other for other in mobile if math.dist((x, y), (state.x[w, other], state.y[w, other])) <= ASSIST_M]
        if self.specs[r].role == "orbiter" or not near:
            return False
        self._on_robot(w, r, mend)
        return True

    def clean(self, w: int, r: int) -> bool:
        """Have a robot clean its panels: takes its catalogue's share of the dust off. False when it is lost or in flight."""
        if not self.takes_commands(w, r):
            return False
        self.state.dust_ug_cm2[w, r] *= 1.0 - self.specs[r].clean_share
        return True

    def takes_commands(self, w: int, r: int) -> bool:
        """Whether a robot can be told anything: it is not lost and not in flight."""
        return self.state.activity[w, r] not in (Activity.LOST, Activity.HOP)

    def listens(self, w: int, r: int) -> bool:
        """Whether a robot's radio is on and works: it is not lost, not asleep and not in flight."""
        if self.state.faults[w, r] & (1 << s.COMM):
            return False
        return self.state.activity[w, r] not in (Activity.LOST, Activity.HIBERNATE, Activity.HOP)

    def cut_links(self, w: int, bits: ArrayLike) -> None:
        """Take down links of the robots of world ``w``, whatever sky and ground allow: bits of `Link` int [R], 0 none."""
        self.state.cut[w] = np.asarray(bits, dtype=np.int64)
        self.state.link[w] &= ~self.state.cut[w]

    def reset(
        self,
        w: int,
        *,
        t0: float | None = None,
        start_xy: ArrayLike | None = None,
        battery_frac: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Start world ``w`` anew, at ``t0`` and ``start_xy`` [R, 2] if given, else where it first started.

        With ``seed`` its randomness is that of a single world made with it, else the same again.

        Raises
        ------
        WorldError, SkyError
            As when a World is made; nothing has changed then.
        """
        own = [self._floats[:, w], self._ints[:, w], self._legs[w], self._stores[:, w], self._keys[w : w + 1]]
        own += [self.tick_index[w : w + 1], self._starts[w], self._t0[w : w + 1]]
        before = [array.copy() for array in own]
        try:
            self._restart(w, t0, start_xy, battery_frac, seed)
        except Exception:
            for array, old in zip(own, before, strict=True):
                array[...] = old
            self._find_view(w)
            raise

    def _restart(
        self, w: int, t0: float | None, start_xy: ArrayLike | None, battery_frac: float, seed: int | None
    ) -> None:
        if seed is not None:
            self._keys[w] = _keys([seed], 1)[0]
        starts, times = self._starts.copy(), self._t0.copy()
        if t0 is not None:
            times[w] = t0
        if start_xy is not None:
            starts[w] = np.asarray(start_xy, dtype=np.float64)
        starts, times = _starts(starts, times, self.robots)
        self._starts[w], self._t0[w] = starts[w], times[w]
        self.tick_index[w] = 0
        self._place(w, battery_frac)
        self._find_view(w)
        self._run(0, w, w + 1)

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
        return SkyTable(*self._sky.rows(self._t0, self.tick_index)[:6])

    def relay_now(self) -> tuple[Floats, Floats]:
        """Return azimuth and elevation [deg] of the relay over the site's centre now, float64 [W]; -90: none."""
        rows = self._sky.rows(self._t0, self.tick_index)
        return rows[s.RELAY_AZ], rows[s.RELAY_EL]

    # --- save and restore -------------------------------------------------------------------------

    def get_state(self) -> dict[str, NDArray[np.generic]]:
        """Return a copy of everything that changes, by name; `set_state` continues from it with the same bytes."""
        saved: dict[str, NDArray[np.generic]] = {name: array.copy() for name, array in self.state._asdict().items()}
        saved |= {name: array.copy() for name, array in self._memory().items()}
        saved["version"] = np.array(STATE_VERSION)
        return saved

    def set_state(self, saved: Mapping[str, NDArray[np.generic]]) -> None:
        """Continue from what `get_state` returned, in this or another process, for a World made with the same arguments.

        Raises `WorldError`, changing nothing, for an unknown version, missing or extra names, wrong shapes or types.
        """
        goals = self.state._asdict() | self._memory()
        version = saved.get("version")
        if version is None or version.shape != () or int(version) != STATE_VERSION:
            raise WorldError(f"state: version {version!r}: this moonfleet reads version {STATE_VERSION}")
        names = set(saved) - {"version"}
        if names != set(goals):
            raise WorldError(
                f"state: missing {sorted(set(goals) - names)}, unknown {sorted(names - set(goals))}: not this World's"
            )
        for name, goal in goals.items():
            if saved[name].shape != goal.shape or saved[name].dtype != goal.dtype:
                raise WorldError(
                    f"state.{name}: {saved[name].dtype}{saved[name].shape}: must be {goal.dtype}{goal.shape}"
                )
        if faulty := self._impossible(saved):
            raise WorldError(f"state.{faulty}: holds what no World can: {saved[faulty].ravel()[:3]}...")
        for name, goal in goals.items():
            goal[...] = saved[name]
        for w in range(self.worlds):
            self._find_view(w)

    # --- inside -----------------------------------------------------------------------------------

    def _memory(self) -> dict[str, NDArray[np.generic]]:
        return {
            "legs": self._legs,
            "archive_mbit": self.archive_mbit,
            "station_mbit": self.station_mbit,
            "relay_mbit": self.relay_mbit,
            "keys": self._keys,
            "tick_index": self.tick_index,
            "t0": self._t0,
            "start_xy": self._starts,
        }

    def _impossible(self, saved: Mapping[str, NDArray[np.generic]]) -> str | None:
        """Name a field of a state whose values the kernel would go astray with: it checks no index itself."""
        xmin, ymin, xmax, ymax = self.site.ref.bounds
        within: dict[str, tuple[ArrayLike, ArrayLike]] = {
            "activity": (0, max(Activity)),
            "leg_size": (0, LEG_POINTS),
            "leg_next": (0, saved["leg_size"]),
            "tick_index": (0, 2**53),
            "x": (xmin, xmax),
            "y": (ymin, ymax),
        }
        orbits = np.array([spec.role == "orbiter" for spec in self.specs])
        for name, (low, high) in within.items():
            good = (saved[name] >= low) & (saved[name] <= high)  # pyright: ignore[reportOperatorIssue]
            if not (good | orbits if name in ("x", "y") else good).all():
                return name
        return None

    def _place(self, w: int, battery_frac: float) -> None:
        if not 0.0 <= battery_frac <= 1.0:
            raise WorldError(f"battery_frac = {battery_frac!r}: must be in 0..1")
        self._floats[:, w] = 0.0
        self._ints[:, w] = 0
        self._legs[w] = 0.0
        self._stores[:, w] = 0.0
        for r, spec in enumerate(self.specs):
            if spec.role != "orbiter":
                x, y = (float(v) for v in self._starts[w, r])
                if not (math.isfinite(x) and math.isfinite(y) and self.site.ref.inside(x, y)):
                    where = f"start_xy[{w}][{r}] ({spec.kind}) = ({x:g}, {y:g})"
                    raise WorldError(f"{where}: must be inside the site {self.site.ref.bounds}")
                self.state.x[w, r], self.state.y[w, r] = x, y
            self.state.battery_wh[w, r] = self.state.start_wh[w, r] = battery_frac * spec.battery_wh
            self.state.temp_k[w, r] = START_TEMP_K
            self.state.hops_left[w, r] = spec.hops
            self._on_robot(w, r, arm)

    def _on_robot(self, w: int, r: int, change: Callable[[Floats, Ints, int, int, Floats], None]) -> None:
        """Let a kernel of `faults` change one robot."""
        floats, ints = self._floats[:, w].copy(), self._ints[:, w].copy()
        change(floats, ints, r, self._keys[w], self._spec[FAILS:REPAIR_S, r].copy())
        self._floats[:, w], self._ints[:, w] = floats, ints

    def _helps(self, w: int, r: int) -> bool:
        state, spec = self.state, self.specs[r]
        awake = state.activity[w, r] not in (Activity.LOST, Activity.HIBERNATE, Activity.HOP)
        fit = not state.trapped[w, r] and not state.faults[w, r] & (1 << s.MOBILITY)
        return bool(awake and fit and spec.speed_m_s > 0)

    def _end_leg(self, w: int, r: int) -> None:
        self.state.leg_next[w, r] = 0
        self.state.leg_size[w, r] = 0

    def _find_view(self, w: int) -> None:
        """Point world ``w`` to the viewsheds of its station and its mast, computed once per cell that one stands in."""
        for row, robot in enumerate((self.station, self.mast)):
            if robot is None:
                continue
            x, y = float(self.state.x[w, robot]), float(self.state.y[w, robot])
            key = (*self.site.ref.cell_of(x, y), self.specs[robot].mast_m)
            if key not in self._view_index:
                seen = np.asarray(viewshed(self.site.grid, (x, y), self.specs[robot].mast_m, TARGET_M), dtype=np.bool_)
                self._views = seen[None].copy() if not self._view_index else np.concatenate([self._views, seen[None]])
                self._view_index[key] = len(self._view_index)
            self._view_of[row, w] = self._view_index[key]

    def _run(self, ticks: int, w_from: int, w_to: int) -> None:
        sky = self._sky.table(self._t0, self.tick_index)
        first = self.tick_index % SKY_TICKS
        station, mast, orbiter = (-1 if r is None else r for r in (self.station, self.mast, self.orbiter))

        def part(index: int) -> None:
            start = w_from + index * size
            run_ticks(
                self._floats, self._ints, self._legs, self._stores, self._keys, sky, first, ticks, self.tick_s,
                self._spec, station, mast, orbiter, self._ground, self._views, self._view_of,
                start, min(start + size, w_to),
            )  # fmt: skip

        size = -(-(w_to - w_from) // self.threads)
        if self.threads == 1:
            part(0)
            return
        for_each(part, -(-(w_to - w_from) // size), self.threads)


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
