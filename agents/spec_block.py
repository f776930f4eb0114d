"""The catalogue's numbers as the kernel reads them: float64 [rows, R], constants of a tick worked out once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.constants import DAY_S
from moonfleet.terrain.soil import LEVEL_SLIP, SLIP_PER_DEG2

from .catalogue import RobotSpec
from .faults import FAR_S
from .state import SUBSYSTEMS, Subsystem

YEAR_S = 365.25 * DAY_S  # [s] Julian year

# rows that are the catalogue's own numbers
SPEC_FIELDS = (
    "speed_m_s", "max_slope_deg", "drive_w", "idle_w", "hibernate_w", "comm_w", "battery_wh", "solar_w_1au",
    "heat_capacity_j_k", "conductance_w_k", "radiator_w_k", "sun_absorb_m2", "heat_share", "heater_w", "rhu_w",
    "temp_op_min_k", "temp_survive_k", "storage_mbit", "rate_station_mbps", "rate_relay_mbps", "rate_earth_mbps",
    "range_station_m", "hop_wh", "relay_full_m", "earth_full_m", "charge_efficiency", "cold_loss_per_k",
    "panel_tilt_deg", "panel_facing_deg", "embed_slip", "trap_per_m",
)  # fmt: skip
SPEED, MAX_SLOPE, DRIVE_W, IDLE_W, HIBERNATE_W, COMM_W, CAPACITY, SOLAR_1AU = range(8)
HEAT_CAPACITY, CONDUCTANCE, RADIATOR, ABSORB, HEAT_SHARE, HEATER_W, RHU_W = range(8, 15)
TEMP_OP, TEMP_SURVIVE, STORAGE, RATE_STATION, RATE_RELAY, RATE_EARTH = range(15, 21)
RANGE_STATION, HOP_WH, RELAY_FULL, EARTH_FULL, CHARGE_EFF, COLD_LOSS = range(21, 27)
PANEL_TILT, PANEL_FACING, EMBED_SLIP, TRAP_PER_M = range(27, 31)
# rows that are worked out
IS_ORBITER, PANEL, TIP_TAN2, EMBED_GRADE, TRAPPED_LIMIT, DUST_TICK, DUST_M = range(31, 38)
CHARGE_MAX, DISCHARGE_MAX, FADE_TICK, FADE_WH, COOL_SHUT = range(38, 43)
LIGHT_LAYER, RADIO_LAYER = range(43, 45)
STATION_STEPS, RELAY_STEPS, EARTH_STEPS = 45, 48, 51  # three rows each: lower rates of the tables, fastest first
FAILS, REPAIR_S, HELP = 54, 59, 64  # five rows each: mean seconds to a failure, to its repair, share that needs help
SPEC_ROWS = 69

PANELS = ("tracking", "fixed", "level", "upright")
TRACKING, FIXED, LEVEL, UPRIGHT = range(4)
STEPS = 3  # lower rates that a table may have


def spec_block(
    specs: Sequence[RobotSpec], tick_s: float, faults: bool, light_layers: Sequence[int], radio_layers: Sequence[int]
) -> NDArray[np.float64]:
    """Return the machines as float64 [69, R]; layers are the indices of the horizons that panels and antennas stand at."""
    block = np.zeros((SPEC_ROWS, len(specs)))
    for r, spec in enumerate(specs):
        row = block[:, r]
        row[: len(SPEC_FIELDS)] = [getattr(spec, name) for name in SPEC_FIELDS]
        row[IS_ORBITER] = 1.0 if spec.role == "orbiter" else 0.0
        row[PANEL] = PANELS.index(spec.panel)
        row[TIP_TAN2] = math.tan(math.radians(spec.tip_slope_deg)) ** 2
        row[EMBED_GRADE] = embed_grade_deg(spec.embed_slip)
        row[TRAPPED_LIMIT] = spec.trapped_h * 3600.0
        row[DUST_TICK] = spec.dust_ug_cm2_yr * tick_s / YEAR_S
        row[DUST_M] = spec.dust_ug_cm2_km / 1000.0
        row[CHARGE_MAX] = spec.charge_c * spec.battery_wh * tick_s / 3600.0
        row[DISCHARGE_MAX] = spec.discharge_c * spec.battery_wh * tick_s / 3600.0
        row[FADE_TICK] = spec.fade_per_year * tick_s / YEAR_S
        row[FADE_WH] = spec.fade_per_cycle / (2.0 * spec.battery_wh)
        row[COOL_SHUT] = math.exp(-spec.conductance_w_k * tick_s / spec.heat_capacity_j_k)
        row[LIGHT_LAYER], row[RADIO_LAYER] = light_layers[r], radio_layers[r]
        for first, steps in (
            (STATION_STEPS, spec.station_steps_mbps), (RELAY_STEPS, spec.relay_steps_mbps),
            (EARTH_STEPS, spec.earth_steps_mbps),
        ):  # fmt: skip
            row[first : first + len(steps)] = sorted(steps, reverse=True)
        for k in range(SUBSYSTEMS):
            law = getattr(spec.faults, Subsystem(k).name.lower())
            row[FAILS + k] = 3600.0 / law.per_h if faults and law.per_h > 0 else FAR_S
            row[REPAIR_S + k] = law.repair_h * 3600.0
            row[HELP + k] = law.help_share
    return block


def embed_grade_deg(embed_slip: float) -> float:
    """Return the grade [deg] above which wheels slip more than ``embed_slip``; -90 where they do so on the level."""
    if embed_slip < LEVEL_SLIP:
        return -90.0
    return math.sqrt((embed_slip - LEVEL_SLIP) / SLIP_PER_DEG2)
