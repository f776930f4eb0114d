"""The one physics: a batched kernel that lights, moves, links, powers and warms every robot of every world.

Worlds are independent. In a tick all robots of a world first look around (`look`), then act (`act`), then send in index order (`data`), and
last settle power, heat, wear and fate (`settle`). Eight robots at a time are worked on in lanes (`moonfleet.terrain.lanes`): those of a
world whose robots are a multiple of eight where they lie, others side by side in a buffer, several small worlds at once. A robot's numbers
do not depend on who is in the other lanes. The numbers of a world lie together, float64 [F, R] and int64 [I, R]; those of a robot that is
alone in its world lie in one piece.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import kernel, leaf_kernel
from moonfleet.terrain.lane_memory import load_flat
from moonfleet.terrain.lane_turns import give_turned, take_turned
from moonfleet.terrain.lanes import WIDTH, load, pick, pick_whole, put, real, select, splat, store, whole
from moonfleet.terrain.prefetch import prefetch

from . import spec_block as c
from . import state as s
from . import tick_notes as n
from .act import HOP_TICKS, act
from .data import send
from .ground import GroundLayers, GroundStack
from .look import NO_RELAY_DEG, listens, look
from .mobility import cell_index
from .settle import settle

__all__ = ["HOP_TICKS", "group_shape", "lanes_of", "run_ticks", "run_ticks_on"]

SHORT = 8  # in runs of at most so many ticks memory is asked for ahead
COLUMNS = len(s.SKY_COLUMNS)
LINE = 8  # float64 of a line of memory
_LANES = np.arange(float(WIDTH))

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@leaf_kernel
def group_shape(robots: int) -> tuple[int, int]:
    """Return how many worlds of so many robots are worked on at once, and in how many lanes."""
    count = max(WIDTH // robots, 1)
    return count, (count * robots + WIDTH - 1) // WIDTH * WIDTH


def lanes_of(spec: Floats) -> Floats:
    """Return a table of machines [69, R] as lanes have it, [69, L]; lanes that are no robot's repeat the first."""
    robots = spec.shape[1]
    count, lanes = group_shape(robots)
    machine = np.arange(lanes) % robots
    machine[count * robots :] = 0
    return np.ascontiguousarray(spec[:, machine])


@forced_kernel
def _note_sky(notes: Floats, lanes: int, count: int, sky: Floats, row: int, tick: int) -> None:
    """Note the sky of a tick; ``row`` is that of the first world when its run began."""
    if lanes == WIDTH and count > 1:
        place = whole(load(notes, n.SKY_ROW, 0) + float(tick * COLUMNS))
        for k in range(0, COLUMNS, WIDTH):
            first = min(k, COLUMNS - WIDTH)  # the last eight, some of them twice
            take_turned(notes, n.SKY + first, 0, sky, place + first)
        return
    if count == 1:
        for k in range(COLUMNS):
            value = splat(sky[row + tick, k])
            for at in range(0, lanes, WIDTH):
                store(notes, n.SKY + k, at, value)
        return
    place = whole(load(notes, n.SKY_ROW, 0) + float(tick * COLUMNS))
    for k in range(COLUMNS):
        store(notes, n.SKY + k, 0, pick(sky, place + k))


@forced_kernel
def _note_keepers(
    f: Floats, i: Ints, notes: Floats, robots: int, count: int, station: int, mast: int, orbiter: int
) -> None:
    """Note where those stand that keep data for others, and whether they listen."""
    for p in range(count):
        base = p * robots
        for row, keeper in ((n.STATION_X, station), (n.MAST_X, mast)):
            if keeper >= 0:
                k = base + keeper
                x, y, hears = f[s.X, k], f[s.Y, k], 1.0 if listens(f, i, k) else 0.0
                for r in range(base, base + robots):
                    notes[row, r], notes[row + 1, r], notes[row + 2, r] = x, y, hears
        relays = 1.0 if orbiter < 0 or listens(f, i, base + orbiter) else 0.0
        for r in range(base, base + robots):
            notes[n.RELAY_HEARS, r] = relays


@forced_kernel
def _tick(
    f: Floats, i: Ints, legs: Floats, worlds: Ints, count: int, robots: int, world_of: Ints, stores: Floats, keys: NDArray[np.uint64],
    advance: bool, dt_s: float, spec: Floats, station: int, mast: int, orbiter: int, ground: GroundLayers,
    views: NDArray[np.bool_], notes: Floats,
) -> None:  # fmt: skip
    """Run one tick of ``count`` worlds; without ``advance`` only look around."""
    lanes = spec.shape[1]
    _note_keepers(f, i, notes, robots, count, station, mast, orbiter)
    for at in range(0, lanes, WIDTH):
        look(f, i, at, notes, spec, station, mast, ground, views)
    if not advance:
        return
    for at in range(0, lanes, WIDTH):
        act(f, i, at, legs, notes, spec, dt_s, ground)
    for p in range(count):
        base, w = p * robots, worlds[p]
        for r in range(robots):
            lane = base + r
            if f[s.DATA, lane] > 0.0 or r in (station, orbiter):
                doing = int(notes[n.DOING, lane])
                if doing != s.LOST and doing != s.HIBERNATE and doing != s.HOP:
                    transmitter = 0.0 if doing == s.RELAY else spec[c.COMM_W, lane]
                    spare = notes[n.AVAILABLE_WH, lane] - notes[n.LOAD_W, lane] * dt_s / 3600.0
                    notes[n.LOAD_W, lane] += send(
                        f, i, lane, notes, spec, base + station if station >= 0 else -1, base + mast if mast >= 0 else -1,
                        base + orbiter if orbiter >= 0 else -1, stores, w, dt_s, spare, transmitter,
                    )  # fmt: skip
    for at in range(0, lanes, WIDTH):
        settle(f, i, at, keys, world_of, notes, spec, dt_s, ground)


@forced_kernel
def _hint_horizon(ground: GroundLayers, az_deg: float, row: int, col: int) -> None:
    azimuths = ground.low.shape[0]
    at = int(az_deg * azimuths / 360.0)
    if 0 <= at < azimuths:
        prefetch(ground.low, (at, row, col))
        prefetch(ground.low, (at + 1 if at + 1 < azimuths else 0, row, col))


@forced_kernel
def _hint(f: Floats, sky: Floats, legs: Floats, w: int, ground: GroundLayers) -> None:
    """Ask ahead for the memory that the robots of a world are about to look at; in short runs waiting for it takes most of the time."""
    rows, cols = ground.slope.shape
    for r in range(f.shape[1]):
        row, col = cell_index(ground.frame, f[s.X, r], f[s.Y, r], rows, cols)
        if row >= 0:
            _hint_horizon(ground, sky[s.SUN_AZ], row, col)
            _hint_horizon(ground, sky[s.EARTH_AZ], row, col)
            if sky[s.RELAY_EL] > NO_RELAY_DEG:
                _hint_horizon(ground, sky[s.RELAY_AZ], row, col)
            prefetch(ground.elevation, (row, col))
            prefetch(ground.slope, (row, col))
            prefetch(legs, (w, r, 0, 0))


@forced_kernel
def _take_in(floats: Floats, ints: Ints, notes: Floats, f: Floats, i: Ints) -> None:
    """Copy the numbers of worlds into lanes."""
    robots, count_f, count_i = floats.shape[2], floats.shape[1], ints.shape[1]
    if robots == 1:
        place = whole(load(notes, n.HOME_F, 0))
        for k in range(0, count_f, WIDTH):
            row = min(k, count_f - WIDTH)  # the last eight, some of them twice
            take_turned(f, row, 0, floats, place + row)
        place = whole(load(notes, n.HOME_I, 0))
        for k in range(0, count_i, WIDTH):
            row = min(k, count_i - WIDTH)
            take_turned(i, row, 0, ints, place + row)
        return
    for at in range(0, f.shape[1], WIDTH):
        place = whole(load(notes, n.HOME_F, at))
        for k in range(count_f):
            store(f, k, at, pick(floats, place + k * robots))
        place = whole(load(notes, n.HOME_I, at))
        for k in range(count_i):
            store(i, k, at, pick_whole(ints, place + k * robots))


@forced_kernel
def _put_back(floats: Floats, ints: Ints, notes: Floats, f: Floats, i: Ints) -> None:
    robots, count_f, count_i = floats.shape[2], floats.shape[1], ints.shape[1]
    if robots == 1:
        place = whole(load(notes, n.HOME_F, 0))
        for k in range(0, count_f, WIDTH):
            row = min(k, count_f - WIDTH)
            give_turned(floats, place + row, f, row, 0)
        place = whole(load(notes, n.HOME_I, 0))
        for k in range(0, count_i, WIDTH):
            row = min(k, count_i - WIDTH)
            give_turned(ints, place + row, i, row, 0)
        return
    for at in range(0, f.shape[1], WIDTH):
        place = whole(load(notes, n.HOME_F, at))
        for k in range(count_f):
            put(floats, place + k * robots, load(f, k, at))
        place = whole(load(notes, n.HOME_I, at))
        for k in range(count_i):
            put(ints, place + k * robots, load(i, k, at))


@forced_kernel
def _note_single(
    which: Ints, k: int, count: int, notes: Floats, world_of: Ints, first: Ints, rhu: Floats, view_of: Ints, count_f: int,
    count_i: int,
) -> None:  # fmt: skip
    """Note the worlds ``which[k:k + count]`` of one robot each; lanes that are no robot's repeat the first."""
    lane = load_flat(_LANES, 0)
    w = pick_whole(which, whole(select(lane < float(count), lane, 0.0)) + k)
    put(world_of, whole(lane), w)
    store(notes, n.RHU, 0, pick(rhu, w))
    store(notes, n.STATION_VIEW, 0, pick(view_of, w))
    store(notes, n.MAST_VIEW, 0, pick(view_of, w + view_of.shape[1]))
    store(notes, n.LEG_AT, 0, real(w * (s.LEG_POINTS * 2)))
    store(notes, n.HOME_F, 0, real(w * count_f))
    store(notes, n.HOME_I, 0, real(w * count_i))
    store(notes, n.SKY_ROW, 0, pick(first, w) * float(COLUMNS))
    store(notes, n.CELL, 0, splat(-1.0))
    store(notes, n.RELAY_AT, 0, splat(-1.0))


@forced_kernel
def _run_groups(
    which: Ints, k_from: int, k_to: int, floats: Floats, ints: Ints, legs: Floats, stores: Floats, keys: NDArray[np.uint64],
    sky: Floats, first: Ints, rhu: Floats, ticks: int, dt_s: float, spec: Floats, station: int, mast: int, orbiter: int,
    ground: GroundLayers, views: NDArray[np.bool_], view_of: Ints, notes: Floats, buffer_f: Floats, buffer_i: Ints, world_of: Ints,
) -> None:  # fmt: skip
    """The loop of `run_ticks`, with what it keeps notes and copies in: float64 [NOTES, L], float64 [F, L], int64 [I, L], int64 [L]."""
    robots = floats.shape[2]
    most, lanes = group_shape(robots)
    for k in range(k_from, k_to, most):
        count = min(most, k_to - k)
        if ticks <= SHORT:
            for ahead in range(k + 2 * most, min(k + 3 * most, k_to)):
                far = which[ahead]
                for column in range(0, COLUMNS, LINE):
                    prefetch(sky, (first[far], column))
                prefetch(floats, (far, s.X, 0))
                prefetch(floats, (far, s.Y, robots - 1))
            for ahead in range(k + most, min(k + 2 * most, k_to)):
                near = which[ahead]
                _hint(floats[near], sky[first[near]], legs, near, ground)
        worlds = which[k : k + count]
        if robots == 1:
            _note_single(which, k, count, notes, world_of, first, rhu, view_of, floats.shape[1], ints.shape[1])
        for lane in range(0 if robots == 1 else lanes):
            # lanes that are no robot's are put with the first of their eight, which is written last
            real = lane if lane < count * robots else lane // WIDTH * WIDTH
            w, r = worlds[real // robots], real % robots
            world_of[lane] = w
            notes[n.RHU, lane] = rhu[w]
            notes[n.STATION_VIEW, lane], notes[n.MAST_VIEW, lane] = view_of[0, w], view_of[1, w]
            notes[n.LEG_AT, lane] = float((w * robots + r) * s.LEG_POINTS * 2)
            notes[n.HOME_F, lane] = float(w * robots * floats.shape[1] + r)
            notes[n.HOME_I, lane] = float(w * robots * ints.shape[1] + r)
            notes[n.SKY_ROW, lane] = float(first[w] * COLUMNS)
            notes[n.CELL, lane] = notes[n.RELAY_AT, lane] = -1.0
        in_place = robots == lanes
        if in_place:
            f, i = floats[worlds[0]], ints[worlds[0]]
        else:
            f, i = buffer_f, buffer_i
            _take_in(floats, ints, notes, f, i)
            for lane in range(count * robots, lanes):
                i[s.ACTIVITY, lane] = s.LOST
        for tick in range(max(ticks, 1)):
            _note_sky(notes, lanes, count, sky, int(first[worlds[0]]), tick)
            _tick(
                f, i, legs, worlds, count, robots, world_of, stores, keys, ticks > 0, dt_s, spec, station, mast, orbiter,
                ground, views, notes,
            )  # fmt: skip
        if not in_place:
            _put_back(floats, ints, notes, f, i)


@kernel
def run_ticks(
    which: Ints, k_from: int, k_to: int, floats: Floats, ints: Ints, legs: Floats, stores: Floats, keys: NDArray[np.uint64],
    sky: Floats, first: Ints, rhu: Floats, ticks: int, dt_s: float, spec: Floats, station: int, mast: int, orbiter: int,
    ground: GroundLayers, views: NDArray[np.bool_], view_of: Ints,
) -> None:  # fmt: skip
    """Run ``ticks`` ticks of ``dt_s`` in the worlds ``which[k_from:k_to]``; with ``ticks == 0`` only look around (LIT, LINK).

    Parameters
    ----------
    floats, ints : float64 [W, F, R], int64 [W, I, R]
        The state, changed in place; ``legs`` float64 [W, R, 64, 2]; ``stores`` float64 [3, W] Mbit; ``keys`` uint64 [W].
    sky : float64 [n, 17]
        Sky rows, tick by tick; world w starts at row ``first[w]``; its radioisotope sources have the share ``rhu[w]`` of what rows say.
    spec : float64 [69, L]
        The machines as of `lanes_of`; ``station``, ``mast`` and ``orbiter``: who keeps data for others, -1 for none.
    ground
        Heights, slopes and horizons.
    views : bool [V, rows, cols]
        Viewsheds; world w uses ``views[view_of[0, w]]`` for the station and ``views[view_of[1, w]]`` for the mast.
    """
    lanes = spec.shape[1]
    notes = np.zeros((n.NOTES, lanes))
    for lane in range(lanes):
        notes[n.ROBOT, lane] = lane % floats.shape[2]
    buffer_f, buffer_i = np.zeros((floats.shape[1], lanes)), np.zeros((ints.shape[1], lanes), dtype=np.int64)
    _run_groups(
        which, k_from, k_to, floats, ints, legs, stores, keys, sky, first, rhu, ticks, dt_s, spec, station, mast, orbiter,
        ground, views, view_of, notes, buffer_f, buffer_i, np.zeros(lanes, dtype=np.int64),
    )  # fmt: skip


@kernel
def run_ticks_on(
    which: Ints, k_from: int, k_to: int, floats: Floats, ints: Ints, legs: Floats, stores: Floats, keys: NDArray[np.uint64],
    sky: Floats, first: Ints, rhu: Floats, ticks: int, dt_s: float, spec: Floats, station: int, mast: int, orbiter: int,
    grounds: GroundStack, ground_of: Ints, views: NDArray[np.bool_], view_of: Ints,
) -> None:  # fmt: skip
    """Do as `run_ticks` where world w stands on ground ``ground_of[w]`` of several; best with those of one ground together."""
    start = k_from
    while start < k_to:
        g = ground_of[which[start]]
        end = start + 1
        while end < k_to and ground_of[which[end]] == g:
            end += 1
        ground = GroundLayers(
            grounds.elevation[g], grounds.slope[g], grounds.low[g], grounds.middle[g], grounds.high[g], grounds.frame
        )
        run_ticks(
            which, start, end, floats, ints, legs, stores, keys, sky, first, rhu, ticks, dt_s, spec, station, mast,
            orbiter, ground, views, view_of,
        )  # fmt: skip
        start = end
