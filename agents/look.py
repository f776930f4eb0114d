"""What robots see of the sky and of the others at the start of a tick: light on panels, who can be reached how fast. Lanes of robots."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import leaf_kernel
from moonfleet.terrain.lanes import floor, load, mask, pick, pick_of, select, some, splat, store, whole
from moonfleet.terrain.light import disc_lit

from . import spec_block as c
from . import state as s
from . import tick_notes as n
from .ground import GroundLayers
from .links import BIT_EARTH, BIT_MAST, BIT_RELAY, BIT_STATION, rate_at, received
from .mobility import CENTRE_X, CENTRE_Y, cells
from .power import panel_cosine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
HIGHEST_DEG = 33.0  # [deg] no horizon stands higher: they are kept in 16 bits of a thousandth
NO_RELAY_DEG = -90.0


@leaf_kernel
def listens(f: Floats, i: Ints, r: int) -> bool:
    """Whether a robot's radio is on and works."""
    activity = i[s.ACTIVITY, r]
    asleep = activity == s.HIBERNATE or activity == s.LOST or activity == s.HOP
    return not asleep and not (i[s.FAULTS, r] & (1 << s.COMM))


@forced_kernel
def _azimuths(az_deg: Any, count: int) -> tuple[Any, Any]:
    """Return which azimuth of a horizon bodies stand behind, and how far 0..1 they are from it to the next; as `azimuth_bin`."""
    place = (az_deg - 360.0 * floor(az_deg * (1.0 / 360.0))) * count / 360.0
    at = floor(place)
    return select(at >= count, 0.0, at), place - at


@forced_kernel
def _look_up(notes: Floats, at: int, first: int, layer: Any, az: Any, cell: Any, ground: GroundLayers) -> None:
    """Note the horizons of cells at an azimuth and the next."""
    azimuths, rows, cols = ground.low.shape
    area = float(rows * cols)
    after = select(az + 1.0 >= azimuths, 0.0, az + 1.0)
    here, there = whole(az * area + cell), whole(after * area + cell)
    store(notes, first, at, pick_of(ground.low, ground.middle, ground.high, layer, here))
    store(notes, first + 1, at, pick_of(ground.low, ground.middle, ground.high, layer, there))


@forced_kernel
def _above(notes: Floats, at: int, first: int, local: Any, weight: Any) -> Any:
    """Return how far [deg] bodies stand above the horizons that were looked up."""
    return local - 0.001 * ((1.0 - weight) * load(notes, first, at) + weight * load(notes, first + 1, at))


@forced_kernel
def _sees(notes: Floats, at: int, first: int, local: Any, weight: Any) -> Any:
    return (local > HIGHEST_DEG) | ((local >= -HIGHEST_DEG) & (_above(notes, at, first, local, weight) >= 0.0))


@forced_kernel
def _rates(spec: Floats, at: int, power: Any, top: int, lower: int) -> Any:
    return rate_at(
        power, load(spec, top, at), load(spec, lower, at), load(spec, lower + 1, at), load(spec, lower + 2, at)
    )


@forced_kernel
def _local_rates(notes: Floats, at: int, x: Any, y: Any, place_x: int, spec: Floats) -> Any:
    """Return the rates [Mbit/s] of local radios to a place on the ground."""
    to_x, to_y = load(notes, place_x, at) - x, load(notes, place_x + 1, at) - y
    full = load(spec, c.RANGE_STATION, at)
    rate = _rates(spec, at, received(full, to_x * to_x + to_y * to_y), c.RATE_STATION, c.STATION_STEPS)
    return select(full <= 0.0, 0.0, rate)


@forced_kernel
def look(
    f: Floats, i: Ints, at: int, notes: Floats, spec: Floats, station: int, mast: int, ground: GroundLayers, seen: Bools
) -> None:
    """Set LIT and LINK of the robots in lanes ``at`` to ``at + 8``, and note their rates and the cosine of the Sun to their panels.

    ``seen`` bool [V, rows, cols] are viewsheds.
    """
    activity = load(i, s.ACTIVITY, at)
    alive = activity != s.LOST
    deaf = (load(i, s.FAULTS, at) & (1 << s.COMM)) != 0
    orbiter = load(spec, c.IS_ORBITER, at) > 0.0
    here = alive & ~orbiter
    rows, cols = ground.slope.shape
    azimuths = ground.low.shape[0]
    x, y = load(f, s.X, at), load(f, s.Y, at)
    dx, dy = x - ground.frame[CENTRE_X], y - ground.frame[CENTRE_Y]
    row, col, _ = cells(ground.frame, x, y, rows, cols)
    cell = row * cols + col
    sun_at, sun_w = _azimuths(load(notes, n.SKY + s.SUN_AZ, at), azimuths)
    earth_at, earth_w = _azimuths(load(notes, n.SKY + s.EARTH_AZ, at), azimuths)
    relay_at, relay_w = _azimuths(load(notes, n.SKY + s.RELAY_AZ, at), azimuths)
    moved = cell != load(notes, n.CELL, at)
    stale = here & (moved | (sun_at != load(notes, n.SUN_AT, at)) | (earth_at != load(notes, n.EARTH_AT, at)))
    talks = here & (load(spec, c.RATE_RELAY, at) > 0.0)
    relay_up = talks & (load(notes, n.SKY + s.RELAY_EL, at) > NO_RELAY_DEG)
    stale_relay = relay_up & (moved | (relay_at != load(notes, n.RELAY_AT, at)))
    radio = load(spec, c.RADIO_LAYER, at)
    if some(stale | stale_relay):
        store(notes, n.CELL, at, cell)
        store(notes, n.RELAY_AT, at, select(relay_up, relay_at, -1.0))
    if some(stale_relay):
        _look_up(notes, at, n.RELAY_A, radio, relay_at, cell, ground)
    if some(stale):
        store(notes, n.SUN_AT, at, sun_at)
        store(notes, n.EARTH_AT, at, earth_at)
        _look_up(notes, at, n.SUN_A, load(spec, c.LIGHT_LAYER, at), sun_at, cell, ground)
        _look_up(notes, at, n.EARTH_A, radio, earth_at, cell, ground)
        area = float(rows * cols)
        if station >= 0:
            store(notes, n.STATION_SEES, at, pick(seen, whole(load(notes, n.STATION_VIEW, at) * area + cell)))
        if mast >= 0:
            store(notes, n.MAST_SEES, at, pick(seen, whole(load(notes, n.MAST_VIEW, at) * area + cell)))

    local = load(notes, n.SKY + s.SUN_EL, at)
    local = local + (dx * load(notes, n.SKY + s.SUN_EAST, at) + dy * load(notes, n.SKY + s.SUN_NORTH, at))
    clear = _above(notes, at, n.SUN_A, local, sun_w)
    height = clear / load(notes, n.SKY + s.SUN_RADIUS, at)
    whole_or_none = select(orbiter | (height >= 1.0), 1.0, 0.0)
    store(f, s.LIT, at, select(alive, whole_or_none, load(f, s.LIT, at)))
    edge = mask(here & (height > -1.0) & (height < 1.0))
    if edge:
        store(notes, n.CLEAR, at, clear)
        for k in range(8):
            if edge & (1 << k):
                f[s.LIT, at + k] = disc_lit(notes[n.CLEAR, at + k], 0.0, notes[n.SKY + s.SUN_RADIUS, at + k])
    kind = load(spec, c.PANEL, at)
    turned = here & (kind > 0.0) & (load(f, s.LIT, at) > 0.0)
    cosine = splat(1.0)
    if some(turned):
        facing = panel_cosine(
            kind, load(notes, n.SKY + s.SUN_AZ, at), local, load(spec, c.PANEL_TILT, at),
            load(spec, c.PANEL_FACING, at), load(f, s.HEADING, at),
        )  # fmt: skip
        cosine = select(turned, facing, cosine)
    store(notes, n.COSINE, at, cosine)

    # who is heard, and how fast
    link = splat(0)
    robot = load(notes, n.ROBOT, at)
    near = here & ~deaf & (load(spec, c.RATE_STATION, at) > 0.0) & (robot != float(station))
    heard = near & (load(notes, n.STATION_SEES, at) > 0.0) & (load(notes, n.STATION_HEARS, at) > 0.0)
    rate = select(heard, _local_rates(notes, at, x, y, n.STATION_X, spec), 0.0)
    store(notes, n.TO_STATION, at, rate)
    link = link | select(rate > 0.0, BIT_STATION, 0)
    heard = near & (robot != float(mast)) & (load(notes, n.MAST_SEES, at) > 0.0) & (load(notes, n.MAST_HEARS, at) > 0.0)
    rate = select(heard, _local_rates(notes, at, x, y, n.MAST_X, spec), 0.0)
    store(notes, n.TO_MAST, at, rate)
    link = link | select(rate > 0.0, BIT_MAST, 0)
    local = load(notes, n.SKY + s.RELAY_EL, at)
    local = local + (dx * load(notes, n.SKY + s.RELAY_EAST, at) + dy * load(notes, n.SKY + s.RELAY_NORTH, at))
    heard = relay_up & ~deaf & (load(notes, n.RELAY_HEARS, at) > 0.0) & _sees(notes, at, n.RELAY_A, local, relay_w)
    away = load(notes, n.SKY + s.RELAY_M, at)
    power = received(load(spec, c.RELAY_FULL, at), away * away)
    rate = select(heard, _rates(spec, at, power, c.RATE_RELAY, c.RELAY_STEPS), 0.0)
    store(notes, n.TO_RELAY, at, rate)
    link = link | select(rate > 0.0, BIT_RELAY, 0)
    local = load(notes, n.SKY + s.EARTH_EL, at)
    local = local + (dx * load(notes, n.SKY + s.EARTH_EAST, at) + dy * load(notes, n.SKY + s.EARTH_NORTH, at))
    top = load(spec, c.RATE_EARTH, at)
    heard = here & ~deaf & (top > 0.0) & _sees(notes, at, n.EARTH_A, local, earth_w)
    away = load(notes, n.SKY + s.EARTH_M, at)
    power = received(load(spec, c.EARTH_FULL, at), away * away)
    rate = select(heard, _rates(spec, at, power, c.RATE_EARTH, c.EARTH_STEPS), 0.0)
    rate = select(orbiter & ~deaf, top, rate)
    store(notes, n.TO_EARTH, at, rate)
    link = link | select(rate > 0.0, BIT_EARTH, 0)
    store(i, s.LINK, at, select(alive, link & ~load(i, s.CUT, at), load(i, s.LINK, at)))
