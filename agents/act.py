"""What the power allows robots to do in a tick, and their doing it: waking, moving, working. Lanes of robots."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.lane_memory import store_where
from moonfleet.terrain.lanes import counted, least, load, most, real, select, some, splat, store

from . import spec_block as c
from . import state as s
from . import tick_notes as n
from .battery import locked_wh
from .data import measure
from .dust import current_share
from .ground import GroundLayers
from .mobility import drive
from .power import panel_w
from .thermal import HEATER_MARGIN_K

HOP_TICKS = 5  # a ballistic hop of some kilometres with its ascent and descent takes minutes
WAKE_LIT = 0.5  # [1] share of the Sun in view at which a sleeper that was told to wakes
FAULTY_PANEL = 0.5  # [1] share of the panel left while its power subsystem is down: one of two strings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@forced_kernel
def base_load_w(activity: Any, at: int, spec: Floats, work_w: Any, dt_s: float) -> Any:
    """Return the electrical loads [W] of activities, heater and transmitter apart; DRIVE at its rated power."""
    idle = load(spec, c.IDLE_W, at)
    extra = select(activity == s.DRIVE, load(spec, c.DRIVE_W, at), 0.0)
    extra = select(activity == s.WORK, work_w, extra)
    extra = select(activity == s.RELAY, load(spec, c.COMM_W, at), extra)
    extra = select(activity == s.HOP, load(spec, c.HOP_WH, at) * 3600.0 / (HOP_TICKS * dt_s), extra)
    return select(activity == s.HIBERNATE, load(spec, c.HIBERNATE_W, at), idle + extra)


@forced_kernel
def act(
    f: Floats, i: Ints, at: int, legs: Floats, notes: Floats, spec: Floats, dt_s: float, ground: GroundLayers
) -> None:
    """Decide what the power allows the robots in lanes ``at`` to ``at + 8``, then move or work; notes the power balance so far."""
    hours = dt_s / 3600.0
    activity = load(i, s.ACTIVITY, at)
    alive = activity != s.LOST
    down = load(i, s.FAULTS, at)
    lit, temp = load(f, s.LIT, at), load(f, s.TEMP, at)
    battery, nominal = load(f, s.BATTERY, at), load(spec, c.CAPACITY, at)
    store(notes, n.FATE, at, splat(float(s.NONE)))
    solar = splat(0.0)
    shines = alive & (lit > 0.0)
    if some(shines):
        dust = load(f, s.DUST, at)
        clean = select(dust > 0.0, current_share(dust), 1.0)
        solar = panel_w(
            load(spec, c.SOLAR_1AU, at), load(notes, n.SKY + s.FLUX, at), lit, load(notes, n.COSINE, at), clean
        )
        solar = select((down & (1 << s.POWER)) != 0, solar * FAULTY_PANEL, solar)
        solar = select(shines, solar, 0.0)
    capacity = nominal * (1.0 - load(f, s.FADE, at))
    give = battery - locked_wh(capacity, temp, load(spec, c.COLD_LOSS, at))
    give = least(most(give, 0.0), load(spec, c.DISCHARGE_MAX, at))
    available = solar * hours + give

    wake = load(f, s.WAKE, at)
    warm = temp >= load(spec, c.TEMP_SURVIVE, at) + 0.5 * HEATER_MARGIN_K
    wakes = (activity == s.HIBERNATE) & (wake > 0.0) & (lit >= WAKE_LIT) & (battery >= wake * nominal) & warm
    activity = select(wakes, s.HOLD, activity)
    store(f, s.WAKE, at, select(wakes, 0.0, wake))
    held = (activity == s.DRIVE) & ((load(i, s.TRAPPED, at) == 1) | ((down & (1 << s.MOBILITY)) != 0))
    activity = select(held, s.HOLD, activity)
    works = (activity == s.WORK) & ((down & (1 << s.PAYLOAD)) == 0)
    watts = base_load_w(activity, at, spec, select(works, load(f, s.WORK_W, at), 0.0), dt_s)
    awake = alive & (activity != s.HIBERNATE) & (activity != s.HOP)
    fails = awake & (available < watts * hours)
    activity = select(fails, s.HIBERNATE, activity)
    watts = select(fails, load(spec, c.HIBERNATE_W, at), watts)
    store(i, s.ACTIVITY, at, activity)
    store_where(i, s.BLOCKED, at, held, 1)
    store_where(i, s.LEG_SIZE, at, held | fails, 0)
    store_where(i, s.LEG_NEXT, at, held | fails, 0)
    store(i, s.BROWNOUTS, at, load(i, s.BROWNOUTS, at) + counted(fails))
    goes = activity == s.DRIVE
    if some(goes):
        joules = drive(f, i, at, goes, legs, notes, spec, dt_s, ground)
        watts = select(goes, load(spec, c.IDLE_W, at) + joules / dt_s, watts)
    works = works & ~fails & (temp >= load(spec, c.TEMP_OP, at))
    if some(works):
        new = select(works, load(f, s.DATA_MBPS, at) * dt_s, 0.0)
        stored, dropped = measure(load(f, s.DATA, at), new, load(spec, c.STORAGE, at))
        store(f, s.WORKED, at, load(f, s.WORKED, at) + select(works, dt_s, 0.0))
        store(f, s.DATA, at, select(works, stored, load(f, s.DATA, at)))
        store(f, s.GENERATED, at, load(f, s.GENERATED, at) + new)
        store(f, s.DROPPED, at, load(f, s.DROPPED, at) + select(works, dropped, 0.0))
    store(notes, n.SUN_W, at, solar)
    store(notes, n.LOAD_W, at, watts)
    store(notes, n.GIVE_WH, at, give)
    store(notes, n.AVAILABLE_WH, at, available)
    store(notes, n.DOING, at, real(activity))
