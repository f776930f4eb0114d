"""What a World can be told: orders to one robot, or to many robots of many worlds in one call."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import orders
from . import state as s
from .catalogue import RobotSpec
from .errors import RobotError, WorldError
from .ground import Ground
from .state import LEG_POINTS, Activity, Floats, Ints, WorldState

FARTHEST_M = 1e9  # [m] of a leg's points: squares of what is much farther overflow
COMMANDED = (Activity.HOLD, Activity.WORK, Activity.CHARGE, Activity.HIBERNATE, Activity.RELAY)

_COMMANDED = np.isin(np.arange(len(Activity)), COMMANDED)

Bools = NDArray[np.bool_]


class WorldOrders:
    """The orders of a `World`, which keeps what is named here."""

    specs: tuple[RobotSpec, ...]
    site: Ground
    state: WorldState
    _floats: Floats  # [W, F, R]
    _ints: Ints  # [W, I, R]
    _legs: Floats  # [W, R, 64, 2]
    _used: Ints  # [W, R] points of `_legs` that may not be zero
    _keys: NDArray[np.uint64]  # [W]
    _spec: Floats  # [69, R]

    def _prepare(self) -> None:
        """Keep what the kernels read of the catalogue, and the lists of one robot that single orders hand them."""
        self._drives = np.array([spec.speed_m_s > 0 for spec in self.specs])
        self._hop_range_m = np.array([spec.hop_range_m for spec in self.specs], dtype=np.float64)
        self._hops = np.array([spec.hops for spec in self.specs], dtype=np.int64)
        self._clean_share = np.array([spec.clean_share for spec in self.specs], dtype=np.float64)
        self._bounds = np.array(self.site.ref.bounds, dtype=np.float64)

    # --- many at once -----------------------------------------------------------------------------

    def command_legs(
        self, worlds: ArrayLike, robots: ArrayLike, xy: ArrayLike, sizes: ArrayLike | None = None
    ) -> Bools:
        """Set many robots driving, as `set_leg` does one.

        Parameters
        ----------
        worlds, robots
            Who, int [n] each; a single number stands for all.
        xy
            float64 [n, m, 2] m, m <= 64: the ways.
        sizes
            How many points of each way count, int [n], 1..m; all where None.

        Returns
        -------
        bool [n]
            Whether each was told: False, changing nothing, for one that is lost, not landed or in flight.

        Raises `RobotError` for a machine that cannot drive or a leg that is not one; nothing has changed then.
        """
        points = np.ascontiguousarray(xy, dtype=np.float64)
        if points.ndim != 3 or points.shape[2] != 2 or not 1 <= points.shape[1] <= LEG_POINTS:
            raise RobotError(f"legs of shape {points.shape}: must be [n, m, 2], m = 1..{LEG_POINTS}")
        n, m = points.shape[:2]
        who = self._who(worlds, robots, n)
        size = _whole("sizes", m if sizes is None else sizes, n)
        if n and not (size.min() >= 1 and size.max() <= m):
            raise RobotError(f"sizes: {size[(size < 1) | (size > m)][0]}: must be 1..{m}")
        bad = ~(np.abs(points) <= FARTHEST_M)
        if bad.any() and (bad.any(axis=2) & (np.arange(m) < size[:, None])).any():
            raise RobotError(f"legs: must be finite points (x, y), none beyond {FARTHEST_M:g} m")
        if not self._drives.all() and not self._drives[who[1]].all():
            r = int(who[1][~self._drives[who[1]]][0])
            raise RobotError(f"robot {r} ({self.specs[r].kind}): cannot drive; speed_m_s = 0 in its catalogue file")
        out = np.empty(n, dtype=np.bool_)
        orders.order_legs(*who, points, size, self._floats, self._ints, self._legs, self._used, out)
        return out

    def command_activities(
        self,
        worlds: ArrayLike,
        robots: ArrayLike,
        activity: ArrayLike,
        work_w: ArrayLike = 0.0,
        data_mbps: ArrayLike = 0.0,
        wake_frac: ArrayLike = 0.0,
    ) -> Bools:
        """Set what many robots do from now on, as `set_activity` does for one; every argument [n], or one number for all.

        Returns bool [n]: False, changing nothing, for one that is lost, not landed or in flight. Raises `RobotError` as `set_activity`;
        nothing has changed then.
        """
        n = max(np.size(worlds), np.size(robots), np.size(activity))
        who = self._who(worlds, robots, n)
        what = _whole("activity", activity, n)
        known = (what >= 0) & (what < _COMMANDED.size)
        known &= _COMMANDED[np.where(known, what, 0)]
        if not known.all():
            told = int(what[~known][0])
            raise RobotError(f"activity = {told!r}: must be one of {', '.join(a.name for a in COMMANDED)}")
        watts, rates, wakes = (
            np.ascontiguousarray(np.broadcast_to(np.asarray(v, dtype=np.float64), (n,)))
            for v in (work_w, data_mbps, wake_frac)
        )
        for name, values, most in (
            ("work_w", watts, math.inf),
            ("data_mbps", rates, math.inf),
            ("wake_frac", wakes, 1.0),
        ):
            good = (values >= 0.0) & (values <= most) & (values < math.inf)
            if not good.all():
                allowed = ">= 0" if most == math.inf else "in 0..1; 0 = never"
                raise RobotError(f"{name} = {float(values[~good][0])!r}: must be {allowed}")
        out = np.empty(n, dtype=np.bool_)
        orders.order_activities(*who, what, watts, rates, wakes, self._floats, self._ints, out)
        return out

    def command_offsets(
        self, worlds: ArrayLike, robots: ArrayLike, offsets: ArrayLike, rest: Activity | int = Activity.CHARGE
    ) -> Bools:
        """Set many robots driving straight on, by ``offsets`` float64 [n, 2] m from where they stand; (0, 0) means ``rest`` instead.

        Returns bool [n]: False, changing nothing, for one that is lost, not landed or in flight. Raises `RobotError` as `set_leg`
        and `set_activity`; nothing has changed then.
        """
        ways = np.ascontiguousarray(offsets, dtype=np.float64)
        if ways.ndim != 2 or ways.shape[1] != 2 or not (np.abs(ways) <= FARTHEST_M).all():
            raise RobotError(f"offsets of shape {ways.shape}: must be [n, 2], finite, none beyond {FARTHEST_M:g} m")
        if rest not in COMMANDED:
            raise RobotError(f"rest = {rest!r}: must be one of {', '.join(a.name for a in COMMANDED)}")
        who = self._who(worlds, robots, len(ways))
        if not self._drives.all() and not self._drives[who[1]].all():
            r = int(who[1][~self._drives[who[1]]][0])
            raise RobotError(f"robot {r} ({self.specs[r].kind}): cannot drive; speed_m_s = 0 in its catalogue file")
        out = np.empty(len(ways), dtype=np.bool_)
        orders.order_offsets(*who, ways, int(rest), self._floats, self._ints, self._legs, self._used, out)
        return out

    def moves(self, r: int, choices: Ints, offsets: Floats, rest: Activity | int = Activity.CHARGE) -> Moves:
        """Return what `command_offsets` does to robot ``r`` of worlds, to be called by `World.tick` before their ticks.

        World w drives by row ``choices[w]`` (int64 [W]) of ``offsets`` float64 [m, 2] m. Raises `RobotError` as `command_offsets`, and for
        a choice that is none of the rows.
        """
        ways, rows = np.ascontiguousarray(offsets, dtype=np.float64), np.ascontiguousarray(choices, dtype=np.int64)
        fits = ways.ndim == 2 and ways.shape[1] == 2 and rows.shape == (len(self._ints),)
        if not fits or not orders.may_move(rows, ways, FARTHEST_M):
            if ways.ndim != 2 or ways.shape[1] != 2 or not (np.abs(ways) <= FARTHEST_M).all():
                raise RobotError(f"offsets of shape {ways.shape}: must be [m, 2], finite, none beyond {FARTHEST_M:g} m")
            raise RobotError(f"choices of shape {rows.shape}: must be [{len(self._ints)}], each 0..{len(ways) - 1}")
        if rest not in COMMANDED:
            raise RobotError(f"rest = {rest!r}: must be one of {', '.join(a.name for a in COMMANDED)}")
        if not self._drives[r]:
            raise RobotError(f"robot {r} ({self.specs[r].kind}): cannot drive; speed_m_s = 0 in its catalogue file")

        return Moves(self, r, rows, ways, int(rest))

    def carry_out(self, told: Moves, worlds: Ints, start: int, end: int) -> None:
        """Carry out what `moves` returned, in ``worlds[start:end]``."""
        orders.order_moves(
            worlds,
            start,
            end,
            told.robot,
            told.choices,
            told.ways,
            told.rest,
            self._floats,
            self._ints,
            self._legs,
            self._used,
        )

    def command_hops(self, worlds: ArrayLike, robots: ArrayLike, to_xy: ArrayLike) -> Bools:
        """Launch the hops that can be launched, to ``to_xy`` float64 [n, 2] m; returns for each whether it was, bool [n].

        False, changing nothing, for one that `hop` would refuse in whatever way.
        """
        return self._launch(worlds, robots, to_xy) == orders.DONE

    def command_assists(self, worlds: ArrayLike, robots: ArrayLike) -> Bools:
        """Have many robots [n] mended and freed as `assist` does one, in the order given; returns for each whether it was, bool [n]."""
        n = max(np.size(worlds), np.size(robots))
        out = np.empty(n, dtype=np.bool_)
        orders.order_assists(*self._who(worlds, robots, n), self._keys, self._spec, self._floats, self._ints, out)
        return out

    def command_cleanings(self, worlds: ArrayLike, robots: ArrayLike) -> Bools:
        """Have many robots [n] clean their panels as `clean` does one; returns for each whether it did, bool [n]."""
        n = max(np.size(worlds), np.size(robots))
        out = np.empty(n, dtype=np.bool_)
        orders.order_cleanings(*self._who(worlds, robots, n), self._clean_share, self._floats, self._ints, out)
        return out

    # --- one at a time ----------------------------------------------------------------------------

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
        return bool(self.command_legs([w], [r], points[None])[0])

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
        return bool(self.command_activities([w], [r], [int(activity)], work_w, data_mbps, wake_frac)[0])

    def hop(self, w: int, r: int, to_xy: ArrayLike) -> bool:
        """Launch a hop to ``to_xy`` (x, y) m; it lands after 5 ticks and tips over on ground steeper than its limit.

        Returns False, changing nothing, when the robot is lost or in flight. Raises `RobotError` when it has no hops
        left, the target is out of its range or outside the site, or the battery does not hold the energy.
        """
        spec, where = self.specs[r], f"robot {r} ({self.specs[r].kind})"
        x, y = (float(v) for v in np.asarray(to_xy, dtype=np.float64))
        told = int(self._launch([w], [r], [(x, y)])[0])
        if told == orders.NO_HOPS:
            raise RobotError(f"{where}: has no hops left (of {spec.hops})")
        if told == orders.OUTSIDE:
            raise RobotError(f"{where}: hop to ({x:.0f}, {y:.0f}) m ends outside the site {self.site.ref.bounds}")
        if told == orders.TOO_FAR:
            distance = math.hypot(x - self.state.x[w, r], y - self.state.y[w, r])
            raise RobotError(f"{where}: hop of {distance:.0f} m: must be <= hop_range_m = {spec.hop_range_m:g}")
        if told == orders.TOO_LITTLE:
            locked = orders.out_of_reach_wh(self._floats, w, r, self._spec)
            cold = f", {locked:.0f} Wh of it out of reach in the cold" if locked > 0.0 else ""
            raise RobotError(
                f"{where}: battery {self.state.battery_wh[w, r]:.0f} Wh{cold}: a hop takes {spec.hop_wh:g} Wh"
            )
        return told == orders.DONE

    def assist(self, w: int, r: int) -> bool:
        """Have another robot mend what is down on robot ``r`` and free it, if one stands within 30 m of it with its drive in order.

        Returns False, changing nothing, when there is none, or nothing to do, or the robot is lost or in flight.
        """
        return bool(self.command_assists([w], [r])[0])

    def clean(self, w: int, r: int) -> bool:
        """Have a robot clean its panels: takes its catalogue's share of the dust off. False when it is lost or in flight."""
        return bool(self.command_cleanings([w], [r])[0])

    def takes_commands(self, w: int, r: int) -> bool:
        """Whether a robot can be told anything: it is not lost, has landed and is not in flight."""
        return bool(orders.takes_orders(self._ints, w, r))

    def listens(self, w: int, r: int) -> bool:
        """Whether a robot's radio is on and works: it is not lost, has landed, is not asleep and not in flight."""
        if self.state.faults[w, r] & (1 << s.COMM):
            return False
        return self.state.activity[w, r] not in (Activity.LOST, Activity.HIBERNATE, Activity.HOP)

    def cut_links(self, w: int | Ints, bits: ArrayLike) -> None:
        """Take down links of the robots of world ``w``, whatever sky and ground allow: bits of `Link` int [R], 0 none.

        ``w`` may be worlds int [n], and ``bits`` then [n, R].
        """
        self.state.cut[w] = np.asarray(bits, dtype=np.int64)
        self.state.link[w] &= ~self.state.cut[w]

    # --- inside -----------------------------------------------------------------------------------

    def _launch(self, worlds: ArrayLike, robots: ArrayLike, to_xy: ArrayLike) -> Ints:
        goals = np.ascontiguousarray(to_xy, dtype=np.float64)
        if goals.ndim != 2 or goals.shape[1] != 2:
            raise RobotError(f"hops to an array of shape {goals.shape}: must be [n, 2]")
        out = np.empty(len(goals), dtype=np.int64)
        orders.order_hops(
            *self._who(worlds, robots, len(goals)), goals, self._hop_range_m, self._bounds, self._spec, self._floats,
            self._ints, out,
        )  # fmt: skip
        return out

    def _who(self, worlds: ArrayLike, robots: ArrayLike, n: int) -> tuple[Ints, Ints]:
        """Return checked indices int64 [n] of worlds and of robots; negative ones count from the end, as anywhere in Python."""
        count, _, size = self._ints.shape
        return _index("world", worlds, n, count), _index("robot", robots, n, size)


class Moves(NamedTuple):
    """What `WorldOrders.moves` returns: orders of one robot of worlds, carried out when it is called, or with the ticks after them."""

    world: WorldOrders
    robot: int
    choices: Ints  # [W] rows of `ways`
    ways: Floats  # [m, 2] m
    rest: int

    def __call__(self, worlds: Ints, start: int, end: int) -> None:
        """Carry the orders out in ``worlds[start:end]``."""
        self.world.carry_out(self, worlds, start, end)


def _whole(name: str, values: ArrayLike, n: int) -> Ints:
    array = np.asarray(values)
    if array.dtype == np.int64 and array.shape == (n,) and array.flags.c_contiguous:
        return array
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise RobotError(f"{name}: {array.dtype} {array.shape}: must be whole numbers")
    if array.ndim > 1 or array.size not in (1, n):
        raise RobotError(f"{name} of shape {array.shape}: must be [{n}], or one number for all")
    return np.ascontiguousarray(np.broadcast_to(array.astype(np.int64, copy=False), (n,)))


def _index(name: str, values: ArrayLike, n: int, count: int) -> Ints:
    index = _whole(f"{name}s", values, n)
    lowest = int(index.min()) if n else 0
    if n and not (-count <= lowest and index.max() < count):
        told = int(index[(index < -count) | (index >= count)][0])
        raise WorldError(f"{name} {told}: must be a {name}'s index, 0..{count - 1}")
    if lowest < 0:
        return np.where(index < 0, index + count, index)
    return index
