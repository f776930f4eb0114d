"""The one physics: a batched kernel that lights, moves, links, powers and warms every robot of every world.

Worlds are independent. In a tick all robots of a world first look around, then act (move, work), then send in index order, and last settle
power, heat, wear and fate. All arrays are those of `state` and `spec_block`; the equations stand in `mobility`, `power`, `battery`, `dust`,
`thermal`, `links`, `data` and `faults`. The numbers of a world lie together, float64 [F, R] and int64 [I, R].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import inlined_kernel, kernel, leaf_kernel
from moonfleet.terrain.prefetch import prefetch

from . import spec_block as c
from . import state as s
from .battery import locked_wh, serve
from .data import measure, send
from .dust import current_share
from .faults import wear
from .ground import GroundLayers, GroundStack
from .look import Aim, aim, look
from .mobility import BLOCKED, GOES_ON, STUCK, TIPS, cell_index, drive
from .power import panel_w
from .thermal import HEATER_MARGIN_K, LOUVRE_SHUT_K, conductance, heat_for, memory, node_next, surroundings_k

SHORT, AHEAD = 8, 3  # in runs of at most so many ticks memory is asked for so many worlds ahead
HOP_TICKS = 5  # a ballistic hop of some kilometres with its ascent and descent takes minutes
WAKE_LIT = 0.5  # [1] share of the Sun in view at which a sleeper that was told to wakes
FAULTY_PANEL = 0.5  # [1] share of the panel left while its power subsystem is down: one of two strings

# what passes from one part of a tick to the next, float64 [7, R]
COSINE, SUN_W, LOAD_W, GIVE_WH, AVAILABLE_WH, FATE, DOING = range(7)
NOTES = 7

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@leaf_kernel
def base_load_w(activity: int, r: int, spec: Floats, work_w: float, dt_s: float) -> float:
    """Return the electrical load [W] of an activity, heater and transmitter apart; DRIVE at its rated power."""
    idle = spec[c.IDLE_W, r]
    if activity == s.HIBERNATE:
        return spec[c.HIBERNATE_W, r]
    if activity == s.DRIVE:
        return idle + spec[c.DRIVE_W, r]
    if activity == s.WORK:
        return idle + work_w
    if activity == s.RELAY:
        return idle + spec[c.COMM_W, r]
    if activity == s.HOP:
        return idle + spec[c.HOP_WH, r] * 3600.0 / (HOP_TICKS * dt_s)
    return idle


@leaf_kernel
def halt(f: Floats, i: Ints, r: int, activity: int) -> None:
    """End the leg."""
    i[s.ACTIVITY, r] = activity
    i[s.LEG_SIZE, r] = 0
    i[s.LEG_NEXT, r] = 0


@leaf_kernel
def lose(f: Floats, i: Ints, r: int, reason: int) -> None:
    """Take a robot out for good."""
    halt(f, i, r, s.LOST)
    i[s.LOSS, r] = reason
    i[s.LINK, r] = 0
    f[s.SOLAR, r] = 0.0
    f[s.LOAD, r] = 0.0


@inlined_kernel
def move(
    f: Floats, i: Ints, legs: Floats, w: int, r: int, spec: Floats, dt_s: float, ground: GroundLayers, notes: Floats
) -> float:
    """Drive one robot for a tick; return the mean motor power [W] over the tick."""
    x, y, heading, ahead, metres, joules, end, hazard = drive(
        f[s.X, r], f[s.Y, r], f[s.HEADING, r], legs[w, r], i[s.LEG_NEXT, r], i[s.LEG_SIZE, r],
        spec[c.SPEED, r], spec[c.DRIVE_W, r], spec[c.MAX_SLOPE, r], spec[c.TIP_TAN2, r], spec[c.EMBED_GRADE, r],
        spec[c.EMBED_SLIP, r], spec[c.TRAP_PER_M, r], f[s.TRAP_LEFT, r], dt_s,
        ground.elevation, ground.slope, ground.frame,
    )  # fmt: skip
    f[s.X, r], f[s.Y, r], f[s.HEADING, r] = x, y, heading
    f[s.ODOMETER, r] += metres
    f[s.DUST, r] += spec[c.DUST_M, r] * metres
    f[s.TRAP_LEFT, r] = hazard
    i[s.LEG_NEXT, r] = ahead
    if end != GOES_ON or ahead >= i[s.LEG_SIZE, r]:
        halt(f, i, r, s.HOLD)
        i[s.BLOCKED, r] = 1 if end in (BLOCKED, STUCK) else 0
    if end == STUCK:
        i[s.TRAPPED, r] = 1
        i[s.TRAPS, r] += 1
    elif end == TIPS:
        notes[FATE, r] = s.TIPPED
    return joules / dt_s


@leaf_kernel
def land(f: Floats, i: Ints, r: int, spec: Floats, ground: GroundLayers) -> None:
    """Count a hop down; on the last tick stand at its target, or tip over where that is too steep."""
    i[s.HOP_TICKS, r] -= 1
    if i[s.HOP_TICKS, r] > 0:
        return
    f[s.X, r], f[s.Y, r] = f[s.HOP_X, r], f[s.HOP_Y, r]
    i[s.ACTIVITY, r] = s.HOLD
    rows, cols = ground.slope.shape
    row, col = cell_index(ground.frame, f[s.X, r], f[s.Y, r], rows, cols)
    if ground.slope[row, col] > spec[c.MAX_SLOPE, r]:
        lose(f, i, r, s.TIPPED)


@inlined_kernel
def act(
    f: Floats, i: Ints, legs: Floats, w: int, r: int, sky: Floats, spec: Floats, dt_s: float, ground: GroundLayers, notes: Floats
) -> None:  # fmt: skip
    """Decide what the power allows, then move or work; leaves the power balance so far in ``notes``."""
    hours = dt_s / 3600.0
    notes[FATE, r] = s.NONE
    down = i[s.FAULTS, r]
    lit = f[s.LIT, r]
    solar = 0.0
    if lit > 0.0:
        clean = current_share(f[s.DUST, r]) if f[s.DUST, r] > 0.0 else 1.0
        solar = panel_w(spec[c.SOLAR_1AU, r], sky[s.FLUX], lit, notes[COSINE, r], clean)
        if down & (1 << s.POWER):
            solar *= FAULTY_PANEL
    battery = f[s.BATTERY, r]
    capacity = spec[c.CAPACITY, r] * (1.0 - f[s.FADE, r])
    give = battery - locked_wh(capacity, f[s.TEMP, r], spec[c.COLD_LOSS, r])
    give = min(max(give, 0.0), spec[c.DISCHARGE_MAX, r])
    available = solar * hours + give
    if (
        i[s.ACTIVITY, r] == s.HIBERNATE
        and f[s.WAKE, r] > 0.0
        and lit >= WAKE_LIT
        and battery >= f[s.WAKE, r] * spec[c.CAPACITY, r]
        and f[s.TEMP, r] >= spec[c.TEMP_SURVIVE, r] + 0.5 * HEATER_MARGIN_K
    ):
        i[s.ACTIVITY, r] = s.HOLD
        f[s.WAKE, r] = 0.0
    activity = i[s.ACTIVITY, r]
    if activity == s.DRIVE and (i[s.TRAPPED, r] == 1 or down & (1 << s.MOBILITY)):
        halt(f, i, r, s.HOLD)
        i[s.BLOCKED, r] = 1
        activity = s.HOLD
    works = activity == s.WORK and not (down & (1 << s.PAYLOAD))
    load = base_load_w(activity, r, spec, f[s.WORK_W, r] if works else 0.0, dt_s)
    if available < load * hours and activity != s.HIBERNATE and activity != s.HOP:
        halt(f, i, r, s.HIBERNATE)
        i[s.BROWNOUTS, r] += 1
        activity = s.HIBERNATE
        load = spec[c.HIBERNATE_W, r]
    elif activity == s.DRIVE:
        load = spec[c.IDLE_W, r] + move(f, i, legs, w, r, spec, dt_s, ground, notes)
    elif works and f[s.TEMP, r] >= spec[c.TEMP_OP, r]:
        f[s.WORKED, r] += dt_s
        new = f[s.DATA_MBPS, r] * dt_s
        stored, dropped = measure(f[s.DATA, r], new, spec[c.STORAGE, r])
        f[s.DATA, r] = stored
        f[s.GENERATED, r] += new
        f[s.DROPPED, r] += dropped
    notes[SUN_W, r], notes[LOAD_W, r] = solar, load
    notes[GIVE_WH, r], notes[AVAILABLE_WH, r] = give, available
    notes[DOING, r] = activity


@inlined_kernel
def settle_tick(
    f: Floats, i: Ints, r: int, key: int, sky: Floats, spec: Floats, dt_s: float, ground: GroundLayers, notes: Floats, rhu: float
) -> None:  # fmt: skip
    """Charge, warm, age and wear one robot for one tick, and see whether it lives on."""
    hours = dt_s / 3600.0
    activity = int(notes[DOING, r])
    solar, load, available = notes[SUN_W, r], notes[LOAD_W, r], notes[AVAILABLE_WH, r]
    temp, lit = f[s.TEMP, r], f[s.LIT, r]
    on_ground = spec[c.IS_ORBITER, r] == 0.0
    heater, env, g, left, free = 0.0, 0.0, 1.0, 0.0, 0.0
    if on_ground:
        # the thermostat asks for what holds its limit, and gets what the power can still give
        env = surroundings_k(sky[s.FLUX], lit)
        g = conductance(temp, spec[c.CONDUCTANCE, r], spec[c.RADIATOR, r])
        left = spec[c.COOL_SHUT, r]
        if temp > LOUVRE_SHUT_K:
            left = memory(g, spec[c.HEAT_CAPACITY, r], dt_s)
        free = spec[c.RHU_W, r] * (sky[s.RHU_SHARE] * rhu) + spec[c.ABSORB, r] * sky[s.FLUX] * lit
        if not (i[s.FAULTS, r] & (1 << s.THERMAL)):
            hold = (spec[c.TEMP_SURVIVE, r] if activity == s.HIBERNATE else spec[c.TEMP_OP, r]) + HEATER_MARGIN_K
            asked = heat_for(temp, hold, env, g, left) - free - spec[c.HEAT_SHARE, r] * load
            heater = min(max(asked, 0.0), spec[c.HEATER_W, r], max(available / hours - load, 0.0))
    nominal = spec[c.CAPACITY, r]
    before = f[s.BATTERY, r]
    battery, came_in, served, lost, dumped = serve(
        before, nominal * (1.0 - f[s.FADE, r]), solar * hours, (load + heater) * hours, notes[GIVE_WH, r],
        spec[c.CHARGE_MAX, r], spec[c.CHARGE_EFF, r],
    )  # fmt: skip
    f[s.FADE, r] = min(f[s.FADE, r] + spec[c.FADE_TICK, r] + spec[c.FADE_WH, r] * abs(battery - before), 1.0)
    held = min(battery, nominal * (1.0 - f[s.FADE, r]))
    f[s.FADED, r] += battery - held
    f[s.BATTERY, r] = held
    f[s.SOLAR, r] = solar
    f[s.LOAD, r] = served / hours
    f[s.MADE, r] += solar * hours
    f[s.ENERGY_IN, r] += came_in
    f[s.ENERGY_OUT, r] += served
    f[s.CHARGE_LOSS, r] += lost
    f[s.DUMPED, r] += dumped
    if on_ground:
        electric = min(served / hours, load)
        heat = free + spec[c.HEAT_SHARE, r] * electric + (served / hours - electric)
        f[s.TEMP, r] = node_next(temp, env, heat, g, left)
        f[s.DUST, r] += spec[c.DUST_TICK, r]
    if activity != s.HIBERNATE:
        f[s.OPERATING, r] += dt_s
        if f[s.OPERATING, r] >= f[s.NEXT_FAULT, r]:
            wear(f, i, r, key, spec[c.FAILS : c.REPAIR_S, r], spec[c.REPAIR_S : c.HELP, r], spec[c.HELP :, r])
    if i[s.TRAPPED, r] == 1:
        f[s.TRAPPED_S, r] += dt_s
    if activity == s.HOP:
        land(f, i, r, spec, ground)
    if notes[FATE, r] == s.TIPPED:
        lose(f, i, r, s.TIPPED)
    elif on_ground and f[s.TEMP, r] < spec[c.TEMP_SURVIVE, r]:
        lose(f, i, r, s.FROZEN)
    elif spec[c.SOLAR_1AU, r] <= 0.0 and held - locked_wh(nominal, f[s.TEMP, r], spec[c.COLD_LOSS, r]) <= 0.0:
        lose(f, i, r, s.DEPLETED)
    elif i[s.TRAPPED, r] == 1 and f[s.TRAPPED_S, r] > spec[c.TRAPPED_LIMIT, r]:
        lose(f, i, r, s.ENTRAPPED)


@leaf_kernel
def world_tick(
    f: Floats, i: Ints, legs: Floats, w: int, stores: Floats, key: int, sky: Floats, advance: bool, dt_s: float, spec: Floats,
    station: int, mast: int, orbiter: int, ground: GroundLayers, station_view: NDArray[np.bool_],
    mast_view: NDArray[np.bool_], notes: Floats, rates: Floats, rhu: float,
) -> None:  # fmt: skip
    """Run one tick of one world; without ``advance`` only look around."""
    robots = f.shape[1]
    azimuths = ground.low.shape[0]
    sun = aim(sky[s.SUN_AZ], sky[s.SUN_EL], azimuths)
    earth = aim(sky[s.EARTH_AZ], sky[s.EARTH_EL], azimuths)
    relay = Aim(-90.0, 0.0, 0.0, 0, 0, 0.0)  # none
    if sky[s.RELAY_EL] > -90.0:
        relay = aim(sky[s.RELAY_AZ], sky[s.RELAY_EL], azimuths)
    for r in range(robots):
        if i[s.ACTIVITY, r] != s.LOST:
            notes[COSINE, r] = look(
                f, i, r, sky, sun, earth, relay, spec, station, mast, orbiter, ground, station_view, mast_view, rates
            )
    if not advance:
        return
    for r in range(robots):
        if i[s.ACTIVITY, r] != s.LOST:
            act(f, i, legs, w, r, sky, spec, dt_s, ground, notes)
        else:
            notes[DOING, r] = s.LOST
    for r in range(robots):
        activity = int(notes[DOING, r])
        if activity != s.LOST and activity != s.HIBERNATE and activity != s.HOP:
            transmitter = 0.0 if activity == s.RELAY else spec[c.COMM_W, r]
            spare = notes[AVAILABLE_WH, r] - notes[LOAD_W, r] * dt_s / 3600.0
            notes[LOAD_W, r] += send(f, i, r, rates, spec, station, mast, orbiter, stores, dt_s, spare, transmitter)
    for r in range(robots):
        if notes[DOING, r] != s.LOST:
            settle_tick(f, i, r, key, sky, spec, dt_s, ground, notes, rhu)


@leaf_kernel
def hint(f: Floats, sky: Floats, legs: Floats, w: int, ground: GroundLayers) -> None:
    """Ask ahead for the memory that the robots of a world are about to look at; in short runs waiting for it takes most of the time."""
    azimuths, rows, cols = ground.low.shape
    sun = int((sky[s.SUN_AZ] % 360.0) * azimuths / 360.0)
    earth = int((sky[s.EARTH_AZ] % 360.0) * azimuths / 360.0)
    for r in range(f.shape[1]):
        row, col = cell_index(ground.frame, f[s.X, r], f[s.Y, r], rows, cols)
        if row >= 0:
            prefetch(ground.low, (sun, row, col))
            prefetch(ground.low, (sun + 1 if sun + 1 < azimuths else 0, row, col))
            prefetch(ground.low, (earth, row, col))
            prefetch(ground.low, (earth + 1 if earth + 1 < azimuths else 0, row, col))
            prefetch(ground.elevation, (row, col))
            prefetch(ground.slope, (row, col))
            prefetch(legs, (w, r, 0, 0))


@leaf_kernel
def _run_worlds(
    which: Ints, k_from: int, k_to: int, floats: Floats, ints: Ints, legs: Floats, stores: Floats, keys: NDArray[np.uint64],
    sky: Floats, first: Ints, rhu: Floats, ticks: int, dt_s: float, spec: Floats, station: int, mast: int, orbiter: int,
    ground: GroundLayers, views: NDArray[np.bool_], view_of: Ints, notes: Floats, rates: Floats, store: Floats,
) -> None:  # fmt: skip
    """The loop of `run_ticks`, with what it keeps notes in: ``notes`` [7, R], ``rates`` [R, 4], ``store`` [3]."""
    robots = floats.shape[2]
    for n in range(k_from, k_to):
        if ticks <= SHORT:
            if n + 2 * AHEAD < k_to:
                far = which[n + 2 * AHEAD]
                prefetch(sky, (first[far], 0))
                prefetch(sky, (first[far], s.RELAY_EL))
                prefetch(floats, (far, s.X, 0))
                prefetch(floats, (far, s.Y, robots - 1))
            if n + AHEAD < k_to:
                near = which[n + AHEAD]
                hint(floats[near], sky[first[near]], legs, near, ground)
        w = which[n]
        f, i = floats[w], ints[w]
        for k in range(3):
            store[k] = stores[k, w]
        station_view, mast_view = views[view_of[0, w]], views[view_of[1, w]]
        for tick in range(max(ticks, 1)):
            world_tick(
                f, i, legs, w, store, keys[w], sky[first[w] + tick], ticks > 0, dt_s, spec, station, mast, orbiter,  # pyright: ignore[reportArgumentType]
                ground, station_view, mast_view, notes, rates, rhu[w],  # pyright: ignore[reportArgumentType]
            )  # fmt: skip
        for k in range(3):
            stores[k, w] = store[k]


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
    sky : float64 [n, 11]
        Sky rows, tick by tick; world w starts at row ``first[w]``; its radioisotope sources have the share ``rhu[w]`` of what rows say.
    spec : float64 [69, R]
        The machines; ``station``, ``mast`` and ``orbiter`` are the indices of those that keep data for others, -1 for none.
    ground
        Heights, slopes and horizons.
    views : bool [V, rows, cols]
        Viewsheds; world w uses ``views[view_of[0, w]]`` for the station and ``views[view_of[1, w]]`` for the mast.
    """
    robots = floats.shape[2]
    notes = np.zeros((NOTES, robots))
    rates = np.zeros((robots, 4))
    _run_worlds(
        which, k_from, k_to, floats, ints, legs, stores, keys, sky, first, rhu, ticks, dt_s, spec, station, mast, orbiter,
        ground, views, view_of, notes, rates, np.empty(3),
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
