"""How robots end a tick: battery, heat, age, wear, and whether they live on. Lanes of robots."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import leaf_kernel
from moonfleet.terrain.lane_memory import store_where
from moonfleet.terrain.lanes import least, load, mask, most, select, size, some, splat, store

from . import spec_block as c
from . import state as s
from . import tick_notes as n
from .battery import locked_wh, serve
from .faults import wear
from .ground import GroundLayers
from .mobility import cell_index
from .thermal import HEATER_MARGIN_K, LOUVRE_SHUT_K, conductance, heat_for, memory, node_next, surroundings_k

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@leaf_kernel
def lose(f: Floats, i: Ints, r: int, reason: int) -> None:
    """Take the robot in lane ``r`` out for good."""
    i[s.ACTIVITY, r] = s.LOST
    i[s.LEG_SIZE, r] = 0
    i[s.LEG_NEXT, r] = 0
    i[s.LOSS, r] = reason
    i[s.LINK, r] = 0
    f[s.SOLAR, r] = 0.0
    f[s.LOAD, r] = 0.0


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


@forced_kernel
def _add(f: Floats, row: int, at: int, flags: Any, value: Any) -> None:
    store(f, row, at, load(f, row, at) + select(flags, value, 0.0))


@forced_kernel
def settle(
    f: Floats, i: Ints, at: int, keys: NDArray[np.uint64], world_of: Ints, notes: Floats, spec: Floats, dt_s: float, ground: GroundLayers
) -> None:  # fmt: skip
    """Charge, warm, age and wear the robots in lanes ``at`` to ``at + 8`` for one tick, and see whether they live on."""
    hours = dt_s / 3600.0
    activity = load(notes, n.DOING, at)
    alive = activity != float(s.LOST)
    sleeps = activity == float(s.HIBERNATE)
    ground_bound = alive & (load(spec, c.IS_ORBITER, at) == 0.0)
    solar, watts, available = load(notes, n.SUN_W, at), load(notes, n.LOAD_W, at), load(notes, n.AVAILABLE_WH, at)
    temp, lit, flux = load(f, s.TEMP, at), load(f, s.LIT, at), load(notes, n.SKY + s.FLUX, at)

    # the thermostat asks for what holds its limit, and gets what the power can still give
    env = surroundings_k(flux, lit)
    g = conductance(temp, load(spec, c.CONDUCTANCE, at), load(spec, c.RADIATOR, at))
    left = load(spec, c.COOL_SHUT, at)
    if some(ground_bound & (temp > LOUVRE_SHUT_K)):
        left = select(temp > LOUVRE_SHUT_K, memory(g, load(spec, c.HEAT_CAPACITY, at), dt_s), left)
    warmth = load(notes, n.SKY + s.RHU_SHARE, at) * load(notes, n.RHU, at)
    free = load(spec, c.RHU_W, at) * warmth + load(spec, c.ABSORB, at) * flux * lit
    share = load(spec, c.HEAT_SHARE, at)
    hold = select(sleeps, load(spec, c.TEMP_SURVIVE, at), load(spec, c.TEMP_OP, at)) + HEATER_MARGIN_K
    asked = heat_for(temp, hold, env, g, left) - free - share * watts
    heater = least(least(most(asked, 0.0), load(spec, c.HEATER_W, at)), most(available / hours - watts, 0.0))
    heats = ground_bound & ((load(i, s.FAULTS, at) & (1 << s.THERMAL)) == 0)
    heater = select(heats, heater, 0.0)

    nominal, before, fade = load(spec, c.CAPACITY, at), load(f, s.BATTERY, at), load(f, s.FADE, at)
    battery, came_in, served, lost, dumped = serve(
        before, nominal * (1.0 - fade), solar * hours, (watts + heater) * hours, load(notes, n.GIVE_WH, at),
        load(spec, c.CHARGE_MAX, at), load(spec, c.CHARGE_EFF, at),
    )  # fmt: skip
    fade = least(fade + load(spec, c.FADE_TICK, at) + load(spec, c.FADE_WH, at) * size(battery - before), 1.0)
    held = least(battery, nominal * (1.0 - fade))
    store_where(f, s.FADE, at, alive, fade)
    _add(f, s.FADED, at, alive, battery - held)
    store_where(f, s.BATTERY, at, alive, held)
    store_where(f, s.SOLAR, at, alive, solar)
    store_where(f, s.LOAD, at, alive, served / hours)
    _add(f, s.MADE, at, alive, solar * hours)
    _add(f, s.ENERGY_IN, at, alive, came_in)
    _add(f, s.ENERGY_OUT, at, alive, served)
    _add(f, s.CHARGE_LOSS, at, alive, lost)
    _add(f, s.DUMPED, at, alive, dumped)
    electric = least(served / hours, watts)
    heat = free + share * electric + (served / hours - electric)
    temp = select(ground_bound, node_next(temp, env, heat, g, left), temp)
    store(f, s.TEMP, at, temp)
    _add(f, s.DUST, at, ground_bound, load(spec, c.DUST_TICK, at))
    awake = alive & ~sleeps
    operating = load(f, s.OPERATING, at) + select(awake, dt_s, 0.0)
    store(f, s.OPERATING, at, operating)
    trapped = alive & (load(i, s.TRAPPED, at) == 1)
    _add(f, s.TRAPPED_S, at, trapped, splat(dt_s))

    worn = mask(awake & (operating >= load(f, s.NEXT_FAULT, at)))
    flies = mask(activity == float(s.HOP))
    tipped = alive & (load(notes, n.FATE, at) == float(s.TIPPED))
    frozen = ground_bound & (temp < load(spec, c.TEMP_SURVIVE, at))
    empty = held - locked_wh(nominal, temp, load(spec, c.COLD_LOSS, at)) <= 0.0
    depleted = alive & (load(spec, c.SOLAR_1AU, at) <= 0.0) & empty
    entrapped = trapped & (load(f, s.TRAPPED_S, at) > load(spec, c.TRAPPED_LIMIT, at))
    if worn | flies | mask(tipped | frozen | depleted | entrapped):
        tips, freezes, empties, sticks = mask(tipped), mask(frozen), mask(depleted), mask(entrapped)
        for k in range(8):
            r, bit = at + k, 1 << k
            if worn & bit:
                robot = int(notes[n.ROBOT, r])
                wear(
                    f, i, r, robot, int(keys[world_of[r]]), spec[c.FAILS : c.REPAIR_S, r], spec[c.REPAIR_S : c.HELP, r],
                    spec[c.HELP :, r],
                )  # fmt: skip
            if flies & bit:
                land(f, i, r, spec, ground)
            if tips & bit:
                lose(f, i, r, s.TIPPED)
            elif freezes & bit:
                lose(f, i, r, s.FROZEN)
            elif empties & bit:
                lose(f, i, r, s.DEPLETED)
            elif sticks & bit:
                lose(f, i, r, s.ENTRAPPED)
