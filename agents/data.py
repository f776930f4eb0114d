"""Where every bit is: measured on board, in the station's or the relay's store, in Earth's archive, or dropped. Scalar kernels.

What leaves one place arrives in another in the same tick, or stays. Within a tick robots send in fleet order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.forced_kernel import forced_kernel
from moonfleet.terrain.kernel import leaf_kernel
from moonfleet.terrain.lanes import least, most

from . import spec_block as c
from . import state as s
from . import tick_notes as n
from .links import BIT_MAST, BIT_RELAY, BIT_STATION, best_link

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@leaf_kernel
def measure(stored_mbit: float, new_mbit: float, capacity_mbit: float) -> tuple[float, float]:
    """Add new data to a store; return (stored, dropped) [Mbit]."""
    kept = least(new_mbit, most(capacity_mbit - stored_mbit, 0.0))
    return stored_mbit + kept, new_mbit - kept


@forced_kernel
def send(
    f: Floats, i: Ints, r: int, notes: Floats, spec: Floats, station: int, mast: int, orbiter: int, stores: Floats, w: int,
    dt_s: float, spare_wh: float, transmitter_w: float,
) -> float:  # fmt: skip
    """Send what one robot holds over its fastest link; return the transmitter's mean power [W] over the tick.

    All robots by their lanes; rates [Mbit/s] are those noted; ``stores`` float64 [3, W] Mbit, rows as in `state`. A store
    without room is no link. The station and the orbiter pass on their own data first, then their store. Nothing is sent
    unless ``spare_wh`` covers the transmitter.
    """
    held = f[s.DATA, r]
    store = -1
    if r == station:
        store = s.STATION_STORE
    elif r == orbiter:
        store = s.RELAY_STORE
    if held <= 0.0 and (store < 0 or stores[store, w] <= 0.0):
        return 0.0
    link = i[s.LINK, r]
    station_room = spec[c.STORAGE, station] - stores[s.STATION_STORE, w] if station >= 0 else 0.0
    relay_room = spec[c.STORAGE, orbiter] - stores[s.RELAY_STORE, w] if orbiter >= 0 else np.inf
    mast_room = spec[c.STORAGE, mast] - f[s.DATA, mast] if mast >= 0 else 0.0
    bit, rate = best_link(
        link,
        notes[n.TO_STATION, r] if station_room > 0.0 else 0.0,
        notes[n.TO_RELAY, r] if relay_room > 0.0 else 0.0,
        notes[n.TO_EARTH, r],
        notes[n.TO_MAST, r] if mast_room > 0.0 else 0.0,
    )
    if bit == 0:
        return 0.0
    budget = rate * dt_s
    room = budget
    if bit == BIT_STATION:
        room = min(budget, station_room)
    elif bit == BIT_RELAY:
        room = min(budget, relay_room)
    elif bit == BIT_MAST:
        room = min(budget, mast_room)
    own = min(held, room)
    passed_on = min(stores[store, w], room - own) if store >= 0 else 0.0
    sent = own + passed_on
    watts = transmitter_w * (sent / budget)
    if sent <= 0.0 or watts * dt_s / 3600.0 > spare_wh:
        return 0.0
    f[s.DATA, r] = held - own
    f[s.SENT, r] += sent
    if store >= 0:
        stores[store, w] -= passed_on
    if bit == BIT_STATION:
        stores[s.STATION_STORE, w] += sent
    elif bit == BIT_MAST:
        f[s.DATA, mast] += sent
        f[s.RECEIVED, mast] += sent
    elif bit == BIT_RELAY and orbiter >= 0:
        stores[s.RELAY_STORE, w] += sent
    else:
        stores[s.ARCHIVE, w] += sent
    return watts
