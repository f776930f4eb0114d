"""An excursion on a real site: havens are lit, the target is dark, the loads are those of the catalogue."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.excursion_problem import rover_power, site_excursion, site_pace
from moonfleet.autonomy.errors import GoalOutside, NoLitWindow
from moonfleet.autonomy.excursion_model import FaultLaw, check_problem
from moonfleet.autonomy.excursion_plan import plan_excursion
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.light import lit_series
from moonfleet.terrain.site import Site

LAW = FaultLaw(0.05, (1.0,), (2.0,), (True,))
T0 = utc_to_tdb("2029-01-12T00:00:00Z")


def test_loads_are_those_of_the_catalogue() -> None:
    spec = robot_spec("viper-rover")
    power = rover_power(spec, 1361.0, work_w=90.0)
    assert power.capacity_wh == spec.battery_wh
    assert power.reserve_wh == pytest.approx(1000.0)
    assert 0.0 <= power.idle_w - spec.idle_w <= spec.heater_w
    assert power.drive_w == pytest.approx(power.idle_w + spec.drive_w)
    assert power.work_w == pytest.approx(power.idle_w + 90.0)
    assert power.solar_w == pytest.approx(0.95 * spec.solar_w_1au, rel=0.03)  # a year's dust


def test_an_excursion_on_real_ground(small_site: Site) -> None:
    spec, pace = robot_spec("viper-rover"), site_pace(small_site, robot_spec("viper-rover"))
    cells = np.argwhere(np.isfinite(pace))[::37]
    light = lit_series(
        small_site.ref, small_site.horizon, small_site.sky, cells[:, 0], cells[:, 1], T0 + 3600.0 * np.arange(13)
    )
    row, col = cells[int(np.flatnonzero(light.max(axis=1) == 0.0)[0])].tolist()
    trip = site_excursion(small_site, spec, LAW, T0, 10.0, (row, col), step_s=900.0)
    problem = trip.problem
    check_problem(problem)
    assert problem.light[:, trip.target].max() == 0.0
    assert problem.light[:, problem.havens].min() >= problem.haven_lit
    assert trip.start in problem.havens
    assert np.isfinite(pace[problem.roadmap.cells[:, 0], problem.roadmap.cells[:, 1]]).all()
    plan = plan_excursion(problem, 0.2, trip.start, trip.target, np.array([1800.0, 3600.0]))
    assert plan.trace.safe
    assert plan.loss <= 0.2


def test_what_cannot_be_an_excursion(small_site: Site) -> None:
    spec = robot_spec("viper-rover")
    with pytest.raises(GoalOutside):
        site_excursion(small_site, spec, LAW, T0, 10.0, (500, 3))
    free = np.argwhere(np.isfinite(site_pace(small_site, spec)))[0]
    with pytest.raises(NoLitWindow, match="haven_lit"):
        site_excursion(small_site, spec, LAW, T0, 700.0, (int(free[0]), int(free[1])), haven_lit=1.0)
