"""The one physics: a batched kernel that lights, moves, links, powers and warms every robot of every world.

Worlds are independent; within a tick robots go in index order (a robot's bits reach the station's store in that
order). All arrays are those of `state`; the equations are in `mobility`, `power`, `thermal` and `links`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel
from moonfleet.terrain.light import clearance_deg, lit_at

from . import state as s
from .links import BIT_EARTH, BIT_RELAY, BIT_STATION, best_link, measure
from .mobility import CENTRE_X, CENTRE_Y, cell_index, drive
from .power import panel_w, settle
from .thermal import HEATER_MARGIN_K, conductance, heat_to_hold, node_after, surroundings_k

HOP_TICKS = 5  # a ballistic hop of some kilometres with its ascent and descent takes minutes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def look(
    f: Floats, i: Ints, w: int, r: int, sky: Floats, spec: Floats, station: int,
    millideg: NDArray[np.int16], view: NDArray[np.bool_], frame: Floats,
) -> None:  # fmt: skip
    """Set LIT and LINK of one robot from the sky row ``sky`` [8] and the terrain horizon at its cell."""
    awake_station = 0 <= station != r and _listens(i[s.ACTIVITY, w, max(station, 0)])
    if spec[s.IS_ORBITER, r] > 0.0:
        f[s.LIT, w, r] = 1.0
        i[s.LINK, w, r] = BIT_EARTH if spec[s.RATE_EARTH, r] > 0.0 else 0
        return
    x, y = f[s.X, w, r], f[s.Y, w, r]
    dx, dy = x - frame[CENTRE_X], y - frame[CENTRE_Y]
    rows, cols = view.shape
    row, col = cell_index(frame, x, y, rows, cols)
    f[s.LIT, w, r] = lit_at(millideg, row, col, dx, dy, sky[s.SUN_AZ], sky[s.SUN_EL], sky[s.SUN_RADIUS])
    link = 0
    if awake_station and spec[s.RATE_STATION, r] > 0.0 and view[row, col]:
        to_x, to_y = f[s.X, w, station] - x, f[s.Y, w, station] - y
        if math.sqrt(to_x * to_x + to_y * to_y) <= spec[s.RANGE_STATION, r]:
            link |= BIT_STATION
    relay = clearance_deg(millideg, row, col, dx, dy, sky[s.RELAY_AZ], sky[s.RELAY_EL])
    if spec[s.RATE_RELAY, r] > 0.0 and sky[s.RELAY_EL] > -90.0 and relay >= 0.0:
        link |= BIT_RELAY
    earth = clearance_deg(millideg, row, col, dx, dy, sky[s.EARTH_AZ], sky[s.EARTH_EL])
    if spec[s.RATE_EARTH, r] > 0.0 and earth >= 0.0:
        link |= BIT_EARTH
    i[s.LINK, w, r] = link


@kernel
def _listens(activity: int) -> bool:
    return activity != s.HIBERNATE and activity != s.LOST and activity != s.HOP


@kernel
def base_load_w(activity: int, r: int, spec: Floats, work_w: float, dt_s: float) -> float:
    """Return the electrical load [W] of an activity, heater and transmitter apart; DRIVE at its rated power."""
    idle = spec[s.IDLE_W, r]
    if activity == s.HIBERNATE:
        return spec[s.HIBERNATE_W, r]
    if activity == s.DRIVE:
        return idle + spec[s.DRIVE_W, r]
    if activity == s.WORK:
        return idle + work_w
    if activity == s.RELAY:
        return idle + spec[s.COMM_W, r]
    if activity == s.HOP:
        return idle + spec[s.HOP_WH, r] * 3600.0 / (HOP_TICKS * dt_s)
    return idle


@kernel
def move(
    f: Floats, i: Ints, legs: Floats, w: int, r: int, spec: Floats, dt_s: float,
    elevation: NDArray[np.float32], slope: NDArray[np.float32], frame: Floats,
) -> float:  # fmt: skip
    """Drive one robot for a tick; return the mean motor power [W] over the tick."""
    x, y, heading, ahead, metres, joules, blocked = drive(
        f[s.X, w, r], f[s.Y, w, r], f[s.HEADING, w, r], legs[w, r], i[s.LEG_NEXT, w, r], i[s.LEG_SIZE, w, r],
        spec[s.SPEED, r], spec[s.DRIVE_W, r], spec[s.MAX_SLOPE, r], dt_s, elevation, slope, frame,
    )  # fmt: skip
    f[s.X, w, r], f[s.Y, w, r], f[s.HEADING, w, r] = x, y, heading
    f[s.ODOMETER, w, r] += metres
    i[s.LEG_NEXT, w, r] = ahead
    if blocked or ahead >= i[s.LEG_SIZE, w, r]:
        i[s.LEG_SIZE, w, r] = 0
        i[s.LEG_NEXT, w, r] = 0
        i[s.ACTIVITY, w, r] = s.HOLD
        i[s.BLOCKED, w, r] = 1 if blocked else 0
    return joules / dt_s


@kernel
def land(f: Floats, i: Ints, w: int, r: int, spec: Floats, slope: NDArray[np.float32], frame: Floats) -> None:
    """Count a hop down; on the last tick stand at its target, or tip over where that is too steep."""
    i[s.HOP_TICKS, w, r] -= 1
    if i[s.HOP_TICKS, w, r] > 0:
        return
    f[s.X, w, r], f[s.Y, w, r] = f[s.HOP_X, w, r], f[s.HOP_Y, w, r]
    i[s.ACTIVITY, w, r] = s.HOLD
    rows, cols = slope.shape
    row, col = cell_index(frame, f[s.X, w, r], f[s.Y, w, r], rows, cols)
    if slope[row, col] > spec[s.MAX_SLOPE, r]:
        lose(f, i, w, r, s.TIPPED)


@kernel
def lose(f: Floats, i: Ints, w: int, r: int, reason: int) -> None:
    """Take a robot out for good."""
    i[s.ACTIVITY, w, r] = s.LOST
    i[s.LOSS, w, r] = reason
    i[s.LINK, w, r] = 0
    i[s.LEG_SIZE, w, r] = 0
    i[s.LEG_NEXT, w, r] = 0
    f[s.SOLAR, w, r] = 0.0
    f[s.LOAD, w, r] = 0.0


@kernel
def talk(
    f: Floats, i: Ints, w: int, r: int, spec: Floats, station: int, archive: Floats, store: Floats, dt_s: float,
    spare_wh: float, transmitter_w: float,
) -> float:  # fmt: skip
    """Send what one robot holds over its fastest link; return the transmitter's mean power [W] over the tick.

    Data goes to the station's store or straight into Earth's archive; the station passes on its own first, then the
    store. Nothing is sent unless ``spare_wh`` covers the transmitter.
    """
    link = i[s.LINK, w, r]
    if link & BIT_STATION and store[w] >= spec[s.STORAGE, station]:
        link -= BIT_STATION
    bit, rate = best_link(link, spec[s.RATE_STATION, r], spec[s.RATE_RELAY, r], spec[s.RATE_EARTH, r])
    if bit == 0:
        return 0.0
    budget = rate * dt_s
    own = min(f[s.DATA, w, r], budget)
    passed_on = 0.0
    if bit == BIT_STATION:
        own = min(own, spec[s.STORAGE, station] - store[w])
    elif r == station:
        passed_on = min(store[w], budget - own)
    sent = own + passed_on
    watts = transmitter_w * (sent / budget)
    if sent <= 0.0 or watts * dt_s / 3600.0 > spare_wh:
        return 0.0
    f[s.DATA, w, r] -= own
    f[s.SENT, w, r] += sent
    if bit == BIT_STATION:
        store[w] += own
    else:
        archive[w] += sent
        store[w] -= passed_on
    return watts


@kernel
def robot_tick(
    f: Floats, i: Ints, legs: Floats, w: int, r: int, sky: Floats, spec: Floats, station: int, archive: Floats,
    store: Floats, dt_s: float, elevation: NDArray[np.float32], slope: NDArray[np.float32], frame: Floats,
) -> None:  # fmt: skip
    """Move, work, talk, charge and warm one living robot for one tick; LIT and LINK are those of the tick's start."""
    hours = dt_s / 3600.0
    lit = f[s.LIT, w, r]
    battery = f[s.BATTERY, w, r]
    solar = panel_w(spec[s.SOLAR_1AU, r], sky[s.FLUX], lit)
    available = solar * hours + battery
    activity = i[s.ACTIVITY, w, r]
    load = base_load_w(activity, r, spec, f[s.WORK_W, w, r], dt_s)
    if available < load * hours and activity != s.HIBERNATE and activity != s.HOP:
        activity = s.HIBERNATE
        i[s.ACTIVITY, w, r] = s.HIBERNATE
        i[s.BROWNOUTS, w, r] += 1
        i[s.LEG_SIZE, w, r] = 0
        i[s.LEG_NEXT, w, r] = 0
        load = spec[s.HIBERNATE_W, r]
    temp = f[s.TEMP, w, r]
    if activity == s.DRIVE:
        load = spec[s.IDLE_W, r] + move(f, i, legs, w, r, spec, dt_s, elevation, slope, frame)
    elif activity == s.WORK and temp >= spec[s.TEMP_OP, r]:
        f[s.WORKED, w, r] += dt_s
        new = f[s.DATA_MBPS, w, r] * dt_s
        stored, dropped = measure(f[s.DATA, w, r], new, spec[s.STORAGE, r])
        f[s.DATA, w, r] = stored
        f[s.GENERATED, w, r] += new
        f[s.DROPPED, w, r] += dropped
    if _listens(activity):
        transmitter = 0.0 if activity == s.RELAY else spec[s.COMM_W, r]
        load += talk(f, i, w, r, spec, station, archive, store, dt_s, available - load * hours, transmitter)
    # heat: the thermostat asks for what holds its limit, and gets what the battery can still give
    env = surroundings_k(sky[s.FLUX], lit)
    g = conductance(temp, spec[s.CONDUCTANCE, r], spec[s.RADIATOR, r])
    free = spec[s.RHU_W, r] + spec[s.ABSORB, r] * sky[s.FLUX] * lit
    on_ground = spec[s.IS_ORBITER, r] == 0.0
    heater = 0.0
    if on_ground:
        hold = (spec[s.TEMP_SURVIVE, r] if activity == s.HIBERNATE else spec[s.TEMP_OP, r]) + HEATER_MARGIN_K
        asked = heat_to_hold(temp, hold, env, g, spec[s.HEAT_CAPACITY, r], dt_s) - free - spec[s.HEAT_SHARE, r] * load
        heater = min(max(asked, 0.0), spec[s.HEATER_W, r], max(available / hours - load, 0.0))
    battery, came_in, served = settle(battery, spec[s.CAPACITY, r], solar * hours, (load + heater) * hours)
    f[s.BATTERY, w, r] = battery
    f[s.SOLAR, w, r] = solar
    f[s.LOAD, w, r] = served / hours
    f[s.ENERGY_IN, w, r] += came_in
    f[s.ENERGY_OUT, w, r] += served
    if on_ground:
        electric = min(served / hours, load)
        heat = free + spec[s.HEAT_SHARE, r] * electric + (served / hours - electric)
        f[s.TEMP, w, r] = node_after(temp, env, heat, g, spec[s.HEAT_CAPACITY, r], dt_s)
    if activity == s.HOP:
        land(f, i, w, r, spec, slope, frame)
    if on_ground and f[s.TEMP, w, r] < spec[s.TEMP_SURVIVE, r]:
        lose(f, i, w, r, s.FROZEN)
    elif battery <= 0.0 and spec[s.SOLAR_1AU, r] <= 0.0:
        lose(f, i, w, r, s.DEPLETED)


@kernel
def run_ticks(
    f: Floats, i: Ints, legs: Floats, archive: Floats, store: Floats, sky: Floats, first: Ints, ticks: int, dt_s: float,
    spec: Floats, station: int, elevation: NDArray[np.float32], slope: NDArray[np.float32],
    millideg: NDArray[np.int16], views: NDArray[np.bool_], view_of: Ints, frame: Floats, w_from: int, w_to: int,
) -> None:  # fmt: skip
    """Run ``ticks`` ticks of ``dt_s`` in the worlds ``w_from:w_to``; with ``ticks == 0`` only look around (LIT, LINK).

    Parameters
    ----------
    f, i : float64[20, W, R], int64[9, W, R]
        The state, changed in place; ``legs`` float64[W, R, 64, 2]; ``archive``, ``store`` float64[W] Mbit.
    sky : float64[W, B, 8]
        Sky rows of a block of ticks per world; world w starts at row ``first[w]``.
    spec : float64[24, R]
        The machines; ``station`` is the index of the one with the data store, -1 for none.
    elevation, slope, millideg, views
        Ground [rows, cols], horizon [azimuths, rows, cols] (0.001 deg), station viewsheds [V, rows, cols]; world w uses
        ``views[view_of[w]]``.
    frame : float64[5]
        See `mobility`.
    """
    robots = f.shape[2]
    for w in range(w_from, w_to):
        view = views[view_of[w]]
        for tick in range(max(ticks, 1)):
            row = sky[w, first[w] + tick]
            for r in range(robots):
                if i[s.ACTIVITY, w, r] == s.LOST:
                    continue
                look(f, i, w, r, row, spec, station, millideg, view, frame)
                if ticks > 0:
                    robot_tick(f, i, legs, w, r, row, spec, station, archive, store, dt_s, elevation, slope, frame)
