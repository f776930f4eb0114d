"""A robot of the catalogue on a site, made into an excursion that `moonfleet.autonomy.excursion_plan` can plan.

The same laws as the World's: pace by `drive_cost`, panels by `panel_w`, charging losses (taken from all sunlight, which is
careful), heat in the dark by the lumped thermal node held at its limit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.errors import NoLitWindow, NoRoute
from moonfleet.autonomy.excursion_model import ExcursionProblem, FaultLaw, RoverPower
from moonfleet.autonomy.roadmap import grid_roadmap
from moonfleet.autonomy.search import distance_field
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.light import lit_series
from moonfleet.terrain.site import Site

from .catalogue import RobotSpec
from .power import panel_share, panel_w
from .thermal import ENV_DARK_K, HEATER_MARGIN_K
from .travel import site_cost

HOUR_S = 3600.0  # [s]
SPREAD = 1.15  # [-] ways up to this much longer than the shortest are on the roadmap
MARGIN_S = 1_200.0  # [s] and this much more


class SiteExcursion(NamedTuple):
    """An excursion on a site; ``start`` and ``target`` are places of the problem's roadmap."""

    problem: ExcursionProblem
    start: int
    target: int


def rover_power(spec: RobotSpec, flux_w_m2: float, work_w: float = 0.0) -> RoverPower:
    """Return battery and loads of a robot in the dark; the panels face a Sun of ``flux_w_m2``, ``work_w`` is a tool's load."""
    cold_w = spec.conductance_w_k * (spec.temp_op_min_k + HEATER_MARGIN_K - ENV_DARK_K)
    heater_w = min(max(cold_w - spec.heat_share * spec.idle_w - spec.rhu_w, 0.0), spec.heater_w)
    idle_w = spec.idle_w + heater_w
    return RoverPower(
        capacity_wh=spec.battery_wh,
        reserve_wh=spec.reserve_frac * spec.battery_wh,
        solar_w=spec.charge_efficiency * panel_w(spec.solar_w_1au, flux_w_m2, 1.0, panel_share(spec)),
        drive_w=idle_w + spec.drive_w,
        idle_w=idle_w,
        fault_w=idle_w,
        work_w=idle_w + work_w,
    )


def site_pace(site: Site, spec: RobotSpec) -> NDArray[np.float32]:
    """Return the seconds per metre of a robot on a site, float32 [R, C], inf where it cannot go."""
    return site_cost(site, DriveLimits(spec.max_slope_deg, spec.speed_m_s))


def site_excursion(
    site: Site,
    spec: RobotSpec,
    faults: FaultLaw,
    t0: float,
    horizon_h: float,
    target_rc: tuple[int, int],
    *,
    work_w: float = 0.0,
    haven_lit: float = 0.5,
    haven_h: float = 2.0,
    step_s: float = 600.0,
) -> SiteExcursion:
    """Return the excursion from the lit ground nearest (by driving) to a cell, there and back.

    Parameters
    ----------
    t0 : the excursion's time 0, seconds of TDB past J2000.
    target_rc : cell (row, col) where the work is.
    work_w : load of the tool [W], beside idling.
    haven_lit, haven_h : havens are the cells whose share of the Sun's disc never falls below ``haven_lit`` until ``haven_h``
        after the horizon. The roadmap holds the ground between start and target.

    Raises
    ------
    NoLitWindow : no cell is lit that long.
    NoRoute : none of them can be reached from the target.
    GoalOutside, GoalBlocked : the target is off the site, or on ground the robot may not drive on.
    """
    pace, ref = site_pace(site, spec), site.ref
    from_target = distance_field(pace, target_rc, ref.cell_m)
    rows, cols = np.nonzero(np.isfinite(from_target))
    times = t0 + np.arange(int(np.ceil(horizon_h + haven_h)) + 2) * HOUR_S
    lit = lit_series(ref, site.horizon, site.sky, rows, cols, times)
    haven: NDArray[np.bool_] = np.asarray((lit >= haven_lit).all(axis=1))
    if not haven.any():
        raise NoLitWindow(
            f"no cell that can be reached from {target_rc} stays lit ({haven_lit:g} of the Sun's disc) for "
            f"{horizon_h + haven_h:g} h; choose another time, a shorter horizon or a lower haven_lit."
        )
    nearest = int(np.flatnonzero(haven)[np.argmin(from_target[rows[haven], cols[haven]])])
    start_rc = (int(rows[nearest]), int(cols[nearest]))
    from_start = distance_field(pace, start_rc, ref.cell_m)
    shortest = float(from_target[start_rc])
    if shortest == 0.0:
        raise NoRoute(f"target {target_rc} is itself lit ground; an excursion needs a target in the dark.")
    part = from_start + from_target <= SPREAD * shortest + MARGIN_S
    roadmap = grid_roadmap(pace, ref.cell_m, part)
    number = np.full(ref.shape, -1, np.int64)
    number[rows, cols] = np.arange(rows.size)
    of_place = number[roadmap.cells[:, 0], roadmap.cells[:, 1]]
    flux = float(np.min(site.sky.sample(times).flux_w_m2))
    problem = ExcursionProblem(
        roadmap,
        np.ascontiguousarray(lit[of_place].T),
        HOUR_S,
        rover_power(spec, flux, work_w),
        faults,
        np.flatnonzero(haven[of_place]).astype(np.int64),
        horizon_h * HOUR_S,
        haven_lit,
        haven_h,
        step_s,
    )
    return SiteExcursion(problem, roadmap.place_of(*start_rc), roadmap.place_of(*target_rc))
