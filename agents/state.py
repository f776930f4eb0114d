"""What the World knows about every robot: a struct of arrays, leading axis = world W, second axis = robot R.

All float fields live in one block ``float64[W, F, R]`` and all integer fields in one ``int64[W, I, R]``, so that the
kernel takes two arrays instead of forty and the numbers of a world lie together; `WorldState` is the same memory under names.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEG_POINTS = 64  # capacity of the polyline that a robot drives along before it must ask for the next leg


class Activity(IntEnum):
    """What a robot is doing during a tick."""

    HOLD = 0
    DRIVE = 1
    WORK = 2
    CHARGE = 3
    HIBERNATE = 4
    RELAY = 5
    HOP = 6
    LOST = 7


class Loss(IntEnum):
    """Why a robot is gone for good."""

    NONE = 0
    FROZEN = 1
    DEPLETED = 2
    TIPPED = 3
    ENTRAPPED = 4


class Link(IntEnum):
    """Bits of `WorldState.link`."""

    STATION = 1
    RELAY = 2
    EARTH = 4
    MAST = 8


class Subsystem(IntEnum):
    """What can fail; bit ``1 << k`` of `WorldState.faults` says that subsystem k is down."""

    MOBILITY = 0
    POWER = 1
    COMM = 2
    PAYLOAD = 3
    THERMAL = 4


class WorldState(NamedTuple):
    """Views of the World's memory; read them freely, write only through the World's methods."""

    # floats
    x: Floats  # [W, R] m, polar stereographic
    y: Floats  # [W, R] m
    heading_deg: Floats  # [W, R] grid azimuth of the last move
    battery_wh: Floats  # [W, R] 0..capacity
    temp_k: Floats  # [W, R] the lumped node
    lit: Floats  # [W, R] share of the Sun's disc seen at the start of the last tick
    solar_w: Floats  # [W, R] panel power in the last tick
    load_w: Floats  # [W, R] mean electrical load served in the last tick
    data_mbit: Floats  # [W, R] stored on board
    odometer_m: Floats  # [W, R] driven, cumulative
    worked_s: Floats  # [W, R] productive seconds since the last set_activity(WORK)
    energy_in_wh: Floats  # [W, R] solar energy that reached loads or the battery, cumulative
    energy_out_wh: Floats  # [W, R] energy the loads took, cumulative
    generated_mbit: Floats  # [W, R] measured, cumulative
    sent_mbit: Floats  # [W, R] sent off this robot, cumulative (a station's own data and what it passes on)
    dropped_mbit: Floats  # [W, R] measured while the store was full, cumulative
    work_w: Floats  # [W, R] tool power while WORK
    data_mbps: Floats  # [W, R] data rate while WORK
    hop_x: Floats  # [W, R] m, where a hop ends
    hop_y: Floats  # [W, R] m
    dust_ug_cm2: Floats  # [W, R] on the panel
    fade: Floats  # [W, R] share of the battery's capacity lost to age
    wake_frac: Floats  # [W, R] charge at which a hibernating robot wakes by itself, 0 = never
    trapped_s: Floats  # [W, R] time since it got stuck
    trap_left: Floats  # [W, R] hazard of getting stuck that is left of the one drawn
    operating_s: Floats  # [W, R] time awake, cumulative
    next_fault_s: Floats  # [W, R] operating time of the next failure or repair
    mobility_at_s: Floats  # [W, R] operating time at which each subsystem fails or is repaired next
    power_at_s: Floats  # [W, R]
    comm_at_s: Floats  # [W, R]
    payload_at_s: Floats  # [W, R]
    thermal_at_s: Floats  # [W, R]
    made_wh: Floats  # [W, R] what the panel could give, cumulative
    charge_loss_wh: Floats  # [W, R] lost in charging, cumulative
    dumped_wh: Floats  # [W, R] sunlight that neither load nor battery took, cumulative
    faded_wh: Floats  # [W, R] charge lost where the ageing battery no longer held it, cumulative
    start_wh: Floats  # [W, R] charge at the start
    received_mbit: Floats  # [W, R] taken over from others into the own store, cumulative
    # integers
    activity: Ints  # [W, R] Activity
    loss: Ints  # [W, R] Loss
    link: Ints  # [W, R] bits of Link: who could be talked to at the start of the last tick
    blocked: Ints  # [W, R] 1 = the leg ended early: ground too steep, outside the site, stuck, or drive out of order
    brownouts: Ints  # [W, R] times the battery forced a robot into HIBERNATE
    hops_left: Ints  # [W, R]
    hop_ticks: Ints  # [W, R] ticks until a hop lands
    leg_next: Ints  # [W, R] index of the leg point ahead
    leg_size: Ints  # [W, R] points in the leg, 0 = none
    cut: Ints  # [W, R] bits of Link that are down by decree, whatever sky and ground allow
    faults: Ints  # [W, R] bits: subsystems that are down
    trapped: Ints  # [W, R] 1 = stuck in the soil
    traps: Ints  # [W, R] times it got stuck
    mobility_draws: Ints  # [W, R] numbers drawn so far for each subsystem
    power_draws: Ints  # [W, R]
    comm_draws: Ints  # [W, R]
    payload_draws: Ints  # [W, R]
    thermal_draws: Ints  # [W, R]


FLOATS = 38
FLOAT_FIELDS = WorldState._fields[:FLOATS]
INT_FIELDS = WorldState._fields[FLOATS:]

# rows of the float block, for the kernel
X, Y, HEADING, BATTERY, TEMP, LIT, SOLAR, LOAD, DATA, ODOMETER = range(10)
WORKED, ENERGY_IN, ENERGY_OUT, GENERATED, SENT, DROPPED, WORK_W, DATA_MBPS, HOP_X, HOP_Y = range(10, 20)
DUST, FADE, WAKE, TRAPPED_S, TRAP_LEFT, OPERATING, NEXT_FAULT, FAULT_AT = range(20, 28)
MADE, CHARGE_LOSS, DUMPED, FADED, START, RECEIVED = range(32, 38)
# rows of the integer block
ACTIVITY, LOSS, LINK, BLOCKED, BROWNOUTS, HOPS_LEFT, HOP_TICKS, LEG_NEXT, LEG_SIZE, CUT = range(10)
FAULTS, TRAPPED, TRAPS, FAULT_DRAWS = range(10, 14)
# activities and losses as plain integers, which the kernel compiles faster than enum members
HOLD, DRIVE, WORK, CHARGE, HIBERNATE, RELAY, HOP, LOST = range(8)
NONE, FROZEN, DEPLETED, TIPPED, ENTRAPPED = range(5)
MOBILITY, POWER, COMM, PAYLOAD, THERMAL = range(5)
SUBSYSTEMS = 5

# rows of the world's stores [3, W], Mbit
ARCHIVE, STATION_STORE, RELAY_STORE = range(3)

# columns of the sky block [W, ticks, columns]
SKY_COLUMNS = (
    "sun_az_deg",
    "sun_el_deg",
    "sun_radius_deg",
    "flux_w_m2",
    "earth_az_deg",
    "earth_el_deg",
    "relay_az_deg",
    "relay_el_deg",
    "earth_m",
    "relay_m",
    "rhu_share",
    # by how many degrees each stands higher per metre east and per metre north of the middle
    "sun_east",
    "sun_north",
    "earth_east",
    "earth_north",
    "relay_east",
    "relay_north",
)
SUN_AZ, SUN_EL, SUN_RADIUS, FLUX, EARTH_AZ, EARTH_EL, RELAY_AZ, RELAY_EL, EARTH_M, RELAY_M, RHU_SHARE = range(11)
SUN_EAST, SUN_NORTH, EARTH_EAST, EARTH_NORTH, RELAY_EAST, RELAY_NORTH = range(11, 17)


def state_views(floats: Floats, ints: Ints) -> WorldState:
    """Name the rows of ``floats`` [W, 38, R] and ``ints`` [W, 18, R] without copying."""
    rows: list[Any] = [floats[:, k] for k in range(FLOATS)]  # of both types, in the order of the fields
    return WorldState(*rows, *(ints[:, k] for k in range(ints.shape[1])))
