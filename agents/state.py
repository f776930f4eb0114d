"""What the World knows about every robot: a struct of arrays, leading axis = world W, second axis = robot R.

All float fields live in one block ``float64[F, W, R]`` and all integer fields in one ``int64[I, W, R]``, so that the
kernel takes two arrays instead of forty; `WorldState` is the same memory under names.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

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


class Link(IntEnum):
    """Bits of `WorldState.link`."""

    STATION = 1
    RELAY = 2
    EARTH = 4


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
    # integers
    activity: Ints  # [W, R] Activity
    loss: Ints  # [W, R] Loss
    link: Ints  # [W, R] bits of Link: who could be talked to at the start of the last tick
    blocked: Ints  # [W, R] 1 = the leg ended early at ground too steep or outside the site
    brownouts: Ints  # [W, R] times the battery forced a robot into HIBERNATE
    hops_left: Ints  # [W, R]
    hop_ticks: Ints  # [W, R] ticks until a hop lands
    leg_next: Ints  # [W, R] index of the leg point ahead
    leg_size: Ints  # [W, R] points in the leg, 0 = none


FLOAT_FIELDS = WorldState._fields[:20]
INT_FIELDS = WorldState._fields[20:]

# rows of the float block, for the kernel
X, Y, HEADING, BATTERY, TEMP, LIT, SOLAR, LOAD, DATA, ODOMETER = range(10)
WORKED, ENERGY_IN, ENERGY_OUT, GENERATED, SENT, DROPPED, WORK_W, DATA_MBPS, HOP_X, HOP_Y = range(10, 20)
# rows of the integer block
ACTIVITY, LOSS, LINK, BLOCKED, BROWNOUTS, HOPS_LEFT, HOP_TICKS, LEG_NEXT, LEG_SIZE = range(9)
# activities and losses as plain integers, which the kernel compiles faster than enum members
HOLD, DRIVE, WORK, CHARGE, HIBERNATE, RELAY, HOP, LOST = range(8)
NONE, FROZEN, DEPLETED, TIPPED = range(4)

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
)
SUN_AZ, SUN_EL, SUN_RADIUS, FLUX, EARTH_AZ, EARTH_EL, RELAY_AZ, RELAY_EL = range(8)

# rows of the specification block [S, R]: the catalogue's numbers that the physics reads
SPEC_FIELDS = (
    "speed_m_s", "max_slope_deg", "drive_w", "idle_w", "hibernate_w", "comm_w", "battery_wh", "solar_w_1au",
    "heat_capacity_j_k", "conductance_w_k", "radiator_w_k", "sun_absorb_m2", "heat_share", "heater_w", "rhu_w",
    "temp_op_min_k", "temp_survive_k", "storage_mbit", "rate_station_mbps", "rate_relay_mbps", "rate_earth_mbps",
    "range_station_m", "hop_wh",
)  # fmt: skip
SPEED, MAX_SLOPE, DRIVE_W, IDLE_W, HIBERNATE_W, COMM_W, CAPACITY, SOLAR_1AU = range(8)
HEAT_CAPACITY, CONDUCTANCE, RADIATOR, ABSORB, HEAT_SHARE, HEATER_W, RHU_W = range(8, 15)
TEMP_OP, TEMP_SURVIVE, STORAGE, RATE_STATION, RATE_RELAY, RATE_EARTH = range(15, 21)
RANGE_STATION, HOP_WH, IS_ORBITER = range(21, 24)
SPEC_ROWS = 24


def state_views(floats: Floats, ints: Ints) -> WorldState:
    """Name the rows of ``floats`` [20, W, R] and ``ints`` [9, W, R] without copying."""
    return WorldState(*floats, *ints)
