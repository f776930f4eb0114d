"""What the light planner needs to know of a machine on a site: its power by light, and the light and links of the hours ahead.

The equations are the World's own (`power`, `thermal`, `moonfleet.autonomy.wheels`), taken on the safe side: the least light of each hour,
the weakest Sun of the period, a year's dust and age, every slope climbed straight up, motors at their rated power, and the heater that holds the operating
temperature in steady cold.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.lightplan_problem import LIT_STEPS, LightPower, LightProblem, LightRules
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.autonomy.wheels import mean_pace, speed_and_power
from moonfleet.terrain.light import lit_map
from moonfleet.terrain.site import Site

from .catalogue import RobotSpec
from .errors import RobotError
from .power import panel_share, panel_w
from .thermal import HEATER_MARGIN_K, conductance, surroundings_k
from .travel import site_cost

STEP_S: Final = 3600.0  # [s] of the planner
LOOKS: Final = 2  # times per step at which the light is looked at, both ends counted once
SLOPE_STEP_DEG: Final = 0.25  # [deg] step of the table of paces
MOST: Final = 2_000_000_000  # cells times hours of a problem: with the planner's tables some GB
POINT_DEG: Final = 1e-6  # [deg] radius of a disc that is as good as a point


def light_power(
    spec: RobotSpec, flux_w_m2: float, reserve_frac: float | None = None, extra_w: float = 0.0
) -> LightPower:
    """Return what a machine's battery gains or loses by lit share, standing awake and driving.

    Parameters
    ----------
    flux_w_m2
        Of the Sun.
    reserve_frac
        Share of the battery that is never touched; default: the machine's own.
    extra_w
        Load of instruments on top, at all times [W].
    """
    share = np.arange(LIT_STEPS + 1) / LIT_STEPS
    tables = [
        np.array([_net_w(spec, flux_w_m2, float(lit), load + extra_w) for lit in share])
        for load in (spec.idle_w, spec.idle_w + spec.drive_w)
    ]
    reserve = (spec.reserve_frac if reserve_frac is None else reserve_frac) * spec.battery_wh
    aged = spec.battery_wh * (1.0 - spec.fade_per_year)
    return LightPower(np.maximum.accumulate(tables[0]), np.maximum.accumulate(tables[1]), aged, reserve)


def light_problem(
    site: Site,
    spec: RobotSpec,
    t0: float,
    hours: int,
    rules: LightRules | None = None,
    *,
    reserve_frac: float | None = None,
    slower: float = 1.0,
    extra_w: float = 0.0,
    ticks: int = 0,
) -> LightProblem:
    """Return the planner's problem of a machine on a site from ``t0`` (s TDB past J2000) for so many hours.

    ``slower`` lengthens every crossing; the other parameters as `light_power` and `moonfleet.autonomy.lightplan_problem.LightProblem`.
    Memory: a byte per cell and hour, and a bit for the Earth; up to 2e9 cells times hours. Raises `RobotError` for a machine that does not
    drive, and for hours that are not whole, not above 0, or too many for the site.
    """
    if spec.speed_m_s <= 0.0:
        raise RobotError(
            f"{spec.kind}: speed_m_s = 0 in its catalogue file: a machine that does not drive has no route."
        )
    if not (hours > 0 and hours % 1 == 0):
        raise RobotError(f"hours: {hours}; must be a whole number above 0.")
    cells = site.ref.rows * site.ref.cols
    if cells * hours > MOST:
        raise RobotError(
            f"hours: {hours} on a site of {cells} cells; at most {MOST // cells}, so that cells times hours stay within {MOST:.0e}."
        )
    hours = int(hours)
    pace = climbing_pace(site, spec) * np.float32(slower)
    lit, earth = sky_ahead(site, t0, hours)
    flux = site.sky.sample(t0 + STEP_S * np.arange(hours + 1)).flux_w_m2
    power = light_power(spec, float(flux.min()), reserve_frac, extra_w)
    return LightProblem(pace, site.ref.cell_m, lit, power, rules or LightRules(), earth, STEP_S, ticks)


def climbing_pace(site: Site, spec: RobotSpec) -> NDArray[np.float32]:
    """Return seconds per metre of a machine that goes straight up every slope, float32 [R, C], inf where it may not drive.

    The planner's crossings do not know their heading, and `travel.site_cost` is their mean: a plan made with it comes late on climbs,
    where lateness costs most. Rocks lengthen the way as there.
    """
    limits = DriveLimits(spec.max_slope_deg, spec.speed_m_s)
    grades = np.arange(0.0, spec.max_slope_deg + SLOPE_STEP_DEG, SLOPE_STEP_DEG)
    steep = np.array([1.0 / speed_and_power(float(grade), spec.speed_m_s, spec.drive_w)[0] for grade in grades])
    longer = steep / mean_pace(grades, spec.speed_m_s)
    return (site_cost(site, limits) * np.interp(site.slope_deg, grades, longer)).astype(np.float32)


def sky_ahead(site: Site, t0: float, hours: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the least lit share of each hour, uint8 [hours, R, C] in 255ths, and who sees the Earth all through it, as bits."""
    rows, cols = site.ref.shape
    lit = np.full((hours, rows, cols), LIT_STEPS, dtype=np.uint8)
    earth = np.full((hours, rows, (cols + 7) // 8), 255, dtype=np.uint8)
    sky = site.sky.sample(t0 + STEP_S / LOOKS * np.arange(hours * LOOKS + 1))
    for look in range(hours * LOOKS + 1):
        share = lit_map(
            site.ref, site.horizon, float(sky.sun_az_deg[look]), float(sky.sun_el_deg[look]),
            float(sky.sun_radius_deg[look]),
        )  # fmt: skip
        light = np.floor(share * np.float32(LIT_STEPS) + np.float32(1e-3)).astype(np.uint8)
        for hour in {min(look // LOOKS, hours - 1), max((look - 1) // LOOKS, 0)}:
            np.minimum(lit[hour], light, out=lit[hour])
        seen = lit_map(site.ref, site.horizon, float(sky.earth_az_deg[look]), float(sky.earth_el_deg[look]), POINT_DEG)
        bits = np.packbits(seen >= 0.5, axis=1)
        for hour in {min(look // LOOKS, hours - 1), max((look - 1) // LOOKS, 0)}:
            earth[hour] &= bits
    return lit, earth


def _net_w(spec: RobotSpec, flux_w_m2: float, lit: float, load_w: float) -> float:
    """Return what goes into the battery, or with a minus comes out of it [W], while the node is held warm enough to work."""
    hold = spec.temp_op_min_k + HEATER_MARGIN_K
    loss = conductance(hold, spec.conductance_w_k, spec.radiator_w_k) * (hold - surroundings_k(flux_w_m2, lit))
    free = spec.rhu_w + spec.sun_absorb_m2 * flux_w_m2 * lit + spec.heat_share * load_w
    heater = min(max(loss - free, 0.0), spec.heater_w)
    net = panel_w(spec.solar_w_1au, flux_w_m2, lit, panel_share(spec)) - load_w - heater
    return spec.charge_efficiency * net if net > 0.0 else net
