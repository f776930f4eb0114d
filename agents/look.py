"""What a robot sees of the sky and of the others at the start of a tick: light on its panel, and who can be reached how fast."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.horizon import azimuth_bin, horizon_between
from moonfleet.terrain.kernel import inlined_kernel, leaf_kernel
from moonfleet.terrain.light import disc_lit, tilt_towards

from . import spec_block as c
from . import state as s
from .ground import GroundLayers
from .links import BIT_EARTH, BIT_MAST, BIT_RELAY, BIT_STATION, rate_at, received
from .mobility import CENTRE_X, CENTRE_Y, cell_index
from .power import panel_cosine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HIGHEST_DEG = 33.0  # [deg] no horizon stands higher: they are kept in 16 bits of a thousandth


class Aim(NamedTuple):
    """A body of the sky as all robots of a world see it in one tick."""

    el_deg: float  # over the middle of the site
    east: float  # deg higher per metre east of the middle
    north: float  # deg per metre north
    first: int  # azimuths of the horizon that it stands between
    second: int
    weight: float  # 0..1 from the first to the second


@leaf_kernel
def aim(az_deg: float, el_deg: float, azimuths: int) -> Aim:
    """Return a body at (az, el) of the middle, ready for `above`."""
    east, north = tilt_towards(az_deg)
    first, second, weight = azimuth_bin(azimuths, az_deg)
    return Aim(el_deg, east, north, first, second, weight)


@leaf_kernel
def above(millideg: NDArray[np.int16], row: int, col: int, local_deg: float, body: Aim) -> float:
    """Return how far [deg] a body at elevation ``local_deg`` stands above the horizon of a cell; as `light.clearance_deg`."""
    return local_deg - horizon_between(millideg, row, col, body.first, body.second, body.weight)


@leaf_kernel
def listens(f: Floats, i: Ints, r: int) -> bool:
    """Whether a robot's radio is on and works."""
    activity = i[s.ACTIVITY, r]
    asleep = activity == s.HIBERNATE or activity == s.LOST or activity == s.HOP
    return not asleep and not (i[s.FAULTS, r] & (1 << s.COMM))


@inlined_kernel
def look(
    f: Floats, i: Ints, r: int, sky: Floats, sun: Aim, earth: Aim, relay: Aim, spec: Floats, station: int, mast: int,
    orbiter: int, ground: GroundLayers, station_view: NDArray[np.bool_], mast_view: NDArray[np.bool_], rates: Floats,
) -> float:  # fmt: skip
    """Set LIT and LINK of one robot, and its row of ``rates`` float64 [R, 4] to station, relay, Earth and mast [Mbit/s].

    Returns the cosine between its panel's normal and the Sun.
    """
    deaf = i[s.FAULTS, r] & (1 << s.COMM)
    for k in range(4):
        rates[r, k] = 0.0
    link = 0
    if spec[c.IS_ORBITER, r] > 0.0:
        f[s.LIT, r] = 1.0
        if spec[c.RATE_EARTH, r] > 0.0 and not deaf:
            link = BIT_EARTH
            rates[r, 2] = spec[c.RATE_EARTH, r]
        i[s.LINK, r] = link & ~i[s.CUT, r]
        return 1.0
    x, y = f[s.X, r], f[s.Y, r]
    dx, dy = x - ground.frame[CENTRE_X], y - ground.frame[CENTRE_Y]
    rows, cols = ground.slope.shape
    row, col = cell_index(ground.frame, x, y, rows, cols)
    local = sun.el_deg + (dx * sun.east + dy * sun.north)
    layer = spec[c.LIGHT_LAYER, r]
    if layer == 0.0:
        clear = above(ground.low, row, col, local, sun)
    elif layer == 1.0:
        clear = above(ground.middle, row, col, local, sun)
    else:
        clear = above(ground.high, row, col, local, sun)
    f[s.LIT, r] = disc_lit(clear, 0.0, sky[s.SUN_RADIUS])
    cosine = 1.0
    if spec[c.PANEL, r] > 0.0 and f[s.LIT, r] > 0.0:
        cosine = panel_cosine(
            int(spec[c.PANEL, r]), sky[s.SUN_AZ], local, spec[c.PANEL_TILT, r], spec[c.PANEL_FACING, r],
            f[s.HEADING, r],
        )  # fmt: skip
    if deaf:
        i[s.LINK, r] = 0
        return cosine
    if spec[c.RATE_STATION, r] > 0.0 and r != station:
        if station >= 0 and station_view[row, col] and listens(f, i, station):
            rates[r, 0] = _local_rate(f, r, station, spec)
            link |= BIT_STATION if rates[r, 0] > 0.0 else 0
        if mast >= 0 and r != mast and mast_view[row, col] and listens(f, i, mast):
            rates[r, 3] = _local_rate(f, r, mast, spec)
            link |= BIT_MAST if rates[r, 3] > 0.0 else 0
    layer = spec[c.RADIO_LAYER, r]
    if spec[c.RATE_RELAY, r] > 0.0 and relay.el_deg > -90.0 and (orbiter < 0 or listens(f, i, orbiter)):
        local = relay.el_deg + (dx * relay.east + dy * relay.north)
        if _clear(ground, layer, row, col, local, relay):
            power = received(spec[c.RELAY_FULL, r], sky[s.RELAY_M] * sky[s.RELAY_M])
            rates[r, 1] = _step(spec, r, power, c.RATE_RELAY, c.RELAY_STEPS)
            link |= BIT_RELAY if rates[r, 1] > 0.0 else 0
    if spec[c.RATE_EARTH, r] > 0.0:
        local = earth.el_deg + (dx * earth.east + dy * earth.north)
        if _clear(ground, layer, row, col, local, earth):
            power = received(spec[c.EARTH_FULL, r], sky[s.EARTH_M] * sky[s.EARTH_M])
            rates[r, 2] = _step(spec, r, power, c.RATE_EARTH, c.EARTH_STEPS)
            link |= BIT_EARTH if rates[r, 2] > 0.0 else 0
    i[s.LINK, r] = link & ~i[s.CUT, r]
    return cosine


@leaf_kernel
def _clear(ground: GroundLayers, layer: float, row: int, col: int, local_deg: float, body: Aim) -> bool:
    if local_deg > HIGHEST_DEG:
        return True
    if local_deg < -HIGHEST_DEG:
        return False
    if layer == 0.0:
        return above(ground.low, row, col, local_deg, body) >= 0.0
    if layer == 1.0:
        return above(ground.middle, row, col, local_deg, body) >= 0.0
    return above(ground.high, row, col, local_deg, body) >= 0.0


@leaf_kernel
def _local_rate(f: Floats, r: int, other: int, spec: Floats) -> float:
    """Return the rate [Mbit/s] of a robot's local radio to another place on the ground."""
    to_x, to_y = f[s.X, other] - f[s.X, r], f[s.Y, other] - f[s.Y, r]
    full = spec[c.RANGE_STATION, r]
    if full <= 0.0:
        return 0.0
    return _step(spec, r, received(full, to_x * to_x + to_y * to_y), c.RATE_STATION, c.STATION_STEPS)


@leaf_kernel
def _step(spec: Floats, r: int, power: float, top: int, lower: int) -> float:
    return rate_at(power, spec[top, r], spec[lower, r], spec[lower + 1, r], spec[lower + 2, r])
