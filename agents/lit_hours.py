"""Running tables of the light ahead: of places, and along straight ways between places.

A forecast of the light at one place needs up to `FAR_H` hours of it, one along a way sixty; but an hour later all of these but one are
the same. So each hour of a place is worked out once and kept in a ring until it is past. A place that moves starts anew. What
comes out are the very numbers that a fresh look would give: sums run over the same hours in the same order.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import WINDOWS_H
from moonfleet.terrain.constants import DARK_BELOW
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import lit_at

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FAR_H: Final = 480  # [h] how far ahead darkness is looked for
DAY_H: Final = 24  # [h] of light that a job's place is judged by
WAY_H: Final = 12  # [h] how far ahead the light along a way is looked at
WAY_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)  # [-] of a way, where its light is looked at
_WINDOWS: Final = np.array(WINDOWS_H, dtype=np.int64)
_SHARES: Final = np.array(WAY_SHARES)


class Almanac(NamedTuple):
    """What light is worked out from: horizons, the Sun hour by hour, and the frame of the map."""

    millideg: NDArray[np.int16]  # [A, R, C]
    sun: Floats  # [hours, 3] azimuth, elevation, radius [deg], at the middle of the site
    frame: Floats  # x_left, y_top, cell_m, rows, cols, centre x, centre y


def frame_of(ref: GeoRef) -> Floats:
    """The frame of a map as the kernels read it, float64 [7]."""
    return np.array([ref.x_left, ref.y_top, ref.cell_m, ref.rows, ref.cols, *ref.centre])


class LitHours:
    """The light ahead of ``places`` places, each anywhere on the map and moved at will."""

    def __init__(self, almanac: Almanac, places: int) -> None:
        self.almanac = almanac
        self.xy = np.full((places, 2), np.nan)
        self._cell = np.zeros((places, 2), dtype=np.int64)
        self._known = np.zeros((places, 2), dtype=np.int64)  # hours from .. to that the ring holds
        self._ring = np.zeros((places, FAR_H))
        # the next night of each place: first hour, first hour after it (-1 not found yet), hours looked at so far
        self._night = np.full((places, 3), -1, dtype=np.int64)

    def move(self, places: Ints, xy: Floats) -> None:
        """Put ``places`` [n] at ``xy`` float64 [n, 2]; those that stand there already keep what is known."""
        _move(self.almanac, places, xy, self.xy, self._cell, self._known)

    def ahead(self, places: Ints, hour: int) -> Floats:
        """Light ahead of ``places`` [n] from ``hour`` on, float64 [n, 8].

        Columns: the lit part of the next 1, 3, 6, 12, 24, 48 h, hours to the next darkness (`FAR_H` when none is near), and
        hours that it lasts.
        """
        out = np.empty((len(places), _WINDOWS.size + 2))
        _ahead(self.almanac, places, hour, self.xy, self._cell, self._known, self._ring, self._night, _WINDOWS, out)
        return out

    def day(self, places: Ints, hour: int) -> Floats:
        """Lit part of the next 24 hours at ``places`` [n], float64 [n]."""
        out = np.empty(len(places))
        _day(self.almanac, places, hour, self.xy, self._cell, self._known, self._ring, out)
        return out


class LitWays(NamedTuple):
    """The light of the next 12 hours along ``n`` straight ways; a kernel reads and fills it by `way_lit`."""

    ends: Floats  # [n, 4] start x, y, goal x, y [m]; NaN: none yet
    cell: NDArray[np.int32]  # [n, 5, 2] of the points along it
    known: Ints  # [n, 2] hours from .. to that the ring holds
    ring: Floats  # [n, 5, 12]
    mean: Floats  # [n] the answer
    mean_at: Ints  # [n] of this hour, -1 none

    @classmethod
    def blank(cls, ways: int) -> LitWays:
        """Nothing known."""
        points = _SHARES.size
        return cls(
            np.full((ways, 4), np.nan),
            np.zeros((ways, points, 2), dtype=np.int32),
            np.zeros((ways, 2), dtype=np.int64),
            np.zeros((ways, points, WAY_H)),
            np.zeros(ways),
            np.full(ways, -1, dtype=np.int64),
        )


@kernel
def cell_at(frame: Floats, x: float, y: float) -> tuple[int, int]:
    """Map cell (row, col) of a place, the nearest one for a place outside (`GeoRef.cell_of`)."""
    row = int(math.floor((frame[1] - y) / frame[2]))
    col = int(math.floor((x - frame[0]) / frame[2]))
    return min(max(row, 0), int(frame[3]) - 1), min(max(col, 0), int(frame[4]) - 1)


@kernel
def _move(almanac: Almanac, places: Ints, xy: Floats, at: Floats, cell: Ints, known: Ints) -> None:
    for i in range(places.size):
        p = places[i]
        if at[p, 0] != xy[i, 0] or at[p, 1] != xy[i, 1]:
            at[p, 0], at[p, 1] = xy[i, 0], xy[i, 1]
            cell[p, 0], cell[p, 1] = cell_at(almanac.frame, xy[i, 0], xy[i, 1])
            known[p, 0] = known[p, 1] = 0


@kernel
def _begin(known: Ints, p: int, hour: int, size: int) -> bool:
    """Forget what does not lead on from ``hour``: time may have been set back, or jumped ahead. Whether it begins anew."""
    known[p, 0] = max(known[p, 0], known[p, 1] - size)  # what came later has taken the place of the hours before
    if known[p, 0] <= hour <= known[p, 1] and known[p, 1] > 0:
        return False
    known[p, 0] = known[p, 1] = hour
    return True


@kernel
def _look(almanac: Almanac, p: int, last: int, at: Floats, cell: Ints, known: Ints, ring: Floats) -> None:
    """Fill the ring of place ``p`` up to the hour before ``last``."""
    sun, frame = almanac.sun, almanac.frame
    dx, dy = at[p, 0] - frame[5], at[p, 1] - frame[6]
    for hour in range(known[p, 1], last):
        ring[p, hour % ring.shape[1]] = lit_at(
            almanac.millideg, cell[p, 0], cell[p, 1], dx, dy, sun[hour, 0], sun[hour, 1], sun[hour, 2]
        )
    known[p, 1] = max(known[p, 1], last)


@kernel
def _ahead(
    almanac: Almanac, places: Ints, first: int, at: Floats, cell: Ints, known: Ints, ring: Floats, night: Ints,
    windows: Ints, out: Floats,
) -> None:  # fmt: skip
    size = ring.shape[1]
    hours = min(almanac.sun.shape[0] - first, FAR_H)
    near = min(hours, windows[-1])
    for i in range(places.size):
        p = places[i]
        if _begin(known, p, first, size):
            night[p, 0] = night[p, 1] = -1
            night[p, 2] = first
        if known[p, 1] < first + near:
            _look(almanac, p, first + near, at, cell, known, ring)
        total = 0.0
        window = 0
        k = first % size
        for hour in range(1, near + 1):
            total += ring[p, k]
            k = k + 1 if k + 1 < size else 0
            if hour == windows[window]:
                out[i, window] = total / hour
                window += 1
        while window < windows.size:  # the almanac ends before this window does
            out[i, window] = total / max(hours, 1)
            window += 1
        # the next night: found once, it stays the next one until it is over
        if 0 <= night[p, 1] <= first:
            night[p, 0] = night[p, 1] = -1
            night[p, 2] = first
        hour = max(night[p, 2], first)
        while night[p, 1] < 0 and hour < first + hours:
            if hour >= known[p, 1]:
                _look(almanac, p, hour + 1, at, cell, known, ring)
            lit = ring[p, hour % size]
            if lit < DARK_BELOW and night[p, 0] < 0:
                night[p, 0] = hour
            if lit >= DARK_BELOW and night[p, 0] >= 0:
                night[p, 1] = hour
            hour += 1
        night[p, 2] = hour
        if night[p, 0] < 0:
            out[i, windows.size], out[i, windows.size + 1] = FAR_H, 0.0
            continue
        begins = max(night[p, 0], first)
        ends = night[p, 1] if night[p, 1] >= 0 else first + hours
        out[i, windows.size], out[i, windows.size + 1] = begins - first, ends - begins


@kernel
def _day(
    almanac: Almanac, places: Ints, first: int, at: Floats, cell: Ints, known: Ints, ring: Floats, out: Floats
) -> None:
    size = ring.shape[1]
    hours = min(almanac.sun.shape[0] - first, DAY_H)
    for i in range(places.size):
        p = places[i]
        _begin(known, p, first, size)
        if known[p, 1] < first + hours:
            _look(almanac, p, first + hours, at, cell, known, ring)
        total = 0.0
        for hour in range(first, first + hours):
            total += ring[p, hour % size]
        out[i] = total / max(hours, 1)


@kernel
def way_lit(almanac: Almanac, ways: LitWays, n: int, sx: float, sy: float, gx: float, gy: float, first: int) -> float:
    """Lit part of the next 12 hours along the straight line of way ``n``, 0..1: what panels may hope for."""
    sun, frame = almanac.sun, almanac.frame
    ends, cell, known, ring = ways.ends, ways.cell, ways.known, ways.ring
    points, size = ring.shape[1], ring.shape[2]
    if ends[n, 0] != sx or ends[n, 1] != sy or ends[n, 2] != gx or ends[n, 3] != gy:
        ends[n, 0], ends[n, 1], ends[n, 2], ends[n, 3] = sx, sy, gx, gy
        known[n, 0] = known[n, 1] = 0
        ways.mean_at[n] = -1
        for k in range(points):
            cell[n, k, 0], cell[n, k, 1] = cell_at(frame, sx + _SHARES[k] * (gx - sx), sy + _SHARES[k] * (gy - sy))
    if ways.mean_at[n] == first:
        return ways.mean[n]
    _begin(known, n, first, size)
    last = min(first + WAY_H, sun.shape[0])
    for hour in range(known[n, 1], last):
        for k in range(points):
            dx, dy = sx + _SHARES[k] * (gx - sx) - frame[5], sy + _SHARES[k] * (gy - sy) - frame[6]
            ring[n, k, hour % size] = lit_at(
                almanac.millideg, cell[n, k, 0], cell[n, k, 1], dx, dy, sun[hour, 0], sun[hour, 1], sun[hour, 2]
            )
        known[n, 1] = hour + 1
    shares = 0.0
    for k in range(points):
        total = 0.0
        for hour in range(first, last):
            total += ring[n, k, hour % size]
        shares += total / max(last - first, 1)
    ways.mean[n], ways.mean_at[n] = shares / points, first
    return ways.mean[n]
